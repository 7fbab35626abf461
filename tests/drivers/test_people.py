"""Asking people on every driver and in every store: a question waits, and an answer goes on."""

import pytest

from graphflow import START, Command
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import (
    InterruptCancelledError,
    InterruptExpiredError,
    InterruptMismatchError,
    UnknownInterruptError,
)
from graphflow.interrupts import interrupt
from graphflow.types import Durability, StateSnapshot
from tests.drivers.backends import Driver, Gate, Graph, Kind, builder, made, says, settle
from tests.drivers.people import (
    CONFIG,
    DURABILITIES,
    answer,
    asks,
    begin,
    call,
    chain,
    fan,
    go_on,
    history,
    ids,
    interrupts,
    questions,
    returns,
    run,
    state,
)
from tests.small import gives

# ----------------------------------------------------------------------------------- one waits


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_question_ends_the_run_and_an_answer_goes_on(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Whenever it is stored, and in another graph object."""
    calls: list[str] = []
    nodes = {"a": says(kind, "a"), "b": asks(kind, "b?", calls=calls), "c": says(kind, "c")}
    shown = begin(driver, chain(store, nodes), "i", durability=durability)
    assert (questions(shown), shown["log"]) == (["b?"], ["i", "a"])
    there = state(driver, chain(store, nodes))
    assert (questions(there), there.next, there.values) == (["b?"], ("b",), {"log": ["i", "a"]})
    assert ids(there) == ids(shown)
    ended = answer(driver, chain(store, nodes), "yes", durability=durability)
    assert ended == {"log": ["i", "a", ("b?", "yes"), "c"]}
    assert calls == ["b?", "b?"]
    assert state(driver, chain(store, nodes)).interrupts == ()


@pytest.mark.parametrize("given", [0, False, "", [], None, {"k": 1}, (1, 2)])
def test_any_value_answers_by_id(driver: Driver, store: BaseCheckpointSaver, given: object) -> None:
    """Those too that are false, and None."""
    graph = chain(store, {"a": asks("async", "a?")})
    waits = ids(begin(driver, graph))
    assert answer(driver, graph, {waits["a?"]: given}) == {"log": [("a?", given)]}


def test_going_on_without_an_answer_asks_again(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """With the same id, and no checkpoint more."""
    calls: list[str] = []
    graph = chain(store, {"a": asks(kind, "a?", calls=calls)})
    first = begin(driver, graph, "i")
    before = [each.config for each in history(graph)]
    second = go_on(driver, graph)
    assert (ids(first), calls) == (ids(second), ["a?", "a?"])
    assert [each.config for each in history(graph)] == before


def test_questions_of_one_node_are_answered_in_turn(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Each answer stays with its question, whether it is given plainly or by id."""
    graph = chain(store, {"a": asks(kind, "1?", "2?", "3?")})
    assert questions(begin(driver, graph)) == ["1?"]
    second = answer(driver, graph, 1)
    assert questions(second) == ["2?"]
    third = answer(driver, graph, {ids(second)["2?"]: 2})
    assert questions(third) == ["3?"]
    assert ids(go_on(driver, graph)) == ids(third)
    assert answer(driver, graph, 3) == {"log": [("1?", 1), ("2?", 2), ("3?", 3)]}


def test_a_node_asks_until_it_likes_the_answer(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Each round is a question of its own."""

    def insist() -> list[object]:
        heard: list[object] = []
        while not heard or heard[-1] != "please":
            heard.append(interrupt(f"say please ({len(heard)})"))
        return heard

    graph = chain(store, {"a": returns(kind, insist)})
    begin(driver, graph)
    for word in ("no", "never"):
        assert answer(driver, graph, word)["__interrupt__"]
    assert answer(driver, graph, "please") == {"log": [["no", "never", "please"]]}


def test_a_new_input_forgets_what_was_asked(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The old id answers nothing any more, and the history goes on showing the old question."""
    graph = chain(store, {"a": asks(kind, "1?", "2?")})
    old = ids(begin(driver, graph))
    answer(driver, graph, "old")
    anew = begin(driver, graph, "again")
    assert questions(anew) == ["1?"]
    with pytest.raises(UnknownInterruptError) as raised:
        answer(driver, graph, {old["1?"]: "late"})
    assert raised.value.reason == "not_pending"
    assert raised.value.pending_ids == (ids(anew)["1?"],)
    assert any(questions(each) == ["2?"] for each in history(graph))


# ---------------------------------------------------------------------------------- a few wait


def three(store: BaseCheckpointSaver, kind: Kind, calls: list[str]) -> Graph:
    """Return a graph whose superstep has three that ask, and one that does not."""

    def act(_: object) -> object:
        calls.append("k")
        return {"log": ["k"]}

    nodes = {name: asks(kind, f"{name}?", calls=calls) for name in "abc"}
    return fan(store, {**nodes, "k": made(kind, act)})


def test_siblings_are_answered_together(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """In one map; the one that has returned is not run again."""
    calls: list[str] = []
    graph = three(store, kind, calls)
    waits = ids(begin(driver, graph))
    assert sorted(waits) == ["a?", "b?", "c?"]
    ended = answer(driver, graph, {waits[f"{name}?"]: name for name in "cab"})
    assert ended == {"log": [("a?", "a"), ("b?", "b"), ("c?", "c"), "k"]}
    assert sorted(calls) == ["a?", "a?", "b?", "b?", "c?", "c?", "k"]


@pytest.mark.parametrize("durability", DURABILITIES)
def test_siblings_are_answered_one_at_a_time(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Only the one that was answered is run; the others go on waiting, and stay shown."""
    calls: list[str] = []
    graph = three(store, kind, calls)
    waits = ids(begin(driver, graph, durability=durability))
    del calls[:]
    shown = answer(driver, graph, {waits["b?"]: 2}, durability=durability)
    assert (questions(shown), calls) == (["a?", "c?"], ["b?"])
    assert (shown["log"], ids(shown)) == (
        [("b?", 2), "k"],
        {one: waits[one] for one in ("a?", "c?")},
    )
    there = state(driver, graph)
    assert (sorted(there.next), ids(there)) == (["a", "c"], ids(shown))
    with pytest.raises(UnknownInterruptError) as raised:
        answer(driver, graph, "plain", durability=durability)
    assert raised.value.reason == "ambiguous"
    answer(driver, graph, {waits["c?"]: 3}, durability=durability)
    ended = answer(driver, graph, 1, durability=durability)
    assert ended == {"log": [("a?", 1), ("b?", 2), ("c?", 3), "k"]}
    assert calls == ["b?", "c?", "a?"]


def test_nothing_of_a_wrong_map_is_stored(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """An unknown id beside a good one: all wait as before."""
    calls: list[str] = []
    graph = three(store, kind, calls)
    waits = ids(begin(driver, graph))
    before = calls[:]
    for wrong, reason in (
        ({waits["a?"]: 1, "0" * 32: 2}, "not_pending"),
        ({}, "empty_map"),
        ({waits["a?"]: 1, "other": 2}, "ambiguous"),
    ):
        with pytest.raises(UnknownInterruptError) as raised:
            answer(driver, graph, wrong)
        assert raised.value.reason == reason
        assert sorted(raised.value.pending_ids) == sorted(waits.values())
    assert (ids(state(driver, graph)), calls) == (waits, before)


def test_an_answer_counts_once(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Given again, it is for nobody."""
    graph = fan(store, {name: asks(kind, f"{name}?") for name in "ab"})
    waits = ids(begin(driver, graph))
    answer(driver, graph, {waits["a?"]: 1})
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {waits["a?"]: 2})
    ended = answer(driver, graph, {waits["b?"]: 3})
    assert ended == {"log": [("a?", 1), ("b?", 3)]}
    assert answer(driver, graph, "late") == ended


def test_a_sibling_s_failure_is_raised_and_the_question_waits(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The answer runs the one that failed again, too."""
    ran: list[str] = []
    asked = Gate()

    def ask(_: object) -> object:
        ran.append("ask")
        asked.open()
        return {"log": [interrupt("a?")]}

    async def fail(_: object) -> object:
        await asked.passed()
        await settle()
        ran.append("fail")
        if ran.count("fail") == 1:
            msg = "boom"
            raise ValueError(msg)
        return {"log": ["well"]}

    graph = fan(store, {"a": made(kind, ask), "z": fail})
    with pytest.raises(ValueError, match="boom"):
        begin(driver, graph)
    there = state(driver, graph)
    assert (questions(there), sorted(there.next)) == (["a?"], ["a", "z"])
    assert answer(driver, graph, "r") == {"log": ["r", "well"]}
    assert (ran[:2], sorted(ran[2:])) == (["ask", "fail"], ["ask", "fail"])


def test_an_answer_outlasts_a_failure(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The node is run again with it, and what it asks then is a new question."""
    heard: list[object] = []

    def act() -> object:
        heard.append(interrupt("1?"))
        if len(heard) == 1:
            msg = "boom"
            raise ValueError(msg)
        return [heard[-1], interrupt("2?")]

    graph = chain(store, {"a": returns(kind, act)})
    begin(driver, graph)
    with pytest.raises(ValueError, match="boom"):
        answer(driver, graph, "r")
    assert state(driver, graph).tasks[0].error is not None
    shown = go_on(driver, graph)
    assert (questions(shown), state(driver, graph).tasks[0].error) == (["2?"], None)
    assert answer(driver, graph, "s") == {"log": [["r", "s"]]}


# --------------------------------------------------------------------------------- by its name


def test_named_questions_may_change_their_order(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """And others may be asked between."""
    order = [["a", "b"], ["b", "a"], ["b", "x", "a"], ["b", "x", "a"]]

    def act() -> object:
        names = order.pop(0) if len(order) > 1 else order[0]
        return {name: interrupt(f"{name}?", key=name) for name in names}

    graph = chain(store, {"a": returns(kind, act)})
    seen = [questions(begin(driver, graph))]
    seen += [questions(answer(driver, graph, word)) for word in ("A", "B")]
    assert seen == [["a?"], ["b?"], ["x?"]]
    assert answer(driver, graph, "X") == {"log": [{"a": "A", "b": "B", "x": "X"}]}


def test_a_key_may_be_used_again(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """The second time is another question."""

    def act() -> object:
        return [interrupt("1?", key="k"), interrupt("2?", key="k")]

    graph = chain(store, {"a": returns(kind, act)})
    (first,) = interrupts(begin(driver, graph))
    (second,) = interrupts(answer(driver, graph, 1))
    assert (first.key, second.key, first.id != second.id) == ("k", "k", True)
    assert answer(driver, graph, 2) == {"log": [[1, 2]]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("1?", None), ("2?", None)], [("2?", None), ("1?", None)]),
        ([("1?", None), ("2?", None)], [("1?", "k"), ("2?", None)]),
        ([("1?", "k"), ("2?", None)], [("1?", None), ("2?", None)]),
    ],
    ids=["swapped", "named", "unnamed"],
)
def test_an_answer_is_never_another_question_s(
    driver: Driver,
    kind: Kind,
    store: BaseCheckpointSaver,
    before: list[tuple[str, str | None]],
    after: list[tuple[str, str | None]],
) -> None:
    """Where that cannot be told, it is an error; a new input begins anew."""
    turns = [before, before, after]

    def act() -> object:
        now = turns.pop(0) if turns else after
        return [interrupt(value, key=key) for value, key in now]

    graph = chain(store, {"a": returns(kind, act)})
    begin(driver, graph)
    assert questions(answer(driver, graph, 1)) == ["2?"]
    with pytest.raises(InterruptMismatchError):
        answer(driver, graph, 2)
    with pytest.raises(InterruptMismatchError):
        go_on(driver, graph)
    begin(driver, graph)
    answer(driver, graph, 3)
    assert answer(driver, graph, 4) == {"log": [[3, 4]]}


# --------------------------------------------------------------------------------- the end of it


def test_what_is_withdrawn_raises_where_it_was_asked(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """When the thread goes on; the other one waits as before."""
    calls: list[str] = []

    def ask(_: object) -> object:
        calls.append("a")
        try:
            return {"log": [interrupt("a?")]}
        except InterruptCancelledError as error:
            return {"log": [("cancelled", error.value)]}

    graph = fan(store, {"a": made(kind, ask), "b": asks(kind, "b?")})
    waits = ids(begin(driver, graph))
    call(driver, graph, "cancel_interrupt", CONFIG, waits["a?"])
    assert (calls, questions(state(driver, graph))) == (["a"], ["b?"])
    with pytest.raises(UnknownInterruptError):
        call(driver, graph, "cancel_interrupt", CONFIG, waits["a?"])
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {waits["a?"]: 1})
    assert answer(driver, graph, 2) == {"log": [("cancelled", "a?"), ("b?", 2)]}


def test_what_is_withdrawn_is_a_failure_if_nobody_catches_it(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Of that task, each time."""
    graph = chain(store, {"a": asks(kind, "a?")})
    waits = ids(begin(driver, graph))
    call(driver, graph, "cancel_interrupt", CONFIG, waits["a?"])
    for _ in range(2):
        with pytest.raises(InterruptCancelledError):
            go_on(driver, graph)
    assert questions(begin(driver, graph)) == ["a?"]


def test_what_was_answered_cannot_be_withdrawn(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Not at the checkpoint either where it was asked; what the node asks now goes on waiting."""
    graph = builder({"a": asks(kind, "more?")}).add_edge(START, "a")
    compiled = graph.add_conditional_edges("a", gives("a"), ["a"]).compile(checkpointer=store)
    old = state_after(driver, compiled, {})
    now = state_after(driver, compiled, Command(resume=1))
    with pytest.raises(UnknownInterruptError):
        call(driver, compiled, "cancel_interrupt", old.config, old.interrupts[0].id)
    assert state(driver, compiled).interrupts == now.interrupts


def state_after(driver: Driver, graph: Graph, given: object) -> StateSnapshot:
    """Run, and return the state then."""
    run(driver, graph, given)
    return state(driver, graph)


def test_what_is_too_late_has_its_default(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """When the thread is touched next, in whatever way."""
    graph = chain(store, {"a": asks(kind, "a?", expires_in=0, default="nobody")})
    late = begin(driver, graph)
    with pytest.raises(UnknownInterruptError) as raised:
        answer(driver, graph, {ids(late)["a?"]: "late"})
    assert raised.value.reason == "not_pending"
    assert go_on(driver, graph) == {"log": [("a?", "nobody")]}


def test_what_is_too_late_raises_without_a_default(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Where it was asked."""

    def ask() -> object:
        try:
            return interrupt("a?", expires_in=0)
        except InterruptExpiredError as error:
            return ("late", error.value)

    graph = fan(store, {"a": returns(kind, ask), "b": asks(kind, "b?")})
    waits = ids(begin(driver, graph))
    assert answer(driver, graph, {waits["b?"]: 2}) == {"log": [("late", "a?"), ("b?", 2)]}


@pytest.mark.parametrize("durability", DURABILITIES)
def test_an_answer_with_an_update(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """The node sees it when it is run."""
    seen: list[object] = []

    def ask(given: dict[str, object]) -> object:
        seen.append(given.get("x"))
        return {"log": [interrupt("a?")]}

    graph = chain(store, {"a": made(kind, ask)})
    begin(driver, graph)
    given = Command(resume="r", update={"x": 5})
    assert run(driver, graph, given, durability=durability) == {"log": ["r"], "x": 5}
    assert seen == [None, 5]
