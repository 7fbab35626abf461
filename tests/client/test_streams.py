"""What the stream of a run shows, to whom, and who waits for whom."""

import gc
import threading
from typing import Any

import pytest

from graphflow import START, StateGraph
from graphflow.client import LangGraphClient, get_client
from graphflow.client._feed import KEPT
from graphflow.client.schema import StreamPart
from graphflow.config import get_stream_writer
from graphflow.interrupts import interrupt
from tests.client.served import GIVEN, Slow, events_of, line, play, says
from tests.drivers.backends import REAL_LOOPS, Gate, LoopDriver, State, settle


def boom(state: State) -> State:
    """Fail."""
    raise ValueError("boom")


def asks(state: State) -> State:
    """Ask."""
    return {"log": [interrupt("q?")]}


def tells(state: State) -> State:
    """Write into the custom stream."""
    get_stream_writer()({"half": 1})
    return {"x": 1}


def test_a_stream_begins_with_metadata_and_ends_with_the_end(way: str) -> None:
    """Between them is what was asked for."""
    graph = line({"a": says("a"), "b": says("b")})

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create()
        stream = client.runs.stream(
            thread["thread_id"], "agent", input=GIVEN, stream_mode="updates"
        )
        parts = [part async for part in stream]
        (run,) = await client.runs.list(thread["thread_id"])
        assert parts == [
            StreamPart("metadata", {"run_id": run["run_id"]}),
            StreamPart("updates", {"a": {"log": ["a"]}}),
            StreamPart("updates", {"b": {"log": ["b"]}}),
            StreamPart("end", None),
        ]

    play(way, {"agent": graph}, body)


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("values", [("values", GIVEN), ("values", {"log": ["i"], "x": 1})]),
        ("custom", [("custom", {"half": 1})]),
        (["updates", "custom"], [("custom", {"half": 1}), ("updates", {"tells": {"x": 1}})]),
    ],
    ids=["values", "custom", "both"],
)
def test_a_stream_shows_the_modes_that_were_asked_for(mode: Any, shown: Any) -> None:  # noqa: ANN401 - modes and parts
    """One word, or a list."""

    async def body(client: LangGraphClient) -> list[tuple[str, Any]]:
        return await events_of(client.runs.stream(None, "agent", input=GIVEN, stream_mode=mode))

    told = play("asyncio", {"agent": line({"tells": tells})}, body)
    assert told == [("metadata", None), *shown, ("end", None)]


def test_values_are_shown_unless_anything_else_is_asked_for() -> None:
    """As a server does."""

    async def body(client: LangGraphClient) -> list[str]:
        return [event for event, _ in await events_of(client.runs.stream(None, "agent", input={}))]

    assert "values" in play("asyncio", {"agent": line({"tells": tells})}, body)


def test_an_error_is_shown_and_not_raised(way: str) -> None:
    """It is the last but the end."""

    async def body(client: LangGraphClient) -> list[tuple[str, Any]]:
        thread = await client.threads.create()
        stream = client.runs.stream(
            thread["thread_id"], "agent", input=GIVEN, stream_mode="updates"
        )
        told = await events_of(stream)
        known = await client.threads.get(thread["thread_id"])
        assert (known["status"], known["values"]) == ("error", {"log": ["i", "a"]})
        assert known.get("error") == {"error": "ValueError", "message": "boom"}
        return told

    assert play(way, {"agent": line({"a": says("a"), "boom": boom})}, body) == [
        ("metadata", None),
        ("updates", {"a": {"log": ["a"]}}),
        ("error", {"error": "ValueError", "message": "boom"}),
        ("end", None),
    ]


def test_a_question_is_shown_in_updates_and_in_values() -> None:
    """As plain data."""

    async def body(client: LangGraphClient) -> list[tuple[str, Any]]:
        stream = client.runs.stream(None, "agent", input=GIVEN, stream_mode=["updates", "values"])
        return await events_of(stream)

    told = play("asyncio", {"agent": line({"asks": asks})}, body)
    (_, asked), (_, values) = told[2:4]
    (question,) = asked["__interrupt__"]
    assert (question["value"], question["response_schema"]) == ("q?", None)
    assert values == {"log": ["i"], "__interrupt__": [question]}


