"""The tables of a store, and the mark by which a database is known to be one.

A thread's id stands once, in `thread`; all other rows have its key, a small number that is never
used again. Ids and namespaces are blobs, for a string of Python need not be text to SQLite.

The `log` is a table with an index and not WITHOUT ROWID: rows of all threads then lie one behind
the other in full pages, however threads take turns. A record of 265 bytes takes, with its entry
in the index, 306 bytes for one thread and for 100 that take turns, where WITHOUT ROWID takes 315
and 328. Pages of 8 KB would save 8 bytes of these, and cost 5 us a commit, a quarter of it.
"""

import sqlite3
from contextlib import closing
from typing import Final

from graphflow.checkpoint.sqlite._errors import FAILURES, damaged
from graphflow.errors import CheckpointError, ForeignStoreError, NewerFormatError

__all__ = ("APPLICATION_ID", "PAGE", "check_mark", "create", "is_store", "not_ours")

APPLICATION_ID: Final = 0x67666C6F  # "gflo", where SQLite and file(1) look for it
VERSION: Final = 1
"""The format of the tables; it goes up with a change that an older graphflow cannot read."""

PAGE: Final = 4096
"""Bytes in a page."""

# These two hold only if they are said before the first table is made.
_BEFORE: Final = """
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = INCREMENTAL;
"""
_THREAD: Final = (
    "CREATE TABLE thread (key INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE)"
)
_HEAD: Final = (
    "CREATE TABLE head (thread INTEGER PRIMARY KEY, branch INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, updated INTEGER NOT NULL, token BLOB NOT NULL)"
)
_BRANCH: Final = (
    "CREATE TABLE branch (thread INTEGER NOT NULL, id INTEGER NOT NULL, ns BLOB NOT NULL,"
    " parent INTEGER NOT NULL, fork INTEGER NOT NULL, base INTEGER NOT NULL, UNIQUE (thread, id))"
)
_LOG: Final = (
    "CREATE TABLE log (thread INTEGER NOT NULL, seq INTEGER NOT NULL, branch INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (thread, seq))"
)
_SNAP: Final = (
    "CREATE TABLE snap (thread INTEGER NOT NULL, branch INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " manifest BLOB NOT NULL, blobs BLOB NOT NULL, UNIQUE (thread, branch, seq))"
)
_BLOB: Final = (
    "CREATE TABLE blob (thread INTEGER NOT NULL, id INTEGER NOT NULL, data BLOB NOT NULL,"
    " UNIQUE (thread, id))"
)
_MARK: Final = "PRAGMA application_id = 1734765679"
_VERSION: Final = "PRAGMA user_version = 1"
_ANY_TABLE: Final = "SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'table'"
_LANGGRAPH: Final = frozenset({"checkpoints", "writes"})


def is_store(cursor: sqlite3.Cursor, place: str) -> bool:
    """Return whether a database is a store; False if it has no tables and may become one.

    Raises:
        ForeignStoreError: if it belongs to another program.
        NewerFormatError: if it was made by a newer graphflow.
    """
    cursor.execute("BEGIN")  # mark and tables of the same moment: another may be making them
    try:
        return _is_store(cursor, place)
    finally:
        cursor.execute("ROLLBACK")


def _is_store(cursor: sqlite3.Cursor, place: str) -> bool:
    """Do what `is_store` does, in a transaction that is open."""
    mark = _number(cursor.execute("PRAGMA application_id").fetchall(), place)
    version = _number(cursor.execute("PRAGMA user_version").fetchall(), place)
    if mark == APPLICATION_ID:
        check_mark(version, place)
        return True
    names = {bytes(name).decode(errors="replace") for (name,) in cursor.execute(_ANY_TABLE)}
    if mark or names:
        raise not_ours(names, place)
    return False


def check_mark(version: int, place: str) -> None:
    """Refuse a store of a format that this graphflow does not know."""
    if version > VERSION:
        raise NewerFormatError(
            f"the checkpoint store {place} has format {version}, made by a newer graphflow; this "
            f"one knows formats up to {VERSION}: install the newer graphflow to use the store"
        )
    if version < 1:
        raise damaged(place, f"no graphflow ever made format {version}")


def not_ours(names: set[str], place: str) -> ForeignStoreError:
    """Return the error for a database of another program, known by its tables."""
    if names >= _LANGGRAPH:
        return ForeignStoreError(
            f"{place} is a database of LangGraph's SqliteSaver, which graphflow does not read and "
            f"has left as it is; give graphflow a new file, and see docs/migration for the "
            f"threads in this one"
        )
    return ForeignStoreError(
        f"{place} is a database of another program, which graphflow has left as it is; give "
        f"graphflow a file of its own, one that does not exist yet"
    )


def create(connection: sqlite3.Connection, place: str) -> None:
    """Make the tables, unless another program has made them meanwhile."""
    connection.executescript(_BEFORE)
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        cursor.execute("BEGIN IMMEDIATE")
        try:
            if not _is_store(cursor, place):
                for statement in (_THREAD, _HEAD, _BRANCH, _LOG, _SNAP, _BLOB, _MARK, _VERSION):
                    cursor.execute(statement)
            cursor.execute("COMMIT")
        except (*FAILURES, CheckpointError):
            if connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise


def _number(rows: list[tuple[int]], place: str) -> int:
    """Return what a PRAGMA answered."""
    match rows:
        case [(int(number),)]:
            return number
        case _:
            raise damaged(place, "its header has no version")
