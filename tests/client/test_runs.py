"""What a run does with what it is begun with, and how it ends."""

from dataclasses import dataclass
from typing import Any

import pytest

from graphflow import START, Runtime, StateGraph, get_config
from graphflow.client import LangGraphClient
from graphflow.client.errors import (
    BadRequestError,
    NotFoundError,
    RunFailedError,
    UnprocessableEntityError,
)
from graphflow.interrupts import interrupt
from tests.client.served import GIVEN, line, play, says
from tests.drivers.backends import State


def boom(state: State) -> State:
    """Fail."""
    raise ValueError("boom")


def asks(state: State) -> State:
    """Ask."""
    return {"log": [interrupt("q?")]}


PLAIN = line({"a": says("a"), "b": says("b")})
ASKING = line({"a": says("a"), "asks": asks, "b": says("b")})


def test_waiting_returns_the_values(way: str) -> None:
    """Those of the graph's output, and the run is a success."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create()
        name = thread["thread_id"]
        assert await client.runs.wait(name, "agent", input=GIVEN) == {"log": ["i", "a", "b"]}
        (run,) = await client.runs.list(name)
        assert run["status"] == "success"
        assert await client.runs.get(name, run["run_id"]) == run
        assert await client.runs.join(name, run["run_id"]) == {"log": ["i", "a", "b"]}

    play(way, {"agent": PLAIN}, body)


def test_a_question_is_answered_by_a_command(way: str) -> None:
    """The thread is interrupted, then idle; both runs are successes."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        values = await client.runs.wait(name, "agent", input=GIVEN)
        (asked,) = values["__interrupt__"]
        known = await client.threads.get(name)
        assert known["status"] == "interrupted"
        assert known["values"] == {"log": ["i", "a"]}
        ((told,),) = known.get("interrupts", {}).values()
        assert (told["id"], told["value"]) == (asked["id"], "q?")
        values = await client.runs.wait(name, "agent", command={"resume": "yes"})
        assert values == {"log": ["i", "a", "yes", "b"]}
        known = await client.threads.get(name)
        assert (known["status"], known.get("interrupts")) == ("idle", {})
        assert [run["status"] for run in await client.runs.list(name)] == ["success", "success"]

    play(way, {"agent": ASKING}, body)


def test_a_command_writes_and_leads_somewhere(way: str) -> None:
    """By a node's name, or as one more task of it."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        values = await client.runs.wait(
            name, "agent", command={"update": {"log": ["u"]}, "goto": "b"}
        )
        assert values == {"log": ["i", "a", "b", "u", "b"]}
        values = await client.runs.wait(
            name,
            "agent",
            command={"update": [("x", 1)], "goto": [{"node": "b", "input": {}}]},
        )
        assert values == {"log": ["i", "a", "b", "u", "b", "b"], "x": 1}

    play(way, {"agent": PLAIN}, body)


def test_a_run_that_fails_raises_what_it_says(way: str) -> None:
    """As the SDK does; the node's own error is the cause."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        with pytest.raises(Exception, match=r"^ValueError: boom$") as raised:
            await client.runs.wait(name, "agent", input=GIVEN)
        assert isinstance(raised.value, RunFailedError)
        assert isinstance(raised.value.__cause__, ValueError)
        told = {"__error__": {"error": "ValueError", "message": "boom"}}
        assert await client.runs.wait(name, "agent", input=None, raise_error=False) == told
        last, _ = await client.runs.list(name)
        assert last["status"] == "error"
        assert await client.runs.join(name, last["run_id"]) == told
        (task,) = (await client.threads.get_state(name))["tasks"]
        assert task["error"] == "ValueError('boom')"

    play(way, {"agent": line({"boom": boom})}, body)


def test_no_input_on_a_new_thread_is_an_error() -> None:
    """The engine's own."""

    async def body(client: LangGraphClient) -> None:
        with pytest.raises(RunFailedError, match=r"^EmptyInputError: "):
            await client.runs.wait(None, "agent")

    play("asyncio", {"agent": PLAIN}, body)


def test_a_run_stops_where_it_is_told_to(way: str) -> None:
    """The thread is interrupted, with nothing asked; None goes on."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        values = await client.runs.wait(name, "agent", input=GIVEN, interrupt_before=["b"])
        known = await client.threads.get(name)
        assert values == {"log": ["i", "a"]}
        assert (known["status"], known.get("interrupts")) == ("interrupted", {})
        values = await client.runs.wait(name, "agent", input=None, interrupt_after="*")
        assert values == {"log": ["i", "a", "b"]}

    play(way, {"agent": PLAIN}, body)


def test_a_run_from_a_checkpoint_is_a_branch(way: str) -> None:
    """By its name, or by its id."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        await client.runs.wait(name, "agent", input=GIVEN)
        before_b = (await client.threads.get_history(name))[1]
        assert before_b["next"] == ["b"]
        at = before_b["checkpoint"]
        assert await client.runs.wait(name, "agent", input=None, checkpoint=at) == {
            "log": ["i", "a", "b"]
        }
        again = await client.runs.wait(
            name, "agent", input=None, checkpoint_id=before_b["checkpoint_id"]
        )
        assert again == {"log": ["i", "a", "b"]}
        assert len(await client.threads.get_history(name)) > 4

    play(way, {"agent": PLAIN}, body)


