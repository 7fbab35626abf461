"""Every shape of graph, with sync and with async nodes, gives the same on every driver."""

from typing import Any

import pytest

from graphflow import END, START, Command, Send
from graphflow.errors import GraphRecursionError
from tests.drivers.backends import Driver, Kind, State, builder, chain, fan_out, made, says


def test_a_chain_runs_in_order(driver: Driver, kind: Kind) -> None:
    """Each node sees what those before it wrote."""
    graph = chain({name: says(kind, name) for name in "cab"})
    assert driver.run(graph) == {"log": ["c", "a", "b"]}


def test_fan_out_commits_by_name(driver: Driver, kind: Kind) -> None:
    """The writes of one superstep are applied in the order of the nodes' names."""
    graph = fan_out({name: says(kind, name) for name in "zam"})
    assert driver.run(graph) == {"log": ["a", "m", "z"]}


def test_a_join_waits_for_all_its_sources(driver: Driver, kind: Kind) -> None:
    """The node after a join runs once, after the longer of two paths."""
    made_of = builder({name: says(kind, name) for name in ("a", "b", "b2", "end")})
    made_of.add_edge(START, "a").add_edge(START, "b").add_edge("b", "b2")
    made_of.add_edge(["a", "b2"], "end")
    assert driver.run(made_of.compile()) == {"log": ["a", "b", "b2", "end"]}


def test_a_branch_sees_the_writes_of_its_own_node(driver: Driver, kind: Kind) -> None:
    """A path function decides by what its node has just written."""

    def by_x(state: dict[str, Any]) -> str:
        return "odd" if state["x"] % 2 else "even"

    made_of = builder(
        {"a": made(kind, lambda _: {"x": 3}), "odd": says(kind, "odd"), "even": says(kind, "even")}
    )
    made_of.add_edge(START, "a").add_conditional_edges("a", made(kind, by_x), ["odd", "even"])
    assert driver.run(made_of.compile()) == {"log": ["odd"], "x": 3}


def test_sends_run_a_node_once_each(driver: Driver, kind: Kind) -> None:
    """A Send's task is called with its argument, and its writes keep the order of the Sends."""

    def split(state: object) -> list[Send]:
        return [Send("w", number) for number in range(12)]

    made_of = builder({"w": made(kind, lambda given: {"log": [given]})})
    made_of.add_conditional_edges(START, split)
    assert driver.run(made_of.compile()) == {"log": list(range(12))}


def test_a_command_writes_and_goes(driver: Driver, kind: Kind) -> None:
    """A Command's update is committed, and its goto adds to the static edges."""
    made_of = builder(
        {
            "a": made(kind, lambda _: Command(update={"log": ["a"]}, goto=["c", Send("b", 5)])),
            "b": made(kind, lambda given: {"log": [given]}),
            "c": says(kind, "c"),
            "d": says(kind, "d"),
        }
    )
    made_of.add_edge(START, "a").add_edge("a", "d")
    assert driver.run(made_of.compile()) == {"log": ["a", "c", "d", 5]}


def test_a_loop_runs_until_its_branch_ends_it(driver: Driver, kind: Kind) -> None:
    """A node may lead back to itself."""

    def again(state: State) -> str:
        return END if state.get("x") == 20 else "count"

    made_of = builder({"count": made(kind, lambda state: {"x": state["x"] + 1})})
    made_of.add_edge(START, "count").add_conditional_edges("count", again)
    assert driver.run(made_of.compile(), {"x": 0}) == {"log": [], "x": 20}


def test_an_endless_loop_meets_the_limit(driver: Driver, kind: Kind) -> None:
    """The recursion limit ends a run that would not end."""
    made_of = builder({"a": says(kind, "a")}).add_edge(START, "a").add_edge("a", "a")
    with pytest.raises(GraphRecursionError):
        driver.run(made_of.compile(), config={"recursion_limit": 5})


def test_a_deferred_node_waits_for_the_rest(driver: Driver, kind: Kind) -> None:
    """A deferred node runs when nothing else is due."""
    made_of = builder({name: says(kind, name) for name in ("a", "b")})
    made_of.add_node("late", says(kind, "late"), defer=True)
    made_of.add_edge(START, "a").add_edge(START, "late").add_edge("a", "b")
    assert driver.run(made_of.compile()) == {"log": ["a", "b", "late"]}


def test_updates_come_one_a_task(driver: Driver, kind: Kind) -> None:
    """Each task of a node that runs several times has an update of its own."""

    def split(state: object) -> list[Send]:
        return [Send("w", number) for number in range(3)]

    made_of = builder({"w": made(kind, lambda given: {"log": [given]})})
    made_of.add_conditional_edges(START, split)
    got = driver.chunks(made_of.compile(), stream_mode="updates")
    assert sorted(chunk["w"]["log"][0] for chunk in got) == [0, 1, 2]


def test_values_come_after_each_superstep(driver: Driver, kind: Kind) -> None:
    """The input is shown, then the state after every superstep."""
    graph = chain({"a": says(kind, "a"), "b": says(kind, "b")})
    got = driver.chunks(graph, {"x": 1}, stream_mode="values")
    assert got == [{"log": log, "x": 1} for log in ([], ["a"], ["a", "b"])]


def test_several_modes_come_as_pairs(driver: Driver, kind: Kind) -> None:
    """With a list of modes each chunk is tagged, and values follow the updates they are made of."""
    graph = chain({"a": says(kind, "a")})
    got = driver.chunks(graph, {"x": 1}, stream_mode=["values", "updates"])
    assert got == [
        ("values", {"log": [], "x": 1}),
        ("updates", {"a": {"log": ["a"]}}),
        ("values", {"log": ["a"], "x": 1}),
    ]
