"""Admits an input: what a caller gave becomes the run's first state."""

from typing import Any

from graphflow._core.alone import alone
from graphflow._core.commit import commit
from graphflow._core.effects import Program
from graphflow._core.parse import parse
from graphflow._core.state import Outcome, Run, RunState, Succeeded, Task
from graphflow.channels import MISSING
from graphflow.errors import EmptyInputError, InvalidUpdateError
from graphflow.types import Command


def admit(run: Run, given: object) -> Program[tuple[RunState, Outcome]]:
    """Apply the input as the writes of START, and follow START's edges.

    Returns:
        The state, and how START has ended; if not well, the state is that before it.

    Raises:
        EmptyInputError: if there is no input, or a Command that says nothing.
        InvalidUpdateError: if the input is no update of the input schema.
        RuntimeError: if it answers an interrupt, which needs a checkpointer.
    """
    check_input(given, stored=False)
    state = blank(run)
    task = Task(run.graph.entry, given, 0, -1, state.values, run)
    if run.graph.entry.branches:
        if run.inside is not None and run.inside.journals:
            run.inside.remind((task,))
        outcome = yield from alone(run, task)
        if not isinstance(outcome, Succeeded):
            return state, outcome
        done = outcome
    else:
        done = parse(task, given)
    return commit(state, (done,)), done


def blank(run: Run) -> RunState:
    """Return the state before any input: reduced keys have their start."""
    values: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for key, fresh in run.graph.starts:
        value = fresh()
        if value is not MISSING:
            values[key] = value
            if type(value) in (list, dict, set):
                sizes[key] = len(value)
    return RunState(values, sizes, (), (), {}, (), 0)


def check_input(given: object, *, stored: bool) -> None:
    """Raise if there is nothing to run.

    Args:
        given: the input.
        stored: whether the run has a thread, so that None may resume it.
    """
    if given is None:
        if stored:
            return
        msg = (
            "the input is None, and there is nothing to resume; "
            "give a dict of state keys, {} if there is nothing to say"
        )
        raise EmptyInputError(msg)
    if not isinstance(given, Command):
        return
    if given.graph is not None:
        msg = f"the input is a Command(graph={given.graph!r}), but there is no parent graph"
        raise InvalidUpdateError(msg)
    if given.resume is not None:
        if stored:
            return
        msg = "Command(resume=...) answers an interrupt of a stored thread; it needs a checkpointer"
        raise RuntimeError(msg)
    if given.update is None and not isinstance(given.goto, str) and given.goto in ((), []):
        msg = "the Command is empty; give it update= or goto="
        raise EmptyInputError(msg)
