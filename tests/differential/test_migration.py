"""Differences on purpose, in what the state takes and where a run goes next.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it. `test_migration_building.py` and `test_migration_running.py` have the
rest, `test_messages_like_langgraph.py` what concerns lists of messages.
"""

import operator
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Annotated, Any, TypeAlias, TypedDict

import pytest

from graphflow.errors import (
    ConcurrentUpdateError,
    InPlaceEditError,
    InvalidUpdateError,
    UnknownKeyError,
    UnknownNodeError,
)
from tests.differential.pair import (
    END,
    OURS,
    START,
    THEIRS,
    Action,
    Library,
    State,
    alone,
    chain,
    fan,
    logging,
    returning,
    until_error,
)

Said: TypeAlias = Callable[[Library], object]


# ------------------------------------------------------------------------------- state and updates


def test_an_unknown_key_of_an_update_is_an_error() -> None:
    """LangGraph drops it, and the node has written nothing."""
    action = returning({"lgo": ["a"]})
    assert alone(THEIRS, action).invoke({"log": ["in"]}) == {"log": ["in"]}
    with pytest.raises(UnknownKeyError, match=r"'lgo' \(did you mean 'log'\?\)"):
        alone(OURS, action).invoke({"log": ["in"]})


def test_an_unknown_key_of_the_input_is_an_error() -> None:
    """LangGraph drops it, and the run begins without it."""
    assert alone(THEIRS, logging("a")).invoke({"lgo": ["in"]}) == {"log": ["a"]}
    with pytest.raises(UnknownKeyError, match="the input has the unknown key 'lgo'"):
        alone(OURS, logging("a")).invoke({"lgo": ["in"]})


def test_an_input_key_outside_the_input_schema_is_an_error() -> None:
    """LangGraph drops it too; it is a key of the state, but no caller may give it."""

    class Input(TypedDict):
        x: int

    options: dict[str, Any] = {"input_schema": Input}
    given = {"x": 1, "log": ["in"]}
    theirs = chain(THEIRS, options=options, a=logging("a")).compile()
    assert theirs.invoke(given) == {"log": ["a"], "x": 1}
    with pytest.raises(UnknownKeyError, match="the input has the unknown key 'log'"):
        chain(OURS, options=options, a=logging("a")).compile().invoke(given)


def test_extra_ignore_drops_unknown_keys_as_langgraph_does() -> None:
    """It is the way to keep a program that relies on the silence."""
    action = returning({"lgo": ["a"], "x": 1})
    ours = chain(OURS, options={"extra": "ignore"}, a=action).compile()
    given = {"log": ["in"], "z": 2}
    assert ours.invoke(given) == alone(THEIRS, action).invoke(given) == {"log": ["in"], "x": 1}


def test_an_edit_of_the_state_in_place_is_an_error() -> None:
    """In LangGraph it changes the channel past its reducer, for this run only."""

    def edit(state: dict[str, list[str]]) -> None:
        state["log"].append("edited")

    assert alone(THEIRS, edit).invoke({"log": ["in"]}) == {"log": ["in", "edited"]}
    with pytest.raises(InPlaceEditError, match="'log' was changed in place while node 'a' ran"):
        alone(OURS, edit).invoke({"log": ["in"]})


