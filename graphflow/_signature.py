"""Reads a user's function once: sync or async, what it asks for, and what its annotations promise.

A plain function of one argument, the usual node, is read from its code object; everything else
goes through `inspect.signature`, which costs 5.5 us.
"""

import inspect
import re
from collections.abc import Callable
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

from graphflow._core.topology import Asked, Callee
from graphflow._record import record
from graphflow.errors import did_you_mean, quoted
from graphflow.runtime import Runtime
from graphflow.schema import is_schema, without_alias
from graphflow.types import Command, StreamWriter

_ASKED: Final[tuple[Asked, ...]] = ("config", "runtime", "writer", "store")
_PLAIN_WORDS: Final[tuple[Asked, ...]] = ("config", "writer")
_BY_TYPE: Final[dict[str, Asked]] = {
    "RunnableConfig": "config",
    "Runtime": "runtime",
    "StreamWriter": "writer",
}
_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR

Function: TypeAlias = Callable[..., Any]


@record
class Signature:
    """What is known of a user's function.

    Attributes:
        callee: how to call it.
        state: the schema that its first parameter is annotated with, or None.
        goto: the node names that its `Command[Literal[...]]` promises.
        answers: the values that its `Literal[...]` promises, or None.
    """

    callee: Callee
    state: type[Any] | None = None
    goto: tuple[str, ...] = ()
    answers: tuple[Any, ...] | None = None


