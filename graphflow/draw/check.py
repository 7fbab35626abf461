"""What compiles but is probably a mistake, in a graph and in the graphs inside it."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from graphflow.draw.family import strangers
from graphflow.draw.flow import dead_ends
from graphflow.draw.outline import Outline

__all__ = ("Finding",)


class Finding(NamedTuple):
    """Something that is probably a mistake.

    Attributes:
        level: `"error"` for what cannot end well in any run that comes there, else `"warning"`.
        path: the graph that it is in, by the nodes that lead to it, such as `"outer|sub"`; empty
            for the graph that was checked.
        node: the node of that graph that it is about.
        text: what is wrong, and what to do about it.
    """

    level: Literal["error", "warning"]
    path: str
    node: str
    text: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.level}: {f'in {self.path!r}: ' if self.path else ''}{self.text}"


def checked(outline: Outline) -> list[Finding]:
    """Return all findings, those of a graph before those of the graphs inside it."""
    # With a memory of its own it is made to be inside a graph with a checkpointer.
    return [*_checked(outline, (), waits=outline.memory == "own")]


def _checked(outline: Outline, path: tuple[str, ...], *, waits: bool) -> Iterator[Finding]:
    """Yield the findings of a graph; in one that is stored a run can wait for people."""
    waits = waits or outline.memory == "store"
    inside = "|".join(path)
    for found in dead_ends(outline, waits=waits, top=not path):
        yield Finding(found.level, inside, found.node, found.text)
    for name in outline.graph.added:
        if name in outline.children:
            for text in strangers(outline, name):
                yield Finding("warning", inside, name, text)
            yield from _checked(outline.children[name], (*path, name), waits=waits)
