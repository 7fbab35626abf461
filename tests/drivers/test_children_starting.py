"""Graphs that the conditional edges of START call, before any node runs."""

from typing import Any

import pytest

from graphflow import START, Command, get_stream_writer
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import InvalidUpdateError
from tests.drivers.backends import Driver, Graph, Kind, builder
from tests.drivers.children import (
    Calls,
    Way,
    between,
    called,
    chain,
    inside,
    nest,
    on_stores,
    shown,
)
from tests.drivers.people import CONFIG, answer, begin, go_on, ids, questions, run, state
from tests.drivers.test_children_asking import asking


def chooses(way: Way, child: Graph, store: BaseCheckpointSaver | None, calls: Calls) -> Graph:
    """Return a graph whose first edge calls another one, and leads where that has logged."""
    part: Any = inside(way, child)

    def path(given: object) -> Any:  # noqa: ANN401 - a node's name
        return part(given)["log"][-1]

    async def path_async(given: object) -> Any:  # noqa: ANN401 - as above
        return (await part(given))["log"][-1]

    graph = builder({name: calls.says(name) for name in "xy"})
    chosen = path_async if way.startswith("a") else path
    return graph.add_conditional_edges(START, chosen, ["x", "y"]).compile(checkpointer=store)


def tells(calls: Calls, line: str) -> Any:  # noqa: ANN401 - a node
    """Return a node that writes to the stream."""

    def act() -> object:
        get_stream_writer()(line)
        return {"log": ["y"]}

    return calls.does("tell", act)


@called
@on_stores
def test_what_is_shown_of_it(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Comes in the stream before the first node, under START's name."""
    calls = Calls(kind)
    graph = chooses(way, chain(None, {"tell": tells(calls, "hello")}), store, calls)
    chunks = shown(driver, graph, {"log": ["i"]}, stream_mode=["custom", "updates"])
    assert chunks == [
        (("__start__",), "custom", "hello"),
        (("__start__",), "updates", {"tell": {"log": ["y"]}}),
        ((), "updates", {"y": {"log": ["y"]}}),
    ]


@called
@on_stores
def test_it_asks(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """The thread waits at its input; with an answer the graph goes on, and then the thread."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s"), "a": asks_where(calls)})
    graph = chooses(way, child, store, calls)
    asked = begin(driver, graph, "i")
    assert questions(asked) == ["where?"]
    assert ids(state(driver, graph)) == ids(asked)
    assert ids(go_on(driver, graph)) == ids(asked)
    assert answer(driver, graph, "y") == {"log": ["i", "y"]}
    assert calls.names == ["s", "where?", "where?", "where?", "y"]


def asks_where(calls: Calls) -> Any:  # noqa: ANN401 - a node
    """Return a node that logs just the answer."""
    part: Any = asking(Calls("sync"), "where?")
    return calls.does("where?", lambda: {"log": [part({})["log"][0][1]]})


@called
@on_stores
def test_it_fails(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """It goes on where it failed, and then the thread with its input."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s"), "y": calls.fails_once("y")})
    graph = chooses(way, child, store, calls)
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, "i")
    assert go_on(driver, graph) == {"log": ["i", "y"]}
    assert calls.names == ["s", "y", "y", "y"]


@called
@on_stores
def test_one_inside_has_such_an_edge(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """It waits at its own input, and is given that again."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s"), "a": asks_where(calls)})
    graph = nest("node", 2, chooses(way, child, None, calls), store)
    assert questions(begin(driver, graph, "i")) == ["where?"]
    assert questions(go_on(driver, graph)) == ["where?"]
    assert answer(driver, graph, "x") == {"log": ["i", "x"]}
    assert calls.names == ["s", "where?", "where?", "where?", "x"]


@called
@on_stores
def test_an_edge_inside_fails(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The graph goes on with its input."""
    calls = Calls(kind)
    made_of = builder({name: calls.says(name) for name in "xy"})
    fails = calls.fails_once("y")

    def path(given: object) -> Any:  # noqa: ANN401 - a node's name
        return fails(given)["log"][0]

    async def path_async(given: object) -> Any:  # noqa: ANN401 - as above
        return (await fails(given))["log"][0]

    chosen = path if kind == "sync" else path_async
    child = made_of.add_conditional_edges(START, chosen, ["x", "y"]).compile()
    graph = between(inside(way, child), kind, store)
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, "i")
    assert go_on(driver, graph) == {"log": ["i", "p", "y", "q"]}


@called
@on_stores
def test_an_answer_is_no_input_of_a_call(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """It is for the outermost graph."""
    given: Any = Command(resume=1)
    graph = chain(store, {"n": inside(way, chain(None, {"s": Calls(kind).says("s")}), given)})
    with pytest.raises(InvalidUpdateError, match="give it to the outermost graph"):
        run(driver, graph, {}, CONFIG)
