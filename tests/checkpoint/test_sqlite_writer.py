"""How the store in SQLite commits: at once, or many together in a thread, and always in order."""

import gc
from collections.abc import Callable, Iterator, Sized
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from threading import enumerate as living_threads
from time import monotonic

import pytest

from graphflow.checkpoint.base import Branch, Commit
from graphflow.checkpoint.sqlite import SqliteSaver, _errors, _writer
from graphflow.checkpoint.sqlite._database import Database
from graphflow.checkpoint.sqlite._worker import Worker
from graphflow.errors import CheckpointConflict, CheckpointError, StoreUnavailableError
from graphflow.testing._line import Line, content
from tests.checkpoint.child import ended, start
from tests.checkpoint.writing import data, interrupted_at, locked, submit, transactions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file."""
    with SqliteSaver(file) as made:
        yield made


# At once or later


def test_an_uncontended_commit_is_made_at_once(store: SqliteSaver) -> None:
    """A commit that nobody disputes is made when `submit` returns, and needs no thread."""
    assert store.submit(Line(store).commit(b"one")) is None
    assert data(store) == [b"one"]


def test_a_locked_database_makes_nobody_wait(store: SqliteSaver, file: Path) -> None:
    """While another program writes, `submit` returns a future, and reading goes on."""
    line = Line(store)
    line.write(b"one")
    with locked(file):
        (future,) = submit(store, line.commit(b"two"))
        assert data(store) == [b"one"]
        assert not future.done()
    future.result()
    assert data(store) == [b"one", b"two"]


def test_append_waits_for_the_lock(store: SqliteSaver, file: Path) -> None:
    """`append` returns when the other program has ended, and the commit is made."""
    line = Line(store)
    line.write(b"one")
    with locked(file):
        thread = Thread(target=line.write, args=(b"two",))
        thread.start()
        assert data(store) == [b"one"]
    thread.join()
    assert data(store) == [b"one", b"two"]


def test_full_commits_in_the_thread(file: Path) -> None:
    """With `synchronous="full"` every commit is made in the thread, and survives a power cut."""
    with SqliteSaver(file, synchronous="full") as store:
        (future,) = submit(store, Line(store).commit(b"one"))
        future.result()
        assert data(store) == [b"one"]


def test_full_appends_where_the_caller_is(file: Path) -> None:
    """Who may block commits himself, which costs less than telling another thread."""
    with SqliteSaver(file, synchronous="full") as store:
        Line(store).write(b"one")
        assert data(store) == [b"one"]
        assert "graphflow-store-writer" not in [thread.name for thread in living_threads()]


def test_a_submitted_commit_cannot_be_cancelled(store: SqliteSaver, file: Path) -> None:
    """A future of `submit` refuses to be cancelled, for what was submitted is made."""
    with locked(file):
        (future,) = submit(store, Line(store).commit(b"one"))
        assert not future.cancel()
    future.result()
    assert data(store) == [b"one"]


# Order


def test_no_commit_overtakes_one_that_waits(store: SqliteSaver, file: Path) -> None:
    """Commits that could be made at once wait behind those that could not."""
    line = Line(store)
    commits: list[Commit] = []
    for number in range(300):
        commits.append(line.commit(b"%d" % number))
        line.follow(commits[-1])
    with locked(file):
        futures = submit(store, *commits[:200])
    later = [store.submit(commit) for commit in commits[200:]]
    for future in (*futures, *later):
        if future is not None:
            future.result()
    assert data(store) == [b"%d" % number for number in range(300)]


def test_many_threads_keep_their_order(store: SqliteSaver, file: Path) -> None:
    """Threads that submit at once, some of them ahead of the writer, keep each its order."""
    ready = Barrier(8)

    def write(name: str) -> None:
        line = Line(store, name)
        ready.wait()
        for number in range(50):
            commit = line.commit(b"%d" % number)
            future = store.submit(commit)
            line.follow(commit)
            if future is not None and number % 7 == 0:
                future.result()

    threads = [Thread(target=write, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    with SqliteSaver(file) as again:
        for number in range(8):
            assert data(again, f"thread {number}") == [b"%d" % n for n in range(50)]


# Together


def test_what_waits_is_committed_together(store: SqliteSaver, file: Path) -> None:
    """A hundred commits that wait become one transaction."""
    with locked(file):
        futures = submit(store, *[Line(store, f"{n}").commit(b"x") for n in range(100)])
        before = transactions(file)
    for future in futures:
        future.result()
    assert transactions(file) == before + 1


def test_full_commits_of_threads_are_made_together(file: Path) -> None:
    """Appends that come while the disk is busy with another one become one transaction."""
    with SqliteSaver(file, synchronous="full") as store:
        Line(store).write(b"first")
        before = transactions(file)
        database: Database = vars(store)["_opened"]
        waiting: Sized = vars(database.writer)["_queue"]  # nothing else tells who waits
        threads = [Thread(target=Line(store, f"{n}").write, args=(b"x",)) for n in range(10)]
        with database.handle.lock:  # a disk that takes its time
            for thread in threads:
                thread.start()
            until = monotonic() + 10
            while len(waiting) < len(threads):
                assert monotonic() < until
        for thread in threads:
            thread.join()
        assert transactions(file) == before + 1


def test_the_worker_is_called_once(
    store: SqliteSaver, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many commits wait, the thread has to be told only that there are some."""
    calls: list[object] = []
    call = Worker.call

    def counted(worker: Worker, what: Callable[[], None]) -> None:
        calls.append(what)
        call(worker, what)

    monkeypatch.setattr(Worker, "call", counted)
    with locked(file):
        futures = submit(store, *[Line(store, f"{n}").commit(b"x") for n in range(100)])
    for future in futures:
        future.result()
    assert len(calls) == 1


