"""Reading state classes: which channel, or managed value, each annotation of a key asks for."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, ClassVar, NotRequired, Required, TypedDict, cast

import pytest
import typing_extensions
from typing_extensions import ReadOnly

from graphflow import StateGraph
from graphflow.channels import (
    MISSING,
    AnyValue,
    Channel,
    Ephemeral,
    LastValue,
    Reducer,
    Topic,
    Untracked,
)
from graphflow.errors import UnknownKeyError
from graphflow.managed import IsLastStep, IsLastStepManager, RemainingSteps, RemainingStepsManager
from graphflow.schema import Schema, fields_of, is_schema, merge, read_schema
from tests.small import State, gives


def keep(old: list[int], new: list[int]) -> list[int]:
    """Keep what was there."""
    return old or new


def spread(*both: list[int]) -> list[int]:
    """Keep the last one."""
    return both[-1]


def scaled(by: int, old: int, new: int) -> int:
    """Add a multiple."""
    return old + by * new


class Adder:
    """A callable object with a method, both of two arguments."""

    def __call__(self, old: int, new: int) -> int:
        """Add."""
        return old + new

    def add(self, old: int, new: int) -> int:
        """Add."""
        return old + new


class Document:
    """Documentation, which cannot be called."""


SHARED = Topic(int, accumulate=True)


class Sharing(TypedDict):
    """Two keys with one channel instance in their annotations."""

    a: Annotated[list[int], SHARED]
    b: Annotated[list[int], SHARED]


def channel_of(annotation: object) -> Channel:
    """Return the channel of a key 'k' with that annotation."""
    schema = read(annotation)
    assert not schema.managed
    return schema.channels["k"]


def read(annotation: object) -> Schema:
    """Read a TypedDict whose one key 'k' has that annotation."""
    cls = type("Made", (), {"__annotations__": {"k": annotation}})
    return read_schema(dataclass(cls), "state_schema")


# --------------------------------------------------------------------------------- state classes


def test_a_typed_dict_is_a_schema() -> None:
    """Its keys are channels, in the order of declaration."""
    assert list(read_schema(State, "state_schema").channels) == ["log", "x", "y"]


def test_a_typed_dict_of_typing_extensions_is_a_schema() -> None:
    """It differs from typing's on older Pythons."""

    class Extended(typing_extensions.TypedDict):
        a: int

    assert list(read_schema(Extended, "state_schema").channels) == ["a"]


def test_a_typed_dict_made_by_a_call_is_a_schema() -> None:
    """Its keys may be words that no class body could have."""
    Called = TypedDict("Called", {"a-b": int})
    assert list(read_schema(Called, "state_schema").channels) == ["a-b"]


def test_a_dataclass_is_a_schema() -> None:
    """Its fields are channels."""

    @dataclass
    class Data:
        a: int
        b: str = ""

    assert list(read_schema(Data, "state_schema").channels) == ["a", "b"]


def test_inherited_keys_count() -> None:
    """Those of the parent come first."""

    class Child(State):
        z: int

    assert list(read_schema(Child, "state_schema").channels) == ["log", "x", "y", "z"]


@pytest.mark.parametrize("cls", [dict, list, 5, "State", None, State(), Document])
def test_anything_else_is_refused(cls: object) -> None:
    """The error tells which argument it was, and shows what was given."""
    with pytest.raises(TypeError, match="state_schema must be a TypedDict or a dataclass, not"):
        StateGraph(cast("Any", cls))


@pytest.mark.parametrize("role", ["input_schema", "output_schema"])
def test_the_error_names_the_role(role: str) -> None:
    """Each schema argument is checked in the call."""
    with pytest.raises(TypeError, match=f"{role} must be a TypedDict or a dataclass, not 5"):
        StateGraph(State, **{role: cast("Any", 5)})


def test_the_error_names_the_node() -> None:
    """A node's own schema is checked when the node is added."""
    with pytest.raises(TypeError, match="input_schema of node 'a' must be a TypedDict"):
        StateGraph(State).add_node("a", gives(None), input_schema=list)


def test_an_instance_is_no_schema() -> None:
    """Only the class is."""
    assert not is_schema(State(x=1))


# ------------------------------------------------------------------------ channels by annotation


@pytest.mark.parametrize("annotation", [int, Any, int | None, Annotated[int, "documentation"]])
def test_a_plain_annotation_is_a_last_value(annotation: object) -> None:
    """Words about it that cannot be called change nothing."""
    assert type(channel_of(annotation)) is LastValue


REDUCERS: dict[str, Callable[[Any, Any], Any]] = {
    "operator": operator.add,
    "function": keep,
    "star": spread,
    "builtin": max,
    "partial": partial(scaled, 2),
    "object": Adder(),
    "method": Adder().add,
    "lambda": lambda a, b: a + b,
}


@pytest.mark.parametrize("reducer", REDUCERS.values(), ids=REDUCERS)
def test_a_function_of_two_arguments_is_a_reducer(reducer: Callable[[Any, Any], Any]) -> None:
    """It is kept as it is."""
    channel = channel_of(Annotated[int, reducer])
    assert isinstance(channel, Reducer)
    assert channel.operator is reducer


