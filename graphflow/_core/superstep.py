"""The program: plan, compute, barrier, until nothing is due. Read this file first.

A run is a generator. It yields effects (`effects.py`) for everything that waits and is sent
their answers, so it knows no event loop, no thread and no clock; the drivers in `_drive/` do.
Each step is a pure function of plain data, in a file of its own: `admit`, `plan`, `commit`,
`project`.
"""

from collections.abc import Sequence
from typing import cast

from graphflow._core.admit import admit
from graphflow._core.commit import Edit, commit
from graphflow._core.effects import Cancel, Compute, Emit, Next, Program, Start
from graphflow._core.fail import check
from graphflow._core.inside import Inside, up_from
from graphflow._core.plan import plan, start_order
from graphflow._core.preview import preview_of, results
from graphflow._core.project import (
    cached_chunk,
    custom_chunk,
    interrupt_chunks,
    only_leaves,
    pause_chunk,
    update_chunk,
    values_chunk,
    wrote,
)
from graphflow._core.state import (
    Event,
    Failed,
    Interrupted,
    Outcome,
    Run,
    RunState,
    Shown,
    Stopped,
    Stops,
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
    view, thread, inside = run.view, run.thread, run.inside
    live, crowds = view.live, run.crowds
    quiet = not (view.values or view.traces or run.pauses)
    state, first = yield from _begin(run, given)
    if first is not None:
        return (yield from _stop(run, state, (first,), (first,)))
    tasks: Sequence[Task] = ()
    # As in LangGraph the limit is checked before the plan: a chain of 3 needs a limit of 4.
    while state.step <= run.stop and (tasks := plan(run, state)):
        if run.pauses and _stops_before(run, tasks):
            return (yield from _pause(run, state))
        if len(tasks) == 1 and not crowds and (thread is None or not thread.resumes):
            # A bare yield where `yield from` would do: 0.1 us each, on the path of every chain.
            outcome: Outcome = (
                (yield from _watched(run, state, tasks)) if live else (yield Compute(tasks[0]))
            )
            ended: Sequence[Outcome] = (outcome,)
            late: Sequence[Event] = ended
            well = type(outcome) is Succeeded
        else:
            ended, late = yield from _together(run, state, tasks)
            well = _all_well(ended)
        if not well:
            return (yield from _stop(run, state, ended, late))
        done = _in_plan_order(tasks, cast("Sequence[Succeeded]", ended))
        del ended, late  # a chain would hold them, and what was sent, to its end
        if inside is not None and inside.take(done):
            return (yield from _leave(run, inside, state, done))
        state = commit(state, done) if thread is None else (yield from thread.barrier(state, done))
        if not quiet:
            yield from _show(run, state, done)
            if run.pauses and _stops(run.after, tasks):
                return (yield from _pause(run, state))
    return (yield from _end(run, state, tasks))


def _watched(run: Run, state: RunState, tasks: Sequence[Task]) -> Program[Outcome]:
    """Run a lone task, and show it when it starts and when it has ended well."""
    follows = run.view.follows
    if follows:
        yield Emit(started_chunks(run, tasks))
    outcome: Outcome = yield Compute(tasks[0])
    if type(outcome) is Succeeded and follows:
        yield Emit(_chunks(run, state, (outcome,)))
    elif type(outcome) is Succeeded and run.view.updates:
        chunk = update_chunk(run.view, outcome)
        yield Emit(() if chunk is None else (chunk,))
    return outcome


def _show(run: Run, state: RunState, done: Sequence[Succeeded]) -> Program[None]:
    """Show the state after a superstep."""
    if run.view.values and wrote(run.view, done):
        yield Emit((values_chunk(run, state),))
    if run.thread is not None and run.view.traces:
        yield from run.thread.show(run, state)


def _leave(
    run: Run, inside: Inside, state: RunState, done: Sequence[Succeeded]
) -> Program[RunState]:
    """End a run that a task of it has left for one around it: no edge is followed."""
    inside.up = [up for one in done for up in one.up]
    state = RunState(state.values, state.sizes, (), (), {}, (), state.step)
    edit = Edit((), (), (), "loop")
    if run.thread is None:
        state = commit(state, done, None, edit)
    else:
        run.thread.log.up = inside.up
        state = yield from run.thread.barrier(state, done, edit)
    yield from _show(run, state, done)
    return (yield from _end(run, state, ()))


def _end(run: Run, state: RunState, tasks: Sequence[Task]) -> Program[RunState]:
    """Return the last state, after what is not stored yet.

    Raises:
        GraphRecursionError: if the run was stopped by its limit; `tasks` are those it ran last.
    """
    if run.thread is not None:
        yield from run.thread.finish(state)
    if state.step > run.stop:
        if run.thread is not None:
            yield from run.thread.pause(state, asked=False)
        raise GraphRecursionError(run.limit, [task.node.name for task in tasks])
    return state


def _begin(run: Run, given: object) -> Program[tuple[RunState, Outcome | None]]:
    """Return the state that a run begins with, and how START ended, if not well."""
    if run.thread is not None:
        return (yield from run.thread.begin(run, given))
    state, first = yield from admit(run, given)
    if not isinstance(first, Succeeded):
        return state, first
    if run.view.values and wrote(run.view, (first,)):
        yield from Emit((values_chunk(run, state),))
    return state, None


def _stops_before(run: Run, tasks: Sequence[Task]) -> bool:
    """Tell whether a run is to stop before a superstep, where it has not been stopped already."""
    return _stops(run.before, tasks) and not (run.thread is not None and run.thread.passes)


def _stops(at: Stops, tasks: Sequence[Task]) -> bool:
    """Tell whether a run is to stop at one of a superstep's nodes."""
    return at is None or any(task.node.name in at for task in tasks)


def _pause(run: Run, state: RunState) -> Program[RunState]:
    """End a run that was to stop here, before or after a superstep."""
    if run.thread is not None:
        yield from run.thread.pause(state, asked=True)
    if run.view.updates and run.inside is None:
        yield from Emit((pause_chunk(run.view),))
    return Stopped(state, state.values, (), paused=True)


def _stop(
    run: Run, state: RunState, outcomes: Sequence[Outcome], unseen: Sequence[Event]
) -> Program[RunState]:
    """End a run whose superstep has not come to its end, after it is stored what became of all.

    Args:
        run: the run.
        state: the state before the superstep.
        outcomes: how its tasks have ended.
        unseen: the events that are yet to be shown.

    Returns:
        The state with what finished tasks wrote, if others wait for answers.

    Raises:
        BaseException: the error of the task that failed first, with a note of where.
    """
    finished = results(outcomes)
    fails = _failed(outcomes)
    preview = None if fails and run.thread is None else preview_of(state, finished)
    if run.thread is not None:
        stored = yield from run.thread.stop(state, outcomes, preview)
        now = {id(old): new for old, new in zip(outcomes, stored, strict=True)}
        unseen = [now.get(id(event), event) for event in unseen]
        outcomes = stored
    if chunks := _chunks(run, state, unseen):
        yield from Emit(chunks)
    if fails and run.inside is not None:
        failed = [one for one in outcomes if isinstance(one, Failed)]
        run.inside.refused = [up_from(run, one.task, q) for one in failed for q in one.questions]
    check(outcomes)
    asked = [one for one in outcomes if isinstance(one, Interrupted)]
    values = state.values if preview is None else preview.over(state.values)
    stopped = Stopped(state, values, asked, paused=any(one.paused for one in asked))
    # As in LangGraph a graph inside another is shown without what its finished tasks wrote: it is
    # not left with that state, but called again.
    if run.view.values and run.inside is None and wrote(run.view, finished):
        yield from Emit((values_chunk(run, stopped),))
    return stopped


def _together(
    run: Run, state: RunState, tasks: Sequence[Task]
) -> Program[tuple[Sequence[Outcome], Sequence[Event]]]:
    """Run tasks at once.

    Returns:
        Their outcomes as they came, and the events that are yet to be shown. If one of them is a
        failure, the tasks that ran then have been cancelled.
    """
    view, thread = run.view, run.thread
    shown = start_order(tasks)
    if view.follows:
        yield from Emit(started_chunks(run, shown))
    ended: list[Outcome] = []
    waiting: Sequence[Outcome] = ()
    if thread is not None and thread.resumes:
        old = thread.restored(shown)
        returned = [one for one in old.values() if isinstance(one, Succeeded)]
        waiting = [one for one in old.values() if isinstance(one, Interrupted)]
        shown = [task for task in shown if task not in old]
        ended += returned
        if view.updates and returned:
            yield from Emit(
                [cached_chunk(view, done) for done in returned if not only_leaves(done)]
            )
    yield from Start(shown)
    while len(ended) + len(waiting) < len(tasks):
        left = len(tasks) - len(ended) - len(waiting)
        events = yield from Next(1 if view.live or thread is not None else left)
        outcomes = _outcomes(events) if run.crowds else cast("Sequence[Outcome]", events)
        if thread is not None and len(outcomes) < left and not _failed(outcomes):
            outcomes = yield from thread.keep(outcomes)
        if _failed(outcomes):
            late = yield from Cancel()
            if view.live and (chunks := _chunks(run, state, events)):
                yield from Emit(chunks)
            return [*ended, *outcomes, *late, *waiting], ()
        ended += outcomes
        if len(ended) + len(waiting) == len(tasks) and not _all_well(outcomes):
            return [*ended, *waiting], [*events, *waiting]
        if chunks := _chunks(run, state, events):
            yield from Emit(chunks)
    return [*ended, *waiting], waiting


def _all_well(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether all tasks have returned."""
    return all(type(outcome) is Succeeded for outcome in outcomes)


def _failed(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether a task has failed."""
    return any(type(outcome) is Failed for outcome in outcomes)


def _outcomes(events: Sequence[Event]) -> Sequence[Outcome]:
    """Return the events that are ends of tasks."""
    return [event for event in events if not isinstance(event, (Written, Shown))]


def _chunks(run: Run, state: RunState, events: Sequence[Event]) -> list[object]:
    """Return what is to be shown of events, in their order; `state` is that before them."""
    view = run.view
    chunks: list[object] = []
    for event in events:
        if isinstance(event, Written):
            chunks.append(custom_chunk(view, event))
            continue
        if isinstance(event, Shown):
            chunks.append(event.chunk)
            continue
        is_node = event.task.node.rank >= 0  # START shows what it asks, and is no task
        if view.updates and is_node and (chunk := update_chunk(view, event)) is not None:
            chunks.append(chunk)
        if isinstance(event, Interrupted):
            chunks += interrupt_chunks(run, state, event)
        if view.follows and is_node and not _pauses(event) and not only_leaves(event):
            chunks += ended_chunks(run, event)
    return chunks


def _pauses(outcome: Outcome) -> bool:
    """Tell whether a task has only been stopped where a graph that it runs was to stop."""
    return isinstance(outcome, Interrupted) and not outcome.questions


def _in_plan_order(tasks: Sequence[Task], outcomes: Sequence[Succeeded]) -> Sequence[Succeeded]:
    """Return outcomes in the order of their tasks, whatever order they came in."""
    if len(tasks) == 1:
        return outcomes
    by_task = {done.task: done for done in outcomes}
    return [by_task[task] for task in tasks]
