"""What the store in SQLite makes of a file: its own, another's, damaged, or one without room."""

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.checkpoint.sqlite import SqliteSaver, Synchronous
from graphflow.checkpoint.sqlite._read import as_records
from graphflow.errors import (
    CheckpointError,
    DamagedCheckpointError,
    ForeignStoreError,
    NewerFormatError,
    StoreUnavailableError,
)
from graphflow.testing._line import Line, content, shapes
from tests.checkpoint.child import ended, start
from tests.checkpoint.disks import disk, small_disk, small_files, unwritable

LANGGRAPH = """
PRAGMA journal_mode=WAL;
CREATE TABLE checkpoints (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, checkpoint BLOB);
CREATE TABLE writes (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, value BLOB);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


def make(file: Path, script: str) -> None:
    """Make a database as another program does."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)


def fill(file: Path) -> None:
    """Make a store with a record."""
    with SqliteSaver(file) as store:
        Line(store).write(b"one")


def everything(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder, but for the locks that SQLite keeps in one."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")
    }


def refused(file: Path, error: type[CheckpointError], words: str) -> None:
    """Check that a file is refused, and left as it is, as well as what is beside it."""
    before = everything(file.parent)
    with pytest.raises(error, match=words) as caught:
        SqliteSaver(file)
    assert f"{str(file)!r}" in str(caught.value)
    assert everything(file.parent) == before


# Whose it is


def test_a_store_can_be_told(file: Path) -> None:
    """A store is marked as one, can be written without a lock on readers, and gives room back."""
    fill(file)
    with closing(sqlite3.connect(file)) as connection:
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "journal_mode", "auto_vacuum")
        ]
    assert found == [int.from_bytes(b"gflo"), 1, "wal", 2]


@pytest.mark.parametrize(
    "script", ["", "PRAGMA user_version = 0; VACUUM", "PRAGMA journal_mode=WAL"]
)
def test_an_empty_file_becomes_a_store(script: str, file: Path) -> None:
    """A file of no bytes, and a database without tables, are as good as none."""
    file.touch()
    make(file, script)
    fill(file)
    with SqliteSaver(file) as store:
        assert len([*store.records("a thread")]) == 1


def test_a_database_of_another_program_is_refused(file: Path) -> None:
    """A database that has tables and not the mark is not touched."""
    make(file, "CREATE TABLE theirs (x)")
    refused(file, ForeignStoreError, "of another program.*one that does not exist yet")


def test_a_database_with_another_mark_is_refused(file: Path) -> None:
    """A database that is marked by another program is not touched, tables or not."""
    make(file, "PRAGMA application_id = 77; VACUUM")
    refused(file, ForeignStoreError, "of another program")


def test_a_database_of_langgraph_is_refused_by_name(file: Path) -> None:
    """LangGraph's own store is told by name, with the place where migration is described."""
    make(file, LANGGRAPH)
    refused(file, ForeignStoreError, "LangGraph's SqliteSaver.*docs/migration")


def test_a_database_that_is_all_in_its_wal_is_refused(file: Path) -> None:
    """LangGraph's store is told too if its process died before anything was in the file proper."""
    script = """
import os, sqlite3
connection = sqlite3.connect(sys.argv[1])
connection.executescript(sys.argv[2])
os._exit(0)
"""
    ended(start(script, file, LANGGRAPH))
    refused(file, ForeignStoreError, "LangGraph's SqliteSaver.*docs/migration")


def test_a_database_that_cannot_be_read_is_refused(file: Path) -> None:
    """A file that begins as a database of another program, and is none, is not touched."""
    file.write_bytes(b"SQLite format 3\0" + bytes(5000))
    refused(file, ForeignStoreError, "of another program")


@pytest.mark.parametrize("start", [b"#!/bin/sh\n", b"SQLite format 4\0", b"\0", os.urandom(5000)])
def test_a_file_that_is_no_database_is_refused(start: bytes, file: Path) -> None:
    """A file that is no SQLite database is not touched."""
    file.write_bytes(start)
    refused(file, ForeignStoreError, "no SQLite database")


def test_a_store_of_a_newer_graphflow_is_refused(file: Path) -> None:
    """A store with a format of the future is not touched."""
    fill(file)
    make(file, "PRAGMA user_version = 2")
    refused(file, NewerFormatError, "format 2, made by a newer graphflow")


def test_a_store_of_no_graphflow_is_refused(file: Path) -> None:
    """A store with a format that never was is damaged."""
    fill(file)
    make(file, "PRAGMA user_version = 0")
    refused(file, DamagedCheckpointError, "format 0")


# Where it is


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The path of a folder is refused."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnavailableError, match=f"'{tmp_path}/folder' .* this is a folder"):
        SqliteSaver(tmp_path / "folder")


