"""Differences on purpose, in how a run stops, and what it shows then.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

from typing import Any

import pytest

from tests.differential.pair import OURS, THEIRS, Library, State, chain, fan, logging
from tests.differential.test_migration_asking import (
    FIRST,
    THREAD,
    answer,
    asking,
    asks,
    begun,
    ids,
    stored,
)


def two(lib: Library) -> Any:  # noqa: ANN401 - of either library
    """Return a builder of two nodes in a row."""
    return chain(lib, a=logging("a"), b=logging("b"))


def test_a_breakpoint_of_a_call_that_is_no_node_is_an_error() -> None:
    """LangGraph ignores it; both refuse it when they compile."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return stored(lib, two(lib)).invoke(FIRST, THREAD, interrupt_before=["bb"])

    assert run(THEIRS) == {"log": ["i", "a", "b"]}
    with pytest.raises(ValueError, match="interrupt_before names 'bb', which is no node"):
        run(OURS)


def test_an_empty_list_of_breakpoints_is_for_none() -> None:
    """In LangGraph a call cannot switch off those of `compile`."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = stored(lib, two(lib), interrupt_before=["b"])
        return graph.invoke(FIRST, THREAD, interrupt_before=[])

    assert run(THEIRS) == {"log": ["i", "a"]}
    assert run(OURS) == {"log": ["i", "a", "b"]}


def test_a_run_that_died_before_a_breakpoint_stops_at_it() -> None:
    """In LangGraph None goes past a breakpoint at which no run has stopped."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = stored(lib, two(lib), interrupt_before=["b"])
        stream = graph.stream(FIRST, THREAD, stream_mode="checkpoints", durability="sync")
        for chunk in stream:
            if chunk["next"] == ["b"]:
                break
        stream.close()
        return graph.invoke(None, THREAD)

    assert run(THEIRS) == {"log": ["i", "a", "b"]}
    assert run(OURS) == {"log": ["i", "a"]}


# --------------------------------------------------------------------------------- what it shows


def test_what_goes_on_waiting_is_shown_after_what_was_answered() -> None:
    """In LangGraph it is asked again, in the order of the tasks."""

    def run(lib: Library) -> list[str]:
        graph = begun(lib, fan(lib, a=asking(lib, "a?"), b=asking(lib, "b?")))
        command = lib.types.Command(resume={ids(graph)["b?"]: "B"})
        return [key for chunk in graph.stream(command, THREAD) for key in chunk]

    assert run(THEIRS) == ["__interrupt__", "b"]
    assert run(OURS) == ["b", "__interrupt__"]


def test_a_task_that_waits_has_no_error_of_before() -> None:
    """In LangGraph it keeps that of an earlier attempt."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        tries: list[object] = []

        def ask(state: object) -> State:
            first = lib.types.interrupt("q1")
            tries.append(first)
            if len(tries) == 1:
                raise ValueError("boom")
            return {"log": [str(first), str(lib.types.interrupt("q2"))]}

        graph = begun(lib, chain(lib, a=ask))
        waits = ids(graph)["q1"]
        with pytest.raises(ValueError, match="boom"):
            answer(lib, graph, {waits: "A"})
        graph.invoke(None, THREAD)
        (task,) = graph.get_state(THREAD).tasks
        return task.error, [each.value for each in task.interrupts]

    assert run(THEIRS) == ("ValueError('boom')", ["q2"])
    assert run(OURS) == (None, ["q2"])


def test_a_single_output_key_stands_beside_what_is_asked() -> None:
    """In LangGraph its value is lost."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = stored(lib, chain(lib, a=asking(lib, "q")))
        result = graph.invoke(FIRST, THREAD, output_keys="log")
        return asks(result), result.get("log")

    assert run(THEIRS) == (["q"], None)
    assert run(OURS) == (["q"], ["i"])
