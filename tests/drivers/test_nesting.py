"""Runs inside nodes, in event loops, beside each other, after a fork: any number, any depth."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from graphflow import START, Send, get_stream_writer
from tests.drivers.backends import (
    KINDS,
    NOTHING,
    PATIENCE,
    REAL,
    REAL_LOOPS,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    Node,
    builder,
    fan_out,
    made,
    says,
    sizes,
)

ROOT: Final = Path(__file__).resolve().parents[2]

on_real: Final = pytest.mark.parametrize("driver", REAL, indirect=True)


def inner_of(kind: Kind, names: str) -> Graph:
    """Return a graph to be run inside a node."""
    return fan_out({name: says(kind, name) for name in names})


# ------------------------------------------------------------------------- inside an event loop


@pytest.mark.parametrize("inner", KINDS)
@sizes
def test_invoke_works_where_a_loop_runs(loop: LoopDriver, inner: Kind, names: str) -> None:
    """A sync run in a coroutine blocks the loop, and has async nodes on the portal."""

    async def body() -> Any:  # noqa: ANN401 - of invoke
        return inner_of(inner, names).invoke({})

    assert loop.main(body) == {"log": [*names]}


@pytest.mark.parametrize("inner", KINDS)
@sizes
def test_stream_works_where_a_loop_runs(loop: LoopDriver, inner: Kind, names: str) -> None:
    """A sync stream in a coroutine, too."""

    async def body() -> list[Any]:
        return list(inner_of(inner, names).stream({}, stream_mode=["values", "custom"]))

    assert loop.main(body)[-1] == ("values", {"log": [*names]})


def test_every_loop_has_runs_of_one_graph(kind: Kind) -> None:
    """One compiled graph runs on loops of different kinds after each other."""
    graph = inner_of(kind, "abc")
    logs = [LoopDriver(name).run(graph)["log"] for name in (*REAL_LOOPS, *REAL_LOOPS)]
    assert logs == [["a", "b", "c"]] * 2 * len(REAL_LOOPS)


# --------------------------------------------------------------------------------- inside a node


@pytest.mark.parametrize("inner", KINDS)
@pytest.mark.parametrize("inside", ["a", "abc"])
@sizes
def test_invoke_works_in_sync_nodes(driver: Driver, inner: Kind, inside: str, names: str) -> None:
    """A sync node may run graphs with nodes of either kind."""
    graph = inner_of(inner, inside)
    outer = fan_out({name: made("sync", lambda _: graph.invoke({})) for name in names})
    assert driver.run(outer) == {"log": [*inside] * len(names)}


@pytest.mark.parametrize("inner", KINDS)
@pytest.mark.parametrize("inside", ["a", "abc"])
@sizes
def test_ainvoke_works_in_async_nodes(driver: Driver, inner: Kind, inside: str, names: str) -> None:
    """An async node may await graphs with nodes of either kind."""
    graph = inner_of(inner, inside)

    async def node(state: object) -> Any:  # noqa: ANN401 - of ainvoke
        return await graph.ainvoke({})

    assert driver.run(fan_out(dict.fromkeys(names, node))) == {"log": [*inside] * len(names)}


def test_astream_works_in_async_nodes(driver: Driver, kind: Kind) -> None:
    """A node may hand on what an inner run shows."""
    graph = inner_of(kind, "abc")

    async def node(state: object) -> None:
        async for chunk in graph.astream({}, stream_mode="values"):
            get_stream_writer()(chunk["log"])

    got = driver.chunks(fan_out({"node": node}), stream_mode="custom")
    assert got == [["a", "b", "c"]]


def nested(levels: int, node_of: Callable[[Graph], Node], leaf: Graph) -> Graph:
    """Return a graph in a node of a graph, and so on."""
    for _ in range(levels):
        leaf = fan_out({"node": node_of(leaf)})
    return leaf


def by_invoke(graph: Graph) -> Node:
    """Return a sync node that runs a graph."""
    return made("sync", lambda _: graph.invoke({}))


def by_ainvoke(graph: Graph) -> Node:
    """Return an async node that awaits a graph."""

    async def node(state: object) -> Any:  # noqa: ANN401 - of ainvoke
        return await graph.ainvoke({})

    return node


def by_blocking(graph: Graph) -> Node:
    """Return an async node that runs a graph and blocks its loop, which it should not."""

    async def node(state: object) -> Any:  # noqa: ANN401 - of invoke
        await anyio.lowlevel.checkpoint()
        return graph.invoke({})

    return node


@pytest.mark.parametrize("node_of", [by_invoke, by_ainvoke, by_blocking])
def test_runs_nest_to_any_depth(
    driver: Driver, kind: Kind, node_of: Callable[[Graph], Node]
) -> None:
    """Five levels of runs inside each other end, whatever way they are called."""
    assert driver.run(nested(5, node_of, inner_of(kind, "abc"))) == {"log": ["a", "b", "c"]}


def test_kinds_of_calls_may_alternate(driver: Driver, kind: Kind) -> None:
    """A sync run in an async one in a sync one, and so on, ends."""
    graph = inner_of(kind, "abc")
    for node_of in (by_invoke, by_ainvoke, by_blocking, by_ainvoke, by_invoke):
        graph = fan_out({"node": node_of(graph), "other": says(kind)})
    assert driver.run(graph) == {"log": ["a", "b", "c"]}


@on_real
def test_more_nested_runs_than_threads_end(driver: Driver) -> None:
    """Nodes in threads that wait for nodes in threads leave each other enough of them."""
    graph = inner_of("sync", "abc")
    many = fan_out(
        {f"n{number:02}": made("sync", lambda _: graph.invoke({})) for number in range(50)}
    )
    assert driver.run(many) == {"log": ["a", "b", "c"] * 50}


@pytest.mark.parametrize("node_of", [by_invoke, by_ainvoke])
def test_an_error_is_noted_at_each_level(
    driver: Driver, kind: Kind, node_of: Callable[[Graph], Node]
) -> None:
    """The notes lead from the innermost node outwards."""

    def fails(_: object) -> None:
        raise ZeroDivisionError

    leaf = fan_out({"leaf": made(kind, fails)})
    with pytest.raises(ZeroDivisionError) as raised:
        driver.run(fan_out({"outer": node_of(leaf)}))
    assert raised.value.__notes__ == [f"in node {n!r}, superstep 1" for n in ("leaf", "outer")]


# ----------------------------------------------------------------------------- beside each other


def shared(kind: Kind) -> Graph:
    """Return a graph of five nodes that all log the input's number."""

    def node(given: dict[str, int]) -> dict[str, list[int]]:
        return {"log": [given["x"]]}

    made_of = builder({name: made(kind, node) for name in "abcde"})
    for name in "abc":
        made_of.add_edge(START, name)
    return made_of.add_edge(["a", "b", "c"], "d").add_edge("d", "e").compile()


