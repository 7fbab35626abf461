"""What becomes of commits that were gathered, if the turn of the loop does not end as it should."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

from graphflow.checkpoint.gathering import Ending
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import CheckpointError
from graphflow.testing._line import Line
from tests.checkpoint.child import run
from tests.checkpoint.gathered import company, gather, outcomes, writers
from tests.checkpoint.test_sqlite_fork import FORK
from tests.checkpoint.writing import data, interrupted_at
from tests.drivers.backends import PATIENCE

Main = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


@pytest.fixture(params=["normal", "full"])
def store(request: pytest.FixtureRequest, file: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file, of either kind."""
    with SqliteSaver(file, synchronous=request.param) as made:
        yield made


@pytest.mark.parametrize("store", ["normal"], indirect=True)
def test_an_interrupt_anywhere_in_the_end_of_a_turn(store: SqliteSaver) -> None:
    """After Ctrl-C wherever in it, commits are whole or not there, and others can be made."""
    calls: list[Callable[[], object]] = []
    lines = [Line(store, name) for name in "abc"]
    store.gather(Line(store, "company").commit(), calls.append)
    interrupted = 0

    def end_turn() -> None:
        while calls:
            calls.pop(0)()

    while True:
        endings = [store.gather(line.commit(b"x", b"y"), calls.append) for line in lines]
        if not interrupted_at(interrupted + 1, end_turn):
            break
        interrupted += 1
        calls.clear()
        store.append(Line(store, f"after {interrupted}").commit(b"x"))
        assert all(ending is not None and ending.done() for ending in endings)
        for line in lines:
            head = store.head(line.thread)
            line.epoch, line.seq = (head.epoch, head.seq) if head else (0, 0)
            assert line.seq % 2 == 0
    assert interrupted > 20


def left_behind(gathers: Main) -> asyncio.AbstractEventLoop:
    """Run a loop that is stopped in the very turn in which a function gathers."""

    async def main() -> None:
        await gathers()
        loop.stop()

    loop = asyncio.new_event_loop()
    task = loop.create_task(main())
    loop.run_forever()
    assert task.done()
    return loop


def test_a_loop_that_is_closed_loses_nothing(store: SqliteSaver) -> None:
    """What was gathered in the turn that never ended is made by the thread."""
    told = threading.Event()

    async def main() -> None:
        await company(store)
        (ending,) = endings[:] = gather(store, Line(store).commit(b"one"))
        ending.add_done_callback(lambda _: told.set())

    endings: list[Ending] = []
    loop = left_behind(main)
    assert not endings[0].done()
    loop.close()
    assert told.wait(PATIENCE)
    assert data(store) == [b"one"]


def test_a_loop_that_is_stopped_holds_nobody_up(store: SqliteSaver) -> None:
    """Another loop in the same thread, and who appends there, make what it has left."""

    async def gathers(name: str) -> None:
        await company(store)
        gather(store, Line(store, name).commit(b"1"))

    async def comes_later() -> None:
        assert await outcomes(gather(store, Line(store, "later").commit(b"1"))) == [None]

    one = left_behind(lambda: gathers("a"))
    asyncio.run(comes_later())
    assert data(store, "a") == data(store, "later") == [b"1"]
    two = left_behind(lambda: gathers("b"))
    store.append(Line(store, "c").commit(b"1"))
    assert data(store, "b") == data(store, "c") == [b"1"]
    for loop in (one, two):
        loop.run_until_complete(asyncio.sleep(0))  # it ends its turn now, and there is nothing
        loop.close()


def test_close_makes_what_was_gathered(store: SqliteSaver, file: Path) -> None:
    """Also on the loop itself, whose turn has not ended; and then the turn may end."""

    async def main() -> None:
        await company(store)
        endings = gather(store, *[Line(store, f"{n}").commit(b"x") for n in range(3)])
        store.close()
        assert [ending.done() for ending in endings] == [True] * 3
        with pytest.raises(CheckpointError, match="is closed"):
            gather(store, Line(store, "late").commit(b"x"))

    before = writers()
    asyncio.run(main())
    assert writers() == before
    with SqliteSaver(file) as again:
        assert [data(again, f"{n}") for n in range(3)] == [[b"x"]] * 3
        assert again.head("late") is None


def test_a_store_that_nobody_holds_makes_what_was_gathered(file: Path) -> None:
    """It is not collected before the turn's end, and closes then."""

    async def main() -> None:
        store = SqliteSaver(file)
        await company(store)
        (ending,) = gather(store, Line(store).commit(b"one"))
        held = ref(store)
        del store
        gc.collect()
        assert held() is not None
        assert await outcomes([ending]) == [None]

    asyncio.run(main())
    gc.collect()
    for thread in writers():
        thread.join(PATIENCE)
    assert [*file.parent.iterdir()] == [file]
    with SqliteSaver(file) as again:
        assert data(again) == [b"one"]


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_fork_in_a_turn_makes_commits_once(synchronous: str, file: Path) -> None:
    """What the parent has gathered is the parent's; both go on."""
    script = """
import asyncio
from graphflow._drive.waiting import ended
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])

async def main():
    soon = asyncio.get_running_loop().call_soon
    for name in "ab":
        first = store.gather(Line(store, name).commit(b"x"), soon)
    forked(lambda: add(store, "child", 3))
    await ended(first)
    assert first.exception() is None

asyncio.run(main())
add(store, "after", 3)
store.close()
"""
    run(FORK + script, file, synchronous)
    with SqliteSaver(file) as store:
        assert data(store, "a") == data(store, "b") == [b"x"]
        assert data(store) == [
            b"%s %d" % (who, n) for who in (b"child", b"after") for n in range(3)
        ]
