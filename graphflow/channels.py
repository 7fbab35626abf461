"""Channels: how the writes to one key of the state become its value.

A channel holds no value. The run's state does, and a channel is the pure rule by which the
barrier folds the writes of one superstep into it; so one compiled graph serves any number of
runs. A new kind of channel is a class here and its tests, nothing else. How a state class is
read into channels is `schema.py`'s business.
"""

from collections.abc import Sequence
from typing import Any

from graphflow import _change
from graphflow._change import Change
from graphflow._channel import MISSING, Channel, Missing, Origin, overwritten
from graphflow._reducer import Reducer
from graphflow.errors import TooManyWritesError
from graphflow.types import Overwrite

__all__ = (
    "MISSING",
    "AnyValue",
    "BaseChannel",
    "BinaryOperatorAggregate",
    "Channel",
    "Ephemeral",
    "EphemeralValue",
    "LastValue",
    "Missing",
    "Origin",
    "Reducer",
    "Topic",
    "Untracked",
    "UntrackedValue",
)


class LastValue(Channel):
    """Holds what was written last; takes one write a superstep."""

    __slots__ = ()

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401, ARG002 - see Channel
        """Return the one write."""
        if len(writes) == 1 and type(writes[0]) is not Overwrite:
            return writes[0]
        if any(type(write) is Overwrite for write in writes):
            return overwritten(writes)
        msg = "it takes one write in a superstep; annotate it with a reducer to combine several"
        raise TooManyWritesError(msg)

    def change(self, old: Any, new: Any, writes: Sequence[Any]) -> Change:  # noqa: ANN401, ARG002 - see Channel
        """Return that the value is what was written; what it was before has no part in it."""
        return _change.WRITTEN if new is writes[-1] else _change.written(new, writes)


class AnyValue(Channel):
    """Holds the last of any number of writes, which are taken to be equal; fades."""

    __slots__ = ()

    @property
    def fades(self) -> bool:
        """It does."""
        return True

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401, ARG002 - see Channel
        """Return the last write in plan order."""
        if any(type(write) is Overwrite for write in writes):
            return overwritten(writes)
        return writes[-1]


class Ephemeral(LastValue):
    """Holds what the superstep before wrote, for one superstep only.

    Args:
        type: what the values are.
        guard: whether two writes in one superstep are an error; if not, the last one holds.
    """

    __slots__ = ("guard",)

    def __init__(self, type: object = object, guard: bool = True) -> None:  # noqa: A002, FBT001, FBT002 - LangGraph's signature
        """Keep both."""
        super().__init__(type)
        self.guard = guard

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401 - see Channel
        """Return the one write, or the last."""
        if self.guard or any(type(write) is Overwrite for write in writes):
            return super().fold(old, writes)
        return writes[-1]

    @property
    def fades(self) -> bool:
        """It does."""
        return True

    def same(self, other: Channel) -> bool:
        """Compare the guard too."""
        return super().same(other) and getattr(other, "guard", None) == self.guard


class Untracked(Ephemeral):
    """Holds what was written last, for this run only: no checkpoint keeps it."""

    __slots__ = ()
    tracked = False

    @property
    def fades(self) -> bool:
        """It does not."""
        return False


class Topic(Channel):
    """Collects writes into a list; a written list adds its items.

    Args:
        type: what the items are.
        accumulate: whether items stay; if not, each superstep's writes replace those before.
    """

    __slots__ = ("accumulate",)

    def __init__(self, type: object = object, accumulate: bool = False) -> None:  # noqa: A002, FBT001, FBT002 - LangGraph's signature
        """Keep both."""
        super().__init__(type)
        self.accumulate = accumulate

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401 - see Channel
        """Return the list of the items, those kept first; no item at all is no value."""
        if any(type(value) is Overwrite for value in writes):
            return _items((overwritten(writes),)) or MISSING
        kept: list[Any] = [] if old is MISSING or not self.accumulate else old
        return [*kept, *_items(writes)] or MISSING

    @property
    def fades(self) -> bool:
        """It does, unless it accumulates."""
        return not self.accumulate

    def same(self, other: Channel) -> bool:
        """Compare what is kept too."""
        return isinstance(other, Topic) and other.accumulate == self.accumulate


def _items(writes: Sequence[Any]) -> list[Any]:
    """Return the items of writes; a written list is its items."""
    items: list[Any] = []
    for value in writes:
        if isinstance(value, list):
            items += value
        else:
            items.append(value)
    return items


BaseChannel = Channel
BinaryOperatorAggregate = Reducer
EphemeralValue = Ephemeral
UntrackedValue = Untracked
