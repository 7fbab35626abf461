"""Differences on purpose, in how a graph asks people, and takes their answers.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow.errors import (
    CodecError,
    InterruptMismatchError,
    InterruptSwallowedError,
    InvalidAnswerError,
    UnknownInterruptError,
)
from tests.differential.pair import (
    OURS,
    START,
    THEIRS,
    Action,
    Library,
    State,
    chain,
    fan,
    logging,
)

THREAD: Any = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
FIRST: State = {"log": ["i"]}
SHORT = {"type": "string", "maxLength": 3}


def asking(lib: Library, *questions: Any, calls: list[str] | None = None) -> Action:  # noqa: ANN401 - what may be asked
    """Return a node that asks, and appends the answers to the log."""

    def ask(state: object) -> State:
        if calls is not None:
            calls.append(str(questions[0]))
        return {"log": [str(lib.types.interrupt(question)) for question in questions]}

    return ask


def stored(lib: Library, builder: Any, **options: Any) -> Any:  # noqa: ANN401 - of either library
    """Return a graph with a store of its own."""
    return builder.compile(checkpointer=lib.memory.InMemorySaver(), **options)


def answer(lib: Library, graph: Any, given: object, config: Any = THREAD) -> Any:  # noqa: ANN401 - of either library
    """Answer what a thread waits for."""
    return graph.invoke(lib.types.Command(resume=given), config)


def asks(result: Any) -> list[object]:  # noqa: ANN401 - of either library
    """Return what a run has asked, in a fixed order."""
    return sorted(each.value for each in result.get("__interrupt__", ()))


def ids(graph: Any) -> dict[str, str]:  # noqa: ANN401 - of either library
    """Return the ids of what waits, by what is asked."""
    return {each.value: each.id for each in graph.get_state(THREAD).interrupts}


def begun(lib: Library, builder: Any, **options: Any) -> Any:  # noqa: ANN401 - of either library
    """Return a graph that has been run until it asks."""
    graph = stored(lib, builder, **options)
    graph.invoke(FIRST, THREAD)
    return graph


# ----------------------------------------------------------------------------- how it ends a node


def catching(lib: Library, kind: type[BaseException]) -> Action:
    """Return a node that catches errors around its question."""

    def ask(state: object) -> State:
        try:
            return {"log": [str(lib.types.interrupt("q"))]}
        except kind:
            return {"log": ["caught"]}

    return ask


def test_an_interrupt_is_no_exception() -> None:
    """In LangGraph `except Exception` swallows it, and the node goes on without an answer."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return stored(lib, chain(lib, a=catching(lib, Exception))).invoke(FIRST, THREAD)

    assert run(THEIRS) == {"log": ["i", "caught"]}
    assert asks(run(OURS)) == ["q"]


def test_an_interrupt_that_a_node_swallows_is_an_error() -> None:
    """In LangGraph nobody is told."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return stored(lib, chain(lib, a=catching(lib, BaseException))).invoke(FIRST, THREAD)

    assert run(THEIRS) == {"log": ["i", "caught"]}
    with pytest.raises(InterruptSwallowedError, match="node 'a' asked 'q'"):
        run(OURS)


def test_a_question_that_cannot_be_stored_fails_its_node() -> None:
    """In LangGraph storing fails, and the thread has a node that waits for no answer."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = stored(lib, chain(lib, a=asking(lib, object())))
        with pytest.raises(TypeError) as caught:
            graph.invoke(FIRST, THREAD)
        (task,) = graph.get_state(THREAD).tasks
        return type(caught.value), task.error is None

    assert run(THEIRS) == (TypeError, True)
    assert run(OURS) == (CodecError, False)


# ------------------------------------------------------------------------------ which is answered


