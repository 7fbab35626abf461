"""What somebody else wrote into a store does no harm: it is a value or an error, and cheap."""

import gc
import inspect
import json
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from graphflow import Command, Send
from graphflow.checkpoint import _codes
from graphflow.checkpoint.codec import Codec, Opaque
from graphflow.checkpoint.registry import Registry
from graphflow.errors import (
    CheckpointError,
    CodecError,
    DamagedCheckpointError,
    NewerFormatError,
)
from tests.checkpoint.raw import MARK, extension, holding, packed
from tests.checkpoint.values import Value
from tests.checkpoint.watch import watched

CODEC = Codec()

LIMIT = 64


def read(data: bytes, codec: Codec = CODEC) -> Value:
    """Unpack some bytes, and see to it that nothing else happens."""
    with watched() as heard:
        try:
            value = codec.unpack(data)
        finally:
            assert heard == []
    return value


INERT = (int, str, bytes, complex, tuple, list, dict, set, frozenset, UUID, Command, Opaque)


def is_inert(data: bytes) -> bool:
    """Tell whether bytes are damaged, of a newer graphflow, or a value without behaviour."""
    try:
        value = read(data)
    except CheckpointError:
        return True
    return type(value) in INERT


# What was found in LangGraph's packages.


class Evil:
    """An object that would run a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        """Say how it is made again."""
        return print, ("it ran",)


CONSTRUCTORS: list[dict[str, object]] = [
    {"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["true"], "kwargs": {}},
    {"lc": 1, "type": "constructor", "id": ["builtins", "eval"], "kwargs": {"source": "1"}},
    {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]},
    {"lc": 1, "type": "not_implemented", "id": ["a"], "repr": "b"},
]


@pytest.mark.parametrize("payload", CONSTRUCTORS, ids=lambda payload: str(payload["type"]))
def test_json_with_a_constructor_is_no_value(payload: dict[str, object]) -> None:
    """CVE-2025-64439: a second format, whose values named a constructor. There is one format."""
    with pytest.raises(DamagedCheckpointError):
        read(json.dumps(payload).encode())


@pytest.mark.parametrize("payload", CONSTRUCTORS, ids=lambda payload: str(payload["type"]))
def test_a_dict_that_names_a_constructor_stays_a_dict(payload: dict[str, object]) -> None:
    """CVE-2025-68664: marks among the values that nothing told from the user's own data."""
    assert read(CODEC.pack({"content": payload})) == {"content": payload}


LOOKALIKES: list[object] = [
    ["os:system", {"command": "true"}],
    {"tag": "os:system", "payload": "true"},
    {"__type__": "set", "items": [1]},
    [15, holding(15, ["os:system", "true"])],
    extension(_codes.TUPLE, packed([1])),
    extension(_codes.TUPLE, packed([1])).decode("latin-1"),
    {"": [[], None, None]},
]


@pytest.mark.parametrize("value", LOOKALIKES, ids=repr)
def test_a_value_that_looks_like_what_is_stored_stays_itself(value: object) -> None:
    """Marks are no values, so no value is a mark."""
    assert read(CODEC.pack(value)) == value


@pytest.mark.parametrize(
    "payload",
    [
        ["os", "system", "true"],
        ["os", "system", ["true"]],
        ["os", "system", {"command": "true"}],
        ["builtins", "eval", "1", "__call__"],
        ["langchain_core.messages.human", "HumanMessage", {"content": "x"}, "model_validate_json"],
        "os:system",
    ],
    ids=str,
)
def test_an_extension_that_names_a_function_calls_nothing(payload: object) -> None:
    """CVE-2026-28277: extensions whose module and name were imported and called."""
    data = packed(payload)
    for code in range(256):
        assert is_inert(bytes([0xC9, *len(data).to_bytes(4, "big"), code]) + data)


@pytest.mark.parametrize("tag", ["os:system", "builtins:eval", "graphflow.errors:shown", ""])
def test_a_tag_that_names_a_function_is_not_looked_up_by_name(tag: str) -> None:
    """It is looked up in what was registered, and found to be unknown."""
    data = holding(_codes.REGISTERED, [tag, "true"])
    if tag:
        assert read(data) == Opaque(tag, packed("true"))
    else:
        with pytest.raises(DamagedCheckpointError):
            read(data)


