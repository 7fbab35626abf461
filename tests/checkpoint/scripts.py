"""Random threads as scripts: what each task of each superstep writes, and which superstep fails.

The graph that plays a script is always the same: `a` runs in every superstep, and says which of
`b` and `c` run beside it in the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from hypothesis import strategies as st
from typing_extensions import TypedDict

from graphflow import START, Command, Overwrite, StateGraph
from graphflow._core import manifest
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.types import Durability
from tests.checkpoint.reducers import DICE, IN_PLACE, KINDS

Graph: TypeAlias = CompiledStateGraph[Any, Any]
Write: TypeAlias = tuple[str, Any]
Values: TypeAlias = dict[str, Any]


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

    def step(self, at: int) -> Mapping[str, Sequence[Write]]:
        """Return what the nodes of a superstep write; nothing, after the last one."""
        return self.steps[at] if at < len(self.steps) else dict[str, Sequence[Write]]()


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
        number: int = state["part"]
        at: int = state["at"]
        part = script.parts[number]
        step = part.step(at)
        update = [(key, anew(value)) for key, value in step.get(name, ())]
        if name != "a":
            if at in part.fails and (number, at) not in failed:
                failed.add((number, at))
                raise BoomError
            return Command(update=update)
        return Command(update=[*update, ("at", at + 1)], goto=[*part.step(at + 1)])

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
