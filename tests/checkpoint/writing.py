"""What the tests of how the store in SQLite writes have in common."""

import sqlite3
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.sqlite import SqliteSaver


@contextmanager
def locked(file: Path) -> Generator[None]:
    """Keep a database locked, as another program does that is writing."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def submit(store: SqliteSaver, *commits: Commit) -> list[Future[None]]:
    """Submit commits, none of which can be made at once."""
    futures: list[Future[None]] = []
    for commit in commits:
        future = store.submit(commit)
        assert future is not None
        futures.append(future)
    return futures


def data(store: SqliteSaver, thread: str = "a thread") -> list[bytes]:
    """Return what the records of a thread hold."""
    return [record.data for record in store.records(thread)]


def transactions(file: Path) -> int:
    """Count the transactions in a WAL: the frames that end one tell the size of the database."""
    wal = file.with_name(file.name + "-wal").read_bytes()
    page = int.from_bytes(wal[8:12])
    salts, frame = wal[16:24], 24 + page
    frames = [wal[at : at + 24] for at in range(32, len(wal), frame)]
    return sum(any(header[4:8]) and header[8:16] == salts for header in frames)


def interrupted_at(count: int, call: Callable[[], object]) -> bool:
    """Make a call, with Ctrl-C when the store has made so many calls; return whether it has.

    Python looks for signals when a call has ended, so these are the places where one can come.
    """
    left = count

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        if "/checkpoint/sqlite/" in frame.f_code.co_filename and event in {"return", "c_return"}:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False
