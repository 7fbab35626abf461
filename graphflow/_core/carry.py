"""Takes the graphs inside a superstep along that another branch goes on with: as branches, too.

A branch of such a graph begins where the one is that it comes from, with all that its tasks have
returned, asked and been answered there. So nothing of it is copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.asking import Question
from graphflow._core.effects import Load, Program
from graphflow._core.form import SOURCES, RunForm, opened
from graphflow._core.log import Log
from graphflow._core.past import Past
from graphflow._core.spaces import Space, inside_branch, read_level
from graphflow.checkpoint.records import RUN, Branch

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver

FORK: Final = SOURCES.index("fork")


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
    for space, branch in inside_branch(past.stored.branches, past.branch):
        if space.first.step not in (None, past.step + 1):
            continue
        last = last_call(store, log, branch, upto)
        if last is None and (space.first.lasting or not branch.parent):
            continue  # it had not begun
        if last is not None and space.first.lasting and step_of(last) != past.step + 1:
            continue  # it is the memory of another superstep, and found by the history
        there = space.in_step(step).within(log.branch)
        moved |= take_along(log, past.stored.branches, there, branch, upto)
        if last is not None and space.first.lasting:
            hand_over(log, moved[branch.id], last, step)
    return moved


def last_call(store: "BaseCheckpointSaver", log: Log, branch: Branch, upto: int) -> RunForm | None:
    """Return the last run of a branch by a record, which tells its call; None if there was none.

    One without a run of its own has been made to go on with what is in another.
    """
    for entry in store.records(log.ledger.thread, branch=branch.id, newest_first=True):
        if entry.kind == RUN and entry.seq <= upto:
            return RunForm.read(entry, opened(log.codec, entry))
    return None


def step_of(last: RunForm) -> int | None:
    """Return the superstep of the outermost graph in which a call was made."""
    told = str((last.call or {}).get("task", ""))
    return read_level(told.partition("|")[0]).step if told else None


def hand_over(log: Log, branch: int, last: RunForm, step: int) -> None:
    """Let the memory of a node be, in another branch, what the same task has in it there.

    Without that a later task would take the call for its own, or the task would call anew.

    Args:
        log: the log.
        branch: the branch that the memory is in, now.
        last: the last run there was of it.
        step: the superstep of the outermost graph that the task is of now.
    """
    call = {key: value for key, value in (last.call or {}).items() if key != "begins"}
    first, _, rest = str(call.get("task", "")).partition("|")
    first = replace(read_level(first), step=step).text()
    call["task"] = f"{first}|{rest}" if rest else first
    row: list[Any] = [log.clock(), FORK, last.step, last.run_id, last.metadata, [], call]
    log.carried.append((branch, RUN, log.pack_again(row)))


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