def name_of(function: object) -> str:
    """Return the name a function goes by: its own, or that of its class."""
    name = getattr(function, "name" if hasattr(function, "get_subgraphs") else "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def read_function(function: object, said: str, *, inline: bool = False) -> Signature:
    """Read a node's function, a path function, or an object with `invoke` or `ainvoke`.

    Args:
        function: what the user gave.
        said: what it is, for errors, such as `node 'a'`.
        inline: whether it may run on the event loop though it is not async.

    Raises:
        TypeError: if it cannot be called with a state, or asks for what there is not.
    """
    if type(function) is FunctionType and not vars(function) and _is_plain(function):
        return _read_plain(function, inline=inline)
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        code = None  # an object may answer to any name
    if _is_runnable(function):
        return Signature(_read_runnable(function, inline=inline))
    if not callable(function):
        msg = (
            f"{said} must be a function, or an object with 'invoke' or 'ainvoke', not {function!r}"
        )
        raise TypeError(msg)
    called = cast("Function", function)
    if _yields(called):
        msg = f"{said} is a generator function; return the update instead of yielding it"
        raise TypeError(msg)
    asks = _asks(called, said)
    if _is_async(called, code):
        callee = Callee(None, called, asks, inline)
    else:
        callee = Callee(called, None, asks, inline)
    return _annotated(callee, called)


def _is_runnable(thing: object) -> bool:
    """Tell whether an object is run by `invoke`: what can be called is called, as in LangGraph.

    But a LangChain Runnable that can be called as well is a Runnable first.
    """
    if not (hasattr(thing, "invoke") or hasattr(thing, "ainvoke")):
        return False
    bases: tuple[type, ...] = type(thing).__mro__
    return not callable(thing) or any(base.__name__ == "Runnable" for base in bases)


def _is_plain(function: FunctionType) -> bool:
    """Tell whether a function has the state as its only parameter, and does not yield."""
    code = function.__code__
    return (
        code.co_argcount == 1
        and not code.co_kwonlyargcount
        and not code.co_flags & (_GENERATOR | inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    )


def _read_plain(function: FunctionType, *, inline: bool) -> Signature:
    """Read the usual node from its code object alone."""
    if function.__code__.co_flags & inspect.CO_COROUTINE:
        callee = Callee(None, function, (), inline)
    else:
        callee = Callee(function, None, (), inline)
    return _annotated(callee, function) if function.__annotations__ else Signature(callee)


def _is_async(function: Function, code: Any) -> bool:  # noqa: ANN401 - a code object or None
    """Tell whether calling the function gives a coroutine."""
    if code is not None and code.co_flags & inspect.CO_COROUTINE:
        return True
    called: object = function
    while isinstance(called, partial):
        called = called.func  # pyright: ignore[reportUnknownMemberType] - of anything
    if inspect.iscoroutinefunction(called):
        return True
    return code is None and inspect.iscoroutinefunction(getattr(called, "__call__", None))  # noqa: B004 - is its __call__ async?


def _yields(function: Function) -> bool:
    """Tell whether calling the function gives a generator."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _read_runnable(thing: object, *, inline: bool) -> Callee:
    """Read an object with `invoke` or `ainvoke`; it is handed the config if it takes it."""
    sync = getattr(thing, "invoke", None)
    coro = getattr(thing, "ainvoke", None)
    some = cast("Function", sync or coro)
    takes = inspect.signature(some).parameters
    asks: tuple[tuple[str, Asked], ...] = (("config", "config"),) if "config" in takes else ()
    return Callee(sync, coro, asks, inline)


def _asks(function: Function, said: str) -> tuple[tuple[str, Asked], ...]:
    """Return what a function asks for beside the state, its first parameter."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that tells no signature takes the state
        return ()
    parameters = list(signature.parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in (*positional, inspect.Parameter.VAR_POSITIONAL):
        msg = f"{said} takes no argument; it is called with the state"
        raise TypeError(msg)
    asks: list[tuple[str, Asked]] = []
    for parameter in parameters[1:]:
        if (asked := _asked(parameter)) is not None:
            asks.append((parameter.name, asked))
        elif parameter.default is parameter.empty and parameter.kind not in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ):
            if parameter.kind is parameter.POSITIONAL_ONLY:
                msg = (
                    f"{said} has the positional-only parameter {parameter.name!r}; what is asked "
                    f"for beside the state is passed by name, so leave out the '/' behind it"
                )
                raise TypeError(msg)
            msg = (
                f"{said} has the parameter {parameter.name!r}"
                f"{did_you_mean(parameter.name, _ASKED)}, which nothing fills; beside the "
                f"state there are {quoted(_ASKED)}, by name or annotation. Give it a default, or "
                f"use functools.partial"
            )
            raise TypeError(msg)
    return tuple(asks)


def _asked(parameter: inspect.Parameter) -> Asked | None:
    """Return what a parameter asks for, by its annotation or its name."""
    if parameter.kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    ):
        return None
    annotation = parameter.annotation
    by_name: Asked | None = next((name for name in _ASKED if parameter.name == name), None)
    by_type = None if annotation is parameter.empty else _asked_by_type(annotation)
    if parameter.default is not parameter.empty:
        # With a default the user may mean something else by the word, or by the type of a writer,
        # which is that of any callback.
        if by_type == "writer" and by_name is None and parameter.default is not None:
            return None
        if by_type is None and annotation is not parameter.empty and by_name in _PLAIN_WORDS:
            return None
    return by_type or by_name


def _asked_by_type(annotation: Any) -> Asked | None:  # noqa: ANN401 - any annotation
    """Return what an annotation asks for; unions and strings count too."""
    if isinstance(annotation, str):
        words = re.findall(r"\w+", annotation)
        return next((_BY_TYPE[word] for word in words if word in _BY_TYPE), None)
    if annotation == StreamWriter:
        return "writer"
    origin = get_origin(annotation) or annotation
    name = getattr(origin, "__name__", "")
    if name in _BY_TYPE or origin is Runtime:
        return _BY_TYPE.get(name, "runtime")
    if name in ("Union", "UnionType", "Optional"):
        return next((a for arg in get_args(annotation) if (a := _asked_by_type(arg))), None)
    return None


def _annotated(callee: Callee, function: Function) -> Signature:
    """Return what annotations promise; those that cannot be resolved promise nothing."""
    try:
        first, returned = _hints(function)
    except Exception:  # noqa: BLE001 - a name that exists for type checkers only, and the like
        return Signature(callee)
    first = without_alias(first)
    state = first if is_schema(first) else None
    if returned is None or isinstance(returned, type):  # nothing is promised by a plain class
        return Signature(callee, state)
    return Signature(
        callee,
        state,
        _promised_goto(returned),
        returned.__args__ if _origin(returned) is Literal else None,
    )


def _hints(function: Function) -> tuple[Any, Any]:
    """Return the annotations of a function's first parameter and of its result, or None."""
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__"):
        signature = inspect.signature(function, eval_str=True)
        parameter = next(iter(signature.parameters.values()))
        return parameter.annotation, signature.return_annotation
    hints = function.__annotations__
    own = 1 if isinstance(function, MethodType) else 0
    name = code.co_varnames[own] if code.co_argcount > own else ""
    first, returned = hints.get(name), hints.get("return")
    if isinstance(first, str) or isinstance(returned, str):
        hints = get_type_hints(function)
        first, returned = hints.get(name), hints.get("return")
    return first, returned


def _origin(annotation: object) -> object:
    """Return what an annotation is a form of; `typing.get_origin` costs 0.5 us."""
    return getattr(annotation, "__origin__", None)


def _promised_goto(returned: Any) -> tuple[str, ...]:  # noqa: ANN401 - any annotation
    """Return the node names in the `Command[Literal[...]]` of a return annotation."""
    parts = getattr(returned, "__args__", ())
    if not parts:
        return ()
    if _origin(returned) is Command:
        return parts[0].__args__ if _origin(parts[0]) is Literal else ()
    return tuple(name for part in parts for name in _promised_goto(part))
