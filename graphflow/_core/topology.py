"""The compiled graph as plain data: everything that can be known before a run is decided here.

`graph/` makes a `Topology`, the core and the drivers read it, and nobody changes it. It holds no
behaviour of a run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from graphflow._record import record
from graphflow.channels import Channel
from graphflow.managed import ManagedValue
from graphflow.types import Middleware

Asked: TypeAlias = Literal["config", "runtime", "writer", "store"]
"""What a user's function can ask to be handed beside the state."""

UNNAMED: Final = "graphflow"
"""The name of a graph that nobody has given one."""


@record
class Callee:
    """A user's function, read once: which ways there are to call it, and what it asks for.

    Attributes:
        sync: how to call it where blocking is allowed, or None.
        coro: how to call it where it can be awaited, or None.
        asks: parameter names with what each asks for.
        inline: whether a sync function may run on the event loop.
    """

    sync: Callable[..., Any] | None
    coro: Callable[..., Any] | None
    asks: tuple[tuple[str, Asked], ...] = ()
    inline: bool = False


@record
class Reader:
    """How a node or a path function sees the state.

    Attributes:
        keys: the keys it sees, or None for every channel.
        managed: the keys that the engine fills in.
        shape: makes an instance of the schema, or None where a dict is wanted.
    """

    keys: tuple[str, ...] | None
    managed: tuple[tuple[str, type[ManagedValue]], ...] = ()
    shape: Callable[[dict[str, Any]], Any] | None = None

    def read(self, values: dict[str, Any], step: int, limit: int) -> Any:  # noqa: ANN401 - the user's schema
        """Return the state as the schema has it: the keys that have a value."""
        keys = self.keys
        seen = values.copy() if keys is None else {k: values[k] for k in keys if k in values}
        if self.managed:
            for key, value in self.managed:
                seen[key] = value.get(step, limit)
        return seen if self.shape is None else self.shape(seen)


@record
class Branch:
    """A conditional edge.

    Attributes:
        name: the path function's name, for errors.
        path: the path function.
        reader: how it sees the state.
        destinations: answers with the node each stands for, or None where answers are names.
    """

    name: str
    path: Callee
    reader: Reader
    destinations: Mapping[Any, str] | None


@dataclass(slots=True, eq=False)
class Node:
    """Everything the engine needs to know of one node; filled while freezing, then left alone.

    Attributes:
        name: its name.
        rank: its place among all nodes by name, which is the plan's order; -1 for START.
        callee: its function.
        reader: how it sees the state.
        writable: the keys it may write.
        metadata: what the builder was given.
        defer: whether it waits until nothing else would run.
        successors: the nodes its plain edges lead to, by rank.
        branches: its conditional edges, in the order they were added.
        joins: the joins it feeds, each with its bit.
        gathers: the joins that lead to it, if it is deferred.
        wrapped: whether its function asks for more than the state, or middleware is around it.
        prepares: whether some reducer of the graph completes writes.
        needs_loop: whether it, or one of its path functions, can only be awaited.
        simple: whether its only edges are plain ones to nodes that are not deferred.
        child: the graph that it is, or None for a function.
        gives: of such a graph, the keys whose writes are the node's; see `Inside`.
        destinations: where its Commands are said to go, each with a label or None; or None where
            nothing is said. For drawings; a Command may go elsewhere.
    """

    name: str
    rank: int
    callee: Callee
    reader: Reader
    writable: frozenset[str]
    metadata: Mapping[str, Any]
    defer: bool = False
    successors: "tuple[Node, ...]" = ()
    branches: tuple[Branch, ...] = ()
    joins: "tuple[tuple[Join, int], ...]" = ()
    gathers: "tuple[Join, ...]" = ()
    wrapped: bool = False
    prepares: bool = False
    needs_loop: bool = False
    simple: bool = True
    child: "Topology | None" = None
    gives: "Mapping[str, bool] | None" = None
    destinations: Mapping[str, str | None] | None = None


@record
class Join:
    """An edge from several nodes to one, which runs when all of them have run.

    Attributes:
        index: its place among the joins of the graph.
        full: the bits of all its sources together.
        target: the node that waits.
        id: its name, the same in every process that has this join.
        sources: the names of the nodes it waits for, in the order of their bits.
    """

    index: int
    full: int
    target: Node
    id: str
    sources: tuple[str, ...]


@record
class Topology:
    """A compiled graph.

    Attributes:
        name: the graph's name.
        nodes: the nodes by name, in plan order.
        entry: START, as a node whose function hands on the input.
        channels: the channels by key.
        keys: all channels' keys.
        managed: the keys that the engine fills in.
        starts: the keys that have a value before anything was written, with what makes it.
        fading: the keys whose value is gone after a superstep without a write.
        preparing: the keys whose reducers complete a write when its task has finished.
        output: the keys that `invoke` returns.
        joins: the joins by index.
        added: the nodes' names in the order in which they were added.
        untracked: the keys that no checkpoint keeps.
        named: names by node function, where a function is one node's.
        forgiving: whether unknown keys are dropped.
        middleware: what is entered around each task, outermost first.
        input: the keys that a caller may give.
        kept: whether it is stored with a graph that it is inside of.
    """

    name: str
    nodes: Mapping[str, Node]
    entry: Node
    channels: Mapping[str, Channel]
    keys: frozenset[str]
    managed: Mapping[str, type[ManagedValue]]
    starts: tuple[tuple[str, Callable[[], Any]], ...]
    fading: tuple[str, ...]
    preparing: frozenset[str]
    output: tuple[str, ...]
    joins: "Mapping[int, Join]"
    added: tuple[str, ...]
    untracked: frozenset[str]
    named: Mapping[Any, str]
    forgiving: bool
    middleware: tuple[Middleware, ...]
    input: tuple[str, ...]
    kept: bool = True