def test_an_answer_runs_the_node_it_is_for_and_no_other() -> None:
    """In LangGraph all that wait are run again; both show what goes on waiting."""

    def run(lib: Library) -> tuple[list[object], list[str]]:
        calls: list[str] = []
        nodes = {name: asking(lib, f"{name}?", calls=calls) for name in "ab"}
        graph = begun(lib, fan(lib, **nodes))
        calls.clear()
        return asks(answer(lib, graph, {ids(graph)["a?"]: "A"})), sorted(calls)

    assert run(THEIRS) == (["b?"], ["a?", "b?"])
    assert run(OURS) == (["b?"], ["a?"])


def test_an_answer_is_not_taken_for_the_next_question() -> None:
    """In LangGraph it stays with the superstep, and None gives it to whatever is asked then."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = begun(lib, chain(lib, a=asking(lib, "q1", "q2")))
        answer(lib, graph, "A")
        return graph.invoke(None, THREAD)

    assert run(THEIRS) == {"log": ["i", "A", "A"]}
    assert asks(run(OURS)) == ["q2"]


def test_the_id_of_an_answered_question_answers_no_other() -> None:
    """In LangGraph it answers the node's next one."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = begun(lib, chain(lib, a=asking(lib, "q1", "q2")))
        old = ids(graph)["q1"]
        answer(lib, graph, {old: "A"})
        return answer(lib, graph, {old: "A2"})

    assert run(THEIRS) == {"log": ["i", "A", "A2"]}
    with pytest.raises(UnknownInterruptError) as caught:
        run(OURS)
    assert caught.value.reason == "not_pending"


def test_an_answer_to_nothing_that_waits_is_an_error() -> None:
    """LangGraph asks again, and says nothing."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = begun(lib, chain(lib, a=asking(lib, "q")))
        return answer(lib, graph, {"0" * 32: "A"})

    assert asks(run(THEIRS)) == ["q"]
    with pytest.raises(UnknownInterruptError) as caught:
        run(OURS)
    assert caught.value.reason == "not_pending"


def test_an_empty_dict_of_answers_is_an_error() -> None:
    """LangGraph asks again, and says nothing."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return answer(lib, begun(lib, chain(lib, a=asking(lib, "q"))), {})

    assert asks(run(THEIRS)) == ["q"]
    with pytest.raises(UnknownInterruptError) as caught:
        run(OURS)
    assert caught.value.reason == "empty_map"


def test_an_answer_at_a_breakpoint_is_for_no_question() -> None:
    """In LangGraph it answers what the next node asks, though nobody had asked."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = begun(lib, chain(lib, a=asking(lib, "q")), interrupt_before=["a"])
        return answer(lib, graph, "early")

    assert run(THEIRS) == {"log": ["i", "early"]}
    assert asks(run(OURS)) == ["q"]


def test_a_node_that_asks_in_another_order_is_an_error() -> None:
    """In LangGraph the answer is given to whatever is asked at its position."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        questions = ["q1", "q2"]

        def ask(state: object) -> State:
            return {"log": [f"{one}={lib.types.interrupt(one)}" for one in questions]}

        graph = begun(lib, chain(lib, a=ask))
        answer(lib, graph, "A1")
        questions.reverse()
        return answer(lib, graph, "A2")

    assert run(THEIRS) == {"log": ["i", "q2=A1", "q1=A2"]}
    with pytest.raises(InterruptMismatchError, match="asks 'q2' as question 1"):
        run(OURS)


def test_an_answer_that_may_be_for_several_tells_their_ids() -> None:
    """In LangGraph it is a plain RuntimeError."""

    def run(lib: Library) -> tuple[RuntimeError, list[str]]:
        graph = begun(lib, fan(lib, a=asking(lib, "a?"), b=asking(lib, "b?")))
        with pytest.raises(RuntimeError) as caught:
            answer(lib, graph, "A")
        return caught.value, sorted(ids(graph).values())

    assert type(run(THEIRS)[0]) is RuntimeError
    error, waiting = run(OURS)
    assert isinstance(error, UnknownInterruptError)
    assert (error.reason, sorted(error.pending_ids)) == ("ambiguous", waiting)


# ------------------------------------------------------------------------------- what may be said


