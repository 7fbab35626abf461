"""Every way to end a run before its time ends its nodes first, and leaves nothing behind."""

import asyncio
import gc
import signal
import threading
from collections.abc import Iterator
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from graphflow import END, START
from tests.drivers.backends import (
    ASYNCIO,
    BESIDE,
    NOTHING,
    REAL,
    REAL_LOOPS,
    Driver,
    Gate,
    Graph,
    Kind,
    LoopDriver,
    Node,
    builder,
    chain,
    driver_named,
    either,
    fan_out,
    says,
    settle,
    sizes,
)

SHORT: Final = 0.05

on_asyncio: Final = pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
on_real: Final = pytest.mark.parametrize("driver", REAL, indirect=True)
on_real_loops: Final = pytest.mark.parametrize("loop", REAL_LOOPS, indirect=True)


class Sleepers:
    """Nodes that sleep until they are cancelled, and then take a few turns to end."""

    def __init__(self) -> None:
        self.entered, self.ended = list[str](), list[str]()
        self.asleep, self.cleaning = Gate(), Gate()

    def node(self, name: str, turns: int = 3) -> Node:
        """Return one of them."""

        async def node(state: object) -> None:
            self.entered.append(name)
            self.asleep.open()
            try:
                await anyio.sleep_forever()
            finally:
                self.cleaning.open()
                with anyio.CancelScope(shield=True):
                    await settle(turns)
                self.ended.append(name)

        return node

    def graph(self, names: str) -> Graph:
        """Return a graph of these."""
        return fan_out({name: self.node(name) for name in names})

    def beside(self, kind: Kind, *, fails: bool = False) -> Graph:
        """Return a graph of one of these and another node, which ends when this one sleeps."""

        async def other(state: object) -> None:
            await self.asleep.passed()
            if fails:
                raise ZeroDivisionError

        return fan_out({"sleeper": self.node("sleeper"), "other": either(kind, other)})

    @property
    def all_ended(self) -> bool:
        """Whether all that began have ended, and some began."""
        return bool(self.entered) and sorted(self.ended) == sorted(self.entered)


# ------------------------------------------------------------------------------------ wait_for


@on_asyncio
@sizes
def test_wait_for_around_each_chunk_changes_nothing(loop: LoopDriver, names: str) -> None:
    """Each chunk may be waited for in a task of its own."""
    graph = chain({"first": says("async", 1), **{name: says("async", name) for name in names}})

    async def body() -> list[Any]:
        got: list[Any] = []
        stream = graph.astream({}, stream_mode=["updates", "custom"])
        while True:
            try:
                got.append(await asyncio.wait_for(anext(stream), 5))
            except StopAsyncIteration:
                return got

    assert len(loop.main(body)) == 1 + len(names)


@on_asyncio
@sizes
def test_a_chunk_that_is_too_late_ends_the_run(loop: LoopDriver, names: str) -> None:
    """A timeout of `wait_for` is raised when all nodes have ended, and the stream is over."""
    sleepers = Sleepers()

    async def body() -> None:
        stream = sleepers.graph(names).astream({})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), SHORT)
        assert sleepers.all_ended
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    loop.main(body)


@sizes
def test_a_timeout_around_a_run_ends_it(loop: LoopDriver, names: str) -> None:
    """A timeout of anyio is raised when all nodes have ended."""
    sleepers = Sleepers()

    async def body() -> None:
        with anyio.move_on_after(SHORT) as scope:
            await sleepers.graph(names).ainvoke({})
        assert scope.cancelled_caught
        assert sleepers.all_ended

    loop.main(body)


@on_asyncio
@sizes
def test_a_timeout_of_asyncio_around_a_run_ends_it(loop: LoopDriver, names: str) -> None:
    """A timeout of asyncio is raised when all nodes have ended."""
    sleepers = Sleepers()

    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await sleepers.graph(names).ainvoke({})
        assert sleepers.all_ended

    loop.main(body)


# --------------------------------------------------------------------------------------- break


def test_leaving_the_block_ends_the_run(driver: Driver) -> None:
    """After `async with` or `with` every node has ended."""
    sleepers = Sleepers()
    driver.leave(sleepers.beside("async"), lambda _: None)
    assert sleepers.all_ended


