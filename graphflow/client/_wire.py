"""Plain JSON of whatever values there are, as if they had been sent to a server and back."""

import math
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from pathlib import PurePath
from re import Pattern
from typing import Any, Final, cast
from uuid import UUID

from graphflow._plain import Plain
from graphflow.types import Send

_WORDS: Final = (UUID, PurePath, IPv4Address, IPv4Interface, IPv4Network, IPv6Address)

_LISTS: Final = (list, tuple, set, frozenset)


def sent(value: object) -> Any:  # noqa: ANN401 - plain JSON
    """Return what a server would get.

    Raises:
        TypeError: if the SDK could not send it.
    """
    return _json(value, _refused)


def received(value: object) -> Any:  # noqa: ANN401 - plain JSON
    """Return what a server would send; what JSON has no form for is None, as it is there."""
    return _json(value, _other)


def error_of(error: BaseException) -> dict[str, str]:
    """Return an error as a server tells it."""
    return {"error": type(error).__name__, "message": str(error)}


def _json(value: Any, other: Callable[[Any], Any]) -> Any:  # noqa: ANN401, PLR0911 - one line a kind
    """Return the JSON of a value; `other` is for what is no plain data."""
    if isinstance(value, Enum):
        return _json(value.value, other)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {_key(key): _json(inner, other) for key, inner in pairs.items()}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, _LISTS) and not hasattr(cast("object", value), "_asdict"):
        return [_json(inner, other) for inner in cast("Iterable[object]", value)]
    if isinstance(value, type):
        return other(value)
    parts = _parts(value)
    return other(value) if parts is _NONE else _json(parts, other)


_NONE: Final = object()


def _parts(value: Any) -> object:  # noqa: ANN401 - any object
    """Return the plain data that an object is made of, or `_NONE`."""
    for name in ("model_dump", "dict", "_asdict", "tolist"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if isinstance(value, Send):
        return {"node": value.node, "args": value.arg}
    if isinstance(value, Plain):
        return {name: getattr(value, name) for name in value._fields}  # pyright: ignore[reportPrivateUsage] - our own
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _NONE


def _key(key: object) -> str:
    """Return the key of a JSON object."""
    plain = _json(key, _other)
    if plain is None or isinstance(plain, bool):
        return {None: "null", True: "true", False: "false"}[plain]
    return str(plain)


def _refused(value: object) -> object:
    """Say that a value cannot be sent."""
    msg = f"Object of type {type(value)} is not JSON serializable"
    raise TypeError(msg)


def _other(value: object) -> object:  # noqa: PLR0911 - one line a kind
    """Return the JSON of what only a server knows a form for."""
    if isinstance(value, BaseException):
        return error_of(value)
    if isinstance(value, deque):
        return [received(inner) for inner in cast("deque[object]", value)]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tzinfo):
        return value.tzname(None)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, _WORDS):
        return str(value)
    if isinstance(value, Pattern):
        return cast("Pattern[str]", value).pattern
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    return None
