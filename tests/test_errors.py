"""Errors: each says what happened, which names were at fault in quotes, and what to do about it."""

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any, TypedDict, cast

import pytest

from graphflow import END, START, Command, Overwrite, Send, StateGraph, errors
from graphflow.errors import (
    ConcurrentUpdateError,
    EmptyInputError,
    GraphRecursionError,
    GraphValidationError,
    InPlaceEditError,
    InvalidBranchError,
    InvalidUpdateError,
    ParentCommand,
    TaskAbandoned,
    UnknownKeyError,
    UnknownNodeError,
    did_you_mean,
    quoted,
)
from tests.small import State, alone, builder, failure, gives, logs, parallel


def branching(answer: object, path_map: dict[Any, str] | None = None) -> StateGraph[State]:
    """Return a graph whose node 'a' has a conditional edge with that answer."""
    return builder("a", "b").add_conditional_edges("a", gives(answer), path_map)


# ------------------------------------------------------------------------------------- the tree


def drawn() -> dict[str, tuple[str, set[str]]]:
    """Return the tree in the module's docstring: names with their parent and their other bases."""
    tree: dict[str, tuple[str, set[str]]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").split("The tree::\n\n")[1].split("\n\n")[0].splitlines():
        found = re.match(
            r"    (?P<indent>[│├└─ ]*)(?P<name>\w+)(?: +\((?P<others>[\w, ]+)\))?", line
        )
        assert found is not None, line
        depth = len(found["indent"]) // 4
        above[depth:] = [found["name"]]
        if depth:
            tree[found["name"]] = (
                above[depth - 1],
                set((found["others"] or "").split(", ")) - {""},
            )
    return tree


@pytest.mark.parametrize("name", errors.__all__)
def test_the_drawn_tree_is_the_real_one(name: str) -> None:
    """Each class has the bases that the docstring of the module draws."""
    parent, others = drawn()[name] if name != "Warning" else ("", set[str]())
    cls: type[BaseException] = getattr(errors, name)
    assert {base.__name__ for base in cls.__bases__} <= {parent, *others}
    assert {parent, *others} <= {base.__name__ for base in cls.__mro__}


def test_the_drawn_tree_has_nothing_else() -> None:
    """Everything drawn is exported."""
    assert set(drawn()) - {"Warning"} == set(errors.__all__)


# ------------------------------------------------------------------------------------ the texts

TEXTS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "unknown key in an update": (
        lambda: alone(gives({"lgo": ["x"]})).invoke({}),
        UnknownKeyError,
        r"node 'a' has the unknown key 'lgo' \(did you mean 'log'\?\); .* has 'log', 'x', 'y'",
    ),
    "what to do about an unknown key": (
        lambda: alone(gives({"lgo": ["x"]})).invoke({}),
        UnknownKeyError,
        r"Declare the key in a schema, or build StateGraph\(..., extra=\"ignore\"\) to drop it",
    ),
    "several unknown keys": (
        lambda: alone(gives({"lgo": 1, "q": 2})).invoke({}),
        UnknownKeyError,
        r"has the unknown keys 'lgo' \(did you mean 'log'\?\), 'q';",
    ),
    "unknown key in a Command": (
        lambda: alone(gives(Command(update=[("lgo", 1)]))).invoke({}),
        UnknownKeyError,
        r"the update of node 'a' has the unknown key 'lgo' \(did you mean 'log'\?\)",
    ),
    "unknown key in the input": (
        lambda: alone(gives(None)).invoke({"lgo": []}),
        UnknownKeyError,
        r"the input has the unknown key 'lgo' \(did you mean 'log'\?\)",
    ),
    "unknown goto": (
        lambda: alone(gives(Command(goto="aa"))).invoke({}),
        UnknownNodeError,
        r"node 'a' names 'aa', which is no node to go to \(did you mean 'a'\?\); the nodes are 'a'",
    ),
    "goto of the wrong type": (
        lambda: alone(gives(Command(goto=cast("str", 5)))).invoke({}),
        UnknownNodeError,
        r"node 'a' names 5, which is no node to go to; the nodes are 'a'",
    ),
    "goto START": (
        lambda: alone(gives(Command(goto=START))).invoke({}),
        UnknownNodeError,
        "names '__start__', which is no node to go to; a run begins there only once",
    ),
    "unknown Send": (
        lambda: alone(gives(Command(goto=Send("aa", 1)))).invoke({}),
        UnknownNodeError,
        r"a Send in .* names 'aa', which is no node to go to \(did you mean 'a'\?\)",
    ),
    "Send to END": (
        lambda: alone(gives(Command(goto=Send(END, 1)))).invoke({}),
        UnknownNodeError,
        "a Send in .* names '__end__', .*; a Send needs a node to run",
    ),
    "Send to START": (
        lambda: alone(gives(Command(goto=Send(START, 1)))).invoke({}),
        UnknownNodeError,
        "a Send in .* names '__start__', .*; it cannot be run again",
    ),
    "Send to END by a branch": (
        lambda: branching(Send(END, 1)).compile().invoke({}),
        UnknownNodeError,
        "a Send in the conditional edge 'function' of node 'a' names '__end__'",
    ),
    "unknown answer": (
        lambda: branching("bb").compile().invoke({}),
        UnknownNodeError,
        r"the conditional edge 'function' of node 'a' names 'bb', .* \(did you mean 'b'\?\)",
    ),
    "answer not in the map": (
        lambda: branching("yse", {"yes": "b", "no": END}).compile().invoke({}),
        InvalidBranchError,
        r"node 'a' returned 'yse' \(did you mean 'yes'\?\), but its path map has only 'yes', 'no'",
    ),
    "answer None": (
        lambda: branching(None).compile().invoke({}),
        InvalidBranchError,
        "'function' of node 'a' returned None, which is no destination; return END",
    ),
    "no update": (
        lambda: alone(gives(5)).invoke({}),
        InvalidUpdateError,
        "node 'a' returned 5, which is no update: return a dict of .*keys, None, a Command",
    ),
    "a list of Sends": (
        lambda: alone(gives([Send("a", 1)])).invoke({}),
        InvalidUpdateError,
        r"node 'a' returned \[Send.*: return Command\(goto=\[Send\(...\)\]\), or .* conditional",
    ),
    "no input": (
        lambda: alone(gives(None)).invoke(None),
        EmptyInputError,
        "the input is None, .* give a dict of .*keys, {} if there is nothing to say",
    ),
    "an empty Command": (
        lambda: alone(gives(None)).invoke(Command()),
        EmptyInputError,
        "the Command is empty; give it update= or goto=",
    ),
    "an input of the wrong type": (
        lambda: alone(gives(None)).invoke(cast("State", 5)),
        InvalidUpdateError,
        "the input must be a dict of .*keys, a schema instance or a Command, not 5",
    ),
    "an answer to no interrupt": (
        lambda: alone(gives(None)).invoke(Command(resume=1)),
        RuntimeError,
        r"Command\(resume=...\) answers an interrupt .* needs a checkpointer",
    ),
    "two writers": (
        lambda: parallel(p=gives({"x": 1}), q=gives({"x": 2})).invoke({}),
        ConcurrentUpdateError,
        "key 'x' was written 2 times in superstep 1: 'p' wrote 1, 'q' wrote 2; .* with a reducer",
    ),
    "two Overwrites": (
        lambda: parallel(p=gives({"log": Overwrite([])}), q=gives({"log": Overwrite([])})).invoke(
            {}
        ),
        ConcurrentUpdateError,
        "key 'log' was written 2 times in superstep 1: .*; it takes one Overwrite in a superstep",
    ),
    "recursion": (
        lambda: builder("a").add_edge("a", "a").compile().invoke({}, {"recursion_limit": 3}),
        GraphRecursionError,
        "3 supersteps ran without reaching the end; the last one ran 'a'. .*recursion_limit\": 6}",
    ),
    "a Command for a parent": (
        lambda: alone(gives(Command(graph=Command.PARENT))).invoke({}),
        ParentCommand,
        "returned by a node of a graph that has no parent; leave out graph=",
    ),
    "a Command for an unknown graph": (
        lambda: alone(gives(Command(graph="other"))).invoke({}),
        InvalidUpdateError,
        r"Command\(graph='other'\) names no graph that .*; there is none around it. Leave graph=",
    ),
    "a Command for an unknown graph among unnamed ones": (
        lambda: alone(alone(gives(Command(graph="other")))).invoke({}),
        InvalidUpdateError,
        r"; none around it has a name, which compile\(name=...\) would give it. Leave graph=",
    ),
    "a dict that looks like an Overwrite": (
        lambda: alone(gives({"log": {"__overwrite__": []}})).invoke({}),
        InvalidUpdateError,
        r"key 'log', written by node 'a' in superstep 1: .*write Overwrite\(value\)",
    ),
    "a set of Sends": (
        lambda: alone(gives(Command(goto=cast("Any", {Send("a", 1)})))).invoke({}),
        InvalidUpdateError,
        "a set of Sends has no order, .*; give a list of them",
    ),
    "an input for a parent": (
        lambda: alone(gives(None)).invoke(Command(graph=Command.PARENT, goto="a")),
        InvalidUpdateError,
        r"the input is a Command\(graph='__parent__'\), but there is no parent graph",
    ),
    "a node that resumes": (
        lambda: alone(gives(Command(resume=1))).invoke({}),
        InvalidUpdateError,
        "the caller's answer to an interrupt; a node cannot return it",
    ),
}


