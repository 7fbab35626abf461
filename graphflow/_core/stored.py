"""Reads a thread again: records and snapshots become the values and what is due.

`fetch` reads bytes from a store and decides nothing; `replay` makes values of them and touches no
store. Neither runs a reducer or any other code of the application.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, final

from graphflow import _change
from graphflow._core.form import (
    SOURCES,
    BarrierForm,
    FailureForm,
    Place,
    RunForm,
    TaskForm,
    opened,
)
from graphflow._core.manifest import Manifest, read_manifest, read_value
from graphflow._record import record
from graphflow.checkpoint.records import BARRIER, FAILURE, RUN, TASK, Branch, Head, Record, Snapshot
from graphflow.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    DamagedCheckpointError,
    HistoryPrunedError,
    NewerFormatError,
    note,
    shown,
)

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec

INPUT = SOURCES.index("input")


@record
class Stretch:
    """The part of a branch that belongs to a line of history.

    Attributes:
        branch: the branch.
        upto: its last record that belongs to it.
    """

    branch: Branch
    upto: int


@record
class Stored:
    """The bytes that make one state of a thread.

    Attributes:
        thread: the thread's id.
        head: the thread's head.
        line: the stretches of history that lead to the state, the last one first.
        snapshot: the last snapshot before it, or None.
        blobs: the snapshot's blobs.
        records: the records from the snapshot's own on.
    """

    thread: str
    head: Head
    line: Sequence[Stretch]
    snapshot: Snapshot | None
    blobs: Mapping[int, bytes]
    records: Sequence[Record]


def checkpoint_id(branch: int, seq: int) -> str:
    """Return a checkpoint's id: ids of one thread sort in the order of their making."""
    return f"{seq:012x}-{branch:08x}"


def read_id(text: str) -> tuple[int, int] | None:
    """Return branch and number of a checkpoint's id, or None for what is no id."""
    seq, dash, branch = text.partition("-")
    try:
        return (int(branch, 16), int(seq, 16)) if dash else None
    except ValueError:
        return None


def line_of(branches: Sequence[Branch], branch: int, upto: int) -> list[Stretch]:
    """Return the stretches that lead to a record of a branch, the last one first.

    Raises:
        CheckpointError: if there is no such branch.
    """
    known = {each.id: each for each in branches}
    line: list[Stretch] = []
    while branch:
        found = known.get(branch)
        if found is None:
            msg = f"the thread has no branch {branch:x}"
            raise CheckpointNotFoundError(msg)
        if len(line) > len(known):
            msg = "the thread's branches lead back to themselves; it is damaged"
            raise DamagedCheckpointError(msg)
        line.append(Stretch(found, upto))
        branch, upto = found.parent, found.fork
    return line


def fetch(
    store: "BaseCheckpointSaver", thread: str, branch: int | None = None, seq: int | None = None
) -> Stored | None:
    """Read the bytes of one state: of a record of a branch, or of the thread as it is now.

    Returns:
        None if there is no such thread, or nothing in it yet.

    Raises:
        CheckpointNotFoundError: if the thread has no such branch.
        HistoryPrunedError: if the state was forgotten.
    """
    for left in reversed(range(_TRIES)):
        head = store.head(thread)
        if head is None or not head.seq:
            return None
        branches = store.branches(thread)
        line = line_of(branches, branch or head.branch, seq or head.seq)
        found = _along(store, thread, head, line)
        now = store.head(thread)
        if left == 0 or (now is not None and now.token == head.token):
            _check_ends(found, only=len(branches) == 1)
            return found
    raise AssertionError(thread)  # the last try returns


_TRIES = 8  # how often a reader begins again because a writer was quicker; records only go when
# their superstep is committed, so even the last try is a state that was


