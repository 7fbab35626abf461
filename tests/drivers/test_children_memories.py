"""What children remember: nothing beyond the run, all of the thread, or nothing at all."""

from functools import partial
from typing import Any

import pytest

from graphflow import START, Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import InvalidUpdateError
from graphflow.interrupts import interrupt
from tests.drivers.backends import Driver, Graph, Kind, builder, made, says
from tests.drivers.children import Calls, Part, Way, between, called, chain, fan, inside, ways
from tests.drivers.people import (
    CONFIG,
    answer,
    begin,
    call,
    config_of,
    go_on,
    ids,
    questions,
    run,
    state,
)


def remembering(kind: Kind, seen: list[int]) -> Graph:
    """Return a child that remembers; its node notes how much its state holds, and adds to it."""

    def count(state: dict[str, list[object]]) -> object:
        seen.append(len(state.get("log", [])))
        return {"log": ["c"]}

    made_of = builder({"c": made(kind, count)}).add_edge(START, "c")
    return made_of.compile(checkpointer=True)


# -------------------------------------------------------------------------------- of the thread


def test_a_child_with_a_memory_remembers(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Over runs of the thread; another thread has another."""
    seen: list[int] = []
    child = remembering(kind, seen)
    graph = chain(store, {"sub": child, "q": says(kind)})
    for thread in ("t", "t", "u", "t"):
        given: Any = {"log": []}
        run(driver, graph, given, config_of(thread))
    # The input of the second run is what the parent holds then, and comes to what is remembered.
    assert seen == [0, 2, 0, 5]


@called
def test_a_called_child_with_a_memory_remembers(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """And what it gives back is all that it holds."""
    seen: list[int] = []
    child = remembering(kind, seen)
    graph = chain(store, {"n": inside(way, child), "q": says(kind)})
    for _ in range(3):
        begin(driver, graph)
    assert seen == [0, 1, 2]
    assert state(driver, graph).values == {"log": ["c"] * (1 + 2 + 3)}


@called
def test_a_memory_is_that_of_a_node(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """One graph in two nodes has two; without a store around it has none."""
    seen: list[int] = []
    child = remembering(kind, seen)
    for saver, expected in ((store, [0, 0, 1, 1]), (None, [0, 0, 0, 0])):
        seen.clear()
        graph = fan(saver, dict.fromkeys("ab", inside(way, child)))
        for _ in range(2):
            begin(driver, graph)
        assert seen == expected


def test_two_tasks_may_not_share_a_memory(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Two Sends to one such child at once are refused; one after the other is well."""
    seen: list[int] = []
    child: Part = remembering(kind, seen)

    def sends(state: dict[str, int]) -> list[Send]:
        return [Send("sub", {"log": []})] * state["x"]

    graph: Part = builder({"sub": child}).add_conditional_edges(START, sends, ["sub"])
    graph = graph.compile(checkpointer=store)
    run(driver, graph, {"x": 1})
    with pytest.raises(InvalidUpdateError):
        run(driver, graph, {"x": 2})
    before = len(seen)
    run(driver, graph, {"x": 1}, config_of("another"))
    assert len(seen) == before + 1


def test_a_memory_is_none_of_a_root(driver: Driver, kind: Kind) -> None:
    """Which has no thread around it."""
    with pytest.raises(RuntimeError):
        begin(driver, remembering(kind, []))


@ways
def test_a_child_with_a_memory_asks(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """And is answered, run after run."""
    calls = Calls(kind)
    nodes = {"s": calls.says("s"), "a": calls.does("a", lambda: {"log": [interrupt("a?")]})}
    child = builder(nodes).add_edge(START, "s").add_edge("s", "a").compile(checkpointer=True)
    graph = between(inside(way, child), kind, store)
    for number in range(2):
        assert questions(begin(driver, graph)) == ["a?"]
        assert questions(go_on(driver, graph)) == ["a?"]
        answer(driver, graph, number)
        assert state(driver, graph).next == ()
    assert calls.names == ["s", "a", "a", "a"] * 2


# ------------------------------------------------------------------------------------- nothing


def ask(name: str) -> object:
    """Ask, and log the answer."""
    return {"log": [interrupt(name)]}


@ways
def test_a_child_that_keeps_nothing_starts_anew(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """From its top each time; its questions keep their ids, and all are answered."""
    calls = Calls(kind)
    asks = calls.does("a", lambda: {"log": [interrupt("1?"), interrupt("2?")]})
    child = builder({"s": calls.says("s"), "a": asks}).add_edge(START, "s").add_edge("s", "a")
    graph = between(inside(way, child.compile(checkpointer=False)), kind, store)
    first = begin(driver, graph)
    assert ids(go_on(driver, graph)) == ids(first)
    second = answer(driver, graph, {ids(first)["1?"]: 1})
    assert questions(second) == ["2?"]
    assert ids(go_on(driver, graph)) == ids(second)
    assert answer(driver, graph, 2) == {"log": ["p", "s", 1, 2, "q"]}
    assert calls.names == ["s", "a"] * 5


@ways
def test_a_child_that_keeps_nothing_asks_at_once(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Two of its nodes, answered one at a time."""
    calls = Calls(kind)
    nodes = {name: calls.does(name, partial(ask, name)) for name in "ab"}
    child = builder(nodes).add_edge(START, "a").add_edge(START, "b").compile(checkpointer=False)
    graph = between(inside(way, child), kind, store)
    waits = ids(begin(driver, graph))
    rest = answer(driver, graph, {waits["b"]: "B"})
    assert ids(rest) == {"a": waits["a"]}
    assert answer(driver, graph, "A") == {"log": ["p", "A", "B", "q"]}


@ways
def test_a_child_of_one_that_keeps_nothing_may_remember(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Between them nothing is kept."""
    seen: list[int] = []
    part = inside(way, remembering(kind, seen))
    middle = builder({"in": part}).add_edge(START, "in").compile(checkpointer=False)
    graph = chain(store, {"n": inside("ainvoke", middle)})
    for _ in range(3):
        begin(driver, graph)
    assert seen == [0, 1, 2]


# -------------------------------------------------------------------------------------- its own


@ways
def test_a_child_s_own_store_is_not_used(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The parent's is."""
    own = InMemorySaver()
    child = chain(own, {"a": made(kind, lambda _: {"log": [interrupt("a?")]})})
    graph = between(inside(way, child), kind, store)
    assert questions(begin(driver, graph)) == ["a?"]
    assert answer(driver, graph, "A") == {"log": ["p", "A", "q"]}
    assert [*own.list_threads()] == []


@called
def test_a_call_with_another_thread_is_a_run_of_its_own(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """In the child's own store: as if no graph were around it."""
    own = InMemorySaver()
    child = chain(own, {"s": says(kind, "s")})
    graph = between(inside(way, child, config=config_of("another")), kind, store)
    for _ in range(2):
        begin(driver, graph)
    assert [each.thread_id for each in own.list_threads()] == ["another"]
    assert call(driver, child, "get_state", config_of("another")).values == {"log": ["s", "s"]}
    options: Any = {"config": CONFIG, "subgraphs": True}
    assert {place for place, _ in driver.chunks(graph, {}, **options)} == {()}
