"""Inside a node, everything of asyncio, trio and anyio works as it does in a task of one's own."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Final, TypeAlias

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from graphflow import get_stream_writer
from graphflow._drive.stepping import BUFFER
from tests.drivers.backends import ASYNCIO, REAL, Driver, Gate, LoopDriver, fan_out, settle

Body: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]

SHORT: Final = 0.005
LONG: Final = 5.0

on_real: Final = pytest.mark.parametrize("driver", REAL, indirect=True)
on_asyncio: Final = pytest.mark.parametrize("driver", ["threads", *ASYNCIO], indirect=True)


def inside(driver: Driver, body: Body) -> set[Any]:
    """Await a body in a lone node, in the nodes of a crew, and in one whose items are shown."""

    async def node(state: object) -> dict[str, list[Any]]:
        return {"log": [await body()]}

    lone, crew = fan_out({"a": node}), fan_out({"a": node, "b": node})
    *_, shown = driver.chunks(lone, stream_mode=["custom", "values"])
    logs = [driver.run(lone)["log"], driver.run(crew)["log"], shown[1]["log"]]
    assert [len(log) for log in logs] == [1, 2, 1]
    return {item for log in logs for item in log}


# --------------------------------------------------------------------------------------- anyio


def test_a_timeout_that_is_not_met(driver: Driver) -> None:
    """`fail_after` lets a body pass that is in time."""

    async def body() -> str:
        with anyio.fail_after(LONG):
            await settle(3)
        return "in time"

    assert inside(driver, body) == {"in time"}


def test_a_timeout_that_is_met(driver: Driver) -> None:
    """`fail_after` raises in the node that is too late, and only there."""

    async def body() -> str:
        with pytest.raises(TimeoutError), anyio.fail_after(SHORT):
            await anyio.sleep_forever()
        return "too late"

    assert inside(driver, body) == {"too late"}


def test_a_scope_that_moves_on(driver: Driver) -> None:
    """A scope of the node's own cancels what is in it, and the node goes on."""

    async def body() -> bool:
        with anyio.move_on_after(SHORT) as scope:
            await anyio.sleep_forever()
        await settle(3)
        return scope.cancelled_caught

    assert inside(driver, body) == {True}


def test_a_group_of_children(driver: Driver) -> None:
    """A task group waits for the children that a node starts."""

    async def body() -> tuple[int, ...]:
        got: list[int] = []

        async def child(number: int) -> None:
            await settle(number)
            got.append(number)

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(child, number)
        return tuple(sorted(got))

    assert inside(driver, body) == {(0, 1, 2)}


def test_a_group_with_a_failing_child(driver: Driver) -> None:
    """A failing child ends its group, and the node may catch the exception group."""

    async def child() -> None:
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError

    async def fails() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            await anyio.sleep_forever()

    async def body() -> tuple[type[Exception], ...]:
        try:
            await fails()
        except ExceptionGroup as errors:
            return tuple(type(error) for error in errors.exceptions)
        return ()

    assert inside(driver, body) == {(ZeroDivisionError,)}


def test_a_group_that_is_cancelled(driver: Driver) -> None:
    """A group cancelled by the node ends its children, and the node goes on."""

    async def body() -> str:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        return "went on"

    assert inside(driver, body) == {"went on"}


def test_a_stream_of_objects(driver: Driver) -> None:
    """A memory stream carries objects between the children of a node."""

    async def body() -> tuple[int, ...]:
        got: list[int] = []
        send, receive = anyio.create_memory_object_stream[int](1)

        async def produce() -> None:
            async with send:
                for number in range(5):
                    await send.send(number)

        async with anyio.create_task_group() as group, receive:
            group.start_soon(produce)
            got += [number async for number in receive]
        return tuple(got)

    assert inside(driver, body) == {(0, 1, 2, 3, 4)}


def test_locks_keep_siblings_apart(driver: Driver) -> None:
    """A lock that nodes share is held by one of them at a time."""
    within: list[str] = []
    peaks: list[int] = []
    locks: list[anyio.Lock] = []

    async def node(state: object) -> None:
        if not locks:
            locks.append(anyio.Lock())
        async with locks[0]:
            within.append("node")
            await settle(3)
            peaks.append(len(within))
            within.pop()

    driver.run(fan_out(dict.fromkeys("abc", node)))
    assert peaks == [1, 1, 1]


@on_real
def test_a_function_in_a_thread(driver: Driver) -> None:
    """A node may hand what blocks to a thread, and the thread may call back."""

    def function() -> str:
        anyio.from_thread.run(anyio.lowlevel.checkpoint)
        return "from the thread"

    async def body() -> str:
        return await anyio.to_thread.run_sync(function)

    assert inside(driver, body) == {"from the thread"}


# ------------------------------------------------------------------------------------- asyncio


@on_asyncio
def test_asyncios_timeout_that_is_not_met(driver: Driver) -> None:
    """`asyncio.timeout` lets a body pass that is in time."""

    async def body() -> str:
        async with asyncio.timeout(LONG):
            await settle(3)
        return "in time"

    assert inside(driver, body) == {"in time"}


