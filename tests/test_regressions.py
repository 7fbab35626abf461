"""Bugs that were found in use, each as the smallest graph that showed it."""

from typing import Annotated, Any, TypedDict

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
