"""What becomes of several runs of one thread, and of those that are ended before their end.

What each thread and run is told to be afterwards is what a LangGraph server told of the same.
"""

import asyncio
from typing import Any

import anyio
import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.client import LangGraphClient, get_client
from graphflow.client.errors import ConflictError, NotFoundError, UnprocessableEntityError
from graphflow.client.schema import CancelAction, Run
from tests.client.served import GIVEN, Slow, events_of, line, play, says
from tests.drivers.backends import REAL_LOOPS, Gate, LoopDriver, State, settle, turn


async def slow_to_end(client: LangGraphClient, thread: str) -> None:
    """Wait until a thread is not busy."""
    while (await client.threads.get(thread))["status"] == "busy":
        await turn()


class Two:
    """A thread with a run that is in `slow`, to which another is added."""

    def __init__(self, client: LangGraphClient, slow: Slow) -> None:
        self.client = client
        self.slow = slow
        self.thread = ""
        self.first = ""

    async def begin(self) -> "Two":
        """Begin the first run."""
        self.thread = (await self.client.threads.create())["thread_id"]
        run = await self.client.runs.create(self.thread, "agent", input={"log": ["one"]})
        self.first = run["run_id"]
        await self.slow.begun.passed()
        return self

    async def add(self, strategy: Any) -> Run:  # noqa: ANN401 - one of the words
        """Begin the second."""
        return await self.client.runs.create(
            self.thread, "agent", input={"log": ["two"]}, multitask_strategy=strategy
        )

    async def steps(self) -> list[int]:
        """Return the steps of the history, the oldest first."""
        states = await self.client.threads.get_history(self.thread, limit=100)
        return [(state["metadata"] or {})["step"] for state in states][::-1]


def test_reject_turns_the_second_away(way: str) -> None:
    """The first goes on."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        with pytest.raises(ConflictError, match="already running a task") as raised:
            await two.add("reject")
        assert raised.value.status_code == 409
        assert (await client.threads.get(two.thread))["status"] == "busy"
        slow.may_end.open()
        assert await client.runs.join(two.thread, two.first) == {"log": ["one", "a", "slow", "b"]}
        assert len(await client.runs.list(two.thread)) == 1

    play(way, {"agent": slow.graph}, body)


def test_enqueue_lets_the_second_wait(way: str) -> None:
    """It is the strategy unless another is named."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        second = await two.add(None)
        assert second["multitask_strategy"] == "enqueue"
        both = [run["status"] for run in await client.runs.list(two.thread)]
        assert both == ["pending", "running"]
        slow.may_end.open()
        values = await client.runs.join(two.thread, second["run_id"])
        assert values == {"log": ["one", "a", "slow", "b", "two", "a", "slow", "b"]}
        both = [run["status"] for run in await client.runs.list(two.thread)]
        assert both == ["success", "success"]
        assert await two.steps() == [*range(-1, 9)]

    play(way, {"agent": slow.graph}, body)


