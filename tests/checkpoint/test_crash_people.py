"""A store may fail at any operation of a conversation with people: no answer is lost by it."""

import os
from collections.abc import Callable
from itertools import count, product
from random import Random
from typing import Final

import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.types import Durability
from tests.checkpoint.asked import Conversation
from tests.checkpoint.crash_store import EVERY, CrashStore, Fault, StoreCrash, When
from tests.drivers.backends import driver_named

DRIVERS: Final = ("threads", "asyncio", "trio", "simulated")
STORES: Final[dict[str, Callable[[], BaseCheckpointSaver]]] = {
    "memory": InMemorySaver,
    "sqlite": lambda: SqliteSaver(":memory:"),
}


WHENS: Final[tuple[When, ...]] = ("before", "after")
WAYS: Final = [*product(WHENS, (False, True))]
"""Whether it fails before or after it has done what it is asked for, and whether for good."""

STRIDE: Final = 1 if os.environ.get("GRAPHFLOW_TESTS") == "all" else 11
"""Which of the operations are tried, that the test is quick; 1 for all of them."""


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("make", [*STORES.values()], ids=[*STORES])
@pytest.mark.parametrize("name", DRIVERS)
def test_a_conversation_ends_as_if_its_store_had_not_failed(
    name: str, make: Callable[[], BaseCheckpointSaver], durability: Durability
) -> None:
    """Wherever that was: between question and answer, inside `once`, during an edit or a fork.

    `Conversation` sees to it that no answer is lost, nothing stored is done again, and the thread
    can be read after each failure.
    """
    driver = driver_named(name)
    expected = Conversation(driver, InMemorySaver(), "t", durability).go_through()
    inner = make()
    first = Random(f"{name} {durability} {type(inner).__name__}").randrange(STRIDE)
    for number in count(first, STRIDE):
        when, lasting = WAYS[number % len(WAYS)]
        store = CrashStore(inner, Fault(number + 1, EVERY, when, StoreCrash, lasting))
        talk = Conversation(driver, store, f"t{number}", durability)
        assert talk.go_through() == expected, store.fault
        if not store.failed:
            break
    inner.close()
