"""A run keeps nothing of what is over: not what tasks were given, nor what they gave."""

import gc
import weakref

import pytest

from graphflow import START, Send
from tests.drivers.backends import Driver, Kind, builder, either, made, sizes

pytestmark = pytest.mark.usefixtures("young_objects_only")


async def ends_at_once(state: object) -> None:
    """Do nothing, and never wait."""


class Payload:
    """Something to be sent, which tells whether it is alive."""


@sizes
def test_what_was_sent_is_free_soon(driver: Driver, kind: Kind, names: str) -> None:
    """Two supersteps later nothing holds the arguments of Sends, nor the tasks they made."""
    alive: list[weakref.ref[Payload]] = []

    def split(_: object) -> list[Send]:
        payloads = [Payload() for _ in names]
        alive.extend(map(weakref.ref, payloads))
        return [Send("w", payload) for payload in payloads]

    def count(_: object) -> dict[str, list[int]]:
        return {"log": [sum(payload() is not None for payload in alive)]}

    nothing = either(kind, ends_at_once)
    made_of = builder({"first": nothing, "w": nothing, "next": nothing, "last": made(kind, count)})
    made_of.add_edge(START, "first").add_conditional_edges("first", made("sync", split))
    graph = made_of.add_edge("w", "next").add_edge("next", "last").compile()
    gc.disable()
    try:
        assert driver.run(graph) == {"log": [0]}
    finally:
        gc.enable()


@sizes
def test_a_long_run_holds_no_more_than_a_short_one(driver: Driver, kind: Kind, names: str) -> None:
    """From the tenth superstep to the hundredth, less than one object for two is added."""
    seen: list[int] = []

    def count(state: dict[str, int]) -> dict[str, int]:
        if state["x"] in (10, 100):
            seen.append(sum(1 for thing in gc.get_objects() if is_ours(thing)))
        return {"x": state["x"] + 1}

    nodes = {name: made(kind, lambda _: None) for name in names}
    made_of = builder({**nodes, "count": made(kind, count)})
    for name in names:
        made_of.add_edge("count", name)
    made_of.add_edge(START, "count").add_conditional_edges("a", made("sync", again))
    driver.run(made_of.compile(), {"x": 0})
    # Not none: a thread that has ended its job may hold it for a moment.
    assert seen[1] - seen[0] < 45


def is_ours(thing: object) -> bool:
    """Tell whether an object is of one of the engine's classes."""
    return str(type(thing).__module__).startswith("graphflow")


def again(state: dict[str, int]) -> list[str]:
    """Go on until the state has been counted for the second time."""
    return ["count"] if state["x"] <= 100 else []
