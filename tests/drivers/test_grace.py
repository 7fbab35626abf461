"""The grace: how long a cancelled run waits for its threads, which nothing can stop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from graphflow import END, START, get_stream_writer
from graphflow.errors import AbandonedTaskWarning, TaskAbandoned
from graphflow.types import StreamMode
from tests.drivers.backends import (
    NOTHING,
    PATIENCE,
    REAL_LOOPS,
    Gate,
    Graph,
    LoopDriver,
    builder,
    fan_out,
    settle,
    sizes,
)

Action: TypeAlias = Callable[[], object]

SOON: Final = 0.05
"""A grace that is over before anyone opens the gate that a thread waits for."""

on_real_loops: Final = pytest.mark.parametrize("loop", REAL_LOOPS, indirect=True)
modes: Final = pytest.mark.parametrize("mode", ["custom", "values"])
on_asyncio: Final = pytest.mark.parametrize(
    "loop", [name for name in REAL_LOOPS if name != "trio"], indirect=True
)


class Slow:
    """A sync node that is in its thread until it is let go, and then may write.

    Attributes:
        entered: opened when it has begun.
        release: lets it go on.
        over: opened when it is about to end.
        errors: what writing raised.
    """

    def __init__(self) -> None:
        self.entered, self.release, self.over = Gate(), Gate(), Gate()
        self.errors: list[TaskAbandoned] = []
        self.ended = 0

    def node(self, _: object) -> None:
        """Wait, write, end."""
        self.entered.open()
        self.release.wait()
        try:
            get_stream_writer()("late")
        except TaskAbandoned as error:
            self.errors.append(error)
        self.ended += 1
        self.over.open()

    def graph(self, grace: float, names: str = "a") -> Graph:
        """Return a graph with this node, and quick ones beside it."""
        return fan_out({names[0]: self.node, **dict.fromkeys(names[1:], quick)}, grace=grace)


async def quick(state: object) -> None:
    """Do nothing."""


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Give a slow node, and let it go at the end whatever happens."""
    made = Slow()
    yield made
    made.release.open()
    if made.entered.is_open:
        made.over.wait()


# ------------------------------------------------------------------------------ on event loops


@on_real_loops
@sizes
def test_a_thread_that_ends_within_the_grace_is_waited_for(
    loop: LoopDriver, slow: Slow, names: str
) -> None:
    """The cancelled consumer goes on only when the thread has ended, and nobody is warned."""

    async def body() -> int:
        before = -1
        async with anyio.create_task_group() as group:
            group.start_soon(slow.graph(PATIENCE, names).ainvoke, NOTHING)
            await slow.entered.passed()
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await settle()
            before = slow.ended
            slow.release.open()
        return slow.ended - before

    assert loop.main(body) == 1


@on_real_loops
@sizes
def test_a_thread_that_outlives_the_grace_is_reported(
    loop: LoopDriver, slow: Slow, names: str
) -> None:
    """The consumer goes on without it, and the warning names the node."""

    async def body() -> int:
        async with anyio.create_task_group() as group:
            group.start_soon(slow.graph(SOON, names).ainvoke, NOTHING)
            await slow.entered.passed()
            group.cancel_scope.cancel()
        ended = slow.ended
        await let_go(slow)
        return ended

    with pytest.warns(AbandonedTaskWarning, match=r"node 'a' .* after 0\.05 s"):
        assert loop.main(body) == 0


@on_real_loops
def test_a_thread_that_fails_within_the_grace_has_failed(loop: LoopDriver) -> None:
    """As in an async node, an error in place of the cancel is not lost."""
    entered, release = Gate(), Gate()
    caught: list[Exception] = []

    def fails(state: object) -> None:
        entered.open()
        release.wait()
        raise ZeroDivisionError

    async def call() -> None:
        try:
            await fan_out({"a": fails}, grace=PATIENCE).ainvoke({})
        except ZeroDivisionError as error:
            caught.append(error)

    async def body() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await entered.passed()
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await settle()
            release.open()

    loop.main(body)
    assert [error.__notes__ for error in caught] == [["in node 'a', superstep 1"]]


@on_asyncio
@sizes
def test_a_second_cancel_does_not_shorten_the_grace(
    loop: LoopDriver, slow: Slow, names: str
) -> None:
    """Cancelled again while it waits for the thread, the run still waits."""

    async def body() -> tuple[bool, int]:
        task = asyncio.create_task(slow.graph(PATIENCE, names).ainvoke({}))
        await slow.entered.passed()
        for _ in range(3):
            task.cancel()
            await settle()
        done = task.done()
        slow.release.open()
        await asyncio.wait([task])
        assert task.cancelled()
        return done, slow.ended

    assert loop.main(body) == (False, 1)