@dataclass
class Context:
    """What a run is told."""

    user: str = "nobody"


def who(state: State, runtime: Runtime[Context]) -> State:
    """Tell who asks, and what the config says."""
    context: Context | None = runtime.context
    config = get_config()
    told = config.get("configurable", {})
    about = config.get("metadata", {})
    return {
        "log": [
            context.user if context else None,
            told.get("user"),
            told["graph_id"],
            about.get("why"),
            config.get("tags") or None,
        ]
    }


builder: StateGraph[State, Context] = StateGraph(State, Context)
builder.add_node(who).add_edge(START, "who")
WHO = builder.compile()


@pytest.mark.parametrize(
    ("options", "log"),
    [
        ({"context": {"user": "ada"}}, ["ada", "ada", "who", None, None]),
        (
            {"config": {"configurable": {"user": "bob", "other": 1}, "tags": ["t"]}},
            ["bob", "bob", "who", None, ["t"]],
        ),
        ({"metadata": {"why": "so"}}, [None, None, "who", "so", None]),
    ],
    ids=["context", "config", "metadata"],
)
def test_context_config_and_metadata_reach_the_nodes(options: Any, log: list[Any]) -> None:  # noqa: ANN401 - some options
    """What is configurable stands for the context, and the other way round."""

    async def body(client: LangGraphClient) -> Any:  # noqa: ANN401 - values
        return await client.runs.wait(None, "who", input={}, **options)

    assert play("asyncio", {"who": WHO}, body) == {"log": log}


def test_metadata_of_a_run_are_those_of_its_checkpoints(way: str) -> None:
    """With the ids of the run, its graph and its assistant."""

    async def body(client: LangGraphClient) -> None:
        thread = await client.threads.create(metadata={"user": "ada"})
        name = thread["thread_id"]
        run = await client.runs.create(name, "agent", input=GIVEN, metadata={"why": "so"})
        await client.runs.join(name, run["run_id"])
        kept = (await client.threads.get_state(name))["metadata"] or {}
        told = {"user": "ada", "why": "so", "graph_id": "agent"}
        assert {key: run["metadata"][key] for key in told} == told
        assert {key: kept[key] for key in told} == told
        assert kept["run_id"] == run["run_id"]
        assert len(await client.threads.get_history(name, metadata={"step": 1})) == 1
        known = await client.threads.get(name)
        assert known["metadata"] == {
            "user": "ada",
            "graph_id": "agent",
            "assistant_id": run["assistant_id"],
        }

    play(way, {"agent": PLAIN}, body)


def test_a_run_without_a_thread_leaves_none(way: str) -> None:
    """Unless it is to be kept."""

    async def body(client: LangGraphClient) -> None:
        assert await client.runs.wait(None, "agent", input=GIVEN) == {"log": ["i", "a", "b"]}
        assert await client.threads.search() == []
        run = await client.runs.create(None, "agent", input=GIVEN, on_completion="keep")
        assert await client.runs.join(run["thread_id"], run["run_id"]) == {"log": ["i", "a", "b"]}
        (thread,) = await client.threads.search()
        assert thread["thread_id"] == run["thread_id"]

    play(way, {"agent": PLAIN}, body)


def test_a_thread_that_is_not_there_can_be_made(way: str) -> None:
    """If that is said."""

    async def body(client: LangGraphClient) -> None:
        with pytest.raises(NotFoundError, match="Thread or assistant not found"):
            await client.runs.wait("new", "agent", input=GIVEN)
        values = await client.runs.wait("new", "agent", input=GIVEN, if_not_exists="create")
        assert values == {"log": ["i", "a", "b"]}
        assert (await client.threads.get("new"))["values"] == values

    play(way, {"agent": PLAIN}, body)


def test_a_run_names_an_assistant_or_a_graph(way: str) -> None:
    """Anything else is told so."""

    async def body(client: LangGraphClient) -> None:
        (assistant,) = await client.assistants.search()
        values = await client.runs.wait(None, assistant["assistant_id"], input=GIVEN)
        assert values == {"log": ["i", "a", "b"]}
        with pytest.raises(UnprocessableEntityError, match="Invalid assistant: 'agnet'"):
            await client.runs.wait(None, "agnet", input=GIVEN)

    play(way, {"agent": PLAIN}, body)


def test_who_begins_a_run_is_told_of_it_before_it_starts() -> None:
    """With the thread that was named."""

    async def body(client: LangGraphClient) -> None:
        told: list[Any] = []
        name = (await client.threads.create())["thread_id"]
        run = await client.runs.create(name, "agent", input=GIVEN, on_run_created=told.append)
        await client.runs.wait(None, "agent", input=GIVEN, on_run_created=told.append)
        assert told[0] == {"run_id": run["run_id"], "thread_id": name}
        assert told[1]["thread_id"] is None

        def fails(_: object) -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError):
            await client.runs.create(name, "agent", input=GIVEN, on_run_created=fails)
        assert len(await client.runs.list(name)) == 1

    play("asyncio", {"agent": PLAIN}, body)


