"""What type checkers know of threads: read by mypy and pyright (`make types`), never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, TypedDict, assert_type

from graphflow import RunnableConfig, StateGraph, StateSnapshot
from graphflow.checkpoint.base import BaseCheckpointSaver, ThreadInfo
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.checkpoint.sqlite.aio import AsyncSqliteSaver
from graphflow.errors import CodecError, ThreadBusyError
from graphflow.types import PregelTask


class State(TypedDict):
    """One key."""

    x: int


config: RunnableConfig = {"configurable": {"thread_id": "1"}}


# ------------------------------------------------------------------------------------ compiling

graph = StateGraph(State).compile(checkpointer=InMemorySaver(), types=[State])
StateGraph(State).compile(checkpointer=SqliteSaver("agent.db", synchronous="full"))
StateGraph(State).compile(checkpointer=None)
StateGraph(State).compile(checkpointer="agent.db")  # type: ignore[arg-type]  # a path is no store
StateGraph(State).compile(types=State)  # type: ignore[arg-type]  # a list of them


# -------------------------------------------------------------------------------------- running

graph.invoke({"x": 1}, config, durability="exit", on_busy="queue")
graph.invoke({"x": 1}, config, durability="exti")  # type: ignore[arg-type]  # a slip
graph.invoke({"x": 1}, config, on_busy="wait")  # type: ignore[arg-type]  # no such word
graph.stream(None, config, stream_mode=["tasks", "checkpoints", "debug"])


# -------------------------------------------------------------------------------------- reading

snapshot = graph.get_state(config)
assert_type(snapshot, StateSnapshot)
assert_type(snapshot.values, dict[str, Any])
assert_type(snapshot.next, tuple[str, ...])
assert_type(snapshot.tasks, tuple[PregelTask, ...])
assert_type(graph.get_state_history(config, limit=1), Iterator[StateSnapshot])
assert_type(graph.aget_state_history(config), AsyncIterator[StateSnapshot])
graph.get_state()  # type: ignore[call-arg]  # of which thread


async def on_a_loop(store: BaseCheckpointSaver) -> None:
    """Read, and forget."""
    assert_type(await graph.aget_state(config), StateSnapshot)
    assert_type(await store.alist_threads(limit=3), Sequence[ThreadInfo])
    await store.adelete_thread("1")
    async with AsyncSqliteSaver.from_conn_string("agent.db") as opened:
        assert_type(opened, AsyncSqliteSaver)


def told(busy: ThreadBusyError, codec: CodecError) -> None:
    """Look at what errors carry."""
    assert_type(busy.superseded, bool)
    assert_type(codec.channel, str | None)
