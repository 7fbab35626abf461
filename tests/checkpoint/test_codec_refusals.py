"""What cannot be stored is refused, with its type, where it is, and what to do."""

import asyncio
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntEnum
from io import BytesIO
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from langchain_core.messages import HumanMessage

from graphflow import Command, Overwrite, Send
from graphflow.checkpoint.codec import Codec, Opaque
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError

CODEC = Codec()


def refusal(value: object, codec: Codec = CODEC) -> CodecError:
    """Return the error that a value is refused with."""
    with pytest.raises(CodecError) as caught:
        codec.pack(value)
    return caught.value


@dataclass
class Address:
    """A class that nobody registered."""

    street: object = ""


@dataclass
class Person:
    """A class that holds one."""

    address: object


class Pair(NamedTuple):
    """A tuple with names."""

    one: object


class Level(IntEnum):
    """An int with names."""

    LOW = 1


class Text(str):
    """A string with a class of its own."""

    __slots__ = ()


def test_the_error_names_the_type_and_how_to_register_it() -> None:
    """The name is that which an import would have."""
    error = refusal(Address())
    assert error.kind == f"{__name__}.Address"
    assert repr(error.kind) in error.reason
    assert "compile(types=[Address])" in error.reason


SUBCLASSES: list[object] = [
    Pair(1),
    Level.LOW,
    Text("a"),
    OrderedDict(a=1),
    defaultdict(list),
    Counter("a"),
]


@pytest.mark.parametrize("value", SUBCLASSES, ids=lambda value: type(value).__name__)
def test_a_subclass_of_a_builtin_is_refused(value: object) -> None:
    """It would come back as the builtin."""
    assert f"{type(value).__mro__[1].__name__}(...)" in refusal([value]).reason or isinstance(
        value, Level
    )


WRAPS: list[Callable[[object], object]] = [
    lambda value: value,
    lambda value: [value],
    lambda value: {"x": value},
    lambda value: (value,),
    lambda value: [{"x": [{"y": value}]}],
    lambda value: Send("a", value),
]


@pytest.mark.parametrize(
    "value", [bytearray(b"x"), memoryview(b"x")], ids=["bytearray", "memoryview"]
)
@pytest.mark.parametrize("wrap", WRAPS)
def test_bytes_that_can_change_are_refused(value: object, wrap: Callable[[object], object]) -> None:
    """Msgpack by itself would store them as bytes."""
    error = refusal(wrap(value))
    assert error.kind == type(value).__name__
    assert "bytes(...)" in error.reason


def test_a_memoryview_is_refused_as_a_key_and_in_a_set() -> None:
    """It is hashable."""
    assert refusal({memoryview(b"x"): 1}).kind == "memoryview"
    assert refusal({memoryview(b"x")}).kind == "memoryview"


def test_a_range_is_refused() -> None:
    """It is no list and no tuple."""
    assert "list(...)" in refusal(range(3)).reason


def test_a_deque_is_refused() -> None:
    """It is of no known kind."""
    assert refusal(deque([1])).kind == "collections.deque"


def generator() -> Iterator[int]:
    """Yield nothing of interest."""
    yield 1


async def coroutine() -> None:
    """Do nothing."""


class Custom(tzinfo):
    """A zone that graphflow knows nothing of."""

    def utcoffset(self, dt: datetime | None) -> timedelta:  # noqa: ARG002 - the base's name
        """Say an hour."""
        return timedelta(hours=1)

    def dst(self, dt: datetime | None) -> None:
        """Know nothing of summer."""

    def tzname(self, dt: datetime | None) -> str:  # noqa: ARG002 - the base's name
        """Have a name."""
        return "custom"


PASSING: list[tuple[object, str]] = [
    (ValueError("x"), "an exception cannot be stored"),
    (len, "a function cannot be stored"),
    (generator, "a function cannot be stored"),
    (lambda: 1, "a function cannot be stored"),
    ("".join, "a function cannot be stored"),
    (generator(), "a generator cannot be stored"),
    (threading.Lock(), "a lock or a thread cannot be stored"),
    (threading.RLock(), "a lock or a thread cannot be stored"),
    (asyncio.Lock(), "a lock or a thread cannot be stored"),
    (threading, "a module cannot be stored"),
    (Address, "a class cannot be stored"),
    (BytesIO(), "a file cannot be stored"),
    (iter([1]), "an iterator cannot be stored"),
    (SimpleNamespace(), "'types.SimpleNamespace' is no type that can be stored as it is"),
    (object(), "'object' is no type that can be stored as it is"),
    (NotImplemented, "'NotImplementedType' is no type"),
    (Custom(), "is no type that can be stored as it is"),
]


@pytest.mark.parametrize(("value", "text"), PASSING, ids=[text for _, text in PASSING])
def test_what_is_of_this_process_only_is_refused(value: object, text: str) -> None:
    """With a word for what it is."""
    assert text in refusal({"x": value}).reason


def test_a_coroutine_is_refused() -> None:
    """It was forgotten to await it."""
    forgotten = coroutine()
    assert "a coroutine cannot be stored" in refusal([forgotten]).reason
    forgotten.close()


