"""A graph as plain data that JSON has a form for, with the graphs inside it."""

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from graphflow._core.topology import Branch, Callee, Node
from graphflow.channels import Channel, Reducer
from graphflow.draw.outline import Memory, Outline
from graphflow.draw.words import function_name, plain, type_text

__all__ = ("Answer", "Choice", "Description", "Joined", "Key", "Member")


class Key(TypedDict):
    """A key of the state.

    Attributes:
        channel: the kind of its channel, such as `"LastValue"`.
        type: what its values are, as its annotation says, such as `"list[str]"`. Of a reduced key
            it is what makes the first value: `"list"`.
        reducer: the name of the function that combines its writes, or None.
        stored: whether checkpoints keep it.
    """

    channel: str
    type: str
    reducer: str | None
    stored: bool


class Answer(TypedDict):
    """One answer of a conditional edge: what the path function returns, and the node it means."""

    answer: Any
    node: str


class Choice(TypedDict):
    """A conditional edge.

    Attributes:
        name: the name of its path function.
        runs: how that can be called.
        answers: what it can answer, or None where nothing says it: it may lead anywhere.
    """

    name: str
    runs: Literal["sync", "async", "both"]
    answers: list[Answer] | None


class Member(TypedDict):
    """A node, or START.

    Attributes:
        kind: whether it is START, a function or a graph.
        runs: how it can be called.
        defer: whether it waits until nothing else would run.
        reads: the keys it sees; of a graph, those that it is handed.
        leads_to: the nodes that its plain edges lead to; without any edge its path ends.
        choices: its conditional edges, in the order they were added.
        commands: where its Commands are said to lead, or None where nothing is said.
        stops: on which sides of it runs stop: `"before"`, `"after"`, `"before,after"`, or None.
        metadata: what it was given; by its `repr` where JSON has no form for it.
        graph: the graph that it is, or None.
    """

    kind: Literal["start", "function", "graph"]
    runs: Literal["sync", "async", "both"]
    defer: bool
    reads: list[str]
    leads_to: list[str]
    choices: list[Choice]
    commands: list[str] | None
    stops: str | None
    metadata: dict[str, Any]
    graph: "Description | None"


class Joined(TypedDict):
    """An edge from several nodes, all of which must have run."""

    sources: list[str]
    target: str


class Description(TypedDict):
    """A graph.

    Attributes:
        name: its name.
        keys: its keys, in the order in which they were declared.
        managed: the keys that the engine fills in, with the kind of each.
        input: the keys that a caller may give.
        output: the keys that `invoke` returns.
        nodes: its nodes by name, START first, then in the order in which they were added.
        joins: its edges from several nodes.
        checkpointer: `"store"` if it has a checkpointer. Else what becomes of it inside a graph
            that has one: `"inherited"` if each run of it is stored with that; `"own"` if it has a
            memory that outlasts its runs, by `checkpointer=True`; `"none"` if nothing is stored,
            by `checkpointer=False`.
    """

    name: str
    keys: dict[str, Key]
    managed: dict[str, str]
    input: list[str]
    output: list[str]
    nodes: dict[str, Member]
    joins: list[Joined]
    checkpointer: Memory


def described(outline: Outline) -> Description:
    """Return a graph as plain data."""
    graph = outline.graph
    return {
        "name": graph.name,
        "keys": {key: _key(channel) for key, channel in graph.channels.items()},
        "managed": {
            key: kind.__name__.removesuffix("Manager") for key, kind in graph.managed.items()
        },
        "input": [*graph.input],
        "output": [*graph.output],
        "nodes": {node.name: _node(node, outline) for node in (graph.entry, *outline.added())},
        "joins": [
            {"sources": [*join.sources], "target": join.target.name}
            for join in graph.joins.values()
        ],
        "checkpointer": outline.memory,
    }


def _key(channel: Channel) -> Key:
    """Return a key as plain data."""
    return {
        "channel": type(channel).__name__,
        "type": type_text(channel.type),
        "reducer": function_name(channel.operator) if isinstance(channel, Reducer) else None,
        "stored": channel.tracked,
    }


def _node(node: Node, outline: Outline) -> Member:
    """Return a node as plain data."""
    start = node is outline.graph.entry
    child = outline.children.get(node.name)
    return {
        "kind": "start" if start else "function" if child is None else "graph",
        "runs": _runs(node.callee),
        "defer": node.defer,
        "reads": [*outline.graph.input] if start else [*_reads(node, outline)],
        "leads_to": [target.name for target in node.successors],
        "choices": [_choice(branch) for branch in node.branches],
        "commands": None if node.destinations is None else [*node.destinations],
        "stops": None if start else outline.stops_at(node.name),
        "metadata": plain(node.metadata),
        "graph": None if child is None else described(child),
    }


def _reads(node: Node, outline: Outline) -> Iterable[str]:
    """Return the keys that a node sees."""
    keys = outline.graph.channels if node.reader.keys is None else node.reader.keys
    return (*keys, *(key for key, _ in node.reader.managed))


def _choice(branch: Branch) -> Choice:
    """Return a conditional edge as plain data."""
    answers = branch.destinations
    return {
        "name": branch.name,
        "runs": _runs(branch.path),
        "answers": None
        if answers is None
        else [{"answer": plain(one), "node": name} for one, name in answers.items()],
    }


def _runs(callee: Callee) -> Literal["sync", "async", "both"]:
    """Return how a function can be called."""
    if callee.coro is None:
        return "sync"
    return "async" if callee.sync is None else "both"
