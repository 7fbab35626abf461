"""Reads a thread again: records and snapshots become the values and what is due.

`fetch` reads bytes from a store and decides nothing; `replay` makes values of them and touches no
store. Neither runs a reducer or any other code of the application.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.form import (
    SOURCES,
    RunForm,
    opened,
)
from graphflow._record import record
from graphflow.checkpoint.records import (
    BARRIER,
    RUN,
    Branch,
    Head,
    Record,
    Snapshot,
)
from graphflow.errors import (
    CheckpointNotFoundError,
    DamagedCheckpointError,
    HistoryPrunedError,
)

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec

INPUT = SOURCES.index("input")

ENDLESS: Final = 1 << 63
"""Beyond all records."""

_UNSTORED: Final = 32
"""How many bits stand for the number of a checkpoint that is not stored, behind those of a head."""


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
        branches: all branches of the thread.
    """

    thread: str
    head: Head
    line: Sequence[Stretch]
    snapshot: Snapshot | None
    blobs: Mapping[int, bytes]
    records: Sequence[Record]
    branches: Sequence[Branch]


def checkpoint_id(branch: int, seq: int) -> str:
    """Return a checkpoint's id: ids of one thread sort in the order of their making."""
    return f"{seq:012x}-{branch:08x}"


def unstored(head: int, number: int) -> int:
    """Return what stands for the number of a checkpoint that its run stores at its end only.

    Args:
        head: the thread's last record when the checkpoint was made.
        number: the checkpoint's place among those that the run has not stored.
    """
    return (head + 1 << _UNSTORED) + number


def parents_of(
    store: "BaseCheckpointSaver", codec: "Codec", thread: str, call: Mapping[str, Any] | None
) -> dict[str, str]:
    """Return the checkpoints around a graph, as its call tells them, by their namespaces.

    One that its run has stored at its end only is that of its end: it has another id there.
    """
    told: Mapping[str, str] = (call or {}).get("parents", {})
    return {ns: _as_stored(store, codec, thread, parent) for ns, parent in told.items()}


def _as_stored(store: "BaseCheckpointSaver", codec: "Codec", thread: str, text: str) -> str:
    """Return the id under which a checkpoint is stored; its own, if its run has stored nothing."""
    at = read_id(text)
    if at is not None and at[1] >> _UNSTORED:
        branch, head = at[0], (at[1] >> _UNSTORED) - 1
        for entry in store.records(thread, branch=branch, after=head):
            if is_checkpoint(codec, entry):
                return checkpoint_id(branch, entry.seq)
    return text


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
        found = _along(store, thread, head, line, branches)
        now = store.head(thread)
        if left == 0 or (now is not None and now.token == head.token):
            _check_ends(found, only=len(branches) == 1)
            return found
    raise AssertionError(thread)  # the last try returns


_TRIES = 8  # how often a reader begins again because a writer was quicker; records only go when
# their superstep is committed, so even the last try is a state that was


def _along(
    store: "BaseCheckpointSaver",
    thread: str,
    head: Head,
    line: Sequence[Stretch],
    branches: Sequence[Branch],
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
    return Stored(thread, head, line, snapshot, blobs, records, branches)


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


def is_checkpoint(codec: "Codec", entry: Record) -> bool:
    """Tell whether a record is a checkpoint."""
    return entry.kind == BARRIER or (entry.kind == RUN and opened(codec, entry)[1] == INPUT)


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