def _along(
    store: "BaseCheckpointSaver", thread: str, head: Head, line: Sequence[Stretch]
) -> Stored:
    """Read what is along a line, back to the last snapshot."""
    snapshot: Snapshot | None = None
    parts: list[list[Record]] = []
    for stretch in line:
        branch = stretch.branch.id
        snapshot = store.snapshot(thread, branch, stretch.upto)
        after = 0 if snapshot is None else snapshot.seq - 1
        parts.append([*store.records(thread, branch=branch, after=after, upto=stretch.upto)])
        if snapshot is not None:
            break
        if stretch.branch.base:
            msg = (
                f"checkpoints of the thread before record {stretch.branch.base} were forgotten "
                f"when it was compacted"
            )
            raise HistoryPrunedError(msg)
    blobs: Mapping[int, bytes] = {}
    if snapshot is not None:
        blobs = store.blobs(thread, snapshot.blobs)
    records = [each for part in reversed(parts) for each in part]
    return Stored(thread, head, line, snapshot, blobs, records)


def _check_ends(stored: Stored, *, only: bool) -> None:
    """Raise if the first or the last record is missing, as far as that can be told.

    Args:
        stored: what was read.
        only: whether the thread has one branch only, so that its records begin at 1 and end at
            the head.

    Raises:
        DamagedCheckpointError: if one is.
    """
    records, snapshot = stored.records, stored.snapshot
    first = snapshot.seq if snapshot is not None else 1 if only else None
    last = stored.line[0].upto if only and stored.line[0].upto == stored.head.seq else None
    if first is not None and not (records and records[0].seq == first):
        missing = first
    elif last is not None and not (records and records[-1].seq == last):
        missing = last
    else:
        return
    msg = (
        f"record {missing} of the thread is missing; the store is damaged: restore it from a copy, "
        f"or delete the thread"
    )
    raise DamagedCheckpointError(msg)


