"""Graphs inside graphs ask, and take answers, in graphflow as in LangGraph.

All that wait are answered at once, and a plain answer is never followed by None, for what comes
then is a difference on purpose: `test_migration_nested.py`.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    ALL,
    LIVE,
    Inner,
    around,
    fresh,
    inner,
    look_inside,
    show,
    telling,
    unplaced,
)
from tests.differential.nested_people import (
    as_nodes,
    asks_by_turns,
    asks_inside,
    asks_twice,
    calls_one,
    either_way,
    several_ask,
)
from tests.differential.pair import State, chain
from tests.differential.people import answered, asking, command
from tests.differential.threads import Make, Side, Talk, agree, kinds

FIRST: State = {"log": ["i"], "x": 1}

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


CALLERS = ("n", "c")
"""Nodes that call graphs: LangGraph looks at the functions to tell where those will be."""

modes = pytest.mark.parametrize("mode", [*((mode,) for mode in ALL), ALL], ids="-".join)
"""Gives a test each mode, then all at once."""


@modes
@either_way
def test_every_mode_shows_questions_inside(make: Make, kind: Kind, mode: tuple[str, ...]) -> None:
    """At every level, the inner one first; None asks again, and answers go on inside."""

    def script(talk: Talk) -> None:
        show(talk, FIRST, *mode)
        show(talk, None, *mode)
        for _ in range(4):
            show(talk, answered(talk), *mode)
        talk.told = unplaced(talk.told, *CALLERS)

    agree(kind, make, script)


@either_way
def test_without_subgraphs_only_the_outer_question_is_shown(make: Make, kind: Kind) -> None:
    """With the id that it has inside."""

    def script(talk: Talk) -> None:
        show(talk, FIRST, "updates", subgraphs=False)
        for _ in range(4):
            show(talk, answered(talk), subgraphs=False)
            talk.state()
        talk.told = unplaced(talk.told, *CALLERS)

    agree(kind, make, script)


@either_way
def test_invoke_returns_questions_inside(make: Make, kind: Kind) -> None:
    """Beside the values, as those of its own nodes."""

    def script(talk: Talk) -> None:
        talk.call("invoke", FIRST)
        for _ in range(4):
            talk.call("invoke", answered(talk))

    agree(kind, make, script)


@as_nodes
def test_the_thread_shows_graphs_inside_that_wait(make: Make, kind: Kind) -> None:
    """And those that have ended, with their own histories."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        look_inside(talk)
        for _ in range(4):
            show(talk, answered(talk))
            look_inside(talk)

    agree(kind, make, script)


@either_way
def test_a_plain_answer_finds_the_one_question_that_waits(make: Make, kind: Kind) -> None:
    """However deep."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for _ in range(4):
            if len(talk.now().interrupts) > 1:
                break
            show(talk, command(talk, resume="yes"))
            talk.state()
        talk.told = unplaced(talk.told, *CALLERS)

    agree(kind, make, script)


@kinds
def test_a_graph_that_asks_each_time_is_told_to_stop(kind: Kind) -> None:
    """Each time is a run of its own, with a history of its own."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for answer in ("on", "stop"):
            show(talk, command(talk, resume=answer))
        look_inside(talk)

    agree(kind, asks_by_turns, script)


@as_nodes
def test_a_new_input_begins_anew(make: Make, kind: Kind) -> None:
    """The graph inside, too."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        show(talk, {"log": ["j"], "x": 2})
        look_inside(talk)
        for _ in range(4):
            show(talk, answered(talk))
        talk.state()

    agree(kind, make, script)


@as_nodes
def test_an_answer_with_an_update_writes_around_what_waits(make: Make, kind: Kind) -> None:
    """The graph inside goes on with what it had."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        waiting = {each.id: "b" for each in talk.now().interrupts}
        show(talk, command(talk, resume=waiting, update={"log": ["u"], "x": 7}), *LIVE)
        talk.told.append(talk.now().values)

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("answer", [0, False, "", [], {"k": 1}], ids=repr)
def test_an_answer_can_be_anything(kind: Kind, answer: object) -> None:
    """As outside."""

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        for _ in range(3):
            show(talk, command(talk, resume=answer))
            talk.state()

    agree(kind, asks_twice, script)