def test_a_conflict_fails_alone(store: SqliteSaver, file: Path) -> None:
    """Of commits that wait together, one that conflicts fails, and the others are made."""
    line = Line(store)
    line.write(b"one")
    stale = line.commit(b"stale", seq=0, blobs=[(1, b"stale")])
    with locked(file):
        futures = submit(store, Line(store, "a").commit(b"a"), stale, line.commit(b"two"), stale)
    errors = [future.exception() for future in futures]
    assert [type(error) for error in errors] == [
        type(None),
        CheckpointConflict,
        type(None),
        CheckpointConflict,
    ]
    assert (data(store), data(store, "a")) == ([b"one", b"two"], [b"a"])
    assert not store.blobs("a thread", [1])


def test_an_error_fails_alone(store: SqliteSaver, file: Path) -> None:
    """One that cannot be written fails with all that it carries, and the others are made."""
    line, other = Line(store), Line(store, "other")
    line.write(b"one", blobs=[(1, b"blob")])
    before = content(store, "a thread", [1, 2])
    bad = [
        line.commit(b"bad", blobs=[(2, b"new"), (1, b"again")]),
        line.commit(b"bad", branches=[Branch(2**63, "", 0, 0, 0)]),
        line.commit(5),  # type: ignore[arg-type]  # the claim
    ]
    with locked(file):
        first = other.commit(b"1")
        other.follow(first)
        futures = submit(store, first, *bad, other.commit(b"2"))
    errors = [future.exception() for future in futures]
    assert [error is None for error in errors] == [True, False, False, False, True]
    assert all(isinstance(error, CheckpointError) for error in errors[1:3])
    assert content(store, "a thread", [1, 2]) == before
    assert data(store, "other") == [b"1", b"2"]


def test_a_thread_made_in_a_failed_group_is_found(store: SqliteSaver, file: Path) -> None:
    """A key that was given in a transaction that failed, and given again, misleads nobody."""
    lines = [Line(store, name) for name in "ab"]
    lines[0].write(b"1", blobs=[(1, b"blob")])
    commits: list[Commit] = []
    for name in ("made", "made too"):
        line = Line(store, name)
        for part in (b"1", b"2"):
            commits.append(line.commit(part))
            line.follow(commits[-1])
    with locked(file):
        futures = submit(store, *commits, lines[0].commit(blobs=[(1, b"again")]))
    assert [future.exception() is None for future in futures] == [True] * 4 + [False]
    assert (data(store, "made"), data(store, "made too")) == ([b"1", b"2"], [b"1", b"2"])


