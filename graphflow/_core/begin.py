"""Begins a run on a thread: what is stored there and what the caller gives become its first state.

A dict is a new input: it starts again from START, with the thread's values. None goes on where
the thread is. A Command writes and leads somewhere, and goes on, too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graphflow._core.admit import check_input
from graphflow._core.alone import alone
from graphflow._core.answering import Given, given_to, told_inside, too_late
from graphflow._core.asking import Journal, Question
from graphflow._core.barrier import changes_of
from graphflow._core.carry import carry
from graphflow._core.checkpoints import checkpoint_chunks, due_tasks, start_task
from graphflow._core.commit import by_rank, commit, folded, gather, install
from graphflow._core.effects import Emit, Enter, Load, Program
from graphflow._core.form import Place, TaskForm
from graphflow._core.log import Log
from graphflow._core.opening import due_again, is_newest, read_thread, state_of, take_place
from graphflow._core.packing import Packed
from graphflow._core.parse import parse
from graphflow._core.past import Past
from graphflow._core.project import values_chunk, wrote
from graphflow._core.state import Frontier, Outcome, Run, RunState, Succeeded, Task
from graphflow._core.stored import run_at
from graphflow._core.unfinished import carried
from graphflow._record import record
from graphflow.checkpoint.records import ANSWER, BARRIER, RUN
from graphflow.errors import EmptyInputError, InvalidUpdateError, shown
from graphflow.schema import as_fields
from graphflow.types import Command, Send


@record
class Begun:
    """Where a run begins.

    Attributes:
        state: the state.
        stored: what tasks that are due have returned already, in an earlier run.
        journals: what tasks that are due have asked, were answered and have kept.
        waiting: what those tasks ask that are to go on waiting.
        passes: whether the first superstep is not to be stopped before.
        first: how START has ended, if not well.
    """

    state: RunState
    stored: Mapping[Place, TaskForm]
    journals: Mapping[Place, Journal]
    waiting: Mapping[Place, Sequence[Question]]
    passes: bool = False
    first: Outcome | None = None

    @property
    def resumes(self) -> bool:
        """Whether tasks that are due have been run already."""
        return bool(self.stored or self.journals or self.waiting)


def begin(run: Run, log: Log, given: object) -> Program[Begun]:
    """Take the thread, read it, and apply what the caller gives.

    Raises:
        CheckpointError: if the thread cannot be read, or the input cannot be stored.
        EmptyInputError: if there is nothing to run: no input on a thread that has no state.
        InvalidUpdateError: if the input is no update of the input schema.
        ThreadBusyError: if the thread has a run, and this one is not to wait.
    """
    check_input(given, stored=True)
    if log.hold is None:
        log.hold = yield from Enter(log.asked.thread, log.asked.busy)
    while True:
        head, past = yield from Load(lambda store: read_thread(store, log))
        newest = is_newest(log, past)
        forks = given is None and past is not None and past.source != "update"
        take_place(log, head, past, goes_on=newest and not forks)
        run.stop = (-2 if past is None else past.step) + run.limit + 2
        begun = yield from _begun(run, log, past, given)
        if begun is not None:
            return begun
        # Another process, or a run that was left with a commit on its way, was quicker.


def _begun(run: Run, log: Log, past: Past | None, given: object) -> Program[Begun | None]:
    """Begin in the way that fits; None if the thread has moved on meanwhile."""
    command = _command_in(given)
    if given is not None and command is None:
        return (yield from with_input(run, log, past, given))
    if past is not None:
        return (yield from _resumed(run, log, past, command))
    if command is not None and _says_more(command):
        return (yield from with_input(run, log, None, given))
    msg = (
        f"there is nothing to resume: the thread {shown(log.asked.thread)} has no state yet; "
        f"give a dict of state keys, {{}} if there is nothing to say"
    )
    raise EmptyInputError(msg)


def _command_in(given: object) -> Command[Any] | None:
    """Return an input that is a Command, or None."""
    kind: Any = Command  # not narrowed to by type checkers, which would know too little of it
    return cast("Command[Any]", given) if isinstance(given, kind) else None


def _says_more(command: Command[Any]) -> bool:
    """Tell whether a Command does anything beside answering an interrupt."""
    goto = command.goto
    return command.update is not None or isinstance(goto, str) or goto not in ((), [])


# --------------------------------------------------------------------------------- a new input


def with_input(run: Run, log: Log, past: Past | None, given: object) -> Program[Begun | None]:
    """Start from START; what was due is due no more."""
    step = -1 if past is None else past.step + 1
    log.loose = []  # what they returned is not part of this run; the history goes on showing it
    told = as_fields(given)
    state = state_of(run, log, past).due_next((), (), step + 1)
    before, shown = log.before if log.ending is not None else log.last, dict(state.values)
    last = log.last
    announced = log.announce(run.id, "input", step, [told])
    this = None if log.last == last else log.last
    done = parse(_start(run, state, told), told)  # a bad input is refused before it is kept
    rows: list[Packed] = [(RUN, announced)]
    if not run.graph.entry.branches:
        state = commit(state, (done,), log)
        rows.append((BARRIER, log.noted()))
    if not (yield from log.enter(rows, values=state.values)):
        return None
    if run.view.traces:
        this = this or (log.last if run.graph.entry.branches else log.before)
        at, tasks = (this, before), start_task(log, step)
        yield from Emit(checkpoint_chunks(run, log, shown, "input", step, tasks, at=at))
    if run.graph.entry.branches:
        return (yield from started(run, log, state, told, {}))
    yield from _after_start(run, log, state, done)
    return Begun(state, {}, {}, {})


def _start(run: Run, state: RunState, given: object) -> Task:
    """Return START's task."""
    return Task(run.graph.entry, given, state.step, -1, state.values, run)


