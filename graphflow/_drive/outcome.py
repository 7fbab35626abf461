"""How a task has ended that did not return: it failed, or it waits for an answer."""

from types import TracebackType
from typing import Final

from graphflow._core.state import Failed, Interrupted, Outcome, Succeeded
from graphflow._core.topology import Branch
from graphflow._drive.scope import Scope
from graphflow.errors import (
    GraphBubbleUp,
    GraphDepthError,
    GraphLeft,
    GraphSwallowedError,
    InterruptError,
    InterruptSwallowedError,
    InvalidAnswerError,
    InvalidUpdateError,
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
    if isinstance(error, GraphBubbleUp):
        return _bubbled(scope, error, kept, branch)
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType] - of anything
        _, rest = group.split(GraphBubbleUp)
        if rest is None:
            return _bubbled(scope, group, kept, branch)
        if not isinstance(rest, Exception):
            raise rest
        error = rest
    if type(error) is RecursionError and (depth := _depth(scope)) >= _DEEP:
        error = GraphDepthError(depth)
    if scope.waiting:
        note(error, f"which ended the wait for an answer to {shown(scope.waiting[0].value)}")
    again = scope.refused if isinstance(error, InvalidAnswerError) else ()
    return Failed(scope.task, _without_our_frames(error), kept, branch, again)


_DEEP: Final = 8
"""From how many graphs around a task on a RecursionError is taken to be due to them."""


def _depth(scope: Scope) -> int:
    """Return how many graphs there are around a task."""
    inside = scope.task.run.inside
    return 0 if inside is None else inside.depth


def leaves(scope: Scope, error: BaseException) -> bool:
    """Tell whether a node ended because graphs that it has called were left, and for nothing else.

    One that waits for an answer, too, is run again when there is one, and is left then.
    """
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType] - of anything
        if group.split(GraphLeft)[1] is not None:
            return False
    elif not isinstance(error, GraphLeft):
        return False
    inner = scope.inner
    return inner is not None and bool(inner.up) and not scope.waiting and not inner.paused


def check_heard(scope: Scope) -> None:
    """Raise if a node has returned though what a graph that it called said was to end it.

    Raises:
        GraphSwallowedError: then something within it has caught what was raised.
    """
    inner = scope.inner
    if inner is not None and (inner.up or inner.paused):
        raise GraphSwallowedError(scope.task.node.name, paused=inner.paused)


def swallowed(scope: Scope, kept: Succeeded | None, branch: Branch | None) -> Outcome:
    """Return the outcome of a task that asked, caught that, and returned."""
    error = InterruptSwallowedError(scope.task.node.name, scope.waiting[0].value)
    return Failed(scope.task, error, kept, branch)


def _bubbled(
    scope: Scope, asked: BaseException, kept: Succeeded | None, branch: Branch | None
) -> Outcome:
    """Return the outcome of a task that asked; whoever raises an interrupt by hand asks nothing."""
    inner = scope.inner
    if scope.waiting or (inner is not None and inner.paused):
        paused = inner is not None and inner.paused
        return Interrupted(scope.task, [*scope.waiting], kept, paused)
    if inner is not None and inner.up and branch is not None:
        text = (
            f"the graph that conditional edge {branch.name!r} of node {scope.task.node.name!r} "
            f"has called was left by a Command for the graph around it, and an edge writes "
            f"nothing and is no node; call it in a node"
        )
        return Failed(scope.task, InvalidUpdateError(text), kept, branch)
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
