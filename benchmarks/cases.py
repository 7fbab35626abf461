"""The table: what is measured, in which unit, and what it may cost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks import byhand, graphs, ways
from benchmarks.library import Library
from benchmarks.work import Backend, Work

KEYS = 100
NODES_OF_A_RUN = 5
EVERY_MODE = ["updates", "values", "custom"]
ZERO = {"n": 0}


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table.

    Attributes:
        name: What the command line takes.
        title: What the table says.
        unit: What the figure is for one of.
        target: Microseconds of CPU that graphflow may take for a unit; None where nothing is asked.
        size: How many supersteps, items, runs or nodes one pass has.
        prepare: Makes the work for a library and a size.
        by_hand: Makes the same work without a library.
        backend: The event loop it runs on.
    """

    name: str
    title: str
    unit: str
    target: float | None
    size: int
    prepare: Callable[[Library, int], Work]
    by_hand: Callable[[int], Work] | None = None
    backend: Backend = "asyncio"


def _chain(library: Library, size: int, backend: Backend = "asyncio") -> Work:
    return ways.streamed(graphs.chain(library, size), ZERO, size, backend=backend)


def _loop(library: Library, size: int) -> Work:
    return ways.streamed(graphs.loop(library, size), ZERO, size)


def _branches(library: Library, size: int) -> Work:
    return ways.streamed(graphs.branches(library, size), ZERO, size)


def _fan_out(library: Library, size: int, backend: Backend = "asyncio") -> Work:
    return ways.streamed(graphs.fan_out(library, size), {"done": []}, size, backend=backend)


def _children(library: Library, size: int, length: int) -> Work:
    graph = graphs.children(library, size, length)
    return ways.gathered(graph, size, size // length)


def _wide(library: Library, size: int) -> Work:
    return ways.streamed(graphs.wide(library, size, KEYS), graphs.wide_given(KEYS), size)


def _at_once(library: Library, size: int) -> Work:
    graph = graphs.chain(library, NODES_OF_A_RUN, graphs.count_and_sleep)
    return ways.at_once(graph, size, NODES_OF_A_RUN)


def _first_event(library: Library, size: int) -> Work:
    return ways.first_event(graphs.chain(library, size))


def _sync_chain(library: Library, size: int) -> Work:
    return ways.invoked_now(graphs.chain(library, size, graphs.count_now), size)


def _invoked(library: Library, size: int) -> Work:
    return ways.invoked(graphs.chain(library, size), size)


def _values(library: Library, size: int) -> Work:
    graph = graphs.chain(library, size)
    return ways.streamed(graph, ZERO, size, modes="values", chunks=size + 1)


def _custom_unused(library: Library, size: int) -> Work:
    return ways.streamed(graphs.chain(library, size), ZERO, size, modes="custom", chunks=0)


def _custom(library: Library, size: int) -> Work:
    return ways.streamed(graphs.talking_chain(library, size), ZERO, size, modes="custom")


def _every_mode(library: Library, size: int) -> Work:
    graph = graphs.talking_chain(library, size)
    return ways.streamed(graph, ZERO, size, modes=EVERY_MODE, chunks=3 * size + 1)


def _chain_on(backend: Backend) -> Callable[[Library, int], Work]:
    return partial(_chain, backend=backend)


CHAIN = Case("chain", "chain of 100", "superstep", 5, 100, _chain, byhand.chain)

CASES = (
    CHAIN,
    Case("chain-3000", "chain of 3,000", "superstep", 5.5, 3000, _chain, byhand.chain),
    Case("loop", "loop with a branch", "superstep", 6, 100, _loop, byhand.loop),
    Case("fan-out", "fan-out of 100", "item", 6, 100, _fan_out, byhand.fan_out),
    Case("fan-out-10000", "fan-out of 10,000", "item", 8, 10_000, _fan_out, byhand.fan_out),
    Case(
        "children",
        "Sends to 100 graphs of 10 nodes",
        "inner superstep",
        6,
        1000,
        partial(_children, length=10),
    ),
    Case(
        "children-5",
        "Sends to 100 graphs of 5 nodes",
        "inner superstep",
        None,
        500,
        partial(_children, length=5),
    ),
    Case(
        "wide", "wide state, 100 keys", "superstep", 15, 100, _wide, partial(byhand.wide, keys=KEYS)
    ),
    Case(
        "runs",
        "1,000 runs of 5 nodes at once",
        "run",
        50,
        1000,
        _at_once,
        partial(byhand.at_once, supersteps=NODES_OF_A_RUN),
    ),
    Case("first-event", "first event of 1,000 nodes", "stream", 15, 1000, _first_event),
    Case("build", "build and compile", "node", 5, 300, ways.built, backend="none"),
    Case(
        "sync",
        "sync chain of 100, invoke",
        "superstep",
        4,
        100,
        _sync_chain,
        byhand.sync_chain,
        "none",
    ),
    Case("ainvoke", "chain, ainvoke", "superstep", None, 100, _invoked, byhand.chain),
    Case("branches", "loop, a branch every superstep", "superstep", None, 100, _branches),
    Case("values", "chain, values", "superstep", None, 100, _values, byhand.chain),
    Case("custom-unused", "chain, custom, nobody writes", "superstep", None, 100, _custom_unused),
    Case("custom", "chain, custom, one chunk each", "superstep", None, 100, _custom),
    Case("every-mode", "chain, updates + values + custom", "superstep", None, 100, _every_mode),
    Case(
        "uvloop-chain",
        "uvloop: chain of 100",
        "superstep",
        None,
        100,
        _chain_on("uvloop"),
        partial(byhand.chain, backend="uvloop"),
        "uvloop",
    ),
    Case(
        "uvloop-fan-out",
        "uvloop: fan-out of 100",
        "item",
        None,
        100,
        partial(_fan_out, backend="uvloop"),
        partial(byhand.fan_out, backend="uvloop"),
        "uvloop",
    ),
    # Last: from the first of them on, trio is in memory, and everybody asks which loop this is.
    Case(
        "trio-chain",
        "trio: chain of 100",
        "superstep",
        None,
        100,
        _chain_on("trio"),
        partial(byhand.chain, backend="trio"),
        "trio",
    ),
    Case(
        "trio-fan-out",
        "trio: fan-out of 100",
        "item",
        None,
        100,
        partial(_fan_out, backend="trio"),
        byhand.fan_out_on_trio,
        "trio",
    ),
)
