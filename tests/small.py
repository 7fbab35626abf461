"""The smallest graphs and nodes, for tests whose claim is about one thing in them."""

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, TypedDict

import pytest

from graphflow import END, START, StateGraph
from graphflow.graph.state import CompiledStateGraph


class State(TypedDict, total=False):
    """A log that nodes append to, and two plain keys."""

    log: Annotated[list[str], operator.add]
    x: int
    y: int


def logs(name: str) -> Callable[[object], dict[str, list[str]]]:
    """Return a node that appends a name to the log."""

    def node(state: object) -> dict[str, list[str]]:
        return {"log": [name]}

    return node


def gives(answer: object) -> Callable[[object], Any]:
    """Return a node, or a path function, that always answers the same."""

    def function(state: object) -> object:
        return answer

    return function


def builder(*names: str) -> StateGraph[State]:
    """Return a builder with a logging node of each name, and an edge from START to the first."""
    made = StateGraph(State)
    for name in names:
        made.add_node(name, logs(name))
    return made.add_edge(START, names[0])


def chain(*names: str) -> CompiledStateGraph[State]:
    """Return a graph of logging nodes that run one after the other."""
    made = builder(*names)
    for before, after in pairwise(names):
        made.add_edge(before, after)
    return made.add_edge(names[-1], END).compile()


def log_of(made: StateGraph[State]) -> list[str]:
    """Compile and run a graph; return its log."""
    log: list[str] = made.compile().invoke({})["log"]
    return log


def alone(action: Any) -> CompiledStateGraph[State]:  # noqa: ANN401 - whatever can be a node
    """Return a graph whose only node, 'a', is the action."""
    return StateGraph(State).add_node("a", action).add_edge(START, "a").compile()


def parallel(**actions: Any) -> CompiledStateGraph[State]:  # noqa: ANN401 - whatever can be a node
    """Return a graph that runs all actions in one superstep, each under its keyword as a name."""
    made = StateGraph(State)
    for name, action in actions.items():
        made.add_node(name, action).add_edge(START, name)
    return made.compile()


def failure(run: Callable[[], object]) -> Exception:
    """Return what a call raises, whatever that is."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - to be looked at by the test
        run()
    return caught.value


class Worker:
    """Can be called, and has a method that can be a node."""

    def __call__(self, _: object) -> dict[str, list[str]]:
        """Log a call."""
        return {"log": ["called"]}

    def work(self, _: object) -> dict[str, list[str]]:
        """Log work."""
        return {"log": ["worked"]}


class Log(TypedDict):
    """What a node of these tests returns."""

    log: list[str]


def first(state: State) -> Log:
    """Log 'first'."""
    return {"log": ["first"]}


def second(state: State) -> Log:
    """Log 'second'."""
    return {"log": ["second"]}
