"""The config of a run: what a caller may set, how configs are joined, what nodes see of it."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from graphflow import START, RunnableConfig, Runtime, StateGraph, get_config
from graphflow.config import DEFAULT_RECURSION_LIMIT, merged
from graphflow.graph.state import CompiledStateGraph
from tests.small import State, alone, gives


def looking() -> tuple[CompiledStateGraph[State], list[dict[str, Any]]]:
    """Return a graph whose node notes its config, and the list it is noted in."""
    seen: list[dict[str, Any]] = []

    def node(state: State) -> None:
        seen.append(dict(get_config()))

    return alone(node), seen


# -------------------------------------------------------------------------------------- joining


def test_later_configs_win() -> None:
    """Plain values are replaced."""
    assert merged({"recursion_limit": 3, "run_name": "a"}, {"recursion_limit": 5}) == {
        "recursion_limit": 5,
        "run_name": "a",
    }


@pytest.mark.parametrize("key", ["metadata", "configurable"])
def test_dicts_are_joined(key: str) -> None:
    """The later one's values win."""
    one = cast("RunnableConfig", {key: {"a": 1, "b": 1}})
    other = cast("RunnableConfig", {key: {"b": 2, "c": 2}})
    assert merged(one, other) == {key: {"a": 1, "b": 2, "c": 2}}


def test_tags_are_joined_without_repeating_any() -> None:
    """In the order they came."""
    assert merged({"tags": ["a", "b"]}, {"tags": ["b", "c"]}) == {"tags": ["a", "b", "c"]}


def test_joining_changes_no_config() -> None:
    """Neither of the two, nor what is in them."""
    one: RunnableConfig = {"tags": ["a"], "metadata": {"m": 1}}
    merged(one, {"tags": ["b"], "metadata": {"n": 2}})
    assert one == {"tags": ["a"], "metadata": {"m": 1}}


def test_none_says_nothing() -> None:
    """As a config, and as a value."""
    none = {"run_name": None, "recursion_limit": None, "tags": ["t"]}
    assert merged(None, {"recursion_limit": 3}, none, None) == {"recursion_limit": 3, "tags": ["t"]}


# ------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("config", "kind", "said"),
    [
        (
            {"recursion_limt": 3},
            ValueError,
            r"config has the unknown key 'recursion_limt' \(did you mean 'recursion_limit'\?\)",
        ),
        ({"thread_id": 3}, ValueError, "'thread_id'.* nodes are to read goes into 'configurable'"),
        ({"recursion_limit": 0}, ValueError, r"\['recursion_limit'\] must be at least 1, not 0"),
        ({"max_concurrency": -1}, ValueError, r"\['max_concurrency'\] must be at least 1, not -1"),
        ({"recursion_limit": "3"}, TypeError, "must be a whole number, not '3'"),
        ({"recursion_limit": True}, TypeError, "must be a whole number, not True"),
        ({"max_concurrency": 1.5}, TypeError, "must be a whole number, not 1.5"),
        ({"configurable": []}, TypeError, r"config\['configurable'\] must be a dict, not \[\]"),
        ({"metadata": "m"}, TypeError, r"config\['metadata'\] must be a dict, not 'm'"),
        ({"tags": "word"}, TypeError, r"config\['tags'\] must be a list of words, not 'word'"),
        ([1], TypeError, "config must be a dict such as .*, not .1."),
    ],
)
@pytest.mark.parametrize("method", ["invoke", "stream", "astream", "with_config"])
def test_a_mistake_in_a_config_is_an_error_of_the_call(
    method: str, config: object, kind: type[Exception], said: str
) -> None:
    """It names the key and shows the value."""
    graph = alone(gives(None))
    given: list[object] = [] if method == "with_config" else [State()]
    with pytest.raises(kind, match=said):
        getattr(graph, method)(*given, config)


# ---------------------------------------------------------------------------------- with_config


def test_with_config_binds_a_config() -> None:
    """Runs of the new graph have it."""
    graph, seen = looking()
    graph.with_config({"configurable": {"a": 1}}).invoke({})
    assert seen[0]["configurable"] == {"a": 1}


def test_with_config_takes_keywords() -> None:
    """For the keys of a config."""
    graph, seen = looking()
    graph.with_config(tags=["t"], recursion_limit=7).invoke({})
    assert (seen[0]["tags"], seen[0]["recursion_limit"]) == (["t"], 7)


def test_with_config_leaves_the_graph_as_it_is() -> None:
    """It is immutable; the new one is another."""
    graph, seen = looking()
    graph.with_config(tags=["t"])
    graph.invoke({})
    assert seen[0]["tags"] == []


