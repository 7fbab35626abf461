"""The least that storing can cost: one row a superstep, written with plain `sqlite3`."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stored_savers import SYNCHRONOUS, Kind
from benchmarks.stored_threads import FOLDERS
from benchmarks.stored_ways import staged
from benchmarks.work import Work

_ROW = b"." * 240
"""A message of 200 bytes, and a few that say whose it is."""


def written(rows: int, kind: Kind) -> Work:
    """Commit so many rows, each by itself, and move a number on with each."""

    @asynccontextmanager
    async def stage() -> AsyncGenerator[sqlite3.Connection, None]:
        with TemporaryDirectory(prefix=FOLDERS) as folder:
            path = Path(folder, "store.db")
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                connection.execute(SYNCHRONOUS[kind])
                connection.execute("CREATE TABLE head (seq INTEGER NOT NULL)")
                connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, data BLOB)")
                connection.execute("INSERT INTO head VALUES (0)")
                yield connection

    async def act(connection: sqlite3.Connection) -> int:
        execute = connection.cursor().execute
        for seq in range(rows):
            execute("BEGIN IMMEDIATE")
            execute("UPDATE head SET seq = seq + 1")
            execute("INSERT INTO log VALUES (?, ?)", (seq, _ROW))
            execute("COMMIT")
        count: int = execute("SELECT seq FROM head").fetchall()[0][0]
        return count

    return replace(staged(rows, rows, stage, act), backend="none")
