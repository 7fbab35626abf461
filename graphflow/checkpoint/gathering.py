"""What a store has for which many commits together are cheaper than one after the other.

Conversations that go on at once on one event loop commit in the same turn of it, most of the time.
Only the store can make their commits together, and only the loop knows when its turn ends.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from graphflow.checkpoint.records import Commit

__all__ = ("Ending", "Gathers", "Soon")

Soon: TypeAlias = Callable[[Callable[[], object]], object]
"""Has the event loop call a function soon."""


class Ending(Protocol):
    """The end of what was begun: as much of a `concurrent.futures.Future` as a loop needs."""

    def done(self) -> bool:
        """Tell whether it has ended."""
        ...

    def exception(self) -> BaseException | None:
        """Return how it failed, once it has ended; None if it did not."""
        ...

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        """Have a function called with this when it has ended; at once if it has.

        The function may be called in any thread, and must not raise.
        """


class Gathers(ABC):
    """A store that makes commits of one turn of an event loop together."""

    @abstractmethod
    def gather(self, commit: "Commit", soon: Soon, /) -> Ending | None:
        """Do what `submit` does, with the commits of others that are gathered in the same turn.

        To be called on the event loop. The commit is made after what was submitted before it, and
        when the loop's turn has ended at the latest; also if the loop is closed before that.

        Args:
            commit: the commit.
            soon: has a function called in this thread when the turn has ended; the loop's
                `call_soon`, always the same for one loop.

        Raises:
            CheckpointError: as `submit`.
        """
