"""Differences on purpose, in graphs inside graphs on threads: what they ask, keep and replay.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import threading
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import pytest

from graphflow.errors import ConcurrentUpdateError, GraphMismatchError
from tests.differential.nested import longer
from tests.differential.pair import (
    OURS,
    THEIRS,
    Action,
    Library,
    State,
    chain,
    fan,
    logging,
    returning,
)
from tests.differential.specs import BoomError
from tests.differential.test_migration_asking import answer, asking, asks, ids, stored

THREAD: Any = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
FIRST: State = {"log": ["i"]}


class Own(TypedDict, total=False):
    """The state of a graph inside, with a reducer of its own."""

    log: Annotated[list[str], longer]
    x: int


class X(TypedDict, total=False):
    """What comes in."""

    x: int


class Log(TypedDict, total=False):
    """What comes out."""

    log: Annotated[list[str], longer]


OPTIONS: dict[str, Any] = {"input_schema": X, "output_schema": Log}


def around(lib: Library, **nodes: Action) -> Any:  # noqa: ANN401 - of either library, here and below
    """Return a graph with a graph inside, on a store of its own."""
    return stored(lib, chain(lib, sub=chain(lib, options=None, **nodes).compile()))


# ------------------------------------------------------------------------------------------ asking


def test_a_question_inside_is_there_once_in_what_invoke_returns() -> None:
    """In LangGraph once for each level, with `subgraphs=True`."""

    def run(lib: Library) -> list[object]:
        graph = around(lib, a=asking(lib, "q"))
        config = {**THREAD, "max_concurrency": 2}
        return asks(graph.invoke(FIRST, config, subgraphs=True))

    assert run(THEIRS) == ["q", "q"]
    assert run(OURS) == ["q"]


def test_an_answer_runs_only_the_graph_inside_that_it_is_for() -> None:
    """In LangGraph the nodes of others that ask run again, too."""

    def run(lib: Library) -> tuple[list[object], list[str]]:
        calls: list[str] = []
        inside = {
            name: chain(lib, a=asking(lib, f"{name}?", calls=calls)).compile() for name in "ab"
        }
        graph = stored(lib, fan(lib, **inside))
        graph.invoke(FIRST, THREAD)
        calls.clear()
        return asks(answer(lib, graph, {ids(graph)["a?"]: "A"})), sorted(calls)

    assert run(THEIRS) == (["b?"], ["a?", "b?"])
    assert run(OURS) == (["b?"], ["a?"])


def test_an_answer_is_not_taken_for_the_next_node_inside() -> None:
    """In LangGraph it is for whatever is asked in the whole run of the graph inside."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        graph = around(lib, a=asking(lib, "a?"), b=asking(lib, "b?"))
        graph.invoke({"log": []}, THREAD)
        answer(lib, graph, "A")
        return graph.invoke(None, THREAD)

    assert run(THEIRS) == {"log": ["A", "A"]}
    assert asks(run(OURS)) == ["b?"]


def test_an_answer_of_a_graph_is_not_taken_for_the_node_that_called_it() -> None:
    """In LangGraph it is, by None."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, a=asking(lib, "a?")).compile()

        def act(state: object) -> State:
            child.invoke({"log": []})
            return {"log": [lib.types.interrupt("n?")]}

        graph = stored(lib, chain(lib, n=act))
        graph.invoke({"log": []}, THREAD)
        answer(lib, graph, "A")
        return graph.invoke(None, THREAD)

    assert run(THEIRS) == {"log": ["A"]}
    assert asks(run(OURS)) == ["n?"]


def test_a_question_of_a_graph_that_is_called_is_no_exception() -> None:
    """In LangGraph `except Exception` around the call swallows it, and the state knows nothing."""

    def run(lib: Library) -> tuple[Any, Any]:
        child = chain(lib, a=asking(lib, "a?")).compile()

        def act(state: object) -> object:
            try:
                return child.invoke({"log": []})
            except Exception:  # noqa: BLE001 - what the test is about
                return {"log": ["caught"]}

        graph = stored(lib, chain(lib, n=act))
        return graph.invoke(FIRST, THREAD), graph.get_state(THREAD).next

    assert run(THEIRS) == ({"log": ["i", "caught"]}, ())
    found, due = run(OURS)
    assert (asks(found), due) == (["a?"], ("n",))


def test_a_graph_inside_of_which_nothing_is_stored_can_ask_again() -> None:
    """In LangGraph the second question can never be answered."""

    def run(lib: Library) -> list[Any]:
        child = chain(lib, a=asking(lib, "q1", "q2")).compile(checkpointer=False)
        graph = stored(lib, chain(lib, sub=child))
        graph.invoke({"log": []}, THREAD, durability="async")
        found = [answered(lib, graph, each) for each in ("A", "B")]
        return [asks(each) or each["log"] for each in found]

    assert run(THEIRS) == [["q2"], ["q2"]]
    assert run(OURS) == [["q2"], ["A", "B"]]


def answered(lib: Library, graph: Any, given: object) -> Any:  # noqa: ANN401 - as above
    """Answer what a thread waits for, in the durability in which LangGraph can do without."""
    return graph.invoke(lib.types.Command(resume=given), THREAD, durability="async")


def test_a_graph_inside_of_which_nothing_is_stored_is_answered_by_id() -> None:
    """In LangGraph every run has other ids, and the answer never arrives."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, a=asking(lib, "q")).compile(checkpointer=False)
        graph = stored(lib, chain(lib, sub=child))
        graph.invoke({"log": []}, THREAD, durability="async")
        found = answered(lib, graph, {ids(graph)["q"]: "A"})
        return asks(found) or found["log"]

    assert run(THEIRS) == ["q"]
    assert run(OURS) == ["A"]


