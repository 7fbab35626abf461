"""Reads a state class into channels; all typing magic of graphflow lives here.

A schema is a `TypedDict` or a dataclass. Each of its keys becomes a channel by the last word of
its annotation: `Annotated[list, operator.add]` a `Reducer`, `Annotated[str, Ephemeral]` that kind
of channel, `Annotated[bool, IsLastStepManager]` a managed value, anything else a `LastValue`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from inspect import isclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    NotRequired,
    Required,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from typing_extensions import ReadOnly, TypeIs
from typing_extensions import is_typeddict as is_extended_typeddict

from graphflow._record import record
from graphflow.channels import Channel, LastValue, Reducer
from graphflow.errors import note
from graphflow.managed import ManagedValue

__all__ = ("Schema", "as_fields", "fields_of", "is_schema", "merge", "read_schema")


@record
class Schema:
    """What a state class declares.

    Attributes:
        cls: the class.
        channels: its keys with their channels, in the order of declaration.
        managed: its keys that the engine fills in.
        shape: makes an instance from a dict of values, or None where the dict itself is it.
    """

    cls: type[Any]
    channels: dict[str, Channel]
    managed: dict[str, type[ManagedValue]]
    shape: Callable[[dict[str, Any]], Any] | None


def without_alias(cls: object) -> object:
    """Return the class behind `State[int]` or `Annotated[State, ...]`."""
    while not isinstance(cls, type) and get_origin(cls) is not None:
        cls = get_args(cls)[0] if get_origin(cls) is Annotated else get_origin(cls)
    return cls


def is_schema(cls: object) -> TypeIs[type[Any]]:
    """Tell whether `cls` is a class that `read_schema` takes."""
    if not isclass(cls):
        return False
    return is_typeddict(cls) or is_extended_typeddict(cls) or dataclasses.is_dataclass(cls)


def read_schema(cls: object, role: str) -> Schema:
    """Read a state class.

    Args:
        cls: a TypedDict or a dataclass.
        role: what the class is for, as the error shows it, such as `state_schema`.

    Raises:
        TypeError: if it is neither.
        ValueError: if a reducer does not take two arguments.
    """
    cls = without_alias(cls)
    if not is_schema(cls):
        msg = f"{role} must be a TypedDict or a dataclass, not {cls!r}"
        raise TypeError(msg)
    channels: dict[str, Channel] = {}
    managed: dict[str, type[ManagedValue]] = {}
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        note(error, f"in the annotations of {role}, the class {cls.__qualname__!r}")
        raise
    for key, hint in hints.items():
        if _is_no_field(hint):
            continue
        rule = _rule(key, _without_qualifiers(hint))
        if isinstance(rule, Channel):
            channels[key] = rule
        else:
            managed[key] = rule
    shape = _shaper(cls) if dataclasses.is_dataclass(cls) else None
    return Schema(cls, channels, managed, shape)


def _is_no_field(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    """Tell whether an annotation makes no field of a dataclass."""
    return hint is ClassVar or get_origin(hint) is ClassVar or isinstance(hint, dataclasses.InitVar)


def _without_qualifiers(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """Strip `Required`, `NotRequired` and `ReadOnly` from around an annotation."""
    while get_origin(hint) in (Required, NotRequired, ReadOnly):
        hint = get_args(hint)[0]
    return hint


def _rule(key: str, hint: Any) -> Channel | type[ManagedValue]:  # noqa: ANN401 - any annotation
    """Return the channel, or the managed value, that a key's annotation asks for."""
    if get_origin(hint) is not Annotated:
        return _keyed(LastValue(hint), key)
    inner, *words = get_args(hint)
    kind = _without_qualifiers(inner)
    for word in words:
        if isclass(word) and issubclass(word, ManagedValue):
            return word
        if isclass(word) and issubclass(word, Channel):
            return _keyed(word(kind), key)
        if isinstance(word, Channel):
            return _keyed(word, key)
    return _keyed(_combined(key, kind, words), key)


def _combined(key: str, kind: Any, words: Sequence[Any]) -> Channel:  # noqa: ANN401 - any annotation
    """Return the reducer among the words of an annotation, or a plain channel if there is none.

    As in LangGraph the last word is a reducer if it can be called. One before it counts too if
    it takes two arguments: a word of documentation must not hide it.
    """
    made = get_origin(kind) or kind
    if callable(words[-1]):
        return _reducer(key, made, words[-1])
    for word in words[:-1]:
        if callable(word):
            with suppress(ValueError):
                return Reducer(made, word)
    return LastValue(kind)


def _reducer(key: str, kind: object, function: Callable[[Any, Any], Any]) -> Reducer:
    """Make the reducer of a key; its error names the key."""
    try:
        return Reducer(kind, function)
    except ValueError as error:
        msg = f"key {key!r}: {error}"
        raise ValueError(msg) from None


def _keyed(channel: Channel, key: str) -> Channel:
    """Tell the channel its key; an instance shared by several keys is copied."""
    if channel.key not in ("", key):
        from copy import copy  # noqa: PLC0415 - rare

        channel = copy(channel)
    channel.key = key
    return channel


def _shaper(cls: type[Any]) -> Callable[[dict[str, Any]], Any]:
    """Return what makes an instance of a dataclass from the values there are."""
    fields = frozenset(field.name for field in dataclasses.fields(cls) if field.init)

    def shape(values: dict[str, Any]) -> Any:  # noqa: ANN401 - an instance of cls
        made = cls(**{key: value for key, value in values.items() if key in fields})
        for key, value in values.items():
            if key not in fields:
                object.__setattr__(made, key, value)  # the class may be frozen
        return made

    return shape


def merge(channels: dict[str, Channel], schema: Schema) -> None:
    """Add a schema's channels to those a graph has.

    A key that is plain in a later schema keeps the rule it has.

    Raises:
        ValueError: if a later schema has another rule for a key.
    """
    for key, channel in schema.channels.items():
        there = channels.get(key, channel)
        if not there.same(channel) and type(channel) is not LastValue:
            msg = (
                f"key {key!r} is {_told(channel)} in {schema.cls.__name__!r}, but another schema "
                f"of this graph makes it {_told(there)}; give it the same annotation in both"
            )
            raise ValueError(msg)
    for key, channel in schema.channels.items():
        channels.setdefault(key, channel)


def _told(channel: Channel) -> str:
    """Name a channel for an error."""
    if isinstance(channel, Reducer):
        function = channel.operator
        return f"a Reducer with {getattr(function, '__name__', function)!r}"
    return f"a {type(channel).__name__}"


def fields_of(value: object) -> dict[str, Any] | None:
    """Return the fields of a dataclass instance as an update, or None if it is no such thing."""
    if isclass(value) or not dataclasses.is_dataclass(value):
        return None
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def as_fields(value: object) -> object:
    """Return a dataclass instance as the dict of its fields, and whatever else as it is."""
    fields = fields_of(value)
    return value if fields is None else fields
