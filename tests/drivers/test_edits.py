"""Editing threads on every driver and in every store: all or nothing, and one at a time."""

import operator
from typing import Annotated, Any, TypedDict

import anyio
import pytest

from graphflow import START, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    CodecError,
    InvalidUpdateError,
    ThreadBusyError,
    UnknownInterruptError,
)
from graphflow.interrupts import aonce, interrupt, once
from graphflow.testing._line import content
from graphflow.types import StateUpdate
from tests.drivers.backends import Driver, Gate, Kind, LoopDriver, made, says
from tests.drivers.people import (
    CONFIG,
    answer,
    asks,
    begin,
    call,
    chain,
    config_of,
    fan,
    go_on,
    history,
    ids,
    interrupts,
    questions,
    run,
    state,
)


class BoomError(Exception):
    """What a reducer raises."""


def careful(old: int, new: int) -> int:
    """Add: a reducer that refuses what is negative."""
    if new < 0:
        raise BoomError
    return old + new


class Careful(TypedDict, total=False):
    """A list, and a sum that may be refused."""

    log: Annotated[list[Any], operator.add]
    sum: Annotated[int, careful]


def careful_graph(store: BaseCheckpointSaver, kind: Kind) -> CompiledStateGraph[Any, Any]:
    """Return a graph of two nodes over such a state."""
    graph: StateGraph[Any, Any] = StateGraph(Careful)
    graph.add_node("a", says(kind, "a")).add_node("b", says(kind, "b"))
    return graph.add_edge(START, "a").add_edge("a", "b").compile(checkpointer=store)


WRONG: list[tuple[Any, type[Exception]]] = [
    ([[StateUpdate({"log": ["x"], "sum": -1}, "a")]], BoomError),
    ([[StateUpdate({"log": ["x"]}, "a")], [StateUpdate({"sum": -1}, "b")]], BoomError),
    (
        [
            [
                StateUpdate({"sum": 1}, "a"),
                StateUpdate({"sum": 1}, "b"),
                StateUpdate({"sum": -1}, "b"),
            ]
        ],
        BoomError,
    ),
    ([[StateUpdate({"log": [object()]}, "a")]], CodecError),
    ([[StateUpdate({"log": ["x"]}, "a")], [StateUpdate({"log": [object()]}, "b")]], CodecError),
    ([[StateUpdate({"nothing": 1}, "a")]], InvalidUpdateError),
    ([[StateUpdate({"log": ["x"]}, "nobody")]], InvalidUpdateError),
    ([[StateUpdate({"log": ["x"]}, "a")], [StateUpdate(5, "b")]], InvalidUpdateError),
    ([[StateUpdate({"log": ["x"]}), StateUpdate({"log": ["y"]}, "a")]], InvalidUpdateError),
    ([], ValueError),
    ([[StateUpdate({"log": ["x"]}, "a")], []], ValueError),
    ([["no update"]], TypeError),
]


@pytest.mark.parametrize(("edits", "error"), WRONG)
def test_an_edit_that_is_refused_leaves_nothing(
    driver: Driver,
    store: BaseCheckpointSaver,
    edits: Any,  # noqa: ANN401 - wrong ones
    error: type[Exception],
) -> None:
    """Nothing of it, of several supersteps neither; and the thread is free."""
    graph = careful_graph(store, "sync")
    begin(driver, graph, "i")
    before = content(store, "t")
    with pytest.raises(error):
        call(driver, graph, "bulk_update_state", CONFIG, edits)
    assert content(store, "t") == before
    call(driver, graph, "update_state", CONFIG, {"sum": 1}, "a")
    assert go_on(driver, graph) == {"log": ["i", "a", "b", "b"], "sum": 1}


