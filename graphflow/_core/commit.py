"""The barrier: the writes of a superstep become visible, at once and in plan order.

Everything that can fail comes first; then the state is changed. No outcome's time of arrival
has any influence here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from graphflow._core.state import RunState, Succeeded, Task
from graphflow._core.topology import Join, Node, Topology
from graphflow._record import record
from graphflow.channels import MISSING, Channel
from graphflow.errors import (
    ConcurrentUpdateError,
    InPlaceEditError,
    InvalidUpdateError,
    TooManyWritesError,
    note,
    quoted,
    shown,
)
from graphflow.types import Send

if TYPE_CHECKING:
    from graphflow._core.log import Log

_SIZED = frozenset((list, dict, set))


@record
class Edit:
    """How a barrier differs that somebody makes from outside, instead of a superstep.

    Attributes:
        follow: the outcomes whose edges are followed; those of the others are not.
        still: nodes that stay due.
        sends: Sends that stay due, before those that follow.
        source: what the checkpoint comes from.
    """

    follow: Sequence[Succeeded]
    still: Sequence[Node]
    sends: Sequence[Send]
    source: str


def commit(
    state: RunState,
    outcomes: Sequence[Succeeded],
    log: "Log | None" = None,
    edit: Edit | None = None,
) -> RunState:
    """Return the state after a superstep whose tasks ended with `outcomes`, in plan order.

    The dicts of values, sizes and joins are handed on, changed. What is to be stored of it is
    noted in `log`.

    Raises:
        InvalidUpdateError: if a channel does not take its writes, or the state was edited in place.
        CodecError: if a value cannot be stored.
        Exception: what a reducer raises, with a note.
    """
    values, sizes = state.values, state.sizes
    graph = outcomes[0].task.run.graph
    written = gather(outcomes)
    changed = folded(values, written, outcomes)
    if sizes:
        _check_untouched(state, outcomes, changed)
    due, sends, joins, waiting = _follow(state, outcomes) if edit is None else _edited(state, edit)
    after = RunState(values, sizes, due, sends, joins, waiting, state.step + 1)
    if log is not None:
        source = "loop" if edit is None else edit.source
        log.note(values, written, changed, outcomes, after, state.step, source)
    for key in graph.fading:
        if key not in changed:
            values.pop(key, None)
            sizes.pop(key, None)
    install(values, sizes, changed, graph)
    return after


def install(
    values: dict[str, Any], sizes: dict[str, int], changed: Mapping[str, Any], graph: Topology
) -> None:
    """Put new values into the state, and note the lengths of lists, dicts and sets."""
    first = False
    for key, value in changed.items():
        if value is MISSING:
            values.pop(key, None)
            sizes.pop(key, None)
            continue
        first = first or key not in values
        values[key] = value
        if type(value) in _SIZED:
            sizes[key] = len(value)
        elif key in sizes:
            del sizes[key]
    if first:
        _sort(values, graph.channels)


def _sort(values: dict[str, Any], channels: Mapping[str, Channel]) -> None:
    """Put the values into the order of the schema, under the channels' own keys.

    Done when a key has its first value, which is seldom: what reads the state never sorts.
    """
    ordered = {key: values[key] for key in channels if key in values}
    values.clear()
    values.update(ordered)


def fold(values: Mapping[str, Any], outcomes: Sequence[Succeeded]) -> dict[str, Any]:
    """Return the new values of the channels that were written to.

    Raises:
        InvalidUpdateError: if a channel does not take its writes.
        Exception: what a reducer raises, with a note.
    """
    return folded(values, gather(outcomes), outcomes)


def gather(outcomes: Sequence[Succeeded]) -> dict[str, list[Any]]:
    """Return the writes to each key, in plan order."""
    written: dict[str, list[Any]] = {}
    for done in outcomes:
        for key, value in done.writes:
            if key in written:
                written[key].append(value)
            else:
                written[key] = [value]
    return written


def folded(
    values: Mapping[str, Any], written: Mapping[str, list[Any]], outcomes: Sequence[Succeeded]
) -> dict[str, Any]:
    """Return the new values of the channels that were written to; `outcomes` are for errors.

    Raises:
        InvalidUpdateError: if a channel does not take its writes.
        Exception: what a reducer raises, with a note.
    """
    channels = outcomes[0].task.run.graph.channels
    changed: dict[str, Any] = {}
    key = ""
    try:
        for key, writes in written.items():
            changed[key] = channels[key].fold(values.get(key, MISSING), writes)
    except Exception as error:  # noqa: BLE001 - a reducer may raise anything
        _explain(error, key, written[key], outcomes)
    return changed


def _explain(
    error: Exception, key: str, writes: Sequence[object], outcomes: Sequence[Succeeded]
) -> NoReturn:
    """Raise a channel's or a reducer's error with the key and the writers."""
    writers = [done.task.node.name for done in outcomes for name, _ in done.writes if name == key]
    step = outcomes[0].task.step
    who = f"node {writers[0]!r}" if len(set(writers)) == 1 else f"the nodes {quoted(writers)}"
    if outcomes[0].task.node.rank < 0:
        who = "the input"
    if isinstance(error, TooManyWritesError):
        told = ", ".join(
            f"{name!r} wrote {shown(value)}" for name, value in zip(writers, writes, strict=True)
        )
        msg = f"key {key!r} was written {len(writes)} times in superstep {step}: {told}; {error}"
        raise ConcurrentUpdateError(msg, key, writers, writes) from None
    if type(error) is InvalidUpdateError:
        msg = f"key {key!r}, written by {who} in superstep {step}: {error}"
        raise InvalidUpdateError(msg) from None
    note(error, f"in the reducer of {key!r}, applying the writes of {who}, superstep {step}")
    raise error


def _check_untouched(
    state: RunState, outcomes: Sequence[Succeeded], changed: Mapping[str, Any]
) -> None:
    """Raise if a list, dict or set that a node or a reducer was handed has another length now.

    A changed value that is also the new value as a whole is no loss, and no error.
    """
    values, sizes = state.values, state.sizes
    for key in (*_handed_out(state, outcomes), *changed):
        if key in sizes and len(values[key]) != sizes[key] and changed.get(key) is not values[key]:
            reads = [(done.task.node.name, _read(done.task)) for done in outcomes]
            names = [name for name, keys in reads if keys is None or key in keys]
            raise InPlaceEditError(key, tuple(dict.fromkeys(names)))


def _handed_out(state: RunState, outcomes: Sequence[Succeeded]) -> Iterable[str]:
    """Return the keys that the superstep's tasks were handed, or may have been."""
    read: set[str] = set()
    for done in outcomes:
        keys = _read(done.task)
        if keys is None:
            return state.sizes
        if len(outcomes) == 1:
            return keys
        read.update(keys)
    return read


