"""The conversation that is stored: a list of messages, and a node that adds one a superstep."""

import asyncio
import operator
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from benchmarks.library import Graph, Library

SYNC = "sync"
"""The durability asked of both libraries: LangGraph promises less by default."""

_TEXT = "Nothing in a message but its length matters, so all of them say the same. ".ljust(154, ".")


class Message(TypedDict):
    """A plain dict of 200 bytes when packed, as a chat model's answer would be."""

    role: str
    content: str
    id: str


class Talk(TypedDict):
    """The state: what was said."""

    messages: Annotated[list[Message], operator.add]


Node = Callable[[Talk], "Talk | Awaitable[Talk]"]


def message(number: int) -> Message:
    """Make one message."""
    return {"role": "assistant", "content": _TEXT, "id": f"message-{number:08d}"}


async def say(state: Talk) -> Talk:
    """Add a message."""
    return {"messages": [message(len(state["messages"]))]}


def say_now(state: Talk) -> Talk:
    """Add a message, without async."""
    return {"messages": [message(len(state["messages"]))]}


async def say_and_sleep(state: Talk) -> Talk:
    """Add a message after giving way to everybody else."""
    await asyncio.sleep(0)
    return {"messages": [message(len(state["messages"]))]}


def talk(library: Library, messages: int, saver: object = None, node: Node = say) -> Graph:
    """Build one node with a branch back to itself, until there are so many messages."""
    builder = library.state_graph(Talk)
    end = library.end

    def again(state: Talk) -> str:
        return "say" if len(state["messages"]) < messages else end

    builder.add_node("say", node)
    builder.add_edge(library.start, "say")
    builder.add_conditional_edges("say", again)
    return builder.compile(checkpointer=saver)


def nothing() -> dict[str, Any]:
    """Say nothing: the input of every run."""
    return {"messages": []}


def on(thread: str, **more: object) -> dict[str, Any]:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread, **more}, "recursion_limit": 1_000_000}


THREAD = "a conversation"
HERE = on(THREAD)
