"""Nodes that do not behave: the run around them ends all the same, and harms nobody."""

import asyncio
import selectors
from typing import Final

import anyio
import anyio.lowlevel
import pytest

from tests.drivers.backends import (
    ASYNCIO,
    NOTHING,
    Driver,
    Gate,
    LoopDriver,
    Node,
    fan_out,
    says,
    settle,
    sizes,
)

on_asyncio: Final = pytest.mark.parametrize("loop", ASYNCIO, indirect=True)


def stubborn(asleep: Gate, ended: list[str]) -> Node:
    """Return a node that swallows the first cancel."""

    async def node(state: object) -> dict[str, list[str]]:
        try:
            asleep.open()
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            await anyio.lowlevel.checkpoint()
        ended.append("stubborn")
        return {"log": ["went on"]}

    return node


@on_asyncio
def test_a_lone_node_that_swallows_a_cancel_goes_on(loop: LoopDriver) -> None:
    """It is awaited in the caller's task, and does there what any coroutine would do."""
    asleep = Gate()

    async def body() -> object:
        task = asyncio.create_task(fan_out({"a": stubborn(asleep, [])}).ainvoke({}))
        await asleep.passed()
        task.cancel()
        return await task

    assert loop.main(body) == {"log": ["went on"]}


@on_asyncio
def test_a_crew_is_cancelled_though_a_node_swallows_it(loop: LoopDriver) -> None:
    """The run waits for the stubborn node, and then is cancelled."""
    asleep, ended = Gate(), list[str]()

    async def body() -> bool:
        nodes = {"a": stubborn(asleep, ended), "b": stubborn(asleep, ended)}
        task = asyncio.create_task(fan_out(nodes).ainvoke({}))
        await settle()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert loop.main(body)
    assert ended == ["stubborn"] * 2


@pytest.mark.parametrize("driver", ["threads", *ASYNCIO], indirect=True)
def test_a_failing_sibling_waits_for_a_stubborn_node(driver: Driver) -> None:
    """The error reaches the caller though another node swallows its cancel."""
    asleep, ended = Gate(), list[str]()

    async def fails(state: object) -> None:
        await asleep.passed()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        driver.run(fan_out({"a": stubborn(asleep, ended), "b": fails}))
    assert ended == ["stubborn"]


@pytest.mark.parametrize("driver", ["threads", *ASYNCIO], indirect=True)
def test_a_member_that_cancels_itself_has_failed(driver: Driver) -> None:
    """In a crew a node's task is its own, and cancelling it is a failure of the node's."""

    async def cancels_itself(state: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await anyio.sleep_forever()

    async def sleeps(state: object) -> None:
        await anyio.sleep_forever()

    with pytest.raises(asyncio.CancelledError) as caught:
        driver.run(fan_out({"a": cancels_itself, "b": sleeps}))
    assert caught.value.__notes__ == ["in node 'a', superstep 1"]


def test_a_scope_that_a_member_leaks_hits_nobody(loop: LoopDriver) -> None:
    """In a crew a node's scopes are its own, so one that it never leaves harms only itself."""

    async def body() -> str:
        scope = anyio.CancelScope()

        async def leaks(state: object) -> None:
            scope.__enter__()
            await anyio.lowlevel.checkpoint()

        await fan_out({"a": leaks, "b": says("async")}).ainvoke({})
        scope.cancel()
        await settle()
        return "unharmed"

    assert loop.main(body) == "unharmed"


class CountingSelector(selectors.DefaultSelector):
    """Counts how often an event loop asks it, which is once a turn."""

    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Count, and do it."""
        self.turns += 1
        return super().select(timeout)


@sizes
def test_ending_does_not_spin(names: str) -> None:
    """While a cancelled run waits for nodes that clean up, the event loop sleeps."""
    selector = CountingSelector()

    async def node(state: object) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.05)

    async def main() -> int:
        before = 0
        async with anyio.create_task_group() as group:
            group.start_soon(fan_out(dict.fromkeys(names, node)).ainvoke, NOTHING)
            await settle()
            before = selector.turns
            group.cancel_scope.cancel()
        return selector.turns - before

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        assert runner.run(main()) < 50
