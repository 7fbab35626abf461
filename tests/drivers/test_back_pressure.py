"""Back-pressure: a node that writes faster than its consumer reads is held, and always let go."""

import math
import threading
from typing import Any, Final

import pytest

from graphflow import get_stream_writer
from graphflow._drive.stepping import BUFFER
from graphflow.errors import TaskAbandoned
from tests.drivers.backends import (
    AWAY,
    NOTHING,
    REAL,
    Driver,
    Gate,
    Kind,
    LoopDriver,
    either,
    fan_out,
    made,
    settle,
    sizes,
    turn,
)

MANY: Final = 4 * BUFFER
away: Final = pytest.mark.parametrize(("driver", "kind"), AWAY, indirect=True)


@pytest.mark.parametrize("burst", [1, 10])
def test_an_async_node_is_held_where_it_waits(loop: LoopDriver, burst: int) -> None:
    """A full buffer holds it at its next await: it overshoots by what it writes between two."""
    go = Gate()
    written = 0

    async def node(state: object) -> None:
        nonlocal written
        writer = get_stream_writer()
        writer("first")
        await go.passed()
        while written < MANY:
            for _ in range(burst):
                writer(written)
                written += 1
            await turn()

    async def body() -> tuple[int, list[Any]]:
        async with fan_out({"a": node}).astream({}, stream_mode="custom") as stream:
            await anext(stream)
            go.open()
            await settle(2 * MANY)
            return written, [item async for item in stream]

    held, rest = loop.main(body)
    assert held == math.ceil(BUFFER / burst) * burst
    assert rest == list(range(written))


@pytest.mark.parametrize("burst", [1, 10])
def test_a_node_on_the_portal_is_held_where_it_waits(burst: int) -> None:
    """A full buffer holds it at its next await, though its consumer is in another thread."""
    go, full, behind = Gate(), Gate(), Gate()
    written = 0

    async def node(state: object) -> None:
        nonlocal written
        writer = get_stream_writer()
        writer("first")
        await go.passed()
        while written < MANY:
            for _ in range(burst):
                writer(written)
                written += 1
            if written >= BUFFER:
                full.open()
            await turn()

    async def opens(state: object) -> None:
        await full.passed()
        await settle()
        behind.open()

    # Another run on the same portal: a sibling would be held, too.
    other = threading.Thread(target=fan_out({"b": opens}).invoke, args=(NOTHING,))
    with fan_out({"a": node}).stream({}, stream_mode="custom") as stream:
        next(stream)
        other.start()
        go.open()
        behind.wait()
        held = written
        rest = list(stream)
    other.join()
    assert held == math.ceil(BUFFER / burst) * burst
    assert rest == list(range(written))


@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_node_in_a_thread_is_never_far_ahead(driver: Driver) -> None:
    """It is ahead by one full buffer, and by one more that the consumer is just reading."""
    written = read = ahead = 0
    full = Gate()

    def node(state: object) -> None:
        nonlocal written, ahead
        writer = get_stream_writer()
        for number in range(20 * BUFFER):
            writer(number)
            written += 1
            ahead = max(ahead, written - read)
            if written == BUFFER:
                full.open()

    def take(_: int) -> None:
        nonlocal read
        full.wait()
        read += 1

    driver.each(fan_out({"a": node}), take, stream_mode="custom")
    assert BUFFER <= ahead <= 2 * BUFFER + 1


@sizes
def test_nothing_is_lost(driver: Driver, kind: Kind, names: str) -> None:
    """However often nodes are held, all that they write is shown, in their order."""

    async def body(state: object) -> None:
        for number in range(MANY):
            get_stream_writer()(number)
            if kind == "async":
                await turn()

    graph = fan_out(dict.fromkeys(names, either(kind, body)))
    got = driver.chunks(graph, stream_mode="custom")
    assert sorted(got) == sorted([*range(MANY)] * len(names))
    assert len(names) > 1 or got == list(range(MANY))


# ----------------------------------------------------------------------------------- release


class Endless:
    """A node that writes without end, and tells how it was ended."""

    def __init__(self) -> None:
        self.full = Gate()
        self.ended: list[str] = []

    async def node(self, _: object) -> None:
        """Write until it is stopped."""
        writer = get_stream_writer()
        written = 0
        try:
            while True:
                writer(written)
                written += 1
                if written == BUFFER:
                    self.full.open()
                await turn()
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise


@away
def test_leaving_the_stream_lets_a_held_node_go(driver: Driver, kind: Kind) -> None:
    """The run does not wait for a node that waits for the run."""
    endless = Endless()
    graph = fan_out({"a": either(kind, endless.node)})
    driver.leave(graph, lambda _: endless.full.wait(), stream_mode="custom")
    assert endless.ended == [TaskAbandoned.__name__ if kind == "sync" else "CancelledError"]


def test_leaving_the_stream_lets_a_held_async_node_go(loop: LoopDriver) -> None:
    """A node that is held on the loop is cancelled there."""
    endless = Endless()

    async def body() -> None:
        stream_of = fan_out({"a": endless.node}).astream
        async with stream_of({}, stream_mode="custom") as stream:
            await anext(stream)
            await settle(2 * BUFFER)
            assert endless.full.is_open

    loop.main(body)
    assert endless.ended in (["CancelledError"], ["Cancelled"])


@away
def test_a_failing_sibling_lets_a_held_node_go(driver: Driver, kind: Kind) -> None:
    """The failure of another node ends the run though the buffer is full."""
    endless = Endless()

    async def fails(state: object) -> None:
        await endless.full.passed()
        raise ZeroDivisionError

    graph = fan_out({"a": either(kind, endless.node), "b": either(kind, fails)})
    with pytest.raises(ZeroDivisionError) as caught:
        driver.each(graph, lambda _: endless.full.wait(), stream_mode="custom")
    assert len(endless.ended) == 1
    assert caught.value.__notes__ == ["in node 'b', superstep 1"]


def test_a_reader_that_fails_lets_held_nodes_go(driver: Driver) -> None:
    """The consumer's own error passes through, and the node that wrote is ended."""
    endless = Endless()

    def take(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        driver.leave(fan_out({"a": endless.node}), take, stream_mode="custom")
    assert len(endless.ended) == 1


def test_a_held_crew_still_ends(driver: Driver, kind: Kind) -> None:
    """A task that has ended is seen though the others have filled the buffer."""
    quick = made(kind, lambda _: {"x": 1})

    async def chatty(state: object) -> None:
        for number in range(MANY):
            get_stream_writer()(number)
            if kind == "async":
                await turn()

    nodes = {"a": either(kind, chatty), "b": either(kind, chatty), "quick": quick}
    got = driver.chunks(fan_out(nodes), stream_mode=["custom", "updates"])
    assert ("updates", {"quick": {"x": 1}}) in got
