"""Calls one node, and its path functions after it; whoever drives, a failure becomes data.

The one difference between drivers is the `Place` the call is made from, so this is written once:
a thread without an event loop runs the coroutine in one step, for nothing in it waits there.
"""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from graphflow._core.parse import parse
from graphflow._core.route import follow, seen
from graphflow._core.state import Failed, Interrupted, Outcome, Succeeded, Task
from graphflow._core.topology import Branch, Callee
from graphflow._drive.scope import Scope, Sink
from graphflow._scope import CURRENT
from graphflow.errors import (
    GraphInterrupt,
    InterruptError,
    InterruptSwallowedError,
    note,
    shown,
)


class Place(Protocol):
    """Where a task's code runs.

    Attributes:
        sink: takes what tasks write, or None if nobody asked for it.
        awaits: whether coroutines can be awaited here.
    """

    sink: Sink | None
    awaits: bool

    def in_thread(self, name: str, function: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Call a function where it may block; `name` is the node's, for reports."""
        ...


async def call(task: Task, place: Place) -> Outcome:
    """Run one task: its node's function, then its conditional edges.

    It sets a context variable, so every task runs in a context of its own. Cancellation, and
    whatever else is no `Exception`, passes through.
    """
    scope = Scope(task, place.sink, place.awaits)
    CURRENT.set(scope)
    node = task.node
    kept: Succeeded | None = None
    branch: Branch | None = None
    try:
        callee = node.callee
        if task.kept is not None:
            done = task.kept  # stored by an earlier run; only its conditional edges are to run
        elif node.wrapped:
            done = parse(task, await _within_middleware(task, scope, place))
        elif callee.coro is not None and (place.awaits or callee.sync is None):
            # The usual cases, without a frame between.
            done = parse(task, await callee.coro(task.input))
        elif callee.sync is not None and not place.awaits:
            done = parse(task, callee.sync(task.input))
        else:
            done = parse(task, await _compute(callee, task.input, scope, place))
        for branch in node.branches:
            kept = kept or done
            if branch.path.sync is not None and not branch.path.asks:
                answer = branch.path.sync(seen(branch, kept))
            else:
                answer = await _compute(branch.path, seen(branch, kept), scope, place)
            done = Succeeded(task, done.writes, [*done.goto, *follow(branch, kept, answer)])
    except Exception as error:  # noqa: BLE001 - a node may raise anything
        if scope.waiting:
            note(error, f"which ended the wait for an answer to {shown(scope.waiting[0].value)}")
        return Failed(task, without_our_frames(error), kept, branch)
    except GraphInterrupt as asked:
        return _interrupted(scope, asked, kept, branch)
    except BaseExceptionGroup as group:
        asked, rest = group.split(GraphInterrupt)
        if asked is None:
            raise
        if rest is not None:
            return Failed(task, rest, kept, branch)
        return _interrupted(scope, asked, kept, branch)
    finally:
        scope.closed = True
    if scope.waiting:
        swallowed = InterruptSwallowedError(task.node.name, scope.waiting[0].value)
        return Failed(task, swallowed, kept, branch)
    return done


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


async def _within_middleware(task: Task, scope: Scope, place: Place) -> Any:  # noqa: ANN401 - a node returns anything
    """Call a node inside the context managers that the graph was compiled with."""
    with ExitStack() as stack:
        info = scope.info
        for enter in task.run.graph.middleware:
            stack.enter_context(enter(info))
        return await _compute(task.node.callee, task.input, scope, place)
    return None  # a context manager has swallowed the error


async def _compute(callee: Callee, given: object, scope: Scope, place: Place) -> Any:  # noqa: ANN401 - a node returns anything
    """Call a user's function in the way that fits the place."""
    handed = scope.given(callee.asks) if callee.asks else {}
    if callee.coro is not None and (place.awaits or callee.sync is None):
        return await callee.coro(given, **handed)
    assert callee.sync is not None, "a function can be called one way or the other"
    if callee.inline or not place.awaits:
        return callee.sync(given, **handed)
    return await place.in_thread(scope.task.node.name, partial(callee.sync, given, **handed))


def without_our_frames(error: Exception) -> Exception:
    """Let a node's error begin at the node's own frame, if it has one."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and _ours(frame):
        frame = frame.tb_next
    return error if frame is None else error.with_traceback(frame)


def _ours(frame: TracebackType) -> bool:
    """Tell whether a frame is the engine's, or that of a thread pool it uses."""
    name = str(frame.tb_frame.f_globals.get("__name__", ""))
    return name.startswith(("graphflow._", "anyio.", "concurrent.futures."))


def run_here(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a call to its end in this thread, where nothing in it can wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    coroutine.close()
    msg = "a call without an event loop waited for something"
    raise AssertionError(msg)
