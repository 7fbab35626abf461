"""`compile()`: what no single call of the builder could know is found there, all of it at once."""

import re
from collections.abc import Callable
from typing import Any, Literal, cast

import pytest

from graphflow import END, START, Command, GraphValidationError, StateGraph
from tests.small import State, builder, gives, logs


def findings(made: StateGraph[State]) -> tuple[str, ...]:
    """Return what `compile()` finds."""
    with pytest.raises(GraphValidationError) as caught:
        made.compile()
    return caught.value.findings


def pay(state: State) -> Command[Literal["ship", "b"]]:
    """Promise to go to 'ship' or to 'b'."""
    return Command(goto="b")


def choose(state: State) -> Literal["ship", "b"]:
    """Promise to answer 'ship' or 'b'."""
    return "b"


def stranger(state: State) -> None:
    """Do nothing; no graph here has it as a node."""


def test_a_graph_without_an_entry_is_found() -> None:
    """The finding shows the call that is missing, with a node there is."""
    assert findings(StateGraph(State).add_node("a", logs("a"))) == (
        "no edge leaves START, so a run has nowhere to begin; use add_edge(START, 'a')",
    )


@pytest.mark.parametrize("enter", ["edge", "branch"])
def test_an_edge_or_a_branch_is_an_entry(enter: str) -> None:
    """Either one lets a run begin."""
    made = StateGraph(State).add_node("a", logs("a"))
    if enter == "edge":
        made.add_edge(START, "a")
    else:
        made.add_conditional_edges(START, gives("a"))
    assert made.compile().invoke({}) == {"log": ["a"]}


MISTAKES: dict[str, Callable[[StateGraph[State]], object]] = {
    "the edge 'a' -> 'ship'": lambda made: made.add_edge("a", "ship"),
    "the edge 'ship' -> 'a'": lambda made: made.add_edge("ship", "a"),
    "the edge ['a', 'ship'] -> 'b'": lambda made: made.add_edge(["a", "ship"], "b"),
    "the edge ['a', 'b'] -> 'ship'": lambda made: made.add_edge(["a", "b"], "ship"),
    "the path map of the conditional edge 'function' of 'a'": lambda made: (
        made.add_conditional_edges("a", gives(1), {1: "ship"})
    ),
    "the path map of the conditional edge 'choose' of 'a'": lambda made: made.add_conditional_edges(
        "a", choose
    ),
    "the conditional edge 'function' of 'ship'": lambda made: made.add_conditional_edges(
        "ship", gives("a")
    ),
    "the return annotation of node 'pay'": lambda made: made.add_node(pay),
    "destinations of node 'c'": lambda made: made.add_node(
        "c", gives(None), destinations=["b", "ship"]
    ),
    "the edge '__start__' -> 'ship'": lambda made: made.set_entry_point("ship"),
    "the edge 'ship' -> '__end__'": lambda made: made.set_finish_point("ship"),
}


@pytest.mark.parametrize(("place", "mistake"), MISTAKES.items(), ids=MISTAKES)
def test_a_name_that_is_no_node_is_found(
    place: str, mistake: Callable[[StateGraph[State]], object]
) -> None:
    """The finding tells the place and the name."""
    made = builder("a", "b")
    mistake(made)
    (finding,) = findings(made)
    assert finding.startswith(f"{place} names 'ship', which is no node; there are 'a', 'b'")


def test_a_near_name_is_offered() -> None:
    """A slip of the keyboard is answered with the name that was meant."""
    (finding,) = findings(builder("agent", "action").add_edge("agent", "actoin"))
    assert "which is no node (did you mean 'action'?)" in finding


def test_a_function_that_is_no_node_is_found() -> None:
    """The finding names the function."""
    (finding,) = findings(builder("a").add_edge("a", stranger))
    assert "names the function 'stranger', which is no node's" in finding


@pytest.mark.parametrize("target", [5, None])
def test_a_target_that_is_neither_name_nor_function_is_not_called_one(target: object) -> None:
    """The finding shows it."""
    made = builder("a").add_conditional_edges("a", gives(1), {1: cast("str", target)})
    (finding,) = findings(made)
    assert str(target) in finding
    assert "the function" not in finding


def test_a_function_that_is_two_nodes_is_found() -> None:
    """The finding tells which nodes, and to give a name instead."""
    made = StateGraph(State).add_node("a", stranger).add_node("b", stranger)
    (finding,) = findings(made.add_edge(START, stranger))
    assert "that of 'a', 'b'; give the name instead" in finding


def test_all_findings_come_in_one_error() -> None:
    """One look at the error shows all there is to mend."""
    made = StateGraph(State).add_node("a", logs("a")).add_edge("a", "b").add_edge("c", "a")
    assert len(findings(made)) == 3


def test_the_error_shows_a_line_for_each_finding() -> None:
    """The message is the list."""
    made = StateGraph(State).add_node("a", logs("a")).add_edge("a", "b")
    with pytest.raises(GraphValidationError) as caught:
        made.compile()
    assert str(caught.value).splitlines()[1:] == [f"- {one}" for one in caught.value.findings]


def test_a_mistake_is_told_once() -> None:
    """An edge names both its ends, but its wrong end is one finding."""
    made = builder("a").add_edge("a", "ship").add_edge("a", "ship")
    assert len(findings(made)) == 1


def test_the_error_is_a_value_error() -> None:
    """As LangGraph's is."""
    with pytest.raises(ValueError, match="the graph cannot be compiled"):
        StateGraph(State).compile()


FINE: dict[str, Callable[[StateGraph[State]], object]] = {
    "a node that nothing leads to": lambda made: made.add_node("alone", logs("alone")),
    "a path map that ends": lambda made: made.add_conditional_edges("a", gives(1), {1: END}),
    "destinations that end": lambda made: made.add_node("c", gives(None), destinations=["a", END]),
    "an empty path map": lambda made: made.add_conditional_edges("b", gives("a"), {}),
}


@pytest.mark.parametrize("addition", FINE.values(), ids=FINE)
def test_what_is_odd_but_no_mistake_compiles(
    addition: Callable[[StateGraph[State]], object],
) -> None:
    """Only what cannot be right is found."""
    made = builder("a", "b")
    addition(made)
    assert made.compile().invoke({}) == {"log": ["a"]}


BACK: dict[str, Callable[[StateGraph[State]], object]] = {
    "path map": lambda made: made.add_conditional_edges("a", gives(1), {1: START}),
    "destinations": lambda made: made.add_node("c", gives(None), destinations=[START]),
}


@pytest.mark.parametrize("mistake", BACK.values(), ids=BACK)
def test_a_destination_that_is_start_is_found(
    mistake: Callable[[StateGraph[State]], object],
) -> None:
    """No run could go there, so `compile()` says so and not the run."""
    made = builder("a")
    mistake(made)
    assert all(START in finding for finding in findings(made))


def test_a_finding_of_a_graph_without_nodes_ends_its_sentence() -> None:
    """Where there is no node to list, no list is begun."""
    (finding,) = findings(StateGraph(State).add_edge(START, "a"))
    assert not re.search(r"there are\s*$", finding)


@pytest.mark.parametrize("option", ["path_map", "destinations"])
def test_a_string_of_destinations_is_one_name(option: str) -> None:
    """Nobody who gives "ship" means 's', 'h', 'i' and 'p'; `goto="ship"` means 'ship' too."""
    made = builder("a", "ship")
    given = cast("Any", "ship")
    if option == "path_map":
        made.add_conditional_edges("a", gives("ship"), given)
    else:
        made.add_node("c", gives(None), destinations=given)
    assert made.compile().invoke({})["log"][0] == "a"
