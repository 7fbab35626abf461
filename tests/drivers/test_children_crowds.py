"""Many graphs inside graphs at once, and very deep: all of them end, with however few threads."""

import asyncio
import sys
import threading
from contextlib import suppress
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from graphflow import Send
from graphflow.errors import GraphRecursionError
from tests.drivers.backends import (
    REAL,
    REAL_LOOPS,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    made,
    says,
)
from tests.drivers.children import (
    CALLED,
    Part,
    Way,
    called,
    chain,
    crew,
    fan,
    inside,
    nest,
    sends_to,
    ways,
)
from tests.drivers.test_nesting import in_threads

on_real: Final = pytest.mark.parametrize("driver", REAL, indirect=True)
on_real_loops: Final = pytest.mark.parametrize("loop", REAL_LOOPS, indirect=True)

WIDE: Final = 60
"""More tasks than anyio's limiter, or our own pools, have threads."""


# --------------------------------------------------------------------------------------- at once


def many(way: Way, child: Graph, count: int = WIDE) -> Graph:
    """Return a graph that runs so many children at once."""
    return fan(None, {f"n{number:02}": inside(way, child) for number in range(count)})


@ways
@on_real
def test_more_children_than_threads_end(driver: Driver, kind: Kind, way: Way) -> None:
    """Each waits in its thread for three nodes in threads, if its nodes are sync."""
    assert driver.run(many(way, crew(kind))) == {"log": [*"abc"] * WIDE}


@ways
@on_real
def test_more_children_than_threads_are_shown(driver: Driver, kind: Kind, way: Way) -> None:
    """The same, with someone who reads all of it."""
    graph = many(way, crew(kind))
    options: Any = {"subgraphs": True, "stream_mode": ["updates", "values", "custom", "tasks"]}
    got: list[Any] = driver.chunks(graph, {}, **options)
    assert got[-1] == ((), "values", {"log": [*"abc"] * WIDE})
    updates = [place for place, mode, _ in got if mode == "updates"]
    assert (len(updates), len({*updates})) == (4 * WIDE, WIDE + 1)


@ways
@on_real_loops
def test_one_thread_is_enough(loop: LoopDriver, kind: Kind, way: Way) -> None:
    """Children whose sync nodes fill anyio's limiter go on all the same, at any depth."""
    graph = many(way, nest(way, 3, crew(kind)), 5)

    async def body() -> Any:  # noqa: ANN401 - of ainvoke
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        with anyio.fail_after(20):
            return await graph.ainvoke({})

    assert loop.main(body) == {"log": [*"abc"] * 5}


@ways
@on_real_loops
def test_one_thread_is_enough_to_be_shown(loop: LoopDriver, kind: Kind, way: Way) -> None:
    """The same, with a reader."""
    graph = many(way, nest(way, 3, crew(kind)), 5)

    async def body() -> int:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        options: Any = {"subgraphs": True, "stream_mode": ["updates", "custom"]}
        with anyio.fail_after(20):
            return len([chunk async for chunk in graph.astream({}, **options)])

    assert loop.main(body) == 5 * (3 + 4)


@ways
def test_a_thousand_sends_to_a_child(driver: Driver, kind: Kind, way: Way) -> None:
    """Each is a run of its own, and the results are in the order of the Sends."""
    count = 1000 if way == "node" else 100
    child = chain(None, {"s": made(kind, lambda state: {"log": [state["x"]]})})
    if way == "node":
        graph = sends_to(child, lambda _: [Send("sub", {"x": each}) for each in range(count)])
        assert driver.run(graph)["log"] == [*range(count)]
        return
    parts = {f"n{number:03}": inside(way, child, {"x": number}) for number in range(count)}
    assert driver.run(fan(None, parts))["log"] == [*range(count)]


@ways
def test_four_parents_on_four_threads(kind: Kind, way: Way) -> None:
    """One graph, run by several threads, each with children at once."""
    graph = many(way, nest(way, 2, crew(kind)), 6)
    ended: dict[int, list[Any]] = {}

    def call(number: int) -> None:
        ended[number] = [graph.invoke({"log": [number]})["log"] for _ in range(3)]
        options: Any = {"subgraphs": True, "stream_mode": "values"}
        *_, last = graph.stream({"log": [number]}, **options)
        ended[number].append(last[1]["log"])

    in_threads(4, call)
    assert ended == {number: [[number, *"abc" * 6]] * 4 for number in range(4)}