def test_aclose_ends_the_run(loop: LoopDriver) -> None:
    """After a break, `aclose` does what `async with` does; a second one does nothing."""
    sleepers = Sleepers()

    async def body() -> None:
        stream = sleepers.beside("async").astream({})
        async for chunk in stream:
            assert chunk == {"other": None}
            break
        assert sleepers.ended == []
        await stream.aclose()
        assert sleepers.all_ended
        await stream.aclose()

    loop.main(body)


@on_asyncio
def test_a_forgotten_stream_is_ended_by_the_loop(loop: LoopDriver) -> None:
    """A stream that was left by `break`, and is garbage, ends its nodes soon."""
    sleepers = Sleepers()

    async def body() -> None:
        async for _ in sleepers.beside("async").astream({}):
            break
        gc.collect()
        await settle()
        assert sleepers.all_ended

    loop.main(body)


@pytest.mark.parametrize("loop", ["trio"], indirect=True)
def test_trio_warns_of_a_forgotten_stream_and_ends_it(loop: LoopDriver) -> None:
    """The warning is trio's own; the nodes end all the same."""
    sleepers = Sleepers()

    async def body() -> None:
        async for _ in sleepers.beside("async").astream({}):
            break
        gc.collect()
        await settle()
        assert sleepers.all_ended

    with pytest.warns(ResourceWarning, match="was garbage collected before"):
        loop.main(body)


def test_close_ends_a_sync_run() -> None:
    """After a break, `close` does what `with` does; a second one does nothing."""
    sleepers = Sleepers()
    stream = sleepers.beside("sync").stream({})
    for chunk in stream:
        assert chunk == {"other": None}
        break
    stream.close()
    assert sleepers.all_ended
    stream.close()


def test_a_forgotten_sync_stream_is_ended_by_python() -> None:
    """A stream that was left by `break`, and is garbage, ends its nodes at once."""
    sleepers = Sleepers()
    for _ in sleepers.beside("sync").stream({}):
        break
    gc.collect()
    assert sleepers.all_ended


def test_a_stream_that_is_never_read_runs_nothing(loop: LoopDriver) -> None:
    """Nothing runs before the first chunk is asked for, so there is nothing to end."""
    sleepers = Sleepers()

    async def body() -> None:
        async with sleepers.graph("ab").astream({}):
            await settle()

    loop.main(body)
    assert sleepers.entered == []


def test_a_sync_stream_that_is_never_read_runs_nothing() -> None:
    """Nothing runs before the first chunk is asked for, so there is nothing to end."""
    sleepers = Sleepers()
    with sleepers.graph("ab").stream({}):
        pass
    assert sleepers.entered == []


# ----------------------------------------------------------------------------- failing siblings


@pytest.mark.parametrize(("driver", "kind"), BESIDE, indirect=True)
def test_a_failing_sibling_waits_for_the_others_to_end(driver: Driver, kind: Kind) -> None:
    """The error reaches the caller when the cancelled nodes are through with their `finally`."""
    sleepers = Sleepers()
    with pytest.raises(ZeroDivisionError):
        driver.run(sleepers.beside(kind, fails=True))
    assert sleepers.all_ended


def test_a_failing_path_function_ends_the_siblings(driver: Driver) -> None:
    """A conditional edge that fails is a task that fails."""
    sleepers = Sleepers()

    async def fails(state: object) -> str:
        await sleepers.asleep.passed()
        raise ZeroDivisionError

    made_of = builder({"a": says("async"), "sleeper": sleepers.node("sleeper")})
    made_of.add_edge(START, "a").add_edge(START, "sleeper").add_conditional_edges("a", fails, [END])
    with pytest.raises(ZeroDivisionError):
        driver.run(made_of.compile())
    assert sleepers.all_ended


@sizes
def test_a_failure_around_the_consumer_ends_the_run(loop: LoopDriver, names: str) -> None:
    """A run in a task group ends when the group does, for the failure of someone else."""
    sleepers = Sleepers()

    async def consume() -> None:
        async for _ in sleepers.graph(names).astream({}):
            pass

    async def fail() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            await sleepers.asleep.passed()
            raise ZeroDivisionError

    async def body() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            await fail()
        assert sleepers.all_ended
        assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]

    loop.main(body)


