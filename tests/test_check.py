"""`check()`: what compiles but is probably a mistake is found, here and in the graphs inside."""

import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

from graphflow import END, START, Command, Send, StateGraph, add_messages
from graphflow.channels import Topic
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.draw import Finding
from graphflow.graph.state import CompiledStateGraph
from tests.small import State, builder, chain, gives, logs

ROOT = Path(__file__).parents[1]


def found(made: StateGraph[Any], **options: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - of compile
    """Return the findings of a graph, without their texts."""
    return [finding[:3] for finding in made.compile(**options).check()]


def around(child: CompiledStateGraph[Any], schema: type[Any] = State) -> StateGraph[Any]:
    """Return a builder with a graph as its only node."""
    return StateGraph(schema).add_node("sub", child).add_edge(START, "sub")


def state_of(**hints: Any) -> type[Any]:  # noqa: ANN401 - annotations
    """Return a state with such keys."""
    make: Any = TypedDict
    made: type[Any] = make("Made", hints, total=False)
    return made


# ---------------------------------------------------------------------------- what nothing reaches


def test_a_node_that_nothing_leads_to_is_found() -> None:
    """With what to do about it."""
    (finding,) = builder("a", "b").compile().check()
    assert finding == Finding(
        "warning",
        "",
        "b",
        "nothing leads to node 'b', so it runs only if a caller names it; add an edge to it, name "
        "it in a path map or in destinations=, or remove it",
    )
    assert str(finding) == f"warning: {finding.text}"


def test_of_lost_nodes_the_first_is_found() -> None:
    """Those behind it are lost with it; a ring of them has a first one, too."""
    made = builder("a", "c", "b").add_edge("b", "c")
    assert found(made) == [("warning", "", "b")]
    ring = builder("a", "b", "c").add_edge("b", "c").add_edge("c", "b")
    assert found(ring) == [("warning", "", "b")]


def test_a_join_that_waits_for_a_lost_node_is_found() -> None:
    """Once, and with it what is behind."""
    made = builder("a", "b", "c", "d").add_edge(["a", "b"], "c").add_edge("c", "d")
    lost, join = made.compile().check()
    assert (lost.node, join.node) == ("b", "c")
    assert join.text.startswith("the edge ['a', 'b'] -> 'c' waits for 'b', which nothing leads to;")


def go(state: State) -> Command[Literal["b", "c"]]:
    """Promise where to lead."""
    return Command(goto="b")


def free(state: State) -> Command[Any]:
    """Promise nothing."""
    return Command(goto="c")


def returns_helped(state: State) -> Any:  # noqa: ANN401 - what this test is about
    """Return what another function makes."""
    return free(state)


REACHED: dict[str, Callable[[StateGraph[State]], object]] = {
    "a path function that says nothing": lambda made: made.add_conditional_edges("a", gives("b")),
    "promises of a node": lambda made: made.add_node("d", go).add_edge("a", "d"),
    "destinations": lambda made: made.add_node("d", logs("d"), destinations=["b", "c"]).add_edge(
        "a", "d"
    ),
    "a Command": lambda made: made.add_node("d", free).add_edge("a", "d"),
    "a Command of a helper": lambda made: made.add_node("d", returns_helped).add_edge("a", "d"),
    "a Command of a partial": lambda made: made.add_node("d", partial(leads, "b")).add_edge(
        "a", "d"
    ),
    "a method": lambda made: made.add_node("d", Agent().run).add_edge("a", "d"),
    "an object": lambda made: made.add_node("d", Agent()).add_edge("a", "d"),
    "a table of functions": lambda made: made.add_node("d", by_table).add_edge("a", "d"),
    "a partial": lambda made: made.add_node("d", partial(given, free)).add_edge("a", "d"),
    "a Send": lambda made: made.add_conditional_edges("a", sends, ["a"]),
    "a Command of a graph inside": lambda made: (
        made.add_node("sub", builder("s").add_node("t", free).add_edge("s", "t").compile())
    ).add_edge("a", "sub"),
    "a question": lambda made: made.add_ask("d", gives("?")).add_edge("a", "d"),
    "a class": lambda made: made.add_node("d", by_class).add_edge("a", "d"),
    "a module": lambda made: made.add_node("d", by_module).add_edge("a", "d"),
}


def leads(where: str, state: State) -> Any:  # noqa: ANN401 - as above
    """Lead somewhere."""
    return Command(goto=where)


def sends(state: State) -> list[Send]:
    """Send what a graph of another state takes."""
    return [Send("sub" if state.get("x") else "b", {"found": "x"})]


class Agent:
    """May return anything."""

    def __call__(self, state: State) -> Any:  # noqa: ANN401 - what this test is about
        """Return a Command."""
        return free(state)

    def run(self, state: State) -> Any:  # noqa: ANN401 - as above
        """Return a Command."""
        return free(state)


TABLE = {"free": [free]}


def by_table(state: State) -> Any:  # noqa: ANN401 - as above
    """Look a function up."""
    return TABLE["free"][0](state)


def by_class(state: State) -> Any:  # noqa: ANN401 - as above
    """Let an object do it."""
    return Agent().run(state)


def by_module(state: State) -> Any:  # noqa: ANN401 - as above
    """Let a module of somebody else's do it."""
    return pytest.approx(state)


def given(function: Callable[[State], Any], state: State) -> Any:  # noqa: ANN401 - as above
    """Call what it was given."""
    return function(state)


@pytest.mark.parametrize("way", REACHED)
def test_a_node_that_something_may_lead_to_is_not_found(way: str) -> None:
    """It is quiet where it cannot know."""
    made = builder("a", "b", "c")
    REACHED[way](made)
    assert found(made) == []


def plain(state: State) -> State:
    """Promise an update."""
    return {"log": [helped()]}


def helped() -> str:
    """Return a word."""
    return str(math.pi)


def untold(state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D103 - what this is about
    return {"log": [helped(), operator.add("a", "b"), len(LIMITS)]}


LIMITS = {"a": (1, 2.0), "b": None}


async def later(state: State) -> dict[str, Any] | None:
    """Promise an update, or none."""
    return None


def answers(state: State) -> Literal["a"]:
    """Promise a word."""
    return "a"


def postponed(state: State) -> "Unknown":  # type: ignore[name-defined]  # noqa: F821 - as for type checkers only
    """Promise what cannot be looked up."""
    return {"log": ["a"]}


SAYS_ALL: dict[str, Callable[[StateGraph[State]], object]] = {
    "a promise": lambda made: made.add_node("d", plain).add_edge("a", "d"),
    "code that names no Command": lambda made: made.add_node("d", untold).add_edge("a", "d"),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    "an async node": lambda made: made.add_node("d", later).add_edge("a", "d"),
    "a Literal": lambda made: made.add_conditional_edges("a", answers),
    "an unknown promise": lambda made: made.add_node("d", postponed).add_edge("a", "d"),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    "a graph inside": lambda made: made.add_node("sub", chain("s")).add_edge("a", "sub"),
    "a partial": lambda made: made.add_node("d", partial(given, plain)).add_edge("a", "d"),
}


@pytest.mark.parametrize("way", SAYS_ALL)
def test_functions_that_cannot_lead_on_hide_nothing(way: str) -> None:
    """By their annotation, or by all that they name."""
    made = builder("a", "b")
    SAYS_ALL[way](made)
    assert found(made) == [("warning", "", "b")]


def test_a_function_that_names_very_much_may_do_anything() -> None:
    """It is not looked at for ever."""
    for many, seen in ((20, [("warning", "", "b")]), (20_000, [])):
        table = [[number] for number in range(many)]

        def counts(state: object, table: list[list[int]] = table) -> Any:  # noqa: ANN401 - as above
            return {"x": len(table)}

        assert found(builder("a", "b").add_node("d", counts).add_edge("a", "d")) == seen


def test_a_function_that_names_itself_is_looked_at_once() -> None:
    """And one whose closure is not filled yet may do anything."""

    def again(state: object) -> Any:  # noqa: ANN401 - as above
        return {"log": ["a"]} if state else again(state)

    assert found(builder("a", "b").add_node("d", again).add_edge("a", "d")) == [
        ("warning", "", "b")
    ]

    def early(state: State) -> Any:  # noqa: ANN401 - as above
        return late(state)

    made = builder("a", "b").add_node("d", early).add_edge("a", "d")
    assert found(made) == []
    late = plain


# -------------------------------------------------------------------------------- what never ends


def test_a_ring_of_plain_edges_is_an_error() -> None:
    """It is always taken, whatever its nodes return."""
    made = builder("a", "b", "c").add_edge("a", "b").add_edge("b", "c").add_edge("c", "b")
    (finding,) = made.compile().check()
    assert finding[:3] == ("error", "", "b")
    assert finding.text.startswith("the plain edges 'b' -> 'c' -> 'b' go round for ever")


def test_each_ring_is_found_once() -> None:
    """Though one is inside another."""
    made = builder("a", "b", "c").add_edge("a", "a").add_edge("a", "b").add_edge("b", "b")
    made.add_edge("b", "c").add_edge("c", "a")
    assert found(made) == [("error", "", "a"), ("error", "", "b")]


def test_a_ring_with_a_choice_is_none() -> None:
    """It ends where the choice says so."""
    made = builder("a", "b").add_edge("a", "b").add_conditional_edges("b", gives("a"), ["a", END])
    assert found(made) == []


@pytest.mark.parametrize("options", [{"checkpointer": InMemorySaver()}, {"interrupt_before": "*"}])
def test_a_ring_that_waits_for_people_may_go_on_for_ever(options: Mapping[str, Any]) -> None:
    """A conversation has no end."""
    assert found(builder("a").add_edge("a", "a"), **options) == []
    inside = around(builder("a").add_edge("a", "a").compile(**options))
    assert ("warning", "sub", "a") not in found(inside)


def test_a_ring_with_a_memory_may_go_on_for_ever() -> None:
    """It is made for a graph with a checkpointer; in one that has none it is found."""
    ring = builder("a").add_edge("a", "a")
    assert found(ring, checkpointer=True) == []
    inside = ring.compile(checkpointer=True)
    assert found(around(inside), checkpointer=InMemorySaver()) == []
    assert found(around(inside)) == [("warning", "sub", "a")]


@pytest.mark.parametrize("options", [{}, {"checkpointer": True}, {"checkpointer": False}], ids=str)
def test_what_is_stored_of_a_graph_inside_is_no_mistake(options: Mapping[str, Any]) -> None:
    """Each is as good as the other, in a graph with a checkpointer and in one without."""
    child = builder("s").compile(**options)
    assert found(around(child)) == []
    assert found(around(child), checkpointer=InMemorySaver()) == []


def test_a_ring_inside_is_a_warning() -> None:
    """But for one whose nodes may leave it by a Command for the graph around it."""
    assert found(around(builder("a").add_edge("a", "a").compile())) == [("warning", "sub", "a")]
    leaves = builder("a").add_node("b", free).add_edge("a", "b").add_edge("b", "a")
    assert found(around(leaves.compile())) == []


# --------------------------------------------------------------------------------- graphs inside


class Other(TypedDict, total=False):
    """No key of State."""

    found: str


class Asked(TypedDict, total=False):
    """A key of its own, and one of State."""

    question: str
    x: int


def other(schema: type[Any] = Other, **options: Any) -> CompiledStateGraph[Any]:  # noqa: ANN401 - of StateGraph
    """Return a graph of one node with a state of its own."""
    made = StateGraph(schema, **options).add_node("s", gives(None)).add_edge(START, "s")
    return made.compile()


def test_a_graph_that_shares_no_key_is_found() -> None:
    """It gets nothing, and gives nothing."""
    (finding,) = around(other()).compile().check()
    assert finding[:3] == ("warning", "", "sub")
    assert "shares no key with the graph around it" in finding.text
    assert "It takes 'found' and gives 'found'; here there are 'log', 'x', 'y'." in finding.text


def test_a_graph_that_is_handed_nothing_is_found() -> None:
    """Though it gives something."""
    (finding,) = around(other(Asked, input_schema=Other)).compile().check()
    assert finding.text.startswith("the graph of node 'sub' takes 'found', of which")


def test_a_graph_that_gives_nothing_is_found() -> None:
    """Though it is handed something."""
    (finding,) = around(other(Asked, output_schema=Other)).compile().check()
    assert finding.text.startswith("the graph of node 'sub' gives 'found', none of which")


def test_a_graph_that_is_sent_its_input_need_share_none() -> None:
    """A Send brings what it takes."""
    made = StateGraph(State).add_node("sub", other())
    made.add_conditional_edges(START, sends, ["sub"])
    assert found(made) == []
    named = builder("a").add_node("sub", other()).add_conditional_edges("a", answers, ["sub"])
    assert found(named) == [("warning", "", "sub")]
    led = builder("a").add_node("sub", other()).add_node("b", free).add_edge("a", "b")
    assert found(led) == []


def test_a_graph_without_keys_shares_none() -> None:
    """There is nothing to share."""
    empty = state_of()
    assert found(around(other(empty))) == []
    assert found(around(other(State, output_schema=empty))) == []


def test_a_checkpointer_inside_is_found() -> None:
    """It is not used."""
    child = builder("s").compile(checkpointer=InMemorySaver())
    (finding,) = around(child).compile(checkpointer=InMemorySaver()).check()
    assert "has a checkpointer of its own, which is not used here" in finding.text


def paired(outer: Any, inner: Any) -> list[str]:  # noqa: ANN401 - any annotations
    """Return what is found between a graph and one inside it that share a key."""
    return [
        finding.text
        for finding in around(other(state_of(k=inner)), state_of(k=outer)).compile().check()
    ]


def join(old: list[Any], new: list[Any]) -> list[Any]:
    """Join two lists."""
    return old + new


UNITE: Any = vars(operator)["or_"]  # typeshed leaves the types of its operands open
ADDED = Annotated[list[str], operator.add]


@pytest.mark.parametrize(
    ("inner", "told"),
    [(list[str], "none"), (Annotated[list[str], join], "'join'")],
)
def test_a_value_that_is_added_to_itself_is_found(inner: Any, told: str) -> None:  # noqa: ANN401 - as above
    """Where the graph inside combines the key in another way."""
    (text,) = paired(ADDED, inner)
    assert text.startswith(f"the key 'k' has the reducer 'add' here, and {told} in the graph of")


def test_another_reducer_of_the_same_name_is_told_so() -> None:
    """It is the object that counts."""

    def made(offset: int) -> Callable[[int, int], int]:
        def add(old: int, new: int) -> int:
            return old + new + offset

        return add

    (text,) = paired(Annotated[int, made(1)], Annotated[int, made(2)])
    assert "and another 'add' in the graph of node 'sub'" in text


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (ADDED, ADDED),
        (list[str], ADDED),
        (Annotated[set[str], UNITE], set[str]),
        (Annotated[int, max], int),
        (Annotated[list[Any], add_messages], list[Any]),
    ],
)
def test_a_value_that_is_taken_well_is_not_found(outer: Any, inner: Any) -> None:  # noqa: ANN401 - as above
    """Where both combine it alike, or twice is as good as once."""
    assert paired(outer, inner) == []