def test_what_is_in_an_unknown_object_is_looked_at_and_left_as_it_is() -> None:
    """Dicts with all kinds of keys, and objects inside of it."""
    inner = CODEC.pack({1: {(2,): [{3}]}, "x": Send("a", {"y": Opaque("other", b"\x01")})})
    data = extension(_codes.REGISTERED, b"\x92\xa3tag" + inner)
    assert read(data) == Opaque("tag", inner)
    assert CODEC.pack(read(data)) == data


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_not_unpickled(protocol: int, capsys: pytest.CaptureFixture[str]) -> None:
    """CVE-2026-27794: a cache that unpickled what it found."""
    data = pickle.dumps(Evil(), protocol)
    assert is_inert(data)
    assert read(CODEC.pack(data)) == data
    assert capsys.readouterr().out == ""


# Lengths that are not there.


@pytest.mark.parametrize("kind", [0xC6, 0xC9, 0xDB, 0xDD, 0xDF], ids=hex)
@pytest.mark.parametrize("length", [2**20, 2**31 - 1, 2**32 - 1])
def test_a_length_without_its_data_takes_no_memory(kind: int, length: int) -> None:
    """For each of the kinds that have four bytes for it."""
    data = bytes([kind]) + length.to_bytes(4, "big") + b"\x01" * 50
    assert peak_of_reading(data) < 100_000


def test_long_lists_inside_each_other_take_no_memory() -> None:
    """Msgpack makes a list as long as it says before it looks for the items."""
    data = (b"\xdd" + (10**6).to_bytes(4, "big")) * 60
    assert peak_of_reading(data + b"\x01" * 10**6) < 10_000_000


def peak_of_reading(data: bytes) -> int:
    """Return how much memory it takes to find bytes damaged."""
    gc.collect()
    tracemalloc.start()
    with pytest.raises(DamagedCheckpointError):
        CODEC.unpack(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


# Depth.


@dataclass
class Box:
    """An object that holds another."""

    inner: Any


def boxes() -> Codec:
    """Return a codec that knows the class in two ways."""
    registry = Registry()
    registry.learn_class(Box)
    registry.add(Evil, "evil", lambda evil: evil.inner, lambda _inner: Evil())
    return Codec(registry)


def evil(inner: object) -> Evil:
    """Return an object whose payload is what is in it."""
    value = Evil()
    value.inner = inner  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] # nor need it be
    return value


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: [inner],
    "dict": lambda inner: {"x": inner},
    "among others": lambda inner: [0, inner, "x"],
    "tuple": lambda inner: (inner,),
    "frozenset": lambda inner: frozenset({inner}),
    "key": lambda inner: {1: inner, "x": 1},
    "Send": lambda inner: Send("a", inner),
    "object": Box,
    "object of two functions": evil,
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_what_is_nested_as_deep_as_may_be_comes_back(wrap: Callable[[Any], Any]) -> None:
    """Whatever was written can be read."""
    value: Any = timedelta(1)
    for _ in range(LIMIT):
        value = wrap(value)
    assert type(boxes().unpack(boxes().pack(value))) is type(value)


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("depth", [LIMIT + 1, 300])
def test_what_is_nested_deeper_is_refused(wrap: Callable[[Any], Any], depth: int) -> None:
    """Containers, objects and payloads count alike."""
    value: Any = 2
    for _ in range(depth):
        value = wrap(value)
    with pytest.raises(CodecError, match="nested in more than 64 levels"):
        boxes().pack(value)


