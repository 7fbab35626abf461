"""The form of each kind of record: what the log of a thread says, to be packed and unpacked.

A form is written as a plain list, whose places are named in the class that reads it again. The
codec packs it, and around that is a frame; `docs/format.md` describes all of it byte by byte.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from graphflow._change import Change
from graphflow._core.state import Succeeded, Task, Up
from graphflow._core.topology import Node
from graphflow._record import record
from graphflow.checkpoint._frame import unframed
from graphflow.checkpoint.records import Record
from graphflow.errors import DamagedCheckpointError
from graphflow.types import Send

if TYPE_CHECKING:
    from graphflow.checkpoint.codec import Codec

F = TypeVar("F")

Place: TypeAlias = tuple[str, int]
"""A task within its superstep: the node's name, and the number of its Send, or -1."""

SOURCES: Final = ("loop", "input", "update", "fork", "resume")
"""What a checkpoint came from, as its metadata say it; stored as a number."""

RAN: Final = -2
"""A task's index in the barrier of a run that stores at its end, which tells no writes."""


def opened(codec: "Codec", entry: Record) -> Any:  # noqa: ANN401 - a form, which its class checks
    """Return the form in a record.

    Raises:
        CheckpointError: if it is damaged, or was written by a newer graphflow.
    """
    return codec.unpack(unframed(entry.data, entry.seq))


def places_of(form: Any) -> list[Any]:  # noqa: ANN401 - what was read
    """Return the places of a form; none, if it is no form."""
    kind: Any = list  # not narrowed to by type checkers, which would know too little of it
    return form if type(form) is kind else []


def read_form(
    cls: Callable[..., F], entry: Record, form: object, *wanted: type | tuple[type, ...]
) -> F:
    """Return a form as an instance of its class, if its places hold what they must."""
    return cls(entry.seq, *_checked(entry, form, wanted))


def _checked(entry: Record, form: object, wanted: Sequence[type | tuple[type, ...]]) -> list[Any]:
    """Return the places of a form, as many as are wanted.

    Raises:
        DamagedCheckpointError: if they do not hold what they must.
    """
    places = places_of(form)
    if len(places) >= len(wanted) and all(map(isinstance, places, wanted)):
        return places[: len(wanted)]
    msg = f"record {entry.seq} of the thread is damaged: it has not the form of its kind"
    raise DamagedCheckpointError(msg)


# --------------------------------------------------------------------------------------- a run


@record
class RunForm:
    """A run that began.

    Attributes:
        seq: the record's number.
        at: when, in microseconds since 1970.
        source: a number of `SOURCES`; an input is a checkpoint of its own, a resume is not.
        step: the input's step.
        run_id: the run's id.
        metadata: what its checkpoints have beside source, step and parents.
        given: the input, in a list; an empty list if it has none.
        call: for a graph that a task of another runs, what tells which call it is: the `task`, as
            a space tells it, the `graph`'s name and nodes, the `parents`, the checkpoints around
            it by their namespaces, and whether it `begins`, with an input. Else None.
    """

    seq: int
    at: int
    source: int
    step: int
    run_id: str
    metadata: dict[str, Any]
    given: list[Any]
    call: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, entry: Record, form: object) -> "RunForm":
        """Return a form that was read."""
        usual = (int, int, int, str, dict, list)
        inside = len(places_of(form)) > len(usual)
        return read_form(cls, entry, form, *usual, *((dict,) if inside else ()))


# ----------------------------------------------------------------------------------- a barrier


