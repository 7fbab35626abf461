"""Goes back to a checkpoint of a graph inside a thread, and those around it to where it was.

Each of them goes on in a branch of its own from the checkpoint that it was at then, but for those
that are there still. Afterwards the thread's next run comes to that checkpoint by itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from graphflow._core.above import last_run
from graphflow._core.answering import Given, given_to
from graphflow._core.carry import hand_over, last_call, step_of, take_along
from graphflow._core.effects import Enter, Load, Program
from graphflow._core.form import RunForm
from graphflow._core.log import Elsewhere, Log
from graphflow._core.opening import ask_again, read_thread, take_place
from graphflow._core.past import Past, replay
from graphflow._core.reader import Known, Reader, way_to
from graphflow._core.spaces import Space, inside_branch, of_task
from graphflow._core.state import Run
from graphflow._core.stored import fetch, is_checkpoint, parents_of, read_id
from graphflow._core.update import COPY, Edits, Update, edit_here
from graphflow._record import record
from graphflow.checkpoint.records import ANSWER, Branch
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
        at: the checkpoint of it, as branch and record; None if it stays where it is.
        stays: whether it is still where it ran the next one.
        others: the other graphs that its task had called; of memories with their last calls, if
            those were the task's.
        last: its own last call, if it is the memory of a node.
    """

    space: Space
    branch: Branch
    at: tuple[int, int] | None
    stays: bool
    others: Sequence[tuple[Space, Branch, RunForm | None]] = ()
    last: RunForm | None = None


@record
class Aim:
    """A checkpoint of a graph inside a thread.

    Attributes:
        root: the checkpoint of the thread that it belongs to, as branch and record.
        stages: the graphs that lead to it, the outermost first; the last one is its own.
        past: the state of that.
        upto: the last record that counts of it.
        stays: whether the thread still is where it ran the first one.
    """

    root: tuple[int, int] | None
    stages: Sequence[Stage]
    past: Past
    upto: int
    stays: bool


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
    moved = past is None or not aim.stays
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
    if asked.inner is None:
        return None
    stored = fetch(store, asked.thread, *asked.inner) if way[-1][2].has(*asked.inner) else None
    past = None if stored is None else replay(log.codec, stored)
    if past is None or _seq(past) != asked.inner[1]:
        msg = f"the graph {asked.ns!r} inside the thread has no checkpoint of that checkpoint_id"
        raise CheckpointNotFoundError(msg)
    last = last_run(store, log, past)
    stays = _stays(reader, way, step_of(last))
    if all(stays) and _is_last(store, log, branch, asked.inner):
        return None
    upto = asked.inner[1]
    if asks:
        behind = store.records(asked.thread, branch=asked.inner[0], after=upto)
        tail = takewhile(lambda entry: not is_checkpoint(log.codec, entry), behind)
        upto = ask_again(log, past, tail) or upto
    parents = parents_of(store, log.codec, asked.thread, last.call)
    places = [read_id(one) for one in parents.values()]  # the outermost first
    then, stages = _Then(store, log, past, upto, step_of(last)), list[Stage]()
    for number, (space, each, _) in enumerate(way[:-1], 1):
        at = places[number] if number < len(places) else None
        if at is None and not stays[number]:
            msg = f"the graphs around {asked.ns!r} have no checkpoint that belongs to that one"
            raise CheckpointNotFoundError(msg)
        stages.append(then.stage(space, each, at, stays[number]))
    stages.append(then.stage(way[-1][0], branch, (asked.inner[0], upto), stays=False))
    return Aim(places[0] if places else None, stages, past, upto, stays=stays[0])


def _stays(
    reader: Reader, way: Sequence[tuple[Space, Branch, Reader]], step: int | None
) -> list[bool]:
    """Return whether the thread, and each graph on the way, still is where it ran the next one.

    Args:
        reader: reads the thread.
        way: the graphs.
        step: the thread's superstep in which the last one was run.
    """
    around = [reader, *(there for _, _, there in way[:-1])]
    pasts = [each.past() for each in around]
    return [
        now is not None and is_at(now, space, step)
        for now, (space, _, _) in zip(pasts, way, strict=True)
    ]


def _is_last(
    store: "BaseCheckpointSaver", log: Log, branch: Branch, place: tuple[int, int]
) -> bool:
    """Tell whether a checkpoint is the last of a branch."""
    newest = fetch(store, log.asked.thread, branch.id)
    return newest is not None and replay(log.codec, newest).place == place


def _seq(past: Past) -> int:
    """Return the record of a state's last checkpoint."""
    return 0 if past.checkpoint is None else past.checkpoint.seq


def is_at(past: Past, space: Space, step: int | None) -> bool:
    """Tell whether a graph is in the superstep in which it has run another.

    Args:
        past: where the graph is.
        space: where the other one was run.
        step: the superstep, of the memory of a node, which does not tell it.
    """
    first = space.first
    if past.branch != space.outer or (step if first.lasting else first.step) != past.step + 1:
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
        step = None if number else past.step + 1
        _take_others_along(log, aim, stage, outer, step)
        assert stage.at is not None, "it is looked for before anything is moved"
        outer = log.inner_branch(_there(stage.space, outer, step).text, *stage.at)
        if stage.last is not None:
            hand_over(log, outer, stage.last, past.step + 1)
        moved = True
    return outer


def _there(space: Space, outer: int, step: int | None) -> Space:
    """Return where a graph goes on: in a branch of the one around it, and in a superstep."""
    return (space if step is None else space.in_step(step)).within(outer)


def _take_others_along(log: Log, aim: Aim, stage: Stage, outer: int, step: int | None) -> None:
    """Let the other graphs that a task had called go on where they were at the checkpoint.

    So those that had ended are not run again, and those that came later are.
    """
    branches = aim.past.stored.branches
    for space, branch, last in stage.others:
        there = _there(space, outer, step)
        moved = take_along(log, branches, there, branch, aim.upto)
        if last is not None:
            assert step is not None, "a memory is inside the thread itself"
            hand_over(log, moved[branch.id], last, step)


@record
class _Then:
    """What the store tells of the graphs around a checkpoint, up to a record.

    Attributes:
        store: the store.
        log: the log of the thread.
        past: the state at the checkpoint.
        upto: the record.
        step: the thread's superstep that the checkpoint is of.
    """

    store: "BaseCheckpointSaver"
    log: Log
    past: Past
    upto: int
    step: int | None

    def stage(self, space: Space, branch: Branch, at: tuple[int, int] | None, stays: bool) -> Stage:  # noqa: FBT001 - a field of it
        """Return a graph on the way, with what its task had called beside it."""
        task, others = space.first, list[tuple[Space, Branch, RunForm | None]]()
        calls = inside_branch(self.past.stored.branches, space.outer)
        for other, its in of_task(calls, task.node, task.step, task.index):
            if its.id != branch.id:
                others.append((other, its, self._last(other, its)))
        return Stage(space, branch, at, stays, others, self._last(space, branch))

    def _last(self, space: Space, branch: Branch) -> RunForm | None:
        """Return the last call of a memory, if it was made in the superstep of the checkpoint."""
        if not space.first.lasting:
            return None
        last = last_call(self.store, self.log, branch, self.upto)
        return last if last is not None and step_of(last) == self.step else None
