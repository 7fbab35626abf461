"""The graphs inside a graph: which are found, by which names, and what of those that are not."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from graphflow import START, Command
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import InvalidUpdateError
from graphflow.types import StateSnapshot
from tests.drivers.backends import Graph, builder, says
from tests.drivers.children import EMPTY, chain, fan, nest
from tests.drivers.people import CONFIG, asks, ids


def leaf(*names: str) -> Graph:
    """Return a graph with nodes that log their names."""
    return chain(None, {name: says("sync", name) for name in names})


def names(graph: Graph, namespace: str | None = None, *, recurse: bool = False) -> list[str]:
    """Return the names of the graphs inside one, which both ways of asking yield."""

    async def there() -> list[str]:
        return [
            name async for name, _ in graph.aget_subgraphs(namespace=namespace, recurse=recurse)
        ]

    found = [name for name, _ in graph.get_subgraphs(namespace=namespace, recurse=recurse)]
    assert asyncio.run(there()) == found
    return found


def test_by_their_namespaces() -> None:
    """As in LangGraph: those below are found if that is asked for."""
    graph = fan(None, {"a": nest("node", 2, leaf("s")), "b": leaf("t"), "c": says("sync", "c")})
    assert names(graph) == ["a", "b"]
    assert names(graph, recurse=True) == ["a", "a|n1", "a|n1|n2", "b"]
    assert names(graph, namespace="a") == ["a"]
    assert names(graph, namespace="a|n1", recurse=True) == ["a|n1"]
    for unknown in ("c", "nope", "", "a:123"):
        assert names(graph, namespace=unknown, recurse=True) == []


def test_that_keep_nothing_are_not_found() -> None:
    """Nothing is stored of them that could be looked at."""
    nothing: Any = False
    kept: Any = True
    parts = {"s": says("sync", "s")}
    graph = fan(None, {"no": chain(nothing, parts), "yes": chain(kept, parts)})
    assert names(graph) == ["yes"]


ONE, OTHER = leaf("one"), leaf("other")


def calls_two(_: object) -> object:
    """Call two graphs of this module."""
    return OTHER.invoke(EMPTY) or ONE.invoke(EMPTY)


class Caller:
    """Has a method that calls a graph."""

    def node(self, _: object) -> object:
        """Call a graph of this module."""
        return ONE.invoke(EMPTY)


def decorated(function: Callable[[object], object]) -> Callable[[object], object]:
    """Return a function that calls another one."""

    @functools.wraps(function)
    def around(given: object) -> object:
        return function(given)

    return around


def test_that_functions_name() -> None:
    """The first one of each: a variable of the module or around, of methods and decorated ones."""
    around = leaf("around")

    def closure(_: object) -> object:
        return around.invoke(EMPTY)

    def unset(_: object) -> object:
        return later.invoke(EMPTY)

    nodes = {
        "two": calls_two,
        "method": Caller().node,
        "decorated": decorated(calls_two),
        "closure": closure,
        "unset": unset,
        "partial": functools.partial(calls_two),
        "builtin": len,
    }
    graph = fan(None, nodes)
    found = dict(graph.get_subgraphs())
    assert {name: found[name] for name in ("two", "method", "closure", "decorated")} == {
        "two": OTHER,
        "method": ONE,
        "closure": around,
        "decorated": OTHER,
    }
    assert not {"unset", "builtin"} & found.keys()
    later = leaf("later")
    assert dict(graph.get_subgraphs())["unset"] is later


# ------------------------------------------------------------------------- those that are not found


def hidden(*parts: Graph) -> Graph:
    """Return a graph whose node calls graphs that it has in a list."""
    inside = [*parts]

    def node(_: object) -> object:
        return {"log": [line for one in inside for line in one.invoke(EMPTY)["log"]]}

    return chain(InMemorySaver(), {"n": node})


def asking_child() -> Graph:
    """Return a graph that asks."""
    return chain(None, {"s": says("sync", "s"), "a": asks("sync", "a?")})


def test_a_graph_that_is_not_found_is_shown() -> None:
    """Its values, what is due and what it asks are in the store; it is answered as any other."""
    graph = hidden(nest("node", 1, asking_child()))
    asked = graph.invoke({}, CONFIG)
    now = graph.get_state(CONFIG, subgraphs=True)
    child = now.tasks[0].state
    assert isinstance(child, StateSnapshot)
    assert (child.next, ids(child)) == (("n1",), ids(asked))
    deeper: Any = child.tasks[0].state
    assert (deeper.next, deeper.values) == (("a",), {"log": ["s"]})
    assert [each.next for each in graph.get_state_history(deeper.config)] == [("a",)]
    assert graph.invoke(Command(resume=1), CONFIG) == {"log": ["s", ("a?", 1)]}


def test_a_graph_that_is_not_found_is_not_edited() -> None:
    """Nobody knows its keys and reducers."""
    graph = hidden(asking_child())
    graph.invoke({}, CONFIG)
    (task,) = graph.get_state(CONFIG).tasks
    place: Any = task.state
    with pytest.raises(InvalidUpdateError, match="is not known here"):
        graph.update_state(place, {"log": ["x"]})
    assert graph.invoke(Command(resume=1), CONFIG) == {"log": ["s", ("a?", 1)]}


def test_the_second_graph_of_a_node_is_edited() -> None:
    """It is known by what it is called, though `get_subgraphs` yields the first one only."""
    first, second = leaf("f"), asking_child()

    def node(_: object) -> object:
        return {"log": [*first.invoke(EMPTY)["log"], *second.invoke(EMPTY)["log"]]}

    graph = chain(InMemorySaver(), {"n": node})
    graph.invoke({}, CONFIG)
    (task,) = graph.get_state(CONFIG).tasks
    place: Any = task.state
    ns = place["configurable"]["checkpoint_ns"].partition("|")[0] + "|1"
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}
    assert graph.get_state(config).next == ("a",)
    graph.update_state(config, {"log": ["e"]}, as_node="a")
    assert graph.invoke(None, CONFIG) == {"log": ["f", "s", "e"]}


def test_the_types_of_a_graph_inside_are_looked_at() -> None:
    """When something is to be stored; what is no list of classes is refused, as at the top."""
    wrong: Any = 5
    child = builder({"s": says("sync", "s")}).add_edge(START, "s").compile(types=wrong)
    with pytest.raises(TypeError, match="types must be a list of classes or a Registry, not 5"):
        chain(InMemorySaver(), {"sub": child}).invoke({}, CONFIG)
