"""What a compiled graph tells of its shape: drawings, descriptions, and probable mistakes."""

from typing import TYPE_CHECKING

from graphflow._core.state import Stops
from graphflow._core.topology import Topology
from graphflow.config import RunnableConfig
from graphflow.persistence import Persistence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphflow.draw.check import Finding
    from graphflow.draw.describe import Description
    from graphflow.draw.outline import Memory, Outline
    from graphflow.draw.picture import Graph


class Shape:
    """Draws, describes and checks a graph, and the graphs inside it; nothing of it is run."""

    _topology: Topology
    _persistence: Persistence | None
    _saves: bool | None
    _before: Stops
    _after: Stops

    @property
    def children(self) -> "Mapping[str, Shape]":
        """The graphs that are nodes of this one, by the nodes' names."""
        raise NotImplementedError

    def get_graph(
        self,
        config: RunnableConfig | None = None,  # noqa: ARG002 - LangGraph's signature
        *,
        xray: bool | int = False,
    ) -> "Graph":
        """Return the graph as a drawing, whose `draw_mermaid()` is the text of a picture.

        Args:
            config: changes nothing.
            xray: whether the graphs inside are drawn open, with their nodes as `sub:name`; or
                how many levels of them are.

        Raises:
            TypeError: if `xray` is no number.
        """
        # Nobody who only runs graphs loads what draws them.
        from graphflow.draw.expand import drawn, levels_of  # noqa: PLC0415

        return drawn(self._outline(), levels_of(xray))

    async def aget_graph(
        self, config: RunnableConfig | None = None, *, xray: bool | int = False
    ) -> "Graph":
        """Do what `get_graph` does."""
        return self.get_graph(config, xray=xray)

    def describe(self) -> "Description":
        """Return the graph as plain data that `json.dumps` takes, with the graphs inside it.

        Its form is that of `graphflow.draw.describe.Description`. Two descriptions of the same
        code are equal, in whatever process they are made.
        """
        from graphflow.draw.describe import described  # noqa: PLC0415 - as above

        return described(self._outline())

    def check(self) -> "list[Finding]":
        """Return what compiles but is probably a mistake, here and in the graphs inside.

        It is quiet where it cannot know: a function that returns a `Command` whose annotation
        does not say where it leads may lead anywhere.
        """
        from graphflow.draw.check import checked  # noqa: PLC0415 - as above

        return checked(self._outline())

    def _outline(self) -> "Outline":
        """Return what is drawn, described and checked."""
        from graphflow.draw.outline import Outline  # noqa: PLC0415 - as above

        return Outline(
            self,
            self._topology,
            {name: child._outline() for name, child in self.children.items()},  # noqa: SLF001 - of the same class
            self._memory(),
            self._before,
            self._after,
        )

    def _memory(self) -> "Memory":
        """Return what is stored of the graph."""
        if self._persistence is not None:
            return "store"
        if self._saves is None:
            return "inherited"
        return "own" if self._saves else "none"
