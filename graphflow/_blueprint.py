"""What a builder has gathered, as plain data, to be checked and compiled by others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphflow._record import record
from graphflow._signature import Signature
from graphflow.channels import Channel
from graphflow.managed import ManagedValue
from graphflow.schema import Schema

if TYPE_CHECKING:
    from graphflow._core.topology import Topology


@record
class NodeSpec:
    """A node as it was added.

    Attributes:
        name: its name.
        function: what was given as its action.
        signature: what is known of that.
        schema: the state it sees.
        defer: whether it waits until nothing else would run.
        metadata: what was given.
        destinations: the names it is said to lead to, beside its edges, each with a label or None.
        child: the topology of the graph that it is, or None for a function.
    """

    name: str
    function: Any
    signature: Signature
    schema: Schema
    defer: bool
    metadata: Mapping[str, Any]
    destinations: Mapping[Any, str | None]
    child: "Topology | None" = None


@record
class BranchSpec:
    """A conditional edge as it was added.

    Attributes:
        name: the path function's name.
        signature: what is known of that function.
        path_map: what each answer stands for, or None where answers are names.
        schema: the state that the path function's annotation asks for, or None for its node's.
    """

    name: str
    signature: Signature
    path_map: Mapping[Any, Any] | None
    schema: Schema | None


@record
class Blueprint:
    """A graph as it was built; sources and targets are names, or functions of nodes.

    Attributes:
        name: the graph's name.
        schema: the state.
        input: what a caller may give.
        output: what `invoke` returns.
        channels: the channels of all schemas, by key.
        managed: the keys of all schemas that the engine fills in.
        nodes: the nodes by name, in the order they were added.
        edges: plain edges as (source, target).
        joins: edges from several sources as (sources, target).
        branches: conditional edges by source and name.
    """

    name: str
    schema: Schema
    input: Schema
    output: Schema
    channels: dict[str, Channel]
    managed: dict[str, type[ManagedValue]]
    nodes: dict[str, NodeSpec]
    edges: dict[tuple[Any, Any], None]
    joins: dict[tuple[tuple[Any, ...], Any], None]
    branches: dict[Any, dict[str, BranchSpec]]

    def nodes_of(self, function: object) -> list[str]:
        """Return the names of the nodes whose function it is.

        Two bound methods are one function, made anew each time; so the comparison is by equality.
        """
        return [
            node.name
            for node in self.nodes.values()
            if node.function is function or node.function == function
        ]
