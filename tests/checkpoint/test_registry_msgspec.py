"""Structs of msgspec come back without their `__post_init__`, however they are configured."""

from importlib import import_module
from typing import Any, TypeAlias

import pytest

from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError
from tests.checkpoint.models import CALLS, Point
from tests.checkpoint.watch import watched

# Not typed: nothing else of the repository needs msgspec.
msgspec: Any = import_module("msgspec")

Struct: TypeAlias = Any


def record_post_init(_made: object) -> None:
    """Record the end of the constructor."""
    CALLS.append("__post_init__")


def record_setattr(_made: object, _name: str, _value: object) -> None:
    """Record a setting."""
    CALLS.append("__setattr__")


def struct(name: str, fields: list[Any], **config: Any) -> Any:  # noqa: ANN401 - as msgspec has it
    """Return a struct of this module."""
    return msgspec.defstruct(name, fields, module=__name__, **config)


Y = ("y", list[Point], msgspec.field(default_factory=list))
CODE = {"__post_init__": record_post_init, "__setattr__": record_setattr}

Simple = struct("Simple", [("x", Any), Y, ("z", Any, 2)])
Loud = struct(
    "Loud", [("x", Any), Y], namespace=CODE, frozen=True, kw_only=True, tag=True, cache_hash=True
)
Derived = struct(
    "Derived", [("w", Any, 5)], bases=(Loud,), dict=True, weakref=True, frozen=True, cache_hash=True
)
AsList = struct(
    "AsList", [("x", int)], namespace=CODE, array_like=True, forbid_unknown_fields=True, gc=False
)


def codec_of(*classes: type) -> Codec:
    """Return a codec that knows some classes."""
    registry = Registry()
    for cls in classes:
        registry.learn_class(cls)
    return Codec(registry)


OBJECTS: list[tuple[Struct, Struct]] = [
    (Simple, Simple((1,))),
    (Simple, Simple(Simple(1), [Simple(2)])),
    (Loud, Loud(x=1)),
    (Derived, Derived(x=(1,), w={2})),
    (AsList, AsList(3)),
]


@pytest.mark.parametrize(("cls", "value"), OBJECTS, ids=repr)
def test_a_struct_comes_back_as_it_was(cls: Struct, value: Struct) -> None:
    """None of its code runs, and afterwards all of it works."""
    codec = codec_of(cls)
    data = codec.pack(value)
    CALLS.clear()
    with watched() as heard:
        made = codec.unpack(data)
    assert CALLS == heard == []
    assert type(made) is cls
    assert made == value
    assert msgspec.json.encode(made) == msgspec.json.encode(value)
    assert codec.pack(made) == data


def test_the_hash_of_a_struct_is_right() -> None:
    """It is made of the class too."""
    codec = codec_of(Loud)
    value = Loud(x=1, y=())
    assert hash(codec.unpack(codec.pack(value))) == hash(value)


def test_the_types_that_a_struct_names_are_learned() -> None:
    """As those of other fields."""
    registry = Registry()
    registry.learn([Loud])
    assert set(registry.by_class) == {Loud, Point}


def read_as(fields: list[Any]) -> Struct:
    """Return what was stored of an earlier state of a class, and the class."""
    before = struct("Thing", [("kept", int), ("removed", int, 0)])
    after = struct("Thing", fields)
    return after, codec_of(after).unpack(codec_of(before).pack(before(kept=7)))


def test_a_field_that_was_added_since_takes_its_default() -> None:
    """And one that was removed is dropped."""
    cls, made = read_as([("kept", int), ("added", Any, msgspec.field(default_factory=list))])
    assert made == cls(kept=7)


def test_a_field_without_a_default_must_be_there() -> None:
    """The error names it."""
    with pytest.raises(CodecError, match="has no 'added'"):
        read_as([("kept", int), ("added", int)])