def test_tasks_that_wait_for_their_turn_never_run(driver: Driver) -> None:
    """When a sibling fails, those beyond `max_concurrency` do not begin."""
    ran: list[str] = []

    async def fails(state: object) -> None:
        raise ZeroDivisionError

    async def runs(state: object) -> None:
        ran.append("b")

    with pytest.raises(ZeroDivisionError):
        driver.run(fan_out({"a": fails, "b": runs}), config={"max_concurrency": 1})
    assert ran == []


# --------------------------------------------------------------------------------- two cancels


@on_asyncio
def test_a_second_cancel_waits_too(loop: LoopDriver) -> None:
    """Cancelled again while its nodes clean up, a run still waits for them."""
    sleepers = Sleepers()

    async def body() -> None:
        task = asyncio.create_task(
            fan_out({name: sleepers.node(name, turns=100) for name in "abc"}).ainvoke({})
        )
        await sleepers.asleep.passed()
        for _ in range(3):
            task.cancel()
            await settle(5)
        assert not task.done()
        await asyncio.wait([task])
        assert task.cancelled()
        assert sleepers.all_ended

    loop.main(body)


@on_asyncio
@sizes
def test_a_task_cancelled_before_its_first_step_runs_nothing(loop: LoopDriver, names: str) -> None:
    """A run whose task never began is no run; one that has just begun ends at once."""
    sleepers = Sleepers()

    async def body() -> None:
        for turns in (0, 1):
            task = asyncio.create_task(sleepers.graph(names).ainvoke({}))
            await settle(turns)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert sorted(sleepers.ended) == sorted(sleepers.entered)

    loop.main(body)


@sizes
def test_a_scope_that_is_cancelled_already_ends_the_run(loop: LoopDriver, names: str) -> None:
    """A run inside a cancelled scope ends at its first await, and leaves nothing."""
    sleepers = Sleepers()

    async def body() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await sleepers.graph(names).ainvoke({})
        return scope.cancelled_caught

    assert loop.main(body)
    assert sorted(sleepers.ended) == sorted(sleepers.entered)


# ------------------------------------------------------------------------------------- threads


@on_real_loops
@sizes
def test_no_token_of_the_thread_limiter_is_left(loop: LoopDriver, names: str) -> None:
    """When a cancelled run is over, anyio's limiter has all of its threads back."""
    entered, release = Gate(), Gate()

    def blocks(state: object) -> None:
        entered.open()
        release.wait()

    async def body() -> float:
        async with anyio.create_task_group() as group:
            group.start_soon(fan_out(dict.fromkeys(names, blocks)).ainvoke, NOTHING)
            await entered.passed()
            group.cancel_scope.cancel()
            release.open()
        return anyio.to_thread.current_default_thread_limiter().borrowed_tokens

    assert loop.main(body) == 0


@on_real
def test_a_crew_of_both_kinds_is_ended(driver: Driver) -> None:
    """Leaving a stream cancels the coroutines, and waits for the threads."""
    sleepers, entered, ended = Sleepers(), Gate(), list[str]()

    def blocks(state: object) -> None:
        entered.open()
        sleepers.cleaning.wait()
        ended.append("thread")

    async def quick(state: object) -> None:
        await entered.passed()
        await sleepers.asleep.passed()

    nodes = {"blocks": blocks, "sleeper": sleepers.node("sleeper"), "quick": quick}
    driver.leave(fan_out(nodes), lambda _: None)
    assert ended == ["thread"]
    assert sleepers.all_ended


# -------------------------------------------------------------------------------------- Ctrl-C


@pytest.fixture
def keyboard() -> Iterator[None]:
    """Let Ctrl-C be heard: what a shell begins in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("keyboard")
def test_an_interrupt_from_the_keyboard_ends_the_run(driver: Driver) -> None:
    """Ctrl-C reaches the caller as KeyboardInterrupt when every node has ended."""
    sleepers = Sleepers()

    async def presses(state: object) -> None:
        await sleepers.asleep.passed()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        driver.run(fan_out({"sleeper": sleepers.node("sleeper"), "presses": presses}))
    assert sleepers.all_ended


@pytest.mark.usefixtures("keyboard")
def test_a_lone_node_of_a_sync_run_meets_the_interrupt() -> None:
    """A sync node on the caller's thread is interrupted right there."""

    def presses(state: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        driver_named("threads").run(fan_out({"a": presses}))
