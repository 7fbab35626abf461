"""How the store in SQLite makes the commits of one turn of an event loop together."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
import uvloop

from graphflow._drive.waiting import ended
from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.gathering import Ending
from graphflow.checkpoint.sqlite import SqliteSaver, _write
from graphflow.errors import CheckpointConflict, CheckpointError
from graphflow.testing._line import Line, content
from tests.checkpoint.gathered import company, gather, in_thread, outcomes, writers
from tests.checkpoint.writing import data, locked, transactions
from tests.drivers.backends import PATIENCE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


@pytest.fixture(params=["normal", "full"])
def store(request: pytest.FixtureRequest, file: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file, of either kind."""
    with SqliteSaver(file, synchronous=request.param) as made:
        yield made


@pytest.fixture
def quick(file: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file that commits on the event loop itself."""
    with SqliteSaver(file) as made:
        yield made


# Alone or together


def test_who_is_alone_waits_for_nobody(quick: SqliteSaver) -> None:
    """The commits of a lone conversation are made at once, without any thread."""
    line = Line(quick)

    async def main() -> None:
        for part in (b"1", b"2", b"3"):
            commit = line.commit(part)
            assert quick.gather(commit, asyncio.get_running_loop().call_soon) is None
            line.follow(commit)

    before = writers()
    asyncio.run(main())
    assert data(quick) == [b"1", b"2", b"3"]
    assert writers() == before


def test_a_turn_is_one_transaction(store: SqliteSaver, file: Path) -> None:
    """What a hundred conversations commit in one turn becomes one transaction."""

    async def main() -> None:
        await company(store)
        lines = [Line(store, f"{n}") for n in range(100)]
        for part in (b"1", b"2", b"3"):
            before = transactions(file)
            commits = [line.commit(part) for line in lines]
            assert await outcomes(gather(store, *commits)) == [None] * 100
            assert transactions(file) == before + 1
            for line, commit in zip(lines, commits, strict=True):
                line.follow(commit)

    asyncio.run(main())
    assert data(store, "0") == data(store, "99") == [b"1", b"2", b"3"]


def test_the_loop_is_told_once_a_turn(quick: SqliteSaver) -> None:
    """However much was gathered, there is one thing to be called; 300 take two turns."""
    told: list[object] = []

    async def main() -> None:
        def soon(call: Callable[[], object]) -> None:
            told.append(call)
            loop.call_soon(call)

        loop = asyncio.get_running_loop()
        await company(quick)
        for count in (100, 300):
            commits = [Line(quick, f"{n} of {count}").commit(b"x") for n in range(count)]
            endings = [quick.gather(commit, soon) for commit in commits]
            await outcomes([each for each in endings if each is not None])

    asyncio.run(main())
    assert len(told) == 1 + 2


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_is_known_by_its_method(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """`call_soon` is equal to itself, and not to that of another loop."""
    loop, other = factory(), factory()
    assert loop.call_soon == loop.call_soon != other.call_soon
    loop.close()
    other.close()


def test_full_does_not_block_the_loop(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `synchronous="full"` nothing is made on the loop, whether one commits or many."""
    makers: list[str] = []

    def store_and_tell(commit: Commit, cursor: sqlite3.Cursor, keys: _write.Keys) -> int:
        makers.append(threading.current_thread().name)
        return really(commit, cursor, keys)

    async def main(*names: str) -> None:
        commits = [Line(store, name).commit(b"x") for name in names]
        assert await outcomes(gather(store, *commits)) == [None] * len(names)

    really = _write.store
    monkeypatch.setattr(_write, "store", store_and_tell)
    with SqliteSaver(file, synchronous="full") as store:
        asyncio.run(main("lone"))
        asyncio.run(main("a", "b", "c"))
    assert makers == ["graphflow-store-writer"] * 4


def test_a_locked_database_does_not_block_the_loop(store: SqliteSaver, file: Path) -> None:
    """While another program writes, what was gathered waits in the thread."""

    async def main() -> None:
        await company(store)
        with locked(file):
            endings = gather(store, *[Line(store, f"{n}").commit(b"x") for n in range(3)])
            for _ in range(10):
                await asyncio.sleep(0)
            assert not any(ending.done() for ending in endings)
        assert await outcomes(endings) == [None] * 3

    asyncio.run(main())


def test_a_subclass_sees_every_commit(file: Path) -> None:
    """One that does more in `submit` is not passed by."""
    seen: list[str] = []

    class Watched(SqliteSaver):
        def submit(self, commit: Commit, /) -> "Future[None] | None":
            seen.append(commit.thread)
            return super().submit(commit)

    async def main(store: SqliteSaver) -> None:
        for name in "abc":
            store.gather(Line(store, name).commit(b"x"), asyncio.get_running_loop().call_soon)

    with Watched(file) as store:
        asyncio.run(main(store))
        assert data(store, "c") == [b"x"]
    assert seen == ["a", "b", "c"]


# Order


def test_nobody_overtakes_what_was_gathered(store: SqliteSaver) -> None:
    """What comes after it in the same turn is made after it: submitted, gathered or appended."""
    line = Line(store)
    commits: list[Commit] = []
    for number in range(5):
        commits.append(line.commit(b"%d" % number))
        line.follow(commits[-1])

    async def main() -> None:
        await company(store)
        endings = gather(store, commits[0])
        submitted = store.submit(commits[1])
        assert submitted is not None
        endings += [submitted, *gather(store, commits[2])]
        store.append(commits[3])  # blocks the loop, and so must not wait for its turn's end
        last = store.gather(commits[4], asyncio.get_running_loop().call_soon)
        assert await outcomes([*endings, *([] if last is None else [last])]) == [None] * (
            3 + (last is not None)
        )

    asyncio.run(main())
    assert data(store) == [b"0", b"1", b"2", b"3", b"4"]


def test_other_threads_do_not_wait_for_the_turn(store: SqliteSaver) -> None:
    """An append in another thread is made though the loop does not end its turn."""

    async def main() -> None:
        await company(store)
        endings = gather(store, Line(store, "a").commit(b"1"), Line(store, "b").commit(b"1"))
        other = in_thread(lambda: Line(store, "other").write(b"1"))
        other.join(PATIENCE)
        assert not other.is_alive()
        assert [ending.done() for ending in endings] == [True, True]
        assert await outcomes(endings) == [None, None]

    asyncio.run(main())
    assert data(store, "other") == data(store, "a") == [b"1"]


def test_another_loop_does_not_wait_for_the_turn(store: SqliteSaver) -> None:
    """Each loop ends its own turn, and makes what is there."""

    async def other() -> None:
        assert await outcomes(gather(store, Line(store, "b").commit(b"1"))) == [None]

    async def main() -> None:
        await company(store)
        endings = gather(store, Line(store, "a").commit(b"1"))
        thread = in_thread(lambda: asyncio.run(other()))
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert endings[0].done()

    asyncio.run(main())
    assert data(store, "a") == data(store, "b") == [b"1"]


async def converse(store: SqliteSaver, name: str, random: Random) -> None:
    """Commit again and again, in ways that chance decides."""
    line = Line(store, name)
    on_their_way: list[Ending] = []
    for number in range(30):
        commit = line.commit(b"%d" % number)
        line.follow(commit)
        how = random.random()
        if how < 0.1:
            ending: Ending | None = store.submit(commit)
        else:
            ending = store.gather(commit, asyncio.get_running_loop().call_soon)
        on_their_way += [] if ending is None else [ending]
        if how < 0.8:
            assert set(await outcomes(on_their_way)) <= {None}
            on_their_way.clear()
    assert set(await outcomes(on_their_way)) <= {None}


@pytest.mark.parametrize("seed", range(4))
def test_loops_and_threads_keep_their_order(store: SqliteSaver, file: Path, seed: int) -> None:
    """Whoever commits in whatever way, nothing is lost and nothing is overtaken."""
    ready = threading.Barrier(5)
    looping = [[f"loop {number}, {n}" for n in range(8)] for number in range(2)]

    def on_a_loop(names: list[str]) -> None:
        async def main() -> None:
            random = Random(seed)
            await asyncio.gather(*(converse(store, name, random) for name in names))

        ready.wait()
        asyncio.run(main())

    def in_a_thread(name: str) -> None:
        ready.wait()
        line = Line(store, name)
        for number in range(30):
            line.write(b"%d" % number)

    threads = [in_thread(partial(on_a_loop, names)) for names in looping]
    threads += [in_thread(partial(in_a_thread, name)) for name in "abc"]
    for thread in threads:
        thread.join()
    store.close()
    with SqliteSaver(file) as again:
        for name in (*looping[0], *looping[1], *"abc"):
            assert data(again, name) == [b"%d" % number for number in range(30)]


# What fails


def test_one_that_fails_fails_alone(store: SqliteSaver) -> None:
    """In the middle of a turn: a conflict, and what cannot be written; the others are made."""
    line = Line(store)
    line.write(b"one", blobs=[(1, b"blob")])
    before = content(store, "a thread", [1, 2])
    stale = line.commit(b"stale", seq=0)
    bad = line.commit(b"bad", blobs=[(2, b"new"), (1, b"again")])
    wrong = line.commit(5)  # type: ignore[arg-type]  # the claim

    async def main() -> None:
        await company(store)
        good = [Line(store, f"{n}").commit(b"x") for n in range(4)]
        commits = [good[0], stale, good[1], bad, good[2], wrong, good[3]]
        found = await outcomes(gather(store, *commits))
        assert [found[n] for n in (0, 2, 4, 6)] == [None] * 4
        assert isinstance(found[1], CheckpointConflict)
        assert isinstance(found[3], CheckpointError)
        assert isinstance(found[5], Exception)

    asyncio.run(main())
    assert content(store, "a thread", [1, 2]) == before
    assert [data(store, f"{n}") for n in range(4)] == [[b"x"]] * 4


def test_a_cancelled_wait_leaves_the_commit_alone(store: SqliteSaver) -> None:
    """Whoever gives up waiting, before the turn's end or after, the commits are made."""

    async def main() -> None:
        await company(store)
        endings = gather(store, *[Line(store, f"{n}").commit(b"x") for n in range(3)])
        waiting = [asyncio.create_task(ended(ending)) for ending in endings]
        waiting[0].cancel()  # before it has begun to wait
        asyncio.get_running_loop().call_soon(waiting[1].cancel)
        with suppress(asyncio.CancelledError):
            await waiting[1]
        assert await outcomes(endings) == [None] * 3

    asyncio.run(main())
    assert [data(store, f"{n}") for n in range(3)] == [[b"x"]] * 3