@pytest.mark.parametrize("kind", ["LastValue", "EphemeralValue", "UntrackedValue", "AnyValue"])
def test_an_overwrite_replaces_the_value_of_every_channel(kind: str) -> None:
    """LangGraph knows it in reducers, and stores the Overwrite itself in any other channel."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - what the channel holds
        channel = getattr(lib.channels, kind)(int)
        state: Any = TypedDict("state", {"key": Annotated[int, channel]}, total=False)
        return alone(lib, returning({"key": lib.types.Overwrite(1)}), state).invoke({})["key"]

    assert run(THEIRS) == THEIRS.types.Overwrite(1)
    assert run(OURS) == 1


def test_a_dict_that_looks_like_an_overwrite_is_an_error() -> None:
    """LangGraph obeys it, so data from outside can empty a channel."""
    action = returning({"log": {"__overwrite__": ["a"]}})
    assert alone(THEIRS, action).invoke({"log": ["in"]}) == {"log": ["a"]}
    with pytest.raises(InvalidUpdateError, match=r"write Overwrite\(value\)"):
        alone(OURS, action).invoke({"log": ["in"]})


def test_a_reducer_counts_though_a_word_stands_behind_it() -> None:
    """In LangGraph it must be the last word of the annotation; else writes replace each other."""

    class Documented(TypedDict):
        log: Annotated[list[str], operator.add, "what happened"]

    assert alone(THEIRS, logging("a"), Documented).invoke({"log": ["in"]}) == {"log": ["a"]}
    assert alone(OURS, logging("a"), Documented).invoke({"log": ["in"]}) == {"log": ["in", "a"]}


@pytest.mark.parametrize("schema", [list, dict])
def test_a_state_that_is_no_schema_is_an_error(schema: object) -> None:
    """LangGraph builds a graph without any key."""
    THEIRS.graph.StateGraph(schema)
    with pytest.raises(TypeError, match="state_schema must be a TypedDict or a dataclass"):
        OURS.graph.StateGraph(schema)


def test_two_schemas_with_other_lambdas_for_a_key_are_an_error() -> None:
    """LangGraph takes any two lambdas for one and the same reducer."""

    class Sum(TypedDict):
        x: Annotated[int, lambda old, new: old + new]  # pyright: ignore[reportUnknownLambdaType] - numbers

    class Product(TypedDict):
        x: Annotated[int, lambda old, new: old * new]  # pyright: ignore[reportUnknownLambdaType] - numbers

    THEIRS.graph.StateGraph(Sum, input_schema=Product)
    with pytest.raises(ValueError, match="give it the same annotation in both"):
        OURS.graph.StateGraph(Sum, input_schema=Product)


def test_an_object_that_is_no_dataclass_is_no_update() -> None:
    """LangGraph reads the attributes of any object whose class has annotations."""

    class Settings:
        x: int = 1

    assert alone(THEIRS, returning(Settings())).invoke({}) == {"log": [], "x": 1}
    with pytest.raises(InvalidUpdateError, match=r"node 'a' returned .*, which is no update"):
        alone(OURS, returning(Settings())).invoke({})


def test_a_collision_names_the_writers_and_what_they_wrote() -> None:
    """LangGraph names the key."""
    nodes = {"a": returning({"x": 1}), "b": returning({"x": 2})}
    with pytest.raises(THEIRS.errors.InvalidUpdateError, match="At key 'x'") as theirs:
        fan(THEIRS, **nodes).compile().invoke({})
    assert "'b'" not in str(theirs.value)
    with pytest.raises(ConcurrentUpdateError, match="'a' wrote 1, 'b' wrote 2") as ours:
        fan(OURS, **nodes).compile().invoke({})
    assert (ours.value.key, ours.value.writers, ours.value.values) == ("x", ("a", "b"), (1, 2))


def test_an_error_of_a_reducer_names_the_key_and_the_writers() -> None:
    """LangGraph raises it without a word about where it was."""
    action = returning({"log": 5})
    with pytest.raises(TypeError) as theirs:
        alone(THEIRS, action).invoke({})
    assert not hasattr(theirs.value, "__notes__")
    with pytest.raises(TypeError) as ours:
        alone(OURS, action).invoke({})
    (note,) = ours.value.__notes__
    assert all(fact in note for fact in ("reducer of 'log'", "node 'a'", "superstep 1"))


def test_a_path_function_sees_the_state_and_not_what_the_node_returned() -> None:
    """LangGraph adds the returned dict as it is, keys included that the node's schema lacks."""

    class Narrow(TypedDict):
        log: Annotated[list[str], operator.add]

    def seen(lib: Library) -> list[dict[str, Any]]:
        views: list[dict[str, Any]] = []

        def look(state: dict[str, Any]) -> str:
            views.append(dict(state))
            return END

        builder = lib.graph.StateGraph(State)
        builder.add_node("a", returning({"log": ["a"], "x": 1}), input_schema=Narrow)
        builder.add_edge(START, "a").add_conditional_edges("a", look).compile().invoke({})
        return views

    assert seen(THEIRS) == [{"log": ["a"], "x": 1}]
    assert seen(OURS) == [{"log": ["a"]}]


