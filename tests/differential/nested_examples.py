"""Examples of graphs inside graphs, for either library."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from tests.differential.nested import (
    FROM_X,
    Inner,
    Innermost,
    Log,
    Middle,
    Own,
    X,
    Y,
    around,
    by_kinds,
    calling,
    gathering,
    inner,
    telling,
)
from tests.differential.pair import END, State, chain, fan, logging, returning
from tests.differential.threads import EXAMPLES, Make, Side


def simple(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a chain around a chain."""
    return around(side, inner(side, "s1", "s2").compile())


def named(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph that is a node by its own name."""
    builder = chain(side.lib, p=telling(side, "p"))
    builder.add_node(inner(side, "s").compile(name="kid"))
    return builder.add_edge("p", "kid")


def deep(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return three graphs, one inside the other."""
    lowest = inner(side, "s1", "s2").compile()
    nodes: dict[str, Any] = {"m1": telling(side, "m1"), "low": lowest, "m2": telling(side, "m2")}
    options: dict[str, Any] = {"input_schema": X, "output_schema": Innermost}
    middle = chain(side.lib, Middle, options=options, **nodes).compile()
    nodes = {"o1": telling(side, "o1"), "mid": middle, "o2": telling(side, "o2")}
    outer = chain(side.lib, Own, options=FROM_X, **nodes).compile()
    return around(side, outer)


def narrow(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with ends of its own, and a key that nobody knows."""

    def tell(state: Own) -> Own:
        seen = ",".join(f"{key}={value}" for key, value in sorted(state.items()))
        return {"log": [f"s({seen})"], "x": 9, "y": state.get("x", 0) + 1, "z": 5}

    options: dict[str, Any] = {"input_schema": X, "output_schema": Y}
    child = chain(side.lib, Own, options=options, s=side.node(tell), t=side.node(returning(None)))
    return around(side, child.compile())


def strange(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that has no key of the graph around it."""

    class Strange(TypedDict, total=False):
        k: int

    child = chain(side.lib, Strange, s=side.node(returning({"k": 1}))).compile()
    return around(side, child)


def silent(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that writes none of what it hands back."""
    options: dict[str, Any] = {"input_schema": X, "output_schema": Y}
    nodes = {"s": side.node(logging("s")), "t": side.node(returning(None))}
    return around(side, chain(side.lib, Own, options=options, **nodes).compile())


def limited(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that is shown a part of the state only."""
    child = inner(side, "s", state=Own, output_schema=Log).compile()
    builder = chain(side.lib, p=telling(side, "p"))
    builder.add_node("sub", child, input_schema=X).add_node("q", telling(side, "q"))
    return builder.add_edge("p", "sub").add_edge("sub", "q")


def replacing(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that replaces its log, and adds to it."""
    overwrite = side.lib.types.Overwrite
    nodes = {
        "s": telling(side, "s"),
        "o": side.node(returning({"log": overwrite(["o"])})),
        "t": telling(side, "t"),
    }
    return around(side, chain(side.lib, Inner, options=None, **nodes).compile())


def plain_key(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that replaces what is reduced around it."""

    class Line(TypedDict, total=False):
        log: list[str]

    return around(side, chain(side.lib, Line, s=telling(side, "s")).compile())


def siblings(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return graphs side by side, beside a node, and a join."""
    nodes: dict[str, Any] = {
        "c": inner(side, "c1", "c2", state=Own, **FROM_X).compile(),
        "a": inner(side, "a1", state=Own, **FROM_X).compile(),
        "k": telling(side, "k"),
        "b": inner(side, "b1", "b2", state=Own, **FROM_X).compile(),
    }
    builder = fan(side.lib, **nodes).add_node("end", telling(side, "end"))
    return builder.add_edge([*"abck"], "end")


def sending(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return Sends to a graph, one of them to its edges, beside a node."""
    send = side.lib.types.Send

    def tell(state: Own) -> Own:
        return {"log": [f"w{state.get('x')}"]}

    child = chain(side.lib, Own, options=FROM_X, w=side.node(tell), v=telling(side, "v"))
    path = returning([send("sub", {"x": 1}), send("sub", {"x": 2}), "k", "sub"])
    builder = chain(side.lib, p=telling(side, "p")).add_node("sub", child.compile())
    builder.add_node("k", telling(side, "k")).add_node("e", telling(side, "e"))
    return builder.add_conditional_edges("p", path).add_edge("sub", "e")


def rounds(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that is run again and again."""

    def path(state: State) -> str:
        return "p" if len(state.get("log", ())) % 7 else END

    child = inner(side, "s", state=Own, **FROM_X).compile()
    builder = chain(side.lib, options=None, p=telling(side, "p"), sub=child)
    return builder.add_conditional_edges("sub", path)


def wide(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with siblings, a join, Sends and Commands of its own."""
    types = side.lib.types
    said = types.Command(update={"log": ["a"]}, goto=["w", types.Send("w", {"log": ["x"]})])
    nodes = {"z": telling(side, "z"), "a": side.node(returning(said)), "m": telling(side, "m")}
    builder = fan(side.lib, Inner, **nodes)
    builder.add_node("w", telling(side, "w")).add_node("end", telling(side, "end"))
    return around(side, builder.add_edge(["a", "m", "z"], "end").compile())


def called(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph."""
    child = inner(side, "s1", "s2").compile()
    return chain(side.lib, options=None, p=telling(side, "p"), n=calling(side, child))


def called_often(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls two graphs by turns, beside one that calls one of them."""
    one, two = inner(side, "s1", "s2").compile(), inner(side, "t").compile()
    nodes = {"n": calling(side, one, two, one, one), "m": calling(side, two, two, name="m")}
    return fan(side.lib, **nodes)


def called_at_once(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls graphs at once, if it can."""
    child = inner(side, "s1").compile()
    return chain(side.lib, n=gathering(side, child, child, child))


def called_below(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return graphs that call, or have, graphs that have, or call, graphs."""
    lowest = inner(side, "s").compile()
    caller = chain(side.lib, Inner, c=calling(side, lowest, lowest, name="c")).compile()
    low = inner(side, "s", state=Innermost).compile()
    has = chain(side.lib, Inner, options=None, h=telling(side, "h"), low=low).compile()
    nodes: dict[str, Any] = {"n": calling(side, caller, has), "sub": caller}
    return chain(side.lib, options=None, **nodes)


def called_in_an_edge(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a conditional edge that calls a graph."""
    child = inner(side, "s").compile()

    def to(found: Inner) -> str:
        return "b" if found.get("log") == ["c", "s"] else END

    def path(state: State) -> str:
        return to(child.invoke({"log": ["c"]}))

    async def path_async(state: State) -> str:
        return to(await child.ainvoke({"log": ["c"]}))

    builder = chain(side.lib, a=telling(side, "a")).add_node("b", telling(side, "b"))
    return builder.add_conditional_edges("a", path if side.kind == "sync" else path_async)


def called_with_a_config(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph with facts and words of its own."""
    config = {"tags": ["c"], "metadata": {"who": "c"}, "configurable": {"bar": 2}}
    return chain(side.lib, n=calling(side, inner(side, "s").compile(), config=config))


def watched(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that looks at what a graph streams, and tells that by the custom stream."""
    child = inner(side, "s1", "s2").compile()
    options: dict[str, Any] = {"stream_mode": ["updates", "values"]}

    def act(state: object) -> Inner:
        seen = [*child.stream({"log": ["c"]}, **options)]
        side.lib.config.get_stream_writer()(seen)
        return {"log": [f"n{len(seen)}"]}

    async def act_async(state: object) -> Inner:
        seen = [chunk async for chunk in child.astream({"log": ["c"]}, **options)]
        side.lib.config.get_stream_writer()(seen)
        return {"log": [f"n{len(seen)}"]}

    return chain(side.lib, n=act if side.kind == "sync" else act_async)


NESTED: Final[Mapping[str, Make]] = {
    make.__name__: make
    for make in (
        simple,
        named,
        deep,
        narrow,
        strange,
        silent,
        limited,
        replacing,
        plain_key,
        siblings,
        sending,
        rounds,
        wide,
        called,
        called_often,
        called_below,
        called_in_an_edge,
        called_with_a_config,
        watched,
    )
}

PARALLEL: Final = frozenset({"siblings", "sending", "called_often", "wide"})
"""Those in which several tasks run at once.

Sync LangGraph needs a thread more than one to show graphs inside, and then has no fixed order.
"""

nested = by_kinds(NESTED, PARALLEL)
"""Gives a test each of them, by the entry points that fit."""


def example(name: str) -> Make:
    """Return one of the flat graphs, by its name, as a node of another."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"p": telling(side, "p"), "sub": EXAMPLES[name](side).compile()}
        return chain(side.lib, Own, options=None, **nodes, q=telling(side, "q"))

    return make
