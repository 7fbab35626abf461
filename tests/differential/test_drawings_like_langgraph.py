"""Drawings have the nodes, the edges and the boxes that LangGraph's have.

And where they differ on purpose, `docs/migration.md` names the test that says how.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.differential.pair import (
    END,
    OURS,
    START,
    THEIRS,
    Library,
    State,
    chain,
    logging,
    returning,
)

Make: TypeAlias = Callable[[Library], Any]
Drawn: TypeAlias = tuple[list[tuple[str, str, Any]], list[tuple[Any, ...]]]

BOTH: Final = (THEIRS, OURS)
NO_STYLE: Final[Mapping[str, Any]] = {"with_styles": False}


def told(drawing: Any) -> Drawn:  # noqa: ANN401 - of either library
    """Return a drawing as plain data: ids, names and metadata of its nodes, and its edges."""
    nodes = [(id_, node.name, node.metadata) for id_, node in drawing.nodes.items()]
    assert [node.id for node in drawing.nodes.values()] == list(drawing.nodes)
    return nodes, [tuple(edge) for edge in drawing.edges]


def both(make: Make, **options: Any) -> tuple[Drawn, Drawn]:  # noqa: ANN401 - of get_graph
    """Return the drawings of LangGraph and of graphflow."""
    theirs, ours = (told(make(lib).get_graph(**options)) for lib in BOTH)
    return theirs, ours


def edges(lib: Library, make: Make, **options: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - as above
    """Return the edges of a drawing."""
    return told(make(lib).get_graph(**options))[1]


def nodes(lib: Library, names: str) -> Any:  # noqa: ANN401 - of either library
    """Return a builder of nodes with names of one letter, which begins at the first."""
    builder = lib.graph.StateGraph(State)
    for name in names:
        builder.add_node(name, logging(name))
    return builder.add_edge(START, names[0])


def branching(path_map: object, names: str = "abc") -> Make:
    """Return what makes a graph with one conditional edge."""
    return lambda lib: (
        nodes(lib, names).add_conditional_edges("a", returning("b"), path_map).compile()
    )


def promising(lib: Library) -> Any:  # noqa: ANN401 - as above
    """Return a graph whose path function and node promise where they lead."""
    command = lib.types.Command

    def choose(state: object) -> Literal["b", "__end__"]:
        return "b"

    def go(state: object) -> object:
        return command(goto="c")

    go.__annotations__["return"] = command[Literal["c", "__end__"]]
    builder = nodes(lib, "ac").add_node("b", go)
    return builder.add_conditional_edges("a", choose).compile()


def linked(lib: Library, links: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    """Return a graph of nodes that follow each other, with an edge to END."""
    return chain(lib, **links).add_edge([*links][-1], END).compile()


def sub(lib: Library, *names: str) -> Any:  # noqa: ANN401 - as above
    """Return a chain as a graph."""
    return linked(lib, {name: logging(name) for name in names})


def around(child: Make, name: str = "sub", before: str = "a", after: str = "b") -> Make:
    """Return what makes a graph with a graph between two nodes."""
    return lambda lib: linked(
        lib, {before: logging(before), name: child(lib), after: logging(after)}
    )


def two_ends(lib: Library) -> Any:  # noqa: ANN401 - as above
    """Return a graph that begins twice and ends twice."""
    builder = nodes(lib, "xyz").add_edge(START, "y").add_edge("x", "z")
    return builder.add_edge("y", END).add_edge("z", END).compile()


def two_children(lib: Library) -> Any:  # noqa: ANN401 - as above
    """Return a graph with one graph twice."""
    child = sub(lib, "s", "t")
    builder = nodes(lib, "a").add_node("l", child).add_node("r", child)
    return builder.add_edge("a", "l").add_edge("a", "r").compile()


def chosen_child(lib: Library) -> Any:  # noqa: ANN401 - as above
    """Return a graph that may go through another one, and comes back."""
    builder = nodes(lib, "a").add_node("sub", sub(lib, "s", "t"))
    builder.add_conditional_edges("a", returning("sub"), {"go": "sub", "no": END})
    return builder.add_edge("sub", "a").compile()


FLAT: Final[Mapping[str, Make]] = {
    "one node": lambda lib: sub(lib, "a"),
    "a chain": lambda lib: sub(lib, "a", "b", "c"),
    "a chain without END": lambda lib: chain(lib, a=logging("a"), b=logging("b")).compile(),
    "a path map": branching({"one": "b", "two": "c", "end": END}),
    "a path map of names": branching(["b", "c", END]),
    "a path map of other answers": branching({True: "b", 2: "c"}),
    "promises": promising,
    "destinations": lambda lib: (
        nodes(lib, "bc").add_node("d", logging("d"), destinations=("c", END)).add_edge("b", "d")
    ).compile(),
    "destinations with labels": lambda lib: (
        (nodes(lib, "bc").add_node("d", logging("d"), destinations={"c": "see", END: "stop"}))
        .add_edge("b", "d")
        .compile()
    ),
    "a join": lambda lib: (
        nodes(lib, "abcd").add_edge(START, "b").add_edge(["a", "b"], "c").add_edge("c", END)
    ).compile(),
    "a Send": branching(["b"]),
    "a choice at START": lambda lib: (
        lib.graph.StateGraph(State)
        .add_node("a", logging("a"))
        .add_node("b", logging("b"))
        .add_conditional_edges(START, returning("a"), {"x": "a", "y": "b"})
        .compile()
    ),
    "a loop with an end": lambda lib: (
        nodes(lib, "abc")
        .add_edge("a", "b")
        .add_conditional_edges("b", returning(END), {"again": "a", "end": END})
        .compile()
    ),
    "metadata": lambda lib: (
        nodes(lib, "a")
        .add_node("b", logging("b"), defer=True, metadata={"k": 1, "l": ["x"]})
        .add_edge("a", "b")
        .compile(interrupt_before=["a"], interrupt_after=["a", "b"])
    ),
    "an END beside another edge": lambda lib: (
        nodes(lib, "ab").add_edge("a", "b").add_edge("a", END).compile()
    ),
    "odd names": lambda lib: sub(lib, "a b", "*x*", 'q"(x)[y]', "end", "ü", "Z", "_"),
}


@pytest.mark.parametrize("name", FLAT)
def test_a_drawing_is_like_langgraphs(name: str) -> None:
    """The same nodes, edges, labels and metadata in the same order."""
    theirs, ours = both(FLAT[name])
    assert ours == theirs


BOX_IN_BOX: Final = "two levels at the ends"
DEEP: Final[Mapping[str, Make]] = {
    "one": around(lambda lib: sub(lib, "s1", "s2")),
    "one without END": around(lambda lib: chain(lib, s=logging("s"), t=logging("t")).compile()),
    "one of one node": around(lambda lib: sub(lib, "s")),
    "one of two ends": around(two_ends),
    "two levels": around(around(lambda lib: sub(lib, "s1", "s2"), "inner", "c", "d"), "outer"),
    BOX_IN_BOX: lambda lib: chain(
        lib, outer=chain(lib, inner=sub(lib, "s1", "s2")).compile()
    ).compile(),
    "three levels": around(around(around(two_ends, "third", "e", "f"), "inner", "c", "d"), "outer"),
    "two": two_children,
    "two in a row": lambda lib: linked(lib, {"l": sub(lib, "p"), "r": sub(lib, "s", "t")}),
    "two in a row, in another": around(
        lambda lib: linked(lib, {"l": sub(lib, "s", "t"), "r": sub(lib, "s", "t")})
    ),
    "one that is chosen": chosen_child,
}


@pytest.mark.parametrize("xray", [False, True, 0, 1, 2, 3, -1])
@pytest.mark.parametrize("name", DEEP)
def test_graphs_inside_are_drawn_open_as_langgraph_does(name: str, xray: int) -> None:
    """So many levels of them, with `sub:name` as ids, and edges to their first and last nodes."""
    theirs, ours = both(DEEP[name], xray=xray)
    assert ours == theirs


@pytest.mark.parametrize("name", [name for name in DEEP if name != BOX_IN_BOX])
def test_each_graph_drawn_open_is_a_box_in_both_texts(name: str) -> None:
    """The lines of Mermaid have the same arrows in the same boxes."""
    theirs, ours = (boxes(DEEP[name](lib).get_graph(xray=True)) for lib in BOTH)
    assert ours == theirs


def boxes(drawing: Any) -> dict[tuple[str, ...], list[tuple[str, str]]]:  # noqa: ANN401 - of either library
    """Return the arrows of a Mermaid text, by the boxes around them."""
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    place: list[str] = []
    for line in drawing.draw_mermaid(**NO_STYLE).splitlines():
        if box := re.match(r'\tsubgraph (\S+?)(?:\["(.*)"\])?$', line):
            place.append(box[2] or box[1])
        elif line == "\tend":
            place.pop()
        elif arrow := re.match(r"\t(\S+) -.*> ?(?:\|.*\| )?(\S+);$", line):
            found.setdefault(tuple(place), []).append((arrow[1], arrow[2]))
    return found


# ------------------------------------------------------------------------------- random graphs

NAMES: Final = "abcdef"
targets = st.sampled_from((*NAMES, END))
plain_edges = st.lists(st.tuples(st.sampled_from(NAMES), targets), max_size=6, unique=True)
labels = st.sampled_from(("yes", "no", "b", "2"))
maps = st.dictionaries(labels, targets, min_size=1, max_size=3)
path_maps = st.lists(st.tuples(st.sampled_from((START, *NAMES)), maps), max_size=3)
joined = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
joins = st.lists(st.tuples(joined, st.sampled_from(NAMES)), max_size=2)


def assembled(
    lib: Library,
    plain: Sequence[tuple[str, str]],
    chosen: Sequence[tuple[str, Mapping[str, str]]],
    waiting: Sequence[tuple[Sequence[str], str]],
) -> Any:  # noqa: ANN401 - of either library
    """Return a graph of such edges."""
    builder = nodes(lib, NAMES)
    for source, target in plain:
        builder.add_edge(source, target)
    for number, (source, path_map) in enumerate(chosen):
        path = returning("never called")
        path.__name__ = f"path{number}"
        builder.add_conditional_edges(source, path, dict(path_map))
    for sources, target in waiting:
        builder.add_edge(list(sources), target)
    return builder.compile()


@given(plain=plain_edges, chosen=path_maps, waiting=joins)
def test_random_graphs_have_the_arrows_that_langgraph_finds(
    plain: Sequence[tuple[str, str]],
    chosen: Sequence[tuple[str, Mapping[str, str]]],
    waiting: Sequence[tuple[Sequence[str], str]],
) -> None:
    """Between nodes that a run can reach; of several edges between two LangGraph draws one.

    In a graph that never ends LangGraph draws an end all the same.
    """
    theirs, ours = (edges(lib, lambda lib: assembled(lib, plain, chosen, waiting)) for lib in BOTH)
    reached = {START, *(edge[1] for edge in theirs)}
    assume(all({*sources} <= reached for sources, _ in waiting))  # a join that never runs
    ours = [edge for edge in ours if edge[0] in reached]
    if all(edge[1] != END for edge in ours):
        theirs = [edge for edge in theirs if edge[1] != END]
    assert {edge[:2] for edge in ours} == {edge[:2] for edge in theirs}
    pairs = Counter(edge[:2] for edge in ours)
    assert {edge for edge in ours if pairs[edge[:2]] == 1} <= set(theirs)


# ----------------------------------------------------------------------------------- differences


def test_a_path_function_without_a_map_is_drawn_to_lead_anywhere() -> None:
    """LangGraph draws that its node leads to the end, always."""
    make = branching(None)
    assert edges(THEIRS, make) == [(START, "a", None, False), ("a", END, None, False)]
    assert [edge for edge in edges(OURS, make) if edge[0] == "a"] == [
        ("a", END, None, True),
        ("a", "b", None, True),
        ("a", "c", None, True),
    ]


def test_an_edge_that_no_run_takes_is_drawn() -> None:
    """LangGraph draws what it finds from START."""

    def make(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return nodes(lib, "abc").add_edge("b", "c").compile()

    assert ("b", "c", None, False) in edges(OURS, make)
    assert ("b", "c", None, False) not in edges(THEIRS, make)


def test_each_answer_of_a_path_map_is_drawn() -> None:
    """LangGraph draws one edge between two nodes: of two answers for a node the first by name."""
    make = branching({"z": "b", "y": "b"}, "ab")
    assert ("a", "b", "z", True) not in edges(THEIRS, make)
    assert [edge for edge in edges(OURS, make) if edge[0] == "a"] == [
        ("a", "b", "y", True),
        ("a", "b", "z", True),
    ]


def test_a_plain_edge_is_drawn_beside_a_conditional_one() -> None:
    """LangGraph draws the conditional one, though the other is always taken."""

    def make(lib: Library) -> Any:  # noqa: ANN401 - of either library
        builder = nodes(lib, "ab").add_edge("a", "b")
        return builder.add_conditional_edges("a", returning("b"), {"x": "b"}).compile()

    assert ("a", "b", None, False) not in edges(THEIRS, make)
    assert ("a", "b", None, False) in edges(OURS, make)


def test_a_graph_that_never_ends_is_drawn_without_an_end() -> None:
    """LangGraph draws a conditional edge to END from where its search gave up."""

    def make(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return nodes(lib, "ab").add_edge("a", "b").add_edge("b", "a").compile()

    assert ("b", END, None, True) in edges(THEIRS, make)
    assert END not in make(OURS).get_graph().nodes


def test_every_graph_inside_can_be_drawn_open() -> None:
    """LangGraph leaves one closed that has a node without edges."""

    def lonely(lib: Library) -> Any:  # noqa: ANN401 - of either library
        return nodes(lib, "xy").compile()

    make = around(lonely)
    assert "sub" in make(THEIRS).get_graph(xray=True).nodes
    assert {"sub:x", "sub:y"} <= {*make(OURS).get_graph(xray=True).nodes}


def test_two_graphs_inside_may_have_one_name() -> None:
    """In different graphs, that is; LangGraph's text takes a name once."""

    def make(lib: Library) -> Any:  # noqa: ANN401 - of either library
        child = around(lambda lib: sub(lib, "s", "t"))(lib)
        builder = nodes(lib, "a").add_node("l", child).add_node("r", child)
        return builder.add_edge("a", "l").add_edge("a", "r").compile()

    with pytest.raises(ValueError, match="duplicate subgraph"):
        make(THEIRS).get_graph(xray=True).draw_mermaid()
    assert {("l", "sub"), ("r", "sub")} <= boxes(make(OURS).get_graph(xray=True)).keys()