@pytest.mark.parametrize(("run", "kind", "said"), TEXTS.values(), ids=TEXTS)
def test_what_an_error_says(run: Callable[[], object], kind: type[Exception], said: str) -> None:
    """What happened, the names in quotes, the nearest name, what to do."""
    with pytest.raises(kind, match=said) as caught:
        run()
    assert type(caught.value) is kind


def give_a_coroutine(state: object) -> object:
    """Forget to await."""

    async def forgotten() -> None: ...

    return forgotten()


def test_a_coroutine_that_was_not_awaited_is_told() -> None:
    """The error tells to define the node with 'async def', and Python has nothing to warn of."""
    with pytest.raises(InvalidUpdateError, match="define the node with 'async def'"):
        alone(give_a_coroutine).invoke({})


@pytest.mark.parametrize(
    ("returned", "at_fault"),
    [(Command(update="text"), "update"), ([Command(goto="a"), 5], "5")],
)
def test_the_error_about_a_part_of_a_result_tells_the_part(returned: object, at_fault: str) -> None:
    """It does not say that the node returned what it returned inside of something else."""
    error = str(failure(lambda: alone(gives(returned)).invoke({})))
    assert at_fault in error
    assert not re.match(r"node 'a' returned ('text'|5),", error)


@pytest.mark.parametrize("path", ["result", "two writers", "answer"])
def test_a_huge_value_is_shown_in_part(path: str) -> None:
    """An error about a megabyte is not a megabyte long."""
    huge = "x" * 1_000_000
    runs: dict[str, Callable[[], object]] = {
        "result": lambda: alone(gives(huge)).invoke({}),
        "two writers": lambda: parallel(p=gives({"x": huge}), q=gives({"x": huge})).invoke({}),
        "answer": lambda: branching(huge).compile().invoke({}),
    }
    assert len(str(failure(runs[path]))) < 10_000


