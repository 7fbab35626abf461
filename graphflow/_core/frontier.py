"""What is due, from names to nodes: a stored frontier becomes one of this graph, or an error."""

from collections.abc import Sequence
from typing import Any

from graphflow._core.form import ALL_SOURCES, pairs_of
from graphflow._core.state import Run, Up
from graphflow._core.topology import Node, Topology
from graphflow.errors import CheckpointError, NewerFormatError, did_you_mean, quoted
from graphflow.types import Send


def node_named(graph: Topology, name: str) -> Node:
    """Return a node by its stored name.

    Raises:
        CheckpointError: if the graph does not have it any more.
    """
    node = graph.nodes.get(name)
    if node is None:
        nodes = graph.nodes
        msg = (
            f"the thread has a task of node {name!r}, which this graph does not have"
            f"{did_you_mean(name, nodes)}; the nodes are {quoted(nodes)}. Give the graph that "
            f"node again, or give a new input, which starts from START"
        )
        raise CheckpointError(msg)
    return node


def send_of(graph: Topology, stored: Sequence[Any]) -> Send:
    """Return a stored `[node, arg]` as a Send.

    Raises:
        CheckpointError: if the graph does not have the node any more.
    """
    name, arg = stored
    return Send(node_named(graph, name).name, arg)


def aim_of(graph: Topology, stored: object) -> Node | Send:
    """Return a stored destination: a name, or `[node, arg]`.

    Raises:
        CheckpointError: if the graph does not have the node any more.
    """
    if isinstance(stored, str):
        return node_named(graph, stored)
    return send_of(graph, stored)  # type: ignore[arg-type]  # see form.aimed


def joins_of(
    graph: Topology, stored: Sequence[list[Any]]
) -> tuple[dict[int, int], list[list[Any]]]:
    """Return half-filled joins as bits by the join's index, and those the graph does not have.

    Raises:
        NewerFormatError: if one is of a kind that this version does not know.
    """
    known = {join.id: join for join in graph.joins.values()}
    joins: dict[int, int] = {}
    strange: list[list[Any]] = []
    for name, kind, arrived in stored:
        if kind != ALL_SOURCES:
            msg = f"the join {name!r} is of the unknown kind {kind!r}; a newer graphflow wrote it"
            raise NewerFormatError(msg)
        join = known.get(name)
        if join is None:
            strange.append([name, kind, arrived])
        else:
            joins[join.index] = sum(1 << join.sources.index(source) for source in arrived)
    return joins, strange


def up_of(run: Run, form: Sequence[Any]) -> Up:
    """Return what was said to a graph around another from its stored form.

    Raises:
        CheckpointError: if it leads to a node that graph does not have.
    """
    levels, goto, *_ = form
    outer = run
    for _ in range(levels):
        assert outer.inside is not None, "it was inside as many"
        outer = outer.inside.task.run
    return Up(pairs_of(form), [aim_of(outer.graph, one) for one in goto], levels)
