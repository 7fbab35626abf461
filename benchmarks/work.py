"""Work: one pass of something worth timing, which tells whether it did what it should."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import process_time
from typing import Literal

Backend = Literal["asyncio", "uvloop", "trio", "none"]


async def _nothing() -> None:
    """Get ready for, or tidy up after, work that needs neither."""


@dataclass(frozen=True, slots=True)
class Work:
    """One pass of something worth timing.

    Attributes:
        units: What a pass is divided by: supersteps, items, runs, nodes.
        expected: What `run` must answer. A benchmark that stops doing its work gets fast.
        run: The timed part; answers what it saw (chunks, a sum, a count).
        ready: What comes before it, not timed.
        tidy: What comes after it, not timed.
        backend: The event loop it runs on; "none" for work that never waits.
        clock: What it is timed by: CPU time, or wall time where waiting counts.
    """

    units: int
    expected: int
    run: Callable[[], Awaitable[int]]
    ready: Callable[[], Awaitable[None]] = _nothing
    tidy: Callable[[], Awaitable[None]] = _nothing
    backend: Backend = "asyncio"
    clock: Callable[[], float] = process_time


class WrongResultError(Exception):
    """A benchmark did not do the work it is timed for."""

    def __init__(self, expected: int, seen: int) -> None:
        """Tell both figures."""
        super().__init__(f"the timed work answered {seen}, expected {expected}")
        self.expected = expected
        self.seen = seen
