"""Context variables: every task has a copy of the caller's; what it sets reaches nobody else."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from graphflow import START, get_config
from tests.drivers.backends import (
    ASYNCIO,
    BESIDE,
    REAL,
    Driver,
    Gate,
    Graph,
    Kind,
    LoopDriver,
    Node,
    builder,
    chain,
    either,
    fan_out,
    made,
    sizes,
)

R = TypeVar("R")

VAR: Final = contextvars.ContextVar("VAR", default="nobody's")


def in_own_context(function: Callable[[], R]) -> R:
    """Call a function in a copy of the context, as if it were another program."""
    return contextvars.copy_context().run(function)


def calling(driver: Driver, graph: Graph, way: str) -> str:
    """Run a graph from where the variable is the caller's; return what it is afterwards."""

    def call() -> str:
        VAR.set("the caller's")
        if way == "invoke":
            driver.run(graph)
        else:
            driver.each(graph, lambda _: VAR.get(), stream_mode=way)
        return VAR.get()

    return in_own_context(call)


class Leaky:
    """Nodes that set the variable, and note what it was before."""

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.seen: list[str] = []

    def node(self, name: str) -> Node:
        """Return one of them."""

        def node(_: object) -> None:
            self.seen.append(VAR.get())
            VAR.set(name)

        return made(self.kind, node)

    def graph(self) -> Graph:
        """Return a graph where some run at once and some after each other."""
        made_of = builder({name: self.node(name) for name in "abcd"})
        for source, target in ((START, "a"), ("a", "b"), ("a", "c"), ("c", "d")):
            made_of.add_edge(source, target)
        return made_of.compile()


ways: Final = pytest.mark.parametrize("way", ["invoke", "updates", "custom"])


@ways
def test_nodes_see_what_the_caller_has_set(driver: Driver, kind: Kind, way: str) -> None:
    """What a node sets is seen neither by its siblings nor by those after it."""
    leaky = Leaky(kind)
    calling(driver, leaky.graph(), way)
    assert leaky.seen == ["the caller's"] * 4


@ways
def test_the_caller_sees_nothing_that_nodes_set(driver: Driver, kind: Kind, way: str) -> None:
    """After a run the caller's variables are what they were."""
    assert calling(driver, Leaky(kind).graph(), way) == "the caller's"


def test_the_consumer_sees_nothing_while_nodes_run(driver: Driver, kind: Kind) -> None:
    """Between two chunks the consumer's variables are its own."""
    seen: list[str] = []

    def call() -> None:
        VAR.set("the caller's")
        modes = ["values", "updates", "custom"]
        driver.each(Leaky(kind).graph(), lambda _: seen.append(VAR.get()), stream_mode=modes)

    in_own_context(call)
    assert set(seen) == {"the caller's"}


@pytest.mark.parametrize(("driver", "kind"), BESIDE, indirect=True)
def test_siblings_do_not_see_each_other(driver: Driver, kind: Kind) -> None:
    """Of two nodes that run at once each keeps what it has set."""
    gates, seen = {"a": Gate(), "b": Gate()}, dict[str, str]()

    def node(name: str, other: str) -> Node:
        async def body(state: object) -> None:
            VAR.set(name)
            gates[name].open()
            await gates[other].passed()
            seen[name] = VAR.get()

        return either(kind, body)

    driver.run(fan_out({"a": node("a", "b"), "b": node("b", "a")}))
    assert seen == {"a": "a", "b": "b"}


# --------------------------------------------------------------------- the context of the call


def test_the_context_is_that_of_the_call(loop: LoopDriver, kind: Kind) -> None:
    """What counts is the context in which `astream` was called, not that of the first chunk."""
    leaky = Leaky(kind)

    async def body() -> None:
        VAR.set("at the call")
        stream = leaky.graph().astream({})
        VAR.set("later")
        async for _ in stream:
            VAR.set("later still")

    loop.main(body)
    assert leaky.seen == ["at the call"] * 4


def test_the_context_of_a_sync_run_is_that_of_the_call(kind: Kind) -> None:
    """What counts is the context in which `stream` was called, not that of the first chunk."""
    leaky = Leaky(kind)

    def call() -> None:
        VAR.set("at the call")
        stream = leaky.graph().stream({})
        VAR.set("later")
        for _ in stream:
            VAR.set("later still")

    in_own_context(call)
    assert leaky.seen == ["at the call"] * 4


def test_batches_have_the_context_of_the_call(kind: Kind) -> None:
    """The runs of a batch are in threads, and see the caller's variables all the same."""
    leaky = Leaky(kind)

    def call() -> None:
        VAR.set("the caller's")
        leaky.graph().batch([{}, {}])

    in_own_context(call)
    assert leaky.seen == ["the caller's"] * 8


# ------------------------------------------------------------------------- in and around a node


@sizes
def test_children_of_a_node_inherit_from_it(driver: Driver, names: str) -> None:
    """Tasks that a node starts see what the node has set."""
    seen: list[str] = []

    async def child() -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(VAR.get())

    async def node(state: object) -> None:
        VAR.set("the node's")
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    driver.run(fan_out(dict.fromkeys(names, node)))
    assert seen == ["the node's"] * len(names)


@pytest.mark.parametrize("driver", REAL, indirect=True)
@sizes
def test_threads_of_a_node_inherit_from_it(driver: Driver, names: str) -> None:
    """Functions that a node has called in a thread see what the node has set."""
    seen: list[str] = []

    async def node(state: object) -> None:
        VAR.set("the node's")
        seen.append(await anyio.to_thread.run_sync(VAR.get))

    driver.run(fan_out(dict.fromkeys(names, node)))
    assert seen == ["the node's"] * len(names)


@pytest.mark.parametrize("driver", ["threads", *ASYNCIO], indirect=True)
@sizes
def test_callbacks_of_a_node_inherit_from_it(driver: Driver, names: str) -> None:
    """Tasks, threads and callbacks of asyncio see what the node has set."""
    seen: list[str] = []

    async def child() -> str:
        return VAR.get()

    async def node(state: object) -> None:
        VAR.set("the node's")
        done = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda _: seen.append(VAR.get()))
        done.set_result(None)
        seen.append(await asyncio.create_task(child()))
        seen.append(await asyncio.to_thread(VAR.get))

    driver.run(fan_out(dict.fromkeys(names, node)))
    assert seen == ["the node's"] * 3 * len(names)


def test_a_path_function_is_in_the_context_of_its_node(driver: Driver) -> None:
    """A conditional edge sees what its own node has set."""
    seen: list[str] = []

    async def node(state: object) -> None:
        VAR.set("the node's")

    def choose(_: object) -> list[str]:
        seen.append(VAR.get())
        return []

    made_of = builder({"a": node}).add_edge(START, "a")
    made_of.add_conditional_edges("a", made("sync", choose))
    driver.run(made_of.compile())
    assert seen == ["the node's"]


def test_the_running_task_is_known_only_inside(driver: Driver, kind: Kind) -> None:
    """The consumer is in no node, not even between two chunks."""
    graph = chain(
        {name: made(kind, lambda _: {"log": [get_config().get("tags")]}) for name in "ab"}
    )

    def take(_: object) -> None:
        with pytest.raises(RuntimeError, match="no node is running here"):
            get_config()

    driver.each(graph, take, config={"tags": ["tag"]})
    assert driver.run(graph, config={"tags": ["tag"]})["log"] == [["tag"]] * 2
