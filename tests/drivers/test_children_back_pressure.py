"""Back-pressure through levels: a child is held where it is, loses nothing, and is let go."""

from typing import Any, Final

import pytest

from graphflow import END, START, get_stream_writer
from graphflow._drive.stepping import BUFFER
from tests.drivers.backends import (
    REAL,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    builder,
    either,
    made,
    settle,
    turn,
)
from tests.drivers.children import Way, beside, chain, fan, inside, nest, ways
from tests.drivers.test_back_pressure import MANY, Endless

ROUNDS: Final = 20 * BUFFER
FAR: Final = 6 * BUFFER
"""More than any child may be ahead: each level may hold a full buffer, and one being read."""

on_loops: Final = pytest.mark.parametrize("way", ["node", "ainvoke", "astream"])


def rounds(kind: Kind, ran: list[int]) -> Graph:
    """Return a graph that goes round and round, and notes each superstep."""

    def node(state: dict[str, int]) -> dict[str, int]:
        ran.append(state.get("x", 0))
        return {"x": state.get("x", 0) + 1}

    def again(state: dict[str, int]) -> str:
        return "s" if state["x"] < ROUNDS else END

    made_of = builder({"s": made(kind, node)}).add_edge(START, "s")
    return made_of.add_conditional_edges("s", again, ["s", END]).compile()


@on_loops
def test_a_child_on_the_loop_is_held(loop: LoopDriver, way: Way) -> None:
    """It does not run on when nobody reads what it shows."""
    ran: list[int] = []
    graph = nest(way, 2, rounds("async", ran))
    options: Any = {"subgraphs": True, "config": {"recursion_limit": 2 * ROUNDS}}

    async def body() -> tuple[int, int]:
        async with graph.astream({}, **options) as stream:
            await anext(stream)
            await settle(4 * ROUNDS)
            held = len(ran)
            rest = [place async for place, _ in stream]
            return held, sum(len(place) == 2 for place in rest)

    held, rest = loop.main(body)
    assert held < FAR
    assert (len(ran), rest) == (ROUNDS, ROUNDS - 1)


@ways
@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_child_in_threads_is_never_far_ahead(driver: Driver, way: Way) -> None:
    """Of a reader that takes its time, however the child is run."""
    ran: list[int] = []
    read = ahead = 0

    def take(_: object) -> None:
        nonlocal read, ahead
        read += 1
        ahead = max(ahead, len(ran) - read)

    graph = nest(way, 2, rounds("sync", ran))
    driver.each(graph, take, {}, subgraphs=True, config={"recursion_limit": 2 * ROUNDS})
    assert len(ran) == ROUNDS
    assert ahead < FAR


@ways
def test_nothing_of_children_is_lost(driver: Driver, kind: Kind, way: Way) -> None:
    """However often they are held; each one's items are in their order."""

    async def body(_: object) -> None:
        for number in range(MANY):
            get_stream_writer()(number)
            if kind == "async":
                await turn()

    child = fan(None, dict.fromkeys("ab", either(kind, body)))
    graph = fan(None, dict.fromkeys("cd", inside(way, child)))
    got: list[Any] = driver.chunks(graph, {}, stream_mode="custom", subgraphs=True)
    assert len({place for place, _ in got}) == 2
    for place in {place for place, _ in got}:
        items = [item for where, item in got if where == place]
        assert sorted(items) == sorted([*range(MANY)] * 2)


@ways
def test_unwatched_children_are_not_held(driver: Driver, kind: Kind, way: Way) -> None:
    """A reader that asked for nothing of them holds nobody up, and is told nothing."""

    async def body(_: object) -> None:
        for number in range(MANY):
            get_stream_writer()(number)
            if kind == "async":
                await turn()

    graph = nest(way, 2, chain(None, {"s": either(kind, body)}))
    assert driver.chunks(graph, {}, stream_mode=["custom", "updates"])[0][0] == "updates"


@beside
def test_a_held_child_is_let_go(driver: Driver, kind: Kind, way: Way) -> None:
    """When the stream is left, all of its nodes end."""
    endless = Endless()
    graph = nest(way, 2, chain(None, {"s": either(kind, endless.node)}))

    def at(_: object) -> None:
        if driver.name == "threads" or kind == "sync":
            endless.full.wait()

    driver.leave(graph, at, {}, stream_mode="custom", subgraphs=True)
    assert len(endless.ended) == 1


@beside
def test_a_failure_beside_a_held_child_lets_it_go(driver: Driver, kind: Kind, way: Way) -> None:
    """It is the failure that is raised."""
    endless = Endless()

    async def fails(_: object) -> None:
        await endless.full.passed()
        raise ZeroDivisionError

    nodes = {
        "a": inside(way, chain(None, {"s": either(kind, endless.node)})),
        "b": either(kind, fails),
    }
    got: list[Any] = []
    with pytest.raises(ZeroDivisionError) as raised:
        driver.each(fan(None, nodes), got.append, {}, stream_mode="custom", subgraphs=True)
    assert raised.value.__notes__ == ["in node 'b', superstep 1"]
    assert len(endless.ended) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_node_that_reads_slowly_holds_its_child(loop: LoopDriver, way: Way) -> None:
    """It is ahead of its own reader by no more than of any other."""
    ran: list[int] = []
    child = rounds("async", ran)
    config: Any = {"recursion_limit": 2 * ROUNDS}
    held: list[int] = []

    async def node(_: object) -> None:
        async with child.astream({}, config) as stream:
            await anext(stream)
            await settle(4 * ROUNDS)
            held.append(len(ran))
            async for _ in stream:
                pass

    def node_sync(_: object) -> None:
        stream = child.stream({}, config)
        next(stream)
        held.append(len(ran))
        for _ in stream:
            pass

    loop.run(chain(None, {"n": node if way == "astream" else node_sync}))
    assert held[0] < FAR
    assert len(ran) == ROUNDS


@pytest.mark.parametrize("loop", ["asyncio", "simulated"], indirect=True)
@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_node_that_blocks_the_loop(loop: LoopDriver, kind: Kind, names: str) -> None:
    """Does not wait for the child that waits for the loop: nothing is held then, nor lost."""

    async def body(_: object) -> None:
        for number in range(MANY):
            get_stream_writer()(number)
            if kind == "async":
                await turn()

    child = fan(None, dict.fromkeys(names, either(kind, body)))
    made_of = builder({"n": inside("invoke", child)}, inline=True).add_edge(START, "n")
    got = loop.chunks(made_of.compile(), {}, stream_mode="custom", subgraphs=True)
    assert len(got) == MANY * len(names)
