"""Channels of every sort, and what is written to them: for runs that are stored and read again.

Many reducers here depend on dice, so whoever called one again would get something else. Some change
their first argument, which they must not, but which people's reducers do.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Final, TypeAlias, cast

from hypothesis import strategies as st

from graphflow import Overwrite
from graphflow.channels import AnyValue, Ephemeral, Topic
from graphflow.messages import REMOVE_ALL_MESSAGES, RemoveMessage, add_messages
from tests.checkpoint.values import EVERY_KIND

Reduce: TypeAlias = Callable[[Any, Any], Any]

DICE: Final = Random()
"""What nondeterministic reducers throw; seeded anew for each run, so that a failure comes again."""

CALLS: Final[list[str]] = []
"""The reducers of this file that were called, in order."""


# -------------------------------------------------------------------------------- the reducers


def counted(reduce: Reduce) -> Reduce:
    """Return a reducer that leaves a trace of each call."""

    def counting(left: Any, right: Any) -> Any:  # noqa: ANN401 - values of the state
        CALLS.append(reduce.__name__)
        return reduce(left, right)

    counting.__name__ = reduce.__name__
    return counting


def shuffled(left: list[Any], right: list[Any]) -> list[Any]:
    """Return all items in any order."""
    items = [*left, *right]
    DICE.shuffle(items)
    return items


def merged(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the items of one list between those of the other, each in its own order."""
    one, other, items = [*left], [*right], list[Any]()
    while one or other:
        items.append((one if one and (not other or DICE.random() < 0.5) else other).pop(0))
    return items


def thinned(left: list[Any], right: list[Any]) -> list[Any]:
    """Return some of the items."""
    return [item for item in [*left, *right] if DICE.random() < 0.8]


