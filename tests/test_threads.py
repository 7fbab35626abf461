"""Threads: what users are told, what outlasts a change of the graph, what cannot be stored."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeAlias, TypedDict
from uuid import UUID

import pytest

from graphflow import (
    START,
    CodecError,
    Command,
    CompiledStateGraph,
    EmptyInputError,
    InvalidUpdateError,
    OnBusy,
    Send,
    StateGraph,
)
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.records import Commit
from graphflow.checkpoint.registry import Registry
from graphflow.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    DamagedCheckpointError,
    InPlaceEditError,
)

Config: TypeAlias = Any
Node: TypeAlias = Callable[[Any], Any]

T: Config = {"configurable": {"thread_id": "t"}}


class State(TypedDict, total=False):
    """A list that is appended to, and two plain keys."""

    log: Annotated[list[Any], operator.add]
    x: Any
    y: Any


class Less(TypedDict, total=False):
    """What the state was, before it had a key more."""

    log: Annotated[list[Any], operator.add]
    x: Any


@dataclass
class Strange:
    """A class that no annotation names."""

    n: int


def gives(value: object) -> Node:
    """Return a node that returns a value."""
    return lambda _: value


def x_of(state: State) -> str:
    """Return the state's x: a path function."""
    return str(state.get("x"))


def in_front(old: list[Any], new: list[Any]) -> list[Any]:
    """Put what is new in front: a reducer."""
    return [*new, *old]


def strangely(old: object, new: int) -> object:
    """Make of a write what cannot be stored: a reducer."""
    return new if old is None or new == 0 else Strange(new)


def raises(error: Exception) -> Node:
    """Return a node that raises an error."""

    def node(_: object) -> object:
        raise error

    return node


def chain(
    store: BaseCheckpointSaver | None = None, /, state: type[Any] = State, **nodes: Node
) -> CompiledStateGraph[Any, Any]:
    """Return a graph of nodes that follow each other, in a store."""
    builder: StateGraph[Any, Any] = StateGraph(state)
    previous = START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(previous, name)
        previous = name
    return builder.compile(checkpointer=InMemorySaver() if store is None else store)


def fan(store: InMemorySaver, **nodes: Node) -> CompiledStateGraph[Any, Any]:
    """Return a graph of nodes that run at once, in a store."""
    builder: StateGraph[Any, Any] = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder.compile(checkpointer=store)


# ---------------------------------------------------------------------------- which thread


@pytest.mark.parametrize(
    "config", [None, {}, {"configurable": {}}, {"configurable": {"thread_id": None}}]
)
def test_a_run_needs_a_thread(config: Config) -> None:
    """And is told how to give one."""
    with pytest.raises(ValueError, match=r'"thread_id": "\.\.\."'):
        chain(a=gives(None)).invoke({}, config)


@pytest.mark.parametrize("name", [5, 5.0, UUID(int=5), "", "with 'quotes'\0 and \ud800"])
def test_any_thread_id_will_do(name: object) -> None:
    """It is taken by its text, as in LangGraph."""
    graph = chain(a=gives({"x": 1}))
    graph.invoke({}, {"configurable": {"thread_id": name}})
    assert graph.get_state({"configurable": {"thread_id": str(name)}}).values["x"] == 1


def test_an_unknown_thread_is_empty() -> None:
    """No error: it may be about to begin."""
    found = chain(a=gives(None)).get_state(T)
    assert (found.values, found.next, found.metadata, found.tasks) == ({}, (), None, ())
    assert found.config == T


def test_an_unknown_checkpoint_is_empty_to_read() -> None:
    """As in LangGraph, whatever its id looks like."""
    graph = chain(a=gives(None))
    graph.invoke({}, T)
    for name in ("junk", "0-0", "00000000ffff-00000001"):
        config: Config = {"configurable": {"thread_id": "t", "checkpoint_id": name}}
        assert graph.get_state(config).metadata is None
        assert [*graph.get_state_history(config)] == []


@pytest.mark.parametrize("given", [None, {"x": 1}, Command(update={"x": 1})])
def test_nothing_runs_from_an_unknown_checkpoint(given: object) -> None:
    """It would start an empty state in the thread's place."""
    graph = chain(a=gives(None))
    graph.invoke({}, T)
    config: Config = {"configurable": {"thread_id": "t", "checkpoint_id": "junk"}}
    with pytest.raises(CheckpointNotFoundError, match="'t'"):
        graph.invoke(given, config)
    assert len([*graph.get_state_history(T)]) == 3


@pytest.mark.parametrize("given", [None, Command(resume=1)])
def test_nothing_can_be_resumed_on_a_new_thread(given: object) -> None:
    """And it stays new."""
    graph = chain(a=gives(None))
    with pytest.raises(EmptyInputError, match="'t'"):
        graph.invoke(given, T)
    assert graph.get_state(T).metadata is None


