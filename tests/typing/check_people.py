"""What type checkers know of questions, answers, kept results and edits; never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime, timedelta
from typing import Any, TypedDict, assert_type

from graphflow import START, StateGraph
from graphflow.config import RunnableConfig
from graphflow.interrupts import Interrupt, aonce, interrupt, once
from graphflow.types import Command, StateUpdate


class State(TypedDict):
    """A state."""

    x: int


class Decision(TypedDict):
    """An answer."""

    approved: bool


def charge(order: str, *, twice: bool = False) -> int:
    """Charge."""
    return len(order) + twice


async def acharge(order: str) -> int:
    """Charge."""
    return len(order)


def node(state: State) -> State:
    """Ask, and keep a result."""
    assert_type(interrupt("ok?", bool), bool)
    assert_type(interrupt("ok?", Decision, key="a", expires_in=timedelta(days=1)), Decision)
    interrupt("ok?", {"type": "boolean"}, expires_in=60, default=False)
    assert_type(once("charge", charge, "o-1", twice=True), int)
    once("charge", charge, 1)  # type: ignore[call-overload]  # an order is a text
    return state


async def anode(state: State) -> State:
    """Do the same where it is awaited."""
    assert_type(await once("charge", acharge, "o-1"), int)
    assert_type(await aonce("charge", acharge, "o-1"), int)
    assert_type(await aonce("charge", charge, "o-1"), int)
    return state


def prompt(state: State) -> str:
    """Ask."""
    return f"{state['x']}?"


def handle(state: State, answer: bool) -> State:  # noqa: FBT001 - an answer
    """Handle an answer."""
    return {"x": state["x"] + answer}


builder = StateGraph(State)
builder.add_node("node", node).add_node("anode", anode)
builder.add_ask("ask", prompt, then=handle, response_schema=bool)
builder.add_edge(START, "node")
graph = builder.compile(interrupt_before=["node"], interrupt_after="*")
config: RunnableConfig = {"configurable": {"thread_id": "1"}}


def edits() -> None:
    """Edit threads."""
    assert_type(graph.update_state(config, {"x": 1}, as_node="node"), RunnableConfig)
    update = StateUpdate({"x": 1}, "node")
    assert_type(graph.bulk_update_state(config, [[update]]), RunnableConfig)
    assert_type(graph.fork(config, {"x": 1}, thread_id="2"), RunnableConfig)
    graph.cancel_interrupt(config, "id")
    assert_type(graph.expire_due(datetime.now().astimezone()), dict[str, Any])
    for asked in graph.get_state(config).interrupts:
        assert_type(asked, Interrupt[Any])
    graph.invoke(Command(resume={"id": True}), config, interrupt_before="*")


async def aedits() -> None:
    """Edit threads where it is awaited."""
    assert_type(await graph.aupdate_state(config, {"x": 1}), RunnableConfig)
    assert_type(await graph.afork(config), RunnableConfig)
    await graph.acancel_interrupt(config, "id")
    assert_type(await graph.aexpire_due(), dict[str, Any])
