"""Builds a described graph in LangGraph or in graphflow, and runs it: the same code for both.

The library is a parameter, so whatever differs in what comes out, the library did.
"""

import asyncio
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any, Literal, TypeAlias, TypedDict, cast

import trio
from anyio.lowlevel import checkpoint

from tests.differential.pair import Library
from tests.differential.specs import (
    BoomError,
    Branch,
    Case,
    Given,
    Graph,
    Node,
    Replace,
    Result,
    Schema,
    SendTo,
    Target,
    append_digit,
)
from tests.differential.traces import MODES, Mode, Trace

Driver: TypeAlias = Literal["threads", "asyncio", "trio"]
Kind: TypeAlias = Literal["sync", "async"]

ONE_AT_A_TIME = 1  # so that tasks end in the order in which they start


class State(TypedDict, total=False):
    """The graph's state."""

    log: Annotated[list[str], operator.add]
    total: Annotated[int, operator.add]
    digits: Annotated[int, append_digit]
    x: int


class Narrow(TypedDict, total=False):
    """What some nodes read of it."""

    log: Annotated[list[str], operator.add]
    total: Annotated[int, operator.add]


class Private(TypedDict, total=False):
    """What others read: a key that is in no schema of the graph."""

    log: Annotated[list[str], operator.add]
    total: Annotated[int, operator.add]
    secret: int


NOTHING: Mapping[str, object] = {}

SCHEMAS: Mapping[Schema, type] = {"state": State, "narrow": Narrow, "private": Private}


def errors_of(lib: Library) -> dict[type[Exception], str]:
    """Return the errors that a case may end in, by the names that both libraries give them."""
    names = ("InvalidUpdateError", "GraphRecursionError")
    return {BoomError: "BoomError", **{getattr(lib.errors, name): name for name in names}}


def built(
    lib: Library,
    graph: Graph,
    kind: Kind,
    schemas: Mapping[Schema, type] = SCHEMAS,
    inside: Mapping[str, object] = NOTHING,
    **options: object,
) -> Any:  # noqa: ANN401 - of either library
    """Return the builder of a graph, with nodes of one kind.

    Args:
        lib: the library.
        graph: what it is to be.
        kind: of its nodes.
        schemas: the graph's own state, and what nodes read.
        inside: compiled graphs that are nodes in place of those that are described, by their names.
        options: more for `StateGraph`.
    """
    builder = lib.graph.StateGraph(schemas["state"], **options)
    for node in graph.nodes:
        if node.name in inside:
            builder.add_node(node.name, inside[node.name], defer=node.defer)
            continue
        action = acting(lib, node) if kind == "sync" else acting_async(lib, node)
        builder.add_node(node.name, action, defer=node.defer, input_schema=schemas[node.reads])
    for source, target in graph.edges:
        builder.add_edge(source, target)
    for join in graph.joins:
        builder.add_edge(list(join.sources), join.target)
    for number, branch in enumerate(graph.branches):
        path = choosing(lib, branch)
        path.__name__ = f"branch_{number}"
        builder.add_conditional_edges(branch.source, path, path_map(branch))
    return builder


def acting(lib: Library, node: Node) -> Callable[[Given], object]:
    """Return a node's function."""
    calls = count(1)

    def act(state: Given) -> object:
        answers = [lib.types.interrupt(f"{node.name}{number}") for number in range(node.asks)]
        stumble(node, next(calls))
        return returned(lib, node, node.act({**state, "answers": answers} if answers else state))

    return act


def acting_async(lib: Library, node: Node) -> Callable[[Given], object]:
    """Return a node's function as a coroutine function."""
    act_at_once = acting(lib, node)

    async def act(state: Given) -> object:
        if node.stumbles is not None:
            # LangGraph begins what stands behind a failed task, and cancels it where it waits.
            await checkpoint()
        return act_at_once(state)

    return act


def stumble(node: Node, call: int) -> None:
    """Raise if this is the call at which a node fails."""
    if call == node.stumbles:
        raise BoomError


def returned(lib: Library, node: Node, result: Result) -> object:
    """Return what a node does in the form in which it says it."""
    writes = [(key, written(lib, value)) for key, value in result.writes]
    goto = [aimed(lib, target) for target in result.goto]
    match node.form:
        case "nothing":
            return None
        case "dict":
            return dict(writes)
        case "command":
            return lib.types.Command(update=dict(writes), goto=goto[0] if len(goto) == 1 else goto)
        case "pairs":
            return lib.types.Command(update=writes, goto=goto)
        case "list":
            return [lib.types.Command(goto=goto), *({key: value} for key, value in writes)]


