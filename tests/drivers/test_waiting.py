"""How a run on an event loop waits for what ends in other threads."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from graphflow._drive.waiting import Bell, ended
from tests.drivers.backends import REAL_LOOPS, LoopDriver, turn


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_many_may_end_in_many_threads(name: str) -> None:
    """Whoever ends them, and when, nobody waits for ever."""
    futures: list[Future[None]] = [Future() for _ in range(200)]

    def end(some: list[Future[None]]) -> None:
        for future in some:
            future.set_result(None)

    async def main() -> None:
        threads = [threading.Thread(target=end, args=(futures[n::4],)) for n in range(4)]
        async with anyio.create_task_group() as group:
            for future in futures:
                group.start_soon(ended, future)
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join()

    LoopDriver(name).main(main)


def test_many_that_end_at_once_wake_the_loop_once() -> None:
    """A thread that ends a hundred tells the loop once, as long as it has not listened."""
    futures: list[Future[None]] = [Future() for _ in range(100)]
    woken = 0

    def end() -> None:
        for future in futures:
            future.set_result(None)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        soon = loop.call_soon_threadsafe

        def counted(*call: Any, **context: Any) -> asyncio.Handle:  # noqa: ANN401 - asyncio's own
            nonlocal woken
            woken += 1
            return soon(*call, **context)

        waiting = [asyncio.create_task(ended(future)) for future in futures]
        await turn()
        with patch.object(loop, "call_soon_threadsafe", counted):
            thread = threading.Thread(target=end)
            thread.start()
            thread.join()  # the loop does not listen meanwhile
        await asyncio.gather(*waiting)

    asyncio.run(main())
    assert woken == 1


def test_who_is_late_rings_again() -> None:
    """What ends while the loop listens is heard, and what ends after that."""
    calls: list[Callable[[], object]] = []
    loop = asyncio.new_event_loop()
    bell, waiters = Bell(), [loop.create_future() for _ in range(3)]
    with patch.object(loop, "call_soon_threadsafe", calls.append):
        bell.ring(loop, waiters[0])
        bell.ring(loop, waiters[1])
        assert len(calls) == 1
        calls[0]()
        assert [waiter.done() for waiter in waiters] == [True, True, False]
        bell.ring(loop, waiters[2])
        assert len(calls) == 2
        calls[1]()
    assert waiters[2].done()
    loop.close()


def test_a_wait_that_was_cancelled_is_not_woken() -> None:
    """The end of what it waited for is nobody's business any more."""
    future: Future[None] = Future()

    async def main() -> None:
        waiting = asyncio.create_task(ended(future))
        await turn()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        thread = threading.Thread(target=future.set_result, args=(None,))
        thread.start()
        thread.join()
        await turn()

    asyncio.run(main())
    assert future.done()
