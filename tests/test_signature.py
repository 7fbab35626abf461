"""Reading a user's function: sync or async, and what its annotations promise."""

import asyncio
import functools
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypedDict, cast

import pytest

from graphflow import Command, RunnableConfig, Send
from graphflow._signature import name_of, read_function
from tests.small import State, alone

Update = dict[str, list[str]]
UPDATE: Update = {"log": ["ran"]}


def plain(state: object) -> Update:
    """Take the state alone."""
    return UPDATE


async def coroutine(state: object) -> Update:
    """Take the state alone, and be awaited."""
    return UPDATE


def extra(number: int, state: object) -> Update:
    """Take one argument more, in front."""
    return UPDATE


async def async_extra(number: int, state: object) -> Update:
    """Take one argument more, in front, and be awaited."""
    return UPDATE


class Sync:
    """A callable object with methods of every kind."""

    def __call__(self, _: object) -> Update:
        """Answer."""
        return UPDATE

    def method(self, _: object) -> Update:
        """Answer."""
        return UPDATE

    @classmethod
    def of_class(cls, _: object) -> Update:
        """Answer."""
        return UPDATE

    @staticmethod
    def static(_: object) -> Update:
        """Answer."""
        return UPDATE


class Async:
    """The same, to be awaited."""

    async def __call__(self, _: object) -> Update:
        """Answer."""
        return UPDATE

    async def method(self, _: object) -> Update:
        """Answer."""
        return UPDATE

    @classmethod
    async def of_class(cls, _: object) -> Update:
        """Answer."""
        return UPDATE

    @staticmethod
    async def static(_: object) -> Update:
        """Answer."""
        return UPDATE


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


def async_decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function to be awaited."""

    @functools.wraps(function)
    async def wrapper(*args: object, **kwargs: object) -> object:
        return await function(*args, **kwargs)

    return wrapper


SYNC: dict[str, Callable[[Any], Any]] = {
    "function": plain,
    "lambda": lambda _: UPDATE,
    "object": Sync(),
    "method": Sync().method,
    "class method": Sync.of_class,
    "static method": Sync.static,
    "partial": partial(extra, 1),
    "partial of an object": partial(Sync()),
    "decorated": decorated(plain),
    "builtin": cast("Any", dict),
}
ASYNC: dict[str, Callable[[Any], Any]] = {
    "function": coroutine,
    "object": Async(),
    "method": Async().method,
    "class method": Async.of_class,
    "static method": Async.static,
    "partial": partial(async_extra, 1),
    "partial of an object": partial(Async()),
    "decorated": async_decorated(coroutine),
    "generator-based": types.coroutine(coroutine),
}


# ------------------------------------------------------------------------------------ sync or async


@pytest.mark.parametrize("function", SYNC.values(), ids=SYNC)
def test_a_function_that_need_not_be_awaited_is_sync(function: Callable[[Any], Any]) -> None:
    """It is called as it is."""
    callee = read_function(function, "node 'a'").callee
    assert (callee.sync, callee.coro) == (function, None)


@pytest.mark.parametrize("function", ASYNC.values(), ids=ASYNC)
def test_a_function_that_gives_a_coroutine_is_async(function: Callable[[Any], Any]) -> None:
    """Every way of writing one is seen when the node is added."""
    callee = read_function(function, "node 'a'").callee
    assert (callee.sync, callee.coro) == (None, function)


@pytest.mark.parametrize("function", [*SYNC.values(), *ASYNC.values()], ids=[*SYNC, *ASYNC])
def test_every_kind_of_function_runs_as_a_node(function: Callable[[Any], Any]) -> None:
    """Under `invoke` and under `ainvoke` it gives the same."""
    graph = alone(function)
    assert graph.invoke({}) == asyncio.run(graph.ainvoke({}))


class Runnable:
    """Has `invoke` and `ainvoke`, as LangChain's Runnables and compiled graphs do."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def invoke(self, _: object) -> Update:
        """Note the call."""
        self.calls.append("invoke")
        return UPDATE

    async def ainvoke(self, _: object) -> Update:
        """Note the call."""
        self.calls.append("ainvoke")
        return UPDATE


class OnlyInvoke:
    """Has `invoke` alone, which takes the config."""

    def invoke(self, _: object, config: RunnableConfig | None = None) -> Update:
        """Log the thread that the config names."""
        return {"log": [(config or {}).get("configurable", {})["thread_id"]]}


class OnlyAinvoke:
    """Has `ainvoke` alone."""

    async def ainvoke(self, _: object) -> Update:
        """Answer."""
        return UPDATE


