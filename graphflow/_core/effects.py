"""What the core asks of a driver: everything that waits, as plain data.

A program yields effects and is sent their answers. `yield from effect` gives the answer its type.
"""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from graphflow._core.state import Event, Outcome, Task

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver, Commit

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


class Hold(Protocol):
    """A run's place on its thread, within this process.

    Attributes:
        beside: whether another run has the thread, and this one is to go on in a branch.
    """

    beside: bool

    def shares(self, epoch: int) -> bool:
        """Tell whether another run of this process goes on in that epoch of the thread."""
        ...

    def took(self, epoch: int) -> None:
        """Note the epoch that this run has taken."""
        ...


class Enter(Effect[Hold]):
    """Take the thread for this run; answered with its place, which the driver gives back.

    Raises:
        ThreadBusyError: where another run has the thread, and this one is not to wait.
    """

    __slots__ = ("busy", "thread")

    def __init__(self, thread: str, busy: str) -> None:
        """Keep the thread, and what to do if it has a run."""
        self.thread = thread
        self.busy = busy


class Load(Effect[A]):
    """Read from the store; answered with what `read` returns."""

    __slots__ = ("read",)

    def __init__(self, read: "Callable[[BaseCheckpointSaver], A]") -> None:
        """Keep the function, which the driver calls where it may block."""
        self.read = read


class Save(Effect[bool | Exception]):
    """Make a commit; answered with whether the thread was where the commit takes it to be.

    If it need not be waited for, the answer is True, and the next Save or `Settle` waits. What
    the store raises is an answer too: `made` raises it within the program, which may catch it.
    """

    __slots__ = ("commit", "wait")

    def __init__(self, commit: "Commit", wait: bool) -> None:  # noqa: FBT001 - one of its two parts
        """Keep both."""
        self.commit = commit
        self.wait = wait


class Write(Effect[bool | Exception]):
    """Make a commit that is put together when it is its turn; answered as a `Save` is.

    Others write to the thread as well: running tasks that keep results, graphs that they run. A
    driver lets one of them at a time call `put`, and hand over to the store what it returns.
    """

    __slots__ = ("put", "wait")

    def __init__(self, put: "Callable[[], Commit]", wait: bool) -> None:  # noqa: FBT001 - one of its two parts
        """Keep both."""
        self.put = put
        self.wait = wait


def made(answer: bool | Exception) -> bool:  # noqa: FBT001 - what a Save is answered with
    """Return the answer to a Save.

    Raises:
        Exception: the answer, if it is an error.
    """
    if isinstance(answer, Exception):
        try:
            raise answer
        finally:
            del answer  # else it and the traceback would hold each other
    return answer


class Settle(Effect[None]):
    """Wait for a commit that was not waited for."""

    __slots__ = ()


Program: TypeAlias = Generator[Effect[Any], Any, R]
