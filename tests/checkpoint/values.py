"""Values of every type that the codec has, and what tells whether two are the same all through."""

import struct
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from graphflow import Command, Overwrite, Send
from graphflow.messages import RemoveMessage

Value: TypeAlias = Any

ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC")

PLAIN: Final[dict[type, tuple[str, ...]]] = {
    Send: ("node", "arg"),
    Command: ("graph", "update", "resume", "goto"),
    Overwrite: ("value",),
    RemoveMessage: ("id",),
}


def same(one: Value, other: Value) -> bool:
    """Tell whether two values are of one type and equal in every part, bit by bit."""
    kind = type(cast("object", one))
    if type(cast("object", other)) is not kind:
        return False
    if kind in PLAIN:
        return all(same(getattr(one, name), getattr(other, name)) for name in PLAIN[kind])
    return COMPARED.get(kind, _equal)(one, other)


def _equal(one: Value, other: Value) -> bool:
    return bool(one == other)


def _same_items(one: Value, other: Value) -> bool:
    return len(one) == len(other) and all(map(same, one, other))


def _same_pairs(one: Value, other: Value) -> bool:
    return _same_items([*one.items()], [*other.items()])


def _same_elements(one: Value, other: Value) -> bool:
    return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)


def _same_state(one: Value, other: Value) -> bool:
    return bool(one.__reduce_ex__(4) == other.__reduce_ex__(4))


def _same_bits(one: Value, other: Value) -> bool:
    return bits(one) == bits(other)


COMPARED: Final[dict[type, Callable[[Value, Value], bool]]] = {
    float: _same_bits,
    complex: _same_bits,
    list: _same_items,
    tuple: _same_items,
    dict: _same_pairs,
    set: _same_elements,
    frozenset: _same_elements,
    datetime: _same_state,
    time: _same_state,
    timezone: _same_state,
    Decimal: lambda one, other: bool(one.as_tuple() == other.as_tuple()),
}


def bits(number: complex) -> bytes:
    """Return the bytes of a number, which tell a NaN from another and -0.0 from 0.0."""
    return struct.pack(">dd", number.real, number.imag)


def _float(data: bytes) -> float:
    number: float = struct.unpack(">d", data)[0]
    return number


def _fixed(minutes: int, name: str | None) -> timezone:
    offset = timedelta(minutes=minutes)
    return timezone(offset) if name is None else timezone(offset, name)


def _decimal(sign: int, digits: tuple[int, ...], exponent: int) -> Decimal:
    return Decimal((sign, digits, exponent))


def _folded(at: datetime, fold: int) -> datetime:
    return at.replace(fold=fold)


def _zoned(at: time, zone: tzinfo | None, fold: int) -> time:
    return at.replace(tzinfo=zone, fold=fold)


def _command(update: object, goto: list[str | Send]) -> Command[str]:
    return Command(graph=Command.PARENT, update=update, goto=goto)


TEXTS: Final = st.text(st.characters(exclude_categories=()))
TIMEZONES: Final = st.one_of(
    st.none(),
    st.just(UTC),
    st.builds(_fixed, st.integers(-1439, 1439), st.none() | st.text(max_size=3)),
    st.sampled_from(ZONES).map(ZoneInfo),
)
DECIMALS: Final = st.builds(
    _decimal,
    st.integers(0, 1),
    st.lists(st.integers(0, 9), max_size=30).map(tuple),
    st.integers(-10_000, 10_000),
)
DATETIMES: Final = st.builds(
    _folded,
    st.datetimes(timezones=TIMEZONES, allow_imaginary=True),
    st.integers(0, 1),
)
TIMES: Final = st.builds(
    _zoned,
    st.times(),
    TIMEZONES,
    st.integers(0, 1),
)

HASHABLE_ATOMS: Final[st.SearchStrategy[Hashable]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    TEXTS,
    st.binary(),
    st.complex_numbers(allow_nan=False),
    DATETIMES,
    st.dates(),
    TIMES,
    st.timedeltas(),
    TIMEZONES,
    st.uuids(),
    st.decimals(allow_nan=False),
)
ATOMS: Final[st.SearchStrategy[Any]] = st.one_of(
    HASHABLE_ATOMS,
    st.binary(min_size=8, max_size=8).map(_float),
    st.complex_numbers(),
    DECIMALS,
    st.sampled_from(["sNaN12", "-NaN", "NaN007", "Infinity", "-Infinity", "-0E+5"]).map(Decimal),
    st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**300]),
)

HASHABLES: Final[st.SearchStrategy[Hashable]] = st.recursive(
    HASHABLE_ATOMS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=5), inner, max_size=4),
        st.dictionaries(HASHABLES, inner, max_size=3),
        st.sets(HASHABLES, max_size=4),
        st.frozensets(HASHABLES, max_size=4),
        st.builds(Send, st.text(), inner),
        st.builds(Overwrite, inner),
        st.builds(RemoveMessage, HASHABLES.filter(lambda key: key is not None)),
        st.builds(
            _command,
            inner,
            st.lists(st.text() | st.builds(Send, st.text(), inner), max_size=2),
        ),
    )


VALUES: Final[st.SearchStrategy[Any]] = st.recursive(ATOMS, _containers, max_leaves=12)
"""Values of every type, nested in each other."""

EVERY_KIND: Final[tuple[object, ...]] = (
    None,
    True,
    -1,
    2**64,
    -(2**80),
    1.5,
    float("-inf"),
    "text \ud800",
    b"bytes",
    [1, [2]],
    {"role": "user", "content": "hi", (1, "key"): {2: None}},
    (1, (2,)),
    {1, "a", (2, frozenset({3}))},
    frozenset({b"x"}),
    1 - 2j,
    datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    datetime(1, 1, 1, tzinfo=UTC),
    date(9999, 12, 31),
    time(1, 2, 3, 4, tzinfo=timezone(timedelta(hours=-3), "here")),
    timedelta(days=-1, microseconds=1),
    UUID(int=7),
    Decimal("-1.50"),
    ZoneInfo("Europe/Berlin"),
    Send("node", {"x": (1,)}),
    Command(update={"x": 1}, goto=[Send("a", None), "b"]),
    Overwrite([]),
    RemoveMessage("1"),
)
"""One value of every kind, small."""
