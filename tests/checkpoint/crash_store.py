"""A store that fails on purpose, at a chosen operation: to prove that nothing is lost by it.

`CrashStore` wraps any other store, and counts what is asked of it. A `Fault` says at which
operation it fails, and how: before anything was done, or after it, so that only the answer is
lost. The wrapped store stays as it is, undamaged, and a test goes on with it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal, TypeAlias, TypeVar, final

from typing_extensions import override

from graphflow.checkpoint.base import (
    BaseCheckpointSaver,
    Branch,
    Commit,
    Head,
    Record,
    Snapshot,
    ThreadInfo,
)
from graphflow.errors import CheckpointError

__all__ = ("EVERY", "READS", "WRITES", "CrashStore", "Fault", "Operation", "StoreCrash")

R = TypeVar("R")

Operation: TypeAlias = Literal[
    "append", "submit", "head", "branches", "records", "snapshot", "blobs"
]
"""What a store is asked for while a graph runs, by the method's name."""

WRITES: Final[frozenset[Operation]] = frozenset({"append", "submit"})
"""A commit, in either way."""

READS: Final[frozenset[Operation]] = frozenset({"head", "branches", "records", "snapshot", "blobs"})
"""Whatever reads."""

EVERY: Final[frozenset[Operation]] = WRITES | READS
"""All operations."""

When: TypeAlias = Literal["before", "after"]


class StoreCrash(CheckpointError):  # noqa: N818 - it says what happened to the store
    """What a `CrashStore` raises where its fault names nothing else."""

    def __init__(self) -> None:
        """Say that it is meant."""
        super().__init__("the store was told to fail here")


@dataclass(frozen=True)
class Fault:
    """Where and how a store fails.

    Attributes:
        at: the number of the operation, from 1; only those in `of` count.
        of: the operations that count.
        when: whether it fails "before" anything is done, or "after" it.
        error: makes the error that it fails with.
        lasting: whether every operation after that one fails too, whatever it is.
    """

    at: int
    of: frozenset[Operation] = EVERY
    when: When = "before"
    error: Callable[[], Exception] = StoreCrash
    lasting: bool = False


@final
class CrashStore(BaseCheckpointSaver):
    """A store that does what another one does, until its fault.

    An error of `submit` comes as the wrapped store's would: by the future, if it returns one.

    Args:
        inner: the other store; it is not closed with this one.
        fault: where it fails; None if it does not, and only counts.

    Attributes:
        inner: the other store.
        done: the operations so far, in order; the one that failed is the last of them if it is
            lasting.
        failed: whether it has failed.

    Example:
        >>> from graphflow.checkpoint.memory import InMemorySaver
        >>> store = CrashStore(InMemorySaver(), Fault(at=2, of=READS))
        >>> store.head("a thread")
        >>> store.head("a thread")
        Traceback (most recent call last):
        ...
        tests.checkpoint.crash_store.StoreCrash: the store was told to fail here
        >>> store.done
        ['head', 'head']
    """

    def __init__(self, inner: BaseCheckpointSaver, fault: Fault | None = None) -> None:
        vars(self)["waits"] = inner.waits  # a constant of the class, for other stores
        self.inner = inner
        self.fault = fault
        self.done: list[Operation] = []
        self.failed = False
        self._left = 0 if fault is None else fault.at
        self._lock = Lock()

    def _fails(self, operation: Operation) -> Fault | None:
        """Count an operation; return the fault if this is where it happens."""
        with self._lock:
            self.done.append(operation)
            fault = self.fault
            if fault is None:
                return None
            if self.failed:
                return Fault(0, error=fault.error) if fault.lasting else None
            self._left -= operation in fault.of
            self.failed = self._left == 0
            return fault if self.failed else None

    def _ask(self, operation: Operation, function: Callable[[], R]) -> R:
        """Do what the other store does, or fail."""
        fault = self._fails(operation)
        if fault is not None and fault.when == "before":
            raise fault.error()
        answer = function()
        if fault is not None:
            raise fault.error()
        return answer

    @override
    def append(self, commit: Commit, /) -> None:
        self._ask("append", lambda: self.inner.append(commit))

    @override
    def submit(self, commit: Commit, /) -> "Future[None] | None":
        fault = self._fails("submit")
        if fault is None:
            return self.inner.submit(commit)
        if fault.when == "before":
            return self._broken(fault)
        future = self.inner.submit(commit)
        return self._broken(fault) if future is None else _unheard(future, fault)

    def _broken(self, fault: Fault) -> "Future[None]":
        """Fail as the other store would.

        Raises:
            Exception: the fault's, if the other store never waits.
        """
        if not self.inner.waits:
            raise fault.error()
        answer: Future[None] = Future()
        answer.set_exception(fault.error())
        return answer

    @override
    def head(self, thread: str, /) -> Head | None:
        return self._ask("head", lambda: self.inner.head(thread))

    @override
    def branches(self, thread: str, /) -> Sequence[Branch]:
        return self._ask("branches", lambda: self.inner.branches(thread))

    @override
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
        return self._ask(
            "records",
            lambda: self.inner.records(
                thread, branch=branch, after=after, upto=upto, newest_first=newest_first
            ),
        )

    @override
    def snapshot(self, thread: str, branch: int, upto: int, /) -> Snapshot | None:
        return self._ask("snapshot", lambda: self.inner.snapshot(thread, branch, upto))

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        return self._ask("blobs", lambda: self.inner.blobs(thread, ids))

    @override
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        self.inner.prune(thread, branch, base)

    @override
    def list_threads(self, *, limit: int | None = None) -> Iterator[ThreadInfo]:
        return self.inner.list_threads(limit=limit)

    @override
    def delete_thread(self, thread_id: str) -> None:
        self.inner.delete_thread(thread_id)

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.inner.copy_thread(source_thread_id, target_thread_id)


def _unheard(made: "Future[None]", fault: Fault) -> "Future[None]":
    """Return a future that fails when a commit has been made, or has failed by itself."""
    answer: Future[None] = Future()

    def lose(ended: "Future[None]") -> None:
        answer.set_exception(ended.exception() or fault.error())

    made.add_done_callback(lose)
    return answer
