"""Differences on purpose, in how a graph is run, streamed and fails.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

import asyncio
import threading
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypedDict

import pytest
import trio

from graphflow.errors import EmptyInputError, GraphRecursionError, InvalidUpdateError
from tests.differential.pair import (
    END,
    OURS,
    START,
    THEIRS,
    Library,
    State,
    alone,
    chain,
    fan,
    logging,
    returning,
    until_error,
)


def loop(lib: Library) -> Any:  # noqa: ANN401 - of either library
    """Return a graph that never ends by itself."""
    return chain(lib, a=logging("a")).add_edge("a", "a").compile()


async def log_async(state: State) -> State:
    """Append a line to the log."""
    return {"log": ["async"]}


# ----------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize("said", [{}, {"resume": None}, {"goto": []}])
def test_an_empty_command_as_input_is_an_empty_input_error(said: dict[str, Any]) -> None:
    """LangGraph fails on a variable of its own."""
    with pytest.raises(UnboundLocalError):
        alone(THEIRS, logging("a")).invoke(THEIRS.types.Command(**said))
    with pytest.raises(EmptyInputError, match="the Command is empty"):
        alone(OURS, logging("a")).invoke(OURS.types.Command(**said))


def test_a_command_with_an_empty_update_runs_the_graph() -> None:
    """As the input {} does; LangGraph fails as it does with an empty one."""
    with pytest.raises(UnboundLocalError):
        alone(THEIRS, logging("a")).invoke(THEIRS.types.Command(update={}))
    assert alone(OURS, logging("a")).invoke(OURS.types.Command(update={})) == {"log": ["a"]}


def test_a_command_as_input_is_applied_once() -> None:
    """LangGraph applies it twice, so what it appends is there twice."""

    def log(lib: Library) -> object:
        return alone(lib, logging("a")).invoke(lib.types.Command(update={"log": ["in"]}))["log"]

    assert log(THEIRS) == ["in", "in", "a"]
    assert log(OURS) == ["in", "a"]


# ---------------------------------------------------------------------------------------- running


def test_invoke_runs_async_nodes() -> None:
    """LangGraph wants the async entry points for them."""
    with pytest.raises(TypeError, match="No synchronous function provided"):
        alone(THEIRS, log_async).invoke({})
    assert alone(OURS, log_async).invoke({}) == {"log": ["async"]}


def test_async_entry_points_run_on_trio() -> None:
    """LangGraph runs on asyncio."""
    given: State = {}
    with pytest.raises(RuntimeError, match="no running event loop"):
        trio.run(alone(THEIRS, log_async).ainvoke, given)
    assert trio.run(alone(OURS, log_async).ainvoke, given) == {"log": ["async"]}


def test_a_path_function_runs_where_the_event_loop_runs() -> None:
    """LangGraph calls a plain one in a thread, which costs more than most of them do."""

    def caller(lib: Library) -> int:
        callers: list[int] = []

        def path(state: State) -> str:
            callers.append(threading.get_ident())
            return END

        builder = chain(lib, a=log_async).add_conditional_edges("a", path)
        asyncio.run(builder.compile().ainvoke({}))
        return callers[0]

    assert caller(THEIRS) != threading.get_ident()
    assert caller(OURS) == threading.get_ident()


def test_invoke_returns_what_the_state_holds_at_the_end() -> None:
    """LangGraph returns the last values chunk, so what has faded since is still in it."""

    def run(lib: Library) -> object:
        class Fading(TypedDict, total=False):
            once: Annotated[int, lib.channels.EphemeralValue]
            x: int

        class Output(TypedDict, total=False):
            once: Annotated[int, lib.channels.EphemeralValue]

        nodes = {"a": returning({"once": 1}), "b": returning({"x": 1})}
        return chain(lib, Fading, options={"output_schema": Output}, **nodes).compile().invoke({})

    assert run(THEIRS) == {"once": 1}
    assert run(OURS) == {}


def test_invoke_returns_an_empty_dict_if_there_is_no_output() -> None:
    """LangGraph returns None."""

    class Output(TypedDict):
        y: int

    options = {"output_schema": Output}
    assert chain(THEIRS, options=options, a=logging("a")).compile().invoke({}) is None
    assert chain(OURS, options=options, a=logging("a")).compile().invoke({}) == {}


def test_a_node_always_finds_a_run_id() -> None:
    """In LangGraph it is None unless the caller gave one."""

    def run_id(lib: Library) -> object:
        ids: list[object] = []

        def act(state: State) -> None:
            ids.append(lib.runtime.get_runtime().execution_info.run_id)

        alone(lib, act).invoke({})
        return ids[0]

    assert run_id(THEIRS) is None
    assert isinstance(run_id(OURS), str)


def test_the_config_of_a_node_has_no_internal_keys() -> None:
    """LangGraph's carries its machinery; what is there for callers is the same."""

    def config(lib: Library) -> dict[str, Any]:
        configs: list[dict[str, Any]] = []

        def act(state: State) -> None:
            configs.append(lib.config.get_config())

        alone(lib, act).invoke({}, {"configurable": {"user": "ada"}, "run_name": "greeting"})
        return configs[0]

    theirs, ours = config(THEIRS), config(OURS)
    assert len(theirs["configurable"]) > 1
    assert ours["configurable"] == {"user": "ada"}
    assert theirs["metadata"].keys() - ours["metadata"].keys() == {
        "langgraph_path",
        "langgraph_triggers",
    }
    assert ("run_name" in theirs, ours["run_name"]) == (False, "greeting")


