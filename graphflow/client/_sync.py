"""The client without an event loop: each method has the asynchronous one run on a loop of its own.

Nothing is written twice, not even signatures: type checkers see those of the asynchronous methods,
with what is awaited as what is returned.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import wraps
from types import MethodType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from graphflow._drive.portal import Portal
from graphflow.client._client import LangGraphClient
from graphflow.client._entries import Graph
from graphflow.client.assistants import AssistantsClient
from graphflow.client.runs import RunsClient
from graphflow.client.threads import ThreadsClient

__all__ = ("SyncAssistantsClient", "SyncLangGraphClient", "SyncRunsClient", "SyncThreadsClient")

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Loop:
    """An event loop in a thread, on which coroutines are run from other threads."""

    def __init__(self) -> None:
        """Start it."""
        self._portal = Portal()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine to its end; an interrupt from the keyboard cancels it.

        Raises:
            RuntimeError: if the client is closed, or this is the loop's own thread.
        """
        if self._portal.here or not self._portal.runs:
            coroutine.close()
            msg = (
                "the client is closed"
                if not self._portal.here
                else "a synchronous client waits here for the loop that its runs are on: use it "
                "in synchronous nodes only, or get_client"
            )
            raise RuntimeError(msg)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._portal.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End it, and wait for that."""
        self._portal.close()
        self._portal.thread.join()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._portal.runs


class Face:
    """What methods are called on.

    Attributes:
        loop: runs the asynchronous ones.
        asynchronous: what has them.
    """

    def __init__(self, loop: Loop, asynchronous: object) -> None:
        """Made by the client."""
        self.loop = loop
        self.asynchronous = asynchronous


class Called(Generic[P, R]):
    """An asynchronous method as a synchronous one."""

    def __init__(self, method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> None:
        """Take over its name, signature and docstring."""

        @wraps(method)
        def call(self: Face, /, *args: P.args, **kwargs: P.kwargs) -> R:
            return self.loop.run(method(self.asynchronous, *args, **kwargs))

        self.function = call

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Callable[Concatenate[Any, P], R]: ...
    @overload
    def __get__(self, instance: Face, owner: type[Any]) -> Callable[P, R]: ...
    def __get__(self, instance: Face | None, owner: type[Any]) -> Callable[..., Any]:
        """Return the method, bound if there is an instance."""
        return self.function if instance is None else MethodType(self.function, instance)


class Iterated(Generic[P, T]):
    """A method that returns an asynchronous iterator, as one that returns an iterator."""

    def __init__(self, method: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> None:
        """Take over its name, signature and docstring."""

        @wraps(method)
        def call(self: Face, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return _each(self.loop, method(self.asynchronous, *args, **kwargs))

        self.function = call

    @overload
    def __get__(
        self, instance: None, owner: type[Any]
    ) -> Callable[Concatenate[Any, P], Iterator[T]]: ...
    @overload
    def __get__(self, instance: Face, owner: type[Any]) -> Callable[P, Iterator[T]]: ...
    def __get__(self, instance: Face | None, owner: type[Any]) -> Callable[..., Any]:
        """Return the method, bound if there is an instance."""
        return self.function if instance is None else MethodType(self.function, instance)


def _each(loop: Loop, parts: AsyncIterator[T]) -> Iterator[T]:
    """Yield the parts of an asynchronous iterator, which is left when this is."""

    async def following() -> tuple[T] | None:
        try:
            return (await anext(parts),)
        except StopAsyncIteration:
            return None

    try:
        while (part := loop.run(following())) is not None:
            yield part[0]
    finally:
        if loop.runs:
            loop.run(cast("Any", parts).aclose())


class SyncAssistantsClient(Face):
    """What `AssistantsClient` does, without an event loop."""

    get = Called(AssistantsClient.get)
    get_graph = Called(AssistantsClient.get_graph)
    get_schemas = Called(AssistantsClient.get_schemas)
    get_subgraphs = Called(AssistantsClient.get_subgraphs)
    search = Called(AssistantsClient.search)
    count = Called(AssistantsClient.count)
    create = Called(AssistantsClient.create)
    update = Called(AssistantsClient.update)
    delete = Called(AssistantsClient.delete)
    get_versions = Called(AssistantsClient.get_versions)
    set_latest = Called(AssistantsClient.set_latest)


class SyncThreadsClient(Face):
    """What `ThreadsClient` does, without an event loop."""

    create = Called(ThreadsClient.create)
    get = Called(ThreadsClient.get)
    update = Called(ThreadsClient.update)
    delete = Called(ThreadsClient.delete)
    copy = Called(ThreadsClient.copy)
    prune = Called(ThreadsClient.prune)
    search = Called(ThreadsClient.search)
    count = Called(ThreadsClient.count)
    get_state = Called(ThreadsClient.get_state)
    get_history = Called(ThreadsClient.get_history)
    update_state = Called(ThreadsClient.update_state)


class SyncRunsClient(Face):
    """What `RunsClient` does, without an event loop."""

    create = Called(RunsClient.create)
    create_batch = Called(RunsClient.create_batch)
    stream = Iterated(RunsClient.stream)
    wait = Called(RunsClient.wait)
    list = Called(RunsClient.list)
    get = Called(RunsClient.get)
    cancel = Called(RunsClient.cancel)
    cancel_many = Called(RunsClient.cancel_many)
    join = Called(RunsClient.join)
    join_stream = Iterated(RunsClient.join_stream)
    delete = Called(RunsClient.delete)


class SyncLangGraphClient:
    """Runs graphs in this process, on an event loop in a thread of its own, for synchronous code.

    `with` ends all runs, and the thread, on leaving; `close()` does the same.

    Attributes:
        assistants: finds the graphs, and what they take and return.
        threads: makes threads, and reads and edits their states.
        runs: runs graphs on threads.
    """

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        """Made by `get_sync_client`."""
        self._asynchronous = LangGraphClient(graphs)
        self._loop = Loop()
        self.assistants = SyncAssistantsClient(self._loop, self._asynchronous.assistants)
        self.threads = SyncThreadsClient(self._loop, self._asynchronous.threads)
        self.runs = SyncRunsClient(self._loop, self._asynchronous.runs)

    def close(self) -> None:
        """End all runs, and the thread; may be called again."""
        if self._loop.runs:
            self._loop.run(self._asynchronous.aclose())
            self._loop.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
