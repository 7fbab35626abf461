"""In whatever order the tasks of a superstep end, there is one final state; the order is free."""

import asyncio
from collections.abc import Sequence
from itertools import permutations
from typing import Any, Final, TypeAlias

import anyio.lowlevel
import pytest

from graphflow import START, Command, Send
from graphflow._drive.simulated import simulate
from tests.drivers.backends import (
    BESIDE,
    Builder,
    Gate,
    Graph,
    Kind,
    LoopDriver,
    Node,
    builder,
    either,
    fan_out,
    made,
    settle,
)

Order: TypeAlias = Sequence[str]

NAMES: Final = "abcde"
ORDERS: Final = list(permutations(NAMES))
"""All 120 orders in which five tasks can end."""

BESIDE_LOOPS: Final = [pair for pair in BESIDE if pair[0] != "threads"]

HOUR: Final = 3600.0


def with_end(made_of: Builder, names: Sequence[str]) -> Graph:
    """Compile a fan-out of nodes with a node after all of them, which tells what it has seen."""
    made_of.add_node("end", made("sync", lambda state: {"log": [len(state["log"])]}))
    return made_of.add_edge([*names], "end").compile()


def fan_out_and_end(nodes: dict[str, Node]) -> Graph:
    """Return a graph that runs nodes at once, and then the one that tells what it has seen."""
    made_of = builder(nodes)
    for name in nodes:
        made_of.add_edge(START, name)
    return with_end(made_of, [*nodes])


def sends(nodes: int) -> Graph:
    """Return a graph that sends the numbers from 0 to a node, which sleeps as the state says."""

    def split(state: Any) -> list[Send]:  # noqa: ANN401 - of a state that holds the order
        return [Send("w", (number, state["log"][number])) for number in range(nodes)]

    async def work(given: tuple[int, float]) -> Command:
        number, hours = given
        await asyncio.sleep(hours * HOUR)
        return Command(update={"log": [number]}, goto=[Send("again", number)])

    made_of = builder({"w": work, "again": made("sync", lambda number: {"log": [-number]})})
    return made_of.add_conditional_edges(START, split).compile()


def order_of(chunks: Sequence[Any]) -> list[str]:
    """Return the names of the nodes in the order of their updates."""
    return [name for chunk in chunks for name in chunk if name != "end"]


# ------------------------------------------------------------------------------- all 120 orders


def ending_in(order: Order) -> Graph:
    """Return a graph whose nodes sleep so that they end in an order."""

    def node(name: str) -> Node:
        async def node(state: object) -> dict[str, list[str]]:
            await asyncio.sleep(order.index(name) * HOUR)
            return {"log": [name]}

        return node

    return fan_out_and_end({name: node(name) for name in NAMES})


def test_every_order_comes_about_in_a_simulation() -> None:
    """Sleeps of a virtual clock force each of the 120 orders."""

    async def main() -> list[Order]:
        return [
            tuple(order_of([chunk async for chunk in ending_in(order).astream({})]))
            for order in ORDERS
        ]

    assert simulate(main) == ORDERS


def test_every_order_gives_one_state_in_a_simulation() -> None:
    """All 120 orders commit the writes in the order of the plan."""

    async def main() -> list[Any]:
        return [(await ending_in(order).ainvoke({}))["log"] for order in ORDERS]

    assert simulate(main) == [["a", "b", "c", "d", "e", 5]] * 120


def test_every_order_of_sends_gives_one_state() -> None:
    """All 120 orders of five Sends commit the writes in the order of the Sends."""
    graph = sends(5)

    async def main() -> list[Any]:
        orders = permutations(range(5))
        return [(await graph.ainvoke({"log": [*order]}))["log"][5:] for order in orders]

    assert simulate(main) == [[0, 1, 2, 3, 4, 0, -1, -2, -3, -4]] * 120


