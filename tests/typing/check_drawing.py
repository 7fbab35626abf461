"""What type checkers know of drawings: read by mypy and pyright (`make types`), never run.

An expected error carries a comment that ignores it; both checkers complain if it is not one.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import Any, Literal, TypedDict, assert_type

from graphflow import StateGraph
from graphflow.draw import Edge, Finding, Graph, Node, NodeStyles
from graphflow.draw.describe import Description, Key, Member


class State(TypedDict):
    """One key."""

    x: int


graph = StateGraph(State).compile()


# ------------------------------------------------------------------------------------- drawings

drawing = graph.get_graph(xray=2)
assert_type(drawing, Graph)
assert_type(drawing.nodes, dict[str, Node])
assert_type(drawing.edges[0], Edge)
assert_type(drawing.edges[0].conditional, bool)
assert_type(drawing.first_node(), Node | None)
assert_type(drawing.draw_mermaid(with_styles=False, curve_style="step"), str)
assert_type(drawing.to_json(), dict[str, list[dict[str, Any]]])
drawing.draw_mermaid(node_colors=NodeStyles(last="fill:red"), frontmatter_config={"title": "it"})
drawing.draw_mermaid(curve_style="wavy")  # type: ignore[arg-type]  # no curve of Mermaid's
graph.get_graph(xray="all")  # type: ignore[arg-type]  # a truth value or a number
graph.get_graph({"tags": []}, xray=True)


async def asking() -> None:
    """Ask for it on an event loop."""
    assert_type(await graph.aget_graph(xray=True), Graph)


# ------------------------------------------------------------------- descriptions and findings

told = graph.describe()
assert_type(told, Description)
assert_type(told["keys"]["x"], Key)
assert_type(told["nodes"]["a"], Member)
assert_type(told["nodes"]["a"]["graph"], Description | None)
told["edges"]  # type: ignore[typeddict-item]  # those of a node are the node's
assert_type(graph.check(), list[Finding])
assert_type(graph.check()[0].level, Literal["error", "warning"])
