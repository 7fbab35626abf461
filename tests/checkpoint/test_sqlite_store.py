"""The store in SQLite: what it is to who uses it, alone and together with others."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import enumerate as living_threads

import anyio
import pytest
from typing_extensions import override

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.checkpoint.sqlite import SqliteSaver, _open, _write
from graphflow.checkpoint.sqlite.aio import AsyncSqliteSaver
from graphflow.errors import CheckpointConflict, CheckpointError, StoreUnavailableError
from graphflow.testing._line import Line, content
from graphflow.testing.store_suite import StoreSuite
from tests.checkpoint.child import ended, run, start


class InFolder(StoreSuite):
    """The suite, with a folder."""

    @pytest.fixture(autouse=True)
    def use_folder(self, tmp_path: Path) -> None:
        """Keep the folder."""
        self.folder = tmp_path


class TestSqliteSaver(InFolder):
    """The store in a file passes the suite."""

    @override
    def make(self) -> SqliteSaver:
        return SqliteSaver(self.folder / "store.db")


class TestSqliteSaverFull(InFolder):
    """A store whose commits all go through the thread that writes passes the suite."""

    @override
    def make(self) -> SqliteSaver:
        return SqliteSaver(self.folder / "store.db", synchronous="full")


class TestSqliteSaverInMemory(StoreSuite):
    """The store in SQLite's memory passes the suite."""

    @override
    def make(self) -> SqliteSaver:
        return SqliteSaver(":memory:")


class TestAsyncSqliteSaver(InFolder):
    """The store of the other name passes the suite."""

    @override
    def make(self) -> SqliteSaver:
        return AsyncSqliteSaver(self.folder / "store.db")


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


def store_threads() -> list[str]:
    """Return the names of the threads of stores that live."""
    return [t.name for t in living_threads() if t.name.startswith("graphflow-store")]


# How it is opened and closed


def test_from_conn_string_is_a_context_manager(file: Path) -> None:
    """LangGraph's way to open a store opens it, and closes it at the end."""
    with SqliteSaver.from_conn_string(str(file)) as store:
        Line(store).write(b"one")
    with pytest.raises(CheckpointError, match="is closed"):
        store.head("a thread")


def test_from_conn_string_needs_no_with(file: Path) -> None:
    """What it returns is a store, for those who forget `with`."""
    store = SqliteSaver.from_conn_string(str(file), synchronous="full")
    Line(store).write(b"one")
    store.close()
    assert file.exists()


def test_async_from_conn_string_is_an_async_context_manager(file: Path) -> None:
    """LangGraph's asynchronous way opens a store, and closes it at the end."""

    async def use() -> AsyncSqliteSaver:
        async with AsyncSqliteSaver.from_conn_string(str(file)) as store:
            Line(store).write(b"one")
            assert len(await store.alist_threads()) == 1
        return store

    store = anyio.run(use)
    with pytest.raises(CheckpointError, match="is closed"):
        store.head("a thread")


def test_import_brings_no_event_loop() -> None:
    """Importing the store loads neither asyncio nor anyio."""
    script = "import sys; print({'asyncio', 'anyio'} & {*sys.modules})"
    assert run(script) == "set()\n"


