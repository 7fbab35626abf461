"""The plain values of the API: how they compare, show and hash, and how they are made."""

from typing import Any

import pytest

from graphflow import Command, Overwrite, Send

SHOWN: list[tuple[object, str]] = [
    (Send("a", {"x": 1}), "Send(node='a', arg={'x': 1})"),
    (Overwrite([]), "Overwrite(value=[])"),
    (Command(goto="a"), "Command(graph=None, update=None, resume=None, goto='a')"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_a_value_shows_itself_as_it_is_made(value: object, text: str) -> None:
    """With the names of its fields."""
    assert repr(value) == text


EQUAL: list[tuple[object, object]] = [
    (Send("a", [1]), Send("a", [1])),
    (Overwrite([1]), Overwrite([1])),
    (Command(update={"x": 1}, goto=["a"]), Command(update={"x": 1}, goto=["a"])),
]
OTHER: list[tuple[object, object]] = [
    (Send("a", 1), Send("a", 2)),
    (Send("a", 1), Send("b", 1)),
    (Overwrite(1), Overwrite(2)),
    (Overwrite(1), 1),
    (Command(goto="a"), Command(goto="b")),
    (Command(), Send("a", None)),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_values_with_equal_fields_are_equal(one: object, other: object) -> None:
    """Whichever objects they are."""
    assert one == other


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_values_that_differ_in_kind_or_field_are_not_equal(one: object, other: object) -> None:
    """One field is enough."""
    assert one != other


@pytest.mark.parametrize("value", [Send("a", 1), Overwrite(1), Command(goto="a")], ids=repr)
def test_a_value_of_hashable_fields_is_hashable(value: object) -> None:
    """Equal values have one place in a set."""
    fields = {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]  # each has them
    assert {value, type(value)(**fields)} == {value}


def test_a_value_of_other_fields_is_not_hashable() -> None:
    """As a tuple of them is not."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Send("a", {}))


def test_a_command_is_made_by_keywords_only() -> None:
    """Four fields in a row would be mixed up."""
    make: Any = Command
    with pytest.raises(TypeError, match="positional"):
        make(None, {"x": 1})
