"""JSON Schemas of what graphs take, keep and return, made of the annotations of their states."""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from inspect import isclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from typing_extensions import ReadOnly
from typing_extensions import is_typeddict as is_extended_typeddict

from graphflow.client._entries import Graph
from graphflow.client._wire import received
from graphflow.client.schema import GraphSchema

_WORDS: Final[Mapping[object, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    None: "null",
    dict: "object",
    list: "array",
}
_LISTS: Final = (list, tuple, set, frozenset, Sequence)
_AROUND: Final = (Annotated, Required, NotRequired, ReadOnly)


def schemas_of(name: str, graph: Graph) -> GraphSchema:
    """Return the schemas of a graph, which has a name."""
    known = graph.topology
    context = None if graph.context_schema is None else schema_of(graph.context_schema)
    return {
        "input_schema": _state(f"{name}_input", graph, known.input),
        "output_schema": _state(f"{name}_output", graph, known.output),
        "state_schema": _state(f"{name}_state", graph, [*known.channels]),
        "config_schema": context or {},
        "context_schema": context,
    }


def _state(title: str, graph: Graph, keys: Sequence[str]) -> dict[str, Any]:
    """Return the schema of some keys of a state."""
    channels = graph.topology.channels
    return {
        "title": title,
        "type": "object",
        "properties": {
            key: {"title": _title(key), **schema_of(channels[key].type)}
            for key in keys
            if key in channels
        },
    }


def _title(key: str) -> str:
    """Return the title of a key."""
    return key.replace("_", " ").title()


def schema_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - one line a kind of annotation
    """Return the schema of an annotation; one that says nothing where none is known."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in _AROUND:
        return schema_of(args[0])
    if origin is Literal:
        return {"enum": [*args]}
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(one) for one in args]}
    if (origin or kind) in _LISTS:
        items = {} if not args or origin is tuple else schema_of(args[0])
        return {"type": "array", "items": items}
    if (origin or kind) in (dict, Mapping):
        inner = {} if len(args) < 2 else {"additionalProperties": schema_of(args[1])}  # noqa: PLR2004 - key and value
        return {"type": "object", **inner}
    if kind in _WORDS:
        return {"type": _WORDS[kind]}
    return _class(kind) if isclass(kind) else {}


def _class(kind: type[Any]) -> dict[str, Any]:
    """Return the schema of a class."""
    known = getattr(kind, "model_json_schema", None)
    if callable(known):
        return cast("dict[str, Any]", known())
    if issubclass(kind, Enum):
        return {"title": kind.__name__, "enum": [received(one) for one in kind]}
    if not (is_dataclass(kind) or is_typeddict(kind) or is_extended_typeddict(kind)):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    return {
        "title": kind.__name__,
        "type": "object",
        "properties": {
            key: {"title": _title(key), **schema_of(hint)} for key, hint in hints.items()
        },
    }
