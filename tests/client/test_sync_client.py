"""What only the synchronous client does."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from graphflow.client import get_client, get_sync_client
from graphflow.client._sync import Loop
from tests.client.served import GIVEN, Slow, assert_gone, line, says
from tests.drivers.backends import Gate, LoopDriver, State


def test_several_threads_use_one_client() -> None:
    """Each waits for its own run."""
    slow = Slow()
    got: list[Any] = []
    with get_sync_client({"agent": slow.graph}) as client:
        callers = [
            threading.Thread(
                target=lambda: got.append(client.runs.wait(None, "agent", input=GIVEN))
            )
            for _ in range(3)
        ]
        for caller in callers:
            caller.start()
        slow.may_end.open()
        for caller in callers:
            caller.join()
    assert got == [{"log": ["i", "a", "slow", "b"]}] * 3


def test_a_client_that_is_closed_says_so() -> None:
    """Also when it is closed again."""
    client = get_sync_client({"agent": line({"a": says("a")})})
    client.close()
    client.close()
    assert_gone(client)
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.threads.create()


def test_a_stream_that_is_read_after_the_client_is_closed_ends_quietly() -> None:
    """Its run has ended, and so has its loop."""
    client = get_sync_client({"agent": Slow().graph})
    stream = client.runs.stream(None, "agent", input=GIVEN)
    assert isinstance(stream, Iterator)
    next(stream)
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        next(stream)


def test_an_interrupt_from_the_keyboard_ends_the_wait_and_not_the_run() -> None:
    """As it would end the wait for a server, unless it is said otherwise."""
    begun, may_end = Gate(), Gate()
    main = threading.main_thread().ident
    assert main is not None

    async def interrupts(state: State) -> State:
        begun.open()
        signal.pthread_kill(main, signal.SIGINT)
        await may_end.passed()
        return {"x": 1}

    with get_sync_client({"agent": line({"interrupts": interrupts})}) as client:
        thread = client.threads.create()["thread_id"]
        with pytest.raises(KeyboardInterrupt):
            client.runs.wait(thread, "agent", input={})
        (run,) = client.runs.list(thread)
        assert run["status"] == "running"
        may_end.open()
        assert client.runs.join(thread, run["run_id"])["x"] == 1


def test_a_client_is_used_in_a_node_of_its_own_run() -> None:
    """In a synchronous one; an asynchronous one is on the loop that would be waited for."""
    inner = line({"a": says("a")})
    with get_sync_client({"inner": inner}) as known:

        def outer(state: State) -> State:
            log: list[Any] = client.runs.wait(None, "inner", input=GIVEN)["log"]
            return {"log": log}

        async def blocks(state: State) -> State:
            client.runs.wait(None, "inner", input=GIVEN)
            return {}

        graphs = {"inner": inner, "outer": line({"o": outer}), "blocks": line({"o": blocks})}
        with get_sync_client(graphs) as client:
            assert client.runs.wait(None, "outer", input={}) == {"log": ["i", "a"]}
            with pytest.raises(Exception, match="in synchronous nodes only"):
                client.runs.wait(None, "blocks", input={})
        assert known.assistants.count() == 1


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_a_run_that_a_node_begins_is_a_run_of_its_own(name: str) -> None:
    """It is no graph inside the node's: it has a thread, and is stored there."""
    inner = line({"a": says("a")})

    async def main() -> None:
        async def outer(state: State) -> State:
            async with get_client({"inner": inner}) as client:
                thread = await client.threads.create()
                values = await client.runs.wait(thread["thread_id"], "inner", input=GIVEN)
                again = await client.threads.get_state(thread["thread_id"])
                assert again["values"] == values
                return {"log": values["log"]}

        async with get_client({"outer": line({"o": outer})}) as around:
            assert await around.runs.wait(None, "outer", input={}) == {"log": ["i", "a"]}

    LoopDriver(name).main(main)


def test_a_loop_that_has_ended_closes_what_it_is_given() -> None:
    """No coroutine is left that was never awaited."""
    loop = Loop()
    loop.close()

    async def never() -> None: ...

    with pytest.raises(RuntimeError):
        loop.run(never())
