"""Values of the standard library that hold no other values, each as bytes of one fixed layout.

What msgpack has itself (None, bool, int up to 64 bits, float, str, bytes) is not here, nor are
numpy's values. A reader raises whatever it likes for bytes that no writer wrote.
"""

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from os.path import isfile, join
from struct import Struct
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from graphflow._record import record
from graphflow.checkpoint import _codes
from graphflow.checkpoint._refusal import refused
from graphflow.errors import CodecError

_DATE: Final = Struct(">HBB")
_DATETIME: Final = Struct(">HBBBBBIB")
_TIME: Final = Struct(">BBBIB")
_TIMEDELTA: Final = Struct(">iII")
_OFFSET: Final = Struct(">q?")
_COMPLEX: Final = Struct(">dd")

# Type checkers count the arguments of the classes themselves, which are unpacked below.
_datetime = cast("Callable[..., datetime]", datetime)
_time = cast("Callable[..., time]", time)

_FIXED: Final = b"\x01"
_NAMED: Final = b"\x02"

_MICROSECOND: Final = timedelta(microseconds=1)

# A name, not a path: no dot can lead out of the folders of the time zones.
_KEY: Final = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,3}")


@record
class Leaf:
    """How values of one type are stored.

    Attributes:
        code: the extension's number.
        write: returns a value's bytes.
        read: returns the value of such bytes.
    """

    code: int
    write: Callable[[Any], bytes]
    read: Callable[[bytes], object]


def write_integer(value: int) -> bytes:
    """Write two's complement, in as few bytes as hold it."""
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)


def read_integer(data: bytes) -> int:
    """Read what `write_integer` wrote."""
    return int.from_bytes(data, "big", signed=True)


def _write_complex(value: complex) -> bytes:
    return _COMPLEX.pack(value.real, value.imag)


def _read_complex(data: bytes) -> complex:
    return complex(*_COMPLEX.unpack(data))


def _write_datetime(value: datetime) -> bytes:
    return _DATETIME.pack(
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
        value.fold,
    ) + _write_zone(value.tzinfo)


def _read_datetime(data: bytes) -> datetime:
    *fields, fold = _DATETIME.unpack_from(data)
    return _datetime(*fields, _read_zone(data[_DATETIME.size :]), fold=fold)


def _write_date(value: date) -> bytes:
    return _DATE.pack(value.year, value.month, value.day)


def _read_date(data: bytes) -> date:
    return date(*_DATE.unpack(data))


def _write_time(value: time) -> bytes:
    return _TIME.pack(
        value.hour, value.minute, value.second, value.microsecond, value.fold
    ) + _write_zone(value.tzinfo)


def _read_time(data: bytes) -> time:
    *fields, fold = _TIME.unpack_from(data)
    return _time(*fields, _read_zone(data[_TIME.size :]), fold=fold)


def _write_timedelta(value: timedelta) -> bytes:
    return _TIMEDELTA.pack(value.days, value.seconds, value.microseconds)


def _read_timedelta(data: bytes) -> timedelta:
    days, seconds, microseconds = _TIMEDELTA.unpack(data)
    return timedelta(days, seconds, microseconds)


def _write_zone(zone: tzinfo | None) -> bytes:
    """Write nothing for no zone, or the kind of zone and what tells it from others."""
    if zone is None:
        return b""
    if type(zone) is timezone:
        return _FIXED + _write_offset(zone)
    if type(zone) is ZoneInfo:
        return _NAMED + _write_key(zone)
    raise refused(
        zone,
        f"a time zone of the type {type(zone).__name__!r} cannot be stored; use "
        "datetime.timezone or zoneinfo.ZoneInfo",
    )


def _read_zone(data: bytes) -> tzinfo | None:
    kind, rest = data[:1], data[1:]
    if kind == _FIXED:
        return _read_offset(rest)
    if kind == _NAMED:
        return _read_key(rest.decode("ascii"))
    if data:
        raise ValueError("no kind of time zone")
    return None


def _read_only_zone(data: bytes) -> tzinfo:
    zone = _read_zone(data)
    if zone is None:
        raise ValueError("no time zone")
    return zone


def _write_offset(zone: timezone) -> bytes:
    """Write microseconds and the name, if the zone was given one."""
    # What copy and pickle ask for; str() does not tell a name from the absence of one.
    offset, *name = cast("Any", zone).__getinitargs__()
    text = name[0] if name else ""
    return _OFFSET.pack(offset // _MICROSECOND, bool(name)) + text.encode("utf-8", "surrogatepass")


def _read_offset(data: bytes) -> timezone:
    microseconds, named = _OFFSET.unpack_from(data)
    name = data[_OFFSET.size :].decode("utf-8", "surrogatepass")
    offset = microseconds * _MICROSECOND
    if named:
        return timezone(offset, name)
    if name:
        raise ValueError("a zone without a name has one")
    return timezone(offset) if offset else UTC


def _write_key(zone: ZoneInfo) -> bytes:
    key = zone.key
    if type(key) is not str or _KEY.fullmatch(key) is None:
        raise refused(
            zone, f"a ZoneInfo with the key {key!r} cannot be found again; use ZoneInfo(key)"
        )
    return key.encode("ascii")


def _read_key(key: str) -> ZoneInfo:
    """Return the zone of that name, from this machine's time zones and nowhere else.

    ZoneInfo looks for a name it does not know by importing `tzdata.zoneinfo.<name>`, so it is
    given none but those that are there.
    """
    if _KEY.fullmatch(key) is None:
        raise ValueError("no name of a time zone")
    if not _is_there(key):
        raise CodecError(
            f"this machine has no time zone {key!r}; install the package 'tzdata'", kind="ZoneInfo"
        )
    return ZoneInfo(key)


@lru_cache(maxsize=1000)
def _is_there(key: str) -> bool:
    """Tell whether this machine has a time zone of that name."""
    paths = (join(root, key) for root in zoneinfo.TZPATH)  # noqa: PTH118 - pathlib costs 4 ms to load
    return any(isfile(path) for path in paths) or key in _all_keys()  # noqa: PTH113 - the same


@cache
def _all_keys() -> set[str]:
    """Return all names, those of the package tzdata included; it takes 10 ms or more."""
    return zoneinfo.available_timezones()


def _write_uuid(value: UUID) -> bytes:
    return value.bytes


def _read_uuid(data: bytes) -> UUID:
    return UUID(bytes=data)


def _write_decimal(value: Decimal) -> bytes:
    """Write the digits; in capitals, for how str() writes the E depends on the context."""
    return str(value).upper().encode("ascii")


def _read_decimal(data: bytes) -> Decimal:
    value = Decimal(data.decode("ascii"))
    if _write_decimal(value) != data:
        raise ValueError("not as a decimal is written")
    return value


LEAVES: Final[dict[type, Leaf]] = {
    complex: Leaf(_codes.COMPLEX, _write_complex, _read_complex),
    datetime: Leaf(_codes.DATETIME, _write_datetime, _read_datetime),
    date: Leaf(_codes.DATE, _write_date, _read_date),
    time: Leaf(_codes.TIME, _write_time, _read_time),
    timedelta: Leaf(_codes.TIMEDELTA, _write_timedelta, _read_timedelta),
    timezone: Leaf(_codes.ZONE, _write_zone, _read_only_zone),
    ZoneInfo: Leaf(_codes.ZONE, _write_zone, _read_only_zone),
    UUID: Leaf(_codes.UUID_, _write_uuid, _read_uuid),
    Decimal: Leaf(_codes.DECIMAL, _write_decimal, _read_decimal),
}
