"""What a node may return, and what the stream shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypedDict

import pytest

from graphflow import START, Command, Overwrite, Send, StateGraph
from graphflow.errors import InvalidUpdateError, UnknownKeyError
from graphflow.managed import RemainingSteps
from tests.small import State, alone, builder, gives, parallel


@dataclass
class Point:
    """Two keys of the state as a class."""

    x: int = 0
    y: int = 0


def shown(returned: object) -> object:
    """Return the chunk of a node that returns that."""
    (chunk,) = alone(gives(returned)).stream({})
    return chunk["a"]


TWICE = [Command(update={"log": ["1"]}), {"log": ["2"]}, Command(update={"x": 5})]

SHOWN: dict[str, tuple[object, object]] = {
    "a dict": ({"x": 1}, {"x": 1}),
    "a mapping": (MappingProxyType({"x": 1}), {"x": 1}),
    "a value of None": ({"x": None}, {"x": None}),
    "None": (None, None),
    "an empty dict": ({}, None),
    "an instance": (Point(1, 2), {"x": 1, "y": 2}),
    "a Command": (Command(update={"x": 1}), {"x": 1}),
    "a Command with an instance": (Command(update=Point(1, 2)), {"x": 1, "y": 2}),
    "an empty Command": (Command(), None),
    "a lone Send": (Send("a", None), None),
    "several keys in a list": ([Command(update={"x": 1}), {"y": 2}, None], {"x": 1, "y": 2}),
    "one key twice in a list": (TWICE, [{"log": ["1"]}, {"log": ["2"]}, {"x": 5}]),
    "one key twice in pairs": (
        Command(update=[("log", ["1"]), ("log", ["2"])]),
        [{"log": ["1"]}, {"log": ["2"]}],
    ),
    "an Overwrite": ({"log": Overwrite(["1"])}, {"log": Overwrite(["1"])}),
}


@pytest.mark.parametrize(("returned", "update"), SHOWN.values(), ids=SHOWN)
def test_what_updates_show_of_a_result(returned: object, update: object) -> None:
    """One dict, or one for each write where a key is written twice, or None for nothing."""
    made = StateGraph(State).add_node("a", gives(returned)).add_edge(START, "a").compile()
    with made.stream({}) as stream:
        assert next(stream) == {"a": update}


NO_UPDATE: list[object] = [
    5,
    0,
    False,
    "a",
    b"x",
    [],
    (),
    [{"x": 1}],
    [None],
    ({"x": 1},),
    (("x", 1),),
    {"x": 1}.items(),
    Point,
    [Send("a", {})],
    [Command(), 5],
    [Command(), [{"x": 1}]],
    [Command(), [Command()]],
    Command(update="x"),
    Command(update=[("x", 1, 2)]),
    Command(update=[{"x": 1}]),
    Command(update=5),
]


@pytest.mark.parametrize("returned", NO_UPDATE, ids=repr)
def test_what_is_no_update(returned: object) -> None:
    """The error names the node."""
    with pytest.raises(InvalidUpdateError, match=r"node 'a' .* no update"):
        alone(gives(returned)).invoke({})


def test_updates_are_applied_in_the_order_of_the_list() -> None:
    """Writes of one node come one after the other."""
    graph = alone(gives([Command(update={"log": ["1"]}), {"log": ["2"]}]))
    assert graph.invoke({}) == {"log": ["1", "2"]}


def test_a_plain_key_twice_from_one_node_is_an_error() -> None:
    """Which of them is meant, nobody knows."""
    with pytest.raises(InvalidUpdateError, match="'a' wrote 1, 'a' wrote 2"):
        alone(gives([Command(update={"x": 1}), {"x": 2}])).invoke({})


def test_an_overwrite_wins_over_the_siblings_of_its_superstep() -> None:
    """Whatever their names."""
    graph = parallel(
        a=gives({"log": ["a"]}), b=gives({"log": Overwrite(["b"])}), c=gives({"log": ["c"]})
    )
    assert graph.invoke({"log": ["in"]}) == {"log": ["b"]}


def test_an_overwrite_can_be_input() -> None:
    """It replaces the start."""
    assert alone(gives(None)).invoke({"log": Overwrite(["in"])}) == {"log": ["in"]}


def test_a_returned_state_with_its_managed_keys_is_an_update() -> None:
    """The engine's own keys are passed over: `{**state, ...}` is a common way to write one."""

    class Managed(TypedDict, total=False):
        x: int
        left: RemainingSteps

    def node(state: Managed) -> Mapping[str, Any]:
        return {**state, "x": 1}

    assert StateGraph(Managed).add_node(node).set_entry_point("node").compile().invoke({}) == {
        "x": 1
    }


def test_what_a_node_keeps_of_its_update_is_its_own() -> None:
    """A list in the state is a new one after each write, so a node may go on with its own."""
    mine = ["a"]

    def node(state: State) -> State:
        return {"log": mine}

    graph = builder("first").add_node(node).add_edge("first", "node").compile()
    graph.invoke({})
    assert mine == ["a"]


def test_an_instance_with_a_field_that_the_state_lacks_is_an_error() -> None:
    """As a dict with that key is."""

    class Narrow(TypedDict):
        x: int

    made = StateGraph(Narrow).add_node("a", gives(Point(1, 2))).set_entry_point("a").compile()
    with pytest.raises(UnknownKeyError, match="node 'a' has the unknown key 'y'"):
        made.invoke({})
