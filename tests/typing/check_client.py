"""What type checkers know of the client: read by mypy and pyright (`make types`), never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypedDict, assert_type

from graphflow import StateGraph
from graphflow.client import LangGraphClient, SyncLangGraphClient, get_client, get_sync_client
from graphflow.client.errors import NotFoundError
from graphflow.client.schema import (
    Assistant,
    Run,
    StreamPart,
    Thread,
    ThreadState,
    ThreadUpdateStateResponse,
)


class State(TypedDict):
    """One key."""

    x: int


graph = StateGraph(State).compile()


# --------------------------------------------------------------------------------- asynchronous

client = get_client({"agent": graph})
assert_type(client, LangGraphClient)
get_client(url="http://localhost:2024")  # type: ignore[call-arg]  # graphs, no address
get_client({"agent": StateGraph(State)})  # type: ignore[dict-item]  # not compiled


async def asynchronous() -> None:
    """Make a thread, and run on it."""
    async with get_client({"agent": graph}) as entered:
        assert_type(entered, LangGraphClient)
    thread = await client.threads.create(metadata={"a": 1}, headers={"x": "y"})
    assert_type(thread, Thread)
    assert_type(thread["thread_id"], str)
    assert_type(await client.threads.search(status="idle", limit=3), list[Thread])
    assert_type(await client.threads.get_state("1"), ThreadState)
    assert_type(await client.threads.get_history("1"), list[ThreadState])
    assert_type(await client.threads.update_state("1", {}), ThreadUpdateStateResponse)
    await client.threads.search(status="ready")  # type: ignore[arg-type]  # no such word
    await client.threads.create(metdata={})  # type: ignore[call-arg]  # a slip
    stream = client.runs.stream("1", "agent", input={}, stream_mode=["updates", "messages-tuple"])
    assert_type(stream, AsyncIterator[Any])
    assert_type(client.runs.join_stream("1", "2"), AsyncIterator[StreamPart])
    client.runs.stream("1", "agent", stream_mode="update")  # type: ignore[arg-type]  # a slip
    assert_type(await client.runs.create(None, "agent", command={"resume": 1}), Run)
    await client.runs.create(None, "agent", multitask_strategy="wait")  # type: ignore[arg-type]  # no such word
    await client.runs.create(None, "agent", raise_error=False)  # type: ignore[call-arg]  # of `wait`
    await client.runs.wait(None, "agent", raise_error=False)
    assert_type(await client.runs.list("1"), list[Run])
    assert_type(await client.assistants.get("agent"), Assistant)
    await client.aclose()


# ---------------------------------------------------------------------------------- synchronous


def synchronous() -> None:
    """Do the same without an event loop."""
    with get_sync_client({"agent": graph}) as blocking:
        assert_type(blocking, SyncLangGraphClient)
    assert_type(blocking.threads.create(metadata={"a": 1}, headers={"x": "y"}), Thread)
    assert_type(blocking.threads.search(status="idle"), list[Thread])
    blocking.threads.search(status="ready")  # type: ignore[arg-type]  # no such word
    blocking.threads.create(metdata={})  # type: ignore[call-arg]  # a slip
    assert_type(blocking.runs.join_stream("1", "2"), Iterator[StreamPart])
    assert_type(blocking.runs.create(None, "agent", durability="exit"), Run)
    blocking.runs.create(None, "agent", raise_error=False)  # type: ignore[call-arg]  # of `wait`
    assert_type(blocking.runs.list("1"), list[Run])
    assert_type(blocking.assistants.get("agent"), Assistant)
    blocking.close()


def told(error: NotFoundError) -> None:
    """Look at what an error carries."""
    assert_type(error.status_code, int)
    assert_type(error.message, str)