def test_a_reducer_fed_by_the_input_blames_the_input() -> None:
    """The caller knows no node '__start__'."""
    error = failure(lambda: alone(gives(None)).invoke({"log": cast("Any", 5)}))
    assert "the input" in " ".join(error.__notes__)


def test_a_key_that_is_no_input_is_told_from_one_that_does_not_exist() -> None:
    """The state has it, so the error does not say that the state has other keys only."""

    class Narrow(TypedDict):
        x: int

    made = StateGraph(State, input_schema=Narrow).add_node("a", gives(None)).add_edge(START, "a")
    error = str(failure(lambda: made.compile().invoke({"y": 1})))
    assert "the state has 'x'." not in error


# ------------------------------------------------------------------------------- the attributes


def test_an_unknown_key_error_has_the_keys() -> None:
    """Those given, and those there are."""
    error = failure(lambda: alone(gives({"q": 1})).invoke({}))
    assert isinstance(error, UnknownKeyError)
    assert (error.keys, error.known) == (("q",), ("log", "x", "y"))


def test_an_unknown_node_error_has_the_name() -> None:
    """With the nodes there are."""
    error = failure(lambda: alone(gives(Command(goto="q"))).invoke({}))
    assert isinstance(error, UnknownNodeError)
    assert (error.name, error.known) == ("q", ("a",))


def test_an_invalid_branch_error_has_the_answer() -> None:
    """As the path function gave it."""
    error = failure(lambda: branching("q", {"p": "b"}).compile().invoke({}))
    assert isinstance(error, InvalidBranchError)
    assert error.answer == "q"


@pytest.mark.parametrize("kind", [ValueError, KeyError, InvalidUpdateError])
def test_an_invalid_branch_error_is_what_langgraph_raises(kind: type[Exception]) -> None:
    """A ValueError for None, a KeyError for an answer that the path map lacks."""
    with pytest.raises(kind):
        branching("q", {"p": "b"}).compile().invoke({})


