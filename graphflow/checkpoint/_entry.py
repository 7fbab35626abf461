"""What is known of a class whose objects are stored under a tag."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from graphflow._record import record
from graphflow.checkpoint._refusal import name_of, refused
from graphflow.errors import CheckpointError, CodecError, DamagedCheckpointError, shown

Value: TypeAlias = Any
"""An object of the class."""

Payload: TypeAlias = Any
"""What is stored for it: a value that the codec can hold."""

Parts: TypeAlias = Iterable[tuple[str, object]]
"""The steps of a path to what is in a payload, such as `.address`, each with what is there."""

Default: TypeAlias = Callable[[Value], object]
"""Returns what a field is without having been given; gets the object as far as it is made."""


@record
class Entry:
    """A registered class.

    Attributes:
        cls: the class.
        tag: the name that stands for it in what is stored.
        encode: takes an object apart.
        decode: makes an object; that of a known kind of class runs none of the class's code, but
            the default factories of fields that the payload does not have.
        parts: what is in a payload; None if the application gave `encode` and `decode`.
    """

    cls: type
    tag: str
    encode: Callable[[Value], Payload]
    decode: Callable[[Payload], Value]
    parts: Callable[[Payload], Parts] | None = None


def tag_of(cls: type) -> str:
    """Return the tag of a class that was given none."""
    return f"{cls.__module__}:{cls.__qualname__}"


def fields_of(payload: Payload, cls: type) -> dict[str, Any]:
    """Return a payload that is a dict of fields, as that of an object of `cls` must be."""
    if type(cast("object", payload)) is not dict:
        raise wrong_payload(cls)
    fields: dict[str, Any] = payload
    return fields


def field_parts(payload: Payload) -> Parts:
    """Return the parts of a payload that is a dict of fields."""
    return ((f".{name}", value) for name, value in payload.items())


def no_parts(_payload: Payload) -> Parts:
    """Return the parts of a payload that has none."""
    return ()


def wrong_payload(cls: type) -> DamagedCheckpointError:
    """Return the error of a payload that no object of the class has."""
    return DamagedCheckpointError(
        f"what is stored as {tag_of(cls)!r} is no object of that class; it was changed in the "
        "store: restore the store from a copy"
    )


def lacks(cls: type, field: str) -> CodecError:
    """Return the error of an object without a field that has no default."""
    return CodecError(
        f"an object of {tag_of(cls)!r} has no {field!r}, and the field has no default; give it "
        "one in the class",
        kind=tag_of(cls),
    )


def encoded(value: Value, entry: Entry) -> Payload:
    """Call a registered encoder."""
    try:
        return entry.encode(value)
    except CodecError:
        raise
    except Exception as error:
        raise refused(
            value, f"the encoder of the tag {entry.tag!r} raised {shown(error)}; mend it"
        ) from error


def decoded(payload: Payload, entry: Entry) -> Value:
    """Call a registered decoder."""
    try:
        return entry.decode(payload)
    except CheckpointError:
        raise
    except Exception as error:
        raise CodecError(
            f"the decoder of the tag {entry.tag!r} raised {shown(error)}; it must take what was "
            "ever stored under its tag",
            kind=name_of(entry.cls),
        ) from error