def nested(depth: int, wrap: Callable[[bytes], bytes]) -> bytes:
    """Return packed bytes that are wrapped again and again."""
    data = packed(1)
    for _ in range(depth):
        data = wrap(data)
    return data


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "list": lambda inner: b"\x91" + inner,
    "long list": lambda inner: b"\xdd\x00\x00\x00\x01" + inner,
    "value": lambda inner: b"\x81\xa1x" + inner,
    "key": lambda inner: b"\x81" + inner + b"\xc0",
    "tuple": lambda inner: extension(_codes.TUPLE, b"\x91" + inner),
    "set": lambda inner: extension(_codes.SET, b"\x91" + inner),
    "frozenset": lambda inner: extension(_codes.FROZENSET, b"\x91" + inner),
    "Send": lambda inner: extension(_codes.SEND, b"\x92\xa0" + inner),
    "Overwrite": lambda inner: extension(_codes.OVERWRITE, b"\x91" + inner),
    "object": lambda inner: extension(
        _codes.REGISTERED, b"\x92" + packed("tests.checkpoint.x:Box") + inner
    ),
    "object with fields": lambda inner: extension(
        _codes.REGISTERED, b"\x92\xa4evil\x81\xa5inner" + inner
    ),
    "known object": lambda inner: extension(_codes.REGISTERED, b"\x92\xa4evil" + inner),
    "by turns": lambda inner: extension(_codes.TUPLE, b"\x91\x81\x01" + inner),
}


@pytest.mark.parametrize("wrap", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("depth", [LIMIT + 1, 500, 1500])
def test_bytes_that_are_nested_too_deep_are_damaged(
    wrap: Callable[[bytes], bytes], depth: int
) -> None:
    """Never a RecursionError."""
    with pytest.raises(DamagedCheckpointError):
        read(nested(depth, wrap), boxes())


def test_reading_needs_little_of_the_stack() -> None:
    """As much as a deep call of an application leaves."""
    data = nested(LIMIT, HOSTILE["known object"])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth_of_stack() + 350)
    try:
        with pytest.raises(DamagedCheckpointError):
            boxes().unpack(nested(LIMIT + 1, HOSTILE["known object"]))
        boxes().unpack(data)
    finally:
        sys.setrecursionlimit(limit)


def depth_of_stack() -> int:
    """Return how many frames there are."""
    return len(inspect.stack(0))


# Values that are none.


@pytest.mark.parametrize("code", [*range(-128, -1), *range(20, 128)])
def test_an_unknown_extension_is_of_a_newer_graphflow(code: int) -> None:
    """As an item, a key, in an extension and in an object that nobody knows."""
    unknown = bytes([0xC7, 3, code & 0xFF]) + b"abc"
    for data in (
        unknown,
        b"\x91" + unknown,
        b"\x81" + unknown + b"\x01",
        extension(_codes.TUPLE, b"\x91" + unknown),
    ):
        with pytest.raises(NewerFormatError, match="newer graphflow"):
            read(data)


@pytest.mark.parametrize("size", [4, 8, 12])
@pytest.mark.parametrize("wrap", [b"", b"\x91", b"\x81\x01", b"\x92\xc0"])
def test_a_timestamp_of_msgpack_is_of_a_newer_graphflow(size: int, wrap: bytes) -> None:
    """No value of any other type comes out."""
    data = wrap + bytes([0xC7, size, 0xFF]) + b"\x01" * size
    with pytest.raises(NewerFormatError):
        read(data)
    with pytest.raises(NewerFormatError):
        read(b"\x81" + data[len(wrap) :] + b"\x01")
    with pytest.raises(NewerFormatError):
        read(extension(_codes.REGISTERED, b"\x92\xa3tag\x91" + data[len(wrap) :]))


EMPTY: list[Value] = []

JUNK: list[Value] = [
    None,
    True,
    0,
    -1,
    2**63,
    1.5,
    "",
    "x",
    "\ud800",
    b"",
    b"x",
    [],
    [None],
    [1, 2],
    [EMPTY, EMPTY],
    [EMPTY, {}, {}],
    [1, 2, 3, 4],
    ["tag", 1],
    [["tag"], 1],
    {},
    {1: 2},
    {"a": []},
    MARK(1, b""),
    MARK(3, b"\x91\x90"),
    MARK(99, b""),
]


@pytest.mark.parametrize("code", range(1, 20))
def test_a_wrong_shape_inside_an_extension_does_no_harm(code: int) -> None:
    """Bytes of every length and kind in place of those that are due."""
    payloads = [packed(junk) for junk in JUNK]
    payloads += [byte * size for byte in (b"\0", b"\1", b"\xff", b"a") for size in range(30)]
    for payload in payloads:
        try:
            value = read(extension(code, payload))
        except CheckpointError:
            continue
        assert same_bytes_again(value)