def test_messages_without_an_id_get_the_same_one_in_every_replay() -> None:
    """LangGraph gives random ids; graphflow's follow from the run's id, the task and the place."""

    def ids(lib: Library) -> list[Any]:
        graph = alone(lib, returning({"messages": ["hi"]}), lib.graph.MessagesState)
        config = {"run_id": "00000000-0000-0000-0000-000000000001"}
        runs = [graph.invoke({"messages": []}, config)["messages"][0] for _ in range(2)]
        return [one["id"] if isinstance(one, dict) else one.id for one in runs]

    assert len(set(ids(THEIRS))) == 2
    assert len(set(ids(OURS))) == 1


# ------------------------------------------------------------------------------ where a run goes on

NOWHERE: dict[str, Said] = {
    "unknown node": lambda _: "bb",
    "no name": lambda _: 5,
    "Send to an unknown node": lambda lib: lib.types.Send("bb", {}),
}
NO_GOTO: dict[str, Said] = {
    **NOWHERE,
    "START": lambda _: START,
    "Send to END": lambda lib: lib.types.Send(END, {}),
}
NO_ANSWER: dict[str, Said] = {**NOWHERE, "Command": lambda lib: lib.types.Command(goto="b")}


@pytest.mark.parametrize("target", NO_GOTO.values(), ids=NO_GOTO)
def test_a_goto_that_names_no_node_is_an_error(target: Said) -> None:
    """LangGraph logs that it ignores it, and the run ends as if all were well."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        action = returning(lib.types.Command(goto=[target(lib)]))
        return alone(lib, action)

    assert until_error(graph(THEIRS), {}, "updates") == ([("updates", {"a": None})], None)
    with pytest.raises(UnknownNodeError, match=r"node 'a' names .*, which is no node to go to"):
        graph(OURS).invoke({})


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
def test_an_answer_of_a_path_function_that_names_no_node_is_an_error(answer: Said) -> None:
    """LangGraph ignores it here too."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = chain(lib, a=logging("a"))
        builder.add_node("b", logging("b"))
        return builder.add_conditional_edges("a", returning(answer(lib))).compile()

    assert graph(THEIRS).invoke({}) == {"log": ["a"]}
    with pytest.raises(UnknownNodeError, match="the conditional edge 'act' of node 'a' names"):
        graph(OURS).invoke({})


def test_a_set_of_answers_leads_to_each_of_them() -> None:
    """LangGraph looks for a node of that name, finds none and goes nowhere."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = chain(lib, a=logging("a"))
        builder.add_node("b", logging("b")).add_node("c", logging("c"))
        return builder.add_conditional_edges("a", returning({"b", "c"})).compile()

    assert graph(THEIRS).invoke({}) == {"log": ["a"]}
    assert graph(OURS).invoke({}) == {"log": ["a", "b", "c"]}


def test_a_send_beside_a_command_is_run() -> None:
    """LangGraph loses it."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        both = [lib.types.Command(update={"log": ["a"]}), lib.types.Send("b", {})]
        return chain(lib, a=returning(both)).add_node("b", logging("b")).compile()

    assert graph(THEIRS).invoke({}) == {"log": ["a"]}
    assert graph(OURS).invoke({}) == {"log": ["a", "b"]}


