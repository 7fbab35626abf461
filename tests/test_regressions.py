"""Bugs that were found in use, each as the smallest graph that showed it."""

import asyncio
import threading
from enum import Enum
from typing import Annotated, Any, Generic, TypedDict, TypeVar, cast
from unittest.mock import Mock

import pytest

from graphflow import START, Command, MessagesState, Send, StateGraph
from graphflow.errors import InPlaceEditError, InvalidUpdateError
from tests.small import State, builder, gives, log_of, logs


def test_a_join_counts_a_source_once_in_a_superstep() -> None:
    """Two tasks of one source fill a join once: the second is not the first of the next round."""

    def again(state: State) -> Command[str]:
        done = len(state.get("log", [])) > 5
        goto: list[Any] = [] if done else ["f", Send("f", {"log": []})]
        return Command(update={"log": ["b"]}, goto=goto)

    made = StateGraph(State).add_node("f", logs("f")).add_node("b", again)
    made.add_edge(START, "b").add_edge(["f", "b"], "b")
    assert "".join(log_of(made)) == "bffbffb"


def test_sends_in_a_set_are_refused() -> None:
    """Their order would be that of their hashes, another one in every process."""
    made = builder("w").add_conditional_edges("w", gives({Send("w", 1)}))
    with pytest.raises(InvalidUpdateError, match=r"set of Sends.*list"):
        made.compile().invoke({})


def test_an_edit_of_what_a_send_carried_names_its_node() -> None:
    """A Send may carry the state's own lists, and they are read-only there, too."""

    def edit(state: State) -> State:
        state.get("log", []).append("edited")
        return {"x": 1}

    def carry(state: State) -> Send:
        return Send("edit", state)

    made = StateGraph(State).add_node("a", gives(None)).add_node("edit", edit)
    made.add_edge(START, "a").add_conditional_edges("a", carry)
    with pytest.raises(InPlaceEditError, match="'log' was changed in place while node 'edit' ran"):
        made.compile().invoke({"log": ["a"]})


def test_a_reducer_may_have_attributes_of_other_meanings() -> None:
    """Only a function under the name `prepare` or `fold` is taken for the engine's."""

    def joined(left: list[str], right: list[str]) -> list[str]:
        return left + right

    vars(joined).update(prepare="soon", fold=3)

    class Noted(TypedDict, total=False):
        log: Annotated[list[str], joined]

    made = StateGraph(Noted).add_node("a", logs("a")).add_node("b", logs("b"))
    made.add_edge(START, "a").add_edge(START, "b")
    assert made.compile().invoke({}) == {"log": ["a", "b"]}


def test_a_dict_that_stands_for_an_overwrite_is_refused_among_messages() -> None:
    """Also where several writes are merged in one call."""
    made = StateGraph(MessagesState)
    made.add_node("a", gives({"messages": {"__overwrite__": []}}))
    made.add_node("b", gives({"messages": "hello"})).add_edge(START, "a").add_edge(START, "b")
    with pytest.raises((InvalidUpdateError, TypeError, ValueError)):
        made.compile().invoke({})


@pytest.mark.parametrize("notes", [None, (), property(lambda _: ("fixed",))])
def test_an_error_that_takes_no_notes_is_raised_as_it_is(notes: object) -> None:
    """A note is worth less than the error it is for."""

    class OddError(Exception):
        __notes__ = cast("list[str]", notes)

    def fail(state: State) -> State:
        raise OddError

    with pytest.raises(OddError):
        StateGraph(State).add_node("a", fail).add_edge(START, "a").compile().invoke({})


def test_an_error_whose_repr_fails_does_not_hide_the_first() -> None:
    """It is in the notes of the first one, as far as it can be shown."""

    class ShyError(Exception):
        def __repr__(self) -> str:
            raise ZeroDivisionError

    gate = threading.Barrier(2)

    def first(state: State) -> State:
        gate.wait()
        raise KeyError

    def second(state: State) -> State:
        gate.wait()
        raise ShyError

    made = StateGraph(State).add_node("a", first).add_node("b", second)
    with pytest.raises((KeyError, ShyError)):
        made.add_edge(START, "a").add_edge(START, "b").compile().invoke({})


def test_what_can_be_called_is_called_though_it_has_invoke() -> None:
    """A stand-in that answers to any name is a function first, as in LangGraph."""
    graph = builder("b").add_node("a", Mock(return_value={"x": 1}))
    graph.add_conditional_edges("b", Mock(return_value="a"))
    assert graph.compile().invoke({}) == {"log": ["b"], "x": 1}


T = TypeVar("T")


class Boxed(TypedDict, Generic[T], total=False):
    """A generic state."""

    x: T


@pytest.mark.parametrize("schema", [Boxed[int], Annotated[State, "a note"]])
def test_a_schema_may_come_as_an_alias(schema: Any) -> None:  # noqa: ANN401 - forms of a type
    """The class behind it is read."""
    made: StateGraph[Any] = StateGraph(schema)
    made.add_node("a", gives({"x": 1})).add_edge(START, "a")
    assert made.compile().invoke({})["x"] == 1


class Key(str, Enum):  # noqa: UP042 - its repr is another one than that of StrEnum
    """Keys as constants."""

    X = "x"


def test_a_key_of_an_enum_is_kept_under_its_plain_name() -> None:
    """The state's keys are those of the schema, whatever equal thing was written."""
    made = StateGraph(State).add_node("a", gives({Key.X: 4})).add_edge(START, "a")
    (chunk,) = made.compile().stream({}, stream_mode="values")
    assert [type(key) for key in chunk] == [str, str]


def test_the_state_has_its_keys_in_the_order_of_the_schema() -> None:
    """Whichever was written first."""
    seen: list[list[str]] = []

    def look(state: State) -> None:
        seen.append(list(state))

    made = StateGraph(State).add_node("a", gives({"x": 1})).add_node("b", look)
    made.add_edge(START, "a").add_edge("a", "b")
    graph = made.compile()
    assert list(graph.invoke({"y": 2})) == ["log", "x", "y"]
    assert seen == [["log", "x", "y"]]


@pytest.mark.parametrize("grace", [None, -1, float("nan"), True, "5"])
def test_a_grace_that_is_no_time_is_refused_by_compile(grace: Any) -> None:  # noqa: ANN401 - mistakes
    """Not when a node is cancelled."""
    with pytest.raises(ValueError, match=r"cancel_grace must be a number of seconds"):
        builder("a").compile(cancel_grace=grace)


def test_a_run_after_one_that_stopped_the_shared_loop_is_right() -> None:
    """The loop for async nodes of `invoke` is made again when a node has ended it."""

    async def stop(state: State) -> State:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return {}

    async def fine(state: State) -> State:
        return {"x": 1}

    bad = StateGraph(State).add_node("a", stop).add_edge(START, "a").compile()
    good = StateGraph(State).add_node("a", fine).add_edge(START, "a").compile()
    with pytest.raises((asyncio.CancelledError, RuntimeError)):
        bad.invoke({})
    assert good.invoke({})["x"] == 1
