"""The client: the graphs that it runs, and what can be done with them."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from graphflow.client._books import Books
from graphflow.client._entries import Graph
from graphflow.client._runner import Runner
from graphflow.client.assistants import AssistantsClient
from graphflow.client.runs import RunsClient
from graphflow.client.threads import ThreadsClient

__all__ = ("LangGraphClient",)


class LangGraphClient:
    """Runs graphs in this process for an application that was written for a server.

    `async with` ends all runs on leaving, and waits for them; `aclose()` does the same on
    asyncio for a client that was not opened so.

    Attributes:
        assistants: finds the graphs, and what they take and return.
        threads: makes threads, and reads and edits their states.
        runs: runs graphs on threads.
    """

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        """Made by `get_client`."""
        self._runner = Runner(Books(graphs))
        self.assistants = AssistantsClient(self._runner)
        self.threads = ThreadsClient(self._runner)
        self.runs = RunsClient(self._runner)

    async def aclose(self) -> None:
        """End all runs, and wait for them; may be called again."""
        await self._runner.close()

    async def __aenter__(self) -> Self:
        """Return the client."""
        await self._runner.tasks.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.aclose()
        await self._runner.tasks.close(kind, error, traceback)
