"""Stored threads against the clock: what storing adds to a superstep, readings, many at once.

What storing adds is the difference between two runs measured side by side, one without a store.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

from benchmarks import stored_byhand, stored_length, stored_savers, stored_ways
from benchmarks.growth import Grown
from benchmarks.library import GRAPHFLOW, NAMES, Library
from benchmarks.measure import Maker
from benchmarks.results import BY_HAND, Figures, GrowthRow, Row
from benchmarks.stored_savers import Kind

Name = tuple[str, str]
"""A benchmark, and who takes part in it."""

Seconds = Mapping[Name, float]
Makers = Iterator[tuple[Name, Maker]]

SUPERSTEP = "us/superstep"
MICRO, MILLI = 1e6, 1e3
FEW, MANY = 100, 1000
LENGTHS = (100, 30_000)
CONVERSATIONS, MESSAGES = 100, 20
HISTORY, THEIR_HISTORY = 10_000, 1000

LENGTH = "stored-length"
AT_ONCE = "stored-at-once"
READ = "stored-read"


@dataclass(frozen=True, slots=True)
class Stored:
    """A saver under a run.

    Attributes:
        name: What the command line takes.
        title: What the table says.
        target: Microseconds of CPU that graphflow may add to a superstep.
        kind: The saver, or None for the run without one.
        on_loop: Whether the run is on an event loop.
    """

    name: str
    title: str
    target: float | None
    kind: Kind | None
    on_loop: bool = True


ALONE = {
    True: Stored("stored-nowhere", "loop that adds a message, not stored", None, None),
    False: Stored("stored-nowhere-invoke", "the same, invoke", None, None, on_loop=False),
}
STORED = (
    Stored("stored-memory", "added by the memory saver", 12, "memory"),
    Stored("stored-sqlite", "added by SQLite", 50, "normal"),
    Stored("stored-invoke", "added by SQLite, invoke", 50, "normal", on_loop=False),
    Stored("stored-full", "added by SQLite, synchronous=full", 120, "full"),
)
RATES: tuple[tuple[Kind, float | None], ...] = (("normal", 15_000), ("full", None))
CLOCKS = {"": perf_counter, " of CPU": process_time}

TIMED = (*(each.name for each in (*ALONE.values(), *STORED)), LENGTH, AT_ONCE, READ)


def makers(chosen: Sequence[str], libraries: Sequence[Library]) -> Makers:
    """Yield everybody who is timed; who is compared stands side by side."""
    for alone in ALONE.values():
        beside = [each for each in STORED if each.on_loop is alone.on_loop and each.name in chosen]
        if beside or alone.name in chosen:
            for each in (alone, *beside):
                yield from _makers_of_runs(each, libraries)
                if each.kind in stored_savers.SYNCHRONOUS:
                    by_hand = partial(stored_byhand.written, MANY, each.kind)
                    yield (each.name, f"{BY_HAND} {MANY}"), by_hand
    if LENGTH in chosen:
        for length in LENGTHS:
            yield (LENGTH, f"{length}"), partial(stored_length.copies, length)
    if AT_ONCE in chosen:
        yield from _makers_at_once(libraries)
    if READ in chosen:
        yield from _makers_of_readings(libraries)


def _makers_of_runs(each: Stored, libraries: Sequence[Library]) -> Makers:
    """Yield a short and a long run of each library."""
    for library in libraries:
        if each.kind is None or stored_savers.has(library, each.kind):
            for messages in (FEW, MANY):
                run = partial(
                    stored_ways.through, library, messages, each.kind, on_loop=each.on_loop
                )
                yield (each.name, f"{library.name} {messages}"), run


def _makers_at_once(libraries: Sequence[Library]) -> Makers:
    """Yield many conversations at once, by both clocks."""
    for kind, _ in RATES:
        for library in libraries:
            if stored_savers.has(library, kind):
                for name, clock in CLOCKS.items():
                    run = partial(
                        stored_ways.at_once, library, CONVERSATIONS, MESSAGES, kind, clock
                    )
                    yield (AT_ONCE, f"{library.name} {kind}{name}"), run


def _makers_of_readings(libraries: Sequence[Library]) -> Makers:
    """Yield who reads a thread; LangGraph's grow by the square, so its are short."""
    for library in libraries:
        if stored_savers.has(library, "normal"):
            for messages in (THEIR_HISTORY, HISTORY):
                if messages == THEIR_HISTORY or library.name == GRAPHFLOW:
                    read = partial(stored_ways.read, library, messages)
                    yield (READ, f"{library.name} {messages}"), read


def rows(seconds: Seconds) -> Iterator[Row]:
    """Yield the rows of what was timed."""
    for alone in ALONE.values():
        if found := _of(seconds, alone.name, f" {MANY}", MICRO):
            yield Row(alone.name, alone.title, SUPERSTEP, None, found)
    for each in STORED:
        by_hand = _of(seconds, each.name, f" {MANY}", MICRO, (BY_HAND,))
        if found := _added(seconds, each, MANY) | by_hand:
            yield Row(each.name, each.title, SUPERSTEP, each.target, found)
    for length in LENGTHS:
        if (LENGTH, f"{length}") in seconds:
            figures = {BY_HAND: seconds[LENGTH, f"{length}"] * MICRO}
            yield Row(LENGTH, f"left + right of {length:,}", "us", None, figures)
    for messages, target in ((THEIR_HISTORY, None), (HISTORY, 15.0)):
        if found := _of(seconds, READ, f" {messages}", MILLI):
            yield Row(READ, f"get_state after {messages:,}", "ms", target, found)
    yield from _rates(seconds)


def _rates(seconds: Seconds) -> Iterator[Row]:
    """Yield how many supersteps of many conversations are stored in a second."""
    for kind, target in RATES:
        for name in CLOCKS:
            figures = _of(seconds, AT_ONCE, f" {kind}{name}", 1.0)
            found = {library: 1 / figure for library, figure in figures.items()}
            if found:
                title = f"{CONVERSATIONS} conversations, SQLite, synchronous={kind}"
                unit = f"supersteps/s{name}"
                yield Row(AT_ONCE, title, unit, None if name else target, found, is_rate=True)


def growths(seconds: Seconds) -> Iterator[GrowthRow]:
    """Yield what storing adds in short and in long runs."""
    for each in STORED:
        few, many = _added(seconds, each, FEW), _added(seconds, each, MANY)
        figures = {name: Grown(few[name], many[name]) for name in few}
        if figures:
            title = f"supersteps of the run, {each.title}"
            yield GrowthRow(each.name, title, SUPERSTEP, FEW, MANY, 1.25, figures)


def _added(seconds: Seconds, each: Stored, messages: int) -> Figures:
    """Return what storing adds to a superstep, in microseconds."""
    alone = _of(seconds, ALONE[each.on_loop].name, f" {messages}", MICRO)
    stored = _of(seconds, each.name, f" {messages}", MICRO)
    return {name: stored[name] - alone[name] for name in stored if name in alone}


def _of(
    seconds: Seconds, benchmark: str, who: str, unit: float, names: Sequence[str] = NAMES
) -> Figures:
    """Return the figures of the libraries, or of others."""
    return {
        name: seconds[benchmark, name + who] * unit
        for name in names
        if (benchmark, name + who) in seconds
    }
