"""Which classes an annotation names, and which the fields of those name, and so on.

What cannot be read is passed over: an annotation may name what only a type checker sees.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from inspect import get_annotations, isclass
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from graphflow.checkpoint._kinds import is_of

Annotation: TypeAlias = object

_INNER = ("__value__", "__supertype__", "__bound__", "__constraints__")
"""Where aliases, new types and type variables have what they stand for."""


def classes_in(annotation: Annotation) -> Iterator[type]:
    """Return every class that an annotation names, each once; those of fields included."""
    waiting = [annotation]
    seen: set[object] = set()
    while waiting:
        found = waiting.pop()
        key = _key(found)
        if key in seen:
            continue
        seen.add(key)
        with suppress(Exception):  # annotations are other people's objects, and may raise anything
            if isclass(found) and get_origin(found) is None:
                yield found
            waiting += _named_by(found)


def _key(annotation: Annotation) -> object:
    """Return what tells an annotation from others: itself, if it can be hashed."""
    try:
        hash(annotation)
    except Exception:  # noqa: BLE001 - mostly a TypeError, but it is other people's code
        return id(annotation)
    return annotation


def _named_by(annotation: Annotation) -> Iterable[Annotation]:
    """Return the annotations that one holds, the next deeper only."""
    if isinstance(annotation, (list, tuple)):  # the parameters of a Callable, or constraints
        return cast("list[Annotation]", annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return [type(cast("object", value)) for value in get_args(annotation)]
    if origin is not None:
        return [origin, *get_args(annotation)[: 1 if origin is Annotated else None]]
    if isclass(annotation):
        return _fields_of(annotation)
    inner = [getattr(annotation, name) for name in _INNER if hasattr(annotation, name)]
    module = getattr(annotation, "__module__", "")
    return [hint for found in inner for hint in _resolved(found, module, {})]


def _fields_of(cls: type) -> Iterable[Annotation]:
    """Return the annotations of a class that has fields."""
    if is_of(cls, "pydantic", "BaseModel"):
        fields: dict[str, Any] = getattr(cls, "model_fields")  # noqa: B009 - unknown to type checkers
        return [field.annotation for field in fields.values()]
    if _has_fields(cls):
        return _hints(cls)
    return ()


def _has_fields(cls: type) -> bool:
    """Tell whether a class is one whose annotations are its fields."""
    return (
        is_typeddict(cls)
        or hasattr(cls, "__dataclass_fields__")
        or hasattr(cls, "__attrs_attrs__")
        or hasattr(cls, "_fields")
        or is_of(cls, "msgspec", "Struct")
    )


def _hints(cls: type) -> Iterable[Annotation]:
    """Return the annotations of a class and its bases, forward references resolved."""
    try:
        return get_type_hints(cls, include_extras=True).values()
    except Exception:  # noqa: BLE001 - one that cannot be resolved; the others may be
        return [hint for base in cls.__mro__ for hint in _hints_one_by_one(base)]


def _hints_one_by_one(cls: type) -> Iterator[Annotation]:
    """Return the annotations of one class that can be resolved."""
    for annotation in get_annotations(cls).values():
        yield from _resolved(annotation, cls.__module__, {cls.__name__: cls})


def _resolved(annotation: Annotation, module: str, names: dict[str, Any]) -> Iterable[Annotation]:
    """Return an annotation without forward references, or nothing if one leads nowhere."""
    holder = type("_Holder", (), {"__annotations__": {"it": annotation}})
    with suppress(Exception):  # a name that only a type checker sees
        return [get_type_hints(holder, vars(sys.modules[module]), names, include_extras=True)["it"]]
    return ()