# What takes too long


def test_a_lock_that_lasts_is_an_error(
    store: SqliteSaver, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that finds the database locked for too long fails, and the next one is made."""
    assert _errors.PATIENCE == 30.0
    monkeypatch.setattr(_writer, "PATIENCE", 0.02)
    line = Line(store)
    with locked(file):
        futures = submit(store, line.commit(b"one"), Line(store, "other").commit(b"x"))
        for future in futures:
            with pytest.raises(StoreUnavailableError, match=f"'{file}' cannot .* is locked"):
                future.result()
    line.write(b"two")
    assert data(store) == [b"two"]


def test_close_waits_for_the_lock(store: SqliteSaver, file: Path) -> None:
    """What was submitted while another program writes is made before `close` returns."""
    with locked(file):
        (future,) = submit(store, Line(store).commit(b"one"))
        closing_thread = Thread(target=store.close)
        closing_thread.start()
        assert not future.done()
    closing_thread.join()
    assert future.done()
    with SqliteSaver(file) as again:
        assert data(again) == [b"one"]


def test_a_store_that_nobody_holds_makes_what_waits(file: Path) -> None:
    """A store that is collected while another program writes makes what waits, and then closes."""
    store = SqliteSaver(file)
    with locked(file):
        (future,) = submit(store, Line(store).commit(b"one"))
        del store
        gc.collect()
        assert not future.done()
    future.result()
    for thread in living_threads():
        if thread.name.startswith("graphflow-store"):
            thread.join()
    assert [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize("how", ["append", "submit"])
def test_an_interrupt_anywhere_leaves_a_whole_store(how: str, store: SqliteSaver) -> None:
    """After Ctrl-C wherever in a commit, it is made or not, and others can be made."""
    line, interrupted = Line(store), 0
    make = store.append if how == "append" else store.submit
    while interrupted_at(interrupted + 1, partial(make, line.commit(b"x", b"y"))):
        interrupted += 1
        head = store.head("a thread")
        line.epoch, line.seq = (head.epoch, head.seq) if head else (0, 0)
        assert line.seq % 2 == 0
        line.write(b"x", b"y")
    assert interrupted > 20
    assert len(data(store)) == line.seq + 2


# The WAL


def test_the_wal_does_not_grow_for_ever(store: SqliteSaver, file: Path) -> None:
    """While commits go on, the WAL is emptied now and then, and the file beside it gets short."""
    line, wal = Line(store), file.with_name(file.name + "-wal")
    sizes = [0]
    for _ in range(400):
        line.write(bytes(1 << 20))
        sizes.append(wal.stat().st_size)
        if sizes[-1] < sizes[-2]:
            break
    else:
        pytest.fail(f"400 MB were written, and the WAL has {sizes[-1]} bytes")


def test_readers_do_not_stop_the_writer(store: SqliteSaver) -> None:
    """While records are being read, commits are made at once."""
    line = Line(store)
    line.write(*[b"x"] * 1000)
    reading = iter(store.records("a thread"))
    next(reading)
    assert store.submit(line.commit(b"more")) is None
    assert len([*reading]) == 999


def test_a_process_that_dies_in_a_commit_stops_nobody(store: SqliteSaver, file: Path) -> None:
    """A process that is killed while it holds the lock leaves nothing behind, lock included."""
    line = Line(store)
    line.write(b"one")
    script = """
import sqlite3
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM log")
print("locked", flush=True)
sys.stdin.readline()
"""
    process = start(script, file)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    (future,) = submit(store, line.commit(b"two"))
    process.kill()
    ended(process, code=-9)
    future.result()
    assert data(store) == [b"one", b"two"]
