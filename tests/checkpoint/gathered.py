"""What the tests of commits that are made together have in common."""

import asyncio
import threading
from collections.abc import Callable

from graphflow._drive.waiting import ended
from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.gathering import Ending
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.testing._line import Line
from tests.drivers.backends import PATIENCE


def gather(store: SqliteSaver, *commits: Commit) -> list[Ending]:
    """Gather commits on the running loop, none of which can be made at once."""
    endings: list[Ending] = []
    for commit in commits:
        ending = store.gather(commit, asyncio.get_running_loop().call_soon)
        assert ending is not None
        endings.append(ending)
    return endings


async def outcomes(endings: list[Ending]) -> list[BaseException | None]:
    """Wait for the end of commits, and tell how they ended."""
    for ending in endings:
        await asyncio.wait_for(ended(ending), PATIENCE)
    return [ending.exception() for ending in endings]


async def company(store: SqliteSaver) -> None:
    """Have somebody commit, so that whoever comes next is not alone."""
    ending = store.gather(Line(store, "company").commit(), asyncio.get_running_loop().call_soon)
    if ending is not None:
        await outcomes([ending])


def writers() -> list[threading.Thread]:
    """Return the threads of stores that write."""
    return [each for each in threading.enumerate() if each.name == "graphflow-store-writer"]


def in_thread(call: Callable[[], object]) -> threading.Thread:
    """Start a thread."""
    thread = threading.Thread(target=call)
    thread.start()
    return thread
