"""What all methods of the client have: the SDK's `headers` and `params`, and streams."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, get_args

from typing_extensions import override

from graphflow.client._feed import Reader, later_here
from graphflow.client.schema import Sent, StreamPart
from graphflow.errors import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_UNUSED: Final = Sent.__annotations__.keys()


def request(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a method one that may be given `headers` and `params`, and nothing that is unknown.

    What it takes by name is in its signature, or in the TypedDict that annotates its `**`.
    """
    takes = names_of(method)

    @wraps(method)
    def checked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in takes:
                msg = (
                    f"{method.__name__}() got an unexpected keyword argument {name!r}"
                    f"{did_you_mean(name, takes)}"
                )
                raise TypeError(msg)
        return method(self, *args, **kwargs)

    return checked


def names_of(method: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a method takes by name."""
    names: list[str] = []
    for parameter in signature(method).parameters.values():
        if parameter.kind is Parameter.VAR_KEYWORD:
            (options,) = get_args(parameter.annotation)
            names += options.__annotations__
        else:
            names.append(parameter.name)
    return names[1:]


class Parts(AsyncIterator[R]):
    """The parts of a run's stream, to be read once.

    Nothing is asked for before the first part is. Whoever leaves early may say so by `aclose`; to
    let go of it does the same.

    Args:
        opened: begins to read.
        shown: makes of each part what is yielded, or None to leave it out.
        left: called if it is left before its end.
    """

    def __init__(
        self,
        opened: Callable[[], Awaitable[Reader]],
        shown: Callable[[StreamPart], R | None],
        left: Callable[[], object],
    ) -> None:
        """Keep everything."""
        self._opened = opened
        self._shown = shown
        self._left = left
        self._reader: Reader | None = None
        self._over = False

    @override
    async def __anext__(self) -> R:
        """Return the next part."""
        if self._over:
            raise StopAsyncIteration
        if self._reader is None:
            self._reader = await self._opened()
            self._later = later_here()
        while (part := await self._reader.next()) is not None:
            shown = self._shown(part)
            if shown is not None:
                return shown
        self._over = True
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Read no more."""
        self._leave()

    def __del__(self) -> None:
        """Read no more; the last reference may go in any thread."""
        if self._reader is not None and not self._over:
            self._later(self._leave)

    def _leave(self) -> None:
        """Let go of the run, on its loop."""
        if self._over:
            return
        self._over = True
        if self._reader is not None:
            self._reader.leave()
            self._left()
