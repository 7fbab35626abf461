"""Draws random cases that are valid in both libraries, and says what it never draws, and why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.differential.specs import (
    END,
    START,
    Branch,
    Case,
    Choice,
    Form,
    Graph,
    Join,
    Node,
    Replace,
    Schema,
    SendTo,
    Target,
    Write,
)

NAMES = "fbeacd"  # the order in which they are added is not the order in which they run

FORMS: Sequence[Form] = ("dict", "dict", "command", "command", "pairs", "list", "nothing")
SCHEMAS: Sequence[Schema] = ("state", "state", "state", "narrow", "private")
KEYS = ("total", "total", "digits", "digits", "x", "secret")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ...
