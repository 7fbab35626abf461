"""A store may fail at any operation: what was stored is kept, and the rest comes again, once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from tests.checkpoint.crash_store import EVERY, READS, WRITES, CrashStore, Fault, StoreCrash
from tests.crash.played import Outcome, Plan, Played, plans
from tests.drivers.backends import Driver, driver_named

DRIVERS: Final = ("threads", "asyncio", "trio", "simulated")
STORES: Final[dict[str, Callable[[], BaseCheckpointSaver]]] = {
    "memory": InMemorySaver,
    "sqlite": lambda: SqliteSaver(":memory:"),
}


def full() -> OSError:
    """Return what an operating system says."""
    return OSError(28, "No space left on device")


faults = st.builds(
    Fault,
    st.just(1),
    st.sampled_from((EVERY, WRITES, WRITES, READS)),
    st.sampled_from(("before", "after")),
    st.sampled_from((StoreCrash, full)),
    st.booleans(),
)

every_driver = pytest.mark.parametrize("driver", [*map(driver_named, DRIVERS)], ids=DRIVERS)
every_store = pytest.mark.parametrize("make", [*STORES.values()], ids=[*STORES])


def undisturbed(plan: Plan, driver: Driver) -> tuple[Outcome, Played]:
    """Go through a plan with a sound store; one that runs into the limit is not looked at."""
    played = Played(plan, driver, InMemorySaver(), "t")
    outcome = played.outcome()
    assume("GraphRecursionError" not in outcome.errors)
    return outcome, played


def crashed(
    plan: Plan, driver: Driver, make: Callable[[], BaseCheckpointSaver], fault: Fault
) -> Iterator[tuple[Outcome, Played]]:
    """Go through a plan with a store that fails at its first operation, its second, and so on."""
    inner = make()
    try:
        for at in count(1):
            store = CrashStore(inner, replace(fault, at=at))
            played = Played(plan, driver, store, f"t{at}")
            outcome = played.outcome()
            if not store.failed:
                return
            yield outcome, played
    finally:
        inner.close()


@every_store
@every_driver
@settings(max_examples=8, deadline=None)
@given(plan=plans("sync", "sync", "async", "exit"), fault=faults)
def test_a_thread_ends_as_if_its_store_had_not_failed(
    driver: Driver, make: Callable[[], BaseCheckpointSaver], plan: Plan, fault: Fault
) -> None:
    """Wherever the store fails: resumed, it has the same values, checkpoints and end.

    What was stored of its tasks has not run again: `Played` sees to that.
    """
    expected, _ = undisturbed(plan, driver)
    for outcome, _ in crashed(plan, driver, make, fault):
        assert outcome == expected


@every_store
@every_driver
@settings(max_examples=8, deadline=None)
@given(plan=plans("sync", "async", "exit", alone=True), error=st.sampled_from((StoreCrash, full)))
def test_a_lost_answer_is_a_success(
    driver: Driver,
    make: Callable[[], BaseCheckpointSaver],
    plan: Plan,
    error: Callable[[], Exception],
) -> None:
    """A commit that was made though the store raised: the run goes on, nothing is done twice."""
    expected, sound = undisturbed(plan, driver)
    for outcome, played in crashed(plan, driver, make, Fault(1, WRITES, "after", error)):
        assert outcome == expected
        assert played.attempts == sound.attempts
        assert sorted(played.ran.values()) == sorted(sound.ran.values())