def test_without_a_checkpointer_there_are_no_threads() -> None:
    """And that is said where one is asked for."""
    graph = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a").compile()
    with pytest.raises(ValueError, match="checkpointer"):
        graph.get_state(T)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"durability": "exti"}, "did you mean 'exit'"), ({"on_busy": "wait"}, "'queue'")],
)
def test_unknown_words_are_refused(options: dict[str, Any], told: str) -> None:
    """With those there are."""
    with pytest.raises(ValueError, match=told):
        chain(a=gives(None)).invoke({}, T, **options)


def test_a_namespace_needs_a_graph_inside() -> None:
    """There is none."""
    config: Config = {"configurable": {"thread_id": "t", "checkpoint_ns": "a"}}
    graph = chain(a=gives(None))
    graph.invoke({}, T)
    with pytest.raises(CheckpointNotFoundError, match="no graph of the checkpoint_ns 'a'"):
        graph.invoke(None, config)
    with pytest.raises(CheckpointNotFoundError, match="has no graph of the checkpoint_ns 'a'"):
        graph.update_state(config, None)


def test_a_checkpointer_must_be_one() -> None:
    """Or compile() says so."""
    builder = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a")
    wrong: Any = object()
    with pytest.raises(TypeError, match="BaseCheckpointSaver"):
        builder.compile(checkpointer=wrong)


def test_a_graph_for_insides_cannot_be_run_by_itself() -> None:
    """It has nowhere to be stored."""
    builder = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a")
    with pytest.raises(RuntimeError, match="is for a graph inside another"):
        builder.compile(checkpointer=True).invoke({})


def test_no_checkpointer_may_be_said_with_false() -> None:
    """As LangGraph's users do."""
    builder = StateGraph(State).add_node("a", gives({"x": 1})).add_edge(START, "a")
    assert builder.compile(checkpointer=False).invoke({})["x"] == 1


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("given", [5, [], {"z": 1}])
def test_a_bad_input_leaves_the_thread_alone(given: Any) -> None:  # noqa: ANN401 - wrong on purpose
    """Nothing of it is stored."""
    graph = chain(a=gives(None))
    graph.invoke({"x": 1}, T)
    before = [*graph.get_state_history(T)]
    with pytest.raises(InvalidUpdateError):
        graph.invoke(given, T)
    assert [*graph.get_state_history(T)] == before


def test_an_input_that_cannot_be_stored_leaves_the_thread_alone() -> None:
    """And is told by its key."""
    graph = chain(a=gives(None))
    with pytest.raises(CodecError, match=r"'x'") as caught:
        graph.invoke({"x": [Strange(1)]}, T)
    assert (caught.value.channel, caught.value.path) == ("x", "[0]")
    assert graph.get_state(T).metadata is None


def test_metadata_that_cannot_be_stored_are_refused() -> None:
    """Before anything runs."""
    ran: list[object] = []
    config: Config = {**T, "metadata": {"who": object()}}
    with pytest.raises(CodecError, match="metadata"):
        chain(a=ran.append).invoke({}, config)
    assert ran == []


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_result_that_cannot_be_stored_fails_its_node(durability: Any) -> None:  # noqa: ANN401 - a Literal
    """Which is told by name, and runs again when it is mended."""
    store = InMemorySaver()
    with pytest.raises(CodecError, match="Strange") as caught:
        chain(store, a=gives({"log": ["a"]}), b=gives({"x": {"deep": Strange(1)}})).invoke(
            {}, T, durability=durability
        )
    if durability != "exit":
        error = caught.value
        assert (error.channel, error.node, error.path) == ("x", "b", "['deep']")
        mended = chain(store, a=gives({"log": ["again"]}), b=gives({"x": 1}))
        assert mended.get_state(T).next == ("b",)
        assert mended.invoke(None, T) == {"log": ["a"], "x": 1}


def test_a_sibling_of_what_cannot_be_stored_is_kept() -> None:
    """It has done nothing wrong."""
    store = InMemorySaver()
    ran: list[str] = []

    def good(_: object) -> object:
        ran.append("good")
        return {"log": ["good"]}

    with pytest.raises(CodecError):
        fan(store, bad=gives({"x": Strange(1)}), good=good).invoke({}, T)
    assert fan(store, bad=gives({"x": 1}), good=good).invoke(None, T) == {"log": ["good"], "x": 1}
    assert ran == ["good"]


def test_types_given_to_compile_are_stored() -> None:
    """And come back as what they were."""
    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("a", gives({"x": Strange(1)})).add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver(), types=[Strange])
    graph.invoke({}, T)
    assert graph.get_state(T).values["x"] == Strange(1)


