"""The core by hand: effects come out, a test puts answers in, without loop, thread or clock."""

from itertools import permutations
from typing import Annotated, TypedDict

import pytest

from graphflow import END, START, Command, GraphRecursionError, Send, StateGraph
from graphflow._core.commit import commit
from graphflow._core.effects import Cancel, Compute, Next, Start
from graphflow._core.ids import task_id
from graphflow._core.plan import start_order
from graphflow._core.state import Event, Failed, RunState, Succeeded, Task, Written
from graphflow._core.superstep import supersteps
from graphflow.errors import EmptyInputError, InvalidUpdateError
from tests.script import Script, a_run, begin, names, outcome, play, values
from tests.small import State, builder, gives, logs

# ------------------------------------------------------------------------------------- effects


def test_a_lone_task_is_computed() -> None:
    """No crew is needed for it."""
    script = begin(builder("a"), {}, "updates")
    task = script.now(Compute).task
    script.answer(outcome(task))
    assert (names([task]), script.emitted, script.effect) == (["a"], [{"a": {"log": ["a"]}}], None)


def test_a_lone_task_is_started_where_it_may_write() -> None:
    """What it writes must be seen while it runs."""
    script = begin(builder("a"), {}, "custom")
    assert names(script.now(Start).tasks) == ["a"]


def test_what_a_task_writes_is_emitted_while_it_runs() -> None:
    """Before its end."""
    script = begin(builder("a"), {}, "custom")
    (task,) = script.now(Start).tasks
    script.answer().answer([Written(task, "one")])
    assert script.emitted == ["one"]
    script.now(Next)


def test_several_tasks_are_started_together() -> None:
    """By name; then the program waits."""
    script = begin(builder("c", "a").add_edge(START, "a"), {}, "updates")
    assert names(script.now(Start).tasks) == ["a", "c"]
    assert script.answer().now(Next).wanted == 1


def test_without_a_live_mode_all_ends_are_waited_for_at_once() -> None:
    """Nothing could be shown before."""
    script = begin(builder("c", "a").add_edge(START, "a"), {}, "values")
    assert script.answer().now(Next).wanted == 2


def test_several_modes_tag_their_chunks() -> None:
    """With the mode's name; values come after the updates of their superstep."""
    script = begin(builder("a"), {"x": 1}, "values", "updates")
    play(script)
    assert script.emitted == [
        ("values", {"log": [], "x": 1}),
        ("updates", {"a": {"log": ["a"]}}),
        ("values", {"log": ["a"], "x": 1}),
    ]


def test_a_superstep_that_writes_no_shown_key_gives_no_values() -> None:
    """The state as the caller sees it is the same."""
    script = begin(builder("a"), {"x": 1}, "values", keys=("x",))
    play(script)
    assert script.emitted == [{"x": 1}]


def test_a_failure_cancels_the_siblings() -> None:
    """The program asks for that before it raises."""
    script = begin(builder("a", "b").add_edge(START, "b"), {})
    first, _ = script.now(Start).tasks
    script.answer().answer([Failed(first, ValueError("boom"))]).now(Cancel)
    with pytest.raises(ValueError, match="boom") as caught:
        script.answer(())
    assert caught.value.__notes__ == ["in node 'a', superstep 1"]


def test_a_failure_that_came_late_is_in_the_notes() -> None:
    """The first one is raised."""
    script = begin(builder("a", "b").add_edge(START, "b"), {})
    first, second = script.now(Start).tasks
    script.answer().answer([Failed(second, ValueError("boom"))]).now(Cancel)
    with pytest.raises(ValueError, match="boom") as caught:
        script.answer([Failed(first, KeyError("late"))])
    assert "also failed, in node 'a', superstep 1: KeyError('late')" in caught.value.__notes__


def test_a_sibling_that_ended_is_shown_before_the_failure() -> None:
    """Also if both came together."""
    script = begin(builder("a", "b").add_edge(START, "b"), {}, "updates")
    first, second = script.now(Start).tasks
    script.answer().answer([outcome(first), Failed(second, ValueError("boom"))])
    with pytest.raises(ValueError, match="boom"):
        script.answer(())
    assert script.emitted == [{"a": {"log": ["a"]}}]


def test_a_program_can_be_closed_while_it_waits() -> None:
    """That is how a run is given up."""
    script = begin(builder("a"), {})
    script.program.close()
    with pytest.raises(StopIteration):
        next(script.program)


def test_a_graph_without_nodes_asks_for_nothing() -> None:
    """Its input is its output."""
    script = begin(StateGraph(State).add_edge(START, END), {"x": 1})
    assert (script.effect, values(script)) == (None, {"log": [], "x": 1})


def test_no_input_ends_the_program_before_its_first_effect() -> None:
    """There is nothing to run."""
    with pytest.raises(EmptyInputError):
        begin(builder("a"), None)