def test_interrupt_ends_the_first_where_it_is(way: str) -> None:
    """What it has stored stays; what it was at is dropped."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        second = await two.add("interrupt")
        slow.may_end.open()
        values = await client.runs.join(two.thread, second["run_id"])
        assert values == {"log": ["one", "a", "two", "a", "slow", "b"]}
        both = [run["status"] for run in await client.runs.list(two.thread)]
        assert both == ["success", "interrupted"]
        known = await client.threads.get(two.thread)
        assert (known["status"], known.get("error")) == ("idle", None)

    play(way, {"agent": slow.graph}, body)


@pytest.mark.parametrize("before", [False, True], ids=["new", "used"])
def test_rollback_forgets_the_first(way: str, before: bool) -> None:  # noqa: FBT001 - a case
    """With all that it had stored, and nothing of what was there before."""
    slow = Slow()
    old = ["zero", "a", "slow", "b"] if before else []

    async def body(client: LangGraphClient) -> None:
        two = Two(client, slow)
        two.thread = (await client.threads.create())["thread_id"]
        if before:
            slow.may_end.open()
            await client.runs.wait(two.thread, "agent", input={"log": ["zero"]})
            slow.may_end, slow.begun = Gate(), Gate()
        run = await client.runs.create(two.thread, "agent", input={"log": ["one"]})
        await slow.begun.passed()
        second = await two.add("rollback")
        slow.may_end.open()
        values = await client.runs.join(two.thread, second["run_id"])
        assert values == {"log": [*old, "two", "a", "slow", "b"]}
        with pytest.raises(NotFoundError):
            await client.runs.get(two.thread, run["run_id"])
        assert await two.steps() == [*range(-1, 9 if before else 4)]

    play(way, {"agent": slow.graph}, body)


@pytest.mark.parametrize("name", REAL_LOOPS)
@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
def test_who_waits_for_a_run_that_is_superseded_gets_what_it_had_come_to(
    name: str, strategy: str
) -> None:
    """No error; and a stream just ends."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        thread = (await client.threads.create())["thread_id"]
        got: list[Any] = []

        async def wait() -> None:
            got.append(await client.runs.wait(thread, "agent", input={"log": ["one"]}))

        async def read(run_id: str) -> None:
            stream = client.runs.join_stream(thread, run_id)
            got.append((await events_of(stream))[-1])

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await slow.begun.passed()
            (run,) = await client.runs.list(thread)
            group.start_soon(read, run["run_id"])
            await settle()
            two = Two(client, slow)
            two.thread = thread
            await two.add(strategy)
            slow.may_end.open()
        assert sorted(got, key=str) == [("end", None), {"log": ["one", "a"]}]

    play(name, {"agent": slow.graph}, body)


def test_all_that_wait_are_ended_by_the_next_that_interrupts() -> None:
    """None of them starts."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        for _ in range(2):
            await two.add("enqueue")
        last = await two.add("interrupt")
        slow.may_end.open()
        values = await client.runs.join(two.thread, last["run_id"])
        assert values == {"log": ["one", "a", "two", "a", "slow", "b"]}
        told = [run["status"] for run in await client.runs.list(two.thread)]
        assert told == ["success", "interrupted", "interrupted", "interrupted"]

    play("asyncio", {"agent": slow.graph}, body)


# ----------------------------------------------------------------------------------- cancelling


def test_a_run_that_is_cancelled_keeps_what_it_has_stored(way: str) -> None:
    """The thread is interrupted, and None goes on with it."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        await client.runs.cancel(two.thread, two.first, wait=True)
        run = await client.runs.get(two.thread, two.first)
        known = await client.threads.get(two.thread)
        assert (run["status"], known["status"]) == ("interrupted", "interrupted")
        assert known["values"] == {"log": ["one", "a"]}
        assert known.get("error") == {
            "error": "UserInterrupt",
            "message": "interrupt requested via POST /threads/{thread_id}/runs/{run_id}/cancel",
        }
        state = await client.threads.get_state(two.thread)
        assert (state["next"], state["tasks"][0]["error"]) == (["slow"], None)
        assert await client.runs.join(two.thread, two.first) == {"log": ["one", "a"]}
        with pytest.raises(NotFoundError, match="No matching runs to cancel"):
            await client.runs.cancel(two.thread, two.first)
        with pytest.raises(NotFoundError, match="No matching runs to cancel"):
            await client.runs.cancel("nowhere", two.first)
        slow.may_end.open()
        values = await client.runs.wait(two.thread, "agent", input=None)
        assert values == {"log": ["one", "a", "slow", "b"]}

    play(way, {"agent": slow.graph}, body)


