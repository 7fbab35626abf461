"""The same work written with plain awaits: what a user pays who needs no graph at all."""

import asyncio
from importlib import import_module
from typing import Any

from benchmarks import graphs
from benchmarks.graphs import Counter, Gathered
from benchmarks.work import Backend, Work


def chain(length: int, backend: Backend = "asyncio") -> Work:
    """Await one node after the other and apply what it returns."""
    nodes = [graphs.count] * length

    async def run() -> int:
        state: Counter = {"n": 0}
        for node in nodes:
            state.update(await node(state))
        return state["n"]

    return Work(length, length, run, backend=backend)


def sync_chain(length: int) -> Work:
    """Call one node after the other and apply what it returns."""
    nodes = [graphs.count_now] * length

    async def run() -> int:
        state: Counter = {"n": 0}
        for node in nodes:
            state.update(node(state))
        return state["n"]

    return Work(length, length, run, backend="none")


def loop(turns: int) -> Work:
    """Await two nodes by turns until a function says that it is enough."""

    def again(state: Counter) -> bool:
        return state["n"] < turns

    async def run() -> int:
        state: Counter = {"n": 0}
        while again(state):
            state.update(await graphs.count(state))
            state.update(await graphs.count(state))
        return state["n"]

    return Work(turns, turns, run)


def fan_out(items: int, backend: Backend = "asyncio") -> Work:
    """Gather one coroutine an item."""

    async def run() -> int:
        parts = await asyncio.gather(*(graphs.take({"item": index}) for index in range(items)))
        done: list[int] = []
        for part in parts:
            done += part["done"]
        return len(done)

    return Work(items, items, run, backend=backend)


def fan_out_on_trio(items: int) -> Work:
    """Start one child of a nursery an item."""
    trio: Any = import_module("trio")

    async def run() -> int:
        done: list[int] = []

        async def child(index: int) -> None:
            part: Gathered = await graphs.take({"item": index})
            done.extend(part["done"])

        async with trio.open_nursery() as nursery:
            for index in range(items):
                nursery.start_soon(child, index)
        return len(done)

    return Work(items, items, run, backend="trio")


def wide(length: int, keys: int) -> Work:
    """Await one node after the other, each given a copy of a wide state."""
    nodes = [graphs.wide_node(keys)] * length
    last = f"k{keys - 1}"

    async def run() -> int:
        state = graphs.wide_given(keys)
        for node in nodes:
            update = await node(state.copy())
            update[last] += state[last]
            state.update(update)
        return state[last] - (keys - 1)

    return Work(length, length, run)


def at_once(runs: int, supersteps: int) -> Work:
    """Gather runs that await so many sleeping nodes each."""

    async def one() -> int:
        state: Counter = {"n": 0}
        for _ in range(supersteps):
            state.update(await graphs.count_and_sleep(state))
        return state["n"]

    async def run() -> int:
        return sum(await asyncio.gather(*(one() for _ in range(runs))))

    return Work(runs, runs * supersteps, run)


def tasks_one_by_one(tasks: int) -> Work:
    """Create a task that does nothing and await it, then the next one."""

    async def run() -> int:
        for _ in range(tasks):
            await asyncio.create_task(_nothing())
        return tasks

    return Work(tasks, tasks, run)


def tasks_in_a_batch(tasks: int) -> Work:
    """Create tasks that do nothing, then await them: the loop's own turn is shared by all."""

    async def run() -> int:
        created = [asyncio.create_task(_nothing()) for _ in range(tasks)]
        for task in created:
            await task
        return len(created)

    return Work(tasks, tasks, run)


async def _nothing() -> None:
    """Do what the cheapest task does."""
