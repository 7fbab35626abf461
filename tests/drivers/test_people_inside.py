"""Where a question may be asked: deep inside a node, in several tasks of it, and at edges."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from graphflow import END, START, Command, Runtime, Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import (
    GraphInterrupt,
    InterruptError,
    InterruptSwallowedError,
    InvalidUpdateError,
)
from graphflow.interrupts import interrupt
from graphflow.runtime import ExecutionInfo
from tests.drivers.backends import (
    ASYNCIO,
    REAL,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    builder,
    made,
    says,
)
from tests.drivers.people import (
    answer,
    asks,
    begin,
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

Body = Callable[[], Coroutine[Any, Any, object]]

on_asyncio = pytest.mark.parametrize("loop", ASYNCIO, indirect=True)


def awaits(body: Body) -> Callable[[object], Coroutine[Any, Any, object]]:
    """Return a node that logs what a coroutine function returns."""

    async def node(_: object) -> object:
        return {"log": [await body()]}

    return node


# --------------------------------------------------------------------------------- deep inside


def test_in_functions_that_a_node_calls(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """However deep."""

    def outer() -> object:
        try:
            return [inner()]
        except Exception:  # noqa: BLE001 - which an interrupt is not
            return "caught"

    def inner() -> object:
        return interrupt("a?")

    graph = chain(store, {"a": returns(kind, outer)})
    begin(driver, graph)
    assert answer(driver, graph, 1) == {"log": [[1]]}


@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_in_coroutines_that_a_node_awaits(driver: Driver, store: BaseCheckpointSaver) -> None:
    """However deep, and in a thread that one of them waits for."""

    async def outer() -> object:
        return [await inner(), await anyio.to_thread.run_sync(interrupt, "2?")]

    async def inner() -> object:
        await anyio.lowlevel.checkpoint()
        return interrupt("1?")

    graph = chain(store, {"a": awaits(outer)})
    assert questions(begin(driver, graph)) == ["1?"]
    assert questions(answer(driver, graph, 1)) == ["2?"]
    assert answer(driver, graph, 2) == {"log": [[1, 2]]}


def test_in_a_thread_that_a_node_waits_for(driver: Driver, store: BaseCheckpointSaver) -> None:
    """With a copy of the node's context; the node lets the interrupt through."""

    def act() -> object:
        came: list[Any] = []
        context = copy_context()

        def work() -> None:
            try:
                came.append(context.run(interrupt, "a?"))
            except GraphInterrupt as asked:
                came.append(asked)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(came[0], GraphInterrupt):
            raise came[0]
        return came[0]

    graph = chain(store, {"a": returns("sync", act)})
    assert questions(begin(driver, graph)) == ["a?"]
    assert answer(driver, graph, 1) == {"log": [1]}


# ------------------------------------------------------------------------- in tasks of a node


async def in_asyncio(*bodies: Body) -> list[object]:
    """Await all in asyncio's task group."""
    if not hasattr(asyncio, "TaskGroup"):
        raise AssertionError
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(body()) for body in bodies]
    return [task.result() for task in tasks]


async def in_anyio(*bodies: Body) -> list[object]:
    """Await all in anyio's task group."""
    came: dict[int, object] = {}

    async def one(number: int, body: Body) -> None:
        came[number] = await body()

    async with anyio.create_task_group() as group:
        for number, body in enumerate(bodies):
            group.start_soon(one, number, body)
    return [came[number] for number in range(len(bodies))]


async def in_trio(*bodies: Body) -> list[object]:
    """Await all in trio's nursery."""
    came: dict[int, object] = {}

    async def one(number: int, body: Body) -> None:
        came[number] = await body()

    async with trio.open_nursery() as nursery:
        for number, body in enumerate(bodies):
            nursery.start_soon(one, number, body)
    return [came[number] for number in range(len(bodies))]


