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


def is_flat(value: dict[Any, Any]) -> bool:
    """Tell whether msgpack has all that is in a dict; the path of every message."""
    for key, item in value.items():  # noqa: SIM110 - all() of a generator takes twice the time
        if type(key) is not str or type(item) not in ATOMS:
            return False
    return True


def is_native(value: object, depth: int) -> bool:
    """Tell whether msgpack has all that is in a value, which is inside `depth - 1` containers.

    It is asked of all that a superstep writes, so it looks at each thing once, and makes nothing.
    """
    kind = type(value)
    if depth > _codes.LIMIT:
        return False
    items: Plain = value
    if kind is dict:
        for key in items:
            if type(key) is not str:
                return False
        items = items.values()
    elif kind is not list:
        return False
    for item in items:  # noqa: SIM110 - all() of a generator takes twice the time
        if type(item) not in ATOMS and not is_native(item, depth + 1):
            return False
    return True


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