@final
class Past:
    """A state of a thread, as its records tell it one after the other.

    Attributes:
        stored: where it is read from.
        values: the values of the channels that have been written to.
        manifest: what the snapshot holds, and what has changed since.
        run: the last run that began, or None if its record is not among those read.
        given: a run whose input has not been applied yet, or None.
        barrier: the last barrier, or None if there is none.
        tasks: what tasks of the superstep that did not end have returned.
        failure: how that superstep failed, or None; if it did so more than once, the last time.
        errors: how the errors of its tasks are shown, those of all times.
        loose: the numbers of the records of tasks.
        before: the branch and the number of the checkpoint before the last, or None if that is
            not among what was read.
        newest: whether the last checkpoint is the last of its branch.
    """

    __slots__ = (
        "_begun",
        "_last",
        "barrier",
        "before",
        "errors",
        "failure",
        "given",
        "loose",
        "manifest",
        "newest",
        "run",
        "stored",
        "tasks",
        "values",
    )

    def __init__(self, codec: "Codec", stored: Stored) -> None:
        """Begin at the snapshot, or with nothing.

        Raises:
            CheckpointError: if it is damaged.
        """
        self.stored = stored
        self.values: dict[str, Any] = {}
        self.manifest = Manifest({})
        self.run: RunForm | None = None
        self.given: RunForm | None = None
        self.barrier: BarrierForm | None = None
        self.tasks: dict[Place, TaskForm] = {}
        self.failure: FailureForm | None = None
        self.errors: dict[Place, str] = {}
        self.loose: list[int] = []
        self.before: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None
        self.newest = True
        self._begun = 0
        if stored.snapshot is not None:
            self._begun = stored.snapshot.seq
            self.manifest = Manifest(read_manifest(codec, stored.snapshot))
            for key, entry in self.manifest.entries.items():
                self.values[key] = read_value(codec, key, entry, stored.blobs)

    @property
    def branch(self) -> int:
        """The branch it is in."""
        return self.stored.line[0].branch.id

    @property
    def checkpoint(self) -> "RunForm | BarrierForm | None":
        """The record that is its last checkpoint; None for a thread that has none yet."""
        return self.given or self.barrier

    @property
    def source(self) -> str:
        """What the last checkpoint came from."""
        if self.given is not None:
            return "input"
        return SOURCES[0 if self.barrier is None else self.barrier.source]

    @property
    def step(self) -> int:
        """The last checkpoint's step, which is -2 before the first."""
        last = self.checkpoint
        return -2 if last is None else last.step

    def add(self, codec: "Codec", entry: Record, *, keep: bool = False) -> None:
        """Go on by one record.

        Args:
            codec: unpacks it.
            entry: the record.
            keep: whether the values before are still to be used: then lists may be longer
                afterwards, and nothing else of them changes.

        Raises:
            CheckpointError: if it is damaged, or was written by a newer graphflow.
        """
        form = opened(codec, entry)
        if entry.kind == BARRIER:
            self._pass(entry, BarrierForm.read(entry, form), keep=keep)
        elif entry.kind == RUN:
            self.run = RunForm.read(entry, form)
            if self.run.source == INPUT:
                self._expect(entry.seq, self.run.step == self.step + 1)
                self._leave(entry)
                self.given = self.run
                self._forget()
        elif entry.kind == TASK:
            task = TaskForm.read(entry, form)
            self.tasks[task.place] = task
            self.loose.append(entry.seq)
        elif entry.kind == FAILURE:
            self.failure = FailureForm.read(entry, form)
            self.errors = {**self.errors, **self.failure.errors()}
        else:
            msg = (
                f"record {entry.seq} of the thread is of the unknown kind {entry.kind}; "
                f"a newer graphflow wrote it"
            )
            raise NewerFormatError(msg)

    def _pass(self, entry: Record, barrier: BarrierForm, *, keep: bool) -> None:
        """Go past a barrier; what the snapshot holds already is not applied again."""
        if barrier.seq != self._begun:
            self.manifest.grow(len(entry.data))
            values, written = self.values, barrier.written
            self.manifest.note(barrier.changes, values)
            for key, change in barrier.changes.items():
                if keep and key in values and change not in _change.APPENDING:
                    values[key] = copy(values[key])
                _change.apply(values, key, change, written.get(key, ()))
        same = barrier.step == self.step  # then a caller's Command wrote it: the same tasks are due
        # A run that stores at its end only has one barrier for several supersteps, without tasks.
        self._expect(barrier.seq, same or not barrier.tasks or barrier.step == self.step + 1)
        self._leave(entry)
        self.barrier = barrier
        if not same:
            self.given = None
            self._forget()

    def _expect(self, seq: int, follows: bool) -> None:  # noqa: FBT001 - what is to be so
        """Raise if a checkpoint does not follow the one before it.

        Raises:
            DamagedCheckpointError: then records between them are missing.
        """
        if not follows and self.checkpoint is not None:
            msg = (
                f"records before record {seq} are missing; the store is damaged: restore it from "
                f"a copy, or delete the thread"
            )
            raise DamagedCheckpointError(msg)

    def _leave(self, entry: Record) -> None:
        """Note that the last checkpoint is the one before, now."""
        self.before, self._last = self._last, (entry.branch, entry.seq)

    def _forget(self) -> None:
        """Forget the tasks of a superstep that is over."""
        self.tasks, self.loose, self.failure, self.errors = {}, [], None, {}


def replay(codec: "Codec", stored: Stored) -> Past:
    """Return the state that records make.

    Raises:
        CheckpointError: if something is damaged, or was written by a newer graphflow.
    """
    try:
        past = Past(codec, stored)
        for entry in stored.records:
            past.add(codec, entry)
    except CheckpointError as error:
        note(error, f"while the thread {shown(stored.thread)} was read")
        raise
    return past


def run_at(store: "BaseCheckpointSaver", codec: "Codec", thread: str, seq: int) -> RunForm:
    """Return the run whose record has a number.

    Raises:
        DamagedCheckpointError: if there is none.
    """
    for entry in store.records(thread, after=seq - 1, upto=seq):
        if entry.kind == RUN:
            return RunForm.read(entry, opened(codec, entry))
    msg = f"the record {seq} of a run is not in the store; the thread is damaged"
    raise DamagedCheckpointError(msg)
