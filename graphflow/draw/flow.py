"""Findings of where runs go: what none of them reaches, and what never ends."""

from collections.abc import Iterator
from typing import Literal

from graphflow._core.topology import Join, Node
from graphflow._record import record
from graphflow.draw.outline import Outline
from graphflow.draw.unsaid import commands_of, sends
from graphflow.errors import quoted


@record
class DeadEnd:
    """A finding of one graph.

    Attributes:
        level: whether it is certain.
        node: the node that it is about.
        text: what is wrong, and what to do.
    """

    level: Literal["error", "warning"]
    node: str
    text: str


def dead_ends(outline: Outline, *, waits: bool, top: bool) -> Iterator[DeadEnd]:
    """Yield the findings of one graph.

    Args:
        outline: the graph.
        waits: whether a run can wait for people, and so may never end on purpose.
        top: whether no graph is around it.
    """
    reached = _reached(outline)
    if not any(_leads_anywhere(node, outline) for node in reached):
        yield from _unreached(outline, reached)
    if not waits and outline.before == outline.after == frozenset():
        yield from _endless(outline, reached, top=top)


def _leads_anywhere(node: Node, outline: Outline) -> bool:
    """Tell whether a node may lead where nothing says so."""
    child = outline.children.get(node.name)
    unsaid = node is not outline.graph.entry and commands_of(node, child)
    return unsaid or any(
        branch.destinations is None or sends(branch.path) for branch in node.branches
    )


def _leads_to(node: Node) -> Iterator[str]:
    """Yield the names that a node is said to lead to alone, without a join."""
    yield from (target.name for target in node.successors)
    for branch in node.branches:
        yield from (branch.destinations or {}).values()
    yield from node.destinations or ()


def _reached(outline: Outline) -> dict[Node, None]:
    """Return the nodes that a run can reach by what is said, START first."""
    graph = outline.graph
    reached: dict[Node, None] = {}
    due = [graph.entry]
    while due:
        node = due.pop()
        if node not in reached:
            reached[node] = None
            due += (graph.nodes[name] for name in _leads_to(node) if name in graph.nodes)
            due += (join.target for join, _ in node.joins if not _missing(join, outline, reached))
    return reached


def _missing(join: Join, outline: Outline, reached: dict[Node, None]) -> list[str]:
    """Return the sources of a join that are not reached."""
    return [name for name in join.sources if outline.graph.nodes[name] not in reached]


def _unreached(outline: Outline, reached: dict[Node, None]) -> Iterator[DeadEnd]:
    """Yield what no run reaches: of nodes that lead to each other only the first."""
    graph = outline.graph
    joins = {join: _missing(join, outline, reached) for join in graph.joins.values()}
    stuck = [join for join, missing in joins.items() if 0 < len(missing) < len(join.sources)]
    led_to = {name for node in graph.nodes.values() for name in _leads_to(node)}
    led_to |= {join.target.name for join in joins}
    told = {name for join in stuck for name in _behind(join.target, outline)}
    lost = [node for node in outline.added() if node not in reached and node.name not in told]
    for node in sorted(lost, key=lambda node: node.name in led_to):
        if node.name in told:
            continue
        told |= _behind(node, outline)
        if node.name not in led_to:
            text = f"nothing leads to node {node.name!r}, so it runs only if a caller names it"
        else:
            text = f"only nodes that nothing leads to lead to node {node.name!r}"
        yield DeadEnd(
            "warning",
            node.name,
            f"{text}; add an edge to it, name it in a path map or in destinations=, or remove it",
        )
    for join in stuck:
        yield DeadEnd(
            "warning",
            join.target.name,
            f"the edge [{quoted(join.sources)}] -> {join.target.name!r} waits for "
            f"{quoted(joins[join])}, which nothing leads to; leave that out, or lead to it",
        )


def _behind(node: Node, outline: Outline) -> set[str]:
    """Return a node and all that it leads to, by their names."""
    found: set[str] = set()
    due = [node.name]
    while due:
        name = due.pop()
        if name not in found and name in outline.graph.nodes:
            found.add(name)
            one = outline.graph.nodes[name]
            due += (*_leads_to(one), *(join.target.name for join, _ in one.joins))
    return found


def _endless(outline: Outline, reached: dict[Node, None], *, top: bool) -> Iterator[DeadEnd]:
    """Yield the cycles of plain edges: those are always taken, whatever their nodes return."""
    left = {node: list(node.successors) for node in outline.added() if node in reached}
    while loop := _loop(left):
        names = [node.name for node in loop]
        for node in loop:
            del left[node]
        if not top and any(
            commands_of(node, outline.children.get(node.name)) for node in outline.added()
        ):
            continue  # a Command for the graph around it may end it
        way = " -> ".join(repr(name) for name in (*names, names[0]))
        yield DeadEnd(
            "error" if top else "warning",
            names[0],
            f"the plain edges {way} go round for ever, so a run that comes there never ends; let "
            f"a conditional edge with END among its answers take the place of one of them",
        )


def _loop(left: dict[Node, list[Node]]) -> list[Node]:
    """Return the nodes of a cycle, or an empty list; nodes that lead to none are dropped."""
    while True:
        for node, targets in left.items():
            left[node] = [target for target in targets if target in left]
        ends = [node for node, targets in left.items() if not targets]
        if not ends:
            break
        for node in ends:
            del left[node]
    way: list[Node] = []
    if not left:
        return way
    node = next(iter(left))
    while node not in way:
        way.append(node)
        node = left[node][0]
    return way[way.index(node) :]
