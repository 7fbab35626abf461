"""Registered classes: which kinds there are, and how an object comes back without its code."""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast

import attrs
import pydantic
import pytest

from graphflow.checkpoint.codec import Codec, Opaque
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError, DamagedCheckpointError
from tests.checkpoint import models
from tests.checkpoint.models import (
    CALLS,
    Account,
    Base,
    Bits,
    Cached,
    CachedInDict,
    Checked,
    Color,
    Derived,
    Derives,
    Level,
    Loud,
    Numbers,
    Open,
    Pair,
    Person,
    Plain,
    Point,
    Right,
    WithProperty,
    Word,
)


def codec_of(*classes: type) -> Codec:
    """Return a codec that knows some classes."""
    registry = Registry()
    for cls in classes:
        registry.learn_class(cls)
    return Codec(registry)


def late(value: Any) -> Any:  # noqa: ANN401 - an object of some class of this file
    """Return an object after its field `late` was set."""
    value.late = 3
    return value


OBJECTS: list[Callable[[], Any]] = [
    lambda: Loud(1),
    lambda: Loud((1, {2}), y=Loud(None)),
    lambda: Point(1),
    lambda: Point(Point(1, 2), z=[Point(3)]),
    lambda: Base([1]),
    lambda: late(Derived(1, y=(3,))),
    lambda: Person("a", 2, ["b"]),
    lambda: Person(Person("a")),
    lambda: Plain((1,)),
    lambda: Cached((1,)),
    lambda: CachedInDict("x"),
    lambda: Account(owner="a", balance=1),
    lambda: Account(owner="a", history=[Account(owner="b")]),
    Open,
    lambda: Open.model_validate({"x": 1, "y": (2,), "z": Open.model_validate({"a": 1})}),
    lambda: Derives(first=[1]),
    lambda: Numbers([1, 2]),
    lambda: Checked(1),
    lambda: Checked(1, 2, [3], 5),
    lambda: Pair(1),
    lambda: Pair((1,), Pair(2, [3])),
    lambda: Color.RED,
    lambda: Color.ROT,
    lambda: Color.GREEN,
    lambda: Level.HIGH,
    lambda: Word.YES,
    lambda: Right.READ,
    lambda: Right.READ | Right.RUN,
    lambda: Right(0),
    lambda: Right.ALL,
    lambda: Bits.ONE | Bits.TWO,
]


@pytest.mark.parametrize("make", OBJECTS)
def test_an_object_comes_back_as_it_was(make: Callable[[], Any]) -> None:
    """Of its own class, with all its fields."""
    value = make()
    codec = codec_of(type(cast("object", value)))
    made = codec.unpack(codec.pack(value))
    assert type(made) is type(value)
    assert made == value
    assert codec.pack(made) == codec.pack(value)


@pytest.mark.parametrize("make", OBJECTS)
def test_no_code_of_the_class_runs_when_it_is_rebuilt(make: Callable[[], Any]) -> None:
    """Constructors, validators, converters, setters and what pickle would call."""
    value = make()
    codec = codec_of(type(cast("object", value)))
    data = codec.pack(value)
    CALLS.clear()
    made = codec.unpack(data)
    assert CALLS == []
    assert made == value


@pytest.mark.parametrize("make", OBJECTS)
def test_what_comes_back_can_be_used(make: Callable[[], Any]) -> None:
    """It has all that copy, repr, hash and dataclasses look for."""
    value = make()
    codec = codec_of(type(cast("object", value)))
    made = codec.unpack(codec.pack(value))
    assert repr(made) == repr(value)
    if not isinstance(value, Loud):  # which says that it has no state
        assert copy.copy(made) == value


@pytest.mark.parametrize("make", [lambda: Cached((1,)), lambda: CachedInDict("x")])
def test_a_hash_that_attrs_keeps_is_made_anew(make: Callable[[], object]) -> None:
    """It may be another in each process."""
    codec = codec_of(Cached, CachedInDict)
    assert hash(codec.unpack(codec.pack(make()))) == hash(make())


