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
from graphflow._core.project import custom_chunk, update_chunk, values_chunk, wrote
from graphflow._core.state import (
    Event,
    Failed,
    Outcome,
    Run,
    RunState,
    Succeeded,
    Task,
    View,
    Written,
)
from graphflow.errors import GraphRecursionError


def supersteps(run: Run, given: object) -> Program[RunState]:
    """Run a graph from an input to its end.

    Raises:
        GraphRecursionError: after as many supersteps as the run's limit, if that was not the end.
        BaseException: what a node raised, with a note of where.
    """
    view = run.view
    state, first = yield from admit(run, given)
    if view.values and wrote(view, (first,)):
        yield from Emit((values_chunk(run, state),))
    del first  # or its writes and Sends would live as long as the run
    tasks: Sequence[Task] = ()
    # As in LangGraph the limit is checked before the plan: a chain of 3 needs a limit of 4.
    while True:
        if state.step > run.limit:
            raise GraphRecursionError(run.limit, [task.node.name for task in tasks])
        if not (tasks := plan(run, state)):
            return state
        if len(tasks) == 1 and not view.custom:
            # A bare yield where `yield from` would do: 0.1 us each, on the path of every chain.
            outcome: Outcome = yield Compute(tasks[0])
            if view.updates and (show := update_chunk(view, outcome)) is not None:
                yield Emit((show,))
            done = (outcome,) if isinstance(outcome, Succeeded) else check((outcome,))
        else:
            done = _in_plan_order(tasks, (yield from _together(view, tasks)))
        state = commit(state, done)
        if view.values and wrote(view, done):
            yield Emit((values_chunk(run, state),))


def _together(view: View, tasks: Sequence[Task]) -> Program[Sequence[Succeeded]]:
    """Run tasks at once; return their outcomes as they came.

    Raises:
        BaseException: what the first task to fail raised; the others have been cancelled.
    """
    yield from Start(start_order(tasks))
    ended: list[Outcome] = []
    while len(ended) < len(tasks):
        events = yield from Next(1 if view.live else len(tasks) - len(ended))
        outcomes = _outcomes(events) if view.custom else cast("Sequence[Outcome]", events)
        ended += outcomes
        failed = any(type(outcome) is Failed for outcome in outcomes)
        late = (yield from Cancel()) if failed else ()
        if view.live and (chunks := _chunks(view, events)):
            yield from Emit(chunks)
        if failed:
            check([*ended, *late])
    return cast("Sequence[Succeeded]", ended)


def _outcomes(events: Sequence[Event]) -> Sequence[Outcome]:
    """Return the events that are ends of tasks."""
    return [event for event in events if not isinstance(event, Written)]


def _chunks(view: View, events: Sequence[Event]) -> list[object]:
    """Return what is to be shown of events, in their order."""
    chunks: list[object] = []
    for event in events:
        if isinstance(event, Written):
            chunks.append(custom_chunk(view, event))
        elif view.updates and (chunk := update_chunk(view, event)) is not None:
            chunks.append(chunk)
    return chunks


def _in_plan_order(tasks: Sequence[Task], outcomes: Sequence[Succeeded]) -> Sequence[Succeeded]:
    """Return outcomes in the order of their tasks, whatever order they came in."""
    if len(tasks) == 1:
        return outcomes
    by_task = {done.task: done for done in outcomes}
    return [by_task[task] for task in tasks]
