"""How a model of pydantic is stored: its fields, which were given, extra and private values.

`model_construct` is not used: it calls `model_post_init`, which is code of the class. What it
does besides is done here. Pydantic itself is not imported.
"""

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
    """Return what gives a missing field, or None if it has no default."""
    if info.is_required():
        return None
    if getattr(info, "default_factory_takes_validated_data", False):
        return lambda made: info.get_default(
            call_default_factory=True, validated_data=dict(made.__dict__)
        )
    return lambda _made: info.get_default(call_default_factory=True)


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
    object.__setattr__(made, "__pydantic_fields_set__", known.intersection(given))
    object.__setattr__(made, "__pydantic_extra__", extra if takes_extra else None)
    object.__setattr__(made, "__pydantic_private__", _private(cls, rest[2] or {}))


def _private(cls: Any, stored: dict[str, object]) -> dict[str, object] | None:  # noqa: ANN401 - as above
    """Return the private values: those stored, and the defaults of others."""
    if not cls.__private_attributes__:
        return None
    values: dict[str, object] = {}
    for name, attribute in cls.__private_attributes__.items():
        if name in stored:
            values[name] = stored[name]
        elif attribute.default_factory is not None or _is_set(attribute.default):
            values[name] = attribute.get_default()
    return values


def _is_set(default: object) -> bool:
    """Tell a default from pydantic's mark of there being none."""
    return type(default).__name__ != "PydanticUndefinedType"


def _parts(payload: Payload) -> Parts:
    """Return the fields, extra and private values of a payload."""
    rest: list[Any] = payload[_REST]
    for fields in (payload, *rest[1:]):
        yield from (part for part in field_parts(fields or {}) if part[1] is not rest)
