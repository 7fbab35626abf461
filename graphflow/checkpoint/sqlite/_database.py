"""What a saver has open: the connections, the threads, and how they end.

A file has one connection that writes, some that read, and one for a checkpoint now and then. A
database in memory, and a connection that was given, have just that one for everything.
"""

from collections.abc import Iterable
from contextlib import suppress
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
        left_behind: whether this process was forked while it was in use, and must not use it.
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
        self._pausing = False
        self._closable = False
        self._abandoned = False
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
            cursor = self.handle.ready()
            before = _number(cursor.execute(_FREE))
            if before:
                self.handle.connection.executescript(_SHRINK)
            after = _number(cursor.execute(_FREE))
            if self._checkpoints is not None:
                self._checkpoints.wrote(_SHRUNK)
        return 0 < after < before

    def pause(self) -> None:
        """Let nobody begin anything, and have no connections."""
        self._pausing = True
        if self._checkpoints is not None:
            self._checkpoints.pause()
        self.handle.lock.acquire()
        self.writer.pause()
        self.reading.pause()
        self._closable = self.handle.pause()

    def resume(self) -> None:
        """Let everybody go on."""
        self.reading.resume()
        self.writer.resume()
        if self._checkpoints is not None:
            self._checkpoints.resume()
        self._go_on()

    def resume_in_child(self) -> bool:
        """Go on in a forked process, unless it has got a connection that was open."""
        self.left_behind = not self.reading.resume_in_child() or not self._closable
        self.writer.resume_in_child()
        if self._checkpoints is not None:
            self._checkpoints.resume_in_child()
        self._go_on()
        return not self.left_behind

    def _go_on(self) -> None:
        """Let the connection be used, and do what a finalizer could not do meanwhile."""
        self.handle.lock.release()
        self._pausing = False
        if self._abandoned:
            self.abandon()

    def close(self) -> None:
        """Make what waits, end the threads, and close what was opened here."""
        if self.left_behind:
            return
        self.writer.finish()
        if self._checkpoints is not None:
            self._checkpoints.worker.end()
        with self.handle.lock:
            self.reading.close()
            self.handle.close()
        forget(self)

    def abandon(self) -> None:
        """Do what `close` does, as a finalizer must: it waits for no lock that may be held here.

        If there is a thread, it does it, after what waits. Else nobody is left to hold a lock.
        """
        if self._pausing:
            self._abandoned = True
        elif self.writer.worker.started:
            self.writer.worker.call(self.close)
        elif self._checkpoints is not None and self._checkpoints.worker.started:
            self._checkpoints.worker.call(self.close)
        else:
            self.close()


def _number(answer: Iterable[tuple[int]]) -> int:
    """Return what a PRAGMA answered."""
    return next(iter(answer))[0]
