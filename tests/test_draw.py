"""Drawings: their data, and the Mermaid text made of it, which must be one that Mermaid reads."""

import asyncio
import json
import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow import END, START, StateGraph
from graphflow.draw import Edge, Graph, Node, NodeStyles
from graphflow.draw.mermaid import safe_id
from graphflow.graph.state import CompiledStateGraph
from tests.small import State, builder, chain, gives, logs

# What Mermaid's own grammar takes: a name, and what begins or ends something else.
NAME = re.compile(r"(?:[A-Za-z0-9_\\]|-(?![>.-]))+")
WORD = re.compile(r"(end|graph|flowchart|subgraph|style|class|classDef|click|default)\b")
TEXT = re.compile(r'"(?:[^"\[\](){}<>|#`]|#\d+;|</?(?:p|hr/|br/|small|em)>)*"')
NODE = re.compile(rf"\t({NAME.pattern})(?:\(\[{TEXT.pattern}\]\)|\({TEXT.pattern}\))(?::::\w+)?")
EDGE = re.compile(rf"\t({NAME.pattern}) (?:-->|-\.->)(?:\|{TEXT.pattern}\|)? ({NAME.pattern});")
BOX = re.compile(rf"\tsubgraph ({NAME.pattern})\[{TEXT.pattern}\]")


def nested(depth: int, child: CompiledStateGraph[State]) -> CompiledStateGraph[State]:
    """Return a graph with a graph inside it, so deep."""
    for _ in range(depth):
        child = builder("a").add_node("sub", child).add_edge("a", "sub").compile()
    return child


def read(text: str) -> None:
    """Fail unless every line of a text is one that Mermaid reads, and every box ends."""
    depth = 0
    for line in text.partition("graph TD;\n")[2].splitlines():
        if line == "\tend":
            depth -= 1
        elif not line.startswith("\tclassDef "):
            shape = BOX.fullmatch(line) or NODE.fullmatch(line) or EDGE.fullmatch(line)
            assert shape is not None, line
            assert not any(WORD.match(name) for name in shape.groups()), line
            depth += line.startswith("\tsubgraph ")
    assert depth == 0


# -------------------------------------------------------------------------------------- the data


def test_a_drawing_knows_what_its_nodes_are() -> None:
    """The function, the graph, or nothing."""
    child = chain("s")
    node = logs("a")
    made = StateGraph(State).add_node("a", node).add_node("sub", child)
    nodes = made.add_edge(START, "a").add_edge("a", "sub").compile().get_graph().nodes
    assert [(one.name, one.data) for one in nodes.values()] == [
        (START, None),
        ("a", node),
        ("sub", child),
        (END, None),
    ]


def test_the_first_and_the_last_node_are_the_only_ones() -> None:
    """That nothing leads to, and that lead nowhere."""
    drawing = chain("a", "b").get_graph()
    first, last = drawing.first_node(), drawing.last_node()
    assert first is not None
    assert last is not None
    assert (first.id, last.id) == (START, END)
    lonely = builder("a").add_node("alone", logs("alone")).compile().get_graph()
    assert (lonely.first_node(), lonely.last_node()) == (None, None)


def test_an_empty_drawing_has_no_truth() -> None:
    """As LangGraph's."""
    assert chain("a").get_graph()
    assert not Graph({}, [])


@pytest.mark.parametrize("xray", ["yes", None, 1.5])
def test_a_number_of_levels_is_a_number(xray: Any) -> None:  # noqa: ANN401 - what a user may give
    """Or a truth value."""
    with pytest.raises(TypeError, match="xray must be a bool, or how many levels"):
        chain("a").get_graph(xray=xray)


def test_there_is_a_twin_for_event_loops() -> None:
    """It returns the same."""
    graph = nested(1, chain("s"))
    assert asyncio.run(graph.aget_graph(xray=True)) == graph.get_graph(xray=True)


def test_a_drawing_does_not_change_the_graph() -> None:
    """Whoever changes the metadata of a node in a drawing changes the drawing."""
    graph = builder("a").add_node("b", logs("b"), metadata={"k": 1}).compile()
    metadata = graph.get_graph().nodes["b"].metadata
    assert metadata is not None
    metadata["k"] = 2
    assert graph.get_graph().nodes["b"].metadata == {"k": 1}


