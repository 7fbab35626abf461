"""Stored children that go on: after a failure, a stop, a cancel, or once they were left."""

from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

from graphflow import START, Command
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.interrupts import aonce, interrupt, once
from graphflow.types import Durability
from tests.drivers.backends import Driver, Graph, Kind, LoopDriver, builder, says, settle
from tests.drivers.children import (
    Calls,
    Part,
    Way,
    between,
    called,
    chain,
    fan,
    inside,
    nest,
    ways,
)
from tests.drivers.people import (
    CONFIG,
    DURABILITIES,
    answer,
    begin,
    go_on,
    history,
    questions,
    state,
)

TURNS = 400


# -------------------------------------------------------------------------------------- failures


@ways
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_child_goes_on_where_it_failed(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """At any depth only the node that failed runs again, and those after it."""
    calls = Calls(kind)
    nodes = {"s": calls.says("s"), "f": calls.fails_once("f"), "t": calls.says("t")}
    graph = nest(way, 3, chain(None, nodes), store)
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, "i", durability=durability)
    assert state(driver, graph).tasks[0].error is not None
    assert go_on(driver, graph, durability=durability) == {"log": ["i", "s", "f", "t"]}
    assert calls.names == ["s", "f", "f", "t"]


@ways
def test_siblings_of_what_failed_do_not_run_again(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Those that had ended, in a child and in other children."""
    calls = Calls(kind)
    first = fan(None, {"f": calls.fails_once("f"), "g": calls.says("g")})
    graph = chain(store, {"a": inside(way, chain(None, {"s": calls.says("s"), "in": first}))})
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, config={**CONFIG, "max_concurrency": 1})
    assert go_on(driver, graph) == {"log": ["s", "f", "g"]}
    assert calls.names.count("s") == 1
    assert calls.names.count("f") == 2
    assert calls.names.count("g") <= 2


@ways
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_child_that_has_ended_does_not_run_again(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Though its parent fails in a later superstep, or its caller after the call."""
    calls = Calls(kind)
    nodes = {"sub": inside(way, chain(None, {"s": calls.says("s")})), "f": calls.fails_once("f")}
    graph = chain(store, nodes)
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, durability=durability)
    assert go_on(driver, graph, durability=durability) == {"log": ["s", "f"]}
    assert calls.names == ["s", "f", "f"]


@called
def test_a_caller_that_fails_calls_again(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """And is given the results again; a call that it had not made yet is made."""
    calls = Calls(kind)
    parts = [inside(way, chain(None, {name: calls.says(name)})) for name in "st"]

    def fail() -> None:
        calls.names.append("n")
        if calls.names.count("n") == 1:
            raise ZeroDivisionError

    def node(_: object) -> object:
        first = parts[0]({})["log"]
        fail()
        return {"log": [*first, *parts[1]({})["log"]]}

    async def node_async(_: object) -> object:
        first = (await parts[0]({}))["log"]
        fail()
        return {"log": [*first, *(await parts[1]({}))["log"]]}

    graph = chain(store, {"n": node_async if way.startswith("a") else node})
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph)
    assert go_on(driver, graph) == {"log": ["s", "t"]}
    assert calls.names == ["s", "n", "n", "t"]


