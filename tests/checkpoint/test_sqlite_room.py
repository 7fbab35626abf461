"""How the WAL keeps its length where every commit is to survive a power cut."""

from pathlib import Path

import pytest

from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.checkpoint.sqlite._checkpoints import LIMIT
from graphflow.checkpoint.sqlite._room import ROOM
from graphflow.testing._line import Line
from tests.checkpoint.child import ended, start
from tests.checkpoint.disks import small_disk
from tests.checkpoint.writing import data, locked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store can be made."""
    return tmp_path / "store.db"


def length(file: Path) -> int:
    """Return the length of the WAL."""
    return file.with_name(f"{file.name}-wal").stat().st_size


def test_there_is_room_before_the_first_commit(file: Path) -> None:
    """And nothing in it; a store that does not need it has none."""
    with SqliteSaver(file, synchronous="full") as store:
        assert ROOM <= length(file) < 2 * ROOM
        assert not [*store.list_threads()]
        with SqliteSaver(file, synchronous="full"):
            assert ROOM <= length(file) < 2 * ROOM
    with SqliteSaver(file):
        assert length(file) < ROOM


def test_commits_do_not_make_the_wal_longer(file: Path) -> None:
    """Not before it begins anew, and then it is written over."""
    with SqliteSaver(file, synchronous="full") as store:
        line, before = Line(store), length(file)
        for _ in range(100):
            line.write(b"x")
        assert length(file) == before
        for _ in range(80):
            line.write(bytes(1 << 18))
        assert ROOM <= length(file) < LIMIT
    assert [*file.parent.iterdir()] == [file]


def test_what_is_stored_is_behind_nothing(file: Path) -> None:
    """A process that is killed leaves what it committed, whatever else is in the room."""
    script = """
import os
store = SqliteSaver(sys.argv[1], synchronous="full")
add(store, "killed", int(sys.argv[2]))
os.kill(os.getpid(), 9)
"""
    for count in (0, 1, 3):
        ended(start(script, file, count), code=-9)
        assert length(file) >= ROOM
        with SqliteSaver(file) as store:
            assert data(store)[-count:] == [b"killed %d" % n for n in range(count)]


def test_a_store_that_is_being_written_is_opened_without(file: Path) -> None:
    """While another program writes, nobody waits for room."""
    with SqliteSaver(file), locked(file), SqliteSaver(file, synchronous="full"):
        assert length(file) < ROOM


def test_a_small_disk_is_left_to_others(tmp_path: Path) -> None:
    """Where there is not enough for it, the room is given back, and commits are made."""
    folder = tmp_path / "disk"
    with small_disk(folder, 2 << 20):
        file = folder / "store.db"
        with SqliteSaver(file, synchronous="full") as store:
            assert length(file) == 0
            Line(store).write(b"one")
            assert data(store) == [b"one"]
