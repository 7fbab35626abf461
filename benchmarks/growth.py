"""What must not grow: the same superstep in a small and a large surrounding, and live objects."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import graphs, ways
from benchmarks.library import Graph, Library
from benchmarks.measure import run_on
from benchmarks.work import Work

SUPERSTEPS = 100
GONE_BY_SUPERSTEPS = 1000
ZERO = {"n": 0}


@dataclass(frozen=True, slots=True)
class Growth:
    """One thing that a superstep's cost must not depend on.

    Attributes:
        name: What the command line takes.
        title: What the table says.
        small: The small surrounding.
        large: The large one.
        prepare: Makes the work for a library in a surrounding of that size.
        limit: How many times the small figure the large one may be.
    """

    name: str
    title: str
    small: int
    large: int
    prepare: Callable[[Library, int], Work]
    limit: float = 1.1


@dataclass(frozen=True, slots=True)
class Grown:
    """Figures of one library in a small and in a large surrounding."""

    small: float
    large: float

    @property
    def factor(self) -> float:
        """How many times the small figure the large one is; from nothing, as if from one."""
        return self.large / self.small if self.small else max(self.large, 1.0)


def _length(library: Library, length: int) -> Work:
    return ways.streamed(graphs.chain(library, length), ZERO, length)


def _nodes(library: Library, unrelated: int) -> Work:
    graph = graphs.loop(library, SUPERSTEPS + 2, unrelated)
    return ways.window(graph, ZERO, 1, SUPERSTEPS)


def _channels(library: Library, unread: int) -> Work:
    keys = unread + 2
    graph = graphs.narrow_readers(library, SUPERSTEPS + 2, keys)
    return ways.window(graph, graphs.wide_given(keys), 1, SUPERSTEPS)


def _gone_by(library: Library, supersteps: int) -> Work:
    graph = graphs.loop(library, supersteps + GONE_BY_SUPERSTEPS + 2)
    return ways.window(graph, ZERO, supersteps, GONE_BY_SUPERSTEPS)


GROWTHS = (
    Growth("length", "nodes of the chain itself", 100, 3000, _length),
    Growth("nodes", "unrelated nodes", 10, 1000, _nodes),
    Growth("channels", "channels the node does not read", 10, 1000, _channels),
    Growth("gone-by", "supersteps gone by", 100, 10_000, _gone_by),
)


def objects_in_a_run(library: Library, small: int, large: int) -> Grown:
    """Count the objects alive in the middle of one run, after few and after many supersteps."""
    graph = graphs.loop(library, large + 2)
    _run_out(graph, {"n": large})  # what a library makes once, at a first run, is not counted
    counts: list[int] = []

    async def run() -> None:
        seen = 0
        async for _ in graph.astream(ZERO, ways.NO_LIMIT, stream_mode="updates"):
            seen += 1
            if seen in (small, large):
                counts.append(_live_objects())

    _from_nothing(lambda: run_on("asyncio", run))
    return Grown(*counts)


def objects_left(library: Library, small: int, large: int) -> Grown:
    """Count the objects that a short and a long run leave behind, the graph still being held."""
    graph = graphs.loop(library, large)
    short, long = {"n": large - small}, ZERO
    _run_out(graph, short)  # what a library makes once, at a first run, is not counted
    return Grown(_left_by(graph, short), _left_by(graph, long))


def _left_by(graph: Graph, given: ways.Given) -> int:
    """Count the objects that a run of the graph leaves behind."""
    return _from_nothing(lambda: _run_out(graph, given))


def _run_out(graph: Graph, given: ways.Given) -> None:
    """Run the graph to its end, on a loop that stays no longer."""

    async def run() -> None:
        async for _ in graph.astream(given, ways.NO_LIMIT, stream_mode="updates"):
            pass

    run_on("asyncio", run)


def _from_nothing(act: Callable[[], None]) -> int:
    """Count the objects alive after `act` that were not before it."""
    gc.collect()
    gc.freeze()
    try:
        act()
        return _live_objects()
    finally:
        gc.unfreeze()


def _live_objects() -> int:
    """Count what the collector knows and has not frozen."""
    gc.collect()
    return len(gc.get_objects())