@ways
def test_kept_results_of_children_stay_kept(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """What a node in a child did once is not done again when it is run again."""
    did: list[str] = []

    def charge() -> str:
        did.append("charged")
        return "receipt"

    def act(_: object) -> object:
        return {"log": [once("charge", charge), interrupt("ship?")]}

    async def act_async(_: object) -> object:
        return {"log": [await aonce("charge", charge), interrupt("ship?")]}

    node = act if kind == "sync" else act_async
    graph = nest(way, 2, chain(None, {"a": node}), store)
    begin(driver, graph)
    assert answer(driver, graph, "yes") == {"log": ["receipt", "yes"]}
    assert did == ["charged"]


# ------------------------------------------------------------------------------------ once left


@ways
def test_a_child_that_asked_is_left_with_all_it_wrote(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Before the question, too; then the Command's update, once."""
    calls = Calls(kind)

    def leave() -> Command[Any]:
        return Command(graph=Command.PARENT, update={"log": [interrupt("a?")]}, goto="r")

    nodes = {"s": calls.says("s"), "a": calls.does("a", leave), "t": calls.says("t")}
    part = inside(way, chain(None, nodes))
    made_of = builder({"sub": part, "q": says(kind, "q"), "r": says(kind, "r")})
    graph = made_of.add_edge(START, "sub").add_edge("sub", "q").compile(checkpointer=store)
    assert questions(begin(driver, graph)) == ["a?"]
    kept = ["s"] if way == "node" else []
    assert answer(driver, graph, "A") == {"log": [*kept, "A", "q", "r"]}
    assert calls.names == ["s", "a", "a"]


@ways
def test_siblings_are_answered_before_a_child_is_left(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The superstep comes to its end, and that may take an answer."""
    calls = Calls(kind)
    up = Command[Any](graph=Command.PARENT, update={"log": ["P"]})
    nodes = {
        "a": calls.does("a", lambda: up),
        "b": calls.does("b", lambda: {"log": [interrupt("b?")]}),
    }
    graph = between(inside(way, fan(None, nodes)), kind, store)
    assert questions(begin(driver, graph)) == ["b?"]
    calls.fresh()
    kept = ["B"] if way == "node" else []
    assert answer(driver, graph, "B") == {"log": ["p", *kept, "P", "q"]}
    assert calls.fresh() == ["b"]


@ways
def test_a_parent_that_fails_after_its_child_was_left(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Goes on behind it: the child is not run again."""
    calls = Calls(kind)
    up = Command[Any](graph=Command.PARENT, update={"log": ["P"]})
    child = chain(None, {"s": calls.says("s"), "a": calls.does("a", lambda: up)})
    graph = chain(store, {"sub": inside(way, child), "f": calls.fails_once("f")})
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph)
    kept = ["s"] if way == "node" else []
    assert go_on(driver, graph) == {"log": [*kept, "P", "f"]}
    assert calls.names == ["s", "a", "f", "f"]


# --------------------------------------------------------------------------------------- stops


@ways
def test_a_child_stops_where_it_was_told_to(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Before a node and after one; each run without an input goes on to the next stop."""
    calls = Calls(kind)
    nodes = {name: calls.says(name) for name in "stu"}
    child = chain(None, nodes, interrupt_before=["t"], interrupt_after=["t"])
    graph = between(inside(way, child), kind, store)
    seen = [begin(driver, graph)]
    seen += [go_on(driver, graph) for _ in range(2)]
    assert seen[:2] == [{"log": ["p"]}] * 2
    assert seen[2] == {"log": [*"pstuq"]}
    assert calls.names == [*"stu"]
    assert state(driver, graph).next == ()


@ways
def test_a_stop_beside_a_question(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """An answer passes it, too."""
    calls = Calls(kind)
    stops = chain(None, {name: calls.says(name) for name in "st"}, interrupt_before=["t"])
    asks = chain(None, {"a": calls.does("a", lambda: {"log": [interrupt("a?")]})})
    graph = fan(store, {"x": inside(way, stops), "y": inside(way, asks)})
    assert questions(begin(driver, graph)) == ["a?"]
    assert answer(driver, graph, "A") == {"log": ["s", "t", "A"]}
    assert calls.names.count("s") == calls.names.count("t") == 1


# ------------------------------------------------------------------------------------ cancelled


def ledger_of(kind: Kind) -> tuple[Calls, Graph]:
    """Return what notes calls, and a child of three nodes."""
    calls = Calls(kind)
    return calls, chain(None, {name: calls.says(name) for name in "stu"})


@pytest.mark.parametrize("way", ["node", "ainvoke", "astream"])
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_cancelled_run_is_gone_on_with(
    loop: LoopDriver, way: Way, durability: Durability
) -> None:
    """Wherever it was cancelled: what is stored does not run again, and nothing is lost."""

    async def body(turns: int) -> bool:
        calls, child = ledger_of("async")
        graph: Part = between(inside(way, child), "async", InMemorySaver())
        options: Any = {"config": CONFIG, "durability": durability}
        ended: list[object] = []

        async def work() -> None:
            ended.append(await graph.ainvoke({}, **options))

        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await settle(turns)
            group.cancel_scope.cancel()
        if ended:
            return True
        begun = (await graph.aget_state(CONFIG)).metadata is not None
        before = calls.fresh()
        assert await graph.ainvoke(None if begun else {}, **options) == {"log": [*"pstuq"]}
        both = [*before, *calls.names]
        # The one that was running may run again, and with "exit" the child's whole superstep.
        assert len(both) <= 4 or durability == "exit"
        assert calls.names == [*"stu"][3 - len(calls.names) :]
        return False

    assert at_every_turn(loop, body)


def at_every_turn(loop: LoopDriver, body: Any) -> bool:  # noqa: ANN401 - a coroutine function
    """Run a body with 0, 1, 2, ... turns until it says that the cancel came too late."""
    for turns in range(TURNS):

        def at_this_turn(turns: int = turns) -> Coroutine[Any, Any, bool]:
            done: Coroutine[Any, Any, bool] = body(turns)
            return done

        if loop.main(at_this_turn):
            return turns > 3
    return False


@ways
def test_a_thread_s_history_is_the_root_s(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Children add nothing to it; and a second run has new children."""
    calls, child = ledger_of(kind)
    graph = between(inside(way, child), kind, store)
    begin(driver, graph)
    assert len(history(graph)) == 5
    begin(driver, graph)
    assert len(history(graph)) == 10
    assert calls.names == [*"stustu"]
