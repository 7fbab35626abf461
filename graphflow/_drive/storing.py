"""Performs the effects that concern a store, where a thread may block.

What differs is only how one waits; for event loops that is in `waiting.py`.
"""

from contextlib import suppress
from contextvars import Context
from threading import Event
from typing import TYPE_CHECKING, Any

from graphflow._core.effects import Effect, Enter, Load, Save, Settle
from graphflow._core.state import Run
from graphflow._drive.scope import Scope
from graphflow._scope import CURRENT
from graphflow.checkpoint.base import BaseCheckpointSaver, Commit
from graphflow.checkpoint.leases import Lease, enter
from graphflow.errors import CheckpointConflict, ThreadBusyError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from graphflow.checkpoint.gathering import Ending


def is_made(store: BaseCheckpointSaver, commit: Commit, error: Exception) -> bool:
    """Tell what became of a commit whose answer was an error.

    An answer can be lost though the commit was made: the thread's head says whose the last was.

    Raises:
        Exception: the error, if the commit was not made.
    """
    try:
        head = store.head(commit.thread)
    except Exception:  # noqa: BLE001 - the store is out of order; the first error says why
        raise error from None
    if head is not None and head.token == commit.token:
        return True  # even after a conflict: the store may have tried it twice
    if isinstance(error, CheckpointConflict):
        return False
    raise error


class Storing:
    """A run's dealings with its store.

    Attributes:
        store: the store.
        lease: the run's place on its thread, or None.
    """

    def __init__(self, run: Run, context: Context) -> None:
        """Begin without a place.

        Args:
            run: the run, which has a checkpointer.
            context: the context it was started in, which knows what it is run inside.
        """
        assert run.saver is not None, "a run without a checkpointer asks nothing of a store"
        self.store = run.saver
        self._run = run
        outer = context.get(CURRENT)
        self._outer = outer.task.run.held if isinstance(outer, Scope) else ()
        self.lease: Lease | None = None
        self._pending: tuple[Ending, Commit] | None = None

    def release(self) -> None:
        """Give the place on the thread back, when a commit that is on its way has ended."""
        lease, self.lease = self.lease, None
        pending, self._pending = self._pending, None
        if lease is None:
            return
        if pending is None:
            lease.release()
        else:
            pending[0].add_done_callback(lambda _: lease.release())

    def take(self, effect: Enter) -> "Lease | Future[Lease]":
        """Take a place on the thread, or one in the line for it.

        Raises:
            ThreadBusyError: if it is taken, and the run is not to wait, or would wait for itself.
        """
        mine = (self.store, effect.thread)
        busy = "reject" if effect.busy == "queue" and mine in self._outer else effect.busy
        self._run.held = (*self._outer, mine)
        return enter(self.store, effect.thread, busy)

    def __del__(self) -> None:
        """Do what nobody has done: a stream may be left together with its event loop."""
        if self.lease is not None:
            with suppress(Exception):
                self.store_left()
            self.release()

    def store_left(self) -> None:
        """Store what a run that was left has still to store.

        Raises:
            CheckpointError: if it cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        thread = self._run.thread
        if thread is None or self.lease is None:
            return
        while (left := thread.log.left()) is not None:
            if self.appended(left):
                thread.log.forget_left()
            else:
                thread.log.catch_up(self.store.head(left.thread))

    def appended(self, commit: Commit) -> bool:
        """Make a commit; return whether the thread was where the commit takes it to be."""
        try:
            if not self.waits:
                self.store.append(commit)
            elif (future := self.store.submit(commit)) is not None:
                # Not `append`: a store that inherits `submit` would let it overtake what another
                # run of this process has submitted, and that run would be superseded.
                future.result()
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            return is_made(self.store, commit, error)
        return True

    @property
    def waits(self) -> bool:
        """Whether every commit must be waited for, since another run writes to the thread."""
        return self.lease is None or not self.lease.alone

    @property
    def blocks(self) -> bool:
        """Whether a commit that is waited for may take long."""
        return self.store.waits or self._pending is not None

    def settle_here(self) -> None:
        """Wait for the commit before, blocking the calling thread.

        Raises:
            Exception: what the store raised, if that commit was not made.
            ThreadBusyError: if another process has taken the thread over.
        """
        if self._pending is None:
            return
        future, commit = self._pending
        if not future.done():
            ended = Event()
            future.add_done_callback(lambda _: ended.set())
            ended.wait()
        error = future.exception()
        self._pending = None
        if isinstance(error, Exception) and not is_made(self.store, commit, error):
            raise self.superseded(commit)

    def superseded(self, commit: Commit) -> ThreadBusyError:
        """Return the error of a commit that came too late, and was not waited for."""
        return ThreadBusyError(commit.thread, superseded=True)


class BlockingStoring(Storing):
    """Waits by blocking the calling thread."""

    def leave(self) -> None:
        """Store what a run that was left has still to store, and give its thread back."""
        try:
            self.store_left()
        finally:
            self.release()

    def perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what the program asks for, and return the answer."""
        if isinstance(effect, Save):
            try:
                return self._save(effect)
            except Exception as error:  # noqa: BLE001 - the program raises it
                return error
        if isinstance(effect, Load):
            return effect.read(self.store)
        if isinstance(effect, Settle):
            return self.settle_here()
        assert isinstance(effect, Enter), f"the driver does not know {effect!r}"
        return self._enter(effect)

    def _save(self, effect: Save) -> bool:
        """Make a commit, after the one before."""
        self.settle_here()
        if effect.wait or self.waits:
            return self.appended(effect.commit)
        try:
            future = self.store.submit(effect.commit)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            return is_made(self.store, effect.commit, error)
        if future is not None:
            self._pending = (future, effect.commit)
        return True

    def _enter(self, effect: Enter) -> Lease:
        """Take a place on the thread."""
        found = self.take(effect)
        if isinstance(found, Lease):
            self.lease = found
            return found
        try:
            self.lease = found.result()
        except BaseException:  # an interrupt from the keyboard
            give_up(found)
            raise
        return self.lease


def give_up(waiter: "Future[Lease]") -> None:
    """Leave the line for a thread."""
    if not waiter.cancel():
        waiter.result().release()
