"""Commands for the graph around: a child is left, and nothing that its tasks did is lost."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from graphflow import END, START, Command, Send
from graphflow.errors import (
    GraphSwallowedError,
    InvalidUpdateError,
    ParentCommand,
    UnknownKeyError,
    UnknownNodeError,
)
from graphflow.runtime import ExecutionInfo
from graphflow.types import Overwrite
from tests.drivers.backends import (
    BESIDE,
    Driver,
    Gate,
    Kind,
    Node,
    builder,
    either,
    made,
    says,
    turn,
)
from tests.drivers.children import (
    Calls,
    Part,
    Way,
    between,
    called,
    chain,
    commands,
    fan,
    graph_of,
    inside,
    of_place,
    shown,
    ways,
)
from tests.drivers.people import begin
from tests.drivers.test_children import Own
from tests.small import gives

PARENT = Command.PARENT


def up(*lines: object, **more: Any) -> Command[Any]:  # noqa: ANN401 - of Command
    """Return a Command for the graph around, that logs lines there."""
    return Command(graph=PARENT, update={"log": [*lines]}, **more)


def routed(part: Part, kind: Kind) -> Any:  # noqa: ANN401 - a compiled graph
    """Return a graph of `p`, a part `sub` and `q`, and a node `r` that no edge leads to."""
    nodes = {"p": says(kind, "p"), "sub": part, "q": says(kind, "q"), "r": says(kind, "r")}
    made_of = builder(nodes).add_edge(START, "p").add_edge("p", "sub").add_edge("sub", "q")
    return made_of.compile()


# ------------------------------------------------------------------------------ a child is left


@ways
def test_a_child_is_left(driver: Driver, kind: Kind, way: Way) -> None:
    """What it wrote counts if it is the node, then the Command; nothing after it runs.

    A node that called it is cut off: nothing that it would have done is done.
    """
    calls = Calls(kind)
    nodes = {"s": calls.says("s"), "t": commands(kind, up("P")), "u": calls.says("u")}
    graph = between(inside(way, chain(None, nodes)), kind)
    inner = ["s"] if way == "node" else []
    assert begin(driver, graph, "i") == {"log": ["i", "p", *inner, "P", "q"]}
    assert calls.names == ["s"]


@ways
def test_its_goto_adds_to_the_edges(driver: Driver, kind: Kind, way: Way) -> None:
    """Both run, in one superstep; a Send is a task more; END adds nothing."""
    for goto, lines in (
        ("r", ["P", "q", "r"]),
        (["r", Send("r", {})], ["P", "q", "r", "r"]),
        (END, ["P", "q"]),
        ((), ["P", "q"]),
    ):
        child = chain(None, {"s": commands(kind, up("P", goto=goto))})
        graph = routed(inside(way, child), kind)
        assert begin(driver, graph) == {"log": ["p", *lines]}


@ways
def test_a_command_without_an_update(driver: Driver, kind: Kind, way: Way) -> None:
    """The child is left all the same."""
    calls = Calls(kind)
    leaves = commands(kind, Command(graph=PARENT, goto="r"))
    child = chain(None, {"s": leaves, "t": calls.says("t")})
    chunks = driver.chunks(routed(inside(way, child), kind), {})
    assert chunks[1] == {"sub": None}
    assert sorted([*chunks[2:]], key=str) == [{"q": {"log": ["q"]}}, {"r": {"log": ["r"]}}]
    assert calls.names == []


def test_the_update_is_of_the_parent_s_keys(driver: Driver, kind: Kind) -> None:
    """One that only the parent has may be given, one that only the child has may not."""
    good = Command[Any](graph=PARENT, update={"x": 5})
    child = graph_of(Own, {"s": commands(kind, good)})
    assert begin(driver, between(child, kind)) == {"log": ["p", "q"], "x": 5}
    bad = Command[Any](graph=PARENT, update={"own": 5})
    with pytest.raises(UnknownKeyError) as raised:
        begin(driver, between(graph_of(Own, {"s": commands(kind, bad)}), kind))
    assert raised.value.__notes__ == ["in node 's', superstep 1", "in node 'sub', superstep 2"]


@ways
def test_an_unknown_destination_is_an_error(driver: Driver, kind: Kind, way: Way) -> None:
    """In the node that named it: also a node of the child."""
    for name in ("nope", "s"):
        child = chain(None, {"s": commands(kind, up(goto=name))})
        with pytest.raises(UnknownNodeError) as raised:
            begin(driver, between(inside(way, child), kind))
        assert raised.value.__notes__[0] == "in node 's', superstep 1"


def test_several_writes_of_one_command(driver: Driver, kind: Kind) -> None:
    """Pairs are written in their order, and an Overwrite is one."""
    pairs = Command[Any](graph=PARENT, update=[("log", ["P"]), ("log", ["Q"])])
    graph = between(chain(None, {"s": commands(kind, pairs)}), kind)
    assert begin(driver, graph, "i") == {"log": ["i", "p", "P", "Q", "q"]}
    anew = Command[Any](graph=PARENT, update={"log": Overwrite(["O"])})
    graph = between(chain(None, {"s": commands(kind, anew)}), kind)
    assert begin(driver, graph, "i") == {"log": ["O", "q"]}


@ways
def test_there_is_none_around_the_top(driver: Driver, kind: Kind, way: Way) -> None:
    """Nor around a graph that runs on another thread's account."""
    leaves = chain(None, {"s": commands(kind, up("P"))})
    with pytest.raises(ParentCommand):
        begin(driver, leaves)
    if way != "node":
        apart = inside(way, leaves, config={"configurable": {"thread_id": "another"}})
        with pytest.raises(ParentCommand):
            begin(driver, between(apart, kind))


