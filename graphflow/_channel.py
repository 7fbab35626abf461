"""What every channel is; the kinds that there are stand in `channels.py`, with what it is about."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Protocol, final

from graphflow import _change
from graphflow._change import Change
from graphflow.errors import TooManyWritesError
from graphflow.types import Overwrite


@final
class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the name."""
        return "MISSING"


MISSING: Final = Missing()
"""What a channel holds before anything was written to it."""


class Origin(Protocol):
    """Where one write comes from: what `prepare` of a reducer derives stable ids from."""

    @property
    def id(self) -> str:
        """Unique for the task and the write within it, and the same when the task is replayed."""
        ...


class Channel:
    """A rule for one key: its first value, and how the writes of a superstep change it.

    Args:
        type: what the values are, as the state class annotates them.

    Attributes:
        key: the key, set when the state class is read.
        tracked: whether checkpoints keep the value.
    """

    __slots__ = ("key", "type")
    tracked: ClassVar[bool] = True

    def __init__(self, type: object = object) -> None:  # noqa: A002 - the word users know it by
        """Keep the type."""
        self.key = ""
        self.type = type

    def fresh(self) -> object:
        """Return the value before the first write, or `MISSING`."""
        return MISSING

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401 - values of the state
        """Return the value after the writes of one superstep, at least one, in plan order.

        Raises:
            TooManyWritesError: if the channel takes fewer writes.
        """
        raise NotImplementedError

    def change(self, old: Any, new: Any, writes: Sequence[Any]) -> Change:  # noqa: ANN401 - as above
        """Return what `fold` did, as data that a checkpoint keeps; `new` may be `MISSING`."""
        return _change.REMOVED if new is MISSING else _change.found(old, new, writes)

    def prepared(self, update: Any, origin: Origin) -> Any:  # noqa: ANN401, ARG002 - see Reducer
        """Return a task's write as it is to be stored; called once, when the task has finished."""
        return update

    @property
    def prepares(self) -> bool:
        """Whether `prepared` does anything."""
        return False

    @property
    def fades(self) -> bool:
        """Whether the value is gone after a superstep without a write to it."""
        return False

    def same(self, other: "Channel") -> bool:
        """Tell whether `other`, of another schema, is the same rule."""
        return type(other) is type(self)

    def __repr__(self) -> str:
        """Show kind and key."""
        return f"<{type(self).__name__} {self.key!r}>"


def overwritten(writes: Sequence[object]) -> object:
    """Return the value of the one `Overwrite` among the writes."""
    values = [write.value for write in writes if type(write) is Overwrite]
    if len(values) > 1:
        msg = "it takes one Overwrite in a superstep"
        raise TooManyWritesError(msg)
    return values[0]
