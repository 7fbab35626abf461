"""What is stored of graphs inside graphs is in graphflow what it is in LangGraph.

Graphs that nodes call are looked at in streams only, but for those that LangGraph finds by looking
at the functions; where both differ on purpose, `test_migration_nested.py` says how.
"""

import gc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    LIVE,
    Inner,
    Innermost,
    around,
    by_kinds,
    calling,
    inner,
    look_inside,
    namespaces,
    show,
    telling,
    unplaced,
    wide_enough,
)
from tests.differential.nested_examples import NESTED, PARALLEL, deep, simple
from tests.differential.nested_people import calls_one
from tests.differential.pair import State, chain, fan
from tests.differential.threads import Make, Side, Talk, agree, failing, kinds

FIRST: State = {"log": ["i"], "x": 1}
SECOND: State = {"log": ["j"], "x": 2}

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


stored = by_kinds(
    {name: NESTED[name] for name in NESTED if name != "called_with_a_config"}, PARALLEL
)
"""Gives a test each graph, but the one whose checkpoints have the words of a call's config."""

FOUND: dict[str, Make] = {
    name: make for name, make in NESTED.items() if not name.startswith(("called", "watched"))
}
found = pytest.mark.parametrize("make", FOUND.values(), ids=FOUND)

# ---------------------------------------------------------------------------------- without a fault


CALLERS = ("n", "m", "c")
"""Nodes that call graphs: LangGraph looks at the functions to tell where those will be."""


@stored
def test_runs_on_a_thread_show_the_same(make: Make, kind: Kind) -> None:
    """Checkpoints of graphs inside included; None shows where the thread is."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, None):
            show(talk, given)
        talk.run(FIRST, "updates", "checkpoints", config=wide_enough(talk))
        talk.told = unplaced(talk.told, *CALLERS)

    agree(kind, make, script)


@found
def test_every_graph_inside_has_its_history(make: Make) -> None:
    """As it is, and under its namespace."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            show(talk, given)
            look_inside(talk)

    agree("async", make, script)


@kinds
def test_a_graph_that_is_called_has_its_history(kind: Kind) -> None:
    """Which LangGraph finds by looking at the function."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
        return calls_one(side, inner(side, "s1", "s2").compile())

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            show(talk, given)
            talk.history()
        talk.told = unplaced(talk.told, "n")

    agree(kind, make, script)


def test_a_history_inside_can_be_read_in_part() -> None:
    """By a limit, a filter, or up to a checkpoint; and each checkpoint by its id."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for ns in namespaces(talk):
            talk.history(ns=ns, limit=2)
            talk.history(ns=ns, wanted={"source": "input"})
            talk.history(ns=ns, wanted={"step": 1})
            talk.history(ns=ns, before=1)
            for at in range(len(talk.snapshots(ns))):
                talk.state(at, ns=ns)

    agree("sync", deep, script)


def test_a_namespace_that_nothing_ran_in_is_empty() -> None:
    """And no error."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for ns in ("sub:0", "nope", "sub:0|low:1"):
            talk.history(ns=ns)

    agree("sync", simple, script)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", ["simple", "deep", "narrow", "rounds"])
def test_every_durability_stores_the_same(name: str, durability: str) -> None:
    """At the end of a run nothing of graphs inside that have ended."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            talk.forget()
            show(talk, given, *LIVE, durability=durability)
            talk.forget()
            look_inside(talk)

    agree("async", NESTED[name], script)


# --------------------------------------------------------------------------------------- subgraphs


@pytest.mark.parametrize("name", [*FOUND])
def test_the_graphs_inside_are_listed(name: str) -> None:
    """Those of a level, or all."""

    def script(talk: Talk) -> None:
        asked: list[dict[str, Any]] = [
            {},
            {"recurse": True},
            {"namespace": "sub"},
            {"namespace": "nope"},
            {"namespace": "sub", "recurse": True},
        ]
        for each in asked:
            found = talk.graph.get_subgraphs(**each)
            talk.told.append([name for name, _ in found])

    agree("sync", NESTED[name], script)


# ----------------------------------------------------------------------------------------- failures


def fails_inside(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with a node that fails twice."""
    nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1, 2)), "t": telling(side, "t")}
    return around(side, chain(side.lib, Inner, options=None, **nodes).compile())


def fails_below(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside a graph inside, with a node that fails twice."""
    nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1, 2))}
    low = chain(side.lib, Inner, options=None, **nodes).compile()
    nodes = {"m": telling(side, "m"), "low": low}
    return around(side, chain(side.lib, Innermost, options=None, **nodes).compile())


def fails_beside(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside in which a node fails once behind one that has ended."""
    nodes = {"a": telling(side, "a"), "m": side.node(failing("m", 1, 2))}
    builder = fan(side.lib, Inner, **nodes).add_node("t", telling(side, "t"))
    return around(side, builder.add_edge(["a", "m"], "t").compile())


def fails_called(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph in which a node fails twice."""
    nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1, 2))}
    return calls_one(side, chain(side.lib, Inner, options=None, **nodes).compile())


def fails_after(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that fails once after it has called a graph twice."""
    child = inner(side, "s1", "s2").compile()
    act: Any = calling(side, child, child)
    fail = failing("n", 1)

    def fails(state: object) -> object:
        found = act(state)
        fail(state)
        return found

    async def fails_async(state: object) -> object:
        found = await act(state)
        fail(state)
        return found

    return chain(side.lib, n=fails if side.kind == "sync" else fails_async)


FAILURES: Mapping[str, Make] = {
    make.__name__: make for make in (fails_inside, fails_below, fails_called)
}
failures = pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)


@kinds
@failures
def test_a_failed_graph_inside_goes_on_where_it_failed(make: Make, kind: Kind) -> None:
    """What had been done is not done again; the state tells of it at every level."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, None):
            show(talk, given)
            look_inside(talk)
        talk.told = unplaced(talk.told, "n")

    agree(kind, make, script)


def test_siblings_inside_that_had_ended_are_not_run_again() -> None:
    """They are shown as cached."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None):
            show(talk, given)
            look_inside(talk)

    agree("async", fails_beside, script)


@kinds
@failures
def test_a_new_input_after_a_failure_inside_begins_anew(make: Make, kind: Kind) -> None:
    """Nothing inside is gone on with."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, SECOND):
            show(talk, given)
            look_inside(talk)
        talk.told = unplaced(talk.told, "n")

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", ["fails_inside", "fails_below"])
def test_a_failure_inside_is_stored_however_durable(name: str, durability: str, kind: Kind) -> None:
    """With the checkpoints around it by their ids, also of those that are stored later."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None):
            talk.forget()
            show(talk, given, *LIVE, durability=durability)
            talk.forget()
            look_inside(talk)

    agree(kind, FAILURES[name], script)


@kinds
def test_a_graph_that_had_ended_in_a_failed_node_is_not_run_again(kind: Kind) -> None:
    """The node is; it is told what came out before."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None):
            show(talk, given, "updates", "values", "custom")
        talk.state()

    agree(kind, fails_after, script)


@kinds
def test_a_limit_reached_inside_is_gone_on_from(kind: Kind) -> None:
    """With a fresh count."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        return around(side, inner(side, *"abcdef").compile())

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, None):
            show(talk, given, config={"recursion_limit": 3})
            talk.state(subgraphs=True)

    agree(kind, make, script)
