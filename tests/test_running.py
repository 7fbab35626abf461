"""Running a compiled graph: every entry point, what it shows, and that runs share nothing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypedDict, cast

import pytest
import trio
import uvloop

from graphflow import START, StateGraph, get_stream_writer
from graphflow.graph.state import CompiledStateGraph
from graphflow.types import StreamMode
from tests.small import State, alone, builder, chain, gives, logs, parallel

LOOPS: dict[str, Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]] = {
    "asyncio": lambda main: asyncio.run(main()),
    "uvloop": lambda main: uvloop.run(main()),
    "trio": trio.run,
}


async def sleeper(state: State) -> State:
    """Append a word, being awaited."""
    return {"log": ["async"]}


def sync(state: State) -> State:
    """Append a word."""
    return {"log": ["sync"]}


def mixed() -> CompiledStateGraph[State]:
    """Return a graph of an async node and a sync one after it."""
    made = StateGraph(State).add_sequence([sleeper, sync]).add_edge(START, "sleeper")
    return made.compile()


# --------------------------------------------------------------------------------- entry points


def test_invoke_runs_sync_and_async_nodes() -> None:
    """No event loop is needed, none is made by the caller."""
    assert mixed().invoke({}) == {"log": ["async", "sync"]}


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
def test_ainvoke_runs_sync_and_async_nodes(
    run: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any],
) -> None:
    """On each kind of event loop."""
    assert run(partial(mixed().ainvoke, {})) == {"log": ["async", "sync"]}


CHUNKS = [{"sleeper": {"log": ["async"]}}, {"sync": {"log": ["sync"]}}]


def test_stream_can_be_read_by_a_plain_for() -> None:
    """Chunks come as the tasks end."""
    assert list(mixed().stream({})) == CHUNKS


def test_stream_can_be_read_in_a_with_block() -> None:
    """Leaving the block ends the run."""
    with mixed().stream({}) as stream:
        assert next(stream) == CHUNKS[0]
    assert list(stream) == []


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
def test_astream_can_be_read_by_a_plain_async_for(
    run: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any],
) -> None:
    """On each kind of event loop."""

    async def main() -> list[object]:
        return [chunk async for chunk in mixed().astream({})]

    assert run(main) == CHUNKS


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
def test_astream_can_be_read_in_an_async_with_block(
    run: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any],
) -> None:
    """Leaving the block ends the run."""

    async def main() -> list[object]:
        async with mixed().astream({}) as stream:
            first = await anext(stream)
        return [first, *[chunk async for chunk in stream]]

    assert run(main) == CHUNKS[:1]


def test_nothing_runs_before_the_first_chunk_is_asked_for() -> None:
    """A stream that nobody reads costs nothing."""
    ran: list[object] = []
    alone(ran.append).stream({}).close()
    assert ran == []


def test_the_sync_and_the_async_entry_points_agree() -> None:
    """On the chunks of all modes."""
    modes: list[StreamMode] = ["values", "updates", "custom"]
    graph = mixed()

    async def main() -> list[object]:
        return [chunk async for chunk in graph.astream({}, stream_mode=modes)]

    assert list(graph.stream({}, stream_mode=modes)) == asyncio.run(main())


# ---------------------------------------------------------------------------------- stream modes


def test_updates_are_the_default_of_stream() -> None:
    """One chunk for each task."""
    assert list(chain("a", "b").stream({})) == [{"a": {"log": ["a"]}}, {"b": {"log": ["b"]}}]


def test_values_begin_with_the_input() -> None:
    """If it wrote anything."""
    chunks = chain("a").stream({"x": 1}, stream_mode="values")
    assert list(chunks) == [{"log": [], "x": 1}, {"log": ["a"], "x": 1}]


def test_values_are_left_out_where_nothing_was_written() -> None:
    """An empty input and an empty update show nothing."""
    assert list(alone(gives(None)).stream({}, stream_mode="values")) == []


def test_an_equal_value_counts_as_written() -> None:
    """Values are not compared."""
    chunks = list(alone(gives({"x": 1})).stream({"x": 1}, stream_mode="values"))
    assert chunks == [{"log": [], "x": 1}] * 2


def test_values_chunks_are_snapshots() -> None:
    """A later superstep does not change an earlier chunk."""
    first, second = chain("a").stream({"x": 1}, stream_mode="values")
    assert (first["log"], second["log"]) == ([], ["a"])


def write(state: State) -> State:
    """Write to the custom stream, then return."""
    get_stream_writer()("custom item")
    return {"log": ["wrote"]}


@pytest.mark.parametrize("modes", [["updates", "custom"], ("custom", "updates")])
def test_several_modes_come_as_pairs(modes: list[StreamMode]) -> None:
    """What a node writes comes before its update."""
    assert list(alone(write).stream({}, stream_mode=modes)) == [
        ("custom", "custom item"),
        ("updates", {"a": {"log": ["wrote"]}}),
    ]


def test_a_list_of_one_mode_comes_as_pairs_too() -> None:
    """A list is a list."""
    assert list(chain("a").stream({}, stream_mode=["updates"])) == [
        ("updates", {"a": {"log": ["a"]}})
    ]


def test_what_a_node_writes_is_shown_while_it_runs() -> None:
    """It is not held back to its end."""
    seen = threading.Event()

    def node(state: State) -> State:
        get_stream_writer()("now")
        return {"log": [str(seen.wait(10))]}

    with alone(node).stream({}, stream_mode=["custom", "updates"]) as stream:
        assert next(stream) == ("custom", "now")
        seen.set()
        assert next(stream) == ("updates", {"a": {"log": ["True"]}})


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (
            "update",
            r"unknown stream_mode 'update' \(did you mean 'updates'\?\); there are 'values'",
        ),
        ("messages", "unknown stream_mode 'messages'; there are 'values', 'updates', 'custom'"),
        (["values", "vals"], r"unknown stream_mode 'vals' \(did you mean 'values'\?\)"),
        ([], "stream_mode is empty; name one of 'values', 'updates', 'custom'"),
        (5, "stream_mode 5"),
        ([5], "stream_mode 5"),
    ],
)
@pytest.mark.parametrize("method", ["invoke", "stream", "astream"])
def test_an_unknown_mode_is_an_error_of_the_call(method: str, mode: object, said: str) -> None:
    """Not of the first chunk, which may never be asked for."""
    graph = chain("a")
    with pytest.raises(ValueError, match=said):
        getattr(graph, method)({}, stream_mode=mode)


def test_no_mode_is_the_usual_one() -> None:
    """None is what LangGraph's own signature has as its default."""
    assert list(chain("a").stream({}, stream_mode=cast("StreamMode", None))) == [
        {"a": {"log": ["a"]}}
    ]