@pytest.mark.parametrize("update", ["text", [{"x": 1}], [("x", 1, 2)]])
def test_a_command_whose_update_is_none_is_an_error(update: object) -> None:
    """LangGraph writes nothing."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return alone(lib, returning(lib.types.Command(update=update)))

    assert until_error(graph(THEIRS), {}, "updates") == ([("updates", {"a": None})], None)
    with pytest.raises(InvalidUpdateError, match="which is no update"):
        graph(OURS).invoke({})


def test_a_list_of_commands_inside_a_list_is_an_error() -> None:
    """LangGraph takes the updates out of it and loses where they lead."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        inner = lib.types.Command(update={"log": ["a"]}, goto="b")
        returned = [lib.types.Command(), [inner]]
        return chain(lib, a=returning(returned)).add_node("b", logging("b")).compile()

    assert graph(THEIRS).invoke({}) == {"log": ["a"]}
    with pytest.raises(InvalidUpdateError, match="which is no update"):
        graph(OURS).invoke({})


@pytest.mark.parametrize("field", [{"graph": "other"}, {"resume": 1}])
def test_a_command_of_a_node_to_nobody_is_an_error(field: dict[str, Any]) -> None:
    """LangGraph takes a graph that does not exist for this one, and drops an answer to nothing."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return alone(lib, returning(lib.types.Command(update={"log": ["a"]}, **field)))

    assert graph(THEIRS).invoke({}) == {"log": ["a"]}
    with pytest.raises(InvalidUpdateError, match=r"Command\((graph|resume)="):
        graph(OURS).invoke({})


def test_a_deferred_node_waits_for_sends_too() -> None:
    """LangGraph runs it beside them: it waits only for nodes that edges have woken."""

    def graph(lib: Library) -> Any:  # noqa: ANN401 - of either library
        def placed(name: str) -> Action:
            def act(state: State) -> State:
                step = lib.config.get_config()["metadata"]["langgraph_step"]
                return {"log": [f"{name} in {step}"]}

            return act

        builder = chain(lib, a=placed("a")).add_node("b", placed("b"))
        builder.add_node("last", placed("last"), defer=True).add_edge("a", "last")
        return builder.add_conditional_edges("a", returning([lib.types.Send("b", {})])).compile()

    assert graph(THEIRS).invoke({})["log"] == ["a in 1", "last in 2", "b in 2"]
    assert graph(OURS).invoke({})["log"] == ["a in 1", "b in 2", "last in 3"]


# --------------------------------------------------------------------------------- less than that


def test_an_empty_write_to_a_topic_shows_the_state() -> None:
    """As any write does; LangGraph shows nothing, for the topic has not changed."""

    def chunks(lib: Library) -> list[object]:
        class Topical(TypedDict, total=False):
            x: int
            items: Annotated[list[int], lib.channels.Topic(int)]

        graph = chain(lib, Topical, a=returning({"items": []})).compile()
        return list(graph.stream({"x": 1}, stream_mode="values"))

    assert chunks(THEIRS) == [{"x": 1}]
    assert chunks(OURS) == [{"x": 1}] * 2


class Names(str, Enum):  # noqa: UP042 - its members format as themselves, unlike those of StrEnum
    """Names of nodes as constants."""

    B = "b"


def test_a_member_of_a_string_enum_is_the_name_it_holds() -> None:
    """In a goto; LangGraph makes the name of the member of it, and goes nowhere."""

    def log(lib: Library) -> object:
        graph = chain(lib, a=returning(lib.types.Command(update={"log": ["a"]}, goto=Names.B)))
        return graph.add_node("b", logging("b")).compile().invoke({})["log"]

    assert log(THEIRS) == ["a"]
    assert log(OURS) == ["a", "b"]


def test_a_partial_of_a_function_sees_the_schema_it_is_annotated_with() -> None:
    """As the function itself does; LangGraph hands a partial the whole state."""

    class Narrow(TypedDict, total=False):
        x: int

    def act(state: Narrow, extra: str) -> State:
        return {"log": [*sorted(state), extra]}

    def log(lib: Library) -> object:
        return alone(lib, partial(act, extra="!")).invoke({"x": 1, "y": 2})["log"]

    assert log(THEIRS) == ["log", "x", "y", "!"]
    assert log(OURS) == ["x", "!"]
