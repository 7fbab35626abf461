"""Withdraws a question of a thread, and finds the threads whose questions are too late."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphflow._core.answering import Given, is_over, told_inside
from graphflow._core.asking import Answer
from graphflow._core.effects import Enter, Load, Program
from graphflow._core.opening import read_thread, take_place
from graphflow._core.past import replay
from graphflow._core.state import Run
from graphflow._core.stored import fetch
from graphflow._core.topology import Topology
from graphflow.checkpoint.records import ANSWER
from graphflow.constants import START
from graphflow.errors import CheckpointError, UnknownInterruptError, quoted

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec


def withdraw(run: Run, interrupt: str) -> Program[None]:
    """Store that a question is withdrawn: where it was asked, that raises an error.

    Raises:
        UnknownInterruptError: if nothing of that id waits.
        ThreadBusyError: if the thread has a run.
    """
    assert run.thread is not None, "only a run with a thread has questions"
    log = run.thread.log
    log.hold = yield from Enter(log.asked.thread, log.asked.busy)
    while True:
        head, past = yield from Load(lambda store: read_thread(store, log))
        asked = {} if past is None else past.waiting
        found = [(p, one) for p, all_ in asked.items() for one in all_ if one.id == interrupt]
        if past is None or not found:
            ids = [one.id for questions in asked.values() for one in questions]
            waits = f"those that wait are {quoted(ids)}" if ids else "none waits"
            msg = f"there is no interrupt {interrupt!r} to cancel; {waits}"
            raise UnknownInterruptError(
                msg, reason="not_pending", interrupt_ids=(interrupt,), pending_ids=ids
            )
        take_place(log, head, past, goes_on=True)
        log.sign()
        ((place, question),) = found
        row = (ANSWER, log.pack_answer(place, question, Answer("cancelled", [])))
        inside = told_inside(log, [Given(place, question, Answer("cancelled", []))])
        if (yield from log.start([row], inside=inside)):
            return


def late_threads(
    store: "BaseCheckpointSaver", codec: "Codec", graph: Topology, threads: Iterable[str], now: int
) -> dict[str, CheckpointError | None]:
    """Return those threads in which a node of a graph waits for an answer that comes too late now.

    A store may hold threads of several graphs: one where another node waits is another graph's.

    Returns:
        For each such thread None, and for each that cannot be read its error.
    """
    late: dict[str, CheckpointError | None] = {}
    for thread in threads:
        try:
            if _is_late(store, codec, graph, thread, now):
                late[thread] = None
        except CheckpointError as error:
            late[thread] = error
    return late


def _is_late(
    store: "BaseCheckpointSaver", codec: "Codec", graph: Topology, thread: str, now: int
) -> bool:
    """Tell whether a node of a graph waits in a thread for an answer that comes too late now."""
    stored = fetch(store, thread)
    waiting = {} if stored is None else replay(codec, stored).waiting
    ours = all(
        name in graph.nodes or (name == START and graph.entry.branches) for name, _ in waiting
    )
    return bool(ours) and any(is_over(one, now) for asked in waiting.values() for one in asked)
