"""How many tasks run at once: as many as `max_concurrency` says, no fewer and no more."""

import sys
import threading
from typing import Any, Final

import pytest

from graphflow import START, Send
from tests.drivers.backends import (
    BESIDE,
    KINDS,
    NOTHING,
    Driver,
    Gate,
    Kind,
    LoopDriver,
    Node,
    State,
    builder,
    either,
    fan_out,
    made,
    turn,
)

beside: Final = pytest.mark.parametrize(("driver", "kind"), BESIDE, indirect=True)


class Meeting:
    """Lets tasks go on in groups of `size`, and counts how many were inside at once.

    So it proves both: fewer at once, and nobody would go on; more at once, and `peak` tells.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.entered = self.inside = self.peak = 0
        self.lock = threading.Lock()
        self.gate = Gate()

    def enter(self) -> Gate:
        """Come in; return the gate that the last of the group opens."""
        with self.lock:
            self.entered += 1
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            gate = self.gate
            if self.entered % self.size == 0:
                self.gate = Gate()
                gate.open()
        return gate

    def leave(self) -> None:
        """Go out."""
        with self.lock:
            self.inside -= 1

    def node(self, kind: Kind) -> Node:
        """Return a node that comes in, waits for its group, and goes out."""

        async def body(state: object) -> None:
            gate = self.enter()
            await gate.passed()
            for _ in range(5):
                await turn()
            self.leave()

        return either(kind, body)


@beside
@pytest.mark.parametrize("limit", [1, 3, 9])
def test_exactly_so_many_nodes_run_at_once(driver: Driver, kind: Kind, limit: int) -> None:
    """Of nine nodes, `max_concurrency` run at once all the time."""
    meeting = Meeting(limit)
    graph = fan_out({f"n{number}": meeting.node(kind) for number in range(9)})
    driver.run(graph, config={"max_concurrency": limit})
    assert (meeting.entered, meeting.peak) == (9, limit)


@beside
def test_exactly_so_many_sends_run_at_once(driver: Driver, kind: Kind) -> None:
    """The limit counts tasks, not nodes."""
    meeting = Meeting(3)
    made_of = builder({"w": meeting.node(kind)})
    made_of.add_conditional_edges(START, made("sync", lambda _: [Send("w", {})] * 9))
    driver.run(made_of.compile(), config={"max_concurrency": 3})
    assert (meeting.entered, meeting.peak) == (9, 3)


@beside
@pytest.mark.parametrize("mode", ["updates", "values", "custom"])
def test_the_limit_holds_in_every_mode(driver: Driver, kind: Kind, mode: str) -> None:
    """A run that is watched has the same limit."""
    meeting = Meeting(3)
    graph = fan_out({f"n{number}": meeting.node(kind) for number in range(9)})
    driver.chunks(graph, config={"max_concurrency": 3}, stream_mode=mode)
    assert (meeting.entered, meeting.peak) == (9, 3)


@beside
def test_all_run_at_once_without_a_limit(driver: Driver, kind: Kind) -> None:
    """Nobody waits for a place unless the caller says so."""
    meeting = Meeting(20)
    driver.run(fan_out({f"n{number}": meeting.node(kind) for number in range(20)}))
    assert meeting.peak == 20


@pytest.mark.parametrize("driver", [name for name, kind in BESIDE if kind == "sync"], indirect=True)
def test_both_kinds_count_together(driver: Driver) -> None:
    """Threads and coroutines of one crew share its limit."""
    meeting = Meeting(2)
    nodes = {f"n{number}": meeting.node(KINDS[number % 2]) for number in range(8)}
    driver.run(fan_out(nodes), config={"max_concurrency": 2})
    assert (meeting.entered, meeting.peak) == (8, 2)


def test_a_limit_of_one_starts_in_order(driver: Driver, kind: Kind) -> None:
    """One after the other, the tasks start and end in the order of the plan."""
    order: list[str] = []

    def node(name: str) -> Node:
        async def body(state: object) -> None:
            order.append(f"{name} begins")
            if kind == "async":
                await turn()
            order.append(f"{name} ends")

        return either(kind, body)

    driver.run(fan_out({name: node(name) for name in "cab"}), config={"max_concurrency": 1})
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


def test_a_long_queue_is_no_deep_one(driver: Driver) -> None:
    """Tasks that end in their first step start those that wait one after the other."""

    async def node(number: int) -> State:
        return {"log": [number]}

    count = 2 * sys.getrecursionlimit()
    made_of = builder({"w": node})
    made_of.add_conditional_edges(
        START, made("sync", lambda _: [Send("w", number) for number in range(count)])
    )
    got = driver.run(made_of.compile(), config={"max_concurrency": 1})
    assert got == {"log": list(range(count))}


@pytest.mark.parametrize("kind", KINDS)
def test_batch_runs_exactly_so_many_at_once(kind: Kind) -> None:
    """Of nine inputs, `max_concurrency` are run at once."""
    meeting = Meeting(3)
    fan_out({"a": meeting.node(kind)}).batch([NOTHING] * 9, {"max_concurrency": 3})
    assert (meeting.entered, meeting.peak) == (9, 3)


def test_abatch_runs_exactly_so_many_at_once(loop: LoopDriver) -> None:
    """Of nine inputs, `max_concurrency` are run at once."""
    meeting = Meeting(3)
    graph = fan_out({"a": meeting.node("async")})

    async def body() -> Any:  # noqa: ANN401 - the outputs
        return await graph.abatch([NOTHING] * 9, {"max_concurrency": 3})

    assert len(loop.main(body)) == 9
    assert (meeting.entered, meeting.peak) == (9, 3)
