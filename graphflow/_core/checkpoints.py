"""Checkpoints as their users see them: configs, metadata, and the chunks of their mode."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphflow._core.form import Place as TaskPlace
from graphflow._core.ids import task_id
from graphflow._core.log import Log
from graphflow._core.past import Past
from graphflow._core.project import shown
from graphflow._core.state import Run, RunState
from graphflow._core.stored import checkpoint_id
from graphflow._core.trace import result_of, shown_in, shown_interrupt
from graphflow.config import RunnableConfig
from graphflow.constants import START

if TYPE_CHECKING:
    from graphflow._core.topology import Topology


Place: TypeAlias = tuple[int, int]
"""A checkpoint's branch, and its record."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def config_of(
    thread: str, branch: int, seq: int, ns: str = "", around: Mapping[str, str] = NOTHING
) -> RunnableConfig:
    """Return the config that names a checkpoint.

    Args:
        thread: the thread.
        branch: the branch.
        seq: the record.
        ns: the namespace of a graph inside another.
        around: the checkpoints around that, by their namespaces.
    """
    this = checkpoint_id(branch, seq)
    named = {"thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": this}
    return {"configurable": {**named, "checkpoint_map": {**around, ns: this}} if ns else named}


def metadata_of(
    source: str, step: int, own: Mapping[str, Any], around: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """Return the metadata of a checkpoint."""
    return {"source": source, "step": step, "parents": dict(around), **own}


def checkpoint_chunks(  # noqa: PLR0913, PLR0917 - a run, its log, and what is shown of the state
    run: Run,
    log: Log,
    values: Mapping[str, Any],
    source: str,
    step: int,
    tasks: Sequence[Mapping[str, Any]],
    own: Mapping[str, Any] | None = None,
    *,
    at: tuple[Place | None, Place | None] | None = None,
) -> list[object]:
    """Return the chunks of the checkpoint that the run's log was last at.

    Args:
        run: the run.
        log: its log.
        values: the values that the checkpoint holds.
        source: what it came from.
        step: its step.
        tasks: what is shown of the tasks that are due.
        own: what its run's config said, if it is an earlier run's.
        at: the checkpoint and the one before it, each as branch and record, if not the log's last.
    """
    last, before = at or (log.last, log.before)
    assert last is not None, "a checkpoint has been passed"
    thread, ns, around = log.asked.thread, log.ns, log.around
    said = log.asked.metadata if own is None else own
    payload = {
        "config": config_of(thread, *last, ns, around),
        "parent_config": None if before is None else config_of(thread, *before, ns, around),
        "values": dict(values),
        "metadata": metadata_of(source, step, said, around),
        "next": [task["name"] for task in tasks],
        "tasks": [_cut(task, run.view.keys) for task in tasks],
    }
    return shown_in(run, "checkpoints", "checkpoint", step, payload)


def _cut(task: Mapping[str, Any], keys: Sequence[str] | None) -> Mapping[str, Any]:
    """Return what a checkpoint shows of a task: its result has some keys, and is left out if empty.

    As in LangGraph, where the values of a checkpoint are whole, and so are the chunks of tasks.
    """
    if "result" not in task:
        return task
    names = (keys,) if isinstance(keys, str) else keys
    result = shown(task["result"], names)
    if not result:
        return {key: value for key, value in task.items() if key != "result"}
    return {**task, "result": shown(result, keys)}


def inner_config(
    graph: "Topology", thread: str, ns: str, name: str, task: str
) -> RunnableConfig | None:
    """Return the config that names the state of the graph that a node is; None for a function."""
    node = graph.nodes.get(name)
    if node is None or node.child is None or not node.child.kept:
        return None
    inner = f"{ns}|{name}:{task}" if ns else f"{name}:{task}"
    return {"configurable": {"thread_id": thread, "checkpoint_ns": inner}}


def due_tasks(log: Log, state: RunState, past: Past | None = None) -> list[dict[str, Any]]:
    """Return what a checkpoint shows of the tasks that are due: Sends first, then nodes by name."""
    places: list[TaskPlace] = [(send.node, index) for index, send in enumerate(state.sends)]
    places += [(node.name, -1) for node in state.due]
    return [_due_task(log, state.step, place, past) for place in places]


def start_task(log: Log, step: int, past: Past | None = None) -> list[dict[str, Any]]:
    """Return what the checkpoint of an input at a step shows: START, which is due."""
    return [_due_task(log, step + 1, (START, -1), past)]


def _due_task(log: Log, step: int, place: TaskPlace, past: Past | None) -> dict[str, Any]:
    """Return what a checkpoint shows of one task, with what is known of it."""
    name, index = place
    this = task_id(log.origin, step, name, index)
    told: dict[str, Any] = {"id": this, "name": name}
    inner = inner_config(log.graph, log.asked.thread, log.ns, name, this)
    errors = {} if past is None or past.stop is None else past.stop.errors()
    if place in errors:
        return {**told, "error": errors[place], "state": inner}
    if past is not None and place in past.tasks:
        told["result"] = result_of(past.tasks[place].pairs())
    asked = () if past is None else past.asked_last(place)
    return {**told, "interrupts": tuple(shown_interrupt(q) for q in asked), "state": inner}
