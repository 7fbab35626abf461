"""The edges of one graph as they are drawn.

All that was declared is drawn, whether a run can take it or not. A path function of which nothing
says where it leads may lead to every node; of a node's Commands only what is said of them is drawn.
"""

from collections.abc import Iterable, Iterator

from graphflow._core.topology import Branch, Node, Topology
from graphflow.constants import END
from graphflow.draw.picture import Edge


def edges_of(graph: Topology) -> list[Edge]:
    """Return the edges of a graph, in the order of their ends' names, those to END last."""
    declared = {
        edge for node in (graph.entry, *graph.nodes.values()) for edge in _leaving(node, graph)
    }
    sources = {edge.source for edge in declared}
    targets = {edge.target for edge in declared}
    ends = sorted(targets - sources - {END})
    return [*sorted(declared, key=_order), *(Edge(name, END) for name in ends)]


def _order(edge: Edge) -> tuple[str, str, bool, str]:
    """Return what edges are ordered by."""
    return edge.source, edge.target, edge.conditional, edge.data or ""


def _leaving(node: Node, graph: Topology) -> Iterator[Edge]:
    """Yield the edges that leave a node."""
    for target in plainly(node):
        yield Edge(node.name, target)
    for branch in node.branches:
        for label, target in _answers(branch, node, graph):
            yield _conditional(node.name, target, label)
    for target, label in (node.destinations or {}).items():
        yield _conditional(node.name, target, label)


def plainly(node: Node) -> Iterable[str]:
    """Return the nodes that plain edges and joins lead to from a node."""
    return (
        *(target.name for target in node.successors),
        *(join.target.name for join, _ in node.joins),
    )


def _answers(branch: Branch, node: Node, graph: Topology) -> Iterator[tuple[str | None, str]]:
    """Yield what a path function can answer, and the nodes that this stands for."""
    if branch.destinations is None:
        yield from ((None, name) for name in (*graph.added, END) if name != node.name)
        return
    yield from ((str(answer), target) for answer, target in branch.destinations.items())


def _conditional(source: str, target: str, label: str | None) -> Edge:
    """Return an edge that is taken only sometimes; a label that says its target says nothing."""
    return Edge(source, target, None if label == target else label, conditional=True)