def test_an_object_with_both_is_awaited_where_that_is_possible() -> None:
    """`invoke` calls the one, `ainvoke` awaits the other."""
    runnable = Runnable()
    graph = alone(runnable)
    graph.invoke({})
    asyncio.run(graph.ainvoke({}))
    assert runnable.calls == ["invoke", "ainvoke"]


def test_an_object_with_invoke_is_handed_the_config_it_takes() -> None:
    """It goes on to whatever the object calls."""
    config: RunnableConfig = {"configurable": {"thread_id": "7"}}
    assert alone(OnlyInvoke()).invoke({}, config) == {"log": ["7"]}


def test_an_object_with_ainvoke_alone_runs_under_invoke() -> None:
    """As an async function does."""
    assert alone(OnlyAinvoke()).invoke({}) == UPDATE


def test_a_compiled_graph_is_such_an_object() -> None:
    """Its output is the node's update."""
    inner = alone(plain)
    assert alone(inner).invoke({})["log"] == ["ran"]


def test_what_is_no_function_is_refused() -> None:
    """The error tells what it was meant for, and shows it."""
    with pytest.raises(TypeError, match=r"node 'a' must be a function.*, not 'agent'"):
        read_function("agent", "node 'a'")


# --------------------------------------------------------------------------------- what is promised


class Private(TypedDict, total=False):
    """A schema of one node's own."""

    secret: str


def private(state: Private) -> None:
    """See the private key."""


class PrivateNode:
    """A callable object and a method that see the private key."""

    def __call__(self, state: Private) -> None:
        """See it."""

    def method(self, state: Private) -> None:
        """See it."""


WANTING: dict[str, Callable[..., Any]] = {
    "function": private,
    "method": PrivateNode().method,
    "object": PrivateNode(),
    "decorated": decorated(private),
}


@pytest.mark.parametrize("function", WANTING.values(), ids=WANTING)
def test_the_first_annotation_is_the_state_it_wants(function: Callable[..., Any]) -> None:
    """As LangGraph reads it, of functions, methods, objects and decorated functions."""
    assert read_function(function, "node 'a'").state is Private


@dataclass
class Settings:
    """What a node is configured with; it could be a schema, but is none."""

    temperature: float = 0.0


@dataclass
class Model:
    """A callable dataclass whose first field is a dataclass."""

    settings: Settings

    def __call__(self, state: object) -> None:
        """Do nothing."""


def test_the_fields_of_a_callable_object_are_not_its_parameters() -> None:
    """Only `__call__` tells what state it wants."""
    assert read_function(Model(Settings()), "node 'a'").state is None


@pytest.mark.parametrize("annotation", [dict[str, Any], object, Any, int])
def test_an_annotation_that_is_no_schema_wants_nothing(annotation: object) -> None:
    """The node sees the graph's state."""

    def node(state: object) -> None: ...

    node.__annotations__["state"] = annotation
    assert read_function(node, "node 'a'").state is None


def test_the_annotation_of_a_later_parameter_is_not_the_state() -> None:
    """Only the first one is."""

    def node(state, config: Private = Private()) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001, B008 - that the first has none is the test

    assert read_function(node, "node 'a'").state is None  # pyright: ignore[reportUnknownArgumentType] - as above


def both(state: State) -> Command[Literal["a", "b"]]:
    """Promise two nodes."""
    return Command(goto="a")


def either(state: State) -> Command[Literal["a"]] | Command[Literal["b"]] | None:
    """Promise one or another, or nothing."""


def several(state: State) -> list[Command[Literal["a", "b"]] | Send]:
    """Promise a list."""
    return []


@pytest.mark.parametrize("function", [both, either, several])
def test_the_names_in_a_command_are_promised(function: Callable[..., Any]) -> None:
    """Alone, in a union and in a list."""
    assert read_function(function, "node 'a'").goto == ("a", "b")


def test_a_command_without_names_promises_nothing() -> None:
    """It may go anywhere."""

    def node(state: State) -> Command:
        return Command()

    assert read_function(node, "node 'a'").goto == ()


def test_a_literal_is_what_a_path_may_answer() -> None:
    """It serves as the path map."""

    def choose(state: State) -> Literal["a", "b"]:
        return "a"

    assert read_function(choose, "path").answers == ("a", "b")


@pytest.mark.parametrize(
    ("thing", "name"),
    [(plain, "plain"), (Sync(), "Sync"), (Sync().method, "method"), (partial(plain), "partial")],
)
def test_what_a_function_is_called(thing: object, name: str) -> None:
    """By its own name, or that of its class."""
    assert name_of(thing) == name
