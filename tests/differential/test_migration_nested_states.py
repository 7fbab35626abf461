"""Differences on purpose, in what is told of graphs inside graphs, and in editing them.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

from typing import Any

import pytest

from graphflow.errors import CheckpointNotFoundError
from tests.differential.pair import OURS, THEIRS, Action, Library, State, chain, logging, returning
from tests.differential.test_migration_asking import answer, asking, stored
from tests.differential.test_migration_nested_stored import OPTIONS, Own

THREAD: Any = {"configurable": {"thread_id": "t"}}
EMPTY: State = {"log": []}


def of(ns: str) -> Any:  # noqa: ANN401 - a config of either library
    """Return the config of a graph inside."""
    return {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}


def inside(graph: Any) -> Any:  # noqa: ANN401 - of either library, here and below
    """Return the state of the graph in the first task that waits."""
    return graph.get_state(THREAD, subgraphs=True).tasks[0].state


def run_before(graph: Any) -> str:  # noqa: ANN401 - as above
    """Return the namespace of the graph that has been run as the node 'sub'."""
    past = graph.get_state_history(THREAD)
    (task,) = next(each.tasks for each in past if each.next == ("sub",))
    return str(task.state["configurable"]["checkpoint_ns"])


# ------------------------------------------------------------------------------------------ telling


def test_of_several_graphs_that_a_node_has_called_the_one_that_waits_is_shown() -> None:
    """In LangGraph the first one, which has ended."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, a=asking(lib, "q")).compile()

        def act(state: object) -> State:
            return {"log": [*child.invoke(EMPTY)["log"], *child.invoke(EMPTY)["log"]]}

        graph = stored(lib, chain(lib, n=act))
        graph.invoke(EMPTY, THREAD)
        answer(lib, graph, "A", THREAD)
        return inside(graph).next

    assert run(THEIRS) == ()
    assert run(OURS) == ("a",)


def test_a_graph_that_a_node_calls_is_found_wherever_it_comes_from() -> None:
    """LangGraph looks for it in the function's own names, and else cannot tell that it waits."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        graphs = {"child": chain(lib, a=asking(lib, "q")).compile()}

        def act(state: object) -> State:
            return {"log": graphs["child"].invoke(EMPTY)["log"]}

        graph = stored(lib, chain(lib, n=act))
        graph.invoke(EMPTY, THREAD)
        (task,) = graph.get_state(THREAD, subgraphs=True).tasks
        read = graph.get_state(of(f"n:{task.id}"))
        return task.state is None, read.next, len(read.interrupts)

    assert run(THEIRS) == (True, (), 0)
    assert run(OURS) == (False, ("a",), 1)


def test_where_a_called_graph_will_be_is_told_once_it_is_there() -> None:
    """In LangGraph chunks tell it before the node runs, if it finds a graph in the function."""

    def run(lib: Library) -> bool:
        child = chain(lib, s=logging("s")).compile()

        def act(state: object) -> State:
            return {"log": child.invoke(EMPTY)["log"]}

        graph = stored(lib, chain(lib, n=act))
        chunks = [*graph.stream(EMPTY, THREAD, stream_mode="checkpoints")]
        return any(task["state"] for chunk in chunks for task in chunk["tasks"])

    assert run(THEIRS)
    assert not run(OURS)


def test_the_state_names_a_memory_without_the_id_of_a_task() -> None:
    """In LangGraph with one, though it is the same memory whatever the task."""

    def run(lib: Library) -> tuple[str, object]:
        builder = chain(lib, Own, options=OPTIONS, a=asking(lib, "q"))
        graph = stored(lib, chain(lib, sub=builder.compile(checkpointer=True)))
        graph.invoke({"x": 1}, THREAD)
        (task,) = graph.get_state(THREAD).tasks
        ns = task.state["configurable"]["checkpoint_ns"]
        return ns.replace(task.id, "T"), graph.get_state(of(ns)).values["x"]

    assert run(THEIRS) == ("sub:T", 1)
    assert run(OURS) == ("sub", 1)


# ------------------------------------------------------------------------------------------ editing


def test_an_edit_of_a_graph_that_asks_withdraws_the_question_around_it() -> None:
    """In LangGraph the outer graph still shows it, with an id that nobody waits for."""

    def run(lib: Library) -> tuple[int, int]:
        nodes = {"s": logging("s"), "a": asking(lib, "q")}
        graph = stored(lib, chain(lib, sub=chain(lib, options=None, **nodes).compile()))
        graph.invoke(EMPTY, THREAD)
        config = inside(graph).config
        graph.update_state(of(config["configurable"]["checkpoint_ns"]), {"log": ["u"]}, "s")
        return len(graph.get_state(THREAD).interrupts), len(inside(graph).interrupts)

    assert run(THEIRS) == (1, 0)
    assert run(OURS) == (0, 0)


def test_a_run_from_the_past_of_a_graph_inside_goes_on_from_there() -> None:
    """In LangGraph it begins that graph anew."""

    def run(lib: Library) -> list[str]:
        calls: list[str] = []

        def act(name: str) -> Action:
            def call(state: object) -> None:
                calls.append(name)

            return call

        child = chain(lib, options=None, s1=act("s1"), s2=act("s2")).compile()
        graph = stored(lib, chain(lib, sub=child))
        graph.invoke(EMPTY, THREAD)
        past = graph.get_state_history(of(run_before(graph)))
        config = next(each.config for each in past if each.next == ("s2",))
        calls.clear()
        graph.invoke(None, config)
        return calls

    assert run(THEIRS) == ["s1", "s2"]
    assert run(OURS) == ["s2"]


def test_a_graph_inside_that_has_not_begun_cannot_be_edited() -> None:
    """In LangGraph it begins with the edit then, and without its input."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        def tell(state: State) -> State:
            return {"log": [f"x={state.get('x')}"]}

        child = chain(lib, s=tell).compile()
        builder = chain(lib, p=returning({"x": 5}), sub=child)
        graph = stored(lib, builder, interrupt_before=["sub"])
        graph.invoke(EMPTY, THREAD)
        (task,) = graph.get_state(THREAD).tasks
        graph.update_state(task.state, {"log": ["early"]})
        return graph.invoke(None, THREAD)["log"]

    assert run(THEIRS) == ["early", "x=None"]
    with pytest.raises(CheckpointNotFoundError, match="checkpoint_ns"):
        run(OURS)


def test_a_graph_inside_that_never_ran_cannot_be_edited() -> None:
    """In LangGraph the edit is stored where nobody reads it."""

    def run(lib: Library) -> bool:
        graph = stored(lib, chain(lib, sub=chain(lib, s=logging("s")).compile()))
        graph.invoke(EMPTY, THREAD)
        return bool(graph.update_state(of("sub:" + "0" * 32), {"log": ["u"]}))

    assert run(THEIRS)
    with pytest.raises(CheckpointNotFoundError, match="checkpoint_ns"):
        run(OURS)
