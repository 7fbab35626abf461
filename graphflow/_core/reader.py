"""What is needed to read one thread, and the graphs inside it: which branch a namespace means."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.form import BarrierForm, Place, RunForm, opened
from graphflow._core.past import Past, replay
from graphflow._core.spaces import Space, inside_branch, read_space
from graphflow._core.stop_form import StopForm
from graphflow._core.stored import ENDLESS, fetch, line_of
from graphflow._record import record
from graphflow.channels import MISSING
from graphflow.checkpoint.records import RUN, STOP, Branch
from graphflow.constants import START

if TYPE_CHECKING:
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec


@record
class Known:
    """What is known of a graph whose states are read.

    Attributes:
        graph: tells the keys and the order of the nodes; None if it is not known.
        codec: unpacks what is stored of it.
        inner: returns what is known of the graph that a node of it runs, by the node's name and
            what the graph was called; None for a node that is known to run none.
        saved: whether anything of it is stored, inside another.
    """

    graph: "Topology | None"
    codec: "Codec"
    inner: "Callable[[str, list[str]], Known | None]"
    saved: bool = True


@record
class Reader:
    """Reads a thread, or a graph inside it.

    Attributes:
        store: where it is.
        known: what is known of the graph.
        thread: the thread's id.
        ns: the namespace of a graph inside another, or "".
        branch: the last branch of that, or None for the thread's current one.
        path: the names of the nodes that lead to that.
    """

    store: "BaseCheckpointSaver"
    known: Known
    thread: str
    ns: str = ""
    branch: Branch | None = None
    path: tuple[str, ...] = ()

    @property
    def codec(self) -> "Codec":
        """Unpacks what is stored."""
        return self.known.codec

    @property
    def graph(self) -> "Topology | None":
        """The graph."""
        return self.known.graph

    def past(self, branch: int | None = None, seq: int | None = None) -> Past | None:
        """Return a state: of a record of a branch, or the last one."""
        if branch is None and self.branch is not None:
            branch = self.branch.id
        stored = fetch(self.store, self.thread, branch, seq)
        return None if stored is None else replay(self.codec, stored)

    def branches(self) -> Sequence[Branch]:
        """Return all branches of the thread."""
        return self.store.branches(self.thread)

    def own(self) -> dict[int, int]:
        """Return the branches whose checkpoints are this graph's, each with the last that is."""
        space, branches = "" if self.branch is None else self.branch.ns, self.branches()
        own = {each.id: ENDLESS for each in branches if each.ns == space}
        for each in branches:  # what is in others that they come from
            if each.id in own and each.parent:
                for stretch in line_of(branches, each.parent, each.fork):
                    last = own.get(stretch.branch.id, 0)
                    own[stretch.branch.id] = max(last, stretch.upto)
        return own

    def has(self, branch: int, seq: int) -> bool:
        """Tell whether a record is of this graph, and not of one inside or around it."""
        return 0 < seq <= self.own().get(branch, 0)

    def inside(self, space: Space, branch: Branch, epoch: int) -> "Reader":
        """Return what reads a graph that was run in a branch of this one."""
        told = _called(self.store, self.codec, self.thread, branch)
        known: Known | None = self.known
        levels = space.levels[len(self.path) :] if space.levels[0].lasting else space.levels
        for level in levels:
            known = None if known is None else known.inner(level.node, told)
        found = known or Known(None, self.codec, _nothing)
        part = space.part(self.thread, epoch)
        if space.first.lasting:
            return Reader(self.store, found, self.thread, part, branch, space.path)
        ns = f"{self.ns}|{part}" if self.ns else part
        return Reader(self.store, found, self.thread, ns, branch, (*self.path, *space.path))

    def memories(self, branches: Sequence[Branch], node: str) -> list[tuple[Space, Branch]]:
        """Return the graphs whose memory is that of a node of this one, wherever they were run."""
        path = (*self.path, node)
        found: dict[str, tuple[Space, Branch]] = {}
        for branch in branches:
            if branch.ns and (space := read_space(branch.ns)).first.lasting and space.path == path:
                found[branch.ns] = space, branch
        return [*found.values()]


def _nothing(node: str, told: list[str]) -> None:
    """Know nothing of the graphs that nodes of an unknown graph run."""
    del node, told


def _called(store: "BaseCheckpointSaver", codec: "Codec", thread: str, branch: Branch) -> list[str]:
    """Return what the graph of a branch was called, by the first run that the branch tells of."""
    source, upto = branch.id, None
    for _ in range(_FORKS):
        for entry in store.records(thread, branch=source, upto=upto):
            if entry.kind == RUN:
                call = RunForm.read(entry, opened(codec, entry)).call or {}
                return [*call.get("graph", [])]
        found = {each.id: each for each in store.branches(thread)}.get(source)
        if found is None or not found.parent:
            break
        source, upto = found.parent, found.fork
    return []


