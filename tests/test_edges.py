"""Building: edges, joins, sequences, entry and finish, and functions where names would do."""

import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from graphflow import END, START, Command, Send, StateGraph
from graphflow.errors import InvalidGraphError, InvalidUpdateError
from tests.small import Log, State, Worker, builder, first, gives, log_of, logs, second


def third(state: State) -> Log:
    """Log 'third'."""
    return {"log": ["third"]}


CALLS: dict[str, Callable[[StateGraph[State]], object]] = {
    "node": lambda made: made.add_node("new", first),
    "edge": lambda made: made.add_edge("a", "b"),
    "join": lambda made: made.add_edge(["a", "b"], END),
    "branch": lambda made: made.add_conditional_edges("a", gives(END)),
    "sequence": lambda made: made.add_sequence([first, second]),
    "entry": lambda made: made.set_entry_point("a"),
    "conditional entry": lambda made: made.set_conditional_entry_point(gives("a")),
    "finish": lambda made: made.set_finish_point("a"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_call_returns_the_builder(call: Callable[[StateGraph[State]], object]) -> None:
    """So calls can be chained."""
    made = builder("a", "b")
    assert call(made) is made


def test_the_same_edge_twice_is_one_edge() -> None:
    """The target runs once."""
    assert log_of(builder("a", "b").add_edge("a", "b").add_edge("a", "b")) == ["a", "b"]


def test_a_graph_may_lead_from_start_to_end_alone() -> None:
    """Without a node the input is the output."""
    graph = StateGraph(State).add_edge(START, END).compile()
    assert graph.invoke({"log": ["in"]}) == {"log": ["in"]}


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (END, "a", "no edge can leave END"),
        ("a", START, "no edge can lead to START"),
        (["a", START], "b", "a join waits for nodes, and '__start__' is none"),
        (["a", END], "b", "a join waits for nodes, and '__end__' is none"),
        (["a", "b"], START, "no edge can lead to START"),
        ([], "b", "waits for no node"),
    ],
)
def test_an_edge_that_no_graph_can_have_is_refused(start: Any, end: str, said: str) -> None:  # noqa: ANN401 - a name or a list
    """The error comes from the call."""
    with pytest.raises(InvalidGraphError, match=said):
        builder("a", "b").add_edge(start, end)


@pytest.mark.parametrize(("start", "end"), [("a", ["b"]), (5, "b"), (["a", ["b"]], "b")])
def test_an_end_of_an_edge_that_is_no_name_is_shown(start: Any, end: Any) -> None:  # noqa: ANN401 - mistakes
    """A list of targets, say, is answered by words about edges, not about hashing or iterating."""
    with pytest.raises((TypeError, ValueError), match=r"edge.*(\['b'\]|5)"):
        builder("a", "b").add_edge(start, end)


def test_a_join_may_be_added_before_its_nodes() -> None:
    """Names are looked up by `compile()`."""
    made = StateGraph(State).add_edge(["a", "b"], "c")
    made.add_node("a", logs("a")).add_node("b", logs("b")).add_node("c", logs("c"))
    assert log_of(made.add_edge(START, "a").add_edge(START, "b")) == ["a", "b", "c"]


@pytest.mark.parametrize("target", ["c", END])
def test_a_join_may_lead_anywhere(target: str) -> None:
    """To END it does nothing."""
    made = builder("a", "b", "c").add_edge(START, "b").add_edge(("a", "b"), target)
    assert log_of(made) == ["a", "b", "c"][: 2 + (target == "c")]


def test_a_sequence_adds_nodes_and_the_edges_between() -> None:
    """Functions give their names, pairs bring one."""
    made = StateGraph(State).add_sequence([first, ("2", second), third]).add_edge(START, "first")
    assert [*made.compile().stream({})] == [
        {"first": {"log": ["first"]}},
        {"2": {"log": ["second"]}},
        {"third": {"log": ["third"]}},
    ]


def test_an_empty_sequence_is_refused() -> None:
    """It would add nothing, which nobody means."""
    with pytest.raises(InvalidGraphError, match="at least one node"):
        StateGraph(State).add_sequence([])


def test_a_sequence_with_a_name_twice_is_refused() -> None:
    """The error names the node."""
    with pytest.raises(InvalidGraphError, match="a node 'first' already"):
        StateGraph(State).add_sequence([first, first])


