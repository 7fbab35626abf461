"""Nested runs that end before their time: all their nodes end first, and nothing is left."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from tests.drivers.backends import (
    ASYNCIO,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    Node,
    either,
    settle,
)
from tests.drivers.children import Way, beside, chain, fan, inside, nest
from tests.drivers.test_cancellation import (
    CONSUMERS,
    Consume,
    Ledger,
    assert_nothing_is_left,
    at_every_point,
    by_scope,
    by_task,
)
from tests.drivers.test_ending import Sleepers

on_asyncio: Final = pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
on_loops: Final = pytest.mark.parametrize("way", ["node", "ainvoke", "astream"])
"""The ways whose children run on the caller's event loop."""


# ----------------------------------------------------------------------- cancelled at every point


def lone(ledger: Ledger, way: Way) -> Graph:
    """Return a child with one node."""
    return nest(way, 1, chain(None, {"a": ledger.node("a")}))


def deep(ledger: Ledger, way: Way) -> Graph:
    """Return a child in a child in a child."""
    return nest(way, 3, chain(None, {name: ledger.node(name) for name in "ab"}))


def wide(ledger: Ledger, way: Way) -> Graph:
    """Return two children at once with two nodes each, beside a node."""
    child = inside(way, fan(None, {name: ledger.node(name) for name in "ab"}))
    return fan(None, {"c": child, "d": child, "e": ledger.node("e")})


SHAPES: Final[Mapping[str, Callable[[Ledger, Way], Graph]]] = {
    "lone": lone,
    "deep": deep,
    "wide": wide,
}


async def read_all(graph: Graph) -> None:
    """Read everything of all levels, and take a moment over each."""
    modes: Any = ["values", "updates", "custom", "tasks"]
    async with graph.astream({}, stream_mode=modes, subgraphs=True) as stream:
        async for _ in stream:
            await anyio.lowlevel.checkpoint()


READERS: Final[Mapping[str, Consume]] = {"invoke": CONSUMERS["invoke"], "all": read_all}


@on_loops
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reader", READERS)
def test_a_cancelled_scope_leaves_nothing(
    loop: LoopDriver, shape: str, reader: str, way: Way
) -> None:
    """Whenever the scope around the reader is cancelled, at any level."""

    async def body(turns: int) -> bool:
        ledger = Ledger()
        ended = await by_scope(READERS[reader], SHAPES[shape](ledger, way), turns)
        await assert_nothing_is_left(ledger)
        return ended

    assert at_every_point(loop, body)


@on_asyncio
@on_loops
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reader", READERS)
def test_a_cancelled_task_leaves_nothing(
    loop: LoopDriver, shape: str, reader: str, way: Way
) -> None:
    """Whenever the task of the reader is cancelled, at any level."""

    async def body(turns: int) -> bool:
        ledger = Ledger()
        ended = await by_task(READERS[reader], SHAPES[shape](ledger, way), turns)
        await assert_nothing_is_left(ledger)
        return ended

    assert at_every_point(loop, body)


@on_loops
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_may_be_left_at_every_chunk(loop: LoopDriver, shape: str, way: Way) -> None:
    """Of whatever level that is."""

    async def body(count: int) -> bool:
        ledger = Ledger()
        modes: Any = ["values", "updates", "custom", "tasks"]
        options: Any = {"stream_mode": modes, "subgraphs": True}
        ended = True
        async with SHAPES[shape](ledger, way).astream({}, **options) as stream:
            read = 0
            async for _ in stream:
                read += 1
                if read > count:
                    ended = False
                    break
        await assert_nothing_is_left(ledger)
        return ended

    assert at_every_point(loop, body)


# -------------------------------------------------------------------------------- left, or failed


