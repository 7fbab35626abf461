"""A process that is forked while a store is open."""

import gc
import os
from pathlib import Path

import pytest

from graphflow.checkpoint.sqlite import SqliteSaver, _fork
from graphflow.errors import CheckpointError
from graphflow.testing._line import Line
from tests.checkpoint.child import run

FORK = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks with threads
from threading import enumerate as threads
from graphflow.errors import CheckpointError

def forked(work):
    "Call `work` in a forked process, which ends as a program does."
    pid = os.fork()
    if pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return
    work()
    sys.exit()

"""


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_forked_process_opens_the_file_anew(synchronous: str, tmp_path: Path) -> None:
    """Parent and child go on with the same saver, and lose nothing."""
    script = """
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])
add(store, "before", 3)
forked(lambda: add(store, "child", 3))
add(store, "after", 3)
forked(lambda: add(store, "second", 3))
store.close()
"""
    run(FORK + script, tmp_path / "store.db", synchronous)
    with SqliteSaver(tmp_path / "store.db") as store:
        found = [record.data.decode() for record in store.records("a thread")]
    assert found == [
        f"{who} {n}" for who in ("before", "child", "after", "second") for n in range(3)
    ]


def test_a_forked_process_may_be_the_last(tmp_path: Path) -> None:
    """A child that outlives its parent's store leaves alone what others do in the file."""
    script = """
store = SqliteSaver(sys.argv[1])
add(store, "parent", 2)
begin, go = os.pipe()
pid = os.fork()
if not pid:
    os.read(begin, 1)
    sys.exit()  # without having used the store
store.close()
# Another program that dies and leaves its WAL: that is what the child must not delete.
if not (other := os.fork()):
    add(kept := SqliteSaver(sys.argv[1]), "other", 2)
    os._exit(0)
os.waitpid(other, 0)
os.write(go, b"x")
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    run(FORK + script, tmp_path / "store.db")
    with SqliteSaver(tmp_path / "store.db") as store:
        found = [record.data.decode() for record in store.records("a thread")]
    assert found == ["parent 0", "parent 1", "other 0", "other 1"]


@pytest.mark.parametrize(
    "opened", ["':memory:'", "sqlite3.connect(sys.argv[1], check_same_thread=False)"]
)
def test_a_forked_process_cannot_use_the_connection(opened: str, tmp_path: Path) -> None:
    """A store in memory, or on a connection that was given, says so in a forked process."""
    script = f"""
import sqlite3
store = SqliteSaver({opened})
add(store, "parent", 1)

def use():
    for call in (lambda: store.head("a thread"), lambda: add(store, "child", 1)):
        try:
            call()
        except CheckpointError as error:
            assert "was in use when this process was forked" in str(error), error
        else:
            raise AssertionError

forked(use)
assert store.head("a thread").seq == 1
store.close()
os._exit(0)  # the connection that was given is not closed
"""
    run(FORK + script, tmp_path / "store.db")


def test_a_forked_process_keeps_its_locks(tmp_path: Path) -> None:
    """What a child commits is not lost when its parent and another program close the file."""
    script = """
store = SqliteSaver(sys.argv[1])
add(store, "parent", 1)
(wait, go), (begun, begin) = os.pipe(), os.pipe()
if not (pid := os.fork()):
    add(store, "child before", 1)
    os.write(begin, b"x")
    os.read(wait, 1)
    add(store, "child after", 1)
    os._exit(0)  # as if it were killed: what it wrote is in the WAL only
os.read(begun, 1)
add(store, "parent", 1)
store.close()
with SqliteSaver(sys.argv[1]) as other:
    add(other, "other", 1)
os.write(go, b"x")
os.waitpid(pid, 0)
"""
    run(FORK + script, tmp_path / "store.db")
    with SqliteSaver(tmp_path / "store.db") as store:
        found = [record.data.decode() for record in store.records("a thread")]
    assert found == ["parent 0", "child before 0", "parent 0", "other 0", "child after 0"]


def test_a_fork_while_others_write_loses_nothing(tmp_path: Path) -> None:
    """A process may be forked while its threads write: all of them go on, and the child too."""
    script = """
from threading import Thread
store = SqliteSaver(sys.argv[1], synchronous=sys.argv[2])
writers = [Thread(target=add, args=(store, f"thread {n}", 100, f"thread {n}")) for n in range(3)]
for writer in writers:
    writer.start()
for n in range(10):
    forked(lambda: add(store, f"child {n}", 5))
for writer in writers:
    writer.join()
store.close()
"""
    for synchronous in ("normal", "full"):
        file = tmp_path / f"{synchronous}.db"
        run(FORK + script, file, synchronous)
        with SqliteSaver(file) as store:
            counts = [len([*store.records(f"thread {number}")]) for number in range(3)]
            assert counts == [100, 100, 100]
            assert len([*store.records("a thread")]) == 50


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_parent_goes_on_by_the_same_store(tmp_path: Path) -> None:
    """A store, and a reader of it, go on in the process that was forked, and so does its thread."""
    with SqliteSaver(tmp_path / "store.db", synchronous="full") as store:
        line = Line(store)
        line.write(*[b"x"] * 50)
        line.write(bytes(5 << 20))  # enough for a checkpoint
        reading = iter(store.records("a thread"))
        next(reading)
        if not (child := os.fork()):
            os._exit(0)
        os.waitpid(child, 0)
        line.write(b"more")
        assert len([*reading]) == 50
        assert len([*store.records("a thread")]) == 52


def test_a_store_may_be_dropped_while_its_process_is_forked(tmp_path: Path) -> None:
    """A store that is collected between the hooks is closed after them."""
    store = SqliteSaver(tmp_path / "store.db")
    Line(store).write(b"one")
    _fork.before_fork()
    del store
    gc.collect()
    _fork.after_fork_in_parent()
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


def test_hooks_of_the_child(tmp_path: Path) -> None:
    """After the hooks of a child a store of a file works, and one in memory says that it cannot."""
    with SqliteSaver(tmp_path / "store.db") as store, SqliteSaver(":memory:") as lost:
        Line(store).write(b"one")
        Line(lost).write(b"one")
        _fork.before_fork()
        _fork.after_fork_in_child()
        assert store.head("a thread") is not None
        Line(store, "another").write(b"one")
        with pytest.raises(CheckpointError, match="was in use when this process was forked"):
            lost.head("a thread")


def test_hooks_of_the_child_while_records_are_read(tmp_path: Path) -> None:
    """After the hooks of a child nobody reads on, and the store cannot be used."""
    with SqliteSaver(tmp_path / "store.db") as store:
        Line(store).write(*[b"x"] * 50)
        reading = iter(store.records("a thread"))
        next(reading)
        _fork.before_fork()
        _fork.after_fork_in_child()
        with pytest.raises(CheckpointError, match="when this process was forked"):
            list(reading)
        with pytest.raises(CheckpointError, match="was in use when this process was forked"):
            store.head("a thread")


def test_a_forked_process_does_not_read_on(tmp_path: Path) -> None:
    """Records that the parent was reading are an error in the child, and read on in the parent."""
    script = """
store = SqliteSaver(sys.argv[1])
add(store, "x", 100)
reading = iter(store.records("a thread"))
next(reading)

def read():
    try:
        list(reading)
    except CheckpointError as error:
        assert "was forked" in str(error)
    else:
        raise AssertionError

forked(read)
assert len(list(reading)) == 99
store.close()
"""
    run(FORK + script, tmp_path / "store.db")