def test_a_conditional_entry_is_computed_as_step_0() -> None:
    """Its path function may wait, so the driver runs it."""
    script = begin(StateGraph(State).set_conditional_entry_point(gives(END)), {})
    task = script.now(Compute).task
    assert (task.node.name, task.step) == (START, 0)


# --------------------------------------------------------------------------------------- orders


def digits(old: int, new: int) -> int:
    """Append a digit, so that every order gives another number."""
    return old * 10 + new


class Digits(TypedDict, total=False):
    """A key that tells in which order it was written."""

    digits: Annotated[int, digits]


def fan_out() -> StateGraph[Digits]:
    """Return a graph that runs nodes named 1 to 5 at once, added in another order."""
    made = StateGraph(Digits)
    for digit in (3, 1, 5, 2, 4):
        made.add_node(str(digit), gives({"digits": digit})).add_edge(START, str(digit))
    return made


@pytest.mark.parametrize("live", ["updates", "values"])
def test_writes_are_applied_in_plan_order_in_all_120_orders_of_arrival(live: str) -> None:
    """By the name of the node, one event at a time or all at once."""
    ends: set[int] = set()
    for order in permutations(range(5)):
        script = begin(fan_out(), {}, live)
        events: list[Event] = [outcome(script.now(Start).tasks[place]) for place in order]
        script.answer()
        while script.effect is not None:
            wanted = script.now(Next).wanted
            script.answer(events[:wanted])
            del events[:wanted]
        ends.add(values(script)["digits"])
    assert ends == {12345}


def test_updates_are_shown_in_the_order_of_arrival() -> None:
    """The one thing that arrival decides."""
    script = begin(fan_out(), {}, "updates")
    tasks = script.now(Start).tasks
    script.answer().answer([outcome(tasks[3]), outcome(tasks[0])])
    assert script.emitted == [{"4": {"digits": 4}}, {"1": {"digits": 1}}]


def sending() -> StateGraph[State]:
    """Return a graph where 'go' sends twice to 'w' and has an edge to 'b'."""
    made = builder("go", "b", "w").add_edge("go", "b")
    return made.add_conditional_edges("go", gives([Send("w", {"n": 1}), Send("w", 2)]))


def test_sends_start_before_nodes() -> None:
    """As LangGraph starts and lists them."""
    assert play(begin(sending(), {})) == [["go"], ["w", "w", "b"]]


def test_the_writes_of_nodes_apply_before_those_of_sends() -> None:
    """The other way round from how they start."""
    script = begin(sending(), {})
    play(script)
    assert values(script)["log"] == ["go", "b", "w", "w"]


def test_a_send_is_called_with_its_argument_itself() -> None:
    """No state is mixed in."""
    script = begin(sending(), {"x": 1})
    script.answer(outcome(script.now(Compute).task))
    assert [task.input for task in script.now(Start).tasks[:2]] == [{"n": 1}, 2]


def test_sends_are_numbered_over_the_superstep() -> None:
    """In the plan order of the tasks that sent them."""
    made = StateGraph(State).add_node("w", logs("w"))
    for name in ("b", "a"):
        made.add_node(name, gives(Command(goto=[Send("w", name)]))).add_edge(START, name)
    script = begin(made, {})
    tasks = script.now(Start).tasks
    script.answer().answer([outcome(task) for task in reversed(tasks)])
    assert [(task.index, task.input) for task in script.now(Start).tasks] == [(0, "a"), (1, "b")]


def test_start_order_of_sends_alone_is_their_order() -> None:
    """There is nothing to turn round."""
    made = builder("w").add_conditional_edges("w", gives([Send("w", n) for n in range(3)]))
    script = begin(made, {})
    script.answer(outcome(script.now(Compute).task))
    tasks = script.now(Start).tasks
    assert start_order(tasks) == tasks
    assert [task.input for task in tasks] == [0, 1, 2]


def test_a_node_named_twice_is_one_task() -> None:
    """An edge and two gotos wake it once; a Send is one more."""
    goto = Command(goto=["b", "b", Send("b", {})])
    made = StateGraph(State).add_node("a", gives(goto)).add_node("b", logs("b"))
    script = begin(made.add_edge(START, "a").add_edge("a", "b"), {})
    assert play(script) == [["a"], ["b", "b"]]


# ------------------------------------------------------------------------------ joins and defer


def test_a_join_waits_for_all_its_sources() -> None:
    """Over as many supersteps as it takes."""
    made = builder("a", "b", "c").add_edge("a", "b").add_edge(["a", "b"], "c")
    assert play(begin(made, {})) == [["a"], ["b"], ["c"]]


def test_a_join_runs_once_for_sources_that_end_together() -> None:
    """Plain edges of the same superstep add nothing."""
    made = builder("a", "b", "c").add_edge(START, "b").add_edge(["a", "b"], "c")
    assert play(begin(made.add_edge("a", "c").add_edge("b", "c"), {})) == [["a", "b"], ["c"]]


