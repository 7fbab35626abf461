"""Compiles a blueprint into a `Topology`: names become nodes, and nothing is looked up again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from graphflow._blueprint import Blueprint, BranchSpec, NodeSpec
from graphflow._core.topology import Branch, Callee, Join, Node, Reader, Topology
from graphflow._reducer import Reducer
from graphflow.channels import MISSING, Channel
from graphflow.constants import END, START
from graphflow.schema import Schema
from graphflow.types import Middleware


def freeze(
    blueprint: Blueprint, *, forgiving: bool, middleware: Sequence[Middleware], kept: bool
) -> Topology:
    """Return a valid blueprint as a topology; later changes of the builder do not reach it."""
    readers = _Readers(blueprint)
    keys = frozenset(blueprint.channels)
    entry = Node(
        START,
        -1,
        Callee(_same, None, (), inline=True),
        Reader(()),
        frozenset(blueprint.input.channels),
        {},
    )
    nodes = {
        name: Node(
            name,
            rank,
            blueprint.nodes[name].signature.callee,
            readers.of_node(blueprint.nodes[name]),
            keys,
            blueprint.nodes[name].metadata,
            blueprint.nodes[name].defer,
            child=blueprint.nodes[name].child,
            gives=_given_by(blueprint.nodes[name].child, blueprint.channels),
        )
        for rank, name in enumerate(sorted(blueprint.nodes))
    }
    for name, spec in blueprint.nodes.items():
        if spec.destinations or spec.signature.goto:
            nodes[name].destinations = _destinations(blueprint, spec)
    joins = _link(blueprint, {START: entry, **nodes}, readers, wrapped=bool(middleware))
    channels = dict(blueprint.channels)
    return Topology(
        name=blueprint.name,
        nodes=nodes,
        entry=entry,
        channels=channels,
        keys=keys,
        managed=dict(blueprint.managed),
        starts=tuple((k, c.fresh) for k, c in channels.items() if c.fresh() is not MISSING),
        fading=tuple(key for key, channel in channels.items() if channel.fades),
        preparing=frozenset(key for key, channel in channels.items() if channel.prepares),
        output=tuple(blueprint.output.channels),
        joins=joins,
        added=tuple(blueprint.nodes),
        untracked=frozenset(key for key, channel in channels.items() if not channel.tracked),
        named=_named(blueprint),
        forgiving=forgiving,
        middleware=tuple(middleware),
        input=tuple(blueprint.input.channels),
        kept=kept,
    )


def _given_by(child: Topology | None, channels: Mapping[str, Channel]) -> Mapping[str, bool] | None:
    """Return the keys whose writes a graph gives to the one around it.

    With each whether all the writes are given, in their order, and not only the last value: they
    are where both combine them by the same function.
    """
    if child is None:
        return None
    return {
        key: isinstance(channels[key], Reducer) and channels[key].same(child.channels[key])
        for key in child.output
        if key in channels
    }


class _Readers:
    """One reader for each schema."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.channels = blueprint.channels
        self.made: dict[type[Any], Reader] = {}

    def of_node(self, spec: NodeSpec) -> Reader:
        """Return how a node sees the state; a graph takes what it knows out of a dict of all."""
        if spec.child is None:
            return self.of(spec.schema)
        keys = tuple(spec.schema.channels)
        return Reader(None if len(keys) == len(self.channels) else keys)

    def of(self, schema: Schema) -> Reader:
        """Return how a state class sees the state."""
        made = self.made.get(schema.cls)
        if made is None:
            keys = None if len(schema.channels) == len(self.channels) else tuple(schema.channels)
            made = Reader(keys, tuple(schema.managed.items()), schema.shape)
            self.made[schema.cls] = made
        return made


def _link(
    blueprint: Blueprint, nodes: dict[str, Node], readers: _Readers, *, wrapped: bool
) -> dict[int, Join]:
    """Give every node its edges; return the joins."""
    targets: dict[Node, list[Node]] = {}
    for source, target in blueprint.edges:
        if target != END:
            end = nodes[_name(blueprint, target)]
            targets.setdefault(nodes[_name(blueprint, source)], []).append(end)
    for start, found in targets.items():
        start.successors = tuple(sorted(set(found), key=_rank) if len(found) > 1 else found)
    joins: dict[int, Join] = {}
    for index, (sources, target) in enumerate(blueprint.joins):
        if target != END:
            starts = [nodes[_name(blueprint, source)] for source in sources]
            joins[index] = _join(index, starts, nodes[_name(blueprint, target)])
    for source, branches in blueprint.branches.items():
        node = nodes[_name(blueprint, source)]
        schema = blueprint.nodes[node.name].schema if node.rank >= 0 else blueprint.schema
        node.branches += tuple(
            _branch(blueprint, branch, readers.of(branch.schema or schema))
            for branch in branches.values()
        )
    prepares = any(channel.prepares for channel in blueprint.channels.values())
    for node in nodes.values():
        node.prepares = prepares
        node.wrapped = wrapped or bool(node.callee.asks)
        node.needs_loop = node.callee.sync is None
        for branch in node.branches:
            node.needs_loop = node.needs_loop or branch.path.sync is None
        node.simple = not node.joins
        for target in node.successors:
            node.simple = node.simple and not target.defer
    return joins


def _rank(node: Node) -> int:
    return node.rank


def _name(blueprint: Blueprint, reference: object) -> str:
    """Return the name of a node that validation has found."""
    if isinstance(reference, str):
        return reference
    (name,) = blueprint.nodes_of(reference)  # one: `validate` has looked at every reference
    return name


def _join(index: int, sources: Sequence[Node], target: Node) -> Join:
    """Let a node wait for several; each has a bit."""
    distinct = list(dict.fromkeys(sources))
    names = tuple(source.name for source in distinct)
    join = Join(
        index, (1 << len(distinct)) - 1, target, f"join:{'+'.join(names)}:{target.name}", names
    )
    for bit, source in enumerate(distinct):
        source.joins = (*source.joins, (join, 1 << bit))
    if target.defer:
        target.gathers = (*target.gathers, join)
    return join


def _branch(blueprint: Blueprint, spec: BranchSpec, reader: Reader) -> Branch:
    """Return a conditional edge with its path map resolved."""
    destinations = None
    if spec.path_map is not None:
        destinations = {
            answer: _name(blueprint, target) for answer, target in spec.path_map.items()
        }
    return Branch(spec.name, spec.signature.callee, reader, destinations)


def _destinations(blueprint: Blueprint, spec: NodeSpec) -> dict[str, str | None]:
    """Return where a node's Commands are said to go: by `destinations`, else by its annotation."""
    said = spec.destinations or dict.fromkeys(spec.signature.goto)
    return {_name(blueprint, target): label for target, label in said.items()}


def _same(given: object) -> object:
    """Hand on the input: what START does."""
    return given


def _named(blueprint: Blueprint) -> dict[Any, str]:
    """Return the names of nodes by their functions, but for functions of several nodes."""
    named: dict[Any, str] = {}
    several: set[Any] = set()
    for name, spec in blueprint.nodes.items():
        with suppress(TypeError):  # not hashable: it can only be called by its name
            if spec.function in named:
                several.add(spec.function)
            named[spec.function] = name
    return {function: name for function, name in named.items() if function not in several}
