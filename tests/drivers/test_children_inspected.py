"""The states of graphs inside graphs: read at every level, edited, and gone back to."""

from typing import Any

import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import CheckpointError, CheckpointNotFoundError
from graphflow.types import StateSnapshot
from tests.drivers.backends import Driver, Graph, Kind, Node
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


def within(snapshot: StateSnapshot) -> Any:  # noqa: ANN401 - a config
    """Return the config of the graph inside the first task."""
    task = snapshot.tasks[0]
    assert task.state is not None
    return task.state.config if isinstance(task.state, StateSnapshot) else task.state


def waiting(driver: Driver, graph: Graph) -> StateSnapshot:
    """Begin, and return the state with those of graphs inside it."""
    begin(driver, graph, "i")
    now: StateSnapshot = call(driver, graph, "get_state", CONFIG, subgraphs=True)
    return now


def thrice(way: Way, part: Any) -> Node:  # noqa: ANN401 - a node that calls a graph
    """Return a node that does three times what one does that calls a graph."""

    def node(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [line for _ in range(3) for line in part(given)["log"]]}

    async def node_async(given: object) -> Any:  # noqa: ANN401 - an update
        return {"log": [line for _ in range(3) for line in (await part(given))["log"]]}

    return node_async if way.startswith("a") else node


# ----------------------------------------------------------------------------------------- read