def test_invoke_with_another_mode_returns_all_chunks() -> None:
    """As a list."""
    assert chain("a").invoke({}, stream_mode="updates") == [{"a": {"log": ["a"]}}]


def test_ainvoke_with_another_mode_returns_all_chunks() -> None:
    """As `invoke` does."""
    chunks = asyncio.run(chain("a").ainvoke({}, stream_mode=["updates", "values"]))
    assert chunks == [("updates", {"a": {"log": ["a"]}}), ("values", {"log": ["a"]})]


# ----------------------------------------------------------------------------------- output_keys


def both() -> CompiledStateGraph[State]:
    """Return a graph that writes x and the log."""
    return alone(gives({"x": 1, "log": ["a"]}))


@pytest.mark.parametrize(
    ("keys", "output"),
    [("x", 1), (["x"], {"x": 1}), (("log", "x"), {"log": ["a"], "x": 1}), ([], {}), ("y", None)],
)
def test_invoke_returns_the_output_keys(keys: Any, output: object) -> None:  # noqa: ANN401 - a name or a list
    """A list filters, a single name gives the bare value."""
    assert both().invoke({}, output_keys=keys) == output


@pytest.mark.parametrize(
    ("keys", "update"), [("x", 1), (["x"], {"x": 1}), ([], None), ("y", None), (["y"], None)]
)
def test_updates_show_the_output_keys(keys: Any, update: object) -> None:  # noqa: ANN401 - as above
    """A task that wrote none of them shows None."""
    assert list(both().stream({}, output_keys=keys)) == [{"a": update}]