def started(
    run: Run, log: Log, state: RunState, given: object, journals: Mapping[Place, Journal]
) -> Program[Begun]:
    """Run START with its conditional edges, and store its barrier, if that went well."""
    task = _start(run, state, given)
    task.journal = journals.get((task.node.name, task.index))
    outcome = yield from alone(run, task)
    if not isinstance(outcome, Succeeded):
        return Begun(state, {}, {}, {}, first=outcome)
    state = commit(state, (outcome,), log)
    yield from log.barrier(state)
    yield from _after_start(run, log, state, outcome)
    return Begun(state, {}, {}, {})


def _after_start(run: Run, log: Log, state: RunState, done: Succeeded) -> Program[None]:
    """Show the state with the input."""
    if run.view.values and wrote(run.view, (done,)):
        yield from Emit((values_chunk(run, state),))
    if run.view.traces:
        tasks = due_tasks(log, state)
        yield from Emit(checkpoint_chunks(run, log, state.values, "loop", state.step - 1, tasks))


# ------------------------------------------------------------------------------------ going on


def _resumed(run: Run, log: Log, past: Past, command: Command[Any] | None) -> Program[Begun | None]:
    """Go on where the thread is, after what a Command does, in a branch of its own or not."""
    state = due_again(run, past, state_of(run, log, past))
    forked = log.branch != past.branch
    log.earlier = _earlier(past)
    resume = None if command is None else command.resume
    said = command if command is not None and _says_more(command) else None
    run.answers = resume is not None and said is None
    copies = forked and resume is None
    if copies:
        _leave_behind(past)
    if forked:
        yield from carry(log, past, past.step + (2 if copies else 1))
    # What was asked in time can be answered anew in the past, whatever the time is now.
    now = run.clock() if past.newest else 0
    answers = [*too_late(past, now), *([] if resume is None else given_to(past, resume, now))]
    if said is not None:
        _check_applied(log, past)
    elif not forked and not (past.given or state.due or state.sends):
        yield from as_it_is(run, log, past, state, None)
        return Begun(state, {}, {}, {})
    passes = passes_first(past, forked=forked) or command is not None
    state, rows, made = _records(run, log, past, state, said, copies=copies)
    if forked:
        rows += carried(log, past)
    rows += [(ANSWER, log.pack_answer(one.place, one.question, one.answer)) for one in answers]
    if not (yield from log.start(rows, values=state.values, inside=told_inside(log, answers))):
        return None
    log.again = None if forked or said is not None else past.epoch
    yield from as_it_is(run, log, past, state, made)
    for one in answers:
        past.answer(one.place, one.question, one.answer)
    if past.given is not None:
        given: Any = past.given.given[0] if past.given.given else {}
        ahead = state.due_next((), (), past.given.step + 1)
        return (yield from started(run, log, ahead, given, past.journals))
    waiting = _waiting(run, past, answers)
    log.kept = {place for place, task in past.tasks.items() if task.whole} | {*waiting}
    return Begun(state, past.tasks, past.tried(), waiting, passes=passes)


def _earlier(past: Past) -> int | Mapping[str, Any] | None:
    """Return the last run's number, or what its checkpoints are stored with, if that was read."""
    if past.run is not None:
        return past.run.metadata
    return None if past.barrier is None else past.barrier.run


def _leave_behind(past: Past) -> None:
    """Leave behind what a run that forks does not take along: errors, and if all runs anew, all."""
    past.waiting = {}
    past.stop = past.stop.without_errors() if past.newest and past.stop is not None else None
    if not past.newest:
        past.journals, past.carries = {}, None  # the superstep had ended: all of it is run anew


