"""Who has which thread within this process: one run a thread, others wait, or go on beside it.

Between processes that is the store's business, by the epoch in a thread's head. Here a run is
turned away, or waits, before any node of it has run.
"""

from collections import deque
from concurrent.futures import Future
from threading import Lock
from typing import Literal, TypeAlias, final
from weakref import WeakKeyDictionary

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import ThreadBusyError

__all__ = ("Lease", "enter")

OnBusy: TypeAlias = Literal["reject", "queue", "fork"]


@final
class _Line:
    """Everybody who wants one thread of one store.

    Attributes:
        owner: who has it, or None.
        beside: those who go on beside the owner.
        waiting: those who wait for it, in order.
        epoch: the last epoch of the thread that one of them took.
    """

    __slots__ = ("beside", "epoch", "owner", "waiting")

    def __init__(self) -> None:
        self.owner: Lease | None = None
        self.beside: set[Lease] = set()
        self.waiting: deque[Future[Lease]] = deque()
        self.epoch = 0


_lock = Lock()
_lines: WeakKeyDictionary[BaseCheckpointSaver, dict[str, _Line]] = WeakKeyDictionary()


@final
class Lease:
    """A run's place on a thread, to be given back by `release`.

    Attributes:
        beside: whether another run has the thread, and this one goes on in a branch of its own.
    """

    __slots__ = ("_line", "_store", "_thread", "beside")

    def __init__(
        self, store: BaseCheckpointSaver, thread: str, line: _Line, *, beside: bool
    ) -> None:
        """Made by `enter`."""
        self._store = store
        self._thread = thread
        self._line = line
        self.beside = beside

    @property
    def alone(self) -> bool:
        """Whether no other run of this process writes to the thread now."""
        return not self.beside and not self._line.beside

    def shares(self, epoch: int) -> bool:
        """Tell whether another run of this process goes on in that epoch of the thread."""
        with _lock:
            return bool(self._line.beside - {self}) and self._line.epoch == epoch

    def took(self, epoch: int) -> None:
        """Note the epoch that this run has taken."""
        with _lock:
            self._line.epoch = max(self._line.epoch, epoch)

    def release(self) -> None:
        """Give the place back, to who has waited longest; to be called once."""
        with _lock:
            line = self._line
            if self.beside:
                line.beside.discard(self)
            else:
                line.owner = None
                self._pass_on(line)
            if line.owner is None and not line.beside and not line.waiting:
                _lines.get(self._store, {}).pop(self._thread, None)

    def _pass_on(self, line: _Line) -> None:
        """Let the next in line have the thread; the lock is held."""
        while line.waiting:
            waiter = line.waiting.popleft()
            if waiter.set_running_or_notify_cancel():
                line.owner = Lease(self._store, self._thread, line, beside=False)
                waiter.set_result(line.owner)
                return


def enter(store: BaseCheckpointSaver, thread: str, busy: str) -> "Lease | Future[Lease]":
    """Take a thread; return the place on it, or the future of one.

    A future that is given up is to be cancelled; if that fails, its lease is to be released.

    Raises:
        ThreadBusyError: if it is taken, and `busy` is "reject".
    """
    with _lock:
        line = _lines.setdefault(store, {}).setdefault(thread, _Line())
        if line.owner is None:
            line.owner = Lease(store, thread, line, beside=False)
            return line.owner
        if busy == "fork":
            lease = Lease(store, thread, line, beside=True)
            line.beside.add(lease)
            return lease
        if busy == "queue":
            waiter: Future[Lease] = Future()
            line.waiting.append(waiter)
            return waiter
    raise ThreadBusyError(thread, superseded=False)
