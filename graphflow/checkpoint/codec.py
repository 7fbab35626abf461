"""Values as bytes, and back: msgpack with a closed set of extensions. Only this module has msgpack.

Every value has exactly one encoding. Nothing is imported, called or opened by a name that is read:
an extension's number is looked up in the tables of `_codes.py`, and a tag in the registry. What is
in a store may have been put there by anybody, so reading ends in a value or in an error.

Writing is done in two steps: `_plain` turns a value into one that msgpack holds as it stands, with
an extension in place of what it does not have, and msgpack packs that. Reading is the same
backwards: msgpack gives a value with marks of extensions in it, and `_made` puts in their place
what they stand for. Both steps count how deep they are.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

import msgpack  # type: ignore[import-untyped] # it has none

from graphflow.checkpoint import _codes, _numpy
from graphflow.checkpoint._entry import Entry, decoded, encoded
from graphflow.checkpoint._frame import framed, unframed
from graphflow.checkpoint._leaves import LEAVES, read_integer, write_integer
from graphflow.checkpoint._marks import (
    ATOMS,
    PLAIN,
    SERIES,
    Mark,
    Pairs,
    Plain,
    depth_of_payload,
    filled,
    list_of,
    mark,
    series,
)
from graphflow.checkpoint._opaque import Opaque, Wire, read_opaque, write_opaque
from graphflow.checkpoint._path import path_in
from graphflow.checkpoint._plain import are_native, is_flat, is_plain, seems_plain
from graphflow.checkpoint._refusal import damaged, newer, refused, too_deep, unknown
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CheckpointError, CodecError, shown

__all__ = ("Codec", "Opaque")

Value: TypeAlias = Any
"""A value of any type."""

_msgpack = cast("Any", msgpack)
_ExtType = _msgpack.ExtType
_unpackb = _msgpack.unpackb
_bare = cast("Any", tuple).__new__

_READERS: Final[dict[int, Callable[[bytes], object]]] = {
    _codes.INTEGER: read_integer,
    **{leaf.code: leaf.read for leaf in LEAVES.values()},
    **{code: leaf.read for code, leaf in _numpy.LEAVES.items()},
}

_FORM_DEPTH: Final = 6
"""How deep a value of the application is in a form, at the most."""

_LARGE: Final = 1 << 16
_SMALL: Final = 1 << 10


class Codec:
    """Packs values into bytes and unpacks them; threads may share one.

    It holds None, bool, int, float, str, bytes, list and dict; tuple, set and frozenset; complex,
    Decimal, UUID and the types of `datetime`; arrays and scalars of numpy; `Send`, `Command`,
    `Overwrite` and `RemoveMessage`; and objects of registered classes. Exactly these types: an
    object of a subclass is an error, for it would come back as something else.

    Args:
        registry: the classes of the application.

    Example:
        >>> codec = Codec()
        >>> codec.unpack(codec.pack({"seen": {1, 2}, "at": (3, 4)}))
        {'seen': {1, 2}, 'at': (3, 4)}
    """

    __slots__ = ("_registry",)

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = Registry() if registry is None else registry

    @property
    def registry(self) -> Registry:
        """The classes that it knows."""
        return self._registry

    def pack(self, value: object) -> bytes:
        """Return the bytes of a value: the same for equal values whose parts have equal types.

        The order of a dict is part of the value, that of a set is not.

        Raises:
            CodecError: if the value, or something in it, cannot be stored.
        """
        try:
            return _packed(self._plain(value, 1))
        except CodecError as error:
            raise CodecError(
                error.reason,
                kind=error.kind,
                path=error.path or path_in(value, self._registry, self._can_hold),
            ) from error.__cause__
        except (MemoryError, RecursionError):
            raise  # the machine's limits, not the value's
        except Exception as error:
            text = "store less at once, and change nothing while it is stored"
            raise refused(value, f"the value cannot be stored: {shown(error)}; {text}") from error

    def pack_form(self, form: Value, values: Iterable[object]) -> bytes:
        """Return the bytes of a form, quickly: the same as `pack` returns.

        Args:
            form: lists, dicts and atoms that graphflow has made itself, with `values` in them.
            values: all that the form holds of the application; only this is looked at.

        Raises:
            CodecError: as `pack`.
        """
        if not are_native(values, _FORM_DEPTH):
            return self.pack(form)
        try:
            return _packed(form)
        except Exception:  # noqa: BLE001 - `pack` says what is wrong
            return self.pack(form)

    def unpack(self, data: bytes) -> Value:
        """Return the value of some bytes; no code of the application runs but registered decoders.

        Raises:
            DamagedCheckpointError: if the bytes are no value.
            NewerFormatError: if a newer graphflow wrote them.
            CodecError: if they hold what cannot be put together here, as a member that an enum
                has lost.
        """
        try:
            if len(data) > _SMALL:
                value = _unpacked(data)
                return value if is_plain(value) else self._made(value, 1)
            if seems_plain(data):
                try:
                    return _unpackb(data, unicode_errors="surrogatepass")
                except ValueError:
                    pass  # keys that are no texts, or no value at all
            return self._made(_unpacked(data), 1)
        except (CheckpointError, MemoryError, RecursionError):
            raise  # the last two are the machine's limits: the bytes may be as good as ever
        except Exception as error:
            raise damaged(shown(error)) from error

    def seal(self, value: object, salt: int) -> bytes:
        """Return the bytes of a value behind a checksum, which is another for another salt.

        Raises:
            CodecError: as `pack`.
        """
        return framed(self.pack(value), salt)

    def open(self, data: bytes, salt: int) -> Value:
        """Return the value of sealed bytes.

        Raises:
            CheckpointError: as `unpack`; a DamagedCheckpointError if the checksum is wrong, too.
        """
        return self.unpack(unframed(data, salt))

    # Writing.

    def _plain(self, value: object, depth: int) -> Plain:
        """Return what msgpack packs for a value that is inside `depth - 1` containers."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is dict:
            return self._plain_dict(value, depth)
        if kind is list:
            return self._plain_list(value, depth)
        leaf = LEAVES.get(kind)
        if leaf is not None:
            return _extension(leaf.code, leaf.write(value))
        return self._plain_object(value, kind, depth)

    def _plain_dict(self, value: Value, depth: int) -> Plain:
        """Return the dict itself if there is nothing to do, as is usual."""
        if depth > _codes.LIMIT:
            raise too_deep(value)
        if is_flat(value):
            return value
        made = {
            key if type(key) is str else self._plain(key, depth + 1): item
            if type(item) in ATOMS
            else self._plain(item, depth + 1)
            for key, item in value.items()
        }
        if len(made) != len(value):
            raise refused(value, "a dict has two keys with one encoding; keep one of them")
        return made

    def _plain_list(self, value: Value, depth: int) -> Plain:
        if depth > _codes.LIMIT:
            raise too_deep(value)
        return [item if type(item) in ATOMS else self._plain(item, depth + 1) for item in value]

    def _plain_object(self, value: Value, kind: type, depth: int) -> Plain:
        """Return the extension of a value that may hold others."""
        if depth > _codes.LIMIT and _numpy.leaf_of(kind) is None:
            raise too_deep(value)
        if kind is tuple:
            return _extension(_codes.TUPLE, _packed(self._plain_list(value, depth)))
        entry = self._registry.by_class.get(kind)
        if entry is not None:
            return self._plain_registered(value, entry, depth)
        if kind in _codes.SERIES:
            items = sorted(_packed(self._plain(item, depth + 1)) for item in value)
            return _extension(_codes.SERIES[kind], list_of(items))
        if kind in _codes.PLAIN:
            code, names = _codes.PLAIN[kind]
            fields = [getattr(value, name) for name in names]
            return _extension(code, _packed(self._plain_list(fields, depth)))
        if kind is Opaque:
            return _extension(_codes.REGISTERED, write_opaque(value, depth, _WIRE))
        leaf = _numpy.leaf_of(kind)
        if leaf is None:
            raise unknown(value)
        return _extension(leaf.code, leaf.write(value))

    def _plain_registered(self, value: Value, entry: Entry, depth: int) -> Plain:
        payload = encoded(value, entry)
        plain = self._plain(payload, depth_of_payload(payload, depth))
        return _extension(_codes.REGISTERED, _packed([entry.tag, plain]))

    def _can_hold(self, value: Value, depth: int) -> bool:
        try:
            self._plain(value, depth)
        except Exception:  # noqa: BLE001 - what encoders raise too; the first error is the one shown
            return False
        return True

    # Reading.

    def _made(self, value: object, depth: int) -> Value:
        """Return what a value with marks in it stands for; lists and dicts are changed in place."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is Mark:
            return self._made_object(*cast("Mark", value), depth)
        if depth > _codes.LIMIT:
            raise damaged("it is nested too deep")
        if kind is list:
            return self._made_list(value, depth)
        if kind is dict:
            return self._made_dict(value, depth)
        if kind is Pairs:
            return self._made_of_pairs(value, depth)
        raise newer(-1)  # a timestamp, which msgpack has an extension for and graphflow has not

    def _made_list(self, value: Value, depth: int) -> Value:
        """Fill a list; flat dicts are passed over here, which is a third of a long list's time."""
        atoms = ATOMS
        passed = dict if depth < _codes.LIMIT else None
        for place, item in enumerate(value):
            if type(item) is passed:
                for part in item.values():
                    if type(part) not in atoms:
                        break
                else:
                    continue
            elif type(item) in atoms:
                continue
            value[place] = self._made(item, depth + 1)
        return value

    def _made_dict(self, value: Value, depth: int) -> Value:
        """Fill a dict; of equal keys msgpack has let the last win, and to notice costs too much."""
        for key, item in value.items():
            if type(item) not in ATOMS:
                value[key] = self._made(item, depth + 1)
        return value

    def _made_of_pairs(self, pairs: Value, depth: int) -> Value:
        made = {self._made(key, depth + 1): self._made(item, depth + 1) for key, item in pairs}
        if len(made) != len(pairs):
            raise damaged("a dict has one key twice")
        return made

    def _made_object(self, code: int, data: bytes, depth: int) -> Value:
        """Return what an extension stands for."""
        read = _READERS.get(code)
        if read is not None:
            return read(data)
        if code == _codes.REGISTERED:
            return self._made_registered(data, depth)
        if code in SERIES:
            return series(SERIES[code], self._made(_list_in(data), depth))
        if code in PLAIN:
            return filled(*PLAIN[code], self._made(_list_in(data), depth))
        raise newer(code)

    def _made_registered(self, data: bytes, depth: int) -> Value:
        if depth > _codes.LIMIT:
            raise damaged("it is nested too deep")
        tag, payload = _list_in(data)
        entry = self._registry.by_tag.get(tag)
        if entry is None:
            return read_opaque(data, depth, _WIRE)
        return decoded(self._made(payload, depth_of_payload(payload, depth)), entry)


