"""What a thread is, and was: snapshots of its checkpoints, for `get_state` and the history.

These functions read a store and run nothing of the application: what the tasks of a superstep
that failed would change was found out when it failed, and is stored with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from graphflow import _change
from graphflow._core.asking import STALE, Question, interrupt_of
from graphflow._core.checkpoints import config_of, metadata_of
from graphflow._core.form import (
    SOURCES,
    BarrierForm,
    Place,
    RunForm,
    TaskForm,
    gathered,
    opened,
    pairs_of,
)
from graphflow._core.ids import origin_of, task_id
from graphflow._core.manifest import LIST
from graphflow._core.past import Past
from graphflow._core.reader import Reader, due_in, values_in
from graphflow._core.spaces import Space, inside_branch, of_task
from graphflow._core.stop_form import StopForm
from graphflow._core.stored import INPUT, fetch, parents_of, run_at
from graphflow._core.trace import PULL, PUSH, result_of
from graphflow._iso import iso
from graphflow._record import record
from graphflow.checkpoint.records import BARRIER, RUN, STOP, TASK, Branch, Record
from graphflow.config import RunnableConfig
from graphflow.errors import HistoryPrunedError
from graphflow.types import PregelTask, StateSnapshot

if TYPE_CHECKING:
    from graphflow._core.state import Write
    from graphflow._core.topology import Topology


def state_now(reader: Reader, *, subgraphs: bool = False) -> StateSnapshot | None:
    """Return the thread as it is, with what finished tasks of a failed superstep wrote.

    Args:
        reader: reads it.
        subgraphs: whether its tasks have the states of the graphs that they run, and not only
            configs that name them.
    """
    past = reader.past()
    if past is None or past.checkpoint is None:
        return None
    outcome = _Outcome()
    for form in past.tasks.values():
        outcome.returned[form.place] = form.pairs()
    outcome.errors, outcome.asked = past.errors, past.waiting
    outcome.epoch = past.epoch or 0
    values = values_in(reader.graph, _with_preview(past))
    left = {place for place in _places(reader.graph, past) if _is_left(past, place)}
    last = past.checkpoint
    return _snapshot(
        reader,
        past.branch,
        last,
        outcome,
        lambda: values,
        left,
        subgraphs=subgraphs,
        owner=past.place[0],
    )


def state_at(
    reader: Reader, branch: int, seq: int, *, subgraphs: bool = False
) -> StateSnapshot | None:
    """Return one checkpoint as it was stored; None if there is no such one."""
    rows = iter(reader.store.records(reader.thread, branch=branch, after=seq - 1))
    first = next(rows, None)
    if first is None or first.seq != seq:
        return None
    last = _checkpoint_in(first, opened(reader.codec, first))
    if last is None:
        return None
    outcome = _Outcome()
    tail: list[tuple[Record, Any]] = []
    for entry in rows:
        form = opened(reader.codec, entry)
        after = _checkpoint_in(entry, form)
        if after is not None:
            outcome = _returned(after)
            break
        tail.append((entry, form))
    for entry, form in reversed(tail):
        outcome.add(entry, form)
    return _snapshot(
        reader,
        branch,
        last,
        outcome,
        lambda: _values_at(reader, branch, seq),
        subgraphs=subgraphs,
    )


def history(
    reader: Reader, *, upto: int | None = None, wanted: Mapping[str, Any] | None = None
) -> Iterator[StateSnapshot]:
    """Yield a thread's checkpoints, the newest first, all branches together.

    Args:
        reader: reads the thread.
        upto: only checkpoints up to this record.
        wanted: what the metadata must be equal to, by key.
    """
    shared = _Values(reader)
    runs: dict[int, RunForm] = {}
    after: dict[int, _Outcome] = {}
    own = reader.own()
    for entry in reader.store.records(reader.thread, newest_first=True):
        if entry.seq > own.get(entry.branch, 0):
            continue  # a graph inside, or around
        outcome = after.setdefault(entry.branch, _Outcome())
        form = opened(reader.codec, entry)
        last = _checkpoint_in(entry, form)
        if last is None:
            outcome.add(entry, form)
            continue
        after[entry.branch] = _returned(last)
        if upto is not None and entry.seq > upto:
            continue
        values = shared.at(entry.branch, entry.seq)
        shown = _snapshot(reader, entry.branch, last, outcome, values, None, runs)
        if not wanted or _matches(shown.metadata, wanted):
            yield shown


def _checkpoint_in(entry: Record, form: Any) -> RunForm | BarrierForm | None:  # noqa: ANN401 - a form
    """Return the checkpoint that a record is, or None for one that is none."""
    if entry.kind == BARRIER:
        return BarrierForm.read(entry, form)
    if entry.kind == RUN:
        run = RunForm.read(entry, form)
        return run if run.source == INPUT else None
    return None


def _matches(metadata: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether metadata have all that is wanted."""
    return metadata is not None and all(
        key in metadata and metadata[key] == value for key, value in wanted.items()
    )


