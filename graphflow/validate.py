"""Compile-time findings: every mistake of a graph that no single call of the builder could know."""

from collections.abc import Iterator

from graphflow._blueprint import Blueprint
from graphflow.constants import END, START
from graphflow.errors import did_you_mean, quoted

__all__ = ("findings",)


def findings(blueprint: Blueprint) -> list[str]:
    """Return a sentence for every mistake of a graph, or an empty list."""
    return [*dict.fromkeys([*_no_entry(blueprint), *_unknown(blueprint), *_ambiguous(blueprint)])]


def _no_entry(blueprint: Blueprint) -> Iterator[str]:
    """Find that a run would have nowhere to begin."""
    if not any(source == START for source, _ in blueprint.edges) and not blueprint.branches.get(START):
        first = next(iter(blueprint.nodes), "first_node")
        yield f"no edge leaves START, so a run has nowhere to begin; use add_edge(START, {first!r})"


def _references(blueprint: Blueprint) -> Iterator[tuple[str, object]]:
    """Yield whatever names a node, with the place where it does."""
    for source, target in blueprint.edges:
        yield f"the edge {_shown(source)} -> {_shown(target)}", source
        yield f"the edge {_shown(source)} -> {_shown(target)}", target
    for sources, target in blueprint.joins:
        for end in (*sources, target):
            yield f"the edge [{', '.join(map(_shown, sources))}] -> {_shown(target)}", end
    for source, branches in blueprint.branches.items():
        for branch in branches.values():
            place = f"the conditional edge {branch.name!r} of {_shown(source)}"
            yield place, source
            for target in (branch.path_map or {}).values():
                yield f"the path map of {place}", target
    for node in blueprint.nodes.values():
        for target in node.signature.goto:
            yield f"the return annotation of node {node.name!r}", target
        for target in node.destinations:
            yield f"destinations of node {node.name!r}", target


def _unknown(blueprint: Blueprint) -> Iterator[str]:
    """Find names that no node has."""
    nodes = blueprint.nodes
    for place, reference in _references(blueprint):
        if isinstance(reference, str):
            if reference not in nodes and reference not in (START, END):
                hint = did_you_mean(reference, nodes)
                yield f"{place} names {reference!r}, which is no node{hint}; there are {quoted(nodes)}"
        elif blueprint.resolve(reference) is None:
            yield f"{place} names the function {_shown(reference)}, which is no node's; add it first"


def _ambiguous(blueprint: Blueprint) -> Iterator[str]:
    """Find functions that stand for a node and are the function of several."""
    for place, reference in _references(blueprint):
        if isinstance(reference, str):
            continue
        names = [n.name for n in blueprint.nodes.values() if n.function is reference]
        if len(names) > 1:
            yield f"{place} names a function that is that of {quoted(names)}; give the name instead"


def _shown(reference: object) -> str:
    """Show a name, or a function by its name."""
    return repr(reference if isinstance(reference, str) else getattr(reference, "__name__", reference))
