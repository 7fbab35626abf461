"""What threads are, and how they are found, read and edited."""

from typing import Any

import pytest

from graphflow import START, StateGraph
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.client import LangGraphClient
from graphflow.client.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnprocessableEntityError,
)
from graphflow.interrupts import interrupt
from tests.client.served import GIVEN, line, play, says
from tests.drivers.backends import State

PLAIN = line({"a": says("a"), "b": says("b")})


def test_a_new_thread_is_idle_and_has_no_values(way: str) -> None:
    """It is what a server tells of a new one, key by key."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create(metadata={"user": "ada"})
        assert [*thread] == [
            "thread_id",
            "created_at",
            "updated_at",
            "state_updated_at",
            "metadata",
            "status",
            "config",
            "values",
        ]
        assert (thread["status"], thread["values"], thread["config"]) == ("idle", None, {})
        assert await client.threads.get(thread["thread_id"]) == thread
        state = await client.threads.get_state(thread["thread_id"])
        assert state == {
            "values": {},
            "next": [],
            "tasks": [],
            "metadata": None,
            "created_at": None,
            "checkpoint": None,
            "parent_checkpoint": None,
            "interrupts": [],
            "checkpoint_id": None,
            "parent_checkpoint_id": None,
        }
        assert await client.threads.get_history(thread["thread_id"]) == []

    play(way, {"agent": PLAIN}, body)


def test_a_thread_has_an_id_of_the_callers(way: str) -> None:
    """Once."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create(thread_id="mine", graph_id="agent")
        assert thread["metadata"] == {"graph_id": "agent"}
        with pytest.raises(ConflictError, match="Thread with ID mine already exists"):
            await client.threads.create(thread_id="mine", if_exists="raise")
        assert await client.threads.create(thread_id="mine", if_exists="do_nothing") == thread
        with pytest.raises(NotFoundError, match="Graph 'nope' not found"):
            await client.threads.create(graph_id="nope")

    play(way, {"agent": PLAIN}, body)


def test_a_thread_that_is_not_there_is_not_found(way: str) -> None:
    """Whatever is to be done with it."""

    async def body(client: LangGraphClient) -> None:
        threads = client.threads
        for asked in (
            threads.get,
            threads.delete,
            threads.copy,
            threads.get_state,
            threads.get_history,
        ):
            with pytest.raises(NotFoundError, match="Thread with ID nope not found") as raised:
                await asked("nope")
            assert raised.value.status_code == 404
            assert raised.value.body == {"detail": raised.value.message}

    play(way, {"agent": PLAIN}, body)


def test_threads_are_found_by_what_they_have(way: str) -> None:
    """Newest first, a page at a time."""

    async def body(client: LangGraphClient) -> None:
        threads = client.threads
        ada = await threads.create(metadata={"user": {"name": "ada", "age": 36}})
        bob = await threads.create(metadata={"user": {"name": "bob"}})
        await client.runs.wait(bob["thread_id"], "agent", input=GIVEN)
        bob = await threads.get(bob["thread_id"])
        assert await threads.search() == [bob, ada]
        assert await threads.search(sort_order="asc") == [ada, bob]
        assert await threads.search(sort_by="updated_at", limit=1, offset=1) == [ada]
        assert await threads.search(metadata={"user": {"name": "ada"}}) == [ada]
        assert await threads.search(values={"log": ["i", "a", "b"]}) == [bob]
        assert await threads.search(ids=[ada["thread_id"], "nope"]) == [ada]
        (chosen,) = await threads.search(status="idle", select=["status"], limit=1)
        assert {**chosen} == {"status": "idle"}
        assert (await threads.count(), await threads.count(status="busy")) == (2, 0)
        with pytest.raises(UnprocessableEntityError, match="'nope' is not one of"):
            await threads.search(status="nope")  # type: ignore[arg-type] # a slip
        with pytest.raises(UnprocessableEntityError, match="sort_by"):
            await threads.search(sort_by="nope")

    play(way, {"agent": PLAIN}, body)