def test_a_value_that_is_not_handed_in_is_not_added_to_itself() -> None:
    """The graph inside begins with nothing."""
    child = other(state_of(k=list[str]), input_schema=state_of())
    assert found(around(child, state_of(k=ADDED))) == []


class Speaks(Protocol):
    """No class can be asked whether it is one."""

    word: str


UserId = NewType("UserId", int)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(int, str), (list[int], dict[str, int]), (State, int), (None, int), (Literal["a"], UserId)],
)
def test_types_that_cannot_be_one_are_found(outer: Any, inner: Any) -> None:  # noqa: ANN401 - as above
    """A value goes in as one, and comes back as the other."""
    (text,) = paired(outer, inner)
    assert text.startswith("the key 'k' is ")


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (int, float),
        (int, object),
        (Any, str),
        (list[int], list),
        (int | None, int),
        (int | Any, str),
        (State, dict[str, Any]),
        (UserId, int),
        (Literal["a"], str),
        (Iterator[int], str | Iterator[str]),
        (Annotated[int, "a word"], int),
        (Speaks, int),
        (Annotated[int, Topic], list[int]),
    ],
)
def test_types_that_may_be_one_are_not_found(outer: Any, inner: Any) -> None:  # noqa: ANN401 - as above
    """Or where that cannot be known."""
    assert paired(outer, inner) == []


