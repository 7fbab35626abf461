"""What tests of graphs inside graphs are made of: the ways into a child, and what they show."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, Final, Literal, TypeAlias

import pytest

from graphflow import START, Command, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from tests.drivers import people
from tests.drivers.backends import BESIDE, Driver, Graph, Kind, Node, builder, made, says
from tests.drivers.people import CONFIG

Way: TypeAlias = Literal["node", "invoke", "ainvoke", "stream", "astream"]
Part: TypeAlias = Any
"""A node: a function, or a compiled graph."""

CALLED: Final[tuple[Way, ...]] = ("invoke", "ainvoke", "stream", "astream")
WAYS: Final[tuple[Way, ...]] = ("node", *CALLED)
"""How a child is run: it is the node itself, or it is called in one."""

ways: Final = pytest.mark.parametrize("way", WAYS)
beside: Final = pytest.mark.parametrize(
    ("driver", "kind", "way"),
    [
        (driver, kind, way)
        for driver, kind in BESIDE
        for way in WAYS
        if driver != "simulated" or way not in {"invoke", "stream"}
    ],
    indirect=["driver", "kind"],
)
"""Those in which a child's nodes can wait for the consumer, for they run beside it."""
called: Final = pytest.mark.parametrize("way", CALLED)

MODES: Final = ("values", "updates", "custom", "tasks", "debug")
"""The modes of a run that is not stored."""

EMPTY: Final[Mapping[str, Any]] = {"log": []}


# ------------------------------------------------------------------------------- ways into a child


def chain(store: BaseCheckpointSaver | None, parts: Mapping[str, Part], **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of parts that follow each other, with a store."""
    return people.chain(store, parts, **options)


def fan(store: BaseCheckpointSaver | None, parts: Mapping[str, Part], **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of parts that run at once, with a store."""
    return people.fan(store, parts, **options)


def inside(way: Way, child: Graph, given: Mapping[str, Any] = EMPTY, **options: Any) -> Part:  # noqa: ANN401 - of `invoke`
    """Return a child as a node, or a node that calls it and logs what it has logged.

    Args:
        way: how.
        child: the graph.
        given: the input of a call; a child that is a node is given the state.
        **options: of the call.
    """
    if way == "node":
        return child

    def invokes(_: object) -> object:
        return {"log": child.invoke(given, **options)["log"]}

    async def awaits(_: object) -> object:
        return {"log": (await child.ainvoke(given, **options))["log"]}

    def streams(_: object) -> object:
        last: Any = {}
        with closing(child.stream(given, stream_mode="values", **options)) as stream:
            for chunk in stream:
                last = chunk
        return {"log": last["log"]}

    async def streams_async(_: object) -> object:
        last: Any = {}
        async with aclosing(child.astream(given, stream_mode="values", **options)) as stream:
            async for chunk in stream:
                last = chunk
        return {"log": last["log"]}

    found: Mapping[Way, Part] = {
        "invoke": invokes,
        "ainvoke": awaits,
        "stream": streams,
        "astream": streams_async,
    }
    return found[way]


def nest(
    way: Way, levels: int, leaf: Graph, store: BaseCheckpointSaver | None = None, name: str = "n"
) -> Graph:
    """Return a graph in a node of a graph, and so on; the outermost one has the store."""
    for level in range(levels, 0, -1):
        leaf = chain(store if level == 1 else None, {f"{name}{level}": inside(way, leaf)})
    return leaf


def between(part: Part, kind: Kind, store: BaseCheckpointSaver | None = None) -> Graph:
    """Return a graph with a node `p`, a part `sub`, and a node `q`, one after the other."""
    return chain(store, {"p": says(kind, "p"), "sub": part, "q": says(kind, "q")})


def steps(kind: Kind, names: str = "st", **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph to be run inside another one, with a node for each letter, in a row."""
    return chain(None, {name: says(kind, name) for name in names}, **options)


def crew(kind: Kind, names: str = "abc", **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph to be run inside another one, with a node for each letter, at once."""
    return fan(None, {name: says(kind, name) for name in names}, **options)


# ------------------------------------------------------------------------------ nodes of a child


class Calls:
    """Nodes that note each of their calls.

    Attributes:
        names: of the nodes, in the order of their calls.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.names: list[str] = []

    def says(self, name: str) -> Node:
        """Return a node that logs its name."""
        return self.does(name, lambda: {"log": [name]})

    def does(self, name: str, act: Callable[[], object]) -> Node:
        """Return a node that returns what a function does."""

        def node(_: object) -> object:
            self.names.append(name)
            return act()

        return made(self.kind, node)

    def fails_once(self, name: str) -> Node:
        """Return a node that fails when it is called for the first time."""
        failed: list[str] = []

        def act() -> object:
            if not failed:
                failed.append(name)
                raise ZeroDivisionError(name)
            return {"log": [name]}

        return self.does(name, act)

    def fresh(self) -> list[str]:
        """Return the names since this was asked for the last time."""
        names, self.names[:] = self.names[:], []
        return names


def commands(kind: Kind, *answers: Command[Any]) -> Node:
    """Return a node that returns a Command, or a list of them."""
    answer: object = answers[0] if len(answers) == 1 else [*answers]
    return made(kind, lambda _: answer)


def graph_of(schema: type[Any], nodes: Mapping[str, Part], **options: Any) -> Graph:  # noqa: ANN401 - of StateGraph
    """Return a graph with a state of its own, whose nodes follow each other."""
    made_of: StateGraph[Any, None] = StateGraph(schema, **options)
    previous = START
    for name, node in nodes.items():
        made_of.add_node(name, node).add_edge(previous, name)
        previous = name
    compiled: CompiledStateGraph[Any, None] = made_of.compile()
    return compiled


def sends_to(part: Part, path: Callable[[Any], Any], **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph that sends to one part."""
    made_of = builder({"sub": part}).add_conditional_edges(START, path, ["sub"])
    return made_of.compile(**options)


# ------------------------------------------------------------------------------------ what is shown


def shown(driver: Driver, graph: Graph, given: Any, **options: Any) -> list[Any]:  # noqa: ANN401 - of `stream`
    """Return all chunks of a run and its children, with the ids of tasks left out of their places.

    Each chunk is a tuple: the place, the mode if there are several, and the chunk.
    """
    chunks = driver.chunks(graph, given, config=CONFIG, subgraphs=True, **options)
    return [(bare(place), *rest) for place, *rest in chunks]


def bare(place: Sequence[str]) -> tuple[str, ...]:
    """Return a place without the ids of tasks."""
    return tuple(each.split(":")[0] for each in place)


def of_place(chunks: Sequence[Any], *place: str) -> list[Any]:
    """Return what was shown of one place."""
    return [chunk[-1] for chunk in chunks if chunk[0] == place]
