"""Bugs that were found in use, each as the smallest graph that showed it."""

import operator
from typing import Annotated, Any, TypedDict

import pytest

from graphflow import START, Command, Send, StateGraph
from graphflow.errors import InPlaceEditError, InvalidUpdateError


class State(TypedDict, total=False):
    """A log of who ran, and a number."""

    log: Annotated[list[str], operator.add]
    x: int


def test_a_join_counts_a_source_once_in_a_superstep() -> None:
    """Two tasks of one source fill a join once: the second is not the first of the next round."""

    def again(state: State) -> Command[str]:
        done = len(state["log"]) > 5
        goto: list[Any] = [] if done else ["f", Send("f", {"log": []})]
        return Command(update={"log": ["b"]}, goto=goto)

    builder = StateGraph(State).add_node("b", again).add_node("f", lambda _: {"log": ["f"]})
    graph = builder.add_edge(START, "b").add_edge(["f", "b"], "b").compile()
    assert "".join(graph.invoke({})["log"]) == "bffbffb"


def test_sends_in_a_set_are_refused() -> None:
    """Their order would be that of their hashes, another one in every process."""
    builder = StateGraph(State).add_node("w", lambda _: None)
    builder.add_conditional_edges(START, lambda _: {Send("w", 1)})
    with pytest.raises(InvalidUpdateError, match="set of Sends.*list"):
        builder.compile().invoke({})


def test_an_edit_of_what_a_send_carried_names_its_node() -> None:
    """A Send may carry the state's own lists, and they are read-only there, too."""

    def edit(state: State) -> State:
        state["log"].append("edited")
        return {"x": 1}

    builder = StateGraph(State).add_node("a", lambda _: None).add_node("edit", edit)
    builder.add_edge(START, "a").add_conditional_edges("a", lambda state: Send("edit", state))
    with pytest.raises(InPlaceEditError, match="'log' was changed in place while node 'edit' ran"):
        builder.compile().invoke({"log": ["a"]})


def test_a_reducer_may_have_attributes_of_other_meanings() -> None:
    """Only a function under the name `prepare` or `fold` is taken for the engine's."""

    def joined(left: list[str], right: list[str]) -> list[str]:
        return left + right

    vars(joined).update(prepare="soon", fold=3)

    class Noted(TypedDict, total=False):
        log: Annotated[list[str], joined]

    builder = StateGraph(Noted).add_node("a", lambda _: {"log": ["a"]})
    builder.add_node("b", lambda _: {"log": ["b"]}).add_edge(START, "a").add_edge(START, "b")
    assert builder.compile().invoke({}) == {"log": ["a", "b"]}
