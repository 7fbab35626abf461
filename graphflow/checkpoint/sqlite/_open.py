"""Opening a store: a file, a database in memory, or a connection that somebody else has opened."""

import sqlite3
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Final, Literal, TypeAlias

from graphflow.checkpoint.sqlite._checkpoints import Checkpoints
from graphflow.checkpoint.sqlite._database import Database
from graphflow.checkpoint.sqlite._errors import FAILURES, PATIENCE, in_use, is_busy, translated
from graphflow.checkpoint.sqlite._file import examine, uri
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._readers import Pool, Shared
from graphflow.checkpoint.sqlite._schema import create, is_marked
from graphflow.checkpoint.sqlite._writer import Writer
from graphflow.errors import StoreUnavailableError

__all__ = ("Synchronous", "open_file", "open_given", "open_memory")

Synchronous: TypeAlias = Literal["normal", "full"]
"""Whether a commit survives the end of the process only ("normal"), or a power cut ("full")."""

_SYNCHRONOUS: Final = {
    "normal": "PRAGMA synchronous = NORMAL",
    "full": "PRAGMA synchronous = FULL",
}
_CHECKPOINT_PATIENCE: Final = 0.05
"""For how many seconds readers may keep the WAL from beginning anew, while commits wait."""


def open_file(path: Path, synchronous: Synchronous) -> Database:
    """Open the store in a file, or make it."""
    examine(path)
    place = repr(str(path))
    try:
        connection = _connect(path, "mode=rwc", PATIENCE)
        try:
            _prepare_file(connection, place, synchronous)
        except BaseException:
            connection.close()
            raise
    except FAILURES as error:
        raise translated(error, place) from error
    handle = Handle(connection, place, Lock(), owned=True)
    checkpoints = Checkpoints(partial(_connect, path, "mode=rw", _CHECKPOINT_PATIENCE), handle.lock)
    return Database(
        handle,
        Writer(handle, at_once=synchronous == "normal", wrote=checkpoints.wrote),
        Pool(partial(_connect_reader, path), place),
        checkpoints,
    )


def open_memory() -> Database:
    """Make a store in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create(connection, "':memory:'")
    handle = Handle(connection, "':memory:'", Lock(), owned=True)
    return Database(handle, Writer(handle, at_once=True), Shared(handle))


def open_given(connection: sqlite3.Connection, synchronous: Synchronous) -> Database:
    """Open, or make, the store that a connection leads to."""
    place = "of the connection"
    try:
        _check_threads(connection)
        cursor = connection.cursor()
        cursor.row_factory = None
        place = repr(cursor.execute("PRAGMA database_list").fetchall()[0][2] or ":memory:")
        if connection.in_transaction:
            raise in_use(place)
        if not is_marked(cursor, place):
            create(connection, place)
        cursor.execute("PRAGMA journal_mode = WAL").fetchall()
        cursor.execute(_SYNCHRONOUS[synchronous])
    except FAILURES as error:
        raise translated(error, place) from error
    handle = Handle(connection, place, Lock(), owned=False)
    return Database(handle, Writer(handle, at_once=synchronous == "normal"), Shared(handle))


def _connect(path: Path, options: str, patience: float) -> sqlite3.Connection:
    """Open a connection that any thread may use, and in which a transaction begins by BEGIN."""
    connection = sqlite3.connect(
        uri(path, options),
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )
    # A schema that somebody has tampered with cannot call functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    connection = _connect(path, "mode=rw", PATIENCE)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _prepare_file(connection: sqlite3.Connection, place: str, synchronous: Synchronous) -> None:
    """Make the tables if there are none, and see that it can be written."""
    cursor = connection.cursor()
    if not is_marked(cursor, place):
        create(connection, place)
    if cursor.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
        raise StoreUnavailableError(
            f"the checkpoint store {place} cannot be used: its disk does not support SQLite's "
            f"WAL, as network disks do not; move it to a local one"
        )
    cursor.execute(_SYNCHRONOUS[synchronous])
    cursor.execute("PRAGMA wal_autocheckpoint = 0")
    cursor.execute("PRAGMA busy_timeout = 0")  # the writer waits by itself, and others can write
    try:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("ROLLBACK")
    except sqlite3.Error as error:
        if not is_busy(error):  # somebody writes, so it can be written
            raise


def _check_threads(connection: sqlite3.Connection) -> None:
    """Refuse a connection that only the thread that opened it may use."""
    errors: list[sqlite3.Error] = []

    def use() -> None:
        try:
            connection.cursor().close()
        except sqlite3.Error as error:
            errors.append(error)

    thread = Thread(target=use, name="graphflow-store-probe")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