# ------------------------------------------------------------------------------------- siblings


def crossing(kind: Kind, *nodes: str) -> dict[str, Node]:
    """Return nodes of which each leaves the graph, with its name."""
    return {name: commands(kind, up(name)) for name in nodes}


def test_siblings_count(driver: Driver, kind: Kind) -> None:
    """What they wrote, before what the Command says; and their own edges lead nowhere."""
    calls = Calls(kind)
    nodes = {"a": commands(kind, up("P")), "b": calls.says("b"), "c": calls.says("c")}
    made_of = builder(nodes).add_edge(START, "a").add_edge(START, "b").add_edge("b", "c")
    graph = between(made_of.compile(), kind)
    assert begin(driver, graph, "i") == {"log": ["i", "p", "b", "P", "q"]}
    assert calls.names == ["b"]


def test_siblings_are_shown(driver: Driver, kind: Kind) -> None:
    """As those of any superstep; the one that leaves has nothing to show in the child."""
    nodes = {"a": commands(kind, up("P")), "b": says(kind, "b")}
    chunks = shown(driver, chain(None, {"sub": fan(None, nodes)}), {})
    inner = of_place(chunks, "sub")
    assert {"b": {"log": ["b"]}} in inner
    assert of_place(chunks) == [{"sub": [{"log": ["b"]}, {"log": ["P"]}]}]


@pytest.mark.parametrize(("driver", "kind"), BESIDE, indirect=True)
def test_a_slow_sibling_is_waited_for(driver: Driver, kind: Kind) -> None:
    """The superstep comes to its end, though another task has left the graph before."""
    left = Gate()

    @contextmanager
    def notes(info: ExecutionInfo) -> Generator[None]:
        yield
        if info.node == "a":
            left.open()

    async def leaves(_: object) -> Command[Any]:
        return up("P")

    async def slow(_: object) -> dict[str, list[str]]:
        await left.passed()
        for _ in range(10):
            await turn()
        return {"log": ["slow"]}

    nodes = {"a": either(kind, leaves), "b": either(kind, slow)}
    graph = between(fan(None, nodes, middleware=[notes]), kind)
    assert begin(driver, graph) == {"log": ["p", "slow", "P", "q"]}


def test_all_commands_of_one_superstep_count(driver: Driver, kind: Kind) -> None:
    """In the order of the plan, whoever was first."""
    graph = chain(None, {"sub": fan(None, crossing(kind, *"zcab")), "q": says(kind, "q")})
    assert begin(driver, graph) == {"log": [*"abczq"]}


def test_the_own_part_of_a_list_counts(driver: Driver, kind: Kind) -> None:
    """A node may write in its own graph and in the one around it."""
    node = commands(kind, Command(update={"log": ["own"]}), up("P"))
    assert begin(driver, between(chain(None, {"s": node}), kind)) == {"log": ["p", "own", "P", "q"]}


# --------------------------------------------------------------------------------- over levels


@ways
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_graph_is_left_by_name(driver: Driver, kind: Kind, way: Way, levels: int) -> None:
    """Any that encloses it, through several levels at once; nothing between goes on."""
    calls = Calls(kind)
    names = ["top", "one", "two", "three"]
    leaf = Command[Any](graph=names[-1 - levels], update={"log": ["P"]}, goto="after")
    graph = chain(None, {"s": commands(kind, leaf), "later": calls.says("leaf")}, name=names[3])
    for name in names[2::-1]:
        nodes = {
            "in": inside(way, graph),
            "next": calls.says(f"next of {name}"),
            "after": calls.says(f"after of {name}"),
        }
        made_of = builder(nodes).add_edge(START, "in").add_edge("in", "next")
        graph = made_of.compile(name=name)
    begin(driver, graph)
    hit = names[-1 - levels]
    outward = [name for name in ("two", "one", "top") if names.index(name) < names.index(hit)]
    assert sorted(calls.names[:2]) == [f"after of {hit}", f"next of {hit}"]
    assert calls.names[2:] == [f"next of {name}" for name in outward]


