"""Drawings of graphs with the graphs inside them drawn open.

A node that is drawn open is replaced by what is inside. Edges to it then lead to START of the graph
inside, and edges from it leave END. Where START has one edge only, and nothing else leads to where
that leads, START is left out, and so is END.
"""

from graphflow.constants import END, START
from graphflow.draw.edges import edges_of
from graphflow.draw.outline import Outline, function_of
from graphflow.draw.picture import Edge, Graph, Node


def levels_of(xray: object) -> int:
    """Return how many levels of graphs inside are drawn open, -1 for all.

    Raises:
        TypeError: if it is no number.
    """
    if isinstance(xray, bool):
        return -1 if xray else 0
    if not isinstance(xray, int):
        msg = f"xray must be a bool, or how many levels are drawn open, not {xray!r}"
        raise TypeError(msg)
    return max(xray, -1)


def drawn(outline: Outline, levels: int) -> Graph:
    """Return a graph as a drawing; so many levels of the graphs inside are drawn open."""
    edges = edges_of(outline.graph)
    nodes = [Node(START, START), *(_node(outline, name) for name in outline.graph.added)]
    if any(edge.target == END for edge in edges):
        nodes.append(Node(END, END))
    drawing = Graph({node.id: node for node in nodes}, edges)
    if levels:
        for name in outline.graph.added:
            if name in outline.children:
                inside = drawn(outline.children[name], levels - 1 if levels > 0 else levels)
                drawing = _opened(drawing, name, inside)
    return drawing


def _node(outline: Outline, name: str) -> Node:
    """Return a node as it is drawn."""
    child = outline.children.get(name)
    data = function_of(outline.graph.nodes[name]) if child is None else child.compiled
    return Node(name, name, data, outline.facts(name) or None)


def _opened(drawing: Graph, name: str, inside: Graph) -> Graph:
    """Return a drawing with a node replaced by what is inside."""
    inside, first, last = _trimmed(inside)

    def within(id_: str) -> str:
        return f"{name}:{id_}"

    def end(id_: str, instead: str) -> str:
        return within(instead) if id_ == name else id_

    nodes = {id_: node for id_, node in drawing.nodes.items() if id_ != name}
    for node in inside.nodes.values():
        nodes[within(node.id)] = node._replace(id=within(node.id))
    around = (
        edge._replace(source=end(edge.source, last), target=end(edge.target, first))
        for edge in drawing.edges
    )
    own = (
        edge._replace(source=within(edge.source), target=within(edge.target))
        for edge in inside.edges
    )
    return Graph(nodes, [*around, *own])


def _trimmed(inside: Graph) -> tuple[Graph, str, str]:
    """Return a drawing without START and END where they can be left out, and its two ends."""
    nodes, edges = dict(inside.nodes), inside.edges
    first, last = START, END
    starts = [edge for edge in edges if edge.source == START]
    if len(starts) == 1 and _into(edges, starts[0].target) == starts:
        first = starts[0].target
    ends = _into(edges, END)
    if len(ends) == 1 and [edge for edge in edges if edge.source == ends[0].source] == ends:
        last = ends[0].source
    if first == END:  # there is nothing between them
        first, last = START, END
    for end, stands in ((START, first), (END, last)):
        if stands != end:
            del nodes[end]
            edges = [edge for edge in edges if end not in (edge.source, edge.target)]
        elif end not in nodes:
            nodes[end] = Node(end, end)  # a graph that has no end: what follows it hangs on it
    return Graph(nodes, edges), first, last


def _into(edges: list[Edge], target: str) -> list[Edge]:
    """Return the edges that lead to a node."""
    return [edge for edge in edges if edge.target == target]
