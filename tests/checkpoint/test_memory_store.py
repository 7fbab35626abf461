"""The store in memory."""

import gc
import tracemalloc
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from graphflow.checkpoint.base import (
    Branch,
    Record,
    Snapshot,
)
from graphflow.checkpoint.memory import InMemorySaver, MemorySaver
from graphflow.testing._line import Line
from graphflow.testing.store_suite import StoreSuite


class TestInMemorySaver(StoreSuite):
    """The store in memory passes the suite."""

    @override
    def make(self) -> InMemorySaver:
        return InMemorySaver()


class Blob(bytes):
    """Bytes that tell when they are gone."""

    gone: ClassVar[int] = 0

    def __del__(self) -> None:
        """Count."""
        Blob.gone += 1


class Seen(Record):
    """A record that counts how often anybody looks at the number of one."""

    looks: ClassVar[int] = 0

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever the field is
        """Count, and do what any object does."""
        if name == "seq":
            Seen.looks += 1
        return super().__getattribute__(name)


def test_memory_saver_is_another_name() -> None:
    """`MemorySaver` is LangGraph's older name for the same class."""
    assert MemorySaver is InMemorySaver


def test_memory_never_waits() -> None:
    """A submitted commit is made at once, and the store says that it may be called on a loop."""
    store = InMemorySaver()
    assert not store.waits
    assert store.submit(Line(store).commit(b"one")) is None


def test_memory_keeps_records_as_given() -> None:
    """A record is kept, not copied."""
    store = InMemorySaver()
    commit = Line(store).write(b"one")
    assert [*store.records("a thread")] == [*commit.records]


def test_memory_takes_little_beside_the_bytes() -> None:
    """A record takes under 500 bytes beside its data."""
    store, count = InMemorySaver(), 2_000
    line = Line(store)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            line.write(bytes(265))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken / count < 265 + 500


@pytest.mark.parametrize("branch", [None, 1])
def test_memory_looks_at_few_records(branch: int | None) -> None:
    """Ten records of 100,000 are found by halving, not by looking at all."""
    store = InMemorySaver()
    records = [Seen(number, 1, 3, b"") for number in range(1, 100_001)]
    store.append(replace(Line(store).commit(), records=records))
    Seen.looks = 0
    found = [*store.records("a thread", branch=branch, after=70_000, upto=70_010)]
    looks = Seen.looks
    assert [record.seq for record in found] == [*range(70_001, 70_011)]
    assert looks < 50


def test_memory_frees_blobs_that_are_pruned() -> None:
    """A blob that `prune` forgets is gone from memory."""
    store = InMemorySaver()
    line = Line(store)
    line.write(b"1", branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, Blob(b"x"))])
    line.write(b"2", snapshot=Snapshot(1, 2, b"", ()))
    gone = Blob.gone
    store.prune("a thread", 1, 2)
    gc.collect()
    assert Blob.gone == gone + 1
