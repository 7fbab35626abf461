"""The tasks that runs are, on asyncio or trio, in the context that the client was made in."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from graphflow._drive.loop import in_trio
from graphflow._scope import CURRENT

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

Body: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Starts tasks that nobody waits for here; each tells of its end by itself.

    On asyncio they are tasks as any others, so that a client may be opened in one task and closed
    in another, as fixtures of tests do. Trio has no tasks without a parent, and so a task group.
    """

    def __init__(self) -> None:
        """Remember the context, but not the node that may run in it: no run is a part of that."""
        self._context = Context()
        for variable, value in copy_context().items():
            if variable is not CURRENT:
                self._context.run(variable.set, value)
        self._group: TaskGroup | None = None
        self._alive: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Make the task group that trio needs."""
        if in_trio():
            self._group = await anyio.create_task_group().__aenter__()

    async def close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End that, after all tasks in it have ended.

        It is told what has ended the block around only if that is a cancel, which may be its own;
        any other error goes on as it is, and not in a group.
        """
        if self._group is None:
            return
        group, self._group = self._group, None
        if isinstance(error, anyio.get_cancelled_exc_class()):
            await group.__aexit__(kind, error, traceback)
        else:
            await group.__aexit__(None, None, None)

    def check(self) -> None:
        """Raise the error that tells why no task can be started here.

        Raises:
            RuntimeError: on trio, if the client was not opened by `async with`.
        """
        if self._group is None and in_trio():
            msg = "on trio a client is opened by `async with get_client(...) as client`"
            raise RuntimeError(msg)

    def start(self, body: Body) -> None:
        """Start a task."""
        if self._group is not None:
            _ = self._context.copy().run(self._group.start_soon, body)
            return
        task = asyncio.get_running_loop().create_task(body(), context=self._context.copy())
        self._alive.add(task)
        task.add_done_callback(self._alive.discard)
