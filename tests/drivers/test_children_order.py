"""Children that a node calls at once, in any order, and in another one when it is run again."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import anyio
import pytest

from graphflow import START, interrupt
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import GraphMismatchError
from tests.drivers.backends import Graph, Kind, LoopDriver, Node, builder
from tests.drivers.children import Calls, chain, on_stores
from tests.drivers.people import answer, begin, go_on, ids

ORDERS = [*permutations(range(3))]


def child_of(node: Node, **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of one node."""
    return builder({"a": node}).add_edge(START, "a").compile(**options)


def group(
    child: Graph, orders: Sequence[Sequence[Any]], store: BaseCheckpointSaver, *, fails: bool
) -> Graph:
    """Return a graph whose node calls another with numbers, at once, at each run in an order.

    It logs what they return by the number; if it fails, then at the end of its first run.
    """
    left = [*orders]

    async def node(_: object) -> Any:  # noqa: ANN401 - an update
        found: dict[Any, Any] = {}
        order = left.pop(0)

        async def call(given: int) -> None:
            found[given] = (await child.ainvoke({"log": [given]}))["log"]

        async with anyio.create_task_group() as tasks:
            for given in order:
                tasks.start_soon(call, given)
        if len(left) == len(orders) - 1 and fails:
            raise ZeroDivisionError
        return {"log": [found[given] for given in sorted(found)]}

    return chain(store, {"n": node})


@pytest.mark.parametrize("again", ORDERS)
@on_stores
def test_each_call_is_found_by_its_input(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver, again: Sequence[int]
) -> None:
    """What has ended is not run again, and given to the call that it was for."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s")})
    graph = group(child, [(0, 1, 2), again], store, fails=True)
    with pytest.raises(ZeroDivisionError):
        begin(loop, graph)
    assert go_on(loop, graph) == {"log": [[0, "s"], [1, "s"], [2, "s"]]}
    assert calls.names == ["s"] * 3


@pytest.mark.parametrize("kept", ["stored", "not stored"])
@pytest.mark.parametrize("again", ORDERS)
@on_stores
def test_each_question_is_answered_by_its_id(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver, again: Sequence[int], kept: str
) -> None:
    """It stays where it was asked, whatever the order of the calls is by then."""
    asked: list[int] = []

    def ask(state: Any) -> Any:  # noqa: ANN401 - a state
        (mine,) = state["log"]
        asked.append(mine)
        return {"log": [interrupt(mine)]}

    options: dict[str, Any] = {} if kept == "stored" else {"checkpointer": False}
    child = child_of(ask, **options)
    orders = [(0, 1, 2), again, again[::-1], (2, 0, 1), (1, 2, 0)]
    graph = group(child, orders, store, fails=False)
    shown = ids(begin(loop, graph))
    answers: dict[int, str] = {}
    found: Any = None
    while shown:
        number, known = shown.popitem()
        answers[number] = f"answer {number}"
        found = answer(loop, graph, {known: answers[number]})
        shown = ids(found)
    assert found == {"log": [[n, f"answer {n}"] for n in range(3)]}
    assert sorted(answers) == [0, 1, 2]


@on_stores
def test_calls_with_one_input_are_told_apart_by_their_number(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The second of them is not the first again."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s")})

    async def node(_: object) -> Any:  # noqa: ANN401 - an update
        found = [(await child.ainvoke({"log": [0]}))["log"] for _ in range(len(calls.names) or 1)]
        if len(calls.names) == 1:
            raise ZeroDivisionError
        more = (await child.ainvoke({"log": [0]}))["log"]
        return {"log": [*found, more]}

    graph = chain(store, {"n": node})
    with pytest.raises(ZeroDivisionError):
        begin(loop, graph)
    with pytest.raises(ZeroDivisionError):
        go_on(loop, graph)
    calls.names.append("?")
    assert go_on(loop, graph) == {"log": [[0, "s"]] * 3}
    assert calls.names == ["s", "?", "s", "s"]


@pytest.mark.parametrize("again", [(3, 0, 1), (1, 0, 3), (0, 3, 1)])
@on_stores
def test_a_new_input_beside_others_is_a_new_call(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver, again: Sequence[int]
) -> None:
    """Nobody knows whether the call whose place it would take is still to come."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s")})
    graph = group(child, [(0, 1, 2), again], store, fails=True)
    with pytest.raises(ZeroDivisionError):
        begin(loop, graph)
    assert go_on(loop, graph) == {"log": [[0, "s"], [1, "s"], [3, "s"]]}
    assert calls.names == ["s"] * 4


@pytest.mark.parametrize("late", [(0.0, 3.0), (3.0, 0.0)])
@on_stores
def test_calls_may_come_later_than_before(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver, late: tuple[float, float]
) -> None:
    """One that had not been made when the first one asked is not taken for that one."""
    turns = [(0.0, 3.0), late, late[::-1], late]

    def ask(state: Any) -> Any:  # noqa: ANN401 - a state
        return {"log": [interrupt(state["log"][0])]}

    child = chain(None, {"a": ask})

    async def node(_: object) -> Any:  # noqa: ANN401 - an update
        found: dict[int, Any] = {}
        waits, first = turns.pop(0), anyio.Event()

        async def call(given: int) -> None:
            if waits[given]:
                await first.wait()
            else:
                first.set()
            found[given] = (await child.ainvoke({"log": [given]}))["log"]

        async with anyio.create_task_group() as tasks:
            for given in range(2):
                tasks.start_soon(call, given)
        return {"log": [found[0], found[1]]}

    graph = chain(store, {"n": node})
    shown = ids(begin(loop, graph))
    found: Any = None
    while shown:
        number, known = shown.popitem()
        found = answer(loop, graph, {known: f"answer {number}"})
        shown = ids(found)
    assert found == {"log": [[0, "answer 0"], [1, "answer 1"]]}


@on_stores
def test_a_new_input_goes_on_for_the_one_before(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Where the node itself makes the calls it is the same call, with another time in it say."""
    calls = Calls(kind)
    child = chain(None, {"s": calls.says("s")})
    given = [0, 1]

    async def node(_: object) -> Any:  # noqa: ANN401 - an update
        found = [(await child.ainvoke({"log": [each]}))["log"] for each in given]
        if given == [0, 1]:
            given[0] = 3
            raise ZeroDivisionError
        return {"log": found}

    graph = chain(store, {"n": node})
    with pytest.raises(ZeroDivisionError):
        begin(loop, graph)
    assert go_on(loop, graph) == {"log": [[0, "s"], [1, "s"]]}
    assert calls.names == ["s"] * 2


@on_stores
def test_no_call_is_given_what_another_had_come_to(
    loop: LoopDriver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """A new input that has taken the place of a call that comes later is an error."""
    child = chain(None, {"s": Calls(kind).says("s")})
    orders = [[0, 1], [3, 1, 0], [1, 0]]

    async def node(_: object) -> Any:  # noqa: ANN401 - an update
        order = orders.pop(0)
        found = [(await child.ainvoke({"log": [given]}))["log"] for given in order]
        if len(orders) > 1:
            raise ZeroDivisionError
        return {"log": found}

    graph = chain(store, {"n": node})
    with pytest.raises(ZeroDivisionError):
        begin(loop, graph)
    with pytest.raises(GraphMismatchError, match="that it had given to another"):
        go_on(loop, graph)
    assert go_on(loop, graph) == {"log": [[1, "s"], [0, "s"]]}
