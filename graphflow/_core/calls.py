"""Finds which of the calls of graphs that a task had made is made again when the task is run again.

A graph inside another is found by the number of its call. What runs a task's calls side by side may
begin them in any order, as a nursery of trio does: so a call is the one that had its input, if
there is one, and only else the one that had its number.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from graphflow._core.called import Call, read_call, same_input
from graphflow._core.effects import Load, Program, Rest
from graphflow._core.log import Log
from graphflow._core.spaces import Space, call_in
from graphflow._core.state import Run
from graphflow.errors import GraphMismatchError, quoted

if TYPE_CHECKING:
    from graphflow._core.inside import Calls, Inside
    from graphflow.checkpoint.base import BaseCheckpointSaver

_ROUNDS: Final = 3
"""How often a call lets others begin whose place it might take."""

_MOST: Final = 100
"""How often at the most."""


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
    calls.looking.add(inside.call)
    try:
        if calls.made is None:
            read = partial(_read_all, inside=inside, log=log, space=space, numbers=numbers)
            calls.made = yield from Load(read)
        for number, call in _likely(calls.made, inside.number):
            fits = call is not None and not _differs(run, call) and same_input(call.given, given)
            if fits and calls.take(inside, number):
                return call
    finally:
        calls.looking.discard(inside.call)
    if inside.number in calls.made:
        yield from _let_others_look(calls)
    return _unlike(run, inside, given)


def _let_others_look(calls: "Calls") -> Program[None]:
    """Let calls that have begun, or begin now, find theirs, before one of them may be taken."""
    for turn in range(_MOST):
        if turn >= _ROUNDS and not calls.looking:
            return
        yield from Rest()
        yield from Load(lambda _: None)  # behind what those read


def _read_all(
    store: "BaseCheckpointSaver",
    *,
    inside: "Inside",
    log: Log,
    space: Space,
    numbers: Sequence[int],
) -> dict[int, Call | None]:
    """Read the calls that a task had made, by their numbers; None for one of which nothing counts.

    The memory of a node is perhaps there from other tasks.
    """
    made: dict[int, Call | None] = {}
    for number in numbers:
        branch = log.ledger.branches[space.numbered(number).text]
        call = read_call(store, log=log, branch=branch.id, upto=None)
        if call is not None and inside.lasting:
            own = call.task == call_in(inside, number) or call.run <= branch.fork
            call = call if own else None
        made[number] = call
    return made


def _likely(made: Mapping[int, Call | None], number: int) -> Iterator[tuple[int, Call | None]]:
    """Yield the calls that a task had made, that of a number first."""
    if number in made:
        yield number, made[number]
    yield from ((other, call) for other, call in made.items() if other != number)


def _unlike(run: Run, inside: "Inside", given: object) -> Call | None:
    """Return the call whose place one takes that has another input than each had, or None.

    An input may differ, as by the time that is in it. A swap would give each the other's result.

    Raises:
        GraphMismatchError: see `find_call`.
    """
    calls = inside.calls
    made = calls.made or {}
    free = [
        number for number, call in _likely(made, inside.number) if call and not calls.has(number)
    ]
    place = free[0] if inside.number in made and free else None
    if place is not None and (instead := made[place]) is not None:
        check_graph(run, instead)
    for number, call in made.items():
        if call is None or _differs(run, call) or not same_input(call.given, given):
            continue
        if place is not None or number in calls.unlike:
            what = "it gives an input that it had given to another of its graphs"
            raise GraphMismatchError(inside.task.node.name, inside.number, what)
    if place is None:
        number = inside.number
        while not calls.take(inside, number):
            number = max(number, *made) + 1
        return None
    if not calls.take(inside, place):
        return _unlike(run, inside, given)  # another thread was faster
    calls.unlike.add(place)
    return made[place]


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