def test_findings_name_the_graph_that_they_are_in() -> None:
    """By the nodes that lead to it; the outer ones come first."""
    lonely = builder("s", "t").compile()
    middle = builder("m", "n").add_node("sub", lonely).add_edge("m", "sub").compile()
    made = builder("a", "b").add_node("outer", middle).add_edge("a", "outer")
    assert found(made) == [
        ("warning", "", "b"),
        ("warning", "outer", "n"),
        ("warning", "outer|sub", "t"),
    ]
    findings = made.compile().check()
    assert str(findings[2]).startswith("warning: in 'outer|sub': nothing leads to node 't'")
    assert json.loads(json.dumps([one._asdict() for one in findings]))[0]["node"] == "b"


# -------------------------------------------------------------------------------- no false alarms

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
MEANT = {
    "tutorial.md": [("error", "", "agent")],  # it shows what a run says that never ends
    "format.md": [("warning", "", "sub")],  # one graph is stored by itself, and inside another
    "subgraphs.md": [("error", "", "turn"), ("warning", "ring", "turn")],  # it ends by its limit
    "drawing.md": [  # it shows findings
        ("warning", "", "sort"),
        ("warning", "", "write"),
        ("warning", "", "take_notes"),
        ("warning", "take_notes", "sort"),
    ],
}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[CompiledStateGraph[Any]]:
    """Return a list of all graphs that are compiled from now on."""
    graphs: list[CompiledStateGraph[Any]] = []
    compile_graph = StateGraph[Any, Any].compile

    def noting(made: StateGraph[Any], **options: Any) -> CompiledStateGraph[Any]:  # noqa: ANN401 - as above
        graphs.append(compile_graph(made, **options))
        return graphs[-1]

    monkeypatch.setattr(StateGraph, "compile", noting)
    return graphs


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_no_page_of_the_documentation_is_found_fault_with(
    page: Path, compiled: list[CompiledStateGraph[Any]]
) -> None:
    """But for mistakes that are made on purpose."""
    for example in Sybil([PythonCodeBlockParser()]).parse(page).examples():
        example.evaluate()
    assert [one[:3] for graph in compiled for one in graph.check()] == MEANT.get(page.name, [])


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_example_is_found_fault_with(name: str) -> None:
    """Every graph that it has made."""
    things: list[Any] = [*vars(import_module(f"examples.{name}")).values()]
    graphs: list[CompiledStateGraph[Any]] = [
        thing for thing in things if type(thing) is CompiledStateGraph
    ]
    assert [finding for graph in graphs for finding in graph.check()] == []
