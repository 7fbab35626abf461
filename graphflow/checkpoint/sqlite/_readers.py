"""Connections that only read: reading never waits for the writer, nor the writer for it.

Each is used by one thread at a time, and kept for the next one. Where there is only a single
connection, a database in memory or one that was given, reading takes turns with the writer.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from threading import Lock
from time import monotonic, sleep
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, final

from graphflow.checkpoint.sqlite._errors import FAILURES, closed, translated
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._read import Query
from graphflow.errors import CheckpointError

__all__ = ("Pool", "Reading", "Shared")

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: Final = 4
_GRACE: Final = 0.5
"""For how many seconds a fork waits for queries; it cannot wait for a reader who has stopped."""

_PAUSE: Final = 0.0005
_AT_ONCE: Final = 16


class Reading(Protocol):
    """Where queries are made."""

    def ask(
        self,
        query: Callable[Concatenate[sqlite3.Cursor, str, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Make a query of `_read`, which is done when it returns."""
        ...

    def rows(self, query: Query, /) -> Iterable[Any]:
        """Return the rows of a query, as they are when this is called."""
        ...

    def pause(self) -> None:
        """Let no query begin, and close the connections that are its own."""

    def resume(self) -> None:
        """Let everybody go on."""

    def resume_in_child(self) -> bool:
        """Go on in a forked process; return whether that is possible."""
        ...

    def close(self) -> None:
        """Make no more queries, and close the connections that are its own."""


@final
class Pool:
    """As many connections as there are readers at once; few are kept.

    What a finalizer may call, wherever that happens to run, takes no lock: `close`, and giving
    back a connection.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], place: str) -> None:
        self._connect = connect
        self._place = place
        self._gate = Lock()
        self._idle: deque[sqlite3.Connection] = deque()
        self._lent: set[sqlite3.Connection] = set()
        self._keeps = True
        self._closed = False
        self._left_behind = False

    def ask(
        self,
        query: Callable[Concatenate[sqlite3.Cursor, str, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Make a query of `_read`, which is done when it returns."""
        connection = self._borrow()
        try:
            with closing(connection.cursor()) as cursor:
                return query(cursor, self._place, *args, **kwargs)
        except FAILURES as error:
            raise translated(error, self._place) from error
        finally:
            self._give_back(connection)

    def rows(self, query: Query, /) -> Iterator[Any]:
        """Return the rows of a query, fetched as they are asked for."""
        rest = self._rest(self._borrow(), query)
        next(rest)  # the query is made now; and only a generator that has begun comes to an end
        return rest

    def _rest(self, connection: sqlite3.Connection, query: Query) -> Iterator[Any]:
        """Give None once the query is made, and then its rows."""
        try:
            with closing(connection.execute(*query)) as cursor:
                yield None
                while rows := cursor.fetchmany(_AT_ONCE):
                    yield from rows
                    if self._left_behind:
                        raise CheckpointError(
                            f"the records of the checkpoint store {self._place} were being read "
                            f"when this process was forked; read them anew in this process"
                        )
        except FAILURES as error:
            raise translated(error, self._place) from error
        finally:
            self._give_back(connection)

    def _borrow(self) -> sqlite3.Connection:
        """Take a connection that nobody uses, or make one."""
        with self._gate:
            if self._closed:
                raise closed(self._place)
            connection = self._idle_one()
            try:
                connection = connection or self._connect()
            except FAILURES as error:
                raise translated(error, self._place) from error
            self._lent.add(connection)
        return connection

    def _idle_one(self) -> sqlite3.Connection | None:
        """Take a connection that nobody uses, if there is one."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, connection: sqlite3.Connection) -> None:
        """Keep a connection for the next reader, or close it."""
        if self._left_behind:
            return  # to close it is not for this process
        if self._keeps and len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        self._lent.discard(connection)
        if not self._keeps:
            self._close_idle()

    def _close_idle(self) -> None:
        """Close what nobody uses."""
        while (connection := self._idle_one()) is not None:
            with suppress(*FAILURES):
                connection.close()

    def pause(self) -> None:
        """Let no query begin, and close what is idle; wait a little for what is lent."""
        self._gate.acquire()
        self._keeps = False
        self._close_idle()
        until = monotonic() + _GRACE
        while self._lent and monotonic() < until:
            sleep(_PAUSE)

    def resume(self) -> None:
        """Let everybody go on."""
        self._keeps = not self._closed
        self._gate.release()

    def resume_in_child(self) -> bool:
        """Go on in a forked process, if no connection was in use, which would now be its own."""
        self._left_behind = bool(self._lent)
        self.resume()
        return not self._left_behind

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back."""
        self._closed = True
        self._keeps = False
        self._close_idle()


@final
class Shared:
    """The writer's own connection, while it is not writing."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._closed = False

    def ask(
        self,
        query: Callable[Concatenate[sqlite3.Cursor, str, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Make a query of `_read`, which is done when it returns."""
        with self._handle.lock:
            if self._closed:
                raise closed(self._handle.place)
            try:
                return query(self._handle.ready(), self._handle.place, *args, **kwargs)
            except FAILURES as error:
                raise translated(error, self._handle.place) from error

    def rows(self, query: Query, /) -> list[Any]:
        """Return all rows of a query."""
        return self.ask(_fetched, query)

    def pause(self) -> None:
        """Do nothing: whoever pauses holds the lock."""

    def resume(self) -> None:
        """Do nothing."""

    def resume_in_child(self) -> bool:
        """Do nothing: it is the writer that tells."""
        return True

    def close(self) -> None:
        """Read no more; the connection is not closed here."""
        self._closed = True


def _fetched(cursor: sqlite3.Cursor, _: str, query: Query) -> list[Any]:
    """Return all rows of a query."""
    return cursor.execute(*query).fetchall()