# -------------------------------------------------------------------------------- asking for a run


def test_an_unknown_key_of_the_config_is_an_error() -> None:
    """LangGraph runs as if it were not there: with the default limit, for this one."""
    config: Any = {"recursion_limt": 5}
    assert alone(THEIRS, logging("a")).invoke({}, config) == {"log": ["a"]}
    with pytest.raises(ValueError, match=r"'recursion_limt' \(did you mean 'recursion_limit'\?\)"):
        alone(OURS, logging("a")).invoke({}, config)


@pytest.mark.parametrize("limit", [2.5, True])
def test_a_recursion_limit_that_is_no_whole_number_is_an_error(limit: object) -> None:
    """LangGraph counts up to it."""
    config = {"recursion_limit": limit}
    with pytest.raises(THEIRS.errors.GraphRecursionError, match=f"limit of {limit} reached"):
        loop(THEIRS).invoke({}, config)
    with pytest.raises(TypeError, match="must be a whole number"):
        loop(OURS).invoke({}, config)


def test_an_unknown_stream_mode_is_an_error_at_the_call() -> None:
    """LangGraph runs the graph and yields nothing."""
    assert list(alone(THEIRS, logging("a")).stream({}, stream_mode="update")) == []
    with pytest.raises(ValueError, match=r"'update' \(did you mean 'updates'\?\)"):
        alone(OURS, logging("a")).stream({}, stream_mode="update")


def test_an_empty_list_of_stream_modes_is_an_error_at_the_call() -> None:
    """LangGraph runs the graph and yields nothing here, too."""
    assert list(alone(THEIRS, logging("a")).stream({}, stream_mode=[])) == []
    with pytest.raises(ValueError, match="stream_mode is empty"):
        alone(OURS, logging("a")).stream({}, stream_mode=[])


def test_a_tuple_of_stream_modes_yields_pairs_as_a_list_does() -> None:
    """LangGraph mixes bare chunks of both modes."""
    update, values = {"a": {"log": ["a"]}}, {"log": ["a"]}
    modes = ("updates", "values")
    theirs = list(alone(THEIRS, logging("a")).stream({}, stream_mode=modes))
    assert theirs == [update, values]
    ours = list(alone(OURS, logging("a")).stream({}, stream_mode=modes))
    assert ours == [("updates", update), ("values", values)]


def test_an_unknown_output_key_is_an_error_at_the_call() -> None:
    """LangGraph raises when the first chunk is asked for."""
    theirs = alone(THEIRS, logging("a")).stream({}, output_keys="z")
    with pytest.raises(ValueError, match="Key z not in channels"):
        next(theirs)
    with pytest.raises(ValueError, match="output_keys names 'z', which is no key of the state"):
        alone(OURS, logging("a")).stream({}, output_keys="z")


# -------------------------------------------------------------------------------------- streaming


def test_a_stream_is_a_context_manager() -> None:
    """It ends the run on leaving; LangGraph's is a generator, which is closed when collected."""
    theirs = alone(THEIRS, logging("a")).stream({})
    assert not hasattr(theirs, "__exit__")
    with alone(OURS, logging("a")).stream({}) as ours:
        assert list(ours) == list(theirs)


def test_a_node_that_writes_faster_than_its_reader_is_held() -> None:
    """LangGraph's queue has no bound: the node runs to its end though nobody reads."""
    total = 2_000

    def written_while_nobody_reads(lib: Library) -> int:
        written = 0

        async def act(state: State) -> None:
            nonlocal written
            write = lib.config.get_stream_writer()
            for number in range(total):
                write(number)
                written += 1
                await asyncio.sleep(0)

        async def read() -> int:
            stream = alone(lib, act).astream({}, stream_mode="custom")
            await anext(stream)
            for _ in range(2 * total):  # turns of the loop, each long enough for one item
                await asyncio.sleep(0)
            seen = written
            await stream.aclose()
            return seen

        return asyncio.run(read())

    assert written_while_nobody_reads(THEIRS) == total
    assert written_while_nobody_reads(OURS) < total


