"""Moves what was committed from the WAL into the database, in a thread, by its own connection.

So no commit pays for it. Most of it is done while commits go on; only when the WAL has become
long are they held up for a moment, so that it begins anew and does not grow for ever. Where it
has room (see `_room.py`) that happens earlier, and the file keeps its length.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Lock
from typing import Final, final

from graphflow.checkpoint.sqlite._errors import FAILURES
from graphflow.checkpoint.sqlite._room import ROOM
from graphflow.checkpoint.sqlite._schema import PAGE
from graphflow.checkpoint.sqlite._worker import Worker

__all__ = ("LIMIT", "Checkpoints")

_OFTEN: Final = ROOM
_WORKER: Final = "graphflow-store-checkpoints"
LIMIT: Final = 16 << 20
"""The bytes above which the WAL is made to begin anew."""


@final
class Checkpoints:
    """Checkpoints of one database, whenever enough was written.

    Args:
        connect: opens a connection for one of them.
        lock: who holds it may write.
        has_room: whether the file of the WAL is to keep its length.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], lock: Lock, *, has_room: bool
    ) -> None:
        self.worker = Worker(_WORKER)
        self._gate = Lock()
        self._connect = connect
        self._lock = lock
        self._has_room = has_room
        self._written = 0

    def wrote(self, count: int) -> None:
        """Take note that about so many bytes were written; who calls this holds the lock."""
        self._written += count
        if self._written >= _OFTEN:
            self._written = 0
            self.worker.call(self._checkpoint)

    def pause(self) -> None:
        """Wait for the checkpoint that is being made, and let no other begin."""
        self._gate.acquire()

    def resume(self) -> None:
        """Let everybody go on."""
        self._gate.release()

    def resume_in_child(self) -> None:
        """Go on in a forked process, which has not got the thread."""
        self.worker = Worker(_WORKER)
        self._gate.release()

    def _checkpoint(self) -> None:
        """Move what can be moved without disturbing anybody, and hold up the writer if need be.

        What fails is left for later: it is safe in the WAL.
        """
        with self._gate, suppress(*FAILURES), closing(self._connect()) as connection:
            _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames * PAGE > LIMIT:
                with self._lock:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            elif self._has_room:
                connection.execute("PRAGMA busy_timeout = 0")  # if readers are in its way, later
                with self._lock:
                    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
