"""What changes a store: each function is one change, made inside a transaction that is open.

One that raises a `CheckpointError` has not changed anything, so that others in the same
transaction can go on. Each returns about how many bytes it wrote. All SQL is fixed and every
value is bound.
"""

import sqlite3
from typing import Final, TypeAlias

from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.sqlite._forms import name_bytes, number_bytes, numbers
from graphflow.errors import CheckpointConflict, CheckpointError, shown

__all__ = ("Keys", "copy", "delete", "prune", "store")

Keys: TypeAlias = dict[str, int]
"""The keys of threads that were written to lately; a hint: one of a deleted thread fits nothing."""

_LONG: Final = 1000
_MANY: Final = 10_000
_PER_CHANGE: Final = 12_000
"""About how many bytes a change writes beside its data: three pages."""
_UNKNOWN: Final = 1 << 24
"""What counts for a change whose size nobody knows."""

_ADVANCE: Final = (
    "UPDATE head SET branch = ?, seq = ?, epoch = ?, updated = ?, token = ?"
    " WHERE thread = ? AND epoch = ? AND seq = ?"
)
_KEY: Final = "SELECT key FROM thread WHERE id = ?"
_NAME: Final = "INSERT OR IGNORE INTO thread (id) VALUES (?)"
_HEAD: Final = (
    "INSERT INTO head (branch, seq, epoch, updated, token, thread) VALUES (?, ?, ?, ?, ?, ?)"
)
_LOG: Final = "INSERT INTO log (thread, seq, branch, kind, data) VALUES (?, ?, ?, ?, ?)"
_BRANCH: Final = "INSERT INTO branch (thread, id, ns, parent, fork, base) VALUES (?, ?, ?, ?, ?, ?)"
_SNAP: Final = (
    "INSERT OR REPLACE INTO snap (thread, branch, seq, manifest, blobs) VALUES (?, ?, ?, ?, ?)"
)
_BLOB: Final = "INSERT INTO blob (thread, id, data) VALUES (?, ?, ?)"
_DROP: Final = "DELETE FROM log WHERE thread = ? AND seq = ?"

_PRUNE_LOG: Final = "DELETE FROM log WHERE thread = ? AND branch = ? AND seq < ?"
_PRUNE_SNAP: Final = "DELETE FROM snap WHERE thread = ? AND branch = ? AND seq < ?"
_BASE: Final = "UPDATE branch SET base = max(base, ?) WHERE thread = ? AND id = ?"
_NAMED: Final = "SELECT blobs FROM snap WHERE thread = ?"
_BLOB_IDS: Final = "SELECT id FROM blob WHERE thread = ?"
_FORGET_BLOB: Final = "DELETE FROM blob WHERE thread = ? AND id = ?"

_DELETES: Final = (
    "DELETE FROM thread WHERE key = ?",
    "DELETE FROM head WHERE thread = ?",
    "DELETE FROM branch WHERE thread = ?",
    "DELETE FROM log WHERE thread = ?",
    "DELETE FROM snap WHERE thread = ?",
    "DELETE FROM blob WHERE thread = ?",
)
_COPY_HEAD: Final = (
    "INSERT INTO head (thread, branch, seq, epoch, updated, token)"
    " SELECT ?, branch, seq, epoch, updated, token FROM head WHERE thread = ?"
)
_COPY_BRANCH: Final = (
    "INSERT INTO branch (thread, id, ns, parent, fork, base)"
    " SELECT ?, id, ns, parent, fork, base FROM branch WHERE thread = ? ORDER BY rowid"
)
_COPY_LOG: Final = (
    "INSERT INTO log (thread, seq, branch, kind, data)"
    " SELECT ?, seq, branch, kind, data FROM log WHERE thread = ? ORDER BY seq"
)
_COPY_SNAP: Final = (
    "INSERT INTO snap (thread, branch, seq, manifest, blobs)"
    " SELECT ?, branch, seq, manifest, blobs FROM snap WHERE thread = ? ORDER BY rowid"
)
_COPY_BLOB: Final = (
    "INSERT INTO blob (thread, id, data)"
    " SELECT ?, id, data FROM blob WHERE thread = ? ORDER BY rowid"
)


def store(commit: Commit, cursor: sqlite3.Cursor, keys: Keys) -> int:
    """Apply a commit.

    Raises:
        CheckpointConflict: if the head is not the one that it expects.
    """
    key = _advanced(commit, cursor, keys) if commit.epoch else _created(commit, cursor)
    records = commit.records
    if len(records) == 1:  # as most have; it takes 1 us less, of 27
        (only,) = records
        cursor.execute(_LOG, (key, only.seq, only.branch, only.kind, only.data))
        written = _PER_CHANGE + len(only.data)
    else:
        rows = [(key, each.seq, each.branch, each.kind, each.data) for each in records]
        cursor.executemany(_LOG, rows)
        written = _PER_CHANGE + sum(len(each.data) for each in records)
    if commit.branches or commit.snapshot or commit.blobs or commit.drop:
        written += _store_rest(commit, cursor, key)
    return written


