"""Writing a thread in a few words, as the cases of the store suite need it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from graphflow.checkpoint.base import (
    BARRIER,
    BaseCheckpointSaver,
    Branch,
    Commit,
    Head,
    Record,
    Snapshot,
    ThreadInfo,
)

__all__ = ("Line", "StoreFault", "content", "expect", "shape", "shapes")

Plain = tuple[object, ...]


class StoreFault(AssertionError):  # noqa: N818 - a finding about a store
    """A store does not do what the engine relies on; the message says what."""


def expect(holds: bool, claim: str) -> None:  # noqa: FBT001 - it reads as `assert` does
    """Raise unless a claim holds; `assert` would be silent under `python -O`."""
    if not holds:
        raise StoreFault(claim)


def shape(thing: Head | Branch | Record | Snapshot | ThreadInfo | None) -> Plain:
    """Return the fields of a record of the protocol, to compare it by."""
    if thing is None:
        return ()
    names: tuple[str, ...] = vars(type(thing))["__slots__"]
    return tuple(getattr(thing, name) for name in names)


def shapes(things: Iterable[Head | Branch | Record | Snapshot | ThreadInfo]) -> list[Plain]:
    """Return the fields of several records of the protocol."""
    return [shape(thing) for thing in things]


def content(store: BaseCheckpointSaver, thread: str, blobs: Iterable[int] = ()) -> list[Any]:
    """Return all that can be read of a thread: to be equal to what it was before, or elsewhere."""
    branches = shapes(store.branches(thread))
    return [
        shape(store.head(thread)),
        branches,
        shapes(store.records(thread)),
        [shape(store.snapshot(thread, int(str(row[0])), 2**63 - 1)) for row in branches],
        dict(store.blobs(thread, [*blobs])),
    ]


class Line:
    """A writer of one thread, who knows where its head is.

    Attributes:
        epoch: the epoch of the head; 0 as long as there is no thread.
        seq: the last record.
    """

    def __init__(self, store: BaseCheckpointSaver, thread: str = "a thread", seq: int = 0) -> None:
        self.store = store
        self.thread = thread
        self.epoch = 0
        self.seq = seq

    def commit(self, *data: bytes, branch: int = 1, kind: int = BARRIER, **more: Any) -> Commit:  # noqa: ANN401 - any field of a Commit
        """Return the next commit: a record for each `data`; the other fields may be given."""
        records = tuple(
            Record(self.seq + n, branch, kind, part) for n, part in enumerate(data, start=1)
        )
        made = Commit(
            thread=self.thread,
            epoch=self.epoch,
            seq=self.seq,
            next_epoch=self.epoch or 1,
            current=branch,
            token=b"token",
            at=1_000_000 + self.seq % 1_000_000,
            records=records,
        )
        return replace(made, **more)

    def follow(self, commit: Commit) -> None:
        """Be where the head is after a commit."""
        self.epoch = commit.next_epoch
        self.seq = commit.seq + len(commit.records)

    def write(self, *data: bytes, **more: Any) -> Commit:  # noqa: ANN401 - as `commit` takes it
        """Make the next commit, and return it."""
        made = self.commit(*data, **more)
        self.store.append(made)
        self.follow(made)
        return made
