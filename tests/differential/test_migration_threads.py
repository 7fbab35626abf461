"""Differences on purpose, in what a thread keeps and how a run goes on from it.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import itertools
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver

from graphflow.errors import (
    CheckpointNotFoundError,
    CodecError,
    EmptyInputError,
    InvalidUpdateError,
    ThreadBusyError,
)
from tests.differential.pair import (
    OURS,
    START,
    THEIRS,
    Library,
    State,
    chain,
    fan,
    logging,
    returning,
)
from tests.differential.specs import BoomError
from tests.differential.threads import Make, Side, Talk, beside, broken, failing, three, told

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")

Log: TypeAlias = Annotated[list[str], operator.add]
Facts: TypeAlias = tuple[Sequence[str], Sequence[tuple[str, str | None]]]
"""What is due, and each task with its error."""

THREAD: Any = {"configurable": {"thread_id": "t"}}
FIRST: State = {"log": ["i"]}


def compiled(lib: Library, builder: Any) -> Any:  # noqa: ANN401 - of either library
    """Return a graph with a store of its own."""
    return builder.compile(checkpointer=lib.memory.InMemorySaver())


def made(lib: Library, make: Make) -> Any:  # noqa: ANN401 - of either library
    """Return a graph with a store of its own."""
    return compiled(lib, make(Side(lib, "sync")))


def ended(lib: Library, make: Make = three) -> Any:  # noqa: ANN401 - of either library
    """Return a graph that has been run once, on the thread of these tests."""
    graph = made(lib, make)
    graph.invoke(FIRST, THREAD)
    return graph


def failed(lib: Library, make: Make) -> Any:  # noqa: ANN401 - of either library
    """Return a graph that has been run once, and failed."""
    graph = made(lib, make)
    with pytest.raises(BoomError):
        graph.invoke(FIRST, {**THREAD, "max_concurrency": 1})
    return graph


def steps(graph: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - of either library
    """Return the source and the step of every checkpoint, the newest first."""
    found = graph.get_state_history(THREAD)
    return [(one.metadata["source"], one.metadata["step"]) for one in found]


def facts(graph: Any) -> Facts:  # noqa: ANN401 - of either library
    """Return what is due on the thread, and each task with its error."""
    state = graph.get_state(THREAD)
    return state.next, [(task.name, task.error) for task in state.tasks]


# ------------------------------------------------------------------------------------------ storing


def test_a_superstep_is_stored_before_the_next_one_runs() -> None:
    """LangGraph stores it meanwhile, unless it is told otherwise."""
    looked = threading.Event()

    class Waiting(InMemorySaver):
        """Stores the first superstep when the second has looked."""

        def put(
            self,
            config: RunnableConfig,
            checkpoint: Checkpoint,
            metadata: CheckpointMetadata,
            new_versions: ChannelVersions,
        ) -> RunnableConfig:
            if metadata.get("step") == 1:
                assert looked.wait(10)
            return super().put(config, checkpoint, metadata, new_versions)

    def seen(lib: Library, saver: object) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []

        def look(state: State) -> None:
            found.extend(steps(graph)[:1])
            looked.set()

        graph = chain(lib, a=logging("a"), b=look).compile(checkpointer=saver)
        graph.invoke(FIRST, THREAD)
        return found

    assert seen(THEIRS, Waiting()) == [("loop", 0)]
    assert seen(OURS, OURS.memory.InMemorySaver()) == [("loop", 1)]


VALUES: dict[str, tuple[object, object]] = {
    "tuple": ((1, (2,)), [1, [2]]),
    "set of tuples": ({(1, 2)}, [[1, 2]]),
    "lone surrogate": ("\ud800", "?"),
}


class Anything(TypedDict, total=False):
    """A state of any value."""

    value: Any


@pytest.mark.parametrize(("value", "changed"), VALUES.values(), ids=VALUES)
def test_a_stored_value_keeps_its_type(value: object, changed: object) -> None:
    """In LangGraph it is another one when it is read again."""

    def read(lib: Library) -> object:
        graph = compiled(lib, chain(lib, Anything, a=returning({"value": value})))
        assert graph.invoke({}, THREAD) == {"value": value}
        return graph.get_state(THREAD).values["value"]

    assert read(THEIRS) == changed
    assert read(OURS) == value


def test_a_value_that_cannot_be_stored_fails_its_node() -> None:
    """LangGraph goes on with it, fails at the end, and keeps nothing of either node."""

    def after(lib: Library, error: type[Exception]) -> tuple[list[str], list[tuple[str, str]]]:
        ran: list[str] = []

        def run(state: Anything) -> None:
            ran.append("b")

        graph = compiled(lib, chain(lib, Anything, a=returning({"value": range(3)}), b=run))
        with pytest.raises(error, match="range"):
            graph.invoke({}, THREAD)
        return ran, [(name, str(error)[:10]) for name, error in facts(graph)[1]]

    assert after(THEIRS, TypeError) == (["b"], [("a", "None")])
    assert after(OURS, CodecError) == ([], [("a", "CodecError")])


def test_an_input_that_is_refused_is_not_stored() -> None:
    """LangGraph keeps a checkpoint of it, and another one each time it is tried."""

    def kept(lib: Library) -> list[tuple[str, int]]:
        graph = made(lib, three)
        for _ in range(2):
            with pytest.raises(lib.errors.InvalidUpdateError):
                graph.invoke(5, THREAD)
        return steps(graph)

    assert kept(THEIRS) == [("input", 0), ("input", -1)]
    assert kept(OURS) == []


def test_an_input_that_its_reducer_refuses_is_not_stored() -> None:
    """LangGraph keeps it, and cannot read the thread then."""

    class Number(TypedDict, total=False):
        total: Annotated[int, operator.add]

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        built = compiled(lib, chain(lib, Number, a=returning({"total": 1})))
        with pytest.raises(TypeError, match="unsupported operand"):
            built.invoke({"total": "x"}, THREAD)
        return built

    with pytest.raises(TypeError, match="unsupported operand"):
        graph(THEIRS).get_state(THREAD)
    assert graph(OURS).get_state(THREAD).values == {}


def test_a_store_of_langgraph_is_no_store() -> None:
    """Nor the other way round."""
    with pytest.raises(TypeError, match="Invalid checkpointer"):
        three(Side(THEIRS, "sync")).compile(checkpointer=OURS.memory.InMemorySaver())
    with pytest.raises(TypeError, match="LangGraph's own stores hold what LangGraph writes"):
        three(Side(OURS, "sync")).compile(checkpointer=THEIRS.memory.InMemorySaver())


# --------------------------------------------------------------------------------------- durability


def test_an_unknown_durability_is_an_error() -> None:
    """LangGraph takes it for "async"."""
    assert made(THEIRS, three).invoke(FIRST, THREAD, durability="bogus")
    with pytest.raises(ValueError, match="unknown durability 'bogus'"):
        made(OURS, three).invoke(FIRST, THREAD, durability="bogus")


@pytest.mark.filterwarnings("ignore:.*checkpoint_during")
def test_checkpoint_during_is_no_argument() -> None:
    """LangGraph warns of it, and takes it."""
    graph = made(THEIRS, three)
    graph.invoke(FIRST, THREAD, checkpoint_during=False)
    assert steps(graph) == [("loop", 3)]
    with pytest.raises(TypeError, match="checkpoint_during"):
        made(OURS, three).invoke(FIRST, THREAD, checkpoint_during=False)


def test_a_durability_without_a_checkpointer_says_nothing() -> None:
    """LangGraph warns of it."""

    def run(lib: Library) -> object:
        return three(Side(lib, "sync")).compile().invoke(FIRST, durability="exit")

    with pytest.warns(UserWarning, match="has no effect"):
        run(THEIRS)
    assert run(OURS) == {"log": ["i", "a", "b", "c"]}


def test_exit_shows_checkpoints_by_ids_that_are_not_stored() -> None:
    """In LangGraph the last one is."""

    def stored(lib: Library) -> bool:
        graph = made(lib, three)
        chunks = graph.stream(FIRST, THREAD, stream_mode="checkpoints", durability="exit")
        *_, last = chunks
        return bool(graph.get_state(THREAD).config == last["config"])

    assert stored(THEIRS)
    assert not stored(OURS)


def test_exit_does_not_store_what_is_untracked() -> None:
    """LangGraph keeps it of a task that had ended when another failed."""

    def seen(lib: Library) -> object:
        class Tracked(TypedDict, total=False):
            log: Log
            secret: Annotated[int, lib.channels.UntrackedValue(int)]

        def look(state: Mapping[str, Any]) -> State:
            return {"log": [f"{state.get('secret')}"]}

        builder = fan(lib, Tracked, a=returning({"secret": 1}), b=failing("b", 1))
        builder.add_node("c", look).add_edge(["a", "b"], "c")
        graph = compiled(lib, builder)
        with pytest.raises(BoomError):
            graph.invoke({}, {**THREAD, "max_concurrency": 1}, durability="exit")
        return graph.invoke(None, THREAD, durability="exit")["log"]

    assert seen(THEIRS) == ["b", "1"]
    assert seen(OURS) == ["b", "None"]


# ------------------------------------------------------------------------------- threads, and runs


def test_a_thread_id_of_none_is_an_error() -> None:
    """LangGraph stores under it, and reads another thread."""

    def nobody() -> Any:  # noqa: ANN401 - a config; LangGraph changes it
        return {"configurable": {"thread_id": None}}

    graph = made(THEIRS, three)
    graph.invoke(FIRST, nobody())
    assert graph.get_state(nobody()).values == {}
    with pytest.raises(ValueError, match="the config names no thread"):
        made(OURS, three).invoke(FIRST, nobody())


@pytest.mark.parametrize("config", [{}, {"configurable": {}}])
def test_to_read_no_thread_is_a_value_error(config: Any) -> None:  # noqa: ANN401 - a config
    """LangGraph fails on a key of its own."""
    with pytest.raises(KeyError):
        made(THEIRS, three).get_state(config)
    with pytest.raises(ValueError, match="thread_id"):
        made(OURS, three).get_state(config)


def test_a_namespace_that_is_not_there_is_an_error() -> None:
    """LangGraph runs on the thread itself, and reads nothing."""
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "x"}}
    graph = made(THEIRS, three)
    graph.invoke(FIRST, config)
    assert graph.get_state(THREAD).values == {"log": ["i", "a", "b", "c"]}
    assert graph.get_state(config).values == {}
    ours = made(OURS, three)
    with pytest.raises(InvalidUpdateError, match="leave checkpoint_ns out"):
        ours.invoke(FIRST, config)
    ours.invoke(FIRST, THREAD)
    assert ours.get_state(config).values == {}
    with pytest.raises(CheckpointNotFoundError, match="no graph of the checkpoint_ns 'x'"):
        ours.invoke(None, config)


def test_a_run_from_an_unknown_checkpoint_is_an_error() -> None:
    """LangGraph begins with an empty state, which is the thread's state then."""
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_id": "unknown"}}
    theirs = ended(THEIRS)
    theirs.invoke({"log": ["j"]}, config)
    assert theirs.get_state(THREAD).values == {"log": ["j", "a", "b", "c"]}
    ours = ended(OURS)
    with pytest.raises(CheckpointNotFoundError, match="no checkpoint with that checkpoint_id"):
        ours.invoke({"log": ["j"]}, config)
    assert theirs.get_state(config).values == ours.get_state(config).values == {}