def test_a_state_that_was_edited_in_place_runs_the_node_again() -> None:
    """What it did to the list is lost, so its result must not count."""
    store = InMemorySaver()

    def edits(state: Any) -> object:  # noqa: ANN401 - the state
        state["log"].append("sneaked in")
        return {"x": 1}

    with pytest.raises(InPlaceEditError):
        chain(store, a=edits).invoke({"log": ["1"]}, T)
    mended = chain(store, a=gives({"log": ["2"]}))
    assert mended.get_state(T).next == ("a",)
    assert mended.invoke(None, T) == {"log": ["1", "2"]}


# ------------------------------------------------------------------- a graph that was changed


def test_a_node_that_is_gone_is_missed_by_name() -> None:
    """A new input gets out."""
    store = InMemorySaver()
    with pytest.raises(ValueError, match="boom"):
        chain(store, first=gives(None), second=raises(ValueError("boom"))).invoke({}, T)
    changed = chain(store, first=gives({"x": 1}), secund=gives(None))
    with pytest.raises(CheckpointError, match=r"'second'.*did you mean 'secund'"):
        changed.invoke(None, T)
    assert changed.get_state(T).next == ("second",)
    assert changed.invoke({}, T)["x"] == 1


def test_a_key_that_is_gone_is_kept_for_its_return() -> None:
    """By runs of the graph that does not know it, too."""
    store = InMemorySaver()
    chain(store, a=gives({"x": 1, "y": [2]})).invoke({}, T)
    without = chain(store, state=Less, a=gives({"x": 3}))
    assert without.invoke({"log": ["1"]}, T) == {"log": ["1"], "x": 3}
    assert chain(store, a=gives({})).get_state(T).values == {"log": ["1"], "x": 3, "y": [2]}


def test_a_key_that_is_gone_outlasts_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nobody writes to it."""
    monkeypatch.setattr("graphflow._core.manifest.SEGMENT", 1)
    store = InMemorySaver()
    chain(store, a=gives({"x": 1, "y": [2]})).invoke({}, T)
    chain(store, state=Less, a=gives({"x": 3}), b=gives({"x": 4})).invoke({"log": ["1"]}, T)
    assert chain(store, a=gives({})).get_state(T).values == {"log": ["1"], "x": 4, "y": [2]}


def test_a_join_that_is_gone_is_kept_for_its_return() -> None:
    """Who had arrived has still arrived."""
    store = InMemorySaver()

    def joined(*sources: str) -> CompiledStateGraph[Any, Any]:
        builder: StateGraph[Any, Any] = StateGraph(State)
        for name in "abc":
            builder.add_node(name, gives({"log": [name]}))
        builder.add_conditional_edges(START, x_of, ["a", "b"])
        if sources:
            builder.add_edge([*sources], "c")
        return builder.compile(checkpointer=store)

    joined("a", "b").invoke({"x": "a"}, T)
    joined().invoke({"x": "a"}, T)
    assert joined("a", "b").invoke({"x": "b"}, T)["log"] == ["a", "a", "b", "c"]


def test_a_reducer_may_change_between_runs() -> None:
    """What it did is what is stored, not what it would do now."""
    store = InMemorySaver()

    class Other(TypedDict, total=False):
        log: Annotated[list[Any], in_front]

    chain(store, a=gives({"log": ["a"]})).invoke({"log": ["1"]}, T)
    changed = chain(store, state=Other, a=gives({"log": ["b"]}))
    assert changed.get_state(T).values["log"] == ["1", "a"]
    assert changed.invoke({"log": ["2"]}, T)["log"] == ["b", "2", "1", "a"]


# ---------------------------------------------------------------------------- the snapshot


def test_a_snapshot_can_be_taken_apart() -> None:
    """As LangGraph's named tuple can."""
    graph = chain(a=gives({"x": 1}))
    graph.invoke({}, T)
    found = graph.get_state(T)
    values, following, *_ = found
    assert found[:2] == (values, following)
    assert (values, following, found[0], len(found)) == ({"log": [], "x": 1}, (), values, 8)


def test_values_of_a_history_are_read_when_they_are_looked_at() -> None:
    """So a thread that is gone meanwhile says so."""
    store = InMemorySaver()
    graph = chain(store, a=gives({"x": 1}))
    graph.invoke({}, T)
    newest, *_ = graph.get_state_history(T)
    store.delete_thread("t")
    with pytest.raises(LookupError, match="deleted"):
        _ = newest.values


def test_metadata_of_the_run_are_the_checkpoints() -> None:
    """All of `metadata`, and the plain values of `configurable`."""
    graph = chain(a=gives(None))
    config: Config = {
        "configurable": {"thread_id": "t", "user": "u", "client": object(), "__secret": 1},
        "metadata": {"nested": {"k": [1]}, "source": "mine"},
    }
    graph.invoke({}, config)
    assert graph.get_state(T).metadata == {
        "source": "loop",
        "step": 1,
        "parents": {},
        "nested": {"k": [1]},
        "user": "u",
    }