def test_what_graphs_inside_show_has_their_namespace_in_the_event(way: str) -> None:
    """Behind the mode."""
    made: StateGraph[State, None] = StateGraph(State)
    made.add_node("sub", line({"s1": says("s1")}))
    made.add_edge(START, "sub")

    async def body(client: LangGraphClient) -> list[str]:
        stream = client.runs.stream(
            None, "agent", input=GIVEN, stream_mode="updates", stream_subgraphs=True
        )
        return [event for event, _ in await events_of(stream)]

    inner, outer = play(way, {"agent": made.compile()}, body)[1:-1]
    assert outer == "updates"
    assert inner.startswith("updates|sub:")


def test_tasks_checkpoints_and_debug_are_plain_data() -> None:
    """Tuples are lists, and a checkpoint of `debug` is named as a state names it."""

    async def body(client: LangGraphClient) -> list[tuple[str, Any]]:
        stream = client.runs.stream(
            None, "agent", input=GIVEN, stream_mode=["tasks", "checkpoints", "debug"]
        )
        return await events_of(stream)

    told = play("asyncio", {"agent": line({"a": says("a")})}, body)
    starts = [data for event, data in told if event == "tasks" and "triggers" in data]
    assert starts[0]["triggers"] == ["branch:to:a"]
    made = [data for event, data in told if event == "checkpoints"]
    assert [data["metadata"]["step"] for data in made] == [-1, 0, 1]
    payload = next(data["payload"] for event, data in told if event == "debug")
    assert payload["checkpoint"]["checkpoint_ns"] == ""
    assert payload["parent_checkpoint"] is None


def test_version_2_has_dicts_and_no_end(way: str) -> None:
    """Questions stand beside the values."""

    async def body(client: LangGraphClient) -> list[Any]:
        stream = client.runs.stream(None, "agent", input=GIVEN, version="v2")
        return [part async for part in stream]

    meta, first, last = play(way, {"agent": line({"asks": asks})}, body)
    assert (meta["type"], meta["ns"], meta["interrupts"]) == ("metadata", [], [])
    assert first == {"type": "values", "ns": [], "data": GIVEN, "interrupts": []}
    assert last["data"] == GIVEN
    assert [one["value"] for one in last["interrupts"]] == ["q?"]


def test_nothing_runs_before_the_first_part_is_asked_for() -> None:
    """A stream that nobody reads is no run."""

    async def body(client: LangGraphClient) -> int:
        thread = await client.threads.create()
        client.runs.stream(thread["thread_id"], "agent", input=GIVEN)
        return len(await client.runs.list(thread["thread_id"]))

    assert play("asyncio", {"agent": line({"a": says("a")})}, body) == 0


# ------------------------------------------------------------------------------ late, and slow


def many(state: State) -> State:
    """Show more than is kept."""
    write = get_stream_writer()
    for number in range(KEPT * 3):
        write(number)
    return {}


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_a_run_waits_for_its_reader(name: str) -> None:
    """It is never more than what is kept ahead."""
    written: list[int] = []

    async def counts(state: State) -> State:
        write = get_stream_writer()
        for number in range(KEPT * 5):
            write(number)
            written.append(number)
            await settle(1)
        return {}

    async def main() -> None:
        async with get_client({"agent": line({"counts": counts})}) as client:
            stream = client.runs.stream(None, "agent", input={}, stream_mode="custom")
            read = 0
            async for part in stream:
                if part.event == "custom":
                    assert part.data == read
                    read += 1
                    if read == 1:
                        await settle(KEPT * 9)
                        assert len(written) < KEPT * 4, "the engine has a buffer, too"
            assert read == KEPT * 5

    LoopDriver(name).main(main)


def test_who_comes_late_gets_the_last_parts(way: str) -> None:
    """And no more than are kept."""

    async def body(client: LangGraphClient) -> list[Any]:
        thread = await client.threads.create()
        run = await client.runs.create(thread["thread_id"], "agent", input={}, stream_mode="custom")
        await client.runs.join(thread["thread_id"], run["run_id"])
        stream = client.runs.join_stream(thread["thread_id"], run["run_id"])
        return [part.data async for part in stream]

    told = play(way, {"agent": line({"many": many})}, body)
    assert told == [*range(KEPT * 2, KEPT * 3), None]


def test_who_comes_early_gets_all(way: str) -> None:
    """From the metadata on, as it comes."""
    slow = Slow()

    async def body(client: LangGraphClient) -> list[str]:
        thread = await client.threads.create()
        run = await client.runs.create(
            thread["thread_id"], "agent", input=GIVEN, stream_mode=["updates", "values"]
        )
        stream = client.runs.join_stream(thread["thread_id"], run["run_id"], stream_mode="updates")
        told = [(await anext(stream)).event]
        await slow.begun.passed()
        slow.may_end.open()
        return told + [part.event async for part in stream]

    told = play(way, {"agent": slow.graph}, body)
    assert told == ["metadata", "updates", "updates", "updates", "end"]


