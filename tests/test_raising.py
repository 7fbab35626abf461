"""What a user's own code raises: it reaches the caller as it is, with a note and few frames."""

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

import graphflow
from graphflow import END, START, StateGraph
from graphflow.graph.state import CompiledStateGraph
from tests.small import State, alone, builder, failure, gives, logs, parallel

PACKAGE = str(Path(graphflow.__file__).parent)
BOOM = KeyError("boom")


def boom(state: object) -> str:
    """Raise always the same object."""
    raise BOOM


async def async_boom(state: object) -> str:
    """Raise it, being awaited."""
    raise BOOM


def shatter(old: int, new: int) -> int:
    """Raise, as a reducer."""
    raise ZeroDivisionError


class Fragile(TypedDict, total=False):
    """A key whose reducer raises."""

    key: Annotated[int, shatter]


async def read_all(graph: CompiledStateGraph[Any]) -> None:
    """Read a stream to its end."""
    async for _ in graph.astream({}):
        pass


WAYS: dict[str, Callable[[CompiledStateGraph[Any]], object]] = {
    "invoke": lambda graph: graph.invoke({}),
    "stream": lambda graph: list(graph.stream({})),
    "ainvoke": lambda graph: asyncio.run(graph.ainvoke({})),
    "astream": lambda graph: asyncio.run(read_all(graph)),
}


@pytest.fixture(autouse=True)
def fresh_boom() -> None:
    """Forget the notes and the traceback of the runs before."""
    BOOM.__notes__ = []
    BOOM.__traceback__ = None


@pytest.mark.parametrize("node", [boom, async_boom])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_error_is_the_very_object(
    way: Callable[[CompiledStateGraph[Any]], object], node: Callable[..., Any]
) -> None:
    """Not wrapped, not copied, in no group."""
    graph = alone(node)
    assert failure(lambda: way(graph)) is BOOM


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_error_has_a_note_of_node_and_superstep(
    way: Callable[[CompiledStateGraph[Any]], object],
) -> None:
    """The superstep is counted from 1."""
    graph = builder("first").add_node("second", boom).add_edge("first", "second").compile()
    assert failure(lambda: way(graph)).__notes__ == ["in node 'second', superstep 2"]


@pytest.mark.parametrize("node", [boom, async_boom])
@pytest.mark.parametrize("beside", ["alone", "siblings"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_last_frame_is_the_users(
    way: Callable[[CompiledStateGraph[Any]], object], node: Callable[..., Any], beside: str
) -> None:
    """And a handful of ours at the most are above it."""
    graph = alone(node) if beside == "alone" else parallel(a=node, b=gives(None))
    frames = traceback.extract_tb(failure(lambda: way(graph)).__traceback__)
    assert frames[-1].name == node.__name__
    assert sum(frame.filename.startswith(PACKAGE) for frame in frames) <= 6


def stop(state: object) -> None:
    """Ask an empty iterator for more, a common slip."""
    raise StopIteration


async def async_stop(state: object) -> None:
    """Do the same where it is awaited."""
    raise StopAsyncIteration


@pytest.mark.parametrize("node", [stop, async_stop])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_end_of_an_iterator_is_an_error_with_a_note(
    way: Callable[[CompiledStateGraph[Any]], object], node: Callable[..., Any]
) -> None:
    """Python makes a RuntimeError of it in generators and coroutines; the note is on that."""
    graph = alone(node)
    assert "in node 'a', superstep 1" in failure(lambda: way(graph)).__notes__


def test_the_error_has_no_cause_of_ours() -> None:
    """What was raised first is shown alone."""
    error = failure(lambda: alone(boom).invoke({}))
    assert (error.__cause__, error.__context__) == (None, None)


def test_raising_the_same_object_again_adds_no_second_note() -> None:
    """A loop that retries does not pile them up."""
    graph = alone(boom)
    failure(lambda: graph.invoke({}))
    assert len(failure(lambda: graph.invoke({})).__notes__) == 1


def test_an_error_of_a_path_function_has_a_note_of_the_edge() -> None:
    """With its node."""
    graph = builder("a").add_conditional_edges("a", boom).compile()
    assert failure(lambda: graph.invoke({})).__notes__ == [
        "in the conditional edge 'boom' of node 'a', superstep 1"
    ]


def test_an_error_of_the_entrys_path_function_names_start() -> None:
    """No superstep has begun."""
    graph = StateGraph(State).add_conditional_edges(START, boom, {1: END}).compile()
    (note,) = failure(lambda: graph.invoke({})).__notes__
    assert note == "in the conditional edge 'boom' of __start__, superstep 0"


def test_an_error_of_a_reducer_has_a_note_of_key_and_writers() -> None:
    """The traceback has the reducer, but not who wrote."""
    made = StateGraph(Fragile).add_node("a", gives({"key": 1})).add_node("b", gives({"key": 2}))
    graph = made.add_edge(START, "a").add_edge(START, "b").compile()
    error = failure(lambda: graph.invoke({}))
    assert isinstance(error, ZeroDivisionError)
    assert error.__notes__ == [
        "in the reducer of 'key', applying the writes of the nodes 'a', 'b', superstep 1"
    ]


def test_the_update_of_a_node_whose_branch_raises_is_shown() -> None:
    """It did its work."""
    graph = builder("a").add_conditional_edges("a", boom).compile()
    with graph.stream({}) as stream:
        assert next(stream) == {"a": {"log": ["a"]}}


def test_the_first_of_two_errors_is_raised_with_a_note_of_the_other() -> None:
    """The second comes of the cancelling that the first brings about."""
    waits = asyncio.Event()

    async def first(state: object) -> None:
        await waits.wait()
        raise BOOM

    async def second(state: object) -> None:
        waits.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("other") from None

    graph = parallel(a=first, b=second)
    assert failure(lambda: asyncio.run(graph.ainvoke({}))).__notes__ == [
        "in node 'a', superstep 1",
        "also failed, in node 'b', superstep 1: ValueError('other')",
    ]


def test_a_sibling_that_ended_before_is_shown_before_the_error() -> None:
    """Its chunk is not lost."""
    graph = parallel(a=logs("a"), b=boom)
    with graph.stream({}, {"max_concurrency": 1}) as stream:
        assert next(stream) == {"a": {"log": ["a"]}}
