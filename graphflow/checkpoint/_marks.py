"""What msgpack leaves in place of what it has not itself, until the codec puts in what is meant."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias, cast

from graphflow.checkpoint import _codes
from graphflow.checkpoint._refusal import damaged, newer

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


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object whose tag nobody registered: it is kept, and stored again byte for byte.

    Attributes:
        tag: the name of its class in the store.
        data: what is stored of it.
    """

    tag: str
    data: bytes

    def __repr__(self) -> str:
        """Show how much there is, not what."""
        return f"Opaque({self.tag!r}, <{len(self.data)} bytes>)"


def is_flat(value: dict[Any, Any]) -> bool:
    """Tell whether msgpack has all that is in a dict; the path of every message."""
    for key, item in value.items():  # noqa: SIM110 - all() of a generator takes twice the time
        if type(key) is not str or type(item) not in ATOMS:
            return False
    return True


def is_native(value: Any, depth: int) -> bool:  # noqa: ANN401 - any value
    """Tell whether msgpack has all that is in a value, which is inside `depth - 1` containers.

    It is asked of all that a superstep writes, so it looks at each thing once, and makes nothing.
    """
    kind = type(value)
    if depth > _codes.LIMIT:
        return False
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif kind is list:
        items = value
    else:
        return False
    for item in items:
        if type(item) not in ATOMS and not is_native(item, depth + 1):
            return False
    return True


def series(kind: Callable[[list[Any]], Any], items: list[Any]) -> Plain:
    """Return a tuple or a set of items."""
    made = kind(items)
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


def check_nesting(value: object, depth: int, list_in: Callable[[bytes], list[Any]]) -> None:
    """Check that a value could be read, as far as that can be told without its classes.

    Args:
        value: the value.
        depth: how deep inside others it is.
        list_in: unpacks the list that an extension holds.

    Raises:
        DamagedCheckpointError: if it is nested too deep, or is no value.
        NewerFormatError: if it has a timestamp of msgpack's, which nobody writes.
    """
    if type(value) in ATOMS or (isinstance(value, Mark) and value[0] not in HOLDERS):
        return
    if depth > _codes.LIMIT:
        raise damaged("it is nested too deep")
    if not isinstance(value, Mark):
        for item in _items(value):
            check_nesting(item, depth + 1, list_in)
    elif value[0] == _codes.REGISTERED:
        _, payload = list_in(value[1])
        check_nesting(payload, depth_of_payload(payload, depth), list_in)
    else:
        check_nesting(list_in(value[1]), depth, list_in)


def _items(value: Plain) -> Iterable[Plain]:
    """Return what is in a list or a dict."""
    kind = type(cast("object", value))
    if kind is list:
        return cast("list[Plain]", value)
    if kind is dict:
        return cast("dict[str, Plain]", value).values()
    if kind is Pairs:
        return chain.from_iterable(value)
    raise newer(-1)