@pytest.mark.parametrize("stops", ["*", ["a"]])
def test_where_runs_stop_is_metadata(stops: Any) -> None:  # noqa: ANN401 - names or '*'
    """All nodes, or those that are named."""
    drawing = builder("a").compile(interrupt_before=stops).get_graph()
    assert drawing.nodes["a"].metadata == {"__interrupt": "before"}


def test_a_graph_inside_that_never_ends_keeps_its_end() -> None:
    """What follows it hangs on that."""
    child = builder("x").add_edge("x", "x").compile()
    made = builder("a").add_node("sub", child).add_node("b", logs("b"))
    edges = made.add_edge("a", "sub").add_edge("sub", "b").compile().get_graph(xray=True).edges
    assert Edge("sub:__end__", "b") in edges
    assert not [edge for edge in edges if edge.target == "sub:__end__"]


def test_a_graph_inside_that_may_do_nothing_keeps_both_ends() -> None:
    """Where START leads to END alone, there is nothing to put in their place."""
    child = StateGraph(State).add_node("x", logs("x"))
    child.add_conditional_edges(START, gives(END), [END])
    edges = nested(1, child.compile()).get_graph(xray=True).edges
    assert Edge("a", "sub:__start__") in edges
    assert Edge("sub:__start__", "sub:__end__", None, conditional=True) in edges


def test_plain_data_is_json_whatever_the_metadata() -> None:
    """What JSON has no form for is shown by its repr, the same in every process."""
    metadata = {"one": {3, 1}, "two": object(), "three": [float("inf"), 1.5], "four": {1: None}}
    made = builder("a").add_node("b", logs("b"), metadata=metadata).add_edge("a", "b")
    told = made.compile().get_graph().to_json()
    assert json.loads(json.dumps(told))["nodes"][2]["metadata"] == {
        "one": [1, 3],
        "two": "<object object>",
        "three": ["inf", 1.5],
        "four": {"1": None},
    }


def test_plain_data_has_nodes_and_edges() -> None:
    """With what each has, and no more."""
    made = builder("a").add_conditional_edges("a", gives(END), {"stop": END, "on": "a"})
    told = made.compile().get_graph().to_json()
    assert told["edges"] == [
        {"source": "__start__", "target": "a"},
        {"source": "a", "target": "__end__", "data": "stop", "conditional": True},
        {"source": "a", "target": "a", "data": "on", "conditional": True},
    ]
    assert told["nodes"] == [
        {"id": "__start__"},
        {
            "id": "a",
            "type": "runnable",
            "data": {"id": ["tests", "small", "logs.<locals>.node"], "name": "a"},
        },
        {"id": "__end__"},
    ]


def test_of_an_object_plain_data_has_the_class() -> None:
    """It has no name of its own."""
    told = nested(1, chain("s")).get_graph().to_json()
    assert told["nodes"][2]["data"]["id"] == ["graphflow", "compiled", "CompiledStateGraph"]


# -------------------------------------------------------------------------------------- the text


def test_a_text_has_a_box_for_each_graph_drawn_open() -> None:
    """With its nodes and edges inside."""
    text = nested(2, chain("s", "t")).get_graph(xray=True).draw_mermaid(with_styles=False)
    read(text)
    assert text == (
        "graph TD;\n"
        '\t__start__(["<p>__start__</p>"])\n'
        '\ta("a")\n'
        '\t__end__(["<p>__end__</p>"])\n'
        "\t__start__ --> a;\n"
        "\ta --> sub\\3aa;\n"
        "\tsub\\3asub\\3at --> __end__;\n"
        '\tsubgraph sub["sub"]\n'
        '\tsub\\3aa("a")\n'
        "\tsub\\3aa --> sub\\3asub\\3as;\n"
        '\tsubgraph sub\\3asub["sub"]\n'
        '\tsub\\3asub\\3as("s")\n'
        '\tsub\\3asub\\3at("t")\n'
        "\tsub\\3asub\\3as --> sub\\3asub\\3at;\n"
        "\tend\n"
        "\tend\n"
    )


