"""The same store for programs on an event loop, under the name that LangGraph gives it there."""

from types import TracebackType
from typing import Self

import anyio.to_thread

from graphflow.checkpoint.sqlite import SqliteSaver

__all__ = ("AsyncSqliteSaver",)


class AsyncSqliteSaver(SqliteSaver):
    """A `SqliteSaver` that is an asynchronous context manager too.

    Each of the two serves synchronous and asynchronous runs alike.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close)
