"""Conditional edges: what a path function sees, and where its answer leads."""

from collections.abc import Callable, Mapping
from typing import Any

from graphflow._core.commit import fold
from graphflow._core.parse import destination, listed, sent
from graphflow._core.state import Succeeded
from graphflow._core.topology import Branch, Node
from graphflow.constants import END, START
from graphflow.errors import InvalidBranchError, did_you_mean, quoted, shown
from graphflow.types import Send


def seen(branch: Branch, done: Succeeded) -> object:
    """Return what a path function sees: the state before the superstep, and its node's own writes.

    What siblings write in the same superstep is not there yet.
    """
    task = done.task
    values = {**task.values, **fold(task.values, (done,))} if done.writes else task.values
    if fading := task.run.graph.fading:
        written = {key for key, _ in done.writes}
        gone = {key for key in fading if key not in written}
        values = {key: value for key, value in values.items() if key not in gone}
    return branch.reader.read(values, task.step, task.run.stop)


def follow(branch: Branch, done: Succeeded, answer: object) -> list[Node | Send]:
    """Return where a path function's answer leads.

    Raises:
        InvalidBranchError: if it is no destination, or not in the path map.
        UnknownNodeError: if it names no node.
    """
    graph = done.task.run.graph

    def said() -> str:
        return f"the {told(branch, done)}"

    found: list[Node | Send] = []
    for one in listed(answer):
        if isinstance(one, Send):
            found.append(sent(graph, said, one))
            continue
        name = one if branch.destinations is None else _mapped(branch.destinations, one, said)
        if name is None:
            msg = f"{said()} returned None, which is no destination; return END to end the path"
            raise InvalidBranchError(msg, None)
        found += destination(graph, said, name)
    return found


def _mapped(destinations: Mapping[Any, str], answer: object, said: Callable[[], str]) -> str | None:
    """Return what an answer stands for in a path map; None may be an answer, too."""
    try:
        return destinations[answer]
    except (KeyError, TypeError):
        if answer is None:
            return None
        known = [str(key) for key in destinations]
        msg = (
            f"{said()} returned {shown(answer)}{did_you_mean(answer, known)}, "
            f"but its path map has only {quoted(destinations)}"
            + ("; add END: END to it" if answer == END else "")
        )
        raise InvalidBranchError(msg, answer) from None


def told(branch: Branch, done: Succeeded) -> str:
    """Name a conditional edge for an error or a note."""
    node = done.task.node
    source = START if node.rank < 0 else f"node {node.name!r}"
    return f"conditional edge {branch.name!r} of {source}"