def test_values_show_the_output_keys() -> None:
    """And come only where one of them was written."""
    graph = both()
    chunks = [list(graph.stream({}, stream_mode="values", output_keys=k)) for k in ("x", "y")]
    assert chunks == [[1], []]


@pytest.mark.parametrize("keys", ["lgo", ["x", "lgo"]])
@pytest.mark.parametrize("method", ["invoke", "stream", "astream"])
def test_an_unknown_output_key_is_an_error_of_the_call(method: str, keys: object) -> None:
    """With the nearest key there is."""
    graph = both()
    with pytest.raises(ValueError, match=r"output_keys names 'lgo'.*\(did you mean 'log'\?\)"):
        getattr(graph, method)({}, output_keys=keys)


def test_output_keys_that_are_no_names_are_an_error_about_output_keys() -> None:
    """Not about something that cannot be iterated."""
    with pytest.raises((TypeError, ValueError), match=r"output_keys .*5"):
        both().invoke({}, output_keys=cast("Any", 5))


# -------------------------------------------------------------------------- one graph, many runs


def test_a_later_change_of_the_builder_does_not_reach_a_compiled_graph() -> None:
    """It is immutable; the next `compile()` makes another one."""
    made = builder("a", "b")
    graph = made.compile()
    made.add_node("c", logs("c")).add_edge("a", "b").add_edge(START, "c")
    made.add_conditional_edges("a", gives("c"))
    made.add_edge(["a", "b"], "c")
    assert graph.invoke({}) == {"log": ["a"]}


def test_a_later_schema_of_the_builder_does_not_reach_a_compiled_graph() -> None:
    """Its keys are those of the time."""

    class Later(TypedDict):
        later: int

    made = builder("a")
    graph = made.compile()
    made.add_node("b", gives(None), input_schema=Later)
    with pytest.raises(ValueError, match="output_keys names 'later'"):
        graph.invoke({}, output_keys="later")


def test_a_later_change_of_what_the_builder_was_given_does_not_reach_a_compiled_graph() -> None:
    """The dict of metadata is the caller's, and so is the path map."""
    metadata, path_map = {"kind": "old"}, {"go": "b"}
    seen: list[object] = []

    def node(state: State, config: dict[str, Any]) -> None:
        seen.append(config["metadata"]["kind"])

    made = builder("a").add_node("b", node, metadata=metadata)
    graph = made.add_conditional_edges("a", gives("go"), path_map).compile()
    metadata["kind"] = "new"
    path_map.clear()
    graph.invoke({})
    assert seen == ["old"]


def test_concurrent_runs_share_nothing() -> None:
    """One graph serves any number of threads."""
    graph = parallel(a=logs("a"), b=sleeper)
    inputs: list[State] = [{"x": n} for n in range(50)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(graph.invoke, inputs))
    assert results == [{"log": ["a", "async"], "x": n} for n in range(50)]


def test_runs_leave_the_input_as_it_is() -> None:
    """Its lists are not the state's."""
    given: State = {"log": ["in"], "x": 1}
    chain("a", "b").invoke(given)
    assert given == {"log": ["in"], "x": 1}


def test_a_graph_shows_its_name_and_nodes() -> None:
    """For a debugger."""
    graph = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a").compile(name="mine")
    assert repr(graph) == "<CompiledStateGraph 'mine' with the nodes 'a'>"
