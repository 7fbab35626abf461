"""One connection, with what everybody who uses it must know."""

import sqlite3
from threading import Lock

from graphflow._record import record
from graphflow.checkpoint.sqlite._errors import in_use

__all__ = ("Handle",)


@record
class Handle:
    """A connection that several threads use in turn.

    Attributes:
        connection: the connection.
        place: the store as messages show it.
        lock: who holds it may use the connection.
        owned: whether the connection was opened here, and is closed here.
    """

    connection: sqlite3.Connection
    place: str
    lock: Lock
    owned: bool

    def end_stray_transaction(self) -> None:
        """See that no transaction is open; the lock is held.

        One on a connection that was opened here was left by a KeyboardInterrupt that came between
        two statements. One on a connection that was given is its owner's, who is told.
        """
        if self.connection.in_transaction:
            if not self.owned:
                raise in_use(self.place)
            self.connection.execute("ROLLBACK")
