"""`StateGraph`: nodes, edges and branches are gathered here, and `compile()` makes a graph of them.

What the engine needs is decided in `freeze.py`, what is wrong is found in `validate.py`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeAlias, TypeVar, overload

from typing_extensions import TypeVar as DefaultTypeVar

from graphflow._blueprint import Blueprint, BranchSpec, NodeSpec
from graphflow._core.topology import UNNAMED
from graphflow._plain import ABSENT
from graphflow._signature import Signature, name_of, read_function
from graphflow._stops import stops_of
from graphflow.compiled import CompiledStateGraph
from graphflow.constants import END, START
from graphflow.errors import GraphValidationError, InvalidGraphError, quoted, shown
from graphflow.graph.ask import ask_of
from graphflow.graph.freeze import freeze
from graphflow.graph.given import (
    check_grace,
    check_reference,
    free_name,
    labelled,
    named,
    path_map_of,
)
from graphflow.graph.persist import persistence_of, types_of
from graphflow.schema import Schema, merge, read_schema, without_alias
from graphflow.types import Middleware, Reference
from graphflow.validate import findings

if TYPE_CHECKING:
    from graphflow.channels import Channel
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.registry import Registry
    from graphflow.managed import ManagedValue

__all__ = ("CompiledStateGraph", "StateGraph")

StateT = TypeVar("StateT")
ContextT = DefaultTypeVar("ContextT", default=None)
F = TypeVar("F", bound=Callable[..., Any])

Action: TypeAlias = Any
GRAPH: Final[Any] = CompiledStateGraph  # not narrowed to by type checkers: of any state
"""A node: a function of the state, sync or async, or an object with `invoke` or `ainvoke`."""


class StateGraph(Generic[StateT, ContextT]):
    """Builds a graph whose nodes share a state.

    Every key of the state is a channel; its annotation says how writes combine:
    `Annotated[list, operator.add]` joins them, a plain annotation keeps the last one.

    Args:
        state_schema: the state, a TypedDict or a dataclass.
        context_schema: what callers pass as `context=`; nodes find it in `Runtime`. A dict is
            made into an instance where this is a dataclass.
        input_schema: the keys a caller may give; all of the state unless said.
        output_schema: the keys that `invoke` returns; all of the state unless said.
        extra: `"ignore"` drops keys that no schema declares; `"forbid"` makes them an error.

    Raises:
        TypeError: if a schema is neither TypedDict nor dataclass.
        ValueError: if two schemas disagree about a key, or a reducer does not take two arguments.

    Example:
        >>> import operator
        >>> from typing import Annotated, TypedDict
        >>> class State(TypedDict):
        ...     log: Annotated[list[str], operator.add]
        >>> builder = StateGraph(State)
        >>> _ = builder.add_node("greet", lambda state: {"log": ["hello"]})
        >>> _ = builder.add_edge(START, "greet")
        >>> builder.compile().invoke({"log": ["start"]})
        {'log': ['start', 'hello']}
    """

    def __init__(
        self,
        state_schema: type[StateT],
        context_schema: type[ContextT] | None = None,
        *,
        input_schema: type[Any] | None = None,
        output_schema: type[Any] | None = None,
        extra: Literal["forbid", "ignore"] = "forbid",
    ) -> None:
        """Read the schemas."""
        if extra not in ("forbid", "ignore"):
            msg = f"extra must be 'forbid' or 'ignore', not {extra!r}"
            raise ValueError(msg)
        self._extra = extra
        self._context_schema = context_schema
        self._schemas: dict[Any, Schema] = {}
        self._channels: dict[str, Channel] = {}
        self._managed: dict[str, type[ManagedValue]] = {}
        self._schema = self._read(state_schema, "state_schema")
        self._input = self._read(input_schema or state_schema, "input_schema")
        self._output = self._read(output_schema or state_schema, "output_schema")
        for schema, given in ((self._input, input_schema), (self._output, output_schema)):
            if given is not None and given is not state_schema and schema.managed:
                msg = (
                    f"{given.__name__!r} has {quoted(schema.managed)}, which the engine fills in "
                    f"for nodes; it can be neither input nor output"
                )
                raise InvalidGraphError(msg)
        self._nodes: dict[str, NodeSpec] = {}
        self._edges: dict[tuple[Any, Any], None] = {}
        self._joins: dict[tuple[tuple[Any, ...], Any], None] = {}
        self._branches: dict[Any, dict[str, BranchSpec]] = {}

    def _read(self, cls: Any, role: str) -> Schema:  # noqa: ANN401 - checked when read
        """Read a state class once, and take in its channels."""
        cls = without_alias(cls)
        schema = self._schemas.get(cls) if isinstance(cls, Hashable) else None
        if schema is None:
            schema = read_schema(cls, role)
            merge(self._channels, schema)
            self._managed.update(schema.managed)
            self._schemas[cls] = schema
        return schema

    @overload
    def add_node(
        self,
        node: str,
        action: Action,
        *,
        defer: bool = False,
        metadata: Mapping[str, Any] | None = None,
        input_schema: type[Any] | None = None,
        destinations: Mapping[str, str] | Sequence[str] | None = None,
        inline: bool = False,
    ) -> Self: ...

    @overload
    def add_node(
        self,
        node: Callable[..., Any] | CompiledStateGraph[Any, Any],
        *,
        defer: bool = False,
        metadata: Mapping[str, Any] | None = None,
        input_schema: type[Any] | None = None,
        destinations: Mapping[str, str] | Sequence[str] | None = None,
        inline: bool = False,
    ) -> Self: ...

    def add_node(  # noqa: PLR0913 - LangGraph's signature
        self,
        node: str | Action,
        action: Action | None = None,
        *,
        defer: bool = False,
        metadata: Mapping[str, Any] | None = None,
        input_schema: type[Any] | None = None,
        destinations: Mapping[str, str] | Sequence[str] | None = None,
        inline: bool = False,
    ) -> Self:
        """Add a node.

        Args:
            node: its name, or the function itself, which then gives the name.
            action: the function: sync or async, of the state, and of `config`, `runtime`,
                `writer` or `store` if it has such parameters; or an object with `invoke` or
                `ainvoke`. It returns a dict of keys to write, None, a `Command`, or a list.
            defer: whether it waits until no other task is due.
            metadata: facts for whoever watches runs; part of `config["metadata"]` in the node.
            input_schema: the state it sees, if not the graph's; its keys become channels too.
                The annotation of the function's first parameter says the same.
            destinations: names that its Commands go to, for drawings and `compile()`'s checks.
            inline: whether a sync function may run on the event loop: for one that is quick and
                never blocks; others run in threads there.

        Raises:
            InvalidGraphError: if the name is taken, reserved or has ':' or '|' in it.
            TypeError: if the action cannot be a node.
        """
        if action is None:
            if isinstance(node, str):
                msg = f"node {node!r} has no action; use add_node({node!r}, function)"
                raise InvalidGraphError(msg)
            action = node
            node = name_of(node)
        self._check_name(node)
        child: Any = action if isinstance(action, GRAPH) else None
        if child is None:
            signature = read_function(action, f"node {node!r}", inline=inline)
        else:
            signature = Signature(child.callee)
        schema = self._schema
        wanted = input_schema or signature.state
        if wanted is not None and wanted is not schema.cls:
            schema = self._read(wanted, f"input_schema of node {node!r}")
        self._nodes[node] = NodeSpec(
            node,
            action,
            signature,
            schema,
            defer,
            {**(metadata or {})},
            labelled(destinations),
            None if child is None else child.topology,
        )
        return self

    def add_ask(  # noqa: PLR0913 - what a question has
        self,
        node: str,
        prompt: Callable[..., Any],
        *,
        then: Callable[..., Any] | None = None,
        response_schema: Any = None,  # noqa: ANN401 - a type or a JSON Schema
        expires_in: float | timedelta | None = None,
        default: Any = ABSENT,  # noqa: ANN401 - any answer
        input_schema: type[Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        destinations: Mapping[str, str] | Sequence[str] | None = None,
        inline: bool = False,
    ) -> Self:
        """Add a node that asks a person, and does nothing again when there is an answer.

        The run stops at it, as at an `interrupt` whose key is `"ask"`. `Command(resume=answer)`
        runs `then`, and not `prompt` again.

        Args:
            node: its name.
            prompt: a function of the state, sync or async, that returns what is asked.
            then: a function of the state and the answer that returns what a node may return; by
                default the answer is the update.
            response_schema: what the answer must be; see `interrupt`.
            expires_in: for how long it may be answered, in seconds or as a timedelta.
            default: what answers it then; without it the task fails with `InterruptExpiredError`.
            input_schema: see `add_node`.
            metadata: see `add_node`.
            destinations: see `add_node`.
            inline: see `add_node`.

        Raises:
            InvalidGraphError: if the name is taken, reserved or has ':' or '|' in it.
            TypeError: if a function cannot be called so, or the schema is none.
            ValueError: if `expires_in` is no time.
        """
        self._check_name(node)
        ask = ask_of(
            f"node {node!r}",
            prompt,
            then,
            response_schema=response_schema,
            expires_in=expires_in,
            default=default,
            inline=inline,
        )
        schema = self._schema
        wanted = input_schema or ask.signature.state
        if wanted is not None and wanted is not schema.cls:
            schema = self._read(wanted, f"input_schema of node {node!r}")
        self._nodes[node] = NodeSpec(
            node,
            ask,
            ask.signature,
            schema,
            defer=False,
            metadata={**(metadata or {})},
            destinations=labelled(destinations),
        )
        return self

    def _check_name(self, name: object) -> None:
        """Raise if no new node can have this name."""
        if not isinstance(name, str) or not name:
            msg = f"a node's name must be a string that is not empty, not {name!r}"
            raise InvalidGraphError(msg)
        if name in self._nodes:
            msg = (
                f"there is a node {name!r} already; give this one another name: add_node('name', f)"
            )
            raise InvalidGraphError(msg)
        if name in (START, END):
            msg = f"{name!r} is a reserved name; give the node another one"
            raise InvalidGraphError(msg)
        if ":" in name or "|" in name:
            msg = (
                f"the node name {name!r} has ':' or '|' in it, which separate names; leave them out"
            )
            raise InvalidGraphError(msg)

    @overload
    def node(self, name: F, /) -> F: ...

    @overload
    def node(self, name: str | None = None, /, **options: Any) -> Callable[[F], F]: ...  # noqa: ANN401 - see add_node

    def node(self, name: Any = None, /, **options: Any) -> Any:
        """Add the decorated function as a node; bare, with a name, or with `add_node`'s options.

        Example:
            >>> from typing import TypedDict
            >>> class State(TypedDict):
            ...     n: int
            >>> builder = StateGraph(State)
            >>> @builder.node
            ... def count(state: State) -> State:
            ...     return {"n": state["n"] + 1}
        """
        if callable(name):
            self.add_node(name)
            return name

        def add(function: F) -> F:
            self.add_node(name or name_of(function), function, **options)
            return function

        return add

    def add_edge(self, start_key: Reference | Sequence[Reference], end_key: Reference) -> Self:
        """Let a node run after another, or after several others have all run (a join).

        Args:
            start_key: a node or START; or a list of nodes.
            end_key: a node or END.

        Raises:
            InvalidGraphError: if it leaves END, leads to START, or joins START.
        """
        check_reference(end_key, "the edge's end")
        if end_key == START:
            msg = "no edge can lead to START; to run a node again, give that node's name"
            raise InvalidGraphError(msg)
        if isinstance(start_key, str) or callable(start_key):
            if start_key == END:
                msg = f"no edge can leave END; add_edge({END!r}, ...) is the wrong way round"
                raise InvalidGraphError(msg)
            self._edges[start_key, end_key] = None
            return self
        if not isinstance(start_key, (list, tuple, set, frozenset)):
            check_reference(start_key, "the edge's start")
        sources = tuple(start_key)
        if not sources:
            msg = "add_edge([], ...) waits for no node; name at least one"
            raise InvalidGraphError(msg)
        for source in sources:
            check_reference(source, "the edge's start")
            if source in (START, END):
                msg = f"a join waits for nodes, and {source!r} is none; leave it out of the list"
                raise InvalidGraphError(msg)
        self._joins[sources, end_key] = None
        return self

    def add_conditional_edges(
        self,
        source: Reference,
        path: Callable[..., Any],
        path_map: Mapping[Any, Reference] | Sequence[str] | None = None,
    ) -> Self:
        """Let a function choose where to go after a node.

        Args:
            source: the node, or START.
            path: a function of the state, sync or async, that returns a node's name, END, a
                `Send`, or a list of these. It sees the state before the superstep with its own
                node's writes. A sync one runs on the event loop.
            path_map: what each answer stands for; a list of names stands for themselves. A
                `Literal` return annotation says the same.

        Raises:
            InvalidGraphError: if the node has that path function already, or it leaves END.
            TypeError: if `path` cannot be called with a state.
        """
        check_reference(source, "the conditional edge's source")
        if source == END:
            msg = "no edge can leave END"
            raise InvalidGraphError(msg)
        name = name_of(path)
        of = source if isinstance(source, str) else name_of(source)
        said = f"the path function {name!r} of {of!r}"
        branches = self._branches.setdefault(source, {})
        if name == "<lambda>":
            name = free_name("<lambda>", branches)
        if name in branches:
            msg = f"{said} is there already; a node takes each path function once"
            raise InvalidGraphError(msg)
        signature = read_function(path, said, inline=True)
        schema = None
        if signature.state is not None and signature.state is not self._schema.cls:
            schema = self._read(signature.state, f"the state of {said}")
        branches[name] = BranchSpec(name, signature, path_map_of(path_map, signature), schema)
        return self

    def add_sequence(self, nodes: Sequence[Action | tuple[str, Action]]) -> Self:
        """Add nodes, each with an edge from the one before.

        Args:
            nodes: functions, or (name, function) pairs.

        Raises:
            InvalidGraphError: if there are none, or a name is taken.
        """
        if not nodes:
            msg = "add_sequence([]) adds nothing; give at least one node"
            raise InvalidGraphError(msg)
        previous: str | None = None
        for item in nodes:
            name, action = named(item)
            self.add_node(name, action)
            if previous is not None:
                self.add_edge(previous, name)
            previous = name
        return self

    def set_entry_point(self, key: Reference) -> Self:
        """Let runs begin at a node: `add_edge(START, key)`."""
        return self.add_edge(START, key)

    def set_conditional_entry_point(
        self,
        path: Callable[..., Any],
        path_map: Mapping[Any, Reference] | Sequence[str] | None = None,
    ) -> Self:
        """Let a function choose where runs begin: `add_conditional_edges(START, ...)`."""
        return self.add_conditional_edges(START, path, path_map)

    def set_finish_point(self, key: Reference) -> Self:
        """Let the path end after a node: `add_edge(key, END)`."""
        return self.add_edge(key, END)

    def compile(  # noqa: PLR0913 - LangGraph's signature, and more
        self,
        *,
        name: str | None = None,
        middleware: Sequence[Middleware] = (),
        store: Any = None,  # noqa: ANN401 - nodes are handed it as it is
        cancel_grace: float = 5.0,
        checkpointer: "BaseCheckpointSaver | bool | None" = None,
        types: "Sequence[type] | Registry" = (),
        interrupt_before: "Sequence[Reference] | Literal['*'] | None" = None,
        interrupt_after: "Sequence[Reference] | Literal['*'] | None" = None,
    ) -> CompiledStateGraph[StateT, ContextT]:
        """Check the graph and make it runnable; the builder can go on being changed.

        Args:
            name: its name, for whoever watches runs.
            middleware: functions that make a context manager, entered around every task inside
                the task's own context, the first one outermost. Each is called with the task's
                `ExecutionInfo`. It may have methods `around_run` and `around_superstep` that are
                called for runs and supersteps.
            store: what nodes find as `runtime.store`.
            cancel_grace: how many seconds a sync node that was cancelled in its thread may
                take to end before it is left behind.
            checkpointer: where threads are stored, such as `SqliteSaver("agent.db")`; a run then
                needs a `thread_id` in its config. A graph inside another is stored with that:
                by default for the task that runs it, with True as the memory of the node that
                does, which the next run of the thread goes on with, and with False not at all.
            types: classes whose objects the state may hold, beside those that its annotations
                name: enums, dataclasses, pydantic models and the like. A checkpoint holds
                objects of no other class. For other kinds of classes, or another tag than a
                class's own name, give a `Registry` that they were added to.
            interrupt_before: nodes before which a run stops, each time; `"*"` for all. The next
                run with None as its input goes on. Nothing of their superstep has run then.
            interrupt_after: nodes after whose superstep a run stops.

        Raises:
            GraphValidationError: with everything that is wrong, in `.findings`.
            TypeError: if `middleware` is no list of functions, `checkpointer` no checkpointer,
                or one of `types` of a kind that cannot be stored.
            ValueError: if `cancel_grace` is no number of seconds, or a node to stop at is unknown.
        """
        if not isinstance(middleware, (list, tuple)) or not all(map(callable, middleware)):
            msg = f"middleware must be a list of functions, not {shown(middleware)}"
            raise TypeError(msg)
        check_grace(cancel_grace)
        blueprint = Blueprint(
            name or UNNAMED,
            self._schema,
            self._input,
            self._output,
            self._channels,
            self._managed,
            self._nodes,
            self._edges,
            self._joins,
            self._branches,
        )
        if found := findings(blueprint):
            raise GraphValidationError(found)
        inner = [spec.function for spec in self._nodes.values() if spec.child is not None]
        known = types_of(types, self._schemas, [child.types for child in inner])
        topology = freeze(
            blueprint,
            forgiving=self._extra == "ignore",
            middleware=middleware,
            kept=checkpointer is not False,
        )
        return CompiledStateGraph(
            topology,
            context_schema=self._context_schema,
            store=store,
            cancel_grace=cancel_grace,
            persistence=persistence_of(checkpointer, known),
            saves=checkpointer if isinstance(checkpointer, bool) else None,
            types=known,
            children={
                spec.name: spec.function for spec in self._nodes.values() if spec.child is not None
            },
            before=stops_of(topology, interrupt_before, "interrupt_before"),
            after=stops_of(topology, interrupt_after, "interrupt_after"),
        )