def test_a_combination_of_flags_is_the_one_there_is() -> None:
    """As every member of an enum."""
    codec = codec_of(Right)
    assert codec.unpack(codec.pack(Right.READ | Right.RUN)) is Right.READ | Right.RUN


def test_flags_without_a_name_are_refused() -> None:
    """Names are all that is stored."""
    with pytest.raises(CodecError, match="bits that are no member"):
        codec_of(Bits).pack(Bits(9))


def test_a_member_is_stored_by_its_name() -> None:
    """So its value may change between releases."""
    registry = Registry()
    registry.learn_class(Color)
    data = Codec(registry).pack(Color.GREEN)
    assert b"GREEN" in data


def test_a_member_that_is_gone_is_an_error() -> None:
    """It names the enum and the member."""
    codec = codec_of(Level)
    data = codec.pack(Level.HIGH).replace(b"HIGH", b"GONE")
    with pytest.raises(CodecError, match="'GONE'") as caught:
        codec.unpack(data)
    assert caught.value.kind == f"{models.__name__}:Level"


def cache_of(account: Account) -> dict[str, object]:
    """Return the private value of an account."""
    cache: dict[str, object] = getattr(account, "_cache")  # noqa: B009 - it is private
    return cache


def test_extra_and_private_values_of_a_model_are_kept() -> None:
    """And which fields were given."""
    value = Account(owner="a")
    cache_of(value)["x"] = (1,)
    codec = codec_of(Account, Open)
    made = codec.unpack(codec.pack(value))
    assert cache_of(made) == {"x": (1,)}
    assert made.model_fields_set == {"owner"}
    assert codec.unpack(codec.pack(Open.model_validate({"y": 1}))).model_extra == {"y": 1}


def test_a_private_value_that_cannot_be_stored_is_an_error() -> None:
    """It is not dropped in silence."""
    value = Account(owner="a")
    cache_of(value)["x"] = len
    with pytest.raises(CodecError) as caught:
        codec_of(Account).pack([value])
    assert caught.value.path == "[0]._cache['x']"


# What became of a class since.


def versions(old: type, new: type) -> tuple[Codec, Codec]:
    """Return a codec for an earlier state of a class, and one for the later."""
    registries = Registry(), Registry()
    for registry, cls in zip(registries, (old, new), strict=True):
        cls.__module__, cls.__qualname__ = "app", "Thing"
        registry.learn_class(cls)
    return Codec(registries[0]), Codec(registries[1])


@dataclass
class OldThing:
    """A dataclass before."""

    kept: int
    removed: int = 0


@dataclass
class NewThing:
    """And after."""

    kept: int
    added: list[int] = dataclasses.field(default_factory=lambda: [1])


class OldModel(pydantic.BaseModel):
    """A model before."""

    kept: int
    removed: int = 0
    _removed: int = 0


class NewModel(pydantic.BaseModel):
    """And after."""

    kept: int
    added: list[int] = [1]
    _added: int = 5


@attrs.define
class OldAttrs:
    """A class of attrs before."""

    kept: int
    removed: int = 0


@attrs.define
class NewAttrs:
    """And after."""

    kept: int
    added: list[int] = attrs.field(factory=lambda: [1])


class OldTuple(NamedTuple):
    """A named tuple before."""

    kept: int
    removed: int = 0


class NewTuple(NamedTuple):
    """And after."""

    kept: int
    added: list[int] = [1]  # noqa: RUF012 - it is the test's


CHANGED: list[tuple[Any, Any]] = [
    (OldThing, NewThing),
    (OldModel, NewModel),
    (OldAttrs, NewAttrs),
    (OldTuple, NewTuple),
]


@pytest.mark.parametrize(("old", "new"), CHANGED, ids=["dataclass", "pydantic", "attrs", "tuple"])
def test_a_field_that_was_added_since_takes_its_default(old: Any, new: Any) -> None:  # noqa: ANN401 - classes
    """And one that was removed is dropped."""
    before, after = versions(old, new)
    made = after.unpack(before.pack(old(kept=7)))
    assert made == new(kept=7)


class OldFirst(pydantic.BaseModel):
    """A model before it had a field that is made from another."""

    first: list[int]


