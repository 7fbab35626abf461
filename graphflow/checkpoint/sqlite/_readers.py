"""Connections that only read: reading never waits for the writer, nor the writer for it.

Each is used by one thread at a time, and kept for the next one. Where there is only a single
connection, a database in memory or one that was given, reading takes turns with the writer.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, final

from graphflow.checkpoint.sqlite._errors import FAILURES, closed, translated
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._read import Query
from graphflow.errors import CheckpointError

__all__ = ("Pool", "Reading", "Shared")

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: Final = 4
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

    def leave_behind(self) -> None:
        """Belong to the parent process from now on."""

    def close(self) -> None:
        """Close the connections that are its own."""


@final
class Pool:
    """As many connections as there are readers at once; few are kept.

    It has no lock, so that a finalizer can close it, wherever that happens to run.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], place: str) -> None:
        self._connect = connect
        self._place = place
        self._idle: deque[sqlite3.Connection] = deque()
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
        if self._closed:
            raise closed(self._place)
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._connect()
        except FAILURES as error:
            raise translated(error, self._place) from error

    def _give_back(self, connection: sqlite3.Connection) -> None:
        """Keep a connection for the next reader, or close it."""
        if self._left_behind:
            self._idle.append(connection)  # to close it is not for this process
            return
        if len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            self.close()

    def leave_behind(self) -> None:
        """Belong to the parent process from now on."""
        self._left_behind = True

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        self._closed = True
        while not self._left_behind:
            try:
                self._idle.pop().close()
            except IndexError:
                return


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
                self._handle.end_stray_transaction()
                with closing(self._handle.connection.cursor()) as cursor:
                    cursor.row_factory = None  # the connection's is its owner's
                    return query(cursor, self._handle.place, *args, **kwargs)
            except FAILURES as error:
                raise translated(error, self._handle.place) from error

    def rows(self, query: Query, /) -> list[Any]:
        """Return all rows of a query."""
        return self.ask(_fetched, query)

    def leave_behind(self) -> None:
        """Do nothing: the saver that has it cannot be used any more."""

    def close(self) -> None:
        """Read no more; the connection is not closed here."""
        self._closed = True


def _fetched(cursor: sqlite3.Cursor, _: str, query: Query) -> list[Any]:
    """Return all rows of a query."""
    return cursor.execute(*query).fetchall()
