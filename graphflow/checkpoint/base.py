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
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from graphflow.checkpoint.records import (
    ANSWER,
    BARRIER,
    JOURNAL,
    RUN,
    STOP,
    TASK,
    Branch,
    Commit,
    Head,
    Record,
    Snapshot,
    ThreadInfo,
)
from graphflow.errors import CheckpointConflict, CheckpointError, shown

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = (
    "ANSWER",
    "BARRIER",
    "JOURNAL",
    "RUN",
    "STOP",
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

        It must not overtake commits of the same thread that were submitted before and have not
        ended: their conflict would look to a run as if another one had taken its thread over. A
        store that inherits `submit` need not see to that, for the engine appends only where
        nothing of the thread can be on its way.

        Raises:
            CheckpointConflict: if the head is not the one that `commit` expects; nothing is
                changed then.
            CheckpointError: if it cannot be written.
        """

    def submit(self, commit: Commit, /) -> "Future[None] | None":
        """Begin what `append` does; return None if it is done, or the future of its end.

        Commits of one thread that are submitted one after the other are made in that order, and
        before what is appended later. As it stands, it calls `append` in a thread that the store
        has for that.

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

        The record `base` and a snapshot of it stay. The branch's `base` is this one afterwards,
        unless it was a higher one before. An unknown thread or branch is no error.
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

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    async def alist_threads(self, *, limit: int | None = None) -> Sequence[ThreadInfo]:
        """Do what `list_threads` does, on the running event loop."""
        return await _in_thread(self, lambda: [*self.list_threads(limit=limit)])

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does, on the running event loop."""
        await _in_thread(self, lambda: self.delete_thread(thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do what `copy_thread` does, on the running event loop."""
        await _in_thread(self, lambda: self.copy_thread(source_thread_id, target_thread_id))


def checked_limit(limit: object) -> int | None:
    """Return how many of something are wanted, or None for all.

    Raises:
        ValueError: if it is no number of things.
    """
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        msg = f"limit must be a whole number, 0 or more, or None for all, not {shown(limit)}"
        raise ValueError(msg)
    return min(limit, 2**62)


async def _in_thread(store: BaseCheckpointSaver, function: Callable[[], R]) -> R:
    """Call what may block in a worker thread; on the loop itself if the store never waits."""
    if not store.waits:
        return function()
    import anyio.to_thread  # noqa: PLC0415 - loaded only by who uses an event loop

    return await anyio.to_thread.run_sync(function)
