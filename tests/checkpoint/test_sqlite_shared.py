"""The store in SQLite together with others: several stores, threads and processes on one file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from graphflow.checkpoint.sqlite import SqliteSaver, _open, _write
from graphflow.errors import CheckpointConflict, StoreUnavailableError
from graphflow.testing._line import Line
from tests.checkpoint.child import ended, run, start


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file."""
    with SqliteSaver(file) as made:
        yield made


def data(store: SqliteSaver, thread: str = "a thread") -> list[bytes]:
    """Return what the records of a thread hold."""
    return [record.data for record in store.records(thread)]


# Several at once


def test_two_stores_of_one_file_see_each_other(store: SqliteSaver, file: Path) -> None:
    """A commit in one store is seen in the other, which cannot commit to the same head."""
    with SqliteSaver(file) as other:
        line, late = Line(store), Line(other)
        late.follow(line.write(b"one"))
        line.write(b"two")
        with pytest.raises(CheckpointConflict):
            late.write(b"late")
        assert data(other) == [b"one", b"two"]


def test_a_thread_that_another_has_made_anew_is_found(store: SqliteSaver, file: Path) -> None:
    """Who has written to a thread writes to the new one of that name, and to no other."""
    with SqliteSaver(file) as other:
        line = Line(store)
        line.write(b"old")
        line.write(b"old")
        other.delete_thread("a thread")
        Line(other, "in between").write(b"1", b"2")
        Line(other).write(b"1", b"2")
        line.write(b"new")
        assert (data(store), data(store, "in between")) == ([b"1", b"2", b"new"], [b"1", b"2"])


def test_many_threads_can_be_written_to(
    store: SqliteSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that remembers few threads, as it does of very many, writes to each the same way."""
    monkeypatch.setattr(_write, "_MANY", 2)
    lines = [Line(store, f"thread {number}") for number in range(5)]
    for part in (b"1", b"2", b"3"):
        for line in lines:
            line.write(part)
    assert all(data(store, line.thread) == [b"1", b"2", b"3"] for line in lines)


def test_many_readers_at_once(store: SqliteSaver) -> None:
    """More readers than the store keeps connections for all read to the end."""
    Line(store).write(*[b"x"] * 100)
    readers = [iter(store.records("a thread")) for _ in range(9)]
    counts = [0] * 9
    for _ in range(100):
        for number, reader in enumerate(readers):
            next(reader)
            counts[number] += 1
    assert counts == [100] * 9


def test_a_store_is_opened_while_another_program_writes(file: Path) -> None:
    """Opening a store does not wait for who is writing to it."""
    with SqliteSaver(file) as store:
        Line(store).write(b"one")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with SqliteSaver(file) as store:
            assert data(store) == [b"one"]


def test_a_store_that_is_locked_for_too_long_is_not_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that lets nobody else in keeps a store from being opened, and it is said why."""
    monkeypatch.setattr(_open, "PATIENCE", 0.02)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="another program has kept it locked"):
            SqliteSaver(file)


def test_a_file_that_is_gone_is_an_error(store: SqliteSaver, file: Path) -> None:
    """Reading a store whose file was removed is an error, and makes no new file."""
    Line(store).write(b"one")
    file.unlink()
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        store.head("a thread")
    assert not file.exists()


def test_processes_lose_nothing(store: SqliteSaver, file: Path) -> None:
    """Processes that add to one thread at once, each after the other's last, lose nothing."""
    script = "add(SqliteSaver(sys.argv[1]), sys.argv[2], 40)"
    for process in [start(script, file, name) for name in "abc"]:
        ended(process)
    assert sorted(data(store)) == sorted(
        f"{name} {n}".encode() for name in "abc" for n in range(40)
    )


def test_processes_may_make_the_file_at_once(file: Path) -> None:
    """Processes that open a file that is not there yet, all at once, all get the same store."""
    script = "sys.stdin.readline(); add(SqliteSaver(sys.argv[1]), 'x', 1, thread=sys.argv[2])"
    for process in [start(script, file, number) for number in range(4)]:
        ended(process)
    with SqliteSaver(file) as store:
        assert len([*store.list_threads()]) == 4


# The end of a process


def test_a_store_that_is_not_closed_keeps_no_process_alive(file: Path) -> None:
    """A process ends without `close`, and what was submitted before is there."""
    script = """
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])
line = Line(store)
for number in range(200):
    commit = line.commit(b"%d" % number)
    store.submit(commit)
    line.follow(commit)
"""
    run(script, file, "full")
    with SqliteSaver(file) as store:
        assert data(store) == [b"%d" % number for number in range(200)]


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_killed_process_keeps_what_was_made(synchronous: str, file: Path) -> None:
    """A commit that was made is there after kill -9."""
    script = """
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])
line = Line(store)
while True:
    line.write(b"x" * 3000)
    print(line.seq, flush=True)
"""
    process = start(script, file, synchronous)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(50)]
    process.kill()
    told += map(int, process.stdout.read().split())
    ended(process, code=-9)
    with SqliteSaver(file) as store:
        assert len(data(store)) in {told[-1], told[-1] + 1}


@pytest.mark.parametrize(("synchronous", "threads"), [("normal", 0), ("full", 1)])
def test_a_store_that_nobody_holds_ends(synchronous: str, threads: int, file: Path) -> None:
    """A store that is collected makes what was submitted, ends its threads and closes its file."""
    script = """
import gc, os, threading
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])
future = store.submit(Line(store).commit(b"one"))
others = {*threading.enumerate()} - {threading.main_thread()}
del store
gc.collect()
for thread in others:
    thread.join()
print(os.listdir(os.path.dirname(sys.argv[1])), future and future.result(), len(others))
"""
    assert run(script, file, synchronous) == f"['store.db'] None {threads}\n"
