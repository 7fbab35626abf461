"""One event loop in a thread, for the async nodes of runs that have no loop of their own.

Runs that nobody else drives share one portal a process, made on first need and kept. A run that
is driven from inside a node (a sync `invoke` in a node) borrows one for itself: its caller may be
an async node that blocks the shared loop until this run ends, however deep the nesting is.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, final

from graphflow._core.state import Failed, Outcome, Task
from graphflow._drive.call import call
from graphflow._drive.loop import LoopPlace
from graphflow._drive.stepping import paced
from graphflow._scope import CURRENT

if TYPE_CHECKING:
    from graphflow._drive.threads import ThreadCrew


@final
class Portal:
    """An event loop that runs in a thread of its own until it is closed, or the process ends."""

    def __init__(self) -> None:
        """Start the thread, and wait until the loop runs."""
        self._over = False
        started: Future[asyncio.AbstractEventLoop] = Future()
        thread = threading.Thread(
            target=self._live, args=(started,), name="graphflow portal", daemon=True
        )
        thread.start()
        self.loop = started.result()
        self.thread = thread

    def _live(self, started: "Future[asyncio.AbstractEventLoop]") -> None:
        """Run the loop, in the thread, until it is closed or a node has stopped it.

        The runs that this cuts off are told by the end of their tasks, which the loop cancels.
        """
        with suppress(BaseException), asyncio.Runner() as runner:
            try:
                runner.run(self._serve(started))
            finally:
                # Before the runner cancels what is left: whoever hears of that and looks for a
                # portal must not be given this one, whose loop still stands but runs no more.
                self._over = True

    async def _serve(self, started: "Future[asyncio.AbstractEventLoop]") -> None:
        """Keep the loop running."""
        self._closing = asyncio.Event()
        started.set_result(asyncio.get_running_loop())
        await self._closing.wait()

    @property
    def here(self) -> bool:
        """Whether the caller is the portal's own thread."""
        return threading.current_thread() is self.thread

    @property
    def runs(self) -> bool:
        """Whether the loop still runs: a node can stop it, or exit in a task of its own."""
        return not self._over and self.thread.is_alive() and not self.loop.is_closed()

    def close(self) -> None:
        """End the loop and its thread."""
        with suppress(RuntimeError):  # the loop may have ended by itself
            self.loop.call_soon_threadsafe(self._closing.set)


@final
class Member:
    """A coroutine on a portal, which is started and cancelled from another thread.

    It is made before it is started, so that an interrupt from the keyboard between the two
    leaves nothing behind that nobody knows of.

    Args:
        portal: where it is to run.
        name: its name as a task.
        function: makes the coroutine.
        cancelled: called if it ends by a cancel: one that comes before the first step leaves the
            coroutine no chance to tell by itself.
    """

    __slots__ = ("_cancelled", "_function", "_loop", "_name", "_task")

    def __init__(
        self,
        portal: Portal,
        name: str,
        function: Callable[[], Coroutine[Any, Any, None]],
        cancelled: Callable[[], None],
    ) -> None:
        """Keep everything."""
        self._loop = portal.loop
        self._name = name
        self._function = function
        self._cancelled = cancelled
        self._task: asyncio.Task[None] | None = None

    def start(self, context: Context) -> None:
        """Have the loop make a task of it soon, inside a context."""
        self._loop.call_soon_threadsafe(self._start, context)

    def _start(self, context: Context) -> None:
        """Make the task, on the loop."""
        self._task = self._loop.create_task(self._function(), context=context, name=self._name)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Tell that the task was cancelled, if it was."""
        if task.cancelled():
            self._cancelled()

    def cancel(self) -> None:
        """Have the loop cancel it soon; the loop makes the task first, for it serves in order."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        """Cancel the task, on the loop; without one, it was never started."""
        if self._task is None:
            self._cancelled()
        else:
            self._task.cancel()


@final
class PortalSide:
    """The part of a threads driver's crew that runs on a portal."""

    def __init__(self, crew: "ThreadCrew") -> None:
        """Find the portal: the shared one, unless this run is driven from inside a node."""
        self.crew = crew
        self.borrowed = crew.context.get(CURRENT) is not None
        self.portal = borrow() if self.borrowed else shared()
        self.place = LoopPlace(crew.run.grace, crew.sink)
        self.paced = crew.run.crowds
        self.held: list[asyncio.Event] = []

    @property
    def here(self) -> bool:
        """Whether the caller is on the portal's loop, and must not be blocked."""
        return self.portal.here

    def member(self, task: Task) -> Member:
        """Return one task as a member of the crew, to be started."""
        return Member(
            self.portal,
            task.node.name,
            lambda: self._member(task),
            lambda: self.crew.post(task, None),
        )

    async def _member(self, task: Task) -> None:
        """Run one task, and tell the crew of its end."""
        event: Outcome | None
        calling = call(task, self.place)
        try:
            event = await (paced(self, calling) if self.paced else calling)
        except asyncio.CancelledError as error:
            event = None if self.crew.closed else Failed(task, error)
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is the consumer's
            event = Failed(task, error)
        self.crew.post(task, event)

    @property
    def full(self) -> bool:
        """Whether writers are to be held."""
        return self.crew.full

    async def vacancy(self) -> None:
        """Wait, on the portal's loop, until there is room."""
        while True:
            room = asyncio.Event()
            with self.crew.changed:
                if not self.full:
                    return
                self.held.append(room)
            await room.wait()

    def release(self) -> None:
        """Let the coroutines that wait for room look again; the crew's lock is held."""
        for room in self.held:
            self.portal.loop.call_soon_threadsafe(room.set)
        self.held.clear()

    def close(self) -> None:
        """Give the portal back if it was borrowed."""
        if self.borrowed:
            give_back(self.portal)


IDLE = 4
"""How many borrowed portals are kept; each is a thread with an event loop."""

_lock = threading.Lock()
_shared: Portal | None = None
_idle: list[Portal] = []


def shared() -> Portal:
    """Return the process's portal."""
    global _shared  # noqa: PLW0603 - the one portal a process
    with _lock:
        if _shared is None or not _shared.runs:
            _shared = Portal()
        return _shared


def borrow() -> Portal:
    """Return a portal that nobody else uses, to be given back."""
    with _lock:
        while _idle:
            portal = _idle.pop()
            if portal.runs:
                return portal
    return Portal()


def give_back(portal: Portal) -> None:
    """Keep a borrowed portal for the next who needs one, if there are not enough."""
    with _lock:
        if len(_idle) < IDLE and portal.runs:
            _idle.append(portal)
            return
    portal.close()


def _forget() -> None:
    """Drop the portals in a forked child: their threads did not come along."""
    global _shared, _lock  # noqa: PLW0603 - as above; the lock may have been held while forking
    _shared = None
    _idle.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_forget)