@pytest.mark.parametrize("zone", [Custom(), None], ids=["custom", "without a key"])
def test_a_zone_that_cannot_be_found_again_is_refused(zone: tzinfo | None) -> None:
    """As part of a datetime, too."""
    if zone is None:
        with open("/usr/share/zoneinfo/Europe/Berlin", "rb") as file:  # noqa: PTH123 - as users do
            zone = ZoneInfo.from_file(file)
    assert "ZoneInfo" in refusal([datetime(2024, 1, 1, tzinfo=zone)]).reason


PATHS: list[tuple[object, str]] = [
    (Address(), ""),
    ([1, Address()], "[1]"),
    ((0, [0, Address()]), "[1][1]"),
    ({"user": Address()}, "['user']"),
    ({3: {"a": [Address()]}}, "[3]['a'][0]"),
    ({(1, Pair(1)): 1}, f"[(1, {Pair(1)!r})][1]"),
    ({1, Pair(1)}, "{...}"),
    ({frozenset({Pair(1)})}, "{...}{...}"),
    (Person(Address()), ".address"),
    ([{"user": Person({"a": Address()})}], "[0]['user'].address['a']"),
    (Send("a", {"x": len}), ".arg['x']"),
    (Command(goto=[Send("a", len)]), ".goto[0].arg"),
    (Overwrite([len]), ".value[0]"),
    ([datetime(2024, 1, 1, tzinfo=Custom())], "[0]"),
    ({"big": [2**70, len]}, "['big'][1]"),
]


@pytest.mark.parametrize(("value", "path"), PATHS, ids=[path or "none" for _, path in PATHS])
def test_the_error_says_where_it_is(value: object, path: str) -> None:
    """In steps as one would write them."""
    registry = Registry()
    registry.learn_class(Person)
    assert refusal(value, Codec(registry)).path == path


def test_the_message_has_the_path() -> None:
    """It is what users see."""
    assert str(refusal({"user": [len]})).startswith("at ['user'][0]: ")


def test_the_path_shows_long_keys_in_part() -> None:
    """A path is read by people."""
    assert len(refusal({"k" * 5000: len}).path) < 300


@pytest.mark.parametrize("wrap", [list, tuple, dict.fromkeys])
def test_a_value_that_contains_itself_is_refused(wrap: Callable[[list[Any]], object]) -> None:
    """With a path that goes round."""
    loop: list[Any] = []
    loop.append({"again": loop})
    error = refusal(loop)
    assert "contains itself" in error.reason
    assert error.path.startswith("[0]['again'][0]['again']")


def test_a_class_of_langchain_is_told_about_with_its_module() -> None:
    """Where the ready-made list of them is."""
    assert "graphflow.integrations.langchain" in refusal([HumanMessage("hi")]).reason


def test_two_keys_with_one_encoding_are_refused() -> None:
    """One of them would be lost."""
    keys = [(float("nan"),), (float("nan"),)]
    assert "two keys" in refusal(dict.fromkeys(keys)).reason


def test_an_opaque_made_by_hand_must_hold_a_value() -> None:
    """What is stored can be read."""
    assert "holds no bytes of a value" in refusal([Opaque("tag", b"\xc1")]).reason
    assert "holds no bytes of a value" in refusal([Opaque("tag", b"\x01\x01")]).reason
    assert CODEC.unpack(CODEC.pack(Opaque("tag", b"\x01"))) == Opaque("tag", b"\x01")


class Nosy:
    """A class whose registered encoder fails."""


def test_an_encoder_that_raises_is_named() -> None:
    """With what it raised as the cause."""
    registry = Registry()
    registry.add(Nosy, "nosy", lambda _nosy: 1 / 0, lambda _payload: Nosy())
    error = refusal({"x": Nosy()}, Codec(registry))
    assert "'nosy'" in error.reason
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert error.path == "['x']"


def test_an_encoder_that_returns_what_cannot_be_stored_is_refused() -> None:
    """The path leads to the object, and on into what the encoder returned."""
    registry = Registry()
    registry.add(Nosy, "nosy", lambda _nosy: {"a": [len]}, lambda _payload: Nosy())
    assert refusal([Nosy()], Codec(registry)).path == "[0]['a'][0]"


def test_an_encoder_that_returns_the_object_is_refused() -> None:
    """It would never come to an end."""
    registry = Registry()
    registry.add(Nosy, "nosy", lambda nosy: nosy, lambda _payload: Nosy())
    assert "contains itself" in refusal(Nosy(), Codec(registry)).reason


def test_a_failed_pack_leaves_the_codec_as_it_was() -> None:
    """The next value is packed as ever."""
    good = CODEC.pack({"at": datetime(2024, 1, 1, tzinfo=UTC)})
    for _ in range(3):
        refusal([1, "two", len])
        assert CODEC.pack({"at": datetime(2024, 1, 1, tzinfo=UTC)}) == good


def test_a_dict_that_changes_while_it_is_stored_is_refused() -> None:
    """Another thread may do that, or an encoder."""
    registry = Registry()
    value: dict[str, object] = {"a": Nosy(), "b": 1}
    registry.add(Nosy, "nosy", lambda _nosy: value.update(c=1), lambda _payload: Nosy())
    assert "change nothing while it is stored" in refusal(value, Codec(registry)).reason


def test_a_form_with_more_than_was_told_is_refused() -> None:
    """What slips in is not stored as something else."""
    with pytest.raises(CodecError, match="a function cannot be stored"):
        CODEC.pack_form([len], [])
