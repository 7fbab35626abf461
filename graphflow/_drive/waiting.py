"""Performs the effects that concern a store on an event loop, which must not be blocked."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, final
from weakref import WeakKeyDictionary, ref

import anyio
import anyio.to_thread
from typing_extensions import override

from graphflow._core.effects import Effect, Enter, Load, Save, Settle, Write
from graphflow._core.state import Run
from graphflow._drive.loop import in_trio, inline_here, soon_here
from graphflow._drive.storing import Storing, give_up
from graphflow.checkpoint.base import BaseCheckpointSaver, Commit
from graphflow.checkpoint.gathering import Gathers
from graphflow.checkpoint.leases import Lease

if TYPE_CHECKING:
    from graphflow.checkpoint.gathering import Ending

R = TypeVar("R")


@final
class LoopStoring(Storing):
    """Waits by letting the loop go on; made on the loop."""

    def __init__(self, run: Run, context: Context) -> None:
        """Look once at what loop it is."""
        super().__init__(run, context)
        self._inline = inline_here()
        self._gathers = self.store if isinstance(self.store, Gathers) and not in_trio() else None
        self._begun: tuple[Commit, Ending | Exception | None] | None = None

    @property
    @override
    def blocks(self) -> bool:
        """Whether a commit that is waited for may take long."""
        return super().blocks and not self._inline

    async def perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what the program asks for, and return the answer."""
        if isinstance(effect, (Save, Write)):
            try:
                return await self._save(effect)
            except Exception as error:  # noqa: BLE001 - the program raises it
                return error
        if isinstance(effect, Load):
            return await self._call(lambda: effect.read(self.store))
        if isinstance(effect, Settle):
            return await self._settle()
        assert isinstance(effect, Enter), f"the driver does not know {effect!r}"
        return await self._enter(effect)

    async def leave(self) -> None:
        """Store what a run that was left has still to store, and give its thread back."""
        thread = self._run.thread
        try:
            if thread is not None and thread.log.left() is not None:
                with anyio.CancelScope(shield=True):
                    await self._call(self.store_left)
        finally:
            self.release()

    async def _call(self, function: Callable[[], R]) -> R:
        """Call what may block."""
        return await read_store(self.store, function)

    def begin(self, effect: Save | Write) -> bool:
        """Begin a commit; return whether it is done already, as it is with a store that is quick.

        If not, `perform` goes on with it. There is no coroutine in a quick commit's way.
        """
        if self._pending is not None or self._inline:
            return False
        if isinstance(effect, Write):
            flies = not effect.wait and not self.waits
            self._begun = self.hand_over(effect.put, self._submit, flies=flies)
            return self._begun[1] is None
        try:
            ending = self._submit(effect.commit)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            self._begun = effect.commit, error
            return False
        if ending is None:
            return True
        self._begun = effect.commit, ending
        with self.books.lock:
            self.books.last = ending
            if not effect.wait and not self.waits:
                self.books.fly(ending, effect.commit)
        return False

    def _submit(self, commit: Commit) -> "Ending | None":
        """Hand a commit to the store, together with others of this turn if the store likes that."""
        if self._gathers is None:
            return self.store.submit(commit)
        return self._gathers.gather(commit, asyncio.get_running_loop().call_soon)

    async def _save(self, effect: Save | Write) -> bool:
        """Make a commit, after the one before."""
        if self._pending is not None:
            await self._settle()
        if self._begun is None and self.begin(effect):
            return True
        if self._inline:
            return (
                self.written_here(effect.put)
                if isinstance(effect, Write)
                else self.appended(effect.commit)
            )
        assert self._begun is not None, "a commit that was done at once is not performed"
        (commit, ending), self._begun = self._begun, None
        if isinstance(ending, Exception):
            return await self._made(commit, ending)
        assert ending is not None, "as above"
        self._pending = (ending, commit)
        if not effect.wait and not self.waits:
            return True
        await ended(ending)
        self._pending = None
        return await self._outcome(ending, commit)

    async def _made(self, commit: Commit, failed: Exception) -> bool:
        """Tell what became of a commit whose answer was an error."""
        return await self._call(lambda: self.books.outcome(commit, failed))

    async def _outcome(self, future: "Ending", commit: Commit) -> bool:
        """Tell what became of a commit that has ended."""
        error = future.exception()
        return await self._made(commit, error) if isinstance(error, Exception) else True

    async def _settle(self) -> None:
        """Wait for the commit before."""
        if self._pending is None:
            return
        future, commit = self._pending
        await ended(future)
        self._pending = None
        if not await self._outcome(future, commit):
            raise self.superseded(commit)

    async def _enter(self, effect: Enter) -> Lease:
        """Take a place on the thread."""
        found = self.take(effect)
        if isinstance(found, Lease):
            self.books.lease = found
            return found
        try:
            await ended(found)
        except BaseException:  # cancelled while it waited
            give_up(found)
            raise
        lease = self.books.lease = found.result()
        return lease


async def read_store(store: BaseCheckpointSaver, function: Callable[[], R]) -> R:
    """Call a function that reads a store: in a thread, if the store may wait."""
    if not store.waits or inline_here():
        return function()
    return await anyio.to_thread.run_sync(function)


async def ended(future: "Ending") -> None:
    """Wait until something has ended, however; a cancel of the wait leaves it alone."""
    if future.done():
        return
    if in_trio():
        await _ended_on_trio(future)
        return
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    future.add_done_callback(lambda _: _wake(loop, waiter))
    await waiter


def _wake(loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]") -> None:
    """Have who waits on a loop go on; may be called from any thread."""
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if not here:
        _bell_of(loop).ring(loop, waiter)
    elif not waiter.done():
        waiter.set_result(None)


@final
class Bell:
    """Wakes those who wait on one loop; the loop itself is woken once for many of them.

    Nobody holds it but what the loop is to call, so that it goes with a loop that is closed; it
    would keep those who wait, and they the loop.
    """

    __slots__ = ("__weakref__", "_rung", "_waiters")

    def __init__(self) -> None:
        self._rung = False
        self._waiters: deque[asyncio.Future[None]] = deque()

    def ring(self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]") -> None:
        """Have one who waits go on; to be called from another thread than the loop's."""
        self._waiters.append(waiter)
        if self._rung:
            return
        try:
            self._rung = True
            loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # the loop is gone, and with it who was waiting
            return
        except BaseException:  # a KeyboardInterrupt, before the bell was heard or after
            self._rung = False
            raise

    def _answer(self) -> None:
        """Let them go on, on the loop."""
        self._rung = False  # first: who is too late for the others rings again
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)


_bells: "WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Bell]]" = WeakKeyDictionary()


def _bell_of(loop: asyncio.AbstractEventLoop) -> Bell:
    """Return the bell of a loop; two threads may make two of them, and both are heard."""
    found = _bells.get(loop)
    bell = None if found is None else found()
    if bell is None:
        bell = Bell()
        _bells[loop] = ref(bell)
    return bell


async def _ended_on_trio(future: "Ending") -> None:
    """Do what `ended` does, on trio."""
    event, soon = anyio.Event(), soon_here()

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # the loop may be gone, and with it who was waiting
            soon(event.set)

    future.add_done_callback(tell)
    await event.wait()
