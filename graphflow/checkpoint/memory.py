"""The store in memory: for tests, and for threads that need not outlive the process.

It keeps what it is given as it is given, in dicts and lists under one lock. Values went through
the codec before they came here, so what works with this store works with one on a disk.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge, nlargest
from operator import attrgetter
from threading import Lock
from typing import ClassVar, Final, final

from typing_extensions import override

from graphflow.checkpoint.base import (
    BaseCheckpointSaver,
    Branch,
    Commit,
    Head,
    Record,
    Snapshot,
    ThreadInfo,
    checked_limit,
)
from graphflow.errors import CheckpointConflict, CheckpointError, shown

__all__ = ("InMemorySaver", "MemorySaver")

_SEQ: Final = attrgetter("seq")
_UPDATED: Final = attrgetter("updated")


@final
class _Thread:
    """All that belongs to one thread; records and snapshots by branch, each list by seq."""

    __slots__ = (
        "blobs",
        "branch",
        "branches",
        "epoch",
        "logs",
        "seq",
        "snapshots",
        "token",
        "updated",
    )

    def __init__(self) -> None:
        self.branch = 0
        self.seq = 0
        self.epoch = 0
        self.token = b""
        self.updated = 0
        self.branches: dict[int, Branch] = {}
        self.logs: defaultdict[int, list[Record]] = defaultdict(list)
        self.snapshots: dict[int, list[Snapshot]] = {}
        self.blobs: dict[int, bytes] = {}

    def copy(self) -> "_Thread":
        """Return a thread that has the same content in containers of its own."""
        made = _Thread()
        made.branch, made.seq, made.epoch = self.branch, self.seq, self.epoch
        made.token, made.updated = self.token, self.updated
        made.branches = self.branches.copy()
        made.logs.update((branch, log.copy()) for branch, log in self.logs.items())
        made.snapshots = {branch: row.copy() for branch, row in self.snapshots.items()}
        made.blobs = self.blobs.copy()
        return made

    def add_rest(self, commit: Commit) -> None:
        """Apply what few commits have: all but the head and the records."""
        for branch in commit.branches:
            self.branches[branch.id] = branch
        self.blobs.update(commit.blobs)
        if commit.snapshot is not None:
            row = self.snapshots.setdefault(commit.snapshot.branch, [])
            at = bisect_left(row, commit.snapshot.seq, key=_SEQ)
            same = at < len(row) and row[at].seq == commit.snapshot.seq
            row[at : at + same] = [commit.snapshot]
        if commit.drop:
            self.drop(commit.drop)

    def drop(self, numbers: Sequence[int]) -> None:
        """Remove records, of whatever branch they are."""
        for log in self.logs.values():
            for seq in numbers:
                at = bisect_left(log, seq, key=_SEQ)
                if at < len(log) and log[at].seq == seq:
                    del log[at]

    def forget_blobs(self) -> None:
        """Remove the blobs that no snapshot names."""
        named = {
            number
            for row in self.snapshots.values()
            for snapshot in row
            for number in snapshot.blobs
        }
        self.blobs = {number: data for number, data in self.blobs.items() if number in named}


class InMemorySaver(BaseCheckpointSaver):
    """A store of threads in this process's memory, gone with it.

    Example:
        >>> saver = InMemorySaver()
        >>> saver.head("a thread") is None
        True
    """

    waits: ClassVar[bool] = False

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads: dict[str, _Thread] = {}

    @override
    def append(self, commit: Commit, /) -> None:
        with self._lock:
            thread = self._threads.get(commit.thread)
            if thread is None:
                if commit.epoch:
                    raise CheckpointConflict(commit.thread)
                thread = self._threads[commit.thread] = _Thread()
            elif thread.epoch != commit.epoch or thread.seq != commit.seq or not commit.epoch:
                raise CheckpointConflict(commit.thread)
            records = commit.records
            thread.branch = commit.current
            thread.seq = commit.seq + len(records)
            thread.epoch = commit.next_epoch
            thread.token = commit.token
            thread.updated = commit.at
            logs = thread.logs
            for record in records:
                logs[record.branch].append(record)
            if commit.branches or commit.snapshot or commit.blobs or commit.drop:
                thread.add_rest(commit)

    @override
    def head(self, thread: str, /) -> Head | None:
        with self._lock:
            found = self._threads.get(thread)
            if found is None:
                return None
            return Head(found.branch, found.seq, found.epoch, found.token, found.updated)

    @override
    def branches(self, thread: str, /) -> Sequence[Branch]:
        with self._lock:
            found = self._threads.get(thread)
            return [] if found is None else [*found.branches.values()]

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
        with self._lock:
            found = self._threads.get(thread)
            if found is None:
                return []
            logs = found.logs.values() if branch is None else [found.logs.get(branch, [])]
            parts = [_between(log, after, upto) for log in logs]
        if newest_first:
            for part in parts:
                part.reverse()
        return parts[0] if len(parts) == 1 else merge(*parts, key=_SEQ, reverse=newest_first)

    @override
    def snapshot(self, thread: str, branch: int, upto: int, /) -> Snapshot | None:
        with self._lock:
            found = self._threads.get(thread)
            row = [] if found is None else found.snapshots.get(branch, [])
            at = bisect_right(row, upto, key=_SEQ)
            return row[at - 1] if at else None

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        with self._lock:
            found = self._threads.get(thread)
            kept = {} if found is None else found.blobs
            return {number: kept[number] for number in ids if number in kept}

    @override
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        with self._lock:
            found = self._threads.get(thread)
            if found is None or branch not in found.branches:
                return
            log = found.logs.get(branch, [])
            del log[: bisect_left(log, base, key=_SEQ)]
            row = found.snapshots.get(branch, [])
            del row[: bisect_left(row, base, key=_SEQ)]
            found.forget_blobs()
            old = found.branches[branch]
            found.branches[branch] = Branch(
                old.id, old.ns, old.parent, old.fork, max(old.base, base)
            )

    @override
    def list_threads(self, *, limit: int | None = None) -> Iterator[ThreadInfo]:
        limit = checked_limit(limit)
        with self._lock:
            infos = [ThreadInfo(name, thread.updated) for name, thread in self._threads.items()]
        if limit is not None:
            return iter(nlargest(limit, infos, key=_UPDATED))
        return iter(sorted(infos, key=_UPDATED, reverse=True))

    @override
    def delete_thread(self, thread_id: str) -> None:
        with self._lock:
            self._threads.pop(str(thread_id), None)

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        source_thread_id, target_thread_id = str(source_thread_id), str(target_thread_id)
        with self._lock:
            source = self._threads.get(source_thread_id)
            if source is None:
                raise CheckpointError(f"there is no thread {shown(source_thread_id)} to copy")
            if target_thread_id in self._threads:
                raise CheckpointError(
                    f"there is a thread {shown(target_thread_id)} already; delete it before "
                    f"{shown(source_thread_id)} is copied to it"
                )
            self._threads[target_thread_id] = source.copy()


MemorySaver = InMemorySaver


def _between(log: list[Record], after: int, upto: int | None) -> list[Record]:
    """Return the part of a log above one number and up to another."""
    end = len(log) if upto is None else bisect_right(log, upto, key=_SEQ)
    return log[bisect_right(log, after, key=_SEQ) : end]