# ----------------------------------------------------------------------------------------- errors


def test_the_recursion_error_names_the_last_nodes_and_the_way_out() -> None:
    """LangGraph's names the limit, and an address on the web."""
    with pytest.raises(THEIRS.errors.GraphRecursionError, match="limit of 3 reached") as theirs:
        loop(THEIRS).invoke({}, {"recursion_limit": 3})
    assert "'a'" not in str(theirs.value)
    with pytest.raises(GraphRecursionError, match="the last one ran 'a'") as ours:
        loop(OURS).invoke({}, {"recursion_limit": 3})
    assert '{"recursion_limit": 6}' in str(ours.value)
    assert (ours.value.limit, ours.value.nodes) == (3, ("a",))


def fail(state: State) -> NoReturn:
    """Raise."""
    raise KeyError("key")


def test_the_note_of_a_nodes_error_says_which_superstep() -> None:
    """LangGraph's says which task, by an id that nothing else shows."""

    def notes(lib: Library) -> list[str]:
        graph = chain(lib, a=logging("a"), b=fail).compile()
        with pytest.raises(KeyError) as caught:
            graph.invoke({})
        return caught.value.__notes__

    assert notes(THEIRS)[0].startswith("During task with name 'b' and id '")
    assert notes(OURS) == ["in node 'b', superstep 2"]


def test_of_two_failures_the_first_is_raised_and_tells_of_the_other() -> None:
    """Which one LangGraph raises is left open, and the other is lost."""

    def notes(lib: Library) -> tuple[type[Exception], list[str]]:
        failed = asyncio.Event()

        async def later(state: State) -> None:
            await failed.wait()
            raise KeyError("later")

        async def first(state: State) -> None:
            failed.set()
            raise ZeroDivisionError("first")

        graph = fan(lib, a=later, b=first).compile()
        with pytest.raises((KeyError, ZeroDivisionError)) as caught:
            asyncio.run(graph.ainvoke({}))
        return type(caught.value), caught.value.__notes__

    assert len(notes(THEIRS)[1]) == 1
    assert notes(OURS) == (
        ZeroDivisionError,
        ["in node 'b', superstep 1", "also failed, in node 'a', superstep 1: KeyError('later')"],
    )


def test_the_update_of_a_lone_task_is_shown_though_its_commit_fails() -> None:
    """LangGraph shows it only when the task has siblings."""

    def run(lib: Library) -> tuple[list[Any], Exception | None]:
        twice = lib.types.Command(update=[("x", 1), ("x", 2)])
        return until_error(alone(lib, returning(twice)), {}, "updates")

    chunks, error = run(THEIRS)
    assert (chunks, type(error)) == ([], THEIRS.errors.InvalidUpdateError)
    chunks, error = run(OURS)
    assert chunks == [("updates", {"a": [{"x": 1}, {"x": 2}]})]
    assert isinstance(error, InvalidUpdateError)


def test_a_superstep_is_shown_though_the_next_one_cannot_be_planned() -> None:
    """LangGraph loses its chunks; here the second node's state cannot be made for want of `x`."""

    @dataclass
    class Whole:
        log: Annotated[list[str], lambda old, new: old + new]  # pyright: ignore[reportUnknownLambdaType] - lists
        x: int

    class Part(TypedDict):
        log: list[str]

    def run(lib: Library) -> tuple[list[Any], Exception | None]:
        builder = lib.graph.StateGraph(Whole)
        builder.add_node("a", logging("a"), input_schema=Part).add_edge(START, "a")
        builder.add_node("b", logging("b")).add_edge("a", "b")
        return until_error(builder.compile(), {"log": ["in"]}, "updates", "values")

    given = ("values", {"log": ["in"]})
    chunks, error = run(THEIRS)
    assert (chunks, type(error)) == ([given], TypeError)
    chunks, error = run(OURS)
    assert chunks == [given, ("updates", {"a": {"log": ["a"]}}), ("values", {"log": ["in", "a"]})]
    assert isinstance(error, TypeError)


def test_a_cancelled_error_of_a_nodes_own_is_raised_as_it_is() -> None:
    """LangGraph makes an exception of it that is no cancellation."""

    async def act(_: State) -> NoReturn:
        raise asyncio.CancelledError

    with pytest.raises(THEIRS.errors.NodeCancelledError):
        asyncio.run(alone(THEIRS, act).ainvoke({}))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(alone(OURS, act).ainvoke({}))