def test_a_second_run_on_a_thread_is_turned_away() -> None:
    """In LangGraph both run, and what one of them did is lost."""

    def both(lib: Library) -> object:
        def act(state: State) -> State:
            if state.get("log") == ["outer"]:
                graph.invoke({"log": ["inner"]}, THREAD)
            return {"log": ["a"]}

        graph = compiled(lib, chain(lib, a=act))
        graph.invoke({"log": ["outer"]}, THREAD)
        return graph.get_state(THREAD).values["log"]

    assert both(THEIRS) == ["outer", "a"]
    with pytest.raises(ThreadBusyError, match="has a run that has not ended"):
        both(OURS)


def test_an_unknown_on_busy_is_an_error() -> None:
    """LangGraph has no such argument, and ignores it."""
    assert made(THEIRS, three).invoke(FIRST, THREAD, on_busy="bogus")
    with pytest.raises(ValueError, match="unknown on_busy 'bogus'"):
        made(OURS, three).invoke(FIRST, THREAD, on_busy="bogus")


# ----------------------------------------------------------------------------------------- metadata

KEPT: dict[str, object] = {"list": [1], "dict": {"a": 1}, "none": None, "nul": "a\0b"}


def test_metadata_keep_every_value() -> None:
    """LangGraph drops all but words, numbers and truth values, and NUL in words."""

    def kept(lib: Library) -> object:
        graph = made(lib, three)
        graph.invoke(FIRST, {**THREAD, "metadata": KEPT})
        found = graph.get_state(THREAD).metadata
        return {key: found[key] for key in KEPT if key in found}

    assert kept(THEIRS) == {"nul": "ab"}
    assert kept(OURS) == KEPT


