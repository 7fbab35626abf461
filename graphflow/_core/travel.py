"""Goes back to a checkpoint of a graph inside a thread, and those around it to where it was.

Each of them goes on in a branch of its own from the checkpoint that it was at then, but for those
that are there still. Afterwards the thread's next run comes to that checkpoint by itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from graphflow._core.above import call_of
from graphflow._core.answering import Given, given_to
from graphflow._core.carry import take_along
from graphflow._core.effects import Enter, Load, Program
from graphflow._core.log import Elsewhere, Log
from graphflow._core.opening import read_thread, take_place
from graphflow._core.past import Past, replay
from graphflow._core.reader import Known, Reader, way_to
from graphflow._core.spaces import Space, inside_branch, of_task
from graphflow._core.state import Run
from graphflow._core.stored import fetch, is_checkpoint, read_id
from graphflow._core.update import COPY, Edits, Update, edit_here
from graphflow._record import record
from graphflow.checkpoint.records import ANSWER, STOP, Branch
from graphflow.errors import CheckpointNotFoundError, InvalidUpdateError, shown
from graphflow.types import Command

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver


@record
class Stage:
    """A graph on the way to a checkpoint.

    Attributes:
        space: where it is run.
        branch: its last branch.
        at: the checkpoint of it, as branch and record, if that is known.
        stays: whether it is still where it ran the next one.
    """

    space: Space
    branch: Branch
    at: tuple[int, int] | None
    stays: bool


@record
class Aim:
    """A checkpoint of a graph inside a thread.

    Attributes:
        root: the checkpoint of the thread that it belongs to, as branch and record.
        stages: the graphs that lead to it, the outermost first; the last one is its own.
        past: the state of that.
        upto: the last record that counts of it.
    """

    root: tuple[int, int] | None
    stages: Sequence[Stage]
    past: Past
    upto: int


def travel(run: Run, log: Log, given: object) -> Program[object]:
    """Take a thread, and put it to a checkpoint of a graph inside it.

    Args:
        run: the run that is to go on from there.
        log: its log.
        given: what the caller gave: None, or an answer.

    Returns:
        What of that is still to be applied.

    Raises:
        CheckpointNotFoundError: if the thread has no such graph or checkpoint.
        InvalidUpdateError: if the caller gave an input, which is for the thread.
        ThreadBusyError: if the thread has a run, and this one is not to wait.
        UnknownInterruptError: if nothing at that checkpoint waits for the answer.
    """
    resume = _answer_in(given, log)
    log.hold = yield from Enter(log.asked.thread, log.asked.busy)
    while True:
        aim = yield from Load(partial(_aimed, log=log, asks=resume is not None))
        if aim is None:
            return given  # it is where the thread is
        answers = [] if resume is None else given_to(aim.past, resume, 0)
        if (yield from _arrive(run, log, aim, answers)):
            return None
        # Another process was quicker.


def _arrive(run: Run, log: Log, aim: Aim, answers: Sequence[Given]) -> Program[bool]:
    """Put a thread to a checkpoint of a graph inside it, and answer what waits there.

    Returns:
        Whether that was done; else the thread is not where it was when it was read.
    """
    head, past = yield from Load(lambda store: read_thread(store, log))
    moved = past is None or not is_at(past, aim.stages[0].space)
    if moved:
        assert aim.root is not None, "a graph inside knows where it was"
        back = log.twin(replace(log.asked, checkpoint=aim.root, inner=None))
        yield from edit_here(run, back, Edits([[Update(None, COPY, None)]], forks=True))
        head, past = yield from Load(lambda store: read_thread(store, log))
    take_place(log, head, past, goes_on=True)
    assert past is not None, "the thread has the checkpoint"
    target = _put(log, past, aim, moved=moved)
    rows: list[Elsewhere] = [
        (target, ANSWER, log.pack_answer(one.place, one.question, one.answer)) for one in answers
    ]
    log.sign()
    return (yield from log.start([], inside=rows))


def _answer_in(given: object, log: Log) -> Any:  # noqa: ANN401 - any answer
    """Return the answer that a caller gave, or None.

    Raises:
        InvalidUpdateError: if it is something else.
    """
    kind: Any = Command
    if given is None:
        return None
    if isinstance(given, kind):
        command: Any = given
        if command.update is None and command.goto in ((), []) and command.resume is not None:
            return command.resume
    msg = (
        f"the config names the graph {shown(log.asked.ns)} inside the thread, which goes on with "
        f"None or Command(resume=...) only; for an input to the thread leave checkpoint_ns out, "
        f"to write to that graph use update_state"
    )
    raise InvalidUpdateError(msg)


def _aimed(store: "BaseCheckpointSaver", *, log: Log, asks: bool) -> Aim | None:
    """Find the checkpoint that a config names; None for one that the thread is at.

    Raises:
        CheckpointNotFoundError: if there is none.
    """
    asked = log.asked
    reader = Reader(store, Known(log.graph, log.codec, lambda _node, _told: None), asked.thread)
    way = way_to(reader, asked.ns)
    if way is None:
        msg = f"the thread {shown(asked.thread)} has no graph of the checkpoint_ns {asked.ns!r}"
        raise CheckpointNotFoundError(msg)
    branch = way[-1][1]
    newest = fetch(store, asked.thread, branch.id)
    assert newest is not None, "the branch has records"
    last = replay(log.codec, newest)
    if asked.inner is None or last.place == asked.inner:
        return None
    stored = fetch(store, asked.thread, *asked.inner) if way[-1][2].has(*asked.inner) else None
    past = None if stored is None else replay(log.codec, stored)
    if past is None or _seq(past) != asked.inner[1]:
        msg = f"the graph {asked.ns!r} inside the thread has no checkpoint of that checkpoint_id"
        raise CheckpointNotFoundError(msg)
    upto = asked.inner[1]
    if asks:
        upto = _ask(store, log, past, *asked.inner)
    parents = _parents(store, log, past)
    stages: list[Stage] = []
    for (space, each, there), after in zip(way, [*way[1:], None], strict=True):
        at = read_id(parents[there.ns]) if there.ns in parents else None
        now = there.past()
        stays = after is not None and now is not None and is_at(now, after[0])
        stages.append(Stage(space, each, at, stays))
    stages[-1] = Stage(stages[-1].space, branch, (asked.inner[0], upto), stays=False)
    return Aim(read_id(parents.get("", "")), stages, past, upto)


def _seq(past: Past) -> int:
    """Return the record of a state's last checkpoint."""
    return 0 if past.checkpoint is None else past.checkpoint.seq


