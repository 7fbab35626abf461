"""What is shown of graphs inside graphs: everything in its place and order, live, or nothing."""

from typing import Any

import pytest

from graphflow import Send, get_stream_writer
from graphflow.checkpoint.base import BaseCheckpointSaver
from tests.drivers.backends import (
    Driver,
    Gate,
    Graph,
    Kind,
    Node,
    either,
    made,
    says,
)
from tests.drivers.children import (
    EMPTY,
    MODES,
    Way,
    bare,
    beside,
    between,
    called,
    chain,
    crew,
    fan,
    inside,
    nest,
    of_place,
    sends_to,
    shown,
    steps,
    ways,
)
from tests.drivers.people import CONFIG, run


def writes(kind: Kind, *items: object) -> Node:
    """Return a node that writes items, and logs the last one."""

    def write(_: object) -> object:
        for item in items:
            get_stream_writer()(item)
        return {"log": [items[-1]]}

    return made(kind, write)


# ------------------------------------------------------------------------------ all that is shown


@ways
def test_nothing_of_a_child_is_shown_unasked(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """In no mode, and neither what its nodes write."""
    child = chain(None, {"s": writes(kind, 1, 2), "t": crew(kind)})
    graph = between(inside(way, child), kind, store)
    names = {"p", "sub", "q"}
    for mode in (*MODES, "checkpoints"):
        chunks = driver.chunks(graph, {}, config=CONFIG, stream_mode=mode)
        assert all(not isinstance(chunk, tuple) for chunk in chunks)
        if mode == "updates":
            assert [name for chunk in chunks for name in chunk] == ["p", "sub", "q"]
        if mode == "tasks":
            assert {chunk["name"] for chunk in chunks} == names
        assert bool(chunks) == (mode != "custom")


@ways
@pytest.mark.parametrize("mode", MODES)
def test_only_what_was_asked_for_is_shown(
    driver: Driver,
    kind: Kind,
    way: Way,
    mode: Any,  # noqa: ANN401 - one of its words
) -> None:
    """Each mode alone shows what it shows beside all others, at every level."""
    child = chain(None, {"s": writes(kind, 1, 2), "c": fan(None, {"t": writes(kind, 3)})})
    graph = between(inside(way, child), kind)
    alone = shown(driver, graph, {"log": ["i"]}, stream_mode=mode)
    beside = shown(driver, graph, {"log": ["i"]}, stream_mode=[*MODES])
    told = [(place, chunk) for place, name, chunk in beside if name == mode]
    if mode in {"tasks", "debug"}:  # which have ids and times
        assert [place for place, _ in alone] == [place for place, _ in told]
    else:
        assert alone == told


@ways
def test_everything_is_shown_in_its_place_and_order(driver: Driver, kind: Kind, way: Way) -> None:
    """A child's chunks come between the start and the end of its task."""
    child = chain(None, {"s": writes(kind, 1, 2)})
    chunks = shown(driver, between(inside(way, child), kind), {"log": ["i"]}, stream_mode=MODES)
    places = [(place, mode) for place, mode, _ in chunks if mode != "debug"]
    inner = [(place, mode) for place, mode in places if place]
    assert [mode for _, mode in inner] == [
        "values",
        "tasks",
        "custom",
        "custom",
        "updates",
        "tasks",
        "values",
    ]
    assert {place for place, _ in inner} == {("sub",)}
    first, last = places.index(inner[0]), len(places) - places[::-1].index(inner[-1])
    assert places[first:last] == inner
    assert places[first - 1] == ((), "tasks")
    assert places[last : last + 3] == [((), "updates"), ((), "tasks"), ((), "values")]


@ways
def test_updates_of_all_levels(driver: Driver, kind: Kind, way: Way) -> None:
    """The innermost come first; each in the place of the tasks around it."""
    graph = nest(way, 3, steps(kind, "s"))
    chunks = shown(driver, graph, {})
    assert chunks == [
        (("n1", "n2", "n3"), {"s": {"log": ["s"]}}),
        (("n1", "n2"), {"n3": {"log": ["s"]}}),
        (("n1",), {"n2": {"log": ["s"]}}),
        ((), {"n1": {"log": ["s"]}}),
    ]


@ways
def test_values_of_all_levels(driver: Driver, kind: Kind, way: Way) -> None:
    """A child's are its own: what it was given, then with what was written."""
    graph = between(inside(way, steps(kind)), kind)
    chunks = shown(driver, graph, {"log": ["i"]}, stream_mode="values")
    given = ["i", "p"] if way == "node" else []
    assert of_place(chunks, "sub") == [{"log": [*given, *lines]} for lines in ("", "s", "st")]
    assert of_place(chunks) == [{"log": [*lines]} for lines in ("i", "ip", "ipst", "ipstq")]


@ways
def test_places_have_the_ids_of_tasks(driver: Driver, kind: Kind, way: Way) -> None:
    """Of those that are shown by `tasks`, all the way down."""
    graph = nest(way, 3, steps(kind, "s"))
    chunks: list[Any] = driver.chunks(graph, {}, subgraphs=True, stream_mode="tasks")
    ids = {chunk["name"]: chunk["id"] for _, chunk in chunks}
    places = {place for place, _ in chunks}
    names = [f"{name}:{ids[name]}" for name in ("n1", "n2", "n3")]
    assert places == {(), *(tuple(names[: level + 1]) for level in range(3))}
    assert len(set(ids.values())) == 4


@called
def test_later_calls_of_one_task_are_numbered(driver: Driver, kind: Kind, way: Way) -> None:
    """In the order of the calls, whatever graph is called."""
    parts = [inside(way, child) for child in (steps(kind, "s"), steps(kind, "t"))] * 2

    def node(_: object) -> object:
        return {"log": [line for part in parts for line in part({})["log"]]}

    async def node_async(_: object) -> object:
        return {"log": [line for part in parts for line in (await part({}))["log"]]}

    graph = chain(None, {"n": node_async if way.startswith("a") else node})
    chunks: list[Any] = driver.chunks(graph, {}, subgraphs=True)
    places = [place for place, _ in chunks if place]
    assert len({place[0] for place in places}) == 1
    assert [place[1:] for place in places] == [(), ("1",), ("2",), ("3",)]
    assert chunks[-1] == ((), {"n": {"log": [*"stst"]}})


def test_each_send_to_a_child_has_its_place(driver: Driver, kind: Kind) -> None:
    """Each is a task of its own."""
    child = chain(None, {"s": made(kind, lambda state: {"log": [state["x"]]})})
    graph = sends_to(child, lambda _: [Send("sub", {"x": number}) for number in range(5)])
    chunks: list[Any] = driver.chunks(graph, {}, subgraphs=True)
    inner = [(place, chunk["s"]["log"]) for place, chunk in chunks if place]
    assert len({place for place, _ in inner}) == len(inner) == 5
    assert sorted(log for _, log in inner) == [[number] for number in range(5)]


@ways
def test_one_mode_of_one_graph_is_a_pair(driver: Driver, kind: Kind, way: Way) -> None:
    """Of several modes, a triple: also for the graph at the top, and without children."""
    graph = chain(None, {"a": says(kind, "a")})
    assert driver.chunks(graph, {}, subgraphs=True) == [((), {"a": {"log": ["a"]}})]
    two = driver.chunks(graph, {}, subgraphs=True, stream_mode=["updates"])
    assert two == [((), "updates", {"a": {"log": ["a"]}})]
    outer = chain(None, {"n": inside(way, graph)})
    got = shown(driver, outer, {}, stream_mode=["updates"])
    assert got == [
        (("n",), "updates", {"a": {"log": ["a"]}}),
        ((), "updates", {"n": {"log": ["a"]}}),
    ]


@ways
def test_output_keys_are_the_root_s(driver: Driver, kind: Kind, way: Way) -> None:
    """A child goes on showing all of its keys."""
    child = chain(None, {"s": made(kind, lambda _: {"log": ["s"], "x": 5})})
    graph = chain(None, {"sub": inside(way, child)})
    chunks = shown(driver, graph, {}, output_keys=["log"])
    assert of_place(chunks, "sub") == [{"s": {"log": ["s"], "x": 5}}]
    assert of_place(chunks) == [{"sub": {"log": ["s"]}}]


def test_invoke_takes_subgraphs(driver: Driver, kind: Kind) -> None:
    """And returns the state, or all chunks of another mode."""
    graph = chain(None, {"sub": steps(kind, "s")})
    assert run(driver, graph, {}, subgraphs=True) == {"log": ["s"]}
    chunks = run(driver, graph, {}, subgraphs=True, stream_mode="updates")
    assert [(bare(place), chunk) for place, chunk in chunks] == [
        (("sub",), {"s": {"log": ["s"]}}),
        ((), {"sub": {"log": ["s"]}}),
    ]


@ways
def test_a_failure_is_shown_at_each_level(driver: Driver, kind: Kind, way: Way) -> None:
    """Inner first; the notes of the error lead outwards."""

    def fails(_: object) -> None:
        raise ZeroDivisionError

    graph = nest(way, 2, chain(None, {"s": made(kind, fails)}))
    got: list[Any] = []
    with pytest.raises(ZeroDivisionError) as raised:
        driver.each(graph, got.append, {}, subgraphs=True, stream_mode="tasks")
    failed = [(bare(place), chunk["name"]) for place, chunk in got if chunk.get("error")]
    assert failed == [(("n1", "n2"), "s"), (("n1",), "n2"), ((), "n1")]
    assert raised.value.__notes__ == [f"in node {n!r}, superstep 1" for n in ("s", "n2", "n1")]


# ----------------------------------------------------------------------------------------- live


@beside
@pytest.mark.parametrize("mode", ["custom", "updates"])
def test_a_child_is_shown_while_it_runs(driver: Driver, kind: Kind, way: Way, mode: str) -> None:
    """It goes on only after the consumer has seen what its first node did."""
    happened: list[str] = []
    seen = Gate()

    async def waits(_: object) -> dict[str, list[str]]:
        await seen.passed()
        happened.append("went on")
        return {"log": ["t"]}

    def take(chunk: Any) -> None:  # noqa: ANN401 - a chunk
        if chunk[0]:
            happened.append("was shown")
            seen.open()

    child = chain(None, {"s": writes(kind, 1), "t": either(kind, waits)})
    graph = nest(way, 2, child)
    driver.each(graph, take, {}, subgraphs=True, stream_mode=mode)
    assert happened.index("was shown") < happened.index("went on")


@beside
def test_children_at_once_are_shown_as_they_go(driver: Driver, kind: Kind, way: Way) -> None:
    """One is shown while the other waits for it to be."""
    shown_first = Gate()
    got: list[Any] = []

    async def waits(_: object) -> dict[str, list[str]]:
        await shown_first.passed()
        return {"log": ["slow"]}

    def take(chunk: Any) -> None:  # noqa: ANN401 - a chunk
        got.append(chunk)
        if "fast" in chunk[1]:
            shown_first.open()

    children = {
        "a": chain(None, {"slow": either(kind, waits)}),
        "b": chain(None, {"fast": says(kind, "fast")}),
    }
    graph = fan(None, {name: inside(way, child) for name, child in children.items()})
    driver.each(graph, take, {}, subgraphs=True)
    names = [name for _, chunk in got for name in chunk]
    assert names.index("fast") < names.index("slow") < names.index("a")


# ------------------------------------------------------------------------------- read in a node


def reads(way: str, child: Graph, items: list[Any], **options: Any) -> Node:  # noqa: ANN401 - of `stream`
    """Return a node that reads what a child shows."""

    def node(_: object) -> object:
        items.extend(child.stream(EMPTY, **options))
        return {"log": ["read"]}

    async def node_async(_: object) -> object:
        items.extend([chunk async for chunk in child.astream(EMPTY, **options)])
        return {"log": ["read"]}

    return node if way == "stream" else node_async


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_node_reads_what_it_asked_for(driver: Driver, kind: Kind, way: str) -> None:
    """And the stream around it shows the modes that were asked for there."""
    items: list[Any] = []
    node = reads(way, nest("node", 1, steps(kind)), items, stream_mode="values")
    graph = chain(None, {"n": node})
    chunks = shown(driver, graph, {}, stream_mode="updates")
    assert items == [{"log": []}, {"log": ["s", "t"]}]
    assert chunks == [
        (("n", "n1"), {"s": {"log": ["s"]}}),
        (("n", "n1"), {"t": {"log": ["t"]}}),
        (("n",), {"n1": [{"log": ["s"]}, {"log": ["t"]}]}),
        ((), {"n": {"log": ["read"]}}),
    ]
    items.clear()
    assert driver.chunks(graph, {}) == [{"n": {"log": ["read"]}}]
    assert items == [{"log": []}, {"log": ["s", "t"]}]


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_node_reads_the_children_of_its_child(driver: Driver, kind: Kind, way: str) -> None:
    """In their places from the top, if it asks for them."""
    items: list[Any] = []
    node = reads(way, nest("node", 1, steps(kind, "s")), items, subgraphs=True)
    driver.run(chain(None, {"n": node}), {})
    assert [(bare(place), chunk) for place, chunk in items] == [
        (("n", "n1"), {"s": {"log": ["s"]}}),
        (("n",), {"n1": {"log": ["s"]}}),
    ]


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_node_hands_on_what_it_reads(driver: Driver, kind: Kind, way: str) -> None:
    """As LangGraph's users do, who want to show a child in the custom stream."""
    child = steps(kind)

    def node(_: object) -> None:
        for chunk in child.stream({}):
            get_stream_writer()(chunk)

    async def node_async(_: object) -> None:
        async for chunk in child.astream({}):
            get_stream_writer()(chunk)

    graph = chain(None, {"n": node if way == "stream" else node_async})
    got = driver.chunks(graph, {}, stream_mode="custom")
    assert got == [{"s": {"log": ["s"]}}, {"t": {"log": ["t"]}}]
