"""Coroutines stepped by hand: one in a context of its own, one held while its reader is behind.

Both pass on whatever the coroutine waits for, so they know no event loop and serve all of them.
What is thrown in is thrown outside the `except` block that caught it, or the cancellation would
become the `__context__` of every later error of the node.
"""

import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final, Protocol, TypeVar

BUFFER: Final = 256
"""How many events may wait for the consumer before writers are held."""

R = TypeVar("R")


@types.coroutine
def isolated(context: Context, coroutine: Coroutine[Any, Any, R]) -> Generator[Any, Any, R]:
    """Await a coroutine in the task of the caller, each of its steps inside `context`.

    A task of its own would cost 5.7 us, and give the same isolation.
    """
    run, argument = context.run, None
    step: Callable[[Any], Any] = coroutine.send
    try:
        while True:
            wanted = run(step, argument)
            try:
                argument = yield wanted
                step = coroutine.send
            except GeneratorExit:
                run(coroutine.close)
                raise
            except BaseException as error:  # noqa: BLE001 - thrown into the coroutine below
                step, argument = coroutine.throw, error
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        del step, argument  # or a thrown error would hold this frame, and the frame the error


class Room(Protocol):
    """Tells whether there is room for what a coroutine writes."""

    @property
    def full(self) -> bool:
        """Whether its reader is behind."""
        ...

    async def vacancy(self) -> None:
        """Wait until there is room."""
        ...


@types.coroutine
def paced(room: Room, coroutine: Coroutine[Any, Any, R]) -> Generator[Any, Any, R]:
    """Await a coroutine, and hold it where it waits anyway for as long as there is no room.

    So a node that writes faster than its reader reads is as fast as the reader, though its
    writer never waits: it can overshoot by what it writes between two awaits.
    """
    argument: Any = None
    step: Callable[[Any], Any] = coroutine.send
    try:
        while True:
            wanted = step(argument)
            try:
                argument = yield wanted
                step = coroutine.send
                if room.full:
                    yield from room.vacancy().__await__()
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown into the coroutine below
                step, argument = coroutine.throw, error
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        del step, argument
