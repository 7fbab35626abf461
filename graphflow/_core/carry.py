"""Takes the graphs inside a superstep along that another branch goes on with: as branches, too.

A branch of such a graph begins where the one is that it comes from, with all that its tasks have
returned, asked and been answered there. So nothing of it is copied.
"""

from collections.abc import Mapping, Sequence
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
        there = space.in_step(step).within(log.branch)
        moved |= take_along(log, past.stored.branches, there, branch, upto)
    return moved


def take_along(
    log: Log, branches: Sequence[Branch], space: Space, branch: Branch, upto: int
) -> dict[int, int]:
    """Let a graph, and those inside it, go on in other branches; add those to a log.

    Args:
        log: the log.
        branches: those of the thread.
        space: where the graph is run now.
        branch: the one that it was in.
        upto: the last record that counts.

    Returns:
        The number of each branch by that of the one it comes from.
    """
    new = log.inner_branch(space.text, branch.id, upto)
    moved = {branch.id: new}
    for inner, deeper in inside_branch(branches, branch.id):
        moved |= take_along(log, branches, inner.within(new), deeper, upto)
    return moved


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