def test_a_pipe_is_no_file(file: Path) -> None:
    """The path of something that is no ordinary file is refused, without waiting for it."""
    os.mkfifo(file)
    with pytest.raises(StoreUnavailableError, match="no ordinary file"):
        SqliteSaver(file)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A file in a folder that does not exist is refused, and the folder is named."""
    with pytest.raises(StoreUnavailableError, match=f"no folder '{tmp_path}/none'; create it"):
        SqliteSaver(tmp_path / "none" / "store.db")
    assert [*tmp_path.iterdir()] == []


def test_a_path_through_a_file_is_refused(file: Path) -> None:
    """A path that goes on behind a file is refused."""
    fill(file)
    with pytest.raises(StoreUnavailableError, match="Not a directory"):
        SqliteSaver(file / "store.db")


def test_a_disk_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A store on a disk, or with permissions, that forbid writing is refused and left as it is."""
    folder = tmp_path / "disk"
    with disk(folder):
        fill(folder / "store.db")
        make(folder / "empty.db", "PRAGMA journal_mode=WAL")
        with unwritable(folder):
            refused(folder / "empty.db", StoreUnavailableError, "write permission")
            refused(folder / "store.db", StoreUnavailableError, "write permission")
            refused(folder / "none.db", StoreUnavailableError, "write permission")
        fill(folder / "none.db")


# A disk that is full

LittleRoom = Callable[[Path, int], AbstractContextManager[Callable[[], None]]]


def write_until_full(store: SqliteSaver) -> int:
    """Write until there is no room; return how many commits were made."""
    line = Line(store)

    def write_on() -> None:
        while line.seq < 10_000:
            line.write(bytes(700))

    with pytest.raises(StoreUnavailableError, match="nothing that was stored before is lost"):
        write_on()
    return line.seq


@pytest.mark.parametrize("synchronous", ["normal", "full"])
@pytest.mark.parametrize("little_room", [small_disk, small_files])
def test_a_full_disk_loses_nothing(
    little_room: LittleRoom, synchronous: Synchronous, tmp_path: Path
) -> None:
    """When the disk is full, all that was stored is there, for this store and for the next."""
    with little_room(tmp_path / "disk", 400_000):
        file = tmp_path / "disk" / "store.db"
        with SqliteSaver(file, synchronous=synchronous) as store:
            made = write_until_full(store)
            assert made > 5
            assert [record.seq for record in store.records("a thread")] == [*range(1, made + 1)]
        with SqliteSaver(file) as again:
            assert [record.seq for record in again.records("a thread")] == [*range(1, made + 1)]


@pytest.mark.parametrize("little_room", [small_disk, small_files])
def test_a_store_goes_on_when_there_is_room(little_room: LittleRoom, tmp_path: Path) -> None:
    """A commit that found no room can be made when there is some, by the same store."""
    file, filler = tmp_path / "disk" / "store.db", tmp_path / "disk" / "filler"
    with ExitStack() as stack:
        room = stack.enter_context(little_room(tmp_path / "disk", 600_000))
        filler.write_bytes(bytes(300_000))
        store = stack.enter_context(SqliteSaver(file))
        made = write_until_full(store)
        filler.unlink()
        room()
        line = Line(store)
        line.epoch, line.seq = 1, made
        line.write(b"more")
        assert len([*store.records("a thread")]) == made + 1


@pytest.mark.parametrize("little_room", [small_disk, small_files])
def test_a_store_that_has_no_room_to_begin_says_so(little_room: LittleRoom, tmp_path: Path) -> None:
    """A file that cannot be made for want of room is an error, and becomes a store later."""
    file, filler = tmp_path / "disk" / "store.db", tmp_path / "disk" / "filler"
    with little_room(tmp_path / "disk", 8192) as room:
        filler.write_bytes(bytes(4096))
        with pytest.raises(StoreUnavailableError, match="nothing that was stored before is lost"):
            SqliteSaver(file)
        filler.unlink()
        room()
        fill(file)


# A file that is damaged


def sample(file: Path) -> bytes:
    """Make a store with something in every table, and pages that are free; return its bytes."""
    dice = random.Random(1)
    with SqliteSaver(file) as store:
        for name in NAMES:
            line = Line(store, name)
            line.write(b"", branches=[Branch(1, "", 0, 0, 0)])
            for size in (10, 265, 900, 6000, *[265] * 30):
                line.write(dice.randbytes(size))
            snapshot = Snapshot(1, line.seq, b"manifest", (1, 2))
            line.write(snapshot=snapshot, blobs=[(1, dice.randbytes(9000)), (2, b"two")])
            line.write(b"x", branch=2, branches=[Branch(2, "ns", 1, line.seq, 0)])
    make(file, "DELETE FROM log WHERE thread = 4; DELETE FROM blob WHERE thread = 3")
    return file.read_bytes()


NAMES = [f"thread {number}" for number in range(4)]


def read_all(file: Path) -> list[Any]:
    """Open a store and read all that is in it."""
    with SqliteSaver(file) as store:
        found: list[Any] = [shapes(store.list_threads())]
        for name in NAMES:
            found.append(content(store, name, [1, 2]))
            found.append(shapes(store.records(name, branch=1, upto=20, newest_first=True)))
    return found


