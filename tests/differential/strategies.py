"""Draws random cases that are valid in both libraries.

Never drawn, because the libraries differ there on purpose (`docs/migration.md` tells how, and has
tests of its own), or because LangGraph does not fix what comes out:

- keys that no schema names, in updates and inputs; so `secret` is written only if a node reads it;
- targets that name no node, Sends to END, START as a target;
- None, a Command or anything but a dict as input;
- nodes that edit what they were handed: nodes here only read;
- a node that writes a plain key twice, or two Overwrites: run alone, LangGraph loses its chunk when
  the commit then fails (two nodes that do so in one superstep *are* drawn);
- a return that is no update: each library says so in its own words;
- a path function that fails after a node that wrote nothing: LangGraph shows the node's None if
  another edge left a trace of it, and else nothing;
- choices by keys outside a node's schema: LangGraph mixes what a node returned as a dict into what
  its path functions see, schema or not.

Never drawn for LangGraph (`alike`), but for the reference:

- deferred nodes in a graph that sends: LangGraph runs them beside pending Sends, graphflow after;
  where nothing is sent, they wait in the same way.

Failures are drawn freely: two in one superstep raise the same class, and one task runs at a time.
Then sync LangGraph still runs siblings of a failed task, or not: a race; `Trace.begins` allows it.

Never drawn on threads (`conversations`), because the libraries differ there on purpose as well:

- path functions that fail;
- Commands that lead to a deferred node, and a second Command;
- None from the checkpoint of an input or a fork, which is for the test to leave out: it knows the
  history, as this does not.

And nothing is compared after two writers have collided, nor where LangGraph cannot read the thread.

Two Sends that each send two would double for ever: so Sends stop at a depth and at a length of the
log, a node that leaves nothing in the log never sends, and no Overwrite makes the log short again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from tests.differential.specs import (
    END,
    ENOUGH,
    REDUCERS,
    START,
    Branch,
    Case,
    Choice,
    Conversation,
    Edit,
    Form,
    Graph,
    Join,
    Node,
    Order,
    Replace,
    Reply,
    Schema,
    SendTo,
    Target,
    Turn,
    Write,
)

NAMES = "fbeacd"
"""In the order in which they are added, which is not the order in which they run."""

COMMON: Sequence[Form] = ("dict", "dict", "dict", "command", "command", "command")
FORMS: Sequence[Form] = (*COMMON, "pairs", "list", "nothing")
SCHEMAS: Sequence[Schema] = ("state", "state", "state", "narrow", "private")
NUMBERS = ("total", "total", "digits", "digits", "x", "secret")

digits = st.integers(0, 9)
rarely = st.sampled_from((False,) * 5 + (True,))
sometimes = st.sampled_from((False, False, True))
failures = st.sampled_from((None,) * 31 + (0, 1, 2, 3))
limits = st.integers(0, 11).map(lambda less: 15 - less)  # a failing case shrinks to the highest
sizes = st.sampled_from((1, 2, 3, 3, 4, 4, 5, 5, 6, 6))
line = Write("log")
longer = Write("log", Replace(("r",) * (ENOUGH + 1)))
first = st.sampled_from(((line,),) * 14 + ((longer,), ()))
stumbles = st.lists(
    st.sampled_from((None, None, None, 1, 1, 2, 3)), min_size=len(NAMES), max_size=len(NAMES)
)
places = st.sampled_from((*(None,) * 30, *range(10)))
backwards = st.sampled_from((*(None,) * 12, *range(8)))
asks = st.lists(st.sampled_from((0, 0, 0, 1, 1, 2)), min_size=len(NAMES), max_size=len(NAMES))
durabilities = st.sampled_from(("sync", "sync", "exit"))
numbers = st.builds(Write, st.sampled_from(NUMBERS), digits)
further = st.lists(st.just(line) | numbers, max_size=3)
replacements = st.sampled_from((Replace(()), Replace(("r",)), Replace(("r", "s"))))
inputs = st.fixed_dictionaries(
    {},
    optional={
        "log": st.lists(st.sampled_from(("i", "j")), max_size=3) | replacements,
        "total": digits,
        "digits": digits,
        "x": digits,
    },
)


def cases() -> st.SearchStrategy[Case]:
    """Draw a graph, an input and a limit."""
    given = inputs.map(lambda drawn: tuple(drawn.items()))
    return st.builds(Case, sizes.flatmap(lambda size: graphs(NAMES[:size])), given, limits)


def alike(case: Case) -> Case:
    """Return a case in which the libraries do not differ on purpose: see above."""
    if not sends(case.graph):
        return case
    nodes = tuple(replace(node, defer=False) for node in case.graph.nodes)
    return replace(case, graph=replace(case.graph, nodes=nodes))


def conversations() -> st.SearchStrategy[Conversation]:
    """Draw a graph, and what is done with a thread of it."""
    given = inputs.map(lambda drawn: tuple(drawn.items()))
    turn = st.builds(Turn, st.none() | st.none() | given, limits, places)
    talks = st.lists(turn, min_size=1, max_size=5).map(tuple[Turn, ...])
    return st.builds(conversation, cases().map(alike), stumbles, talks, durabilities)


def orders() -> st.SearchStrategy[Conversation]:
    """Draw a graph, and a Command to a thread of it, with other runs before and after."""
    given = inputs.map(lambda drawn: tuple(drawn.items()))
    turns = st.lists(st.builds(Turn, st.none() | given, limits), max_size=2)
    ordered = st.builds(Order, given, st.lists(st.sampled_from(NAMES), max_size=2).map(tuple))
    order = st.builds(Turn, ordered, limits)
    talks = st.tuples(turns, order, turns).map(lambda drawn: (*drawn[0], drawn[1], *drawn[2]))
    return st.builds(conversation, cases().map(alike), stumbles, talks, st.just("sync")).map(aimed)


def dialogues() -> st.SearchStrategy[Conversation]:
    """Draw a graph that asks, and runs, answers and edits of a thread of it."""
    given = inputs.map(lambda drawn: tuple(drawn.items()))
    reply = st.builds(Reply, st.sampled_from(("yes", "no")))
    edit = st.builds(Edit, given.filter(bool), st.sampled_from((None, START, *NAMES)))
    said = st.one_of(reply, reply, reply, edit, edit, st.none(), given)
    turn = st.builds(Turn, said, st.just(15), backwards)
    talks = st.lists(turn, min_size=1, max_size=7).map(tuple[Turn, ...])
    spoken = st.builds(conversation, cases().map(alike), stumbles, talks, st.just("sync"))
    return st.builds(inquiring, spoken, asks)


def inquiring(drawn: Conversation, counts: Sequence[int]) -> Conversation:
    """Return a conversation whose nodes ask, added by name, as LangGraph shows them in branches."""
    asking = (
        replace(node, asks=asks) if node.fails is node.stumbles is None else node
        for node, asks in zip(drawn.graph.nodes, counts, strict=False)
    )
    nodes = tuple(sorted(asking, key=lambda node: node.name))
    names = [node.name for node in nodes]

    def known(turn: Turn) -> Turn:
        edit = turn.given
        if not isinstance(edit, Edit) or edit.node in {None, START, *names}:
            return turn
        return replace(turn, given=replace(edit, node=names[0]))

    turns = tuple(known(turn) for turn in drawn.turns)
    return replace(drawn, graph=replace(drawn.graph, nodes=nodes), turns=turns)


def conversation(
    case: Case, falls: Sequence[int | None], turns: tuple[Turn, ...], durability: str
) -> Conversation:
    """Return a conversation that begins as a case does; each node stumbles at its call."""
    nodes = tuple(
        replace(node, stumbles=call) for node, call in zip(case.graph.nodes, falls, strict=False)
    )
    branches = tuple(replace(branch, fails=None) for branch in case.graph.branches)
    graph = replace(case.graph, nodes=nodes, branches=branches)
    return Conversation(graph, (Turn(case.given, case.limit), *turns), durability)


def aimed(drawn: Conversation) -> Conversation:
    """Return a conversation whose Commands lead only to nodes that there are, and not deferred.

    Nodes are added by name: what a Command leads to, LangGraph starts sometimes in this order, and
    sometimes in that one.
    """
    nodes = tuple(sorted(drawn.graph.nodes, key=lambda node: node.name))
    names = [node.name for node in nodes if not node.defer]

    def known(turn: Turn) -> Turn:
        order = turn.given
        if not isinstance(order, Order):
            return turn
        goto = tuple(target for target in order.goto if target in names)
        return replace(turn, given=replace(order, goto=goto) if goto or order.update else None)

    turns = tuple(known(turn) for turn in drawn.turns)
    return replace(drawn, graph=replace(drawn.graph, nodes=nodes), turns=turns)


@cache  # to make a strategy takes longer than to draw from it
def graphs(names: str) -> st.SearchStrategy[Graph]:
    """Draw a graph of nodes with these names."""
    sources = st.sampled_from((START, *names))
    targets = st.sampled_from((*names, END))
    edge = st.tuples(sources, targets, rarely).map(lambda drawn: ahead(names, *drawn))
    edges = st.lists(edge, min_size=len(names) // 2, max_size=2 * len(names), unique=True)
    joining = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    join = st.builds(Join, joining.map(tuple[str, ...]), targets)
    branch = st.builds(Branch, sources, choices(names), st.booleans(), failures)
    return st.builds(
        assembled,
        st.tuples(*(nodes(name, names) for name in names)),
        edges,
        st.lists(join, max_size=2),
        st.lists(branch, max_size=3),
        st.sampled_from(names),
    )


def nodes(name: str, names: str) -> st.SearchStrategy[Node]:
    """Draw a node of a name."""
    return st.builds(
        Node,
        st.just(name),
        st.tuples(first, further).map(lambda drawn: (*drawn[0], *drawn[1])),
        st.sampled_from(FORMS),
        st.none() | choices(names),
        st.sampled_from(SCHEMAS),
        sometimes,
        failures,
    ).map(tidied)


@cache
def choices(names: str) -> st.SearchStrategy[Choice]:
    """Draw where to go by what is seen."""
    sent = st.builds(SendTo, st.sampled_from(names), digits)
    targets = st.sampled_from((*names, END, END)) | sent
    options = st.lists(targets, max_size=3).map(tuple[Target, ...])
    return st.builds(Choice, st.lists(options, min_size=1, max_size=3).map(tuple))


def assembled(
    nodes: tuple[Node, ...],
    edges: list[tuple[str, str]],
    joins: list[Join],
    branches: list[Branch],
    entry: str,
) -> Graph:
    """Return a graph with at least one way in, and without what is left out."""
    sources = {*(source for source, _ in edges), *(branch.source for branch in branches)}
    ways_in = () if START in sources else ((START, entry),)
    nodes = readable(nodes)
    return Graph(nodes, (*ways_in, *edges), tuple(joins), heard(nodes, branches))


def ahead(names: str, source: str, target: str, back: bool) -> tuple[str, str]:  # noqa: FBT001 - drawn
    """Return an edge that leads on in the order of names, but for a few that lead back or loop."""
    if back or source == START or target == END or names.index(source) < names.index(target):
        return source, target
    return (target, source) if source != target else (source, END)


def tidied(node: Node) -> Node:
    """Return a node whose form holds what it does: only a Command goes anywhere."""
    if node.form == "nothing":
        return replace(node, writes=(), goto=None)
    writes = tuple(kept(node.writes, once=node.form in {"dict", "command"}))
    goto = None if node.form == "dict" else node.goto
    if goto is not None and all(write.key != "log" for write in writes):
        goto = unsent(goto)
    return replace(node, writes=writes, goto=goto)


def kept(writes: Iterable[Write], *, once: bool) -> Iterator[Write]:
    """Yield writes without a second one of a plain key, or of any key at all."""
    seen: set[str] = set()
    for write in writes:
        if write.key not in seen or (write.key in REDUCERS and not once):
            yield write
        seen.add(write.key)


def readable(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return nodes without writes of `secret`, if none of them reads it."""
    if any(node.reads == "private" for node in nodes):
        return tuple(nodes)
    return tuple(
        replace(node, writes=tuple(write for write in node.writes if write.key != "secret"))
        for node in nodes
    )


def heard(nodes: Sequence[Node], branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """Return branches that fail or send only after nodes that write a line."""
    silent = {node.name for node in nodes if all(write.key != "log" for write in node.writes)}
    return tuple(
        replace(branch, fails=None, choice=unsent(branch.choice))
        if branch.source in silent
        else branch
        for branch in branches
    )


def unsent(choice: Choice) -> Choice:
    """Return a choice without its Sends."""
    return Choice(
        tuple(
            tuple(target for target in option if isinstance(target, str))
            for option in choice.options
        )
    )


def sends(graph: Graph) -> bool:
    """Tell whether anything in a graph sends."""
    choosing = [branch.choice for branch in graph.branches]
    choosing += [node.goto for node in graph.nodes if node.goto]
    targets = [target for choice in choosing for option in choice.options for target in option]
    return any(isinstance(target, SendTo) for target in targets)
