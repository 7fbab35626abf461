"""What a running node can ask about its run: context, store, writer, execution info, middleware."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import FrozenInstanceError, dataclass
from threading import Thread
from typing import Any, TypedDict

import pytest

from graphflow import (
    END,
    START,
    Runtime,
    StateGraph,
    StreamWriter,
    get_config,
    get_runtime,
    get_store,
    get_stream_writer,
)
from graphflow.errors import TaskAbandoned
from graphflow.runtime import ExecutionInfo
from tests.small import State, alone, gives, logs

DEPTH: ContextVar[int] = ContextVar("depth", default=0)


@dataclass
class Context:
    """What a caller passes."""

    user: str
    admin: bool = False


class ContextDict(TypedDict):
    """The same as a TypedDict."""

    user: str


def context_seen(given: Any, schema: type[Any] | None = Context) -> object:  # noqa: ANN401 - any context
    """Run a graph with a context; return what its node found."""
    seen: list[object] = []

    def node(state: State, runtime: Runtime[Any]) -> None:
        seen.append(runtime.context)

    made = StateGraph(State, context_schema=schema).add_node(node).add_edge(START, "node")
    made.compile().invoke({}, context=given)
    return seen[0]


# -------------------------------------------------------------------------------------- context


def test_a_node_finds_the_context() -> None:
    """The very object."""
    given = Context("ada")
    assert context_seen(given) is given


def test_a_dict_becomes_the_dataclass() -> None:
    """With its defaults."""
    assert context_seen({"user": "ada"}) == Context("ada", admin=False)


@pytest.mark.parametrize("schema", [ContextDict, None])
def test_a_dict_stays_one_where_no_dataclass_is_asked_for(schema: type[Any] | None) -> None:
    """A TypedDict is a dict."""
    assert context_seen({"user": "ada"}, schema) == {"user": "ada"}


def test_without_a_context_there_is_none() -> None:
    """No instance is made up."""
    assert context_seen(None) is None


def test_a_wrong_field_of_a_context_is_an_error_of_the_call() -> None:
    """It names class and field."""
    with pytest.raises(TypeError, match=r"Context.*'usr'"):
        context_seen({"usr": "ada"})


# ----------------------------------------------------------------------------------------- asking


def ask_by_parameter(state: State, runtime: Runtime[Any]) -> State:
    """Log the user that the parameter knows."""
    return {"log": [runtime.context.user]}


def ask_by_function(state: State) -> State:
    """Log the user that `get_runtime` knows."""
    return {"log": [get_runtime(Context).context.user]}


async def ask_by_function_async(state: State) -> State:
    """Do the same in an async node."""
    await asyncio.sleep(0)
    return ask_by_function(state)


@pytest.mark.parametrize("node", [ask_by_parameter, ask_by_function, ask_by_function_async])
def test_a_node_asks_by_parameter_or_by_function(node: Callable[..., Any]) -> None:
    """Both find the same, under `invoke` and `ainvoke`."""
    graph = StateGraph(State, Context).add_node("a", node).add_edge(START, "a").compile()
    context = Context("ada")
    results = [graph.invoke({}, context=context), asyncio.run(graph.ainvoke({}, context=context))]
    assert results == [{"log": ["ada"]}] * 2


GETTERS: dict[str, Callable[[], object]] = {
    "get_config": get_config,
    "get_runtime": get_runtime,
    "get_store": get_store,
    "get_stream_writer": get_stream_writer,
}


@pytest.mark.parametrize("getter", GETTERS.values(), ids=GETTERS)
def test_outside_of_a_node_there_is_nothing_to_ask(getter: Callable[[], object]) -> None:
    """The error tells where it works."""
    with pytest.raises(RuntimeError, match=r"no node is running here.*only inside a node"):
        getter()


@pytest.mark.parametrize("getter", GETTERS.values(), ids=GETTERS)
def test_a_path_function_can_ask_too(getter: Callable[[], object]) -> None:
    """It runs within its node's task."""
    asked: list[object] = []

    def choose(state: State) -> str:
        asked.append(getter())
        return END

    made = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a")
    made.add_conditional_edges("a", choose).compile().invoke({})
    assert len(asked) == 1


def test_a_thread_with_a_copy_of_the_context_can_ask() -> None:
    """As the error advises."""
    steps: list[object] = []

    def work() -> None:
        steps.append(get_config().get("metadata", {})["langgraph_step"])

    def node(state: State) -> None:
        thread = Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()

    alone(node).invoke({})
    assert steps == [1]


def test_the_store_is_handed_on_as_it_is() -> None:
    """In all three ways."""
    store, found = object(), list[object]()

    def node(state: State, store: object, runtime: Runtime) -> None:
        found.extend((store, runtime.store, get_store()))

    made = StateGraph(State).add_node(node).add_edge(START, "node")
    made.compile(store=store).invoke({})
    assert found == [store] * 3