def test_two_hundred_runs_of_one_graph_do_not_mix(loop: LoopDriver) -> None:
    """Each of many runs on one loop has a state of its own."""
    graph = shared("async")
    logs: dict[int, list[int]] = {}

    async def one(number: int) -> None:
        logs[number] = (await graph.ainvoke({"x": number}))["log"]

    async def body() -> None:
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(one, number)

    loop.main(body)
    assert logs == {number: [number] * 5 for number in range(200)}


def in_threads(count: int, function: Callable[[int], None]) -> None:
    """Call a function in so many threads at once."""
    together = threading.Barrier(count)

    def call(number: int) -> None:
        together.wait(PATIENCE)
        function(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


def test_eight_threads_run_one_graph(kind: Kind) -> None:
    """Sync runs in several threads share the portal, and nothing else."""
    graph = shared(kind)
    logs: dict[int, list[list[int]]] = {}

    def call(number: int) -> None:
        logs[number] = [graph.invoke({"x": number})["log"] for _ in range(5)]

    in_threads(8, call)
    assert logs == {number: [[number] * 5] * 5 for number in range(8)}


def test_eight_loops_run_one_graph(kind: Kind) -> None:
    """Event loops in several threads may run one compiled graph at once."""
    graph = shared(kind)
    logs: dict[int, list[int]] = {}

    def call(number: int) -> None:
        logs[number] = asyncio.run(graph.ainvoke({"x": number}))["log"]

    in_threads(8, call)
    assert logs == {number: [number] * 5 for number in range(8)}


def test_a_thousand_sends_are_run(driver: Driver, kind: Kind) -> None:
    """A wide superstep has as many tasks as there are Sends, in their order."""
    made_of = builder({"w": made(kind, lambda number: {"log": [number]})})
    made_of.add_conditional_edges(START, made("sync", lambda _: [*map(send, range(1000))]))
    assert driver.run(made_of.compile(), NOTHING)["log"] == list(range(1000))


def send(number: int) -> Send:
    """Return a Send of a number."""
    return Send("w", number)


# ---------------------------------------------------------------------------------- after a fork

FORKED: Final = """
import os, warnings
from typing import TypedDict
from graphflow import START, StateGraph

class State(TypedDict, total=False):
    x: int

async def node(state):
    return {"x": state["x"] + 1}

graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()
before = graph.invoke({"x": 1})
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads before a fork
child = os.fork()
if child == 0:
    os._exit(graph.invoke({"x": 2})["x"])
_, status = os.waitpid(child, 0)
print(before, os.waitstatus_to_exitcode(status), graph.invoke({"x": 3}))
"""


def test_a_forked_child_has_a_portal_of_its_own() -> None:
    """After a fork both processes run async nodes, though only one has the portal's thread."""
    done = subprocess.run(  # noqa: S603 - the command is written above
        [sys.executable, "-W", "error", "-c", FORKED],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{'x': 2} 3 {'x': 4}\n", "")