def _advanced(commit: Commit, cursor: sqlite3.Cursor, keys: Keys) -> int:
    """Move the head on; return the thread's key."""
    thread = commit.thread
    known = keys.get(thread)
    if known is not None and _advance(commit, cursor, known):
        return known
    key = _key(cursor, thread)
    if key is None or key == known or not _advance(commit, cursor, key):
        raise CheckpointConflict(thread)
    if len(keys) >= _MANY:
        keys.clear()
    if len(thread) < _LONG:
        keys[thread] = key
    return key


def _advance(commit: Commit, cursor: sqlite3.Cursor, key: int) -> bool:
    """Move the head on, if it is where the commit expects it."""
    cursor.execute(
        _ADVANCE,
        (
            commit.current,
            commit.seq + len(commit.records),
            commit.next_epoch,
            commit.at,
            commit.token,
            key,
            commit.epoch,
            commit.seq,
        ),
    )
    return cursor.rowcount == 1


def _created(commit: Commit, cursor: sqlite3.Cursor) -> int:
    """Make a thread; return its key. It is not kept, for the transaction may yet fail."""
    key = _new_key(cursor, commit.thread)
    if key is None:
        raise CheckpointConflict(commit.thread)
    seq = commit.seq + len(commit.records)
    row = (commit.current, seq, commit.next_epoch, commit.at, commit.token, key)
    cursor.execute(_HEAD, row)
    return key


def _store_rest(commit: Commit, cursor: sqlite3.Cursor, key: int) -> int:
    """Apply what few commits have: all but the head and the records."""
    written = 0
    for branch in commit.branches:
        ns = name_bytes(branch.ns)
        row = (key, branch.id, ns, branch.parent, branch.fork, branch.base)
        cursor.execute(_BRANCH, row)
    for number, data in commit.blobs:
        cursor.execute(_BLOB, (key, number, data))
        written += len(data)
    if commit.snapshot is not None:
        snapshot = commit.snapshot
        blobs = number_bytes(snapshot.blobs)
        cursor.execute(_SNAP, (key, snapshot.branch, snapshot.seq, snapshot.manifest, blobs))
        written += len(snapshot.manifest)
    for seq in commit.drop:
        cursor.execute(_DROP, (key, seq))
    return written


def prune(thread: str, branch: int, base: int, cursor: sqlite3.Cursor, _: Keys) -> int:
    """Forget what lies below the base of a branch, and blobs that no snapshot names."""
    key = _key(cursor, thread)
    if key is None:
        return 0
    cursor.execute(_BASE, (base, key, branch))
    if cursor.rowcount == 0:
        return 0
    cursor.execute(_PRUNE_LOG, (key, branch, base))
    cursor.execute(_PRUNE_SNAP, (key, branch, base))
    named: set[int] = set()
    for (blobs,) in cursor.execute(_NAMED, (key,)).fetchall():
        named.update(numbers(blobs))
    kept = cursor.execute(_BLOB_IDS, (key,)).fetchall()
    cursor.executemany(_FORGET_BLOB, [(key, number) for (number,) in kept if number not in named])
    return _UNKNOWN


def delete(thread: str, cursor: sqlite3.Cursor, keys: Keys) -> int:
    """Forget a thread."""
    key = _key(cursor, thread)
    if key is None:
        return 0
    keys.pop(thread, None)
    for statement in _DELETES:
        cursor.execute(statement, (key,))
    return _UNKNOWN


def copy(source: str, target: str, cursor: sqlite3.Cursor, _: Keys) -> int:
    """Make a thread that is as another is."""
    key = _key(cursor, source)
    if key is None:
        raise CheckpointError(f"there is no thread {shown(source)} to copy")
    made = _new_key(cursor, target)
    if made is None:
        raise CheckpointError(
            f"there is a thread {shown(target)} already; delete it before {shown(source)} is "
            f"copied to it"
        )
    for statement in (_COPY_HEAD, _COPY_BRANCH, _COPY_LOG, _COPY_SNAP, _COPY_BLOB):
        cursor.execute(statement, (made, key))
    return _UNKNOWN


def _key(cursor: sqlite3.Cursor, thread: str) -> int | None:
    """Return the key of a thread, if there is such a thread."""
    rows: list[tuple[int]] = cursor.execute(_KEY, (name_bytes(thread),)).fetchall()
    return rows[0][0] if rows else None


def _new_key(cursor: sqlite3.Cursor, thread: str) -> int | None:
    """Take a key for a new thread; None if there is such a thread."""
    cursor.execute(_NAME, (name_bytes(thread),))
    return cursor.lastrowid if cursor.rowcount == 1 else None
