"""The graphs inside a compiled graph: those that are nodes, and those that its nodes call."""

from collections.abc import AsyncIterator, Iterator, Mapping
from inspect import unwrap
from typing import TYPE_CHECKING, Any

from graphflow.persistence import Types

if TYPE_CHECKING:
    from graphflow._core.reader import Known
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.codec import Codec


class Subgraphs:
    """Finds the graphs inside a graph."""

    _topology: "Topology"
    _types: Types
    _saves: bool | None
    _children: Mapping[str, Any]

    def get_subgraphs(
        self, *, namespace: str | None = None, recurse: bool = False
    ) -> Iterator[tuple[str, Any]]:
        """Yield the graphs inside this one that are stored with it, as pairs of name and graph.

        A node that is a graph has the node's name; so has the first graph that the function of a
        node names, as a variable of its module or of the function around it.

        Args:
            namespace: only the graph of this name, the names of nodes with "|" between.
            recurse: whether graphs inside those are yielded, too, as `"outer|inner"`.
        """
        for name in self._topology.added:
            rest = _behind(namespace, name)
            if namespace is not None and rest is None:
                continue
            child = next(iter(self._graphs_of(name)), None)
            if child is None:
                continue
            if not rest:
                yield name, child
            if recurse and (namespace is None or rest):
                for inner, graph in child.get_subgraphs(namespace=rest or None, recurse=True):
                    yield f"{name}|{inner}", graph

    async def aget_subgraphs(
        self, *, namespace: str | None = None, recurse: bool = False
    ) -> AsyncIterator[tuple[str, Any]]:
        """Do what `get_subgraphs` does."""
        for pair in self.get_subgraphs(namespace=namespace, recurse=recurse):
            yield pair

    def _graphs_of(self, name: str) -> "list[Any]":
        """Return the graphs that a node is, or whose function names them, if they are stored."""
        if name in self._children:
            found = [self._children[name]]
        else:
            callee = self._topology.nodes[name].callee
            found = graphs_in(callee.sync or callee.coro)
        return [graph for graph in found if graph.stored_inside]

    @property
    def stored_inside(self) -> bool:
        """Whether it is stored with a graph that it is inside of."""
        return self._saves is not False

    def known(self, codec: "Codec") -> "Known":
        """Return what is known of the graph to who reads its states."""
        from graphflow._core.reader import Known  # noqa: PLC0415 - loaded with a checkpointer

        own = self._types.codec(codec)
        return Known(
            self._topology, own, lambda node, told: self._inner(own, node, told), self.stored_inside
        )

    def _inner(self, codec: "Codec", node: str, told: list[str]) -> "Known | None":
        """Return what is known of the graph that a node runs, by what that was called."""
        if node not in self._topology.nodes:
            return None
        if node in self._children:
            found: Known = self._children[node].known(codec)
            return found
        for graph in self._graphs_of(node):
            if told and [graph.name, *graph.topology.nodes] == told:
                known: Known = graph.known(codec)
                return known
        return None


def _behind(namespace: str | None, name: str) -> str | None:
    """Return what of a namespace is behind a name; None if it does not begin with it."""
    if namespace is None:
        return None
    first, _, rest = namespace.partition("|")
    return rest if first == name else None


def graphs_in(function: object) -> list[Any]:
    """Return the graphs that a function names, in the order in which it does."""
    function = unwrap(function) if callable(function) else function
    function = getattr(function, "__func__", function)
    code, variables = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    if code is None:
        return []
    free: dict[str, Any] = {}
    for name, cell in zip(
        code.co_freevars, getattr(function, "__closure__", None) or (), strict=False
    ):
        try:
            free[name] = cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    found: list[Any] = []
    for name in (*code.co_freevars, *code.co_names):
        value = free.get(name, variables.get(name))
        if isinstance(value, Subgraphs) and value not in found:
            found.append(value)
    return found
