"""Takes the graphs inside a superstep along that another branch goes on with: as branches, too.

A branch of such a graph begins where the one is that it comes from, with all that its tasks have
returned, asked and been answered there. So nothing of it is copied.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from graphflow._core.asking import Question
from graphflow._core.effects import Load, Program
from graphflow._core.log import Log
from graphflow._core.past import Past
from graphflow._core.spaces import Space, inside_branch
from graphflow.checkpoint.records import RUN, Branch

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver


def carry(log: Log, past: Past, step: int) -> Program[None]:
    """Let the graphs that ran inside a superstep go on in another branch of the run around them.

    Args:
        log: the log, which has been put to the new branch.
        past: the superstep that it comes from; what it asks is changed to where that is now.
        step: the number that the superstep has in the new branch.
    """
    if past.carries is None or not past.stored.branches:
        return
    upto = past.carries
    moved = yield from Load(lambda store: _moved(store, log, past, step, upto))
    if moved:
        _follow(past, moved)


def _moved(
    store: "BaseCheckpointSaver", log: Log, past: Past, step: int, upto: int
) -> dict[int, int]:
    """Add branches to a log; return the number of each by that of the one it comes from."""
    moved: dict[int, int] = {}
    last = 0 if past.checkpoint is None else past.checkpoint.seq
    for space, branch in inside_branch(past.stored.branches, past.branch):
        if space.first.step not in (None, past.step + 1):
            continue
        if not _counts(store, log.ledger.thread, branch, last if space.first.lasting else 0, upto):
            continue
        first = space.first
        if not first.lasting:
            first = replace(first, step=step)
        _add(log, past, Space((first, *space.levels[1:]), log.branch), branch, moved)
    return moved


def _add(log: Log, past: Past, space: Space, branch: Branch, moved: dict[int, int]) -> None:
    """Add a branch, and those of the graphs inside it."""
    assert past.carries is not None, "or nothing is taken along"
    new = moved[branch.id] = log.inner_branch(space.text, branch.id, past.carries)
    for inner, deeper in inside_branch(past.stored.branches, branch.id):
        _add(log, past, inner.within(new), deeper, moved)


def _counts(
    store: "BaseCheckpointSaver", thread: str, branch: Branch, after: int, upto: int
) -> bool:
    """Tell whether a branch has begun by a record, and a run of it not before another.

    One without a run of its own has been made to go on with what is in another, and with that
    superstep.
    """
    for entry in store.records(thread, branch=branch.id, newest_first=True):
        if entry.kind == RUN and entry.seq <= upto:
            return entry.seq > after
    return bool(branch.parent)


def _follow(past: Past, moved: Mapping[int, int]) -> None:
    """Let questions be known to be asked where their graphs are now."""
    for place, journal in past.journals.items():
        journal.asked = {one: followed(q, moved) for one, q in journal.asked.items()}
        if place in past.waiting:
            past.waiting[place] = journal.open


def followed(question: Question, moved: Mapping[int, int]) -> Question:
    """Return a question as it is asked where the graphs are now."""
    if not question.inner:
        return question
    inner = [[moved.get(level[0], level[0]), *level[1:]] for level in question.inner]
    return replace(question, inner=inner)
