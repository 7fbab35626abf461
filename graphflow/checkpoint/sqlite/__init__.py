"""The store in an SQLite file: one file, no server, several processes on one machine.

What was committed survives the end of the process, however it ends. A power cut may take the
last commits, and damages nothing; with `synchronous="full"` it takes none.

The parts, each in a file: `_open` opens, `_file` looks at a file before that, `_schema` has the
tables, `_write` what changes them, `_read` what reads them, `_writer` and `_readers` the
connections, `_waiting` and `_turn` what is not written at once, `_checkpoints` and `_worker` what
happens in threads, `_room` why the WAL may be long, `_errors` what SQLite's errors mean, `_fork`
what a forked process must not do.
"""

import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from graphflow.checkpoint.base import (
    BaseCheckpointSaver,
    Branch,
    Commit,
    Head,
    Record,
    Snapshot,
    ThreadInfo,
    checked_limit,
)
from graphflow.checkpoint.gathering import Gathers
from graphflow.checkpoint.sqlite import _read, _write
from graphflow.checkpoint.sqlite._database import Database
from graphflow.checkpoint.sqlite._open import Synchronous, open_file, open_given, open_memory
from graphflow.errors import CheckpointError, StoreUnavailableError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from graphflow.checkpoint.gathering import Ending, Soon

__all__ = ("SqliteSaver", "Synchronous")


class SqliteSaver(BaseCheckpointSaver, Gathers):
    """A store of threads in an SQLite database.

    Any number of savers, of this or of other processes of the machine, may use one file at once.

    Args:
        conn: the path of a file, which is made if it does not exist; or ":memory:"; or an open
            connection, which is then left to the saver until that is closed, and is not closed
            with it. It must have been opened with `check_same_thread=False`.
        synchronous: "normal", or "full" if commits are to survive a power cut as well, which
            costs a round trip to the disk for each, or for several that come at once.

    Raises:
        StoreUnavailableError: if the file cannot be made, read or written.
        ForeignStoreError: if it belongs to another program; it is left as it is.
        NewerFormatError: if it was made by a newer graphflow; the same.
        DamagedCheckpointError: if it is damaged.

    Example:
        >>> with SqliteSaver(":memory:") as saver:
        ...     list(saver.list_threads())
        []
    """

    def __init__(
        self,
        conn: "str | PathLike[str] | sqlite3.Connection",
        *,
        synchronous: Synchronous = "normal",
    ) -> None:
        if synchronous not in {"normal", "full"}:
            raise ValueError(f'synchronous is {synchronous!r}; it must be "normal" or "full"')
        if isinstance(conn, sqlite3.Connection):
            self._opened = open_given(conn, synchronous)
        elif (path := _path_of(fspath(conn))) is None:
            self._opened = open_memory()
        else:
            self._opened = open_file(path, synchronous)
        finalizer = weakref.finalize(self, self._opened.abandon)
        finalizer.atexit = False  # at the end of the process `_fork` closes it

    @property
    def _database(self) -> Database:
        """What is open, if this process may use it."""
        if self._opened.left_behind:
            raise CheckpointError(
                f"the checkpoint store {self._opened.handle.place} was in use when this process "
                f"was forked, and SQLite forbids its use here; fork when no records are being "
                f"read, and from a saver that has the path of a file"
            )
        return self._opened

    @classmethod
    def from_conn_string(cls, conn_string: str, *, synchronous: Synchronous = "normal") -> Self:
        """Open a file, or ":memory:"; to be used with `with`, as LangGraph's is."""
        return cls(conn_string, synchronous=synchronous)

    @override
    def append(self, commit: Commit, /) -> None:
        self._database.writer.make(partial(_write.store, commit))

    @override
    def submit(self, commit: Commit, /) -> "Future[None] | None":
        return self._database.writer.submit(partial(_write.store, commit))

    @override
    def gather(self, commit: Commit, soon: "Soon", /) -> "Ending | None":
        if type(self).submit is not SqliteSaver.submit:
            return self.submit(commit)  # a subclass does more for a commit, and knows of no turns
        change = partial(_write.store, commit)
        return self._database.writer.gather(change, commit.thread, soon, self)

    @override
    def head(self, thread: str, /) -> Head | None:
        return self._database.reading.ask(_read.head, thread)

    @override
    def branches(self, thread: str, /) -> Sequence[Branch]:
        return self._database.reading.ask(_read.branches, thread)

    @override
    def records(
        self,
        thread: str,
        /,
        *,
        branch: int | None = None,
        after: int = 0,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> Iterable[Record]:
        database = self._database
        rows = database.reading.rows(
            _read.log(thread, branch, after, upto, newest_first=newest_first)
        )
        return _read.as_records(rows, database.handle.place, newest_first=newest_first)

    @override
    def snapshot(self, thread: str, branch: int, upto: int, /) -> Snapshot | None:
        return self._database.reading.ask(_read.snapshot, thread, branch, upto)

    @override
    def blobs(self, thread: str, ids: Sequence[int], /) -> Mapping[int, bytes]:
        return self._database.reading.ask(_read.blobs, thread, ids)

    @override
    def prune(self, thread: str, branch: int, base: int, /) -> None:
        database = self._database
        database.writer.make(partial(_write.prune, thread, branch, base))
        database.shrink()

    @override
    def list_threads(self, *, limit: int | None = None) -> Iterator[ThreadInfo]:
        return iter(self._database.reading.ask(_read.threads, checked_limit(limit)))

    @override
    def delete_thread(self, thread_id: str) -> None:
        database = self._database
        database.writer.make(partial(_write.delete, str(thread_id)))
        database.shrink()

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        source, target = str(source_thread_id), str(target_thread_id)
        self._database.writer.make(partial(_write.copy, source, target))

    @override
    def close(self) -> None:
        """Make what was submitted, end the threads and close the file; a second time, nothing."""
        self._opened.close()


def _path_of(text: str) -> Path | None:
    """Return the path of a file, or None for a store in memory."""
    if text == ":memory:":
        return None
    if not text or text.startswith("file:"):
        raise StoreUnavailableError(
            f'{text!r} is no path of a checkpoint store; give the path of a file, ":memory:", or '
            f"for a URI an open connection: sqlite3.connect(..., uri=True, check_same_thread=False)"
        )
    return Path(text).absolute()
