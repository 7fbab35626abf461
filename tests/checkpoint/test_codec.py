"""Values come back as they were, and one value has one encoding."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, localcontext
from math import isnan
from random import Random
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow.checkpoint.codec import Codec, Opaque
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError, DamagedCheckpointError
from tests.checkpoint.values import EVERY_KIND, HASHABLES, VALUES, Value, bits, same

CODEC = Codec()


def again(value: object) -> Value:
    """Return a value after a way through bytes."""
    return CODEC.unpack(CODEC.pack(value))


@given(VALUES)
def test_a_value_comes_back_with_its_types_all_through(value: object) -> None:
    """Whatever is nested in what."""
    assert same(again(value), value)


@given(VALUES)
def test_what_comes_back_has_the_bytes_it_came_from(value: object) -> None:
    """Nothing is written in two ways."""
    data = CODEC.pack(value)
    assert CODEC.pack(CODEC.unpack(data)) == data


@given(st.lists(HASHABLES, unique=True), st.randoms(use_true_random=False))
def test_sets_that_are_equal_have_equal_bytes(items: list[Any], rng: Random) -> None:
    """In whatever order their elements were added."""
    shuffled = [*items]
    rng.shuffle(shuffled)
    assert CODEC.pack(set(items)) == CODEC.pack(set(shuffled))


def ordered(value: Any) -> str:  # noqa: ANN401 - of any kind
    """Return what a value is called in a test's name: of a set, the same in every process."""
    kind: Any = set  # not narrowed to by type checkers, which would know too little of it
    return " ".join(sorted(map(repr, value))) if isinstance(value, kind) else repr(value)


@pytest.mark.parametrize("value", EVERY_KIND, ids=ordered)
def test_every_kind_of_value_comes_back(value: object) -> None:
    """By itself, as an item, as a value of a dict and of a node's Send."""
    assert same(again([value, {"x": value}]), [value, {"x": value}])


def test_the_order_of_a_dict_is_part_of_it() -> None:
    """And so makes other bytes."""
    assert [*again({"b": 1, "a": 2})] == ["b", "a"]
    assert CODEC.pack({"b": 1, "a": 2}) != CODEC.pack({"a": 2, "b": 1})


@pytest.mark.parametrize(
    "number",
    [0.0, -0.0, float("inf"), float("-inf"), 5e-324, 0.1, 1e300],
    ids=repr,
)
def test_a_float_keeps_its_bits(number: float) -> None:
    """Those of -0.0 too; none is ever written with four bytes."""
    assert bits(again(number)) == bits(number)
    assert len(CODEC.pack(number)) == 9


@pytest.mark.parametrize("payload", [0x7FF8000000000001, 0xFFF8000000000000, 0x7FFC0000DEADBEEF])
def test_a_nan_keeps_its_payload(payload: int) -> None:
    """Of which there are 2**53."""
    (nan,) = struct.unpack(">d", payload.to_bytes(8, "big"))
    assert isnan(nan)
    assert bits(again(nan)) == bits(nan)


@pytest.mark.parametrize("value", [True, False, 0, 1], ids=repr)
def test_a_bool_is_no_int(value: object) -> None:
    """Nor the other way round, nor as a key."""
    assert same(again({value: value}), {value: value})


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("exponent", [7, 8, 15, 16, 31, 32, 63, 64, 65, 71, 72, 1000])
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_an_int_of_any_size_comes_back(sign: int, exponent: int, beside: int) -> None:
    """Around every width that something in between may have."""
    number = sign * (2**exponent + beside)
    assert same(again(number), number)


def test_an_int_may_have_more_digits_than_python_shows() -> None:
    """The limit of int() for text has no part in it."""
    assert again(7**20_000) == 7**20_000


def test_lone_surrogates_come_back() -> None:
    """In keys too; file names have them."""
    assert again({"\udcff": "\ud800x"}) == {"\udcff": "\ud800x"}


def test_a_surrogate_pair_is_not_made_one_character() -> None:
    """Two halves are another string than what they would be together."""
    assert again("\ud83d\ude00") == "\ud83d\ude00"
    assert CODEC.pack("\ud83d\ude00") != CODEC.pack("\U0001f600")


def test_the_name_of_a_zone_is_kept_and_its_absence_too() -> None:
    """Both show the same."""
    offset = timedelta(hours=1)
    named, nameless = again([timezone(offset, "UTC+01:00"), timezone(offset)])
    assert named.__reduce__() == timezone(offset, "UTC+01:00").__reduce__()
    assert nameless.__reduce__() == timezone(offset).__reduce__()


def test_utc_is_the_one_there_is() -> None:
    """As it is after pickle."""
    assert again(datetime.now(UTC)).tzinfo is UTC


