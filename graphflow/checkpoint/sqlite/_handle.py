"""One connection that several threads use in turn, and that can be closed for a moment."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import final

from graphflow.checkpoint.sqlite._errors import FAILURES, in_use

__all__ = ("Handle",)

Connect = Callable[[], sqlite3.Connection]


@final
class Handle:
    """A connection and the lock for it; whoever calls a method holds the lock.

    Args:
        connection: the connection.
        place: the store as messages show it.
        owned: whether the connection was opened here, and is closed here.
        again: opens it again, if that is possible.

    Attributes:
        lock: who holds it may use the connection.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        place: str,
        *,
        owned: bool,
        again: Connect | None = None,
    ) -> None:
        self.place = place
        self.lock = Lock()
        self._owned = owned
        self._again = again
        self._paused = False
        self._use(connection)

    def _use(self, connection: sqlite3.Connection) -> None:
        """Use a connection from now on."""
        self.connection = connection
        self.cursor = connection.cursor()
        self.cursor.row_factory = None  # the connection's may be its owner's

    def ready(self) -> sqlite3.Cursor:
        """Return a cursor, with no transaction open.

        Raises:
            CheckpointError: if one is open on a connection that was given.
        """
        if self._paused and self._again is not None:
            self._use(self._again())
            self._paused = False
        if self.connection.in_transaction:
            if not self._owned:
                raise in_use(self.place)
            # A KeyboardInterrupt came between two statements.
            self.cursor.execute("ROLLBACK")
        return self.cursor

    def pause(self) -> bool:
        """Close the connection until it is used the next time; return whether that is possible."""
        if self._again is None:
            return False
        self._shut()
        self._paused = True
        return True

    def close(self) -> None:
        """Close the connection for good, if it was opened here."""
        self._again = None
        self._shut()

    def _shut(self) -> None:
        """Move all from the WAL into the file, and close what was opened here.

        A cursor that is left open would keep the file open.
        """
        if self._paused:
            return
        with suppress(*FAILURES):  # what cannot be moved is safe in the WAL
            if self._owned:
                self.cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with suppress(*FAILURES):
            self.cursor.close()
        with suppress(*FAILURES):
            if self._owned:
                self.connection.close()