def trimmed(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the last four items."""
    return [*left, *right][-4:]


def cut(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the items but for a stretch somewhere."""
    items = [*left, *right]
    start = DICE.randint(0, len(items))
    del items[start : start + DICE.randint(0, 2)]
    return items


def inserted(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the items, the new ones anywhere among the old ones."""
    place = DICE.randint(0, len(left))
    return [*left[:place], *right, *left[place:]]


def replaced(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the update."""
    return right


def deduped(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the items, each once; the old list itself, if there is nothing new."""
    fresh = [item for item in right if item not in left]
    return left + fresh if fresh else left


def extended_in_place(left: list[Any], right: list[Any]) -> list[Any]:
    """Change the old list and return it, as no reducer should."""
    left.extend(right)
    return left


def turned_in_place(left: list[Any], right: list[Any]) -> list[Any]:
    """Put the update where the first items were, and leave the old list as long as it was."""
    left[: len(right)] = right[: len(left)]
    return left


def put_in_place(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    """Change the old dict and return it."""
    left.update(right)
    return left


def turning(left: Any, right: list[Any]) -> Any:  # noqa: ANN401 - values of any type
    """Return a value of another type now and then."""
    kept: list[Any] = [*cast("Any", left)] if isinstance(left, (list, tuple)) else [left]
    items = kept + right
    made: tuple[Any, ...] = (items, tuple(items), right, None, {"items": right}, 7)
    return DICE.choice(made)


def picked(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    """Return all entries in any order; the value of one that both have is either's."""
    keys = list(dict.fromkeys([*left, *right]))
    DICE.shuffle(keys)
    both = [side for side in (left, right) if side]
    return {key: DICE.choice([side[key] for side in both if key in side]) for key in keys}


def some_of(left: set[Any], right: set[Any]) -> set[Any]:
    """Return a part of the union."""
    return {item for item in left | right if DICE.random() < 0.8}


# -------------------------------------------------------------------------------- the channels


@dataclass(frozen=True)
class Kind:
    """A sort of channel.

    Attributes:
        annotation: what the state class says.
        values: what is written.
        alone: whether it takes one write in a superstep.
    """

    annotation: Any
    values: st.SearchStrategy[Any]
    alone: bool = False


IN_PLACE: Final = frozenset({"extended_in_place", "turned_in_place", "put_in_place"})
CLEARED: Final = RemoveMessage(REMOVE_ALL_MESSAGES)
UNITE: Final = cast("Reduce", vars(operator)["or_"])  # typeshed says little of its operands


def message(name: str, text: str) -> dict[str, str]:
    """Return a message."""
    return {"role": "user", "content": text, "id": name}


HASHABLE: Final = (None, True, False, 0, 1, 2, -1, 2**70, 1.5, 0.0, "", "a", b"b", (1, "c"), ())
items = st.sampled_from([value for value in EVERY_KIND if not isinstance(value, Overwrite)])
hashables = st.sampled_from(HASHABLE)
lists = st.lists(items, max_size=3)
dicts = st.dictionaries(st.sampled_from(("k", "l", 1, (2,))), items, max_size=3)
names = st.sampled_from("pqrs")
messages = st.builds(message, names, st.text(max_size=3))


def reducing(kind: object, reduce: Reduce, values: st.SearchStrategy[Any] = lists) -> Kind:
    """Return the channel of a reducer, whose calls are counted."""
    return Kind(Annotated[cast("Any", kind), counted(reduce)], values)


def lone(values: st.SearchStrategy[Any] = items) -> st.SearchStrategy[Any]:
    """Draw a value, or an Overwrite with it."""
    return values | values.map(Overwrite)


KINDS: Final[Mapping[str, Kind]] = {
    "plain": Kind(Any, lone(), alone=True),
    "plain_list": Kind(list[Any], lone(lists), alone=True),
    "added": Kind(Annotated[list[Any], operator.add], lists),
    "joined": Kind(Annotated[str, operator.add], st.text(max_size=3)),
    "bytes": Kind(Annotated[bytes, operator.add], st.binary(max_size=3)),
    "tuple": Kind(Annotated[tuple[Any, ...], operator.add], lists.map(tuple)),
    "summed": Kind(Annotated[int, operator.add], st.integers(-3, 3) | st.booleans()),
    "float": Kind(Annotated[float, operator.add], st.floats() | st.integers(0, 3)),
    "united": Kind(Annotated[dict[Any, Any], UNITE], dicts),
    "set": Kind(Annotated[set[Any], UNITE], st.sets(hashables, max_size=3)),
    "frozen": Kind(Annotated[frozenset[Any], UNITE], st.frozensets(hashables, max_size=3)),
    "mixed": Kind(
        Annotated[set[Any], UNITE],
        st.sets(hashables, max_size=2) | st.frozensets(hashables, max_size=2),
    ),
    "unstarted": Kind(Annotated[Any, operator.add], lists),
    "shuffled": reducing(list, shuffled),
    "merged": reducing(list, merged),
    "thinned": reducing(list, thinned),
    "trimmed": reducing(list, trimmed),
    "cut": reducing(list, cut),
    "inserted": reducing(list, inserted),
    "replaced": reducing(list, replaced),
    "deduped": reducing(list, deduped, st.lists(hashables, max_size=3)),
    "extended_in_place": reducing(list, extended_in_place),
    "turned_in_place": reducing(list, turned_in_place),
    "put_in_place": reducing(dict, put_in_place, dicts),
    "turning": reducing(list, turning),
    "picked": reducing(dict, picked, dicts),
    "some_of": reducing(set, some_of, st.sets(hashables, max_size=3)),
    "messages": Kind(
        Annotated[list[Any], add_messages],
        st.lists(messages, max_size=3) | messages | st.text(max_size=3) | st.just(CLEARED),
    ),
    "topic": Kind(Annotated[list[Any], Topic(object, accumulate=True)], lists | items),
    "news": Kind(Annotated[list[Any], Topic(object)], lists | items),
    "ephemeral": Kind(Annotated[Any, Ephemeral], lone(), alone=True),
    "any": Kind(Annotated[Any, AnyValue], items),
}