def test_flipped_bytes_never_surprise(file: Path) -> None:
    """Whichever byte is changed, reading ends, raises but our errors, and writes nothing."""
    good = sample(file)
    assert len(read_all(file)) == 9
    assert file.read_bytes() == good
    dice, damaged = random.Random(2), 0
    for number in range(400):
        # Every other one in the first pages, where the header and the tables' definitions are.
        at = dice.randrange(len(good) if number % 2 else 3 * 4096)
        bad = bytearray(good)
        bad[at] ^= dice.randrange(1, 256)
        file.write_bytes(bad)
        try:
            read_all(file)
        except CheckpointError:
            damaged += 1
        assert file.read_bytes() == bad, f"byte {at} was changed, and the file was written to"
    assert damaged > 20


@pytest.mark.parametrize("left", [1, 15, 16, 99, 100, 511, 512, 4095, 4096, 20_000, -4096, -1])
def test_a_file_that_was_cut_short_is_refused(left: int, file: Path) -> None:
    """A store that has lost its end, much or little of it, is damaged, and left as it is."""
    fill(file)
    good = file.read_bytes()
    file.write_bytes(good[:left])
    refused(file, DamagedCheckpointError, "is damaged.*go on with a backup")


def test_damaged_text_in_an_error_is_no_surprise(file: Path) -> None:
    """An error of SQLite that quotes bytes that are no text is an error of ours all the same."""
    fill(file)
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE head", b"CREATE TABLE h\xffad"))
    with pytest.raises(DamagedCheckpointError):
        read_all(file)


def test_a_row_of_the_wrong_form_is_damage(file: Path) -> None:
    """A row whose columns are not what they should be is told as damage, in each table."""
    with SqliteSaver(file) as store:
        line = Line(store)
        line.write(b"1", branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, b"blob")])
        line.write(snapshot=Snapshot(1, 1, b"m", (1,)))
        for change, read in WRONG_ROWS:
            make(file, change)
            with pytest.raises(DamagedCheckpointError, match="has not the form"):
                read(store)


WRONG_ROWS: list[tuple[str, Callable[[SqliteSaver], object]]] = [
    ("UPDATE head SET token = 'text'", lambda store: store.head("a thread")),
    ("UPDATE branch SET fork = x'00'", lambda store: store.branches("a thread")),
    ("UPDATE branch SET fork = 0, ns = 'x'", lambda store: store.branches("a thread")),
    ("UPDATE log SET data = 1", lambda store: [*store.records("a thread")]),
    ("UPDATE log SET data = x'', kind = 'x'", lambda store: [*store.records("a thread")]),
    ("UPDATE snap SET manifest = 'x'", lambda store: store.snapshot("a thread", 1, 1)),
    ("UPDATE blob SET data = 0.5", lambda store: store.blobs("a thread", [1])),
    ("UPDATE head SET updated = 'x'", lambda store: store.list_threads()),
]


def test_a_list_of_numbers_that_is_none_is_damage(file: Path) -> None:
    """`prune` forgets no blob of a thread whose snapshots cannot be read."""
    with SqliteSaver(file) as store:
        line = Line(store)
        line.write(b"1", branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, b"blob")])
        line.write(b"2", snapshot=Snapshot(1, 2, b"m", (1,)))
        make(file, "UPDATE snap SET blobs = x'01'")
        with pytest.raises(DamagedCheckpointError, match="a list of numbers"):
            store.snapshot("a thread", 1, 2)
        with pytest.raises(DamagedCheckpointError, match="a list of numbers"):
            store.prune("a thread", 1, 2)
        assert [record.seq for record in store.records("a thread")] == [1, 2]
        assert store.blobs("a thread", [1])


def test_records_that_run_in_circles_are_damage() -> None:
    """Records whose numbers do not rise, or fall, come from a damaged index."""
    row = (1, 1, 1, b"")
    for newest_first in (False, True):
        with pytest.raises(DamagedCheckpointError, match="where it does not belong"):
            list(as_records([row, row], "'store.db'", newest_first=newest_first))


def test_a_name_that_is_no_text_is_damage(file: Path) -> None:
    """An id or a namespace that no string has made is told as damage."""
    with SqliteSaver(file) as store:
        Line(store).write(branches=[Branch(1, "", 0, 0, 0)])
        make(file, "UPDATE branch SET ns = x'ff'")
        with pytest.raises(DamagedCheckpointError, match="no text"):
            store.branches("a thread")
        make(file, "UPDATE thread SET id = x'ff'")
        with pytest.raises(DamagedCheckpointError, match="no text"):
            store.list_threads()


def test_a_damaged_file_is_an_error_for_who_writes(file: Path) -> None:
    """Committing to a damaged file is our error as well."""
    with SqliteSaver(file) as store:
        line = Line(store)
        line.write(b"one")
        make(file, "DROP TABLE log")
        with pytest.raises(DamagedCheckpointError, match="no such table"):
            line.write(b"two")
