"""What type checkers know of graphs inside graphs: read by mypy and pyright, never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, TypedDict, assert_type

from graphflow import Command, CompiledStateGraph, RunnableConfig, Send, StateGraph
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.draw.describe import Description
from graphflow.errors import GraphDepthError, GraphMismatchError, GraphRecursionError
from graphflow.types import PregelTask, StateSnapshot


class State(TypedDict):
    """One key."""

    x: int


class Other(TypedDict):
    """Another."""

    y: str


config: RunnableConfig = {"configurable": {"thread_id": "1"}}


# ------------------------------------------------------------------------------------ compiling

child = StateGraph(State).compile(name="child")
assert_type(StateGraph(State).compile(checkpointer=True), CompiledStateGraph[State])
assert_type(StateGraph(State).compile(checkpointer=False), CompiledStateGraph[State])
StateGraph(State).compile(checkpointer=1)  # type: ignore[arg-type]  # True, or a checkpointer
StateGraph(State).compile(checkpointer=InMemorySaver)  # type: ignore[arg-type]  # not its class

builder = StateGraph(State)
assert_type(builder.add_node("sub", child), StateGraph[State])
builder.add_node(child)
builder.add_node("other", StateGraph(Other).compile(), input_schema=Other, defer=True)
graph = builder.compile(checkpointer=InMemorySaver())


# -------------------------------------------------------------------------- what a node may say


def leaves(state: State) -> Command[Literal["a", "b"]]:
    """Say something to the graph around."""
    if state["x"]:
        return Command(graph=Command.PARENT, update={"x": 1}, goto="a")
    return Command(graph="outer", goto=[Send("a", {"x": 1}), "b"])


def calls(state: State) -> State:
    """Call a graph, in each way there is."""
    assert_type(child.invoke(state), Any)
    for chunk in child.stream(state, stream_mode="updates", subgraphs=True):
        assert_type(chunk, Any)
    child.batch([state, {"x": 2}], {"tags": ["t"], "recursion_limit": 5})
    return {"x": 1}


async def calls_async(state: State) -> State:
    """Call it on an event loop."""
    assert_type(await child.ainvoke(state), Any)
    async for chunk in child.astream(state, subgraphs=False):
        assert_type(chunk, Any)
    return {"x": 1}


StateGraph(State).add_node(leaves).add_node(calls).add_node(calls_async)
assert_type(Command.PARENT, Literal["__parent__"])
Command(graph=1)  # type: ignore[arg-type]  # a name
Command(graph=child)  # type: ignore[arg-type]  # its name


# -------------------------------------------------------------------------------------- running

assert_type(graph.invoke({"x": 1}, config, subgraphs=True), Any)
for part in graph.stream({"x": 1}, config, stream_mode=["updates", "custom"], subgraphs=True):
    assert_type(part, Any)
graph.stream({"x": 1}, config, subgraphs="yes")  # type: ignore[arg-type]  # a truth value
graph.invoke({"x": 1}, config, subgraph=True)  # type: ignore[call-arg]  # a slip


# ----------------------------------------------------------------------------- reading, and editing

snapshot = graph.get_state(config, subgraphs=True)
assert_type(snapshot, StateSnapshot)
assert_type(snapshot.tasks[0], PregelTask)
assert_type(snapshot.tasks[0].state, Any)  # a snapshot, a config or None
graph.get_state_history(config, subgraphs=True)  # type: ignore[call-arg]  # of one graph
if isinstance(snapshot.tasks[0].state, StateSnapshot):
    inner = snapshot.tasks[0].state.config
    assert_type(graph.get_state(inner), StateSnapshot)
    assert_type(graph.update_state(inner, {"x": 2}, as_node="s"), RunnableConfig)

assert_type(graph.get_subgraphs(), Iterator[tuple[str, Any]])
for name, inside in graph.get_subgraphs(namespace="sub", recurse=True):
    assert_type(name, str)
    assert_type(inside, Any)
assert_type(graph.aget_subgraphs(recurse=True), AsyncIterator[tuple[str, Any]])
graph.get_subgraphs("sub")  # type: ignore[call-arg]  # by its name
graph.get_subgraphs(namespace=["sub"])  # type: ignore[arg-type]  # the names with "|" between


async def on_a_loop() -> None:
    """Do the same on an event loop."""
    assert_type(await graph.aget_state(config, subgraphs=True), StateSnapshot)
    async for name, inside in graph.aget_subgraphs():
        assert_type(name, str)
        assert_type(inside, Any)
    async for part in graph.astream({"x": 1}, config, stream_mode="values", subgraphs=True):
        assert_type(part, Any)


# ------------------------------------------------------------------------ drawings, descriptions

assert_type(graph.describe()["checkpointer"], Literal["inherited", "store", "own", "none"])
assert_type(graph.describe()["nodes"]["sub"]["graph"], Description | None)
assert_type([finding.path for finding in graph.check()], list[str])
graph.get_graph(xray=True)
graph.get_graph(xray=1)
graph.get_graph(xray=None)  # type: ignore[arg-type]  # a truth value or a number


# --------------------------------------------------------------------------------------- errors


def told(deep: GraphDepthError, other: GraphMismatchError) -> None:
    """Look at what errors carry."""
    recursion: GraphRecursionError = deep
    assert_type(deep.depth, int)
    assert_type(other.node, str)
    assert_type(recursion.limit, int)
