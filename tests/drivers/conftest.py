"""The fixtures: one test body on every driver, and nothing left behind by any of them."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from tests.drivers.backends import (
    ALL,
    KINDS,
    LOOPS,
    PATIENCE,
    Driver,
    Kind,
    LoopDriver,
    driver_named,
    fan_out,
)


@pytest.fixture(params=ALL)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Give each driver in turn; `indirect` parameters name fewer."""
    return driver_named(request.param)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> LoopDriver:
    """Give each driver that has an event loop in turn; `indirect` parameters name fewer."""
    return LoopDriver(request.param)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Let the nodes be sync, then async."""
    given: Kind = request.param
    return given


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver]:
    """Give each store in turn."""
    file = tmp_path / "threads.db"
    made = InMemorySaver() if request.param == "memory" else SqliteSaver(file)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """See to it that a test leaves no thread of a pool, and no task on the portal."""
    yield
    names = set[str]()
    for thread in threading.enumerate():
        names.add(thread.name)
        if thread.name.startswith("graphflow_"):
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"{thread.name} still runs"
    if "graphflow portal" in names:
        assert _tasks_on_the_portal() == {"count"}


def _tasks_on_the_portal() -> set[str]:
    """Return the names of the portal's tasks, but for its main one."""

    async def count(state: object) -> dict[str, list[str]]:
        tasks = asyncio.all_tasks()
        return {"log": [task.get_name() for task in tasks if "serve" not in repr(task)]}

    return set(fan_out({"count": count}).invoke({})["log"])