class _Outcome:
    """What became of the tasks of one superstep.

    Attributes:
        returned: what they wrote.
        errors: how their errors are shown.
        asked: what they asked last.
        epoch: what is part of their ids, see `origin_of`.
    """

    __slots__ = ("asked", "epoch", "errors", "returned")

    def __init__(self) -> None:
        self.returned: dict[Place, list[Write]] = {}
        self.errors: dict[Place, str] = {}
        self.asked: Mapping[Place, Sequence[Question]] = {}
        self.epoch = 0

    def add(self, entry: Record, form: object) -> None:
        """Take in a record that is no checkpoint, after those that were stored later."""
        if entry.kind == TASK:
            task = TaskForm.read(entry, form)
            self.returned.setdefault(task.place, task.pairs())
        elif entry.kind == STOP:
            stop = StopForm.read(entry, form)
            self.errors = {**stop.errors(), **self.errors}
            self.asked = {**stop.questions(), **self.asked}
            self.epoch = self.epoch or stop.epoch


def _returned(last: "RunForm | BarrierForm") -> _Outcome:
    """Return what a barrier tells of the tasks before it."""
    outcome = _Outcome()
    if isinstance(last, BarrierForm):
        for task in last.tasks:
            outcome.returned[task[0], task[1]] = pairs_of(task)
    return outcome


# -------------------------------------------------------------------------------- one snapshot


def _snapshot(  # noqa: PLR0913, PLR0917 - what one snapshot is made of
    reader: Reader,
    branch: int,
    last: RunForm | BarrierForm,
    outcome: _Outcome,
    values: Callable[[], dict[str, Any]],
    left: set[Place] | None = None,
    runs: dict[int, RunForm] | None = None,
    *,
    subgraphs: bool = False,
    owner: int | None = None,
) -> StateSnapshot:
    """Return a checkpoint as the user sees it; its branch may come from its owner's."""
    thread = reader.thread
    run = last if isinstance(last, RunForm) else _run(reader, last.run, runs)
    at = run.at if isinstance(last, RunForm) else run.at + last.since
    around = parents_of(reader.store, reader.codec, thread, run.call)
    origin = origin_of(thread, branch, outcome.epoch)
    inner = _Inner(reader, branch, last.step + 1, outcome, subgraphs=subgraphs)
    due = due_in(reader.graph, last)
    tasks = tuple(
        PregelTask(
            id=task_id(origin, last.step + 1, *place),
            name=place[0],
            path=(PULL, place[0]) if place[1] < 0 else (PUSH, place[1], False),
            error=outcome.errors.get(place),
            result=result_of(outcome.returned[place]) if place in outcome.returned else None,
            interrupts=tuple(
                interrupt_of(one) for one in outcome.asked.get(place, ()) if one.id != STALE
            ),
            state=inner.of(place, task_id(origin, last.step + 1, *place)),
        )
        for place in due
    )
    shown = [place[0] for place in due if left is None or place in left]
    owner = owner or branch
    parent = _parent(reader, owner, last.seq)
    return StateSnapshot(
        values=values,
        next=tuple(shown),
        config=config_of(thread, owner, last.seq, reader.ns, around),
        metadata=metadata_of(SOURCES[last.source], last.step, run.metadata, around),
        created_at=iso(at),
        parent_config=None if parent is None else config_of(thread, *parent, reader.ns, around),
        tasks=tasks,
        interrupts=tuple(one for task in tasks for one in task.interrupts),
    )


class _Inner:
    """Tells of the graphs that the tasks of a superstep run."""

    def __init__(
        self, reader: Reader, branch: int, step: int, outcome: _Outcome, *, subgraphs: bool
    ) -> None:
        self._reader = reader
        self._branch = branch
        self._step = step
        self._outcome = outcome
        self._whole = subgraphs
        self._branches: Sequence[Branch] = ()
        self._spaces: list[tuple[Space, Branch]] | None = None

    def of(self, place: Place, task: str) -> RunnableConfig | StateSnapshot | None:
        """Return the state of the graph that a task runs, or the config that names it.

        Of several graphs it is the one that waits for an answer, or the one that was run last.
        """
        reader = self._reader
        if self._spaces is None:
            self._branches = reader.branches()
            self._spaces = inside_branch(self._branches, self._branch)
        found = of_task(self._spaces, place[0], self._step, place[1])
        found = found or reader.memories(self._branches, place[0])
        if not found:
            return self._not_begun(place, task)
        asks = {one.inner[0][0] for one in self._outcome.asked.get(place, ()) if one.inner}
        space, branch = next((one for one in found if one[1].id in asks), found[-1])
        inner = reader.inside(space, branch, self._outcome.epoch)
        if not self._whole:
            return {"configurable": {"thread_id": reader.thread, "checkpoint_ns": inner.ns}}
        return state_now(inner, subgraphs=True)

    def _not_begun(self, place: Place, task: str) -> RunnableConfig | StateSnapshot | None:
        """Return what is shown of a node that is a graph which has not begun, or is not stored."""
        reader = self._reader
        node = None if reader.graph is None else reader.graph.nodes.get(place[0])
        known = None if node is None or node.child is None else reader.known.inner(place[0], [])
        if known is None or not known.saved:
            return None
        part = f"{place[0]}:{task}"
        ns = f"{reader.ns}|{part}" if reader.ns else part
        config: RunnableConfig = {"configurable": {"thread_id": reader.thread, "checkpoint_ns": ns}}
        if not self._whole:
            return config
        return StateSnapshot(
            values={},
            next=(),
            config=config,
            metadata=None,
            created_at=None,
            parent_config=None,
            tasks=(),
            interrupts=(),
        )


