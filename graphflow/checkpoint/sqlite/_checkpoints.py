"""Moves what was committed from the WAL into the database, in a thread, by its own connection.

So no commit pays for it. Most of it is done while commits go on; only when the WAL has become
long are they held up for a moment, so that it begins anew and does not grow for ever.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Lock
from typing import Final, final

from graphflow.checkpoint.sqlite._errors import FAILURES
from graphflow.checkpoint.sqlite._schema import PAGE
from graphflow.checkpoint.sqlite._worker import Worker

__all__ = ("LIMIT", "Checkpoints")

_OFTEN: Final = 4 << 20
LIMIT: Final = 16 << 20
"""The bytes above which the WAL is made to begin anew."""


@final
class Checkpoints:
    """Checkpoints of one database, whenever enough was written."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], lock: Lock) -> None:
        self.worker = Worker("graphflow-store-checkpoints")
        self._connect = connect
        self._lock = lock
        self._written = 0

    def wrote(self, count: int) -> None:
        """Take note that about so many bytes were written; who calls this holds the lock."""
        self._written += count
        if self._written >= _OFTEN:
            self._written = 0
            self.worker.call(self._checkpoint)

    def _checkpoint(self) -> None:
        """Move what can be moved without disturbing anybody, and hold up the writer if need be.

        What fails is left for later: it is safe in the WAL.
        """
        with suppress(*FAILURES), closing(self._connect()) as connection:
            _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames * PAGE > LIMIT:
                with self._lock:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
