"""What msgpack leaves in place of what it has not itself, until the codec puts in what is meant."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from graphflow.checkpoint import _codes
from graphflow.checkpoint._refusal import damaged

Plain: TypeAlias = Any
"""A value that msgpack has itself, with marks in it."""

ATOMS: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Msgpack's own types that hold no other values."""

SERIES: Final = {code: kind for kind, code in _codes.SERIES.items()}
"""The containers that msgpack does not have, by the numbers of their extensions."""

PLAIN: Final = {code: (kind, names) for kind, (code, names) in _codes.PLAIN.items()}
"""Graphflow's own values and their fields, by the numbers of their extensions."""

HOLDERS: Final = frozenset({_codes.REGISTERED, *SERIES, *PLAIN})
"""The extensions that hold values, of which one may be another such extension."""


class Mark(tuple[int, bytes]):
    """Stands for an extension: its number and its bytes."""

    __slots__ = ()


class Pairs(list[tuple[Any, Any]]):
    """Stands for a dict whose keys are not all str or bytes; there may be marks among them."""

    __slots__ = ()


def mark(code: int, data: bytes) -> Mark:
    """Return what stands for an extension; msgpack calls this."""
    return Mark((code, data))


def depth_of_payload(payload: Plain, depth: int) -> int:
    """Return how deep the payload of an object is: it counts if it is no container itself."""
    return depth if type(payload) in {dict, list, Pairs} else depth + 1


def series(kind: Callable[[list[Any]], Any], items: list[Any]) -> Plain:
    """Return a tuple or a set of items."""
    made: Plain = kind(items)
    if len(made) != len(items):
        raise damaged("a set has one element twice")
    return made


def filled(kind: type, names: tuple[str, ...], fields: list[Any]) -> Plain:
    """Return a value of graphflow's own, made without its constructor."""
    made = cast("Any", object.__new__(kind))
    for name, field in zip(names, fields, strict=True):
        setattr(made, name, field)
    return made


def list_of(items: list[bytes]) -> bytes:
    """Return the bytes of a list of items that are packed already."""
    length = len(items)
    if length < 1 << 4:
        head = bytes([0x90 | length])
    elif length < 1 << 16:
        head = b"\xdc" + length.to_bytes(2, "big")
    else:
        head = b"\xdd" + length.to_bytes(4, "big")
    return head + b"".join(items)
