"""Cancelled at every point where it waits, a run leaves no task, no thread's token and no event."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from graphflow import get_stream_writer
from tests.drivers.backends import (
    ASYNCIO,
    Graph,
    LoopDriver,
    Node,
    chain,
    fan_out,
    settle,
)

TURNS: Final = 200
"""More turns of the event loop than any run here takes."""


@dataclass
class Ledger:
    """What the nodes of one run did, and whether one did anything after the run was over."""

    entered: int = 0
    left: int = 0
    over: bool = False
    late: list[str] = field(default_factory=list[str])

    def note(self, what: str) -> None:
        """Take down what happened too late."""
        if self.over:
            self.late.append(what)

    def node(self, name: str) -> Node:
        """Return a node that waits six times, twice of it while it cleans up."""

        async def node(state: object) -> dict[str, list[str]]:
            self.entered += 1
            writer = get_stream_writer()
            try:
                for turn in range(4):
                    self.note(f"{name} {turn}")
                    writer(turn)
                    await anyio.lowlevel.checkpoint()
            finally:
                try:
                    with anyio.CancelScope(shield=True):
                        await settle(2)
                finally:  # asyncio's own cancel passes the shield
                    self.note(f"{name} left")
                    self.left += 1
            return {"log": [name]}

        return node


Shape: TypeAlias = Callable[[Ledger], Graph]

SHAPES: Final[dict[str, Shape]] = {
    "lone": lambda ledger: fan_out({"a": ledger.node("a")}),
    "chain": lambda ledger: chain({name: ledger.node(name) for name in "abc"}),
    "crew": lambda ledger: fan_out({name: ledger.node(name) for name in "abc"}),
}

Consume: TypeAlias = Callable[[Graph], Coroutine[Any, Any, None]]


async def invoked(graph: Graph) -> None:
    """Run without looking."""
    await graph.ainvoke({})


async def read(graph: Graph) -> None:
    """Read updates, and take a moment over each."""
    async with graph.astream({}) as stream:
        async for _ in stream:
            await anyio.lowlevel.checkpoint()


async def read_live(graph: Graph) -> None:
    """Read everything, and take a moment over each."""
    async with graph.astream({}, stream_mode=["values", "updates", "custom"]) as stream:
        async for _ in stream:
            await anyio.lowlevel.checkpoint()


CONSUMERS: Final[dict[str, Consume]] = {"invoke": invoked, "updates": read, "live": read_live}


async def by_scope(consumer: Consume, graph: Graph, turns: int) -> bool:
    """Cancel the scope around a consumer after some turns; return whether it ended before."""
    ended: list[bool] = []

    async def consume() -> None:
        await consumer(graph)
        ended.append(True)

    async with anyio.create_task_group() as group:
        group.start_soon(consume)
        await settle(turns)
        group.cancel_scope.cancel()
    return bool(ended)


async def by_task(consumer: Consume, graph: Graph, turns: int) -> bool:
    """Cancel the task of a consumer after some turns; return whether it ended before."""
    task = asyncio.create_task(consumer(graph))
    await settle(turns)
    task.cancel()
    await asyncio.wait([task])
    return not task.cancelled()


async def assert_nothing_is_left(ledger: Ledger) -> None:
    """See to it that every node that began has ended, and that nothing more happens."""
    ledger.over = True
    assert ledger.left == ledger.entered
    await settle(10)
    assert ledger.late == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_cancelled_scope_leaves_nothing(loop: LoopDriver, shape: str, consumer: str) -> None:
    """Whenever the scope around the consumer is cancelled, all nodes that began have ended."""

    async def body(turns: int) -> bool:
        ledger = Ledger()
        ended = await by_scope(CONSUMERS[consumer], SHAPES[shape](ledger), turns)
        await assert_nothing_is_left(ledger)
        return ended

    assert at_every_point(loop, body)


@pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_cancelled_task_leaves_nothing(loop: LoopDriver, shape: str, consumer: str) -> None:
    """Whenever the task of the consumer is cancelled, all nodes that began have ended."""

    async def body(turns: int) -> bool:
        ledger = Ledger()
        ended = await by_task(CONSUMERS[consumer], SHAPES[shape](ledger), turns)
        await assert_nothing_is_left(ledger)
        return ended

    assert at_every_point(loop, body)


def at_every_point(loop: LoopDriver, body: Callable[[int], Coroutine[Any, Any, bool]]) -> bool:
    """Run a body with 0, 1, 2, ... turns until it says that the cancel came too late."""
    for turns in range(TURNS):

        async def at_this_point(turns: int = turns) -> bool:
            return await body(turns)

        if loop.main(at_this_point):
            return turns > 3  # a run of fewer turns would prove nothing
    return False