def test_several_runs_are_begun_together(way: str) -> None:
    """Each on a thread of its own, unless one is named."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        runs = await client.runs.create_batch(
            [
                {"assistant_id": "agent", "input": GIVEN, "thread_id": name},
                {"assistant_id": "agent", "input": GIVEN},
            ]
        )
        assert runs[0]["thread_id"] == name != runs[1]["thread_id"]
        assert await client.runs.join(name, runs[0]["run_id"]) == {"log": ["i", "a", "b"]}
        wrong: Any = [{"assistant_id": "agent", "inptu": GIVEN}]
        with pytest.raises(TypeError, match="inptu"):
            await client.runs.create_batch(wrong)

    play(way, {"agent": PLAIN}, body)


def test_what_is_returned_is_the_callers(way: str) -> None:
    """To change it changes nothing elsewhere."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create(metadata={"a": []}))["thread_id"]
        (await client.runs.wait(name, "agent", input=GIVEN))["log"].append("mine")
        (run,) = await client.runs.list(name)
        (await client.runs.join(name, run["run_id"]))["log"].append("mine")
        run["metadata"].clear()
        (await client.threads.get(name))["metadata"]["a"].append("mine")
        known = await client.threads.get(name)
        assert known["values"] == {"log": ["i", "a", "b"]}
        assert known["metadata"]["a"] == []
        assert (await client.runs.get(name, run["run_id"]))["metadata"]["graph_id"] == "agent"

    play(way, {"agent": PLAIN}, body)


def test_runs_are_listed_newest_first_and_forgotten(way: str) -> None:
    """By status, page and key."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        for _ in range(3):
            await client.runs.wait(name, "agent", input=GIVEN)
        newest, middle, oldest = await client.runs.list(name)
        assert newest["created_at"] > middle["created_at"] > oldest["created_at"]
        assert await client.runs.list(name, limit=1, offset=1) == [middle]
        assert await client.runs.list(name, status="error") == []
        (chosen,) = await client.runs.list(name, limit=1, select=["status"])
        assert {**chosen} == {"status": "success"}
        await client.runs.delete(name, middle["run_id"])
        assert await client.runs.list(name) == [newest, oldest]
        for gone in (client.runs.get, client.runs.join, client.runs.delete):
            with pytest.raises(NotFoundError, match="Run not found"):
                await gone(name, middle["run_id"])

    play(way, {"agent": PLAIN}, body)


def test_what_a_run_was_begun_with_is_shown() -> None:
    """As plain data."""

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        run = await client.runs.create(
            name, "agent", input={"log": ("i",)}, stream_mode=["updates"], durability="exit"
        )
        kwargs = run["kwargs"]
        assert kwargs["input"] == {"log": ["i"]}
        assert (kwargs["stream_mode"], kwargs["durability"]) == (["updates"], "exit")
        assert kwargs["checkpoint_during"] is False
        assert (run["status"], run["multitask_strategy"]) == ("pending", "enqueue")

    play("asyncio", {"agent": PLAIN}, body)


@pytest.mark.parametrize("name", ["webhook", "feedback_keys", "langsmith_tracing"])
def test_what_only_a_server_can_do_is_refused_by_name(name: str) -> None:
    """Not left undone silently."""

    async def body(client: LangGraphClient) -> None:
        options: Any = {name: ["something"]}
        with pytest.raises(NotImplementedError, match=name):
            await anext(client.runs.stream(None, "agent", input=GIVEN, **options))

    play("asyncio", {"agent": PLAIN}, body)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"stream_mode": "update"}, UnprocessableEntityError),
        ({"stream_mode": ["values", "events"]}, UnprocessableEntityError),
        ({"multitask_strategy": "queue"}, UnprocessableEntityError),
        ({"durability": "never"}, UnprocessableEntityError),
        ({"context": {"a": 1}, "config": {"configurable": {"b": 1}}}, BadRequestError),
        ({"input": {"log": [object()]}}, TypeError),
        ({"inptu": {}}, TypeError),
    ],
)
def test_what_cannot_be_is_an_error_before_anything_runs(
    options: Any,  # noqa: ANN401 - wrong options
    error: type[Exception],
) -> None:
    """Of the kind that a server's answer is, or the SDK's own."""

    async def body(client: LangGraphClient) -> None:
        with pytest.raises(error):
            await anext(client.runs.stream(None, "agent", **options))
        assert await client.threads.search() == []

    play("asyncio", {"agent": PLAIN}, body)


def test_headers_and_params_are_taken_and_change_nothing(way: str) -> None:
    """By every method, as the SDK's take them."""

    async def body(client: LangGraphClient) -> Any:  # noqa: ANN401 - values
        thread = await client.threads.create(headers={"x-user": "ada"}, params={"a": 1})
        return await client.runs.wait(
            thread["thread_id"], "agent", input=GIVEN, headers={"x-user": "ada"}
        )

    assert play(way, {"agent": PLAIN}, body) == {"log": ["i", "a", "b"]}
