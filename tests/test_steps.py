"""Channels and managed values in a run, superstep by superstep: who sees what, and for how long."""

import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict

import pytest

from graphflow import (
    END,
    REMOVE_ALL_MESSAGES,
    START,
    MessagesState,
    Overwrite,
    RemoveMessage,
    RunnableConfig,
    Send,
    StateGraph,
)
from graphflow.channels import AnyValue, Ephemeral, Topic, Untracked
from graphflow.managed import IsLastStep, RemainingSteps
from tests.small import gives


class Channels(TypedDict, total=False):
    """A key of each kind."""

    plain: int
    log: Annotated[list[int], operator.add]
    topic: Annotated[list[int], Topic(int)]
    kept: Annotated[list[int], Topic(int, accumulate=True)]
    ephemeral: Annotated[int, Ephemeral]
    untracked: Annotated[int, Untracked]
    any: Annotated[int, AnyValue]


Update = Mapping[str, object]


def states(*updates: Update, given: Update | None = None) -> list[dict[str, Any]]:
    """Run nodes that return these one after the other; return what each saw, and the end."""
    seen: list[dict[str, Any]] = []

    def node(update: Update) -> Callable[[Channels], object]:
        def look(state: Channels) -> object:
            seen.append({key: value for key, value in state.items() if key != "log" or value})
            return update

        return look

    names = [str(number) for number in range(len(updates))]
    made = StateGraph(Channels).add_sequence(
        [(name, node(update)) for name, update in zip(names, updates, strict=True)]
    )
    end = made.add_edge(START, "0").compile().invoke(given or {})
    return [*seen, {key: value for key, value in end.items() if key != "log" or value}]


NOTHING: Update = {}


def test_a_plain_key_stays() -> None:
    """Until it is written again."""
    assert states({"plain": 1}, NOTHING, {"plain": 2}) == [
        {},
        {"plain": 1},
        {"plain": 1},
        {"plain": 2},
    ]


def test_a_reduced_key_grows() -> None:
    """By each write."""
    assert states({"log": [1]}, NOTHING, {"log": [2]}) == [
        {},
        {"log": [1]},
        {"log": [1]},
        {"log": [1, 2]},
    ]


def test_a_topic_is_seen_in_the_next_superstep_only() -> None:
    """A lone item is a list of it."""
    assert states({"topic": 1}, {"topic": [2, 3]}, NOTHING) == [
        {},
        {"topic": [1]},
        {"topic": [2, 3]},
        {},
    ]


def test_a_kept_topic_grows() -> None:
    """By items and by lists of them."""
    assert states({"kept": 1}, {"kept": [2, 3]}, NOTHING)[1:] == [
        {"kept": [1]},
        {"kept": [1, 2, 3]},
        {"kept": [1, 2, 3]},
    ]


def test_a_kept_topic_can_be_emptied() -> None:
    """By an Overwrite; the key is absent then."""
    assert states({"kept": 1}, {"kept": Overwrite([])}, NOTHING) == [{}, {"kept": [1]}, {}, {}]


@pytest.mark.parametrize("key", ["ephemeral", "any"])
def test_a_fading_key_is_seen_in_the_next_superstep_only(key: str) -> None:
    """Unless it is written again."""
    assert states({key: 1}, {key: 2}, NOTHING) == [{}, {key: 1}, {key: 2}, {}]


def test_a_fading_key_of_the_input_is_seen_in_the_first_superstep_only() -> None:
    """The input is a superstep of its own."""
    assert states(NOTHING, NOTHING, given={"ephemeral": 1}) == [{"ephemeral": 1}, {}, {}]


def test_an_untracked_key_stays_for_the_run() -> None:
    """Within it, it is as a plain one."""
    assert states({"untracked": 1}, NOTHING) == [{}, {"untracked": 1}, {"untracked": 1}]


def test_fading_alone_shows_no_values() -> None:
    """Nothing was written."""
    made = StateGraph(Channels).add_node("a", gives({"ephemeral": 1})).add_node("b", gives(None))
    graph = made.add_edge(START, "a").add_edge("a", "b").compile()
    assert list(graph.stream({}, stream_mode="values")) == [{"log": [], "ephemeral": 1}]


def test_a_path_function_does_not_see_what_fades_with_its_superstep() -> None:
    """It sees the state as it will be, so far as its own node decides."""
    seen: list[object] = []

    def look(state: Channels) -> str:
        seen.append(state.get("ephemeral"))
        return END

    made = StateGraph(Channels).add_node("a", gives(None)).add_edge(START, "a")
    made.add_conditional_edges("a", look).compile().invoke({"ephemeral": 1})
    assert seen == [None]


KEYS = ["plain", "log", "topic", "kept", "ephemeral", "untracked", "any"]


@pytest.mark.parametrize("key", KEYS)
def test_an_overwrite_is_seen_as_the_value(key: str) -> None:
    """On every kind of channel, not as an Overwrite."""
    assert states({key: Overwrite([7])}, NOTHING)[1] == {key: [7]}