def same_bytes_again(value: object) -> bool:
    """Tell whether a value that was read can be written, and has one encoding."""
    data = CODEC.pack(value)
    return CODEC.pack(CODEC.unpack(data)) == data


WRONG: dict[str, bytes] = {
    "nothing": b"",
    "no kind of msgpack": b"\xc1",
    "a list as a key": b"\x81\x90\x01",
    "a dict as a key": b"\x81\x80\x01",
    "a tuple with a list as a key": b"\x81" + extension(1, b"\x91\x90") + b"\x01",
    "a set as a key": b"\x81" + extension(2, b"\x90") + b"\x01",
    "an int as a key twice": b"\x82\x01\x01\x01\x02",
    "two equal keys": b"\x82\x01\x01\xc3\x02",
    "a tuple as a key twice": b"\x82" + (extension(1, b"\x91\x01") + b"\x01") * 2,
    "a list in a set": extension(2, b"\x91\x90"),
    "an element twice": extension(2, b"\x92\x01\x01"),
    "two equal elements": extension(3, b"\x92\x01\xc3"),
    "no UTF-8": b"\xa2\xff\xff",
    "no UTF-8 in a key": b"\x81\xa1\xff\x01",
    "an extension that holds no list": extension(1, b"\x81\x01\x01"),
    "an extension that holds two values": extension(1, b"\x90\x90"),
    "a month 13": extension(7, b"\x07\xe8\x0d\x01"),
    "a day 0": extension(7, b"\x07\xe8\x01\x00"),
    "a zone of two days": extension(10, b"\x01" + (2 * 86400 * 10**6).to_bytes(8, "big") + b"\0"),
    "a zone that is a path": extension(10, b"\x02../../etc/passwd"),
    "a zone that is an absolute path": extension(10, b"\x02/etc/passwd"),
    "a zone with a zero": extension(10, b"\x02Europe/Berlin\0"),
    "a zone that is a module": extension(10, b"\x02os.path"),
    "digits that are none": extension(12, b"1e"),
    "digits in another writing": extension(12, b"1e5"),
    "digits with spaces": extension(12, b" 1"),
    "digits of another script": extension(12, "\u0661".encode()),
    "a Send without its input": extension(17, b"\x91\xa1a"),
    "an object with three parts": holding(15, ["tag", 1, 2]),
    "an object whose tag is long-winded": extension(15, b"\x92\xd9\x03tag\x01"),
    "an object in a list of another form": extension(15, b"\xdc\x00\x02\xa3tag\x01"),
    "an object whose tag is no string": holding(15, [1, 1]),
    "an object whose tag is a list": holding(15, [EMPTY, 1]),
    "an unknown object with damage inside": holding(15, ["tag", MARK(1, b"\xc1")]),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_bytes_that_are_no_value_are_damaged(data: bytes) -> None:
    """The error says that they are, and what to do."""
    with pytest.raises(DamagedCheckpointError, match="restore the store from a copy"):
        read(b"\x92\x01" + data if data else data)


def test_a_zone_that_is_not_there_is_an_error_of_its_own() -> None:
    """The bytes are in order; the machine lacks something. No module of that name is looked for."""
    with watched() as heard, pytest.raises(CodecError, match="no time zone 'Nowhere/At_All'"):
        CODEC.unpack(extension(10, b"\x02Nowhere/At_All"))
    assert not [event for event in heard if "Nowhere" in event]


def test_of_equal_keys_that_are_strings_the_last_counts() -> None:
    """Msgpack says nothing of the others, and a look at every dict would cost too much."""
    assert read(b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}


@dataclass(frozen=True)
class Touchy:
    """An object whose hash raises."""

    x: int

    def __hash__(self) -> int:
        """Raise."""
        raise OSError("no hash")


def test_a_key_whose_hash_raises_is_an_error() -> None:
    """Whatever it raises."""
    registry = Registry()
    registry.learn_class(Touchy)
    codec = Codec(registry)
    with pytest.raises(DamagedCheckpointError) as caught:
        codec.unpack(extension(_codes.SET, b"\x91" + codec.pack(Touchy(1))))
    assert isinstance(caught.value.__cause__, OSError)
