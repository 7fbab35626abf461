"""Differences on purpose, in what is due, and what was asked, after the state has been edited.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

from contextlib import suppress
from typing import Any, NoReturn

import pytest

from graphflow.errors import InterruptError, InvalidUpdateError, UnknownInterruptError
from tests.differential.pair import END, OURS, START, THEIRS, Library, State, chain, fan, logging
from tests.differential.test_migration_asking import FIRST, THREAD, answer, asking, asks, stored


def begun(lib: Library, builder: Any, **options: Any) -> Any:  # noqa: ANN401 - of either library, here and below
    """Return a graph that has been run as far as it goes."""
    graph = stored(lib, builder, **options)
    with suppress(ZeroDivisionError):
        graph.invoke(FIRST, THREAD)
    return graph


def now(graph: Any) -> tuple[object, list[str]]:  # noqa: ANN401 - as above
    """Return the log of the thread, and what is due."""
    state = graph.get_state(THREAD)
    return state.values.get("log"), sorted(state.next)


def joined(lib: Library, **options: Any) -> Any:  # noqa: ANN401 - as above
    """Return a graph that has stopped before `end`, to which `a` and `k` lead together."""
    builder = fan(lib, State, a=logging("a"), k=logging("k"), o=logging("o"))
    builder.add_node("end", logging("end"), **options).add_edge(["a", "k"], "end")
    return begun(lib, builder, interrupt_before=["end"])


def unapplied(lib: Library) -> Any:  # noqa: ANN401 - as above
    """Return a graph whose input is not applied, for START's edge has failed."""

    def fail(state: object) -> NoReturn:
        raise ZeroDivisionError

    builder = lib.graph.StateGraph(State).add_node("a", logging("a")).add_node("b", logging("b"))
    return begun(lib, builder.add_conditional_edges(START, fail, ["a"]))


# ------------------------------------------------------------------------------ what was asked


def test_an_answer_after_an_edit_is_not_for_any_one_of_several() -> None:
    """In LangGraph the first node that asks gets it."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        graph = begun(lib, fan(lib, a=asking(lib, "a?"), b=asking(lib, "b?")))
        graph.update_state(THREAD, {"x": 1}, as_node=START)
        return answer(lib, graph, "A")

    assert asks(run(THEIRS)) == ["b?"]
    with pytest.raises(UnknownInterruptError) as caught:
        run(OURS)
    assert caught.value.reason == "ambiguous"


def test_a_copy_takes_along_what_is_asked() -> None:
    """In LangGraph nothing waits there, and finished tasks are due again."""

    def run(lib: Library) -> tuple[list[str], list[object]]:
        graph = begun(lib, fan(lib, a=asking(lib, "a?"), k=logging("k")))
        graph.update_state(THREAD, None, as_node="__copy__")
        state = graph.get_state(THREAD)
        return sorted(state.next), [each.value for each in state.interrupts]

    assert run(THEIRS) == (["a", "k"], [])
    assert run(OURS) == (["a"], ["a?"])


def test_an_edge_that_asks_within_an_edit_is_told_so() -> None:
    """In LangGraph it is an error that says nothing."""

    def run(lib: Library) -> None:
        def path(state: object) -> str:
            return str(lib.types.interrupt("where?"))

        builder = chain(lib, a=logging("a")).add_node("b", logging("b"))
        builder.add_conditional_edges("a", path, ["b"])
        stored(lib, builder).update_state(THREAD, {"log": ["u"]}, as_node="a")

    with pytest.raises(KeyError, match="scratchpad"):
        run(THEIRS)
    with pytest.raises(InterruptError, match=r"asked 'where\?' while the state was edited"):
        run(OURS)


# ---------------------------------------------------------------------------- what is an edit


def test_a_copy_takes_no_values() -> None:
    """LangGraph ignores them."""

    def run(lib: Library) -> object:
        graph = begun(lib, chain(lib, a=logging("a")))
        graph.update_state(THREAD, {"log": ["u"]}, as_node="__copy__")
        return now(graph)[0]

    assert run(THEIRS) == ["i", "a"]
    with pytest.raises(InvalidUpdateError, match="give None as the values"):
        run(OURS)


def test_an_edit_for_a_task_that_is_not_due_is_an_error() -> None:
    """LangGraph takes any id."""

    def run(lib: Library) -> object:
        graph = begun(lib, chain(lib, a=logging("a")))
        update = lib.types.StateUpdate({"log": ["u"]}, "a", "unknown")
        graph.bulk_update_state(THREAD, [[update]])
        return now(graph)[0]

    assert run(THEIRS) == ["i", "a", "u"]
    with pytest.raises(InvalidUpdateError, match="task_id='unknown' is no task"):
        run(OURS)


def test_an_edit_before_the_input_is_applied_is_an_error() -> None:
    """In LangGraph the input is lost."""

    def run(lib: Library) -> object:
        graph = unapplied(lib)
        graph.update_state(THREAD, {"log": ["u"]}, as_node="a")
        return now(graph)[0]

    assert run(THEIRS) == ["u"]
    with pytest.raises(InvalidUpdateError, match="is not applied yet"):
        run(OURS)


def test_a_command_before_the_input_is_applied_is_an_error() -> None:
    """In LangGraph it is applied first, and START's edge is not followed any more."""

    def run(lib: Library) -> object:
        return unapplied(lib).invoke(lib.types.Command(update={"log": ["u"]}, goto="b"), THREAD)[
            "log"
        ]

    assert run(THEIRS) == ["u", "i", "b"]
    with pytest.raises(InvalidUpdateError, match="is not applied there yet"):
        run(OURS)


