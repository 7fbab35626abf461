"""The two libraries side by side, and small graphs in either: for tests of where they differ.

The library is a parameter, so whatever differs in what comes out, the library did.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, TypeAlias, TypedDict

START = "__start__"
END = "__end__"

Action: TypeAlias = Callable[..., object]


@dataclass(frozen=True)
class Library:
    """The public modules of one library; both have them under the same paths."""

    name: str
    graph: Any
    types: Any
    errors: Any
    channels: Any
    config: Any
    runtime: Any
    managed: Any
    memory: Any


def load(name: str) -> Library:
    """Return a library by the name of its package."""
    paths = ("graph", "types", "errors", "channels", "config", "runtime", "managed")
    modules = (import_module(f"{name}.{path}") for path in (*paths, "checkpoint.memory"))
    return Library(name, *modules)


THEIRS = load("langgraph")
OURS = load("graphflow")


class State(TypedDict, total=False):
    """The state of all graphs here that need no other."""

    log: Annotated[list[str], operator.add]
    x: int
    y: int


def returning(value: object) -> Action:
    """Return a node, or a path function, that returns a value whatever it is shown."""

    def act(state: object) -> object:
        return value

    return act


def logging(name: str) -> Action:
    """Return a node that appends its name to the log."""
    return returning({"log": [name]})


def chain(
    lib: Library,
    state: object = State,
    *,
    options: dict[str, Any] | None = None,
    **nodes: Action,
) -> Any:  # noqa: ANN401 - of either library
    """Return a builder in which the nodes follow each other; `options` are StateGraph's."""
    builder = lib.graph.StateGraph(state, **(options or {}))
    previous = START
    for name, action in nodes.items():
        builder.add_node(name, action)
        builder.add_edge(previous, name)
        previous = name
    return builder


def fan(lib: Library, state: object = State, **nodes: Action) -> Any:  # noqa: ANN401 - of either library
    """Return a builder in which all nodes run in the first superstep."""
    builder = lib.graph.StateGraph(state)
    for name, action in nodes.items():
        builder.add_node(name, action)
        builder.add_edge(START, name)
    return builder


def alone(lib: Library, action: Action, state: object = State) -> Any:  # noqa: ANN401 - of either library
    """Return a compiled graph of one node, 'a'."""
    return chain(lib, state, a=action).compile()


def until_error(
    graph: Any,  # noqa: ANN401 - of either library
    given: object,
    *modes: str,
) -> tuple[list[Any], Exception | None]:
    """Stream a graph; return its (mode, chunk) pairs, and the error that ended it, if one did."""
    chunks: list[Any] = []
    try:
        for chunk in graph.stream(given, {"max_concurrency": 1}, stream_mode=list(modes)):
            chunks.append(chunk)  # noqa: PERF402 - those before an error count
    except Exception as error:  # noqa: BLE001 - any class of either library; tests compare it
        return chunks, error
    return chunks, None
