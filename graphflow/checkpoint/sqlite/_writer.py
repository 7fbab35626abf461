"""The one connection that writes: where the caller is if nobody else does, else in a thread.

A change that finds the connection free and the database unlocked is made at once, which is
cheaper than telling another thread. All others wait in a queue, and are made many in a
transaction: by one thread that does nothing else, or by an event loop when its turn has ended.
The order in which a caller gave his changes is kept: nothing is made at once while anything is
in the queue, and what is taken out of it is made before the lock is given back.

Nobody waits inside SQLite for another program's lock: that would keep the connection's lock,
which an event loop expects to be free soon.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, final

from graphflow.checkpoint.sqlite._errors import (
    FAILURES,
    PATIENCE,
    closed,
    interrupted,
    is_busy,
    locked_out,
    translated,
)
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._turn import Turn
from graphflow.checkpoint.sqlite._waiting import Change, Waiting
from graphflow.checkpoint.sqlite._worker import Worker
from graphflow.errors import CheckpointError

if TYPE_CHECKING:
    from graphflow.checkpoint.gathering import Soon
    from graphflow.checkpoint.sqlite._write import Keys

__all__ = ("Writer",)

_TOGETHER: Final = 256
"""How many changes make one transaction at the most."""

_WORKER: Final = "graphflow-store-writer"
_FIRST_PAUSE: Final = 0.0005
_LAST_PAUSE: Final = 0.05


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
        self._queue: deque[Waiting] = deque()
        self._gate = Lock()
        self._stopping = False
        self._asked = False  # whether the worker is to look into the queue, and has not yet
        self._turn: Soon | None = None  # of the event loop that makes what is in the queue
        self._last: str | None = None  # who was the last to make a change by `gather`

    def make(self, change: Change) -> None:
        """Make a change, and wait until it is made.

        Raises:
            CheckpointError: if it cannot be made.
        """
        # To wait for other threads of this process costs less than to let the worker do it; but
        # if commits take long, those that come meanwhile are better made together.
        if not self._queue and (self._at_once or not self._lock.locked()):
            with self._lock:
                if self._made_here(change):
                    return
        self._enqueue(change).result()

    def submit(self, change: Change) -> Future[None] | None:
        """Make a change if that is possible at once, and return None; else return its future.

        Raises:
            CheckpointError: if it cannot be made; it may come by the future as well.
        """
        return None if self._made_at_once(change) else self._enqueue(change)

    def gather(self, change: Change, whose: str, soon: "Soon", keep: object) -> Waiting | None:
        """Do what `submit` does, with what else is gathered in this turn of an event loop.

        Args:
            change: the change.
            whose: who makes it. One who makes change after change, with nobody between, has
                nobody to wait for.
            soon: has the loop call a function when its turn has ended.
            keep: what must not be collected before that.

        Raises:
            CheckpointError: as `submit`.
        """
        alone = (whose == self._last or self._last is None) and not self._queue
        self._last = whose
        if alone and self._made_at_once(change):
            return None
        waiting = self._leave(change)
        if alone:
            self._ask()
        elif self._turn != soon:
            self._end_soon(soon, keep)
        return waiting

    def _made_at_once(self, change: Change) -> bool:
        """Make a change in this thread, if that makes it wait for nobody."""
        if self._at_once and not self._queue and not self._lock.locked():
            # Not `acquire(blocking=False)`, after which a KeyboardInterrupt would leave it locked;
            # who is faster by a hair than this thread is waited for.
            with self._lock:
                return self._made_here(change)
        return False

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
        self._leave(change).add_done_callback(partial(_settle, done))
        self._ask()
        return done

    def _leave(self, change: Change) -> Waiting:
        """Put a change into the queue."""
        waiting = Waiting(change)
        with self._gate:
            if self._stopping:
                raise closed(self._handle.place)
            self._queue.append(waiting)
        return waiting

    def _ask(self) -> None:
        """Have the worker make what is in the queue."""
        with self._gate:
            if not (self._asked or self._stopping):  # `finish` makes what there is
                self.worker.call(self._drain)
                self._asked = True  # not before, for a KeyboardInterrupt could come between

    def _end_soon(self, soon: "Soon", keep: object) -> None:
        """Have an event loop make what is in the queue when its turn has ended."""
        with self._gate:
            if self._stopping:  # `finish` makes what there is
                return
            self.worker.start()  # now: a finalizer must not
        ended = partial(self._end_turn, soon, keep)
        soon(Turn(ended, partial(self.worker.call, self._drain)))
        self._turn = soon

    def _end_turn(self, soon: "Soon", keep: object) -> None:
        """Make what was gathered, on the event loop, if nobody has to be waited for."""
        self._turn = None
        if self._asked or not self._queue:
            return
        made = self._at_once and not self._lock.locked() and self._make_some()
        if self._queue and made:
            self._end_soon(soon, keep)
        elif self._queue:
            self._ask()

    def finish(self) -> None:
        """Take no more changes, and make those that wait."""
        with self._gate:
            self._stopping = True
        self.worker.end()
        self._drain()  # what an event loop will not make any more, and what came to the worker late

    def pause(self) -> None:
        """Let nobody leave changes; the lock is held."""
        self._gate.acquire()

    def resume(self) -> None:
        """Let everybody go on."""
        self._gate.release()

    def resume_in_child(self) -> None:
        """Go on in a forked process; what waits is made in the other one, whose thread lives."""
        self._queue.clear()
        self._asked = False
        self._turn = None
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
        while self._goes_on():
            if self._make_some():
                pause = _FIRST_PAUSE
            else:
                sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)

    def _goes_on(self) -> bool:
        """Tell whether anything waits; if not, the worker must be asked again."""
        with self._lock, self._gate:  # who has taken changes out may put them back
            self._asked = bool(self._queue)
            return self._asked

    def _make_some(self) -> bool:
        """Make changes that wait, and tell how they ended; return False if there are none.

        So it is, too, if the database is locked: they go back into the queue.
        """
        batch: list[Waiting] = []
        outcomes: list[Exception | None] = []
        try:
            with self._lock:
                while self._queue and len(batch) < _TOGETHER:
                    batch.append(self._queue[0])
                    self._queue.popleft()
                outcomes = self._outcomes(batch) if batch else []
                while len(batch) > len(outcomes):
                    self._queue.appendleft(batch[-1])
                    batch.pop()
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.end(outcome)
        except BaseException:  # a KeyboardInterrupt; what was made is known by the thread's head
            for waiting in batch:
                if not waiting.done():
                    waiting.end(interrupted(self._handle.place))
            raise
        return bool(batch)

    def _outcomes(self, batch: list[Waiting]) -> list[Exception | None]:
        """Make changes; return how the first ones ended, none of them if the database is locked."""
        try:
            outcomes = self._together(batch)
        except Exception:  # noqa: BLE001 - whichever of them failed, the others must not fail with it
            outcomes = self._one_by_one(batch)
        if not outcomes and monotonic() - batch[0].since > PATIENCE:
            return [locked_out(self._handle.place)]
        return outcomes

    def _together(self, batch: list[Waiting]) -> list[Exception | None]:
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

    def _one_by_one(self, batch: list[Waiting]) -> list[Exception | None]:
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


def _settle(done: Future[None], waiting: Waiting) -> None:
    """Tell a future how a change has ended."""
    error = waiting.exception()
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _caused(error: CheckpointError, cause: Exception) -> CheckpointError:
    """Return an error as `raise ... from` would leave it."""
    error.__cause__ = cause
    return error
