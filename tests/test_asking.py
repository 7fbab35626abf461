"""What a node's function asks to be handed beside the state, and what it cannot ask for."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Optional

import pytest

from graphflow import END, RunnableConfig, Runtime, StreamWriter
from graphflow._core.topology import Asked
from graphflow._signature import read_function
from tests.small import State

Update = dict[str, list[str]]


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


def asks(function: Callable[..., Any]) -> dict[str, Asked]:
    """Return what a node's function asks for, by parameter."""
    return dict(read_function(function, "node 'a'").callee.asks)


BY_NAME: Callable[[Any, Any, Any, Any, Any], Any] = lambda state, config, runtime, writer, store: (  # noqa: E731 - a lambda, as none of its parameters has an annotation
    state,
    config,
    runtime,
    writer,
    store,
)


def test_a_parameter_asks_by_its_name() -> None:
    """Without any annotation."""
    names = ("config", "runtime", "writer", "store")
    assert asks(BY_NAME) == dict(zip(names, names, strict=True))


def by_type(state: object, a: RunnableConfig, b: Runtime[int], c: StreamWriter, d: Runtime) -> None:
    """Ask by annotations alone."""


def by_union(
    state: object,
    a: RunnableConfig | None,
    b: Runtime[int] | None,
    c: StreamWriter | None = None,
    d: Optional[Runtime] = None,  # noqa: UP045 - people write it
) -> None:
    """Ask by annotations with None beside them."""


def by_string(
    state: object,
    a: "RunnableConfig",
    b: "Runtime[int]",
    c: "StreamWriter | None",
    d: "Optional[Runtime]",  # noqa: UP045 - people write it
) -> None:
    """Ask by strings."""


@pytest.mark.parametrize("function", [by_type, by_union, by_string])
def test_a_parameter_asks_by_its_annotation(function: Callable[..., Any]) -> None:
    """Whatever it is called, also with None beside it, also as a string."""
    assert asks(function) == {"a": "config", "b": "runtime", "c": "writer", "d": "runtime"}


def test_a_keyword_only_parameter_can_ask() -> None:
    """Everything but the state is passed by keyword."""

    def node(state: object, *, config: RunnableConfig, runtime: Runtime) -> None: ...

    assert asks(node) == {"config": "config", "runtime": "runtime"}


def test_a_method_is_asked_past_self() -> None:
    """The state is its first parameter after that."""

    class Agent:
        def run(self, _: object, writer: StreamWriter) -> None: ...

    assert asks(Agent().run) == {"writer": "writer"}


def test_a_callable_object_can_ask() -> None:
    """Its `__call__` is read."""

    class Agent:
        def __call__(self, _: object, runtime: Runtime) -> None: ...

    assert asks(Agent()) == {"runtime": "runtime"}


def test_a_partial_asks_for_what_it_does_not_fill() -> None:
    """Its own arguments are no longer there to be asked for."""

    def node(state: object, config: RunnableConfig, limit: int) -> None: ...

    assert asks(partial(node, limit=3)) == {"config": "config"}


def test_a_decorated_function_can_ask() -> None:
    """What it wraps is read, through `functools.wraps`."""

    def node(state: object, config: RunnableConfig) -> None: ...

    assert asks(decorated(node)) == {"config": "config"}


def node_with_defaults(
    state: object, config: str = "mine", count: int = 3, *rest: object, **more: object
) -> None:
    """Have parameters that mean something else."""


def test_a_parameter_with_a_meaning_of_its_own_is_left_alone() -> None:
    """A default, `*args` and `**kwargs` need not be filled, nor does a word with another type."""
    assert asks(node_with_defaults) == {}


def test_a_callback_with_a_default_keeps_it() -> None:
    """Its type may be that of a writer by chance; a writer of another name has no default."""

    def node(state: object, on_token: Callable[[Any], None] = print) -> None: ...

    assert asks(node) == {}


def test_a_parameter_that_nothing_fills_is_refused() -> None:
    """The error names node and parameter, and what there is to ask for."""

    def node(state: object, verbose: object) -> None: ...

    said = r"node 'a' has the parameter 'verbose'.*'config', 'runtime', 'writer', 'store'"
    with pytest.raises(TypeError, match=said):
        read_function(node, "node 'a'")


def test_a_slip_in_what_is_asked_for_is_answered_with_the_word() -> None:
    """As everywhere where a name is one of a few."""

    def node(state: object, confg: object) -> None: ...

    with pytest.raises(TypeError, match=r"'confg'.*did you mean 'config'"):
        read_function(node, "node 'a'")


def test_what_is_asked_for_by_position_only_is_refused_for_that() -> None:
    """It is passed by keyword; the word itself is right, so another one is not offered."""

    def node(state: object, config: RunnableConfig, /) -> None: ...

    with pytest.raises(TypeError, match="'config'") as caught:
        read_function(node, "node 'a'")
    assert "did you mean" not in str(caught.value)


def no_arguments() -> None:
    """Take nothing."""


def state_by_keyword(*, state: object) -> None:
    """Take the state by keyword only."""


@pytest.mark.parametrize("function", [no_arguments, state_by_keyword])
def test_a_function_that_cannot_take_the_state_is_refused(function: Callable[..., Any]) -> None:
    """The error tells what it would be called with."""
    with pytest.raises(TypeError, match="node 'a' takes no argument; it is called with the state"):
        read_function(function, "node 'a'")


def generator(state: object) -> Iterator[Update]:
    """Yield where an update should be returned."""
    yield {"log": ["ran"]}


async def async_generator(state: object) -> AsyncIterator[Update]:
    """Do the same asynchronously."""
    yield {"log": ["ran"]}


@pytest.mark.parametrize("function", [generator, async_generator])
def test_a_generator_is_refused(function: Callable[..., Any]) -> None:
    """The error tells to return instead."""
    with pytest.raises(TypeError, match="is a generator function; return the update instead"):
        read_function(function, "node 'a'")


def test_a_path_function_can_ask_too() -> None:
    """It is read by the same rules."""

    def choose(state: State, runtime: Runtime) -> str:
        return END

    assert asks(choose) == {"runtime": "runtime"}