def test_a_text_says_how_it_looks() -> None:
    """In front, and in the classes of its nodes."""
    text = (
        chain("a")
        .get_graph()
        .draw_mermaid(
            curve_style="basis",
            node_colors=NodeStyles(first="fill:red"),
            frontmatter_config={
                "title": "A: b",
                "config": {"theme": "dark", "flowchart": {}},
                "x y": {},
            },
        )
    )
    read(text)
    assert text.startswith(
        '---\ntitle: "A: b"\nconfig:\n  theme: "dark"\n  flowchart:\n    curve: "basis"\n'
        '"x y": {}\n---\ngraph TD;\n\t__start__(["<p>__start__</p>"]):::first\n'
    )
    assert text.endswith(
        "\tclassDef default fill:#f2f0ff,line-height:1.2\n"
        "\tclassDef first fill:red\n"
        "\tclassDef last fill:#bfb6fc\n"
    )


def test_a_curve_may_be_a_member_of_an_enum() -> None:
    """LangChain's `CurveStyle` is one."""
    from langchain_core.runnables.graph import CurveStyle  # noqa: PLC0415 - slow to import

    curve = cast("Any", CurveStyle.STEP)
    assert 'curve: "step"' in chain("a").get_graph().draw_mermaid(curve_style=curve)


def test_a_long_label_is_broken() -> None:
    """After so many words."""
    made = builder("a").add_conditional_edges("a", gives(END), {"one two three": END})
    text = made.compile().get_graph().draw_mermaid(wrap_label_n_words=2)
    read(text)
    assert '\ta -.->|"one two<br/>three"| __end__;\n' in text


def test_a_label_without_words_is_a_space() -> None:
    """Mermaid takes no empty one."""
    made = builder("a").add_conditional_edges("a", gives(END), {" ": END})
    text = made.compile().get_graph().draw_mermaid()
    read(text)
    assert '|" "|' in text


def test_no_words_in_a_line_are_too_few() -> None:
    """Nothing could be shown."""
    with pytest.raises(ValueError, match="wrap_label_n_words must be 1 or more, not 0"):
        chain("a").get_graph().draw_mermaid(wrap_label_n_words=0)


def test_short_metadata_are_shown_in_a_node() -> None:
    """Words, numbers, and lists of such; sets are sorted."""
    metadata: dict[str, Any] = {"k": 1, "l": ["b", "a"], "s": {"b", "a"}, "o": object(), "m": [[]]}
    made = builder("a").add_node("b", logs("b"), metadata=metadata, defer=True).add_edge("a", "b")
    text = made.compile().get_graph().draw_mermaid()
    read(text)
    told = "k = 1<br/>l = b, a<br/>s = a, b<br/>defer = True"
    assert f'\tb("b<hr/><small><em>{told}</em></small>")\n' in text


ODD = [
    *("end", "End", "graph-x", "end of it", "a--b", "-a", "a-", "->", "_self", "v", "1. x", "- x"),
    *('"', "#1;", "<b>", "`*x*`", "\\3a", "ü", "日本", "\n", "_", "style x#1;", "o--o", "a@{ b }"),
]


@pytest.mark.parametrize("name", ODD)
def test_a_name_may_hold_anything(name: str) -> None:
    """As that of a node, of a graph drawn open, and as an answer."""
    made = builder(name).add_node(f"{name}!", chain(name))
    made.add_conditional_edges(name, gives(END), {name: f"{name}!", f"{name} ": END})
    read(made.compile().get_graph(xray=True).draw_mermaid())


@pytest.mark.parametrize("answer", ["direction  TB", "style:x#1;"])
def test_words_that_mermaid_looks_for_in_any_line_are_hidden(answer: str) -> None:
    """It reads the first as an order, and cuts off the end of the second."""
    made = builder("a").add_conditional_edges("a", gives(END), {answer: END})
    text = made.compile().get_graph().draw_mermaid()
    read(text)
    assert re.search(r"direction\s+TB|style.*:\S*#", text) is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_never_become_one(one: str, other: str) -> None:
    """An id says all of the name."""
    assert (safe_id(one) == safe_id(other)) == (one == other)
    assert NAME.fullmatch(safe_id(one))
    assert not WORD.match(safe_id(one))


@given(st.text(st.characters(exclude_characters=":"), min_size=1))
def test_any_name_is_text_that_mermaid_reads(name: str) -> None:
    """And the label says it again, once its entities are read."""
    text = Graph({name: Node(name, name)}, []).draw_mermaid(with_styles=False)
    label = re.search(r'"(.*)"', text, re.DOTALL)
    assert label is not None
    shown = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label[1])
    assert shown == (f"<p>{name}</p>" if name in (START, END) else name)
