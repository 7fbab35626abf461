"""Draws random cases that are valid in both libraries.

Never drawn, because the libraries differ there on purpose (the numbers are those of the table of
differences), or because LangGraph does not fix what comes out:

- keys that no schema names, in updates and inputs (D1); so `secret` is written if a node reads it;
- targets that name no node, Sends to END, START as a target (D2);
- None, a Command or anything but a dict as input (D3, D4);
- nodes that edit what they were handed (D18): nodes here only read;
- a node that writes a plain key twice, or two Overwrites: run alone, LangGraph loses its chunk when
  the commit then fails (two nodes that do so in one superstep *are* drawn);
- a return that is no update: each library says so in its own words;
- a path function that fails after a node that wrote nothing: LangGraph shows the node's None if
  another edge left a trace of it, and else nothing;
- choices by keys outside a node's schema: LangGraph mixes what a node returned as a dict into what
  its path functions see, schema or not.

Failures are drawn freely: two in one superstep raise the same class, and one task runs at a time.
Then sync LangGraph still runs siblings of a failed task, or not: a race; `Trace.begins` allows it.

Sends stop at a depth and at a length of the log, and the limit is small with them, because two
Sends that each send two would double for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from tests.differential.specs import (
    END,
    REDUCERS,
    START,
    Branch,
    Case,
    Choice,
    Form,
    Graph,
    Join,
    Node,
    Replace,
    Schema,
    SendTo,
    Target,
    Write,
)

NAMES = "fbeacd"
"""In the order in which they are added, which is not the order in which they run."""

COMMON: Sequence[Form] = ("dict", "dict", "dict", "command", "command", "command")
FORMS: Sequence[Form] = (*COMMON, "pairs", "list", "nothing")
SCHEMAS: Sequence[Schema] = ("state", "state", "state", "narrow", "private")
NUMBERS = ("total", "total", "digits", "digits", "x", "secret")

LIMIT = 15
LIMIT_WITH_SENDS = 8

rarely = st.sampled_from((False,) * 5 + (True,))
failures = st.sampled_from((None,) * 31 + (0, 1, 2, 3))
digits = st.integers(0, 9)
sizes = st.sampled_from((1, 2, 3, 3, 4, 4, 5, 5, 6, 6))
replacements = st.sampled_from((Replace(()), Replace(("r",)), Replace(("r", "s"))))
lines = st.sampled_from((Write("log"),) * 15 + (Write("log", Replace(("r",))),))
numbers = st.builds(Write, st.sampled_from(NUMBERS), digits)
written = st.lists(lines | numbers, max_size=3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a graph, an input and a limit."""
    graph = draw(graphs())
    limit = LIMIT_WITH_SENDS if sends(graph) else LIMIT
    given = draw(inputs)
    return Case(graph, tuple(given.items()), limit - draw(st.integers(0, limit - 4)))


inputs = st.fixed_dictionaries(
    {},
    optional={
        "log": st.lists(st.sampled_from(("i", "j")), max_size=3) | replacements,
        "total": digits,
        "digits": digits,
        "x": digits,
    },
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph with at least one way in."""
    names = NAMES[: draw(sizes)]
    anywhere = st.sampled_from((*names, END))
    sources = st.sampled_from((START, *names))
    edge = st.tuples(sources, anywhere, rarely).map(lambda drawn: ahead(names, *drawn))
    edges = draw(st.lists(edge, min_size=len(names) // 2, max_size=2 * len(names), unique=True))
    joining = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple)
    joins = draw(st.lists(st.builds(Join, joining, anywhere), max_size=2))
    branches = draw(
        st.lists(st.builds(Branch, sources, choices(names), st.booleans(), failures), max_size=3)
    )
    nodes = readable([draw(nodes_named(name, names)) for name in names])
    if START not in {*(source for source, _ in edges), *(branch.source for branch in branches)}:
        edges = [(START, draw(st.sampled_from(names))), *edges]
    return Graph(nodes, tuple(edges), tuple(joins), shown(nodes, branches))


@st.composite
def nodes_named(draw: st.DrawFn, name: str, names: str) -> Node:
    """Draw a node; only a Command goes anywhere."""
    form = draw(st.sampled_from(FORMS))
    goes = form in {"command", "pairs", "list"}
    return Node(
        name,
        tidied(form, [draw(lines), *draw(written)]),
        form,
        draw(st.none() | choices(names)) if goes else None,
        draw(st.sampled_from(SCHEMAS)),
        draw(rarely),
        draw(failures),
    )


def choices(names: str) -> st.SearchStrategy[Choice]:
    """Draw where to go by what is seen."""
    sent = st.builds(SendTo, st.sampled_from(names), digits)
    targets = st.sampled_from((*names, END, END)) | sent
    options: st.SearchStrategy[tuple[Target, ...]] = st.lists(targets, max_size=3).map(tuple)
    return st.builds(Choice, st.lists(options, min_size=1, max_size=3).map(tuple))


def ahead(names: str, source: str, target: str, back: bool) -> tuple[str, str]:  # noqa: FBT001 - drawn
    """Return an edge that leads on in the order of names, but for a few that lead back or loop."""
    if back or source == START or target == END or names.index(source) < names.index(target):
        return source, target
    return (target, source) if source != target else (source, END)


def tidied(form: Form, drawn: Iterable[Write]) -> tuple[Write, ...]:
    """Return writes as a form can hold them; see above for what is left out."""
    if form == "nothing":
        return ()
    once = form in {"dict", "command"}
    kept: list[Write] = []
    for write in drawn:
        known = [other for other in kept if other.key == write.key]
        again = [other for other in known if isinstance(other.value, Replace)]
        if known and (once or write.key not in REDUCERS):
            continue
        if again and isinstance(write.value, Replace):
            continue
        kept.append(write)
    return tuple(kept)


def readable(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return nodes without writes of `secret`, if none of them reads it."""
    if any(node.reads == "private" for node in nodes):
        return tuple(nodes)
    return tuple(
        replace(node, writes=tuple(write for write in node.writes if write.key != "secret"))
        for node in nodes
    )


def shown(nodes: Sequence[Node], branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """Return branches that fail only after nodes that write."""
    silent = {node.name for node in nodes if not node.writes}
    return tuple(
        replace(branch, fails=None) if branch.source in silent else branch for branch in branches
    )


def sends(graph: Graph) -> bool:
    """Tell whether anything in a graph sends."""
    choosing = [branch.choice for branch in graph.branches]
    choosing += [node.goto for node in graph.nodes if node.goto]
    targets = [target for choice in choosing for option in choice.options for target in option]
    return any(isinstance(target, SendTo) for target in targets)
