"""Objects that nobody here knows: kept as the bytes they were, and stored again as such."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from graphflow._record import record
from graphflow.checkpoint import _codes
from graphflow.checkpoint._marks import ATOMS, HOLDERS, Mark, Pairs, Plain, depth_of_payload, mark
from graphflow.checkpoint._refusal import damaged, newer, refused
from graphflow.errors import CheckpointError


@record
class Wire:
    """What the codec lends of msgpack.

    Attributes:
        packed: packs a value that msgpack has itself.
        list_in: unpacks the list that an extension holds.
    """

    packed: Callable[[Plain], bytes]
    list_in: Callable[[bytes], list[Any]]


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


def read_opaque(data: bytes, depth: int, wire: Wire) -> Opaque:
    """Return the object of an extension whose tag is unknown, if its bytes are in order.

    Raises:
        CheckpointError: if they are not.
    """
    tag, payload = wire.list_in(data)
    if type(tag) is not str or not tag or not data.startswith(head := _head(tag, wire)):
        raise damaged("an object has no tag")
    _check_nesting(payload, depth_of_payload(payload, depth), wire.list_in)
    return Opaque(tag, data[len(head) :])


def write_opaque(value: Opaque, depth: int, wire: Wire) -> bytes:
    """Return the bytes of the extension that the object had.

    Raises:
        CodecError: if it had none: one that was made by hand may hold anything.
    """
    data = _head(value.tag, wire) + value.data
    try:
        _check_nesting(mark(_codes.REGISTERED, data), depth, wire.list_in)
    except CheckpointError as error:
        raise refused(
            value, f"an Opaque with the tag {value.tag!r} holds no bytes of a value ({error})"
        ) from error
    return data


def _head(tag: str, wire: Wire) -> bytes:
    """Return the bytes of `[tag, payload]` before the payload."""
    return wire.packed([tag, None])[:-1]


def _check_nesting(value: object, depth: int, list_in: Callable[[bytes], list[Any]]) -> None:
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
            _check_nesting(item, depth + 1, list_in)
    elif value[0] == _codes.REGISTERED:
        _, payload = list_in(value[1])
        _check_nesting(payload, depth_of_payload(payload, depth), list_in)
    else:
        _check_nesting(list_in(value[1]), depth, list_in)


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
