"""The program: plan, compute, barrier, until nothing is due. Read this file first.

A run is a generator. It yields effects (`effects.py`) for everything that waits and is sent
their answers, so it knows no event loop, no thread and no clock; the drivers in `_drive/` do.
Each step is a pure function of plain data, in a file of its own: `admit`, `plan`, `commit`,
`project`.
"""

from collections.abc import Sequence
from typing import cast

from graphflow._core.admit import admit
from graphflow._core.commit import commit
from graphflow._core.effects import Cancel, Compute, Emit, Next, Program, Start
from graphflow._core.fail import check
from graphflow._core.plan import plan, start_order
from graphflow._core.project import cached_chunk, custom_chunk, update_chunk, values_chunk, wrote
from graphflow._core.state import (
    Event,
    Failed,
    Outcome,
    Run,
    RunState,
    Succeeded,
    Task,
    Written,
)
from graphflow._core.trace import ended_chunks, started_chunks
from graphflow.errors import GraphRecursionError


def supersteps(run: Run, given: object) -> Program[RunState]:
    """Run a graph from an input to its end.

    Raises:
        GraphRecursionError: after as many supersteps as the run's limit, if that was not the end.
        BaseException: what a node raised, with a note of where.
    """
    view, thread = run.view, run.thread
    state = yield from _begin(run, given)
    tasks: Sequence[Task] = ()
    # As in LangGraph the limit is checked before the plan: a chain of 3 needs a limit of 4.
    while state.step <= run.stop:
        if not (tasks := plan(run, state)):
            break
        if len(tasks) == 1 and not view.custom and (thread is None or not thread.resumes):
            # A bare yield where `yield from` would do: 0.1 us each, on the path of every chain.
            if view.follows:
                yield Emit(started_chunks(run, tasks))
            outcome: Outcome = yield Compute(tasks[0])
            if view.live and (chunks := _chunks(run, (outcome,))):
                yield Emit(chunks)
            done: Sequence[Succeeded] = (outcome,) if type(outcome) is Succeeded else ()
            done = done or (yield from _raise(run, state, (outcome,)))
        else:
            done = _in_plan_order(tasks, (yield from _together(run, state, tasks)))
        state = commit(state, done) if thread is None else (yield from thread.barrier(state, done))
        if view.values and wrote(view, done):
            yield Emit((values_chunk(run, state),))
        if thread is not None and view.traces:
            yield from thread.show(run, state)
    return (yield from _end(run, state, tasks))


def _end(run: Run, state: RunState, tasks: Sequence[Task]) -> Program[RunState]:
    """Return the last state, after what is not stored yet.

    Raises:
        GraphRecursionError: if the run was stopped by its limit; `tasks` are those it ran last.
    """
    if run.thread is not None:
        yield from run.thread.finish(state)
    if state.step > run.stop:
        raise GraphRecursionError(run.limit, [task.node.name for task in tasks])
    return state


def _begin(run: Run, given: object) -> Program[RunState]:
    """Return the state that the run begins with, after its input."""
    if run.thread is not None:
        return (yield from run.thread.begin(run, given))
    state, first = yield from admit(run, given)
    if run.view.values and wrote(run.view, (first,)):
        yield from Emit((values_chunk(run, state),))
    return state


def _raise(run: Run, state: RunState, outcomes: Sequence[Outcome]) -> Program[Sequence[Succeeded]]:
    """Raise the error of the task that failed first, after it is stored what became of all.

    Raises:
        BaseException: that error, with a note of where.
    """
    yield from _note_failure(run, state, outcomes)
    return check(outcomes)


def _note_failure(run: Run, state: RunState, outcomes: Sequence[Outcome]) -> Program[None]:
    """Store what the tasks of a superstep have returned, of which one has failed."""
    if run.thread is not None:
        yield from run.thread.failed(state, outcomes)


def _together(run: Run, state: RunState, tasks: Sequence[Task]) -> Program[Sequence[Succeeded]]:
    """Run tasks at once; return their outcomes as they came.

    Raises:
        BaseException: what the first task to fail raised; the others have been cancelled.
    """
    view, thread = run.view, run.thread
    shown = start_order(tasks)
    if view.follows:
        yield from Emit(started_chunks(run, shown))
    ended: list[Outcome] = []
    if thread is not None and thread.resumes:
        old = thread.restored(shown)
        ended += old.values()
        shown = [task for task in shown if task not in old]
        if view.updates and old:
            yield from Emit([cached_chunk(view, done) for done in old.values()])
    if shown:
        yield from Start(shown)
    while len(ended) < len(tasks):
        left = len(tasks) - len(ended)
        events = yield from Next(1 if view.live or thread is not None else left)
        outcomes = _outcomes(events) if view.custom else cast("Sequence[Outcome]", events)
        if thread is not None and len(outcomes) < left and not _failed(outcomes):
            outcomes = yield from thread.keep(outcomes)
        ended += outcomes
        failed = _failed(outcomes)
        late = (yield from Cancel()) if failed else ()
        if view.live and (chunks := _chunks(run, events)):
            yield from Emit(chunks)
        if failed:
            yield from _note_failure(run, state, [*ended, *late])
            check([*ended, *late])
    return cast("Sequence[Succeeded]", ended)


def _failed(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether a task has failed."""
    return any(type(outcome) is Failed for outcome in outcomes)


def _outcomes(events: Sequence[Event]) -> Sequence[Outcome]:
    """Return the events that are ends of tasks."""
    return [event for event in events if not isinstance(event, Written)]


def _chunks(run: Run, events: Sequence[Event]) -> list[object]:
    """Return what is to be shown of events, in their order."""
    view = run.view
    chunks: list[object] = []
    for event in events:
        if isinstance(event, Written):
            chunks.append(custom_chunk(view, event))
            continue
        if view.updates and (chunk := update_chunk(view, event)) is not None:
            chunks.append(chunk)
        if view.follows:
            chunks += ended_chunks(run, event)
    return chunks


def _in_plan_order(tasks: Sequence[Task], outcomes: Sequence[Succeeded]) -> Sequence[Succeeded]:
    """Return outcomes in the order of their tasks, whatever order they came in."""
    if len(tasks) == 1:
        return outcomes
    by_task = {done.task: done for done in outcomes}
    return [by_task[task] for task in tasks]
