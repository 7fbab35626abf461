"""Postponed annotations: everything that is read from an annotation is read from a string too."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

import pytest

from graphflow import START, Command, GraphValidationError, Runtime, StateGraph
from graphflow.channels import Reducer, Topic
from graphflow.config import RunnableConfig
from graphflow.managed import RemainingSteps
from graphflow.schema import read_schema
from graphflow.types import StreamWriter
from tests.small import gives, logs

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Callable


class State(TypedDict, total=False):
    """A reduced key, one with a channel, and one that the engine fills in."""

    log: Annotated[list[str], operator.add]
    items: Annotated[list[int], Topic(int, accumulate=True)]
    left: RemainingSteps


class Private(TypedDict, total=False):
    """A key of one node."""

    secret: str


@dataclass
class Context:
    """What callers pass."""

    user: str


def test_the_channels_of_a_typed_dict_are_found() -> None:
    """Its strings are evaluated in its own module."""
    schema = read_schema(State, "state_schema")
    assert [type(channel) for channel in schema.channels.values()] == [Reducer, Topic]


def test_the_managed_values_of_a_typed_dict_are_found() -> None:
    """As channels are."""
    assert list(read_schema(State, "state_schema").managed) == ["left"]


def test_the_fields_of_a_dataclass_are_found() -> None:
    """As the keys of a TypedDict are."""
    assert list(read_schema(Context, "context").channels) == ["user"]


def look(state: Private) -> None:
    """See the private key only."""
    SEEN.append(state)


class Look:
    """A callable object that does."""

    def __call__(self, state: Private) -> None:
        """See the private key only."""
        SEEN.append(state)


@wraps(look)
def decorated(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as decorators have it
    """See what it wraps sees."""
    look(*args, **kwargs)


SEEN: list[object] = []


@pytest.mark.parametrize("node", [look, Look(), decorated])
def test_the_schema_of_a_node_is_found(node: Callable[..., Any]) -> None:
    """The annotation of its first parameter is evaluated, wherever that stands."""
    SEEN.clear()
    StateGraph(State).add_node("a", node).add_edge(START, "a").compile().invoke({"log": ["in"]})
    assert SEEN == [{}]


def test_what_a_node_asks_for_is_found_by_annotation() -> None:
    """Whatever its parameters are called, and with None beside the type."""
    seen: list[object] = []

    def look(
        state: State,
        a: Runtime[Context],
        b: RunnableConfig,
        c: StreamWriter,
        d: Runtime | None = None,
    ) -> None:
        seen.extend((a.context, b.get("recursion_limit"), callable(c), d is not None))

    graph = StateGraph(State, Context).add_node(look).add_edge(START, "look").compile()
    graph.invoke({}, {"recursion_limit": 9}, context=Context("ada"))
    assert seen == [Context("ada"), 9, True, True]


def test_the_promised_destinations_of_a_command_are_found() -> None:
    """And checked by `compile()`."""

    def go(state: State) -> Command[Literal["nowhere"]]:
        return Command(goto="nowhere")

    made = StateGraph(State).add_node(go).add_edge(START, "go")
    with pytest.raises(
        GraphValidationError, match="return annotation of node 'go' names 'nowhere'"
    ):
        made.compile()


def test_the_promised_answers_of_a_path_are_found() -> None:
    """They are its path map."""

    def choose(state: State) -> Literal["a", "nowhere"]:
        return "a"

    made = StateGraph(State).add_node("a", logs("a")).add_conditional_edges(START, choose)
    with pytest.raises(GraphValidationError, match=r"path map of .*'choose' .* names 'nowhere'"):
        made.compile()


def test_an_annotation_for_type_checkers_only_is_left_alone() -> None:
    """A node whose annotations cannot be resolved is run all the same."""

    def look(state: OrderedDict[str, int]) -> OrderedDict[str, list[str]]:
        return {"log": ["ran"]}  # type: ignore[return-value]  # the annotation is the test

    graph = StateGraph(State).add_node(look).add_edge(START, "look").compile()
    assert graph.invoke({})["log"] == ["ran"]


def test_an_unknown_name_in_a_state_is_told_with_the_state() -> None:
    """The NameError alone would not tell which of the schemas has it."""

    class Broken(TypedDict):
        key: Missing  # type: ignore[name-defined]  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - the mistake

    with pytest.raises(NameError) as caught:
        StateGraph(State).add_node("a", gives(None), input_schema=Broken)
    told = " ".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert "Missing" in told
    assert "Broken" in told
