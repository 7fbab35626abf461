"""Differences on purpose, in how a graph is built: what is a node, an edge, a mistake.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel

from graphflow.errors import GraphValidationError, InvalidGraphError
from tests.differential.pair import (
    END,
    OURS,
    START,
    THEIRS,
    Library,
    State,
    alone,
    chain,
    logging,
    returning,
)


def test_two_lambdas_may_be_path_functions_of_one_node() -> None:
    """LangGraph calls both 'condition', and refuses the second."""
    paths: list[Callable[[object], str]] = [lambda _: "b", lambda _: "c"]

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = chain(lib, a=logging("a"))
        builder.add_node("b", logging("b")).add_node("c", logging("c"))
        for path in paths:
            builder.add_conditional_edges("a", path)
        return builder

    with pytest.raises(ValueError, match="already exists for node `a`"):
        build(THEIRS)
    assert build(OURS).compile().invoke({}) == {"log": ["a", "b", "c"]}


def test_a_nodes_function_stands_for_its_name_in_edges() -> None:
    """LangGraph takes names only."""

    def greet(state: State) -> State:
        return {"log": ["greet"]}

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return lib.graph.StateGraph(State).add_node(greet).add_edge(START, greet)

    with pytest.raises(ValueError, match="Found edge ending at unknown node"):
        build(THEIRS).compile()
    assert build(OURS).compile().invoke({}) == {"log": ["greet"]}


def test_a_nodes_function_stands_for_its_name_in_gotos_and_sends() -> None:
    """LangGraph ignores it there."""

    def greet(state: State) -> State:
        return {"log": ["greet"]}

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        command = lib.types.Command(goto=[greet, lib.types.Send(greet, {})])
        return chain(lib, a=returning(command)).add_node(greet)

    assert build(THEIRS).compile().invoke({"log": ["in"]}) == {"log": ["in"]}
    assert build(OURS).compile().invoke({"log": ["in"]}) == {"log": ["in", "greet", "greet"]}


def test_a_join_may_be_added_before_its_nodes() -> None:
    """As every other edge may; LangGraph wants the nodes of a join first."""

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = lib.graph.StateGraph(State).add_edge(["a", "b"], "c")
        for name in ("a", "b", "c"):
            builder.add_node(name, logging(name))
        return builder.add_edge(START, "a").add_edge(START, "b").compile()

    with pytest.raises(ValueError, match="Need to add_node `a` first"):
        build(THEIRS)
    assert build(OURS).invoke({}) == {"log": ["a", "b", "c"]}


def test_a_join_of_no_nodes_is_an_error() -> None:
    """LangGraph takes it, and its target never runs."""

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return chain(lib, a=logging("a")).add_node("b", logging("b")).add_edge([], "b")

    assert build(THEIRS).compile().invoke({}) == {"log": ["a"]}
    with pytest.raises(InvalidGraphError, match=r"add_edge\(\[\], \.\.\.\) waits for no node"):
        build(OURS)


def test_a_conditional_edge_from_end_is_an_error_at_once() -> None:
    """LangGraph tells at compile()."""
    theirs = chain(THEIRS, a=logging("a")).add_conditional_edges(END, returning("a"))
    with pytest.raises(ValueError, match="unknown node '__end__'"):
        theirs.compile()
    with pytest.raises(InvalidGraphError, match="no edge can leave END"):
        chain(OURS, a=logging("a")).add_conditional_edges(END, returning("a"))


def test_compile_tells_all_mistakes_together() -> None:
    """LangGraph tells the first."""

    def build(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = chain(lib, a=logging("a"), b=logging("b"))
        return builder.add_edge("a", "c").add_edge("d", "b")

    with pytest.raises(ValueError, match="unknown node") as theirs:
        build(THEIRS).compile()
    assert not all(name in str(theirs.value) for name in ("c", "d"))
    with pytest.raises(GraphValidationError) as ours:
        build(OURS).compile()
    assert [finding.split(",")[0] for finding in ours.value.findings] == [
        "the edge 'a' -> 'c' names 'c'",
        "the edge 'd' -> 'b' names 'd'",
    ]


def test_a_parameter_that_nothing_fills_is_an_error_when_the_node_is_added() -> None:
    """LangGraph tells when the node is called."""

    def act(state: State, model: str) -> State:
        return {"log": [model]}

    theirs = alone(THEIRS, act)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'model'"):
        theirs.invoke({})
    with pytest.raises(TypeError, match="node 'a' has the parameter 'model', which nothing fills"):
        chain(OURS, a=act)


def test_a_parameter_is_filled_by_its_annotation_whatever_its_name() -> None:
    """LangGraph goes by the name, and looks at the annotation only to refuse."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        def act(state: State, run: Any) -> State:  # noqa: ANN401 - annotated below
            return {"x": run.context}

        act.__annotations__["run"] = lib.runtime.Runtime
        return alone(lib, act)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'run'"):
        graph(THEIRS).invoke({}, context=5)
    assert graph(OURS).invoke({}, context=5) == {"log": [], "x": 5}


def test_a_parameter_named_config_is_filled_whatever_its_annotation() -> None:
    """LangGraph warns of any but its own class, and fills none of these."""

    def act(state: State, config: dict[str, Any]) -> State:
        return {"x": config["configurable"]["x"]}

    with pytest.warns(UserWarning, match="should be typed as 'RunnableConfig'"):
        theirs = alone(THEIRS, act)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'config'"):
        theirs.invoke({}, {"configurable": {"x": 1}})
    assert alone(OURS, act).invoke({}, {"configurable": {"x": 1}}) == {"log": [], "x": 1}


