"""Channels: how the writes to one key of the state become its value.

A channel holds no value. The run's state does, and a channel is the pure rule by which the
barrier folds the writes of one superstep into it; so one compiled graph serves any number of
runs. A new kind of channel is a class here and its tests, nothing else. How a state class is
read into channels is `schema.py`'s business.
"""

import collections.abc
import operator
from collections.abc import Callable, Collection, Sequence
from inspect import Parameter, signature
from typing import Any, ClassVar, Final, Protocol, TypeAlias, cast, final

from graphflow import _change
from graphflow._change import Change
from graphflow.errors import InvalidUpdateError, TooManyWritesError
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


class LastValue(Channel):
    """Holds what was written last; takes one write a superstep."""

    __slots__ = ()

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401, ARG002 - see Channel
        """Return the one write."""
        if len(writes) == 1 and type(writes[0]) is not Overwrite:
            return writes[0]
        if any(type(write) is Overwrite for write in writes):
            return _overwritten(writes)
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
            return _overwritten(writes)
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
            return _items((_overwritten(writes),)) or MISSING
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


# `a + b` of two exact lists is a fresh list that nobody else holds, so the second and later
# writes of one superstep may extend it: a fan-out of n appends in O(n), not O(n * n).
def _extend(owned: Any, more: Any) -> Any:  # noqa: ANN401 - two lists
    owned += more
    return owned


def _unite(owned: Any, more: Any) -> Any:  # noqa: ANN401 - two dicts or sets
    owned |= more
    return owned


InPlace: TypeAlias = tuple[Callable[[Any, Any], Any] | None, frozenset[object]]

_OR = cast("object", vars(operator)["or_"])  # typeshed leaves the types of its operands open
_IN_PLACE: Final[tuple[tuple[object, InPlace], ...]] = (
    (cast("object", operator.add), (_extend, frozenset((list,)))),
    (_OR, (_unite, frozenset((dict, set)))),
)
_LIST: Final[Any] = list  # not narrowed to by type checkers, which would know too little of it
_ANEW: Final[InPlace] = (None, frozenset())

# What the annotation of a state names but nobody can call.
_CONCRETE: Final[dict[object, type]] = {
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}


class Reducer(Channel):
    """Combines the value and each write by a function of two arguments.

    The value starts from `type()`, where that can be called; else the first write is taken as it
    is. The function may carry a function `prepare(update, origin)`, called once when a task has
    finished, before anything reads its write: `add_messages` gives ids there. And it may carry
    `fold(value, updates)`, which does in one call what it does update by update. One that has
    `pure = True` promises that it never changes an item of a list that it keeps: checkpoints then
    store no more than what is new, whatever it does.

    Args:
        type: what the values are.
        operator: the function; it must return the new value, and not change the old one.

    Raises:
        ValueError: if the function does not take two arguments.
    """

    __slots__ = (
        "_factory",
        "_fold",
        "_in_place",
        "_owned",
        "_prepare",
        "_pure",
        "_seeded",
        "operator",
    )

    def __init__(self, type: object, operator: Callable[[Any, Any], Any]) -> None:  # noqa: A002 - see Channel
        """Look once at what the function and the type are."""
        super().__init__(type)
        check_reducer(operator)
        self.operator = operator
        self._factory = _factory(type)
        self._seeded = self._factory is not None and _holds_something(self._factory())
        self._in_place, self._owned = next(
            (rule for function, rule in _IN_PLACE if function is operator), _ANEW
        )
        self._pure = getattr(operator, "pure", False) is True
        self._prepare: Callable[[Any, Origin], Any] | None = _carried(operator, "prepare")
        self._fold: Callable[[Any, Sequence[Any]], Any] | None = _carried(operator, "fold")

    def fresh(self) -> object:
        """Return `type()`, or `MISSING` for a type that cannot be called."""
        return MISSING if self._factory is None else self._factory()

    def fold(self, old: Any, writes: Sequence[Any]) -> Any:  # noqa: ANN401 - see Channel
        """Apply the writes one after the other; an `Overwrite` wins over them all."""
        many = self._fold is not None and len(writes) > 1 and old is not MISSING
        if self._fold is not None and many and not any(map(_overwrites, writes)):
            return self._fold(old, writes)
        reduce, owned = self.operator, False
        for value in writes:
            kind = cast("object", type(value))
            if kind is Overwrite:
                return _overwritten(writes)
            if kind is dict and _marks_overwrite(value):
                msg = "it was written a dict that stands for an Overwrite; write Overwrite(value)"
                raise InvalidUpdateError(msg)
            if old is MISSING:
                old = value
            elif self._in_place is None:
                old = reduce(old, value)
            elif owned and kind in self._owned:
                old = self._in_place(old, value)
            else:
                owned = kind in self._owned and type(old) is kind
                old = reduce(old, value)
        return old

    def change(self, old: Any, new: Any, writes: Sequence[Any]) -> Change:  # noqa: ANN401 - see Channel
        """Return what the function did; for `+` and `|` that is known, for others it is found."""
        if self._seeded:  # a reader, who calls no factory, would begin with nothing
            return _change.written(new, writes)
        if self.operator is operator.add:
            if len(writes) == 1 and type(old) is _LIST and type(writes[0]) is _LIST:
                return _change.EXTENDED  # what nearly every superstep does
            return _change.extended(old, new, writes)
        if self.operator is _OR:
            return _change.updated(old, new, writes)
        return _change.found(old, new, writes, pure=self._pure)

    def prepared(self, update: Any, origin: Origin) -> Any:  # noqa: ANN401 - see Channel
        """Let the function's own `prepare` complete the write."""
        if self._prepare is None:
            return update
        if type(update) is Overwrite:
            return Overwrite(self._prepare(update.value, origin))
        return self._prepare(update, origin)

    @property
    def prepares(self) -> bool:
        """Whether the function carries a `prepare`."""
        return self._prepare is not None

    def same(self, other: Channel) -> bool:
        """Compare the functions."""
        return isinstance(other, Reducer) and _same_function(self.operator, other.operator)


