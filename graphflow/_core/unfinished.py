"""Supersteps without an end: what is stored of them, so that nothing is done again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphflow._change import Change
from graphflow._core.asking import STALE, Journal, Question
from graphflow._core.barrier import changes_of
from graphflow._core.commit import gather
from graphflow._core.effects import Program
from graphflow._core.form import Place, TaskForm, pairs_of, place_of
from graphflow._core.frontier import aim_of, up_of
from graphflow._core.log import Log
from graphflow._core.packing import Packed
from graphflow._core.past import Past
from graphflow._core.preview import Preview, preview_of
from graphflow._core.state import Failed, Interrupted, Outcome, RunState, Succeeded, Task
from graphflow._core.stop_form import waiting_form
from graphflow.channels import MISSING
from graphflow.checkpoint.records import ANSWER, JOURNAL, STOP, TASK
from graphflow.errors import (
    CheckpointError,
    CodecError,
    InPlaceEditError,
    note,
    quoted,
)


def keep(log: Log, outcomes: Sequence[Outcome]) -> Program[Sequence[Outcome]]:
    """Store how tasks have ended while their superstep goes on.

    Returns:
        The outcomes; a task that returned, or asks, what cannot be stored has failed.
    """
    checked: list[Outcome] = []
    kept: list[Place] = []
    rows: list[Packed] = []
    for outcome in outcomes:
        try:
            made = _rows(log, outcome)
        except CodecError as error:
            checked.append(Failed(outcome.task, error))
            continue
        checked.append(outcome)
        if made:
            rows += made
            kept.append(place_of(outcome.task))
    if rows and log.ending is None:
        yield from log.keep(kept, rows)
    return checked


def _rows(log: Log, outcome: Outcome) -> list[Packed]:
    """Return the records of a task that has ended, if it did not fail.

    Raises:
        CodecError: if they cannot be stored.
    """
    if isinstance(outcome, Failed):
        return []
    rows: list[Packed] = []
    if (done := _result(outcome)) is not None:
        rows.append((TASK, log.pack_task(done, whole=isinstance(outcome, Succeeded))))
    if isinstance(outcome, Interrupted):
        rows.append((STOP, log.pack_stop([], None, [(outcome.task, outcome.questions)])))
    return rows


def _result(outcome: Outcome) -> Succeeded | None:
    """Return what a task has returned that is not stored yet."""
    if isinstance(outcome, Succeeded):
        return outcome
    return outcome.kept if outcome.task.kept is None else None


def record_stop(
    log: Log, state: RunState, outcomes: Sequence[Outcome], preview: Preview | None
) -> Program[Sequence[Outcome]]:
    """Store how a superstep came to no end, and what those of its tasks returned that did.

    If even that fails, the error of a task says so, if one has failed.

    Args:
        log: the run's log.
        state: the state before the superstep.
        outcomes: how its tasks have ended.
        preview: what those that ended well would change.

    Returns:
        The outcomes; a task that asks what cannot be stored has failed.
    """
    checked = [_askable(log, outcome) for outcome in outcomes]
    errors = [(each.task, each.error) for each in checked if isinstance(each, Failed)]
    yield from _record(log, state, checked, [(task, e) for task, e in errors if e], preview)
    return checked


def _askable(log: Log, outcome: Outcome) -> Outcome:
    """Return an outcome; that of a task which asks what cannot be stored is its failure."""
    if isinstance(outcome, Interrupted):
        try:
            log.pack_stop([], None, [(outcome.task, outcome.questions)])
        except CodecError as error:
            return Failed(outcome.task, error, outcome.kept)
    return outcome


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
    preview = preview_of(state, sound)
    yield from _record(log, state, left, [(task, error) for task in blamed], preview)


def _record(
    log: Log,
    state: RunState,
    outcomes: Sequence[Outcome],
    errors: list[tuple[Task, BaseException]],
    preview: Preview | None,
) -> Program[None]:
    """Store outcomes and errors, and what the state is shown with."""
    tasks: list[bytes] = []
    asked: list[tuple[Task, Sequence[Question]]] = []
    stored: list[Succeeded] = []
    for outcome in outcomes:
        done = outcome if isinstance(outcome, Succeeded) else outcome.kept
        known = place_of(outcome.task) in log.kept
        if not isinstance(outcome, Succeeded) and outcome.questions and not known:
            asked.append((outcome.task, outcome.questions))
        if done is None:
            continue
        stored.append(done)
        if known or _result(outcome) is None:
            continue
        try:
            tasks.append(log.pack_task(done, whole=isinstance(outcome, Succeeded)))
        except CodecError as error:
            stored.pop()
            errors = [*errors, (done.task, error)]
            preview = preview_of(state, stored)
    paused = any(isinstance(one, Interrupted) and one.paused for one in outcomes)
    changes = _changes(log, state, preview)
    try:
        yield from log.stop(state, tasks, errors, changes, asked, paused=paused)
    except Exception as why:
        if not errors:
            raise
        note(errors[0][1], f"and what its superstep had done could not be stored: {why}")


def _changes(log: Log, state: RunState, preview: Preview | None) -> dict[str, Change] | None:
    """Return what tasks would change in its stored form; None if that is not known."""
    if preview is None:
        return None
    try:
        changes = changes_of(log.graph, state.values, preview.written, preview.changed)
        for key in log.graph.fading:
            if key not in preview.written:
                changes.pop(key, None)
        log.codec.pack(changes)
    except Exception:  # noqa: BLE001 - CodecError, or what a value's own comparison raises
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
    log: Log,
    tasks: Sequence[Task],
    stored: Mapping[Place, TaskForm],
    journals: Mapping[Place, Journal],
    waiting: Mapping[Place, Sequence[Question]],
) -> dict[Task, Outcome]:
    """Return how tasks have ended in an earlier run.

    A task of which only the conditional edges are to be run has its own result put into it, and
    one that is to be run again what it has asked, was answered and has kept.

    Args:
        log: the run's log.
        tasks: the tasks of the superstep.
        stored: what tasks have returned.
        journals: what tasks have asked, were answered and have kept.
        waiting: what those tasks ask that are to go on waiting.
    """
    found: dict[Task, Outcome] = {}
    for task in tasks:
        place = place_of(task)
        task.journal = journals.get(place)
        form = stored.get(place)
        done = None if form is None else result_of_task(log, task, form)
        if place in waiting:
            found[task] = Interrupted(task, waiting[place], done)
        elif form is not None and done is not None:
            if form.whole:
                found[task] = done
            else:
                task.kept = done
    return found


def result_of_task(log: Log, task: Task, form: TaskForm) -> Succeeded:
    """Return what a task has returned in an earlier run.

    Raises:
        CheckpointError: if the graph does not have what it wrote to.
    """
    unknown = [key for key, _ in form.pairs() if key not in log.graph.keys]
    if unknown:
        msg = (
            f"node {task.node.name!r} has run already and has written {quoted(unknown)}, which "
            f"this graph does not have; give the state that key again, or give a new input, "
            f"which starts from START"
        )
        raise CheckpointError(msg)
    goto, up = [aim_of(log.graph, one) for one in form.goto], [up_of(task.run, u) for u in form.up]
    if up and task.run.inside is not None:
        task.run.inside.leaving = True
    return Succeeded(task, pairs_of(form.writes), goto, up)


def carried(log: Log, past: Past, *, alone: bool = False) -> list[Packed]:
    """Return the records of a superstep without an end, packed again for another branch.

    Its state is the same there, so what was shown of it, asked and answered holds as well.

    Args:
        log: the log that they go to.
        past: what is known of the superstep.
        alone: whether graphs inside it are not taken along, so that what they ask they ask anew.
    """
    if alone:
        past.forget_inner()
    rows: list[Packed] = [
        (TASK, log.pack_again([form.writes, form.goto, form.whole])) for form in past.tasks.values()
    ]
    # What is answered comes before what waits, for of several times the last is what is shown.
    rows += _asked(log, {place: one.answered for place, one in past.journals.items()}, {})
    for place, journal in past.journals.items():
        for asking, answer in journal.answers.items():
            if asking in journal.asked:
                rows.append((ANSWER, log.pack_answer(place, journal.asked[asking], answer)))
        rows += _results(log, place, journal)
    changes = past.stop.changes if past.stop is not None else {}
    rows += _asked(log, {place: one.open for place, one in past.journals.items()}, changes)
    return rows


def _asked(log: Log, asked: Mapping[Place, Sequence[Question]], changes: object) -> list[Packed]:
    """Return the record of what tasks have asked, and what their superstep would change."""
    waiting = [waiting_form(place, questions) for place, questions in asked.items() if questions]
    if not waiting and not changes:
        return []
    return [(STOP, log.pack_again([log.clock(), [], changes, waiting, False]))]


def left_over(log: Log, past: Past, places: Mapping[Place, Place]) -> list[Packed]:
    """Return the records of tasks that stay due after an edit, packed again.

    What they have kept holds. What they were answered does not, for it was an answer to another
    state; and what they asked is asked anew, but may be answered before it is.

    Args:
        log: the log that they go to.
        past: what is known of the superstep before the edit.
        places: the tasks, with what they are after it.
    """
    rows: list[Packed] = []
    waiting: list[list[Any]] = []
    for old, new in places.items():
        form, journal = past.tasks.get(old), past.journals.get(old)
        if form is not None:
            rows.append((TASK, log.pack_again([[*new, *form.writes[2:]], form.goto, form.whole])))
        if journal is None:
            continue
        rows += _results(log, new, journal)
        own = [one for one in journal.asked.values() if not one.inner]  # graphs begin anew
        first = own[:1] if journal.answers else [one for one in journal.open if one in own]
        if first:
            waiting.append(waiting_form(new, [_stale(one) for one in first]))
    if waiting:
        rows.append((STOP, log.pack_again([log.clock(), [], {}, waiting, False])))
    return rows


def _stale(question: Question) -> Question:
    """Return a question that is shown to nobody, for what it asks may not be so any more."""
    return Question(STALE, question.key, question.number, None, question.schema, None, [])


def _results(log: Log, place: Place, journal: Journal) -> list[Packed]:
    """Return the records of what a task has kept."""
    return [
        (JOURNAL, log.pack_result(place, key, result)) for key, result in journal.results.items()
    ]
