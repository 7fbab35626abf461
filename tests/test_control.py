"""Control flow, as a user writes it: branches, loops, Send, Command, joins, defer, END, limit."""

import asyncio
import operator
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict, cast

import pytest

from graphflow import END, START, Command, GraphRecursionError, Send, StateGraph
from graphflow.errors import InvalidBranchError
from tests.small import State, builder, gives, log_of, logs


def branching(
    path: Callable[..., Any],
    path_map: Any = None,  # noqa: ANN401 - a dict, a list or None
) -> StateGraph[State]:
    """Return a graph of 'a', whose conditional edge that is, and of 'b' and 'c'."""
    return builder("a", "b", "c").add_conditional_edges("a", path, path_map)


# ---------------------------------------------------------------------------- conditional edges


async def to_b(state: State) -> str:
    """Choose 'b', being awaited."""
    return "b"


def literally(state: State) -> Literal["b", "c"]:
    """Choose 'b', and promise no more than 'b' and 'c'."""
    return "b"


class Chooser:
    """A callable object that chooses 'b', and a method that does."""

    def __call__(self, _: State) -> str:
        """Choose."""
        return "b"

    def choose(self, _: State) -> str:
        """Choose."""
        return "b"


PATHS: dict[str, tuple[Callable[..., Any], Any]] = {
    "a name": (gives("b"), None),
    "a list of names": (gives(["b"]), None),
    "a tuple of names": (gives(("b",)), None),
    "an async function": (to_b, None),
    "an object": (Chooser(), None),
    "a method": (Chooser().choose, None),
    "a Literal": (literally, None),
    "a dict": (gives("go"), {"go": "b"}),
    "a dict from truth": (gives(answer=True), {True: "b", False: END}),
    "a dict from None": (gives(None), {None: "b"}),
    "a list of what is allowed": (gives("b"), ["b", "c"]),
    "a Send": (gives(Send("b", {})), None),
    "a Send past a dict": (gives(Send("b", {})), {"go": "c"}),
    "a name and END": (gives(["b", END]), None),
    "a name twice": (gives(["b", "b"]), None),
}


@pytest.mark.parametrize(("path", "path_map"), PATHS.values(), ids=PATHS)
def test_how_a_conditional_edge_leads_to_a_node(path: Callable[..., Any], path_map: object) -> None:
    """Each of these runs 'b' after 'a', once, and nothing else."""
    assert log_of(branching(path, path_map)) == ["a", "b"]


@pytest.mark.parametrize("answer", [END, [], [END]])
def test_how_a_conditional_edge_ends_a_path(answer: object) -> None:
    """With END, or with nothing."""
    assert log_of(branching(gives(answer))) == ["a"]


@pytest.mark.parametrize("path_map", [None, {"x": "b", "y": "c"}])
def test_a_conditional_edge_can_lead_to_several_nodes(path_map: dict[str, str] | None) -> None:
    """They run in one superstep."""
    answers = ["c", "b"] if path_map is None else ["y", "x"]
    assert log_of(branching(gives(answers), path_map)) == ["a", "b", "c"]


def test_a_static_edge_is_followed_beside_the_conditional_one() -> None:
    """The one does not replace the other."""
    assert log_of(branching(gives("c")).add_edge("a", "b")) == ["a", "b", "c"]


@pytest.mark.parametrize("path_map", [["c"], {"c": "c"}])
def test_an_answer_outside_the_path_map_is_an_error(path_map: object) -> None:
    """A list, too, says all there is."""
    with pytest.raises(InvalidBranchError, match="path map has only 'c'"):
        log_of(branching(gives("b"), path_map))


def test_an_answer_outside_the_promised_ones_is_an_error() -> None:
    """A Literal is a path map."""

    def choose(state: State) -> Literal["c"]:
        return cast("Literal['c']", "b")

    with pytest.raises(InvalidBranchError, match=r"returned 'b'.*'c'"):
        log_of(branching(choose))


def test_a_path_function_sees_its_own_nodes_writes_but_not_its_siblings() -> None:
    """The others become visible at the barrier."""
    seen: list[object] = []

    def look(state: State) -> str:
        seen.append(state.get("log"))
        return END

    made = builder("a", "b").add_edge(START, "b").add_conditional_edges("b", look)
    made.compile().invoke({"log": ["in"]})
    assert seen == [["in", "b"]]


def test_a_path_function_sees_what_its_annotation_asks_for() -> None:
    """Whatever its node sees."""

    class Narrow(TypedDict):
        x: int

    seen: list[object] = []

    def look(state: Narrow) -> str:
        seen.append(state)
        return END

    builder("a").add_conditional_edges("a", look).compile().invoke({"x": 1})
    assert seen == [{"x": 1}]


def test_a_plain_path_function_runs_on_the_event_loop() -> None:
    """It is quick, and a thread would cost more than it does."""
    threads: list[int] = []

    def look(state: State) -> str:
        threads.append(threading.get_ident())
        return END

    asyncio.run(branching(look).compile().ainvoke({}))
    assert threads == [threading.get_ident()]


def test_a_loop_runs_until_its_branch_leaves_it() -> None:
    """The state decides."""

    def again(state: State) -> str:
        return "a" if len(state.get("log", [])) < 3 else END

    assert log_of(builder("a").add_conditional_edges("a", again)) == ["a", "a", "a"]


# ----------------------------------------------------------------------------------------- Send


class Words(TypedDict):
    """What is given, and a table of lengths."""

    words: list[str]
    table: Annotated[dict[str, int], operator.or_]  # pyright: ignore[reportUnknownMemberType] - typeshed has no types for it


