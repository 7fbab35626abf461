"""Edits in place: the state that a node is handed is read-only, and the barrier looks."""

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest

from graphflow import END, START, Overwrite, Send, StateGraph
from graphflow.errors import InPlaceEditError
from tests.script import begin, play, values
from tests.small import gives


class Sized(TypedDict, total=False):
    """Values of each kind whose length is watched."""

    items: list[int]
    table: dict[str, int]
    marks: set[str]
    log: Annotated[list[str], operator.add]


class Unseen(TypedDict, total=False):
    """A key beside those."""

    other: int


def given() -> dict[str, Any]:
    """Return an input of fresh values."""
    return {"items": [1], "table": {"a": 1}, "marks": {"m"}, "log": ["in"]}


def edit(state: Sized) -> None:
    """Append to a list that was handed out."""
    state.get("items", []).append(2)


EDITS: dict[str, Callable[[Any], object]] = {
    "items": lambda state: state["items"].append(2),
    "table": lambda state: state["table"].update(b=2),
    "marks": lambda state: state["marks"].clear(),
    "log": lambda state: state["log"].clear(),
}


@pytest.mark.parametrize("key", EDITS)
def test_an_edit_in_place_is_found_at_the_barrier(key: str) -> None:
    """The error names key and node, and tells to return the change."""
    made = StateGraph(Sized).add_node("a", EDITS[key]).add_edge(START, "a")
    said = (
        f"the value of '{key}' was changed in place while node 'a' ran; .*: return {{'{key}': ...}}"
    )
    with pytest.raises(InPlaceEditError, match=said):
        play(begin(made, given()))


def test_an_edit_by_one_of_several_names_all_that_were_handed_the_value() -> None:
    """Nobody can tell which of them it was."""
    made = StateGraph(Sized).add_node("a", edit).add_node("b", gives(None))
    made.add_node("c", gives(None), input_schema=Unseen)
    for name in "abc":
        made.add_edge(START, name)
    with pytest.raises(InPlaceEditError, match="while one of the nodes 'a', 'b' ran"):
        play(begin(made, given()))


def test_an_edit_by_a_path_function_is_found_too() -> None:
    """It is handed the state as a node is."""

    def choose(state: Sized) -> str:
        edit(state)
        return END

    made = StateGraph(Sized).add_node("a", gives(None)).add_edge(START, "a")
    with pytest.raises(InPlaceEditError):
        play(begin(made.add_conditional_edges("a", choose), given()))


def test_an_edited_value_that_is_returned_is_no_loss() -> None:
    """It was written, and stands."""

    def node(state: Sized) -> Sized:
        edit(state)
        return {"items": state.get("items", [])}

    script = begin(StateGraph(Sized).add_node("a", node).add_edge(START, "a"), given())
    play(script)
    assert values(script)["items"] == [1, 2]


def test_an_edited_value_that_is_overwritten_with_itself_is_no_loss() -> None:
    """So it is past a reducer."""

    def node(state: Sized) -> dict[str, Overwrite]:
        log = state.get("log", [])
        log.append("a")
        return {"log": Overwrite(log)}

    script = begin(StateGraph(Sized).add_node("a", node).add_edge(START, "a"), given())
    play(script)
    assert values(script)["log"] == ["in", "a"]


def test_an_edit_of_the_handed_dict_is_the_nodes_own_business() -> None:
    """Every node has one to itself."""

    def node(state: Sized) -> None:
        state.pop("items")

    script = begin(StateGraph(Sized).add_node("a", node).add_edge(START, "a"), given())
    play(script)
    assert values(script) == given()


def test_an_edit_of_a_sends_argument_is_the_nodes_own_business() -> None:
    """The state has no part in it."""

    def node(argument: list[int]) -> None:
        argument.append(2)

    made = StateGraph(Sized).add_node("a", node)
    made.set_conditional_entry_point(gives(Send("a", [1])))
    script = begin(made, {})
    play(script)
    assert values(script) == {"log": []}


def test_a_longer_value_that_was_written_is_no_edit() -> None:
    """The lengths are those after the last barrier."""
    made = StateGraph(Sized).add_node("a", gives({"items": [1, 2, 3]})).add_node("b", gives(None))
    script = begin(made.add_edge(START, "a").add_edge("a", "b"), given())
    play(script)
    assert values(script)["items"] == [1, 2, 3]


def test_a_value_that_has_a_length_no_more_is_not_looked_at() -> None:
    """A list may be followed by something else."""
    made = StateGraph(Sized).add_node("a", gives({"items": None})).add_node("b", gives(None))
    script = begin(made.add_edge(START, "a").add_edge("a", "b"), given())
    play(script)
    assert values(script)["items"] is None