class NewFirst(Derives):
    """And after."""


def test_a_default_that_is_made_from_other_fields_gets_them() -> None:
    """As pydantic gives them to it."""
    before, after = versions(OldFirst, NewFirst)
    made = after.unpack(before.pack(OldFirst(first=[1, 2])))
    assert made == NewFirst(first=[1, 2])
    assert made.rest == [1, 2, 0]


@dataclass
class Strict:
    """A dataclass whose new field has no default."""

    kept: int
    added: int


class StrictModel(pydantic.BaseModel):
    """A model whose new field has no default."""

    kept: int
    added: int


class StrictTuple(NamedTuple):
    """A named tuple whose new field has no default."""

    kept: int
    added: int


STRICT: list[tuple[Any, Any]] = [
    (OldThing, Strict),
    (OldModel, StrictModel),
    (OldTuple, StrictTuple),
]


@pytest.mark.parametrize(("old", "new"), STRICT, ids=["dataclass", "pydantic", "tuple"])
def test_a_field_without_a_default_must_be_there(old: Any, new: Any) -> None:  # noqa: ANN401 - classes
    """The error names it, and says to give it one."""
    before, after = versions(old, new)
    with pytest.raises(CodecError, match="has no 'added', and the field has no default"):
        after.unpack(before.pack(old(kept=7)))


def test_an_object_that_lacks_a_field_is_refused() -> None:
    """What is stored can be read."""
    with pytest.raises(CodecError, match="has no 'late'"):
        codec_of(Derived).pack(Derived())


def test_a_model_that_lacks_a_field_is_refused() -> None:
    """As `model_construct` can make it."""
    with pytest.raises(CodecError, match="has no 'owner'"):
        codec_of(Account).pack(Account.model_construct())


@pytest.mark.parametrize("cls", [Loud, Account, Person, Pair, Point])
@pytest.mark.parametrize("payload", [None, 1, "x", [], [1], {"": 1}, {"x": 1, "owner": ""}])
def test_a_payload_that_is_no_object_is_an_error(cls: type, payload: object) -> None:
    """Whatever somebody wrote in its place."""
    registry = Registry()
    registry.add(Writer, f"{cls.__module__}:{cls.__qualname__}", lambda _: payload, lambda _: None)
    with pytest.raises((CodecError, DamagedCheckpointError)):
        codec_of(cls).unpack(Codec(registry).pack([Writer(), Writer()]) + b"\x01")
    try:
        codec_of(cls).unpack(Codec(registry).pack(Writer()))
    except (CodecError, DamagedCheckpointError):
        pass
    else:
        assert isinstance(payload, dict)


class Writer:
    """Stands for whoever writes into a store what graphflow would not."""


def test_a_field_that_an_object_lacks_takes_its_default_when_it_comes_back() -> None:
    """As if it had been added since."""
    point, account = Point(1, 2, [3]), Account(owner="a")
    object.__delattr__(point, "z")
    vars(account).pop("balance")
    codec = codec_of(Point, Account)
    assert codec.unpack(codec.pack([point, account])) == [Point(1, 2), Account(owner="a")]


class Dying:
    """A class that counts its ends."""

    def __del__(self) -> None:
        """Record the end."""
        CALLS.append("__del__")


DyingPoint = dataclasses.make_dataclass("DyingPoint", [("x", int)], bases=(Dying,))


def test_registering_a_class_makes_no_object_that_ends() -> None:
    """An object without its fields would be a surprise."""
    CALLS.clear()
    codec = codec_of(DyingPoint)
    assert CALLS == []
    assert codec.unpack(codec.pack(DyingPoint(1))) == DyingPoint(1)


# Registration by hand.


def test_a_class_of_any_kind_can_be_registered_by_two_functions() -> None:
    """They see objects and payloads as they are."""
    registry = Registry()
    registry.add(
        PurePosixPath, "path", lambda path: (str(path),), lambda parts: PurePosixPath(*parts)
    )
    codec = Codec(registry)
    value = {PurePosixPath("/a/b"): [PurePosixPath("c")]}
    assert codec.unpack(codec.pack(value)) == value


