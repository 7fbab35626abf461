"""Msgpack as somebody writes it who is not graphflow."""

from collections.abc import Callable
from typing import Any, Final, cast

import msgpack  # type: ignore[import-untyped] # it has none
from typing_extensions import TypeIs

_msgpack = cast("Any", msgpack)


def packed(value: object) -> bytes:
    """Pack what msgpack has itself, and marks for extensions."""
    data: bytes = _msgpack.packb(value, unicode_errors="surrogatepass")
    return data


MARK: Final[Callable[[int, bytes], tuple[int, bytes]]] = _msgpack.ExtType
"""Makes an extension of its number and its bytes."""


def is_mark(value: object) -> TypeIs[tuple[int, bytes]]:
    """Tell whether a value is an extension."""
    return isinstance(value, _msgpack.ExtType)


def unpacked(data: bytes) -> Any:  # noqa: ANN401 - any value
    """Unpack what msgpack has itself, and marks for extensions."""
    return _msgpack.unpackb(
        data, ext_hook=MARK, strict_map_key=False, unicode_errors="surrogatepass"
    )


def extension(code: int, data: bytes) -> bytes:
    """Pack an extension."""
    return packed(MARK(code, data))


def holding(code: int, payload: object) -> bytes:
    """Pack an extension that holds a packed value."""
    return extension(code, packed(payload))
