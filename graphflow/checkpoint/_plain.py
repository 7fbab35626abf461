"""Tells which values and which bytes have nothing but what msgpack has itself: nearly all of them.

Those need no look at each of their parts. All that is written and read passes here, so what is
asked is asked in the way that takes least time.
"""

from collections.abc import Iterable
from gc import is_tracked
from itertools import chain
from typing import Any, Final

from graphflow.checkpoint import _codes
from graphflow.checkpoint._marks import ATOMS, Plain


def is_flat(value: dict[Any, Any]) -> bool:
    """Tell whether msgpack has all that is in a dict; the path of every message."""
    for key, item in value.items():  # noqa: SIM110 - all() of a generator takes twice the time
        if type(key) is not str or type(item) not in ATOMS:
            return False
    return True


def are_native(values: Iterable[object], depth: int) -> bool:
    """Tell whether msgpack has all that is in some values, which are inside `depth - 1` containers.

    It is asked of all that a superstep writes, so it looks at each thing once, and makes nothing;
    nor does it call itself for a dict in a list.
    """
    for value in values:
        kind = type(value)
        if kind in ATOMS:
            continue
        if depth > _codes.LIMIT:
            return False
        items: Plain = value
        if kind is dict:
            for key, item in items.items():
                if type(key) is not str:
                    return False
                if type(item) not in ATOMS and not are_native((item,), depth + 1):
                    return False
        elif kind is not list or not are_native(items, depth + 1):
            return False
    return True


_CONTAINERS: Final = bytes((*range(0x80, 0xA0), *range(0xDC, 0xE0)))
_EXTENSIONS: Final = bytes((*range(0xC7, 0xCA), *range(0xD4, 0xD9)))
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _CONTAINERS + _EXTENSIONS)
_EXTENSION: Final = b"!"
_SIGNS: Final = bytes.maketrans(_EXTENSIONS, _EXTENSION * len(_EXTENSIONS))


def seems_plain(data: bytes) -> bool:
    """Tell whether bytes can hold neither an extension nor containers that are nested too deep.

    Each byte is taken for the first one of an item, and most are not: so it may say no of what is
    plain, but never yes of what is not. It takes a third of the time in which `_made` would look
    at a record that was read.
    """
    signs = data.translate(_SIGNS, _OTHERS)
    return len(signs) <= _codes.LIMIT and _EXTENSION not in signs


def is_plain(value: object) -> bool:
    """Tell whether a value that was unpacked has no marks in it, and is not nested too deep.

    It may say no of what is plain, but never yes of what is not. It goes down level by level: that
    is done in C, and an eighth of the time which a call for each container would take. What the
    garbage collector does not track is passed over: an atom, or a dict that holds nothing else.
    """
    level: Plain = (value,)
    for _ in range(_codes.LIMIT):
        tracked: list[Plain] = [*filter(is_tracked, level)]
        if not tracked:
            return True
        if not _NATIVE.issuperset(map(type, tracked)):
            return False
        level = chain.from_iterable(map(_items, tracked))
    return False


_NATIVE: Final = frozenset({list, dict})


def _items(value: Plain) -> Iterable[Plain]:
    """Return the items of a list, or the values of a dict."""
    items: Iterable[Plain] = value.values() if type(value) is _DICT else value
    return items


_DICT: Final[Any] = dict  # not narrowed to by type checkers, which would know too little of it
