"""Threads on every driver and in every store: they last, and one run has one at a time."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

import anyio
import pytest

from graphflow import START
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import ThreadBusyError
from graphflow.types import Durability, OnBusy, StateSnapshot
from tests.drivers.backends import (
    PATIENCE,
    Driver,
    Gate,
    Graph,
    LoopDriver,
    Node,
    builder,
    either,
    says,
    settle,
)

CONFIG: Any = {"configurable": {"thread_id": "t"}}
DURABILITIES = ("sync", "async", "exit")

Make: TypeAlias = Callable[[dict[str, Node]], Graph]


@pytest.fixture(params=["memory", "sqlite", "sqlite-full"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver]:
    """Give each store in turn."""
    made: BaseCheckpointSaver
    if request.param == "memory":
        made = InMemorySaver()
    elif request.param == "sqlite":
        made = SqliteSaver(tmp_path / "threads.db")
    else:
        made = SqliteSaver(tmp_path / "threads.db", synchronous="full")
    yield made
    made.close()


def chain(store: BaseCheckpointSaver, nodes: dict[str, Node]) -> Graph:
    """Return a graph of nodes that follow each other, with a store."""
    made, previous = builder(nodes), START
    for name in nodes:
        made.add_edge(previous, name)
        previous = name
    return made.compile(checkpointer=store)


def fan(store: BaseCheckpointSaver, nodes: dict[str, Node]) -> Graph:
    """Return a graph of nodes that run at once, with a store."""
    made = builder(nodes)
    for name in nodes:
        made.add_edge(START, name)
    return made.compile(checkpointer=store)


def run(driver: Driver, graph: Graph, given: Any, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
    """Run on the thread of these tests."""
    return driver.run(graph, given, config=CONFIG, **options)


def state(driver: Driver, graph: Graph) -> StateSnapshot:
    """Return the state of the thread, read in the driver's way."""
    if not isinstance(driver, LoopDriver):
        return graph.get_state(CONFIG)

    async def read() -> StateSnapshot:
        return await graph.aget_state(CONFIG)

    return driver.main(read)


def history(driver: Driver, graph: Graph) -> list[StateSnapshot]:
    """Return all checkpoints of the thread, read in the driver's way."""
    if not isinstance(driver, LoopDriver):
        return [*graph.get_state_history(CONFIG)]

    async def read() -> list[StateSnapshot]:
        return [snapshot async for snapshot in graph.aget_state_history(CONFIG)]

    return driver.main(read)


