"""What messages say of the calls of a model, by OpenTelemetry's names."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from graphflow.integrations._genai import Spoken


def chunk(text: str, name: str = "1", **given: Any) -> AIMessageChunk:  # noqa: ANN401 - of the message
    """Return a chunk of a message."""
    return AIMessageChunk(content=text, id=name, **given)


def usage(given: int, made: int, **details: Any) -> Any:  # noqa: ANN401 - a dict of LangChain's
    """Return numbers of tokens."""
    return {"input_tokens": given, "output_tokens": made, "total_tokens": given + made, **details}


def test_a_message_says_model_tokens_and_why_it_ended() -> None:
    """With the details that it has of tokens."""
    message = AIMessage(
        "hi",
        response_metadata={
            "model_name": "m-2025",
            "model_provider": "google_genai",
            "finish_reason": "stop",
        },
        usage_metadata=usage(
            9,
            4,
            input_token_details={"cache_read": 5, "cache_creation": 1},
            output_token_details={"reasoning": 2},
        ),
    )
    asked = {"ls_model_name": "m", "ls_temperature": 0.5, "ls_max_tokens": 100, "ls_stop": ["x"]}
    assert Spoken().take(message, asked) == {
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.response.model": "m-2025",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 1,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }


def test_chunks_are_added_up_and_the_whole_message_counts_once() -> None:
    """A stream may show both; one provider tells the input's tokens first, the output's last."""
    spoken = Spoken()
    assert spoken.take(chunk("a", usage_metadata=usage(7, 0)), {})["gen_ai.usage.input_tokens"] == 7
    assert spoken.take(chunk("b"), {}) == {}
    last = spoken.take(chunk("c", usage_metadata=usage(0, 3)), {})
    expected = {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3}
    assert last == expected
    assert spoken.take(AIMessage("abc", id="1", usage_metadata=usage(7, 3)), {}) == expected


def test_several_messages_of_a_task_are_added_up() -> None:
    """Those without an id, too; and each has its reason to end."""
    spoken = Spoken()
    messages = [
        {"usage_metadata": usage(2, 1), "response_metadata": {"stop_reason": reason}}
        for reason in ("tool_use", "end_turn")
    ]
    assert [spoken.take(message, {}) for message in messages][-1] == {
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.response.finish_reasons": ["tool_use", "end_turn"],
    }


def test_a_message_that_is_told_twice_counts_once() -> None:
    """By the middleware of two graphs."""
    spoken, message = Spoken(), chunk("a", usage_metadata=usage(1, 1))
    assert spoken.take(message, {})
    assert spoken.take(message, {}) == {}
    assert spoken.take(chunk("b", usage_metadata=usage(1, 1)), {})["gen_ai.usage.input_tokens"] == 2


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("x"),
        {"role": "user", "content": "x"},
        {"usage_metadata": 5, "response_metadata": None},
        {"usage_metadata": {"input_tokens": "many", "input_token_details": []}},
        "text",
        None,
    ],
)
def test_what_says_nothing_changes_nothing(message: object) -> None:
    """Whatever it is."""
    assert Spoken().take(message, {}) == {}
