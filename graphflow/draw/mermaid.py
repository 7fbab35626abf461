"""A drawing as the text of a Mermaid flowchart.

Names of nodes may hold anything. An id keeps letters and digits of ASCII; every other character is
its code behind a backslash, which Mermaid takes for part of a name. A label is quoted, and what
could be read as markup or as the end of the quotes is an entity.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from graphflow.constants import END, START

if TYPE_CHECKING:
    from graphflow.draw.picture import Edge, Graph, Node

Curve: TypeAlias = Literal[
    "basis",
    "bumpX",
    "bumpY",
    "cardinal",
    "catmullRom",
    "linear",
    "monotoneX",
    "monotoneY",
    "natural",
    "step",
    "stepAfter",
    "stepBefore",
]
"""How Mermaid curves lines."""

LINEAR: Final = "linear"

# At the start of a statement each of these would be read as the beginning of another one.
_WORDS: Final = re.compile(
    r"(_blank|_parent|_self|_top|accdescr|acctitle|call|class|classdef|click|default|direction|end"
    r"|flowchart|graph|href|interpolate|linkstyle|style|subgraph|v)(?!\w)",
    re.IGNORECASE,
)
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]|-(?![A-Za-z0-9_])|^-")
# Letters, digits and what is never markup. A hyphen or plus before a space would begin a list, and
# Mermaid looks for "direction LR" anywhere in a line.
_MARKUP: Final = re.compile(
    r"[^\w ,/=?!'+-]|[+-](?= )|_(?![^\W_])|(?<![^\W_])_|(?<=direction) (?= *(?:TB|BT|LR|RL|TD))"
)
_SCALARS: Final = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class NodeStyles:
    """The styles of nodes, in the words of CSS.

    Attributes:
        default: of most nodes.
        first: of START.
        last: of END.
    """

    default: str = "fill:#f2f0ff,line-height:1.2"
    first: str = "fill-opacity:0"
    last: str = "fill:#bfb6fc"


def mermaid_of(
    graph: "Graph", *, wrap: int, styles: NodeStyles | None, front: Mapping[str, Any]
) -> str:
    """Return the text.

    Args:
        graph: the drawing.
        wrap: after how many words the label of an edge is broken.
        styles: the styles of nodes, or None to say nothing of them.
        front: what stands in front of the text.
    """
    lines = [*_front(front), "graph TD;", *_box((), graph, wrap, styled=styles is not None)]
    if styles is not None:
        kinds = (("default", styles.default), ("first", styles.first), ("last", styles.last))
        lines += [f"\tclassDef {kind} {style}" for kind, style in kinds]
    return "\n".join(lines) + "\n"


def _front(front: Mapping[str, Any]) -> Iterator[str]:
    """Yield what stands in front, as YAML: of which JSON is a part."""
    if front:
        yield "---"
        yield from _yaml(front, "")
        yield "---"


def _yaml(given: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield the lines of a dict in YAML."""
    for key, value in given.items():
        name = key if key.isidentifier() else json.dumps(key)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:"
            yield from _yaml(cast("Mapping[str, Any]", value), f"{indent}  ")
        else:
            yield f"{indent}{name}: {json.dumps(value)}"


def _box(place: tuple[str, ...], graph: "Graph", wrap: int, *, styled: bool) -> Iterator[str]:
    """Yield the lines of a graph: its nodes, its edges, and the graphs drawn open in it."""
    for node in graph.nodes.values():
        if _place(node.id) == place:
            yield _node(node, styled=styled)
    for edge in graph.edges:
        if _shared(_place(edge.source), _place(edge.target)) == place:
            yield _edge(edge, wrap)
    depth = len(place) + 1
    inside = (_place(id_)[:depth] for id_ in graph.nodes)
    for inner in dict.fromkeys(one for one in inside if len(one) == depth and one[:-1] == place):
        yield f'\tsubgraph {safe_id(":".join(inner))}["{_label(inner[-1])}"]'
        yield from _box(inner, graph, wrap, styled=styled)
        yield "\tend"


def _place(id_: str) -> tuple[str, ...]:
    """Return the names of the graphs that a node is in, the outermost first."""
    return tuple(id_.split(":")[:-1])


def _shared(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """Return what two places begin with."""
    shared: list[str] = []
    for name, same in zip(one, other, strict=False):
        if name != same:
            break
        shared.append(name)
    return tuple(shared)


def _node(node: "Node", *, styled: bool) -> str:
    """Return the line of a node."""
    parts = [f"<p>{node.name}</p>" if node.name in (START, END) else _label(node.name)]
    if lines := [*_facts(node.metadata or {})]:
        parts.append("<hr/><small><em>" + "<br/>".join(lines) + "</em></small>")
    opening, closing = ("([", "])") if node.id in (START, END) else ("(", ")")
    kind = {START: ":::first", END: ":::last"}.get(node.id, "") if styled else ""
    return f'\t{safe_id(node.id)}{opening}"{"".join(parts)}"{closing}{kind}'


def _facts(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is told of metadata: what is short enough for a drawing."""
    for key, value in metadata.items():
        if isinstance(value, _SCALARS):
            yield _label(f"{key} = {value}")
        elif isinstance(value, (list, tuple, set, frozenset)):
            items = list(cast("Iterable[object]", value))
            if all(isinstance(item, _SCALARS) for item in items):
                texts = [str(item) for item in items]
                ordered = texts if isinstance(value, (list, tuple)) else sorted(texts)
                yield _label(f"{key} = {', '.join(ordered)}")


def _edge(edge: "Edge", wrap: int) -> str:
    """Return the line of an edge: dotted if it is conditional."""
    arrow = "-.->" if edge.conditional else "-->"
    if edge.data is not None:
        words = str(edge.data).split()
        lines = (_label(" ".join(words[at : at + wrap])) for at in range(0, len(words), wrap))
        arrow += f'|"{"<br/>".join(lines) or " "}"|'
    return f"\t{safe_id(edge.source)} {arrow} {safe_id(edge.target)};"


def safe_id(name: str) -> str:
    r"""Return a name that Mermaid takes for one, another one for each that is given.

    Example:
        >>> print(safe_id("sub:s1"), safe_id("end"), safe_id("my-node"))
        sub\3as1 \65nd my-node
    """
    safe = _ODD.sub(_code, name)
    return f"{_code(safe[0])}{safe[1:]}" if _WORDS.match(safe) else safe


def _code(found: "re.Match[str] | str") -> str:
    """Return a character as its code."""
    return f"\\{ord(found if isinstance(found, str) else found[0]):x}"


def _label(text: str) -> str:
    """Return a text that may stand in quotes, and is shown as it is."""
    return _MARKUP.sub(lambda found: f"#{ord(found[0])};", text)
