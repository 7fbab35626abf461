"""How a model of pydantic is stored: its fields, which were given, extra and private values.

`model_construct` is not used: it calls `model_post_init`, which is code of the class. What it
does besides is done here. Pydantic itself is not imported.
"""

from copy import deepcopy
from typing import Any, Final, TypeAlias

from graphflow.checkpoint._entry import (
    Default,
    Entry,
    Parts,
    Payload,
    Value,
    field_parts,
    fields_of,
    lacks,
    tag_of,
)

FieldInfo: TypeAlias = Any
"""What pydantic knows of a field."""

# No field has this name; what is not a field is kept under it.
_REST: Final = ""


def default_of(info: FieldInfo) -> Default | None:
    """Return what gives a missing field or private value, or None if it has no default.

    `get_default` does this too, but takes other arguments in each release.
    """
    factory = info.default_factory
    if factory is None:
        default = info.default
        return None if _is_undefined(default) else lambda _made: deepcopy(default)
    if getattr(info, "default_factory_takes_validated_data", False):
        return lambda made: factory({**made.__dict__, **_private_of(made)})
    return lambda _made: factory()


def _is_undefined(default: object) -> bool:
    """Recognise pydantic's mark of there being no default."""
    return type(default).__name__ == "PydanticUndefinedType"


def _private_of(made: Value) -> dict[str, object]:
    return getattr(made, "__pydantic_private__", None) or {}


def model(cls: Any) -> Entry:  # noqa: ANN401 - a class of a library that need not be there
    """Return how objects of a model are stored."""
    defaults = {name: default_of(info) for name, info in cls.model_fields.items()}

    def encode(value: Value) -> Payload:
        there: dict[str, object] = value.__dict__
        payload: dict[str, object] = {}
        for name, default in defaults.items():
            if name in there:
                payload[name] = there[name]
            elif default is None:
                raise lacks(cls, name)
        given = sorted(value.__pydantic_fields_set__)
        payload[_REST] = [given, value.__pydantic_extra__, value.__pydantic_private__]
        return payload

    def decode(payload: Payload) -> Value:
        fields = fields_of(payload, cls)
        made = object.__new__(cls)
        there: dict[str, object] = {}
        object.__setattr__(made, "__dict__", there)
        for name, default in defaults.items():
            if name in fields:
                there[name] = fields[name]
            elif default is None:
                raise lacks(cls, name)
            else:
                there[name] = default(made)
        _put_rest(cls, made, fields[_REST])
        return made

    return Entry(cls, tag_of(cls), encode, decode, _parts)


def _put_rest(cls: Any, made: Value, rest: Payload) -> None:  # noqa: ANN401 - as above
    """Put back what is not a field, as far as the class still has a place for it."""
    given: list[str] = rest[0]
    extra: dict[str, object] = rest[1] or {}
    takes_extra: bool = cls.model_config.get("extra") == "allow"
    known = {*cls.model_fields, *(extra if takes_extra else ())}
    private: dict[str, object] | None = {} if cls.__private_attributes__ else None
    object.__setattr__(made, "__pydantic_fields_set__", known.intersection(given))
    object.__setattr__(made, "__pydantic_extra__", extra if takes_extra else None)
    object.__setattr__(made, "__pydantic_private__", private)
    if private is not None:
        _fill_private(cls, made, rest[2] or {}, private)


def _fill_private(
    cls: Any,  # noqa: ANN401 - as above
    made: Value,
    stored: dict[str, object],
    private: dict[str, object],
) -> None:
    """Put back the private values that were stored; others take their defaults."""
    for name, attribute in cls.__private_attributes__.items():
        if name in stored:
            private[name] = stored[name]
        elif (default := default_of(attribute)) is not None:
            private[name] = default(made)


def _parts(payload: Payload) -> Parts:
    """Return the fields, extra and private values of a payload."""
    rest: list[Any] = payload[_REST]
    for fields in (payload, *rest[1:]):
        yield from (part for part in field_parts(fields or {}) if part[1] is not rest)