def test_without_a_checkpointer_it_only_asks() -> None:
    """There is no thread to go on with."""

    def script(talk: Talk) -> None:
        fresh(talk, asks_inside)
        found = talk.graph.invoke(FIRST, {"max_concurrency": 1})
        talk.told.append([each.value for each in found["__interrupt__"]])

    agree("sync", asks_inside, script)


def test_several_can_ask_in_one_graph_inside() -> None:
    """The node that it is has all questions; in LangGraph in any order."""

    def script(talk: Talk) -> None:
        talk.call("invoke", FIRST)
        talk.told.clear()
        state = talk.now(subgraphs=True)
        for tasks in (state.tasks, state.tasks[0].state.tasks):
            asked = [sorted(each.value for each in task.interrupts) for task in tasks]
            talk.told.append([(task.name, each) for task, each in zip(tasks, asked, strict=True)])
        show(talk, talk.answers(**{"a?": "A", "b?": "B"}), "updates", "values")
        talk.state(subgraphs=True)

    agree("async", several_ask, script)


@kinds
def test_a_call_that_names_the_thread_is_a_run_of_its_own(kind: Kind) -> None:
    """The run's own thread, too: nothing of it is shown or stored, and what it asks is returned."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        named: dict[str, Any] = {"configurable": {"thread_id": "t"}}
        child = chain(side.lib, Inner, s=telling(side, "s"), a=asking(side, "a", "a?")).compile()

        def act(state: object) -> Inner:
            return {"log": [*child.invoke({"log": []}, named)]}

        async def act_async(state: object) -> Inner:
            return {"log": [*await child.ainvoke({"log": []}, named)]}

        return chain(side.lib, n=act if side.kind == "sync" else act_async)

    def script(talk: Talk) -> None:
        show(talk, FIRST, *LIVE)
        talk.state()
        talk.told = unplaced(talk.told, "n")

    agree(kind, make, script)


# ------------------------------------------------------------------------------------------- stops

STOPS: dict[str, dict[str, Any]] = {
    "before": {"interrupt_before": ["s2"]},
    "after": {"interrupt_after": ["s1"]},
    "before all": {"interrupt_before": "*"},
    "after all": {"interrupt_after": "*"},
}
stops = pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)


@kinds
@stops
def test_a_graph_inside_has_stops_of_its_own(kind: Kind, stop: dict[str, Any]) -> None:
    """The graph around it waits with it."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        return around(side, inner(side, "s1", "s2").compile(**stop))

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        look_inside(talk)
        for _ in range(3):
            show(talk, None)
            talk.state(subgraphs=True)
        talk.call("invoke", FIRST)

    agree(kind, make, script)


@kinds
@stops
def test_a_graph_that_is_called_has_stops_of_its_own(kind: Kind, stop: dict[str, Any]) -> None:
    """The node that calls it is run again."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        return calls_one(side, inner(side, "s1", "s2").compile(**stop))

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        talk.state(subgraphs=True)
        for _ in range(3):
            show(talk, None)
            talk.state(subgraphs=True)
        talk.told = unplaced(talk.told, *CALLERS)

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("names", [["p"], ["sub"], "*"], ids=str)
def test_the_stops_of_a_call_are_for_the_outermost_graph(kind: Kind, names: Any) -> None:  # noqa: ANN401 - a list or "*"
    """All its nodes are no nodes inside."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        return around(side, inner(side, "s1", "s2").compile())

    def script(talk: Talk) -> None:
        show(talk, FIRST, interrupt_before=names)
        look_inside(talk)
        for _ in range(3):
            show(talk, None, interrupt_before=names)

    agree(kind, make, script)


@kinds
def test_an_answer_passes_a_stop_inside(kind: Kind) -> None:
    """As it does outside."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        return around(side, inner(side, "s1", "s2").compile(interrupt_before=["s2"]))

    def script(talk: Talk) -> None:
        show(talk, FIRST)
        show(talk, command(talk, resume="x"))
        look_inside(talk)

    agree(kind, make, script)
