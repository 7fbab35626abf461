"""Ways to run a graph: each makes the Work of one benchmark."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from benchmarks import graphs
from benchmarks.library import Graph, Library
from benchmarks.work import Backend, Work

Given = dict[str, Any]
Modes = str | list[str]

FIRST_EVENTS = 20
"""Streams opened in one pass of `first_event`, so that the clock's own cost is spread."""

NO_LIMIT = {"recursion_limit": 1_000_000}


def streamed(  # noqa: PLR0913 - the keyword-only ones say how this case differs from the usual one
    graph: Graph,
    given: Given,
    units: int,
    *,
    modes: Modes = "updates",
    chunks: int | None = None,
    backend: Backend = "asyncio",
) -> Work:
    """Take every chunk of `astream`; there must be `chunks` of them, or one a unit."""

    async def run() -> int:
        seen = 0
        async for _ in graph.astream(given, stream_mode=modes):
            seen += 1
        return seen

    return Work(units, units if chunks is None else chunks, run, backend=backend)


def invoked(graph: Graph, units: int) -> Work:
    """Await `ainvoke` of a graph that counts its supersteps in "n"."""

    async def run() -> int:
        counted: int = (await graph.ainvoke({"n": 0}))["n"]
        return counted

    return Work(units, units, run)


def gathered(graph: Graph, units: int, items: int) -> Work:
    """Await `ainvoke` of a graph that leaves its items in "done"."""

    async def run() -> int:
        done: list[int] = (await graph.ainvoke({"done": []}))["done"]
        return len(done)

    return Work(units, items, run)


def invoked_now(graph: Graph, units: int) -> Work:
    """Call `invoke`, on no event loop, of a graph that counts its supersteps in "n"."""

    async def run() -> int:
        counted: int = graph.invoke({"n": 0})["n"]
        return counted

    return Work(units, units, run, backend="none")


def at_once(graph: Graph, runs: int, supersteps: int) -> Work:
    """Await so many runs of one graph together."""

    async def run() -> int:
        states = await asyncio.gather(*(graph.ainvoke({"n": 0}) for _ in range(runs)))
        return sum(state["n"] for state in states)

    return Work(runs, runs * supersteps, run)


def first_event(graph: Graph) -> Work:
    """Call `astream` and take the first chunk; close the streams off the clock."""
    opened: list[AsyncGenerator[Any, None]] = []

    async def run() -> int:
        for _ in range(FIRST_EVENTS):
            stream = graph.astream({"n": 0}, stream_mode="updates")
            await anext(stream)
            opened.append(stream)
        return len(opened)

    async def tidy() -> None:
        while opened:
            await opened.pop().aclose()

    return Work(FIRST_EVENTS, FIRST_EVENTS, run, tidy=tidy)


def built(library: Library, nodes: int) -> Work:
    """Build a graph and compile it."""

    async def run() -> int:
        graphs.build_only(library, nodes)
        return nodes

    return Work(nodes, nodes, run, backend="none")


def window(graph: Graph, given: Given, gone_by: int, supersteps: int) -> Work:
    """Time so many supersteps out of the middle of a run.

    What a run does once, at its start and its end, is off the clock.
    """
    opened: list[AsyncGenerator[Any, None]] = []

    async def ready() -> None:
        opened.append(graph.astream(given, NO_LIMIT, stream_mode="updates"))
        await _take(opened[0], gone_by)

    async def run() -> int:
        return await _take(opened[0], supersteps)

    async def tidy() -> None:
        await opened.pop().aclose()

    return Work(supersteps, supersteps, run, ready, tidy)


async def _take(stream: AsyncGenerator[Any, None], chunks: int) -> int:
    """Take so many chunks, or all that are left."""
    seen = 0
    if chunks:
        async for _ in stream:
            seen += 1
            if seen == chunks:
                break
    return seen
