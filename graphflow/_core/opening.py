"""Opens a thread: reads it, or a checkpoint of it, and puts the log to where that is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphflow._core.admit import blank
from graphflow._core.commit import by_rank, install
from graphflow._core.frontier import joins_of, node_named, send_of
from graphflow._core.log import Log
from graphflow._core.past import Past, replay
from graphflow._core.state import Run, RunState
from graphflow._core.stored import ENDLESS, fetch, is_checkpoint
from graphflow.checkpoint.records import ANSWER, RUN, STOP, Head, Record
from graphflow.errors import CheckpointNotFoundError, shown

if TYPE_CHECKING:
    from graphflow._core.topology import Node
    from graphflow.checkpoint.base import BaseCheckpointSaver


def read_thread(store: "BaseCheckpointSaver", log: Log) -> tuple[Head | None, Past | None]:
    """Read the thread, or the checkpoint of it that was asked for; no past if it has no state.

    Raises:
        CheckpointNotFoundError: if there is no such checkpoint.
        CheckpointError: if the thread cannot be read.
    """
    asked = log.asked
    try:
        stored = fetch(store, asked.thread, *(asked.checkpoint or (log.target,)))
    except CheckpointNotFoundError:
        if asked.checkpoint is None:
            raise
        stored = None
    if stored is not None:
        past = replay(log.codec, stored)
        last = past.checkpoint
        if last is not None and asked.checkpoint is None:
            return stored.head, past
        of_this = bool(log.space) or not stored.line[0].branch.ns  # and not of a graph inside
        if last is not None and of_this and (past.branch, last.seq) == asked.checkpoint:
            _read_on(store, log, past, past.branch, last.seq)
            return stored.head, past
    if asked.checkpoint is not None:
        msg = (
            f"the thread {shown(asked.thread)} has no checkpoint with that checkpoint_id; "
            f"get_state_history() tells those it has"
        )
        raise CheckpointNotFoundError(msg)
    return store.head(asked.thread), None


def _read_on(store: "BaseCheckpointSaver", log: Log, past: Past, branch: int, seq: int) -> None:
    """Read what has become of a checkpoint's tasks: all, if their superstep has not ended.

    If it has, it will be run again, and then only what was asked first is of use: whoever goes on
    from there can give it another answer.
    """
    tail: list[Record] = []
    for entry in store.records(log.asked.thread, branch=branch, after=seq):
        past.newest = not is_checkpoint(log.codec, entry)
        if not past.newest:
            break
        tail.append(entry)
    if past.newest:
        for entry in tail:
            past.add(log.codec, entry)
        return
    past.carries = ask_again(log, past, tail)


def ask_again(log: Log, past: Past, tail: Iterable[Record]) -> int | None:
    """Take in what was asked after a checkpoint whose superstep is run again.

    Args:
        log: the thread's log.
        past: the checkpoint.
        tail: what was stored after it, up to the next one.

    Returns:
        The last record that the run has left that first came to it; None if nothing was asked.
    """
    upto, again = None, False
    for entry in tail:
        if entry.kind == STOP and not again:
            upto = entry.seq
        again = again or (upto is not None and entry.kind in (RUN, ANSWER))
        if entry.kind == STOP:
            past.ask(log.codec, entry)
    return upto


def take_place(
    log: Log, head: Head | None, past: Past | None, *, goes_on: bool, forks: bool = False
) -> None:
    """Put the log to where the thread is.

    Args:
        log: the log.
        head: the thread's head, or None if there is no thread.
        past: its state, or that of the checkpoint that was asked for.
        goes_on: whether that checkpoint is the thread's last, and needs no branch of its own.
        forks: whether the thread as it is needs one, too.
    """
    hold = log.hold
    assert hold is not None, "a run enters its thread before it reads it"
    log.reset()
    ledger = log.ledger
    ledger.epoch = ledger.seq = ledger.current = 0
    if head is not None:
        ledger.epoch, ledger.seq, ledger.current = head.epoch, head.seq, head.branch
        log.branch = head.branch
    if past is None:
        if not log.branch:
            log.fork(0, 0)
            ledger.current = log.branch
        if hold.beside:  # the branch of the run that it goes on beside stays empty, and current
            log.fork(0, 0)
        log.line = ((log.branch, ENDLESS),)
        return
    last = past.checkpoint
    assert last is not None, "a thread without a checkpoint has no past"
    ledger.read(past.stored.branches)
    log.branch, log.last = past.branch, (past.branch, last.seq)
    log.before, log.manifest = past.before, past.manifest
    line = [(each.branch.id, each.upto) for each in past.stored.line]
    here = log.asked.checkpoint is None and not forks
    if not hold.beside and (here or goes_on):
        log.loose = past.loose
        log.line = ((log.branch, ENDLESS), *line[1:])
        return
    log.fork(past.branch, last.seq)
    log.line = ((log.branch, ENDLESS), (past.branch, last.seq), *line[1:])
    past.loose = []
    if hold.beside or not past.newest:
        past.ask_anew()
    if hold.beside:
        past.stop = None
    else:
        ledger.current = ledger.current if log.space else log.branch


def is_newest(log: Log, past: Past | None) -> bool:
    """Tell whether a state is the last of what the log is of: the thread, or a graph inside it."""
    if past is None or not past.newest:
        return False
    return past.branch == (past.stored.head.branch if log.target is None else log.target)


def state_of(run: Run, log: Log, past: Past | None) -> RunState:
    """Return the state that a thread holds, but for what is due."""
    graph, state = run.graph, blank(run)
    if past is None:
        return state
    known = {key: value for key, value in past.values.items() if key in graph.keys}
    log.foreign = {key: value for key, value in past.values.items() if key not in graph.keys}
    install(state.values, state.sizes, known, graph)
    barrier = past.barrier
    if barrier is None:
        return state.due_next((), (), past.step + 1)
    joins, log.strange = joins_of(graph, barrier.joins)
    waiting = tuple(graph.nodes[name] for name in barrier.waiting if name in graph.nodes)
    return RunState(state.values, state.sizes, (), (), joins, waiting, past.step + 1)


def due_again(run: Run, past: Past, state: RunState) -> RunState:
    """Return a state with what is due.

    Raises:
        CheckpointError: if that is a node which the graph does not have.
    """
    barrier = past.barrier
    if barrier is None or past.given is not None:
        return state
    due: set[Node] = {node_named(run.graph, name) for name in barrier.due}
    sends = [send_of(run.graph, one) for one in barrier.sends]
    return state.due_next(by_rank(due), sends, state.step)