def _read(task: Task) -> Sequence[str] | None:
    """Return the keys that a task was handed, or None for all.

    What a Send carries may come from anywhere in the state, and a path function may see all of it.
    """
    return None if task.index >= 0 or task.node.branches else task.node.reader.keys


def _follow(
    state: RunState, outcomes: Sequence[Succeeded]
) -> tuple[tuple[Node, ...], Sequence[Send], dict[int, int], tuple[Node, ...]]:
    """Return the next frontier; only the out-edges of the finished tasks are looked at."""
    first = outcomes[0]
    if len(outcomes) == 1 and first.task.node.simple and not state.waiting:
        if not first.goto:
            return first.task.node.successors, (), state.joins, ()
        if len(first.goto) == 1 and not first.task.node.successors:
            (only,) = first.goto
            if isinstance(only, Node) and not only.defer:
                return (only,), (), state.joins, ()
    frontier = _Frontier(state)
    for done in outcomes:
        frontier.follow(done)
    return frontier.settled()


def _edited(
    state: RunState, edit: Edit
) -> tuple[tuple[Node, ...], Sequence[Send], dict[int, int], tuple[Node, ...]]:
    """Return the next frontier after an edit."""
    frontier = _Frontier(state)
    frontier.due.update(edit.still)
    frontier.sends += edit.sends
    for done in edit.follow:
        frontier.follow(done)
    return frontier.settled()


class _Frontier:
    """What is due next, while it is being found."""

    __slots__ = ("arrived", "due", "joins", "sends", "waiting")

    def __init__(self, state: RunState) -> None:
        self.arrived: set[Join] = set()
        self.due: set[Node] = set()
        self.sends: list[Send] = []
        self.joins = state.joins
        self.waiting = set(state.waiting)

    def follow(self, done: Succeeded) -> None:
        """Follow the edges of a task that has ended."""
        for node in done.task.node.successors:
            self.wake(node)
        for goto in done.goto:
            if isinstance(goto, Send):
                self.sends.append(goto)
            else:
                self.wake(goto)
        for join, bit in done.task.node.joins:
            self.arrive(join, bit)

    def wake(self, node: Node) -> None:
        """Let an edge wake a node."""
        (self.waiting if node.defer else self.due).add(node)

    def arrive(self, join: Join, bit: int) -> None:
        """Let one source of a join have run; how often it did in this superstep is all one."""
        self.joins[join.index] = self.joins.get(join.index, 0) | bit
        self.arrived.add(join)

    def settled(
        self,
    ) -> tuple[tuple[Node, ...], Sequence[Send], dict[int, int], tuple[Node, ...]]:
        """Return the frontier, where deferred nodes are due if nothing else is."""
        for join in self.arrived:
            if self.joins[join.index] == join.full:
                self.wake(join.target)
                if not join.target.defer:  # else it stays full until its target is due
                    del self.joins[join.index]
        due, waiting = self.due, self.waiting
        if waiting and not due and not self.sends:
            due, waiting = waiting, due
            for node in due:
                for join in node.gathers:
                    if self.joins.get(join.index) == join.full:
                        del self.joins[join.index]
        return by_rank(due), self.sends, self.joins, by_rank(waiting)


def by_rank(nodes: set[Node]) -> tuple[Node, ...]:
    """Return nodes in plan order."""
    return tuple(sorted(nodes, key=_rank)) if len(nodes) > 1 else tuple(nodes)


def _rank(node: Node) -> int:
    return node.rank