# ------------------------------------------------------------------------------- they last


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_second_input_goes_on_with_the_values(
    driver: Driver, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Whenever they are stored."""
    graph = chain(store, {"a": says("async", "a"), "b": says("sync", "b")})
    run(driver, graph, {"log": ["1"]}, durability=durability)
    run(driver, graph, {"log": ["2"]}, durability=durability)
    assert state(driver, graph).values == {"log": ["1", "a", "b", "2", "a", "b"]}


def test_another_graph_object_reads_what_one_has_stored(
    driver: Driver, store: BaseCheckpointSaver
) -> None:
    """A thread is in the store, not in the graph."""
    run(driver, chain(store, {"a": says("async", "a")}), {"log": ["1"]})
    assert state(driver, chain(store, {"a": says("async", "a")})).values["log"] == ["1", "a"]


def test_the_history_has_every_superstep(driver: Driver, store: BaseCheckpointSaver) -> None:
    """The newest first."""
    graph = chain(store, {"a": says("async", "a"), "b": says("sync", "b")})
    run(driver, graph, {"log": ["1"]})
    told = [(each.metadata or {})["step"] for each in history(driver, graph)]
    lines = [each.values["log"] for each in history(driver, graph)]
    assert (told, lines) == ([2, 1, 0, -1], [["1", "a", "b"], ["1", "a"], ["1"], []])


@pytest.mark.parametrize("durability", DURABILITIES)
def test_what_has_returned_is_not_run_again(
    driver: Driver, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """After its sibling failed, whichever way supersteps are stored."""
    ran: list[str] = []
    done = Gate()

    async def good(_: Any) -> Any:  # noqa: ANN401 - any input
        ran.append("good")
        done.open()
        return {"log": ["good"]}

    async def bad(_: Any) -> Any:  # noqa: ANN401 - any input
        await done.passed()
        await settle()
        ran.append("bad")
        if ran.count("bad") == 1:
            msg = "boom"
            raise ValueError(msg)
        return {"log": ["bad"]}

    graph = fan(store, {"bad": bad, "good": good})
    with pytest.raises(ValueError, match="boom"):
        run(driver, graph, {"log": ["1"]}, durability=durability)
    waiting = state(driver, graph).next
    run(driver, graph, None, durability=durability)
    assert (waiting, ran) == (("bad",), ["good", "bad", "bad"])
    assert state(driver, graph).values["log"] == ["1", "bad", "good"]


# ------------------------------------------------------------------------- one run has one


def nested(store: BaseCheckpointSaver, on_busy: OnBusy | None) -> tuple[Graph, list[Any]]:
    """Return a graph that starts a run on its own thread from inside, and what came of that."""
    came: list[Any] = []

    async def inner(given: Any) -> Any:  # noqa: ANN401 - any input
        if given["log"][0] == "inner":
            return {"log": ["in"]}
        try:
            came.append(await graph.ainvoke({"log": ["inner"]}, CONFIG, on_busy=on_busy))
        except ThreadBusyError as error:
            came.append(error)
        return {"log": ["out"]}

    graph = chain(store, {"inner": inner})
    return graph, came


def test_a_second_run_is_turned_away(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """By default, and before a node of it has run."""
    graph, came = nested(store, None)
    run(loop, graph, {"log": ["outer"]})
    assert [(type(each), each.superseded) for each in came] == [(ThreadBusyError, False)]
    assert state(loop, graph).values["log"] == ["outer", "out"]


def test_a_second_run_goes_by_in_a_branch(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Which does not become the thread's current one, though the history has it."""
    came: list[Any] = []

    def act(given: Any) -> Any:  # noqa: ANN401 - any input
        if "inner" in given["log"]:
            return {"log": ["in"]}
        came.append(graph.invoke({"log": ["inner"]}, CONFIG, on_busy="fork"))
        return {"log": ["out"]}

    graph = chain(store, {"a": act, "b": says("sync", "b")})
    run(driver, graph, {"log": ["outer"]})
    assert came == [{"log": ["outer", "inner", "in", "b"]}]
    assert state(driver, graph).values["log"] == ["outer", "out", "b"]
    lines = [each.values["log"] for each in history(driver, graph)]
    assert ["outer", "inner", "in", "b"] in lines


def test_a_run_does_not_wait_for_the_one_it_is_inside_of(
    loop: LoopDriver, store: BaseCheckpointSaver
) -> None:
    """It would wait for ever."""
    graph, came = nested(store, "queue")
    run(loop, graph, {"log": ["outer"]})
    assert [type(each) for each in came] == [ThreadBusyError]


def test_nor_for_one_further_out(store: BaseCheckpointSaver) -> None:
    """With another thread's run between."""
    came: list[Any] = []

    def innermost(_: Any) -> Any:  # noqa: ANN401 - any input
        with pytest.raises(ThreadBusyError):
            outer.invoke({"log": ["again"]}, CONFIG, on_busy="queue")
        came.append("turned away")
        return {}

    def between(_: Any) -> Any:  # noqa: ANN401 - any input
        inner.invoke({}, cast("Any", {"configurable": {"thread_id": "other"}}))
        return {}

    inner = chain(store, {"a": innermost})
    outer = chain(store, {"a": between})
    outer.invoke({"log": ["1"]}, CONFIG)
    assert came == ["turned away"]


def test_runs_wait_in_line(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """Each goes on with what those before have left."""
    graph = chain(store, {"a": says("async", "a")})

    async def body() -> None:
        async with anyio.create_task_group() as group:
            for number in "123":
                group.start_soon(one, number)

    async def one(number: str) -> None:
        await graph.ainvoke({"log": [number]}, CONFIG, on_busy="queue")

    loop.main(body)
    log = state(loop, graph).values["log"]
    assert (sorted(log[::2]), log[1::2]) == (["1", "2", "3"], ["a", "a", "a"])


def test_runs_in_threads_wait_in_line(store: BaseCheckpointSaver) -> None:
    """As those on a loop do."""
    graph = chain(store, {"a": says("sync", "a")})
    threads = [
        threading.Thread(
            target=graph.invoke, args=({"log": [number]}, CONFIG), kwargs={"on_busy": "queue"}
        )
        for number in "12345678"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    log = graph.get_state(CONFIG).values["log"]
    assert (sorted(log[::2]), log[1::2]) == ([*"12345678"], ["a"] * 8)


def test_who_gives_up_leaves_the_line(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """And the next one has the thread."""
    gate = Gate()

    async def wait(_: Any) -> Any:  # noqa: ANN401 - any input
        await gate.passed()
        return {"log": ["a"]}

    graph = chain(store, {"a": wait})

    async def one(number: str, scope: anyio.CancelScope | None = None) -> None:
        with scope or anyio.CancelScope():
            await graph.ainvoke({"log": [number]}, CONFIG, on_busy="queue")

    async def body() -> None:
        given_up = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(one, "1")
            await settle()
            group.start_soon(one, "2", given_up)
            await settle()
            group.start_soon(one, "3")
            await settle()
            given_up.cancel()
            gate.open()

    loop.main(body)
    assert state(loop, graph).values["log"] == ["1", "a", "3", "a"]


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_stream_that_is_left_gives_the_thread_back(
    driver: Driver, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """With all that was stored by then."""
    graph = chain(store, {"a": says("async", "a"), "b": says("sync", "b")})
    driver.leave(
        graph,
        str,
        {"log": ["1"]},
        config=CONFIG,
        stream_mode="values",
        durability=durability,
    )
    run(driver, graph, {"log": ["2"]})
    log = state(driver, graph).values["log"]
    assert log == ["1", "2", "a", "b"]


def test_a_run_that_fails_gives_the_thread_back(driver: Driver, store: BaseCheckpointSaver) -> None:
    """So that the next can have it."""

    async def fails(given: Any) -> Any:  # noqa: ANN401 - any input
        if "2" not in given["log"]:
            msg = "boom"
            raise ValueError(msg)
        return {"log": ["a"]}

    graph = chain(store, {"a": either("async", fails)})
    with pytest.raises(ValueError, match="boom"):
        run(driver, graph, {"log": ["1"]})
    run(driver, graph, {"log": ["2"]})
    assert state(driver, graph).values["log"] == ["1", "2", "a"]


def test_other_threads_are_free(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """A hundred conversations go on at once through one store."""
    graph = chain(store, {"a": says("async", "a"), "b": says("async", "b")})

    async def body() -> list[Any]:
        states: list[Any] = []
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)
        for number in range(100):
            config = cast("Any", {"configurable": {"thread_id": number}})
            states.append((await graph.aget_state(config)).values["log"])
        return states

    async def one(number: int) -> None:
        config = cast("Any", {"configurable": {"thread_id": number}})
        await graph.ainvoke({"log": [number]}, config)

    assert loop.main(body) == [[number, "a", "b"] for number in range(100)]
