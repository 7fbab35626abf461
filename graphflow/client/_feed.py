"""The events of one run, for any number of readers, who may come late, and may be slow.

The last `KEPT` events are kept. The run waits before it would forget one that somebody who reads
has not read yet, so none that reads misses anything, and nothing grows without bound.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, final
from weakref import WeakSet

import anyio

from graphflow._drive.loop import soon_here
from graphflow.client.schema import StreamPart

KEPT: Final = 256


@final
class Feed:
    """What a run shows.

    Args:
        numbered: whether parts have ids, to go on behind one.
    """

    def __init__(self, *, numbered: bool) -> None:
        """Begin empty."""
        self._numbered = numbered
        self._parts: deque[StreamPart] = deque()
        self._first = 0
        self._over = False
        self._changed = anyio.Event()
        self._readers: WeakSet[Reader] = WeakSet()

    async def put(self, event: str, data: object) -> None:
        """Add an event; wait while somebody has not read the one that is to be forgotten."""
        while len(self._parts) >= KEPT and any(one.at <= self._first for one in self._readers):
            await self._changed.wait()
        while len(self._parts) >= KEPT:
            self._parts.popleft()
            self._first += 1
        self.add(event, data)

    def add(self, event: str, data: object) -> None:
        """Add an event, whoever has read what: for those few that end a run."""
        number = str(self._first + len(self._parts)) if self._numbered else None
        self._parts.append(StreamPart(event, data, number))
        self.wake()

    def end(self) -> None:
        """Let readers end when they have read all."""
        self._over = True
        self.wake()

    def wake(self) -> None:
        """Let all look again."""
        self._changed.set()
        self._changed = anyio.Event()

    def read(self, after: str | None = None) -> "Reader":
        """Return a reader of all that is kept, or of what is behind the part with an id."""
        number = int(after) + 1 if after is not None and after.lstrip("-").isdigit() else 0
        reader = Reader(self, max(number, self._first))
        self._readers.add(reader)
        return reader

    def leave(self, reader: "Reader") -> None:
        """Wait for a reader no longer."""
        self._readers.discard(reader)
        self.wake()

    async def next(self, at: int) -> StreamPart | None:
        """Return the part of a number as soon as it is there; None if it never will be."""
        while at >= self._first + len(self._parts):
            if self._over:
                return None
            await self._changed.wait()
        return self._parts[at - self._first]


@final
class Reader:
    """Somebody who reads; who lets go of it reads no more, and the run waits for nobody."""

    def __init__(self, feed: Feed, at: int) -> None:
        """Made by `Feed.read`."""
        self._feed = feed
        self.at = at

    async def next(self) -> StreamPart | None:
        """Return the next part; None when there is no more."""
        part = await self._feed.next(self.at)
        self.at += part is not None
        self._feed.wake()
        return part

    def leave(self) -> None:
        """Read no more."""
        self._feed.leave(self)


def later_here() -> Callable[[Callable[[], Any]], None]:
    """Return what calls a function on this loop later, from any thread, while the loop runs."""
    soon = soon_here()

    def later(function: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # the loop has gone, and with it the run
            soon(function)

    return later
