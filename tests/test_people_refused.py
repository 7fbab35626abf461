"""What is refused of those who ask, answer and edit, and in which words."""

import asyncio
import operator
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypedDict

import pytest

from graphflow import END, START, Command, StateGraph
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    CodecError,
    InterruptError,
    InvalidAnswerError,
    InvalidUpdateError,
    UnknownInterruptError,
)
from graphflow.interrupts import interrupt, once
from graphflow.types import StateUpdate

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    """A log."""

    log: Annotated[list[object], operator.add]


Graph = CompiledStateGraph[Any, Any]


def lone(node: Callable[[State], object], **more: Any) -> Graph:  # noqa: ANN401 - what compile takes
    """Return a graph of one node, with a store in memory."""
    builder = StateGraph(State).add_node("a", node).add_edge(START, "a")
    return builder.compile(checkpointer=InMemorySaver(), **more)


def asks(*args: Any, **more: Any) -> Callable[[State], State]:  # noqa: ANN401 - what interrupt takes
    """Return a node that asks, and logs the answer."""

    def node(_: State) -> State:
        return {"log": [interrupt(*args, **more)]}

    return node


def nothing(_: State) -> None:
    """Return nothing."""


class Odd:
    """A value that cannot be stored, nor compared."""

    def __eq__(self, other: object) -> bool:
        """Refuse."""
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # as whatever has no order


# --------------------------------------------------------------------------------------- asking


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"expires_in": -1}, ValueError, "expires_in must be at least 0"),
        ({"expires_in": "soon"}, TypeError, "must be a number of seconds or a timedelta"),
        ({"expires_in": True}, TypeError, "must be a number of seconds or a timedelta"),
        ({"key": ""}, TypeError, "must be a string that is not empty"),
        ({"key": 3}, TypeError, "must be a string that is not empty"),
        ({"key": "a\0b"}, TypeError, "has no NUL in it"),
        ({"response_schema": 3}, TypeError, "is no type that an answer can be checked against"),
        ({"response_schema": {"type": "nope"}}, TypeError, "is no JSON Schema"),
        ({"default": Odd()}, CodecError, "in the default of what node 'a' asks"),
    ],
)
def test_a_question_that_is_none(more: dict[str, Any], error: type[Exception], said: str) -> None:
    """It is refused when it is asked."""
    with pytest.raises(error, match=said):
        lone(asks("?", **more)).invoke({}, CONFIG)


