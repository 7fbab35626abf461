"""Things of Python as plain data and as words: values, annotations, functions."""

import re
import types
from collections.abc import Mapping
from typing import Any, Final, cast, get_args, get_origin

from graphflow._signature import name_of
from graphflow.errors import shown

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON has a form for
    """Return a value as `json.dumps` takes it; what JSON has no form for, by its `repr`.

    It is the same in every process: sets are sorted, and addresses left out.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # neither infinite nor NaN
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(key): plain(one) for key, one in items}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in cast("list[object]", value)]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one) for one in cast("set[object]", value)), key=repr)
    return _ADDRESS.sub("", shown(value))


def type_text(hint: object) -> str:
    """Return an annotation as one would write it, without the modules of its names."""
    if isinstance(hint, (list, tuple)):  # the parameters of a Callable
        return f"[{_texts(cast('list[object]', hint))}]"
    arguments, origin = get_args(hint), get_origin(hint)
    name = _type_name(hint if origin is None else origin)
    if not arguments:
        return name
    if name in ("Union", "UnionType"):
        return " | ".join(type_text(one) for one in arguments)
    literal = name == "Literal"
    return f"{name}[{', '.join(map(repr, arguments)) if literal else _texts(arguments)}]"


def _texts(hints: "list[object] | tuple[object, ...]") -> str:
    """Return several annotations, with commas between them."""
    return ", ".join(type_text(one) for one in hints)


def _type_name(hint: object) -> str:
    """Return the name of a class, or of what `typing` has in a class's place."""
    if hint is None or hint is types.NoneType or hint is ...:
        return "..." if hint is ... else "None"
    name = getattr(hint, "__name__", None) or getattr(hint, "__forward_arg__", None)
    if isinstance(name, str):
        return name
    return hint if isinstance(hint, str) else type(hint).__name__


def function_name(function: object) -> str:
    """Return the name of a function; of a `partial`, that of the function inside."""
    while isinstance(inner := getattr(function, "func", None), types.FunctionType):
        function = inner
    return name_of(function)