def written(lib: Library, value: object) -> object:
    """Return a written value as the library takes it."""
    return lib.types.Overwrite(list(value.lines)) if isinstance(value, Replace) else value


def aimed(lib: Library, target: Target) -> object:
    """Return a target as the library takes it."""
    return lib.types.Send(target.node, dict(target.arg)) if isinstance(target, SendTo) else target


def choosing(lib: Library, branch: Branch) -> Callable[[Given], object]:
    """Return a path function: with a path map it answers in the map's keys."""

    def choose(state: Given) -> object:
        targets = [
            target.upper() if branch.mapped and isinstance(target, str) else aimed(lib, target)
            for target in branch.choose(state)
        ]
        return targets[0] if len(targets) == 1 else targets

    return choose


def path_map(branch: Branch) -> dict[str, str] | None:
    """Return a branch's path map, if it has one."""
    if not branch.mapped:
        return None
    targets = {target for option in branch.choice.options for target in option}
    return {target.upper(): target for target in targets if isinstance(target, str)}


def traces(lib: Library, case: Case, driver: Driver, kind: Kind) -> dict[Mode, Trace]:
    """Run a case once in every mode, all on one compiled graph, and return what came out."""
    runner = Runner(
        lib,
        built(lib, case.graph, kind).compile(),
        {key: written(lib, value) for key, value in case.given},
        {"recursion_limit": case.limit, "max_concurrency": ONE_AT_A_TIME},
        errors_of(lib),
    )
    match driver:
        case "threads":
            return {mode: runner.run(mode) for mode in MODES}
        case "asyncio":
            return asyncio.run(runner.run_all())
        case "trio":
            return trio.run(runner.run_all)


@dataclass(frozen=True)
class Runner:
    """Runs a compiled graph of either library."""

    lib: Library
    graph: Any
    given: Given
    config: Mapping[str, Any]
    errors: Mapping[type[Exception], str]

    def run(self, mode: Mode) -> Trace:
        """Run it by its sync entry points."""
        chunks: list[Any] = []
        try:
            if mode == "invoke":
                chunks.append(self.graph.invoke(self.given, self.config))
            else:
                # What came before an error stays in the list.
                chunks.extend(self.graph.stream(self.given, self.config, stream_mode=named(mode)))
        except tuple(self.errors) as error:
            return self.traced(mode, chunks, error)
        return self.traced(mode, chunks)

    async def run_all(self) -> dict[Mode, Trace]:
        """Run it by its async entry points, on whichever loop this is awaited."""
        return {mode: await self.run_async(mode) for mode in MODES}

    async def run_async(self, mode: Mode) -> Trace:
        """Run it in one mode."""
        chunks: list[Any] = []
        try:
            if mode == "invoke":
                chunks.append(await self.graph.ainvoke(self.given, self.config))
            else:
                stream = self.graph.astream(self.given, self.config, stream_mode=named(mode))
                async for chunk in stream:
                    chunks.append(chunk)  # noqa: PERF401 - those before an error count
        except tuple(self.errors) as error:
            return self.traced(mode, chunks, error)
        return self.traced(mode, chunks)

    def traced(self, mode: Mode, chunks: Sequence[Any], error: Exception | None = None) -> Trace:
        """Return a run's chunks and error as plain data."""
        pairs = chunks if mode == "both" else [(mode, chunk) for chunk in chunks]
        kinds = (name for kind, name in self.errors.items() if isinstance(error, kind))
        return Trace([(of, comparable(self.lib, chunk)) for of, chunk in pairs], next(kinds, None))


def named(mode: Mode) -> str | list[str]:
    """Return a mode as stream() takes it."""
    return ["updates", "values"] if mode == "both" else mode


def comparable(lib: Library, value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value with the library's own objects in it as plain data."""
    if isinstance(value, lib.types.Overwrite):
        return Replace(tuple(value.value))
    if isinstance(value, dict):
        return {key: comparable(lib, item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [comparable(lib, item) for item in cast("Sequence[Any]", value)]
    return value
