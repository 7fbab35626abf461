"""Ways to run a conversation that is stored: each makes the Work of one benchmark.

A pass has a store of its own, opened and closed off the clock. After it the thread is read back:
a benchmark that stops storing gets fast.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, TypeVar

from benchmarks import stored_savers, stored_threads
from benchmarks.library import Graph, Library
from benchmarks.stored_savers import Kind
from benchmarks.stored_talk import (
    HERE,
    SYNC,
    nothing,
    on,
    say,
    say_and_sleep,
    say_now,
    talk,
)
from benchmarks.work import Work, WrongResultError

T = TypeVar("T")

READINGS = 4
"""How often a pass reads a thread."""


def through(library: Library, messages: int, kind: Kind | None, *, on_loop: bool) -> Work:
    """Time a whole run of a new thread, or one that nothing stores if no kind is given."""

    @asynccontextmanager
    async def stage() -> AsyncGenerator[Graph, None]:
        async with _fresh(library, kind, on_loop=on_loop) as saver:
            graph = talk(library, messages, saver, say if on_loop else say_now)
            yield graph
            if kind is not None:
                await _check(graph, HERE, messages, on_loop=on_loop)

    async def act(graph: Graph) -> int:
        given, options = nothing(), {} if kind is None else {"durability": SYNC}
        if on_loop:
            return len((await graph.ainvoke(given, HERE, **options))["messages"])
        return len(graph.invoke(given, HERE, **options)["messages"])

    work = staged(messages, messages, stage, act)
    return work if on_loop else replace(work, backend="none")


def at_once(
    library: Library,
    conversations: int,
    messages: int,
    kind: Kind,
    clock: Callable[[], float] = process_time,
) -> Work:
    """Time so many conversations together, all in one store."""
    configs = [on(f"conversation {number}") for number in range(conversations)]

    @asynccontextmanager
    async def stage() -> AsyncGenerator[Graph, None]:
        async with _fresh(library, kind, on_loop=True) as saver:
            graph = talk(library, messages, saver, say_and_sleep)
            yield graph
            for config in configs:
                await _check(graph, config, messages, on_loop=True)

    async def act(graph: Graph) -> int:
        runs = (graph.ainvoke(nothing(), config, durability=SYNC) for config in configs)
        return sum(len(state["messages"]) for state in await asyncio.gather(*runs))

    units = conversations * messages
    return replace(staged(units, units, stage, act), clock=clock)


def read(library: Library, messages: int) -> Work:
    """Time `get_state` of a thread of so many messages, in a file."""
    file = stored_threads.in_file(library, messages)

    @asynccontextmanager
    async def stage() -> AsyncGenerator[Graph, None]:
        async with stored_savers.opened(library, "normal", file.path, on_loop=False) as saver:
            yield talk(library, messages, saver)

    async def act(graph: Graph) -> int:
        return sum(len(graph.get_state(HERE).values["messages"]) for _ in range(READINGS))

    return replace(staged(READINGS, READINGS * messages, stage, act), backend="none")


def staged(
    units: int,
    expected: int,
    stage: Callable[[], AbstractAsyncContextManager[T]],
    act: Callable[[T], Awaitable[int]],
) -> Work:
    """Make work that needs something around it, which is entered and left off the clock."""
    stack = AsyncExitStack()
    entered: list[T] = []

    async def ready() -> None:
        entered.append(await stack.enter_async_context(stage()))

    async def run() -> int:
        return await act(entered[0])

    async def tidy() -> None:
        entered.clear()
        await stack.aclose()

    return Work(units, expected, run, ready, tidy)


@asynccontextmanager
async def _fresh(
    library: Library, kind: Kind | None, *, on_loop: bool
) -> AsyncGenerator[object, None]:
    """Give a saver with nothing in it, or None."""
    if kind is None:
        yield None
        return
    with TemporaryDirectory(prefix=stored_threads.FOLDERS) as folder:
        path = Path(folder, "store.db")
        async with stored_savers.opened(library, kind, path, on_loop=on_loop) as saver:
            yield saver


async def _check(graph: Graph, config: dict[str, Any], messages: int, *, on_loop: bool) -> None:
    """Raise if a thread does not have so many messages."""
    state = await graph.aget_state(config) if on_loop else graph.get_state(config)
    seen = len(state.values["messages"])
    if seen != messages:
        raise WrongResultError(messages, seen)
