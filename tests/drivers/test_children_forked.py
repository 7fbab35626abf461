"""Graphs inside graphs whose thread is forked while they wait, and answered in each branch."""

from typing import Any

import pytest

from graphflow import Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from tests.drivers.backends import Driver, Graph, Kind
from tests.drivers.children import (
    Calls,
    Way,
    between,
    called,
    chain,
    fan,
    inside,
    nest,
    on_stores,
    sends_to,
    ways,
)
from tests.drivers.people import (
    CONFIG,
    answer,
    begin,
    call,
    go_on,
    history,
    ids,
    questions,
    run,
    state,
)
from tests.drivers.test_children_asking import asking, child_of, inner

levels = pytest.mark.parametrize("levels", [1, 2, 3])


def fork(driver: Driver, graph: Graph, config: Any = CONFIG) -> Any:  # noqa: ANN401 - a config
    """Begin a branch, and return the config of what it begins with."""
    return call(driver, graph, "fork", config)


def where(driver: Driver, graph: Graph) -> Any:  # noqa: ANN401 - a config
    """Return the config of the checkpoint that the thread is at."""
    return state(driver, graph).config


# ------------------------------------------------------------------------------- the one that asks


@ways
@levels
@on_stores
def test_a_graph_that_waits_goes_along(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """It is answered in the fork and where it came from, and nothing of it runs twice."""
    calls = Calls(kind)
    graph = nest(way, levels, child_of(calls, "a?"), store)
    asked = begin(driver, graph)
    origin = where(driver, graph)
    before = [(each.next, each.values) for each in inner(driver, graph)]
    forked = fork(driver, graph)
    assert where(driver, graph) == forked != origin
    assert ids(state(driver, graph)) == ids(asked)
    assert [(each.next, each.values) for each in inner(driver, graph)] == before
    calls.fresh()
    assert answer(driver, graph, "here") == {"log": ["s", ("a?", "here"), "t"]}
    assert calls.fresh() == ["a?", "t"]
    assert ids(state(driver, graph, origin)) == ids(asked)
    there = answer(driver, graph, {ids(asked)["a?"]: "there"}, config=origin)
    assert there == {"log": ["s", ("a?", "there"), "t"]}
    assert calls.fresh() == ["a?", "t"]


@ways
@levels
@on_stores
def test_the_origin_is_answered_first(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """The fork waits on for what was asked there, with what was answered before."""
    calls = Calls(kind)
    graph = nest(way, levels, child_of(calls, "1?", "2?"), store)
    begin(driver, graph)
    second = answer(driver, graph, "one")
    origin = where(driver, graph)
    forked = fork(driver, graph, origin)
    log = ["s", ("1?", "one"), ("2?", "there"), "t"]
    assert answer(driver, graph, "there", config=origin) == {"log": log}
    assert ids(state(driver, graph, forked)) == ids(second)
    calls.fresh()
    log = ["s", ("1?", "one"), ("2?", "here"), "t"]
    assert answer(driver, graph, "here", config=forked) == {"log": log}
    assert calls.names == ["1?", "t"]


@ways
@levels
@on_stores
def test_a_fork_of_a_fork(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """Each of the three is answered otherwise."""
    calls = Calls(kind)
    graph = nest(way, levels, child_of(calls, "a?"), store)
    asked = begin(driver, graph)
    places = [where(driver, graph)]
    places += [fork(driver, graph) for _ in range(2)]
    calls.fresh()
    for number in (1, 0, 2):
        assert ids(state(driver, graph, places[number])) == ids(asked)
        ended = answer(driver, graph, number, config=places[number])
        assert ended == {"log": ["s", ("a?", number), "t"]}
    assert calls.names == ["a?", "t"] * 3


@ways
@on_stores
def test_going_on_from_a_checkpoint_that_waits(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Begins a branch as a fork does, and what waited is asked anew in it, with the same id."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "1?", "2?")), kind, store)
    begin(driver, graph, "i")
    second = answer(driver, graph, "one")
    origin = where(driver, graph)
    calls.fresh()
    assert ids(run(driver, graph, None, origin)) == ids(second)
    assert calls.fresh() == ["1?"]
    assert where(driver, graph) != origin
    ended = answer(driver, graph, "two")
    assert ended == {"log": ["i", "p", "s", ("1?", "one"), ("2?", "two"), "t", "q"]}
    assert calls.fresh() == ["1?", "t"]


@ways
@on_stores
def test_a_checkpoint_whose_graphs_have_ended(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """A fork of it begins them anew, and asks a new question."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    asked = begin(driver, graph, "i")
    origin = where(driver, graph)
    answer(driver, graph, "old")
    fork(driver, graph, origin)
    assert questions(state(driver, graph)) == []
    calls.fresh()
    again = go_on(driver, graph)
    assert questions(again) == ["a?"]
    assert ids(again) != ids(asked)
    assert answer(driver, graph, "new") == {"log": ["i", "p", "s", ("a?", "new"), "t", "q"]}
    assert calls.names == ["s", "a?", "a?", "t"]


@ways
@on_stores
def test_a_fork_with_an_edit(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Begins them anew; where it came from they wait on."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    asked = begin(driver, graph, "i")
    origin = where(driver, graph)
    call(driver, graph, "fork", CONFIG, {"log": ["e"]})
    calls.fresh()
    assert questions(go_on(driver, graph)) == ["a?"]
    assert answer(driver, graph, "here")["log"][:4] == ["i", "p", "e", "s"]
    assert calls.fresh() == ["s", "a?", "a?", "t"]
    assert ids(state(driver, graph, origin)) == ids(asked)
    there = answer(driver, graph, "there", config=origin)
    assert there == {"log": ["i", "p", "s", ("a?", "there"), "t", "q"]}
    assert calls.names == ["a?", "t"]


# --------------------------------------------------------------------------------- several at once


@ways
@on_stores
def test_one_of_several_had_ended(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """It is not run again, in neither branch."""
    calls = Calls(kind)
    done = chain(None, {"d": calls.says("d")})
    waits = child_of(calls, "a?")
    graph = fan(store, {"x": inside(way, done), "y": inside(way, waits)})
    begin(driver, graph)
    origin = where(driver, graph)
    fork(driver, graph)
    calls.fresh()
    assert answer(driver, graph, "here") == {"log": ["d", "s", ("a?", "here"), "t"]}
    there = answer(driver, graph, "there", config=origin)
    assert there == {"log": ["d", "s", ("a?", "there"), "t"]}
    assert calls.names == ["a?", "t"] * 2


@ways
@on_stores
def test_several_that_wait(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """One is answered before the fork, the other in each branch."""
    calls = Calls(kind)
    graph = fan(store, {name: inside(way, child_of(calls, f"{name}?")) for name in "xy"})
    asked = ids(begin(driver, graph))
    answer(driver, graph, {asked["x?"]: 1})
    origin = where(driver, graph)
    fork(driver, graph)
    assert ids(state(driver, graph)) == {"y?": asked["y?"]}
    calls.fresh()
    log = ["s", ("x?", 1), "t", "s"]
    assert answer(driver, graph, 2) == {"log": [*log, ("y?", 2), "t"]}
    assert answer(driver, graph, 3, config=origin) == {"log": [*log, ("y?", 3), "t"]}
    assert calls.names == ["y?", "t"] * 2


@ways
@on_stores
def test_another_answer_to_one_of_several(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Where both had asked: the other one asks again what it had asked then."""
    calls = Calls(kind)
    graph = fan(store, {name: inside(way, child_of(calls, f"{name}?")) for name in "xy"})
    asked = ids(begin(driver, graph))
    origin = where(driver, graph)
    answer(driver, graph, {asked["x?"]: 1, asked["y?"]: 2})
    calls.fresh()
    left = answer(driver, graph, {asked["x?"]: 3}, config=origin)
    assert ids(left) == {"y?": asked["y?"]}
    ended = answer(driver, graph, {asked["y?"]: 4})
    assert ended == {"log": ["s", ("x?", 3), "t", "s", ("y?", 4), "t"]}
    assert calls.names.count("s") == 0
    assert calls.names.count("t") == 2


@ways
@on_stores
def test_sends(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """Each has its own graph, in the fork, too."""
    calls = Calls(kind)
    given = [Send("sub", {"log": [number]}) for number in range(2)]
    graph = sends_to(inside(way, child_of(calls, "a?")), lambda _: given, checkpointer=store)
    one, two = (each.id for each in begin(driver, graph)["__interrupt__"])
    origin = where(driver, graph)
    answer(driver, graph, {one: "one"})
    fork(driver, graph)
    calls.fresh()
    here = answer(driver, graph, {two: "two"})["log"]
    assert {line[1] for line in here if isinstance(line, tuple)} == {"one", "two"}
    there = answer(driver, graph, "there", config=origin)["log"]
    assert {line[1] for line in there if isinstance(line, tuple)} == {"one", "there"}
    assert calls.names == ["a?", "t"] * 2


@pytest.mark.parametrize("number", range(3))
@called
@on_stores
def test_several_calls_in_a_node(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, number: int
) -> None:
    """Those before the one that asks have ended, and those behind it begin, in each branch."""
    calls = Calls(kind)
    parts = [inside(way, chain(None, {"s": calls.says("s"), "t": calls.says("t")}))] * 3
    parts[number] = inside(way, child_of(calls, "a?"))
    graph = chain(store, {"n": in_turn(way, *parts), "q": calls.says("q")})
    begin(driver, graph)
    origin = where(driver, graph)
    fork(driver, graph)
    calls.fresh()
    for config, said in ((CONFIG, "here"), (origin, "there")):
        ended = answer(driver, graph, said, config=config)
        log = [*"st" * number, "s", ("a?", said), "t", *"st" * (2 - number), "q"]
        assert ended == {"log": log}
        assert calls.fresh() == ["a?", "t", *"st" * (2 - number), "q"]


def in_turn(way: Way, *parts: Any) -> Any:  # noqa: ANN401 - nodes
    """Return a node that does what several do, one after the other."""

    def node(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [line for part in parts for line in part(given)["log"]]}

    async def node_async(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [line for part in parts for line in (await part(given))["log"]]}

    return node_async if way.startswith("a") else node


# ---------------------------------------------------------------------------------------- memories


def assistant(calls: Calls) -> Graph:
    """Return a graph that remembers, and asks."""
    nodes = {"s": calls.says("s"), "a": asking(calls, "a?")}
    memory: Any = True
    return chain(memory, nodes)


def consults(way: Way, graph: Graph) -> Any:  # noqa: ANN401 - a node
    """Return a node that calls a graph, and logs what that remembers as one line."""
    part = inside(way, graph, {"log": ["new"]})

    def node(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [part(given)["log"]]}

    async def node_async(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [(await part(given))["log"]]}

    return node_async if way.startswith("a") else node


@called
@levels
@on_stores
def test_a_memory_goes_along(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """Each branch remembers what was said in it."""
    calls = Calls(kind)
    leaf = chain(None, {"n": consults(way, assistant(calls))})
    graph = nest("node", levels - 1, leaf) if levels > 1 else leaf
    graph = chain(store, {"top": graph})
    begin(driver, graph)
    first = ["new", "s", ("a?", 1)]
    assert answer(driver, graph, 1)["log"] == [first]
    begin(driver, graph)
    origin = where(driver, graph)
    fork(driver, graph)
    calls.fresh()
    here = [*first, "new", "s", ("a?", "here")]
    assert answer(driver, graph, "here")["log"][-1] == here
    assert calls.fresh() == ["a?"]
    begin(driver, graph)
    assert answer(driver, graph, 3)["log"][-1] == [*here, "new", "s", ("a?", 3)]
    calls.fresh()
    there = [*first, "new", "s", ("a?", "there")]
    assert answer(driver, graph, "there", config=origin)["log"][-1] == there
    assert calls.fresh() == ["a?"]
    begin(driver, graph)
    assert answer(driver, graph, 4)["log"][-1] == [*there, "new", "s", ("a?", 4)]


@called
@on_stores
def test_a_memory_of_the_past(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """A run from an older checkpoint goes on with the memory of then."""
    calls = Calls(kind)
    graph = chain(store, {"n": consults(way, assistant(calls))})
    for number in (1, 2):
        begin(driver, graph)
        answer(driver, graph, number)
    ends = [each.config for each in history(graph) if not each.next]
    run(driver, graph, {"log": []}, ends[-1])
    ended = answer(driver, graph, "again")["log"]
    assert ended[-1] == ["new", "s", ("a?", 1), "new", "s", ("a?", "again")]
