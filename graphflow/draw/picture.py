"""A drawing as data: nodes, edges between them, and the texts that are made of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from graphflow.draw.mermaid import LINEAR, Curve, NodeStyles, mermaid_of
from graphflow.draw.words import plain

__all__ = ("Edge", "Graph", "Node")


class Node(NamedTuple):
    """A node of a drawing.

    Attributes:
        id: its name; inside a graph that is drawn open, behind that graph's: `outer:sub:name`.
        name: its name.
        data: the function that it calls, or the graph that it is; None for START and END.
        metadata: what it was given, with `defer`, and with `__interrupt` where runs stop at it;
            None if there is nothing.
    """

    id: str
    name: str
    data: Any = None
    metadata: dict[str, Any] | None = None


class Edge(NamedTuple):
    """An edge of a drawing.

    Attributes:
        source: the id of the node that it leaves.
        target: the id of the node that it leads to.
        data: what it is labelled with, or None.
        conditional: whether it is taken only sometimes: a conditional edge's, or a Command's.
    """

    source: str
    target: str
    data: str | None = None
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing of a graph.

    Attributes:
        nodes: the nodes by their ids.
        edges: the edges.
    """

    nodes: dict[str, Node]
    edges: list[Edge]

    def __bool__(self) -> bool:
        """Tell whether there is anything to be seen."""
        return bool(self.nodes)

    def first_node(self) -> Node | None:
        """Return the only node that no edge leads to, or None if there are several or none."""
        targets = {edge.target for edge in self.edges}
        return _only([node for node in self.nodes.values() if node.id not in targets])

    def last_node(self) -> Node | None:
        """Return the only node that no edge leaves, or None if there are several or none."""
        sources = {edge.source for edge in self.edges}
        return _only([node for node in self.nodes.values() if node.id not in sources])

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the drawing as lists of dicts that `json.dumps` takes.

        Returns:
            `nodes`, each with its `id`, and with `type`, `data` and `metadata` where it has such;
            and `edges`, each with `source` and `target`, and with `data` and `conditional` where
            it has such. Metadata that JSON has no form for is shown by its `repr`.
        """
        return {
            "nodes": [_node_json(node) for node in self.nodes.values()],
            "edges": [_edge_json(edge) for edge in self.edges],
        }

    def draw_mermaid(
        self,
        *,
        with_styles: bool = True,
        curve_style: Curve = LINEAR,
        node_colors: NodeStyles | None = None,
        wrap_label_n_words: int = 9,
        frontmatter_config: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the drawing as a Mermaid flowchart; a graph drawn open is a box of its own.

        Args:
            with_styles: whether to say how it looks; if not, the next two say nothing, nor does
                `frontmatter_config`.
            curve_style: how lines are curved, such as `"linear"` or `"basis"`.
            node_colors: the styles of nodes.
            wrap_label_n_words: after how many words the label of an edge is broken.
            frontmatter_config: what stands in front of the text to configure Mermaid.

        Raises:
            ValueError: if `wrap_label_n_words` is less than 1.
        """
        if wrap_label_n_words < 1:
            msg = f"wrap_label_n_words must be 1 or more, not {wrap_label_n_words!r}"
            raise ValueError(msg)
        return mermaid_of(
            self,
            wrap=wrap_label_n_words,
            styles=(node_colors or NodeStyles()) if with_styles else None,
            front=_front(curve_style, frontmatter_config) if with_styles else {},
        )


def _only(found: list[Node]) -> Node | None:
    """Return the node of a list that has one."""
    return found[0] if len(found) == 1 else None


def _front(curve: Curve, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what stands in front of a Mermaid text: what was given, and the curve."""
    front = dict(given or {})
    config = dict(front.get("config", {}))
    # LangChain's `CurveStyle` is an enum of the same words.
    word = getattr(curve, "value", curve)
    config["flowchart"] = {**config.get("flowchart", {}), "curve": word}
    return {**front, "config": config}


def _node_json(node: Node) -> dict[str, Any]:
    """Return a node as plain data."""
    told: dict[str, Any] = {"id": node.id}
    if node.data is not None:
        told |= {"type": "runnable", "data": {"id": _place(node.data), "name": node.id}}
    if node.metadata is not None:
        told["metadata"] = plain(node.metadata)
    return told


def _edge_json(edge: Edge) -> dict[str, Any]:
    """Return an edge as plain data."""
    told: dict[str, Any] = {"source": edge.source, "target": edge.target}
    if edge.data is not None:
        told["data"] = edge.data
    if edge.conditional:
        told["conditional"] = True
    return told


def _place(thing: Any) -> list[str]:  # noqa: ANN401 - a function or an object
    """Return the module and the name of a function, or of an object's class."""
    named = thing if hasattr(thing, "__qualname__") else cast("Any", type(thing))
    return [*str(named.__module__).split("."), named.__qualname__]
