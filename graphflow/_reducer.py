"""The channel of a key that is annotated with a function of two arguments: a reducer.

`+` and `|` are known: what they do to lists, dicts and sets is done in less time, and told to
checkpoints in fewer bytes.
"""

import collections.abc
import operator
from collections.abc import Callable, Collection, Sequence
from inspect import Parameter, signature
from typing import Any, Final, TypeAlias, cast

from graphflow import _change
from graphflow._change import EXTENDED, Change
from graphflow._channel import MISSING, Channel, Origin, overwritten
from graphflow.errors import InvalidUpdateError
from graphflow.types import Overwrite


# `a + b` of two exact lists is a fresh list that nobody else holds, so the second and later
# writes of one superstep may extend it: a fan-out of n appends in O(n), not O(n * n).
def _extend(owned: Any, more: Any) -> Any:  # noqa: ANN401 - two lists
    owned += more
    return owned


def _unite(owned: Any, more: Any) -> Any:  # noqa: ANN401 - two dicts or sets
    owned |= more
    return owned


InPlace: TypeAlias = tuple[Callable[[Any, Any], Any] | None, frozenset[object]]

_ADD = cast("object", operator.add)
_OR = cast("object", vars(operator)["or_"])  # typeshed leaves the types of its operands open
_IN_PLACE: Final[tuple[tuple[object, InPlace], ...]] = (
    (_ADD, (_extend, frozenset((list,)))),
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
                return overwritten(writes)
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
        if self.operator is _ADD:
            if len(writes) == 1 and type(old) is _LIST and type(writes[0]) is _LIST:
                return EXTENDED  # what nearly every superstep does
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
