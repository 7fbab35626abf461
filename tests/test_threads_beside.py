"""Runs beside each other on one thread, and whose commits come first."""

import threading
from concurrent.futures import Future
from typing import Any, TypeAlias

from typing_extensions import override

from graphflow import START, StateGraph, ThreadBusyError
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.records import Commit
from tests.drivers.backends import PATIENCE
from tests.test_threads import State, T

Given: TypeAlias = Any


class OneByOne(InMemorySaver):
    """A store that inherits `submit`, and holds one commit up until another has come."""

    waits = True

    def __init__(self) -> None:
        """Hold nobody up."""
        super().__init__()
        self.holds = False
        self.held, self.came = threading.Event(), threading.Event()

    @override
    def append(self, commit: Commit, /) -> None:
        if self.holds:
            self.holds = False
            self.held.set()
            assert self.came.wait(PATIENCE)
        super().append(commit)
        if self.held.is_set():
            self.came.set()

    @override
    def submit(self, commit: Commit, /) -> "Future[None] | None":
        is_held = self.held.is_set()
        future = super().submit(commit)
        if is_held:
            self.came.set()
        return future


def test_a_run_beside_does_not_overtake_what_is_on_its_way() -> None:
    """A blocking run beside an "async" one waits behind the commit that was not waited for."""
    store, came = OneByOne(), list[Any]()
    reached = {1: threading.Event(), 3: threading.Event()}
    opened = {1: threading.Event(), 3: threading.Event()}

    def first(state: Given) -> Given:
        store.holds = state["log"] == ["A"]
        return {"log": ["1"]}

    def second(state: Given) -> Given:
        length = len(state["log"]) - 1  # the one beside has what the other one has stored, too
        reached[length].set()
        assert opened[length].wait(PATIENCE)
        return {"log": ["2"]}

    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("first", first).add_node("second", second)
    graph = builder.add_edge(START, "first").add_edge("first", "second").compile(checkpointer=store)

    def run(line: str, **options: Any) -> None:  # noqa: ANN401 - of `invoke`
        try:
            came.append(graph.invoke({"log": [line]}, T, **options)["log"])
        except ThreadBusyError as error:
            came.append(error)

    one = threading.Thread(target=run, args=("A",), kwargs={"durability": "async"})
    one.start()
    assert reached[1].wait(PATIENCE)
    assert store.held.wait(PATIENCE)
    two = threading.Thread(target=run, args=("B",), kwargs={"on_busy": "fork"})
    two.start()
    assert reached[3].wait(PATIENCE)
    for length, thread in ((1, one), (3, two)):
        opened[length].set()
        thread.join(PATIENCE)
    store.close()
    assert came == [["A", "1", "2"], ["A", "1", "B", "1", "2"]]