def test_metadata_that_cannot_be_stored_are_an_error() -> None:
    """LangGraph drops them."""
    config: Any = {**THREAD, "metadata": {"who": object()}}
    assert made(THEIRS, three).invoke(FIRST, config)
    with pytest.raises(CodecError, match="in the config's 'metadata'"):
        made(OURS, three).invoke(FIRST, config)


def test_what_is_named_as_a_secret_is_not_stored() -> None:
    """LangGraph stores all words of `configurable`, an `api_key` too."""

    def kept(lib: Library) -> object:
        graph = made(lib, three)
        graph.invoke(
            FIRST, {"configurable": {**THREAD["configurable"], "api_key": "s", "user": "u"}}
        )
        return {*graph.get_state(THREAD).metadata} - {"source", "step", "parents"}

    assert kept(THEIRS) == {"api_key", "user"}
    assert kept(OURS) == {"user"}


def test_a_filter_for_none_finds_what_is_none() -> None:
    """In LangGraph it finds what is not there."""

    def found(lib: Library) -> int:
        return len([*ended(lib).get_state_history(THREAD, filter={"missing": None})])

    assert found(THEIRS) == 5
    assert found(OURS) == 0


def chunk(lib: Library, config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of either library
    """Return the last checkpoint that a run shows."""
    *_, last = made(lib, three).stream(FIRST, config, stream_mode="checkpoints")
    return last


def test_the_config_of_a_chunk_only_names_its_checkpoint() -> None:
    """LangGraph hands all of `configurable` on, objects and secrets included."""
    config = {"configurable": {"thread_id": "t", "secret": "s"}}
    names = {"thread_id", "checkpoint_ns", "checkpoint_id"}
    assert chunk(THEIRS, config)["config"]["configurable"].keys() == {*names, "secret"}
    assert chunk(OURS, config)["config"]["configurable"].keys() == names


def test_the_metadata_of_a_chunk_are_those_that_are_stored() -> None:
    """LangGraph leaves out the run's own, though it stores them."""
    config = {**THREAD, "metadata": {"who": "me"}}
    stored: dict[str, object] = {"source": "loop", "step": 3, "parents": {}}
    assert chunk(THEIRS, config)["metadata"] == stored
    assert chunk(OURS, config)["metadata"] == {**stored, "who": "me"}


def test_a_snapshot_is_a_sequence_and_no_named_tuple() -> None:
    """Its fields can be read by place, as in LangGraph; those of its tasks by name only."""

    def state(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return failed(lib, broken(1)).get_state(THREAD)

    theirs, ours = state(THEIRS), state(OURS)
    assert theirs[1] == ours[1] == [*ours][1] == ours.next == ("b",)
    assert [isinstance(one, tuple) for one in (theirs, ours)] == [True, False]
    (first,), (second,) = theirs.tasks, ours.tasks
    assert [*first][1] == first.name == second.name == "b"
    with pytest.raises(TypeError, match="not iterable"):
        iter(second)


# ----------------------------------------------------------------------------------------- failures


def edge(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
    """Return a node with a conditional edge that fails once."""
    builder = chain(side.lib, a=failing("a", 2)).add_node("b", logging("b"))
    return builder.add_conditional_edges("a", stumbling("b"))


def entry(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
    """Return a graph whose conditional edge from START fails once."""
    builder = side.lib.graph.StateGraph(State).add_node("b", logging("b"))
    return builder.add_conditional_edges(START, stumbling("b"))


def stumbling(target: str) -> Callable[[State], str]:
    """Return a path function that fails once."""
    count = itertools.count()

    def path(state: State) -> str:
        if not next(count):
            raise BoomError
        return target

    return path


def test_a_conditional_edge_that_failed_is_run_again() -> None:
    """And only the edge; in LangGraph the thread has ended, and where the edge leads is lost."""
    theirs, ours = failed(THEIRS, edge), failed(OURS, edge)
    assert facts(theirs) == ((), [("a", "BoomError()")])
    assert facts(ours) == (("a",), [("a", "BoomError()")])
    assert theirs.get_state(THREAD).values == ours.get_state(THREAD).values == {"log": ["i", "a"]}
    assert theirs.invoke(None, THREAD) == {"log": ["i", "a"]}
    assert ours.invoke(None, THREAD) == {"log": ["i", "a", "b"]}


def test_a_conditional_edge_of_start_that_failed_is_run_again() -> None:
    """In LangGraph the input stays, and runs nothing."""
    theirs, ours = failed(THEIRS, entry), failed(OURS, entry)
    assert facts(theirs) == ((), [("__start__", "BoomError()")])
    assert facts(ours) == (("__start__",), [("__start__", "BoomError()")])
    assert theirs.invoke(None, THREAD) == {"log": ["i"]}
    assert ours.invoke(None, THREAD) == {"log": ["i", "b"]}


class Number(TypedDict, total=False):
    """A state with a reducer for x."""

    log: Log
    x: Annotated[int, operator.add]


def colliding(side: Side, state: object = State) -> Any:  # noqa: ANN401 - a builder of either library
    """Return two nodes that write x, and one that does not."""
    acts = {"a": returning({"x": 1}), "b": returning({"x": 2}), "c": logging("c")}
    return fan(side.lib, state, **acts)


def collided(lib: Library, **options: Any) -> Any:  # noqa: ANN401 - of either library
    """Return the graph after a run."""
    graph = made(lib, colliding)
    with pytest.raises(lib.errors.InvalidUpdateError):
        graph.invoke(FIRST, THREAD, **options)
    return graph


def test_a_thread_whose_writers_collided_can_be_read() -> None:
    """In LangGraph it cannot, and its history shows no error."""
    with pytest.raises(THEIRS.errors.InvalidUpdateError, match="At key 'x'"):
        collided(THEIRS).get_state(THREAD)
    (last, *_) = collided(THEIRS).get_state_history(THREAD)
    assert [task.error for task in last.tasks] == [None] * 3

    ours = collided(OURS)
    due, tasks = facts(ours)
    assert (due, ours.get_state(THREAD).values) == (("a", "b"), {"log": ["i", "c"]})
    assert [(name, "'a' wrote 1" in str(error)) for name, error in tasks] == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]


def test_a_collision_is_tried_again_with_the_graph_as_it_is() -> None:
    """In both; a new input gets out in both, too."""

    def mended(lib: Library, given: object) -> object:
        side, saver = Side(lib, "sync"), lib.memory.InMemorySaver()
        graph, again = (
            colliding(side, state).compile(checkpointer=saver) for state in (State, Number)
        )
        with pytest.raises(lib.errors.InvalidUpdateError):
            graph.invoke(FIRST, THREAD)
        return again.invoke(given, THREAD)

    for lib in (THEIRS, OURS):
        assert mended(lib, None) == {"log": ["i", "c"], "x": 3}
        assert mended(lib, {"log": ["j"]}) == {"log": ["i", "j", "c"], "x": 3}


def test_exit_does_not_store_half_a_superstep() -> None:
    """LangGraph stores what it had taken when the writers collided, and nothing is due."""

    def left(lib: Library) -> tuple[object, object]:
        state = collided(lib, durability="exit").get_state(THREAD)
        return state.values["log"], state.next

    assert left(THEIRS) == (["i"], ())
    assert left(OURS) == (["i", "c"], ("a", "b"))


def test_a_thread_whose_reducer_failed_can_be_read() -> None:
    """In LangGraph it cannot."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        acts = {"a": returning({"x": "1"}), "c": logging("c")}
        built = compiled(lib, fan(lib, Number, **acts))
        with pytest.raises(TypeError, match="unsupported operand"):
            built.invoke(FIRST, THREAD)
        return built

    with pytest.raises(TypeError, match="unsupported operand"):
        graph(THEIRS).get_state(THREAD)
    due, [(name, error), other] = facts(graph(OURS))
    assert (due, name, other) == (("a",), "a", ("c", None))
    assert "unsupported operand" in str(error)


def test_a_task_that_had_no_turn_has_no_error() -> None:
    """In LangGraph it has that of its being cancelled."""

    def errors(lib: Library) -> list[object]:
        def script(talk: Talk) -> None:
            talk.run(FIRST)
            talk.state()

        _, state = told(lib, "async", beside("mz", 1), script)
        return [(task["name"], task["error"]) for task in state["tasks"]]

    assert errors(THEIRS) == [("m", "BoomError('m')"), ("z", "CancelledError()")]
    assert errors(OURS) == [("m", "BoomError('m')"), ("z", None)]


def test_a_failed_superstep_is_shown_with_what_fades_after_it() -> None:
    """For it has not ended; LangGraph shows it as if it had, if one of its tasks has."""

    def values(lib: Library) -> object:
        class Fading(TypedDict, total=False):
            log: Log
            once: Annotated[int, lib.channels.EphemeralValue(int)]
            items: Annotated[list[int], lib.channels.Topic(int)]

        builder = chain(lib, Fading, s=returning({"once": 1, "items": [2]}))
        builder.add_node("a", logging("a")).add_node("b", failing("b", 1))
        graph = compiled(lib, builder.add_edge("s", "a").add_edge("s", "b"))
        with pytest.raises(BoomError):
            graph.invoke(FIRST, {**THREAD, "max_concurrency": 1})
        return graph.get_state(THREAD).values

    assert values(THEIRS) == {"log": ["i", "a"]}
    assert values(OURS) == {"log": ["i", "a"], "once": 1, "items": [2]}


# ----------------------------------------------------------------------------------------- Commands


def test_a_command_on_a_thread_is_a_checkpoint_of_its_own() -> None:
    """LangGraph changes the last one in place."""

    def after(lib: Library) -> tuple[object, object]:
        graph = ended(lib)
        before = graph.get_state(THREAD).config
        graph.invoke(lib.types.Command(update={"log": ["u"]}), THREAD)
        return steps(graph)[:2], graph.get_state(before).values["log"]

    assert after(THEIRS) == ([("loop", 3), ("loop", 2)], ["i", "a", "b", "c", "u"])
    assert after(OURS) == ([("update", 3), ("loop", 3)], ["i", "a", "b", "c"])


def test_commands_in_a_row_may_write_the_same_key() -> None:
    """In LangGraph they collide, as if they came from one superstep."""

    def write(lib: Library) -> object:
        graph = ended(lib)
        for number in (1, 2):
            graph.invoke(lib.types.Command(update={"x": number}), THREAD)
        return graph.get_state(THREAD).values["x"]

    with pytest.raises(THEIRS.errors.InvalidUpdateError, match="At key 'x'"):
        write(THEIRS)
    assert write(OURS) == 2


def test_where_a_command_leads_is_in_the_history() -> None:
    """In LangGraph nothing was due, and whatever came of it is not shown."""

    def after(lib: Library) -> tuple[object, Facts]:
        graph = ended(lib, broken(2))
        with pytest.raises(BoomError):
            graph.invoke(lib.types.Command(goto="b"), THREAD)
        (last, *_) = graph.get_state_history(THREAD)
        return last.next, facts(graph)

    assert after(THEIRS) == ((), ((), []))
    assert after(OURS) == (("b",), (("b",), [("b", "BoomError('b')")]))


def test_a_command_can_lead_to_a_deferred_node() -> None:
    """LangGraph runs it at the end of a later run."""

    def logs(lib: Library) -> list[object]:
        builder = three(Side(lib, "sync")).add_node("d", logging("d"), defer=True)
        graph = compiled(lib, builder)
        given = (FIRST, lib.types.Command(goto="d"), {"log": ["j"]})
        return [graph.invoke(one, THREAD)["log"] for one in given]

    first, again = ["i", "a", "b", "c"], ["j", "a", "b", "c"]
    assert logs(THEIRS) == [first, first, [*first, *again, "d"]]
    assert logs(OURS) == [first, [*first, "d"], [*first, "d", *again]]


def test_a_command_on_a_new_thread_is_applied_once() -> None:
    """LangGraph applies it twice."""

    def log(lib: Library) -> object:
        command = lib.types.Command(update={"log": ["u"]})
        return made(lib, three).invoke(command, THREAD)["log"]

    assert log(THEIRS) == ["u", "u", "a", "b", "c"]
    assert log(OURS) == ["u", "a", "b", "c"]


def test_an_answer_on_a_new_thread_is_an_empty_input_error() -> None:
    """LangGraph runs the graph as with {}."""

    def run(lib: Library) -> object:
        return made(lib, three).invoke(lib.types.Command(resume="x"), THREAD)

    assert run(THEIRS) == {"log": ["a", "b", "c"]}
    with pytest.raises(EmptyInputError, match="nothing to resume"):
        run(OURS)


# --------------------------------------------------------------------- from checkpoints of the past


def test_a_run_from_the_checkpoint_of_an_input_applies_it_again() -> None:
    """LangGraph makes a checkpoint of its own first, a copy of the input's."""

    def sources(lib: Library) -> list[tuple[str, int]]:
        graph = ended(lib)
        *_, first = graph.get_state_history(THREAD)
        graph.invoke(None, first.config)
        return steps(graph)[:-5]

    again = [("loop", 3), ("loop", 2), ("loop", 1), ("loop", 0)]
    assert sources(OURS) == again
    assert sources(THEIRS) == [*((source, step + 1) for source, step in again), ("fork", 0)]


def test_a_run_from_a_fork_is_a_fork_again() -> None:
    """LangGraph makes no other checkpoint of it."""

    def twice(lib: Library) -> list[tuple[str, int]]:
        graph = ended(lib)
        for _ in range(2):
            graph.invoke(None, graph.get_state(THREAD).config)
        return steps(graph)[:3]

    assert twice(THEIRS) == [("fork", 4), ("loop", 3), ("loop", 2)]
    assert twice(OURS) == [("fork", 5), ("fork", 4), ("loop", 3)]