def test_a_run_that_is_rolled_back_was_never_there(way: str) -> None:
    """Nor was what it had stored."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        await client.runs.cancel(two.thread, two.first, action="rollback")
        await slow_to_end(client, two.thread)
        known = await client.threads.get(two.thread)
        assert (known["status"], known["values"]) == ("idle", None)
        assert (known.get("error") or {})["error"] == "UserRollback"
        assert await client.threads.get_history(two.thread) == []
        with pytest.raises(NotFoundError):
            await client.runs.get(two.thread, two.first)

    play(way, {"agent": slow.graph}, body)


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
def test_a_run_that_has_not_started_is_ended(way: str, action: CancelAction) -> None:
    """And leaves its thread as it is."""

    async def body(client: LangGraphClient) -> None:
        thread = (await client.threads.create())["thread_id"]
        run = await client.runs.create(thread, "agent", input=GIVEN, after_seconds=1000)
        assert run["status"] == "pending"
        await client.runs.cancel(thread, run["run_id"], action=action)
        known = await client.threads.get(thread)
        assert (known["status"], known["values"]) == ("idle", None)
        left = [run["status"] for run in await client.runs.list(thread)]
        assert left == (["interrupted"] if action == "interrupt" else [])

    play(way, {"agent": line({"a": says("a")})}, body)


def test_several_runs_are_cancelled_together(way: str) -> None:
    """Those that are named, or all of a status."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        second = await two.add("enqueue")
        await client.runs.cancel_many(thread_id=two.thread, run_ids=[second["run_id"]])
        assert (await client.runs.get(two.thread, second["run_id"]))["status"] == "interrupted"
        await client.runs.cancel_many(status="running")
        await client.runs.join(two.thread, two.first)
        told = [run["status"] for run in await client.runs.list(two.thread)]
        assert told == ["interrupted", "interrupted"]
        with pytest.raises(NotFoundError, match="No runs found to cancel"):
            await client.runs.cancel_many(status="all")
        with pytest.raises(UnprocessableEntityError):
            await client.runs.cancel_many()

    play(way, {"agent": slow.graph}, body)


