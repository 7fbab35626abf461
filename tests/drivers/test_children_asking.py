"""Questions inside graphs inside graphs: they go up, and their answers find the way down."""

from typing import Any

import pytest

from graphflow import Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import UnknownInterruptError
from graphflow.interrupts import interrupt
from graphflow.types import Durability, StateSnapshot
from tests.drivers.backends import Driver, Graph, Kind, made, says
from tests.drivers.children import (
    Calls,
    Part,
    Way,
    bare,
    between,
    called,
    chain,
    fan,
    inside,
    nest,
    sends_to,
    ways,
)
from tests.drivers.people import (
    CONFIG,
    DURABILITIES,
    answer,
    asks,
    begin,
    call,
    go_on,
    ids,
    interrupts,
    questions,
    state,
)


def asking(calls: Calls, *questions: str) -> Part:
    """Return a node that asks in turn, logs the answers, and notes its calls."""
    return calls.does(
        questions[0], lambda: {"log": [(each, interrupt(each)) for each in questions]}
    )


def child_of(calls: Calls, *questions: str) -> Graph:
    """Return a graph of a node, one that asks, and another node."""
    return chain(None, {"s": calls.says("s"), "a": asking(calls, *questions), "t": calls.says("t")})


def inner(driver: Driver, graph: Graph) -> list[StateSnapshot]:
    """Return the state of a thread, and of the children of its waiting tasks, level by level."""
    now: StateSnapshot = call(driver, graph, "get_state", CONFIG, subgraphs=True)
    found = [now]
    while now.tasks and isinstance(now.tasks[0].state, StateSnapshot):
        now = now.tasks[0].state
        found.append(now)
    return found


# ------------------------------------------------------------------------------------ one waits