# ----------------------------------------------------------------------------------------- keeping


def test_a_graph_inside_of_which_nothing_is_stored_can_be_run_in_every_durability() -> None:
    """In LangGraph not with `durability="sync"`."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, s=logging("s")).compile(checkpointer=False)
        graph = stored(lib, chain(lib, sub=child))
        return graph.invoke({"log": []}, THREAD, durability="sync")

    with pytest.raises(AttributeError, match="_put_checkpoint_fut"):
        run(THEIRS)
    assert run(OURS) == {"log": ["s"]}


def test_one_memory_is_not_written_by_two_tasks_at_once() -> None:
    """In LangGraph each goes on from what it finds, and one of the two is lost."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        both = threading.Barrier(2)

        def act(state: object) -> State:
            both.wait(timeout=10)
            return {"log": ["s"]}

        child = chain(lib, Own, options=OPTIONS, s=act).compile(checkpointer=True)
        path = returning([lib.types.Send("sub", {"x": number}) for number in (1, 2)])
        builder = chain(lib, p=logging("p")).add_node("sub", child)
        graph = stored(lib, builder.add_conditional_edges("p", path))
        graph.invoke(FIRST, {**THREAD, "max_concurrency": 2})
        inside = {"configurable": {"thread_id": "t", "checkpoint_ns": "sub"}}
        return graph.get_state(inside).values["log"]

    assert run(THEIRS) == ["s"]
    with pytest.raises(ConcurrentUpdateError, match="has one memory for the node"):
        run(OURS)


# --------------------------------------------------------------------------------------- replaying


def failing_once(
    lib: Library, graphs: Sequence[Any], given: list[str], again: Sequence[Any] | None = None
) -> Any:  # noqa: ANN401 - as above
    """Return what is left of a node that calls graphs, and fails at the end of its first run.

    When it runs again it calls others, or the same ones in reverse; each with what it was given.
    """
    calls = [*zip(graphs, given, strict=True)]
    failed: list[bool] = []

    def act(state: object) -> State:
        found = ["+".join(graph.invoke({"log": [said]})["log"]) for graph, said in calls]
        if not failed:
            failed.append(True)
            calls[:] = calls[::-1] if again is None else zip(again, given, strict=True)
            raise BoomError
        return {"log": found}

    graph = stored(lib, chain(lib, n=act))
    with pytest.raises(BoomError):
        graph.invoke({"log": []}, THREAD)
    return graph.invoke(None, THREAD)


def test_a_node_that_calls_other_graphs_when_it_runs_again_is_an_error() -> None:
    """In LangGraph each gets what the one at its place had said."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        s, t, u = (chain(lib, options=None, **{name: logging(name)}).compile() for name in "stu")
        return failing_once(lib, [s, t], ["c", "c"], [s, u])

    assert run(THEIRS) == {"log": ["c+s", "c+t"]}  # though it called u
    with pytest.raises(GraphMismatchError, match="graph number 2 it runs the graph 'graphflow'"):
        run(OURS)


@pytest.mark.parametrize("graphs", ["ss", "st"])
def test_a_node_may_call_graphs_in_another_order_when_it_runs_again(graphs: str) -> None:
    """In LangGraph each call gets what the one at its place had said."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        made = {name: chain(lib, options=None, **{name: logging(name)}).compile() for name in "st"}
        return failing_once(lib, [made[name] for name in graphs], ["c1", "c2"])

    first, second = f"c1+{graphs[0]}", f"c2+{graphs[1]}"
    assert run(THEIRS) == {"log": [first, second]}  # though it called with c2, and then c1
    assert run(OURS) == {"log": [second, first]}