def test_a_decoder_that_raises_is_named() -> None:
    """With what it raised as the cause."""
    registry = Registry()
    registry.add(PurePosixPath, "path", str, lambda _text: 1 / 0)
    codec = Codec(registry)
    with pytest.raises(CodecError, match="'path'") as caught:
        codec.unpack(codec.pack(PurePosixPath("a")))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_later_registration_is_written_and_both_are_read() -> None:
    """So a class can change how it is stored."""
    registry = Registry()
    registry.learn_class(Base)
    codec = Codec(registry)
    before = codec.pack(Base(5))
    registry.add(Base, "base", lambda base: base.x, Base)
    after = codec.pack(Base(5))
    assert before != after
    assert codec.unpack(before) == codec.unpack(after) == Base(5)


def test_learning_leaves_what_was_registered_by_hand() -> None:
    """In whichever order the two come."""
    registry = Registry()
    registry.add(Base, "base", lambda base: base.x, Base)
    registry.learn(list[Base])
    registry.learn_class(Base)
    assert b"base" in Codec(registry).pack(Base(5))


def test_a_tag_belongs_to_one_class() -> None:
    """The error names both."""
    registry = Registry()
    registry.add(Base, "tag", lambda base: base.x, Base)
    with pytest.raises(ValueError, match=r"the tag 'tag' is that of .*Base.*Derived"):
        registry.add(Derived, "tag", lambda derived: derived.x, Derived)


@pytest.mark.parametrize("tag", ["", None, 1, b"tag"], ids=repr)
def test_a_tag_is_a_string(tag: Any) -> None:  # noqa: ANN401 - what is no tag
    """That is not empty."""
    with pytest.raises(TypeError, match="a tag is a string"):
        Registry().add(Base, tag, str, str)


@pytest.mark.parametrize("cls", [int, dict, tuple, type(None), Opaque])
def test_what_is_stored_anyhow_cannot_be_registered(cls: type) -> None:
    """It has one encoding."""
    with pytest.raises(TypeError, match="stored anyhow"):
        Registry().add(cls, "tag", str, str)
    with pytest.raises(TypeError, match="stored anyhow"):
        Registry().learn_class(cls)
    registry = Registry()
    registry.learn(cls)
    assert registry.by_class == {}


def test_a_copy_is_a_registry_of_its_own() -> None:
    """What one learns the other does not."""
    registry = Registry()
    registry.learn_class(Base)
    twin = registry.copy()
    twin.learn_class(Point)
    assert set(registry.by_class) == {Base}
    assert set(twin.by_class) == {Base, Point}


class Bare:
    """A class of no kind."""


class Undecorated(Base):
    """Inherits from a dataclass, and is none."""


@dataclass
class Failure(Exception):  # noqa: N818 - a dataclass that is an exception
    """A dataclass that cannot be made without its constructor."""

    x: int = 0


UNKNOWN: list[tuple[Any, str]] = [
    (Bare, "no enum, dataclass"),
    (Undecorated, "needs its decorator too"),
    (pydantic.BaseModel, "no enum, dataclass"),
    (Failure, "cannot be made without its constructor"),
    (WithProperty, "the field 'x' .* is a property"),
    (5, "a class is due here"),
    (list[int], "a class is due here"),
]


@pytest.mark.parametrize(("cls", "text"), UNKNOWN, ids=[text for _, text in UNKNOWN])
def test_a_class_that_cannot_be_learned_is_an_error(cls: Any, text: str) -> None:  # noqa: ANN401 - no classes
    """Which says why, and what to do."""
    with pytest.raises(TypeError, match=text):
        Registry().learn_class(cls)
    registry = Registry()
    registry.learn([cls, Base])
    assert Base in registry.by_class


def test_a_class_that_was_made_again_takes_the_place_of_the_first() -> None:
    """As in a notebook, where a cell is run twice."""
    registry = Registry()
    first, second = (dataclasses.make_dataclass("Cell", [("x", int)]) for _ in range(2))
    registry.learn(first)
    registry.learn(second)
    codec = Codec(registry)
    assert codec.unpack(codec.pack([first(1), second(2)])) == [second(1), second(2)]
