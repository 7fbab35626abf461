"""Messages of LangChain come back as they were, and none of their validators run."""

import subprocess
import sys
from textwrap import dedent
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from typing_extensions import TypedDict

from graphflow import add_messages
from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError
from graphflow.integrations.langchain import TYPES, register
from tests.checkpoint.watch import watched

TOOL_CALL = {"name": "search", "args": {"q": "x", "n": [1, 2]}, "id": "call_1", "type": "tool_call"}
USAGE: Any = {
    "input_tokens": 3,
    "output_tokens": 4,
    "total_tokens": 7,
    "input_token_details": {"cache_read": 1},
}
BLOCKS: Any = [
    "text",
    {"type": "text", "text": "hi"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "x"}},
]

MESSAGES: list[Any] = [
    HumanMessage("hi"),
    HumanMessage(BLOCKS, id="1", name="ann", custom=("extra", 1)),
    AIMessage("hi", id="2", response_metadata={"model": "x", "logprobs": None}),
    AIMessage(
        "",
        tool_calls=[TOOL_CALL],
        invalid_tool_calls=[{"name": "f", "args": "{", "id": "call_2", "error": "no JSON"}],
        usage_metadata=USAGE,
        additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}},
    ),
    SystemMessage("be brief"),
    ToolMessage("42", tool_call_id="call_1", artifact={"rows": [(1, 2)]}, status="error"),
    FunctionMessage(content="42", name="f"),
    ChatMessage(content="hi", role="critic"),
    RemoveMessage(id="1"),
    HumanMessageChunk(content="h"),
    AIMessageChunk(
        content="h",
        tool_call_chunks=[
            {"name": "f", "args": "{", "id": "c", "index": 0, "type": "tool_call_chunk"}
        ],
        chunk_position="last",
    ),
    AIMessageChunk(content="a") + AIMessageChunk(content="b", usage_metadata=USAGE),
    ToolMessage("x", tool_call_id="1", artifact=[Document("text", metadata={"page": 1})]),
    Document("text", id="7", metadata={"source": "a"}),
]


def codec() -> Codec:
    """Return a codec that knows all of them."""
    registry = Registry()
    register(registry)
    return Codec(registry)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message: Any) -> None:  # noqa: ANN401 - any of them
    """With all that it holds, of the types that it had, and which fields were given."""
    data = codec().pack(message)
    made = codec().unpack(data)
    assert type(made) is type(message)
    assert made == message
    assert made.__dict__ == message.__dict__
    assert made.model_fields_set == message.model_fields_set
    assert made.model_extra == message.model_extra
    assert codec().pack(made) == data


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_reading_a_message_runs_no_code_of_its_class(
    message: Any,  # noqa: ANN401 - any of them
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No constructor, and no validator, which pydantic's own would call."""
    subject = codec()
    data = subject.pack(message)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    for cls in type(message).__mro__[:-1]:
        for name in (
            "__init__",
            "__setattr__",
            "model_post_init",
            "model_validate",
            "__setstate__",
        ):
            if name in vars(cls):
                monkeypatch.setattr(cls, name, forbidden)
    with watched() as heard:
        made = subject.unpack(data)
    assert heard == []
    monkeypatch.undo()
    assert made == message


def test_what_comes_back_works_as_a_message() -> None:
    """Text, tool calls, addition of chunks, and the reducer."""
    subject = codec()
    made = subject.unpack(subject.pack(MESSAGES[3]))
    assert made.tool_calls == MESSAGES[3].tool_calls
    assert made.content_blocks == MESSAGES[3].content_blocks
    chunk = subject.unpack(subject.pack(AIMessageChunk(content="a", id="1")))
    assert (chunk + AIMessageChunk(content="b", id="1")).content == "ab"
    kept = add_messages([HumanMessage("x", id="1")], subject.unpack(subject.pack(MESSAGES[8])))
    assert kept == []


class State(TypedDict):
    """A state that names the messages."""

    messages: Annotated[list[AnyMessage], add_messages]


class Vague(TypedDict):
    """A state that names their base only."""

    messages: Annotated[list[BaseMessage], add_messages]


def test_a_state_that_names_the_messages_needs_no_more() -> None:
    """They have the tags that `register` gives them."""
    registry = Registry()
    registry.learn(State)
    messages = [message for message in MESSAGES[:8] if "Function" not in type(message).__name__]
    assert Codec(registry).pack(messages) == codec().pack(messages)


def test_a_state_that_names_their_base_needs_the_types() -> None:
    """The error says where they are."""
    registry = Registry()
    registry.learn(Vague)
    with pytest.raises(CodecError, match=r"graphflow\.integrations\.langchain") as caught:
        Codec(registry).pack({"messages": [HumanMessage("hi")]})
    assert caught.value.path == "['messages'][0]"
    for cls in TYPES:
        registry.learn_class(cls)
    assert Codec(registry).pack({"messages": [HumanMessage("hi")]})


WITHOUT = """
    import sys
    sys.modules["langchain_core"] = None
    try:
        import graphflow.integrations.langchain
    except ImportError as error:
        assert "install the package 'langchain-core'" in str(error)
    else:
        raise AssertionError
"""


def test_without_langchain_the_import_says_what_to_install() -> None:
    """The rest of the package does without."""
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", dedent(WITHOUT)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