# -------------------------------------------------------------------------------- what is due


def test_an_edit_as_an_input_drops_what_was_due() -> None:
    """In LangGraph it stays due, and here runs twice."""

    def run(lib: Library) -> object:
        graph = stored(lib, chain(lib, a=logging("a"), b=logging("b")))
        graph.invoke(FIRST, THREAD, interrupt_before=["b"])
        graph.update_state(THREAD, {"log": ["u"]}, as_node="__input__")
        return graph.invoke(None, THREAD)["log"]

    assert run(THEIRS) == ["i", "a", "u", "b", "a", "b"]
    assert run(OURS) == ["i", "a", "u", "a", "b"]


@pytest.mark.parametrize("defer", [False, True], ids=["join", "deferred"])
def test_an_edit_as_another_node_drops_what_a_join_made_due(*, defer: bool) -> None:
    """In LangGraph it stays due, unlike what plain edges have led to."""

    def run(lib: Library) -> object:
        graph = joined(lib, defer=defer)
        assert now(graph)[1] == ["end"]
        graph.update_state(THREAD, {"log": ["u"]}, as_node="o")
        return now(graph)[1]

    assert run(THEIRS) == ["end"]
    assert run(OURS) == []


def test_an_edit_as_a_deferred_node_that_is_due_is_its_run() -> None:
    """In LangGraph it runs again."""

    def run(lib: Library) -> object:
        builder = chain(lib, a=logging("a")).add_node("end", logging("end"), defer=True)
        graph = begun(lib, builder.add_edge("a", "end"), interrupt_before=["end"])
        graph.update_state(THREAD, {"log": ["u"]}, as_node="end")
        return now(graph)[1]

    assert run(THEIRS) == ["end"]
    assert run(OURS) == []


def test_an_end_in_the_past_has_the_values_of_the_past() -> None:
    """In LangGraph also those that its tasks have returned since."""

    def run(lib: Library) -> object:
        graph = begun(lib, chain(lib, options=None, a=logging("a"), b=logging("b")))
        old = next(each for each in graph.get_state_history(THREAD) if each.next == ("b",))
        graph.update_state(old.config, None, as_node=END)
        return now(graph)[0]

    assert run(THEIRS) == ["i", "a", "b"]
    assert run(OURS) == ["i", "a"]
