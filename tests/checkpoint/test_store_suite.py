"""The store suite: what it finds in stores that are wrong, each in one thing."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any, cast

import pytest
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
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import CheckpointConflict
from graphflow.testing.store_suite import StoreFault, StoreSuite, check


class IgnoresEpoch(InMemorySaver):
    """Lets a writer of an old epoch write."""

    @override
    def append(self, commit: Commit, /) -> None:
        head = self.head(commit.thread)
        super().append(replace(commit, epoch=head.epoch) if head and commit.epoch else commit)


class IgnoresSeq(InMemorySaver):
    """Lets a writer write who has missed a record."""

    @override
    def append(self, commit: Commit, /) -> None:
        head = self.head(commit.thread)
        if head and commit.epoch == head.epoch and commit.seq != head.seq:
            return
        super().append(commit)


class BeginsTwice(InMemorySaver):
    """Lets a thread be made that is there."""

    @override
    def append(self, commit: Commit, /) -> None:
        if not commit.epoch:
            self.delete_thread(commit.thread)
        super().append(commit)


class HalfAConflict(InMemorySaver):
    """Keeps the blobs of a commit that it refuses."""

    @override
    def append(self, commit: Commit, /) -> None:
        try:
            super().append(commit)
        except CheckpointConflict:
            head = self.head(commit.thread)
            if head:
                rest = replace(commit, epoch=head.epoch, seq=head.seq, records=(), drop=())
                kept = replace(rest, branches=(), snapshot=None, next_epoch=head.epoch)
                super().append(
                    replace(kept, token=head.token, at=head.updated, current=head.branch)
                )
            raise


class ChecksFirst(InMemorySaver):
    """Looks at the head, does something else, and then believes what it saw."""

    @override
    def append(self, commit: Commit, /) -> None:
        head = self.head(commit.thread)
        Event().wait(0.001)
        if head and (head.epoch, head.seq) == (commit.epoch, commit.seq):
            now = self.head(commit.thread) or head
            super().append(replace(commit, epoch=now.epoch, seq=now.seq))
        else:
            super().append(commit)


class InclusiveAfter(InMemorySaver):
    """Takes `after` for the first record that is wanted."""

    @override
    def records(self, thread: str, /, *, after: int = 0, **rest: Any) -> Iterable[Record]:
        return super().records(thread, after=after - 1, **rest)


class ExclusiveUpto(InMemorySaver):
    """Takes `upto` for the first record that is not wanted."""

    @override
    def records(self, thread: str, /, *, upto: int | None = None, **rest: Any) -> Iterable[Record]:
        return super().records(thread, upto=None if upto is None else upto - 1, **rest)


class AlwaysForth(InMemorySaver):
    """Knows one order of records."""

    @override
    def records(
        self, thread: str, /, *, newest_first: bool = False, **rest: Any
    ) -> Iterable[Record]:
        return super().records(thread, **rest)


class SortsBranches(InMemorySaver):
    """Gives branches by their numbers."""

    @override
    def branches(self, thread: str, /) -> Sequence[Branch]:
        return sorted(super().branches(thread), key=lambda branch: branch.id)


class ExactSnapshot(InMemorySaver):
    """Gives a snapshot only if it is of the very record."""

    @override
    def snapshot(self, thread: str, branch: int, upto: int, /) -> Snapshot | None:
        found = super().snapshot(thread, branch, upto)
        return found if found and found.seq == upto else None


class RaisesForBlobs(InMemorySaver):
    """Raises for a blob that is not there."""

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        found = super().blobs(thread, ids)
        return {number: found[number] for number in ids}


class GivesViews(InMemorySaver):
    """Gives something else than bytes."""

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        found = super().blobs(thread, ids)
        return {number: cast("bytes", memoryview(data)) for number, data in found.items()}


class PrunesItsBase(InMemorySaver):
    """Forgets the base too."""

    @override
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        super().prune(thread, branch, base + 1)


class PrunesSharedBlobs(InMemorySaver):
    """Forgets the blobs of the snapshots that go, whoever else names them."""

    @override
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        old = self.snapshot(thread, branch, base - 1)
        super().prune(thread, branch, base)
        if old and thread in self._threads:
            for number in old.blobs:
                self._threads[thread].blobs.pop(number, None)


class DeletesHeadOnly(InMemorySaver):
    """Leaves records and blobs behind."""

    @override
    def delete_thread(self, thread_id: str) -> None:
        old = self._threads.get(thread_id)
        super().delete_thread(thread_id)
        if old:
            self._left = {**getattr(self, "_left", {}), thread_id: old.blobs}

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        left = getattr(self, "_left", {}).get(thread, {})
        return {**left, **super().blobs(thread, ids)}


class SharesCopies(InMemorySaver):
    """Makes a copy that is the thread itself."""

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        super().copy_thread(source_thread_id, target_thread_id)
        self._threads[target_thread_id] = self._threads[source_thread_id]


class ListsOldestFirst(InMemorySaver):
    """Lists the threads the other way round."""

    @override
    def list_threads(self, *, limit: int | None = None) -> Iterator[ThreadInfo]:
        infos = sorted(super().list_threads(), key=lambda info: info.updated)
        return iter(infos[:limit])


class Normalizes(InMemorySaver):
    """Takes two ids for one that only look alike."""

    @override
    def append(self, commit: Commit, /) -> None:
        super().append(replace(commit, thread=unicodedata.normalize("NFC", commit.thread)))

    @override
    def records(self, thread: str, /, **rest: Any) -> Iterable[Record]:
        return super().records(unicodedata.normalize("NFC", thread), **rest)


class StopsAtNul(InMemorySaver):
    """Ends ids where C ends strings."""

    @override
    def append(self, commit: Commit, /) -> None:
        super().append(replace(commit, thread=commit.thread.partition("\0")[0]))


class KeepsItsToken(InMemorySaver):
    """Keeps the first token for ever."""

    @override
    def head(self, thread: str, /) -> Head | None:
        found = super().head(thread)
        return found and replace(found, token=b"token")


class Late(Future[None]):
    """Is made when somebody asks how it ended."""

    def __init__(self, store: InMemorySaver, commit: Commit) -> None:
        """Keep what is to be made."""
        super().__init__()
        self.make = partial(InMemorySaver.append, store, commit)

    @override
    def result(self, timeout: float | None = None) -> None:
        self.make()
        self.set_result(None)


class CommitsLate(InMemorySaver):
    """Makes what was submitted when it is asked for it, or never."""

    @override
    def submit(self, commit: Commit, /) -> Future[None] | None:
        return Late(self, commit)


class DropsConflicts(InMemorySaver):
    """Does not tell how what was submitted has ended."""

    @override
    def submit(self, commit: Commit, /) -> Future[None] | None:
        with suppress(CheckpointConflict):
            self.append(commit)
        return None


class Reorders(InMemorySaver):
    """Makes every second commit before the one that was submitted before it."""

    _held: Commit | None = None

    @override
    def submit(self, commit: Commit, /) -> Future[None] | None:
        if self._held is None and commit.seq:
            self._held = commit
            return Late(self, commit)
        self.append(commit)
        return None


class Commits32Bits(InMemorySaver):
    """Has columns that are too narrow."""

    @override
    def append(self, commit: Commit, /) -> None:
        if commit.at >= 2**31:
            raise OverflowError("out of range")
        super().append(commit)


WRONG: list[tuple[type[BaseCheckpointSaver], str]] = [
    (IgnoresEpoch, "epoch"),
    (IgnoresSeq, "conflict"),
    (BeginsTwice, "epoch 0"),
    (HalfAConflict, "must change nothing"),
    (ChecksFirst, "rivals"),
    (InclusiveAfter, "after="),
    (ExclusiveUpto, "upto="),
    (AlwaysForth, "reverse"),
    (SortsBranches, "order of their making"),
    (ExactSnapshot, "snapshot"),
    (RaisesForBlobs, "KeyError"),
    (GivesViews, "must be bytes"),
    (PrunesItsBase, "base"),
    (PrunesSharedBlobs, "keep those that a snapshot"),
    (DeletesHeadOnly, "delete"),
    (SharesCopies, "copy"),
    (ListsOldestFirst, "newest first"),
    (Normalizes, "are ids, and all different"),
    (StopsAtNul, "are ids, and all different"),
    (KeepsItsToken, "token"),
    (DropsConflicts, "submit() must tell"),
    (CommitsLate, "close() must wait"),
    (Reorders, "submitted one after the other"),
    (Commits32Bits, "2**63"),
]


@pytest.mark.parametrize(("store", "word"), WRONG)
def test_the_suite_finds_a_fault(store: Callable[[], BaseCheckpointSaver], word: str) -> None:
    """A store that is wrong in one thing fails, with a sentence that names the thing."""
    with pytest.raises(StoreFault) as caught:
        check(store)
    assert word in str(caught.value)


def test_the_suite_passes_what_is_right() -> None:
    """A store that does all of it passes the check without pytest."""
    check(InMemorySaver)


def test_the_suite_needs_a_store() -> None:
    """A class without `make` is told so."""
    with pytest.raises(NotImplementedError, match="must have a method make"):
        StoreSuite().test_a_fresh_thread_is_empty()