def test_with_config_adds_to_what_is_bound() -> None:
    """Call by call."""
    graph, seen = looking()
    graph.with_config(tags=["a"]).with_config(tags=["b"]).invoke({})
    assert seen[0]["tags"] == ["a", "b"]


def test_the_config_of_a_call_wins_over_the_bound_one() -> None:
    """And is joined with it."""
    graph, seen = looking()
    bound = graph.with_config(configurable={"a": 1, "b": 1}, recursion_limit=7)
    bound.invoke({}, {"configurable": {"b": 2}, "recursion_limit": 9})
    assert (seen[0]["configurable"], seen[0]["recursion_limit"]) == ({"a": 1, "b": 2}, 9)


def test_a_bound_config_shows_in_the_graph() -> None:
    """As its attribute."""
    assert alone(gives(None)).with_config(tags=["t"]).config == {"tags": ["t"]}


# ------------------------------------------------------------------------------ what nodes see


def test_a_node_sees_the_config_of_its_run() -> None:
    """What the caller gave."""
    graph, seen = looking()
    callbacks = object()
    given: RunnableConfig = {"tags": ["t"], "configurable": {"k": 1}, "callbacks": callbacks}
    graph.invoke({}, given)
    assert {key: seen[0][key] for key in given} == given


def test_a_node_sees_a_config_where_none_was_given() -> None:
    """With what there is to know."""
    graph, seen = looking()
    graph.invoke({})
    assert seen[0] == {
        "tags": [],
        "configurable": {},
        "recursion_limit": DEFAULT_RECURSION_LIMIT,
        "metadata": {
            "langgraph_node": "a",
            "langgraph_step": 1,
            "langgraph_checkpoint_ns": seen[0]["metadata"]["langgraph_checkpoint_ns"],
        },
    }


def test_the_metadata_of_run_node_and_task_are_joined() -> None:
    """Under the names that LangGraph gives to those of the task."""
    seen: list[Any] = []

    def node(state: State, config: RunnableConfig) -> None:
        seen.append(config.get("metadata"))

    made = StateGraph(State).add_node(node, metadata={"team": "x", "who": "node"})
    graph = made.add_edge(START, "node").compile()
    graph.invoke({}, {"metadata": {"m": 1, "who": "run"}, "configurable": {"thread_id": "t"}})
    assert seen == [
        {
            "m": 1,
            "team": "x",
            "who": "node",
            "thread_id": "t",
            "langgraph_node": "node",
            "langgraph_step": 1,
            "langgraph_checkpoint_ns": seen[0]["langgraph_checkpoint_ns"],
        }
    ]


def test_what_a_node_changes_in_its_config_stays_with_it() -> None:
    """Siblings, later nodes and the caller have their own."""
    seen: list[object] = []

    def change(state: State, config: RunnableConfig) -> None:
        config.get("configurable", {})["mine"] = True

    def look(state: State, config: RunnableConfig) -> None:
        seen.append(config.get("configurable"))

    made = StateGraph(State).add_sequence([change, look]).add_edge(START, "change")
    given: RunnableConfig = {"configurable": {"k": 1}}
    made.compile().invoke({}, given)
    assert (seen, given) == ([{"k": 1}], {"configurable": {"k": 1}})


@pytest.mark.parametrize("run_id", ["mine", UUID(int=5)])
def test_a_run_has_the_id_of_its_config(run_id: object) -> None:
    """As a word."""
    seen: list[str] = []

    def node(state: State, runtime: Runtime) -> None:
        assert runtime.execution_info is not None
        seen.append(runtime.execution_info.run_id)

    alone(node).invoke({}, {"run_id": run_id})
    assert seen == [str(run_id)]


def test_runs_have_ids_of_their_own() -> None:
    """32 hex digits, where no id was given."""
    seen: list[str] = []

    def node(state: State, runtime: Runtime) -> None:
        assert runtime.execution_info is not None
        seen.append(runtime.execution_info.run_id)

    graph = alone(node)
    graph.invoke({})
    graph.invoke({})
    assert seen[0] != seen[1]
    assert [len(bytes.fromhex(one)) for one in seen] == [16, 16]


def test_max_concurrency_holds_tasks_back() -> None:
    """With one, siblings run one after the other."""
    running: list[str] = []
    most: list[int] = []

    async def node(state: State) -> None:
        running.append("task")
        most.append(len(running))
        await asyncio.sleep(0)
        running.pop()

    made = StateGraph(State)
    for name in "abc":
        made.add_node(name, node).add_edge(START, name)
    asyncio.run(made.compile().ainvoke({}, {"max_concurrency": 1}))
    assert most == [1, 1, 1]
