"""How a superstep changed a value, as data: applied again it gives the value, and it is short."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow import Overwrite, add_messages
from graphflow._change import (
    ADDED,
    EXTENDED,
    REMOVED,
    SET,
    SPLICED,
    UPDATED,
    WRITTEN,
    Change,
    apply,
    found,
    kept,
)
from graphflow.channels import MISSING, LastValue, Reducer, Topic
from graphflow.errors import DamagedCheckpointError, NewerFormatError

Value: TypeAlias = Any
"""A value of a state, or writes of some."""

LIST: Any = list
OR: Any = vars(operator)["or_"]  # the checkers know too little of its operands
ITEMS = st.lists(st.integers(0, 5).map(str), max_size=8)


def again(old: object, change: Change, writes: Sequence[Any]) -> object:
    """Apply a change to a value, or to none; return what is there then."""
    values: dict[str, Any] = {} if old is MISSING else {"k": old}
    apply(values, "k", change, writes)
    return values.get("k", MISSING)


def replaced(old: list[Any], start: int, stop: int, items: list[Any]) -> list[Any]:
    """Return a list with other items from start to stop."""
    return [*old[:start], *items, *old[stop:]]


@given(old=ITEMS, items=ITEMS, ends=st.tuples(st.integers(0, 8), st.integers(0, 8)))
def test_any_edit_of_a_list_is_found(
    old: list[Any], items: list[Any], ends: tuple[int, int]
) -> None:
    """Whatever a reducer cuts out and puts in, at whatever place."""
    start, stop = sorted(min(end, len(old)) for end in ends)
    new = replaced(old, start, stop, items)
    change = found(old, new, [items])
    assert again([*old], change, [items]) == new


@given(old=ITEMS, new=ITEMS)
def test_any_other_list_is_found(old: list[Any], new: list[Any]) -> None:
    """Even one that has nothing to do with the list before."""
    assert again([*old], found(old, new, ["x"]), ["x"]) == new


@given(old=ITEMS, items=ITEMS, ends=st.tuples(st.integers(0, 8), st.integers(0, 8)))
def test_what_a_change_keeps_is_in_its_place(
    old: list[Any], items: list[Any], ends: tuple[int, int]
) -> None:
    """A snapshot relies on it."""
    start, stop = sorted(min(end, len(old)) for end in ends)
    new = replaced(old, start, stop, items)
    left = kept(found(old, new, [items]), len(old))
    assert new[:left] == old[:left]


def test_an_append_brings_no_bytes_of_its_own() -> None:
    """The items are in the writes."""
    one, two = object(), object()
    assert found([one], [one, two], [[two]]) == ADDED


def test_a_lone_item_that_was_appended_is_not_stored_twice() -> None:
    """A reducer may take items for lists of one."""
    one, two = object(), object()
    assert again([one], found([one], [one, two], [two]), [two]) == [one, two]


def test_a_replaced_item_costs_one_item() -> None:
    """Not the list."""
    old = [object() for _ in range(100)]
    new = object()
    assert found(old, [*old[:50], new, *old[51:]], ["x"]) == [SPLICED, 50, 51, [new]]


def test_a_list_cut_off_in_front_costs_nothing() -> None:
    """A window over the last items."""
    old = [object() for _ in range(100)]
    assert found(old, old[10:], ["x"]) == [SPLICED, 0, 10, []]


CASES: list[tuple[Callable[[Any, Any], Any], Any, Any, Any]] = [
    (operator.add, [1], [[2], [3]], EXTENDED),
    (operator.add, "a", ["b", "c"], EXTENDED),
    (operator.add, b"a", [b"b"], EXTENDED),
    (operator.add, (1,), [(2,)], EXTENDED),
    (operator.add, 1, [2], [SET, 3]),
    (OR, {"a": 1}, [{"b": 2}, {"a": 3}], UPDATED),
    (OR, {1}, [{2}], UPDATED),
    (OR, frozenset({1}), [frozenset({2})], [SET, frozenset({1, 2})]),
    (operator.mul, 2, [3], [SET, 6]),
    (operator.add, [1], [Overwrite([7])], WRITTEN),
]


@pytest.mark.parametrize(("function", "old", "writes", "change"), CASES)
def test_known_reducers_say_what_they_did(
    function: Callable[[Any, Any], Any], old: Value, writes: Value, change: Change
) -> None:
    """And the change gives what they gave."""
    kind: Any = type(cast("object", old))
    channel = Reducer(kind, function)
    new = channel.fold(old, writes)
    told = channel.change(old, new, writes)
    assert told == change
    before = old.copy() if hasattr(old, "copy") else old
    assert again(before, told, writes) == new


@pytest.mark.parametrize("empty", [[], "", b"", ()])
def test_the_first_write_needs_no_stored_start(empty: Value) -> None:
    """What a reducer starts from is never stored."""
    kind: Any = type(cast("object", empty))
    write = kind(b"ab" if empty == b"" else "ab")
    channel = Reducer(kind, operator.add)
    assert again(MISSING, channel.change(empty, empty + write, [write]), [write]) == write


def test_the_first_union_needs_no_stored_start() -> None:
    """The same for `|`."""
    channel = Reducer(dict, OR)
    assert again(MISSING, channel.change({}, {"a": 1}, [{"a": 1}]), [{"a": 1}]) == {"a": 1}


def test_messages_that_are_appended_are_not_stored_twice() -> None:
    """Nor is the list."""
    hello, reply = ({"role": "user", "content": "hi", "id": str(n)} for n in range(2))
    channel = Reducer(LIST, add_messages)
    new = channel.fold([hello], [[reply]])
    assert channel.change([hello], new, [[reply]]) == ADDED


def test_a_topic_that_accumulates_is_appended_to() -> None:
    """Items and lists of items alike."""
    channel = Topic(str, accumulate=True)
    writes = ["b", ["c", "d"]]
    change = channel.change(["a"], channel.fold(["a"], writes), writes)
    assert (change, again(["a"], change, writes)) == (ADDED, ["a", "b", "c", "d"])


def test_a_plain_value_is_its_write() -> None:
    """It is stored once."""
    assert LastValue().change(MISSING, 1, [1]) == WRITTEN


def test_a_channel_without_a_value_is_removed() -> None:
    """As a topic that nobody wrote to."""
    change = Topic(str).change(["a"], MISSING, [[]])
    assert (change, again(["a"], change, [[]])) == (REMOVED, MISSING)


@pytest.mark.parametrize("change", [99, [99, 1]])
def test_an_unknown_change_is_newer(change: Change) -> None:
    """Nothing is guessed."""
    with pytest.raises(NewerFormatError, match="99"):
        again([1], change, [[1]])


UNFIT: list[tuple[Value, Change, Value]] = [
    (1, EXTENDED, [[1]]),
    (1, UPDATED, [{}]),
    (1, [SPLICED, 0, 0, []], []),
    ([], WRITTEN, []),
]


@pytest.mark.parametrize(("old", "change", "writes"), UNFIT)
def test_a_change_that_does_not_fit_is_damage(old: Value, change: Change, writes: Value) -> None:
    """Told by the channel's name."""
    with pytest.raises(DamagedCheckpointError, match="'k'"):
        again(old, change, writes)
