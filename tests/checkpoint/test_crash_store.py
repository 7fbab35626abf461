"""A store may fail at any operation: what was stored is kept, and the rest comes again, once."""

import operator
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphflow import START, StateGraph
from graphflow.checkpoint.base import RUN, BaseCheckpointSaver, Commit, Record
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import CheckpointConflict
from graphflow.testing.store_suite import check
from tests.checkpoint.crash_store import EVERY, READS, WRITES, CrashStore, Fault, StoreCrash
from tests.crash.played import Outcome, Plan, Played, plans
from tests.drivers.backends import Driver, driver_named

Graph: TypeAlias = Any
"""One of graphs of more than one state."""

DRIVERS: Final = ("threads", "asyncio", "trio", "simulated")
STORES: Final[dict[str, Callable[[], BaseCheckpointSaver]]] = {
    "memory": InMemorySaver,
    "sqlite": lambda: SqliteSaver(":memory:"),
}


def full() -> OSError:
    """Return what an operating system says."""
    return OSError(28, "No space left on device")


def conflict() -> CheckpointConflict:
    """Return what a store says that has tried a commit twice, and made it the first time."""
    return CheckpointConflict("t")


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
@given(
    plan=plans("sync", "async", "exit", alone=True),
    error=st.sampled_from((StoreCrash, full, conflict)),
)
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


# ------------------------------------------------------------------------- one fault at a time


class State(TypedDict, total=False):
    """A list that nodes append to."""

    log: Annotated[list[str], operator.add]


class BoomError(Exception):
    """What a node raises."""


def boom(state: State) -> State:
    """Fail."""
    raise BoomError


CONFIG: Final[Any] = {"configurable": {"thread_id": "t"}}


def one_node(store: BaseCheckpointSaver, node: Callable[[State], State]) -> Graph:
    """Return a graph of one node."""
    graph: Any = StateGraph(State).add_node("a", node).add_edge(START, "a")
    compiled: Graph = graph.compile(checkpointer=store)
    return compiled


@every_driver
@pytest.mark.parametrize("error", [StoreCrash, full])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_node_s_error_is_raised_though_it_could_not_be_stored(
    driver: Driver, error: Callable[[], Exception], durability: str
) -> None:
    """It says in a note that the thread does not know of it."""
    store = CrashStore(InMemorySaver(), Fault(2, WRITES, error=error))
    with pytest.raises(BoomError) as raised:
        driver.run(one_node(store, boom), {}, config=CONFIG, durability=durability)
    assert any("could not be stored" in note for note in raised.value.__notes__)
    assert store.failed


@every_driver
@every_store
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_barrier_that_could_not_be_stored_fails_the_run(
    driver: Driver, make: Callable[[], BaseCheckpointSaver], durability: str
) -> None:
    """A commit that nobody waited for is waited for before the run returns."""
    store = CrashStore(make(), Fault(2, WRITES))
    graph = one_node(store, lambda _: State(log=["a"]))
    with pytest.raises(StoreCrash):
        driver.run(graph, {}, config=CONFIG, durability=durability)
    assert graph.get_state(CONFIG).next == ("a",)
    assert driver.run(graph, cast("Any", None), config=CONFIG) == {"log": ["a"]}
    store.inner.close()


# -------------------------------------------------------------------------- the store itself


def commit(seq: int) -> Commit:
    """Return a commit of one record."""
    records = (Record(seq + 1, 1, RUN, b"data"),)
    return Commit("t", min(seq, 1), seq, 1, 1, b"token", 0, records)


def test_a_store_without_a_fault_does_what_the_other_does() -> None:
    """It passes the suite for stores."""
    check(lambda: CrashStore(InMemorySaver()))


def test_a_fault_before_changes_nothing() -> None:
    """The operation is not done."""
    store = CrashStore(InMemorySaver(), Fault(1, WRITES))
    with pytest.raises(StoreCrash):
        store.append(commit(0))
    assert store.inner.head("t") is None


def test_a_fault_after_loses_the_answer_only() -> None:
    """The operation is done."""
    store = CrashStore(InMemorySaver(), Fault(1, WRITES, "after"))
    with pytest.raises(StoreCrash):
        store.append(commit(0))
    assert store.inner.head("t") is not None


def test_only_the_operations_that_a_fault_names_count() -> None:
    """Others may come before, between and after."""
    store = CrashStore(InMemorySaver(), Fault(2, frozenset({"head"})))
    store.append(commit(0))
    assert store.head("t") is not None
    assert list(store.records("t"))
    with pytest.raises(StoreCrash):
        store.head("t")
    assert store.done == ["append", "head", "records", "head"]


@pytest.mark.parametrize("lasting", [True, False])
def test_a_fault_lasts_if_it_is_said_to(lasting: bool) -> None:  # noqa: FBT001 - a parameter
    """Whatever the operations after it are."""
    store = CrashStore(InMemorySaver(), Fault(1, READS, error=full, lasting=lasting))
    with pytest.raises(OSError, match="No space"):
        store.head("t")
    with pytest.raises(OSError, match="No space") if lasting else nullcontext():
        store.append(commit(0))


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_of_a_submitted_commit_comes_by_its_future(
    when: Literal["before", "after"], tmp_path: Path
) -> None:
    """As it does from a store that may wait; the commit is made, or not."""
    with SqliteSaver(tmp_path / "store.db", synchronous="full") as inner:
        future = CrashStore(inner, Fault(1, WRITES, when)).submit(commit(0))
        assert future is not None
        assert isinstance(future.exception(), StoreCrash)
        assert (inner.head("t") is None) == (when == "before")


def test_a_store_that_never_waits_raises_at_once() -> None:
    """It has no future for an error to come by."""
    store = CrashStore(InMemorySaver(), Fault(1, WRITES))
    assert not store.waits
    with pytest.raises(StoreCrash):
        store.submit(commit(0))
    assert store.submit(commit(0)) is None
