"""What the core asks of a driver: everything that waits, as plain data.

A program yields effects and is sent their answers. `yield from effect` gives the answer its type.
"""

from collections.abc import Generator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from graphflow._core.state import Event, Outcome, Task

A = TypeVar("A")
R = TypeVar("R")


class Effect(Generic[A]):
    """Something to be done that is answered with an `A`."""

    __slots__ = ()

    def __iter__(self) -> "Generator[Effect[Any], A, A]":
        """Yield itself, and return what the driver answers."""
        return (yield self)


class Compute(Effect[Outcome]):
    """Run one task to its end; answered with its outcome."""

    __slots__ = ("task",)

    def __init__(self, task: Task) -> None:
        """Keep the task."""
        self.task = task


class Start(Effect[None]):
    """Start tasks, in this order; they run at once, as far as the run's concurrency allows."""

    __slots__ = ("tasks",)

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Keep the tasks."""
        self.tasks = tasks


class Next(Effect[Sequence[Event]]):
    """Wait for `wanted` events, or a failure; answered with all that arrived, in order."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: int) -> None:
        """Keep the number, at least 1."""
        self.wanted = wanted


class Cancel(Effect[Sequence[Outcome]]):
    """End the tasks that still run; answered with outcomes that came all the same."""

    __slots__ = ()


class Emit(Effect[None]):
    """Hand chunks to the consumer of the stream; answered when it has taken them."""

    __slots__ = ("chunks",)

    def __init__(self, chunks: Sequence[Any]) -> None:
        """Keep the chunks."""
        self.chunks = chunks


Program: TypeAlias = Generator[Effect[Any], Any, R]
