"""Compile-time findings: every mistake of a graph that no single call of the builder could know."""

from collections.abc import Iterator

from graphflow._blueprint import Blueprint
from graphflow._record import record
from graphflow.constants import END, START
from graphflow.errors import did_you_mean, quoted, shown

__all__ = ("findings",)


def findings(blueprint: Blueprint) -> list[str]:
    """Return a sentence for every mistake of a graph, or an empty list."""
    return [*dict.fromkeys([*_no_entry(blueprint), *_unknown(blueprint)])]


def _no_entry(blueprint: Blueprint) -> Iterator[str]:
    """Find that a run would have nowhere to begin."""
    if not any(source == START for source, _ in blueprint.edges) and not blueprint.branches.get(
        START
    ):
        first = next(iter(blueprint.nodes), "first_node")
        yield f"no edge leaves START, so a run has nowhere to begin; use add_edge(START, {first!r})"


@record
class _Reference:
    """Something that names a node, and how to say where it does.

    The place is put into words only for a finding: doing it for every edge would be most of the
    time that `compile()` takes.
    """

    words: str
    ends: tuple[object, ...]
    named: object
    leads: bool = False

    @property
    def place(self) -> str:
        """Where it is named."""
        return self.words.format(*map(_shown, self.ends))


def _ends(blueprint: Blueprint) -> Iterator[_Reference]:
    """Yield the ends of edges; of plain ones, which are many, only what no node is called."""
    for edge in blueprint.edges:
        for end in edge:
            if not isinstance(end, str) or end not in blueprint.nodes:
                yield _Reference("the edge {} -> {}", edge, end)
    for sources, target in blueprint.joins:
        words = f"the edge [{', '.join(['{}'] * len(sources))}] -> {{}}"
        for end in (*sources, target):
            yield _Reference(words, (*sources, target), end)


def _references(blueprint: Blueprint) -> Iterator[_Reference]:
    """Yield whatever names a node."""
    yield from _ends(blueprint)
    for source, branches in blueprint.branches.items():
        for branch in branches.values():
            ends = (branch.name, source)
            yield _Reference("the conditional edge {} of {}", ends, source)
            for target in (branch.path_map or {}).values():
                yield _Reference(
                    "the path map of the conditional edge {} of {}", ends, target, leads=True
                )
    for node in blueprint.nodes.values():
        for target in node.signature.goto:
            yield _Reference("the return annotation of node {}", (node.name,), target, leads=True)
        for target in node.destinations:
            yield _Reference("destinations of node {}", (node.name,), target, leads=True)


def _unknown(blueprint: Blueprint) -> Iterator[str]:
    """Find names that no node has, and functions that are no node's or several nodes'."""
    nodes = blueprint.nodes
    for reference in _references(blueprint):
        name = reference.named
        if isinstance(name, str):
            if name == START and reference.leads:
                yield f"{reference.place} names {START!r}, where a run begins only once"
            elif name not in nodes and name not in (START, END):
                there = f"there are {quoted(nodes)}" if nodes else "there are no nodes yet"
                yield (
                    f"{reference.place} names {name!r}, which is no node"
                    f"{did_you_mean(name, nodes)}; {there}"
                )
            continue
        found = blueprint.nodes_of(name)
        if not callable(name):
            yield f"{reference.place} names {shown(name)}, which is no node; give a node's name"
        elif not found:
            yield (
                f"{reference.place} names the function {_shown(name)}, which is no node's; "
                f"add it with add_node"
            )
        elif len(found) > 1:
            yield (
                f"{reference.place} names the function {_shown(name)}, which is that of "
                f"{quoted(found)}; give the name instead"
            )


def _shown(reference: object) -> str:
    """Show a name, or a function by its name."""
    if isinstance(reference, str):
        return repr(reference)
    return repr(getattr(reference, "__name__", reference))
