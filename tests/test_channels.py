"""Channels: how the writes of one superstep to one key become its value."""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import Overwrite
from graphflow import channels as module
from graphflow._reducer import check_reducer
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
from graphflow.errors import InvalidUpdateError, TooManyWritesError

# typeshed has no types for operator.or_.
UNITE: Any = operator.or_  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it
NUMBERS = st.lists(st.integers(), max_size=4)
WRITES = st.lists(NUMBERS, min_size=1, max_size=4)

SINGLE: dict[str, Channel] = {
    "LastValue": LastValue(int),
    "Ephemeral": Ephemeral(int),
    "Untracked": Untracked(int),
}
UNGUARDED: dict[str, Channel] = {
    "AnyValue": AnyValue(int),
    "Ephemeral": Ephemeral(int, guard=False),
    "Untracked": Untracked(int, guard=False),
}
COMBINING: dict[str, Channel] = {
    "Reducer": Reducer(list, operator.add),
    "Topic": Topic(int),
    "accumulating Topic": Topic(int, accumulate=True),
}
EVERY = {**SINGLE, **{f"unguarded {name}": made for name, made in UNGUARDED.items()}, **COMBINING}


class Source:
    """An origin with a fixed id."""

    id = "source"


def tens(old: int, new: int) -> int:
    """Append a digit; no other order of digits gives the same number."""
    return old * 10 + new


class Stamp:
    """A reducer that joins lists and completes its updates with the origin's id."""

    def __call__(self, old: list[object], new: list[object]) -> list[object]:
        """Join."""
        return old + new

    def prepare(self, update: list[object], origin: module.Origin) -> list[object]:
        """Append the origin's id."""
        return [*update, origin.id]


def nothing() -> None:
    """Take nothing."""


def three(a: object, b: object, c: object) -> object:
    """Take three arguments."""
    return (a, b, c)


def made_anew() -> Callable[[Any, Any], Any]:
    """Return a lambda that is a new object at each call."""
    return lambda old, new: (old, new)


def unstartable(old: object, new: object) -> object:
    """Return a pair."""
    return (old, new)


# ------------------------------------------------------------- LastValue, Ephemeral, Untracked


@pytest.mark.parametrize("channel", SINGLE.values(), ids=SINGLE)
def test_one_write_is_the_value(channel: Channel) -> None:
    """What was there before is gone."""
    assert channel.fold(1, [2]) == 2


@pytest.mark.parametrize("channel", SINGLE.values(), ids=SINGLE)
def test_two_writes_are_too_many(channel: Channel) -> None:
    """Also if they are equal; the error tells what to do."""
    with pytest.raises(TooManyWritesError, match="annotate it with a reducer"):
        channel.fold(MISSING, [2, 2])


@pytest.mark.parametrize("channel", UNGUARDED.values(), ids=UNGUARDED)
def test_without_a_guard_the_last_write_holds(channel: Channel) -> None:
    """Writes come in plan order."""
    assert channel.fold(1, [2, 3]) == 3


# --------------------------------------------------------------------------------------- fading


@pytest.mark.parametrize(
    ("channel", "fades"),
    [
        (LastValue(int), False),
        (Reducer(int, operator.add), False),
        (Untracked(int), False),
        (Topic(int, accumulate=True), False),
        (Topic(int), True),
        (Ephemeral(int), True),
        (AnyValue(int), True),
    ],
    ids=repr,
)
def test_which_channels_fade(channel: Channel, *, fades: bool) -> None:
    """Those lose their value in a superstep without a write."""
    assert channel.fades is fades


@pytest.mark.parametrize("channel", EVERY.values(), ids=EVERY)
def test_only_untracked_channels_are_kept_out_of_checkpoints(channel: Channel) -> None:
    """All others are tracked."""
    assert channel.tracked is not isinstance(channel, Untracked)


@pytest.mark.parametrize("channel", [*SINGLE.values(), *UNGUARDED.values(), Topic(int)], ids=repr)
def test_a_channel_without_a_reducer_starts_with_nothing(channel: Channel) -> None:
    """The key is absent until it is written."""
    assert channel.fresh() is MISSING


def test_the_missing_value_shows_its_name() -> None:
    """A debugger shows a word."""
    assert repr(MISSING) == "MISSING"