class Gated:
    """A graph whose nodes end in a given order: each chunk opens the next node's gate."""

    def __init__(self, kind: Kind, order: Order) -> None:
        self.order = [*order]
        self.gates = {name: Gate() for name in order}
        self.gates[order[0]].open()
        self.got: list[Any] = []
        self.graph = fan_out_and_end({name: self.node(kind, name) for name in NAMES})

    def node(self, kind: Kind, name: str) -> Node:
        """Return a node that waits for its gate."""

        async def body(state: object) -> dict[str, list[str]]:
            await self.gates[name].passed()
            return {"log": [name]}

        return either(kind, body)

    def take(self, chunk: tuple[str, Any]) -> None:
        """Keep a chunk, and let the next node end if it is an update."""
        mode, data = chunk
        if mode == "values":
            self.last = data
            return
        self.got.append(data)
        ended = len(self.got)
        if ended < len(self.order):
            self.gates[self.order[ended]].open()

    @property
    def seen(self) -> tuple[list[str], list[Any]]:
        """The order of the updates, and the final log."""
        return order_of(self.got), self.last["log"]

    def run(self) -> tuple[list[str], list[Any]]:
        """Run it without a loop; return what was seen."""
        for chunk in self.graph.stream({}, stream_mode=["updates", "values"]):
            self.take(chunk)
        return self.seen

    async def arun(self) -> tuple[list[str], list[Any]]:
        """Run it on this loop; return what was seen."""
        async for chunk in self.graph.astream({}, stream_mode=["updates", "values"]):
            self.take(chunk)
        return self.seen


def test_every_order_gives_one_state_in_threads(kind: Kind) -> None:
    """Without a loop, too: updates come as tasks end, and the state is one."""
    seen = [Gated(kind, order).run() for order in ORDERS]
    assert seen == [([*order], ["a", "b", "c", "d", "e", 5]) for order in ORDERS]


@pytest.mark.parametrize(("loop", "kind"), BESIDE_LOOPS, indirect=True)
def test_every_order_gives_one_state_on_a_loop(loop: LoopDriver, kind: Kind) -> None:
    """On real loops, too: updates come as tasks end, and the state is one."""

    async def body() -> list[Any]:
        return [await Gated(kind, order).arun() for order in ORDERS]

    assert loop.main(body) == [([*order], ["a", "b", "c", "d", "e", 5]) for order in ORDERS]


# ------------------------------------------------------------------------------- free, or seeded


WIDE_NAMES: Final = [f"n{number:02}" for number in range(12)]


async def wander(state: object) -> None:
    """Take some turns, so that others may come first."""
    await settle(5)


WIDE: Final = fan_out(dict.fromkeys(WIDE_NAMES, wander))


async def watch() -> tuple[str, ...]:
    """Return the order in which the wide graph's nodes end."""
    return tuple(order_of([chunk async for chunk in WIDE.astream({})]))


def test_order_is_free_in_threads(kind: Kind) -> None:
    """Tasks are shown in one order, and then in the other, as they happen to end."""
    orders = [Gated(kind, order).run()[0] for order in (NAMES, NAMES[::-1])]
    assert orders == [["a", "b", "c", "d", "e"], ["e", "d", "c", "b", "a"]]


@pytest.mark.parametrize(("loop", "kind"), BESIDE_LOOPS, indirect=True)
def test_order_is_free_on_a_loop(loop: LoopDriver, kind: Kind) -> None:
    """Tasks are shown in one order, and then in the other, as they happen to end."""

    async def body() -> list[Any]:
        return [(await Gated(kind, order).arun())[0] for order in (NAMES, NAMES[::-1])]

    assert loop.main(body) == [["a", "b", "c", "d", "e"], ["e", "d", "c", "b", "a"]]


def test_trio_orders_by_itself() -> None:
    """Nobody forces an order on trio, whose scheduler is random: several come about."""
    assert len({LoopDriver("trio").main(watch) for _ in range(20)}) > 1


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_fixes_the_order(seed: int) -> None:
    """A simulation with the same seed shows the same order, every time."""
    assert len({simulate(watch, seed) for _ in range(5)}) == 1


def test_seeds_make_a_difference() -> None:
    """Simulations with twenty seeds show at least ten orders."""
    assert len({simulate(watch, seed) for seed in range(20)}) >= 10


def test_every_seeded_order_gives_one_state() -> None:
    """Beyond five tasks, a hundred seeded orders of twelve commit in the order of the plan."""

    def node(name: str) -> Node:
        async def node(state: object) -> dict[str, list[str]]:
            await anyio.lowlevel.checkpoint()
            return {"log": [name]}

        return node

    graph = fan_out_and_end({name: node(name) for name in WIDE_NAMES})

    async def main() -> Any:  # noqa: ANN401 - of ainvoke
        return (await graph.ainvoke({}))["log"]

    assert {tuple(simulate(main, seed)) for seed in range(100)} == {(*WIDE_NAMES, 12)}
