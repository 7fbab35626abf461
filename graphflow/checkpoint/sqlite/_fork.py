"""What happens to open stores when the process is forked, and when it ends.

SQLite forbids a forked process to use, or even to close, a connection of its parent: closing it
could delete the parent's WAL. So the child leaves those behind, and opens its own.
"""

import atexit
import os
import sys
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

__all__ = ("forget", "watch")


class Open(Protocol):
    """What is open until it is closed."""

    def leave_behind(self) -> None:
        """Belong to the parent process from now on."""

    def close(self) -> None:
        """End it."""


_open: WeakSet[Open] = WeakSet()
_left_behind: list[Open] = []


def watch(thing: Open) -> None:
    """Have something left behind in a forked process, or closed at the end of this one."""
    _open.add(thing)


def forget(thing: Open) -> None:
    """Do nothing with it any more, for it is closed."""
    _open.discard(thing)


def _after_fork() -> None:
    """Leave everything behind that is open; this is the child, and its only thread."""
    for thing in [*_open]:
        thing.leave_behind()
        _left_behind.append(thing)
    _open.clear()


def _at_exit() -> None:
    """Close what is open, and see that nobody closes what was left behind."""
    for thing in [*_open]:
        thing.close()
    if _left_behind:
        with suppress(ImportError):  # an interpreter built without it takes a small risk
            import ctypes  # noqa: PLC0415 - only a forked process that ends by itself needs it

            # One reference too many, so that the interpreter's end does not close connections.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(_left_behind))


atexit.register(_at_exit)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)
