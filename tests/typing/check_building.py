"""What type checkers know of building: read by mypy and pyright (`make types`), never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, TypedDict, assert_type

from graphflow import (
    END,
    START,
    Command,
    CompiledStateGraph,
    MessagesState,
    Overwrite,
    RunnableConfig,
    Runtime,
    Send,
    StateGraph,
    StreamWriter,
    add_messages,
    get_config,
    get_runtime,
    get_stream_writer,
)


class State(TypedDict):
    """A reduced key and a plain one."""

    log: Annotated[list[str], operator.add]
    x: int


@dataclass
class Context:
    """What callers pass."""

    user: str


@dataclass
class Data:
    """A state that is a dataclass."""

    x: int = 0


# ---------------------------------------------------------------------------- types of the graph

builder = StateGraph(State)
assert_type(builder, StateGraph[State, None])
assert_type(builder, StateGraph[State])
assert_type(StateGraph(Data), StateGraph[Data])
assert_type(StateGraph(State, Context), StateGraph[State, Context])
assert_type(StateGraph(State, context_schema=Context), StateGraph[State, Context])
assert_type(StateGraph(MessagesState), StateGraph[MessagesState])
assert_type(builder.compile(), CompiledStateGraph[State, None])
assert_type(StateGraph(State, Context).compile(), CompiledStateGraph[State, Context])

StateGraph(State(log=[], x=1))  # type: ignore[arg-type]  # an instance is no schema
StateGraph(State, extra="allow")  # type: ignore[arg-type]  # two words only
StateGraph(State, input=State)  # type: ignore[call-arg]  # the name is input_schema
builder.compile(interrupt_before=["plain"], interrupt_after="*")
builder.compile(interrupt_before=3)  # type: ignore[arg-type]  # no nodes


# ------------------------------------------------------------------------------------- the nodes


def plain(state: State) -> State:
    """Take and return the state."""
    return {"log": ["plain"], "x": state["x"]}


def with_runtime(state: State, runtime: Runtime[Context]) -> dict[str, list[str]]:
    """Know the type of the context."""
    assert_type(runtime.context, Context)
    assert_type(runtime.context.user, str)
    return {"log": [runtime.context.user]}


def with_everything(state: State, config: RunnableConfig, writer: StreamWriter) -> None:
    """Know the types of what is handed in."""
    writer({"any": "thing"})
    assert_type(config.get("recursion_limit"), int | None)


def promising(state: State) -> Command[Literal["plain", "__end__"]]:
    """Promise where it goes."""
    return Command(update={"x": 1}, goto="plain")


async def awaited(state: State) -> State:
    """Be awaited."""
    return state


class Agent:
    """A callable object with a method."""

    def __call__(self, state: State) -> State:
        """Return the state."""
        return state

    async def run(self, state: State) -> State:
        """Return the state."""
        return state


class Chain:
    """An object with `invoke`, which cannot be called."""

    def invoke(self, state: State) -> State:
        """Return the state."""
        return state


assert_type(builder.add_node(plain), StateGraph[State])
assert_type(builder.add_node("other", plain), StateGraph[State])
builder.add_node(with_runtime).add_node(with_everything).add_node(promising).add_node(awaited)
builder.add_node(Agent()).add_node(Agent().run).add_node(partial(plain)).add_node("chain", Chain())
builder.add_node("lambda", lambda _: {"x": 1})  # pyright: ignore[reportUnknownLambdaType] - the action can be anything
builder.add_node("options", plain, defer=True, metadata={"a": 1}, destinations=[END], inline=True)
builder.add_node("name")  # type: ignore[call-overload]  # a name alone is no node
builder.add_node(5)  # type: ignore[call-overload]  # nor is a number
builder.add_node(plain, defered=True)  # type: ignore[call-overload]  # a slip in an option


# ----------------------------------------------------------------------------------- the decorator


@builder.node
def bare(state: State) -> State:
    """Keep its type."""
    return state


@builder.node("named")
def named(state: State) -> State:
    """Keep its type."""
    return state


@builder.node(defer=True)
async def optional(state: State, runtime: Runtime[None]) -> State:
    """Keep its type."""
    return state


FULL: State = {"log": [], "x": 1}
assert_type(bare(FULL), State)
assert_type(named(FULL), State)
as_it_was: Callable[[State, Runtime[None]], Awaitable[State]] = optional
bare(5)  # type: ignore[arg-type]  # it still takes a State


# --------------------------------------------------------------------------------------- the edges


def choose(state: State) -> Literal["plain", "other"]:
    """Choose a node."""
    return "plain"


async def fan_out(state: State) -> list[Send]:
    """Send."""
    return [Send("plain", {"x": 1})]


builder.add_edge(START, "plain").add_edge(plain, awaited).add_edge(["plain", awaited], END)
builder.add_conditional_edges("plain", choose).add_conditional_edges(plain, choose, {"a": "other"})
builder.add_conditional_edges("plain", fan_out, ["plain", END])
builder.add_conditional_edges(START, choose, {"a": plain, "b": END})
builder.add_sequence([plain, ("named too", awaited), Agent()])
builder.set_entry_point("plain").set_finish_point(plain).set_conditional_entry_point(choose)
builder.add_edge("a", 5)  # type: ignore[arg-type]  # no name and no function
builder.add_edge("a", ["b"])  # type: ignore[arg-type]  # several sources, but one target
builder.add_conditional_edges("a", "b")  # type: ignore[arg-type]  # a path is a function


# ---------------------------------------------------------------------------------- plain values

assert_type(Send("a", 1).node, str)
assert_type(Command(goto=["a", Send("b", {})]).graph, str | None)
Send("a")  # type: ignore[call-arg]  # the argument is not optional
Command("a")  # type: ignore[call-arg]  # by keyword only
Overwrite([1])
going: Command[Literal["a", "b"]] = Command(goto="a")
by_function = Command(goto=plain)
sent_by_function = Send(plain, 1)
assert_type(add_messages([], {"role": "user", "content": "hi"}), list[Any])


# ------------------------------------------------------------------------------------ inside nodes


def asking(state: State) -> None:
    """Ask by functions."""
    assert_type(get_runtime(Context), Runtime[Context])
    assert_type(get_runtime(Context).context, Context)
    assert_type(get_runtime().context, None)
    assert_type(get_config(), RunnableConfig)
    get_stream_writer()("anything")
    info = get_runtime().execution_info
    assert info is not None
    assert_type(info.step, int)
