"""The chunks of the modes `tasks` and `debug`: each task when it starts and when it ends."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.project import tagged
from graphflow._core.state import Failed, Interrupted, Outcome, Run, Succeeded, Task, Write
from graphflow._core.topology import Node, Topology
from graphflow._iso import iso

if TYPE_CHECKING:
    from graphflow._core.asking import Question

PUSH: Final = "__pregel_push"
"""What LangGraph calls the cause of a task that a Send asked for."""

PULL: Final = "__pregel_pull"
"""The same of a task that an edge has woken."""

_PLACES: Final = frozenset(
    (
        "thread_id",
        "checkpoint_id",
        "checkpoint_ns",
        "langgraph_node",
        "langgraph_step",
        "langgraph_checkpoint_ns",
    )
)


def result_of(writes: Sequence[Write]) -> dict[str, Any]:
    """Return what a task wrote as one dict; a key written more than once has all of it."""
    result: dict[str, Any] = dict(writes)
    if len(result) == len(writes):
        return result
    for key in result:
        values = [value for name, value in writes if name == key]
        if len(values) > 1:
            result[key] = {"$writes": values}
    return result


def triggers_of(graph: Topology, node: Node) -> tuple[str, ...]:
    """Return the names of all that can wake a node, as LangGraph shows them."""
    joins = (join.id for join in graph.joins.values() if join.target is node)
    return (f"branch:to:{node.name}", *joins)


def triggers_of_task(task: Task) -> tuple[str, ...]:
    """Return the names of what has woken a task."""
    return (PUSH,) if task.index >= 0 else triggers_of(task.run.graph, task.node)


def facts_of(run: Run, node: Node) -> dict[str, Any]:
    """Return what run and node say of a task beside where it is; the run's tags are among it."""
    said = {**run.config.get("metadata", {}), **node.metadata}
    facts = {key: value for key, value in said.items() if key not in _PLACES}
    if tags := run.config.get("tags"):
        facts["tags"] = [*tags]
    return facts


def started_chunks(run: Run, tasks: Sequence[Task]) -> list[object]:
    """Return the chunks of tasks that are about to start."""
    chunks: list[object] = []
    for task in tasks:
        payload: dict[str, Any] = {
            "id": task.id,
            "name": task.node.name,
            "input": task.input,
            "triggers": triggers_of_task(task),
        }
        if facts := facts_of(run, task.node):
            payload["metadata"] = facts
        chunks += shown_in(run, "tasks", "task", task.step, payload)
    return chunks


def ended_chunks(run: Run, outcome: Outcome) -> list[object]:
    """Return the chunks of a task that has ended."""
    task = outcome.task
    done = outcome if isinstance(outcome, Succeeded) else outcome.kept
    asked = outcome.questions if isinstance(outcome, Interrupted) else ()
    payload: dict[str, Any] = {
        "id": task.id,
        "name": task.node.name,
        "error": outcome.error if isinstance(outcome, Failed) else None,
        "result": {} if done is None else result_of(done.writes),
        "interrupts": [shown_interrupt(one) for one in asked],
    }
    return shown_in(run, "tasks", "task_result", task.step, payload)


def shown_interrupt(question: "Question") -> dict[str, Any]:
    """Return a question as a dict, as these modes show it."""
    return {"value": question.value, "id": question.id, "response_schema": question.schema}


def shown_in(run: Run, mode: str, kind: str, step: int, payload: Mapping[str, Any]) -> list[object]:
    """Return a payload in the modes that were asked for."""
    view = run.view
    chunks: list[object] = []
    if view.tasks if mode == "tasks" else view.checkpoints:
        chunks.append(tagged(view, mode, payload))
    if view.debug:
        event = {"step": step, "timestamp": iso(run.clock()), "type": kind, "payload": payload}
        chunks.append(tagged(view, "debug", event))
    return chunks