@pytest.mark.parametrize("path", ["", "file:x.db?mode=ro", "a\0b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """The empty string, a URI and a string with a NUL are no paths, and make no file."""
    with pytest.raises(StoreUnavailableError, match="give"):
        SqliteSaver(path)


def test_a_relative_path_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store stays where it was opened when the process changes its folder."""
    monkeypatch.chdir(tmp_path)
    with SqliteSaver("store.db") as store:
        monkeypatch.chdir("/")
        Line(store).write(b"one")
        assert data(store) == [b"one"]
    assert (tmp_path / "store.db").exists()


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    """Characters that mean something in a URI do not in a path."""
    file = tmp_path / "a?mode=ro#%20 b'é.db"
    with SqliteSaver(file) as store:
        Line(store).write(b"one")
        assert data(store) == [b"one"]
    assert [*tmp_path.iterdir()] == [file]


def test_synchronous_is_one_of_two(file: Path) -> None:
    """Another word for `synchronous` is refused, and makes no file."""
    with pytest.raises(ValueError, match='"normal" or "full"'):
        SqliteSaver(file, synchronous="off")  # type: ignore[arg-type]  # the claim
    assert not file.exists()


USES: list[Callable[[SqliteSaver], object]] = [
    lambda store: store.append(Line(store).commit()),
    lambda store: store.submit(Line(store).commit()),
    lambda store: store.head("a thread"),
    lambda store: store.branches("a thread"),
    lambda store: store.records("a thread"),
    lambda store: store.snapshot("a thread", 1, 1),
    lambda store: store.blobs("a thread", [1]),
    lambda store: store.prune("a thread", 1, 1),
    lambda store: store.list_threads(),
    lambda store: store.delete_thread("a thread"),
    lambda store: store.copy_thread("a thread", "another"),
]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("place", [":memory:", "store.db"])
def test_a_closed_store_says_so(
    use: Callable[[SqliteSaver], object],
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every use of a store that was closed is an error that says so."""
    monkeypatch.chdir(tmp_path)
    store = SqliteSaver(place)
    Line(store).write()
    store.close()
    with pytest.raises(CheckpointError, match=f"{place}' is closed; open it anew"):
        use(store)


def test_a_reader_reads_on_after_close(file: Path) -> None:
    """Records that are being read when the store is closed are read to their end."""
    store = SqliteSaver(file)
    Line(store).write(*[b"x"] * 100)
    reading = iter(store.records("a thread"))
    next(reading)
    store.close()
    assert len([*reading]) == 99


def test_close_leaves_one_file(store: SqliteSaver, file: Path) -> None:
    """When the last store is closed, all is in the file, and nothing is beside it."""
    Line(store).write(b"one")
    store.close()
    assert [*file.parent.iterdir()] == [file]


def test_close_ends_the_threads(file: Path) -> None:
    """No thread of a store is left when it is closed."""
    with SqliteSaver(file, synchronous="full") as store:
        Line(store).write(bytes(5 << 20))
        assert store_threads() == ["graphflow-store-writer", "graphflow-store-checkpoints"]
    assert not store_threads()


# What it refuses


def test_a_number_that_is_too_large_is_refused(store: SqliteSaver) -> None:
    """A number of 2**63 is an error that says so, and changes nothing."""
    line = Line(store)
    line.write(b"one")
    with pytest.raises(CheckpointError, match=r"below 2\*\*63"):
        store.append(line.commit(b"two", branches=[Branch(2**63, "", 0, 0, 0)]))
    assert data(store) == [b"one"]


def test_a_blob_number_is_used_once(store: SqliteSaver, file: Path) -> None:
    """A second blob of the same number is refused, with all that its commit carries."""
    line = Line(store)
    line.write(b"one", blobs=[(1, b"blob")])
    before = content(store, "a thread", [1])
    with pytest.raises(CheckpointError, match=f"'{file}' refused .* of that number already"):
        store.append(line.commit(b"two", blobs=[(1, b"other")]))
    assert content(store, "a thread", [1]) == before


@pytest.mark.parametrize("value", [None, object()])
def test_data_that_is_no_bytes_is_refused(value: object, store: SqliteSaver) -> None:
    """Data that no column takes is our error, and changes nothing."""
    line = Line(store)
    line.write(b"one")
    with pytest.raises(CheckpointError):
        store.append(line.commit(value))  # type: ignore[arg-type]  # the claim
    assert data(store) == [b"one"]


# How large it is


@pytest.mark.parametrize("conversations", [1, 100])
def test_a_step_takes_little_room(conversations: int, file: Path) -> None:
    """A record of 265 bytes takes under 320 bytes of the file, whoever takes turns with whom."""
    steps = 6_000
    with SqliteSaver(file) as store:
        lines = [Line(store, f"conversation {number}") for number in range(conversations)]
        for number in range(steps):
            lines[number % conversations].write(bytes(265))
    assert file.stat().st_size / steps < 320


@pytest.mark.parametrize("forget", ["delete_thread", "prune"])
def test_forgetting_makes_the_file_smaller(forget: str, store: SqliteSaver, file: Path) -> None:
    """Pages that `delete_thread` and `prune` free are given back to the disk."""
    line = Line(store)
    line.write(*[bytes(1000)] * 2000, branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, bytes(10**6))])
    line.write(snapshot=Snapshot(1, 2000, b"", ()))
    if forget == "prune":
        store.prune("a thread", 1, 2000)
    else:
        store.delete_thread("a thread")
    store.close()
    assert file.stat().st_size < 100_000


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
