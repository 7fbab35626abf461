"""The fixtures: one test body on every driver, and nothing left behind by any of them."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

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

EVERY = 3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a third of the tests of graphs inside graphs, unless GRAPHFLOW_TESTS=all.

    They are run in every combination of a driver, a kind of nodes, a way into the graph and a
    store: more than there is time for each time. Of each test and driver a third is kept, spread
    over the rest, and another third of the next test.
    """
    if os.environ.get("GRAPHFLOW_TESTS") == "all":
        return
    counts: dict[tuple[str, str], int] = {}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        if not item.path.name.startswith("test_children") or "[" not in item.name:
            kept.append(item)
            continue
        name, _, given = item.name.partition("[")
        driver = next((one for one in given.rstrip("]").split("-") if one in ALL), "")
        place = counts[name, driver] = counts.get((name, driver), -1) + 1
        mine = kept if (place + crc32(name.encode())) % EVERY == 0 else dropped
        mine.append(item)
    several = {name for (name, _), last in counts.items() if last >= EVERY - 1}
    kept += [one for one in dropped if one.name.partition("[")[0] not in several]
    config.hook.pytest_deselected(items=[one for one in dropped if one not in {*kept}])
    items[:] = [one for one in items if one in {*kept}]


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
