"""Where a run is to stop: the nodes that `interrupt_before` and `interrupt_after` name."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from graphflow._core.state import Stops
from graphflow._core.topology import Topology
from graphflow.errors import did_you_mean, quoted, shown
from graphflow.types import Reference

Named: TypeAlias = Sequence[Reference] | Literal["*"] | None
"""Nodes, by their names or their functions; all of them; or nothing said."""


def stops_of(graph: Topology, given: Named, what: str) -> Stops:
    """Return the nodes that are named, None for all.

    Args:
        graph: the graph.
        given: what names them.
        what: the parameter's name.

    Raises:
        ValueError: if one is no node of the graph, or it is no list of nodes.
    """
    if given is None:
        return frozenset()
    if isinstance(given, str):
        if given == "*":
            return None
        msg = f"{what} must be a list of nodes or '*', not {given!r}; give [{given!r}]"
        raise ValueError(msg)
    if not isinstance(given, (list, tuple, set, frozenset)):
        msg = f"{what} must be a list of nodes or '*', not {shown(given)}"
        raise ValueError(msg)  # noqa: TRY004 - as a node that is unknown is
    return frozenset(_name(graph, one, what) for one in given)


def _name(graph: Topology, given: Any, what: str) -> str:  # noqa: ANN401 - a user may give anything
    """Return the name of a node."""
    named: Mapping[Any, str] = graph.named if isinstance(given, Hashable) else {}
    name = given if isinstance(given, str) else named.get(given, "") if named else ""
    if name not in graph.nodes:
        msg = (
            f"{what} names {shown(given)}, which is no node{did_you_mean(given, graph.nodes)}; "
            f"the nodes are {quoted(graph.nodes)}"
        )
        raise ValueError(msg)
    return name