@on_asyncio
@sizes
def test_a_second_cancel_does_not_silence_the_report(
    loop: LoopDriver, slow: Slow, names: str
) -> None:
    """Cancelled again while it waits for the thread, the run still says whom it leaves behind."""

    async def body() -> bool:
        task = asyncio.create_task(slow.graph(SOON, names).ainvoke({}))
        await slow.entered.passed()
        for _ in range(3):
            task.cancel()
            await settle(3)
        await asyncio.wait([task])
        await let_go(slow)
        return task.cancelled()

    with pytest.warns(AbandonedTaskWarning, match="node 'a'"):
        assert loop.main(body)


@on_real_loops
@modes
def test_closing_a_stream_gives_the_grace(loop: LoopDriver, slow: Slow, mode: StreamMode) -> None:
    """`aclose` too waits for a thread that ends in time."""

    async def body() -> None:
        modes: list[StreamMode] = ["updates", mode]
        async with anyio.create_task_group() as group:
            async with slow.graph(PATIENCE, "ab").astream({}, stream_mode=modes) as stream:
                await anext(stream)
                await slow.entered.passed()
                group.start_soon(open_later, slow)
            assert slow.ended == 1

    loop.main(body)


@on_real_loops
@modes
def test_who_is_left_behind_cannot_write(loop: LoopDriver, slow: Slow, mode: StreamMode) -> None:
    """A thread that goes on after the run is told so when it writes, watched or not."""

    async def body() -> None:
        modes: list[StreamMode] = ["updates", mode]
        async with slow.graph(SOON, "ab").astream({}, stream_mode=modes) as stream:
            await anext(stream)
            await slow.entered.passed()
        await let_go(slow)

    with pytest.warns(AbandonedTaskWarning, match="node 'a'"):
        loop.main(body)
    assert [error.node for error in slow.errors] == ["a"]


async def open_later(slow: Slow) -> None:
    """Let a node go when everything else has had its turns."""
    await settle()
    slow.release.open()


async def let_go(slow: Slow) -> None:
    """Let a node that was left behind end, and wait until its thread is given back."""
    slow.release.open()
    await slow.over.passed()
    limiter = anyio.to_thread.current_default_thread_limiter()
    while limiter.borrowed_tokens:
        await anyio.lowlevel.checkpoint()


# ------------------------------------------------------------------------------- without a loop


def run_beside_failure(slow: Slow, grace: float, mode: StreamMode, lets_go: Action) -> None:
    """Run the slow node in a crew of threads of which another fails when it has begun."""

    def fails(_: object) -> None:
        slow.entered.wait()
        lets_go()
        raise ZeroDivisionError

    graph = fan_out({"slow": slow.node, "fails": fails}, grace=grace)
    with pytest.raises(ZeroDivisionError):
        graph.invoke({}, stream_mode=mode)


@modes
def test_a_failing_sibling_gives_threads_the_grace(slow: Slow, mode: StreamMode) -> None:
    """The error reaches the caller when the other thread has ended, and nobody is warned."""
    # Too early a release would only prove less: the thread would have ended before the failure.
    run_beside_failure(slow, PATIENCE, mode, threading.Timer(SOON, slow.release.open).start)
    assert slow.ended == 1


@modes
def test_a_failing_sibling_gives_threads_no_more(slow: Slow, mode: StreamMode) -> None:
    """After the grace the error reaches the caller, and the warning names who is left behind."""
    with pytest.warns(AbandonedTaskWarning, match=r"node 'slow' .* after 0\.05 s"):
        run_beside_failure(slow, SOON, mode, lambda: None)
    assert slow.ended == 0


@modes
def test_who_is_left_behind_by_a_sync_run_cannot_write(slow: Slow, mode: StreamMode) -> None:
    """A thread that goes on after the run is told so when it writes, watched or not."""
    with pytest.warns(AbandonedTaskWarning):
        run_beside_failure(slow, SOON, mode, lambda: None)
    slow.release.open()
    slow.over.wait()
    assert [error.node for error in slow.errors] == ["slow"]


def test_leaving_a_sync_stream_gives_the_grace(slow: Slow) -> None:
    """Leaving the `with` block waits for a thread that ends in time."""
    with slow.graph(PATIENCE, "ab").stream({}) as stream:
        assert next(stream) == {"b": None}
        slow.entered.wait()
        threading.Timer(SOON, slow.release.open).start()
    assert slow.ended == 1


def test_a_thread_of_the_portal_has_the_grace(slow: Slow) -> None:
    """A sync node with an async path function is in a thread of the portal, by the same rule."""

    async def choose(state: object) -> str:
        return END

    def fails(_: object) -> None:
        slow.entered.wait()
        raise ZeroDivisionError

    made_of = builder({"slow": slow.node, "fails": fails})
    made_of.add_edge(START, "slow").add_edge(START, "fails").add_conditional_edges("slow", choose)
    with (
        pytest.warns(AbandonedTaskWarning, match="node 'slow'"),
        pytest.raises(ZeroDivisionError),
    ):
        made_of.compile(cancel_grace=SOON).invoke({})
    assert slow.ended == 0
