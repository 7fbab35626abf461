"""What a checkpointer is: a store of bytes that keeps one log for each thread.

A thread is one conversation, a run of a graph that lasts. Its log is a row of records, numbered
from 1 over all its branches; a snapshot now and then spares a reader the records before it. A
store keeps records, snapshots and blobs as bytes, knows nothing of what is in them, and does one
thing that needs care: `append`, a single transaction under compare-and-swap. So one can be
written in an afternoon; `graphflow.testing.store_suite` tells whether it is right.

What the bytes mean is the business of `graphflow._core` and of `codec.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from graphflow._record import record
from graphflow.errors import CheckpointConflict, CheckpointError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = (
    "ANSWER",
    "BARRIER",
    "FAILURE",
    "JOURNAL",
    "RUN",
    "TASK",
    "BaseCheckpointSaver",
    "Branch",
    "CheckpointConflict",
    "CheckpointError",
    "Commit",
    "Head",
    "Record",
    "Snapshot",
    "ThreadInfo",
)

R = TypeVar("R")

RUN: Final = 1
"""A run began: its id, its metadata and its input."""

TASK: Final = 2
"""A task ended while its superstep went on: what it writes, kept until the barrier."""

BARRIER: Final = 3
"""A superstep ended: its effects on the channels, and what is due next."""

FAILURE: Final = 4
"""A superstep failed: which tasks, and their errors."""

JOURNAL: Final = 5
"""A result kept inside a task."""

ANSWER: Final = 6
"""The answer to an interrupt."""


@record
class Head:
    """The one row of a thread that is under compare-and-swap.

    Attributes:
        branch: the current branch.
        seq: the number of the thread's last record, of whatever branch; 0 before the first.
        epoch: counts the runs that were started, from 1; a run of an earlier one may not write.
        token: what the last commit carried, to recognise it when its answer was lost.
        updated: when that was, in microseconds since 1970.
    """

    branch: int
    seq: int
    epoch: int
    token: bytes
    updated: int


@record
class Branch:
    """One line of a thread's history.

    Attributes:
        id: its number, its own within the thread; positive, below 2**63.
        ns: the namespace: "" for the thread itself, a path for a graph inside it.
        parent: the branch it was forked from, or 0.
        fork: the last record of the parent that belongs to it, or 0.
        base: records of this branch up to this one may have been forgotten; 0 if none were.
    """

    id: int
    ns: str
    parent: int
    fork: int
    base: int


@record
class Record:
    """One entry of a log.

    Attributes:
        seq: its number.
        branch: the branch it belongs to.
        kind: `RUN`, `TASK`, ...; a store takes any number from 0 to 255.
        data: the bytes.
    """

    seq: int
    branch: int
    kind: int
    data: bytes


@record
class Snapshot:
    """The values of a branch after one of its records.

    Attributes:
        branch: the branch.
        seq: the record.
        manifest: bytes that tell which blob holds what.
        blobs: the numbers of all blobs that the manifest names; they must be kept with it.
    """

    branch: int
    seq: int
    manifest: bytes
    blobs: tuple[int, ...]


@record
class Commit:
    """One change of a thread, to be made as a whole or not at all.

    Attributes:
        thread: the thread; a string of any characters.
        epoch: the epoch that its head must have; 0 if there must be no such thread yet.
        seq: the last record that its head must have.
        next_epoch: the epoch that its head has afterwards.
        current: the branch that is current afterwards.
        token: what is kept in the head afterwards.
        at: the time, in microseconds since 1970.
        records: new records, numbered `seq + 1` and so on without a gap; may be none.
        branches: new branches.
        snapshot: a new snapshot; one that has the same branch and seq is replaced.
        blobs: new blobs by their numbers, each its own within the thread for ever.
        drop: the numbers of records that are needed no more; a number that is gone is no error.
    """

    thread: str
    epoch: int
    seq: int
    next_epoch: int
    current: int
    token: bytes
    at: int
    records: Sequence[Record] = ()
    branches: Sequence[Branch] = ()
    snapshot: Snapshot | None = None
    blobs: Sequence[tuple[int, bytes]] = ()
    drop: Sequence[int] = ()


@record
class ThreadInfo:
    """A thread as `list_threads` shows it.

    Attributes:
        thread_id: its id.
        updated: when it was last written to, in microseconds since 1970.
    """

    thread_id: str
    updated: int


class BaseCheckpointSaver(ABC):
    """A store of threads. Its methods may be called from any thread, several at once.

    Whoever writes one implements the abstract methods, each of which may block. A store that
    never waits, for it is in memory, sets `waits = False` and is called on event loops directly.
    One that has a better way to write than a thread that blocks overrides `submit`.

    All reading methods see a commit as a whole or not at all. What they return for a thread, a
    branch or a record that is not there is None, or empty, and no error.
    """

    waits: ClassVar[bool] = True

    _writer: "ThreadPoolExecutor | None" = None

    @abstractmethod
    def append(self, commit: Commit, /) -> None:
        """Make a change durable; when this returns, it is.

        Raises:
            CheckpointConflict: if the head is not the one that `commit` expects; nothing is
                changed then.
            CheckpointError: if it cannot be written.
        """

    def submit(self, commit: Commit, /) -> Future[None] | None:
        """Begin what `append` does; return None if it is done, or the future of its end.

        Commits of one thread that are submitted one after the other are made in that order. As
        it stands, it calls `append` in a thread that the store has for that.

        Raises:
            CheckpointError: as `append`; an error may come by the future as well.
        """
        if not self.waits:
            self.append(commit)
            return None
        if self._writer is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - seldom needed

            self._writer = ThreadPoolExecutor(1, thread_name_prefix="graphflow-store")
        return self._writer.submit(self.append, commit)

    @abstractmethod
    def head(self, thread: str, /) -> Head | None:
        """Return the head of a thread, or None if there is no such thread."""

    @abstractmethod
    def branches(self, thread: str, /) -> Sequence[Branch]:
        """Return all branches of a thread, in the order in which they were made."""

    @abstractmethod
    def records(
        self,
        thread: str,
        /,
        *,
        branch: int | None = None,
        after: int = 0,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> Iterable[Record]:
        """Return records in the order of their numbers.

        Args:
            thread: the thread.
            branch: only the records of this branch, or None for those of all.
            after: only records above this number.
            upto: only records up to this number, itself included.
            newest_first: whether the order is the other way round.
        """

    @abstractmethod
    def snapshot(self, thread: str, branch: int, upto: int, /) -> Snapshot | None:
        """Return the last snapshot of a branch whose record is not above `upto`."""

    @abstractmethod
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        """Return blobs by their numbers; one that is not there is left out."""

    @abstractmethod
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        """Forget the records and snapshots of a branch below `base`, and blobs nobody names.

        The record `base` and a snapshot of it stay. The branch's `base` is this one afterwards.
        A blob goes only if no snapshot of any branch of the thread names it.
        """

    @abstractmethod
    def list_threads(self, *, limit: int | None = None) -> Iterator[ThreadInfo]:
        """Return the threads, the one that was last written to first."""

    @abstractmethod
    def delete_thread(self, thread_id: str) -> None:
        """Forget a thread and all that belongs to it; one that is not there is no error."""

    @abstractmethod
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Make a thread that is as another is now, all branches included.

        Raises:
            CheckpointError: if there is no such source, or the target is there already.
        """

    def close(self) -> None:
        """Give back what the store holds, after what was submitted is done."""
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None

    async def alist_threads(self, *, limit: int | None = None) -> Sequence[ThreadInfo]:
        """Do what `list_threads` does, on the running event loop."""
        return await _in_thread(self, lambda: [*self.list_threads(limit=limit)])

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does, on the running event loop."""
        await _in_thread(self, lambda: self.delete_thread(thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do what `copy_thread` does, on the running event loop."""
        await _in_thread(self, lambda: self.copy_thread(source_thread_id, target_thread_id))


async def _in_thread(store: BaseCheckpointSaver, function: Callable[[], R]) -> R:
    """Call what may block in a worker thread; on the loop itself if the store never waits."""
    if not store.waits:
        return function()
    import anyio.to_thread  # noqa: PLC0415 - loaded only by who uses an event loop

    return await anyio.to_thread.run_sync(function)
