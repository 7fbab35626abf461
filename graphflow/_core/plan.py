"""Plans a superstep: the frontier becomes tasks, in the order in which their writes are applied."""

from collections.abc import Sequence

from graphflow._core.state import Run, RunState, Task
from graphflow.errors import note


def plan(run: Run, state: RunState) -> list[Task]:
    """Return the tasks of the next superstep: nodes by name, then Sends by number.

    Raises:
        Exception: what a state class raises when it is made from the values, with a note.
    """
    values, step, stop = state.values, state.step, run.stop
    tasks: list[Task] = []
    for node in state.due:
        try:
            given = node.reader.read(values, step, stop)
        except Exception as error:
            note(error, f"while the state for node {node.name!r} was made, superstep {step}")
            raise
        tasks.append(Task(node, given, step, -1, values, run))
    if state.sends:
        nodes = run.graph.nodes
        for index, send in enumerate(state.sends):
            tasks.append(Task(nodes[send.node], send.arg, step, index, values, run))
    if run.inside is not None and run.inside.journals:
        run.inside.remind(tasks)
    return tasks


def start_order(tasks: Sequence[Task]) -> Sequence[Task]:
    """Return tasks as they are started and shown: Sends first, then nodes, as LangGraph does."""
    if tasks[0].index >= 0 or tasks[-1].index < 0:
        return tasks
    pulled = next(place for place, task in enumerate(tasks) if task.index >= 0)
    return [*tasks[pulled:], *tasks[:pulled]]