def _parents(store: "BaseCheckpointSaver", log: Log, past: Past) -> dict[str, str]:
    """Return the checkpoints around a state, by their namespaces."""
    found: dict[str, str] = call_of(store, log, past).get("parents", {})
    return found


def _ask(store: "BaseCheckpointSaver", log: Log, past: Past, branch: int, seq: int) -> int:
    """Take in what was first asked after a checkpoint; return the record that says so."""
    for entry in store.records(log.asked.thread, branch=branch, after=seq):
        if is_checkpoint(log.codec, entry):
            break
        if entry.kind == STOP:
            past.ask(log.codec, entry)
            return entry.seq
    return seq


def is_at(past: Past, space: Space) -> bool:
    """Tell whether a graph is in the superstep in which it has run another."""
    first = space.first
    if past.branch != space.outer or first.step not in (None, past.step + 1):
        return False
    places = [(first.node, first.index)]
    if first.lasting:
        places = [place for place in past.due() if place[0] == first.node]
    return any(place in past.due() and place not in past.tasks for place in places)


def _put(log: Log, past: Past, aim: Aim, *, moved: bool) -> int:
    """Add the branches in which graphs go on; return the one that the checkpoint is in."""
    outer = log.branch
    for number, stage in enumerate(aim.stages):
        if stage.stays and not moved:
            outer = stage.branch.id
            continue
        step = past.step + 1 if moved and not number else None
        _take_others_along(log, aim, stage, outer, step)
        at = stage.at
        assert at is not None, "a graph knows where those around it were"
        outer = log.inner_branch(_there(stage.space, outer, step).text, *at)
        moved = True
    return outer


def _there(space: Space, outer: int, step: int | None) -> Space:
    """Return where a graph goes on: in a branch of the one around it, and in a superstep."""
    return (space if step is None else space.in_step(step)).within(outer)


def _take_others_along(log: Log, aim: Aim, stage: Stage, outer: int, step: int | None) -> None:
    """Let the other graphs that a task had called go on where they were at the checkpoint.

    So those that had ended are not run again, and those that came later are.
    """
    branches, task = aim.past.stored.branches, stage.space.first
    calls = inside_branch(branches, stage.space.outer)
    for space, branch in of_task(calls, task.node, task.step, task.index):
        if branch.id != stage.branch.id:
            take_along(log, branches, _there(space, outer, step), branch, aim.upto)
