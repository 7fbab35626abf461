"""What a superstep's storing costs in a short and in a long thread.

In a long thread the reducer's copy of the list takes twenty times as long as the storing, how long
exactly depends on where the messages lie, and it drives everything else out of the processor's
caches. So the same run without a store goes beside, on the same messages, some supersteps of the
one and some of the other by turns; and a short thread's node copies a list that is as long as the
other thread's. What differs then is the length of the thread alone.
"""

import gc
import operator
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from statistics import median
from time import process_time
from typing import Any

from benchmarks import stored_threads
from benchmarks.library import Library
from benchmarks.measure import run_on
from benchmarks.stored_savers import Kind
from benchmarks.stored_talk import HERE, Message, Node, Talk, message, nothing, talk
from benchmarks.work import Work, WrongResultError

TURN = 50
"""Supersteps of one run before it is the other's turn."""

TURNS = 20
"""Turns of a pass; with so many supersteps some snapshots are among them."""

COPIES = 2
"""How often a superstep of this loop copies the list: for the branch, and at the barrier."""

_BLOCK = 31 << 20

_Stream = AsyncGenerator[Any, None]


def storing(library: Library, kind: Kind, length: int, ballast: int, passes: int = 5) -> float:
    """Return the CPU seconds that storing adds to a superstep: the middle one of some passes.

    Args:
        library: Whose; it must be able to copy threads.
        kind: Where the thread is.
        length: How many messages the thread has.
        ballast: How many the list has that the node copies beside.
        passes: How often to measure.
    """

    async def one_pass() -> float:
        async with stored_threads.copied(library, kind, length) as saver:
            return await _added(library, saver, length, ballast)

    _keep_memory()
    try:
        return median(_from_nothing(one_pass) for _ in range(passes))
    finally:
        gc.unfreeze()


def _keep_memory() -> None:
    """Free a large block: glibc's allocator learns from that to keep what is freed.

    Else it gives a long list back to the system and asks for it again a superstep later, or does
    not, as the rest of the heap has it.
    """
    block = bytearray(_BLOCK)
    del block


def _from_nothing(one_pass: Callable[[], Any]) -> float:
    """Make a pass that does not scan what others left."""
    gc.collect()
    gc.freeze()
    seconds: float = run_on("asyncio", one_pass)
    return seconds


async def _added(library: Library, saver: object, length: int, ballast: int) -> float:
    """Run with a store and without, by turns; return by how much a superstep is dearer."""
    handed: list[list[Message]] = []
    end = length + 1 + TURN * TURNS
    node = _node(handed, stored_threads.said(library, ballast) if ballast else None)
    stored, alone = talk(library, end + 1, saver, node), talk(library, end + 1, None, node)
    added = 0.0
    async with _under_way(stored.astream(nothing(), HERE, stream_mode="updates")) as one:
        given = {"messages": handed[0]}
        async with _under_way(alone.astream(given, HERE, stream_mode="updates")) as other:
            for _ in range(TURNS):
                added += await _turn(one) - await _turn(other)
    seen = len((await stored.aget_state(HERE)).values["messages"])
    if seen < end - 1:  # the last superstep is shown before its barrier
        raise WrongResultError(end - 1, seen)
    return added / (TURN * TURNS)


def _node(handed: list[list[Message]], ballast: list[Message] | None) -> Node:
    """Make a node that notes what it is handed first, and copies a list beside."""
    right = [message(0)]
    beside = ballast

    async def say(state: Talk) -> Talk:
        nonlocal beside
        if not handed:
            handed.append(state["messages"])
        if beside is not None:
            for _ in range(COPIES):
                beside = operator.add(beside, right)
        return {"messages": [message(len(state["messages"]))]}

    return say


@asynccontextmanager
async def _under_way(stream: _Stream) -> AsyncGenerator[_Stream, None]:
    """Give a stream after its first superstep."""
    await anext(stream)
    try:
        yield stream
    finally:
        await stream.aclose()


async def _turn(stream: _Stream) -> float:
    """Take some supersteps; return the CPU seconds."""
    started = process_time()
    for _ in range(TURN):
        await anext(stream)
    return process_time() - started


def copies(length: int) -> Work:
    """Time what the reducer of such a superstep does: `left + right`."""
    said, right = [message(number) for number in range(length)], [message(length)]
    supersteps = TURN * TURNS

    async def run() -> int:
        left = said
        for _ in range(supersteps):
            left = operator.add(left, right)
        return len(left)

    return Work(supersteps, length + supersteps, run, backend="none")
