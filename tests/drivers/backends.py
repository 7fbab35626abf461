"""The ways to drive a graph behind one face, so that a behaviour test is written once.

Also what such tests are made of: a state, graphs of two shapes, nodes of both kinds, and gates
that open from anywhere and are waited for anywhere.
"""

import asyncio
import operator
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio
import uvloop

from graphflow import START, StateGraph
from graphflow._drive.loop import in_trio, soon_here
from graphflow._drive.simulated import simulate
from graphflow.compiled import CompiledStateGraph

R = TypeVar("R")
Main: TypeAlias = Callable[[], Coroutine[Any, Any, R]]
Launch: TypeAlias = Callable[[Main[Any]], Any]
Node: TypeAlias = Callable[..., Any]
Kind: TypeAlias = Literal["sync", "async"]
Given: TypeAlias = Mapping[str, Any]
Take: TypeAlias = Callable[[Any], object]

NOTHING: Final[Given] = {}

PATIENCE: Final = 10.0
"""Seconds after which a test gives up: nothing here takes so long unless it would take for ever."""

ALONE: Final = ("simulated", "sync")
EAGER: Final = ("eager",) if sys.version_info >= (3, 12) else ()
"""asyncio whose tasks take their first step while they are made."""
REAL_LOOPS: Final = ("asyncio", "uvloop", "trio", *EAGER)
LOOPS: Final = (*REAL_LOOPS, "simulated")
ALL: Final = ("threads", *LOOPS)
REAL: Final = ("threads", *REAL_LOOPS)
"""The drivers whose sync nodes can run in threads, and so beside their consumer."""
ASYNCIO: Final = ("asyncio", "uvloop", "simulated", *EAGER)
KINDS: Final[tuple[Kind, ...]] = ("sync", "async")

BESIDE: Final = [(name, kind) for name in ALL for kind in KINDS if (name, kind) != ALONE]
"""Drivers and kinds of nodes that can wait for their consumer, for they run beside it."""
AWAY: Final = [("threads", "async"), *((name, "sync") for name in REAL)]
"""Those that run in another thread than their consumer, if they are in a crew."""

sizes: Final = pytest.mark.parametrize("names", ["a", "abc"], ids=["lone", "crew"])
"""Gives a test the names of one node, which is a lone one, then of three, which are a crew."""


class State(TypedDict, total=False):
    """A list that updates are appended to, and a plain key."""

    log: Annotated[list[Any], operator.add]
    x: int


Graph: TypeAlias = CompiledStateGraph[State, None]
Builder: TypeAlias = StateGraph[State, None]


# ------------------------------------------------------------------------------------- drivers


