"""What is loaded is what ran: after every superstep of random runs, over reducers of every sort.

The runs are drawn as scripts of writes, to channels of every kind. Many reducers here depend on
dice, so a reader that called one again would give something else; some change their first
argument, which they must not, but which people's reducers do.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from graphflow import START, Command, Overwrite, StateGraph
from graphflow._core import manifest
from graphflow.channels import AnyValue, Ephemeral, Topic
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import InPlaceEditError
from graphflow.messages import REMOVE_ALL_MESSAGES, RemoveMessage, add_messages
from graphflow.types import Durability
from tests.checkpoint.values import EVERY_KIND, same

Graph: TypeAlias = CompiledStateGraph[Any, Any]
Write: TypeAlias = tuple[str, Any]
Reduce: TypeAlias = Callable[[Any, Any], Any]
Values: TypeAlias = dict[str, Any]

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
    items = [*left] if isinstance(left, (list, tuple)) else [left]
    made: Sequence[Any] = (items + right, tuple(items + right), right, None, {"items": right}, 7)
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
HASHABLE: Final = (None, True, False, 0, 1, 2, -1, 2**70, 1.5, 0.0, "", "a", b"b", (1, "c"), ())
items = st.sampled_from([value for value in EVERY_KIND if not isinstance(value, Overwrite)])
hashables = st.sampled_from(HASHABLE)
lists = st.lists(items, max_size=3)
dicts = st.dictionaries(st.sampled_from(("k", "l", 1, (2,))), items, max_size=3)
names = st.sampled_from("pqrs")
messages = st.builds(
    lambda name, text: {"role": "user", "content": text, "id": name}, names, st.text(max_size=3)
)


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
    "united": Kind(Annotated[dict[Any, Any], operator.or_], dicts),
    "set": Kind(Annotated[set[Any], operator.or_], st.sets(hashables, max_size=3)),
    "frozen": Kind(Annotated[frozenset[Any], operator.or_], st.frozensets(hashables, max_size=3)),
    "mixed": Kind(
        Annotated[set[Any], operator.or_],
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


# --------------------------------------------------------------------------------- the scripts


@dataclass(frozen=True)
class Part:
    """One run of a thread.

    Attributes:
        given: what the input writes.
        steps: for each superstep, what each of its nodes writes; the first one has `a` only.
        fails: the supersteps that fail once, after `a` has ended.
        durability: when they are stored.
        origin: which of the checkpoints there are it starts from, or None for the thread as it is.
    """

    given: Sequence[Write] = ()
    steps: Sequence[Mapping[str, Sequence[Write]]] = ()
    fails: frozenset[int] = frozenset()
    durability: Durability = "sync"
    origin: int | None = None


@dataclass(frozen=True)
class Script:
    """All runs of a thread, over channels of some kinds.

    Attributes:
        kinds: the channels.
        parts: the runs.
        segment: how many bytes the log grows before a snapshot.
        seed: what the dice are seeded with.
    """

    kinds: tuple[str, ...]
    parts: Sequence[Part]
    segment: int = 1
    seed: int = 0


def tidied(step: Mapping[str, Sequence[Write]]) -> dict[str, list[Write]]:
    """Return a superstep's writes without those that its channels would refuse."""
    taken, overwritten = set[str](), set[str]()
    tidy: dict[str, list[Write]] = {}
    for node, writes in sorted(step.items()):
        tidy[node] = []
        for key, value in writes:
            over = isinstance(value, Overwrite)
            if (KINDS[key].alone and key in taken) or (over and key in overwritten):
                continue
            taken.add(key)
            overwritten |= {key} if over else set()
            tidy[node].append((key, value))
    return tidy


@st.composite
def parts(draw: st.DrawFn, kinds: Sequence[str], durabilities: Sequence[Durability]) -> Part:
    """Draw one run."""
    keys = st.sampled_from(kinds)
    write = keys.flatmap(lambda key: st.tuples(st.just(key), KINDS[key].values))
    writes = st.lists(write, max_size=4)
    step = st.fixed_dictionaries({"a": writes}, optional={"b": writes, "c": writes}).map(tidied)
    steps = draw(st.lists(step, max_size=6))
    once = {key: (key, value) for key, value in tidied({"a": draw(writes)})["a"]}
    return Part(
        [*once.values()],
        steps,
        draw(st.frozensets(st.integers(1, 5), max_size=1)),
        draw(st.sampled_from(durabilities)),
        draw(st.none() | st.none() | st.integers(0, 50)),
    )


