"""What the codec says of a value that it does not store or cannot read: why, and what to do."""

import types
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from io import IOBase
from typing import Final

from graphflow.checkpoint._codes import LIMIT
from graphflow.errors import CodecError, DamagedCheckpointError, NewerFormatError

_BUILTINS: Final = (int, str, float, bytes, complex, tuple, list, dict, set, frozenset)

_INSTEAD: Final[dict[type, str]] = {
    bytearray: "store bytes(...) of it",
    memoryview: "store bytes(...) of it",
    range: "store list(...) of it",
}

# Things that are of this process, and mean nothing in another one.
_PASSING: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((types.ModuleType,), "a module"),
    ((type,), "a class"),
    (
        (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType),
        "a function",
    ),
    ((Generator, AsyncGenerator), "a generator"),
    ((Coroutine,), "a coroutine"),
    ((IOBase,), "a file"),
    ((Iterator,), "an iterator"),
)
_LOCKS: Final = ("_thread", "threading", "asyncio.locks", "multiprocessing.synchronize")


def name_of(kind: type) -> str:
    """Return a type's name as the errors show it: with its module, if it is no builtin."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def refused(value: object, reason: str) -> CodecError:
    """Return the error of a value that is not stored; the codec adds where it is."""
    return CodecError(reason, kind=name_of(type(value)))


def unknown(value: object) -> CodecError:
    """Return the error of a value whose type the codec does not know."""
    kind = type(value)
    name = name_of(kind)
    if kind in _INSTEAD:
        return refused(value, f"a {name} cannot be stored; {_INSTEAD[kind]}")
    if issubclass(kind, BaseException):
        return refused(
            value,
            f"an exception cannot be stored, and this is a {name!r}; store its text: str(error)",
        )
    passing = _passing(kind)
    if passing:
        return refused(
            value,
            f"{passing} cannot be stored, and this is a {name!r}; keep it out of the state, and "
            "store what it is made from",
        )
    return refused(value, f"{name!r} is no type that can be stored as it is; {_advice(kind)}")


def _passing(kind: type) -> str:
    """Return what kind of passing thing a type's values are, or nothing if they are none."""
    for kinds, text in _PASSING:
        if issubclass(kind, kinds):
            return text
    return "a lock or a thread" if kind.__module__ in _LOCKS else ""


def _advice(kind: type) -> str:
    """Say how values of a class come to be stored."""
    if kind.__module__.partition(".")[0] == "langchain_core":
        return (
            "give compile(types=TYPES), with 'from graphflow.integrations.langchain import TYPES'"
        )
    from graphflow.checkpoint._kinds import entry_for  # noqa: PLC0415 - it imports this module

    try:
        known = entry_for(kind) is not None
    except Exception:  # noqa: BLE001 - whatever a strange class raises when looked at
        known = False
    advice = f"register its class: compile(types=[{kind.__qualname__}])"
    if not known:
        advice = "store what it is made from, or tell a Registry how: registry.add(cls, tag, ...)"
    for builtin in _BUILTINS:
        if issubclass(kind, builtin):
            plain = builtin.__name__
            return f"store {plain}(...) of it, or {advice}"
    return advice


def too_deep(value: object) -> CodecError:
    """Return the error of a value that is nested too deep to be stored."""
    return refused(
        value,
        f"the value contains itself, or is nested in more than {LIMIT} levels; "
        "store references such as ids instead",
    )


def damaged(why: str) -> DamagedCheckpointError:
    """Return the error of bytes that nobody can have written."""
    return DamagedCheckpointError(
        f"what was read is no value that graphflow stored ({why}); it was cut short or changed in "
        "the store: restore the store from a copy"
    )


def newer(code: int) -> NewerFormatError:
    """Return the error of an extension that has no meaning yet."""
    return NewerFormatError(
        f"a value of the kind {code} was written by a newer graphflow; install that one"
    )