def test_a_word_behind_the_reducer_does_not_hide_it() -> None:
    """Documentation may stand on either side."""
    channel = channel_of(Annotated[list[int], "before", keep, Document(), "after"])
    assert isinstance(channel, Reducer)
    assert channel.operator is keep


@pytest.mark.parametrize(
    ("reducer", "count"), [(len, 1), (scaled, 3)], ids=["one argument", "three arguments"]
)
def test_a_reducer_of_other_than_two_arguments_is_refused(reducer: object, count: int) -> None:
    """The error names key and function, and counts."""
    said = rf"key 'k': the reducer '\w+' takes {count} positional .* takes two, \(value, update\)"
    with pytest.raises(ValueError, match=said):
        read(Annotated[int, reducer])


@pytest.mark.parametrize("kind", [LastValue, Topic, Ephemeral, Untracked, AnyValue])
def test_a_channel_class_is_made_with_the_type(kind: type[Channel]) -> None:
    """`Annotated[int, Topic]` is a Topic of int."""
    channel = channel_of(Annotated[int, kind])
    assert (type(channel), channel.type) == (kind, int)


def test_a_channel_instance_is_taken_as_it_is() -> None:
    """With its options."""
    topic = Topic(int, accumulate=True)
    assert channel_of(Annotated[list[int], topic]) is topic


def test_a_channel_knows_its_key() -> None:
    """Errors tell it."""
    assert repr(channel_of(int)) == "<LastValue 'k'>"


def test_a_channel_instance_of_two_keys_is_two_channels() -> None:
    """Sharing the annotation does not make the keys one."""
    channels = read_schema(Sharing, "state_schema").channels
    assert [channel.key for channel in channels.values()] == ["a", "b"]


@pytest.mark.parametrize(
    ("annotation", "manager"),
    [(IsLastStep, IsLastStepManager), (RemainingSteps, RemainingStepsManager)],
)
def test_a_managed_annotation_is_no_channel(annotation: object, manager: type) -> None:
    """The engine fills such a key in."""
    schema = read(annotation)
    assert (schema.channels, schema.managed) == ({}, {"k": manager})


class Qualified(typing_extensions.TypedDict):
    """Qualifiers outside and inside of a reducer's annotation, and around plain types."""

    a: Required[Annotated[list[int], keep]]
    b: NotRequired[Annotated[list[int], keep]]
    c: ReadOnly[Annotated[list[int], keep]]
    d: Annotated[NotRequired[list[int]], keep]
    e: ReadOnly[Required[Annotated[list[int], keep]]]
    p: NotRequired[int]
    q: Required[int]
    r: ReadOnly[int]


@pytest.mark.parametrize("key", ["a", "b", "c", "d", "e"])
def test_required_and_read_only_say_nothing_about_the_channel(key: str) -> None:
    """They may stand outside or inside."""
    assert isinstance(read_schema(Qualified, "state_schema").channels[key], Reducer)


@pytest.mark.parametrize("key", ["p", "q", "r"])
def test_a_qualified_plain_key_is_a_last_value_of_the_type(key: str) -> None:
    """The qualifier is stripped."""
    assert read_schema(Qualified, "state_schema").channels[key].type is int


def test_a_total_typed_dict_needs_no_input_all_the_same() -> None:
    """A key is absent until it is written, whatever the class requires."""

    class Total(TypedDict):
        a: int

    seen: list[object] = []
    graph = StateGraph(Total).add_node("n", seen.append).set_entry_point("n").compile()
    assert (graph.invoke({}), seen) == ({}, [{}])


# ------------------------------------------------------------------------------ several schemas


def merged(*annotations: object) -> Channel:
    """Return the channel of a key that several schemas declare, in this order."""
    channels: dict[str, Channel] = {}
    for annotation in annotations:
        merge(channels, read(annotation))
    return channels["k"]


def test_a_later_plain_key_keeps_the_rule() -> None:
    """A node's schema need not repeat the reducer."""
    assert isinstance(merged(Annotated[list[int], keep], list[int]), Reducer)


def test_equal_rules_agree() -> None:
    """The same reducer in two schemas is one."""
    assert isinstance(merged(Annotated[list[int], keep], Annotated[list[int], keep]), Reducer)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (int, Annotated[int, max], "a Reducer with 'max' in 'Made', .* a LastValue"),
        (Annotated[int, min], Annotated[int, max], "a Reducer with 'max' .* with 'min'"),
        (Annotated[int, Topic], Annotated[int, AnyValue], "AnyValue in 'Made', .* a Topic"),
        (Annotated[int, Topic], Annotated[int, Topic(int, accumulate=True)], "a Topic .* a Topic"),
    ],
)
def test_two_rules_for_a_key_are_refused(one: object, other: object, said: str) -> None:
    """The error names the key and both rules, and tells to make them the same."""
    with pytest.raises(ValueError, match=f"key 'k' is .*{said}; give it the same annotation"):
        merged(one, other)


