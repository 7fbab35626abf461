"""Graphs inside graphs, for either library.

A graph as a node hands back its whole output in LangGraph, in graphflow what was written inside.
Both are the same where all that is in its output has been written, and no key of it is reduced by
the very function that reduces it in the graph around it: so the graphs inside have reducers of
their own, `longer`. What the difference is, `test_migration_nested.py` says.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Final, TypedDict, cast

import pytest

from tests.differential.build import Kind
from tests.differential.pair import Action, chain, returning
from tests.differential.threads import MODES, Make, Side, Talk

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
    told: dict[str, Any] = {"subgraphs": True, **options}
    talk.run(given, *(shown or ALL), config=config, **told)


def fresh(talk: Talk, make: Make) -> None:
    """Go on with a graph that has no store."""
    kind: Any = talk.kind
    talk.graph = make(Side(talk.lib, kind)).compile()


def look_inside(talk: Talk) -> None:
    """Tell the thread as it is and its history, and both of every graph inside that ever ran."""
    talk.state()
    talk.state(subgraphs=True)
    talk.history()
    for ns in namespaces(talk):
        talk.state(ns=ns, subgraphs=True)
        talk.history(ns=ns)


def namespaces(talk: Talk, ns: str = "") -> list[str]:
    """Return the namespaces of the graphs inside one, however deep, as its history names them."""
    tasks = [task for snapshot in talk.snapshots(ns) for task in snapshot.tasks]
    found = dict.fromkeys(
        task.state["configurable"]["checkpoint_ns"] for task in tasks if task.state is not None
    )
    return [each for one in found for each in (one, *namespaces(talk, one))]


def by_kinds(makes: Mapping[str, Make], parallel: Collection[str]) -> pytest.MarkDecorator:
    """Return what gives a test each graph, by the entry points in which LangGraph has an order.

    Args:
        makes: the graphs.
        parallel: the names of those in which several tasks run at once: not for its sync driver.
    """
    kinds = [
        pytest.param(make, kind, id=f"{name}-{kind}")
        for name, make in makes.items()
        for kind in KINDS
        if kind == "async" or name not in parallel
    ]
    return pytest.mark.parametrize(("make", "kind"), kinds)


def unplaced(told: Any, *names: str) -> Any:  # noqa: ANN401 - plain data
    """Return what was told without where the graphs inside are of tasks of these names.

    Of all tasks, if no name is given.
    """
    if isinstance(told, dict):
        pairs = cast("dict[str, Any]", told)
        placed = "state" in pairs and (not names or pairs.get("name") in names)
        kept = {**pairs, "state": None} if placed else pairs
        return {key: unplaced(value, *names) for key, value in kept.items()}
    if isinstance(told, list | tuple):
        items = [unplaced(each, *names) for each in cast("Sequence[Any]", told)]
        return items if isinstance(told, list) else tuple(items)
    return told