@pytest.mark.parametrize("item", ["name", ("name", first, "more"), ("name",), 5])
def test_an_item_of_a_sequence_that_is_no_node_is_shown(item: Any) -> None:  # noqa: ANN401 - mistakes
    """The error has the word sequence, where the mistake is."""
    with pytest.raises((TypeError, ValueError), match=rf"add_sequence.*{re.escape(repr(item))}"):
        StateGraph(State).add_sequence([second, item])


def test_the_entry_point_is_where_runs_begin() -> None:
    """It is an edge from START."""
    made = StateGraph(State).add_node(first).add_node(second)
    assert log_of(made.set_entry_point("second")) == ["second"]


def test_the_conditional_entry_point_chooses_where_runs_begin() -> None:
    """Its path function sees the input."""

    def choose(state: State) -> str:
        return "b" if state.get("x") else "a"

    graph = StateGraph(State).add_node("a", logs("a")).add_node("b", logs("b"))
    graph.set_conditional_entry_point(choose)
    assert graph.compile().invoke({"x": 1})["log"] == ["b"]


def test_the_conditional_entry_point_takes_a_path_map() -> None:
    """Its answers stand for nodes."""
    made = StateGraph(State).add_node("a", logs("a"))
    assert log_of(made.set_conditional_entry_point(gives("go"), {"go": "a"})) == ["a"]


def test_the_finish_point_ends_a_path() -> None:
    """It is an edge to END."""
    assert log_of(builder("a").set_finish_point("a")) == ["a"]


def test_a_conditional_edge_cannot_leave_end() -> None:
    """Nothing runs there that could choose."""
    with pytest.raises(InvalidGraphError, match="no edge can leave END"):
        builder("a").add_conditional_edges(END, gives("a"))


def test_a_path_function_is_taken_once_by_a_node() -> None:
    """The error names the function and the node."""
    made = builder("a").add_conditional_edges("a", first)
    with pytest.raises(InvalidGraphError, match="path function 'first' of 'a' is there already"):
        made.add_conditional_edges("a", first)


def test_two_lambdas_are_two_path_functions() -> None:
    """They share a name by chance only."""
    made = builder("a", "b", "c")
    paths: list[Callable[[State], str]] = [lambda _: "b", lambda _: "c"]
    for path in paths:
        made.add_conditional_edges("a", path)
    assert log_of(made) == ["a", "b", "c"]


def test_a_path_that_cannot_be_called_is_refused() -> None:
    """The error shows what was given, and where."""
    with pytest.raises(TypeError, match=r"the path function .* of 'a' must be a function.*'b'"):
        builder("a", "b").add_conditional_edges("a", cast("Any", "b"))


# --------------------------------------------------------------------------- functions as names


def test_edges_take_the_functions_of_nodes() -> None:
    """At both ends, in joins too."""
    made = StateGraph(State).add_node(first).add_node("other", second).add_node(third)
    made.add_edge(START, first).add_edge(START, second).add_edge([first, second], third)
    assert log_of(made) == ["first", "second", "third"]


def test_edges_take_the_methods_of_nodes() -> None:
    """Two looks at a method are two objects, but one method."""
    worker = Worker()
    assert log_of(StateGraph(State).add_node(worker.work).add_edge(START, worker.work)) == [
        "worked"
    ]


LEADS: dict[str, Callable[[StateGraph[State]], object]] = {
    "path map": lambda made: made.add_conditional_edges(first, gives("s"), {"s": second}),
    "answer": lambda made: made.add_conditional_edges(first, gives(second)),
    "answers": lambda made: made.add_conditional_edges("first", gives([second])),
    "Send": lambda made: made.add_conditional_edges(first, gives(Send(cast("str", second), {}))),
    "goto": lambda made: made.add_node("go", gives(Command(goto=cast("str", second)))).add_edge(
        first, "go"
    ),
}


@pytest.mark.parametrize("lead", LEADS.values(), ids=LEADS)
def test_destinations_take_the_functions_of_nodes(
    lead: Callable[[StateGraph[State]], object],
) -> None:
    """Wherever a name would do."""
    made = StateGraph(State).add_node(first).add_node(second).add_edge(START, first)
    lead(made)
    assert log_of(made) == ["first", "second"]


def test_a_goto_by_the_function_of_two_nodes_is_refused() -> None:
    """Nobody can know which of them is meant."""
    made = StateGraph(State).add_node("a", first).add_node("b", first)
    made.add_node("go", gives(Command(goto=cast("str", first)))).add_edge(START, "go")
    with pytest.raises(InvalidUpdateError, match="first"):
        made.compile().invoke({})
