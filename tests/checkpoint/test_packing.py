"""What is written out for speed packs and commits what the plain way does, whatever has run."""

import operator
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Annotated, Any, TypedDict, cast

import pytest
from hypothesis import example, given, settings
from typing_extensions import override

from graphflow import START, Command, Send, StateGraph
from graphflow._core.manifest import Manifest
from graphflow._core.packing import Packing
from graphflow.channels import Untracked
from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.types import Durability
from tests.checkpoint.scripts import THREAD, Part, Script, graph_of, play, scripts
from tests.checkpoint.test_replay import segments_of

LONE = Script(("added",), [Part(steps=[{"a": [("added", ["x"])]}] * 3)])
SENT_TWICE = Script(
    ("added", "plain"),
    [Part(steps=[{}, {"a": [("added", [1]), ("added", [2]), ("plain", 3)], "b": [("added", [])]}])],
)


@contextmanager
def both_ways() -> Generator[list[bytes]]:
    """Let each barrier be packed by `note` and by `note_any`, which must agree in all they do."""
    note, packed = Packing.note, list[bytes]()

    def noted_twice(log: Packing, *found: Any) -> None:  # noqa: ANN401 - the arguments of both
        clock, before = log.clock, dict(log.manifest.touched)
        note(log, *found)
        packed.append(log.noted())
        touched, log.manifest.touched = log.manifest.touched, before
        log.clock = lambda: log.time
        log.note_any(*found)
        log.clock = clock
        assert log.manifest.touched == touched
        assert log.noted() == packed[-1]
        log.note_any(*found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Packing, "note", noted_twice)
        yield packed


@settings(max_examples=60, deadline=None)
@example(LONE)
@example(SENT_TWICE)
@given(script=scripts("sync", "exit"))
def test_a_barrier_is_packed_as_in_the_plain_way(script: Script) -> None:
    """The bytes are the same, and so is what is noted for the next snapshot."""
    with segments_of(script.segment), both_ways() as packed:
        play(graph_of(script, InMemorySaver()), script, lambda _: None)
    assert packed


class Log(TypedDict):
    """What the nodes of the graph below write."""

    log: Annotated[list[str], operator.add]


def says(name: str) -> Callable[[Log], dict[str, list[str]]]:
    """Return a node that writes its name."""
    return lambda _: {"log": [name]}


def leads_on(_: Log) -> list[Any]:
    """Answer with a Send that brings what msgpack has not itself, and with a deferred node."""
    return [Send("sent", {"log": [(1,)]}), "last"]


def test_sends_joins_and_deferred_nodes_are_packed_as_in_the_plain_way() -> None:
    """What is due is told by few barriers, in four places more."""
    builder = StateGraph(Log)
    for name in ("quick", "slow", "slower", "sent", "joined"):
        builder.add_node(name, says(name))
    builder.add_node("last", says("last"), defer=True)
    builder.add_edge(START, "quick").add_edge(START, "slow").add_edge("slow", "slower")
    builder.add_conditional_edges("quick", leads_on)
    graph = builder.add_edge(["quick", "slower"], "joined").compile(checkpointer=InMemorySaver())
    with both_ways() as packed:
        said = graph.invoke({"log": []}, THREAD)["log"]
    assert said == ["quick", "slow", "slower", "sent", "joined", "last"]
    assert len(packed) == 5


class Listener(InMemorySaver):
    """Notes what is committed, in plain data."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.commits: list[object] = []

    @override
    def append(self, commit: Commit, /) -> None:
        super().append(commit)
        self.commits.append(plain(commit))


def plain(value: object) -> object:
    """Return a record as a dict of its fields, and a sequence as a list."""
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in cast("Sequence[object]", value)]
    names: tuple[str, ...] = getattr(value, "__slots__", ())
    return {name: plain(getattr(value, name)) for name in names} if names else value


def commits_of(script: Script) -> list[object]:
    """Return what a script commits, where neither time nor chance has a part in it."""
    saver, ticks, ids = Listener(), count(1), count(1)
    with pytest.MonkeyPatch.context() as patch, segments_of(script.segment):
        for module in ("persistence", "_runs"):
            patch.setattr(f"graphflow.{module}.now", lambda: next(ticks))
            patch.setattr(f"graphflow.{module}.random_id", lambda: f"{2 * next(ids):08x}{0:024x}")
        play(graph_of(script, saver), script, lambda _: None)
    return saver.commits


GROW = Manifest.grow


def grown(manifest: Manifest, size: int) -> bool:
    """Note a barrier, and let it go the plain way."""
    GROW(manifest, size)
    return True


def alone(script: Script) -> Script:
    """Return a script in which no two nodes run at once: which ends first is for threads to say."""
    parts = [
        replace(part, steps=[{"a": step["a"]} for step in part.steps]) for part in script.parts
    ]
    return replace(script, parts=parts)


@settings(max_examples=40, deadline=None)
@example(LONE)
@given(script=scripts("sync", "async").map(alone))
def test_a_barrier_is_committed_as_in_the_plain_way(script: Script) -> None:
    """Nothing differs if each goes the way of one with which a snapshot is due."""
    usual = commits_of(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "grow", grown)
        assert commits_of(script) == usual


class Secretive(TypedDict):
    """A key that is kept, and one that no checkpoint keeps."""

    kept: int
    secret: Annotated[str, Untracked]


def counts(state: Secretive) -> dict[str, int]:
    """Tell of a secret no more than its length."""
    return {"kept": len(state["secret"])}


@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_what_a_command_writes_to_an_untracked_key_is_not_stored(durability: Durability) -> None:
    """The thread can be read afterwards, and does not have it."""
    saver = InMemorySaver()
    builder = StateGraph(Secretive).add_node("a", counts).add_edge(START, "a")
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"secret": "open"}, THREAD, durability=durability)
    told = Command[Any](update={"secret": "sesame", "kept": 0}, goto="a")
    graph.invoke(told, THREAD, durability=durability)
    assert graph.get_state(THREAD).values == {"kept": 6}
    assert not any(b"sesame" in entry.data for entry in saver.records("t"))
