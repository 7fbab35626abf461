"""How a task has ended that did not return: it failed, or it waits for an answer."""

from types import TracebackType

from graphflow._core.state import Failed, Interrupted, Outcome, Succeeded
from graphflow._core.topology import Branch
from graphflow._drive.scope import Scope
from graphflow.errors import (
    GraphInterrupt,
    InterruptError,
    InterruptSwallowedError,
    InvalidAnswerError,
    note,
    shown,
)


def ended_by(
    scope: Scope, error: BaseException, kept: Succeeded | None, branch: Branch | None
) -> Outcome:
    """Return the outcome of a task that raised something.

    Args:
        scope: the task's scope.
        error: what it raised; a group of nothing but interrupts is what a task group makes of them.
        kept: what the node had returned, if it was one of its conditional edges that raised.
        branch: that edge.

    Raises:
        BaseException: what ends the process rather than the task.
    """
    if isinstance(error, GraphInterrupt):
        return _interrupted(scope, error, kept, branch)
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType] - of anything
        _, rest = group.split(GraphInterrupt)
        if rest is None:
            return _interrupted(scope, group, kept, branch)
        if not isinstance(rest, Exception):
            raise rest
        error = rest
    if scope.waiting:
        note(error, f"which ended the wait for an answer to {shown(scope.waiting[0].value)}")
    again = scope.refused if isinstance(error, InvalidAnswerError) else ()
    return Failed(scope.task, _without_our_frames(error), kept, branch, again)


def swallowed(scope: Scope, kept: Succeeded | None, branch: Branch | None) -> Outcome:
    """Return the outcome of a task that asked, caught that, and returned."""
    error = InterruptSwallowedError(scope.task.node.name, scope.waiting[0].value)
    return Failed(scope.task, error, kept, branch)


def _interrupted(
    scope: Scope, asked: BaseException, kept: Succeeded | None, branch: Branch | None
) -> Outcome:
    """Return the outcome of a task that asked; whoever raises an interrupt by hand asks nothing."""
    if scope.waiting:
        return Interrupted(scope.task, [*scope.waiting], kept)
    msg = (
        f"node {scope.task.node.name!r} raised {type(asked).__name__} by itself; call "
        f"interrupt(value), which asks and returns the answer"
    )
    return Failed(scope.task, InterruptError(msg), kept, branch)


def _without_our_frames(error: BaseException) -> BaseException:
    """Let a node's error begin at the node's own frame, if it has one."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and _ours(frame):
        frame = frame.tb_next
    return error if frame is None else error.with_traceback(frame)


def _ours(frame: TracebackType) -> bool:
    """Tell whether a frame is the engine's, or that of a thread pool it uses."""
    name = str(frame.tb_frame.f_globals.get("__name__", ""))
    return name.startswith(("graphflow._", "anyio.", "concurrent.futures."))