def scripts(*durabilities: Durability) -> st.SearchStrategy[Script]:
    """Draw a script whose runs are stored in one of these ways."""
    kinds = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True)
    return kinds.flatmap(
        lambda names: st.builds(
            Script,
            st.just(tuple(names)),
            st.lists(parts(names, durabilities), min_size=1, max_size=3),
            st.sampled_from((1, 1, 100, 1000, manifest.SEGMENT)),
            st.integers(0, 2**32),
        )
    )


# ------------------------------------------------------------------------------------ the runs


class BoomError(Exception):
    """What a superstep fails with."""


@dataclass(frozen=True)
class Seen:
    """A checkpoint as a run has shown it."""

    config: Any
    values: Values


THREAD: Final[Any] = {"configurable": {"thread_id": "t"}}


def graph_of(script: Script, saver: BaseCheckpointSaver) -> Graph:
    """Return a graph whose nodes write what the script says."""
    keys = {"part": int, "at": int, **{name: KINDS[name].annotation for name in script.kinds}}
    declare: Any = TypedDict  # its keys are known at run time only
    made = StateGraph[Any](declare("Scripted", keys, total=False))
    failed = set[tuple[int, int]]()
    for name in "abc":
        made.add_node(name, acting(script, name, failed))
    return made.add_edge(START, "a").compile(checkpointer=saver)


def acting(script: Script, name: str, failed: set[tuple[int, int]]) -> Callable[[Values], object]:
    """Return a node."""

    def act(state: Values) -> object:
        part, at = script.parts[state["part"]], state["at"]
        step = part.steps[at] if at < len(part.steps) else {}
        update = [(key, anew(value)) for key, value in step.get(name, ())]
        if name != "a":
            if at in part.fails and (state["part"], at) not in failed:
                failed.add((state["part"], at))
                raise BoomError
            return Command(update=update)
        following = part.steps[at + 1] if at + 1 < len(part.steps) else {}
        return Command(update=[*update, ("at", at + 1)], goto=[*following])

    return act


def anew(value: Any) -> Any:  # noqa: ANN401 - any written value
    """Return a copy of a written list or dict: a reducer may change it later."""
    if isinstance(value, Overwrite):
        return Overwrite(anew(value.value))
    return copy(value) if type(cast("object", value)) in {list, dict} else value


def play(graph: Graph, script: Script, look: Callable[[Seen], None]) -> list[Seen]:
    """Run a script; return the checkpoints that are stored, and show each to `look` at once."""
    DICE.seed(script.seed)
    seen: list[Seen] = []
    for number, part in enumerate(script.parts):
        origin = None if part.origin is None or not seen else seen[part.origin % len(seen)].config
        given: Any = {**dict(part.given), "part": number, "at": 0}
        last: Values = {}
        while True:
            try:
                for mode, chunk in graph.stream(
                    given,
                    origin or THREAD,
                    stream_mode=["values", "checkpoints"],
                    durability=part.durability,
                ):
                    if mode == "values":
                        last = deepcopy(chunk)
                    elif part.durability != "exit" and shows(script, chunk):
                        seen.append(Seen(chunk["config"], deepcopy(chunk["values"])))
                        look(seen[-1])
                break
            except BoomError:
                given, origin = None, None
        now = graph.get_state(THREAD)
        seen.append(Seen(now.config, last))
    return seen


def shows(script: Script, chunk: Mapping[str, Any]) -> bool:
    """Tell whether a chunk has the values as they were.

    An input's chunk is shown when the input is stored; a reducer may have changed the lists in it.
    """
    return chunk["metadata"]["source"] != "input" or not IN_PLACE.intersection(script.kinds)