def test_several_edits_are_made_together(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Each superstep is a checkpoint, with the updates in their order."""
    graph = chain(store, {"a": says(kind, "a"), "b": says(kind, "b")})
    edits = [
        [StateUpdate({"log": ["0"]}, START)],
        [StateUpdate({"log": ["1"]}, "a"), StateUpdate({"log": ["2"]}, "a")],
        [StateUpdate({"log": ["3"]}, "b")],
    ]
    made = call(driver, graph, "bulk_update_state", CONFIG, edits)
    there = state(driver, graph)
    assert (there.values["log"], there.next) == ([*"0123"], ())
    assert there.config.get("configurable") == made.get("configurable")
    assert [each.values["log"] for each in history(graph)][:3] == [
        [*"0123"],
        [*"012"],
        ["0"],
    ]


def test_a_busy_thread_is_not_edited(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """By nobody, in no way; its run goes on undisturbed."""
    came: list[object] = []
    nodes = {"a": asks(kind, "a?"), "b": says(kind, "b")}

    def act(_: object) -> object:
        edits: list[tuple[Any, ...]] = [
            ("update_state", {"log": ["x"]}, "b"),
            ("bulk_update_state", [[StateUpdate({"log": ["x"]}, "b")]]),
            ("fork",),
            ("cancel_interrupt", "0" * 32),
        ]
        for method, *args in edits:
            try:
                came.append(getattr(graph, method)(CONFIG, *args))
            except ThreadBusyError as error:
                came.append(error.superseded)
        return {"log": ["act"]}

    graph = fan(store, {**nodes, "c": made("sync", act)})
    assert questions(begin(driver, graph)) == ["a?"]
    assert came == [False] * 4
    assert answer(driver, graph, 1) == {"log": [("a?", 1), "b", "act"]}


def test_edits_on_a_loop_find_a_thread_busy(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """Those that are awaited, while a run waits."""
    gate, runs = Gate(), Gate()

    async def wait(_: object) -> object:
        runs.open()
        await gate.passed()
        return {"log": ["a"]}

    graph = chain(store, {"a": wait})

    async def body() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(one)
            await runs.passed()
            for act in (
                lambda: graph.aupdate_state(CONFIG, {"log": ["x"]}, "a"),
                lambda: graph.abulk_update_state(CONFIG, [[StateUpdate({"log": ["x"]}, "a")]]),
                lambda: graph.afork(CONFIG),
                lambda: graph.acancel_interrupt(CONFIG, "0" * 32),
            ):
                with pytest.raises(ThreadBusyError):
                    await act()
            gate.open()

    async def one() -> None:
        await graph.ainvoke({"log": ["i"]}, CONFIG)

    loop.main(body)
    assert state(loop, graph).values["log"] == ["i", "a"]


def test_everything_is_asked_anew_after_an_edit(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Of a task that stays due: what was asked, and answered, was of another state."""
    nodes = {"a": asks(kind, "1?", "2?"), "b": asks(kind, "b?"), "k": says(kind, "k")}
    graph = fan(store, nodes)
    first = ids(begin(driver, graph))
    waits = ids(answer(driver, graph, {first["1?"]: 1}))
    call(driver, graph, "update_state", CONFIG, {"log": ["for b"]}, "b")
    there = state(driver, graph)
    assert (there.values["log"], there.next, questions(there)) == (["for b", "k"], ("a",), [])
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {waits["2?"]: 2})
    assert questions(go_on(driver, graph)) == ["1?"]
    assert ids(state(driver, graph)).keys().isdisjoint({"2?"})
    answer(driver, graph, 1)
    assert answer(driver, graph, 2)["log"] == ["for b", "k", ("1?", 1), ("2?", 2)]