GROUPS = {"asyncio": in_asyncio, "anyio": in_anyio, "trio": in_trio}
WHERE = [
    ("threads", "asyncio"),
    ("threads", "anyio"),
    *((name, group) for name in ASYNCIO for group in ("asyncio", "anyio")),
    ("trio", "anyio"),
    ("trio", "trio"),
]
"""Each driver with the groups that can be opened there; nodes of `threads` have asyncio."""

groups = pytest.mark.parametrize(("driver", "group"), WHERE, indirect=["driver"])


def asked(value: str) -> Body:
    """Return a coroutine function that asks at its first step, by name."""

    async def ask() -> object:
        return interrupt(value, key=value)

    return ask


@groups
def test_tasks_of_a_node_ask(driver: Driver, group: str, store: BaseCheckpointSaver) -> None:
    """All that they ask is shown, and can be answered one after the other."""
    graph = chain(store, {"a": awaits(lambda: GROUPS[group](asked("1?"), asked("2?")))})
    waits = ids(begin(driver, graph))
    assert sorted(waits) == ["1?", "2?"]
    shown = answer(driver, graph, {waits["2?"]: 2})
    assert ids(shown) == {"1?": waits["1?"]}
    assert answer(driver, graph, 1) == {"log": [[1, 2]]}


@groups
def test_tasks_of_tasks_ask(driver: Driver, group: str, store: BaseCheckpointSaver) -> None:
    """A group in a group of interrupts is interrupts, too."""
    opened = GROUPS[group]

    async def inner() -> object:
        return await opened(asked("1?"))

    graph = chain(store, {"a": awaits(lambda: opened(inner))})
    assert questions(begin(driver, graph)) == ["1?"]
    assert answer(driver, graph, 1) == {"log": [[[1]]]}


@groups
def test_an_error_beside_a_question_is_a_failure(
    driver: Driver, group: str, store: BaseCheckpointSaver
) -> None:
    """The question is not shown; once the error is mended, it is asked again."""
    fails = [True]

    async def fail() -> object:
        if fails:
            msg = "boom"
            raise ValueError(msg)
        return "well"

    graph = chain(store, {"a": awaits(lambda: GROUPS[group](asked("1?"), fail))})
    with pytest.raises(ExceptionGroup) as raised:
        begin(driver, graph)
    assert [str(error) for error in raised.value.exceptions] == ["boom"]
    assert state(driver, graph).interrupts == ()
    fails.clear()
    assert questions(go_on(driver, graph)) == ["1?"]
    assert answer(driver, graph, 1) == {"log": [[1, "well"]]}