def test_the_execution_info_tells_which_task_it_is() -> None:
    """Of which run, thread and superstep."""
    infos: list[ExecutionInfo | None] = []

    def node(state: State, runtime: Runtime) -> None:
        infos.append(runtime.execution_info)

    made = StateGraph(State).add_node("first", logs("first")).add_node("second", node)
    graph = made.add_edge(START, "first").add_edge("first", "second").compile()
    graph.invoke({}, {"run_id": "r", "configurable": {"thread_id": 7}})
    (info,) = infos
    assert info is not None
    assert (info.node, info.step, info.run_id, info.thread_id) == ("second", 2, "r", "7")
    assert len(bytes.fromhex(info.task_id)) == 16


def test_a_runtime_cannot_be_changed() -> None:
    """`override` gives a changed copy."""
    runtime = Runtime(context=1)
    with pytest.raises(FrozenInstanceError):
        runtime.context = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - the claim
    assert (runtime.override(context=2).context, runtime.context) == (2, 1)


# ---------------------------------------------------------------------------------------- writer


def write_in_all_ways(state: State, writer: StreamWriter, runtime: Runtime) -> None:
    """Write by parameter, by runtime and by function."""
    writer("parameter")
    runtime.stream_writer({"by": "runtime"})
    get_stream_writer()(None)


def test_a_node_writes_in_three_ways() -> None:
    """Any object, None included."""
    chunks = alone(write_in_all_ways).stream({}, stream_mode="custom")
    assert list(chunks) == ["parameter", {"by": "runtime"}, None]


def test_what_nobody_asked_for_is_written_nowhere() -> None:
    """The writer does nothing then."""
    assert list(alone(write_in_all_ways).stream({})) == [{"a": None}]


def test_a_writer_outlives_its_task_as_an_error() -> None:
    """The error names the node."""
    kept: list[StreamWriter] = []

    def node(state: State, writer: StreamWriter) -> None:
        kept.append(writer)

    alone(node).invoke({})
    with pytest.raises(TaskAbandoned, match="the task of node 'a' has ended"):
        kept[0]("late")


# ------------------------------------------------------------------------------------- middleware


class Notes:
    """Notes when tasks are entered and left."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def under(self, name: str) -> Callable[[ExecutionInfo], AbstractContextManager[None]]:
        """Return a middleware that notes under a name."""

        @contextmanager
        def note(info: ExecutionInfo) -> Generator[None]:
            self.taken.append(f"{name} enters {info.node} {info.step}")
            yield
            self.taken.append(f"{name} leaves {info.node}")

        return note


def test_middleware_is_entered_around_each_task_the_first_outermost() -> None:
    """With the task's execution info."""
    notes = Notes()
    made = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a")
    made.compile(middleware=[notes.under("outer"), notes.under("inner")]).invoke({})
    assert notes.taken == [
        "outer enters a 1",
        "inner enters a 1",
        "inner leaves a",
        "outer leaves a",
    ]


@contextmanager
def deeper(info: ExecutionInfo) -> Generator[None]:
    """Set a context variable for the task."""
    DEPTH.set(DEPTH.get() + 1)
    yield


@pytest.mark.parametrize("entry", ["invoke", "ainvoke"])
def test_what_middleware_sets_the_node_sees_and_nobody_else(entry: str) -> None:
    """It is entered inside the task's own context."""
    seen: list[int] = []

    def node(state: State) -> None:
        seen.append(DEPTH.get())

    made = StateGraph(State).add_sequence([("a", node), ("b", node)]).add_edge(START, "a")
    graph = made.compile(middleware=[deeper])
    if entry == "invoke":
        graph.invoke({})
    else:
        asyncio.run(graph.ainvoke({}))
    assert (seen, DEPTH.get()) == ([1, 1], 0)


def test_middleware_sees_the_error_of_its_node() -> None:
    """And can stand in the way of it: the task then writes nothing."""

    @contextmanager
    def forgiving(info: ExecutionInfo) -> Generator[None]:
        with suppress(ZeroDivisionError):
            yield

    def fail(state: State) -> None:
        raise ZeroDivisionError

    made = StateGraph(State).add_node("a", fail).add_edge(START, "a")
    assert list(made.compile(middleware=[forgiving]).stream({})) == [{"a": None}]


@pytest.mark.parametrize("middleware", [deeper, [5], 5])
def test_middleware_that_is_no_list_of_functions_is_an_error_of_compile(middleware: Any) -> None:  # noqa: ANN401 - mistakes
    """Not of the first task; and the error has the word."""
    made = StateGraph(State).add_node("a", gives(None)).add_edge(START, "a")
    with pytest.raises(TypeError, match="middleware"):
        made.compile(middleware=middleware)
