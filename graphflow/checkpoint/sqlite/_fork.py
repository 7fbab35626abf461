"""What happens to open stores when the process is forked, and when it ends.

SQLite must not be forked with a connection open. A child that closes one can delete a WAL that is
in use; and even one that leaves it alone, and opens its own, inherits the note that the process
has locks on the file, which it has not: what it commits is lost when all others close the file.
So all connections are closed before a fork and opened again when they are needed.
"""

import atexit
import os
import sys
from contextlib import suppress
from threading import Lock
from typing import Protocol
from weakref import ref

__all__ = (
    "after_fork_in_child",
    "after_fork_in_parent",
    "before_fork",
    "forget",
    "no_fork",
    "watch",
)


class Open(Protocol):
    """What is open until it is closed."""

    def pause(self) -> None:
        """Let nobody begin anything, and have no connections."""

    def resume(self) -> None:
        """Let everybody go on; this is the process that was forked."""

    def resume_in_child(self) -> bool:
        """Go on in the new process; return whether that is possible."""
        ...

    def close(self) -> None:
        """End it."""


no_fork = Lock()
"""Who opens a store holds it, so that the process is not forked meanwhile."""

_open: dict[int, ref[Open]] = {}  # no WeakSet: another thread may close one at any moment
_paused: list[Open] = []
_left_behind: list[Open] = []


def watch(thing: Open) -> None:
    """Have something paused while the process is forked, and closed when it ends."""
    _open[id(thing)] = ref(thing)


def forget(thing: Open) -> None:
    """Do nothing with it any more, for it is closed."""
    _open.pop(id(thing), None)


def _all() -> list[Open]:
    """Return what is open."""
    return [thing for entry in [*_open.values()] if (thing := entry()) is not None]


def before_fork() -> None:
    """Close all connections."""
    no_fork.acquire()
    for thing in _all():
        thing.pause()
        _paused.append(thing)


def after_fork_in_parent() -> None:
    """Let everybody go on."""
    for thing in _paused:
        thing.resume()
    _paused.clear()
    no_fork.release()


def after_fork_in_child() -> None:
    """Let those go on that can; this is the only thread."""
    for thing in _paused:
        if not thing.resume_in_child():
            forget(thing)
            _left_behind.append(thing)
    _paused.clear()
    no_fork.release()


def _at_exit() -> None:
    """Close what is open, and see that nobody closes what was left behind."""
    for thing in _all():
        thing.close()
    if _left_behind:
        with suppress(ImportError):  # an interpreter built without it takes a small risk
            import ctypes  # noqa: PLC0415 - only a forked process that ends by itself needs it

            # One reference too many, so that the interpreter's end does not close connections.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(_left_behind))


atexit.register(_at_exit)
if sys.platform != "win32":
    os.register_at_fork(
        before=before_fork,
        after_in_parent=after_fork_in_parent,
        after_in_child=after_fork_in_child,
    )