def check_reducer(function: object) -> None:
    """Raise `ValueError` if `function` does not take two positional arguments."""
    try:
        parameters = signature(cast("Callable[..., object]", function)).parameters.values()
    except (TypeError, ValueError):  # some builtins tell no signature
        return
    kinds = [parameter.kind for parameter in parameters]
    positional = sum(
        kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds
    )
    if positional != 2 and Parameter.VAR_POSITIONAL not in kinds:  # noqa: PLR2004 - a pair
        name = getattr(function, "__name__", function)
        msg = (
            f"the reducer {name!r} takes {positional} positional arguments; "
            f"a reducer takes two, (value, update), and returns the new value"
        )
        raise ValueError(msg)


def _carried(function: object, name: str) -> Callable[..., Any] | None:
    """Return a function that a reducer carries as an attribute, or None."""
    carried = getattr(function, name, None)
    return carried if callable(carried) else None


def _overwritten(writes: Sequence[object]) -> object:
    """Return the value of the one `Overwrite` among the writes."""
    values = [write.value for write in writes if type(write) is Overwrite]
    if len(values) > 1:
        msg = "it takes one Overwrite in a superstep"
        raise TooManyWritesError(msg)
    return values[0]


def _overwrites(write: object) -> bool:
    """Tell whether a write is an `Overwrite`, or a dict that LangGraph would take for one."""
    if isinstance(write, dict):
        return _marks_overwrite(write)  # pyright: ignore[reportUnknownArgumentType] - of anything
    return isinstance(write, Overwrite)


def _marks_overwrite(value: dict[Any, Any]) -> bool:
    """Tell whether LangGraph would take a dict for an `Overwrite`; data must not be one."""
    return ("__overwrite__" in value and len(value) == 1) or value.get("type") == "__overwrite__"


def _factory(annotation: object) -> Callable[[], object] | None:
    """Return what makes the first value of a reduced key, or None if nothing can."""
    made: object = _CONCRETE.get(annotation, annotation)
    if not callable(made):
        return None
    factory = cast("Callable[[], object]", made)
    try:
        factory()
    except Exception:  # noqa: BLE001 - whatever the constructor raises, it is no start
        return None
    return factory


def _holds_something(first: object) -> bool:
    """Tell whether a first value is one that grows, and is not empty."""
    return isinstance(first, Collection) and len(cast("Collection[object]", first)) > 0


def _same_function(one: object, other: object) -> bool:
    """Compare functions; a lambda in a postponed annotation is made anew at each reading."""
    if one is other:
        return True
    code = getattr(one, "__code__", None)
    return (
        code is not None
        and code == getattr(other, "__code__", None)
        and getattr(one, "__closure__", None) is None
        and getattr(other, "__closure__", None) is None
    )


BaseChannel = Channel
BinaryOperatorAggregate = Reducer
EphemeralValue = Ephemeral
UntrackedValue = Untracked
