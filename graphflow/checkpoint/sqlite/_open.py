"""Opening a store: a file, a database in memory, or a connection that somebody else has opened."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from os import fsdecode
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Final, Literal, TypeAlias, TypeVar

from graphflow.checkpoint.sqlite._checkpoints import Checkpoints
from graphflow.checkpoint.sqlite._database import Database
from graphflow.checkpoint.sqlite._errors import FAILURES, PATIENCE, in_use, is_busy, translated
from graphflow.checkpoint.sqlite._file import examine, uri
from graphflow.checkpoint.sqlite._fork import no_fork
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._readers import Pool, Shared
from graphflow.checkpoint.sqlite._room import make_room
from graphflow.checkpoint.sqlite._schema import create, is_store
from graphflow.checkpoint.sqlite._writer import Writer
from graphflow.errors import StoreUnavailableError

__all__ = ("Synchronous", "open_file", "open_given", "open_memory")

T = TypeVar("T")

Synchronous: TypeAlias = Literal["normal", "full"]
"""Whether a commit survives the end of the process only ("normal"), or a power cut ("full")."""

_SYNCHRONOUS: Final = {
    "normal": "PRAGMA synchronous = NORMAL",
    "full": "PRAGMA synchronous = FULL",
}
_CAREFUL: Final = "PRAGMA trusted_schema = OFF"  # a schema in a damaged file calls no functions
_PAUSE: Final = 0.005
_CHECKPOINT_PATIENCE: Final = 0.05
"""For how many seconds readers may keep the WAL from beginning anew, while commits wait."""


def open_file(path: Path, synchronous: Synchronous) -> Database:
    """Open the store in a file, or make it."""
    place = repr(str(path))
    with no_fork:
        examine(path)
        try:
            _patiently(partial(_prepare_file, path, place))
            again = partial(_patiently, partial(_connect_writer, path, synchronous))
            handle = Handle(again(), place, owned=True, again=again)
        except FAILURES as error:
            raise translated(error, place) from error
        checkpoints = Checkpoints(
            partial(_connect, path, "mode=rw", _CHECKPOINT_PATIENCE),
            handle.lock,
            has_room=synchronous == "full",
        )
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
    handle = Handle(connection, "':memory:'", owned=True)
    return Database(handle, Writer(handle, at_once=True), Shared(handle))


def open_given(connection: sqlite3.Connection, synchronous: Synchronous) -> Database:
    """Open, or make, the store that a connection leads to."""
    place = "of the connection"
    try:
        _check_threads(connection)
        with closing(connection.cursor()) as cursor:
            cursor.row_factory = None
            file = cursor.execute("PRAGMA database_list").fetchall()[0][2]
            place = repr(fsdecode(file or ":memory:"))  # bytes, if the owner wants text as such
            if connection.in_transaction:
                raise in_use(place)
            if not is_store(cursor, place):
                create(connection, place)
            cursor.execute("PRAGMA journal_mode = WAL").fetchall()
            cursor.execute(_SYNCHRONOUS[synchronous])
    except FAILURES as error:
        raise translated(error, place) from error
    handle = Handle(connection, place, owned=False)
    return Database(handle, Writer(handle, at_once=synchronous == "normal"), Shared(handle))


def _connect(path: Path, options: str, patience: float, *settings: str) -> sqlite3.Connection:
    """Open a connection that any thread may use, and in which a transaction begins by BEGIN."""
    connection = sqlite3.connect(
        uri(path, options),
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for setting in (_CAREFUL, *settings):
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write, and looks twice at what it reads."""
    return _connect(
        path, "mode=rw", PATIENCE, "PRAGMA query_only = ON", "PRAGMA cell_size_check = ON"
    )


def _connect_writer(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """Open a connection that waits for nobody, and leaves checkpoints to others."""
    made = _connect(path, "mode=rw", 0, _SYNCHRONOUS[synchronous], "PRAGMA wal_autocheckpoint = 0")
    if synchronous == "full":
        make_room(made, path)
    return made


def _patiently(call: Callable[[], T]) -> T:
    """Make a call again while the database is locked: SQLite does not always wait by itself."""
    until = monotonic() + PATIENCE
    while True:
        try:
            return call()
        except sqlite3.Error as error:
            if not is_busy(error) or monotonic() > until:
                raise
        sleep(_PAUSE)


def _prepare_file(path: Path, place: str) -> None:
    """Make the tables if there are none, and see that the file can be written."""
    with (
        closing(_connect(path, "mode=rwc", PATIENCE)) as connection,
        closing(connection.cursor()) as cursor,  # left open, it would keep the file open
    ):
        if not is_store(cursor, place):
            create(connection, place)
        if cursor.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
            raise StoreUnavailableError(
                f"the checkpoint store {place} cannot be used: its disk does not support SQLite's "
                f"WAL, as network disks do not; move it to a local one"
            )
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except sqlite3.Error as error:
            if not is_busy(error):  # else somebody writes, so it can be written
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
