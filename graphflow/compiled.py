"""`CompiledStateGraph`: what `compile()` returns; every method is a few lines onto a driver."""

from collections.abc import Mapping
from contextvars import copy_context
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from typing_extensions import TypeVar as DefaultTypeVar

from graphflow._batches import Batches
from graphflow._core.project import output_of
from graphflow._core.state import Stops
from graphflow._core.topology import Callee, Topology
from graphflow._drive import load
from graphflow._runs import Keys, Modes, Runs, nested
from graphflow._shape import Shape
from graphflow._stops import Named
from graphflow.config import RunnableConfig, merged
from graphflow.errors import quoted
from graphflow.persistence import Persistence, Types
from graphflow.types import Command, Durability, OnBusy

if TYPE_CHECKING:
    from graphflow._core.inside import Returned
    from graphflow._drive.asynchronous import AsyncStream
    from graphflow._drive.threads import Stream

__all__ = ("CompiledStateGraph",)

StateT = TypeVar("StateT")
ContextT = DefaultTypeVar("ContextT", default=None)

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class CompiledStateGraph(Runs, Shape, Batches[StateT, ContextT], Generic[StateT, ContextT]):
    """A graph that can be run: any number of times, and any number of runs at once.

    It is immutable. Sync methods need no event loop and run async nodes too, on a loop of their
    own; async methods run on asyncio, uvloop or trio, and sync nodes in threads.

    Every method that runs it takes:

    - `input`: a dict of the input schema's keys, an instance of that schema, or a `Command`.
    - `config`: a `RunnableConfig`; see there.
    - `context`: what nodes find as `runtime.context`.
    - `output_keys`: the keys to be shown; a single name shows bare values.
    - `durability`: with a checkpointer, when a superstep is stored: `"sync"`, before the next one
      runs (the default); `"async"`, while the next one runs; `"exit"`, at the end of the run.
    - `on_busy`: with a checkpointer, what to do if the thread has a run already: `"reject"`, raise
      `ThreadBusyError` (the default); `"queue"`, wait for its end; `"fork"`, go on in a branch of
      the thread's history that does not become its current state.
    - `interrupt_before`, `interrupt_after`: nodes at which this run stops, `"*"` for all; in
      place of what `compile` was given. An empty list is for none.

    With a checkpointer the config names a thread, `{"configurable": {"thread_id": "..."}}`. A dict
    is a new input to it, and starts from START with the thread's values; None goes on where the
    thread is, and runs nothing that had returned before; a `Command` writes or leads somewhere,
    and goes on. A `checkpoint_id` beside the `thread_id` goes on from that checkpoint.

    and raises:

    - `EmptyInputError`: there is no input and nothing to resume, or the Command says nothing.
    - `InvalidUpdateError`: the input, or what a node returned, does not fit the graph.
    - `GraphRecursionError`: the run was not at its end after `recursion_limit` supersteps.
    - `ThreadBusyError`: another run has the thread, or another process has taken it over.
    - `CheckpointError`: the thread could not be read or stored.
    - what a node raised, as it is, with a note of node and superstep.

    Attributes:
        name: the name given to `compile`.
        config: what `with_config` has bound.
    """

    def __init__(  # noqa: PLR0913 - only `compile` calls it
        self,
        topology: Topology,
        *,
        context_schema: type[ContextT] | None,
        store: Any,  # noqa: ANN401 - nodes are handed it as it is
        cancel_grace: float,
        persistence: Persistence | None = None,
        saves: bool | None = None,
        types: Types,
        config: RunnableConfig | None = None,
        children: "Mapping[str, CompiledStateGraph[Any, Any]]" = EMPTY,
        before: Stops = frozenset(),
        after: Stops = frozenset(),
    ) -> None:
        """Made by `StateGraph.compile`."""
        self.name = topology.name
        self.config: RunnableConfig = config or {}
        self._topology = topology
        self._context_schema = context_schema
        self._store = store
        self._cancel_grace = cancel_grace
        self._persistence = persistence
        self._saves = saves
        self._types = types
        self._children = children
        self._before = before
        self._after = after

    def __repr__(self) -> str:
        """Show name and nodes."""
        return (
            f"<{type(self).__name__} {self.name!r} with the nodes {quoted(self._topology.nodes)}>"
        )

    @property
    def topology(self) -> Topology:
        """The graph as plain data; for graphflow's own modules."""
        return self._topology

    @property
    def children(self) -> "Mapping[str, CompiledStateGraph[Any, Any]]":
        """The graphs that are nodes of this one, by the nodes' names."""
        return self._children

    @property
    def types(self) -> Types:
        """The classes that its state may hold, and those of graphs inside it."""
        return self._types

    @property
    def callee(self) -> Callee:
        """How it is called as a node of another graph."""
        return Callee(self._as_node, self._aas_node)

    def _as_node(self, given: Any) -> "Returned":  # noqa: ANN401 - what the node is handed
        """Run it as a node, which returns its writes."""
        run = self._begin(None, None)
        given = nested().taken(run, given)
        state = load.invoke()(run, given, copy_context(), load.supersteps())
        result: Returned = nested().node_result(run, state)
        return result

    async def _aas_node(self, given: Any) -> "Returned":  # noqa: ANN401 - as above
        """Do the same, on the running event loop."""
        run = self._begin(None, None)
        given = nested().taken(run, given)
        state = await load.ainvoke()(run, given, copy_context(), load.supersteps())
        result: Returned = nested().node_result(run, state)
        return result

    def with_config(
        self,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - keys of the config
    ) -> "CompiledStateGraph[StateT, ContextT]":
        """Return the same graph with a config bound, under whatever a call gives.

        Raises:
            TypeError: if it is no dict, or a value of the wrong type.
            ValueError: if a key is unknown, or a number too small.
        """
        return CompiledStateGraph(
            self._topology,
            context_schema=self._context_schema,
            store=self._store,
            cancel_grace=self._cancel_grace,
            persistence=self._persistence,
            saves=self._saves,
            types=self._types,
            children=self._children,
            before=self._before,
            after=self._after,
            config=merged(self.config, config, cast("RunnableConfig", kwargs)),
        )

    def invoke(  # noqa: PLR0913 - LangGraph's signature
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - the word for it
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "values",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> Any:  # noqa: ANN401 - the output schema's values, or a list of chunks
        """Run to the end; return the values of the output schema's keys.

        With a `stream_mode` other than `"values"`: return the list of all chunks.
        """
        keys = self._topology.output if output_keys is None else output_keys
        if stream_mode not in (None, "values"):
            return list(
                self.stream(
                    input,
                    config,
                    context=context,
                    stream_mode=stream_mode,
                    output_keys=keys,
                    durability=durability,
                    on_busy=on_busy,
                    interrupt_before=interrupt_before,
                    interrupt_after=interrupt_after,
                    subgraphs=subgraphs,
                )
            )
        stops = self._stops(interrupt_before, interrupt_after)
        run = self._begin(config, context, (), keys, durability, on_busy, stops, given=input)
        state = load.invoke()(run, input, copy_context(), load.supersteps())
        if run.inside is not None:
            nested().come_back(run, state)
        return output_of(state, self._keys(keys))

    async def ainvoke(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "values",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> Any:  # noqa: ANN401 - as above
        """Do what `invoke` does, on the running event loop."""
        keys = self._topology.output if output_keys is None else output_keys
        if stream_mode not in (None, "values"):
            stream = self.astream(
                input,
                config,
                context=context,
                stream_mode=stream_mode,
                output_keys=keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
                subgraphs=subgraphs,
            )
            return [chunk async for chunk in stream]
        stops = self._stops(interrupt_before, interrupt_after)
        run = self._begin(config, context, (), keys, durability, on_busy, stops, given=input)
        state = await load.ainvoke()(run, input, copy_context(), load.supersteps())
        if run.inside is not None:
            nested().come_back(run, state)
        return output_of(state, self._keys(keys))

    def stream(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "updates",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> "Stream":
        """Run, and yield chunks as things happen.

        Args:
            input: see the class.
            config: see the class.
            context: see the class.
            stream_mode: `"updates"` yields `{node: update}` when a task ends, `"values"` the
                state after each superstep that wrote to it, `"custom"` what nodes write with
                their writer, while they run, `"tasks"` each task when it starts and when it
                ends, `"checkpoints"` each checkpoint when it is stored, `"debug"` the last two
                with step and time. A list yields (mode, chunk) pairs.
            output_keys: see the class; `"updates"` and `"values"` show only these.
            durability: see the class.
            on_busy: see the class.
            interrupt_before: see the class.
            interrupt_after: see the class.
            subgraphs: whether what graphs inside this one show is yielded, too, as it comes. Each
                chunk then has a namespace before it: () for this graph, and for one that a task
                runs `("node:task id",)`, deeper ones behind it.

        Returns:
            An iterator of chunks, and a context manager that ends the run on leaving.
        """
        modes = self._modes(stream_mode)
        stops = self._stops(interrupt_before, interrupt_after)
        run, split = self._begin_stream(
            config,
            context,
            modes,
            output_keys,
            durability,
            on_busy,
            stops,
            subgraphs=subgraphs,
            given=input,
        )
        return load.stream()(run, input, copy_context(), split)

    def astream(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "updates",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> "AsyncStream":
        """Do what `stream` does, on the running event loop; for `async for` and `async with`.

        Tasks run in copies of the context that this call was made in.
        """
        modes = self._modes(stream_mode)
        stops = self._stops(interrupt_before, interrupt_after)
        run, split = self._begin_stream(
            config,
            context,
            modes,
            output_keys,
            durability,
            on_busy,
            stops,
            subgraphs=subgraphs,
            given=input,
        )
        return load.astream()(run, input, copy_context(), split)