def test_a_resumable_run_is_read_on_behind_a_part(way: str) -> None:
    """Its parts have ids."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create()
        stream = client.runs.stream(
            thread["thread_id"],
            "agent",
            input=GIVEN,
            stream_mode="updates",
            stream_resumable=True,
        )
        parts = [part async for part in stream]
        run_id = parts[0].data["run_id"]
        for at, part in enumerate(parts):
            again = client.runs.join_stream(thread["thread_id"], run_id, last_event_id=part.id)
            assert [part async for part in again] == parts[at + 1 :]
        whole = client.runs.join_stream(thread["thread_id"], run_id, last_event_id="-1")
        assert [part async for part in whole] == parts

    play(way, {"agent": line({"a": says("a"), "b": says("b")})}, body)


def test_a_run_goes_on_when_its_stream_is_left(way: str) -> None:
    """Unless it is said otherwise."""
    slow = Slow()

    async def body(client: LangGraphClient) -> Any:  # noqa: ANN401 - values
        thread = await client.threads.create()
        stream: Any = client.runs.stream(thread["thread_id"], "agent", input=GIVEN)
        run_id = (await anext(stream)).data["run_id"]
        await stream.aclose()
        slow.may_end.open()
        return await client.runs.join(thread["thread_id"], run_id)

    assert play(way, {"agent": slow.graph}, body) == {"log": ["i", "a", "slow", "b"]}


def test_a_run_can_be_told_to_end_when_its_stream_is_left(way: str) -> None:
    """It is as if it had been cancelled."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create()
        stream: Any = client.runs.stream(
            thread["thread_id"], "agent", input=GIVEN, on_disconnect="cancel"
        )
        run_id = (await anext(stream)).data["run_id"]
        await slow.begun.passed()
        await stream.aclose()
        await client.runs.join(thread["thread_id"], run_id)
        run = await client.runs.get(thread["thread_id"], run_id)
        known = await client.threads.get(thread["thread_id"])
        assert (run["status"], known["status"]) == ("interrupted", "interrupted")
        assert "on_disconnect=cancel" in (known.get("error") or {})["message"]

    play(way, {"agent": slow.graph}, body)


def test_who_joins_may_end_the_run_by_leaving(way: str) -> None:
    """With `cancel_on_disconnect`; without, it goes on."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create()
        name = thread["thread_id"]
        run = await client.runs.create(name, "agent", input=GIVEN)
        for cancels in (False, True):
            stream: Any = client.runs.join_stream(name, run["run_id"], cancel_on_disconnect=cancels)
            await anext(stream)
            await slow.begun.passed()
            assert (await client.runs.get(name, run["run_id"]))["status"] == "running"
            await stream.aclose()
        await client.runs.join(name, run["run_id"])
        assert (await client.runs.get(name, run["run_id"]))["status"] == "interrupted"

    play(way, {"agent": slow.graph}, body)


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_who_lets_go_of_a_stream_is_not_waited_for(name: str) -> None:
    """Though the last reference goes in another thread."""

    async def main() -> Any:  # noqa: ANN401 - values
        async with get_client({"agent": line({"many": many})}) as client:
            thread = await client.threads.create()
            held = [
                client.runs.stream(thread["thread_id"], "agent", input=GIVEN, stream_mode="custom")
            ]
            run_id = (await anext(held[0])).data["run_id"]
            await settle()
            letting_go = threading.Thread(target=held.clear)
            letting_go.start()
            letting_go.join()
            gc.collect()
            return await client.runs.join(thread["thread_id"], run_id)

    assert LoopDriver(name).main(main) == GIVEN


def test_a_stream_that_is_left_shows_nothing_more() -> None:
    """It is at its end."""

    async def body(client: LangGraphClient) -> None:
        stream: Any = client.runs.stream(None, "agent", input=GIVEN)
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        assert [part async for part in stream] == []

    play("asyncio", {"agent": line({"a": says("a")})}, body)


def test_a_stream_that_cannot_begin_raises_when_it_is_read(way: str) -> None:
    """There is no run whose error could be shown."""
    gate = Gate()
    gate.open()

    async def body(client: LangGraphClient) -> None:
        stream = client.runs.stream("nowhere", "agent", input=GIVEN)
        with pytest.raises(Exception, match="Thread or assistant not found"):
            await anext(stream)

    play(way, {"agent": line({"a": says("a")})}, body)
