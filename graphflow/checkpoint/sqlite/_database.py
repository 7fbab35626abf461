"""What a saver has open: the connections, the threads, and how they end.

A file has one connection that writes, some that read, and one for a checkpoint now and then. A
database in memory, and a connection that was given, have just that one for everything.
"""

from contextlib import suppress
from threading import Lock
from typing import Final, final

from graphflow.checkpoint.sqlite._checkpoints import Checkpoints
from graphflow.checkpoint.sqlite._errors import FAILURES
from graphflow.checkpoint.sqlite._fork import forget, watch
from graphflow.checkpoint.sqlite._handle import Handle
from graphflow.checkpoint.sqlite._readers import Reading
from graphflow.checkpoint.sqlite._writer import Writer

__all__ = ("Database",)

_FREE: Final = "PRAGMA freelist_count"
_SHRINK: Final = "PRAGMA incremental_vacuum(256);"  # by `executescript`: `execute` frees one page
_SHRUNK: Final = 256 * 4096


@final
class Database:
    """The connections of a saver and its threads.

    Attributes:
        handle: the connection that writes.
        writer: what writes.
        reading: what reads.
        left_behind: whether it belongs to the process that this one was forked from.
        lock: who holds it may replace one that was left behind.
    """

    def __init__(
        self,
        handle: Handle,
        writer: Writer,
        reading: Reading,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.handle = handle
        self.writer = writer
        self.reading = reading
        self._checkpoints = checkpoints
        self.left_behind = False
        self.lock = Lock()
        watch(self)

    def shrink(self) -> None:
        """Give free pages back to the disk, some at a time, for others want to write meanwhile.

        What cannot be done now is left for the next time.
        """
        with suppress(*FAILURES):
            while self._shrunk():
                pass

    def _shrunk(self) -> bool:
        """Give back some pages; return whether it is worth while to go on."""
        with self.handle.lock:
            self.handle.end_stray_transaction()
            before = self._free()
            if before:
                self.handle.connection.executescript(_SHRINK)
            after = self._free()
            if self._checkpoints is not None:
                self._checkpoints.wrote(_SHRUNK)
        return 0 < after < before

    def _free(self) -> int:
        """Return how many pages are free."""
        count: int = self.handle.connection.execute(_FREE).fetchall()[0][0]
        return count

    def leave_behind(self) -> None:
        """Belong to the parent process from now on: this one uses nothing of it."""
        self.left_behind = True
        self.lock = Lock()  # the old one may be held by a thread that is not in this process
        self.reading.leave_behind()

    def close(self) -> None:
        """Make what waits, end the threads, and close what was opened here."""
        if self.left_behind:
            return
        self.writer.finish()
        if self._checkpoints is not None:
            self._checkpoints.worker.end()
        with self.handle.lock:
            self.reading.close()
            with suppress(*FAILURES):
                self.writer.let_go()
            if self.handle.owned:
                with suppress(*FAILURES):  # what cannot be moved is safe in the WAL
                    self.handle.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                with suppress(*FAILURES):
                    self.handle.connection.close()
        forget(self)

    def abandon(self) -> None:
        """Do what `close` does, as a finalizer must: it waits for no lock that may be held here.

        If there is a thread, it does it, after what waits. Else nobody is left to hold a lock.
        """
        if self.left_behind:
            return
        if self.writer.worker.started:
            self.writer.worker.call(self.close)
        elif self._checkpoints is not None and self._checkpoints.worker.started:
            self._checkpoints.worker.call(self.close)
        else:
            self.close()
