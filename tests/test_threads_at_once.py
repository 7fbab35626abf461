"""Conversations that go on at once on one event loop, and whose commits are made together."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import anyio
import pytest

from graphflow import START, CompiledStateGraph, StateGraph, ThreadBusyError
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.testing._line import Line
from graphflow.types import Durability
from tests.drivers.backends import PATIENCE, REAL_LOOPS, LoopDriver, turn
from tests.test_threads import State

Given: TypeAlias = Any
Graph: TypeAlias = CompiledStateGraph[Any, Any]

pytestmark = pytest.mark.usefixtures("young_objects_only")


LENGTH = 5
NOTHING: Given = {"log": []}


@pytest.fixture(params=["normal", "full"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteSaver]:
    """Return a store in a file, of either kind."""
    with SqliteSaver(tmp_path / "store.db", synchronous=request.param) as made:
        yield made


def talk(store: SqliteSaver) -> Graph:
    """Return a graph that appends to the log until it has its length, a turn for each."""

    async def say(state: Given) -> Given:
        await turn()
        return {"log": [str(len(state["log"]))]}

    def again(state: Given) -> str:
        return "say" if len(state["log"]) < LENGTH else "__end__"

    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("say", say).add_edge(START, "say").add_conditional_edges("say", again)
    return builder.compile(checkpointer=store)


def on(thread: int) -> Given:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": f"thread {thread}"}}


def log_of(graph: Graph, thread: int) -> list[str]:
    """Return what is stored of a thread."""
    log: list[str] = graph.get_state(on(thread)).values.get("log", [])
    return log


WHOLE = [str(number) for number in range(LENGTH)]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", REAL_LOOPS)
def test_many_at_once_are_all_stored(name: str, durability: Durability, store: SqliteSaver) -> None:
    """Each superstep of each conversation, on whatever loop."""
    graph = talk(store)

    async def converse(thread: int) -> None:
        found = await graph.ainvoke(NOTHING, on(thread), durability=durability)
        assert found["log"] == WHOLE

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for thread in range(50):
                group.start_soon(converse, thread)

    LoopDriver(name).main(main)
    assert [log_of(graph, thread) for thread in range(50)] == [WHOLE] * 50
    history = [each.values["log"] for each in graph.get_state_history(on(7))]
    if durability != "exit":
        assert history[:LENGTH] == [WHOLE[:n] for n in range(LENGTH, 0, -1)]


def test_one_that_is_superseded_fails_alone(store: SqliteSaver, tmp_path: Path) -> None:
    """Another process takes one thread over; those that commit together with it go on."""
    graph = talk(store)

    async def watch(thread: int) -> int:
        shown = 0
        async for _ in graph.astream(NOTHING, on(thread), stream_mode="values"):
            shown += 1
            if thread == 3 and shown == 2:
                with SqliteSaver(tmp_path / "store.db") as other:
                    head = other.head("thread 3")
                    assert head is not None
                    line = Line(other, "thread 3")
                    other.append(
                        line.commit(
                            branch=head.branch,
                            epoch=head.epoch,
                            seq=head.seq,
                            next_epoch=head.epoch + 1,
                        )
                    )
        return shown

    async def main() -> list[int | BaseException]:
        return await asyncio.gather(*map(watch, range(8)), return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found.pop(3), ThreadBusyError)
    assert found == [LENGTH + 1] * 7
    assert log_of(graph, 3) == WHOLE[:1]


def test_one_that_is_cancelled_gives_its_thread_back(store: SqliteSaver) -> None:
    """Wherever it was: what it has committed is there, and the next run goes on behind it."""
    graph = talk(store)

    async def one_turn_later(turns: int) -> list[str]:
        tasks = [asyncio.create_task(graph.ainvoke(NOTHING, on(n))) for n in range(4)]
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[2].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [each["log"] for each in (found[0], found[1], found[3])] == [WHOLE] * 3  # type: ignore[index]
        stored = (await graph.aget_state(on(2))).values.get("log", [])
        assert stored == WHOLE[: len(stored)]
        if stored:
            assert (await graph.ainvoke(None, on(2)))["log"] == WHOLE
        else:
            assert (await graph.ainvoke(NOTHING, on(2)))["log"] == WHOLE
        for n in range(4):
            store.delete_thread(f"thread {n}")
        return list(stored)

    async def main() -> None:
        seen = {len(await one_turn_later(turns)) for turns in (*range(1, 40), *range(50, 400, 25))}
        assert seen

    asyncio.run(main())


def unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Hear that tasks were left before their end."""
    assert not loop.is_running(), context


def collected(tasks: list[asyncio.Task[None]]) -> None:
    """Drop the tasks of a loop that was closed, and wait until nobody holds them."""
    left = [weakref.ref(task) for task in tasks]
    tasks.clear()
    until = monotonic() + PATIENCE
    while any(each() is not None for each in left):
        assert monotonic() < until
        gc.collect()


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_loop_that_is_closed_in_a_turn_loses_nothing(
    store: SqliteSaver, durability: Durability
) -> None:
    """What was shown as stored is stored, and every thread can be gone on with."""
    graph = talk(store)
    shown = [0] * 6

    async def watch(thread: int) -> None:
        async for values in graph.astream(
            NOTHING, on(thread), stream_mode="values", durability=durability
        ):
            shown[thread] = 1 + len(values["log"])
            if all(shown):
                begun.set()

    async def main(turns: int) -> None:
        kept.extend(asyncio.create_task(watch(thread)) for thread in range(6))
        await begun.wait()  # else a thread of anyio's is reading, which knows of no closed loop
        for _ in range(turns):
            await asyncio.sleep(0)

    for turns in range(8):
        kept: list[asyncio.Task[None]] = []
        shown[:] = [0] * 6
        begun = asyncio.Event()
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(unheard)
        loop.run_until_complete(main(turns))
        loop.close()
        collected(kept)
        for thread in range(6):
            stored = log_of(graph, thread)
            assert 1 + len(stored) >= shown[thread] - (durability == "async")
            found = graph.invoke(None if stored else NOTHING, on(thread), on_busy="queue")
            assert found["log"] == WHOLE
            store.delete_thread(f"thread {thread}")


def test_a_node_may_block_the_turn_with_a_run(store: SqliteSaver) -> None:
    """A run without a loop, inside a node on the loop, waits for no turn's end."""
    inner = talk(store)

    builder: StateGraph[Any, Any] = StateGraph(State)

    async def calls(state: Given) -> Given:
        await turn()
        store.append(Line(store, f"beside {state['log'][0]}").commit(b"x"))
        return {"log": ["called"]}

    builder.add_node("calls", calls).add_edge(START, "calls")
    outer = builder.compile(checkpointer=store)

    async def main() -> None:
        runs = [outer.ainvoke({"log": [str(n)]}, on(n)) for n in range(5)]
        assert [each["log"][1] for each in await asyncio.gather(*runs)] == ["called"] * 5
        assert (await inner.ainvoke(NOTHING, on(9)))["log"] == WHOLE

    asyncio.run(main())