@on_asyncio
def test_asyncios_timeout_that_is_met(driver: Driver) -> None:
    """`asyncio.timeout` raises in the node that is too late, and leaves no cancel pending."""

    async def body() -> tuple[str, int]:
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await anyio.sleep_forever()
        await settle(3)
        return "too late", task.cancelling()

    assert inside(driver, body) == {("too late", 0)}


@on_asyncio
def test_wait_for_that_is_not_met(driver: Driver) -> None:
    """`asyncio.wait_for` returns what it waits for."""

    async def body() -> str:
        return await asyncio.wait_for(asyncio.sleep(0, "in time"), LONG)

    assert inside(driver, body) == {"in time"}


@on_asyncio
def test_wait_for_that_is_met(driver: Driver) -> None:
    """`asyncio.wait_for` raises in the node."""

    async def body() -> str:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anyio.sleep_forever(), SHORT)
        return "too late"

    assert inside(driver, body) == {"too late"}


@on_asyncio
def test_asyncios_group(driver: Driver) -> None:
    """`asyncio.TaskGroup` waits for the tasks that a node starts."""

    async def body() -> tuple[int, ...]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
        return tuple(task.result() for task in tasks)

    assert inside(driver, body) == {(0, 1, 2)}


@on_asyncio
def test_asyncios_group_with_a_failing_task(driver: Driver) -> None:
    """A failing task ends its group, and leaves the node no cancel pending."""

    async def child() -> None:
        raise ZeroDivisionError

    async def fails() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await anyio.sleep_forever()

    async def body() -> tuple[str, int]:
        task = asyncio.current_task()
        assert task is not None
        caught = "nothing"
        try:
            await fails()
        except* ZeroDivisionError:
            caught = "the error"
        await settle(3)
        return caught, task.cancelling()

    assert inside(driver, body) == {("the error", 0)}


@on_asyncio
def test_the_current_task_stays_the_same(driver: Driver) -> None:
    """All steps of a node are made by one task."""

    async def body() -> bool:
        before = asyncio.current_task()
        await settle(3)
        return before is asyncio.current_task()

    assert inside(driver, body) == {True}


@on_asyncio
def test_gather_and_a_queue(driver: Driver) -> None:
    """Tasks that a node gathers may hand each other things."""

    async def body() -> tuple[None, str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        nothing, got = await asyncio.gather(queue.put("item"), queue.get())
        return nothing, got

    assert inside(driver, body) == {(None, "item")}


@on_asyncio
def test_a_function_in_a_thread_of_asyncio(driver: Driver) -> None:
    """`asyncio.to_thread` works, inline in a simulation."""

    async def body() -> str:
        return await asyncio.to_thread(str, "result")

    assert inside(driver, body) == {"result"}


def test_a_generator_that_is_left(driver: Driver) -> None:
    """A node may leave an async generator that waits while it is closed."""
    closed: list[str] = []

    async def generate() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await anyio.lowlevel.checkpoint()
            closed.append("closed")

    async def body() -> int:
        generator = generate()
        number = await anext(generator)
        await generator.aclose()
        return number

    assert inside(driver, body) == {1}
    assert closed == ["closed"] * 4


# --------------------------------------------------------------------- what is handed over is kept


class Held:
    """A run whose node waits for a lock, and is held by back-pressure when it is handed the lock.

    Then the scope that the node waits in is cancelled: the lock must not be lost.
    """

    def __init__(self) -> None:
        self.go = Gate()
        self.own = anyio.CancelScope()
        self.passed = False

    async def run(self, lock: anyio.Lock | trio.Lock) -> None:
        """Run it to the point where the scope is cancelled, and then close it."""

        async def node(state: object) -> None:
            writer = get_stream_writer()
            writer("first")
            await self.go.passed()
            for number in range(BUFFER):
                writer(number)
            with self.own:
                async with lock:
                    pass
            self.passed = True

        await lock.acquire()
        async with fan_out({"a": node}).astream({}, stream_mode="custom") as stream:
            await anext(stream)
            self.go.open()
            await settle()
            lock.release()
            await settle()
            self.own.cancel()
            await settle()
            assert not self.passed


def test_a_lock_handed_to_a_held_node_is_not_lost(loop: LoopDriver) -> None:
    """A node that is cancelled while it is held gives back a lock that it was handed."""

    async def body() -> bool:
        lock = anyio.Lock()
        await Held().run(lock)
        return lock.locked()

    assert loop.main(body) is False


@pytest.mark.parametrize("loop", ["trio"], indirect=True)
def test_trios_lock_handed_to_a_held_node_is_not_lost(loop: LoopDriver) -> None:
    """The same for trio's own lock, which trusts that nothing handed over is dropped."""

    async def body() -> bool:
        lock = trio.Lock()
        await Held().run(lock)
        return lock.locked()

    assert loop.main(body) is False
