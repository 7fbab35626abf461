"""Building: what `add_node` and the decorator accept, and what they refuse in the call itself."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict, cast

import pytest

from graphflow import END, START, StateGraph
from graphflow.errors import InvalidGraphError
from tests.small import Log, State, Worker, builder, first, gives, log_of, logs, second


class Private(TypedDict):
    """A key that the graph's own state does not have."""

    secret: str


# ----------------------------------------------------------------------------------------- nodes


def test_a_name_and_a_function_make_a_node() -> None:
    """The node goes by the given name, not by the function's."""
    made = StateGraph(State).add_node("mine", first).add_edge(START, "mine")
    assert list(made.compile().stream({})) == [{"mine": {"log": ["first"]}}]


NAMED: dict[str, Callable[[State], object]] = {
    "first": first,
    "Worker": Worker(),
    "work": Worker().work,
    "partial": partial(first),
    "<lambda>": lambda _: None,
}


@pytest.mark.parametrize(("name", "action"), NAMED.items())
def test_an_action_alone_names_its_node(name: str, action: Callable[[State], object]) -> None:
    """A function gives its own name, an object the name of its class."""
    made = StateGraph(State).add_node(action).add_edge(START, name)
    assert [list(chunk) for chunk in made.compile().stream({})] == [[name]]


def test_one_function_can_be_two_nodes() -> None:
    """Names tell nodes apart, functions do not."""
    made = StateGraph(State).add_sequence([("a", first), ("b", first)]).add_edge(START, "a")
    assert log_of(made) == ["first", "first"]


@pytest.mark.parametrize("name", ["x", "log", "a b/ü", "__init__"])
def test_any_other_name_is_fine(name: str) -> None:
    """A node may be named as a key of the state is, and have spaces and letters of any kind."""
    assert log_of(builder(name)) == [name]


def test_a_second_node_of_a_name_is_refused() -> None:
    """The error names the node, and comes from the call."""
    with pytest.raises(InvalidGraphError, match=r"there is a node 'a' already.*another name"):
        builder("a").add_node("a", first)


@pytest.mark.parametrize("name", [START, END])
def test_a_reserved_name_is_refused(name: str) -> None:
    """START and END are in every graph."""
    with pytest.raises(InvalidGraphError, match=f"'{name}' is a reserved name"):
        StateGraph(State).add_node(name, first)


@pytest.mark.parametrize("name", ["a:b", "a|b"])
def test_a_name_with_a_separator_is_refused(name: str) -> None:
    """The error shows the name whole."""
    with pytest.raises(InvalidGraphError, match=rf"the node name '{name[0]}.b' has ':' or '\|'"):
        StateGraph(State).add_node(name, first)


@pytest.mark.parametrize("name", ["", 5, first])
def test_a_name_that_is_no_word_is_refused(name: object) -> None:
    """The error shows what was given."""
    with pytest.raises(InvalidGraphError, match="must be a string that is not empty, not"):
        StateGraph(State).add_node(cast("str", name), second)


def test_a_name_without_an_action_is_refused() -> None:
    """The error shows the call that was meant."""
    with pytest.raises(InvalidGraphError, match=r"no action; use add_node\('lonely', function\)"):
        StateGraph(State).add_node(cast("Any", "lonely"))


def test_an_action_that_cannot_be_called_is_refused() -> None:
    """The error names the node and shows what was given."""
    with pytest.raises(TypeError, match=r"node 'a' must be a function.*'invoke'.*not 5"):
        StateGraph(State).add_node("a", 5)


def test_a_refused_node_leaves_its_name_free() -> None:
    """A call that raises has changed nothing."""
    made = StateGraph(State)
    with pytest.raises(TypeError):
        made.add_node("a", 5)
    assert log_of(made.add_node("a", first).add_edge(START, "a")) == ["first"]


def test_input_schema_narrows_what_a_node_sees() -> None:
    """The node is handed that schema's keys only."""
    seen: list[object] = []
    made = StateGraph(State).add_node("a", seen.append, input_schema=Private)
    made.add_edge(START, "a").compile().invoke({"log": ["in"], "x": 1})
    assert seen == [{}]


def test_input_schema_declares_its_keys_for_every_node() -> None:
    """A private key can be written by a node that does not read it."""
    seen: list[object] = []
    made = StateGraph(State).add_node("a", gives({"secret": "s"}))
    made.add_node("b", seen.append, input_schema=Private)
    made.add_edge(START, "a").add_edge("a", "b").compile().invoke({})
    assert seen == [{"secret": "s"}]


def test_the_annotation_of_the_first_parameter_is_an_input_schema() -> None:
    """It says the same as `input_schema=`."""
    seen: list[object] = []

    def look(state: Private) -> None:
        seen.append(state)

    StateGraph(State).add_node(look).add_edge(START, "look").compile().invoke({"x": 1})
    assert seen == [{}]


def test_input_schema_wins_over_the_annotation() -> None:
    """What is said in the call counts."""
    seen: list[object] = []

    def look(state: Private) -> None:
        seen.append(state)

    made = StateGraph(State).add_node(look, input_schema=State).add_edge(START, "look")
    made.compile().invoke({"x": 1})
    assert seen == [{"log": [], "x": 1}]


def test_a_deferred_node_waits_for_a_longer_path() -> None:
    """It runs once, when nothing else is due."""
    made = builder("a", "b", "c").add_node("last", logs("last"), defer=True)
    made.add_edge("a", "b").add_edge("b", "c").add_edge("a", "last").add_edge("c", "last")
    assert log_of(made) == ["a", "b", "c", "last"]


@pytest.mark.parametrize("inline", [True, False])
def test_inline_decides_where_a_sync_node_runs(*, inline: bool) -> None:
    """On the event loop's own thread with it, in another one without."""
    threads: list[int] = []

    def note(state: object) -> None:
        threads.append(threading.get_ident())

    graph = StateGraph(State).add_node(note, inline=inline).add_edge(START, "note").compile()
    asyncio.run(graph.ainvoke({}))
    assert (threads == [threading.get_ident()]) is inline


def test_a_state_graph_can_be_subscripted_with_the_state_alone() -> None:
    """The context's type has a default, at run time too."""
    assert StateGraph[State](State).add_edge(START, END).compile().invoke({"x": 1}) == {
        "log": [],
        "x": 1,
    }


def test_extra_takes_two_words_only() -> None:
    """The error shows both."""
    with pytest.raises(ValueError, match="must be 'forbid' or 'ignore', not 'allow'"):
        StateGraph(State, extra=cast("Any", "allow"))


# ------------------------------------------------------------------------------------- decorator


def test_the_bare_decorator_adds_a_node_by_its_name() -> None:
    """`@builder.node` is `add_node(function)`."""
    made = StateGraph(State)

    @made.node
    def greet(state: State) -> Log:
        return {"log": ["hello"]}

    assert log_of(made.add_edge(START, greet)) == ["hello"]


def test_the_decorator_returns_the_function_itself() -> None:
    """So it can still be called, and be named in edges."""
    assert StateGraph(State).node(first) is first


def test_the_decorator_takes_a_name() -> None:
    """`@builder.node("name")` names the node otherwise."""
    made = StateGraph(State)
    assert made.node("other")(first) is first
    assert list(made.add_edge(START, "other").compile().stream({})) == [
        {"other": {"log": ["first"]}}
    ]


def test_the_decorator_takes_the_options_of_add_node() -> None:
    """With them the function still gives the name."""
    made = builder("a", "b").add_edge("a", "b")
    made.node(defer=True)(first)
    assert log_of(made.add_edge(START, "first")) == ["a", "b", "first"]
