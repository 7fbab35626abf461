"""Failures of tasks: which one the caller gets, and what is said about it and the others."""

from collections.abc import Sequence
from typing import cast

from graphflow._core.route import told
from graphflow._core.state import Failed, Outcome, Succeeded
from graphflow.errors import note, shown


def check(outcomes: Sequence[Outcome]) -> Sequence[Succeeded]:
    """Return the outcomes, in the order given, if all tasks ended well.

    Raises:
        BaseException: the error of the task that failed first, as the node raised it, with a note
            of where that was; the others are in its notes.
    """
    for first in outcomes:
        if type(first) is Failed:
            break
    else:
        return cast("Sequence[Succeeded]", outcomes)
    # The error is taken out of the record, or error -> traceback -> frames -> outcomes -> error
    # would be a cycle that only the garbage collector can free.
    error, first.error = first.error, None
    assert error is not None, "a failure is raised once"
    note(error, place(first))
    for other in outcomes:
        if type(other) is Failed and other.error is not None:
            note(error, f"also failed, {place(other)}: {shown(other.error)}")
            other.error = None
    if isinstance(error, (StopIteration, StopAsyncIteration)):
        error = _ending_nothing(error)
    try:
        raise error
    finally:
        del error


def _ending_nothing(error: BaseException) -> RuntimeError:
    """Return what Python makes of an iterator's end that leaves a generator, with its notes."""
    made = RuntimeError(f"a node raised {type(error).__name__}, which would end the run's iterator")
    made.__cause__ = error
    for text in getattr(error, "__notes__", ()):
        note(made, text)
    return made


def place(failed: Failed) -> str:
    """Tell where a task failed."""
    task = failed.task
    if failed.branch is not None:
        return f"in the {told(failed.branch, Succeeded(task, (), ()))}, superstep {task.step}"
    return f"in node {task.node.name!r}, superstep {task.step}"