# Msgpack.


def _extension(code: int, data: bytes) -> Plain:
    """Return an extension to write; past the checks of its constructor, which take 0.4 us."""
    return _bare(_ExtType, (code, data))


def _of_long_int(value: object) -> Plain:
    """Return the extension of an int that has more than 64 bits, for which msgpack calls this."""
    if type(value) is not int:
        raise RuntimeError("a list or dict was changed while it was stored")
    return _extension(_codes.INTEGER, write_integer(value))


_idle: Final[list[Any]] = []
"""Packers that nobody uses. To make one takes as long as to pack a message, and two threads cannot
use one; taking one from a list is safe in threads."""


def _packed(value: Plain) -> bytes:
    """Pack what msgpack has itself.

    The packer is not told what to do about lone surrogates, for then it would encode each text
    into an object of its own, which takes as long as all the rest.
    """
    try:
        packer = _idle.pop()
    except IndexError:
        packer = _msgpack.Packer(default=_of_long_int, strict_types=True, buf_size=_SMALL)
    try:
        data: bytes = packer.pack(value)  # one that raised is not used again
    except UnicodeEncodeError:
        return _packed_surrogates(value)
    if len(data) < _LARGE:  # nor one that has taken much memory
        _idle.append(packer)
    return data


def _packed_surrogates(value: Plain) -> bytes:
    """Pack what msgpack has itself, and texts that have lone surrogates."""
    data: bytes = _msgpack.packb(
        value, default=_of_long_int, strict_types=True, unicode_errors="surrogatepass"
    )
    return data


