"""Differences on purpose, in how the state of a thread is edited, and what becomes of its past.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import operator
from typing import Annotated, Any, TypedDict

import pytest

from graphflow.errors import CheckpointNotFoundError, UnknownKeyError
from tests.differential.pair import OURS, START, THEIRS, Action, Library, State, chain, fan, logging


class Input(TypedDict, total=False):
    """An input without the state's other keys."""

    log: Annotated[list[str], operator.add]


THREAD: Any = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
FIRST: State = {"log": ["i"]}


def asking(lib: Library, name: str, calls: list[str] | None = None, questions: int = 1) -> Action:
    """Return a node that asks, and appends its name and the answers to the log."""

    def ask(state: object) -> State:
        if calls is not None:
            calls.append(name)
        asked = (lib.types.interrupt(f"{name}{number}") for number in range(questions))
        return {"log": [name, *map(str, asked)]}

    return ask


def noting(name: str, calls: list[str]) -> Action:
    """Return a node that notes its calls, and appends its name to the log."""

    def act(state: object) -> State:
        calls.append(name)
        return {"log": [name]}

    return act


def begun(lib: Library, builder: Any, **options: Any) -> Any:  # noqa: ANN401 - of either library
    """Return a graph with a store of its own, that has been run as far as it goes."""
    graph = builder.compile(checkpointer=lib.memory.InMemorySaver(), **options)
    graph.invoke(FIRST, THREAD)
    return graph


def three(lib: Library) -> Any:  # noqa: ANN401 - of either library
    """Return a graph of three nodes in a row, that has stopped before the second."""
    nodes = {name: logging(name) for name in "abc"}
    return begun(lib, chain(lib, options=None, **nodes), interrupt_before=["b"])


def waiting(lib: Library, calls: list[str] | None = None) -> Any:  # noqa: ANN401 - of either library
    """Return a graph whose nodes `a` and `b` wait, and whose `k` has ended; `end` joins them."""
    calls = [] if calls is None else calls
    nodes = {
        "a": asking(lib, "a", calls, questions=2),
        "b": asking(lib, "b", calls),
        "k": noting("k", calls),
    }
    builder = fan(lib, State, **nodes).add_node("end", logging("end"))
    return begun(lib, builder.add_edge(["a", "b", "k"], "end"))


def answer(lib: Library, graph: Any, given: object, config: Any = THREAD) -> Any:  # noqa: ANN401 - of either library
    """Answer what a thread waits for."""
    return graph.invoke(lib.types.Command(resume=given), config)


def asks(graph: Any) -> list[object]:  # noqa: ANN401 - of either library
    """Return what the thread waits for, in a fixed order."""
    return sorted(each.value for each in graph.get_state(THREAD).interrupts)


def answer_first(lib: Library, graph: Any) -> None:  # noqa: ANN401 - of either library
    """Answer the first question of `a`."""
    waits = {each.value: each.id for each in graph.get_state(THREAD).interrupts}
    answer(lib, graph, {waits["a0"]: "A"})


def now(graph: Any) -> tuple[object, list[str]]:  # noqa: ANN401 - of either library
    """Return the log of the thread, and what is due."""
    state = graph.get_state(THREAD)
    return state.values.get("log"), sorted(state.next)


# -------------------------------------------------------------------------- edits that go wrong


def test_an_edit_that_fails_leaves_nothing() -> None:
    """In LangGraph the thread cannot be read any more, nor go on."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = three(lib)
        with pytest.raises(TypeError):
            graph.update_state(THREAD, {"log": 5}, as_node="b")
        return graph.get_state(THREAD).values

    with pytest.raises(TypeError):
        run(THEIRS)
    assert run(OURS) == {"log": ["i", "a"]}


def test_several_edits_are_all_or_nothing() -> None:
    """In LangGraph those before the one that fails stay."""

    def run(lib: Library) -> int:
        graph, update = three(lib), lib.types.StateUpdate
        before = stored(lib, graph)
        with pytest.raises(TypeError):
            graph.bulk_update_state(
                THREAD, [[update({"log": ["B"]}, "b")], [update({"log": 5}, "c")]]
            )
        return stored(lib, graph) - before

    assert run(THEIRS) == 1
    assert run(OURS) == 0


def stored(lib: Library, graph: Any) -> int:  # noqa: ANN401 - of either library
    """Return how many checkpoints the thread has."""
    if lib is THEIRS:  # whose history cannot be read any more
        return len([*graph.checkpointer.list(THREAD)])
    return len([*graph.get_state_history(THREAD)])


def test_an_unknown_key_of_an_edit_is_an_error() -> None:
    """LangGraph drops it; as START it drops what the input schema lacks, too."""

    def run(lib: Library, node: str) -> object:
        graph = begun(lib, chain(lib, a=logging("a"), options={"input_schema": Input}))
        graph.update_state(THREAD, {"x": 1} if node == START else {"z": 1}, as_node=node)
        return graph.get_state(THREAD).values

    for node in ("a", START):
        assert run(THEIRS, node) == {"log": ["i", "a"]}
        with pytest.raises(UnknownKeyError):
            run(OURS, node)


def test_an_edit_of_an_unknown_checkpoint_is_an_error() -> None:
    """In LangGraph it begins with an empty state, which may become the thread's."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - of either library
        graph = three(lib)
        nowhere = {"configurable": {"thread_id": "t", "checkpoint_id": "f" * 12}}
        return graph.get_state(graph.update_state(nowhere, {"x": 1}, as_node="a")).values

    assert run(THEIRS) == {"log": [], "x": 1}
    with pytest.raises(CheckpointNotFoundError):
        run(OURS)


