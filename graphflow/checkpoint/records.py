"""What a store keeps, as plain data: heads, branches, records, snapshots, and commits of them."""

from collections.abc import Sequence
from typing import Final

from graphflow._iso import iso
from graphflow._record import record

RUN: Final = 1
"""A run began: its id, its metadata and its input."""

TASK: Final = 2
"""A task ended while its superstep went on: what it writes, kept until the barrier."""

BARRIER: Final = 3
"""A superstep ended: its effects on the channels, and what is due next."""

STOP: Final = 4
"""A superstep came to no end: which tasks failed, with their errors, and which wait for answers."""

JOURNAL: Final = 5
"""A result kept inside a task."""

ANSWER: Final = 6
"""How a question of a task came to an end: with an answer, withdrawn, or too late."""


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

    @property
    def updated_at(self) -> str:
        """The same in ISO 8601, UTC, as `StateSnapshot.created_at` has it."""
        return iso(self.updated)
