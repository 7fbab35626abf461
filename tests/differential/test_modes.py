"""Every stream mode shows on a thread what it shows in LangGraph, chunk for chunk and id for id.

Each test streams in one mode, then in all together. What is stored meanwhile is the subject of
`test_histories.py`, where runs stream in all modes, too.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

import pytest

from tests.differential.build import Kind
from tests.differential.pair import OURS, START, THEIRS, Library, State, chain, logging
from tests.differential.threads import (
    EXAMPLES,
    PLAIN,
    Make,
    Side,
    Talk,
    agree,
    beside,
    broken,
    examples,
    failing,
    kinds,
    looks,
    mixed,
    sent,
    told,
)

Says: TypeAlias = Callable[[Library], object]

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")

FAILURES: dict[str, Make] = {
    "in a chain": broken(1, 2),
    "behind finished siblings": beside("agm", 1, 2),
    "in a Send": sent(1, 2),
    "behind a Send and a node": mixed(1, 2),
}

failures = pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


COMMANDS: dict[str, Says] = {
    "update": lambda lib: lib.types.Command(update={"log": ["u"], "x": 7}),
    "pairs": lambda lib: lib.types.Command(update=[("log", ["u"]), ("log", ["v"]), ("x", 3)]),
    "goto": lambda lib: lib.types.Command(goto="c"),
    "goto the first": lambda lib: lib.types.Command(goto="a"),
    "update and goto": lambda lib: lib.types.Command(update={"log": ["u"]}, goto="c"),
    "Send": lambda lib: lib.types.Command(goto=lib.types.Send("c", {"log": ["s"]})),
    "several": lambda lib: lib.types.Command(goto=["c", lib.types.Send("c", 5), "b"]),
    "resume": lambda lib: lib.types.Command(resume="x"),
    "resume of nothing": lambda lib: lib.types.Command(resume={}),
    "update and resume": lambda lib: lib.types.Command(update={"log": ["u"]}, resume="x"),
}

commands = pytest.mark.parametrize("said", COMMANDS.values(), ids=COMMANDS)


@looks
@examples
def test_a_run_shows_what_it_does_in_langgraph(kind: Kind, mode: Iterable[str], make: Make) -> None:
    """On a new thread, then on one that has ended, where None shows it as it is."""

    def script(talk: Talk) -> None:
        for given in ({"log": ["i"]}, {"log": ["j"], "x": 1}, None):
            talk.run(given, *mode)

    agree(kind, make, script)


@kinds
@examples
def test_a_run_without_a_checkpointer_shows_what_it_does_in_langgraph(
    kind: Kind, make: Make
) -> None:
    """No checkpoints, but tasks as ever."""

    def script(talk: Talk) -> None:
        talk.graph = make(Side(talk.lib, kind)).compile()
        talk.run({"log": ["i"]}, durability=None)

    agree(kind, make, script)


@looks
@failures
def test_a_failing_run_shows_what_it_does_in_langgraph(
    kind: Kind, mode: Iterable[str], make: Make
) -> None:
    """It fails again when it is resumed; then all is well, and what was done is shown as cached."""

    def script(talk: Talk) -> None:
        for given in ({"log": ["i"]}, None, None, None, {"log": ["j"]}):
            talk.run(given, *mode)

    agree(kind, make, script)


@looks
@failures
def test_a_new_input_after_a_failure_shows_what_it_does_in_langgraph(
    kind: Kind, mode: Iterable[str], make: Make
) -> None:
    """The waiting tasks are dropped, those that were done included."""

    def script(talk: Talk) -> None:
        for given in ({"log": ["i"]}, {"log": ["j"]}, {"log": ["k"]}, None):
            talk.run(given, *mode)

    agree(kind, make, script)


@pytest.mark.parametrize("mode", [*((mode,) for mode in PLAIN), PLAIN], ids="-".join)
@pytest.mark.parametrize("names", ["mxz", "amz"])
def test_siblings_behind_a_failure_are_shown_when_they_run(mode: Iterable[str], names: str) -> None:
    """They run on resume; how a checkpoint shows them until then is a difference on purpose."""

    def script(talk: Talk) -> None:
        for given in ({"log": ["i"]}, None, None, None):
            talk.run(given, *PLAIN)

    agree("async", beside(names, 1, 2), script)  # LangGraph's sync driver runs them all the same


def half_done(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
    """Return two siblings, of which the second fails once."""
    builder = chain(side.lib, a=side.node(logging("a")))
    builder.add_node("b", side.node(logging("b"))).add_node("c", side.node(failing("c", 1)))
    builder.add_node("d", side.node(logging("d")))
    return builder.add_edge("a", "b").add_edge("a", "c").add_edge(["b", "c"], "d")


@kinds
@commands
@pytest.mark.parametrize("make", [broken(), broken(1), half_done], ids=["ended", "failed", "half"])
def test_a_command_on_a_thread_shows_what_it_does_in_langgraph(
    kind: Kind, said: Says, make: Make
) -> None:
    """It writes first, and goes on with what is due; what it leaves is a difference on purpose."""

    def script(talk: Talk) -> None:
        for given in ({"log": ["i"]}, said(talk.lib), None, {"log": ["j"]}):
            talk.run(given, *PLAIN)

    agree(kind, make, script)


@kinds
def test_the_chunk_of_a_task_has_the_metadata_of_node_and_run(kind: Kind) -> None:
    """With the tags of the run among them, and without what names thread, node and step."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        builder = side.lib.graph.StateGraph(State)
        facts = {"who": "node", "team": "x", "langgraph_step": 9}
        builder.add_node("a", side.node(logging("a")), metadata=facts)
        return builder.add_edge(START, "a")

    def script(talk: Talk) -> None:
        facts = {"who": "run", "nested": {"a": [1]}, "thread_id": "other"}
        tags: list[list[str]] = [["x", "y"], []]
        for some in tags:
            talk.run({}, "tasks", config={"metadata": facts, "tags": some})
            talk.run({}, "tasks", config={"tags": some})
        talk.run({}, "tasks")

    agree(kind, make, script)


