"""Begins a thread with the state of another: one checkpoint that holds all of it."""

from typing import TYPE_CHECKING, Any

from graphflow import _change
from graphflow._core.effects import Enter, Load, Program
from graphflow._core.opening import due_again, read_thread, state_of, take_place
from graphflow._core.past import Past
from graphflow._core.state import Frontier, Run
from graphflow._core.unfinished import carried
from graphflow._core.update import Editor, Update
from graphflow._record import record
from graphflow.checkpoint.records import BARRIER, RUN
from graphflow.errors import CheckpointError, CheckpointNotFoundError, shown

if TYPE_CHECKING:
    from graphflow._core.packing import Packed


@record
class Fork:
    """What a thread begins with.

    Attributes:
        source: a run that would begin with that state.
        values: what the node that ran last there is taken to have returned; None for no edit.
    """

    source: Run
    values: Any


def fork_to(run: Run, given: Fork) -> Program[tuple[int, int]]:
    """Begin the thread of a run with the state that another run would begin with.

    Returns:
        The branch and the number of the new checkpoint.

    Raises:
        CheckpointNotFoundError: if there is no such state.
        CheckpointError: if there is a thread already, or the other one cannot be read.
    """
    assert run.thread is not None, "both have a thread"
    assert given.source.thread is not None, "both have a thread"
    log, other = run.thread.log, given.source.thread.log
    log.hold = yield from Enter(log.asked.thread, log.asked.busy)
    while True:
        _, past = yield from Load(lambda store: read_thread(store, other))
        head = yield from Load(lambda store: store.head(log.asked.thread))
        if past is None:
            msg = f"the thread {shown(other.asked.thread)} has no state that could be forked"
            raise CheckpointNotFoundError(msg)
        if head is not None:
            msg = (
                f"there is a thread {shown(log.asked.thread)} already; fork to another id, or "
                f"delete it first"
            )
            raise CheckpointError(msg)
        if given.values is None and past.newest:
            _check_alone(past, other.asked.thread)
        take_place(log, None, None, goes_on=False)
        if not past.newest:
            past.tasks, past.journals, past.waiting, past.stop = {}, {}, {}, None
        state = due_again(run, past, state_of(run, log, past))
        frontier = Frontier(state.due, state.sends, state.joins, state.waiting)
        changes: dict[str, Any] = {key: [_change.SET, one] for key, one in past.values.items()}
        rows: list[Packed] = [(RUN, log.announce(run.id, "fork", past.step, ()))]
        step = past.step if past.given is None else past.step - 1
        ran = [[name, -1] for name in past.writers]
        rows.append((BARRIER, log.pack(step, ran, frontier, changes, {}, "fork")))
        behind = 0
        if given.values is not None:
            ahead = state.due_next(state.due, state.sends, step + 1)
            edits = ((Update(given.values, None, None),),)
            rows += yield from Editor(run, log, past).supersteps(ahead, edits)
        else:
            left = carried(log, past, alone=True)
            if past.given is not None:  # START is due, and the input is the checkpoint
                rows.append((RUN, log.announce(run.id, "input", past.step, past.given.given)))
                behind = 1 + len(left)
            rows += left
        if (yield from log.start(rows, values=state.values)):
            assert log.last is not None, "a fork is a checkpoint"
            return (log.branch, log.ledger.seq - behind + 1) if behind else log.last


def _check_alone(past: Past, thread: str) -> None:
    """Raise if a graph inside the superstep waits: it is in the other thread, and its answer too.

    Raises:
        CheckpointError: then.
    """
    asked = [one for journal in past.journals.values() for one in journal.open if one.inner]
    if asked:
        msg = (
            f"a graph inside the thread {shown(thread)} waits for the answer to "
            f"{shown(asked[0].value)}, and cannot be taken to another thread: answer it first, "
            f"fork in the thread itself or at a checkpoint before, or copy the whole thread with "
            f"the store's copy_thread"
        )
        raise CheckpointError(msg)