def test_a_concurrent_update_error_has_the_writes() -> None:
    """Key, writers and values, in plan order."""
    graph = parallel(q=gives({"x": 2}), p=gives({"x": 1}))
    error = failure(lambda: graph.invoke({}))
    assert isinstance(error, ConcurrentUpdateError)
    assert (error.key, error.writers, error.values) == ("x", ("p", "q"), (1, 2))


def test_an_in_place_edit_error_has_key_and_nodes() -> None:
    """Of all that had been handed the value."""

    def edit(state: State) -> None:
        state.get("log", []).append("edit")

    error = failure(lambda: parallel(edit=edit, other=gives(None)).invoke({}))
    assert isinstance(error, InPlaceEditError)
    assert (error.key, error.nodes) == ("log", ("edit", "other"))


def test_a_recursion_error_has_limit_and_nodes() -> None:
    """Those that ran last."""
    graph = builder("a", "b").add_edge("a", "b").add_edge("b", "a").compile()
    error = failure(lambda: graph.invoke({}, {"recursion_limit": 2}))
    assert isinstance(error, GraphRecursionError)
    assert (error.limit, error.nodes) == (2, ("b",))


def test_a_recursion_error_is_pythons() -> None:
    """Code that catches RecursionError catches it."""
    with pytest.raises(RecursionError):
        builder("a").add_edge("a", "a").compile().invoke({}, {"recursion_limit": 1})


def test_a_parent_command_has_the_command() -> None:
    """As the node returned it."""
    command = Command(graph=Command.PARENT, goto="b")
    error = failure(lambda: alone(gives(command)).invoke({}))
    assert isinstance(error, ParentCommand)
    assert error.command is command


def through_a_pickle(error: Exception) -> Exception:
    """Return what arrives in another process."""
    arrived: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    return arrived


INSTANCES: list[Exception] = [
    InvalidUpdateError("said"),
    UnknownKeyError("the update", ["a"], ["b"]),
    UnknownNodeError("a goto", "a", ["b"]),
    InvalidBranchError("said", "answer"),
    ConcurrentUpdateError("said", "key", ["a", "b"], [1, 2]),
    InPlaceEditError("key", ["a"]),
    EmptyInputError("said"),
    GraphValidationError(["one", "two"]),
    GraphRecursionError(3, ["a"]),
    ParentCommand(Command(goto="a")),
    TaskAbandoned("a"),
]


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, through_a_pickle])
def test_an_error_survives_a_copy_and_a_pickle(
    error: Exception, duplicate: Callable[[Exception], Exception]
) -> None:
    """As it must to come back from another process."""
    again = duplicate(error)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


# ------------------------------------------------------------------------------------- the words


def test_a_near_name_is_offered() -> None:
    """In words that end the sentence before."""
    assert did_you_mean("agnet", ["action", "agent"]) == " (did you mean 'agent'?)"


def test_without_a_near_name_nothing_is_offered() -> None:
    """A wrong guess would mislead."""
    assert did_you_mean("zebra", ["action", "agent"]) == ""


def test_names_are_quoted() -> None:
    """With commas between."""
    assert quoted(["a", 5]) == "'a', 5"


class Unshowable:
    """Its repr raises."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError


def test_a_value_that_cannot_be_shown_does_not_hide_the_error() -> None:
    """Its type is told instead."""
    with pytest.raises(InvalidUpdateError, match="node 'a' returned <Unshowable object"):
        alone(gives(Unshowable())).invoke({})


@pytest.mark.parametrize(
    "given", [{"lgo": ["x"]}, Command(update={"lgo": ["x"]}), Command(update=[("lgo", ["x"])])]
)
def test_extra_ignore_drops_unknown_keys(given: object) -> None:
    """In updates and inputs, as LangGraph does."""
    made = StateGraph(State, extra="ignore").add_node("a", gives(given)).add_node("b", logs("b"))
    graph = made.add_edge(START, "a").add_edge("a", "b").compile()
    assert graph.invoke({"lgo": ["x"]}) == {"log": ["b"]}


def test_extra_ignore_shows_an_update_without_its_unknown_keys() -> None:
    """The stream shows what was written: nothing."""
    made = StateGraph(State, extra="ignore").add_node("a", gives({"lgo": 1})).add_edge(START, "a")
    assert list(made.compile().stream({})) == [{"a": None}]