@ways
def test_two_levels_up_the_update_is_made_there(driver: Driver, kind: Kind, way: Way) -> None:
    """Also if every level runs its child in its own way."""
    leaf = Command[Any](graph="top", update={"log": ["P"]})
    inner = chain(None, {"s": says(kind, "s"), "t": commands(kind, leaf), "u": says(kind, "u")})
    middle = chain(None, {"m": says(kind, "m"), "in": inner, "n": says(kind, "n")})
    graph = chain(None, {"sub": inside(way, middle), "q": says(kind, "q")}, name="top")
    kept = ["m", "s"] if way == "node" else []
    assert begin(driver, graph) == {"log": [*kept, "P", "q"]}


def test_the_own_name_is_the_own_graph(driver: Driver, kind: Kind) -> None:
    """As None is."""
    own = Command[Any](graph="mine", update={"log": ["own"]}, goto="t")
    made_of = builder({"s": commands(kind, own), "t": says(kind, "t")}).add_edge(START, "s")
    child = made_of.compile(name="mine")
    assert begin(driver, between(child, kind)) == {"log": ["p", "own", "t", "q"]}
    assert begin(driver, child) == {"log": ["own", "t"]}


def test_a_name_that_encloses_nothing(driver: Driver, kind: Kind) -> None:
    """Is an error that names what does."""
    child = chain(None, {"s": commands(kind, Command(graph="nope"))}, name="kid")
    graph = chain(None, {"sub": child}, name="top")
    with pytest.raises(InvalidUpdateError) as raised:
        begin(driver, graph)
    assert "'top'" in str(raised.value)


def test_an_edge_leaves_no_graph(driver: Driver, kind: Kind) -> None:
    """A path function that returns a Command is refused, as everywhere."""
    made_of: Part = builder({"s": says(kind, "s")}).add_edge(START, "s")
    made_of.add_conditional_edges("s", made(kind, gives(up("P"))))
    with pytest.raises(InvalidUpdateError):
        begin(driver, between(made_of.compile(), kind))


# --------------------------------------------------------------------------------------- called


@called
def test_nothing_can_keep_the_caller_going(driver: Driver, kind: Kind, way: Way) -> None:
    """`except Exception` does not see it; a bare `except` does, and that is an error."""
    child = chain(None, {"s": commands(kind, up("P"))})
    part = inside(way, child)
    cleaned: list[str] = []

    def careful(_: object) -> object:
        try:
            return part({})
        except Exception:  # noqa: BLE001 - which it is not
            return {"log": ["caught"]}
        finally:
            cleaned.append("sync")

    async def careful_async(_: object) -> object:
        try:
            return await part({})
        except Exception:  # noqa: BLE001 - as above
            return {"log": ["caught"]}
        finally:
            cleaned.append("async")

    def greedy(_: object) -> object:
        try:
            return part({})
        except:  # noqa: E722 - as users do
            return {"log": ["caught"]}

    async def greedy_async(_: object) -> object:
        try:
            return await part({})
        except:  # noqa: E722 - as above
            return {"log": ["caught"]}

    later = way.startswith("a")
    graph = between(careful_async if later else careful, kind)
    assert begin(driver, graph) == {"log": ["p", "P", "q"]}
    assert cleaned == ["async" if later else "sync"]
    with pytest.raises(GraphSwallowedError) as raised:
        begin(driver, between(greedy_async if later else greedy, kind))
    assert raised.value.node == "sub"


@called
def test_a_loop_of_calls_is_cut_off(driver: Driver, kind: Kind, way: Way) -> None:
    """At the one that is left; those before it have done what they did."""
    calls = Calls(kind)
    harmless = inside(way, chain(None, {"h": calls.says("h")}))
    leaves = inside(way, chain(None, {"s": calls.says("s"), "t": commands(kind, up("P"))}))

    def node(_: object) -> object:
        lines = [harmless({}), harmless({}), leaves({}), harmless({})]
        return {"log": lines}

    async def node_async(_: object) -> object:
        lines = [await harmless({}), await harmless({}), await leaves({}), await harmless({})]
        return {"log": lines}

    graph = between(node_async if way.startswith("a") else node, kind)
    assert begin(driver, graph) == {"log": ["p", "P", "q"]}
    assert calls.names == ["h", "h", "s"]


@ways
def test_a_child_may_be_left_in_every_round(driver: Driver, kind: Kind, way: Way) -> None:
    """A loop of the parent that goes by what its child commands."""
    rounds: list[str] = []

    def leaves(_: object) -> Command[Any]:
        rounds.append("s")
        return up(len(rounds), goto="sub" if len(rounds) < 4 else END)

    child = chain(None, {"s": made(kind, leaves), "t": says(kind, "never")})
    graph = builder({"sub": inside(way, child)}).add_edge(START, "sub").compile()
    assert begin(driver, graph) == {"log": [1, 2, 3, 4]}
