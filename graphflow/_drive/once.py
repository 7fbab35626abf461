"""Results kept inside a task: what `once` and `aonce` do on every driver.

A result is stored by the task itself, while the program waits for it. The store is the run's, and
one task at a time has it: see `Turn` in `storing.py`.
"""

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from threading import Lock
from typing import Any, final

from graphflow._core.state import Task
from graphflow._drive import load


@final
class Calls:
    """The kept results of one running task.

    Args:
        task: the task.
        awaits: whether it was called on an event loop.
    """

    __slots__ = ("_awaits", "_busy", "_lock", "_results", "_task")

    def __init__(self, task: Task, awaits: bool) -> None:  # noqa: FBT001 - one of two parts
        self._task = task
        self._awaits = awaits
        self._lock = Lock()
        self._busy: set[str] = set()
        self._results: dict[str, Any] = {}
        if task.journal is not None:
            self._results |= task.journal.results

    def once(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the function returns, or a coroutine of it
        """Return a kept result, or call a function and keep what it returns.

        Raises:
            TypeError: for a plain function on an event loop, which must not wait for a store.
        """
        if iscoroutinefunction(fn) or iscoroutinefunction(getattr(fn, "__call__", None)):  # noqa: B004 - an object's own
            return self.aonce(key, fn, args, kwargs)
        if self._awaits and load.waits_here()():
            msg = (
                f"once({key!r}, ...) was called on the event loop, where storing must not wait; "
                f"write `await aonce({key!r}, ...)` in an async node, and give a plain node "
                f"without inline=True"
            )
            raise TypeError(msg)
        if self._begin(key):
            return self._results[key]
        try:
            result = fn(*args, **kwargs)
            self._store(key, result)
        finally:
            self._busy.discard(key)
        return result

    async def aonce(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the function returns
        """Do the same where it can be awaited."""
        if self._begin(key):
            return self._results[key]
        try:
            result = fn(*args, **kwargs)
            if isawaitable(result):
                result = await result
            journal = self._task.run.journal
            if journal is None or not journal.blocks:
                self._store(key, result)
            else:
                await self._store_beside(key, result)
        finally:
            self._busy.discard(key)
        return result

    async def _store_beside(self, key: str, result: object) -> None:
        """Store a result in another thread; a cancel waits, for the call has been made."""
        import anyio  # noqa: PLC0415 - a run without an event loop does without
        import anyio.to_thread  # noqa: PLC0415 - as above

        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._store, key, result)

    def _begin(self, key: str) -> bool:
        """Tell whether there is a result; if not, the key is in use from now on.

        Raises:
            RuntimeError: if it is in use already.
        """
        with self._lock:
            if key in self._results:
                return True
            if key in self._busy:
                msg = (
                    f"once({key!r}, ...) of node {self._task.node.name!r} is called while another "
                    f"call with that key has not ended; give each its own key"
                )
                raise RuntimeError(msg)
            self._busy.add(key)
        return False

    def _store(self, key: str, result: object) -> None:
        """Store a result, and keep it for later calls in the task."""
        journal = self._task.run.journal
        if journal is not None:
            journal.store(self._task, key, result)
        self._results[key] = result
