"""The one connection that writes: where the caller is if nobody else does, else in a thread.

A change that finds the connection free and the database unlocked is made at once, which is
cheaper than telling another thread. All others wait in a queue, and one thread makes them, many
in a transaction. The order in which a caller gave his changes is kept: nothing is made at once
while anything is in the queue.

Nobody waits inside SQLite for another program's lock: that would keep the connection's lock,
which an event loop expects to be free soon.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice
from threading import Lock
from time import monotonic, sleep
from typing import Final, TypeAlias, final

from graphflow._record import record
from graphflow.checkpoint.sqlite._errors import (
    FAILURES,
    PATIENCE,
    closed,
    is_busy,
    locked_out,
    translated,
)
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._worker import Worker
from graphflow.checkpoint.sqlite._write import Keys
from graphflow.errors import CheckpointError

__all__ = ("Change", "Writer")

Change: TypeAlias = Callable[[sqlite3.Cursor, Keys], int]
"""Changes something in the open transaction; tells about how many bytes; see `_write.py`."""

_TOGETHER: Final = 256
"""How many changes make one transaction at the most."""

_WORKER: Final = "graphflow-store-writer"
_FIRST_PAUSE: Final = 0.0005
_LAST_PAUSE: Final = 0.05


@record
class _Waiting:
    """A change in the queue."""

    change: Change
    done: Future[None]
    since: float


@final
class Writer:
    """Makes changes, each as a whole or not at all.

    Args:
        handle: the connection.
        at_once: whether changes may be made where the caller is.
        wrote: is told about how many bytes a transaction wrote, while the lock is held.

    Attributes:
        worker: the thread that makes what waits.
    """

    def __init__(
        self, handle: Handle, *, at_once: bool, wrote: Callable[[int], None] | None = None
    ) -> None:
        self.worker = Worker(_WORKER)
        self._handle = handle
        self._lock = handle.lock
        self._keys: Keys = {}
        self._at_once = at_once
        self._wrote = wrote
        self._queue: deque[_Waiting] = deque()
        self._gate = Lock()
        self._stopping = False

    def make(self, change: Change) -> None:
        """Make a change, and wait until it is made.

        Raises:
            CheckpointError: if it cannot be made.
        """
        if self._at_once and not self._queue:
            # To wait for other threads of this process costs less than to let the worker do it.
            with self._lock:
                if self._made_here(change):
                    return
        self._enqueue(change).result()

    def submit(self, change: Change) -> Future[None] | None:
        """Make a change if that is possible at once, and return None; else return its future.

        Raises:
            CheckpointError: if it cannot be made; it may come by the future as well.
        """
        if self._at_once and not self._queue and not self._lock.locked():
            # Not `acquire(blocking=False)`, after which a KeyboardInterrupt would leave it locked;
            # who is faster by a hair than this thread is waited for.
            with self._lock:
                if self._made_here(change):
                    return None
        return self._enqueue(change)

    def _made_here(self, change: Change) -> bool:
        """Make a change in this thread, if no other waits and the database is not locked."""
        try:
            return not (self._queue or self._stopping) and self._made(change)
        except FAILURES as error:
            raise translated(error, self._handle.place) from error

    def _enqueue(self, change: Change) -> Future[None]:
        """Leave a change to the worker."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # what is in the queue will be made
        with self._gate:
            if self._stopping:
                raise closed(self._handle.place)
            self._queue.append(_Waiting(change, done, monotonic()))
            self.worker.call(self._drain)
        return done

    def finish(self) -> None:
        """Take no more changes, and make those that wait."""
        with self._gate:
            self._stopping = True
        self.worker.end()
        if self.worker.here:
            self._drain()

    def pause(self) -> None:
        """Let nobody leave changes; the lock is held."""
        self._gate.acquire()

    def resume(self) -> None:
        """Let everybody go on."""
        self._gate.release()

    def resume_in_child(self) -> None:
        """Go on in a forked process; what waits is made in the other one, whose thread lives."""
        self._queue.clear()
        self.worker = Worker(_WORKER)
        self._gate.release()

    def _made(self, change: Change) -> bool:
        """Make one change; return False if the database is locked. The lock is held."""
        cursor = self._begun()
        if cursor is None:
            return False
        try:
            written = change(cursor, self._keys)
            cursor.execute("COMMIT")
        except BaseException as error:
            self._undo(cursor)
            if isinstance(error, sqlite3.Error) and is_busy(error):
                return False
            raise
        if self._wrote is not None:
            self._wrote(written)
        return True

    def _begun(self) -> sqlite3.Cursor | None:
        """Begin a transaction; return None if the database is locked."""
        cursor = self._handle.ready()
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if is_busy(error):
                return None
            raise
        return cursor

    def _undo(self, cursor: sqlite3.Cursor) -> None:
        """End a transaction that failed; the keys it gave will be given to other threads."""
        self._keys.clear()
        if cursor.connection.in_transaction:  # SQLite may have ended it by itself
            cursor.execute("ROLLBACK")

    def _drain(self) -> None:
        """Make all changes that wait, in the worker's thread."""
        pause = _FIRST_PAUSE
        while self._queue:
            with self._gate:
                batch = [*islice(self._queue, _TOGETHER)]
            with self._lock:
                outcomes = self._outcomes(batch)
                for _ in outcomes:
                    self._queue.popleft()
            _settle(batch, outcomes)
            if outcomes:
                pause = _FIRST_PAUSE
            else:
                sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)

    def _outcomes(self, batch: list[_Waiting]) -> list[Exception | None]:
        """Make changes; return how the first ones ended, none of them if the database is locked."""
        try:
            outcomes = self._together(batch)
        except Exception:  # noqa: BLE001 - whichever of them failed, the others must not fail with it
            outcomes = self._one_by_one(batch)
        if not outcomes and monotonic() - batch[0].since > PATIENCE:
            return [locked_out(self._handle.place)]
        return outcomes

    def _together(self, batch: list[_Waiting]) -> list[Exception | None]:
        """Make changes in one transaction; those that refuse have not changed anything."""
        outcomes: list[Exception | None] = []
        cursor = self._begun()
        if cursor is None:
            return outcomes
        written = 0
        try:
            for waiting in batch:
                try:
                    written += waiting.change(cursor, self._keys)
                    outcomes.append(None)
                except CheckpointError as error:
                    outcomes.append(error)
            cursor.execute("COMMIT")
        except BaseException:
            self._undo(cursor)
            raise
        if self._wrote is not None:
            self._wrote(written)
        return outcomes

    def _one_by_one(self, batch: list[_Waiting]) -> list[Exception | None]:
        """Make changes in a transaction each, up to one that finds the database locked."""
        outcomes: list[Exception | None] = []
        for waiting in batch:
            try:
                if not self._made(waiting.change):
                    break
                outcomes.append(None)
            except FAILURES as error:
                outcomes.append(_caused(translated(error, self._handle.place), error))
            except Exception as error:  # noqa: BLE001 - it is the caller's, by the future
                outcomes.append(error)
        return outcomes


def _settle(batch: list[_Waiting], outcomes: list[Exception | None]) -> None:
    """Tell those who wait how their changes ended."""
    for waiting, outcome in zip(batch, outcomes, strict=False):  # the rest is tried again
        if outcome is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(outcome)


def _caused(error: CheckpointError, cause: Exception) -> CheckpointError:
    """Return an error as `raise ... from` would leave it."""
    error.__cause__ = cause
    return error
