"""Graphs inside graphs that ask people, for either library."""

from collections.abc import Mapping
from typing import Any, Final

from tests.differential.nested import (
    FROM_X,
    Inner,
    Innermost,
    Middle,
    Own,
    X,
    around,
    by_kinds,
    inner,
    telling,
)
from tests.differential.pair import Action, State, chain, fan, returning
from tests.differential.people import asking
from tests.differential.threads import Make, Side


def asks_inside(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a graph inside that asks, with nodes before and after."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?"), "t": telling(side, "t")}
    return around(side, chain(side.lib, Inner, options=None, **nodes).compile())


def asks_twice(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with a node that asks twice, and another that asks."""
    nodes = {"a": asking(side, "a", "q1", "q2"), "s": telling(side, "s")}
    child = chain(side.lib, Inner, options=None, **nodes, b=asking(side, "b", "q1"))
    return around(side, child.compile())


def asks_below(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return three graphs, one inside the other, that all ask."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?")}
    low = chain(side.lib, Inner, options=None, **nodes).compile()
    nodes = {"m": telling(side, "m"), "low": low, "b": asking(side, "b", "b?")}
    options: dict[str, Any] = {"input_schema": X, "output_schema": Innermost}
    middle = chain(side.lib, Middle, options=options, **nodes).compile()
    nodes = {"o": telling(side, "o"), "mid": middle, "t": telling(side, "t")}
    outer = chain(side.lib, Own, options=FROM_X, **nodes).compile()
    return around(side, outer, c=asking(side, "c", "c?"))


def ask_side_by_side(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return graphs side by side, of which two ask, beside a node that asks; then a join."""
    nodes: dict[str, Any] = {
        name: chain(side.lib, Own, options=FROM_X, **own).compile()
        for name, own in (
            ("c", {"c1": telling(side, "c1"), "c2": asking(side, "c2", "c?")}),
            ("a", {"a1": asking(side, "a1", "a?"), "a2": telling(side, "a2")}),
            ("b", {"b1": telling(side, "b1")}),
        )
    }
    builder = fan(side.lib, **nodes, k=asking(side, "k", "k?"))
    builder.add_node("end", telling(side, "end"))
    return builder.add_edge([*"abck"], "end")


def several_ask(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside in which several ask at once."""
    nodes = {name: asking(side, name, f"{name}?") for name in "ab"}
    builder = fan(side.lib, Inner, **nodes, k=telling(side, "k"))
    builder.add_node("t", telling(side, "t"))
    return around(side, builder.add_edge([*"abk"], "t").compile())


def asks_beside(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that asks beside nodes that end, one with what does not come out."""
    nodes = {"k": telling(side, "k"), "l": side.node(returning({"y": 5})), "m": returning(None)}
    builder = chain(side.lib, Own, options=FROM_X, s=telling(side, "s"))
    for name, act in {**nodes, "z": asking(side, "z", "z?")}.items():
        builder.add_node(name, act).add_edge("s", name)
    return around(side, builder.compile())


def asks_by_turns(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that is run again and again, and asks each time."""

    def path(state: State) -> str:
        return "__end__" if state.get("log", [""])[-1] == "a='stop'" else "p"

    child = chain(side.lib, Own, options=FROM_X, s=telling(side, "s"), a=asking(side, "a", "more?"))
    nodes: dict[str, Any] = {"p": telling(side, "p"), "sub": child.compile()}
    return chain(side.lib, options=None, **nodes).add_conditional_edges("sub", path)


def sent_ones_ask(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return Sends to a graph that asks."""
    child = chain(side.lib, Own, options=FROM_X, s=telling(side, "s"), a=naming(side))
    send = side.lib.types.Send
    path = returning([send("sub", {"x": number}) for number in (1, 2)])
    builder = chain(side.lib, p=telling(side, "p")).add_node("sub", child.compile())
    builder.add_node("e", telling(side, "e")).add_edge("sub", "e")
    return builder.add_conditional_edges("p", path)


def naming(side: Side) -> Action:
    """Return a node that asks about the number that it is shown."""

    def act(state: Own) -> Own:
        number = state.get("x")
        return {"log": [f"{number}={side.lib.types.interrupt(f'{number}?')!r}"]}

    return side.node(act)


def called_one_asks(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph that asks."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?"), "t": telling(side, "t")}
    return calls_one(side, chain(side.lib, Inner, options=None, **nodes).compile())


def called_below_asks(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph whose node calls a graph that asks."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?")}
    low = chain(side.lib, Inner, options=None, **nodes).compile()
    middle = chain(side.lib, Inner, m=telling(side, "m"), c=calling_one(side, low)).compile()
    return calls_one(side, middle)


def caller_asks_first(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that asks, and then calls a graph that asks."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?")}
    child = chain(side.lib, Inner, options=None, **nodes).compile()
    interrupt = side.lib.types.interrupt

    def act(state: object) -> Inner:
        answer = interrupt("n?")
        return {"log": ["+".join([answer, *child.invoke({"log": [answer]})["log"]])]}

    async def act_async(state: object) -> Inner:
        answer = interrupt("n?")
        found = await child.ainvoke({"log": [answer]})
        return {"log": ["+".join([answer, *found["log"]])]}

    return chain(side.lib, n=act if side.kind == "sync" else act_async)


def caller_asks_last(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph, and then asks."""
    child = inner(side, "s1", "s2").compile()
    interrupt = side.lib.types.interrupt

    def act(state: object) -> Inner:
        found = child.invoke({"log": ["n"]})
        return {"log": ["+".join([interrupt("n?"), *found["log"]])]}

    async def act_async(state: object) -> Inner:
        found = await child.ainvoke({"log": ["n"]})
        return {"log": ["+".join([interrupt("n?"), *found["log"]])]}

    return chain(side.lib, n=act if side.kind == "sync" else act_async)


def calls_one(side: Side, child: Any) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph, between two others."""
    nodes = {"p": telling(side, "p"), "n": calling_one(side, child), "q": telling(side, "q")}
    return chain(side.lib, options=None, **nodes)


def calling_one(side: Side, child: Any) -> Action:  # noqa: ANN401 - a graph of either library
    """Return a node that calls a graph, which LangGraph finds by looking at the function."""

    def act(state: object) -> Inner:
        return {"log": ["+".join(child.invoke({"log": ["n"]})["log"])]}

    async def act_async(state: object) -> Inner:
        found = await child.ainvoke({"log": ["n"]})
        return {"log": ["+".join(found["log"])]}

    return act if side.kind == "sync" else act_async


INSIDE: Final[Mapping[str, Make]] = {
    make.__name__: make
    for make in (
        asks_inside,
        asks_twice,
        asks_below,
        ask_side_by_side,
        asks_beside,
        asks_by_turns,
        sent_ones_ask,
    )
}
"""Graphs inside that ask, as nodes."""

CALLED: Final[Mapping[str, Make]] = {
    make.__name__: make
    for make in (called_one_asks, called_below_asks, caller_asks_first, caller_asks_last)
}
"""Graphs that ask, or are asked about, and are called."""

PARALLEL: Final = frozenset({"ask_side_by_side", "asks_beside", "sent_ones_ask"})
"""Those in which several tasks run at once."""


as_nodes: Final = by_kinds(INSIDE, PARALLEL)
"""Gives a test each graph with graphs as nodes that ask."""

either_way: Final = by_kinds({**INSIDE, **CALLED}, PARALLEL)
"""Gives a test each graph with graphs that ask, as nodes or called."""
