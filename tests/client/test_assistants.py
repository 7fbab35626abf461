"""What assistants are, and what graphs tell of themselves."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import pydantic
import pytest

from graphflow import START, StateGraph
from graphflow.client import LangGraphClient
from graphflow.client._jsonschemas import schema_of
from graphflow.client.errors import ConflictError, NotFoundError, UnprocessableEntityError
from graphflow.runtime import Runtime
from tests.client.served import GIVEN, line, play, says
from tests.drivers.backends import State

PLAIN = line({"a": says("a"), "b": says("b")})


def test_each_graph_is_an_assistant(way: str) -> None:
    """With the id that a server gives it."""

    async def body(client: LangGraphClient) -> None:
        (simple,) = await client.assistants.search(graph_id="simple")
        assert simple["assistant_id"] == "5e0f6b46-d00f-5af4-87dc-ea2105ff526d"
        at = simple["created_at"]
        assert simple == {
            "assistant_id": "5e0f6b46-d00f-5af4-87dc-ea2105ff526d",
            "graph_id": "simple",
            "config": {},
            "context": {},
            "metadata": {"created_by": "system"},
            "name": "simple",
            "created_at": at,
            "updated_at": at,
            "version": 1,
            "description": None,
        }
        assert await client.assistants.get("simple") == simple
        assert await client.assistants.get(simple["assistant_id"]) == simple
        assert await client.assistants.count() == 2
        found = await client.assistants.search(response_format="object", name="SIMP")
        assert found == {"assistants": [simple], "next": None}
        chosen = await client.assistants.search(sort_by="name", sort_order="asc", select=["name"])
        assert chosen == [{"name": "other"}, {"name": "simple"}]
        with pytest.raises(NotFoundError):
            await client.assistants.get("nope")
        with pytest.raises(UnprocessableEntityError):
            await client.assistants.search(sort_by="nope")

    play(way, {"simple": PLAIN, "other": PLAIN}, body)


def test_a_graph_is_drawn(way: str) -> None:
    """As lists of nodes and edges; graphs inside, too, if that is asked for."""
    made: StateGraph[State, None] = StateGraph(State)
    made.add_node("sub", line({"s1": says("s1")})).add_edge(START, "sub")

    async def body(client: LangGraphClient) -> None:
        drawn = await client.assistants.get_graph("agent")
        assert drawn == {
            "nodes": [
                {"id": "__start__", "type": "runnable", "data": {"name": "__start__"}},
                {"id": "sub", "type": "runnable", "data": {"name": "sub"}},
                {"id": "__end__"},
            ],
            "edges": [
                {"source": "__start__", "target": "sub"},
                {"source": "sub", "target": "__end__"},
            ],
        }
        opened = await client.assistants.get_graph("agent", xray=True)
        assert "sub:s1" in [node["id"] for node in opened["nodes"]]
        (name,) = await client.assistants.get_subgraphs("agent")
        assert name == "sub"

    play(way, {"agent": made.compile()}, body)


@dataclass
class Context:
    """What a run is told."""

    user: str = "nobody"


def who(state: State, runtime: Runtime[Context]) -> State:
    """Tell who asks."""
    context: Context | None = runtime.context
    return {"log": [context.user if context else None]}


builder: StateGraph[State, Context] = StateGraph(State, Context)
builder.add_node(who).add_edge(START, "who")
WHO = builder.compile()


def test_a_graph_tells_what_it_takes_and_returns(way: str) -> None:
    """As JSON Schemas."""

    async def body(client: LangGraphClient) -> None:
        told = await client.assistants.get_schemas("who")
        keys: dict[str, Any] = {
            "log": {"title": "Log", "type": "array", "items": {}},
            "x": {"title": "X", "type": "integer"},
        }
        context = {
            "title": "Context",
            "type": "object",
            "properties": {"user": {"title": "User", "type": "string"}},
        }
        assert told == {
            "graph_id": "who",
            "input_schema": {"title": "who_input", "type": "object", "properties": keys},
            "output_schema": {"title": "who_output", "type": "object", "properties": keys},
            "state_schema": {"title": "who_state", "type": "object", "properties": keys},
            "config_schema": context,
            "context_schema": context,
        }

    play(way, {"who": WHO}, body)


class Colour(Enum):
    """An enum."""

    RED = "red"


class Pair(TypedDict):
    """A TypedDict."""

    left: int


class Model(pydantic.BaseModel):
    """A model."""

    left: int


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (str, {"type": "string"}),
        (Annotated[float, "any"], {"type": "number"}),
        (None, {"type": "null"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (list[bool], {"type": "array", "items": {"type": "boolean"}}),
        (tuple[int, str], {"type": "array", "items": {}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict, {"type": "object"}),
        (Colour, {"title": "Colour", "enum": ["red"]}),
        (
            Pair,
            {
                "title": "Pair",
                "type": "object",
                "properties": {"left": {"title": "Left", "type": "integer"}},
            },
        ),
        (Model, Model.model_json_schema()),
        (Any, {}),
        (object, {}),
        ("a forward reference", {}),
    ],
)
def test_annotations_have_schemas(kind: Any, schema: dict[str, Any]) -> None:  # noqa: ANN401 - annotations
    """One that is not known says nothing."""
    assert schema_of(kind) == schema


def test_an_assistant_has_a_config_of_its_own(way: str) -> None:
    """Under what a run says."""

    async def body(client: LangGraphClient) -> None:
        made = await client.assistants.create(
            "who", {"recursion_limit": 5}, context={"user": "ada"}, metadata={"team": 1}
        )
        name = made["assistant_id"]
        assert (made["name"], made["version"]) == ("Untitled", 1)
        assert await client.runs.wait(None, name, input={}) == {"log": ["ada"]}
        values = await client.runs.wait(None, name, input={}, context={"user": "bob"})
        assert values == {"log": ["bob"]}
        run = await client.runs.create(None, name, input={})
        assert run["kwargs"]["config"]["recursion_limit"] == 5
        assert run["metadata"]["team"] == 1

    play(way, {"who": WHO}, body)


def test_an_assistant_has_versions(way: str) -> None:
    """Any of which can be the current one."""

    async def body(client: LangGraphClient) -> None:
        assistants = client.assistants
        first = await assistants.create("who", assistant_id="mine", name="one")
        with pytest.raises(ConflictError, match="Assistant mine already exists"):
            await assistants.create("who", assistant_id="mine")
        again = await assistants.create("who", assistant_id="mine", if_exists="do_nothing")
        assert again == first
        second = await assistants.update(
            "mine", name="two", metadata={"a": 1}, context={"user": "ada"}, graph_id="who"
        )
        assert (second["version"], second["name"], second["metadata"]) == (2, "two", {"a": 1})
        third = await assistants.update("mine", description="for me")
        assert (third["version"], third["name"], third["description"]) == (3, "two", "for me")
        assert await assistants.get_versions("mine") == [third, second, first]
        assert await assistants.get_versions("mine", {"a": 1}, 1, 1) == [second]
        assert await client.runs.wait(None, "mine", input={}) == {"log": ["ada"]}
        assert await assistants.set_latest("mine", 1) == first
        assert await assistants.get("mine") == first
        with pytest.raises(NotFoundError):
            await assistants.set_latest("mine", 9)
        with pytest.raises(NotImplementedError, match="delete_threads"):
            await assistants.delete("mine", delete_threads=True)
        await assistants.delete("mine")
        with pytest.raises(NotFoundError):
            await assistants.get("mine")
        with pytest.raises(NotFoundError, match="Graph 'zz' not found"):
            await assistants.create("zz")

    play(way, {"who": WHO}, body)


def test_what_is_no_compiled_graph_is_told_so() -> None:
    """A builder, for one."""

    async def body(client: LangGraphClient) -> None:
        await client.runs.wait(None, "agent", input=GIVEN)

    graphs: Any = {"agent": StateGraph(State)}
    with pytest.raises(TypeError, match="compiled graphs"):
        play("asyncio", graphs, body)