def test_a_refused_schema_leaves_no_key_behind() -> None:
    """A call that raises has changed nothing."""

    class Wrong(TypedDict):
        fresh: int
        x: Annotated[int, max]

    made = StateGraph(State)
    with pytest.raises(ValueError, match="key 'x'"):
        made.add_node("a", gives(None), input_schema=Wrong)
    graph = made.add_node("a", gives({"fresh": 1})).set_entry_point("a").compile()
    with pytest.raises(ValueError, match="output_keys names 'fresh'"):
        graph.invoke({}, output_keys="fresh")


class Narrow(TypedDict):
    """One key of the state."""

    x: int


def test_the_output_schema_filters_what_invoke_returns() -> None:
    """The other keys stay inside."""
    made = StateGraph(State, output_schema=Narrow).add_node("a", gives({"x": 1, "y": 2}))
    assert made.set_entry_point("a").compile().invoke({}) == {"x": 1}


def test_the_output_schema_does_not_filter_values() -> None:
    """A stream shows the whole state."""
    made = StateGraph(State, output_schema=Narrow).add_node("a", gives({"x": 1}))
    graph = made.set_entry_point("a").compile()
    assert list(graph.stream({"y": 2}, stream_mode="values"))[-1] == {"log": [], "x": 1, "y": 2}


def test_the_input_schema_forbids_other_keys() -> None:
    """The keys of the state that it leaves out are not the caller's to give."""
    graph = StateGraph(State, input_schema=Narrow).add_node("a", gives(None)).set_entry_point("a")
    with pytest.raises(UnknownKeyError, match="the input has the unknown key 'y'"):
        graph.compile().invoke({"y": 1})


@pytest.mark.parametrize("role", ["input_schema", "output_schema"])
def test_a_managed_key_is_neither_input_nor_output(role: str) -> None:
    """The error names class and key."""

    class Managed(TypedDict):
        left: RemainingSteps

    with pytest.raises(ValueError, match="'Managed' has 'left', which the engine fills in"):
        StateGraph(State, **{role: cast("Any", Managed)})


# ------------------------------------------------------------------------------------ dataclasses


@dataclass
class Data:
    """A required field, one with a default, and one the constructor does not take."""

    a: int
    b: int = 2
    c: int = field(default=3, init=False)


def test_a_field_that_the_constructor_does_not_take_is_seen_as_it_was_written() -> None:
    """A later node does not find the default in its place."""
    seen: list[object] = []
    made = StateGraph(Data).add_sequence([("write", gives({"c": 7})), ("read", seen.append)])
    made.set_entry_point("write").compile().invoke({"a": 1})
    assert [getattr(state, "c", None) for state in seen] == [7]


def test_a_class_variable_is_no_key() -> None:
    """It belongs to the class, not to the state."""

    @dataclass
    class Versioned:
        a: int
        version: ClassVar[int] = 1

    assert list(read_schema(Versioned, "state_schema").channels) == ["a"]


def test_nodes_of_a_dataclass_state_see_an_instance() -> None:
    """Its own defaults fill in what has no value."""
    seen: list[object] = []
    made = StateGraph(Data).add_node("n", seen.append).set_entry_point("n")
    made.compile().invoke({"a": 1})
    assert seen == [Data(1)]


def test_a_run_of_a_dataclass_state_returns_a_dict() -> None:
    """Of the keys that were written."""
    made = StateGraph(Data).add_node("n", gives({"b": 5})).set_entry_point("n")
    assert made.compile().invoke({"a": 1}) == {"a": 1, "b": 5}


def test_an_instance_can_be_the_input_and_the_update() -> None:
    """It writes every field."""
    made = StateGraph(Data).add_node("n", gives(Data(7))).set_entry_point("n")
    assert made.compile().invoke(Data(1)) == {"a": 7, "b": 2, "c": 3}


def test_a_missing_required_field_tells_the_node() -> None:
    """The dataclass's own error has a note of where."""
    made = StateGraph(Data).add_node("n", gives(None)).set_entry_point("n").compile()
    with pytest.raises(TypeError, match="'a'") as caught:
        made.invoke({})
    assert caught.value.__notes__ == ["while the state for node 'n' was made, superstep 1"]


def test_the_default_of_a_reduced_field_never_shows() -> None:
    """Such a key starts from its type, as in a TypedDict."""

    @dataclass
    class Listed:
        items: Annotated[list[str], operator.add] = field(default_factory=lambda: ["default"])

    made = StateGraph(Listed).add_node("n", gives({"items": ["x"]})).set_entry_point("n")
    assert made.compile().invoke({}) == {"items": ["x"]}


def test_the_fields_of_an_instance_are_an_update() -> None:
    """Each with its value."""
    assert fields_of(Data(1)) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("thing", [Data, {"a": 1}, 5, Document()])
def test_other_things_have_no_fields(thing: object) -> None:
    """A class is no instance of itself."""
    assert fields_of(thing) is None


def test_a_reducer_over_a_missing_value_takes_the_first_write() -> None:
    """Where the type makes no start."""
    assert channel_of(Annotated[int | None, Adder()]).fold(MISSING, [5]) == 5
