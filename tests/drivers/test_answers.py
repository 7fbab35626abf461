"""What an answer must be, until when it may be given, and nodes that only ask."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import anyio.lowlevel
import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from graphflow import END, START, Command, RunnableConfig, Runtime
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import InterruptExpiredError, InvalidAnswerError
from graphflow.interrupts import interrupt
from tests.drivers.backends import Builder, Driver, Kind, builder, made, says
from tests.drivers.people import (
    answer,
    asks,
    begin,
    call,
    chain,
    config_of,
    fan,
    go_on,
    ids,
    interrupts,
    questions,
    run,
    state,
)


@dataclass
class Point:
    """A dataclass."""

    x: int
    y: int = 0


class Model(BaseModel):
    """A pydantic model."""

    name: str
    age: int


class Record(TypedDict):
    """A TypedDict."""

    name: str


JSON: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}},
    "required": ["n"],
    "additionalProperties": False,
}

SCHEMAS: Final[list[tuple[Any, object, object, object]]] = [
    (bool, True, True, 1),
    (int, 5, 5, "5"),
    (float, 5, 5.0, True),
    (str, "a", "a", 5),
    (list, [1], [1], "a"),
    (dict, {"k": 1}, {"k": 1}, [1]),
    (Literal["yes", "no"], "yes", "yes", "maybe"),
    (Model, {"name": "a", "age": 5}, Model(name="a", age=5), {"name": "a"}),
    (Point, {"x": 1}, Point(1), {"x": "one"}),
    (Record, {"name": "a"}, {"name": "a"}, {}),
    (list[int], [1, 2], [1, 2], [1, "two"]),
    (int | None, None, None, "a"),
    (JSON, {"n": 1}, {"n": 1}, {"n": 0}),
    ({"type": "string"}, "a", "a", 1),
    ({"enum": ["a", 1]}, 1, 1, 2),
]
"""A schema, an answer, what the node gets of it, and an answer that is refused."""
IDS: Final = [getattr(each[0], "__name__", str(each[0])[:20]) for each in SCHEMAS]

schemas = pytest.mark.parametrize("case", SCHEMAS, ids=IDS)


@schemas
def test_an_answer_is_checked_before_anything_runs(
    driver: Driver,
    store: BaseCheckpointSaver,
    case: tuple[Any, object, object, object],
) -> None:
    """A bad one is refused and the question waits; the node gets a good one as its type."""
    schema, good, given, bad = case
    heard: list[object] = []

    def ask(_: object) -> object:
        heard.append(interrupt("a?", schema))
        return {"log": ["well"]}

    graph = chain(store, {"a": made("async", ask)})
    waits = ids(begin(driver, graph))
    with pytest.raises(InvalidAnswerError) as raised:
        answer(driver, graph, {waits["a?"]: bad})
    assert (raised.value.interrupt_id, raised.value.answer) == (waits["a?"], bad)
    there = state(driver, graph)
    assert (ids(there), there.tasks[0].error) == (waits, None)
    assert answer(driver, graph, {waits["a?"]: good}) == {"log": ["well"]}
    assert (heard, type(heard[0])) == ([given], type(given))


def test_of_several_answers_a_bad_one_refuses_all(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Nothing is stored of the others."""
    calls: list[str] = []
    nodes = {name: asks(kind, f"{name}?", calls=calls, response_schema=bool) for name in "ab"}
    graph = fan(store, nodes)
    waits = ids(begin(driver, graph))
    with pytest.raises(InvalidAnswerError):
        answer(driver, graph, {waits["a?"]: True, waits["b?"]: "no"})
    assert (ids(state(driver, graph)), sorted(calls)) == (waits, ["a?", "b?"])
    ended = answer(driver, graph, {waits["a?"]: True, waits["b?"]: False})
    assert ended == {"log": [("a?", True), ("b?", False)]}