class Driver(ABC):
    """One way to drive a graph.

    Attributes:
        name: one of `ALL`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def run(self, graph: Graph, given: Given = NOTHING, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
        """Run to the end and return the final state."""

    @abstractmethod
    def each(self, graph: Graph, take: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - of `stream`
        """Run to the end, and hand each chunk to `take` when it comes."""

    @abstractmethod
    def leave(self, graph: Graph, at: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - of `stream`
        """Hand the first chunk to `at`, and leave the stream by its context manager."""

    def chunks(self, graph: Graph, given: Given = NOTHING, **options: Any) -> list[Any]:  # noqa: ANN401 - of `stream`
        """Run to the end and return all chunks."""
        got: list[Any] = []
        self.each(graph, got.append, given, **options)
        return got


class ThreadsDriver(Driver):
    """`invoke` and `stream`: no event loop."""

    def run(self, graph: Graph, given: Given = NOTHING, **options: Any) -> Any:  # noqa: ANN401 - as above
        """Run to the end and return the final state."""
        return graph.invoke(given, **options)

    def each(self, graph: Graph, take: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - as above
        """Run to the end, and hand each chunk to `take` when it comes."""
        for chunk in graph.stream(given, **options):
            take(chunk)

    def leave(self, graph: Graph, at: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - as above
        """Hand the first chunk to `at`, and leave the stream by its context manager."""
        with graph.stream(given, **options) as stream:
            at(next(stream))


class LoopDriver(Driver):
    """`ainvoke` and `astream` on one of the event loops."""

    def main(self, body: Main[R]) -> R:
        """Run a test's body on a new event loop, and see to it that it leaves nothing there."""

        async def checked() -> R:
            before = tasks_here()
            result = await body()
            assert tasks_here() - before == set(), "tasks are left on the event loop"
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
            return result

        result: R = _LAUNCH[self.name](checked)
        return result

    def run(self, graph: Graph, given: Given = NOTHING, **options: Any) -> Any:  # noqa: ANN401 - as above
        """Run to the end and return the final state."""

        async def body() -> Any:  # noqa: ANN401 - as above
            return await graph.ainvoke(given, **options)

        return self.main(body)

    def each(self, graph: Graph, take: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - as above
        """Run to the end, and hand each chunk to `take` when it comes."""

        async def body() -> None:
            async for chunk in graph.astream(given, **options):
                take(chunk)

        self.main(body)

    def leave(self, graph: Graph, at: Take, given: Given = NOTHING, **options: Any) -> None:  # noqa: ANN401 - as above
        """Hand the first chunk to `at`, and leave the stream by its context manager."""

        async def body() -> None:
            async with graph.astream(given, **options) as stream:
                at(await anext(stream))

        self.main(body)


def _on_asyncio(main: Main[R]) -> R:
    with asyncio.Runner() as runner:
        return runner.run(main())


def _on_uvloop(main: Main[R]) -> R:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def _on_eager_asyncio(main: Main[R]) -> R:
    with asyncio.Runner() as runner:
        if sys.version_info >= (3, 12):
            runner.get_loop().set_task_factory(asyncio.eager_task_factory)
        return runner.run(main())


_LAUNCH: Final[Mapping[str, Launch]] = {
    "asyncio": _on_asyncio,
    "uvloop": _on_uvloop,
    "eager": _on_eager_asyncio,
    "trio": trio.run,
    "simulated": simulate,
}


def driver_named(name: str) -> Driver:
    """Return one of the drivers."""
    return ThreadsDriver(name) if name == "threads" else LoopDriver(name)


def tasks_here() -> set[object]:
    """Return every task that lives on the running event loop."""
    if not in_trio():
        return set(asyncio.all_tasks())
    found: set[object] = set()
    roots = [trio.lowlevel.current_root_task()]
    for task in roots:
        if task is not None:
            found.add(task)
            roots += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


# -------------------------------------------------------------------------------------- graphs


def builder(nodes: Mapping[str, Node], **options: Any) -> Builder:  # noqa: ANN401 - of add_node
    """Return a builder with nodes and no edges."""
    made: Builder = StateGraph(State)
    for name, node in nodes.items():
        made.add_node(name, node, **options)
    return made


def fan_out(nodes: Mapping[str, Node], *, grace: float = 5.0, **options: Any) -> Graph:  # noqa: ANN401 - of add_node
    """Return a graph that runs all nodes at once; with one node it is a lone one."""
    made = builder(nodes, **options)
    for name in nodes:
        made.add_edge(START, name)
    return made.compile(cancel_grace=grace)


def chain(nodes: Mapping[str, Node], **options: Any) -> Graph:  # noqa: ANN401 - of add_node
    """Return a graph that runs one node after the other."""
    made = builder(nodes, **options)
    previous = START
    for name in nodes:
        made.add_edge(previous, name)
        previous = name
    return made.compile()


def made(kind: Kind, function: Callable[[Any], Any]) -> Node:
    """Return a function of the state as a node: itself, or one that waits a moment before."""
    if kind == "sync":
        return function

    async def node(state: Any) -> Any:  # noqa: ANN401 - any input and any update
        await anyio.lowlevel.checkpoint()
        return function(state)

    return node


def either(kind: Kind, body: Callable[[Any], Coroutine[Any, Any, Any]]) -> Node:
    """Return a coroutine function as a node of either kind.

    A sync one runs it in one step: so it may wait only for gates and turns, which block a thread.
    """
    if kind == "async":
        return body

    def node(state: Any) -> Any:  # noqa: ANN401 - any input and any update
        coroutine = body(state)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError(coroutine)  # it has waited for something else

    return node


def says(kind: Kind, *lines: object) -> Node:
    """Return a node that appends lines to the log."""
    return made(kind, lambda _: {"log": list(lines)})


# ------------------------------------------------------------------------------------- waiting


class Gate:
    """Opened once, from anywhere; waited for in a thread or on any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._wakers: list[Callable[[], object]] = []

    @property
    def is_open(self) -> bool:
        """Whether it has been opened."""
        return self._opened.is_set()

    def open(self, *_: object) -> None:
        """Let all pass, from now on; takes and ignores a chunk, to be a consumer."""
        with self._lock:
            self._opened.set()
            wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def wait(self) -> None:
        """Block this thread until it is open."""
        assert self._opened.wait(PATIENCE), "the gate was not opened"

    async def passed(self) -> None:
        """Wait until it is open: on this event loop, or in this thread if there is none."""
        if not on_a_loop():
            self.wait()
            return
        event, soon = anyio.Event(), soon_here()
        with self._lock:
            if self._opened.is_set():
                return
            self._wakers.append(lambda: soon(event.set))
        await event.wait()


def on_a_loop() -> bool:
    """Tell whether an event loop runs here."""
    try:
        return in_trio() or bool(asyncio.get_running_loop())
    except RuntimeError:
        return False


async def turn() -> None:
    """Give all others on the event loop a turn, if there is one."""
    if on_a_loop():
        await anyio.lowlevel.checkpoint()


async def settle(turns: int = 50) -> None:
    """Give every task of the event loop that can go on the turns to do so."""
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
