"""Asking a person from inside a node, and doing a thing once though its node is run again.

Both are kept in the thread: the process may end while a question waits, and another one may go on.
"""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Generic, ParamSpec, final, overload

from typing_extensions import TypeVar

from graphflow._plain import ABSENT, Plain
from graphflow._scope import current
from graphflow.errors import shown

__all__ = ("Interrupt", "aonce", "interrupt", "once")

AnswerT = TypeVar("AnswerT", default=Any)
R = TypeVar("R")
P = ParamSpec("P")


@final
class Interrupt(Plain, Generic[AnswerT]):
    """A question that waits for an answer.

    Attributes:
        value: what was asked.
        id: 32 hex digits; `Command(resume={id: answer})` answers this question and no other.
        response_schema: what the answer must be, as a JSON Schema, or None for anything.
        key: the name that the node gave the question, or None.
        expires_at: until when it may be answered, in ISO 8601, UTC, or None for ever.
    """

    __slots__ = ("expires_at", "id", "key", "response_schema", "value")
    _fields = ("value", "id", "response_schema")
    value: Any
    id: str
    response_schema: type[AnswerT] | dict[str, Any] | None

    def __init__(
        self,
        value: Any,  # noqa: ANN401 - whatever was asked
        id: str = "placeholder-id",  # noqa: A002 - the field's name
        *,
        response_schema: type[AnswerT] | dict[str, Any] | None = None,
        key: str | None = None,
        expires_at: str | None = None,
    ) -> None:
        """Keep everything."""
        self.value = value
        self.id = id
        self.response_schema = response_schema
        self.key = key
        self.expires_at = expires_at


@overload
def interrupt(
    value: object,
    response_schema: type[AnswerT],
    *,
    key: str | None = None,
    expires_in: float | timedelta | None = None,
    default: object = ABSENT,
) -> AnswerT: ...


@overload
def interrupt(
    value: object,
    response_schema: object = None,
    *,
    key: str | None = None,
    expires_in: float | timedelta | None = None,
    default: object = ABSENT,
) -> Any: ...  # noqa: ANN401 - the answer


def interrupt(
    value: Any,
    response_schema: Any = None,
    *,
    key: str | None = None,
    expires_in: float | timedelta | None = None,
    default: Any = ABSENT,
) -> Any:
    """Ask whoever runs the graph, and return the answer.

    The first call ends the task: the run ends when the other tasks of its superstep have, and
    shows the question under `__interrupt__`. `Command(resume=answer)` runs the node again from
    its top, and this call returns the answer. Several questions of a node are told apart by the
    order in which they are asked, or by their keys.

    It raises `GraphInterrupt`, which is no `Exception`, and must be let through.

    Args:
        value: what is asked; anything that a checkpoint can hold.
        response_schema: what an answer must be: a type, which is also what is returned, or a JSON
            Schema. It is checked before anything runs. All but `bool`, `int`, `float`, `str`,
            `list` and `dict` needs the extra `schemas`.
        key: a name for the question, by which its answer is found again wherever the node asks it.
        expires_in: for how long it may be answered, in seconds or as a timedelta.
        default: what is returned once that time is over; if it is not given, the call raises
            `InterruptExpiredError`.

    Returns:
        The answer; for a type as `response_schema` an instance of it.

    Raises:
        GraphInterrupt: while there is no answer.
        InterruptCancelledError: if the question was withdrawn.
        InterruptExpiredError: if it was not answered in time, and there is no default.
        InterruptMismatchError: if an answer is there that was given to another question.
        RuntimeError: if no node is running here.
    """
    return current().ask(value, response_schema, key, seconds_of(expires_in), default)


def seconds_of(expires_in: float | timedelta | None) -> float | None:
    """Return how long a question may be answered.

    Raises:
        ValueError: if that is no time.
        TypeError: if it is neither a number nor a timedelta.
    """
    if expires_in is None:
        return None
    if isinstance(expires_in, timedelta):
        expires_in = expires_in.total_seconds()
    if isinstance(expires_in, bool) or not isinstance(expires_in, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
        msg = f"expires_in must be a number of seconds or a timedelta, not {shown(expires_in)}"
        raise TypeError(msg)
    if not 0 <= expires_in < _LONGEST:
        msg = f"expires_in must be at least 0 and less than 100 years, not {expires_in!r} seconds"
        raise ValueError(msg)
    return expires_in


_LONGEST = 100 * 365.25 * 24 * 3600


@overload
def once(
    key: str, fn: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
) -> Coroutine[Any, Any, R]: ...


@overload
def once(key: str, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...


def once(key: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function, and keep what it returns: when the node is run again, that is returned.

    The result is stored before this returns, so what the function does is not done again after
    an interrupt, a failure or a crash later in the node. (A crash between the two does it again:
    give the other side `runtime.execution_info.idempotency_key`.) What it raises is not kept.

    With an async function it returns a coroutine, to be awaited. For a plain function in an async
    node there is `aonce`, since storing waits. A graph without a checkpointer keeps nothing, and
    a run with `durability="exit"` stores the result when it ends.

    Args:
        key: a name for the result, unique in the node.
        fn: the function.
        *args: what it is called with.
        **kwargs: as well.

    Returns:
        What the function returned, now or the first time.

    Raises:
        CodecError: if what it returned cannot be stored; it has been called then.
        RuntimeError: if no node is running here, or the key is in use at the same time.
        TypeError: if the key is no string; or for a plain function on an event loop.
    """
    return current().once(_checked(key, fn), fn, args, kwargs)


@overload
async def aonce(
    key: str, fn: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
) -> R: ...


@overload
async def aonce(key: str, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...


async def aonce(key: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Do what `once` does, in an async node, with a plain function too; it is called right here.

    Raises:
        CodecError: if what it returned cannot be stored; it has been called then.
        RuntimeError: if no node is running here, or the key is in use at the same time.
        TypeError: if the key is no string.
    """
    return await current().aonce(_checked(key, fn), fn, args, kwargs)


def _checked(key: object, fn: object) -> str:
    """Return a key.

    Raises:
        TypeError: if it is none, or what is to be called is no function.
    """
    if not isinstance(key, str) or "\0" in key:
        msg = (
            f"the key of once() must be a string without NUL, not {shown(key)}; "
            f"write once('charge', charge)"
        )
        raise TypeError(msg)
    if not callable(fn):
        msg = f"once({key!r}, ...) must be given a function, not {shown(fn)}"
        raise TypeError(msg)
    return key
