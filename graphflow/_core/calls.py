"""Finds which of the calls of graphs that a task had made is made again when the task is run again.

A graph inside another is found by the number of its call. Calls that are made at once may begin in
any order: so a call is the one that had its input, if there is one. Else it is a new one, if it is
made beside others, for that one's call may still come; and if it is made by the node itself, after
what the node has called before, it is the one that had its number.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from graphflow._core.called import Call, read_call, same_input
from graphflow._core.effects import Load, Program
from graphflow._core.log import Log
from graphflow._core.spaces import Space, call_in
from graphflow._core.state import Run
from graphflow.errors import GraphMismatchError, quoted

if TYPE_CHECKING:
    from graphflow._core.inside import Inside
    from graphflow.checkpoint.base import BaseCheckpointSaver


def find_call(run: Run, log: Log, space: Space, given: object) -> Program[Call | None]:
    """Return what is stored of a call that is made again; None if it is made for the first time.

    The number of the graph is that of the call, then.

    Args:
        run: the graph's run.
        log: its log.
        space: where the graph is run, by its number.
        given: its input.

    Raises:
        CheckpointError: if it cannot be read.
        GraphMismatchError: if the task had run another graph there, or had given the input to a
            graph of which another call has taken the place.
    """
    inside = run.inside
    assert inside is not None, "a task makes it"
    calls, numbers = inside.calls, log.ledger.numbers(space)
    if not numbers:
        calls.take(inside, inside.number)
        return None
    if calls.made is None:
        calls.made = yield from Load(partial(_read_all, log=log, space=space, numbers=numbers))
    for number, call in _own(inside, calls.made).items():
        fits = not _differs(run, call) and same_input(call.given, given)
        if fits and calls.take(inside, number):
            return call
    return _unlike(run, inside, given)


def _read_all(
    store: "BaseCheckpointSaver", *, log: Log, space: Space, numbers: Sequence[int]
) -> dict[int, Call | None]:
    """Read the last calls of graphs that a task had run, by their numbers."""
    made: dict[int, Call | None] = {}
    for number in numbers:
        branch = log.ledger.branches[space.numbered(number).text]
        made[number] = read_call(store, log=log, branch=branch.id, upto=None)
    return made


def _own(inside: "Inside", made: Mapping[int, Call | None]) -> dict[int, Call]:
    """Return the calls that are the task's own, that of the graph's number first.

    The memory of a node is perhaps there from other tasks.
    """
    first = [inside.number] if inside.number in made else []
    own: dict[int, Call] = {}
    for number in [*first, *made]:
        call = made[number]
        if call is None or (inside.lasting and call.task != call_in(inside, number)):
            continue
        own[number] = call
    return own


def _unlike(run: Run, inside: "Inside", given: object) -> Call | None:
    """Return the call whose place one takes that has another input than each had, or None.

    An input may differ, as by the time that is in it. A swap would give each the other's result.

    Raises:
        GraphMismatchError: see `find_call`.
    """
    calls, made = inside.calls, inside.calls.made or {}
    own = _own(inside, made)
    free = [number for number in own if not calls.has(number)]
    place = free[0] if inside.number in made and free and not inside.beside else None
    if place is not None:
        check_graph(run, own[place])
    for number, call in own.items():
        if _differs(run, call) or not same_input(call.given, given):
            continue
        if place is not None or number in calls.unlike:
            what = "it gives an input that it had given to another of its graphs"
            raise GraphMismatchError(inside.task.node.name, inside.number, what)
    if place is None:
        number = inside.number
        while number in own or not calls.take(inside, number):
            number = max(number, *made) + 1
        return None
    if not calls.take(inside, place):
        return _unlike(run, inside, given)  # another thread was faster
    calls.unlike.add(place)
    return own[place]


def named(run: Run) -> list[str]:
    """Return what a graph is called: its name, and the names of its nodes."""
    return [run.graph.name, *run.graph.nodes]


def _differs(run: Run, call: Call) -> bool:
    """Tell whether a task runs another graph than it had run."""
    name, *nodes = call.graph or named(run)
    return name != run.graph.name or {*run.graph.nodes}.isdisjoint(nodes)


def check_graph(run: Run, call: Call) -> None:
    """Raise if a task runs another graph than it had run at a place.

    Raises:
        GraphMismatchError: then what that had done would be taken for this one's.
    """
    if not _differs(run, call):
        return
    assert run.inside is not None, "a task makes it"
    what = f"it runs {_told(named(run))}, where it had run {_told(call.graph)}"
    raise GraphMismatchError(run.inside.task.node.name, run.inside.number, what)


def _told(graph: Sequence[str]) -> str:
    """Name a graph and its nodes for an error."""
    name, *nodes = graph
    return f"the graph {name!r} of the nodes {quoted(nodes)}"
