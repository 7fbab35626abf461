"""How a class is stored that is of a known kind: what is kept of an object, and how it is rebuilt.

An object is rebuilt as it was, and none of its class's code runs: no constructor, validator or
setter. A field that the stored object lacks takes its default, one that the class lacks is
dropped. Which kind a class is of is told without importing the library of the kind: it is there
already if the class is one of its own.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from enum import Enum, Flag
from types import MemberDescriptorType
from typing import Any, Final, cast

from graphflow.checkpoint._entry import (
    Default,
    Entry,
    Payload,
    Value,
    field_parts,
    fields_of,
    lacks,
    no_parts,
    tag_of,
)
from graphflow.checkpoint._pydantic import default_of, model
from graphflow.errors import CodecError, shown

# Where a class of attrs that is asked to keeps its hash; its constructor writes None there.
_HASH_OF_ATTRS: Final = "_attrs_cached_hash"


def entry_for(cls: type) -> Entry | None:
    """Return how a class is stored, or None if it is of no known kind.

    A class that only inherits from one of a known kind is of none: what it adds is not declared.

    Raises:
        TypeError: if it is of a known kind, but cannot be rebuilt without its code.
    """
    for is_kind, entry_of in _KINDS:
        if is_kind(cls):
            return entry_of(cls)
    return None


def is_of(cls: type, module: str, name: str) -> bool:
    """Tell whether a class derives from one of a library, if that has been imported."""
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(base, type) and issubclass(cls, base) and cls is not base


def _check_made_bare(cls: type) -> None:
    """Check that `object.__new__` makes objects of the class, as it does not of builtin types."""
    if hasattr(cls, "__del__"):
        return  # which would see an object without anything; the error comes at reading then
    try:
        object.__new__(cls)
    except TypeError as error:
        raise TypeError(
            f"objects of {tag_of(cls)!r} cannot be made without its constructor ({error}); "
            "use registry.add(cls, tag, encode, decode)"
        ) from None


# Enums: the names of members are kept, which last longer than their values.


def _enum(cls: type[Enum]) -> Entry:
    members = cls.__members__

    def encode(value: Value) -> Payload:
        name = value._name_
        return name if name in members else _names(value)

    def decode(payload: Payload) -> Enum:
        if issubclass(cls, Flag) and type(payload) is not str:
            return _combined(cls, payload)
        return _member(cls, payload)

    return Entry(cls, tag_of(cls), encode, decode, no_parts)


def _member(cls: type[Enum], name: object) -> Enum:
    member = cls.__members__.get(name) if type(name) is str else None
    if member is None:
        raise CodecError(
            f"the enum {tag_of(cls)!r} has no member {shown(name)}; give the member that replaces "
            "it that name as an alias",
            kind=tag_of(cls),
        )
    return member


def _names(value: Flag) -> list[str]:
    """Return the names of the flags that a value combines."""
    flags = list(value)
    if _bits(flags) != value._value_:
        raise CodecError(
            f"{shown(value)} has bits that are no member; name them in the class",
            kind=tag_of(type(value)),
        )
    return [cast("str", flag._name_) for flag in flags]


def _combined(cls: type[Flag], names: Payload) -> Enum:
    """Return the combination of some flags, by the means of the standard library alone."""
    bits = _bits([_member(cls, name) for name in names])
    known = cls._value2member_map_.get(bits)
    return known if known is not None else cast("Any", Flag)._missing_.__func__(cls, bits)


def _bits(flags: list[Any]) -> int:
    bits = 0
    for flag in flags:
        bits |= flag._value_
    return bits


# Named tuples.


def _named_tuple(cls: type[tuple[Any, ...]]) -> Entry:
    names = cast("Any", cls)._fields
    defaults = cast("Any", cls)._field_defaults

    def encode(value: Value) -> Payload:
        return dict(zip(names, value, strict=True))

    def decode(payload: Payload) -> Value:
        values = {**defaults, **fields_of(payload, cls)}
        for name in names:
            if name not in values:
                raise lacks(cls, name)
        return cast("Any", tuple).__new__(cls, [values[name] for name in names])

    return Entry(cls, tag_of(cls), encode, decode, field_parts)


# Models of pydantic.


def _model(cls: type) -> Entry:
    _check_made_bare(cls)
    return model(cls)


# Structs of msgspec.


def _struct(cls: type) -> Entry:
    """Use the constructor, which validates nothing and is msgspec's own in every class.

    It does call `__post_init__`; a class that has one is rebuilt as a subclass of it whose
    `__post_init__` does nothing, and then made what it is.
    """
    names = cast("Any", cls).__struct_fields__
    required = names[: len(names) - len(cast("Any", cls).__struct_defaults__)]
    bare = _without_post_init(cls)

    def encode(value: Value) -> Payload:
        return {name: getattr(value, name) for name in names}

    def decode(payload: Payload) -> Value:
        fields = fields_of(payload, cls)
        for name in required:
            if name not in fields:
                raise lacks(cls, name)
        made: Any = bare(**{name: fields[name] for name in names if name in fields})
        if bare is not cls:
            vars(object)["__class__"].__set__(made, cls)  # past a __setattr__ and frozen=True
        return made

    return Entry(cls, tag_of(cls), encode, decode, field_parts)


def _without_post_init(cls: type) -> type:
    if not hasattr(cls, "__post_init__"):
        return cls
    namespace = {"__post_init__": _do_nothing, "__module__": cls.__module__}
    return type(cls)(cls.__name__, (cls,), namespace)


def _do_nothing(_made: object) -> None:
    return None


# Dataclasses and classes of attrs.


def _dataclass(cls: type) -> Entry:
    return _fields(cls, _dataclass_defaults(cls))


def _attrs(cls: type) -> Entry:
    return _fields(cls, _attrs_defaults(cls))


def _fields(cls: type, defaults: Mapping[str, Default | None]) -> Entry:
    """Keep the declared fields, and put them back where they are kept: in slots or the dict."""
    _check_made_bare(cls)
    names = tuple(defaults)
    slots = {name: _slot(cls, name) for name in names}
    places = [(name, slots[name], defaults[name]) for name in names]
    if _caches_hash(cls):
        places.append((_HASH_OF_ATTRS, _slot(cls, _HASH_OF_ATTRS), lambda _made: None))

    def encode(value: Value) -> Payload:
        try:
            return {name: getattr(value, name) for name in names}
        except AttributeError:
            return _those_present(value, defaults)

    def decode(payload: Payload) -> Value:
        fields = fields_of(payload, cls)
        made = cast("Any", object.__new__(cls))
        for name, slot, default in places:
            if name in fields:
                value = fields[name]
            elif default is None:
                raise lacks(cls, name)
            else:
                value = default(made)
            if slot is None:
                object.__getattribute__(made, "__dict__")[name] = value
            else:
                slot.__set__(made, value)
        return made

    return Entry(cls, tag_of(cls), encode, decode, field_parts)


def _slot(cls: type, name: str) -> MemberDescriptorType | None:
    """Return the slot of a field, or None if it is kept in the object's dict."""
    found: object = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if isinstance(found, MemberDescriptorType):
        return found
    if hasattr(type(found), "__set__") or not cls.__dictoffset__:
        raise TypeError(
            f"the field {name!r} of {tag_of(cls)!r} is a property or has no place in an object, "
            "so it cannot be rebuilt without code of the class; "
            "use registry.add(cls, tag, encode, decode)"
        )
    return None


