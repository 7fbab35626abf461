"""The store in SQLite: what it is to who uses it, alone and together with others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import enumerate as living_threads

import anyio
import pytest
from typing_extensions import override

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.checkpoint.sqlite.aio import AsyncSqliteSaver
from graphflow.errors import CheckpointError, StoreUnavailableError
from graphflow.testing._line import Line, content
from graphflow.testing.store_suite import StoreSuite
from tests.checkpoint.child import run


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
        future = store.submit(Line(store).commit(bytes(5 << 20)))
        assert future is not None
        future.result()
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
