"""How a graph inside is left, in graphflow as in LangGraph: by a Command, or by a failure.

Where nothing was written before, for what becomes of that is a difference on purpose.
"""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    LIVE,
    Inner,
    Innermost,
    Own,
    X,
    around,
    calling,
    fresh,
    inner,
    leaving,
    show,
    telling,
)
from tests.differential.pair import THEIRS, State, chain, fan, returning
from tests.differential.specs import BoomError
from tests.differential.threads import Side, Talk, agree, failing, kinds, told

FIRST: State = {"log": ["i"], "x": 1}

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


# -------------------------------------------------------------------- what goes to the outer graph

LEAVING: dict[str, Callable[[Any], Any]] = {
    "update": lambda types: out(types, update={"log": ["P"], "x": 1}),
    "goto": lambda types: out(types, update={"log": ["P"]}, goto="e"),
    "several": lambda types: out(types, goto=["e", "f", "e"]),
    "Send": lambda types: out(types, goto=[types.Send("e", {"log": ["x"]}), "f"]),
    "to the end": lambda types: out(types, update={"log": ["P"]}, goto="__end__"),
    "where the edge leads": lambda types: out(types, goto="q"),
    "pairs": lambda types: out(types, update=[("log", ["P"]), ("log", ["Q"]), ("x", 1)]),
    "a key of the outer graph": lambda types: out(types, update={"y": 1}),
    "overwriting": lambda types: out(types, update={"log": types.Overwrite(["o"])}),
    "in a list": lambda types: [out(types, update={"log": ["P"]}, goto="e")],
}


def out(types: Any, **said: object) -> Any:  # noqa: ANN401 - of either library
    """Return a Command to the graph around."""
    return types.Command(graph=types.Command.PARENT, **said)


def leave(talk: Talk) -> None:
    """Run a graph, and tell what it shows."""
    show(talk, FIRST, *LIVE, "debug", durability=None)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        *((said, "async") for said in LEAVING.values()),
        *((LEAVING[name], "sync") for name in ("update", "pairs", "overwriting")),
    ],
    ids=[*LEAVING, "update-sync", "pairs-sync", "overwriting-sync"],
)
def test_a_command_to_the_outer_graph_ends_the_inner_one(
    said: Callable[[Any], Any], kind: Kind
) -> None:
    """It says what the node of the inner one does, and adds to where that leads."""
    make = leaving(said, "e", "f")

    def script(talk: Talk) -> None:
        fresh(talk, make)
        leave(talk)

    agree(kind, make, script)


@kinds
def test_a_command_to_the_outer_graph_can_run_the_inner_one_again(kind: Kind) -> None:
    """As often as it likes."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        def say(state: Inner) -> Any:  # noqa: ANN401 - a Command
            goto = "sub" if len(state.get("log", ())) < 5 else "q"
            return out(side.lib.types, update={"log": ["P"]}, goto=goto)

        builder = chain(side.lib, sub=chain(side.lib, Inner, s=side.node(say)).compile())
        return builder.add_node("q", telling(side, "q"))

    def script(talk: Talk) -> None:
        fresh(talk, make)
        leave(talk)

    agree(kind, make, script)


@kinds
def test_a_command_leaves_one_graph_only(kind: Kind) -> None:
    """The one around that goes on."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        says = side.node(returning(out(side.lib.types, update={"log": ["P"]}, goto="m")))
        low = chain(side.lib, Innermost, s=says).compile()
        middle = chain(side.lib, Inner, low=low).add_node("m", telling(side, "m"))
        return around(side, middle.compile())

    def script(talk: Talk) -> None:
        fresh(talk, make)
        leave(talk)

    agree(kind, make, script)


@pytest.mark.parametrize("kind", ["async"])
def test_a_command_to_the_outer_graph_cuts_off_the_node_that_called(kind: Kind) -> None:
    """It is what the node says."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        said = out(side.lib.types, update={"log": ["P"]}, goto="e")
        child = chain(side.lib, Inner, s=side.node(returning(said))).compile()
        other = inner(side, "t").compile()
        nodes = {"n": calling(side, other, child, other), "q": telling(side, "q")}
        return chain(side.lib, options=None, **nodes).add_node("e", telling(side, "e"))

    def script(talk: Talk) -> None:
        fresh(talk, make)
        leave(talk)

    agree(kind, make, script)


@kinds
def test_a_command_to_the_outer_graph_of_the_outermost_is_an_error(kind: Kind) -> None:
    """There is none."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        said = out(side.lib.types, update={"log": ["P"]})
        return chain(side.lib, a=telling(side, "a"), s=side.node(returning(said)))

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, "updates", "values", durability=None)

    assert told(THEIRS, kind, make, script)[0][1] == "ParentCommand"
    agree(kind, make, script)


# ----------------------------------------------------------------------------------------- failures


@kinds
def test_a_failure_inside_is_shown_at_every_level(kind: Kind) -> None:
    """Then it is raised, noted by every node that it went through."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1))}
        low = chain(side.lib, Inner, options=None, **nodes).compile()
        middle = chain(side.lib, Innermost, options=None, m=telling(side, "m"), low=low).compile()
        return around(side, middle)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, *LIVE, durability=None)
        show(talk, FIRST, *LIVE, durability=None)

    assert told(THEIRS, kind, make, script)[0][1] == "BoomError"
    agree(kind, make, script)


@kinds
def test_a_node_can_catch_what_a_graph_that_it_calls_raises(kind: Kind) -> None:
    """And call it again, which counts as a further call."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"s": telling(side, "s"), "f": side.node(failing("f", 1))}
        child = chain(side.lib, Inner, options=None, **nodes).compile()
        call: Any = calling(side, child)

        def act(state: object) -> object:
            try:
                return call(state)
            except BoomError:
                return call(state)

        async def act_async(state: object) -> object:
            try:
                return await call(state)
            except BoomError:
                return await call(state)

        return chain(side.lib, n=act if side.kind == "sync" else act_async)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, *LIVE, durability=None)

    agree(kind, make, script)


def test_two_graphs_that_write_one_plain_key_collide() -> None:
    """As nodes do."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        child = chain(side.lib, Own, options={"output_schema": X}, s=returning({"x": 1})).compile()
        return fan(side.lib, a=child, b=child)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, "updates", durability=None)

    assert told(THEIRS, "async", make, script)[0][1] == "InvalidUpdateError"
    agree("async", make, script)