def test_facts_are_added_to_a_thread(way: str) -> None:
    """What was there stays."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create(metadata={"a": 1}))["thread_id"]
        thread = await client.threads.update(name, metadata={"b": 2})
        assert thread == await client.threads.get(name)
        assert (thread or {})["metadata"] == {"a": 1, "b": 2}
        assert await client.threads.update(name, metadata={}, return_minimal=True) is None

    play(way, {"agent": PLAIN}, body)


def test_threads_are_deleted(way: str) -> None:
    """From the checkpointer, too."""
    saver = InMemorySaver()

    async def body(client: LangGraphClient) -> None:
        names = [(await client.threads.create())["thread_id"] for _ in range(3)]
        for name in names:
            await client.runs.wait(name, "agent", input=GIVEN)
        assert len([*saver.list_threads()]) == 3
        await client.threads.delete((await client.threads.create())["thread_id"])
        await client.threads.delete(names[0])
        assert await client.threads.prune([names[1], "nope"]) == {"pruned_count": 1}
        assert [info.thread_id for info in saver.list_threads()] == names[2:]
        assert [thread["thread_id"] for thread in await client.threads.search()] == names[2:]
        with pytest.raises(UnprocessableEntityError):
            await client.threads.prune([], strategy="keep_latest")  # type: ignore[arg-type] # not here

    play(way, {"agent": line({"a": says("a")}, saver)}, body)


def test_a_copy_has_the_states_and_no_runs(way: str) -> None:
    """And goes its own way."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create(metadata={"user": "ada"}))["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        copy = await client.threads.copy(name)
        assert copy["thread_id"] != name
        assert copy["metadata"] == (await client.threads.get(name))["metadata"]
        assert await client.runs.list(copy["thread_id"]) == []
        mine, its = [
            [(state["values"], state["checkpoint_id"]) for state in history]
            for history in (
                await client.threads.get_history(name),
                await client.threads.get_history(copy["thread_id"]),
            )
        ]
        assert mine == its
        await client.runs.wait(copy["thread_id"], "agent", input={"log": ["more"]})
        assert (await client.threads.get(name))["values"] == {"log": ["i", "a", "b"]}
        empty = await client.threads.copy((await client.threads.create())["thread_id"])
        assert empty["values"] is None

    play(way, {"agent": PLAIN}, body)


def test_a_thread_that_a_checkpointer_has_from_before_can_be_used(way: str, tmp_path: Any) -> None:  # noqa: ANN401 - a path
    """In a file, or in memory; it is of the graph in whose checkpointer it is."""
    for saver in (InMemorySaver(), SqliteSaver(tmp_path / f"{way}.db")):
        graph = line({"a": says("a")}, saver)
        graph.invoke(GIVEN, {"configurable": {"thread_id": "1"}})

        async def body(client: LangGraphClient) -> None:
            thread = await client.threads.get("1")
            assert thread["values"] == {"log": ["i", "a"]}
            assert thread["metadata"] == {"graph_id": "agent"}
            values = await client.runs.wait("1", "agent", input={"log": ["j"]})
            assert values == {"log": ["i", "a", "j", "a"]}
            run = await client.runs.create("1", "agent", input={"log": ["k"]}, after_seconds=99)
            await client.runs.cancel("1", run["run_id"], action="rollback", wait=True)
            assert (await client.threads.get("1"))["values"] == values

        play(way, {"other": PLAIN, "agent": graph}, body)
        assert [info.thread_id for info in saver.list_threads()] == ["1"]
        saver.close()


# --------------------------------------------------------------------------------------- states


def asks(state: State) -> State:
    """Ask."""
    return {"log": [interrupt("q?")]}


def test_a_state_is_told_as_a_server_tells_it(way: str) -> None:
    """With its tasks and what they wait for."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        state = await client.threads.get_state(name)
        at = state["checkpoint"]
        assert at == {
            "thread_id": name,
            "checkpoint_ns": "",
            "checkpoint_id": state["checkpoint_id"],
        }
        (asked,) = state["interrupts"]
        assert state["values"] == {"log": ["i", "a"]}
        assert state["next"] == ["asks"]
        assert state["tasks"] == [
            {
                "id": state["tasks"][0]["id"],
                "name": "asks",
                "path": ["__pregel_pull", "asks"],
                "error": None,
                "interrupts": [asked],
                "checkpoint": None,
                "state": None,
                "result": None,
            }
        ]
        assert asked == {"id": asked["id"], "value": "q?"}
        assert await client.threads.get_state(name, at) == state
        assert await client.threads.get_state(name, checkpoint_id=state["checkpoint_id"]) == state
        chosen = await client.threads.get_state(name, select=["next"])
        assert {**chosen} == {"next": ["asks"]}
        parent = await client.threads.get_state(name, state["parent_checkpoint"])
        assert parent["tasks"][0]["result"] == {"log": ["a"]}

    play(way, {"agent": line({"a": says("a"), "asks": asks})}, body)


def test_a_history_is_told_newest_first(way: str) -> None:
    """As much of it as is asked for."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        history = await client.threads.get_history(name)
        assert [(state["metadata"] or {})["step"] for state in history] == [2, 1, 0, -1]
        assert await client.threads.get_history(name, limit=1) == history[:1]
        assert await client.threads.get_history(name, metadata={"source": "input"}) == history[3:]
        at = history[1]["checkpoint"]
        assert at is not None
        for before in (at, str(at["checkpoint_id"]), {"configurable": {**at}}):
            assert await client.threads.get_history(name, before=before) == history[2:]  # type: ignore[arg-type] # a plain dict
        (chosen,) = await client.threads.get_history(name, select=["next"], limit=1)
        assert {**chosen} == {"next": []}

    play(way, {"agent": PLAIN}, body)


