"""How a superstep changed a channel's value, as plain data: found here, and applied again here.

A checkpoint keeps these changes, never a reducer's name: so loading runs no reducer, and gives
what ran, whatever the reducer does or has become since. The set is closed. A bare number says
that the value follows from the superstep's writes, which are stored anyway; a list brings data of
its own. Who asks for a change is `channels.py`, which knows what its writes mean.
"""

from collections.abc import Sequence
from operator import is_
from typing import Any, Final, TypeAlias, cast

from graphflow.errors import DamagedCheckpointError, NewerFormatError
from graphflow.types import Overwrite

Change: TypeAlias = int | list[Any]
"""One of the numbers below, or a list that begins with one."""

REMOVED: Final = 0
"""The channel has no value any more."""

WRITTEN: Final = 1
"""The value is what the last write says."""

EXTENDED: Final = 2
"""Each write was added at the end of a list, tuple, str or bytes of its own type."""

UPDATED: Final = 3
"""Each write was merged into a dict, or its members were added to a set."""

SET: Final = 4
"""`[SET, value]`: the value is given."""

SPLICED: Final = 5
"""`[SPLICED, start, stop, items]`: in a list, items stand in place of those from start to stop."""

ADDED: Final = 6
"""Each write was added at the end of a list: a list by its items, anything else as an item."""

APPENDING: Final = (EXTENDED, ADDED)
"""The changes that leave all of a list where it is."""

_JOINED: Final[frozenset[object]] = frozenset((list, tuple, str, bytes))
# Any, or a type checker would know too little of a list it has found, and say so.
_LIST: Final[Any] = list


def found(
    old: Any,  # noqa: ANN401 - values of the state
    new: Any,  # noqa: ANN401 - as above
    writes: Sequence[object],
    *,
    pure: bool = True,
) -> Change:
    """Return the change from one value to another, by what the two have in common.

    For a list that is the items at both ends that are the same objects, so what any reducer
    appends, replaces or cuts off costs the bytes of what is new. Time: the length of the list.

    Args:
        old: the value before.
        new: the value after.
        writes: what was written.
        pure: whether it is known that the items that stay were left alone. If not, they are
            trusted only where the new items are the written objects themselves: a reducer that
            has put something else in their place may have merged them into an item that stays.
    """
    if type(new) is _LIST and type(old) is _LIST and new is not old:
        return _spliced(old, new, writes, pure=pure)
    return written(new, writes)  # a list that was changed in place does not tell what it was


def written(new: object, writes: Sequence[object]) -> Change:
    """Return the change to a value that has nothing to do with the one before."""
    last = writes[-1]
    if new is (last.value if type(last) is Overwrite else last):
        return WRITTEN
    return [SET, new]


def extended(old: object, new: object, writes: Sequence[object]) -> Change:
    """Return the change to the sum of a value and the writes, which is what `+` makes of them."""
    kind: object = type(old)
    if kind in _JOINED and all(type(write) is kind for write in writes):
        return EXTENDED
    return found(old, new, writes)


def updated(old: object, new: object, writes: Sequence[object]) -> Change:
    """Return the change to the union of a value and the writes, which is what `|` makes of them."""
    kind = cast("object", type(old))
    if (kind is dict or kind is set) and all(type(write) is kind for write in writes):
        return UPDATED
    return found(old, new, writes)


def _spliced(old: list[Any], new: list[Any], writes: Sequence[object], *, pure: bool) -> Change:
    """Return the change between two lists."""
    start = 0
    if all(map(is_, old, new)):
        start = min(len(old), len(new))
    else:
        while old[start] is new[start]:
            start += 1
    stop, end = len(old), len(new)
    while stop > start and end > start and old[stop - 1] is new[end - 1]:
        stop -= 1
        end -= 1
    items = new[start:end]
    are_written = _are(items, writes)
    if start == len(old) and are_written:
        return ADDED
    if not (pure or are_written) or (start == 0 and stop == len(old)):
        return written(new, writes)
    return [SPLICED, start, stop, items]


def _are(items: list[Any], writes: Sequence[object]) -> bool:
    """Tell whether items are those of the writes, one after the other."""
    given: list[Any] = []
    for write in writes:
        _extend(given, write)
    return len(given) == len(items) and all(map(is_, given, items))


def _extend(items: list[Any], write: Any) -> None:  # noqa: ANN401 - a value of the state
    """Add a written list's items, or the write itself as an item."""
    if type(write) is _LIST:
        items += write
    else:
        items.append(write)


def kept(change: Change, length: int) -> int:
    """Return how many items at the front of a list of that length a change has left alone."""
    if type(change) is int:
        return length if change in (EXTENDED, ADDED) else 0
    code, *rest = cast("list[Any]", change)
    return int(rest[0]) if code == SPLICED else 0


def apply(values: dict[str, Any], key: str, change: Change, writes: Sequence[Any]) -> None:
    """Make a change; lists, dicts and sets among the values are changed in place.

    A channel that has no value yet begins empty: what a reducer starts from is never stored.

    Raises:
        DamagedCheckpointError: if the change does not fit the value.
        NewerFormatError: if it is none of those above.
    """
    try:
        if type(change) is int:
            _follow(values, key, change, writes)
            return
        code, *rest = cast("list[Any]", change)
        if code == SET:
            (values[key],) = rest
        elif code == SPLICED:
            start, stop, items = rest
            values.setdefault(key, [])[start:stop] = items
        else:
            _unknown(code)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        msg = f"the stored change of {key!r} does not fit its value; the checkpoint is damaged"
        raise DamagedCheckpointError(msg) from error


def _follow(values: dict[str, Any], key: str, code: int, writes: Sequence[Any]) -> None:
    """Make a change that follows from the writes."""
    if code == EXTENDED:
        value = values[key] if key in values else type(writes[0])()
        for write in writes:
            value += write
        values[key] = value
    elif code == ADDED:
        items = values.setdefault(key, [])
        for write in writes:
            _extend(items, write)
    elif code == WRITTEN:
        last = writes[-1]
        values[key] = last.value if type(last) is Overwrite else last
    elif code == UPDATED:
        value = values.setdefault(key, type(writes[0])())
        for write in writes:
            value.update(write)
    elif code == REMOVED:
        values.pop(key, None)
    else:
        _unknown(code)


def _unknown(code: object) -> None:
    """Raise for a code that this version does not know."""
    msg = f"a checkpoint has a change of the unknown kind {code!r}; a newer graphflow wrote it"
    raise NewerFormatError(msg)
