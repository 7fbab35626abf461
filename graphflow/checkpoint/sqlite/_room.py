"""Room in the WAL: to write over what is there costs a disk half of what a longer file costs.

A commit that makes the WAL longer changes the size of the file, too, and where every commit is
made safe on the disk that takes a round trip of its own: 106 us of CPU and 320 of waiting, on
ext4, against 60 and 160. So the file is made long before the first commit, and stays so.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from graphflow.checkpoint.sqlite._errors import FAILURES

__all__ = ("ROOM", "make_room")

ROOM: Final = 4 << 20
"""About how many bytes are written before the WAL begins anew."""

_SMALL: Final = "PRAGMA cache_size = 10"
_LARGE: Final = "INSERT INTO blob (thread, id, data) VALUES (0, 0, zeroblob(?))"


def make_room(connection: sqlite3.Connection, path: Path) -> None:
    """Make the WAL long, if it is not.

    If that cannot be done, since others are writing or the disk is full, commits are only slower.

    Args:
        connection: the one that writes, with no transaction open.
        path: the path of its database.
    """
    wal = path.with_name(f"{path.name}-wal")
    with suppress(*FAILURES, OSError), closing(connection.cursor()) as cursor:
        if wal.exists() and wal.stat().st_size >= ROOM:
            return
        ((usual,),) = cursor.execute("PRAGMA cache_size").fetchall()
        try:
            _grow(cursor)
        finally:
            cursor.execute(f"PRAGMA cache_size = {usual:d}")


def _grow(cursor: sqlite3.Cursor) -> None:
    """Write a change that is too large for the cache, and so goes into the WAL, and undo it."""
    cursor.execute(_SMALL)
    cursor.execute("BEGIN IMMEDIATE")
    try:
        cursor.execute(_LARGE, (ROOM,))
    except sqlite3.Error:
        if cursor.connection.in_transaction:  # SQLite may have ended it by itself
            cursor.execute("ROLLBACK")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # others need the disk, too
        raise
    cursor.execute("ROLLBACK")
