"""What values are when they have been sent to a server, or by one."""

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import orjson
import pydantic
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph_sdk._shared.utilities import _orjson_default  # pyright: ignore[reportPrivateUsage] - how the SDK sends

from graphflow import Send
from graphflow.client._wire import received, sent
from graphflow.interrupts import Interrupt


class Colour(Enum):
    """An enum."""

    RED = "red"


@dataclass
class Point:
    """A dataclass."""

    x: int
    y: list[Any]


class Model(pydantic.BaseModel):
    """A model."""

    x: int


class Pair(NamedTuple):
    """A named tuple."""

    left: int


def kind_of(value: object) -> str:
    """Return the name of a case, the same in every process."""
    return type(value).__name__


SENT = [
    None,
    True,
    1,
    1.5,
    float("nan"),
    "a",
    {"a": [1, (2, 3)]},
    {2: 1, None: 2, True: 3, Colour.RED: 4},
    [Colour.RED],
    Point(1, [Point(2, [])]),
    Model(x=1),
    {1},
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    date(2026, 1, 2),
    UUID(int=1),
    np.array([[1, 2], [3, 4]]),
    np.float64(1.5),
    HumanMessage("hi"),
    AIMessage("a", tool_calls=[{"name": "t", "args": {}, "id": "1"}]),
]


@pytest.mark.parametrize("value", SENT, ids=kind_of)
def test_what_is_sent_is_what_the_sdk_sends(value: Any) -> None:  # noqa: ANN401 - any value
    """Read again as a server reads it."""
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    assert sent(value) == orjson.loads(orjson.dumps(value, _orjson_default, option))
    assert received(value) == sent(value)


TOLD: list[tuple[Any, Any]] = [
    (Pair(1), {"left": 1}),
    (Send("a", {"x": 1}), {"node": "a", "args": {"x": 1}}),
    (Interrupt("q?", id="1"), {"value": "q?", "id": "1", "response_schema": None}),
    (ValueError("boom"), {"error": "ValueError", "message": "boom"}),
    (deque([1, Point(1, [])]), [1, {"x": 1, "y": []}]),
    (timedelta(seconds=90), 90.0),
    (UTC, "UTC"),
    (Decimal("1.50"), 1.5),
    (Decimal(3), 3),
    (PurePosixPath("a/b"), "a/b"),
    (ip_address("127.0.0.1"), "127.0.0.1"),
    (re.compile("a+"), "a+"),
    (b"abc", "YWJj"),
    (object(), None),
    (int, None),
]


@pytest.mark.parametrize(("value", "told"), TOLD, ids=kind_of)
def test_a_server_has_forms_for_more(value: Any, told: Any) -> None:  # noqa: ANN401 - any value
    """What has none is None, as there."""
    assert received([value]) == [told]


@pytest.mark.parametrize("value", [object(), int, b"abc", re.compile("a")], ids=kind_of)
def test_what_the_sdk_cannot_send_is_an_error(value: object) -> None:
    """In its words."""
    with pytest.raises(TypeError, match="is not JSON serializable"):
        sent({"a": value})
