"""Threads with graphs inside graphs are edited and gone on from in graphflow as in LangGraph.

What LangGraph loses, or shows though it is gone, is a difference on purpose.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    FROM_X,
    LIVE,
    Own,
    around,
    inner,
    look_inside,
    show,
)
from tests.differential.nested_examples import deep, simple
from tests.differential.nested_people import asks_below, asks_inside
from tests.differential.pair import State
from tests.differential.people import answered, command
from tests.differential.threads import Make, Side, Talk, agree, kinds

FIRST: State = {"log": ["i"], "x": 1}
SECOND: State = {"log": ["j"], "x": 2}

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


def stops_inside(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a graph inside that stops before its last node."""
    child = inner(side, "s1", "s2", "s3").compile(interrupt_before=["s3"])
    return around(side, child)


def edited(talk: Talk, ns: str, values: object, as_node: str | None = None) -> None:
    """Edit the thread of a graph inside; tell where it is then."""
    talk.call("update_state", values, as_node, ns=ns)
    talk.state(ns=ns)
    talk.history(ns=ns)


# ------------------------------------------------------------------------------------------ editing


@kinds
@pytest.mark.parametrize("node", [None, "s1", "s2", "s3", "__end__"], ids=str)
def test_a_graph_inside_that_has_stopped_is_edited(node: str | None, kind: Kind) -> None:
    """Under its namespace; then it goes on from the edit."""
    values = None if node == "__end__" else {"log": ["u"]}

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        edited(talk, talk.inside("sub"), values, node)
        show(talk, None, *LIVE)
        talk.told.append(talk.now().values)

    agree(kind, stops_inside, script)


@kinds
@pytest.mark.parametrize("node", ["s", "a"])
def test_a_graph_inside_that_asks_is_edited(node: str, kind: Kind) -> None:
    """As a node before the one that asks, which asks again, or as that one, which is done then."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        edited(talk, talk.inside("sub"), {"log": ["u"]}, node)
        show(talk, None, "updates", "values")
        if talk.now().next:
            show(talk, command(talk, resume="A"), *LIVE)
        talk.told.append(talk.now().values)

    agree(kind, asks_inside, script)


@kinds
def test_a_graph_far_inside_is_edited(kind: Kind) -> None:
    """As one level down."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        edited(talk, talk.inside("sub", "mid", "low"), {"log": ["u"]}, "a")
        show(talk, None, "updates", "values")
        for _ in range(3):
            show(talk, answered(talk), "updates", "values")
        talk.told.append(talk.now().values)

    agree(kind, asks_below, script)


def test_an_edit_inside_as_no_node_of_it_is_an_error() -> None:
    """A node of the graph around it is none."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for node in ("p", "q", "nope"):
            talk.call("update_state", {"log": ["u"]}, node, ns=talk.inside("sub"))

    agree("sync", stops_inside, script)


@kinds
def test_the_node_that_a_graph_is_can_be_stood_for(kind: Kind) -> None:
    """The graph inside is not gone on with."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        talk.call("update_state", {"log": ["u"]}, "sub")
        talk.state()
        show(talk, None, *LIVE)
        look_inside(talk)

    agree(kind, stops_inside, script)


@kinds
@pytest.mark.parametrize("make", [stops_inside, asks_inside])
def test_an_edit_around_a_graph_that_waits_has_it_begin_anew(make: Make, kind: Kind) -> None:
    """As a node before it."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        talk.call("update_state", {"log": ["u"]}, "p")
        talk.state()
        show(talk, None, "updates", "values")
        show(talk, answered(talk), "updates", "values")
        talk.state()

    agree(kind, make, script)


@kinds
def test_several_edits_inside_are_made_at_once(kind: Kind) -> None:
    """One after the other."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        update = talk.lib.types.StateUpdate
        steps = [[update({"log": ["u"]}, "s1")], [update({"log": ["v"]}, "s2")]]
        talk.call("bulk_update_state", steps, ns=talk.inside("sub"))
        talk.history(ns=talk.inside("sub"))
        show(talk, None, *LIVE)

    agree(kind, stops_inside, script)


def remembers(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that remembers its runs."""
    child = inner(side, "s1", "s2", state=Own, **FROM_X).compile(checkpointer=True)
    return around(side, child)


@kinds
def test_a_memory_is_edited(kind: Kind) -> None:
    """Though its graph has ended; the next run goes on from that."""

    def script(talk: Talk) -> None:
        show(talk, FIRST, "updates")
        edited(talk, "sub", {"log": ["u"]}, "s2")
        show(talk, SECOND, *LIVE)

    agree(kind, remembers, script)


# -------------------------------------------------------------------------------------------- forks


@kinds
@pytest.mark.parametrize("make", [simple, stops_inside, asks_inside, deep])
def test_a_run_from_before_a_graph_inside_begins_it_anew(make: Make, kind: Kind) -> None:
    """In a branch, with a namespace of its own."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for _ in range(2):
            show(talk, answered(talk))
        for _ in range(2):
            past = talk.snapshots()
            at = next(at for at, one in enumerate(past) if one.next == ("sub",))
            show(talk, None, *LIVE, at=at)
            talk.state()
        show(talk, answered(talk), *LIVE)

    agree(kind, make, script)


@kinds
def test_a_run_from_behind_a_graph_inside_does_not_run_it(kind: Kind) -> None:
    """It is over there."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        at = next(at for at, one in enumerate(talk.snapshots()) if one.next == ("q",))
        show(talk, None, *LIVE, at=at)
        talk.history()

    agree(kind, simple, script)