def _check_applied(log: Log, past: Past) -> None:
    """Raise if a Command would update what the input is not applied to yet.

    Raises:
        InvalidUpdateError: then.
    """
    if past.given is not None:
        msg = (
            f"the input of the thread {shown(log.asked.thread)} is not applied there yet: go on "
            f"with None or Command(resume=...) first, and update afterwards"
        )
        raise InvalidUpdateError(msg)


def _waiting(run: Run, past: Past, answers: Sequence[Given]) -> dict[Place, list[Question]]:
    """Return what is to go on waiting.

    Who answers one of several questions wants that task to be run, and no other that waits;
    unless the state is another one now, and with it what they ask. A task that runs a graph is run
    if that has an answer, whatever else it waits for.
    """
    waiting = past.shown() if run.answers else {}
    for one in answers:
        if one.question.inner:
            waiting.pop(one.place, None)
    return waiting


def _records(  # noqa: PLR0913 - a run, its log, and what becomes of the state
    run: Run,
    log: Log,
    past: Past,
    state: RunState,
    said: Command[Any] | None,
    *,
    copies: bool,
) -> tuple[RunState, list[Packed], str | None]:
    """Return what a run has to say that goes on.

    Args:
        run: the run.
        log: its log.
        past: what was there.
        state: the state of that.
        said: a Command that writes something, or leads somewhere.
        copies: whether the checkpoint it goes on from is made again, in another branch.

    Returns:
        The state, the records, and what the checkpoint among them comes from, if there is one.
    """
    rows: list[Packed] = [(RUN, log.announce(run.id, "resume", past.step, ()))]
    if said is not None:
        state, barrier = _apply(run, log, past, state, said)
        return state, [*rows, (BARRIER, barrier)], "update"
    if not copies or past.given is not None:
        return state, rows, None
    state = state.due_next(state.due, state.sends, state.step + 1)
    frontier = Frontier(state.due, state.sends, state.joins, state.waiting)
    rows.append((BARRIER, log.pack(state.step - 1, [], frontier, {}, state.values, "fork")))
    return state, rows, "fork"


def passes_first(past: Past, *, forked: bool) -> bool:
    """Tell whether the first superstep is not to be stopped before.

    It is only where the thread's last run has died just before it: every other way to get here
    has been a stop already, or is somebody's own wish.
    """
    return forked or past.paused or past.stop is not None or past.source != "loop"


def as_it_is(run: Run, log: Log, past: Past, state: RunState, made: str | None) -> Program[None]:
    """Show the state as it is, before anything runs.

    Args:
        run: the run.
        log: its log.
        past: what was there.
        state: what is there now.
        made: where the checkpoint comes from that this run has made; None if it has made none.
    """
    if run.view.values:
        yield from Emit((values_chunk(run, state),))
    if not run.view.traces:
        return
    if past.given is not None:
        tasks = start_task(log, past.step, past)
    else:
        tasks = due_tasks(log, state, past)
    own = (yield from _said(log, past)) if made is None else None
    source = past.source if made is None else made
    step = state.step - 1
    yield from Emit(checkpoint_chunks(run, log, state.values, source, step, tasks, own))


def _said(log: Log, past: Past) -> Program[Mapping[str, Any]]:
    """Return what the config of the last checkpoint's run said."""
    if past.given is not None or past.barrier is None:
        return {} if past.given is None else past.given.metadata
    seq = past.barrier.run
    run = yield from Load(lambda store: run_at(store, log.codec, log.asked.thread, seq))
    return run.metadata


def _apply(
    run: Run, log: Log, past: Past, state: RunState, command: Command[Any]
) -> tuple[RunState, bytes]:
    """Apply a caller's Command to a state; return it, and the packed barrier that says so."""
    graph, values = run.graph, state.values
    # Without the answer, which is no write: it is for those that have asked.
    said = Command(graph=command.graph, update=command.update, goto=command.goto)
    done = parse(Task(graph.entry, said, past.step, -1, values, run), said)
    written = gather((done,))
    changed = folded(values, written, (done,))
    due, waiting, sends = {*state.due}, {*state.waiting}, [*state.sends]
    for goto in done.goto:
        if isinstance(goto, Send):
            sends.append(goto)
        else:
            (waiting if goto.defer else due).add(goto)
    if waiting and not due and not sends:
        due, waiting = waiting, due
    frontier = Frontier(by_rank(due), sends, state.joins, by_rank(waiting))
    changes = {
        key: change
        for key, change in changes_of(graph, values, written, changed).items()
        if key in changed  # nothing fades: no superstep has passed
    }
    wrote: list[Any] = ["", -1]
    for write in done.writes:
        wrote += write
    barrier = log.pack(past.step, [wrote], frontier, changes, values, "update")
    install(values, state.sizes, changed, graph)
    ahead = RunState(
        values, state.sizes, frontier.due, sends, state.joins, frontier.waiting, state.step
    )
    return ahead, barrier
