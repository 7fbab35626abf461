"""One connection, with what everybody who uses it must know."""

import sqlite3
from threading import Lock

from graphflow._record import record

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
