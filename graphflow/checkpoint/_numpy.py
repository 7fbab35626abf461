"""Arrays and scalars of numpy as bytes, where the application has imported numpy.

Allowed are bool, int, uint, float, complex, datetime64, timedelta64 and strings of fixed width.
Objects and records are not: what their bytes mean is not in their bytes.
"""

import re
import sys
from math import prod
from struct import Struct
from typing import Any, Final, TypeAlias

from graphflow.checkpoint import _codes
from graphflow.checkpoint._leaves import Leaf
from graphflow.checkpoint._refusal import refused
from graphflow.errors import CodecError

# numpy need not be installed, so nothing of it can be named here.
Array: TypeAlias = Any
DType: TypeAlias = Any

_ALLOWED: Final = re.compile(
    r"[|<>](b1|[iu][1248]|f[248]|c8|c16|[mM]8(\[[0-9]{0,9}[A-Za-z]{1,2}\])?|[SU][1-9][0-9]{0,8})"
)
_LENGTH: Final = Struct(">Q")
_HIGHEST_CHARACTER: Final = 0x10FFFF


def leaf_of(kind: type) -> Leaf | None:
    """Return how values of a type are stored, or None if it is no array or scalar of numpy."""
    if kind.__module__ != "numpy" or (numpy := sys.modules.get("numpy")) is None:
        return None
    if kind is numpy.ndarray:
        return LEAVES[_codes.ARRAY]
    return LEAVES[_codes.SCALAR] if issubclass(kind, numpy.generic) else None


def _numpy() -> Any:  # noqa: ANN401 - a module that type checkers need not have
    """Return numpy; reading imports nothing, so the application must have."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise CodecError(
            "a value of numpy was stored here, and numpy is not loaded; write 'import numpy' "
            "where the graph is built",
            kind="numpy",
        )
    return numpy


def _write_dtype(value: Array) -> bytes:
    """Write the dtype's name behind its length; a name that means another dtype is refused."""
    dtype = value.dtype
    text: str = dtype.str
    if _ALLOWED.fullmatch(text) is None or _numpy().dtype(text).type is not dtype.type:
        raise refused(
            value,
            f"numpy values of the dtype {str(dtype)!r} cannot be stored; "
            "convert them with .astype(...)",
        )
    return bytes([len(text)]) + text.encode("ascii")


def _read_dtype(data: bytes) -> tuple[DType, bytes]:
    """Return the dtype, and the bytes behind it."""
    end = 1 + data[0]
    text = data[1:end].decode("ascii")
    if _ALLOWED.fullmatch(text) is None:
        raise ValueError("no dtype that may be stored")
    dtype = _numpy().dtype(text)
    if dtype.str != text:
        raise ValueError("not as a dtype is written")
    return dtype, data[end:]


def _write_array(value: Array) -> bytes:
    lengths = b"".join(map(_LENGTH.pack, value.shape))
    items: bytes = value.tobytes()
    try:
        _check_items(value.dtype, items)
    except ValueError as error:
        raise refused(value, f"an array holds what is {error}; make it anew from values") from None
    return _write_dtype(value) + bytes([value.ndim]) + lengths + items


def _read_array(data: bytes) -> Array:
    """Return an array of its own memory, whose size is what the data have."""
    dtype, rest = _read_dtype(data)
    end = 1 + _LENGTH.size * rest[0]
    shape = tuple(length for (length,) in _LENGTH.iter_unpack(rest[1:end]))
    items = rest[end:]
    if len(shape) != rest[0] or prod(shape) * dtype.itemsize != len(items):
        raise ValueError("the shape is not that of the items")
    _check_items(dtype, items)
    return _numpy().ndarray(shape, dtype, buffer=items).copy()


def _check_items(dtype: DType, items: bytes) -> None:
    """Refuse bytes that no bool and no character have: numpy takes them as they are."""
    if dtype.kind == "b" and items.strip(b"\0\1"):
        raise ValueError("neither True nor False")
    if dtype.kind == "U":
        numbers = _numpy().frombuffer(items, dtype.byteorder + "u4")
        if numbers.size and numbers.max() > _HIGHEST_CHARACTER:
            raise ValueError("no character")


def _write_scalar(value: Array) -> bytes:
    """Write dtype and item; of a string its kind only, for a dtype drops zeros at the end."""
    if value.dtype.kind == "S":
        return b"\x01S" + bytes(value)
    if value.dtype.kind == "U":
        return b"\x01U" + _write_text(value)
    item: bytes = value.tobytes()
    return _write_dtype(value) + item


def _write_text(value: Array) -> bytes:
    """Write all characters, which str() does not, if they are some: an array may have others."""
    text: bytes = value.encode("utf-8", "surrogatepass")
    try:
        text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise refused(
            value, "a string of numpy holds what is no character; make it anew from text"
        ) from None
    return text


def _read_scalar(data: bytes) -> Array:
    if data.startswith(b"\x01S"):
        return _numpy().bytes_(data[2:])
    if data.startswith(b"\x01U"):
        return _numpy().str_(data[2:].decode("utf-8", "surrogatepass"))
    dtype, item = _read_dtype(data)
    if dtype.kind in "SU" or len(item) != dtype.itemsize:
        raise ValueError("the item is not of that dtype")
    _check_items(dtype, item)
    return _numpy().frombuffer(item, dtype)[0]


LEAVES: Final = {
    _codes.ARRAY: Leaf(_codes.ARRAY, _write_array, _read_array),
    _codes.SCALAR: Leaf(_codes.SCALAR, _write_scalar, _read_scalar),
}
"""How arrays and scalars are stored, by the number of the extension."""