def test_the_schema_is_shown_and_stored(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """As a JSON Schema, for whoever asks the person."""
    graph = chain(store, {"a": asks(kind, "a?", response_schema=Model)})
    (shown,) = interrupts(begin(driver, graph))
    (stored,) = state(driver, graph).interrupts
    assert shown.response_schema == stored.response_schema == Model.model_json_schema()


# ----------------------------------------------------------------------------- until when


def later(**time: float) -> datetime:
    """Return a time that is to come."""
    return datetime.now(UTC) + timedelta(**time)


def test_what_nobody_comes_back_to_expires(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Those threads go on whose time is over, and no others."""
    graph = chain(store, {"a": asks(kind, "a?", expires_in=3600, default="nobody")})
    forever = chain(store, {"a": asks(kind, "a?")})
    for thread in "12":
        run(driver, graph, {}, config_of(thread))
    run(driver, forever, {}, config_of("3"))
    answer(driver, graph, "somebody", config=config_of("2"))
    assert call(driver, graph, "expire_due", later(minutes=59)) == {}
    ended = call(driver, graph, "expire_due", later(minutes=61))
    assert ended == {"1": {"log": [("a?", "nobody")]}}
    assert call(driver, graph, "expire_due", later(days=99)) == {}
    logs = [state(driver, graph, config_of(thread)).values["log"] for thread in "123"]
    assert logs == [[("a?", "nobody")], [("a?", "somebody")], []]


def test_an_expired_question_runs_its_own_task_only(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The others go on waiting."""
    calls: list[str] = []
    nodes = {
        "a": asks(kind, "a?", calls=calls, expires_in=timedelta(hours=1), default="nobody"),
        "b": asks(kind, "b?", calls=calls),
    }
    graph = fan(store, nodes)
    begin(driver, graph)
    del calls[:]
    ended = call(driver, graph, "expire_due", later(hours=2))
    assert (questions(ended["t"]), calls) == (["b?"], ["a?"])
    assert answer(driver, graph, 1) == {"log": [("a?", "nobody"), ("b?", 1)]}


def test_an_error_of_an_expired_thread_is_handed_back(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """So that the others go on; a thread that has a run is one of them."""
    graph = chain(store, {"a": asks(kind, "a?", expires_in=3600)})
    for thread in "12":
        run(driver, graph, {}, config_of(thread))
    ended = call(driver, graph, "expire_due", later(hours=2))
    assert {thread: type(error) for thread, error in ended.items()} == {
        "1": InterruptExpiredError,
        "2": InterruptExpiredError,
    }


def test_a_busy_thread_does_not_expire(store: BaseCheckpointSaver) -> None:
    """It has a run, which is for that to see to."""
    came: list[object] = []

    def act(_: object) -> object:
        if came:
            return {}
        came.append(None)
        came.append(graph.expire_due(later(hours=2)))
        return {}

    nodes = {"a": asks("sync", "a?", expires_in=3600, default="x"), "b": act}
    graph = fan(store, nodes)
    begin_at = {"log": ["i"]}
    graph.invoke(begin_at, config_of("t"))
    assert came == [None, {}]


def test_the_time_runs_from_when_it_was_asked_first(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Asking again does not give more of it."""
    graph = chain(store, {"a": asks(kind, "a?", expires_in=3600, default="x")})
    (first,) = interrupts(begin(driver, graph))
    (again,) = interrupts(go_on(driver, graph))
    (stored,) = state(driver, graph).interrupts
    assert first.expires_at
    assert first.expires_at == again.expires_at == stored.expires_at


@pytest.mark.parametrize("now", [datetime(2030, 1, 1), "soon"])  # noqa: DTZ001 - it has no zone
def test_a_time_without_a_zone_is_refused(
    driver: Driver, store: BaseCheckpointSaver, now: object
) -> None:
    """It would be another time elsewhere."""
    graph = chain(store, {"a": says("sync", "a")})
    with pytest.raises((ValueError, TypeError)):
        call(driver, graph, "expire_due", now)


# ------------------------------------------------------------------------- nodes that only ask


def either(kind: Kind, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of state and answer as one of either kind."""
    if kind == "sync":
        return function

    async def waits(given: object, answer: object) -> object:
        await anyio.lowlevel.checkpoint()
        return function(given, answer)

    return waits


Then: TypeAlias = Callable[[Any, Any], Any]
"""What handles an answer."""


def asking(
    kinds: tuple[Kind, Kind],
    calls: list[object],
    then: Then,
    **more: Any,  # noqa: ANN401 - of add_ask
) -> Builder:
    """Return a graph with a node that only asks."""

    def prompt(given: Any) -> object:  # noqa: ANN401 - a state
        calls.append("prompt")
        return f"well, {given['log'][-1]}?"

    def noted(given: object, answer: object) -> object:
        calls.append("then")
        return then(given, answer)

    graph = builder({"b": says("sync", "b"), "c": says("sync", "c")})
    graph.add_ask("a", made(kinds[0], prompt), then=either(kinds[1], noted), **more)
    return graph.add_edge(START, "a")


both_kinds = pytest.mark.parametrize(
    "kinds", [("sync", "sync"), ("sync", "async"), ("async", "sync"), ("async", "async")]
)


@both_kinds
def test_a_node_that_only_asks(
    driver: Driver, store: BaseCheckpointSaver, kinds: tuple[Kind, Kind]
) -> None:
    """The answer runs its handler; what has asked is not called again."""
    calls: list[object] = []
    made = asking(kinds, calls, lambda given, answer: {"log": [(given["log"][-1], answer)]})
    graph = made.add_edge("a", "b").compile(checkpointer=store)
    assert questions(begin(driver, graph, "i")) == ["well, i?"]
    assert answer(driver, graph, "yes") == {"log": ["i", ("i", "yes"), "b"]}
    assert calls == ["prompt", "then"]


@both_kinds
def test_a_handler_says_where_it_goes(
    driver: Driver, store: BaseCheckpointSaver, kinds: tuple[Kind, Kind]
) -> None:
    """With a Command, as any node."""
    calls: list[object] = []

    def then(_: object, answer: str) -> Command[Any]:
        return Command(update={"log": ["a"]}, goto=answer)

    made = asking(kinds, calls, then, destinations=["b", "c"])
    graph = made.compile(checkpointer=store)
    begin(driver, graph, "i")
    assert answer(driver, graph, "c") == {"log": ["i", "a", "c"]}


@both_kinds
def test_a_handler_that_fails_has_its_answer_still(
    driver: Driver, store: BaseCheckpointSaver, kinds: tuple[Kind, Kind]
) -> None:
    """It is run again with it; what has asked is not."""
    calls: list[object] = []

    def then(_: object, answer: object) -> object:
        if calls.count("then") == 1:
            msg = "boom"
            raise ValueError(msg)
        return {"log": [answer]}

    graph = asking(kinds, calls, then).compile(checkpointer=store)
    begin(driver, graph, "i")
    with pytest.raises(ValueError, match="boom"):
        answer(driver, graph, "yes")
    assert go_on(driver, graph) == {"log": ["i", "yes"]}
    assert calls == ["prompt", "then", "then"]


def test_the_answer_is_the_update_if_there_is_no_handler(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Checked as any other."""
    graph = builder({}).add_ask("a", made(kind, lambda _: "what?"), response_schema=dict)
    compiled = graph.add_edge(START, "a").add_edge("a", END).compile(checkpointer=store)
    begin(driver, compiled)
    with pytest.raises(InvalidAnswerError):
        answer(driver, compiled, 5)
    assert answer(driver, compiled, {"log": ["said"]}) == {"log": ["said"]}


def test_both_are_handed_what_they_ask_for(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Config and runtime, beside the state."""

    def prompt(_: object, config: RunnableConfig, runtime: Runtime) -> object:
        assert runtime.execution_info is not None
        return [config.get("configurable", {}).get("thread_id"), runtime.execution_info.attempt]

    async def then(
        _: object, answer: object, *, runtime: Runtime, config: RunnableConfig
    ) -> object:
        await anyio.lowlevel.checkpoint()
        assert runtime.execution_info is not None
        thread = config.get("configurable", {}).get("thread_id")
        return {"log": [answer, thread, runtime.execution_info.attempt]}

    graph = builder({}).add_ask("a", prompt, then=then).add_edge(START, "a")
    compiled = graph.compile(checkpointer=store)
    (asked,) = interrupts(begin(driver, compiled))
    assert asked.value == ["t", 1]
    assert answer(driver, compiled, "r") == {"log": ["r", "t", 2]}


def test_a_node_that_only_asks_may_expire(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The default is handled as an answer."""
    calls: list[object] = []
    made = asking(
        (kind, kind), calls, lambda _, answer: {"log": [answer]}, expires_in=60, default="nobody"
    )
    graph = made.compile(checkpointer=store)
    begin(driver, graph, "i")
    ended = call(driver, graph, "expire_due", later(minutes=2))
    assert ended == {"t": {"log": ["i", "nobody"]}}
    assert calls == ["prompt", "then"]


def test_a_node_that_only_asks_may_be_asked_by_many(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """In a loop, each time anew."""
    calls: list[object] = []
    made = asking((kind, kind), calls, lambda _, answer: {"log": [answer]})

    def more(given: Any) -> str:  # noqa: ANN401 - a state
        return END if given["log"][-1] == "end" else "a"

    made.add_conditional_edges("a", more)
    graph = made.compile(checkpointer=store)
    assert questions(begin(driver, graph, "i")) == ["well, i?"]
    assert questions(answer(driver, graph, "x")) == ["well, x?"]
    assert answer(driver, graph, "end") == {"log": ["i", "x", "end"]}
    assert calls == ["prompt", "then"] * 2
