"""Reads what is stored of a graph that a task has called: how far it is, what it had written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphflow._core.above import last_run
from graphflow._core.form import SOURCES, BarrierForm, RunForm, opened
from graphflow._core.log import Log
from graphflow._core.past import Past, replay
from graphflow._core.stored import INPUT, fetch
from graphflow._record import record
from graphflow.checkpoint.records import BARRIER, RUN
from graphflow.constants import START
from graphflow.schema import as_fields

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver


@record
class Call:
    """What is stored of a call of a graph.

    Attributes:
        past: the state of its branch.
        task: which task made it, as a space tells it.
        graph: what the graph was called.
        given: its input, in a list; an empty list if that is not known.
        done: what its supersteps wrote, those of this call, as `[node, index, key, value, ...]`.
    """

    past: Past
    task: str
    graph: list[str]
    given: list[Any]
    done: Sequence[list[Any]]


def read_call(
    store: "BaseCheckpointSaver", *, log: Log, branch: int, upto: int | None
) -> Call | None:
    """Read what is stored of a graph's last call; None if there was none by a record.

    Raises:
        CheckpointError: if it cannot be read.
    """
    stored = fetch(store, log.ledger.thread, branch, upto)
    assert stored is not None, "the thread has records"
    past = replay(log.codec, stored)
    if past.checkpoint is None:
        return None
    told: Mapping[str, Any] = last_run(store, log, past).call or {}
    task, given, done = str(told.get("task", "")), list[Any](), list[list[Any]]()
    behind: list[list[Any]] = []  # what was written after a run that is still to be read
    for form in _backwards(store, log, past):
        if isinstance(form, BarrierForm):
            edited = SOURCES[form.source] == "update"  # as START, too, then
            behind[:0] = [one for one in form.tasks if edited or one[0] not in (START, "")]
            continue
        done, behind = [*behind, *done], []
        if form.source == INPUT or (form.call or {}).get("begins"):
            given = form.given
            break
    return Call(past, task, told.get("graph", []), given, [*behind, *done])


def _backwards(
    store: "BaseCheckpointSaver", log: Log, past: Past
) -> Iterator[BarrierForm | RunForm]:
    """Yield the runs and the barriers that led to a state, the last one first."""
    for stretch in past.stored.line:
        for entry in store.records(
            log.ledger.thread, branch=stretch.branch.id, upto=stretch.upto, newest_first=True
        ):
            if entry.kind == BARRIER:
                yield BarrierForm.read(entry, opened(log.codec, entry))
            elif entry.kind == RUN:
                yield RunForm.read(entry, opened(log.codec, entry))


def same_input(recorded: Sequence[object], given: object) -> bool:
    """Tell whether an input is the recorded one; what cannot be compared is taken to be."""
    try:
        return not recorded or bool(recorded[0] == as_fields(given))
    except Exception:  # noqa: BLE001 - a value's own comparison may raise anything
        return True
