"""What is loaded is what ran: after every superstep of random runs, over reducers of every sort."""

import operator
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from typing_extensions import TypedDict

from graphflow import START, Overwrite, StateGraph
from graphflow._core import manifest
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import InPlaceEditError
from tests.checkpoint.reducers import CALLS, trimmed
from tests.checkpoint.scripts import THREAD, Graph, Part, Script, Seen, graph_of, play, scripts
from tests.checkpoint.values import same


@contextmanager
def segments_of(size: int) -> Generator[None]:
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


def extended_and_cut(left: list[str], right: list[str]) -> list[str]:
    """Change the old list, and return another one."""
    left.extend(right)
    return left[-2:]


class Edited(TypedDict, total=False):
    """A key with that reducer."""

    log: Annotated[list[str], extended_and_cut]


def writes_a(state: object) -> dict[str, list[str]]:
    """Write to the log."""
    return {"log": ["a"]}


def test_a_reducer_that_changes_one_list_and_returns_another_is_refused() -> None:
    """What was appended could not be told from what was there, so nothing is stored of it."""
    made = StateGraph[Any](Edited)
    made.add_node("a", writes_a)
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


class Seeded(TypedDict, total=False):
    """Keys whose factory is a function."""

    added: Annotated[seeded, operator.add]  # type: ignore[valid-type]  # whatever can be called
    trimmed: Annotated[seeded, trimmed]  # type: ignore[valid-type]  # the same


def writes_both(state: object) -> dict[str, list[str]]:
    """Write to both keys."""
    return {"added": ["a"], "trimmed": ["a"]}


def test_a_first_value_that_is_not_empty_is_read_as_it_was() -> None:
    """What a reducer starts from is part of the value, though the type's factory made it."""
    made = StateGraph[Any](Seeded)
    made.add_node("a", writes_both)
    graph = made.add_edge(START, "a").compile(checkpointer=InMemorySaver())
    result = graph.invoke({"added": ["in"]}, THREAD)
    assert result == {"added": ["first", "in", "a"], "trimmed": ["first", "a"]}
    assert graph.get_state(THREAD).values == result