def _unpacked(data: bytes) -> Plain:
    """Unpack into what msgpack has itself, and marks.

    A dict in the result has no keys but str and bytes. That is usual, and for msgpack to see to
    it costs nothing; if there are others, all is unpacked again, with pairs for every dict.
    """
    try:
        if len(data) > _SMALL:
            _check_lengths(data)
        try:
            return _unpackb(data, ext_hook=mark, unicode_errors="surrogatepass")
        except ValueError:
            return _unpackb(
                data,
                ext_hook=mark,
                unicode_errors="surrogatepass",
                strict_map_key=False,
                object_pairs_hook=Pairs,
            )
    except MemoryError:
        raise
    except Exception as error:
        raise damaged(shown(error)) from error


def _check_lengths(data: bytes) -> None:
    """Check that as many items follow as each length says: msgpack takes memory before it looks.

    It does that for lists inside lists, each as long as all data, so that 1 MB of hostile bytes
    would take 8 GB. Passing over the items instead of making them takes a tenth of the time.
    """
    unpacker = _msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    unpacker.skip()


def _list_in(data: bytes) -> list[Any]:
    """Unpack the list that an extension holds."""
    items: list[Any] = _unpacked(data)
    if type(items) is not list:
        raise damaged("an extension does not hold a list")
    return items


_WIRE: Final = Wire(_packed, _list_in)
