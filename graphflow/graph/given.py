"""Reads what a caller of the builder gave: names, references to nodes, path maps."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graphflow._signature import Signature, name_of
from graphflow.errors import InvalidGraphError, shown
from graphflow.types import Reference


def named(item: object) -> tuple[str, Any]:
    """Return an item of a sequence as a name and a function."""
    if callable(item) or hasattr(item, "invoke") or hasattr(item, "ainvoke"):
        return name_of(item), item
    pair = cast("Sequence[Any]", item if isinstance(item, tuple) else ())
    if len(pair) == 2 and isinstance(pair[0], str):  # noqa: PLR2004 - a pair
        return pair[0], pair[1]
    told = shown(item)  # pyright: ignore[reportUnknownArgumentType] - it may be anything
    msg = f"add_sequence takes functions and (name, function) pairs, not {told}"
    raise InvalidGraphError(msg)


def free_name(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that is not taken yet: the name itself, or with a number."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def check_grace(seconds: object) -> None:
    """Raise if a time of grace is no number of seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        msg = f"cancel_grace must be a number of seconds, 0 or more, not {shown(seconds)}"
        raise ValueError(msg)


def names_in(given: Mapping[str, str] | Sequence[str] | None) -> tuple[str, ...]:
    """Return names given as a list, as the keys of a dict, or as one string."""
    return (given,) if isinstance(given, str) else tuple(given or ())


def labelled(given: Mapping[str, str] | Sequence[str] | None) -> dict[Any, str | None]:
    """Return destinations with their labels; only a dict has any."""
    if isinstance(given, Mapping):
        return {**given}
    return dict.fromkeys(names_in(given))


def check_reference(given: object, what: str) -> None:
    """Raise if something can be neither a node's name nor its function."""
    if not isinstance(given, str) and not callable(given):
        msg = f"{what} must be a node's name or its function, not {shown(given)}"
        raise InvalidGraphError(msg)


def path_map_of(
    given: Mapping[Any, Reference] | Sequence[str] | None, signature: Signature
) -> Mapping[Any, Any] | None:
    """Return a path map as a dict, by what was given or what the annotation promises."""
    if isinstance(given, Mapping):
        return dict(cast("Mapping[Any, Any]", given)) or None
    names = signature.answers if given is None else names_in(given)
    return {name: name for name in names} if names else None
