"""Which event loop is running here, and the two things that differ: waking it, and threads."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeAlias, final

import anyio
import anyio.to_thread

from graphflow._drive.scope import Halt, Scope, Sink, report_abandoned
from graphflow.errors import TaskAbandoned, note

Soon: TypeAlias = Callable[[Callable[[], object]], object]
"""Has the event loop call a function soon; may be called from any thread."""


class RunsThreadsInline:
    """Marks an event loop on which functions that may block are called on the loop itself."""


def in_trio() -> bool:
    """Tell whether trio is running here; else it is asyncio, with whatever loop."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


def inline_here() -> bool:
    """Tell whether the running loop has no threads beside it, as a simulated one."""
    return not in_trio() and isinstance(asyncio.get_running_loop(), RunsThreadsInline)


def loop_here() -> bool:
    """Tell whether an event loop runs in this thread, of whatever kind."""
    if in_trio():
        return True
    try:
        return bool(asyncio.get_running_loop())
    except RuntimeError:
        return False


def waits_here() -> bool:
    """Tell whether an event loop runs in this thread that must not be held up."""
    if in_trio():
        return True
    try:
        return not isinstance(asyncio.get_running_loop(), RunsThreadsInline)
    except RuntimeError:
        return False


def soon_here() -> Soon:
    """Return what wakes the running loop from any thread."""
    if in_trio():
        import trio  # noqa: PLC0415 - an optional library, which has been imported by its user

        return trio.lowlevel.current_trio_token().run_sync_soon
    return asyncio.get_running_loop().call_soon_threadsafe


@final
class _Job:
    """A function on its way through a thread; its error travels as data.

    A future's exception would not do: a StopIteration makes a future's waiter hang.
    """

    __slots__ = ("_enter", "_function", "_lock", "_told", "dropped", "error", "result", "state")

    def __init__(self, function: Callable[[], Any], enter: Callable[[], object]) -> None:
        self._function = function
        self._enter = enter
        self._lock = Lock()
        self._told: Callable[[], object] | None = None
        self.dropped = False
        self.state = "waiting"
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call the function, in the thread."""
        with self._lock:
            if self.dropped:
                return
            self.state = "running"
        try:
            self._enter()
            self.result = self._function()
        except BaseException as error:  # noqa: BLE001 - handed to who waits
            self.error = error
        with self._lock:
            self.state = "done"
        if self._told is not None:
            self._told()

    def drop(self, tell: Callable[[], object]) -> bool:
        """Give the job up; return whether it runs now, and then `tell` is called at its end."""
        with self._lock:
            self.dropped = True
            self._told = tell
            return self.state == "running"


async def in_thread(scope: Scope, function: Callable[[], Any], grace: float) -> Any:  # noqa: ANN401 - a node returns anything
    """Call a function of a task in a worker thread, and return what it returns.

    If the wait is cancelled, the function has `grace` seconds to end; then it is abandoned.

    Raises:
        BaseException: what the function raises, also if it does so within its grace.

    Warns:
        AbandonedTaskWarning: if the function still runs after the grace.
    """
    if inline_here():
        return function()
    job = _Job(function, scope.enter)
    halt = scope.halt = Halt()
    # The limiter is anyio's own, but the token is held here: a library gives it back at some time
    # after the thread has ended, and then a cancelled run would leave it behind for a moment.
    limiter = anyio.to_thread.current_default_thread_limiter()
    await limiter.acquire_on_behalf_of(job)
    try:
        await anyio.to_thread.run_sync(
            job.run, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
        )
    except BaseException as cancelled:
        halt.call()
        await _wait_for_end(scope.task.node.name, job, grace, cancelled)
        if job.error is None or isinstance(job.error, TaskAbandoned):
            job.error = None  # it and the job would hold each other
            raise
    finally:
        limiter.release_on_behalf_of(job)
    if job.error is not None:
        error, job.error = job.error, None
        try:
            raise error
        finally:
            del error
    return job.result


async def _wait_for_end(name: str, job: _Job, grace: float, cancelled: BaseException) -> None:
    """Give a job that nobody waits for any more its grace, and report it if that is too short."""
    ended = anyio.Event()
    soon = soon_here()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop may be gone, and with it who was waiting
            soon(ended.set)

    if not job.drop(tell):
        return
    try:
        with anyio.move_on_after(grace, shield=True) as scope:
            while not ended.is_set():
                try:
                    await ended.wait()
                except anyio.get_cancelled_exc_class():
                    if scope.cancel_called:
                        raise  # the grace is over; another cancel by asyncio passes the shield
    finally:  # after another cancel by asyncio the scope lets its own through, too
        if job.state == "running":
            warning = report_abandoned(name, grace)
            if warning is not None:
                note(cancelled, str(warning))


class LoopPlace:
    """Where tasks on an event loop are called: coroutines here, plain functions in threads."""

    __slots__ = ("grace", "sink")
    awaits = True
    halt = None  # a coroutine is cancelled

    def __init__(self, grace: float, sink: Sink | None) -> None:
        """Keep both."""
        self.grace = grace
        self.sink = sink

    async def in_thread(self, scope: Scope, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - a node returns anything
        """Call a function in a worker thread."""
        return await in_thread(scope, function, self.grace)
