"""A process whose graph runs graphs, and that is killed; `python -m tests.crash.nested`.

It is given a folder, a driver, a durability, and `new` or `on`. Each node leaves a line in a file
before it does anything else, and logs the same line.
"""

import asyncio
import operator
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypedDict

from graphflow import END, START, Command, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.compiled import CompiledStateGraph

CONFIG: Final[Any] = {"configurable": {"thread_id": "nested"}}
ROUNDS: Final = 5
ALL: Final = ("calls", "deep", "left")
"""The nodes of each round."""


class State(TypedDict, total=False):
    """What was done, and the number of the round."""

    log: Annotated[list[str], operator.add]
    x: int


Nested: TypeAlias = CompiledStateGraph[State, None]
Note: TypeAlias = Callable[[str], None]


def noting(path: Path) -> Note:
    """Return a function that appends a line to a file."""
    file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(line: str) -> None:
        os.write(file, f"{line}\n".encode())

    return note


def silent(_: str) -> None:
    """Note nothing."""


def ends() -> list[str]:
    """Return the log of a thread that has ended."""
    return [f"{x} {name}" for x in range(ROUNDS) for name in (*"ghklabcde", "f", "leaves")]


class Parts:
    """The nodes, and the graphs inside the graph.

    Args:
        note: takes each line before anything else is done.
        driver: "threads", or "asyncio" for coroutine functions.
    """

    def __init__(self, note: Note, driver: str) -> None:
        self._note = note
        self._awaits = driver != "threads"

    def graph(self, saver: BaseCheckpointSaver | None) -> Nested:
        """Return the graph: rounds of a deep child, one that leaves, and two that a node calls."""
        first, second = self.row("gh"), self.row("kl")

        def calls(state: State) -> State:
            given = State(log=[], x=state.get("x", 0))
            return State(log=[*first.invoke(given)["log"], *second.invoke(given)["log"]])

        async def awaits(state: State) -> State:
            given = State(log=[], x=state.get("x", 0))
            lines = (await first.ainvoke(given))["log"]
            return State(log=[*lines, *(await second.ainvoke(given))["log"]])

        made: Any = StateGraph(State)
        made.add_node("calls", awaits if self._awaits else calls)
        made.add_node("deep", self.deep()).add_node("left", self.left()).add_node("next", onward)
        for name in ALL:
            made.add_edge(START, name)
        compiled: Nested = made.add_edge([*ALL], "next").compile(checkpointer=saver)
        return compiled

    def deep(self) -> Nested:
        """Return a graph with another one in it, beside a node."""
        made: Any = StateGraph(State)
        for name in "abe":
            made.add_node(name, self.says(name))
        made.add_node("in", self.row("cd"))
        made.add_edge(START, "a").add_edge("a", "b").add_edge("a", "in")
        compiled: Nested = made.add_edge(["b", "in"], "e").compile()
        return compiled

    def left(self) -> Nested:
        """Return a graph that is left before its end."""

        def leaves(state: State) -> Command[Any]:
            return Command(graph=Command.PARENT, update=self._line(state, "leaves"))

        made: Any = StateGraph(State)
        made.add_node("f", self.says("f")).add_node(leaves).add_node("never", self.says("never"))
        made.add_edge(START, "f").add_edge("f", "leaves").add_edge("leaves", "never")
        compiled: Nested = made.compile()
        return compiled

    def row(self, names: str) -> Nested:
        """Return a graph of nodes in a row."""
        made: Any = StateGraph(State)
        before = START
        for name in names:
            made.add_node(name, self.says(name)).add_edge(before, name)
            before = name
        compiled: Nested = made.compile()
        return compiled

    def says(self, name: str) -> Any:  # noqa: ANN401 - a function of either kind
        """Return a node that leaves its line."""

        def say(state: State) -> State:
            return self._line(state, name)

        async def say_on_loop(state: State) -> State:
            return self._line(state, name)

        return say_on_loop if self._awaits else say

    def _line(self, state: State, name: str) -> State:
        line = f"{state.get('x', 0)} {name}"
        self._note(line)
        return State(log=[line])


def onward(state: State) -> Command[Any]:
    """Go round, or end."""
    number = state.get("x", 0) + 1
    return Command(update={"x": number}, goto=[*ALL] if number < ROUNDS else END)


def main(words: Sequence[str]) -> None:
    """Do what the module says."""
    folder, driver, durability, how = words
    given = State(log=[], x=0) if how == "new" else None
    options: Any = {"config": CONFIG, "durability": durability}
    with SqliteSaver(Path(folder, "store.db")) as saver:
        graph = Parts(noting(Path(folder, "effects")), driver).graph(saver)
        if driver == "threads":
            graph.invoke(given, **options)
        else:
            asyncio.run(graph.ainvoke(given, **options))


if __name__ == "__main__":
    main(sys.argv[1:])