@record
class BarrierForm:
    """A superstep that ended.

    Attributes:
        seq: the record's number.
        since: when, in microseconds after its run began.
        step: its number within the thread.
        run: the record of its run; stored as 0 if that is the record before.
        tasks: for each task in plan order `[node, index, key, value, key, value, ...]`.
        changes: what became of each channel that changed; stored without the keys of those that
            its tasks wrote, see `in_order`.
        due: the nodes that are due next, by name.
        written: the writes of the tasks to each key, in plan order; not stored as such.
        source: a number of `SOURCES`.
        sends: the Sends that are due next, as `[node, arg]`.
        joins: the half-filled joins, as `[id, kind, payload]`.
        waiting: the deferred nodes that wait, by name.
        up: what a graph inside another has said to those around it, as it was left; see `up_form`.
    """

    seq: int
    since: int
    step: int
    run: int
    tasks: list[list[Any]]
    changes: dict[str, Change]
    due: list[str]
    written: dict[str, list[Any]]
    source: int = 0
    sends: Sequence[list[Any]] = ()
    joins: Sequence[list[Any]] = ()
    waiting: Sequence[str] = ()
    up: Sequence[list[Any]] = ()

    @classmethod
    def read(cls, entry: Record, form: object) -> "BarrierForm":
        """Return a form that was read; its last places are there only if one is needed."""
        places = len(places_of(form))
        wanted = _USUAL if places <= len(_USUAL) else _WHOLE if places <= len(_WHOLE) else _LEFT
        since, step, run, tasks, codes, due, *rest = _checked(entry, form, wanted)
        written = gathered(tasks)
        changes, seq = by_key(entry, written, codes), entry.seq
        return cls(seq, since, step, run or seq - 1, tasks, changes, due, written, *rest)


_USUAL: Final = (int, int, int, list, list, list)
_WHOLE: Final = (*_USUAL, int, list, list, list)
_LEFT: Final = (*_WHOLE, list)

ALL_SOURCES: Final = 0
"""The kind of a join whose payload is the list of the sources that have arrived."""


def in_order(tasks: Sequence[Sequence[Any]], changes: dict[str, Change]) -> list[Any]:
    """Return changes without their keys, in the order in which tasks wrote to them first.

    What is left, of channels that faded or that no task is known to have written, is a dict at
    the end. A key in every record of a long thread would be a tenth of its bytes.
    """
    if len(tasks) == 1 and [*changes] == tasks[0][2::2]:
        return [*changes.values()]  # as with nearly every superstep
    rest = dict(changes)
    codes: list[Any] = [rest.pop(key) for key in gathered(tasks) if key in rest]
    return [*codes, rest] if rest else codes


def by_key(entry: Record, written: Mapping[str, object], codes: list[Any]) -> dict[str, Change]:
    """Return changes with their keys: those that tasks have written, and those at the end.

    Raises:
        DamagedCheckpointError: if there are others than the tasks' writes ask for.
    """
    rest: dict[str, Change] = codes.pop() if codes and isinstance(codes[-1], dict) else {}
    if len(written) != len(codes):
        msg = f"record {entry.seq} of the thread is damaged: its changes do not fit its writes"
        raise DamagedCheckpointError(msg)
    changes = dict(zip(written, codes, strict=True))
    changes.update(rest)
    return changes


