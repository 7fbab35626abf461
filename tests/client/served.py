"""What the client's tests are made of: every way to have a client, and graphs for it to run.

A test's body is a coroutine function of a client. With the synchronous client it is run in one
step, for there nothing waits but calls that block.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias, TypeVar, cast

from graphflow import START, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.client import LangGraphClient, SyncLangGraphClient, get_client, get_sync_client
from graphflow.compiled import CompiledStateGraph
from tests.drivers.backends import REAL_LOOPS, Gate, LoopDriver, Node, State

R = TypeVar("R")
Graphs: TypeAlias = Mapping[str, CompiledStateGraph[Any, Any]]
Body: TypeAlias = Callable[[LangGraphClient], Coroutine[Any, Any, R]]

WAYS: Final = (*REAL_LOOPS, "sync")
GIVEN: Final = {"log": ["i"]}


class Awaited:
    """A part of the synchronous client whose methods can be awaited, or read by `async for`."""

    def __init__(self, part: object) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a method, or another part
        found = getattr(self._part, name)
        if not callable(found):
            return Awaited(found)
        return _each(found) if name in {"stream", "join_stream"} else _call(found)


def _call(method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - anybody's
        return method(*args, **kwargs)

    return call


class _Each:
    def __init__(self, parts: Any) -> None:  # noqa: ANN401 - a generator
        self._parts = parts

    def __aiter__(self) -> "_Each":
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - a part
        for part in self._parts:
            return part
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._parts.close()


def _each(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: _Each(method(*args, **kwargs))


def play(way: str, graphs: Graphs, body: Body[R]) -> R:
    """Run a body with a client, and see to it that nothing is left behind."""
    if way == "sync":
        with get_sync_client(graphs) as client:
            result = in_one_step(body(cast("LangGraphClient", Awaited(client))))
        assert_gone(client)
        return result

    async def main() -> R:
        async with get_client(graphs) as client:
            return await body(client)

    return LoopDriver(way).main(main)


def in_one_step(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("R", end.value)
    raise AssertionError(coroutine)


def assert_gone(client: SyncLangGraphClient) -> None:
    """See to it that a synchronous client's thread has ended."""
    assert not client._loop._portal.thread.is_alive()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what nobody else tells


def says(name: str) -> Node:
    """Return a node that appends its name to the log."""

    def node(_: State) -> State:
        return {"log": [name]}

    return node


def line(
    nodes: Mapping[str, Node], saver: BaseCheckpointSaver | None = None
) -> CompiledStateGraph[Any, Any]:
    """Return a graph that runs one node after the other."""
    made: StateGraph[State, None] = StateGraph(State)
    previous = START
    for name, node in nodes.items():
        made.add_node(name, node)
        made.add_edge(previous, name)
        previous = name
    return made.compile(checkpointer=saver)


class Slow:
    """A graph of `a`, `slow` and `b`, whose `slow` waits at a gate.

    Attributes:
        begun: opened when `slow` has begun.
        may_end: lets it end.
        graph: the graph.
    """

    def __init__(self, saver: BaseCheckpointSaver | None = None) -> None:
        self.begun = Gate()
        self.may_end = Gate()

        async def slow(_: State) -> State:
            self.begun.open()
            await self.may_end.passed()
            return {"log": ["slow"]}

        self.graph = line({"a": says("a"), "slow": slow, "b": says("b")}, saver)


async def events_of(parts: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - a stream
    """Return what a stream shows, but for the data of its metadata."""
    return [(part.event, None if part.event == "metadata" else part.data) async for part in parts]
