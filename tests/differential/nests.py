"""Random graphs inside random graphs: described, drawn, and built in either library.

A graph inside begins with a node that writes all that can come out of it, and its reducers are
functions of its own. So it gives the same whether a library hands back its output or its writes. It
is not shown the log of the graph around it, which would double with every level and every round.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypedDict

from hypothesis import strategies as st

from tests.differential.build import SCHEMAS, Kind, built
from tests.differential.pair import OURS, Library
from tests.differential.specs import (
    START,
    Case,
    Conversation,
    Graph,
    Node,
    Schema,
    Write,
    append_digit,
)
from tests.differential.strategies import NAMES, alike, conversation, graphs, readable, stumbles

FIRST: Final = Node("o", (Write("log"), Write("total", 1), Write("digits", 1), Write("x", 1)))
"""What a graph inside begins with."""

GIVES: Final[Sequence[tuple[str, ...]]] = (
    ("log",),
    ("log", "total"),
    ("log", "digits", "total"),
    ("log", "x"),
)
"""What may come out of one."""


@dataclass(frozen=True)
class Nest:
    """A graph with graphs inside in place of some nodes; what of its state comes out of it."""

    graph: Graph
    inside: tuple[tuple[str, "Nest"], ...] = ()
    gives: tuple[str, ...] = ("log",)

    def __repr__(self) -> str:
        """Show it in one line: to break it well takes hypothesis minutes."""
        return f"Nest({self.graph!r}, {self.inside!r}, {self.gives!r})"


@st.composite
def nests(draw: st.DrawFn, depth: int) -> Nest:
    """Draw a graph with graphs inside, so many levels deep at the most."""
    names = NAMES[: 2 + depth]
    graph = stumbling(settled(draw(graphs(names))), draw(stumbles))
    gives = draw(st.sampled_from(GIVES))
    if not depth:
        return Nest(graph, gives=gives)
    which = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    return filled(graph, which, [draw(nests(depth - 1)) for _ in which], gives)


def filled(
    graph: Graph, names: Sequence[str], inner: Sequence[Nest], gives: tuple[str, ...]
) -> Nest:
    """Return a graph in which some nodes are graphs, and read and do nothing of their own."""
    nodes = readable(
        [Node(node.name, defer=node.defer) if node.name in names else node for node in graph.nodes]
    )
    return Nest(replace(graph, nodes=nodes), tuple(zip(names, inner, strict=False)), gives)


def settled(graph: Graph) -> Graph:
    """Return a graph in which the libraries do not differ on purpose."""
    return alike(Case(graph)).graph


def stumbling(graph: Graph, falls: Sequence[int | None]) -> Graph:
    """Return a graph whose nodes stumble at these calls, and whose path functions never fail."""
    drawn: Conversation = conversation(Case(graph), falls, (), "sync")
    return drawn.graph


def asking(nest: Nest, asks: Sequence[int]) -> Nest:
    """Return a graph whose nodes ask, so many times each, and those of graphs inside as well.

    Nodes are added by name, as LangGraph shows questions in branches.
    """
    inside = tuple((name, asking(each, [*asks[1:], asks[0]])) for name, each in nest.inside)
    places = dict(inside)
    nodes = [
        replace(node, asks=count)
        if node.fails is node.stumbles is None and node.name not in places
        else node
        for node, count in zip(nest.graph.nodes, asks, strict=False)
    ]
    by_name = tuple(sorted(nodes, key=lambda node: node.name))
    return replace(nest, graph=replace(nest.graph, nodes=by_name), inside=inside)


def begun(graph: Graph) -> Graph:
    """Return a graph that begins with the first node of a graph inside."""
    edges = tuple((FIRST.name if source == START else source, to) for source, to in graph.edges)
    branches = tuple(
        replace(branch, source=FIRST.name) if branch.source == START else branch
        for branch in graph.branches
    )
    return Graph((*graph.nodes, FIRST), ((START, FIRST.name), *edges), graph.joins, branches)


def own_schemas() -> Mapping[Schema, type]:
    """Return the schemas of a graph inside, with reducers of its own.

    Functions that have a closure are equal only to themselves.
    """
    adding, appending = operator.add, append_digit

    def add(left: Any, right: Any) -> Any:  # noqa: ANN401 - of any one type
        return adding(left, right)

    def append(left: int, right: int) -> int:
        return appending(left, right)

    class State(TypedDict, total=False):
        log: Annotated[list[str], add]
        total: Annotated[int, add]
        digits: Annotated[int, append]
        x: int

    class Narrow(TypedDict, total=False):
        log: Annotated[list[str], add]
        total: Annotated[int, add]

    class Private(TypedDict, total=False):
        log: Annotated[list[str], add]
        total: Annotated[int, add]
        secret: int

    return {"state": State, "narrow": Narrow, "private": Private}


def part(schema: type, keys: Sequence[str]) -> Any:  # noqa: ANN401 - a TypedDict
    """Return a schema of some keys of another."""
    typed: Any = TypedDict  # which no type checker lets be called with what is not written out
    return typed("Part", {key: schema.__annotations__[key] for key in keys}, total=False)


def nested(lib: Library, nest: Nest, kind: Kind) -> Any:  # noqa: ANN401 - of either library
    """Return the builder of a graph with graphs inside."""
    return built(lib, nest.graph, kind, SCHEMAS, inside_of(lib, nest, kind))


def inside_of(lib: Library, nest: Nest, kind: Kind) -> dict[str, Any]:
    """Return the graphs inside, compiled, by the nodes that they are."""
    return {name: compiled(lib, inner, kind) for name, inner in nest.inside}


def compiled(lib: Library, nest: Nest, kind: Kind) -> Any:  # noqa: ANN401 - of either library
    """Return a graph inside."""
    schemas = own_schemas()
    options: dict[str, object] = {
        "input_schema": part(schemas["state"], ("total", "digits", "x")),
        "output_schema": part(schemas["state"], nest.gives),
    }
    if lib is OURS:
        options["extra"] = "ignore"  # what a Send brings: that it is an error is on purpose
    inside = inside_of(lib, nest, kind)
    return built(lib, begun(nest.graph), kind, schemas, inside, **options).compile()
