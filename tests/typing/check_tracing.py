"""What type checkers know of tracing: read by mypy and pyright (`make types`), never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import TypedDict, assert_type

from opentelemetry.trace import get_tracer_provider

from graphflow import CompiledStateGraph, StateGraph
from graphflow._drive.threads import Stream
from graphflow.integrations.otel import OtelMiddleware


class State(TypedDict):
    """One key."""

    x: int


otel = OtelMiddleware(get_tracer_provider(), operation="invoke_agent")
graph = StateGraph(State).compile(middleware=[otel])
assert_type(graph, CompiledStateGraph[State])
assert_type(graph.stream({"x": 1}).within(OtelMiddleware()), Stream)
otel.on_message({"content": "x"}, {"ls_provider": "openai"})
OtelMiddleware(operation="chat")  # type: ignore[arg-type]  # not what a run is
OtelMiddleware("provider")  # type: ignore[arg-type]  # no provider
