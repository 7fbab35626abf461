"""Another process on the same file: one that waits in the middle of a run, or many short runs.

`python -m tests.crash.other FILE SYNCHRONOUS wait DRIVER DURABILITY SHAPE` runs the graph once; its
node `second` tells that it waits, and goes on when it is given a line. At the end it tells how the
run ended. `python -m tests.crash.other FILE SYNCHRONOUS write DRIVER NAME COUNT` begins when it is
given a line, and runs the graph so many times, each until it succeeds; it tells each success.
"""

import asyncio
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeAlias, TypedDict, cast

from graphflow import START, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import ThreadBusyError

CONFIG: Final[Any] = {"configurable": {"thread_id": "shared"}}
TRIES: Final = 1000


class State(TypedDict, total=False):
    """A list that everybody appends to."""

    log: Annotated[list[str], operator.add]


Shared: TypeAlias = CompiledStateGraph[State, None]


def saying(line: str) -> Callable[[State], State]:
    """Return a node that appends a line."""

    def say(state: State) -> State:
        return State(log=[line])

    return say


def three_steps(saver: BaseCheckpointSaver, wait: Callable[[], object], shape: str) -> Shared:
    """Return a graph of three supersteps; in a "crew" the one that waits has a sibling."""

    def second(state: State) -> State:
        wait()
        return State(log=["second"])

    builder = StateGraph(State)
    builder.add_node("first", saying("first"))
    builder.add_node("second", second)
    builder.add_node("beside", saying("beside"))
    builder.add_node("third", saying("third"))
    builder.add_edge(START, "first").add_edge("first", "second").add_edge("second", "third")
    if shape == "crew":
        builder.add_edge("first", "beside")
    return builder.compile(checkpointer=saver)


def writing(saver: BaseCheckpointSaver) -> Shared:
    """Return a graph of two supersteps, each with a line of its own after that of the input."""

    def one(state: State) -> State:
        return State(log=[f"{state.get('log', [])[-1]} one"])

    def two(state: State) -> State:
        return State(log=[state.get("log", [])[-1].replace("one", "two")])

    builder = StateGraph(State)
    builder.add_node("one", one)
    builder.add_node("two", two)
    return builder.add_edge(START, "one").add_edge("one", "two").compile(checkpointer=saver)


def invoke(graph: Shared, given: State, driver: str, durability: Any = None) -> None:  # noqa: ANN401 - one of its words
    """Run a graph to its end."""
    if driver == "threads":
        graph.invoke(given, CONFIG, durability=durability)
    else:
        asyncio.run(graph.ainvoke(given, CONFIG, durability=durability))


def tell(line: str) -> None:
    """Tell a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def wait_once(saver: BaseCheckpointSaver, driver: str, durability: str, shape: str) -> None:
    """Run the graph once, and tell how that ended."""

    def wait() -> None:
        tell("waits")
        sys.stdin.readline()

    try:
        invoke(three_steps(saver, wait, shape), State(log=["old"]), driver, durability)
    except ThreadBusyError as error:
        tell("superseded" if error.superseded else "busy")
    else:
        tell("end")


def write(saver: BaseCheckpointSaver, driver: str, name: str, count: str) -> None:
    """Run the graph many times, each until it succeeds."""
    graph = writing(saver)
    tell("ready")
    sys.stdin.readline()
    for number in range(int(count)):
        tell(written(graph, driver, f"{name}.{number}"))


def written(graph: Shared, driver: str, word: str) -> str:
    """Run the graph until it succeeds; return the line that did.

    Raises:
        AssertionError: if it never does.
    """
    for attempt in range(TRIES):
        line = f"{word}.{attempt}"
        try:
            invoke(graph, State(log=[line]), driver)
        except ThreadBusyError as error:
            if not error.superseded:  # nobody else runs in this process
                raise
        else:
            return line
    raise AssertionError(word)


def main(words: Sequence[str]) -> None:
    """Do what the module says."""
    path, synchronous, what, *rest = words
    with SqliteSaver(path, synchronous=cast("Any", synchronous)) as saver:
        (wait_once if what == "wait" else write)(saver, *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
