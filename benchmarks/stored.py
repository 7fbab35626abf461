"""The benchmarks of stored threads: those against the clock, and what else is to be found out.

These others are what a thread's length does to a superstep, how many bytes one takes, and how long
the reading of a single checkpoint takes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from benchmarks import stored_length, stored_reading, stored_savers, stored_sizes
from benchmarks.growth import Grown
from benchmarks.library import GRAPHFLOW, Library
from benchmarks.results import Figures, GrowthRow, Row
from benchmarks.stored_savers import Kind
from benchmarks.stored_timed import (
    HISTORY,
    LENGTH,
    LENGTHS,
    MICRO,
    MILLI,
    SUPERSTEP,
    THEIR_HISTORY,
    TIMED,
)

R = TypeVar("R")

BYTES = "bytes/superstep"
READ_ANY = "stored-read-any"
READINGS = 50
LONGEST = 100_000
"""How long a thread in a file is made for who has minutes for it."""


class Attempt(Protocol):
    """Does what is to be found out, or notes that it failed."""

    def __call__(self, benchmark: str, library: Library, act: Callable[[], R], /) -> R | None:
        """Return what `act` does, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Size:
    """What a stored superstep takes, in one kind of store.

    Attributes:
        name: What the command line takes.
        title: What the table says.
        target: How many bytes that may be.
        kind: The store.
        measure: Finds it out for a thread of some length.
        longest: The longest thread for who has minutes for it, or None.
    """

    name: str
    title: str
    target: float
    kind: Kind
    measure: Callable[[Library, int], float]
    longest: int | None = None


SIZES = (
    Size("stored-bytes-memory", "memory saver", 1000, "memory", stored_sizes.in_memory),
    Size("stored-bytes-file", "SQLite file", 500, "normal", stored_sizes.in_file, LONGEST),
)
SHORT_THREAD, THREAD, LONG_THREAD = 300, 1000, 10_000

NAMES = (*TIMED, READ_ANY, *(size.name for size in SIZES))


def rows(
    chosen: Sequence[str], libraries: Sequence[Library], attempt: Attempt, *, longest: bool
) -> Iterator[Row | GrowthRow]:
    """Find out what is chosen; the clock is not among it.

    Args:
        chosen: Names of benchmarks.
        libraries: Who takes part.
        attempt: Does what each takes.
        longest: Whether there are minutes for the longest threads.
    """
    for size in SIZES:
        if size.name in chosen:
            yield from _sizes(size, libraries, attempt, longest=longest)
    if READ_ANY in chosen:
        yield from _readings(libraries, attempt)
    if LENGTH in chosen:
        yield from _lengths(libraries, attempt)


def _sizes(
    size: Size, libraries: Sequence[Library], attempt: Attempt, *, longest: bool
) -> Iterator[Row | GrowthRow]:
    """Find out how many bytes a superstep takes; LangGraph's threads grow by the square."""
    for length in (SHORT_THREAD, THREAD, LONG_THREAD, *_more(size, longest=longest)):
        figures: Figures = {}
        for library in libraries:
            fits = length <= THREAD or library.name == GRAPHFLOW
            if fits and stored_savers.has(library, size.kind):
                found = attempt(size.name, library, partial(size.measure, library, length))
                if found is not None:
                    figures[library.name] = found
        target = size.target if length >= THREAD else None  # what there is once counts before
        yield Row(size.name, f"{size.title}, {length:,} supersteps", BYTES, target, figures)


def _more(size: Size, *, longest: bool) -> tuple[int, ...]:
    """Return the longest thread, if there are minutes for it."""
    return (size.longest,) if longest and size.longest is not None else ()


def _readings(libraries: Sequence[Library], attempt: Attempt) -> Iterator[Row]:
    """Find out how long the reading of one checkpoint takes, wherever it is."""
    for messages, target in ((THEIR_HISTORY, None), (HISTORY, 10.0)):
        middle: Figures = {}
        worst: Figures = {}
        for library in libraries:
            fits = messages == THEIR_HISTORY or library.name == GRAPHFLOW
            if fits and stored_savers.has(library, "normal"):
                read = partial(stored_reading.anywhere, library, messages, READINGS)
                found = attempt(READ_ANY, library, read)
                if found is not None:
                    middle[library.name] = found.median * MILLI
                    worst[library.name] = found.worst * MILLI
        title = f"get_state at any of {messages:,}"
        yield Row(READ_ANY, f"{title}, median", "ms", target, middle)
        yield Row(READ_ANY, f"{title}, worst", "ms", target, worst)


def _lengths(libraries: Sequence[Library], attempt: Attempt) -> Iterator[GrowthRow]:
    """Find out what storing adds to a superstep of a short and of a long thread."""
    short, long = LENGTHS
    kinds: tuple[tuple[Kind, str], ...] = (("memory", "memory saver"), ("normal", "SQLite"))
    for kind, store in kinds:
        figures: dict[str, Grown] = {}
        for library in libraries:
            if library.name == GRAPHFLOW:
                measure = partial(_grown, library, kind)
                found = attempt(LENGTH, library, measure)
                if found is not None:
                    figures[library.name] = found
        title = f"supersteps of the thread, {store}"
        yield GrowthRow(LENGTH, title, SUPERSTEP, short, long, 1.25, figures)


def _grown(library: Library, kind: Kind) -> Grown:
    """Find it out for one kind of store."""
    short, long = LENGTHS
    few = stored_length.storing(library, kind, short, ballast=long)
    many = stored_length.storing(library, kind, long, ballast=0)
    return Grown(few * MICRO, many * MICRO)