def test_a_thread_with_a_run_is_neither_edited_nor_copied(way: str) -> None:
    """It may be deleted, which ends the run."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        with pytest.raises(ConflictError, match="in-flight runs"):
            await client.threads.update_state(two.thread, {"log": ["u"]})
        with pytest.raises(ConflictError, match="in-flight runs"):
            await client.threads.copy(two.thread)
        await client.threads.delete(two.thread)
        with pytest.raises(NotFoundError):
            await client.threads.get(two.thread)

    play(way, {"agent": slow.graph}, body)


def test_a_run_that_is_deleted_is_ended_before(way: str) -> None:
    """Its thread goes on without it."""
    slow = Slow()

    async def body(client: LangGraphClient) -> None:
        two = await Two(client, slow).begin()
        await client.runs.delete(two.thread, two.first)
        assert await client.runs.list(two.thread) == []
        assert (await client.threads.get(two.thread))["values"] == {"log": ["one", "a"]}

    play(way, {"agent": slow.graph}, body)


# ------------------------------------------------------------------------------------- the end


def test_leaving_the_client_ends_all_runs(way: str) -> None:
    """Those that run, and those that wait; what they had stored stays."""
    saver = InMemorySaver()
    slow = Slow(saver)

    async def body(client: LangGraphClient) -> str:
        two = await Two(client, slow).begin()
        await two.add("enqueue")
        return two.thread

    thread = play(way, {"agent": slow.graph}, body)
    state = slow.graph.get_state({"configurable": {"thread_id": thread}})
    assert (state.values, state.next) == ({"log": ["one", "a"]}, ("slow",))
    assert [info.thread_id for info in saver.list_threads()] == [thread]


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_a_client_that_was_not_entered_is_closed_by_hand(name: str) -> None:
    """On asyncio, where a task needs no parent."""
    slow = Slow()

    async def main() -> None:
        client = get_client({"agent": slow.graph})
        await Two(client, slow).begin()
        await client.aclose()
        await client.aclose()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await client.runs.create(None, "agent", input=GIVEN)

    LoopDriver(name).main(main)


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_a_client_may_be_left_in_another_task_than_it_was_entered_in(name: str) -> None:
    """As it is by fixtures of tests, on asyncio."""
    slow = Slow()

    async def main() -> None:
        client = get_client({"agent": slow.graph})
        await asyncio.create_task(client.__aenter__())
        await Two(client, slow).begin()
        await asyncio.create_task(client.__aexit__(None, None, None))

    LoopDriver(name).main(main)


def test_on_trio_a_client_must_be_entered() -> None:
    """It is said so."""

    async def main() -> None:
        client = get_client({"agent": Slow().graph})
        thread = await client.threads.create()
        with pytest.raises(RuntimeError, match="async with"):
            await client.runs.create(thread["thread_id"], "agent", input=GIVEN)
        await client.aclose()

    LoopDriver("trio").main(main)


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_an_error_in_the_block_ends_all_runs(name: str) -> None:
    """And comes out as it is."""
    slow = Slow()

    async def main() -> None:
        async with get_client({"agent": slow.graph}) as client:
            await Two(client, slow).begin()
            raise KeyError("mine")

    with pytest.raises((KeyError, ExceptionGroup)) as raised:
        LoopDriver(name).main(main)
    assert isinstance(raised.value, KeyError)


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_a_block_that_is_cancelled_ends_all_runs(name: str) -> None:
    """And is cancelled."""
    slow = Slow()

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with get_client({"agent": slow.graph}) as client:
                await Two(client, slow).begin()
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught

    LoopDriver(name).main(main)


@pytest.mark.parametrize("name", REAL_LOOPS)
def test_who_waits_and_is_cancelled_may_end_the_run(name: str) -> None:
    """With `on_disconnect="cancel"`; without, it goes on."""
    slow = Slow()

    async def main() -> None:
        async with get_client({"agent": slow.graph}) as client:
            thread = (await client.threads.create())["thread_id"]

            async def wait(on_disconnect: Any) -> None:  # noqa: ANN401 - one of the words
                await client.runs.wait(thread, "agent", input=GIVEN, on_disconnect=on_disconnect)

            async with anyio.create_task_group() as group:
                group.start_soon(wait, "continue")
                await slow.begun.passed()
                group.cancel_scope.cancel()
            (run,) = await client.runs.list(thread)
            assert run["status"] == "running"
            await client.runs.cancel(thread, run["run_id"], wait=True)
            slow.begun = Gate()
            async with anyio.create_task_group() as group:
                group.start_soon(wait, "cancel")
                await slow.begun.passed()
                group.cancel_scope.cancel()
            run, _ = await client.runs.list(thread)
            await client.runs.join(thread, run["run_id"])
            assert (await client.runs.get(thread, run["run_id"]))["status"] == "interrupted"

    LoopDriver(name).main(main)


class Failing(InMemorySaver):
    """A store that cannot be read any more once it is told so."""

    broken = False

    def head(self, thread: str, /) -> Any:  # noqa: ANN401 - a head
        """Fail, or do as usual."""
        if self.broken:
            raise OSError("gone")
        return super().head(thread)


def test_a_store_that_fails_fails_the_run_and_nothing_hangs(way: str) -> None:
    """Whoever waits is told; the next run of the thread starts."""
    saver = Failing()

    def breaks(state: State) -> State:
        saver.broken = True
        return {}

    async def body(client: LangGraphClient) -> None:
        thread = (await client.threads.create())["thread_id"]
        with pytest.raises(Exception, match="gone"):
            await client.runs.wait(thread, "agent", input=GIVEN)
        saver.broken = False
        assert (await client.threads.get(thread))["status"] == "error"

    graph: Any = line({"breaks": breaks}, saver)
    assert isinstance(saver, BaseCheckpointSaver)
    play(way, {"agent": graph}, body)