def test_sends_map_and_a_reducer_reduces() -> None:
    """One task for each word; what each returns is merged."""

    def split(state: Words) -> list[Send]:
        return [Send("measure", word) for word in state["words"]]

    def measure(word: str) -> dict[str, dict[str, int]]:
        return {"table": {word: len(word)}}

    made = StateGraph(Words).add_node(measure).add_conditional_edges(START, split, ["measure"])
    table = made.compile().invoke({"words": ["a", "bee", "sea"]})["table"]
    assert table == {"a": 1, "bee": 3, "sea": 3}


def test_after_sends_the_edges_of_their_node_are_followed_once() -> None:
    """However many of its tasks ran."""
    made = branching(gives([Send("b", 1), Send("b", 2)])).add_edge("b", "c")
    assert log_of(made) == ["a", "b", "b", "c"]


@pytest.mark.parametrize("sent", [Send("b", {}), [Command(), Send("b", {})]])
def test_a_node_can_return_a_send(sent: object) -> None:
    """Alone, or beside a Command."""
    made = StateGraph(State).add_node("a", gives(sent)).add_node("b", logs("b"))
    assert log_of(made.add_edge(START, "a")) == ["b"]


# -------------------------------------------------------------------------------------- Command


def commanding(*returned: object) -> StateGraph[State]:
    """Return a graph whose node 'a' returns that, beside 'b' and 'c'."""
    answer = returned[0] if len(returned) == 1 else list(returned)
    made = StateGraph(State).add_node("a", gives(answer)).add_edge(START, "a")
    return made.add_node("b", logs("b")).add_node("c", logs("c"))


@pytest.mark.parametrize("goto", ["b", ["b"], ("b",), {"b"}, Send("b", {}), [Send("b", {}), END]])
def test_a_command_goes(goto: Any) -> None:  # noqa: ANN401 - any form of goto
    """To a name, a Send, or several."""
    assert log_of(commanding(Command(goto=goto))) == ["b"]


def test_a_command_goes_to_several() -> None:
    """In one superstep."""
    assert log_of(commanding(Command(goto=["c", "b"]))) == ["b", "c"]


@pytest.mark.parametrize("update", [{"log": ["a"]}, [("log", ["a"])], (("log", ["a"]),)])
def test_a_command_writes_and_goes(update: object) -> None:
    """Its update is a dict, or pairs."""
    assert log_of(commanding(Command(update=update, goto="b"))) == ["a", "b"]


@pytest.mark.parametrize("goto", [END, "c"])
def test_a_goto_is_followed_beside_the_static_edge(goto: str) -> None:
    """Not in its place, not even END."""
    made = commanding(Command(goto=goto)).add_edge("a", "b")
    assert log_of(made) == (["b"] if goto == END else ["b", "c"])


def test_a_command_can_be_the_input() -> None:
    """Its update is the input, and its goto runs beside START's edges."""
    graph = builder("a", "b").compile()
    given = Command(update={"log": ["in"]}, goto="b")
    assert graph.invoke(given) == {"log": ["in", "a", "b"]}


# -------------------------------------------------------------------------------- joins and defer


def test_a_join_waits_where_two_edges_do_not() -> None:
    """Paths of different lengths meet once in the one, twice in the other."""
    made = builder("a", "b").add_edge("a", "b").add_node("end", logs("end"))
    two = log_of(made.add_edge("a", "end").add_edge("b", "end"))
    made = builder("a", "b").add_edge("a", "b").add_node("end", logs("end"))
    assert (two, log_of(made.add_edge(["a", "b"], "end"))) == (
        ["a", "b", "end", "end"],
        ["a", "b", "end"],
    )


def test_a_join_that_is_never_full_ends_the_run_without_an_error() -> None:
    """The source that a branch left out never comes."""
    made = branching(gives(END)).add_edge(["a", "b"], "c")
    assert log_of(made) == ["a"]


def test_a_deferred_node_gathers_paths_of_any_length() -> None:
    """It runs once, last."""
    made = builder("a", "b", "c").add_edge("a", "b").add_edge("b", "c")
    made.add_node("sum", logs("sum"), defer=True).add_edge("a", "sum").add_edge("c", "sum")
    assert log_of(made) == ["a", "b", "c", "sum"]


# ----------------------------------------------------------------------------- END and the limit


def test_end_ends_one_path_only() -> None:
    """Others go on."""
    made = builder("a", "b", "c").add_edge(START, "b").add_edge("a", END).add_edge("b", "c")
    assert log_of(made) == ["a", "b", "c"]


def test_a_run_ends_where_no_edge_leads_on() -> None:
    """An edge to END may be left out."""
    assert log_of(builder("a", "b").add_edge("a", "b")) == ["a", "b"]


def test_the_limit_can_be_set_for_one_run() -> None:
    """That many supersteps are shown, then the error is raised."""
    graph = builder("a").add_edge("a", "a").compile()
    chunks: list[object] = []
    with pytest.raises(GraphRecursionError):
        chunks.extend(graph.stream({}, {"recursion_limit": 2}))
    assert chunks == [{"a": {"log": ["a"]}}] * 2


def test_the_usual_limit_lets_a_long_loop_end() -> None:
    """It is there for loops without end."""

    def again(state: State) -> str:
        return "a" if len(state.get("log", [])) < 1000 else END

    assert len(log_of(builder("a").add_conditional_edges("a", again))) == 1000


def test_async_branches_run_under_invoke_too() -> None:
    """And give the same under `ainvoke`."""
    graph = branching(to_b).compile()
    assert graph.invoke({}) == asyncio.run(graph.ainvoke({})) == {"log": ["a", "b"]}


def test_none_that_a_path_map_lacks_is_no_destination() -> None:
    """The error says how a path ends."""
    made = builder("a").add_conditional_edges("a", gives(None), {"go": "a"})
    with pytest.raises(InvalidBranchError, match=r"returned None.*return END"):
        made.compile().invoke({})
