"""Threads under attack: bugs that were found by using them otherwise than they were meant."""

import asyncio
import gc
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict

import pytest

from graphflow import START, CompiledStateGraph, StateGraph, ThreadBusyError
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.records import Head
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import CheckpointError
from tests.drivers.backends import PATIENCE
from tests.test_threads import State, T, chain, gives

Config: TypeAlias = Any
Given: TypeAlias = Any


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver]:
    """Give each store in turn."""
    made = InMemorySaver() if request.param == "memory" else SqliteSaver(tmp_path / "t.db")
    yield made
    made.close()


class Stops:
    """Nodes that wait, by the last line of the log, until a test lets them go on."""

    def __init__(self, *lines: str) -> None:
        """Have one stop for each line."""
        self.reached = {line: threading.Event() for line in lines}
        self.opened = {line: threading.Event() for line in lines}

    def node(self, state: Given) -> Given:
        """Wait at the stop of the last line, if it has one."""
        line = state["log"][-1]
        if line in self.reached:
            self.reached[line].set()
            assert self.opened[line].wait(PATIENCE)
        return {"log": ["n"]}


def at_stops(store: BaseCheckpointSaver, stops: Stops) -> CompiledStateGraph[Any, Any]:
    """Return a graph whose first node stops."""
    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("n", stops.node).add_node("m", gives({"log": ["m"]}))
    return builder.add_edge(START, "n").add_edge("n", "m").compile(checkpointer=store)


def begun(act: Callable[[], object], came: list[object]) -> threading.Thread:
    """Start a thread that notes what came of a call."""

    def run() -> None:
        try:
            came.append(act())
        except (ThreadBusyError, CheckpointError) as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class SlowFirstRead(InMemorySaver):
    """A store whose first answer is late."""

    def __init__(self) -> None:
        """Be ready to wait."""
        super().__init__()
        self.asked, self.answer = threading.Event(), threading.Event()

    def head(self, thread: str, /) -> Head | None:
        """Answer late, the first time."""
        found = super().head(thread)
        if not self.asked.is_set():
            self.asked.set()
            assert self.answer.wait(PATIENCE)
        return found


def test_a_run_beside_one_that_has_not_begun_has_a_branch_of_its_own() -> None:
    """The one that was there first has the thread's branch, however late it stores."""
    store, stops, came = SlowFirstRead(), Stops("B"), list[object]()
    graph = at_stops(store, stops)
    first = begun(lambda: graph.invoke({"log": ["A"]}, T), came)
    assert store.asked.wait(PATIENCE)
    beside = begun(lambda: graph.invoke({"log": ["B"]}, T, on_busy="fork"), came)
    assert stops.reached["B"].wait(PATIENCE)
    store.answer.set()
    first.join(PATIENCE)
    stops.opened["B"].set()
    beside.join(PATIENCE)
    assert came == [{"log": ["A", "n", "m"]}, {"log": ["B", "n", "m"]}]
    assert graph.get_state(T).values["log"] == ["A", "n", "m"]


def test_a_run_of_a_thread_that_was_deleted_does_not_fit_to_a_new_one(
    store: BaseCheckpointSaver,
) -> None:
    """Though both began at the beginning."""
    stops, came = Stops("A", "B"), list[object]()
    graph = at_stops(store, stops)
    old = begun(lambda: graph.invoke({"log": ["A"]}, T), came)
    assert stops.reached["A"].wait(PATIENCE)
    store.delete_thread("t")
    new = begun(lambda: graph.invoke({"log": ["B"]}, T, on_busy="fork"), came)
    assert stops.reached["B"].wait(PATIENCE)
    stops.opened["A"].set()
    old.join(PATIENCE)
    stops.opened["B"].set()
    new.join(PATIENCE)
    assert isinstance(came[0], ThreadBusyError)
    assert came[1] == {"log": ["B", "n", "m"]}
    lines = [each.values["log"] for each in graph.get_state_history(T)]
    assert lines[0] == ["B", "n", "m"]


def test_a_run_that_stores_at_its_end_finds_its_place_beside_others(
    store: BaseCheckpointSaver,
) -> None:
    """Its record has another number then than it had when it began."""
    stops, came = Stops("A", "B"), list[object]()
    graph = at_stops(store, stops)
    config: Config = {**T, "metadata": {"who": "A"}}
    one = begun(lambda: graph.invoke({"log": ["A"]}, config), came)
    assert stops.reached["A"].wait(PATIENCE)
    config_b: Config = {**T, "metadata": {"who": "B"}}
    two = begun(
        lambda: graph.invoke({"log": ["B"]}, config_b, durability="exit", on_busy="fork"), came
    )
    assert stops.reached["B"].wait(PATIENCE)
    for line, thread in (("A", one), ("B", two)):
        stops.opened[line].set()
        thread.join(PATIENCE)
    shown = [
        (each.values["log"], (each.metadata or {})["who"]) for each in graph.get_state_history(T)
    ]
    assert (["A", "n", "m"], "A") in shown
    assert (["A", "B", "n", "m"], "B") in shown


def upsert(old: list[Given], new: list[Given]) -> list[Given]:
    """Merge items into those with their id, in place: a reducer."""
    known = {item["id"]: item for item in old}
    for item in new:
        if item["id"] in known:
            known[item["id"]].update(item)
        else:
            known[item["id"]] = item
    return [*known.values()]