# ------------------------------------------------------------------------------ what is missing


@pytest.mark.parametrize("seq", [1, 3, 4, 5])
def test_a_record_that_is_missing_is_noticed(seq: int) -> None:
    """Wherever it was: the values would be wrong without it."""
    store = InMemorySaver()
    graph = chain(store, a=gives({"log": ["a"]}), b=gives({"log": ["b"]}), c=gives({"log": ["c"]}))
    graph.invoke({"log": ["1"]}, T)
    head = store.head("t")
    assert head is not None
    records = [each for each in store.records("t") if each.seq != seq]
    branches = store.branches("t")
    store.delete_thread("t")
    store.append(Commit("t", 0, 0, 1, head.branch, b"", 0, (), branches))
    for each in records:
        vars(store)["_threads"]["t"].logs.setdefault(each.branch, []).append(each)
    vars(store)["_threads"]["t"].seq = head.seq
    with pytest.raises(DamagedCheckpointError, match="missing") as caught:
        graph.get_state(T)
    if seq in {3, 4}:
        assert "'t'" in caught.value.__notes__[0]


# ------------------------------------------------------------------------- the rest of the API


def test_secrets_of_a_config_are_not_stored() -> None:
    """What has the name of one."""
    config: Config = {
        "configurable": {"thread_id": "t", "openai_API-key": "s", "Token": "s", "user": "u"}
    }
    graph = chain(a=gives(None))
    graph.invoke({}, config)
    assert set(graph.get_state(T).metadata or {}) == {"source", "step", "parents", "user"}


def test_a_registry_tells_how_a_class_is_stored() -> None:
    """By two functions, under a tag of its own."""
    registry = Registry()
    registry.add(PurePosixPath, "path", str, PurePosixPath)
    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("a", gives({"x": PurePosixPath("/tmp/a")})).add_edge(START, "a")  # noqa: S108 - no file
    graph = builder.compile(checkpointer=InMemorySaver(), types=registry)
    graph.invoke({}, T)
    assert graph.get_state(T).values["x"] == PurePosixPath("/tmp/a")  # noqa: S108 - the same


def test_what_a_send_carries_must_be_storable() -> None:
    """The error names the node that it is for."""
    send = Command(goto=Send("b", {"deep": Strange(1)}))
    builder: StateGraph[Any, Any] = StateGraph(State)
    builder.add_node("a", gives(send)).add_node("b", gives(None)).add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(CodecError, match=r"'b'.*Strange"):
        graph.invoke({}, T)
    assert graph.get_state(T).next == ("a",)


def test_what_a_reducer_makes_must_be_storable() -> None:
    """The error names the channel, and the node whose write it was runs again."""

    class Made(TypedDict, total=False):
        x: Annotated[Any, strangely]

    graph = chain(InMemorySaver(), state=Made, a=gives({"x": 1}))
    with pytest.raises(CodecError) as caught:
        graph.invoke({"x": 0}, T)
    assert (caught.value.channel, caught.value.node) == ("x", None)


@pytest.mark.parametrize("on_busy", [None, "reject"])
def test_a_batch_needs_a_thread_for_each_input(on_busy: OnBusy | None) -> None:
    """And says so before anything runs."""
    ran: list[object] = []
    with pytest.raises(ValueError, match="config for each input"):
        chain(a=ran.append).batch([{}, {}], T, on_busy=on_busy)
    assert ran == []


def test_a_batch_may_have_its_inputs_wait_for_each_other() -> None:
    """On one thread, each in its turn."""
    graph = chain(a=gives({"log": ["a"]}))
    graph.batch([{"log": [1]}, {"log": [2]}], T, on_busy="queue")
    log = graph.get_state(T).values["log"]
    assert (sorted(log[::2]), log[1::2]) == ([1, 2], ["a", "a"])


def test_a_batch_may_have_a_thread_for_each_input() -> None:
    """By a list of configs."""
    store = InMemorySaver()
    graph = chain(store, a=gives({"log": ["a"]}))
    configs: list[Config] = [{"configurable": {"thread_id": name}} for name in "12"]
    assert graph.batch([{}, {}], configs) == [{"log": ["a"]}] * 2
    assert {each.thread_id for each in store.list_threads()} == {"1", "2"}


def test_a_thread_tells_when_it_was_written_to() -> None:
    """As its last checkpoint does."""
    store = InMemorySaver()
    graph = chain(store, a=gives(None))
    graph.invoke({}, T)
    (found,) = store.list_threads()
    assert found.updated_at == graph.get_state(T).created_at


def test_a_store_is_closed_by_a_with_block() -> None:
    """As a file is."""
    with InMemorySaver() as store:
        chain(store, a=gives(None)).invoke({}, T)
    assert store.head("t") is not None