@ways
def test_four_parents_on_four_loops(kind: Kind, way: Way) -> None:
    """The same, on event loops in several threads."""
    graph = many(way, nest(way, 2, crew(kind)), 6)
    ended: dict[int, Any] = {}

    def call(number: int) -> None:
        ended[number] = asyncio.run(graph.ainvoke({"log": [number]}))["log"]

    in_threads(4, call)
    assert ended == {number: [number, *"abc" * 6] for number in range(4)}


def test_a_hundred_parents_on_one_loop(loop: LoopDriver, kind: Kind) -> None:
    """Each child finds its own parent."""
    graph = nest("node", 2, chain(None, {"s": made(kind, lambda state: {"log": [state["x"]]})}))
    got: dict[int, Any] = {}

    async def one(number: int) -> None:
        chunks = [chunk async for chunk in graph.astream({"x": number}, subgraphs=True)]
        got[number] = [chunk for _, chunk in chunks]

    async def body() -> None:
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)

    loop.main(body)
    assert got == {
        number: [{name: {"log": [number]}} for name in ("s", "n2", "n1")] for number in range(100)
    }


# ----------------------------------------------------------------------------------------- deep


def calling_itself(kind: Kind, way: Way, depth: int) -> tuple[Graph, list[int]]:
    """Return a graph whose node calls the graph, to a depth; and the depths that were reached."""
    reached: list[int] = []
    graphs: list[Graph] = []

    def child(at: int) -> Part:
        return inside(way, graphs[0], {"log": [], "x": at + 1})

    def node(state: dict[str, int]) -> object:
        reached.append(state["x"])
        return child(state["x"])(state) if state["x"] < depth else {"log": ["end"]}

    async def node_async(state: dict[str, int]) -> object:
        reached.append(state["x"])
        return await child(state["x"])(state) if state["x"] < depth else {"log": ["end"]}

    nodes: dict[str, Part] = {"n": node_async if way.startswith("a") else node}
    if kind == "async":  # so that its tasks are a crew
        nodes["beside"] = says(kind)
    graphs.append(fan(None, nodes))
    return graphs[0], reached


@called
def test_a_graph_may_call_itself(driver: Driver, kind: Kind, way: Way) -> None:
    """Its levels are not counted against the limit of supersteps."""
    graph, reached = calling_itself(kind, way, 12)
    config = {"recursion_limit": 3}
    assert driver.run(graph, {"x": 0}, config=config) == {"log": ["end"], "x": 0}
    assert reached == [*range(13)]


@called
def test_a_graph_that_calls_itself_for_ever_is_stopped(
    driver: Driver, kind: Kind, way: Way
) -> None:
    """By an error that says so, and not by one that says nothing of graphs; then all goes on."""
    before = sys.getrecursionlimit()
    graph, reached = calling_itself(kind, way, sys.maxsize)
    with pytest.raises(GraphRecursionError) as raised:
        driver.run(graph, {"x": 0})
    assert "n" in str(raised.value)
    assert len(reached) > 20
    assert sys.getrecursionlimit() == before
    assert driver.run(chain(None, {"n": inside(way, crew(kind))})) == {"log": [*"abc"]}


@ways
@pytest.mark.parametrize("levels", [30])
def test_thirty_levels(driver: Driver, kind: Kind, way: Way, levels: int) -> None:
    """Graphs that were put into each other run, however they are called."""
    graph = nest(way, levels, crew(kind))
    assert driver.run(graph) == {"log": [*"abc"]}
    got: list[Any] = driver.chunks(graph, {}, subgraphs=True)
    assert len(got[0][0]) == levels
    assert got[-1] == ((), {"n1": got[-1][1]["n1"]})


def test_very_many_levels_of_nodes(driver: Driver, kind: Kind) -> None:
    """That are too deep for Python's stack are too deep for graphs, and said to be."""
    graph = nest("node", 2000, crew(kind))
    with suppress(GraphRecursionError):
        assert driver.run(graph) == {"log": [*"abc"]}


def test_threads_of_deep_runs_end(kind: Kind) -> None:
    """No level leaves a thread behind."""
    before = threading.active_count()
    for way in CALLED:
        graph, _ = calling_itself(kind, way, 10)
        graph.invoke({"x": 0})
    names = [each.name for each in threading.enumerate() if "portal" not in each.name]
    assert len(names) <= before
