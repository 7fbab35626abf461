"""What once went wrong with graphs inside graphs: threads that go back, and memories on the way."""

from collections.abc import Mapping
from typing import Any

import pytest

from graphflow import START, Command, interrupt
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.types import StateSnapshot
from tests.drivers.backends import Driver, Graph, Kind, builder, made
from tests.drivers.children import Calls, chain, on_stores
from tests.drivers.people import (
    CONFIG,
    answer,
    asks,
    begin,
    call,
    go_on,
    history,
    ids,
    questions,
    run,
    state,
)
from tests.drivers.test_children_asking import inner


def remember(shape: Mapping[str, Any]) -> Graph:
    """Return a graph of nodes that follow each other, which remembers."""
    graph, previous = builder(shape), START
    for name in shape:
        graph.add_edge(previous, name)
        previous = name
    return graph.compile(checkpointer=True)


@pytest.mark.parametrize("way", ["fork", "again", "left"])
@on_stores
def test_a_memory_is_taken_along_with_its_task_only(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, way: str
) -> None:
    """Later tasks of the node go on with it, and are not given what it had come to."""
    child = remember({"a": made(kind, lambda given: {"log": [len(given["log"])]})})

    def node(_: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [child.invoke({"log": ["in"]})["log"][-1], interrupt("q")]}

    async def node_async(_: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [(await child.ainvoke({"log": ["in"]}))["log"][-1], interrupt("q")]}

    graph = chain(store, {"n": node if kind == "sync" else node_async})
    begin(driver, graph)
    if way == "again":
        run(driver, graph, None, state(driver, graph).config)
    else:
        call(driver, graph, "fork", CONFIG)
    if way != "left":
        assert answer(driver, graph, "A") == {"log": [1, "A"]}
    seen: list[object] = []
    for _ in range(2):
        begin(driver, graph)
        seen += answer(driver, graph, "A")["log"][-2:]
    assert seen == [3, "A", 5, "A"]


