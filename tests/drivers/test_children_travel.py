"""Back to a checkpoint of a graph inside, with another answer: and what is refused there."""

from typing import Any

import pytest

from graphflow import Command
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import (
    CheckpointNotFoundError,
    InvalidUpdateError,
    UnknownInterruptError,
)
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
from tests.drivers.test_children_forked import consults, in_turn, levels
from tests.drivers.test_children_inspected import within


def leaf(driver: Driver, graph: Graph) -> Any:  # noqa: ANN401 - a config
    """Return the config of the checkpoint that the innermost graph which waits is at."""
    return inner(driver, graph)[-1].config


def at(config: Any, **more: object) -> Any:  # noqa: ANN401 - configs
    """Return a config that names something else."""
    return {"configurable": {**config["configurable"], **more}}


def id_of(config: Any) -> str:  # noqa: ANN401 - a config
    """Return the id of the checkpoint that a config names."""
    found: str = config["configurable"]["checkpoint_id"]
    return found


def two_asked(calls: Calls) -> Graph:
    """Return a graph of two nodes that ask one after the other."""
    return chain(None, {"a": asking(calls, "1?"), "b": asking(calls, "2?")})


# --------------------------------------------------------------------------------- another answer


@ways
@levels
@on_stores
def test_another_answer(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """Goes on from where it was asked, whatever came since; what was done before is not again."""
    calls = Calls(kind)
    graph = nest(way, levels, child_of(calls, "a?"), store)
    asked = begin(driver, graph)
    place = leaf(driver, graph)
    answer(driver, graph, "old")
    calls.fresh()
    for given in ("new", {ids(asked)["a?"]: "by id"}):
        said = given if isinstance(given, str) else "by id"
        ended = answer(driver, graph, given, config=place)
        assert ended == {"log": ["s", ("a?", said), "t"]}
        assert state(driver, graph).values == ended
        assert calls.fresh() == ["a?", "t"]


@ways
@levels
@on_stores
def test_an_answer_where_the_thread_is(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """Is the thread's: it begins no branch."""
    calls = Calls(kind)
    graph = nest(way, levels, child_of(calls, "a?"), store)
    begin(driver, graph)
    before = len(history(graph))
    ended = answer(driver, graph, 1, config=leaf(driver, graph))
    assert ended == {"log": ["s", ("a?", 1), "t"]}
    assert len(history(graph)) == before + 1
    assert calls.names == ["s", "a?", "a?", "t"]


@ways
@levels
@on_stores
def test_the_first_of_two_is_answered_again(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, levels: int
) -> None:
    """While the second waits, or when all is over: the second one is asked anew."""
    calls = Calls(kind)
    graph = nest(way, levels, two_asked(calls), store)
    begin(driver, graph)
    first = leaf(driver, graph)
    old = answer(driver, graph, 1)
    second = leaf(driver, graph)
    again = answer(driver, graph, 2, config=first)
    assert questions(again) == ["2?"]
    assert ids(again) != ids(old)
    assert answer(driver, graph, "end") == {"log": [("1?", 2), ("2?", "end")]}
    assert questions(answer(driver, graph, 3, config=first)) == ["2?"]
    assert answer(driver, graph, "end") == {"log": [("1?", 3), ("2?", "end")]}
    calls.fresh()
    assert answer(driver, graph, "other", config=second) == {"log": [("1?", 1), ("2?", "other")]}
    assert calls.names == ["2?"]


@ways
@on_stores
def test_after_another_input(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The thread goes back to the run in which it was asked."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    begin(driver, graph, "i")
    place = leaf(driver, graph)
    answer(driver, graph, "old")
    begin(driver, graph, "j")
    calls.fresh()
    ended = answer(driver, graph, "new", config=place)
    assert ended == {"log": ["i", "p", "s", ("a?", "new"), "t", "q"]}
    assert calls.names == ["a?", "t"]


@ways
@on_stores
def test_beside_another_graph(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """That one is not gone back with: it is run anew, and asks what it had asked."""
    calls = Calls(kind)
    graph = fan(store, {name: inside(way, child_of(calls, f"{name}?")) for name in "xy"})
    asked = ids(begin(driver, graph))
    states: Any = inner_of_all(driver, graph)
    answer(driver, graph, {asked["x?"]: 1, asked["y?"]: 2})
    left = answer(driver, graph, 3, config=states["x"].config)
    assert questions(left) == ["y?"]
    ended = answer(driver, graph, 4)
    assert ended == {"log": ["s", ("x?", 3), "t", "s", ("y?", 4), "t"]}


def inner_of_all(driver: Driver, graph: Graph) -> Any:  # noqa: ANN401 - snapshots by node
    """Return the states of the graphs inside the tasks, by their nodes."""
    now = call(driver, graph, "get_state", CONFIG, subgraphs=True)
    return {task.name: task.state for task in now.tasks}


@pytest.mark.parametrize("number", range(3))
@called
@on_stores
def test_of_several_calls(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, number: int
) -> None:
    """Those before had ended; those behind are run again."""
    calls = Calls(kind)
    parts = [inside(way, chain(None, {"s": calls.says("s")}))] * 3
    parts[number] = inside(way, child_of(calls, "a?"))
    graph = chain(store, {"n": in_turn(way, *parts)})
    begin(driver, graph)
    first = within(state(driver, graph))["configurable"]["checkpoint_ns"]
    ns = first.partition("|")[0] + (f"|{number}" if number else "")
    there = at(CONFIG, checkpoint_ns=ns)
    place = state(driver, graph, there).config
    answer(driver, graph, "old")
    calls.fresh()
    log = ["s"] * number + ["s", ("a?", "new"), "t"] + ["s"] * (2 - number)
    assert answer(driver, graph, "new", config=place) == {"log": log}
    assert calls.names == ["a?", "t"] + ["s"] * (2 - number)


@called
@on_stores
def test_in_a_memory(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """What was remembered before is there, and what came since is not."""
    calls = Calls(kind)
    memory: Any = True
    child = chain(memory, {"s": calls.says("s"), "a": asking(calls, "a?")})
    graph = chain(store, {"n": consults(way, child)})
    begin(driver, graph)
    answer(driver, graph, 1)
    begin(driver, graph)
    place = leaf(driver, graph)
    answer(driver, graph, 2)
    begin(driver, graph)
    answer(driver, graph, 3)
    first = ["new", "s", ("a?", 1)]
    ended = answer(driver, graph, 4, config=place)["log"]
    assert ended == [first, [*first, "new", "s", ("a?", 4)]]
    begin(driver, graph)
    ended = answer(driver, graph, 5)["log"]
    assert ended[-1] == [*first, "new", "s", ("a?", 4), "new", "s", ("a?", 5)]


@ways
@on_stores
def test_what_was_edited_inside(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Is left behind by an answer to what was asked before the edit."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    begin(driver, graph, "i")
    place = leaf(driver, graph)
    call(driver, graph, "update_state", place, {"log": ["e"]}, "s")
    assert questions(go_on(driver, graph)) == ["a?"]
    ended = answer(driver, graph, 1, config=place)
    assert ended == {"log": ["i", "p", "s", ("a?", 1), "t", "q"]}


# --------------------------------------------------------------------------------- what is refused


@ways
@on_stores
def test_an_input_is_for_the_thread(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """As is any Command that does more than answer; nothing is changed."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    asked = begin(driver, graph, "i")
    place = leaf(driver, graph)
    given: list[Any] = [
        {"log": ["j"]},
        Command(update={"log": ["j"]}),
        Command(goto="t"),
        Command(resume=1, update={"log": ["j"]}),
    ]
    for config in (place, at(place, checkpoint_id=None)):
        for one in given:
            with pytest.raises(InvalidUpdateError, match="goes on with None or Command"):
                run(driver, graph, one, config)
    assert ids(state(driver, graph)) == ids(asked)


@ways
@on_stores
def test_no_such_place(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """A namespace, or a checkpoint of it, that the thread does not have."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    asked = begin(driver, graph, "i")
    place = leaf(driver, graph)
    thread_at = id_of(state(driver, graph).config)
    for given in (None, Command(resume=1)):
        with pytest.raises(CheckpointNotFoundError, match="no graph of the checkpoint_ns"):
            run(driver, graph, given, at(place, checkpoint_ns="nope:1"))
        for wrong in (thread_at, "0", "what"):
            with pytest.raises(CheckpointNotFoundError, match="no checkpoint of that"):
                run(driver, graph, given, at(place, checkpoint_id=wrong))
    assert ids(state(driver, graph)) == ids(asked)


@ways
@on_stores
def test_a_checkpoint_of_another_graph(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Is none: neither that of the thread in the graph inside, nor the other way round."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    begin(driver, graph, "i")
    child, thread = leaf(driver, graph), state(driver, graph).config
    wrong = (
        at(child, checkpoint_id=id_of(thread)),
        at(thread, checkpoint_id=id_of(child)),
        at(child, checkpoint_id="0"),
        at(thread, checkpoint_id="0"),
    )
    for config in wrong:
        assert state(driver, graph, config)[:2] == ({}, ())
        assert history(graph, config) == []
        with pytest.raises(CheckpointNotFoundError):
            go_on(driver, graph, config=config)
        with pytest.raises(CheckpointNotFoundError):
            call(driver, graph, "update_state", config, {"log": ["x"]})
    nowhere = at(child, checkpoint_ns="nope:1")
    assert state(driver, graph, nowhere).metadata is None
    assert history(graph, nowhere) == []
    assert [each.config for each in history(graph, child)] == [child]
    assert questions(state(driver, graph)) == ["a?"]


@ways
@on_stores
def test_where_nothing_was_asked(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """There is nothing to answer."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    asked = begin(driver, graph, "i")
    place = leaf(driver, graph)
    earlier = history(graph, at(place, checkpoint_id=None))[1]
    assert earlier.next == ("s",)
    with pytest.raises(UnknownInterruptError):
        answer(driver, graph, {ids(asked)["a?"]: 1}, config=earlier.config)
    assert ids(state(driver, graph)) == ids(asked)
