"""Graphs inside graphs on every driver: what goes in, what comes out, and what is inherited."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict

import anyio
import pytest

from graphflow import END, START, Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import ConcurrentUpdateError, InvalidUpdateError
from graphflow.messages import MessagesState, RemoveMessage
from graphflow.types import Overwrite
from tests.drivers.backends import Driver, Kind, builder, made, says
from tests.drivers.children import (
    Part,
    Way,
    between,
    called,
    chain,
    crew,
    fan,
    graph_of,
    inside,
    nest,
    sends_to,
    shown,
    steps,
    ways,
)
from tests.drivers.people import begin, run
from tests.small import gives

LOG: Final = ["i", "p", "s", "t", "q"]


@pytest.fixture(params=["none", "memory", "sqlite"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver | None]:
    """Give no store, then each."""
    if request.param == "none":
        yield None
        return
    made_of = InMemorySaver() if request.param == "memory" else SqliteSaver(tmp_path / "threads.db")
    yield made_of
    made_of.close()


# --------------------------------------------------------------------------------- in and out


@ways
def test_a_child_does_its_part(
    driver: Driver, kind: Kind, way: Way, kept: BaseCheckpointSaver | None
) -> None:
    """Between two nodes of its parent, on each driver, with each store, in each way."""
    graph = between(inside(way, steps(kind)), kind, kept)
    assert begin(driver, graph, "i") == {"log": LOG}


@ways
def test_children_nest(
    driver: Driver, kind: Kind, way: Way, kept: BaseCheckpointSaver | None
) -> None:
    """Five levels deep."""
    assert begin(driver, nest(way, 5, crew(kind), kept), "i") == {"log": ["i", "a", "b", "c"]}


@ways
@pytest.mark.parametrize("inner", ["sync", "async"])
def test_kinds_mix(driver: Driver, kind: Kind, way: Way, inner: Kind) -> None:
    """A child's nodes need not be of the kind of its parent's."""
    middle = chain(None, {"m": says(kind, "m"), "in": inside(way, crew(inner))})
    assert begin(driver, between(inside(way, middle), inner)) == {"log": [*"pmabcq"]}


@ways
def test_children_run_beside_each_other(driver: Driver, kind: Kind, way: Way) -> None:
    """What each wrote is taken over in the order of the plan; what none wrote stays alone."""
    nodes = {name: inside(way, steps(kind, names)) for name, names in (("b", "rs"), ("a", "tu"))}
    assert run(driver, fan(None, nodes), {"log": ["i"], "x": 1}) == {"log": [*"iturs"], "x": 1}


def test_a_child_gives_what_was_written_inside(driver: Driver, kind: Kind) -> None:
    """Every write of a key that both combine in the same way, and the last value of others."""
    writes: dict[str, Any] = {
        "s": {"log": ["s"], "x": 1},
        "t": {"log": ["t"], "x": 2},
        "u": {"log": ["u"]},
    }
    nodes = {name: made(kind, gives_a_copy(update)) for name, update in writes.items()}
    chunks = shown(driver, between(chain(None, nodes), kind), {"log": ["i"], "x": 0})
    assert ((), {"sub": [{"log": ["s"]}, {"log": ["t"]}, {"log": ["u"]}, {"x": 2}]}) in chunks


def gives_a_copy(update: Mapping[str, Any]) -> Callable[[object], object]:
    """Return a function that gives an update."""
    return lambda _: {**update}


def test_a_child_that_writes_nothing_gives_nothing(driver: Driver, kind: Kind) -> None:
    """Neither does one that is over at once."""
    quiet = chain(None, {"s": made(kind, lambda _: None)})
    over: Part = builder({"s": says(kind)}).add_conditional_edges(START, gives(END), ["s", END])
    graph = chain(None, {"quiet": quiet, "over": over.compile()})
    assert driver.chunks(graph, {"log": ["i"], "x": 1}) == [{"quiet": None}, {"over": None}]


def test_what_is_overwritten_inside_is_overwritten(driver: Driver, kind: Kind) -> None:
    """In the child, and then in its parent."""
    nodes = {"s": says(kind, "s"), "t": made(kind, lambda _: {"log": Overwrite(["o"])})}
    graph = between(chain(None, {**nodes, "u": says(kind, "u")}), kind)
    assert begin(driver, graph, "i") == {"log": ["o", "u", "q"]}


def test_messages_removed_inside_are_removed(driver: Driver, kind: Kind) -> None:
    """And those added are added once."""
    removes = made(kind, lambda _: {"messages": [RemoveMessage(id="1")]})
    adds = made(kind, lambda _: {"messages": [{"role": "ai", "content": "b", "id": "2"}]})
    child = graph_of(MessagesState, {"s": removes, "t": adds})
    given = {"messages": [{"role": "user", "content": "a", "id": "1"}]}
    ended = driver.run(graph_of(MessagesState, {"sub": child}), given)
    assert [each["id"] for each in ended["messages"]] == ["2"]


class Own(TypedDict, total=False):
    """A child's state: a list that is replaced, a key of its own, and one that is shared."""

    log: list[str]
    own: int
    x: int


def test_a_child_combines_in_its_own_way(driver: Driver, kind: Kind) -> None:
    """It replaces its list; the parent appends what that is in the end."""
    nodes = {"s": made(kind, lambda _: {"log": ["s"]}), "t": made(kind, lambda _: {"log": ["t"]})}
    graph = between(graph_of(Own, nodes), kind)
    assert begin(driver, graph, "i") == {"log": ["i", "p", "t", "q"]}


