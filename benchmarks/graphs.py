"""The graphs that are measured, built with any library from nodes that do next to nothing."""

import asyncio
import operator
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from benchmarks.library import AnyState, Graph, Library

SUMS = 10
"""How many keys of a wide state have a reducer."""


class Counter(TypedDict):
    """The state of most graphs here: one plain key."""

    n: int


class Pair(TypedDict):
    """What a node reads that does not read the rest of a wide state."""

    k0: int
    k1: int


class Gathered(TypedDict):
    """The state of a fan-out: what the items left."""

    done: Annotated[list[int], operator.add]


CounterNode = Callable[[Counter], "Counter | Awaitable[Counter]"]


async def count(state: Counter) -> Counter:
    """Count one up: the node of chains and loops."""
    return {"n": state["n"] + 1}


def count_now(state: Counter) -> Counter:
    """Count one up, without async."""
    return {"n": state["n"] + 1}


async def count_and_sleep(state: Counter) -> Counter:
    """Count one up after giving way to everybody else."""
    await asyncio.sleep(0)
    return {"n": state["n"] + 1}


async def take(item: Mapping[str, int]) -> Gathered:
    """Handle one item of a fan-out."""
    return {"done": [item["item"]]}


def chain(library: Library, length: int, node: CounterNode = count) -> Graph:
    """Build START -> n0 -> n1 -> ... -> END."""
    return _chain(library, Counter, [node] * length)


def build_only(library: Library, length: int) -> Graph:
    """Build a chain whose nodes are all different functions, as they are in an application."""
    return _chain(library, Counter, [_another_count() for _ in range(length)])


def _another_count() -> CounterNode:
    """Make a function that nobody has seen yet."""

    async def another(state: Counter) -> Counter:
        return {"n": state["n"] + 1}

    return another


def _chain(
    library: Library, state: AnyState, nodes: list[Callable[..., object]], **options: object
) -> Graph:
    """Build a chain of these nodes."""
    builder = library.state_graph(state)
    before = library.start
    for index, node in enumerate(nodes):
        name = f"n{index}"
        builder.add_node(name, node, **options)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, library.end)
    return builder.compile()


def loop(library: Library, turns: int, unrelated: int = 0) -> Graph:
    """Build START -> act -> judge and a branch back to act, beside so many nodes that never run.

    It ends after `turns` supersteps, which must be an even number.
    """
    builder = library.state_graph(Counter)
    end = library.end

    def again(state: Counter) -> str:
        return "act" if state["n"] < turns else end

    builder.add_node("act", count)
    builder.add_node("judge", count)
    builder.add_edge(library.start, "act")
    builder.add_edge("act", "judge")
    builder.add_conditional_edges("judge", again)
    for index in range(unrelated):
        builder.add_node(f"other{index}", count)
        builder.add_edge(f"other{index}", end)
    return builder.compile()


def branches(library: Library, turns: int) -> Graph:
    """Build one node with a branch back to itself: every superstep has one."""
    builder = library.state_graph(Counter)
    end = library.end

    def again(state: Counter) -> str:
        return "act" if state["n"] < turns else end

    builder.add_node("act", count)
    builder.add_edge(library.start, "act")
    builder.add_conditional_edges("act", again)
    return builder.compile()


def fan_out(library: Library, items: int) -> Graph:
    """Build a branch at START that sends so many items to one node."""
    builder = library.state_graph(Gathered)
    send = library.send

    def split(_state: Gathered) -> list[object]:
        return [send("take", {"item": index}) for index in range(items)]

    builder.add_conditional_edges(library.start, split)
    builder.add_node("take", take)
    return builder.compile()


class Item(TypedDict):
    """The state of a graph that handles one item: the item, and what comes of it."""

    item: int
    done: NotRequired[list[int]]


class Result(TypedDict, total=False):
    """What such a graph gives."""

    done: list[int]


async def handle(state: Item) -> Item:
    """Do a part of the work on an item."""
    return {"item": state["item"]}


async def finish(state: Item) -> Result:
    """Do the last part of it."""
    return {"done": [state["item"]]}


def children(library: Library, supersteps: int, length: int) -> Graph:
    """Build a branch at START that sends items to a graph, which takes so many supersteps each."""
    inner: Any = library.state_graph(Item, output_schema=Result)
    previous = library.start
    for place in range(length):
        name = f"n{place}"
        inner.add_node(name, finish if place == length - 1 else handle)
        inner.add_edge(previous, name)
        previous = name
    builder = library.state_graph(Gathered)
    send = library.send

    def split(_state: Gathered) -> list[object]:
        return [send("take", {"item": index}) for index in range(supersteps // length)]

    builder.add_conditional_edges(library.start, split)
    builder.add_node("take", inner.compile())
    return builder.compile()


def talking_chain(library: Library, length: int) -> Graph:
    """Build a chain whose nodes write one custom chunk each."""
    get_stream_writer = library.get_stream_writer

    async def talk(state: Counter) -> Counter:
        get_stream_writer()(state["n"])
        return {"n": state["n"] + 1}

    return chain(library, length, talk)


def wide_given(keys: int) -> dict[str, int]:
    """Give every key of a wide state a value."""
    return {f"k{index}": index for index in range(keys)}


def wide_state(keys: int) -> AnyState:
    """Make a state of so many keys; the last few have a reducer."""
    plain = max(keys - SUMS, 2)
    hints: dict[str, object] = {
        f"k{index}": int if index < plain else Annotated[int, operator.add] for index in range(keys)
    }
    # A class that is only known at run time; type checkers want the functional form spelled out.
    make: Any = TypedDict
    state: AnyState = make("Wide", hints)
    return state


def wide_node(keys: int) -> Callable[[dict[str, int]], Awaitable[dict[str, int]]]:
    """Make a node that reads every key and writes four plain ones and one with a reducer."""
    last = f"k{keys - 1}"

    async def mix(state: dict[str, int]) -> dict[str, int]:
        total = sum(state.values()) & 0xFFFF
        return {"k0": total, "k1": total + 1, "k2": total + 2, "k3": total + 3, last: 1}

    return mix


def wide(library: Library, length: int, keys: int) -> Graph:
    """Build a chain over a wide state."""
    return _chain(library, wide_state(keys), [wide_node(keys)] * length)


async def count_pair(state: Pair) -> Pair:
    """Read two keys and write them."""
    return {"k0": state["k0"] + 1, "k1": state["k1"]}


def narrow_readers(library: Library, length: int, keys: int) -> Graph:
    """Build a chain over a wide state whose nodes read two keys of it."""
    return _chain(library, wide_state(keys), [count_pair] * length, input_schema=Pair)