def test_an_answer_is_checked_against_a_json_schema() -> None:
    """LangGraph shows the schema, and takes any answer."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        def ask(state: object) -> dict[str, object]:
            return {"x": lib.types.interrupt("q", response_schema=SHORT)}

        return answer(lib, begun(lib, chain(lib, a=ask)), 5)

    assert run(THEIRS)["x"] == 5
    with pytest.raises(InvalidAnswerError, match="5 is not of type 'string'"):
        run(OURS)


def test_a_json_schema_that_refers_elsewhere_is_an_error() -> None:
    """LangGraph does not look at it."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        def ask(state: object) -> State:
            schema = {"$ref": "https://example.com/answer.json"}
            return {"log": [str(lib.types.interrupt("q", response_schema=schema))]}

        return answer(lib, begun(lib, chain(lib, a=ask)), 5)

    assert run(THEIRS) == {"log": ["i", "5"]}
    with pytest.raises(TypeError, match="nothing is read from elsewhere"):
        run(OURS)


class Decision(BaseModel):
    """What an answer must be."""

    ok: bool


def test_an_answer_of_the_wrong_type_is_refused_before_anything_runs() -> None:
    """In LangGraph it is stored and fails the node, now and with None."""

    def run(lib: Library) -> tuple[int, int, list[object]]:
        calls: list[str] = []

        def ask(state: object) -> dict[str, object]:
            calls.append("a")
            return {"x": int(lib.types.interrupt("q", response_schema=Decision).ok)}

        graph = begun(lib, chain(lib, a=ask))
        with pytest.raises(ValueError, match="ok"):
            answer(lib, graph, {"ok": "perhaps"})
        refused = len(calls)
        try:
            result = graph.invoke(None, THREAD)
        except ValueError:
            return refused, len(calls), ["failed again"]
        return refused, len(calls), asks(result)

    assert run(THEIRS) == (2, 3, ["failed again"])
    assert run(OURS) == (1, 2, ["q"])


# -------------------------------------------------------------------------------- where it asks


def choosing(lib: Library) -> Callable[[object], object]:
    """Return a path function that asks where to go."""
    return lambda _: lib.types.interrupt("where?")


def test_a_question_in_a_conditional_edge_runs_only_the_edge_again() -> None:
    """In LangGraph the node runs again, and its update is shown with the answer only."""

    def run(lib: Library) -> tuple[list[str], list[str]]:
        calls: list[str] = []

        def node(state: object) -> State:
            calls.append("a")
            return {"log": ["a"]}

        builder = chain(lib, a=node).add_conditional_edges("a", choosing(lib), ["b"])
        graph = stored(lib, builder.add_node("b", logging("b")))
        shown = [key for chunk in graph.stream(FIRST, THREAD) for key in chunk]
        assert answer(lib, graph, "b") == {"log": ["i", "a", "b"]}
        return shown, calls

    assert run(THEIRS) == (["__interrupt__"], ["a", "a"])
    assert run(OURS) == (["a", "__interrupt__"], ["a"])


def test_a_question_in_an_edge_of_start_is_shown() -> None:
    """LangGraph waits for an answer, and tells nobody."""

    def run(lib: Library) -> tuple[list[object], Any]:
        builder = lib.graph.StateGraph(State).add_node("a", logging("a"))
        graph = stored(lib, builder.add_conditional_edges(START, choosing(lib), ["a"]))
        return asks(graph.invoke(FIRST, THREAD)), answer(lib, graph, "a")

    assert run(THEIRS) == ([], {"log": ["i", "a"]})
    assert run(OURS) == (["where?"], {"log": ["i", "a"]})


def test_where_a_command_leads_beside_a_question_is_shown() -> None:
    """In LangGraph `get_state` knows neither the node nor what it wrote."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = begun(lib, chain(lib, a=asking(lib, "q")).add_node("c", logging("c")))
        graph.invoke(lib.types.Command(goto="c"), THREAD)
        state = graph.get_state(THREAD)
        return state.values["log"], [task.name for task in state.tasks]

    assert run(THEIRS) == (["i"], ["a"])
    assert run(OURS) == (["i", "c"], ["a", "c"])