@on_asyncio
def test_gathered_coroutines_ask(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """As many as have asked when the node ends."""
    graph = chain(store, {"a": awaits(lambda: gathered(asked("1?"), asked("2?")))})
    waits = ids(begin(loop, graph))
    assert sorted(waits) == ["1?", "2?"]
    assert answer(loop, graph, {waits["1?"]: 1, waits["2?"]: 2}) == {"log": [[1, 2]]}


async def gathered(*bodies: Body) -> object:
    """Await all with gather."""
    return [*await asyncio.gather(*(body() for body in bodies))]


# ---------------------------------------------------------------------------------- swallowed


def swallows() -> object:
    """Catch the interrupt."""
    try:
        return interrupt("a?")
    except BaseException:  # noqa: BLE001 - the mistake
        return "no matter"


def test_a_swallowed_question_is_reported(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """As the failure of its node, without an answer."""
    graph = fan(store, {"a": returns(kind, swallows), "b": says(kind, "b")})
    with pytest.raises(InterruptSwallowedError) as raised:
        begin(driver, graph)
    assert raised.value.node == "a"
    there = state(driver, graph)
    assert there.interrupts == ()
    assert "a" in there.next


@on_asyncio
def test_a_question_is_swallowed_by_gather(loop: LoopDriver, store: BaseCheckpointSaver) -> None:
    """If it returns exceptions."""

    async def body() -> object:
        came = await asyncio.gather(asked("1?")(), return_exceptions=True)
        return [repr(one) for one in came]

    graph = chain(store, {"a": awaits(body)})
    with pytest.raises(InterruptSwallowedError):
        begin(loop, graph)


def test_a_question_that_became_another_error_is_told(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """In a note of the error."""

    def act() -> object:
        try:
            return interrupt("a?")
        except BaseException as error:
            msg = "boom"
            raise ValueError(msg) from error

    graph = chain(store, {"a": returns(kind, act)})
    with pytest.raises(ValueError, match="boom") as raised:
        begin(driver, graph)
    assert any("'a?'" in each for each in raised.value.__notes__)


def test_a_question_asked_after_a_swallowed_one(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Both are shown: answers can be given to either."""

    def act() -> object:
        return [swallows(), interrupt("b?")]

    graph = chain(store, {"a": returns(kind, act)})
    waits = ids(begin(driver, graph))
    assert sorted(waits) == ["a?", "b?"]
    ended = answer(driver, graph, {waits["a?"]: 1, waits["b?"]: 2})
    assert ended == {"log": [[1, 2]]}


def test_an_interrupt_raised_by_hand_asks_nothing(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """It is a failure that says what to do."""

    def act() -> object:
        raise GraphInterrupt

    with pytest.raises(InterruptError, match=r"call interrupt\(value\)"):
        begin(driver, chain(store, {"a": returns(kind, act)}))


# --------------------------------------------------------------------------------- other tasks


def test_sent_tasks_ask(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Each its own question; one that was answered is not run again."""
    calls: list[object] = []

    def work(item: Any) -> object:  # noqa: ANN401 - what was sent
        calls.append(item)
        return {"log": [(item, interrupt(f"{item}?"))]}

    graph = builder({"w": made(kind, work)})
    graph.set_conditional_entry_point(gives([Send("w", 1), Send("w", 2), Send("w", 2)]))
    compiled = graph.compile(checkpointer=store)
    first = begin(driver, compiled)
    assert questions(first) == ["1?", "2?", "2?"]
    two = sorted(one.id for one in interrupts(first) if one.value == "2?")
    assert len({*two}) == len(two)
    del calls[:]
    shown = answer(driver, compiled, {two[0]: "x"})
    assert (calls, questions(shown)) == ([2], ["1?", "2?"])
    answer(driver, compiled, {ids(shown)["1?"]: "one"})
    log = answer(driver, compiled, "y")["log"]
    assert (log[0], sorted(log[1:])) == ((1, "one"), [(2, "x"), (2, "y")])


def test_a_loop_asks_in_each_round(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Each question has its own id, and each answer its own round."""
    graph = builder({"a": asks(kind, "more?")}).add_edge(START, "a")

    def more(given: Any) -> str:  # noqa: ANN401 - a state
        return "a" if given["log"][-1][1] == "yes" else END

    graph.add_conditional_edges("a", more, ["a", END])
    compiled = graph.compile(checkpointer=store)
    seen = [ids(begin(driver, compiled))["more?"]]
    seen += [ids(answer(driver, compiled, "yes"))["more?"] for _ in range(3)]
    assert len({*seen}) == len(seen)
    assert answer(driver, compiled, "no")["log"] == [("more?", "yes")] * 3 + [("more?", "no")]


@pytest.mark.parametrize("path_kind", ["sync", "async"])
def test_a_conditional_edge_asks(
    driver: Driver, kind: Kind, path_kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Its node is not run again, and neither are other nodes."""
    ran: list[str] = []

    def act(_: object) -> object:
        ran.append("a")
        return {"log": ["a"]}

    path = made(path_kind, lambda given: interrupt(f"where, after {given['log']}?"))
    graph = builder({"a": made(kind, act), "b": says(kind, "b"), "c": says(kind, "c")})
    graph.add_edge(START, "a").add_conditional_edges("a", path, ["b", "c"])
    compiled = graph.compile(checkpointer=store)
    assert questions(begin(driver, compiled, "i")) == ["where, after ['i', 'a']?"]
    assert state(driver, compiled).next == ("a",)
    assert questions(go_on(driver, compiled)) == ["where, after ['i', 'a']?"]
    assert answer(driver, compiled, "c") == {"log": ["i", "a", "c"]}
    assert ran == ["a"]


@pytest.mark.parametrize("path_kind", ["sync", "async"])
def test_the_edge_of_the_start_asks(
    driver: Driver, kind: Kind, path_kind: Kind, store: BaseCheckpointSaver
) -> None:
    """And the input is not lost."""
    path = made(path_kind, lambda _: interrupt("where?"))
    graph = builder({"b": says(kind, "b"), "c": says(kind, "c")})
    graph.add_conditional_edges(START, path, ["b", "c"])
    compiled = graph.compile(checkpointer=store)
    assert questions(begin(driver, compiled, "i")) == ["where?"]
    assert questions(state(driver, compiled)) == ["where?"]
    assert questions(go_on(driver, compiled)) == ["where?"]
    assert answer(driver, compiled, "c") == {"log": ["i", "c"]}


def ask_at_edge(question: str, _: object) -> object:
    """Ask where to go."""
    return interrupt(question)


@pytest.mark.parametrize("asked", [("1?", "2?", "3?"), ("same?", "same?", "same?")])
def test_a_node_and_its_edges_ask_in_turn(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, asked: tuple[str, str, str]
) -> None:
    """Each its own question, though the node is not run again for those of its edges."""
    graph = builder({"a": asks(kind, asked[0]), "b": says(kind, "b"), "c": says(kind, "c")})
    graph.add_edge(START, "a")
    for question, name in zip(asked[1:], ("first", "second"), strict=True):
        path = made(kind, partial(ask_at_edge, question))
        path.__name__ = name
        graph.add_conditional_edges("a", path, ["b", "c"])
    compiled = graph.compile(checkpointer=store)
    begin(driver, compiled)
    assert questions(answer(driver, compiled, "b")) == [asked[1]]
    assert questions(answer(driver, compiled, "b")) == [asked[2]]
    assert answer(driver, compiled, "c") == {"log": [(asked[0], "b"), "b", "c"]}


@pytest.mark.parametrize("more", [{"update": {"x": 5}}, {"goto": "b"}], ids=["update", "goto"])
def test_a_command_where_the_edge_of_the_start_waits(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, more: dict[str, Any]
) -> None:
    """It is refused: there is no state yet that it could be applied to. Nothing is lost."""
    graph = builder({"b": says(kind, "b"), "c": says(kind, "c")})
    graph.add_conditional_edges(START, made(kind, lambda _: interrupt("where?")), ["b", "c"])
    compiled = graph.compile(checkpointer=store)
    begin(driver, compiled, "i")
    with pytest.raises(
        InvalidUpdateError, match=r"the input of the thread '.*' is not applied there"
    ):
        run(driver, compiled, Command(resume="c", **more))
    assert questions(state(driver, compiled)) == ["where?"]
    assert len(history(compiled)) == 1
    assert answer(driver, compiled, "c") == {"log": ["i", "c"]}


def test_a_command_of_a_node_that_asks(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The answer may decide where it goes."""

    def act(_: object) -> Command[Any]:
        return Command(update={"log": ["a"]}, goto=interrupt("where?"))

    nodes = {"a": made(kind, act), "b": says(kind, "b"), "c": says(kind, "c")}
    graph = builder(nodes, destinations=("b", "c")).add_edge(START, "a")
    compiled = graph.compile(checkpointer=store)
    begin(driver, compiled)
    assert answer(driver, compiled, "c") == {"log": ["a", "c"]}


# ------------------------------------------------------------------------------- round about it


def test_middleware_is_left_when_a_node_asks(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """It sees the interrupt pass, and is entered again with the next attempt."""
    seen: list[object] = []

    @contextmanager
    def around(info: ExecutionInfo) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            seen.append((info.attempt, type(error).__name__))
            raise
        seen.append((info.attempt, "well"))

    graph = chain(store, {"a": asks(kind, "a?")}, middleware=[around])
    begin(driver, graph)
    assert answer(driver, graph, 1) == {"log": [("a?", 1)]}
    assert seen == [(1, "GraphInterrupt"), (2, "well")]


def test_middleware_that_swallows_a_question(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """It is told of, as a node that does so."""

    @contextmanager
    def around(_: ExecutionInfo) -> Generator[None]:
        try:
            yield
        except BaseException:  # noqa: BLE001 - the mistake
            return

    graph = chain(store, {"a": asks(kind, "a?")}, middleware=[around])
    with pytest.raises(InterruptSwallowedError):
        begin(driver, graph)


def test_a_task_knows_how_often_it_was_begun(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Its key for others stays the same; the next task has one of its own."""
    told: list[tuple[str, int, bool, str]] = []

    def act(_: object, runtime: Runtime) -> object:
        info = runtime.execution_info
        assert info is not None
        told.append((info.node, info.attempt, info.is_replay, info.idempotency_key))
        if info.node == "b":
            return {}
        return {"log": [interrupt("1?"), interrupt("2?")]}

    async def act_async(given: object, runtime: Runtime) -> object:
        await anyio.lowlevel.checkpoint()
        return act(given, runtime)

    node = act if kind == "sync" else act_async
    graph = chain(store, {"a": node, "b": node})
    begin(driver, graph)
    answer(driver, graph, 1)
    answer(driver, graph, 2)
    assert [one[:3] for one in told] == [
        ("a", 1, False),
        ("a", 2, True),
        ("a", 3, True),
        ("b", 1, False),
    ]
    assert [one[3] == told[0][3] for one in told] == [True, True, True, False]


def test_without_a_checkpointer_a_question_ends_the_run(driver: Driver, kind: Kind) -> None:
    """It is shown; there is nothing that could be answered."""
    graph = fan(None, {"a": asks(kind, "a?"), "b": says(kind, "b")})
    shown = driver.run(graph, {"log": ["i"]})
    assert (questions(shown), shown["log"]) == (["a?"], ["i", "b"])
    resume: Any = Command(resume=1)
    with pytest.raises((RuntimeError, ValueError), match="checkpointer"):
        driver.run(graph, resume)


def stopped(graph: Graph, driver: Driver) -> tuple[object, object]:
    """Return where a thread is."""
    there = state(driver, graph)
    return there.next, there.interrupts


def test_it_stops_where_it_is_told_to(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Before nodes and after them, also where nodes ask."""
    nodes = {"a": says(kind, "a"), "b": asks(kind, "b?"), "c": says(kind, "c")}
    graph = chain(store, nodes, interrupt_before=["b"], interrupt_after=["b"])
    assert begin(driver, graph, "i") == {"log": ["i", "a"]}
    assert stopped(graph, driver) == (("b",), ())
    assert questions(go_on(driver, graph)) == ["b?"]
    assert questions(go_on(driver, graph)) == ["b?"]
    assert answer(driver, graph, 1) == {"log": ["i", "a", ("b?", 1)]}
    assert stopped(graph, driver) == (("c",), ())
    assert go_on(driver, graph)["log"][-1] == "c"


def test_a_call_says_where_it_stops(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Instead of what was compiled; an empty list is nowhere."""
    nodes = {name: says(kind, name) for name in "abc"}
    graph = chain(store, nodes, interrupt_before=["b"])
    assert begin(driver, graph, "i", interrupt_before=["c"])["log"] == ["i", "a", "b"]
    assert go_on(driver, graph)["log"] == ["i", "a", "b", "c"]
    assert begin(driver, graph, interrupt_before=[])["log"][-3:] == [*"abc"]
    assert begin(driver, graph, interrupt_before="*")["log"][-1] == "c"
    seen = [go_on(driver, graph, interrupt_before="*")["log"][-1] for _ in range(3)]
    assert seen == [*"abc"]
    with pytest.raises(ValueError, match="unknown"):
        begin(driver, graph, interrupt_after=["unknown"])
