"""The end of an event loop's turn, at which what was gathered in it is made."""

from collections.abc import Callable
from typing import final

__all__ = ("Turn",)


@final
class Turn:
    """A call that the loop is to make when its turn has ended.

    A loop that is closed before drops it, and then the other call is made: in a finalizer, so
    anywhere, and it must wait for nothing.

    Args:
        ended: is called when the turn has ended.
        dropped: is called if that will not be.
    """

    __slots__ = ("_dropped", "_ended", "_over")

    def __init__(self, ended: Callable[[], None], dropped: Callable[[], None]) -> None:
        self._over = False
        self._ended = ended
        self._dropped = dropped

    def __call__(self) -> None:
        """End the turn."""
        self._over = True
        self._ended()

    def __del__(self) -> None:
        """See whether the turn has ended."""
        if not self._over:
            self._dropped()
