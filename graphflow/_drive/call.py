"""Calls one node, and its path functions after it; whoever drives, a failure becomes data.

The one difference between drivers is the `Place` the call is made from, so this is written once:
a thread without an event loop runs the coroutine in one step, for nothing in it waits there.
"""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

from graphflow._core.inside import Returned
from graphflow._core.parse import given, parse
from graphflow._core.route import follow, seen
from graphflow._core.state import Outcome, Succeeded, Task
from graphflow._core.topology import Callee
from graphflow._drive.outcome import check_heard, ended_by, leaves, swallowed
from graphflow._drive.scope import Halt, Scope, Sink
from graphflow._scope import CURRENT
from graphflow.errors import GraphBubbleUp


class Place(Protocol):
    """Where a task's code runs.

    Attributes:
        sink: takes what tasks write, or None if nobody asked for it.
        awaits: whether coroutines can be awaited here.
    """

    sink: Sink | None
    awaits: bool

    @property
    def halt(self) -> Halt | None:
        """What tells that nobody waits for the tasks any more, where they run in a thread."""
        ...

    def in_thread(self, scope: Scope, function: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Call a function of a task where it may block."""
        ...


async def call(task: Task, place: Place) -> Outcome:
    """Run one task: its node's function, then its conditional edges.

    It sets a context variable, so every task runs in a context of its own. Cancellation, and
    whatever else is no `Exception`, passes through.
    """
    scope = Scope(task, place.sink, place.awaits, place.halt)
    scope.token = CURRENT.set(scope)
    node = task.node
    try:
        callee = node.callee
        if task.kept is not None:
            done = task.kept  # stored by an earlier run; only its conditional edges are to run
        elif node.wrapped or task.run.middleware:
            done = parse(task, await _within_middleware(task, scope, place))
        elif callee.coro is not None and (place.awaits or callee.sync is None):
            # The usual cases, without a frame between.
            done = parse(task, await callee.coro(task.input))
        elif callee.sync is not None and not place.awaits:
            done = parse(task, callee.sync(task.input))
        else:
            done = parse(task, await _compute(callee, task.input, scope, place))
        if scope.inner is not None:
            check_heard(scope)
        if node.branches:
            return await _follow(scope, place, done)
    except (Exception, GraphBubbleUp, BaseExceptionGroup) as error:  # noqa: BLE001 - a node may raise anything
        if leaves(scope, error):
            return await _left(scope, place)
        return ended_by(scope, error, None, None)
    finally:
        scope.closed = True
        scope.token = None
    return swallowed(scope, None, None) if scope.waiting else done


async def _left(scope: Scope, place: Place) -> Outcome:
    """Return the outcome of a task whose node was ended by what a graph that it called has said."""
    done = given(scope.task, Returned((), scope.bring_up().up))
    return await _follow(scope, place, done) if scope.task.node.branches else done


async def _follow(scope: Scope, place: Place, kept: Succeeded) -> Outcome:
    """Run the conditional edges of a node that has returned."""
    done, branch = kept, None
    scope.enter()  # the node may have been called in a thread
    try:
        for branch in scope.task.node.branches:
            scope.edge = branch.name
            if branch.path.sync is not None and not branch.path.asks:
                answer = branch.path.sync(seen(branch, kept))
            else:
                answer = await _compute(branch.path, seen(branch, kept), scope, place)
            goto = [*done.goto, *follow(branch, kept, answer)]
            done = Succeeded(done.task, done.writes, goto, done.up)
    except (Exception, GraphBubbleUp, BaseExceptionGroup) as error:  # noqa: BLE001 - as above
        return ended_by(scope, error, kept, branch)
    return swallowed(scope, kept, branch) if scope.waiting else done


async def _within_middleware(task: Task, scope: Scope, place: Place) -> Any:  # noqa: ANN401 - a node returns anything
    """Call a node inside the context managers that the graph was compiled with."""
    with ExitStack() as stack:
        info = scope.info
        for enter in task.run.middleware if task.node.rank >= 0 else ():  # START is no node
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
    return await place.in_thread(scope, partial(callee.sync, given, **handed))


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
