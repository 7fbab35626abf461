"""Checkpoints as their users see them: configs, metadata, and the chunks of their mode."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphflow._core.form import Place
from graphflow._core.ids import task_id
from graphflow._core.log import Log
from graphflow._core.past import Past
from graphflow._core.state import Run, RunState
from graphflow._core.stored import checkpoint_id
from graphflow._core.trace import result_of, shown_in, shown_interrupt
from graphflow.config import RunnableConfig
from graphflow.constants import START


def config_of(thread: str, branch: int, seq: int) -> RunnableConfig:
    """Return the config that names a checkpoint."""
    return {
        "configurable": {
            "thread_id": thread,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint_id(branch, seq),
        }
    }


def metadata_of(source: str, step: int, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a checkpoint."""
    return {"source": source, "step": step, "parents": {}, **own}


def checkpoint_chunks(  # noqa: PLR0913, PLR0917 - a run, its log, and what is shown of the state
    run: Run,
    log: Log,
    state: RunState,
    source: str,
    step: int,
    tasks: Sequence[Mapping[str, Any]] | None = None,
    own: Mapping[str, Any] | None = None,
) -> list[object]:
    """Return the chunks of the checkpoint that the run's log was last at.

    Args:
        run: the run.
        log: its log.
        state: the state that the checkpoint holds.
        source: what it came from.
        step: its step.
        tasks: what is shown of the tasks that are due, if more is known than the state tells.
        own: what its run's config said, if it is an earlier run's.
    """
    assert log.last is not None, "a checkpoint has been passed"
    thread = log.asked.thread
    shown = due_tasks(log, state) if tasks is None else tasks
    payload = {
        "config": config_of(thread, *log.last),
        "parent_config": None if log.before is None else config_of(thread, *log.before),
        "values": dict(state.values),
        "metadata": metadata_of(source, step, log.asked.metadata if own is None else own),
        "next": [task["name"] for task in shown],
        "tasks": [*shown],
    }
    return shown_in(run, "checkpoints", "checkpoint", step, payload)


def due_tasks(log: Log, state: RunState, past: Past | None = None) -> list[dict[str, Any]]:
    """Return what a checkpoint shows of the tasks that are due: Sends first, then nodes by name."""
    places: list[Place] = [(send.node, index) for index, send in enumerate(state.sends)]
    places += [(node.name, -1) for node in state.due]
    return [_due_task(log, state.step, place, past) for place in places]


def start_task(log: Log, step: int, past: Past | None = None) -> list[dict[str, Any]]:
    """Return what the checkpoint of an input at a step shows: START, which is due."""
    return [_due_task(log, step + 1, (START, -1), past)]


def _due_task(log: Log, step: int, place: Place, past: Past | None) -> dict[str, Any]:
    """Return what a checkpoint shows of one task, with what is known of it."""
    name, index = place
    shown: dict[str, Any] = {"id": task_id(log.origin, step, name, index), "name": name}
    errors = {} if past is None or past.stop is None else past.stop.errors()
    if place in errors:
        return {**shown, "error": errors[place], "state": None}
    if past is not None and place in past.tasks:
        shown["result"] = result_of(past.tasks[place].pairs())
    asked = () if past is None else past.asked_last(place)
    return {**shown, "interrupts": tuple(shown_interrupt(q) for q in asked), "state": None}