@pytest.mark.parametrize(
    ("library", "schema"),
    [("pydantic", list[int]), ("jsonschema", {"type": "string", "maxLength": 3})],
)
def test_a_schema_whose_library_is_missing(
    library: str, schema: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how to get it."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TypeError, match=rf"needs {library}; .*'graphflow-engine\[schemas\]'"):
        lone(asks("?", schema)).invoke({}, CONFIG)


def test_a_simple_answer_has_the_type_that_was_asked_for() -> None:
    """A whole number is a float where that was asked for."""
    graph = lone(asks("?", float))
    graph.invoke({}, CONFIG)
    (found,) = graph.invoke(Command(resume=3), CONFIG)["log"]
    assert (found, type(found)) == (3.0, float)


@pytest.mark.parametrize(("key", "fn"), [(3, print), ("a\0b", print), ("x", 3)])
def test_what_is_kept_has_a_name_and_a_function(key: Any, fn: Any) -> None:  # noqa: ANN401 - none of those
    """Else once says so."""

    def node(_: State) -> State:
        return {"log": [once(key, fn)]}

    with pytest.raises(TypeError, match="once"):
        lone(node).invoke({}, CONFIG)


def test_a_result_that_cannot_be_stored() -> None:
    """The error names it and the node."""

    def node(_: State) -> None:
        once("x", Odd)

    with pytest.raises(CodecError, match=r"in the result of once\('x', ...\)") as raised:
        lone(node).invoke({}, CONFIG)
    assert raised.value.node == "a"


@pytest.mark.parametrize(
    ("prompt", "then", "said"),
    [
        (3, None, "prompt of node 'a' must be a function"),
        (nothing, 3, "then of node 'a' must be a function"),
        (nothing, nothing, "must take the state and the answer"),
    ],
)
def test_an_ask_that_is_none(prompt: Any, then: Any, said: str) -> None:  # noqa: ANN401 - none of those
    """It is refused when it is added."""
    with pytest.raises(TypeError, match=said):
        StateGraph(State).add_ask("a", prompt, then=then)


def test_an_ask_whose_handler_takes_anything() -> None:
    """And one whose answer is the update."""

    def then(*given: object) -> State:
        return {"log": [given[1]]}

    builder = StateGraph(State).add_ask("a", nothing, then=then).add_ask("b", nothing)
    graph = builder.add_edge(START, "a").add_edge("a", "b").compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    assert graph.invoke(Command(resume={"log": ["no"]}), CONFIG) == {"log": ["yes", "no"]}


@pytest.mark.parametrize("given", ["a", 3, ["b"], [["a"]]])
def test_a_stop_at_what_is_no_node(given: Any) -> None:  # noqa: ANN401 - none of those
    """Of compile, and of a call."""
    with pytest.raises(ValueError, match="interrupt_before"):
        lone(nothing, interrupt_before=given)
    with pytest.raises(ValueError, match="interrupt_after"):
        lone(nothing).invoke({}, CONFIG, interrupt_after=given)


# ------------------------------------------------------------------------------------- answering


def test_an_answer_that_comes_too_late() -> None:
    """Plain or by id: it is told until when it could be given."""
    graph = lone(asks("?", expires_in=0))
    graph.invoke({}, CONFIG)
    (waits,) = graph.get_state(CONFIG).interrupts
    with pytest.raises(UnknownInterruptError, match="comes too late") as raised:
        graph.invoke(Command(resume=1), CONFIG)
    assert raised.value.interrupt_ids == (waits.id,)
    with pytest.raises(UnknownInterruptError, match="it could be answered until 2"):
        graph.invoke(Command(resume={waits.id: 1}), CONFIG)


def test_an_answer_that_cannot_be_stored() -> None:
    """The question still waits."""
    graph = lone(asks("?"))
    graph.invoke({}, CONFIG)
    with pytest.raises(CodecError, match="in the answer to node 'a'"):
        graph.invoke(Command(resume={"x": Odd()}), CONFIG)
    assert len(graph.get_state(CONFIG).interrupts) == 1


def test_an_answer_after_an_edit_that_may_be_for_several() -> None:
    """They are to be asked anew first."""
    builder = StateGraph(State).add_node("a", asks("a?")).add_node("b", asks("b?"))
    builder.add_node("c", asks("c?")).add_edge(START, "a").add_edge(START, "b")
    graph = builder.add_edge(START, "c").compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG)
    graph.update_state(CONFIG, {"log": ["c"]}, as_node="c")
    with pytest.raises(UnknownInterruptError, match="give None first") as raised:
        graph.invoke(Command(resume=1), CONFIG)
    assert raised.value.reason == "ambiguous"


def test_a_late_thread_whose_node_fails_is_told() -> None:
    """Beside those that went on, on an event loop too."""
    builder = StateGraph(State).add_node("a", asks("?", expires_in=60))
    graph = builder.add_edge(START, "a").compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG)
    later = datetime.now(UTC) + timedelta(hours=1)
    ended = asyncio.run(graph.aexpire_due(later))
    assert isinstance(ended["1"], InterruptError)
    assert asyncio.run(graph.aexpire_due()) == {}


# --------------------------------------------------------------------------------------- editing


NONE: list[tuple[Any, type[Exception], str]] = [
    ([], ValueError, "at least one superstep"),
    ([[]], ValueError, "at least one update"),
    ([[3]], TypeError, "an update is a StateUpdate"),
    ([[(None, "__copy__"), (None, "a")]], InvalidUpdateError, "give it alone"),
    ([[({}, None), ({}, None)]], InvalidUpdateError, "need as_node each"),
    ([[({}, "b")]], InvalidUpdateError, "as_node='b' is no node"),
    ([[({}, ["a"])]], InvalidUpdateError, "is no node"),
    ([[({}, END)]], InvalidUpdateError, "ends all that is due and writes nothing"),
    ([[(None, "__input__")]], InvalidUpdateError, "needs a dict of state keys"),
]


