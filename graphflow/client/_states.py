"""Snapshots of threads as the client tells them, and the configs that name them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphflow.client._wire import received
from graphflow.client.schema import Checkpoint, Interrupt, ThreadState, ThreadTask
from graphflow.config import RunnableConfig
from graphflow.types import PregelTask, StateSnapshot

if TYPE_CHECKING:
    from graphflow.interrupts import Interrupt as Question

_NAMES = ("checkpoint_id", "checkpoint_ns")


def config_of(
    thread_id: str, checkpoint: Mapping[str, Any] | None, checkpoint_id: str | None = None
) -> RunnableConfig:
    """Return the config that names a thread, or a checkpoint of it."""
    named: dict[str, Any] = {"thread_id": thread_id}
    for name in _NAMES:
        if checkpoint is not None and checkpoint.get(name) is not None:
            named[name] = checkpoint[name]
    if checkpoint_id is not None:
        named["checkpoint_id"] = checkpoint_id
    return {"configurable": named}


def checkpoint_of(config: RunnableConfig | None) -> Checkpoint | None:
    """Return the name of the checkpoint that a config names, if it names any."""
    named = {} if config is None else config.get("configurable", {})
    if named.get("checkpoint_id") is None:
        return None
    told: Checkpoint = {
        "thread_id": named["thread_id"],
        "checkpoint_ns": named.get("checkpoint_ns", ""),
        "checkpoint_id": named["checkpoint_id"],
    }
    if named.get("checkpoint_map"):
        told["checkpoint_map"] = named["checkpoint_map"]
    return told


def values_of(snapshot: StateSnapshot) -> dict[str, Any] | None:
    """Return the values of a thread; None if it has no checkpoint."""
    if snapshot.metadata is None:
        return None
    values: dict[str, Any] = received(snapshot.values)
    return values


def waits_of(snapshot: StateSnapshot) -> dict[str, list[Interrupt]]:
    """Return what a thread waits for, by the ids of the tasks that ask."""
    asked = {task.id: [_interrupt(one) for one in task.interrupts] for task in snapshot.tasks}
    return {task: waits for task, waits in asked.items() if waits}


def state_of(snapshot: StateSnapshot) -> ThreadState:
    """Return a snapshot as the client tells it."""
    at, parent = checkpoint_of(snapshot.config), checkpoint_of(snapshot.parent_config)
    if snapshot.metadata is None:
        at = None
    return {
        "values": values_of(snapshot) or {},
        "next": [*snapshot.next],
        "tasks": [_task(task) for task in snapshot.tasks],
        "metadata": received(snapshot.metadata),
        "created_at": snapshot.created_at,
        "checkpoint": at,
        "parent_checkpoint": parent,
        "interrupts": [_interrupt(one) for one in snapshot.interrupts],
        "checkpoint_id": at and at["checkpoint_id"],
        "parent_checkpoint_id": parent and parent["checkpoint_id"],
    }


def _task(task: PregelTask) -> ThreadTask:
    """Return a task as the client tells it."""
    inner: Any = task.state
    within = isinstance(inner, StateSnapshot)
    named: dict[str, Any] = {} if inner is None or within else inner["configurable"]
    told: Any = {"thread_id": named["thread_id"], **_only(named)} if named else None
    return {
        "id": task.id,
        "name": task.name,
        "path": received(task.path),
        "error": task.error,
        "interrupts": [_interrupt(one) for one in task.interrupts],
        "checkpoint": told,
        "state": state_of(inner) if within else None,
        "result": received(task.result),
    }


def _only(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what names a checkpoint."""
    return {name: named[name] for name in _NAMES if named.get(name) is not None}


def _interrupt(one: "Question[Any]") -> Interrupt:
    """Return a question as a state tells it."""
    return {"id": one.id, "value": received(one.value)}
