"""How messages are shown: the events that a server makes of the chunks of the same mode."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage
from typing_extensions import TypedDict

from graphflow import START, StateGraph
from graphflow.client import LangGraphClient
from graphflow.client._events import Events, shows
from graphflow.client.schema import StreamPart
from tests.client.served import play

ABOUT = {"langgraph_node": "m", "langgraph_triggers": ("branch:to:m",)}
TOLD = {"langgraph_node": "m", "langgraph_triggers": ["branch:to:m"]}
CHUNKS = [
    AIMessageChunk(content="a", id="1"),
    AIMessageChunk(content="b", id="1", chunk_position="last"),
    AIMessage("whole", id="w"),
]


def shown(modes: list[str], chunks: list[Any]) -> list[tuple[str, Any]]:
    """Return the events of some chunks."""
    events = Events(modes)
    return [event for one in chunks for event in events.of((), "messages", (one, ABOUT))]


def test_messages_are_shown_as_they_grow() -> None:
    """What each is about comes first, a whole one is complete, a streamed one never is."""
    told = [
        (event, {one: about["metadata"] for one, about in data.items()})
        if event == "messages/metadata"
        else (event, [(one["type"], one["content"], one["id"]) for one in data])
        for event, data in shown(["messages"], CHUNKS)
    ]
    assert told == [
        ("messages/metadata", {"1": TOLD}),
        ("messages/partial", [("ai", "a", "1")]),
        ("messages/partial", [("ai", "ab", "1")]),
        ("messages/metadata", {"w": TOLD}),
        ("messages/complete", [("ai", "whole", "w")]),
    ]
    partial = shown(["messages"], CHUNKS)[1][1][0]
    assert "tool_call_chunks" not in partial
    assert "chunk_position" not in partial


def test_messages_that_are_dicts_are_shown_as_well() -> None:
    """Their parts are added up by their content."""
    parts = [{"type": "AIMessageChunk", "id": 1, "content": word} for word in ("a", "b")]
    told = [(event, data) for event, data in shown(["messages"], parts) if "partial" in event]
    assert told == [
        ("messages/partial", [{"type": "ai", "id": 1, "content": "a"}]),
        ("messages/partial", [{"type": "ai", "id": 1, "content": "ab"}]),
    ]
    whole = {"role": "user", "content": "hi"}
    assert shown(["messages"], [whole])[1] == ("messages/complete", [whole])


def test_messages_can_be_shown_as_pairs() -> None:
    """Each chunk as it is, with what it is about."""
    told = shown(["messages-tuple"], CHUNKS)
    assert [event for event, _ in told] == ["messages"] * 3
    assert [(data[0]["type"], data[0]["content"], data[1]) for _, data in told] == [
        ("AIMessageChunk", "a", TOLD),
        ("AIMessageChunk", "b", TOLD),
        ("ai", "whole", TOLD),
    ]
    events = Events(["messages-tuple"])
    ((event, _),) = events.of(("sub:1",), "messages", (CHUNKS[0], ABOUT))
    assert event == "messages|sub:1"


@pytest.mark.parametrize(
    ("event", "modes", "is_shown"),
    [
        ("messages/partial", ["messages"], True),
        ("messages|sub:1", ["messages-tuple"], True),
        ("messages", ["values"], False),
        ("updates|sub:1", ["updates"], True),
        ("end", ["updates"], True),
        ("values", None, True),
    ],
)
def test_a_part_is_shown_to_who_asked_for_its_mode(
    event: str,
    modes: Any,  # noqa: ANN401 - modes, or None
    is_shown: bool,  # noqa: FBT001 - the answer
) -> None:
    """What belongs to every stream is shown to all."""
    assert shows(StreamPart(event, None), modes) is is_shown


class Talk(TypedDict):
    """A state of messages."""

    messages: list[AnyMessage]


def test_messages_in_a_state_are_dicts(way: str) -> None:
    """As a server would send them."""

    def talks(_: Talk) -> Talk:
        return {"messages": [HumanMessage("hi"), AIMessage("ho")]}

    builder: StateGraph[Talk, None] = StateGraph(Talk)
    builder.add_node("m", talks)
    builder.add_edge(START, "m")

    async def body(client: LangGraphClient) -> None:
        name = (await client.threads.create())["thread_id"]
        values = await client.runs.wait(name, "agent", input={"messages": []})
        told = [(one["type"], one["content"]) for one in values["messages"]]
        assert told == [("human", "hi"), ("ai", "ho")]
        assert (await client.threads.get_state(name))["values"] == values

    play(way, {"agent": builder.compile()}, body)