class Beds(Sleepers):
    """Nodes that sleep in children until they are cancelled."""

    def child(self, names: str = "ab") -> Graph:
        """Return a graph of these, to be run inside another."""
        return fan(None, {name: self.node(name) for name in names})

    def waits(self, kind: Kind, *, fails: bool = False) -> Node:
        """Return a node that ends, or fails, when one of these sleeps."""

        async def node(_: object) -> None:
            await self.asleep.passed()
            if fails:
                raise ZeroDivisionError

        return either(kind, node)


@beside
def test_leaving_the_stream_ends_children(driver: Driver, kind: Kind, way: Way) -> None:
    """All of their nodes, two levels down, before the block is left."""
    beds = Beds()
    nodes = {"a": inside(way, nest(way, 1, beds.child())), "b": beds.waits(kind)}
    driver.leave(fan(None, nodes), lambda _: None)
    assert beds.all_ended
    assert beds.entered


@beside
def test_a_failure_beside_children_ends_them(driver: Driver, kind: Kind, way: Way) -> None:
    """Before it is raised."""
    beds = Beds()
    nodes = {"a": inside(way, nest(way, 1, beds.child())), "b": beds.waits(kind, fails=True)}
    with pytest.raises(ZeroDivisionError) as raised:
        driver.run(fan(None, nodes))
    assert raised.value.__notes__ == ["in node 'b', superstep 1"]
    assert beds.all_ended


@beside
def test_a_failure_in_a_child_ends_all_others(driver: Driver, kind: Kind, way: Way) -> None:
    """Its siblings, other children, and nodes of the parent."""
    beds = Beds()
    fails = chain(None, {"in": fan(None, {"x": beds.waits(kind, fails=True), "y": beds.node("y")})})
    nodes = {
        "a": inside(way, beds.child("st")),
        "b": inside(way, fails),
        "c": beds.node("c"),
    }
    with pytest.raises(ZeroDivisionError) as raised:
        driver.run(fan(None, nodes))
    notes = [f"in node {name!r}, superstep 1" for name in ("x", "in", "b")]
    assert raised.value.__notes__ == notes
    assert beds.all_ended


@on_loops
def test_a_node_may_give_its_child_up(loop: LoopDriver, way: Way) -> None:
    """A timeout inside the node ends the child, and the node goes on."""
    beds = Beds()
    child = nest(way, 1, beds.child())

    async def node(_: object) -> dict[str, list[str]]:
        with anyio.move_on_after(0.01) as scope:
            await child.ainvoke({})
        assert scope.cancelled_caught
        assert beds.all_ended
        return {"log": ["went on"]}

    assert loop.run(chain(None, {"n": node})) == {"log": ["went on"]}


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_node_may_leave_the_stream_of_its_child(driver: Driver, way: Way) -> None:
    """That ends the child's nodes, and the node goes on."""
    beds = Beds()
    child = fan(None, {"sleeper": beds.node("sleeper"), "quick": beds.waits("async")})

    async def node(_: object) -> dict[str, list[Any]]:
        async with child.astream({}) as stream:
            chunk = await anext(stream)
        assert beds.all_ended
        return {"log": [chunk]}

    def node_sync(_: object) -> dict[str, list[Any]]:
        with child.stream({}) as stream:
            chunk = next(stream)
        assert beds.all_ended
        return {"log": [chunk]}

    graph = chain(None, {"n": node if way == "astream" else node_sync})
    assert driver.run(graph) == {"log": [{"quick": None}]}


@on_asyncio
def test_a_second_cancel_waits_for_children_too(loop: LoopDriver) -> None:
    """Cancelled again while they clean up, the run still waits for them."""
    beds = Beds()
    slow = fan(None, {name: beds.node(name, turns=100) for name in "ab"})

    async def body() -> None:
        task = asyncio.create_task(nest("node", 2, slow).ainvoke({}))
        await beds.asleep.passed()
        for _ in range(3):
            task.cancel()
            await settle(5)
        assert not task.done()
        await asyncio.wait([task])
        assert task.cancelled()
        assert beds.all_ended

    loop.main(body)