@ways
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_question_in_a_child_goes_up(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """The answer goes down to it; what had ended does not run again, and is not lost."""
    calls = Calls(kind)

    def graph() -> Graph:  # another object each time, as in another process
        return between(inside(way, child_of(calls, "a?")), kind, store)

    asked = begin(driver, graph(), "i", durability=durability)
    assert (questions(asked), asked["log"]) == (["a?"], ["i", "p"])
    there = state(driver, graph())
    assert (there.next, ids(there), there.values) == (("sub",), ids(asked), {"log": ["i", "p"]})
    ended = answer(driver, graph(), "yes", durability=durability)
    assert ended == {"log": ["i", "p", "s", ("a?", "yes"), "t", "q"]}
    assert calls.names == ["s", "a?", "a?", "t"]
    now = state(driver, graph())
    assert (now.next, now.interrupts, now.values) == ((), (), ended)


@ways
def test_from_any_depth(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """And the question has one id at all levels."""
    calls = Calls(kind)
    graph = nest(way, 4, child_of(calls, "a?"), store)
    asked = begin(driver, graph)
    (one,) = ids(asked).values()
    levels = inner(driver, graph)
    if way == "node":
        assert [each.next for each in levels] == [("n1",), ("n2",), ("n3",), ("n4",), ("a",)]
        assert levels[-1].values == {"log": ["s"]}
    assert all(ids(each) == {"a?": one} for each in levels)
    assert answer(driver, graph, {one: 5}) == {"log": ["s", ("a?", 5), "t"]}
    assert calls.names == ["s", "a?", "a?", "t"]


@ways
def test_what_is_shown_of_a_question(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """It is shown at each level, inner first; the result of `invoke` has it once."""
    graph = nest(way, 2, child_of(Calls(kind), "a?"), store)
    options: Any = {"config": CONFIG, "subgraphs": True}
    chunks = driver.chunks(graph, {}, stream_mode="updates", **options)
    asked = [(bare(place), chunk["__interrupt__"]) for place, chunk in chunks if "s" not in chunk]
    assert [place for place, _ in asked] == [("n1", "n2"), ("n1",), ()]
    assert len({one.id for _, (one,) in asked}) == 1
    again = go_on(driver, graph, subgraphs=True)
    assert len(again["__interrupt__"]) == 1


@ways
def test_questions_of_one_node_in_turn(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Plainly or by id; going on without an answer asks the same again."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "1?", "2?")), kind, store)
    first = begin(driver, graph)
    assert ids(go_on(driver, graph)) == ids(first)
    second = answer(driver, graph, 1)
    assert questions(second) == ["2?"]
    assert ids(go_on(driver, graph)) == ids(second)
    ended = answer(driver, graph, {ids(second)["2?"]: 2})
    assert ended == {"log": ["p", "s", ("1?", 1), ("2?", 2), "t", "q"]}
    assert (calls.names.count("s"), calls.names.count("t")) == (1, 1)


@ways
def test_an_answer_is_for_one_question(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """That of the next node, in the same child, waits for its own."""
    calls = Calls(kind)
    child = chain(None, {"a": asking(calls, "a?"), "b": asking(calls, "b?")})
    graph = between(inside(way, child), kind, store)
    begin(driver, graph)
    assert questions(answer(driver, graph, "A")) == ["b?"]
    assert questions(go_on(driver, graph)) == ["b?"]
    assert answer(driver, graph, "B") == {"log": ["p", ("a?", "A"), ("b?", "B"), "q"]}
    assert calls.names.count("a?") == 2


@ways
def test_a_loop_of_questions(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Each round's child is another, and so is its question."""
    calls = Calls(kind)
    parts = {name: inside(way, child_of(calls, f"{name}?")) for name in "xyz"}
    graph = chain(store, parts)
    seen = [ids(begin(driver, graph))]
    seen += [ids(answer(driver, graph, number)) for number in range(2)]
    assert [[*each] for each in seen] == [["x?"], ["y?"], ["z?"]]
    ended = answer(driver, graph, 2)
    assert ended["log"] == ["s", ("x?", 0), "t", "s", ("y?", 1), "t", "s", ("z?", 2), "t"]


# ------------------------------------------------------------------------------------ a few wait


@ways
@pytest.mark.parametrize("durability", DURABILITIES)
def test_children_at_once_are_answered_one_at_a_time(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Only the one that is answered runs; those that have ended do not."""
    calls = Calls(kind)
    parts = {name: inside(way, child_of(calls, f"{name}?")) for name in "bca"}
    parts["k"] = inside(way, chain(None, {"k": calls.says("k")}))
    graph = fan(store, parts)
    waits = ids(begin(driver, graph, durability=durability))
    assert sorted(calls.fresh()) == ["a?", "b?", "c?", "k", "s", "s", "s"]
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, "plain", durability=durability)
    assert calls.fresh() == []
    rest = answer(driver, graph, {waits["b?"]: 2}, durability=durability)
    assert (questions(rest), calls.fresh()) == (["a?", "c?"], ["b?", "t"])
    assert ids(state(driver, graph)) == ids(rest)
    ended = answer(driver, graph, {waits["a?"]: 1, waits["c?"]: 3}, durability=durability)
    lines = [
        line
        for name, number in zip("abc", (1, 2, 3), strict=True)
        for line in ("s", (f"{name}?", number), "t")
    ]
    assert ended == {"log": [*lines, "k"]}
    assert sorted(calls.fresh()) == ["a?", "c?", "t", "t"]


@ways
def test_questions_at_once_in_one_child(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Each is answered by its id, and only its node runs."""
    calls = Calls(kind)
    child = fan(None, {"a": asking(calls, "a?"), "b": asking(calls, "b?"), "k": calls.says("k")})
    graph = between(inside(way, child), kind, store)
    waits = ids(begin(driver, graph))
    assert sorted(waits) == ["a?", "b?"]
    calls.fresh()
    rest = answer(driver, graph, {waits["b?"]: 2})
    assert (questions(rest), calls.fresh()) == (["a?"], ["b?"])
    assert answer(driver, graph, 1) == {"log": ["p", ("a?", 1), ("b?", 2), "k", "q"]}
    assert calls.fresh() == ["a?"]


def test_sends_to_a_child_that_asks(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Each has a question of its own."""

    def ask(given: dict[str, int]) -> object:
        return {"log": [(given["x"], interrupt(given["x"]))]}

    child = chain(None, {"a": made(kind, ask)})
    graph = sends_to(
        child, lambda _: [Send("sub", {"x": each}) for each in range(4)], checkpointer=store
    )
    waits = ids(begin(driver, graph))
    assert sorted(waits) == [0, 1, 2, 3]
    rest = answer(driver, graph, {waits[2]: "two", waits[0]: "nought"})
    assert questions(rest) == [1, 3]
    ended = answer(driver, graph, {waits[1]: "one", waits[3]: "three"})
    assert ended == {"log": [(0, "nought"), (1, "one"), (2, "two"), (3, "three")]}


# --------------------------------------------------------------------------------------- called


@called
def test_the_calling_node_runs_again(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The child goes on where it was, and one that has ended gives its result again."""
    calls = Calls(kind)
    parts = [inside(way, child_of(calls, f"{name}?")) for name in "ab"]

    def node(_: object) -> object:
        calls.names.append("n")
        return {"log": [line for part in parts for line in part({})["log"]]}

    async def node_async(_: object) -> object:
        calls.names.append("n")
        return {"log": [line for part in parts for line in (await part({}))["log"]]}

    graph = chain(store, {"n": node_async if way.startswith("a") else node})
    assert questions(begin(driver, graph)) == ["a?"]
    assert calls.fresh() == ["n", "s", "a?"]
    assert questions(answer(driver, graph, "A")) == ["b?"]
    assert calls.fresh() == ["n", "a?", "t", "s", "b?"]
    ended = answer(driver, graph, "B")
    assert calls.fresh() == ["n", "b?", "t"]
    assert ended == {"log": ["s", ("a?", "A"), "t", "s", ("b?", "B"), "t"]}


@called
def test_the_calling_node_asks_too(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Before its child and after it; no answer strays."""
    calls = Calls(kind)
    part = inside(way, child_of(calls, "a?"))

    def node(_: object) -> object:
        before = interrupt("before?")
        log = part({})["log"]
        return {"log": [before, *log, interrupt("after?")]}

    async def node_async(_: object) -> object:
        before = interrupt("before?")
        log = (await part({}))["log"]
        return {"log": [before, *log, interrupt("after?")]}

    graph = between(node_async if way.startswith("a") else node, kind, store)
    assert questions(begin(driver, graph)) == ["before?"]
    assert questions(answer(driver, graph, 1)) == ["a?"]
    assert questions(go_on(driver, graph)) == ["a?"]
    after = answer(driver, graph, 2)
    assert questions(after) == ["after?"]
    assert questions(go_on(driver, graph)) == ["after?"]
    ended = answer(driver, graph, {ids(after)["after?"]: 3})
    assert ended == {"log": ["p", 1, "s", ("a?", 2), "t", 3, "q"]}
    assert (calls.names.count("s"), calls.names.count("t")) == (1, 1)


@ways
def test_another_input_drops_what_waits(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The child begins anew with the next input, and the old id answers nothing."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    old = begin(driver, graph, "1")
    new = begin(driver, graph, "2")
    assert (questions(new), ids(old) == ids(new)) == (["a?"], False)
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {ids(old)["a?"]: "late"})
    ended = answer(driver, graph, "now")
    assert ended == {"log": ["1", "p", "2", "p", "s", ("a?", "now"), "t", "q"]}
    assert calls.names == ["s", "a?", "s", "a?", "a?", "t"]


@ways
def test_a_failure_beside_a_question(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """In another child: the answer runs both, and what had ended in them runs no more."""
    calls = Calls(kind)
    fails = chain(None, {"f": calls.says("f"), "x": calls.fails_once("x")})
    parts = {"a": inside(way, child_of(calls, "a?")), "z": inside(way, fails)}
    graph = fan(store, parts)
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph)
    waits = questions(state(driver, graph))
    calls_before = calls.fresh()
    if waits:  # the question was asked before the failure came
        ended = answer(driver, graph, 1)
    else:
        assert questions(go_on(driver, graph)) == ["a?"]
        ended = answer(driver, graph, 1)
    assert ended == {"log": ["s", ("a?", 1), "t", "f", "x"]}
    names = [*calls_before, *calls.names]
    assert (names.count("f"), names.count("x"), names.count("t")) == (1, 2, 1)


@pytest.mark.parametrize("method", ["cancel_interrupt"])
def test_a_question_in_a_child_is_withdrawn(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, method: str
) -> None:
    """By its id, at the top."""
    graph = chain(store, {"sub": chain(None, {"a": asks(kind, "a?")}), "t": says(kind, "t")})
    (one,) = interrupts(begin(driver, graph))
    call(driver, graph, method, CONFIG, one.id)
    assert questions(state(driver, graph)) == []