@kinds
def test_a_checkpoint_that_is_shown_again_has_the_metadata_of_its_run(kind: Kind) -> None:
    """Not those of the run that goes on from it."""

    def shown(lib: Library) -> list[Any]:
        def script(talk: Talk) -> None:
            talk.run({}, "updates", config={"metadata": {"who": "first"}})
            talk.run(None, "checkpoints", config={"metadata": {"who": "second"}})

        chunks, _ = told(lib, kind, broken(1), script)[1]
        return [chunk["metadata"] for _, chunk in chunks][:1]

    first: dict[str, object] = {"source": "loop", "step": 1, "parents": {}, "who": "first"}
    assert shown(OURS) == shown(THEIRS) == [first]


@pytest.mark.parametrize("mode", ["tasks", "checkpoints", "debug"])
@pytest.mark.parametrize("name", ["sending", "commanding"])
def test_the_keys_of_a_chunk_come_in_langgraphs_order(mode: str, name: str) -> None:
    """So do those of what is inside it, and the values of the state."""

    def order(value: object) -> object:
        if isinstance(value, dict):
            pairs = cast("dict[str, object]", value)
            return [(key, order(item)) for key, item in pairs.items() if key != "configurable"]
        if isinstance(value, list | tuple):
            return [order(item) for item in cast("Iterable[object]", value)]
        return None

    def orders(lib: Library) -> list[object]:
        talk = Talk(Side(lib, "sync"), EXAMPLES[name])
        config = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
        chunks = list(talk.graph.stream({"log": ["i"], "x": 1}, config, stream_mode=mode))
        return [order(chunk) for chunk in chunks]

    assert len(orders(OURS)) > 1
    assert orders(OURS) == orders(THEIRS)