def gathered(tasks: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the writes of tasks by key; each is `[node, index, key, value, ...]`."""
    written: dict[str, list[Any]] = {}
    for task in tasks:
        for place in range(2, len(task) - 1, 2):
            key = task[place]
            if key in written:
                written[key].append(task[place + 1])
            else:
                written[key] = [task[place + 1]]
    return written


def values_in(
    tasks: Sequence[Sequence[Any]], changes: Mapping[str, Change], sends: Sequence[Send]
) -> list[Any]:
    """Return all that a barrier's form holds of the application."""
    values: list[Any] = []
    for task in tasks:
        values += task[3::2]
    for change in changes.values():
        if type(change) is not int:
            values.append(change)
    if sends:
        values += [send.arg for send in sends]
    return values


def pairs_of(task: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the writes of `[node, index, key, value, ...]` as pairs of key and value."""
    return [(task[place], task[place + 1]) for place in range(2, len(task) - 1, 2)]


def written_by(done: Succeeded) -> list[Any]:
    """Return `[node, index, key, value, ...]`."""
    task = done.task
    form: list[Any] = [task.node.name, task.index]
    for write in done.writes:
        form += write
    return form


def tracked(task: Sequence[Any], untracked: frozenset[str]) -> list[Any]:
    """Return `[node, index, key, value, ...]` without the keys that no checkpoint keeps."""
    kept = [*task[:2]]
    for write in pairs_of(task):
        if write[0] not in untracked:
            kept += write
    return kept


def names(nodes: Sequence[Node]) -> list[str]:
    """Return the names of nodes."""
    return [node.name for node in nodes]


def aimed(goto: "Sequence[Node | Send]") -> list[Any]:
    """Return destinations: a node as its name, a Send as `[node, arg]`."""
    return [[one.node, one.arg] if isinstance(one, Send) else one.name for one in goto]


# ------------------------------------------------------------------------------ a task's record


@record
class TaskForm:
    """A task that ended while its superstep went on.

    Attributes:
        seq: the record's number.
        writes: `[node, index, key, value, ...]`.
        goto: where its Command and its conditional edges lead, see `aimed`.
        whole: whether its conditional edges have run, too.
        up: what it has said to graphs around its own, see `up_form`.
    """

    seq: int
    writes: list[Any]
    goto: list[Any]
    whole: bool
    up: Sequence[list[Any]] = ()

    @classmethod
    def read(cls, entry: Record, form: object) -> "TaskForm":
        """Return a form that was read."""
        usual = (list, list, bool)
        left = len(places_of(form)) > len(usual)
        return read_form(cls, entry, form, *usual, *((list,) if left else ()))

    @property
    def place(self) -> Place:
        """Which task it is."""
        return self.writes[0], self.writes[1]

    def pairs(self) -> list[tuple[str, Any]]:
        """Return what it wrote as pairs of key and value."""
        return pairs_of(self.writes)


def place_of(task: Task) -> Place:
    """Return which task it is within its superstep."""
    return task.node.name, task.index


def task_form(done: Succeeded, *, whole: bool) -> list[Any]:
    """Return the form of a task's record."""
    writes = tracked(written_by(done), done.task.run.graph.untracked)
    form = [writes, aimed(done.goto), whole]
    return [*form, [up_form(up) for up in done.up]] if done.up else form


def up_form(up: Up) -> list[Any]:
    """Return what was said to a graph around another: `[levels, goto, key, value, ...]`."""
    form: list[Any] = [up.levels, aimed(up.goto)]
    for write in up.writes:
        form += write
    return form


def metadata_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the checkpoints of a run say of it, beside source, step and parents.

    It is all of the config's `metadata`, then the words, numbers and truth values of its
    `configurable`: what else is there is for nodes, and need not be anything that can be stored.
    What has the name of a secret is not stored, for a store is read by others than nodes.
    """
    kept = {key: value for key, value in config.get("metadata", {}).items() if _is_free(key)}
    for key, value in config.get("configurable", {}).items():
        if type(value) in _PLAIN and _is_free(key) and not _is_secret(key):
            kept.setdefault(key, value)
    return kept


_PLAIN: Final = (str, int, float, bool)
_OWN: Final = frozenset(
    ("source", "step", "parents", "thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map")
)


_SECRETS: Final = frozenset(
    ("secret", "secrets", "token", "password", "passwd", "apikey", "credential", "credentials")
)


def _is_secret(key: object) -> bool:
    """Tell whether a name is one that secrets have, such as `api_key` or `access-token`."""
    name = str(key).lower().replace("-", "_")
    return "api_key" in name or not _SECRETS.isdisjoint(name.split("_"))


def _is_free(key: object) -> bool:
    """Tell whether metadata may have a key: not one that a checkpoint has by itself."""
    if not isinstance(key, str):
        return True
    return key not in _OWN and not key.startswith(("__", "langgraph_"))