# ---------------------------------------------------------------------------------------- Topic


def test_a_topic_holds_the_writes_of_the_last_superstep() -> None:
    """Those before are replaced."""
    assert Topic(int).fold([1], [2, 3]) == [2, 3]


@settings(deadline=None)
@given(old=NUMBERS, writes=WRITES)
def test_an_accumulating_topic_joins_what_there_was(
    old: list[int], writes: list[list[int]]
) -> None:
    """A written list adds its items."""
    before = [*old]
    value = Topic(int, accumulate=True).fold(old or MISSING, writes)
    joined = sum(writes, before)
    assert value == (joined or MISSING)
    assert old == before


def test_a_topic_flattens_one_level() -> None:
    """A list in a list stays one."""
    assert Topic(int).fold(MISSING, [1, [2, [3]], (4,)]) == [1, 2, [3], (4,)]


@pytest.mark.parametrize("writes", [[[]], [[], []], [Overwrite([])]])
def test_an_empty_topic_has_no_value(writes: list[object]) -> None:
    """The key is absent then, never an empty list."""
    assert Topic(int).fold([1], writes) is MISSING


def test_an_overwrite_of_an_accumulating_topic_is_what_later_writes_join() -> None:
    """What is put in past the rule is still a list of items for the next superstep."""
    topic = Topic(int, accumulate=True)
    assert topic.fold(topic.fold([1], [Overwrite([2])]), [3]) == [2, 3]


def test_an_overwrite_of_one_item_is_a_list_of_it() -> None:
    """The value of a Topic is a list, or the next superstep would stumble over it."""
    assert Topic(int, accumulate=True).fold([1], [Overwrite(2)]) == [2]


# -------------------------------------------------------------------------------------- Reducer


STARTS: list[tuple[object, object]] = [
    (list, []),
    (dict, {}),
    (set, set()),
    (int, 0),
    (str, ""),
    (bool, False),
    (tuple, ()),
    (Sequence, []),
    (Mapping, {}),
]


@pytest.mark.parametrize(("kind", "start"), STARTS)
def test_a_reduced_key_starts_from_its_type(kind: object, start: object) -> None:
    """An abstract type starts from the usual concrete one."""
    assert Reducer(kind, unstartable).fresh() == start


@pytest.mark.parametrize("kind", [Any, int | None, Literal["a"], Callable[[], int], unstartable])
def test_a_type_that_makes_no_start_leaves_the_key_absent(kind: object) -> None:
    """There is nothing to reduce the first write with."""
    assert Reducer(kind, unstartable).fresh() is MISSING


def test_the_first_write_to_an_absent_key_is_taken_as_it_is() -> None:
    """The function is called from the second on."""
    assert Reducer(Any, unstartable).fold(MISSING, [1, 2]) == (1, 2)


def test_writes_are_reduced_in_plan_order() -> None:
    """Each with what the one before gave."""
    assert Reducer(int, tens).fold(1, [2, 3]) == 123


@settings(deadline=None)
@given(old=NUMBERS, writes=WRITES)
def test_joining_lists_gives_what_reduce_gives(old: list[int], writes: list[list[int]]) -> None:
    """The fast way for `operator.add` changes neither the old value nor a write."""
    before, given = [*old], [[*write] for write in writes]
    value = Reducer(list, operator.add).fold(old, writes)
    assert value == reduce(operator.add, given, before)
    assert (old, writes) == (before, given)
    assert value is not old


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 3), st.integers()), min_size=2, max_size=5))
def test_joining_dicts_gives_what_reduce_gives(dicts: list[dict[int, int]]) -> None:
    """The fast way for `operator.or_` does the same."""
    copies = [{**one} for one in dicts]
    assert Reducer(dict, UNITE).fold(dicts[0], dicts[1:]) == reduce(UNITE, copies)
    assert dicts == copies


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 3)), min_size=2, max_size=5))
def test_joining_sets_gives_what_reduce_gives(sets: list[set[int]]) -> None:
    """So are sets."""
    copies = [{*one} for one in sets]
    assert Reducer(set, UNITE).fold(sets[0], sets[1:]) == reduce(UNITE, copies)
    assert sets == copies