def test_a_box_that_holds_only_a_box_is_drawn() -> None:
    """LangGraph draws neither, and the arrows in them are lost."""
    theirs, ours = (boxes(DEEP[BOX_IN_BOX](lib).get_graph(xray=True)) for lib in BOTH)
    assert ("outer", "inner") not in theirs or ("outer",) not in theirs
    assert ours["outer", "inner"] == [("outer\\3ainner\\3as1", "outer\\3ainner\\3as2")]


def test_a_graph_that_a_function_calls_is_not_drawn_open() -> None:
    """LangGraph looks for graphs in what functions name; graphflow opens nodes that are graphs."""

    def make(lib: Library) -> Any:  # noqa: ANN401 - of either library
        child = sub(lib, "s", "t")

        def calls(state: State) -> Any:  # noqa: ANN401 - what the graph returns
            return child.invoke(state)

        return nodes(lib, "a").add_node("n", calls).add_edge("a", "n").compile()

    assert "n:s" in make(THEIRS).get_graph(xray=True).nodes
    assert "n" in make(OURS).get_graph(xray=True).nodes


def test_a_text_of_odd_names_is_one_that_mermaid_reads() -> None:
    """A node called 'end' ends LangGraph's text too early."""
    theirs, ours = (FLAT["odd names"](lib).get_graph().draw_mermaid(**NO_STYLE) for lib in BOTH)
    assert "\tend --> " in theirs
    assert "\t\\65nd --> " in ours