def test_an_overwrite_in_an_edit_is_its_value() -> None:
    """In LangGraph a key without a reducer holds the Overwrite itself."""

    def run(lib: Library) -> object:
        graph = three(lib)
        graph.update_state(THREAD, {"x": lib.types.Overwrite(9)}, as_node="a")
        return graph.get_state(THREAD).values["x"]

    assert isinstance(run(THEIRS), THEIRS.types.Overwrite)
    assert run(OURS) == 9


# ------------------------------------------------------------------- a superstep that is not over


def test_an_edit_takes_in_what_finished_tasks_have_returned() -> None:
    """LangGraph forgets it."""

    def run(lib: Library) -> object:
        graph = waiting(lib)
        assert now(graph)[0] == ["i", "k"]
        graph.update_state(THREAD, {"log": ["A"]}, as_node="a")
        return now(graph)[0]

    assert run(THEIRS) == ["i", "A"]
    assert run(OURS) == ["i", "A", "k"]


def test_an_edit_as_a_node_that_is_due_leaves_the_others_due() -> None:
    """In LangGraph they are due no more, whether they wait or have yet to run."""

    def run(lib: Library) -> list[str]:
        nodes = {"a": logging("a"), "b": logging("b")}
        graph = begun(lib, fan(lib, State, **nodes), interrupt_before=["a"])
        graph.update_state(THREAD, {"log": ["A"]}, as_node="a")
        return now(graph)[1]

    assert run(THEIRS) == []
    assert run(OURS) == ["b"]


def test_an_edit_as_nobody_leaves_the_rest_of_a_superstep_due() -> None:
    """In LangGraph the edges of the node before are followed anew, and finished tasks run again."""

    def run(lib: Library) -> tuple[object, list[str]]:
        graph = waiting(lib)
        graph.update_state(THREAD, {"x": 1})
        return now(graph)

    assert run(THEIRS) == (["i"], ["a", "b", "k"])
    assert run(OURS) == (["i", "k"], ["a", "b"])


def test_an_edit_counts_as_the_last_writer() -> None:
    """LangGraph knows only nodes that have run."""

    def run(lib: Library) -> list[str]:
        graph = three(lib)
        graph.update_state(THREAD, {"log": ["B"]}, as_node="b")
        graph.update_state(THREAD, {"log": ["u"]})
        return now(graph)[1]

    assert run(THEIRS) == ["b"]
    assert run(OURS) == ["c"]


# ------------------------------------------------------------------------------------- the past


def test_a_copy_is_a_child_of_what_it_copies() -> None:
    """In LangGraph it is its sibling."""

    def run(lib: Library) -> bool:
        graph = three(lib)
        old = graph.get_state(THREAD)
        graph.update_state(THREAD, None, as_node="__copy__")
        made = graph.get_state(THREAD)
        return id_in(made.parent_config) == id_in(old.config)

    assert not run(THEIRS)
    assert run(OURS)


def id_in(config: Any) -> object:  # noqa: ANN401 - of either library
    """Return the checkpoint that a config names."""
    return config["configurable"]["checkpoint_id"]


def test_a_branch_of_a_superstep_that_is_not_over_runs_no_finished_task_again() -> None:
    """In LangGraph all of it runs again, and what was answered is asked again."""

    def run(lib: Library) -> tuple[list[str], list[object]]:
        calls: list[str] = []
        graph = waiting(lib, calls)
        answer_first(lib, graph)
        calls.clear()
        graph.invoke(None, graph.get_state(THREAD).config)
        return sorted(calls), asks(graph)

    assert run(THEIRS) == (["a", "b", "k"], ["a0", "b0"])
    assert run(OURS) == (["a", "b"], ["a1", "b0"])


def test_an_answer_at_a_checkpoint_that_was_answered_is_another_answer() -> None:
    """LangGraph ignores it, and gives the old one."""

    def run(lib: Library) -> object:
        graph = begun(lib, chain(lib, a=asking(lib, "a")))
        waits = graph.get_state(THREAD).config
        answer(lib, graph, "A")
        return answer(lib, graph, "B", waits)["log"]

    assert run(THEIRS) == ["i", "a", "A"]
    assert run(OURS) == ["i", "a", "B"]