def test_a_half_full_join_is_kept_in_the_state() -> None:
    """And the run ends all the same if the rest never comes."""
    script = begin(builder("a", "b", "c").add_edge(["a", "b"], "c"), {})
    play(script)
    assert script.state is not None
    assert script.state.joins == {0: 0b01}


def test_a_full_join_empties() -> None:
    """In a loop it has to be filled again."""
    made = builder("a", "b", "c").add_edge(START, "b").add_edge(["a", "b"], "c").add_edge("c", "a")
    script = begin(made, {})
    assert play(script) == [["a", "b"], ["c"], ["a"]]


def test_a_source_named_twice_counts_once() -> None:
    """A join of it alone is full when it has run."""
    assert play(begin(builder("a", "c").add_edge(["a", "a"], "c"), {})) == [["a"], ["c"]]


def test_a_deferred_node_waits_until_nothing_else_is_due() -> None:
    """However early it was woken."""
    made = builder("a", "b", "c").add_node("d", logs("d"), defer=True)
    made.add_edge("a", "d").add_edge("a", "b").add_edge("b", "c")
    assert play(begin(made, {})) == [["a"], ["b"], ["c"], ["d"]]


def test_a_deferred_node_waits_for_sends() -> None:
    """They are tasks like others."""
    made = sending().add_node("d", logs("d"), defer=True).add_edge("go", "d")
    assert play(begin(made, {})) == [["go"], ["w", "w", "b"], ["d"]]


def test_the_full_join_of_a_deferred_node_empties_when_that_is_due() -> None:
    """In a loop it has to be filled again."""
    made = builder("a", "b").add_edge(START, "b").add_node("d", logs("d"), defer=True)
    script = begin(made.add_edge(["a", "b"], "d").add_edge("d", "a"), {})
    assert play(script) == [["a", "b"], ["d"], ["a"]]


def test_deferred_nodes_become_due_together() -> None:
    """However long each has waited."""
    made = builder("a", "b")
    for name in ("d", "e"):
        made.add_node(name, logs(name), defer=True)
    made.add_edge("a", "b").add_edge("a", "d").add_edge("b", "e")
    assert play(begin(made, {})) == [["a"], ["b"], ["d", "e"]]


def test_a_send_to_a_deferred_node_does_not_wait() -> None:
    """Only edges are deferred."""
    made = builder("a", "b", "c").add_node("d", logs("d"), defer=True)
    made.add_edge("a", "b").add_edge("b", "c").add_conditional_edges("a", gives(Send("d", {})))
    assert play(begin(made, {})) == [["a"], ["d", "b"], ["c"]]


# --------------------------------------------------------------------------- limit, state, commit


@pytest.mark.parametrize(("limit", "passes"), [(2, False), (3, False), (4, True)])
def test_a_chain_of_three_needs_a_limit_of_four(limit: int, *, passes: bool) -> None:
    """The limit is checked before it is known that nothing is left, as in LangGraph."""
    made = builder("a", "b", "c").add_edge("a", "b").add_edge("b", "c")
    script = begin(made, {}, "updates", limit=limit)
    if passes:
        play(script)
    else:
        with pytest.raises(GraphRecursionError):
            play(script)
    assert len(script.emitted) == min(limit, 3)


def test_supersteps_are_counted_from_one() -> None:
    """The state after the last one has the number of the next."""
    script = begin(builder("a", "b").add_edge("a", "b"), {})
    play(script)
    assert script.state is not None
    assert script.state.step == 3


def test_a_task_id_is_made_only_when_somebody_asks() -> None:
    """And so is the run's."""
    run = a_run(builder("a"))
    asked: list[str] = []
    run.make_id = lambda: asked.append("asked") or "run"  # type: ignore[func-returns-value]  # append gives None
    play(Script(supersteps(run, {})).answer())
    assert asked == []


def test_a_task_id_depends_on_run_step_node_and_send() -> None:
    """And on nothing else, so that a replay has the same."""
    ids = {
        task_id(run, step, node, send)
        for run in "rs"
        for step in (1, 2)
        for node in "ab"
        for send in (-1, 0)
    }
    assert len(ids) == 16
    assert task_id("r", 1, "a", -1) in ids


def test_a_failed_commit_changes_nothing() -> None:
    """The barrier is all or nothing."""
    made = builder("a", "b").add_edge(START, "b")
    run = a_run(made)
    node = run.graph.nodes["a"]
    state = RunState({"log": ["in"], "x": 1}, {"log": 1}, (node,), (), {}, (), 1)
    task = Task(node, {}, 1, -1, state.values, run)
    writes = [("log", ["a"]), ("x", 2), ("x", 3)]
    with pytest.raises(InvalidUpdateError):
        commit(state, [Succeeded(task, writes, ())])
    assert (state.values, state.sizes, state.joins) == (
        {"log": ["in"], "x": 1},
        {"log": 1},
        {},
    )