def test_a_state_is_edited_as_a_node(way: str) -> None:
    """And the thread's values are the new ones."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        with pytest.raises(BadRequestError, match="has no assigned graph ID"):
            await client.threads.update_state(name, {"log": ["u"]})
        await client.runs.wait(name, "agent", input=GIVEN)
        made = await client.threads.update_state(name, {"log": ["u"]}, as_node="a")
        state = await client.threads.get_state(name)
        assert made["checkpoint"] == made["configurable"] == state["checkpoint"]
        assert (state["values"], state["next"]) == ({"log": ["i", "a", "b", "u"]}, ["b"])
        known = await client.threads.get(name)
        assert (known["values"], known["status"]) == (state["values"], "interrupted")
        with pytest.raises(BadRequestError, match="zz"):
            await client.threads.update_state(name, {"log": []}, as_node="zz")
        with pytest.raises(NotFoundError):
            await client.threads.update_state(name, {"log": []}, checkpoint_id="nope")
        before = (await client.threads.get_history(name))[-2]
        await client.threads.update_state(name, {"x": 1}, checkpoint=before["checkpoint"])
        assert (await client.threads.get(name))["values"] == {"log": ["i"], "x": 1}

    play(way, {"agent": PLAIN}, body)


def test_a_thread_with_a_run_of_somebody_else_is_not_edited(way: str) -> None:
    """One that was begun past the client."""
    graph = line({"a": says("a"), "b": says("b")}, InMemorySaver())

    async def body(client: LangGraphClient) -> None:
        with pytest.raises(ConflictError):
            await client.threads.update_state("1", {"log": ["u"]})

    with graph.stream(GIVEN, {"configurable": {"thread_id": "1"}}) as chunks:
        next(chunks)
        play(way, {"agent": graph}, body)


def test_a_thread_can_begin_with_edits(way: str) -> None:
    """As what nodes would have returned."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create(
            graph_id="agent",
            supersteps=[{"updates": [{"values": {"log": ["s"]}, "as_node": "a"}]}],
        )
        assert (thread["values"], thread["status"]) == ({"log": ["s"]}, "interrupted")
        with pytest.raises(BadRequestError, match="zz"):
            await client.threads.create(
                graph_id="agent",
                supersteps=[{"updates": [{"values": {}, "as_node": "zz"}]}],
            )
        assert await client.threads.count() == 1
        values = await client.runs.wait(thread["thread_id"], "agent", input=None)
        assert values == {"log": ["s", "b"]}

    play(way, {"agent": PLAIN}, body)


def test_the_states_of_graphs_inside_can_be_read(way: str) -> None:
    """With the task that runs one, or by its namespace."""
    builder: StateGraph[State, None] = StateGraph(State)
    builder.add_node("sub", line({"s1": says("s1"), "asks": asks}))
    builder.add_edge(START, "sub")

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        (task,) = (await client.threads.get_state(name))["tasks"]
        assert task["state"] is None
        inside = task["checkpoint"]
        assert inside is not None
        assert inside["checkpoint_ns"].startswith("sub:")
        (task,) = (await client.threads.get_state(name, subgraphs=True))["tasks"]
        assert task["state"] is not None
        assert task["state"]["values"] == {"log": ["i", "s1"]}
        states = await client.threads.get_history(name, checkpoint=inside)
        assert states[0]["values"] == {"log": ["i", "s1"]}

    play(way, {"agent": builder.compile()}, body)
