"""Differences on purpose, in graphs inside graphs: how they are run.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from graphflow.errors import GraphDepthError, GraphRecursionError
from tests.differential.pair import END, OURS, THEIRS, Library, State, chain, logging
from tests.differential.test_migration_asking import FIRST, THREAD, stored


def test_a_graph_inside_with_async_nodes_can_be_run_by_invoke() -> None:
    """LangGraph refuses, also in a node that is sync."""

    async def act(state: object) -> State:
        return {"log": ["s"]}

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, s=act).compile()

        def call(state: object) -> State:
            return {"log": child.invoke({})["log"]}

        return chain(lib, sub=child, n=call).compile().invoke({})

    with pytest.raises(TypeError, match="No synchronous function"):
        run(THEIRS)
    assert run(OURS) == {"log": ["s", "s"]}


SIDE_BY_SIDE = """
    from typing import TypedDict
    from {name}.graph import StateGraph

    class State(TypedDict, total=False):
        x: int

    child = StateGraph(State).add_node("s", lambda state: None).add_edge("__start__", "s").compile()
    builder = StateGraph(State)
    for name in "ab":
        builder.add_node(name, child).add_edge("__start__", name)
    chunks = builder.compile().stream({{}}, {{"max_concurrency": 1}}, subgraphs=True)
    print(len([*chunks]))
"""


def test_graphs_side_by_side_can_be_shown_one_at_a_time() -> None:
    """With `max_concurrency=1`, sync LangGraph waits for itself, for ever."""

    def run(lib: Library) -> str:
        code = textwrap.dedent(SIDE_BY_SIDE.format(name=lib.name))
        call = [sys.executable, "-c", code]
        return subprocess.run(call, capture_output=True, text=True, timeout=6, check=True).stdout  # noqa: S603 - the code above

    with pytest.raises(subprocess.TimeoutExpired):
        run(THEIRS)
    assert run(OURS) == "4\n"


def test_what_a_streamed_graph_writes_is_shown_outside_too() -> None:
    """In LangGraph what goes into its custom stream is shown only to the node that reads it."""

    def run(lib: Library) -> tuple[list[object], list[object]]:
        read: list[object] = []

        def tell(state: object) -> None:
            lib.config.get_stream_writer()("s")

        child = chain(lib, s=tell).compile()

        def act(state: object) -> None:
            read.extend(child.stream({}, stream_mode="custom"))

        graph = chain(lib, n=act).compile()
        found = [*graph.stream({}, stream_mode="custom", subgraphs=True)]
        return read, [chunk for _, chunk in found]

    assert run(THEIRS) == (["s"], [])
    assert run(OURS) == (["s"], ["s"])


def test_graphs_that_are_too_deep_inside_each_other_are_an_error_of_its_own() -> None:
    """In LangGraph it is Python's, from whatever was called when the stack was full."""

    def run(lib: Library) -> BaseException:
        def act(state: State) -> State:
            depth = state.get("x", 0) + 1
            found: State = graph.invoke({"x": depth})
            return found

        graph = chain(lib, n=act).compile()
        with pytest.raises(RecursionError) as caught:
            graph.invoke({"x": 0})
        return caught.value

    theirs, ours = run(THEIRS), run(OURS)
    assert type(theirs) is RecursionError
    assert "maximum recursion depth exceeded" in str(theirs)
    assert isinstance(ours, GraphDepthError)
    assert isinstance(ours, GraphRecursionError)
    assert f"{ours.depth} deep" in str(ours)


def test_a_stream_that_is_closed_ends_graphs_inside() -> None:
    """In LangGraph those of a sync stream run to their end, though nobody reads it."""

    def run(lib: Library) -> list[bool]:
        calls: list[None] = []

        def act(state: object) -> State:
            calls.append(None)
            return {"log": ["s"]}

        def path(state: State) -> str:
            return END if len(state.get("log", ())) > 200 else "s"

        child = chain(lib, s=act).add_conditional_edges("s", path).compile()
        graph = stored(lib, chain(lib, sub=child))
        config = {**THREAD, "max_concurrency": 2, "recursion_limit": 300}
        stream = graph.stream(FIRST, config, subgraphs=True)
        next(stream)
        stream.close()
        ended = [len(calls) == 200]
        graph.invoke(None, config)
        return [*ended, 200 <= len(calls) <= 201]  # it goes on with the node that was running

    assert run(THEIRS) == [True, True]
    assert run(OURS) == [False, True]


def test_what_a_node_returns_once_its_stream_is_closed_is_not_kept() -> None:
    """In LangGraph it is, if the stream is a sync one: the node does not run again."""

    def run(lib: Library) -> object:
        calls: list[str] = []

        def act(state: object) -> State:
            calls.append("a")
            lib.config.get_stream_writer()("half way")
            return {"log": ["a"]}

        graph = stored(lib, chain(lib, a=act, b=logging("b")))
        config = {**THREAD, "max_concurrency": 2}
        stream = graph.stream(FIRST, config, stream_mode="custom")
        next(stream)
        stream.close()
        return graph.get_state(config).next, graph.invoke(None, config)["log"], calls

    assert run(THEIRS) == ((), ["i", "a", "b"], ["a"])
    assert run(OURS) == (("a",), ["i", "a", "b"], ["a", "a"])
