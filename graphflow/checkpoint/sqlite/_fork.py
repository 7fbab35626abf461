"""What happens to open stores when the process is forked, and when it ends.

SQLite forbids a forked process to use, or even to close, a connection of its parent: closing it
could delete the parent's WAL. So the child leaves those behind, and opens its own.
"""

import atexit
import os
import sys
from contextlib import suppress
from typing import Protocol
from weakref import ref

__all__ = ("forget", "watch")


class Open(Protocol):
    """What is open until it is closed."""

    def leave_behind(self) -> None:
        """Belong to the parent process from now on."""

    def close(self) -> None:
        """End it."""


_open: dict[int, ref[Open]] = {}  # no WeakSet: another thread may close one at any moment
_left_behind: list[Open] = []


def watch(thing: Open) -> None:
    """Have something left behind in a forked process, or closed at the end of this one."""
    _open[id(thing)] = ref(thing)


def forget(thing: Open) -> None:
    """Do nothing with it any more, for it is closed."""
    _open.pop(id(thing), None)


def _all() -> list[Open]:
    """Return what is open."""
    return [thing for entry in [*_open.values()] if (thing := entry()) is not None]


def _after_fork() -> None:
    """Leave everything behind that is open; this is the child, and its only thread."""
    for thing in _all():
        thing.leave_behind()
        _left_behind.append(thing)
    _open.clear()


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
    os.register_at_fork(after_in_child=_after_fork)