def test_an_answer_right_after_an_edit_is_for_the_edited_state(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Whoever edits and answers at once need not ask in between."""
    graph = chain(store, {"a": asks(kind, "a?")})
    begin(driver, graph, "i")
    call(driver, graph, "update_state", CONFIG, {"log": ["u"]})
    assert answer(driver, graph, "yes") == {"log": ["i", "u", ("a?", "yes")]}


def test_what_was_kept_outlasts_several_edits(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The results of `once` of a task that stays due; in one bulk of edits, too."""
    calls: list[str] = []

    def charge() -> str:
        calls.append("charged")
        return "receipt"

    def pay(_: object) -> object:
        return {"log": [once("charge", charge), interrupt("a?")]}

    async def apay(_: object) -> object:
        return {"log": [await aonce("charge", charge), interrupt("a?")]}

    nodes = {"a": pay if kind == "sync" else apay, "b": asks(kind, "b?"), "c": asks(kind, "c?")}
    graph = fan(store, nodes)
    begin(driver, graph)
    edits = [[StateUpdate({"log": [name]}, name)] for name in "bc"]
    call(driver, graph, "bulk_update_state", CONFIG, edits)
    assert state(driver, graph).next == ("a",)
    assert questions(go_on(driver, graph)) == ["a?"]
    assert answer(driver, graph, "yes")["log"] == ["b", "c", "receipt", "yes"]
    assert calls == ["charged"]


def test_an_edit_for_the_node_that_asks_answers_for_it(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Its question is asked no more, and its edges are followed."""
    graph = chain(store, {"a": asks(kind, "a?"), "b": says(kind, "b")})
    waits = ids(begin(driver, graph))
    call(driver, graph, "update_state", CONFIG, {"log": ["said"]}, "a")
    assert (state(driver, graph).interrupts, state(driver, graph).next) == ((), ("b",))
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {waits["a?"]: 1})
    assert go_on(driver, graph) == {"log": ["said", "b"]}


# --------------------------------------------------------------------------------------- forks


def test_a_fork_asks_anew_what_was_answered(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """And the first history stays as it was."""
    graph = chain(store, {"a": says(kind, "a"), "b": asks(kind, "b?"), "c": says(kind, "c")})
    begin(driver, graph, "i")
    answer(driver, graph, "one")
    before = history(graph)
    asked = next(each for each in before if each.interrupts)
    call(driver, graph, "fork", asked.config)
    assert questions(go_on(driver, graph)) == ["b?"]
    assert answer(driver, graph, "two")["log"] == ["i", "a", ("b?", "two"), "c"]
    after = history(graph)
    assert [each for each in after if each.config in [one.config for one in before]] == before


def test_a_fork_keeps_what_waits(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Where the superstep has not ended: what has returned is not run again."""
    calls: list[str] = []
    nodes = {name: asks(kind, f"{name}?", calls=calls) for name in "ab"}
    graph = fan(store, nodes)
    waits = ids(begin(driver, graph, "i"))
    answer(driver, graph, {waits["a?"]: 1})
    del calls[:]
    call(driver, graph, "fork", state(driver, graph).config)
    ended = answer(driver, graph, 2)
    assert (ended["log"], calls) == (["i", ("a?", 1), ("b?", 2)], ["b?"])


def test_a_fork_of_a_thread_as_it_is(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Is a branch, too, and shows what waits; the other one waits on as it was."""
    graph = chain(store, {"a": asks(kind, "1?", "2?")})
    begin(driver, graph)
    waits = ids(answer(driver, graph, 1))
    origin = state(driver, graph).config
    before = len(history(graph))
    forked = call(driver, graph, "fork", CONFIG)
    assert len(history(graph)) == before + 1
    for config in (CONFIG, forked, origin):
        assert ids(state(driver, graph, config)) == waits
    assert answer(driver, graph, 2)["log"] == [("1?", 1), ("2?", 2)]
    assert ids(run(driver, graph, None, origin)) == waits
    assert answer(driver, graph, 3)["log"] == [("1?", 1), ("2?", 3)]


def test_a_fork_to_another_thread(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Both go on for themselves."""
    graph = chain(store, {"a": says(kind, "a"), "b": asks(kind, "b?")})
    begin(driver, graph, "i")
    before = content(store, "t")
    call(driver, graph, "fork", CONFIG, None, "u")
    other = run_answer(driver, graph, "two", "u")
    assert content(store, "t") == before
    assert answer(driver, graph, "one")["log"] == ["i", "a", ("b?", "one")]
    assert other["log"] == ["i", "a", ("b?", "two")]
    with pytest.raises(CheckpointError):
        call(driver, graph, "fork", CONFIG, None, "u")


def run_answer(driver: Driver, graph: Any, given: object, thread: str) -> Any:  # noqa: ANN401 - a graph and its values
    """Answer in another thread."""
    return answer(driver, graph, given, config=config_of(thread))


def test_a_fork_with_values(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Is the edit of a checkpoint, whatever came after it."""
    graph = chain(store, {"a": says(kind, "a"), "b": says(kind, "b")})
    begin(driver, graph, "i")
    old = next(each for each in history(graph) if each.next == ("b",))
    call(driver, graph, "fork", old.config, {"log": ["edited"]})
    assert go_on(driver, graph) == {"log": ["i", "a", "edited", "b"]}


# ----------------------------------------------------------------------------------- hostile ids

HOSTILE = [
    "",
    "junk",
    "-",
    "0-0",
    "f" * 400,
    "000000000003",
    "'; drop table x",
    "\0",
    "\ud800",
    "-1--1",
    "\uff11-\uff11",
]


@pytest.mark.parametrize("name", HOSTILE[1:])
def test_a_checkpoint_that_is_not_there(
    driver: Driver, store: BaseCheckpointSaver, name: str
) -> None:
    """Is an error to edit, to fork, to go on from; nothing is stored."""
    graph = chain(store, {"a": says("sync", "a")})
    begin(driver, graph)
    before = content(store, "t")
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_id": name}}
    edits: list[tuple[Any, ...]] = [
        ("update_state", config, {"log": ["x"]}, "a"),
        ("fork", config),
        ("fork", config, None, "u"),
    ]
    for method, *args in edits:
        with pytest.raises(CheckpointNotFoundError):
            call(driver, graph, method, *args)
    with pytest.raises(CheckpointNotFoundError):
        run(driver, graph, None, config)
    assert content(store, "t") == before


@pytest.mark.parametrize("name", HOSTILE)
def test_an_interrupt_that_is_not_there(
    driver: Driver, store: BaseCheckpointSaver, name: str
) -> None:
    """Is an error to withdraw, and leaves the thread as it is."""
    graph = chain(store, {"a": asks("sync", "a?")})
    begin(driver, graph)
    before = content(store, "t")
    with pytest.raises(UnknownInterruptError):
        call(driver, graph, "cancel_interrupt", CONFIG, name)
    assert content(store, "t") == before


@pytest.mark.parametrize("task", ["", "0" * 32, "junk", "\ud800"])
def test_a_task_that_is_not_there(driver: Driver, store: BaseCheckpointSaver, task: str) -> None:
    """Is none that an edit stands for, so the node's own task stays due or an error says so."""
    graph = chain(store, {"a": asks("sync", "a?")})
    begin(driver, graph)
    try:
        call(driver, graph, "update_state", CONFIG, {"log": ["x"]}, "a", task)
    except (InvalidUpdateError, ValueError):
        assert questions(state(driver, graph)) == ["a?"]
    else:
        assert state(driver, graph).values["log"] == ["x"]


@pytest.mark.parametrize("thread", ["'; drop table x", "\0", "\ud800", "x" * 10_000, "ﬁ", 5])
def test_any_thread_can_be_edited(
    driver: Driver, store: BaseCheckpointSaver, thread: object
) -> None:
    """Whatever it is called."""
    graph = chain(store, {"a": asks("sync", "a?")})
    config = config_of(thread)
    (asked,) = interrupts(run(driver, graph, {}, config))
    call(driver, graph, "cancel_interrupt", config, asked.id)
    call(driver, graph, "update_state", config, {"log": ["x"]}, "a")
    call(driver, graph, "fork", config)
    assert state(driver, graph, config).values["log"] == ["x"]
    assert state(driver, graph, config).next == ()


def test_a_thread_that_is_not_there_has_nothing_to_fork(
    driver: Driver, store: BaseCheckpointSaver
) -> None:
    """It is an error, and no thread comes of it."""
    graph = chain(store, {"a": says("sync", "a")})
    several: list[tuple[Any, ...]] = [(), (None, "u"), ({"log": []}, "u")]
    for args in several:
        with pytest.raises(CheckpointNotFoundError):
            call(driver, graph, "fork", CONFIG, *args)
    assert [*store.list_threads()] == []


def test_without_a_checkpointer_nothing_can_be_edited(driver: Driver) -> None:
    """The error says what is missing."""
    graph = chain(None, {"a": says("sync", "a")})
    edits: list[tuple[Any, ...]] = [
        ("update_state", {}),
        ("bulk_update_state", [[StateUpdate({})]]),
        ("fork",),
        ("cancel_interrupt", "0" * 32),
    ]
    for method, *args in edits:
        with pytest.raises(ValueError, match="checkpointer"):
            call(driver, graph, method, CONFIG, *args)
    with pytest.raises(ValueError, match="checkpointer"):
        call(driver, graph, "expire_due")