def test_the_context_of_decimals_has_no_part_in_their_bytes() -> None:
    """Neither its precision nor how it writes exponents."""
    number = Decimal("1.23456789E+20")
    data = CODEC.pack(number)
    with localcontext(Context(prec=2, capitals=0)):
        assert CODEC.pack(number) == data
        assert CODEC.unpack(data).as_tuple() == number.as_tuple()


def test_a_set_may_hold_several_nans() -> None:
    """For none equals another."""
    assert len(again({float("nan"), float("nan")})) == 2


def test_large_values_come_back() -> None:
    """Strings, bytes and lists beyond every short length that msgpack has."""
    value = ["x" * 10_000_000, b"y" * 10_000_000, [0] * 70_000, {1: ()}]
    assert again(value) == value
    assert again(tuple(range(70_000))) == tuple(range(70_000))
    assert again(set(range(70_000))) == set(range(70_000))


def test_what_is_packed_stays_as_it_was() -> None:
    """Lists and dicts that hold what msgpack does not have are not changed for it."""
    value = [(1,), {"a": {2}, (3,): [4j]}]
    CODEC.pack(value)
    assert value == [(1,), {"a": {2}, (3,): [4j]}]


@given(VALUES)
def test_a_form_has_the_bytes_that_it_has_as_a_value(value: object) -> None:
    """Only what is the application's in it is looked at, and that is all that it takes."""
    form = [1, {"key": [value]}, [[value]]]
    assert CODEC.pack_form(form, [value]) == CODEC.pack(form)


def test_a_form_may_hold_a_value_as_deep_as_may_be() -> None:
    """It is written the slow way then."""
    value: list[Any] = []
    for _ in range(60):
        value = [value]
    assert CODEC.pack_form([1, value], [value]) == CODEC.pack([1, value])


@pytest.mark.parametrize("value", [len, bytearray(b"x"), [{"x": memoryview(b"x")}], {b"x": len}])
def test_a_form_with_what_cannot_be_stored_is_refused(value: object) -> None:
    """With the path in the form."""
    with pytest.raises(CodecError) as caught:
        CODEC.pack_form([1, [value]], [value])
    assert caught.value.path.startswith("[1][0]")


# Seals.


def test_a_sealed_value_is_opened_with_its_salt() -> None:
    """The seal is a checksum of four bytes that is seeded with the salt."""
    sealed = CODEC.seal({"x": (1,)}, 77)
    assert sealed[:4] == crc32(sealed[4:], 77).to_bytes(4, "big")
    assert CODEC.open(sealed, 77) == {"x": (1,)}


@pytest.mark.parametrize("salt", [-1, 2**32 + 5, 2**80])
def test_a_salt_may_be_any_int(salt: int) -> None:
    """Its last 32 bits count."""
    assert CODEC.open(CODEC.seal(1, salt), salt % 2**32) == 1


def test_a_seal_of_another_place_does_not_open() -> None:
    """So a record cannot stand in for another."""
    with pytest.raises(DamagedCheckpointError, match="checksum"):
        CODEC.open(CODEC.seal([1, 2], 1), 2)


@pytest.mark.parametrize("length", range(5))
def test_a_seal_that_was_cut_short_does_not_open(length: int) -> None:
    """Wherever it was cut."""
    with pytest.raises(DamagedCheckpointError):
        CODEC.open(CODEC.seal("x", 0)[:length], 0)


def test_every_changed_bit_breaks_the_seal() -> None:
    """Checked for all of a small record."""
    sealed = CODEC.seal({"role": "user", "content": "hi"}, 9)
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(DamagedCheckpointError, match="checksum"):
            CODEC.open(bytes(changed), 9)


# Tags that nobody knows.


def stored_by_another() -> bytes:
    """Return a value with an object whose class only another program registers."""
    registry = Registry()
    registry.add(Strange, "strange", lambda strange: (strange.inner, {1}), Strange)
    return Codec(registry).pack({"x": [Strange((1, Strange(None)))]})


class Strange:
    """A class of no known kind."""

    def __init__(self, inner: object) -> None:
        """Keep what is in it."""
        self.inner = inner


def test_an_unknown_tag_gives_something_opaque() -> None:
    """Which shows its tag, can be compared and is hashable."""
    opaque = CODEC.unpack(stored_by_another())["x"][0]
    assert isinstance(opaque, Opaque)
    assert opaque.tag == "strange"
    assert repr(opaque) == f"Opaque('strange', <{len(opaque.data)} bytes>)"
    assert {opaque, Opaque(opaque.tag, opaque.data)} == {opaque}


def test_something_opaque_is_stored_again_byte_for_byte() -> None:
    """A program that knows its class reads it as if nothing had happened."""
    assert CODEC.pack(CODEC.unpack(stored_by_another())) == stored_by_another()