_FORKS: Final = 100


def at_namespace(reader: Reader, ns: str) -> Reader | None:
    """Return what reads the graph of a namespace; None if the thread has none there."""
    way = way_to(reader, ns)
    return None if way is None else way[-1][2] if way else reader


def way_to(reader: Reader, ns: str) -> list[tuple[Space, Branch, Reader]] | None:
    """Return the graphs that lead to a namespace, the outermost first, with what reads each.

    Returns:
        None if the thread has none there.
    """
    left, here = ns, reader
    way: list[tuple[Space, Branch, Reader]] = []
    while left:
        best = _best(here, left, _inside(here)) or _best(here, left, _inside_of_old(here))
        if best is None:
            return None
        left, space, branch, epoch = best
        here = here.inside(space, branch, epoch)
        way.append((space, branch, here))
    return way


def _best(
    reader: Reader, ns: str, found: Iterable[tuple[Space, Branch, int]]
) -> tuple[str, Space, Branch, int] | None:
    """Return which of some graphs leads nearest to a namespace, after what is left of that."""
    best: tuple[str, Space, Branch, int] | None = None
    for space, branch, epoch in found:
        rest = _behind(ns, space.part(reader.thread, epoch), space)
        if rest is not None and (best is None or len(rest) < len(best[0])):
            best = rest, space, branch, epoch  # the memory of a node may be deep inside
    return best


def _inside_of_old(reader: Reader) -> Iterator[tuple[Space, Branch, int]]:
    """Yield the graphs that were run inside one by runs that stored at their end only.

    The ids of the tasks of each such run tell its epoch, as does what is stored if it has failed.
    """
    branches = reader.branches()
    for outer in reader.own():
        if found := inside_branch(branches, outer):
            stops = reader.store.records(reader.thread, branch=outer)
            forms = [(one, opened(reader.codec, one)) for one in stops if one.kind == STOP]
            epochs = {StopForm.read(entry, form).epoch for entry, form in forms}
            yield from ((*each, epoch) for epoch in epochs if epoch for each in found)


def _inside(reader: Reader) -> Iterator[tuple[Space, Branch, int]]:
    """Yield the graphs that were run inside one, those of its current branch first."""
    branches = reader.branches()
    own = reader.own()
    head = reader.store.head(reader.thread)
    current = head.branch if reader.branch is None and head is not None else None
    order = sorted(own, key=lambda each: (each != current, -_made(branches, each)))
    for outer in order:
        found = inside_branch(branches, outer)
        for space, branch in found:
            yield space, branch, 0
        past = reader.past(outer) if found else None
        if past is not None and past.epoch is not None:
            for space, branch in found:
                yield space, branch, past.epoch


def _made(branches: Sequence[Branch], branch: int) -> int:
    """Return the place of a branch among all, in the order in which they were made."""
    return next(place for place, each in enumerate(branches) if each.id == branch)


def _behind(ns: str, part: str, space: Space) -> str | None:
    """Return what of a namespace is behind a part of it; None if it does not begin so."""
    if space.first.lasting:  # users may give it with tasks' ids, as of any other graph
        tokens = ns.split("|")
        own = part.count("|") + 1
        ns = "|".join([*(one.partition(":")[0] for one in tokens[:own]), *tokens[own:]])
    if ns == part:
        return ""
    rest = ns.removeprefix(f"{part}|")
    if rest == ns or rest.partition("|")[0].isdecimal():
        return None
    return rest


def due_in(graph: "Topology | None", last: "RunForm | BarrierForm") -> list[Place]:
    """Return the tasks that are due after a checkpoint: Sends, then nodes as they were added."""
    if isinstance(last, RunForm):
        return [(START, -1)]
    order = {} if graph is None else {name: place for place, name in enumerate(graph.added)}
    names = sorted(last.due, key=lambda name: order.get(name, len(order)))
    return [*((send[0], index) for index, send in enumerate(last.sends)), *((n, -1) for n in names)]


def values_in(graph: "Topology | None", values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the graph's keys, in the order of its schema."""
    if graph is None:
        return dict(values)
    shown: dict[str, Any] = {}
    fresh = dict(graph.starts)
    for key in graph.channels:
        if key in values:
            shown[key] = values[key]
        elif key in fresh and (value := fresh[key]()) is not MISSING:
            shown[key] = value
    return shown
