"""Findings of what a graph and the graph that is its node make of each other."""

import operator
from collections.abc import Iterator
from inspect import isclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NewType,
    Union,
    get_args,
    get_origin,
    is_typeddict,
)

from typing_extensions import is_typeddict as is_extended_typeddict

from graphflow.channels import Channel, Reducer, Topic
from graphflow.draw.edges import plainly
from graphflow.draw.outline import Outline
from graphflow.draw.unsaid import commands_of, sends
from graphflow.draw.words import function_name, type_text
from graphflow.errors import quoted
from graphflow.messages import add_messages

# What is given back after it was handed in changes nothing under these.
_TAKES_TWICE: Final[tuple[object, ...]] = (vars(operator)["or_"], max, min, add_messages)
_NUMBERS: Final = (int, float, complex)


def strangers(outline: Outline, name: str) -> Iterator[str]:
    """Yield what is probably wrong between a graph and one of its nodes that is a graph."""
    child = outline.children[name]
    if child.memory == "store":
        yield (
            f"the graph of node {name!r} has a checkpointer of its own, which is not used here: "
            f"it is stored with the graph around it; compile it without one"
        )
    seen = outline.graph.nodes[name].reader.keys
    taken = [key for key in child.graph.input if key in outline.graph.channels]
    handed = [key for key in taken if seen is None or key in seen]
    given = [key for key in child.graph.output if key in outline.graph.channels]
    sent = _may_be_sent(outline, name)
    yield from _shares(outline, child, name, handed=bool(handed), sent=sent, given=bool(given))
    for key in dict.fromkeys((*handed, *given)):
        around, inside = outline.graph.channels[key], child.graph.channels[key]
        if not _fit(around, inside):
            yield (
                f"the key {key!r} is {type_text(around.type)!r} here, and "
                f"{type_text(inside.type)!r} in the graph of node {name!r}; give it one type, or "
                f"two names"
            )
        if key in handed and key in given and not sent and _counts_twice(around, inside):
            assert isinstance(around, Reducer), "only a reducer counts anything"
            yield _twice(key, name, around, inside)


def _shares(  # noqa: PLR0913 - both graphs, and what passes between them
    outline: Outline, child: Outline, name: str, *, handed: bool, sent: bool, given: bool
) -> Iterator[str]:
    """Yield that nothing is handed in, or nothing given back."""
    there = f"here there are {quoted(outline.graph.channels)}"
    call = "or call it in a function, which can give the keys other names"
    if not (handed or sent or given) and child.graph.keys:
        yield (
            f"the graph of node {name!r} shares no key with the graph around it: it is handed "
            f"nothing, and what it writes is lost. It takes {quoted(child.graph.input)} and gives "
            f"{quoted(child.graph.output)}; {there}. Name them alike, {call}"
        )
    elif not (handed or sent) and child.graph.input:
        yield (
            f"the graph of node {name!r} takes {quoted(child.graph.input)}, of which the graph "
            f"around it hands it none; {there}. Name them alike, {call}"
        )
    elif not given and child.graph.output and handed:
        yield (
            f"the graph of node {name!r} gives {quoted(child.graph.output)}, none of which the "
            f"graph around it has, so what it writes is lost; {there}. Name them alike, {call}"
        )


def _may_be_sent(outline: Outline, name: str) -> bool:
    """Tell whether a node may be led to by Sends alone: those bring an input of their own."""
    graph = outline.graph
    may = False
    for node in (graph.entry, *graph.nodes.values()):
        if name in plainly(node):
            return False
        for branch in node.branches:
            if branch.destinations is None or name in branch.destinations.values():
                if not sends(branch.path):
                    return False
                may = True
        may = may or (
            node is not graph.entry and commands_of(node, outline.children.get(node.name))
        )
    return may


def _counts_twice(around: Channel, inside: Channel) -> bool:
    """Tell whether what is handed in and given back as one value is combined with itself."""
    if not isinstance(around, Reducer) or around.same(inside):
        return False
    return not any(around.operator is function for function in _TAKES_TWICE)


def _twice(key: str, name: str, around: Reducer, inside: Channel) -> str:
    """Say that a value is combined with itself."""
    function = function_name(around.operator)
    other = "none"
    if isinstance(inside, Reducer):
        same = function_name(inside.operator) == function
        other = f"another {function!r}" if same else repr(function_name(inside.operator))
    return (
        f"the key {key!r} has the reducer {function!r} here, and {other} in the graph of node "
        f"{name!r}: that is handed the value and gives back its final one, which {function!r} adds "
        f"to what is there already; annotate it with the same function in both, or leave {key!r} "
        f"out of the input_schema of the graph inside"
    )


def _fit(one: Channel, other: Channel) -> bool:
    """Tell whether a value of one key's type may be one of the other's."""
    if isinstance(one, Topic) or isinstance(other, Topic):
        return True  # the type is that of its items
    classes, others = _classes(one.type), _classes(other.type)
    if classes is None or others is None:
        return True
    return any(_related(a, b) for a in classes for b in others)


def _related(one: type, other: type) -> bool:
    """Tell whether one of two classes stands for the other."""
    try:
        if issubclass(one, other) or issubclass(other, one):
            return True
        return issubclass(one, _NUMBERS) and issubclass(other, _NUMBERS)
    except TypeError:  # a protocol that cannot be asked
        return True


def _classes(hint: Any) -> tuple[type, ...] | None:  # noqa: ANN401 - any annotation
    """Return the classes whose objects an annotation stands for, or None for any object."""
    while isinstance(hint, NewType) or get_origin(hint) is Annotated:
        hint = hint.__supertype__ if isinstance(hint, NewType) else get_args(hint)[0]
    origin = get_origin(hint)
    if origin is Literal:
        values: tuple[object, ...] = get_args(hint)
        return tuple(type(value) for value in values)
    if origin in (Union, UnionType):
        parts = [_classes(one) for one in get_args(hint)]
        return None if None in parts else tuple(cls for part in parts for cls in part or ())
    cls = NoneType if hint is None else hint if origin is None else origin
    if is_typeddict(cls) or is_extended_typeddict(cls):
        return (dict,)
    return (cls,) if isclass(cls) and cls not in (Any, object) else None
