"""Graphs inside graphs, for either library.

A graph as a node hands back its whole output in LangGraph, in graphflow what was written inside.
Both are the same where all that is in its output has been written, and no key of it is reduced by
the very function that reduces it in the graph around it: so the graphs inside have reducers of
their own, `longer`. What the difference is, `test_migration_nested.py` says.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypedDict

import pytest

from tests.differential.build import Kind
from tests.differential.pair import END, Action, State, chain, fan, logging, returning
from tests.differential.threads import EXAMPLES, MODES, Make, Side, Talk

KINDS: Final[tuple[Kind, ...]] = ("sync", "async")
ALL: Final = (*MODES, "custom")
LIVE: Final = ("updates", "values", "tasks", "custom")
"""The modes that show no checkpoint."""


def longer(left: list[str], right: list[str]) -> list[str]:
    """Reduce a log; not the function that reduces it in `State`."""
    return [*left, *right]


def appended(left: list[str], right: list[str]) -> list[str]:
    """Reduce the log of a graph inside one whose log is reduced by `longer`."""
    return [*left, *right]


class Inner(TypedDict, total=False):
    """The state of a graph inside that shares its log."""

    log: Annotated[list[str], longer]


class Own(TypedDict, total=False):
    """The state of a graph inside with keys of its own."""

    log: Annotated[list[str], longer]
    x: int
    y: int
    z: int


class Log(TypedDict, total=False):
    """A log as all that comes out."""

    log: Annotated[list[str], longer]


class X(TypedDict, total=False):
    """What comes in."""

    x: int


class Y(TypedDict, total=False):
    """What comes out."""

    y: int


class Middle(TypedDict, total=False):
    """The state of a graph inside one inside another."""

    log: Annotated[list[str], appended]
    x: int


class Innermost(TypedDict, total=False):
    """The same, with no more than a log."""

    log: Annotated[list[str], appended]


FROM_X: Final[dict[str, Any]] = {"input_schema": X, "output_schema": Log}
"""Options of a graph inside that begins with an empty log, and hands it back."""


# ---------------------------------------------------------------------------------------- nodes


def telling(side: Side, name: str) -> Action:
    """Return a node that writes into the custom stream, too."""

    def act(state: object) -> Inner:
        side.lib.config.get_stream_writer()(f"custom {name}")
        return {"log": [name]}

    return side.node(act)


def calling(side: Side, *calls: Any, name: str = "n", **options: Any) -> Action:  # noqa: ANN401 - graphs of either library
    """Return a node that calls graphs, one after the other, and appends what they say to the log.

    Args:
        side: the library.
        calls: the graphs.
        name: the node's name.
        options: what `invoke` is called with.
    """

    def given(at: int) -> Inner:
        return {"log": [f"{name}{at}"]}

    def result(found: list[Any]) -> Inner:
        return {"log": ["+".join([name, *each["log"]]) for each in found]}

    def act(state: object) -> Inner:
        return result([each.invoke(given(at), **options) for at, each in enumerate(calls)])

    async def act_async(state: object) -> Inner:
        return result([await each.ainvoke(given(at), **options) for at, each in enumerate(calls)])

    return act if side.kind == "sync" else act_async


def gathering(side: Side, *calls: Any, name: str = "n") -> Action:  # noqa: ANN401 - as above
    """Return a node that calls graphs all at once, if it is async."""

    async def act(state: object) -> Inner:
        each = (one.ainvoke({"log": [f"{name}{at}"]}) for at, one in enumerate(calls))
        found = await asyncio.gather(*each)
        return {"log": ["+".join([name, *each["log"]]) for each in found]}

    return act if side.kind == "async" else calling(side, *calls, name=name)


def inner(side: Side, *names: str, state: object = Inner, **options: Any) -> Any:  # noqa: ANN401 - as above
    """Return a builder of a chain of nodes that append their names, and write the custom stream."""
    nodes = {name: telling(side, name) for name in names}
    return chain(side.lib, state, options=options or None, **nodes)


def around(side: Side, child: Any, **nodes: Action) -> Any:  # noqa: ANN401 - as above
    """Return a builder of a node, a graph inside, and a node; or of other nodes after that."""
    after = nodes or {"q": telling(side, "q")}
    return chain(side.lib, options=None, p=telling(side, "p"), sub=child, **after)


# --------------------------------------------------------------------------------------- graphs


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
    options: dict[str, Any] = {"stream_mode": ["updates", "custom"]}

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

nested = pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(make, kind, id=f"{name}-{kind}")
        for name, make in NESTED.items()
        for kind in KINDS
        if kind == "async" or name not in PARALLEL
    ],
)
"""Gives a test each of them, by the entry points that fit."""


def example(name: str) -> Make:
    """Return one of the flat graphs, by its name, as a node of another."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"p": telling(side, "p"), "sub": EXAMPLES[name](side).compile()}
        return chain(side.lib, Own, options=None, **nodes, q=telling(side, "q"))

    return make


def leaving(said: Callable[[Any], Any], *names: str) -> Make:
    """Return a graph inside whose first node says something to the graph around it.

    Args:
        said: what the node returns, given the library's types.
        names: nodes of the graph around it that no edge leads to.
    """

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"s": side.node(returning(said(side.lib.types))), "t": telling(side, "t")}
        builder = around(side, chain(side.lib, Inner, options=None, **nodes).compile())
        for name in names:
            builder.add_node(name, telling(side, name))
        return builder

    return make


# ---------------------------------------------------------------------------------------- talks


def wide_enough(talk: Talk) -> dict[str, Any]:
    """Return a config in which LangGraph's sync driver has a thread for itself.

    It needs one to show graphs inside; else one task at a time, so that their order is fixed.
    """
    return {"max_concurrency": 4 if talk.kind == "sync" else 1}


def show(talk: Talk, given: object, *shown: str, **options: Any) -> None:  # noqa: ANN401 - of `run`
    """Run a graph on, and tell what it and those inside show, in all modes if none is named."""
    config = {**wide_enough(talk), **options.pop("config", {})}
    talk.run(given, *(shown or ALL), subgraphs=True, config=config, **options)


def fresh(talk: Talk, make: Make) -> None:
    """Go on with a graph that has no store."""
    talk.graph = make(Side(talk.lib, talk.kind)).compile()