def _those_present(value: Value, defaults: Mapping[str, Default | None]) -> Payload:
    """Return the fields that an object has; one that is missing must have a default."""
    for name, default in defaults.items():
        if default is None and not hasattr(value, name):
            raise lacks(type(cast("object", value)), name)
    return {name: getattr(value, name) for name in defaults if hasattr(value, name)}


def _dataclass_defaults(cls: type) -> dict[str, Default | None]:
    """Return the fields of a dataclass, with what gives a missing one."""
    infos = getattr(cls, "__pydantic_fields__", {})  # of a dataclass made by pydantic
    return {
        field.name: default_of(infos[field.name])
        if field.name in infos
        else _default(field.default, field.default_factory)
        for field in dataclasses.fields(cls)
    }


def _default(default: object, factory: Any) -> Default | None:  # noqa: ANN401 - of any field
    if factory is not dataclasses.MISSING:
        return lambda _made: factory()
    return None if default is dataclasses.MISSING else lambda _made: default


def _attrs_defaults(cls: type) -> dict[str, Default | None]:
    """Return the fields of a class of attrs, with what gives a missing one; no converter runs."""
    attr: Any = sys.modules["attr"]
    defaults: dict[str, Default | None] = {}
    for field in cast("Any", cls).__attrs_attrs__:
        default = field.default
        if default is attr.NOTHING:
            defaults[field.name] = None
        elif not isinstance(default, attr.Factory):
            defaults[field.name] = _default(default, dataclasses.MISSING)
        elif default.takes_self:
            defaults[field.name] = default.factory
        else:
            defaults[field.name] = _default(None, default.factory)
    return defaults


def _caches_hash(cls: type) -> bool:
    """Tell whether the class is one of attrs that keeps its hash in the object."""
    code = getattr(vars(cls).get("__hash__"), "__code__", None)
    return code is not None and _HASH_OF_ATTRS in code.co_names


_KINDS: Final[tuple[tuple[Callable[[type], bool], Callable[[Any], Entry]], ...]] = (
    (lambda cls: issubclass(cls, Enum) and bool(cls.__members__), _enum),
    (lambda cls: "_fields" in vars(cls) and issubclass(cls, tuple), _named_tuple),
    (lambda cls: is_of(cls, "pydantic", "BaseModel"), _model),
    (lambda cls: is_of(cls, "msgspec", "Struct"), _struct),
    (lambda cls: "__attrs_attrs__" in vars(cls), _attrs),
    (lambda cls: "__dataclass_fields__" in vars(cls), _dataclass),
)
"""What tells a class of a kind, and what says how it is stored; the first counts."""