def test_a_write_of_another_type_is_not_joined_in_place() -> None:
    """`+=` would take a tuple into a list where `+` does not."""
    with pytest.raises(TypeError, match="concatenate"):
        Reducer(list, operator.add).fold([1], [[2], (3,)])


def test_a_first_write_taken_as_it_is_is_not_changed_by_the_next() -> None:
    """It is the writer's own list."""
    mine = [1]
    Reducer(Any, operator.add).fold(MISSING, [mine, [2], [3]])
    assert mine == [1]


@pytest.mark.parametrize("data", [{"__overwrite__": []}, {"type": "__overwrite__", "value": []}])
def test_data_cannot_be_an_overwrite(data: dict[str, object]) -> None:
    """A dict from outside that looks like one is refused."""
    with pytest.raises(InvalidUpdateError, match=r"write Overwrite\(value\)"):
        Reducer(list, operator.add).fold([], [data])


def test_prepare_completes_an_update() -> None:
    """With the id of where it comes from."""
    channel = Reducer(list, Stamp())
    assert channel.prepares
    assert channel.prepared([1], Source()) == [1, "source"]


def test_prepare_completes_an_overwrite() -> None:
    """Its value is an update too."""
    assert Reducer(list, Stamp()).prepared(Overwrite([1]), Source()) == Overwrite([1, "source"])


@pytest.mark.parametrize("channel", EVERY.values(), ids=EVERY)
def test_other_channels_prepare_nothing(channel: Channel) -> None:
    """A write stays the object it is."""
    write = object()
    assert not channel.prepares
    assert channel.prepared(write, Source()) is write


@pytest.mark.parametrize("function", [len, nothing, three])
def test_a_function_of_other_than_two_arguments_is_no_reducer(
    function: Callable[..., object],
) -> None:
    """It would fail at the first write only."""
    with pytest.raises(ValueError, match="a reducer takes two"):
        check_reducer(function)


# ------------------------------------------------------------------------------------ Overwrite


@pytest.mark.parametrize("channel", EVERY.values(), ids=EVERY)
def test_an_overwrite_is_the_value(channel: Channel) -> None:
    """On every channel, past its rule."""
    assert channel.fold([1], [Overwrite([2])]) == [2]


@pytest.mark.parametrize("channel", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("writes", [[Overwrite([2]), [3]], [[3], Overwrite([2])]])
def test_an_overwrite_wins_over_every_other_write(channel: Channel, writes: list[object]) -> None:
    """Whichever comes first in plan order, on every channel."""
    assert channel.fold([1], writes) == [2]


@pytest.mark.parametrize("channel", EVERY.values(), ids=EVERY)
def test_two_overwrites_are_too_many(channel: Channel) -> None:
    """Neither can win."""
    with pytest.raises(TooManyWritesError):
        channel.fold([1], [Overwrite([2]), Overwrite([3])])


# ------------------------------------------------------------------------------ equality, names


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (LastValue(int), LastValue(str), True),
        (LastValue(int), AnyValue(int), False),
        (Topic(int), Topic(int), True),
        (Topic(int), Topic(int, accumulate=True), False),
        (Ephemeral(int), Ephemeral(int, guard=False), False),
        (Ephemeral(int), Untracked(int), False),
        (Reducer(int, tens), Reducer(int, tens), True),
        (Reducer(int, tens), Reducer(int, operator.add), False),
        (Reducer(int, tens), LastValue(int), False),
        (Reducer(int, made_anew()), Reducer(int, made_anew()), True),
    ],
)
def test_which_channels_are_the_same_rule(one: Channel, other: Channel, *, same: bool) -> None:
    """Two schemas may declare a key if their rules are the same."""
    assert one.same(other) is same


@pytest.mark.parametrize(
    ("langgraph", "ours"),
    [
        ("BaseChannel", Channel),
        ("BinaryOperatorAggregate", Reducer),
        ("EphemeralValue", Ephemeral),
        ("UntrackedValue", Untracked),
    ],
)
def test_the_names_of_langgraph_are_there(langgraph: str, ours: type[Channel]) -> None:
    """They are other names for the same classes."""
    assert getattr(module, langgraph) is ours
