"""Graphs seen from outside: drawn, described, and looked at for probable mistakes.

Where things are::

    outline.py   what of a compiled graph the rest reads
    picture.py   a drawing as data: nodes and edges
    edges.py     the edges of one graph            expand.py    graphs drawn open inside others
    mermaid.py   a drawing as Mermaid text         describe.py  a graph as plain data
    check.py     all findings                      flow.py      what no run reaches, what never ends
    family.py    what parent and child make of each other
    unsaid.py    whether a function may lead where nothing says so

Nothing here runs anything, and nothing that runs imports it.
"""

from graphflow.draw.check import Finding
from graphflow.draw.mermaid import Curve, NodeStyles
from graphflow.draw.picture import Edge, Graph, Node

__all__ = ("Curve", "Edge", "Finding", "Graph", "Node", "NodeStyles")