@on_stores
def test_back_to_the_first_of_two_memories(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The second one is called anew, with what it had in its memory then."""
    shape = {
        "a": made(kind, lambda _: {}),
        "b": made(kind, lambda given: {"log": [f"{given['log'][-1]}!"]}),
    }
    child = remember(shape)

    def node(given: Any) -> Any:  # noqa: ANN401 - an update
        lines = [f"{given['log'][-1]}{number}" for number in (1, 2)]
        return {"log": [child.invoke({"log": [line]})["log"][-1] for line in lines]}

    async def node_async(given: Any) -> Any:  # noqa: ANN401 - an update
        lines = [f"{given['log'][-1]}{number}" for number in (1, 2)]
        return {"log": [(await child.ainvoke({"log": [line]}))["log"][-1] for line in lines]}

    graph = chain(store, {"n": node if kind == "sync" else node_async})
    begin(driver, graph, "x")
    begin(driver, graph, "y")
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "n"}}
    past = next(each for each in history(graph, place) if each.next == ("b",))
    lines = ["x", "x1!", "x2!", "y", "y1!", "y2!"]
    assert run(driver, graph, None, past.config) == {"log": lines}
    assert begin(driver, graph, "z") == {"log": [*lines, "z", "z1!", "z2!"]}


@pytest.mark.parametrize("number", [0, 1])
@on_stores
def test_back_within_a_memory_beside_another_one(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, number: int
) -> None:
    """The thread waits in the node still: nothing around has to go back."""
    calls = Calls(kind)
    one = remember({"s": calls.says("s"), "t": calls.says("t")})
    two = remember({"u": calls.says("u"), "a": asks(kind, "a?")})

    def node(_: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [child.invoke({"log": []})["log"][-1] for child in (one, two)]}

    async def node_async(_: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [(await child.ainvoke({"log": []}))["log"][-1] for child in (one, two)]}

    graph = chain(store, {"n": node if kind == "sync" else node_async})
    begin(driver, graph)
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ["n", "n|1"][number]}}
    (past,) = [each for each in history(graph, place) if each.next == (["t", "u"][number],)]
    calls.fresh()
    assert questions(run(driver, graph, None, past.config)) == ["a?"]
    assert calls.names == [["t", "u"], ["u"]][number]
    assert answer(driver, graph, "A") == {"log": ["t", ("a?", "A")]}


def branching(kind: Kind, store: BaseCheckpointSaver, child: Graph) -> Graph:
    """Return a graph that runs a child if the last line says so, and else asks itself."""
    parts: dict[str, Any] = {"m": child, "r": asks(kind, "huge?")}
    made = builder(parts)

    def path(given: Any) -> str:  # noqa: ANN401 - a state
        return "m" if given["log"][-1] == "small" else "r"

    return made.add_conditional_edges(START, path, ["m", "r"]).compile(checkpointer=store)


@on_stores
def test_an_answer_for_a_graph_that_was_left_is_no_other_s(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The thread goes back to where that one asked."""
    graph = branching(kind, store, chain(None, {"a": asks(kind, "small?")}))
    begin(driver, graph, "small")
    left = inner(driver, graph)[1]
    begin(driver, graph, "large")
    assert questions(state(driver, graph)) == ["huge?"]
    ended = answer(driver, graph, {ids(left)["small?"]: "yes"}, config=left.config)
    assert ended == {"log": ["small", ("small?", "yes")]}
    assert state(driver, graph).next == ()


@on_stores
def test_an_edit_of_a_graph_that_has_ended_is_gone_on_with(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """By the config that the edit returns."""
    child = chain(None, {"z": Calls(kind).says("z"), "a": asks(kind, "a?")})
    graph = chain(store, {"m": child, "r": asks(kind, "r?")})
    begin(driver, graph)
    past = inner(driver, graph)[1]
    answer(driver, graph, "A")
    edited = call(driver, graph, "update_state", past.config, {"log": ["V"]})
    assert questions(run(driver, graph, None, edited)) == ["a?"]
    answer(driver, graph, "B")
    assert answer(driver, graph, "R") == {"log": ["z", "V", ("a?", "B"), ("r?", "R")]}


@on_stores
def test_back_to_a_memory_of_an_earlier_run(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The graph around goes back, too, though the node waits again."""
    child = remember({"z": Calls(kind).says("z"), "a": asks(kind, "a?")})
    graph = chain(store, {"p": Calls(kind).says("p"), "m": child})
    begin(driver, graph, "first")
    past = inner(driver, graph)[1].config
    begin(driver, graph, "second")
    ended = answer(driver, graph, "old", config=past)
    assert ended["log"][:2] == ["first", "p"]
    assert "second" not in ended["log"]
    assert ended["log"][-1] == ("a?", "old")


@on_stores
def test_back_to_a_deep_graph_of_a_thread_that_was_forked_twice(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Its checkpoints are found under the names of all the branches that it went through."""
    deep = chain(None, {"b": asks(kind, "b?"), "c": asks(kind, "c?")})
    graph = chain(store, {"n": chain(None, {"m": deep})})
    begin(driver, graph)
    answer(driver, graph, "B")
    call(driver, graph, "fork", CONFIG)
    whole: StateSnapshot = call(driver, graph, "get_state", CONFIG, subgraphs=True)
    ns = whole.tasks[0].state.tasks[0].state.config["configurable"]["checkpoint_ns"]
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}
    (past,) = [each for each in history(graph, place) if each.next == ("b",)]
    call(driver, graph, "fork", CONFIG)
    assert questions(run(driver, graph, None, past.config)) == ["b?"]
    answer(driver, graph, "new")
    assert answer(driver, graph, "C") == {"log": [("b?", "new"), ("c?", "C")]}


@pytest.mark.parametrize("memory", ["its own", "the task's"])
@on_stores
def test_a_fork_after_a_run_that_stores_at_its_end(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, memory: str
) -> None:
    """What has been done inside is taken along."""
    calls = Calls(kind)
    shape = {"s": calls.says("s"), "f": calls.fails_once("f")}
    child = remember(shape) if memory == "its own" else chain(None, shape)
    graph = chain(store, {"n": child})
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph, durability="exit")
    calls.fresh()
    call(driver, graph, "fork", CONFIG)
    assert go_on(driver, graph, durability="exit") == {"log": ["s", "f"]}
    assert calls.names == ["f"]


@on_stores
def test_any_question_of_the_past_inside_can_be_answered(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """By the id that the state shows; those before it are asked anew."""
    graph = chain(store, {"n": chain(None, {"a": asks(kind, "1?", "2?")})})
    begin(driver, graph)
    place = inner(driver, graph)[1].config
    for given in "AB":
        answer(driver, graph, given)
    past: StateSnapshot = call(driver, graph, "get_state", place)
    assert questions(past) == ["2?"]
    asked = run(driver, graph, Command(resume={ids(past)["2?"]: "new"}), past.config)
    assert questions(asked) == ["1?"]
    assert answer(driver, graph, "A") == {"log": [("1?", "A"), ("2?", "new")]}