def test_only_shared_keys_go_in_and_out(driver: Driver, kind: Kind) -> None:
    """A child sees the parent's keys that it has, and gives back those that the parent has."""
    seen: list[object] = []

    def look(state: dict[str, object]) -> dict[str, object]:
        seen.append({**state})
        return {"own": 5, "x": 2}

    graph = between(graph_of(Own, {"s": made(kind, look)}), kind)
    assert run(driver, graph, {"log": ["i"], "x": 1}) == {"log": ["i", "p", "q"], "x": 2}
    assert seen == [{"log": ["i", "p"], "x": 1}]


class Narrow(TypedDict, total=False):
    """One key, to go in or to come out."""

    x: int


def test_schemas_of_a_child_filter(driver: Driver, kind: Kind) -> None:
    """Its input schema what goes in, its output schema what comes out."""
    seen: list[object] = []

    def look(state: dict[str, object]) -> dict[str, object]:
        seen.append({**state})
        return {"log": ["s"], "own": 1, "x": 2}

    child = graph_of(Own, {"s": made(kind, look)}, input_schema=Narrow, output_schema=Narrow)
    assert run(driver, between(child, kind), {"log": ["i"], "x": 1}) == {"log": [*"ipq"], "x": 2}
    assert seen == [{"x": 1}]


@ways
def test_each_round_of_a_loop_runs_the_child_anew(driver: Driver, kind: Kind, way: Way) -> None:
    """Nothing of the round before is left in it."""
    made_of = builder({"sub": inside(way, steps(kind))}).add_edge(START, "sub")
    made_of.add_conditional_edges("sub", again, ["sub", END])
    assert begin(driver, made_of.compile()) == {"log": [*"ststst"]}


def again(state: dict[str, list[str]]) -> str:
    """Go round three times, two lines each."""
    return "sub" if len(state["log"]) < 6 else END


def test_a_send_is_a_child_s_input(driver: Driver, kind: Kind) -> None:
    """Each task has its own; an unknown key is an error, as in any input."""
    child = chain(None, {"s": made(kind, lambda state: {"log": [state["x"]]})})
    graph = sends_to(child, lambda _: [Send("sub", {"x": number}) for number in range(5)])
    assert begin(driver, graph, "i") == {"log": ["i", *range(5)]}
    wrong = sends_to(child, lambda _: [Send("sub", {"y": 1})])
    with pytest.raises(InvalidUpdateError, match="y"):
        begin(driver, wrong)


def test_children_that_write_one_plain_key_collide(driver: Driver, kind: Kind) -> None:
    """As any two nodes of one superstep do."""
    child = chain(None, {"s": made(kind, lambda _: {"x": 1})})
    with pytest.raises(ConcurrentUpdateError):
        begin(driver, fan(None, {"a": child, "b": child}))


# ------------------------------------------------------------------------------- called in a node


@called
def test_a_node_may_call_several_children(
    driver: Driver, kind: Kind, way: Way, kept: BaseCheckpointSaver | None
) -> None:
    """One after the other, the same one twice."""
    first, second = steps(kind), crew(kind)
    parts = [inside(way, child) for child in (first, second, first)]

    async def node_async(state: object) -> object:
        return {"log": [line for part in parts for line in (await part(state))["log"]]}

    def node(state: object) -> object:
        return {"log": [line for part in parts for line in part(state)["log"]]}

    graph = between(node_async if way.startswith("a") else node, kind, kept)
    assert begin(driver, graph) == {"log": [*"pstabcstq"]}


def test_a_node_may_batch_children(driver: Driver, kind: Kind) -> None:
    """Each has its input, and the results are in their order."""
    child = chain(None, {"s": made(kind, lambda state: {"log": [state["x"]]})})

    def node(_: object) -> object:
        return {"log": [line for one in child.batch([*inputs]) for line in one["log"]]}

    async def node_async(_: object) -> object:
        return {"log": [line for one in await child.abatch([*inputs]) for line in one["log"]]}

    inputs = [{"x": number} for number in range(10)]
    assert begin(driver, chain(None, {"a": node, "b": node_async})) == {"log": [*range(10)] * 2}


def test_a_task_group_of_children(driver: Driver, kind: Kind) -> None:
    """An async node may await any number at once."""
    child = crew(kind)

    async def node(_: object) -> object:
        got: dict[int, Any] = {}

        async def one(number: int) -> None:
            got[number] = (await child.ainvoke({"log": [number]}))["log"]

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
        return {"log": [got[number] for number in range(20)]}

    wanted = [[number, "a", "b", "c"] for number in range(20)]
    assert begin(driver, chain(None, {"n": node})) == {"log": wanted}


@called
def test_a_child_in_a_conditional_edge(driver: Driver, kind: Kind, way: Way) -> None:
    """A path function may ask a graph where to go."""
    part = inside(way, steps(kind, "s"))

    async def path_async(state: object) -> str:
        return str((await part(state))["log"][0])

    def path(state: object) -> str:
        return str(part(state)["log"][0])

    made_of = builder({"a": says(kind, "a"), "s": says(kind, "went")}).add_edge(START, "a")
    made_of.add_conditional_edges("a", path_async if way.startswith("a") else path, ["s", END])
    assert begin(driver, made_of.compile()) == {"log": ["a", "went"]}
