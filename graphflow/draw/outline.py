"""What of a compiled graph is drawn, described and checked, with the graphs inside it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from graphflow._core.state import Stops
from graphflow._core.topology import Node, Topology
from graphflow._record import record

Memory: TypeAlias = Literal["inherited", "store", "own", "none"]
"""What is stored of a graph.

Its threads, in its checkpointer: `"store"`. Else what it does inside a graph that has one: each run
of it by itself, `"inherited"`; as a memory that outlasts its runs, `"own"`; nothing, `"none"`.
"""


@record
class Outline:
    """A compiled graph, seen from outside.

    Attributes:
        compiled: the graph itself.
        graph: it as plain data.
        children: the graphs that are nodes of it, by the nodes' names.
        memory: what is stored of it.
        before: the nodes before which its runs stop, None for all.
        after: the nodes after which they stop, None for all.
    """

    compiled: object
    graph: Topology
    children: Mapping[str, "Outline"]
    memory: Memory
    before: Stops
    after: Stops

    def stops_at(self, name: str) -> str | None:
        """Return on which sides of a node a run stops: `before`, `after`, or both with a comma."""
        sides = (("before", self.before), ("after", self.after))
        return ",".join(side for side, stops in sides if stops is None or name in stops) or None

    def facts(self, name: str) -> dict[str, Any]:
        """Return a node's metadata, and what else LangGraph tells beside it."""
        node = self.graph.nodes[name]
        facts = dict(node.metadata)
        if node.defer:
            facts["defer"] = True
        if (stops := self.stops_at(name)) is not None:
            facts["__interrupt"] = stops
        return facts

    def added(self) -> tuple[Node, ...]:
        """Return the nodes in the order in which they were added."""
        return tuple(self.graph.nodes[name] for name in self.graph.added)


def function_of(node: Node) -> Callable[..., Any] | None:
    """Return the function that a node calls; of the two ways to call it, the sync one."""
    return node.callee.sync or node.callee.coro