@pytest.mark.parametrize(("supersteps", "error", "said"), NONE)
def test_an_edit_that_is_none(
    supersteps: Sequence[Sequence[Any]], error: type[Exception], said: str
) -> None:
    """Nothing of it is stored."""
    graph = lone(nothing)
    graph.invoke({}, CONFIG)
    before = len([*graph.get_state_history(CONFIG)])
    with pytest.raises(error, match=said):
        graph.bulk_update_state(CONFIG, supersteps)
    assert len([*graph.get_state_history(CONFIG)]) == before


def test_a_copy_and_a_fork_of_what_is_not_there() -> None:
    """In whatever way."""
    graph = lone(nothing)
    with pytest.raises(CheckpointNotFoundError, match="no state that could be copied"):
        graph.update_state(CONFIG, None, as_node="__copy__")
    ways: list[dict[str, Any]] = [{}, {"values": {"log": [1]}}, {"thread_id": "2"}]
    for more in ways:
        with pytest.raises(CheckpointNotFoundError, match="no state that could be"):
            graph.fork(CONFIG, **more)


def test_a_fork_to_a_thread_that_is_there() -> None:
    """It stays as it is; a fork of an input goes on with it."""
    builder = StateGraph(State).add_node("a", asks("?"))

    def where(_: State) -> str:
        answer: str = interrupt("where?")
        return answer

    builder.add_conditional_edges(START, where, ["a"])
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": ["i"]}, CONFIG)
    made: Any = graph.fork(CONFIG, thread_id="2")
    with pytest.raises(CheckpointError, match="there is a thread '2' already"):
        graph.fork(CONFIG, thread_id="2")
    assert graph.get_state(made).next == (START,)
    there: Any = {"configurable": {"thread_id": "2"}}
    graph.invoke(Command(resume="a"), there)
    assert graph.invoke(Command(resume=1), there) == {"log": ["i", 1]}


def test_a_conditional_edge_that_asks_within_an_edit() -> None:
    """An edit waits for nobody."""

    def where(_: State) -> str:
        answer: str = interrupt("where?")
        return answer

    builder = StateGraph(State).add_node("a", nothing)
    builder.add_edge(START, "a").add_conditional_edges("a", where, ["a"])
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["a"])
    graph.invoke({}, CONFIG)
    with pytest.raises(InterruptError, match="asked 'where\\?' while the state was edited"):
        graph.update_state(CONFIG, {"log": [1]}, as_node="a")
    graph.bulk_update_state(CONFIG, [[StateUpdate({"log": [1]}, START)]])
    assert graph.get_state(CONFIG).values == {"log": [1]}


def test_an_answer_of_a_group_that_raises_more_than_questions() -> None:
    """The failure counts, without the questions."""

    def node(_: State) -> None:
        asked: BaseException | None = None
        try:
            interrupt("?")
        except BaseException as error:  # noqa: BLE001 - as a task group collects it
            asked = error
        assert asked is not None
        raise BaseExceptionGroup("both", [asked, ValueError("boom")])

    with pytest.raises(ExceptionGroup, match="both") as raised:
        lone(node).invoke({}, CONFIG)
    assert [str(one) for one in raised.value.exceptions] == ["boom"]
    assert any("ended the wait for an answer to '?'" in note for note in raised.value.__notes__)


def test_an_answer_that_the_type_does_not_take_can_be_given_again() -> None:
    """A validator of the type says more than its JSON Schema."""
    from pydantic import BaseModel, field_validator  # noqa: PLC0415 - optional

    class Even(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            """Check it."""
            if n % 2:
                msg = "it is odd"
                raise ValueError(msg)
            return n

    def node(_: State) -> State:
        return {"log": [interrupt("?", Even).n]}

    graph = lone(node)
    graph.invoke({}, CONFIG)
    with pytest.raises(InvalidAnswerError, match="it is odd"):
        graph.invoke(Command(resume={"n": 1}), CONFIG)
    assert len(graph.get_state(CONFIG).interrupts) == 1
    assert graph.invoke(Command(resume={"n": 2}), CONFIG) == {"log": [2]}
