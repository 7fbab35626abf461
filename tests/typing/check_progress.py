"""What type checkers know of `progress`: read by mypy and pyright (`make types`), never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import Any, TypedDict, assert_type

from rich.console import Console

from graphflow import StateGraph
from graphflow._drive.asynchronous import AsyncStream
from graphflow._drive.threads import Stream
from graphflow.progress import progress


class State(TypedDict):
    """One key."""

    x: int


graph = StateGraph(State).compile()

assert_type(progress(graph.stream({"x": 1})), Stream)
assert_type(progress(graph.astream({"x": 1}), console=Console(), transient=True), AsyncStream)
for chunk in progress(graph.stream({"x": 1})):
    assert_type(chunk, Any)
progress(iter([1]))  # type: ignore[type-var]  # no stream
progress(graph)  # type: ignore[type-var]  # not run yet
