"""Whether a function may lead where nothing says so: by a Command, or by a Send.

A function that returns one must have it from somewhere. Its return annotation may rule it out. Else
its code is looked at: it names the class, or something that may know of it. Where that cannot be
told, it may.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from inspect import isclass
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType, NoneType
from typing import Any, Final, cast, get_args, get_type_hints

from graphflow._core.topology import Callee, Node
from graphflow.draw.outline import Outline
from graphflow.schema import is_schema, without_alias
from graphflow.types import Command, Send

_SCALARS: Final = (str, bytes, int, float, bool, NoneType)
_MANY: Final = 10_000  # things to be looked at; more are too many to wait for
_HOLDERS: Final = (list, tuple, set, frozenset)


def commands_of(node: Node, child: Outline | None) -> bool:
    """Tell whether a node's Commands may lead where nothing says so.

    Those of a graph inside are Commands for the graph around it.
    """
    if node.destinations is not None:
        return False
    if child is None:
        return _may(node.callee, Command)
    return any(commands_of(one, child.children.get(one.name)) for one in child.added())


def sends(callee: Callee) -> bool:
    """Tell whether a path function may return a Send, which no path map is asked about."""
    return _may(callee, Send)


def _may(callee: Callee, kind: type) -> bool:
    """Tell whether what a function returns may be of a kind."""
    seen: set[int] = set()
    due: list[object] = [callee.sync or callee.coro]
    while due:
        thing = due.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            used = _used(thing, kind)
            if used is None or len(seen) > _MANY:
                return True
            due += used
    return False


def _used(thing: object, kind: type) -> Iterable[object] | None:
    """Return what else is to be looked at, or None if the thing may make one of the kind."""
    if isinstance(thing, _SCALARS):
        return ()
    parts = _parts(thing)
    if parts is not None:
        return parts
    if isinstance(thing, FunctionType) and not _is_known(thing.__module__):
        return () if _ruled_out(thing, kind) else _named_in(thing, kind)
    return () if thing is not kind and _is_harmless(thing) else None


def _named_in(function: FunctionType, kind: type) -> Iterable[object] | None:
    """Return what a function of the user's names, or None if that is the kind."""
    names = [*_names(function.__code__)]
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # one that is not filled yet
        return None
    around = function.__globals__
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    found = (*cells, *defaults, *(around[name] for name in names if name in around))
    return None if kind.__name__ in names else found


def _ruled_out(function: FunctionType, kind: type) -> bool:
    """Tell whether the return annotation rules the kind out."""
    if "return" not in function.__annotations__:
        return False
    try:
        returned = get_type_hints(function)["return"]
    except Exception:  # noqa: BLE001 - a name that exists for type checkers only, and the like
        return False
    return _excludes(returned, kind)


def _excludes(hint: Any, kind: type) -> bool:  # noqa: ANN401 - any annotation
    """Tell whether no value of a type is, or holds as a list does, one of the kind."""
    whole: Any = without_alias(hint)
    simple = isclass(whole) and any(issubclass(whole, cls) for cls in (Mapping, *_SCALARS))
    if simple or is_schema(whole):
        return True
    arguments = get_args(hint)
    if whole is kind or not arguments:
        return False
    return all(isinstance(one, _SCALARS) or _excludes(one, kind) for one in arguments)


def _parts(thing: object) -> Iterable[object] | None:
    """Return what a thing is made of, or None if that cannot be seen."""
    if isinstance(thing, partial):
        inner = cast("partial[object]", thing)
        return (inner.func, *inner.args, *inner.keywords.values())
    if isinstance(thing, Mapping):
        return cast("Mapping[object, object]", thing).values()
    return cast("list[object]", thing) if isinstance(thing, _HOLDERS) else None


def _is_harmless(thing: object) -> bool:
    """Tell whether a thing is one of those that make no Commands."""
    if isinstance(thing, ModuleType):
        return _is_known(thing.__name__)
    if isclass(thing):
        return is_schema(thing) or _is_known(thing.__module__)
    return isinstance(thing, (BuiltinFunctionType, FunctionType)) and _is_known(thing.__module__)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function uses and does not define, those of functions in it too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_known(module: str | None) -> bool:
    """Tell whether a module is Python's or graphflow's own; neither makes Commands by itself."""
    top = (module or "").split(".")[0]
    return top == "graphflow" or top in sys.stdlib_module_names
