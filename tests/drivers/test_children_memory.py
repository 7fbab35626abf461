"""Nested runs keep nothing of what is over, and leave no cycles for the garbage collector."""

import gc
import threading
import weakref
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pytest

from graphflow import END, START, Command, Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from tests.drivers.backends import (
    PATIENCE,
    Driver,
    Graph,
    Kind,
    LoopDriver,
    builder,
    made,
    says,
    settle,
)
from tests.drivers.children import (
    Part,
    Way,
    called,
    chain,
    commands,
    crew,
    fan,
    inside,
    nest,
    ways,
)
from tests.drivers.people import CONFIG
from tests.drivers.test_memory import Payload, is_ours

pytestmark = pytest.mark.usefixtures("young_objects_only")

ROUNDS: Final = 60


@contextmanager
def without_collector() -> Generator[None]:
    """Leave it to reference counts what is alive."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def quietly(driver: Driver, graph: Graph, **options: Any) -> None:  # noqa: ANN401 - of `stream`
    """Run to the end or to a failure, of which an event loop that ends then would keep traces."""
    if not isinstance(driver, LoopDriver):
        with suppress(ZeroDivisionError):
            driver.each(graph, lambda _: None, {}, **options)
        return

    async def body() -> None:
        with suppress(ZeroDivisionError):
            async for _ in graph.astream({}, **options):
                pass
        await settle(3)

    driver.main(body)


# ------------------------------------------------------------------------------------ no growth


@ways
def test_rounds_of_a_child_add_nothing(driver: Driver, kind: Kind, way: Way) -> None:
    """The hundredth run of a child in one run of its parent is as light as the tenth."""
    seen: list[int] = []

    def count(state: dict[str, int]) -> dict[str, int]:
        if state["x"] in (10, ROUNDS):
            seen.append(sum(1 for thing in gc.get_objects() if is_ours(thing)))
        return {"x": state["x"] + 1}

    def again(state: dict[str, int]) -> str:
        return "sub" if state["x"] <= ROUNDS else END

    quiet = fan(None, {name: made(kind, lambda _: None) for name in "ab"})
    made_of = builder({"sub": inside(way, nest(way, 1, quiet)), "count": made(kind, count)})
    made_of.add_edge(START, "sub").add_edge("sub", "count")
    graph = made_of.add_conditional_edges("count", again, ["sub", END]).compile()
    gc.collect()
    driver.run(graph, {"x": 0, "log": []})
    # Not none: a thread that has ended its job may hold it for a moment.
    assert seen[1] - seen[0] < ROUNDS // 2


@called
def test_calls_of_one_task_add_nothing(driver: Driver, kind: Kind, way: Way) -> None:
    """Nor does the sixtieth call of a child in one task."""
    seen: list[int] = []
    part = inside(way, fan(None, {name: made(kind, lambda _: None) for name in "ab"}))

    def count(number: int) -> None:
        if number in (10, ROUNDS):
            seen.append(sum(1 for thing in gc.get_objects() if is_ours(thing)))

    def node(_: object) -> None:
        for number in range(ROUNDS + 1):
            count(number)
            part({})

    async def node_async(_: object) -> None:
        for number in range(ROUNDS + 1):
            count(number)
            await part({})

    driver.run(chain(None, {"n": node_async if way.startswith("a") else node}))
    assert seen[1] - seen[0] < ROUNDS // 2


# -------------------------------------------------------------------------------------- payloads


def test_what_was_sent_to_children_is_free_soon(driver: Driver, kind: Kind) -> None:
    """Nothing holds the input of a child, nor what it wrote for itself, when it is over."""
    alive: list[weakref.ref[Payload]] = []

    def payload() -> Payload:
        made_now = Payload()
        alive.append(weakref.ref(made_now))
        return made_now

    def count(_: object) -> dict[str, list[int]]:
        return {"log": [sum(one() is not None for one in alive)]}

    quiet = made(kind, lambda _: None)
    child = chain(None, {"s": made(kind, lambda _: {"x": payload()}), "t": quiet})
    first = chain(None, {"clears": child, "back": made(kind, lambda _: {"x": 0})})
    nodes: dict[str, Part] = {"sub": first, "next": quiet, "last": made(kind, count)}
    made_of = builder(nodes).add_edge("sub", "next").add_edge("next", "last")

    def sends(_: object) -> list[Send]:
        return [Send("sub", {"x": payload()})]

    made_of.add_conditional_edges(START, sends, ["sub"])
    with without_collector():
        assert driver.run(made_of.compile())["log"] == [0]
    assert len(alive) == 2


@ways
def test_what_a_child_returned_is_free_with_the_run(driver: Driver, kind: Kind, way: Way) -> None:
    """Once the caller has dropped the result, without a garbage collector."""
    alive: list[weakref.ref[Payload]] = []

    def node(_: object) -> dict[str, list[Payload]]:
        made_now = Payload()
        alive.append(weakref.ref(made_now))
        return {"log": [made_now]}

    graph = nest(way, 2, fan(None, {name: made(kind, node) for name in "ab"}))
    with without_collector():
        quietly(driver, graph, subgraphs=True, stream_mode=["values", "tasks"])
        for thread in threading.enumerate():  # which may hold what they ran until they end
            if thread.name.startswith("graphflow_"):
                thread.join(PATIENCE)
        crew("async").invoke({})  # as the portal may, which goes through its next jobs then
        assert [one() for one in alive] == [None] * 2


# ----------------------------------------------------------------------------------- no cycles


def garbage_of(act: Any) -> Counter[str]:  # noqa: ANN401 - a function without arguments
    """Return what of ours only a garbage collector can free after something was done."""
    found = Counter[str]()
    for _ in range(2):  # the first time, caches are filled
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            act()
            gc.collect()
            found = Counter(type(each).__qualname__ for each in gc.garbage if is_ours(each))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    return found


def fails(_: object) -> None:
    """Fail.

    Raises:
        ZeroDivisionError: always.
    """
    raise ZeroDivisionError


def children_of(kind: Kind, way: Way, what: str) -> Graph:
    """Return a graph whose innermost children end in some way."""
    leaves = {
        "ends": crew(kind),
        "fails": fan(None, {"a": says(kind), "b": made(kind, fails)}),
        "leaves": fan(None, {"a": says(kind), "b": commands(kind, Command(graph=Command.PARENT))}),
        "stops": fan(None, {"a": says(kind), "b": says(kind)}, interrupt_before="*"),
    }
    return fan(None, dict.fromkeys("xy", inside(way, nest(way, 1, leaves[what]))))


@ways
@pytest.mark.parametrize("what", ["ends", "fails", "leaves", "stops"])
@pytest.mark.parametrize("watched", [False, True])
def test_no_cycle_is_left(driver: Driver, kind: Kind, way: Way, what: str, watched: bool) -> None:  # noqa: FBT001 - a parameter
    """However the children end."""
    graph = children_of(kind, way, what)
    options: Any = {"subgraphs": True, "stream_mode": ["values", "updates"]} if watched else {}

    assert garbage_of(lambda: quietly(driver, graph, **options)) == {}


@ways
def test_no_cycle_is_left_by_a_stream_that_is_left(driver: Driver, kind: Kind, way: Way) -> None:
    """In the middle of the children."""
    graph = children_of(kind, way, "ends")
    options: Any = {"subgraphs": True}
    assert garbage_of(lambda: driver.leave(graph, lambda _: None, {}, **options)) == {}


@ways
def test_no_cycle_is_left_on_a_thread(
    driver: Driver, kind: Kind, way: Way, store: BaseCheckpointSaver
) -> None:
    """With each store."""
    graph = chain(store, {"sub": children_of(kind, way, "ends"), "t": says(kind)})
    assert garbage_of(lambda: quietly(driver, graph, config=CONFIG)) == {}
