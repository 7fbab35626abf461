"""What graphs inside graphs remember over runs of a thread is in graphflow what it is in LangGraph.

By `checkpointer=True`; and what comes of `checkpointer=False` and of a store of their own.
"""

import gc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    FROM_X,
    LIVE,
    Inner,
    Innermost,
    Middle,
    Own,
    X,
    around,
    inner,
    look_inside,
    show,
    telling,
    unplaced,
)
from tests.differential.pair import State, chain
from tests.differential.people import answered, asking, command
from tests.differential.threads import Make, Side, Talk, agree, failing, kinds

FIRST: State = {"log": ["i"], "x": 1}
SECOND: State = {"log": ["j"], "x": 2}

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


# ------------------------------------------------------------------------------------ memory


def remembers(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that remembers its runs."""
    child = inner(side, "s1", "s2", state=Own, **FROM_X).compile(checkpointer=True)
    return around(side, child)


def remembers_below(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph that remembers, inside one that does."""
    low = inner(side, "s").compile(checkpointer=True)
    options: dict[str, Any] = {"input_schema": X, "output_schema": Innermost}
    nodes: dict[str, Any] = {"m": telling(side, "m"), "low": low}
    middle = chain(side.lib, Middle, options=options, **nodes).compile(checkpointer=True)
    return around(side, middle)


def remembers_by_turns(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return one graph that remembers as two nodes, one of them in a loop."""

    def path(state: State) -> str:
        return "__end__" if len(state.get("log", ())) > 6 else "one"

    child = inner(side, "s", state=Own, **FROM_X).compile(checkpointer=True)
    nodes: dict[str, Any] = {"one": child, "two": child}
    return chain(side.lib, options=None, **nodes).add_conditional_edges("two", path)


def remembers_calls(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that calls a graph that remembers, twice."""
    child = inner(side, "s").compile(checkpointer=True)

    def act(state: object) -> Inner:
        found = [child.invoke({"log": [said]}) for said in "cd"]
        return {"log": ["+".join(each["log"]) for each in found]}

    async def act_async(state: object) -> Inner:
        found = [await child.ainvoke({"log": [said]}) for said in "cd"]
        return {"log": ["+".join(each["log"]) for each in found]}

    return chain(side.lib, n=act if side.kind == "sync" else act_async)


def remembers_and_asks(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that remembers its runs, and asks in each."""
    nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?")}
    child = chain(side.lib, Own, options=FROM_X, **nodes).compile(checkpointer=True)
    return around(side, child)


def remembers_and_fails(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside that remembers its runs, and fails in the second."""
    nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 2))}
    child = chain(side.lib, Own, options=FROM_X, **nodes).compile(checkpointer=True)
    return around(side, child)


def forgets(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside of which nothing is stored."""
    return around(side, inner(side, "s1", "s2").compile(checkpointer=False))


def keeps_to_itself(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with a store of its own, which is not used."""
    store = side.lib.memory.InMemorySaver()
    return around(side, inner(side, "s1", "s2").compile(checkpointer=store))


MEMORIES: Mapping[str, Make] = {
    make.__name__: make
    for make in (
        remembers,
        remembers_below,
        remembers_by_turns,
        remembers_calls,
        keeps_to_itself,
    )
}
memories = pytest.mark.parametrize("make", MEMORIES.values(), ids=MEMORIES)


def recall(talk: Talk) -> None:
    """Tell the thread, and what the graph inside remembers, which LangGraph does not find by it."""
    talk.state()
    talk.state(subgraphs=True)
    talk.history()
    talk.state(ns="sub")
    talk.history(ns="sub")


@kinds
@memories
def test_what_a_graph_inside_remembers_is_the_same(make: Make, kind: Kind) -> None:
    """Over the runs of a thread, in every stream."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, None, FIRST):
            show(talk, given)
        talk.told = unplaced(talk.told)

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize(
    ("make", "names"),
    [
        (remembers, ["sub"]),
        (remembers_below, ["sub", "sub|low"]),
        (remembers_by_turns, ["one", "two"]),
        (remembers_calls, ["n", "n|1"]),
    ],
)
def test_a_memory_is_read_by_the_name_of_its_node(make: Make, names: list[str], kind: Kind) -> None:
    """No task id is in its namespace."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            show(talk, given, "updates")
            for ns in names:
                talk.told.append(talk.now(ns=ns).values)
                talk.history(ns=ns)
        talk.told = unplaced(talk.told)

    agree(kind, make, script)


@kinds
def test_a_graph_that_remembers_asks_in_every_run(kind: Kind) -> None:
    """And goes on after each answer with what it remembers."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            show(talk, given)
            recall(talk)
            show(talk, answered(talk))
            recall(talk)
        talk.told = unplaced(talk.told)

    agree(kind, remembers_and_asks, script)


@kinds
def test_a_graph_that_remembers_goes_on_after_a_failure(kind: Kind) -> None:
    """Inside the run that failed."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, None, FIRST):
            show(talk, given)
            recall(talk)
        talk.told = unplaced(talk.told)

    agree(kind, remembers_and_fails, script)


@kinds
@pytest.mark.parametrize("durability", ["async", "exit"])
def test_a_memory_is_stored_however_durable(kind: Kind, durability: str) -> None:
    """At the end, it has one checkpoint for each run."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            talk.forget()
            show(talk, given, *LIVE, durability=durability)
            talk.history(ns="sub")

    agree(kind, remembers, script)


def test_a_graph_that_remembers_needs_a_thread_around_it() -> None:
    """Without one, every run is its first."""

    def script(talk: Talk) -> None:
        talk.graph = remembers(Side(talk.lib, "sync")).compile()
        for given in (FIRST, SECOND):
            show(talk, given, *LIVE, durability=None)

    agree("sync", remembers, script)


@kinds
def test_nothing_is_stored_of_a_graph_inside_that_says_so(kind: Kind) -> None:
    """What it shows is the same."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            show(talk, given, durability="async")
            look_inside(talk)

    agree(kind, forgets, script)


@kinds
def test_a_graph_inside_of_which_nothing_is_stored_begins_anew(kind: Kind) -> None:
    """When it has failed. That its tasks have the same ids then is on purpose."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1))}
        child = chain(side.lib, Inner, options=None, **nodes).compile(checkpointer=False)
        return around(side, child)

    def script(talk: Talk) -> None:
        for given in (FIRST, None):
            show(talk, given, durability="async")
            talk.forget()
        talk.state()

    agree(kind, make, script)


@kinds
def test_a_graph_inside_of_which_nothing_is_stored_can_ask_one_question(kind: Kind) -> None:
    """It begins anew with the answer."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"s": telling(side, "s"), "a": asking(side, "a", "a?")}
        child = chain(side.lib, Inner, options=None, **nodes).compile(checkpointer=False)
        return around(side, child)

    def script(talk: Talk) -> None:
        talk.call("invoke", FIRST, durability="async")
        talk.forget()
        show(talk, command(talk, resume="A"), "updates", "values", durability="async")

    agree(kind, make, script)
