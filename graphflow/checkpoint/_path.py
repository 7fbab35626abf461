"""Finds what in a value cannot be stored, after storing it has failed; so it may take its time."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from graphflow.checkpoint import _codes
from graphflow.checkpoint.registry import Registry
from graphflow.errors import shown

CanHold: TypeAlias = Callable[[object, int], bool]
"""Whether a value can be stored by itself, as deep inside others as the number says."""


def path_in(value: object, registry: Registry, can_hold: CanHold) -> str:
    """Return the path to the first part that cannot be stored, nor be blamed on a part of its own.

    Returns:
        Steps such as `['user']`, `[3]` and `.address`; `{...}` leads to an element of a set.
    """
    path = ""
    for depth in range(2, _codes.LIMIT + 2):
        for step, part in _parts(value, registry):
            if not can_hold(part, depth):
                path, value = path + step, part
                break
        else:
            break
    return path


def _parts(value: Any, registry: Registry) -> Iterable[tuple[str, object]]:  # noqa: ANN401 - any value
    """Return the steps to what is in a value, each with what is there."""
    kind = type(cast("object", value))
    if kind is dict:
        return [(f"[{shown(key)}]", part) for key in value for part in (key, value[key])]
    if kind is list or kind is tuple:
        return [(f"[{place}]", part) for place, part in enumerate(value)]
    if kind in _codes.SERIES:
        return [("{...}", part) for part in value]
    if kind in _codes.PLAIN:
        return [(f".{name}", getattr(value, name)) for name in _codes.PLAIN[kind][1]]
    return _parts_of_object(value, registry)


def _parts_of_object(value: object, registry: Registry) -> Iterable[tuple[str, object]]:
    """Return the steps to what is in an object of a registered class."""
    entry = registry.by_class.get(type(value))
    if entry is None:
        return ()
    try:
        payload = entry.encode(value)
    except Exception:  # noqa: BLE001 - of whatever kind: the object cannot be stored, not a part of it
        return ()
    if entry.parts is not None:
        return entry.parts(payload)
    holds_parts = type(cast("object", payload)) in {dict, list}
    return _parts(payload, registry) if holds_parts else [("", payload)]