class Items(TypedDict, total=False):
    """A list that is merged into."""

    items: Annotated[list[Any], upsert]


def test_a_reducer_that_merges_into_an_item_is_stored_as_it_ran(
    store: BaseCheckpointSaver,
) -> None:
    """What it was given is not among the items, so none of them is trusted to be what it was."""
    builder: StateGraph[Any, Any] = StateGraph(Items)
    builder.add_node("a", gives({"items": [{"id": 1, "done": True}]})).add_edge(START, "a")
    graph = builder.compile(checkpointer=store)
    ran = graph.invoke({"items": [{"id": 1, "done": False}, {"id": 2}]}, T)
    assert graph.get_state(T).values == ran == {"items": [{"id": 1, "done": True}, {"id": 2}]}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_stream_that_is_left_with_its_loop_gives_the_thread_back(
    store: BaseCheckpointSaver,
    durability: Any,  # noqa: ANN401 - a Literal
) -> None:
    """And what it had done is stored, though nothing could be awaited any more."""
    builder: StateGraph[Any, Any] = StateGraph(State)
    for name in "ab":
        builder.add_node(name, gives({"log": [name]}), inline=True)
    graph = builder.add_edge(START, "a").add_edge("a", "b").compile(checkpointer=store)

    async def left() -> None:
        async for values in graph.astream(
            {"log": ["i"]}, T, stream_mode="values", durability=durability
        ):
            if len(values["log"]) == 2:
                return

    loop = asyncio.new_event_loop()
    loop.run_until_complete(left())
    loop.close()
    gc.collect()
    assert graph.get_state(T).values["log"] == ["i", "a"]
    assert graph.invoke(None, T)["log"] == ["i", "a", "b"]


def test_a_thread_of_small_records_is_read_from_a_snapshot() -> None:
    """Not from its beginning: a reader replays a bounded number of supersteps."""
    store = InMemorySaver()
    graph = chain(store, a=gives({"x": 1}))
    for _ in range(300):
        graph.invoke({"x": 0}, T)
    head = store.head("t")
    assert head is not None
    snapshot = store.snapshot("t", head.branch, head.seq)
    assert snapshot is not None
    assert head.seq - snapshot.seq < 800


def test_to_go_on_from_the_last_checkpoint_makes_no_branch(store: BaseCheckpointSaver) -> None:
    """Its config names the thread as it is."""
    graph = chain(store, a=gives({"log": ["a"]}))
    config = T
    for number in range(3):
        graph.invoke({"log": [number]}, config)
        config = graph.get_state(T).config
    assert len(store.branches("t")) == 1
    assert graph.get_state(T).values["log"] == [0, "a", 1, "a", 2, "a"]


def test_a_store_takes_any_thread_id_by_its_text(store: BaseCheckpointSaver) -> None:
    """As a config does."""
    anything: Any = store
    config: Config = {"configurable": {"thread_id": 5}}
    chain(store, a=gives(None)).invoke({}, config)
    anything.copy_thread(5, 6)
    anything.delete_thread(5)
    assert [each.thread_id for each in store.list_threads()] == ["6"]


def test_a_key_that_is_gone_and_still_to_be_applied_is_told(store: BaseCheckpointSaver) -> None:
    """With the node that wrote it."""

    class Other(TypedDict, total=False):
        x: Any

    def graph_of(state: type[Any], *, fails: bool) -> CompiledStateGraph[Any, Any]:
        def bad(_: object) -> object:
            if fails:
                msg = "boom"
                raise ValueError(msg)
            return {}

        builder: StateGraph[Any, Any] = StateGraph(state)
        builder.add_node("a", gives({"log": ["a"]})).add_node("b", bad)
        return builder.add_edge(START, "a").add_edge(START, "b").compile(checkpointer=store)

    one_by_one: Config = {**T, "max_concurrency": 1}
    with pytest.raises(ValueError, match="boom"):
        graph_of(State, fails=True).invoke({}, one_by_one)
    with pytest.raises(CheckpointError, match="'a' has run already and has written 'log'"):
        graph_of(Other, fails=False).invoke(None, T)
    assert graph_of(State, fails=False).invoke(None, T)["log"] == ["a"]


@pytest.mark.parametrize("limit", [-1, 1.5, "2", True])
def test_a_limit_is_a_number_of_things(store: BaseCheckpointSaver, limit: Any) -> None:  # noqa: ANN401 - wrong on purpose
    """Or the error says so, and does not speak of damage."""
    graph = chain(store, a=gives(None))
    with pytest.raises(ValueError, match="limit must be"):
        store.list_threads(limit=limit)
    with pytest.raises(ValueError, match="limit must be"):
        graph.get_state_history(T, limit=limit)


def test_before_is_of_the_same_thread(store: BaseCheckpointSaver) -> None:
    """A checkpoint's number means nothing in another one."""
    graph = chain(store, a=gives(None))
    with pytest.raises(ValueError, match="'other'"):
        graph.get_state_history(T, before={"configurable": {"thread_id": "other"}})


def test_a_snapshot_whose_values_were_not_read_can_be_pickled(store: BaseCheckpointSaver) -> None:
    """They are read for it."""
    graph = chain(store, a=gives({"x": 1}))
    graph.invoke({}, T)
    newest = next(graph.get_state_history(T))
    assert pickle.loads(pickle.dumps(newest)) == newest  # noqa: S301 - our own bytes