@ways
@on_stores
def test_a_task_knows_the_state_of_its_graph(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """As a config to read it by, or whole; None where there is none."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    begin(driver, graph, "i")
    plain = state(driver, graph)
    there = call(driver, graph, "get_state", within(plain))
    whole: StateSnapshot = call(driver, graph, "get_state", CONFIG, subgraphs=True)
    child = whole.tasks[0].state
    assert isinstance(child, StateSnapshot)
    assert (child.values, child.next) == (there.values, there.next)
    given = ["i", "p"] if way == "node" else []
    assert (child.values, child.next) == ({"log": [*given, "s"]}, ("a",))
    assert ids(child) == ids(whole) == ids(plain)
    answer(driver, graph, 1)
    assert [task.state for task in state(driver, graph).tasks] == []


@ways
@on_stores
def test_states_of_children_at_once(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Each task has its own."""
    calls = Calls(kind)
    graph = fan(store, {name: inside(way, child_of(calls, f"{name}?")) for name in "ab"})
    now = waiting(driver, graph)
    found = {task.name: task.state for task in now.tasks}
    for name in "ab":
        child = found[name]
        assert isinstance(child, StateSnapshot)
        assert questions(child) == [f"{name}?"]


@ways
@on_stores
def test_the_history_of_a_child(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Has its own checkpoints, and no others; also when it is over."""
    graph = between(inside(way, child_of(Calls(kind), "a?")), kind, store)
    place = within(waiting(driver, graph))
    place["configurable"].pop("checkpoint_id", None)
    before = [each.next for each in history(graph, place)]
    assert before[:2] == [("a",), ("s",)]
    answer(driver, graph, 1)
    after = [each.next for each in history(graph, place)]
    assert after[:3] == [(), ("t",), ("a",)]
    assert [each.next for each in history(graph)] == [(), ("q",), ("sub",), ("p",), ("__start__",)]


@ways
@on_stores
def test_the_states_of_a_finished_thread(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """There are no tasks, and so no children."""
    graph = nest(way, 2, child_of(Calls(kind), "a?"), store)
    begin(driver, graph)
    answer(driver, graph, 1)
    assert len(inner(driver, graph)) == 1


def test_graphs_are_found_by_name(driver: Driver, kind: Kind) -> None:
    """In the order of their nodes; those in them if that is asked for."""
    graph = nest("node", 3, chain(None, {"s": Calls(kind).says("s")}))
    assert [name for name, _ in graph.get_subgraphs()] == ["n1"]
    names = [name for name, _ in graph.get_subgraphs(recurse=True)]
    assert names == ["n1", "n1|n2", "n1|n2|n3"]
    assert driver.name


# --------------------------------------------------------------------------------------- edited


@ways
@on_stores
def test_a_waiting_child_is_edited(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """As the node that asks: it goes on behind it, with what was written; the question is gone."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    place = within(waiting(driver, graph))
    call(driver, graph, "update_state", place, {"log": ["edited"]}, "a")
    assert questions(state(driver, graph)) == []
    calls.fresh()
    assert go_on(driver, graph) == {"log": ["i", "p", "s", "edited", "t", "q"]}
    assert calls.names == ["t"]


@ways
@on_stores
def test_a_waiting_child_is_edited_before_it_asks(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """As the node before: it asks again, and what was written is there."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    place = within(waiting(driver, graph))
    call(driver, graph, "update_state", place, {"log": ["edited"]}, "s")
    assert questions(go_on(driver, graph)) == ["a?"]
    ended = answer(driver, graph, 1)
    assert ended == {"log": ["i", "p", "s", "edited", ("a?", 1), "t", "q"]}
    assert calls.names.count("s") == 1


@ways
@on_stores
def test_two_levels_down(driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver) -> None:
    """An edit of a grandchild is kept, too."""
    calls = Calls(kind)
    graph = nest(way, 2, child_of(calls, "a?"), store)
    begin(driver, graph)
    levels = inner(driver, graph)
    assert len(levels) == 3
    call(driver, graph, "update_state", levels[2].config, {"log": ["edited"]}, "a")
    assert go_on(driver, graph) == {"log": ["s", "edited", "t"]}
    assert calls.names == ["s", "a?", "t"]


# ------------------------------------------------------------------------------------ gone back


@ways
@on_stores
def test_a_parent_goes_back_before_its_child(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """The child begins anew, and asks again."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    begin(driver, graph, "i")
    answer(driver, graph, "old")
    (past,) = [each for each in history(graph) if each.next == ("sub",)]
    calls.fresh()
    asked = run(driver, graph, None, past.config)
    assert questions(asked) == ["a?"]
    ended = answer(driver, graph, "new")
    assert ended == {"log": ["i", "p", "s", ("a?", "new"), "t", "q"]}
    assert calls.names == ["s", "a?", "a?", "t"]


@ways
@on_stores
def test_a_thread_goes_on_from_the_past_of_a_child(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """Where the child was then: what it had done is not done again, and what came after is."""
    calls = Calls(kind)
    child = chain(None, {name: calls.says(name) for name in "stu"})
    graph = between(inside(way, chain(None, {"in": child, "a": asking(calls, "a?")})), kind, store)
    begin(driver, graph, "i")
    place = within(state(driver, graph))
    place["configurable"].pop("checkpoint_id", None)
    (past,) = [each for each in history(graph, place) if each.next == ("a",)]
    answer(driver, graph, "old")
    calls.fresh()
    asked = run(driver, graph, None, past.config)
    assert questions(asked) == ["a?"]
    ended = answer(driver, graph, "new")
    assert ended == {"log": ["i", "p", "s", "t", "u", ("a?", "new"), "q"]}
    assert calls.names == ["a?", "a?"]


@pytest.mark.parametrize("number", range(3))
@called
@on_stores
def test_a_thread_goes_on_from_the_past_of_one_of_several_calls(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver, number: int
) -> None:
    """Those before it had ended, and are not run again; those behind it are."""
    calls = Calls(kind)
    part = inside(way, chain(None, {"s": calls.says("s"), "t": calls.says("t")}))
    graph = chain(store, {"n": thrice(way, part), "q": calls.says("q")})
    begin(driver, graph)
    (past,) = [each for each in history(graph) if each.next == ("n",)]
    (task,) = state(driver, graph, past.config).tasks
    first = str(task.state["configurable"]["checkpoint_ns"]).partition("|")[0]
    ns = "|".join([first, *([str(number)] if number else ())])
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}
    (past,) = [each for each in history(graph, place) if each.next == ("t",)]
    calls.fresh()
    assert run(driver, graph, None, past.config) == {"log": [*"ststst", "q"]}
    assert calls.names == ["t", *"st" * (2 - number), "q"]


@on_stores
def test_a_graph_inside_is_not_forked(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """A config that names one is no checkpoint of the thread."""
    graph = between(child_of(Calls(kind), "a?"), kind, store)
    begin(driver, graph, "i")
    with pytest.raises(ValueError, match=r"graph 'sub:.*' inside the thread; a fork begins at"):
        call(driver, graph, "fork", within(state(driver, graph)))
    assert len(history(graph)) == 3


@ways
@on_stores
def test_a_fork_to_another_thread_leaves_no_child_behind_that_waits(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """It is refused, and with an edit, after which all is asked anew, it is not."""
    calls = Calls(kind)
    graph = between(inside(way, child_of(calls, "a?")), kind, store)
    begin(driver, graph, "i")
    with pytest.raises(CheckpointError, match="cannot be taken to another thread"):
        call(driver, graph, "fork", CONFIG, thread_id="other")
    call(driver, graph, "fork", CONFIG, {"log": ["e"]}, thread_id="other")
    forked: Any = {"configurable": {"thread_id": "other"}}
    calls.fresh()
    driver.run(graph, None, config=forked)  # type: ignore[arg-type]  # it goes on
    assert questions(state(driver, graph, forked)) == ["a?"]
    assert calls.names == ["s", "a?"]
    first = answer(driver, graph, "here")
    second = answer(driver, graph, "there", config=forked)
    assert first == {"log": ["i", "p", "s", ("a?", "here"), "t", "q"]}
    assert second == {"log": ["i", "p", "e", "s", ("a?", "there"), "t", "q"]}


@on_stores
def test_a_place_that_is_none(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Is not written to."""
    graph = nest("node", 1, child_of(Calls(kind), "a?"), store)
    begin(driver, graph)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "nope:1"}}
    with pytest.raises(CheckpointNotFoundError):
        call(driver, graph, "update_state", config, {"log": ["x"]})
