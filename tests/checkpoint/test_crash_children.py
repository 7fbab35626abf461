"""A store may fail at any operation of graphs inside graphs: they go on, and nothing is lost."""

import os
from itertools import count
from random import Random
from typing import Final

import pytest

from graphflow.checkpoint.memory import InMemorySaver
from graphflow.types import Durability
from tests.checkpoint.asked_again import Remembering
from tests.checkpoint.asked_inside import Nest
from tests.checkpoint.crash_store import EVERY, CrashStore, Fault, StoreCrash
from tests.checkpoint.test_crash_people import DRIVERS, STORES, WAYS
from tests.drivers.backends import driver_named

STRIDE: Final = 1 if os.environ.get("GRAPHFLOW_TESTS") == "all" else 17
"""Which of the operations are tried, that the test is quick; 1 for all of them."""


talks: Final = pytest.mark.parametrize("kind", [Nest, Remembering])


@talks
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", DRIVERS)
def test_a_conversation_inside_graphs(name: str, durability: Durability, kind: type[Nest]) -> None:
    """Goes through, with a store that does not fail; each node ends once."""
    talk = kind(driver_named(name), InMemorySaver(), "t", durability)
    talk.go_through()
    assert talk.crashes == 0


@talks
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("kept", STORES)
@pytest.mark.parametrize("name", DRIVERS)
def test_it_ends_as_if_its_store_had_not_failed(
    name: str, kept: str, durability: Durability, kind: type[Nest]
) -> None:
    """Wherever that was, at whatever level.

    They see to it that no answer is lost, that nothing stored is done again, and that the
    thread and its children can be read after each failure.
    """
    driver = driver_named(name)
    expected = kind(driver, InMemorySaver(), "t", durability).go_through()
    inner = STORES[kept]()
    first = Random(f"{name} {durability} {kept} {kind.__name__}").randrange(STRIDE)
    for number in count(first, STRIDE):
        when, lasting = WAYS[number % len(WAYS)]
        store = CrashStore(inner, Fault(number + 1, EVERY, when, StoreCrash, lasting))
        talk = kind(driver, store, f"t{number}", durability)
        assert talk.go_through() == expected, store.fault
        if not store.failed:
            break
    inner.close()
