"""Results kept inside a task: what `once` and `aonce` do on every driver.

A result is stored by the task itself, while the program waits for it: see `Books` in `storing.py`
for how both write to one thread.
"""

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from threading import Lock
from typing import TYPE_CHECKING, Any, final

from graphflow._core.asking import OF, own_key
from graphflow._core.state import Task
from graphflow._drive import load
from graphflow.errors import TaskAbandoned

if TYPE_CHECKING:
    from graphflow._core.asking import Journaling


@final
class Calls:
    """The kept results of one running task.

    Args:
        task: the task.
        awaits: whether it was called on an event loop.

    Attributes:
        edge: the conditional edge that calls, or "" for the node.
    """

    __slots__ = ("_awaits", "_busy", "_called", "_lock", "_stored", "_task", "edge")

    def __init__(self, task: Task, awaits: bool) -> None:  # noqa: FBT001 - one of two parts
        self._task = task
        self._awaits = awaits
        self._lock = Lock()
        self._busy: set[str] = set()
        self._called: dict[str, Any] = {}
        if task.journal is not None:
            self._called |= task.journal.results
        self._stored = {*self._called}
        self.edge = ""

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
                f"write `await aonce({key!r}, ...)` in an async function; a plain node is called "
                f"in a thread unless it has inline=True, and a plain path function never"
            )
            raise TypeError(msg)
        key = self._begin(key)
        try:
            if key not in self._called:
                self._called[key] = fn(*args, **kwargs)
            self._store(key)
        finally:
            self._busy.discard(key)
        return self._called[key]

    async def aonce(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the function returns
        """Do the same where it can be awaited."""
        key = self._begin(key)
        try:
            if key not in self._called:
                result = fn(*args, **kwargs)
                self._called[key] = (await result) if isawaitable(result) else result
            journal = self._journal()
            if journal is None or not journal.blocks:
                self._store(key)
            else:
                await self._store_beside(key)
        finally:
            self._busy.discard(key)
        return self._called[key]

    async def _store_beside(self, key: str) -> None:
        """Store a result in another thread; a cancel waits, for the call has been made.

        A cancel of asyncio's own does not wait. Then the result is here, at least: if the task
        calls `aonce` again, that stores it and does not call the function.
        """
        import anyio  # noqa: PLC0415 - a run without an event loop does without
        import anyio.to_thread  # noqa: PLC0415 - as above

        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._store, key)

    def _begin(self, key: str) -> str:
        """Return the name under which a result is kept; it is in use from now on.

        Each conditional edge has its own: it is run again without its node.

        Raises:
            RuntimeError: if it is in use already.
        """
        key = f"{key}{OF}{self.edge}" if self.edge else key
        with self._lock:
            if key in self._busy:
                msg = (
                    f"once({own_key(key)!r}, ...) of node {self._task.node.name!r} is called while "
                    f"another call with that key has not ended; give each its own key"
                )
                raise RuntimeError(msg)
            self._busy.add(key)
        return key

    def _store(self, key: str) -> None:
        """Store a result, once."""
        if key not in self._stored:
            if (journal := self._journal()) is not None:
                journal.keep_result(self._task, key, self._called[key])
            self._stored.add(key)

    def _journal(self) -> "Journaling | None":
        """Return what stores results, or None where nothing does.

        Raises:
            TaskAbandoned: if the run is over.
        """
        run = self._task.run
        if run.journal is None or not run.keeps:
            return None
        journal = run.journal()
        if journal is None:
            raise TaskAbandoned(self._task.node.name)
        return journal
