"""A change that waits to be made, and what becomes of it."""

import sqlite3
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias, final

from graphflow.checkpoint.sqlite._write import Keys

__all__ = ("Change", "Waiting")

Change: TypeAlias = Callable[[sqlite3.Cursor, Keys], int]
"""Changes something in the open transaction; tells about how many bytes; see `_write.py`."""


@final
class Waiting:
    """A change in the queue; for an event loop, its end.

    A `Future` would do, but has a lock and two lists of its own: with a hundred conversations at
    once it took a sixth of a superstep, most of it in the garbage collector.

    Attributes:
        change: the change.
        since: when it was put into the queue.
    """

    __slots__ = ("_calls", "_done", "_error", "change", "since")

    def __init__(self, change: Change) -> None:
        self.change = change
        self.since = monotonic()
        self._calls: list[Callable[[Waiting], object]] = []
        self._done = False
        self._error: Exception | None = None

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._done

    def exception(self) -> Exception | None:
        """Return how it failed, once it has ended; None if it was made."""
        return self._error

    def add_done_callback(self, fn: "Callable[[Waiting], object]", /) -> None:
        """Have a function called with this when it has ended; it must not raise."""
        self._calls.append(fn)
        if self._done:
            self._tell()

    def end(self, error: Exception | None) -> None:
        """Note how it has ended."""
        self._error = error
        self._done = True
        self._tell()

    def _tell(self) -> None:
        """Call who wants to know; two threads may be here at once, and each call is made by one."""
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:
                return
            call(self)