@contextmanager
def segments_of(size: int) -> Iterator[None]:
    """Let the log grow by so many bytes before a snapshot is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "SEGMENT", size)
        yield


def check(graph: Graph, seen: Sequence[Seen]) -> None:
    """Read every checkpoint, alone and in the history, and compare it with what ran."""
    history = {str(each.config): each.values for each in graph.get_state_history(THREAD)}
    for each in seen:
        assert same(graph.get_state(each.config).values, each.values)
        assert same(history[str(each.config)], each.values)


# ----------------------------------------------------------------------------------- the tests


@settings(max_examples=60, deadline=None)
@given(script=scripts("sync"))
def test_a_superstep_is_read_as_it_ran_as_soon_as_it_is_shown(script: Script) -> None:
    """Each checkpoint that a run shows can be read at once, and later, with the same values."""
    with segments_of(script.segment):
        graph = graph_of(script, InMemorySaver())

        def look(seen: Seen) -> None:
            assert same(graph.get_state(seen.config).values, seen.values)

        check(graph, play(graph, script, look))


@settings(max_examples=60, deadline=None)
@given(script=scripts("sync", "async", "exit"))
def test_a_file_that_is_opened_anew_has_what_ran(script: Script) -> None:
    """Another graph object with another saver on the file reads what ran, however it was stored."""
    with TemporaryDirectory() as folder, segments_of(script.segment):
        path = Path(folder, "store.db")
        with SqliteSaver(path) as saver:
            seen = play(graph_of(script, saver), script, lambda _: None)
        with SqliteSaver(path) as saver:
            check(graph_of(script, saver), seen)


@settings(max_examples=30, deadline=None)
@given(script=scripts("sync", "exit"))
def test_reading_calls_no_reducer(script: Script) -> None:
    """What is stored is effects, so to read them takes no reducer, after a failure neither."""
    with segments_of(script.segment):
        graph = graph_of(script, InMemorySaver())
        seen = play(graph, script, lambda _: None)
        calls = len(CALLS)
        check(graph, seen)
        assert len(CALLS) == calls


class Edited(TypedDict, total=False):
    """A key whose reducer changes its first argument, and returns another list."""

    log: Annotated[list[str], lambda left, right: (left.extend(right), left[-2:])[1]]


def test_a_reducer_that_changes_one_list_and_returns_another_is_refused() -> None:
    """What was appended could not be told from what was there, so nothing is stored of it."""
    made = StateGraph[Any](Edited)
    made.add_node("a", lambda _: {"log": ["a"]})
    graph = made.add_edge(START, "a").compile(checkpointer=InMemorySaver())
    with pytest.raises(InPlaceEditError, match="'log' was changed in place by its reducer"):
        graph.invoke({"log": ["in"]}, THREAD)
    assert graph.get_state(THREAD).metadata is None


def segments(saver: BaseCheckpointSaver, key: str) -> list[int]:
    """Return into how many blobs each snapshot of a thread has put a key."""
    head = saver.head("t")
    assert head is not None
    found: list[int] = []
    upto = head.seq
    while snapshot := saver.snapshot("t", head.branch, upto):
        entries = manifest.read_manifest(Codec(), snapshot)
        found.insert(0, len(entries[key].blobs) if key in entries else 0)
        upto = snapshot.seq - 1
    return found


def test_short_segments_bring_snapshots_of_every_sort() -> None:
    """So the tests above meet lists in several parts, and lists that were written anew."""
    writes = [Overwrite(["x"]) if step == 3 else ["y"] for step in range(6)]
    steps = [{"a": [("added", write)]} for write in writes]
    script = Script(("added",), [Part(steps=steps)])
    saver = InMemorySaver()
    with segments_of(script.segment):
        graph = graph_of(script, saver)
        check(graph, play(graph, script, lambda _: None))
    found = segments(saver, "added")
    assert max(found) > 2
    assert any(later < earlier for earlier, later in pairwise(found))


def seeded() -> list[str]:
    """Return a first value that is not empty."""
    return ["first"]


def test_a_first_value_that_is_not_empty_is_read_as_it_was() -> None:
    """What a reducer starts from is part of the value, though the type's factory made it."""
    made = StateGraph[Any](Seeded)
    made.add_node("a", lambda _: {"added": ["a"], "trimmed": ["a"]})
    graph = made.add_edge(START, "a").compile(checkpointer=InMemorySaver())
    result = graph.invoke({"added": ["in"]}, THREAD)
    assert result == {"added": ["first", "in", "a"], "trimmed": ["first", "a"]}
    assert graph.get_state(THREAD).values == result


class Seeded(TypedDict, total=False):
    """Keys whose factory is a function."""

    added: Annotated[seeded, operator.add]  # type: ignore[valid-type]  # whatever can be called
    trimmed: Annotated[seeded, trimmed]  # type: ignore[valid-type]  # the same