@pytest.mark.parametrize("key", KEYS)
def test_the_update_of_an_overwrite_shows_it_as_it_was_returned(key: str) -> None:
    """So that a reader can tell it from a write."""
    made = StateGraph(Channels).add_node("a", gives({key: Overwrite([7])})).add_edge(START, "a")
    assert list(made.compile().stream({})) == [{"a": {key: Overwrite([7])}}]


def test_writes_of_one_superstep_are_collected_in_plan_order() -> None:
    """By name, then Sends by number."""
    made = StateGraph(Channels).add_node("z", gives({"kept": 26})).add_node("a", gives({"kept": 1}))
    made.add_node("send", lambda number: {"kept": number}, input_schema=Channels)  # pyright: ignore[reportUnknownLambdaType] - the argument of a Send is anything
    made.set_conditional_entry_point(gives([Send("send", 2), Send("send", 3), "z", "a"]))
    assert made.compile().invoke({})["kept"] == [1, 26, 2, 3]


# -------------------------------------------------------------------------------------- messages

Messages = list[dict[str, Any]]


def said(*updates: object, given: object, run_id: str | None = None) -> Messages:
    """Run nodes that return these messages one after the other; return all that was said."""
    made = StateGraph(MessagesState).add_sequence(
        [(str(number), gives({"messages": update})) for number, update in enumerate(updates)]
    )
    config: RunnableConfig = {} if run_id is None else {"run_id": run_id}
    graph = made.add_edge(START, "0").compile()
    messages: Messages = graph.invoke({"messages": given}, config)["messages"]
    return messages


HELLO = {"role": "user", "content": "hello", "id": "1"}
BYE = {"role": "user", "content": "bye", "id": "2"}


def test_messages_are_appended_and_replaced_by_id() -> None:
    """A known id keeps its place."""
    louder = {"role": "user", "content": "HELLO", "id": "1"}
    assert said([BYE], [louder], given=[HELLO]) == [louder, BYE]


def test_messages_are_removed_by_id_or_all() -> None:
    """By what a node returns."""
    some = said([RemoveMessage(id="1")], given=[HELLO, BYE])
    none = said([RemoveMessage(id=REMOVE_ALL_MESSAGES)], given=[HELLO, BYE])
    assert (some, none) == ([BYE], [])


def test_messages_without_an_id_get_the_same_in_a_replay() -> None:
    """It is derived from run and task."""
    runs = [said({"role": "assistant", "content": "hi"}, given="hello", run_id="r") for _ in "ab"]
    assert runs[0] == runs[1]
    assert runs[0][0]["id"] != runs[0][1]["id"]


def test_a_path_function_sees_the_ids_that_the_state_will_hold() -> None:
    """They are made when the task has finished, before its edges are asked."""
    seen: list[object] = []

    def look(state: MessagesState) -> str:
        seen.extend(state["messages"])
        return END

    made = StateGraph(MessagesState).add_node("a", gives({"messages": "hi"})).add_edge(START, "a")
    end = made.add_conditional_edges("a", look).compile().invoke({})
    assert seen == end["messages"]


# -------------------------------------------------------------------------------- managed values


class Managed(TypedDict, total=False):
    """A plain key and two that the engine fills in."""

    x: int
    left: RemainingSteps
    last: IsLastStep


def managed_seen(limit: int, nodes: int) -> list[tuple[int, bool]]:
    """Run a chain under a limit; return what each node saw."""
    seen: list[tuple[int, bool]] = []

    def look(state: Managed) -> None:
        seen.append((state.get("left", -1), state.get("last", False)))

    made = StateGraph(Managed).add_sequence([(str(number), look) for number in range(nodes)])
    made.add_edge(START, "0").compile().invoke({}, {"recursion_limit": limit})
    return seen


def test_nodes_see_how_many_supersteps_may_follow() -> None:
    """One less each."""
    assert [left for left, _ in managed_seen(5, 3)] == [4, 3, 2]


def test_a_node_sees_that_its_superstep_is_the_last_that_can_end_well() -> None:
    """The limit is checked once more after it, so that is the one before the limit."""
    assert [last for _, last in managed_seen(4, 3)] == [False, False, True]


def test_managed_keys_are_no_part_of_the_state() -> None:
    """Neither the output nor the values have them."""
    made = StateGraph(Managed).add_node("a", gives({"x": 1})).add_edge(START, "a")
    assert list(made.compile().stream({}, stream_mode="values")) == [{"x": 1}]


def test_a_node_whose_schema_has_no_managed_key_sees_none() -> None:
    """They are filled in where they are asked for."""

    class Narrow(TypedDict, total=False):
        x: int

    seen: list[object] = []
    made = StateGraph(Managed).add_node("a", seen.append, input_schema=Narrow)
    made.add_edge(START, "a").compile().invoke({"x": 1})
    assert seen == [{"x": 1}]


def test_a_path_function_sees_managed_values() -> None:
    """Those of its node's superstep."""
    seen: list[object] = []

    def look(state: Managed) -> str:
        seen.append(state.get("left"))
        return END

    made = StateGraph(Managed).add_node("a", gives(None)).add_edge(START, "a")
    made.add_conditional_edges("a", look).compile().invoke({}, {"recursion_limit": 5})
    assert seen == [4]