def generate(state: State) -> Iterator[State]:
    """Yield an update."""
    yield {"x": 1}


async def generate_async(state: State) -> AsyncIterator[State]:
    """Yield an update."""
    yield {"x": 1}


@pytest.mark.parametrize("function", [generate, generate_async])
def test_a_generator_function_is_no_node(function: Callable[..., object]) -> None:
    """LangGraph runs it as a stream whose parts are added up."""
    chain(THEIRS, a=function).compile()
    with pytest.raises(TypeError, match="node 'a' is a generator function"):
        chain(OURS, a=function)


def test_any_object_with_invoke_is_a_node() -> None:
    """LangGraph takes LangChain's Runnables."""

    class Greeter:
        def invoke(self, state: State) -> State:
            return {"log": [f"hello {state}"]}

    greeter: Any = Greeter()
    with pytest.raises(TypeError, match="Expected a Runnable"):
        alone(THEIRS, greeter)
    assert alone(OURS, greeter).invoke({"x": 1})["log"] == ["hello {'log': [], 'x': 1}"]


def test_a_dict_of_functions_is_no_node() -> None:
    """LangGraph makes a LangChain RunnableParallel of it."""
    functions: Any = {"log": returning(["a"])}
    assert alone(THEIRS, functions).invoke({}) == {"log": ["a"]}
    with pytest.raises(TypeError, match="node 'a' must be a function"):
        alone(OURS, functions)


def test_a_node_needs_a_name() -> None:
    """LangGraph takes an empty one."""
    THEIRS.graph.StateGraph(State).add_node("", logging("a"))
    with pytest.raises(InvalidGraphError, match="a string that is not empty"):
        OURS.graph.StateGraph(State).add_node("", logging("a"))


def test_a_reducer_may_take_any_number_of_arguments() -> None:
    """LangGraph wants two that are spelled out."""

    def greatest(*values: int) -> int:
        return max(values)

    class Greatest(TypedDict):
        x: Annotated[int, greatest]

    with pytest.raises(ValueError, match="Invalid reducer signature"):
        THEIRS.graph.StateGraph(Greatest)
    assert alone(OURS, returning({"x": 2}), Greatest).invoke({"x": 1}) == {"x": 2}


# --------------------------------------------------------------------------- not in this release


def graph_of(lib: Library) -> Any:  # noqa: ANN401 - of either library
    """Return a builder of one node."""
    return chain(lib, a=logging("a"))


ABSENT: dict[str, Callable[[Library], object]] = {
    "cache": lambda lib: graph_of(lib).compile(cache=None),
    "debug": lambda lib: graph_of(lib).compile(debug=False),
    "retry_policy": lambda lib: graph_of(lib).add_node("b", logging("b"), retry_policy=None),
    "cache_policy": lambda lib: graph_of(lib).add_node("b", logging("b"), cache_policy=None),
    "timeout": lambda lib: graph_of(lib).add_node("b", logging("b"), timeout=None),
    "Send's timeout": lambda lib: lib.types.Send("a", {}, timeout=None),
}


@pytest.mark.parametrize("use", ABSENT.values(), ids=ABSENT)
def test_an_argument_that_is_not_there_yet_is_a_type_error(
    use: Callable[[Library], object],
) -> None:
    """Nothing that LangGraph has and graphflow lacks is taken and ignored."""
    use(THEIRS)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        use(OURS)


@pytest.mark.parametrize("mode", ["messages"])
def test_a_stream_mode_that_is_not_there_yet_is_a_value_error(mode: str) -> None:
    """Of LangGraph's modes there are six."""
    list(graph_of(THEIRS).compile().stream({}, stream_mode=mode))
    with pytest.raises(ValueError, match="there are 'values', 'updates', 'custom'"):
        graph_of(OURS).compile().stream({}, stream_mode=mode)


def test_a_pydantic_model_is_no_state_yet() -> None:
    """Nor is an instance of one an update."""

    class Model(BaseModel):
        x: int = 0

    assert alone(THEIRS, returning({"x": 1}), Model).invoke({}) == {"x": 1}
    with pytest.raises(TypeError, match="must be a TypedDict or a dataclass"):
        alone(OURS, returning({"x": 1}), Model)


def test_a_compiled_graph_is_no_langchain_runnable() -> None:
    """What LangChain adds to one is not there: composing with `|`, callbacks, `astream_events`."""
    names = ("pipe", "with_retry", "with_fallbacks", "astream_events", "get_prompts")
    theirs, ours = graph_of(THEIRS).compile(), graph_of(OURS).compile()
    assert all(hasattr(theirs, name) for name in names)
    assert not any(hasattr(ours, name) for name in names)


def test_the_runtime_of_a_node_has_fewer_fields() -> None:
    """LangGraph's has also what belongs to checkpoints, retries, timeouts and its server."""

    def fields(lib: Library) -> set[str]:
        runtime = {field.name for field in dataclasses.fields(lib.runtime.Runtime)}
        return runtime | {field.name for field in dataclasses.fields(lib.runtime.ExecutionInfo)}

    assert fields(THEIRS) - fields(OURS) == {
        "checkpoint_id",
        "control",
        "heartbeat",
        "node_attempt",
        "node_first_attempt_time",
        "server_info",
    }
    assert fields(OURS) - fields(THEIRS) == {"attempt", "node", "step"}
