"""A thread that makes calls one after the other; it is started when there is a first one.

It is a daemon, so that a store that nobody closed does not keep the process alive.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import TypeAlias, final

__all__ = ("Worker",)

Call: TypeAlias = Callable[[], None]


@final
class Worker:
    """A thread for calls that must not raise.

    While it waits it holds nothing but its queue, so it keeps no store from being collected.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._thread: Thread | None = None

    @property
    def started(self) -> bool:
        """Whether there is a thread, or was."""
        return self._thread is not None

    @property
    def here(self) -> bool:
        """Whether this very code runs in it."""
        return self._thread is current_thread()

    def call(self, call: Call) -> None:
        """Have a call made; once the thread runs, this may interrupt anything, a finalizer may."""
        self._calls.put(call)
        self.start()

    def start(self) -> None:
        """Start the thread, if there is none."""
        if self._thread is None:
            thread = Thread(target=_work, args=(self._calls,), name=self._name, daemon=True)
            thread.start()
            self._thread = thread

    def end(self) -> None:
        """Wait for the calls that were asked for, and for the thread's end."""
        if self._thread is None:
            return
        self._calls.put(None)
        if not self.here:
            self._thread.join()


def _work(calls: "SimpleQueue[Call | None]") -> None:
    """Make calls until there is None."""
    while (call := calls.get()) is not None:
        call()
        del call  # it may hold the store
