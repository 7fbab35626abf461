"""Supersteps that failed: what is stored of them, so that nothing that was done is done again."""

from collections.abc import Iterable, Mapping, Sequence

from graphflow._change import Change
from graphflow._core.barrier import changes_of
from graphflow._core.commit import folded, gather
from graphflow._core.effects import Program
from graphflow._core.form import Place, TaskForm, pairs_of
from graphflow._core.frontier import aim_of
from graphflow._core.log import Log
from graphflow._core.state import Failed, Outcome, RunState, Succeeded, Task
from graphflow.channels import MISSING
from graphflow.errors import (
    CheckpointError,
    CodecError,
    InPlaceEditError,
    note,
    quoted,
)


def keep(log: Log, outcomes: Sequence[Outcome]) -> Program[Sequence[Outcome]]:
    """Store what tasks have returned while their superstep goes on.

    Returns:
        The outcomes; a task that returned what cannot be stored has failed.
    """
    kept: list[Succeeded] = []
    packed: list[bytes] = []
    checked: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, Succeeded):
            try:
                packed.append(log.pack_task(outcome, whole=True))
            except CodecError as error:
                checked.append(Failed(outcome.task, error))
                continue
            kept.append(outcome)
        checked.append(outcome)
    if kept and log.ending is None:
        yield from log.keep(kept, packed)
    return checked


def record_failure(log: Log, state: RunState, outcomes: Sequence[Outcome]) -> Program[None]:
    """Store how a superstep failed, and what those of its tasks returned that did not.

    If even that fails, the task's error says so.
    """
    errors = [(each.task, each.error) for each in outcomes if isinstance(each, Failed)]
    yield from _record(log, state, outcomes, [(task, e) for task, e in errors if e is not None])


def record_refusal(
    log: Log, state: RunState, outcomes: Sequence[Succeeded], error: Exception
) -> Program[None]:
    """Store that the barrier refused what tasks have returned.

    Tasks whose writes do not go together keep what they returned: the barrier can be tried again.
    One whose result cannot be stored, or that changed the state in place, has failed.
    """
    blamed = _blamed(log, state, outcomes, error)
    lost = isinstance(error, (CodecError, InPlaceEditError))
    left = [done for done in outcomes if not lost or done.task not in blamed]
    sound = [done for done in outcomes if done.task not in blamed]
    yield from _record(log, state, left, [(task, error) for task in blamed], sound)


def _record(
    log: Log,
    state: RunState,
    outcomes: Sequence[Outcome],
    errors: list[tuple[Task, BaseException]],
    sound: Sequence[Succeeded] | None = None,
) -> Program[None]:
    """Store outcomes and errors; `sound` are the outcomes that the state is shown with."""
    tasks: list[bytes] = []
    stored: list[Succeeded] = []
    for outcome in outcomes:
        done = outcome if isinstance(outcome, Succeeded) else outcome.kept
        if done is None:
            continue
        task = done.task
        whole = isinstance(outcome, Succeeded)
        stored.append(done)
        if (task.node.name, task.index) in log.kept or (task.kept is not None and not whole):
            continue
        try:
            tasks.append(log.pack_task(done, whole=whole))
        except CodecError as error:
            stored.pop()
            errors = [*errors, (task, error)]
    try:
        shown = stored if sound is None else [done for done in sound if done in stored]
        yield from log.failed(state, tasks, errors, _preview(log, state, shown))
    except Exception as why:  # noqa: BLE001 - a store may raise anything
        note(errors[0][1], f"and what its superstep had done could not be stored: {why}")


def _preview(log: Log, state: RunState, done: Sequence[Succeeded]) -> dict[str, Change] | None:
    """Return what tasks would change if they were all; None if their writes do not go together."""
    if not done:
        return {}
    planned = sorted(done, key=lambda each: (each.task.index, each.task.node.rank))
    values = state.values
    try:
        written = gather(planned)
        changes = changes_of(log.graph, values, written, folded(values, written, planned))
    except Exception:  # noqa: BLE001 - a reducer may raise anything
        return None
    faded = (key for key in log.graph.fading if key not in written)
    for key in faded:
        changes.pop(key, None)
    try:
        log.codec.pack(changes)
    except CodecError:
        return None
    return changes


def _blamed(
    log: Log, state: RunState, outcomes: Sequence[Succeeded], error: Exception
) -> Sequence[Task]:
    """Return the tasks that are to blame for what the barrier refused."""
    if isinstance(error, InPlaceEditError):
        found = [done.task for done in outcomes if done.task.node.name in error.nodes]
    elif isinstance(error, CodecError) and error.node is not None:
        found = [done.task for done in outcomes if done.task.node.name == error.node]
    elif isinstance(error, CodecError):
        found = _writers(outcomes, (error.channel,))
    else:
        found = _writers(outcomes, _refused_keys(log, state, outcomes))
    return found or [done.task for done in outcomes]


def _writers(outcomes: Sequence[Succeeded], keys: Iterable[str | None]) -> list[Task]:
    """Return the tasks that wrote to keys."""
    wanted = {*keys}
    return [done.task for done in outcomes if any(key in wanted for key, _ in done.writes)]


def _refused_keys(log: Log, state: RunState, outcomes: Sequence[Succeeded]) -> list[str]:
    """Return the keys whose channels do not take their writes."""
    refused: list[str] = []
    for key, writes in gather(outcomes).items():
        try:
            log.graph.channels[key].fold(state.values.get(key, MISSING), writes)
        except Exception:  # noqa: BLE001 - a reducer may raise anything
            refused.append(key)
    return refused


def restored(
    log: Log, tasks: Sequence[Task], stored: Mapping[Place, TaskForm]
) -> dict[Task, Succeeded]:
    """Return what tasks have returned in an earlier run.

    A task of which only the conditional edges are to be run has its own result put into it.
    """
    found: dict[Task, Succeeded] = {}
    for task in tasks:
        form = stored.get((task.node.name, task.index))
        if form is None:
            continue
        unknown = [key for key, _ in form.pairs() if key not in log.graph.keys]
        if unknown:
            msg = (
                f"node {task.node.name!r} has run already and has written {quoted(unknown)}, which "
                f"this graph does not have; give the state that key again, or give a new input, "
                f"which starts from START"
            )
            raise CheckpointError(msg)
        goto = [aim_of(log.graph, one) for one in form.goto]
        done = Succeeded(task, pairs_of(form.writes), goto)
        if form.whole:
            found[task] = done
        else:
            task.kept = done
    return found
