"""The store on a connection that somebody else has opened, and goes on to own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typing_extensions import override

from graphflow.checkpoint.sqlite import SqliteSaver, Synchronous
from graphflow.errors import CheckpointError, ForeignStoreError
from graphflow.testing._line import Line, content
from graphflow.testing.store_suite import StoreSuite


class TestSqliteSaverOnAConnection(StoreSuite):
    """The store on a connection that was given passes the suite."""

    @pytest.fixture(autouse=True)
    def connection(self, tmp_path: Path) -> Iterator[None]:
        """Open a connection for the case, as LangGraph's users do."""
        with closing(sqlite3.connect(tmp_path / "store.db", check_same_thread=False)) as given:
            self.given = given
            yield

    @override
    def make(self) -> SqliteSaver:
        return SqliteSaver(self.given)


@pytest.fixture
def given(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection that any thread may use."""
    with closing(sqlite3.connect(tmp_path / "store.db", check_same_thread=False)) as connection:
        yield connection


def test_a_given_connection_is_not_closed(given: sqlite3.Connection) -> None:
    """When the store is closed, its owner can go on with the connection."""
    with SqliteSaver(given) as store:
        Line(store).write(b"one")
    assert given.execute("SELECT count(*) FROM log").fetchall() == [(1,)]


def test_a_closed_store_leaves_the_connection_alone(given: sqlite3.Connection) -> None:
    """A store that was closed does not use the connection any more."""
    store = SqliteSaver(given)
    store.close()
    for use in (lambda: store.head("a thread"), lambda: Line(store).write()):
        with pytest.raises(CheckpointError, match="is closed"):
            use()


def test_a_given_connection_keeps_its_settings(given: sqlite3.Connection) -> None:
    """The owner's row_factory, text_factory and isolation_level stay, and do no harm."""
    given.row_factory = sqlite3.Row
    given.text_factory = bytes
    given.isolation_level = "EXCLUSIVE"
    with SqliteSaver(given) as store:
        Line(store, "\ud800").write(b"one")
        assert content(store, "\ud800")[0] == (1, 1, 1, b"token", 1_000_000)
        assert [info.thread_id for info in store.list_threads()] == ["\ud800"]
    assert given.row_factory is sqlite3.Row
    assert given.text_factory is bytes
    assert given.isolation_level == "EXCLUSIVE"


def test_data_that_is_larger_than_sqlite_takes_is_refused(given: sqlite3.Connection) -> None:
    """Data above SQLite's limit, which a connection may have lowered, is refused as too large."""
    with SqliteSaver(given) as store:
        line = Line(store)
        line.write(b"one")
        given.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
        with pytest.raises(CheckpointError, match="larger than SQLite takes"):
            line.write(bytes(20_000))
        assert len([*store.records("a thread")]) == 1


def test_a_connection_of_one_thread_is_refused(tmp_path: Path) -> None:
    """A connection that only its own thread may use is refused, and it is said what to do."""
    with (
        closing(sqlite3.connect(tmp_path / "store.db")) as connection,
        pytest.raises(CheckpointError, match="check_same_thread=False"),
    ):
        SqliteSaver(connection)


def test_a_connection_in_a_transaction_is_refused(given: sqlite3.Connection) -> None:
    """A connection with an open transaction is refused, and the transaction stays open."""
    given.execute("BEGIN")
    with pytest.raises(CheckpointError, match="open transaction that is not the store's"):
        SqliteSaver(given)
    assert given.in_transaction


def test_the_owners_transaction_is_not_ended(given: sqlite3.Connection) -> None:
    """While the owner has a transaction open, the store does nothing, and says so."""
    with SqliteSaver(given) as store:
        line = Line(store)
        line.write(b"one")
        given.execute("BEGIN")
        commit = line.commit(b"two")
        for use in (lambda: store.append(commit), lambda: store.blobs("a thread", [1])):
            with pytest.raises(CheckpointError, match="open transaction that is not the store's"):
                use()
        assert given.in_transaction
        given.execute("ROLLBACK")
        store.append(commit)


def test_deleting_does_not_end_the_owners_transaction(given: sqlite3.Connection) -> None:
    """`delete_thread` is refused like all else while the owner has a transaction open."""
    with SqliteSaver(given) as store:
        Line(store).write(b"one")
        given.execute("BEGIN")
        with pytest.raises(CheckpointError, match="open transaction"):
            store.delete_thread("a thread")
        assert given.in_transaction


def test_a_connection_that_is_closed_is_refused(given: sqlite3.Connection) -> None:
    """A connection that was closed before is refused."""
    given.close()
    with pytest.raises(CheckpointError, match="is closed"):
        SqliteSaver(given)


def test_a_connection_that_its_owner_closes_is_an_error(given: sqlite3.Connection) -> None:
    """A store whose connection was closed under it says that it is closed."""
    with SqliteSaver(given) as store:
        given.close()
        for use in (lambda: store.head("a thread"), lambda: Line(store).write()):
            with pytest.raises(CheckpointError, match="is closed"):
                use()


def test_a_connection_to_another_database_is_refused(given: sqlite3.Connection) -> None:
    """A database that has another program's tables is refused, and gets no more tables."""
    given.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ForeignStoreError, match="another program"):
        SqliteSaver(given)
    names = given.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("theirs",)]


def test_a_connection_and_a_path_lead_to_the_same_store(
    given: sqlite3.Connection, tmp_path: Path
) -> None:
    """What one store writes by a connection, another reads by the path."""
    with SqliteSaver(given) as store, SqliteSaver(tmp_path / "store.db") as other:
        Line(store).write(b"one")
        assert [record.data for record in other.records("a thread")] == [b"one"]


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_connection_to_memory_can_be_given(synchronous: Synchronous) -> None:
    """A connection to a database in memory is as good, with each `synchronous`."""
    with (
        closing(sqlite3.connect(":memory:", check_same_thread=False)) as given,
        SqliteSaver(given, synchronous=synchronous) as store,
    ):
        Line(store).write(b"one")
        assert len([*store.records("a thread")]) == 1
