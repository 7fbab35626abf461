"""The simulated driver: no time passes, a seed decides, and waiting for ever is found."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio
import pytest

from graphflow._drive.simulated import SimulatedLoop, simulate
from graphflow.errors import SimulationStuck
from tests.drivers.backends import Graph, Node, chain, fan_out, made

HOUR: Final = 3600.0

Sleep = Callable[[float], Coroutine[Any, Any, object]]


def sleeps(hours: float, sleep: Sleep = asyncio.sleep) -> Node:
    """Return a node that sleeps for hours, and logs what the clock says then."""

    async def node(state: object) -> dict[str, list[float]]:
        await sleep(hours * HOUR)
        return {"log": [asyncio.get_running_loop().time() / HOUR]}

    return node


def log_of(graph: Graph) -> Any:  # noqa: ANN401 - whatever nodes have logged
    """Run a graph in a simulation; return its log."""

    async def main() -> Any:  # noqa: ANN401 - as above
        return (await graph.ainvoke({}))["log"]

    return simulate(main)


# ---------------------------------------------------------------------------------------- time


@pytest.mark.parametrize("sleep", [asyncio.sleep, anyio.sleep])
def test_an_hour_takes_no_time(sleep: Sleep) -> None:
    """A sleep moves the simulation's clock, and no other."""
    begun = time.monotonic()
    assert log_of(fan_out({"a": sleeps(1, sleep)})) == [1]
    assert time.monotonic() - begun < HOUR / 100


def test_the_clock_begins_at_nothing() -> None:
    """The time of a simulation does not depend on when it is made."""
    assert log_of(fan_out({"a": sleeps(0)})) == [0]


def test_sleeps_at_once_take_the_longest() -> None:
    """The nodes of a crew sleep side by side, and each sees the clock when it wakes."""
    assert log_of(fan_out({"a": sleeps(3), "b": sleeps(1), "c": sleeps(2)})) == [3, 1, 2]


def test_sleeps_after_each_other_add_up() -> None:
    """Each node of a chain begins when the one before it has slept."""
    assert log_of(chain({"first": sleeps(1), "last": sleeps(1)})) == [1, 2]


def test_sleepers_end_in_the_order_of_the_clock() -> None:
    """Who sleeps for a shorter time is shown first, whatever the seed."""
    graph = fan_out({"a": sleeps(3), "b": sleeps(1), "c": sleeps(2)})

    async def main() -> list[str]:
        return [name async for chunk in graph.astream({}) for name in chunk]

    assert {tuple(simulate(main, seed)) for seed in range(10)} == {("b", "c", "a")}


def test_timeouts_are_of_the_virtual_clock() -> None:
    """A timeout of a minute is met by a sleep of an hour, and not the other way round."""

    async def late(state: object) -> dict[str, list[float]]:
        with anyio.move_on_after(60):
            await asyncio.sleep(HOUR)
        async with asyncio.timeout(HOUR):
            await asyncio.sleep(60)
        return {"log": [asyncio.get_running_loop().time()]}

    assert log_of(fan_out({"a": late})) == [120]


# --------------------------------------------------------------------------------------- stuck


async def waits(state: object) -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("names", ["a", "abc"])
def test_waiting_for_ever_is_found(names: str) -> None:
    """A simulation in which nothing can happen any more says so."""
    with pytest.raises(SimulationStuck, match="every task of the simulation waits"):
        log_of(fan_out(dict.fromkeys(names, waits)))


def test_nodes_of_a_stuck_simulation_are_ended() -> None:
    """Whoever waits for ever is cancelled when the simulation ends."""
    ended: list[str] = []

    async def node(state: object) -> None:
        try:
            await waits(state)
        finally:
            ended.append("node")

    with pytest.raises(SimulationStuck):
        log_of(fan_out({"a": node, "b": node}))
    assert ended == ["node"] * 2


# --------------------------------------------------------------------------------------- threads


def test_executors_run_on_the_loop() -> None:
    """What is handed to a thread is called at once, in the simulation's own thread."""

    async def node(state: object) -> dict[str, list[int]]:
        loop = asyncio.get_running_loop()
        mine = await loop.run_in_executor(None, threading.get_ident)
        return {"log": [mine, await asyncio.to_thread(threading.get_ident)]}

    assert log_of(fan_out({"a": node})) == [threading.get_ident()] * 2


def test_executors_hand_on_errors() -> None:
    """What fails in an executor fails where it is awaited."""

    async def node(state: object) -> None:
        await asyncio.to_thread(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        log_of(fan_out({"a": node}))


def test_sync_nodes_take_no_time() -> None:
    """Sync nodes run on the loop, one after the other, whoever is first."""
    graph = fan_out(
        {name: made("sync", lambda _: {"log": [threading.get_ident()]}) for name in "ab"}
    )
    assert log_of(graph) == [threading.get_ident()] * 2


# ------------------------------------------------------------------------------------- the loop


def test_files_may_be_watched_in_vain() -> None:
    """The loop takes readers, as asyncio's own plumbing needs, and tells them nothing."""
    loop = SimulatedLoop()
    here, there = socket.socketpair()
    with here, there:
        loop.add_reader(here, lambda: None)
        there.send(b"x")
        loop.run_until_complete(asyncio.sleep(HOUR))
        assert loop.remove_reader(here)
    assert loop.time() == HOUR
    loop.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_callbacks_are_shuffled(seed: int) -> None:
    """What is ready at the same moment is not called in the order it was handed in."""
    order = order_of_callbacks(seed)
    assert sorted(order) == list(range(20)) != order


def test_callbacks_are_shuffled_by_the_seed() -> None:
    """Two loops of one seed order callbacks alike, of two seeds differently."""
    first, again, other = (order_of_callbacks(seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def order_of_callbacks(seed: int) -> list[int]:
    """Return the order in which twenty callbacks are called."""
    loop, order = SimulatedLoop(seed), list[int]()
    for number in range(20):
        loop.call_soon(order.append, number)
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    return order
