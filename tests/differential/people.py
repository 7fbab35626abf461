"""Graphs that ask people, for either library."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tests.differential.pair import (
    END,
    Action,
    State,
    chain,
    fan,
    logging,
    returning,
)
from tests.differential.threads import Make, Side, Talk, failing

FIRST: Final[State] = {"log": ["i"]}


def asking(side: Side, name: str, *questions: str) -> Action:
    """Return a node that asks, and appends its name and the answers to the log."""
    interrupt = side.lib.types.interrupt

    def act(state: object) -> State:
        answers = [interrupt(question) for question in questions]
        return {"log": [f"{name}={','.join(map(repr, answers))}"]}

    return side.node(act)


def one(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a node that asks, with a node before and a node after it."""
    nodes = {
        "p": side.node(logging("p")),
        "a": asking(side, "a", "a?"),
        "b": side.node(logging("b")),
    }
    return chain(side.lib, options=None, **nodes)


def several(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that asks three times, and a node after it that asks the same."""
    nodes = {"a": asking(side, "a", "q1", "q2", "q1"), "b": asking(side, "b", "q1")}
    return chain(side.lib, options=None, **nodes)


def siblings(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return nodes side by side, not added in the order of their names; all but one ask."""
    nodes = {
        "c": asking(side, "c", "c?"),
        "k": side.node(logging("k")),
        "a": asking(side, "a", "a?"),
        "b": asking(side, "b", "b?"),
    }
    builder = fan(side.lib, **nodes).add_node("end", side.node(logging("end")))
    return builder.add_edge(["a", "b", "c", "k"], "end")


def pair(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that asks beside one that does not, and a join."""
    nodes = {"k": side.node(logging("k")), "a": asking(side, "a", "a?")}
    builder = fan(side.lib, **nodes).add_node("end", side.node(logging("end")))
    return builder.add_edge(["a", "k"], "end")


def sends(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return tasks of Sends that ask, beside a node that asks too."""
    interrupt = side.lib.types.interrupt

    def act(arg: Mapping[str, Any]) -> State:
        return {"log": [f"w{arg['x']}={interrupt('w' + str(arg['x']))!r}"]}

    send = side.lib.types.Send
    path = returning([send("w", {"x": 1}), send("w", {"x": 2}), "b"])
    builder = chain(side.lib, a=side.node(logging("a")))
    builder.add_node("w", side.node(act)).add_node("b", asking(side, "b", "b?"))
    builder.add_node("e", side.node(logging("e"))).add_edge("w", "e")
    return builder.add_conditional_edges("a", path)


def loop(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that asks, and comes back to itself until it is told to stop."""

    def path(state: State) -> str:
        return END if state.get("log", [""])[-1] == "a='stop'" else "a"

    return chain(side.lib, a=asking(side, "a", "more?")).add_conditional_edges("a", path)


def router(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that asks where to go, by a Command and by a conditional edge."""
    types = side.lib.types

    def ask(state: State) -> object:
        answer = types.interrupt("where?")
        return types.Command(update={"log": [f"a={answer}"]}, goto=answer)

    def path(state: State) -> list[str]:
        return ["e", state.get("log", [""])[-1][-1]]

    builder = chain(side.lib, a=side.node(ask))
    for name in "bce":
        builder.add_node(name, side.node(logging(name)))
    return builder.add_conditional_edges("a", path)


def shaky(names: str, *calls: int) -> Make:
    """Return a node 'a' that asks beside 'm' that fails at these calls, and others; then a join."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        acts: dict[str, Callable[[], Action]] = {
            "a": lambda: asking(side, "a", "a?"),
            "m": lambda: side.node(failing("m", *calls)),
        }
        nodes = {name: acts.get(name, lambda: side.node(logging("-")))() for name in names}
        builder = fan(side.lib, **nodes).add_node("end", side.node(logging("end")))
        return builder.add_edge(list(names), "end")

    return make


ASKING: Final[Mapping[str, Make]] = {
    make.__name__: make for make in (one, several, siblings, pair, sends, loop, router)
}

asked = pytest.mark.parametrize("make", ASKING.values(), ids=ASKING)
"""Gives a test each of them."""


def command(talk: Talk, **said: object) -> Any:  # noqa: ANN401 - of either library, here and below
    """Return a Command."""
    return talk.lib.types.Command(**said)


def answered(talk: Talk, answer: object = "b") -> Any:  # noqa: ANN401 - as above
    """Return what answers all that waits, or None if nothing does."""
    waiting = {each.id: answer for each in talk.now().interrupts}
    return command(talk, resume=waiting) if waiting else None
