"""What type checkers know of running: read by mypy and pyright (`make types`), never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

from graphflow import Command, CompiledStateGraph, RunnableConfig, StateGraph
from graphflow._drive.asynchronous import AsyncStream
from graphflow._drive.threads import Stream
from graphflow.errors import (
    ConcurrentUpdateError,
    GraphRecursionError,
    GraphValidationError,
    UnknownKeyError,
)
from graphflow.middleware import RunInfo, SuperstepInfo
from graphflow.runtime import ExecutionInfo


class State(TypedDict):
    """One key."""

    x: int


@dataclass
class Context:
    """What callers pass."""

    user: str


graph = StateGraph(State).compile()
with_context = StateGraph(State, Context).compile()


# ------------------------------------------------------------------------------------- the input

assert_type(graph.invoke({"x": 1}), Any)
graph.invoke(State(x=1))
graph.invoke({"anything": "a dict can be of another input schema"})
graph.invoke(Command(goto="a"))
graph.invoke(None)
graph.invoke(5)  # type: ignore[arg-type]  # no input
graph.invoke("x")  # type: ignore[arg-type]  # none either
graph.invoke()  # type: ignore[call-arg]  # it is not optional


# ----------------------------------------------------------------------------- config and context

config: RunnableConfig = {"recursion_limit": 50, "configurable": {"thread_id": "1"}, "tags": ["a"]}
graph.invoke({"x": 1}, config)
graph.invoke({"x": 1}, {"recursion_limit": 50, "max_concurrency": None})
graph.invoke({"x": 1}, {"recursion_limt": 50})  # type: ignore[arg-type]  # a slip
graph.invoke({"x": 1}, {"tags": "a"})  # type: ignore[arg-type]  # a list
with_context.invoke({"x": 1}, context=Context("ada"))
with_context.invoke({"x": 1}, context={"user": "ada"})
with_context.invoke({"x": 1}, context=5)  # type: ignore[arg-type]  # not the schema's
graph.invoke({"x": 1}, context=Context("ada"))  # type: ignore[arg-type]  # there is no schema
graph.invoke({"x": 1}, config, Context("ada"))  # type: ignore[call-arg, arg-type]  # by keyword only
assert_type(graph.with_config(tags=["a"]), CompiledStateGraph[State])
assert_type(with_context.with_config(config), CompiledStateGraph[State, Context])


# --------------------------------------------------------------------------------------- streams

for chunk in graph.stream({"x": 1}):
    assert_type(chunk, Any)
for chunk in graph.stream({"x": 1}, stream_mode=["updates", "custom"], output_keys=["x"]):
    assert_type(chunk, Any)
with graph.stream({"x": 1}, stream_mode="values") as stream:
    assert_type(next(stream), Any)
graph.stream({"x": 1}, stream_mode="update")  # type: ignore[arg-type]  # no such mode
graph.stream({"x": 1}, stream_mode=["updates", "vals"])  # type: ignore[list-item]  # nor this
graph.stream({"x": 1}, output_keys=5)  # type: ignore[arg-type]  # a name or several


async def read() -> None:
    """Read streams in both ways."""
    async for chunk in graph.astream({"x": 1}):
        assert_type(chunk, Any)
    async with graph.astream({"x": 1}) as stream:
        async for chunk in stream:
            assert_type(chunk, Any)
    assert_type(await graph.ainvoke({"x": 1}), Any)
    assert_type(await graph.abatch([{"x": 1}, {"x": 2}]), list[Any])
    for chunk in graph.astream({"x": 1}):  # type: ignore[attr-defined]  # it must be awaited
        del chunk


assert_type(graph.batch([{"x": 1}, Command(goto="a")], [config, {}]), list[Any])
graph.batch({"x": 1})  # type: ignore[arg-type]  # one input is no list of inputs


# ---------------------------------------------------------------------------------------- errors


def read_errors(
    invalid: GraphValidationError,
    endless: GraphRecursionError,
    unknown: UnknownKeyError,
    collision: ConcurrentUpdateError,
) -> None:
    """Know the types of their data."""
    assert_type(invalid.findings, tuple[str, ...])
    assert_type(endless.limit, int)
    assert_type(unknown.keys, tuple[object, ...])
    assert_type(collision.writers, tuple[str, ...])


# ------------------------------------------------------------------------------------ middleware


class Around:
    """Is entered around tasks, supersteps and runs."""

    def __call__(self, info: ExecutionInfo) -> AbstractContextManager[None]:
        """Make nothing of a task."""
        assert_type(info.checkpoint_ns, str)
        return nullcontext()

    def around_run(self, info: RunInfo) -> AbstractContextManager[None]:
        """Make nothing of a run."""
        assert_type(info.metadata, dict[str, Any])
        return nullcontext()

    def around_superstep(self, info: SuperstepInfo) -> AbstractContextManager[None]:
        """Make nothing of a superstep."""
        assert_type(info.run, RunInfo)
        assert_type(info.nodes, tuple[str, ...])
        return nullcontext()


StateGraph(State).compile(middleware=[Around()])
StateGraph(State).compile(middleware=[Around])  # type: ignore[list-item]  # a class makes none
assert_type(graph.stream({"x": 1}).within(Around()), Stream)
assert_type(graph.astream({"x": 1}).within(Around(), Around()), AsyncStream)
graph.stream({"x": 1}).within(5)  # type: ignore[arg-type]  # no middleware