def _run(reader: Reader, seq: int, known: dict[int, RunForm] | None) -> RunForm:
    """Return the run that a checkpoint is part of."""
    runs = {} if known is None else known
    if seq not in runs:
        runs[seq] = run_at(reader.store, reader.codec, reader.thread, seq)
    return runs[seq]


def _parent(reader: Reader, branch: int, seq: int) -> tuple[int, int] | None:
    """Return the checkpoint before a record, as branch and number."""
    for after in (max(seq - _NEAR, 0), 0):  # nearly always it is the record before
        rows = reader.store.records(
            reader.thread, branch=branch, after=after, upto=seq - 1, newest_first=True
        )
        for entry in rows:
            if entry.kind == BARRIER:
                return branch, entry.seq
            if entry.kind == RUN and opened(reader.codec, entry)[1] == INPUT:
                return branch, entry.seq
    for each in reader.store.branches(reader.thread):
        if each.id == branch and each.parent:
            return _owner(reader.store.branches(reader.thread), each)
    return None


_NEAR: Final = 8


def _owner(branches: Sequence[Branch], child: Branch) -> tuple[int, int]:
    """Return the checkpoint that a branch was forked from: its record may be an elder one's."""
    known = {each.id: each for each in branches}
    parent = known.get(child.parent)
    while parent is not None and parent.parent and parent.fork >= child.fork:
        parent = known.get(parent.parent)
    return (child.parent if parent is None else parent.id), child.fork


# ------------------------------------------------------------------------------------- values


def _values_at(reader: Reader, branch: int, seq: int) -> dict[str, Any]:
    """Return the values of one checkpoint.

    Raises:
        HistoryPrunedError: if the thread was deleted meanwhile.
    """
    past = reader.past(branch, seq)
    if past is None:
        raise HistoryPrunedError(_DELETED)
    return values_in(reader.graph, past.values)


_DELETED: Final = "the thread was deleted while its history was read"


class _Values:
    """Reads the values of checkpoints when somebody asks for them.

    What lies between two snapshots of a branch is read once for all its checkpoints, of which a
    history asks for one after the other.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._window: dict[tuple[int, int], dict[str, Any]] = {}

    def at(self, branch: int, seq: int) -> Callable[[], dict[str, Any]]:
        """Return what reads the values of one checkpoint."""

        def read() -> dict[str, Any]:
            if (branch, seq) not in self._window:
                self._window = _window(self._reader, branch, seq)
            parts = self._window[branch, seq]
            values = {
                key: part.of() if isinstance(part, _Prefix) else part for key, part in parts.items()
            }
            return values_in(self._reader.graph, values)

        return read


@record
class _Prefix:
    """The beginning of a list that was appended to since.

    Attributes:
        items: the list.
        length: how long it was.
    """

    items: list[Any]
    length: int

    def of(self) -> list[Any]:
        """Return the list as it was."""
        return self.items[: self.length]


def _window(reader: Reader, branch: int, seq: int) -> dict[tuple[int, int], dict[str, Any]]:
    """Return the values of a checkpoint, and of those between it and the snapshot before it."""
    stored = fetch(reader.store, reader.thread, branch, seq)
    if stored is None:
        raise HistoryPrunedError(_DELETED)
    past = Past(reader.codec, stored)
    window: dict[tuple[int, int], dict[str, Any]] = {}
    for entry in stored.records:
        past.add(reader.codec, entry, keep=True)
        if past.checkpoint is not None and past.checkpoint.seq == entry.seq:
            window[entry.branch, entry.seq] = {
                key: _Prefix(value, len(value)) if type(value) is LIST else value
                for key, value in past.values.items()
            }
    return window


def _places(graph: "Topology | None", past: Past) -> list[Place]:
    """Return the tasks that are due in a state."""
    last = past.checkpoint
    return [] if last is None else due_in(graph, last)


def _is_left(past: Past, place: Place) -> bool:
    """Tell whether a task is still to run, or its writes are still to be taken."""
    form, stop = past.tasks.get(place), past.stop
    if form is None or not form.whole:
        return True
    return stop is not None and place in stop.errors() and stop.seq > form.seq


def _with_preview(past: Past) -> dict[str, Any]:
    """Return the values with what tasks of the failed superstep wrote, as was found out then."""
    stop = past.stop
    if stop is None or not stop.changes:
        return past.values
    blamed = stop.errors()
    shown = [
        form
        for form in past.tasks.values()
        if form.seq < stop.seq and not (form.whole and form.place in blamed)
    ]
    shown.sort(key=lambda form: (form.place[1], form.place[0]))
    written = gathered([form.writes for form in shown])
    for key, change in stop.changes.items():
        _change.apply(past.values, key, change, written.get(key, ()))
    return past.values
