"""The custom stream: what nodes write is shown while they run, and never after they have ended."""

from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from graphflow import START, Runtime, get_stream_writer
from graphflow.errors import TaskAbandoned
from graphflow.types import StreamWriter
from tests.drivers.backends import (
    BESIDE,
    KINDS,
    NOTHING,
    REAL,
    Driver,
    Gate,
    Kind,
    Node,
    builder,
    chain,
    either,
    fan_out,
    made,
    says,
    sizes,
    turn,
)

beside: Final = pytest.mark.parametrize(("driver", "kind"), BESIDE, indirect=True)


def writes(kind: Kind, *items: object) -> Node:
    """Return a node that writes items."""

    def write(_: object) -> None:
        for item in items:
            get_stream_writer()(item)

    return made(kind, write)


# --------------------------------------------------------------------------------------- live


@beside
@sizes
def test_an_item_is_shown_while_its_node_runs(driver: Driver, kind: Kind, names: str) -> None:
    """A node goes on only after the consumer has seen what it wrote."""
    happened: list[str] = []
    seen = {name: Gate() for name in names}

    def node(name: str) -> Node:
        async def body(state: object) -> None:
            get_stream_writer()(name)
            await seen[name].passed()
            happened.append(f"{name} went on")

        return either(kind, body)

    def take(name: str) -> None:
        happened.append(f"{name} was shown")
        seen[name].open()

    driver.each(fan_out({name: node(name) for name in names}), take, stream_mode="custom")
    for name in names:
        assert happened.index(f"{name} was shown") < happened.index(f"{name} went on")


@beside
def test_an_update_is_shown_while_siblings_run(driver: Driver, kind: Kind) -> None:
    """In a crew the update of a task is shown when it ends, not when all have."""
    shown = Gate()

    async def quick(state: object) -> None:
        await turn()

    async def slow(state: object) -> None:
        await shown.passed()

    graph = fan_out({"quick": either(kind, quick), "slow": either(kind, slow)})
    got: list[Any] = []

    def take(chunk: object) -> None:
        got.append(chunk)
        shown.open()

    driver.each(graph, take)
    assert got == [{"quick": None}, {"slow": None}]


def test_items_keep_their_order_and_come_before_the_update(driver: Driver, kind: Kind) -> None:
    """What a node wrote is shown in the order it was written, and then the node's update."""
    graph = chain({"a": writes(kind, 1, 2, 3), "b": writes(kind, 4)})
    assert driver.chunks(graph, stream_mode=["updates", "custom"]) == [
        *(("custom", item) for item in (1, 2, 3)),
        ("updates", {"a": None}),
        ("custom", 4),
        ("updates", {"b": None}),
    ]


def test_any_object_may_be_written(driver: Driver, kind: Kind) -> None:
    """An item is shown as it is, also None."""
    item = object()
    got = driver.chunks(fan_out({"a": writes(kind, None, item)}), stream_mode="custom")
    assert got == [None, item]


# ------------------------------------------------------------------------------------- writers


def by_function(state: object) -> None:
    """Write with the function that is found from inside a node."""
    get_stream_writer()("item")


def by_runtime(state: object, runtime: Runtime) -> None:
    """Write with the runtime's writer."""
    runtime.stream_writer("item")


def by_parameter(state: object, writer: StreamWriter) -> None:
    """Write with the writer that was asked for."""
    writer("item")


async def by_function_async(state: object) -> None:
    """Do the first in a coroutine."""
    await anyio.lowlevel.checkpoint()
    get_stream_writer()("item")


async def by_runtime_async(state: object, runtime: Runtime) -> None:
    """Do the second in a coroutine."""
    await anyio.lowlevel.checkpoint()
    runtime.stream_writer("item")


async def by_parameter_async(state: object, writer: StreamWriter) -> None:
    """Do the third in a coroutine."""
    await anyio.lowlevel.checkpoint()
    writer("item")


WRITERS: Final[tuple[Node, ...]] = (
    by_function,
    by_runtime,
    by_parameter,
    by_function_async,
    by_runtime_async,
    by_parameter_async,
)


@pytest.mark.parametrize("node", WRITERS)
@sizes
def test_all_three_writers_write(driver: Driver, node: Node, names: str) -> None:
    """The function, the runtime's writer and the injected writer do the same."""
    got = driver.chunks(fan_out(dict.fromkeys(names, node)), stream_mode="custom")
    assert got == ["item"] * len(names)


@pytest.mark.parametrize("node", WRITERS)
@pytest.mark.parametrize("mode", ["updates", "values"])
def test_writing_does_nothing_if_nobody_asked(driver: Driver, node: Node, mode: str) -> None:
    """Without the mode `custom` a node may write all the same."""
    got = driver.chunks(fan_out({"a": node}), {"x": 1}, stream_mode=mode)
    assert got == {"updates": [{"a": None}], "values": [{"log": [], "x": 1}]}[mode]


@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_thread_that_a_node_waits_for_writes_too(driver: Driver) -> None:
    """The running task is known in a thread that an async node hands work to."""

    def write(number: int) -> None:
        get_stream_writer()(number)

    async def node(state: object) -> None:
        for number in range(3):
            await anyio.to_thread.run_sync(write, number)

    assert driver.chunks(fan_out({"a": node}), stream_mode="custom") == [0, 1, 2]


def test_children_of_a_node_write_too(driver: Driver) -> None:
    """The running task is known in the tasks that an async node starts."""

    async def child(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        get_stream_writer()(number)

    async def node(state: object) -> None:
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(child, number)

    assert sorted(driver.chunks(fan_out({"a": node}), stream_mode="custom")) == [0, 1, 2]


def test_path_functions_write_too(driver: Driver, kind: Kind) -> None:
    """A conditional edge belongs to its node's task."""

    def choose(_: object) -> list[str]:
        get_stream_writer()("item")
        return []

    made_of = builder({"a": says(kind)}).add_edge(START, "a")
    made_of.add_conditional_edges("a", made(kind, choose))
    assert driver.chunks(made_of.compile(), stream_mode="custom") == ["item"]


# ------------------------------------------------------------------------------------ too late


@pytest.mark.parametrize("mode", ["custom", "values"])
def test_a_writer_ends_with_its_task(driver: Driver, kind: Kind, mode: str) -> None:
    """Whoever keeps a writer for longer is told which node's it was, watched or not."""
    kept: list[StreamWriter] = []
    errors: list[TaskAbandoned] = []

    def keeps(_: object) -> None:
        kept.append(get_stream_writer())

    def uses(_: object) -> None:
        try:
            kept[0]("late")
        except TaskAbandoned as error:
            errors.append(error)

    graph = chain({"keeps": made(kind, keeps), "uses": made(kind, uses)})
    got = driver.chunks(graph, stream_mode=mode)
    assert ([error.node for error in errors], got) == (["keeps"], [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_writers_is_seen_by_nobody(kind: Kind) -> None:
    """A run without a consumer drops what nodes write, and holds nobody."""
    graph = fan_out(dict.fromkeys("abc", writes(kind, *range(1000))))
    assert graph.batch([NOTHING] * 2) == [{"log": []}] * 2
