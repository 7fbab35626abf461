"""Reads a thread again: records and snapshots become the values and what is due.

`fetch` reads bytes from a store and decides nothing; `replay` makes values of them and touches no
store. Neither runs a reducer or any other code of the application.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, final

from graphflow import _change
from graphflow._core.asking import Answer, Journal, Question
from graphflow._core.form import (
    SOURCES,
    AnswerForm,
    BarrierForm,
    JournalForm,
    StopForm,
    Place,
    RunForm,
    TaskForm,
    opened,
)
from graphflow._core.manifest import Manifest, read_manifest, read_value
from graphflow._record import record
from graphflow.checkpoint.records import (
    ANSWER,
    BARRIER,
    JOURNAL,
    RUN,
    STOP,
    TASK,
    Branch,
    Head,
    Record,
    Snapshot,
)
from graphflow.constants import START
from graphflow.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    DamagedCheckpointError,
    HistoryPrunedError,
    NewerFormatError,
    note,
    shown,
)

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec

INPUT = SOURCES.index("input")


@record
class Stretch:
    """The part of a branch that belongs to a line of history.

    Attributes:
        branch: the branch.
        upto: its last record that belongs to it.
    """

    branch: Branch
    upto: int


@record
class Stored:
    """The bytes that make one state of a thread.

    Attributes:
        thread: the thread's id.
        head: the thread's head.
        line: the stretches of history that lead to the state, the last one first.
        snapshot: the last snapshot before it, or None.
        blobs: the snapshot's blobs.
        records: the records from the snapshot's own on.
    """

    thread: str
    head: Head
    line: Sequence[Stretch]
    snapshot: Snapshot | None
    blobs: Mapping[int, bytes]
    records: Sequence[Record]


def checkpoint_id(branch: int, seq: int) -> str:
    """Return a checkpoint's id: ids of one thread sort in the order of their making."""
    return f"{seq:012x}-{branch:08x}"


def read_id(text: str) -> tuple[int, int] | None:
    """Return branch and number of a checkpoint's id, or None for what is no id."""
    seq, dash, branch = text.partition("-")
    try:
        return (int(branch, 16), int(seq, 16)) if dash else None
    except ValueError:
        return None


def line_of(branches: Sequence[Branch], branch: int, upto: int) -> list[Stretch]:
    """Return the stretches that lead to a record of a branch, the last one first.

    Raises:
        CheckpointError: if there is no such branch.
    """
    known = {each.id: each for each in branches}
    line: list[Stretch] = []
    while branch:
        found = known.get(branch)
        if found is None:
            msg = f"the thread has no branch {branch:x}"
            raise CheckpointNotFoundError(msg)
        if len(line) > len(known):
            msg = "the thread's branches lead back to themselves; it is damaged"
            raise DamagedCheckpointError(msg)
        line.append(Stretch(found, upto))
        branch, upto = found.parent, found.fork
    return line


def fetch(
    store: "BaseCheckpointSaver", thread: str, branch: int | None = None, seq: int | None = None
) -> Stored | None:
    """Read the bytes of one state: of a record of a branch, or of the thread as it is now.

    Returns:
        None if there is no such thread, or nothing in it yet.

    Raises:
        CheckpointNotFoundError: if the thread has no such branch.
        HistoryPrunedError: if the state was forgotten.
    """
    for left in reversed(range(_TRIES)):
        head = store.head(thread)
        if head is None or not head.seq:
            return None
        branches = store.branches(thread)
        line = line_of(branches, branch or head.branch, seq or head.seq)
        found = _along(store, thread, head, line)
        now = store.head(thread)
        if left == 0 or (now is not None and now.token == head.token):
            _check_ends(found, only=len(branches) == 1)
            return found
    raise AssertionError(thread)  # the last try returns


_TRIES = 8  # how often a reader begins again because a writer was quicker; records only go when
# their superstep is committed, so even the last try is a state that was


def _along(
    store: "BaseCheckpointSaver", thread: str, head: Head, line: Sequence[Stretch]
) -> Stored:
    """Read what is along a line, back to the last snapshot."""
    snapshot: Snapshot | None = None
    parts: list[list[Record]] = []
    for stretch in line:
        branch = stretch.branch.id
        snapshot = store.snapshot(thread, branch, stretch.upto)
        after = 0 if snapshot is None else snapshot.seq - 1
        parts.append([*store.records(thread, branch=branch, after=after, upto=stretch.upto)])
        if snapshot is not None:
            break
        if stretch.branch.base:
            msg = (
                f"checkpoints of the thread before record {stretch.branch.base} were forgotten "
                f"when it was compacted"
            )
            raise HistoryPrunedError(msg)
    blobs: Mapping[int, bytes] = {}
    if snapshot is not None:
        blobs = store.blobs(thread, snapshot.blobs)
    records = [each for part in reversed(parts) for each in part]
    return Stored(thread, head, line, snapshot, blobs, records)


def _check_ends(stored: Stored, *, only: bool) -> None:
    """Raise if the first or the last record is missing, as far as that can be told.

    Args:
        stored: what was read.
        only: whether the thread has one branch only, so that its records begin at 1 and end at
            the head.

    Raises:
        DamagedCheckpointError: if one is.
    """
    records, snapshot = stored.records, stored.snapshot
    first = snapshot.seq if snapshot is not None else 1 if only else None
    last = stored.line[0].upto if only and stored.line[0].upto == stored.head.seq else None
    if first is not None and not (records and records[0].seq == first):
        missing = first
    elif last is not None and not (records and records[-1].seq == last):
        missing = last
    else:
        return
    msg = (
        f"record {missing} of the thread is missing; the store is damaged: restore it from a copy, "
        f"or delete the thread"
    )
    raise DamagedCheckpointError(msg)


@final
class Past:
    """A state of a thread, as its records tell it one after the other.

    Attributes:
        stored: where it is read from.
        values: the values of the channels that have been written to.
        manifest: what the snapshot holds, and what has changed since.
        run: the last run that began, or None if its record is not among those read.
        given: a run whose input has not been applied yet, or None.
        barrier: the last barrier, or None if there is none.
        tasks: what tasks of the superstep that did not end have returned.
        journals: what its tasks have asked, were answered and have kept.
        waiting: what its tasks wait for.
        stop: how that superstep came to no end, or None; if more than once, the last time.
        errors: how the errors of its tasks are shown, those of all times.
        paused: whether a run was to stop before it.
        loose: the numbers of the records that the next barrier drops.
        before: the branch and the number of the checkpoint before the last, or None if that is
            not among what was read.
        lost: how many runs have begun on the superstep and left nothing that says how they ended.
        newest: whether the last checkpoint is the last of its branch.
        writers: the nodes of the last superstep that ran, or of the last edit.
    """

    __slots__ = (
        "_begun",
        "_last",
        "_runs",
        "barrier",
        "before",
        "errors",
        "given",
        "journals",
        "loose",
        "lost",
        "manifest",
        "newest",
        "paused",
        "run",
        "stop",
        "stored",
        "tasks",
        "values",
        "waiting",
        "writers",
    )

    def __init__(self, codec: "Codec", stored: Stored) -> None:
        """Begin at the snapshot, or with nothing.

        Raises:
            CheckpointError: if it is damaged.
        """
        self.stored = stored
        self.values: dict[str, Any] = {}
        self.manifest = Manifest({})
        self.run: RunForm | None = None
        self.given: RunForm | None = None
        self.barrier: BarrierForm | None = None
        self._forget()
        self._runs = False  # whether a run goes on, as far as the records tell
        self.before: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None
        self.newest = True
        self.writers: list[str] = []
        self._begun = 0
        if stored.snapshot is not None:
            self._begun = stored.snapshot.seq
            self.manifest = Manifest(read_manifest(codec, stored.snapshot))
            for key, entry in self.manifest.entries.items():
                self.values[key] = read_value(codec, key, entry, stored.blobs)

    @property
    def branch(self) -> int:
        """The branch it is in."""
        return self.stored.line[0].branch.id

    @property
    def checkpoint(self) -> "RunForm | BarrierForm | None":
        """The record that is its last checkpoint; None for a thread that has none yet."""
        return self.given or self.barrier

    @property
    def source(self) -> str:
        """What the last checkpoint came from."""
        if self.given is not None:
            return "input"
        return SOURCES[0 if self.barrier is None else self.barrier.source]

    @property
    def step(self) -> int:
        """The last checkpoint's step, which is -2 before the first."""
        last = self.checkpoint
        return -2 if last is None else last.step

    def add(self, codec: "Codec", entry: Record, *, keep: bool = False) -> None:
        """Go on by one record.

        Args:
            codec: unpacks it.
            entry: the record.
            keep: whether the values before are still to be used: then lists may be longer
                afterwards, and nothing else of them changes.

        Raises:
            CheckpointError: if it is damaged, or was written by a newer graphflow.
        """
        form = opened(codec, entry)
        if entry.kind == BARRIER:
            self._pass(entry, BarrierForm.read(entry, form), keep=keep)
        elif entry.kind == RUN:
            self.run = RunForm.read(entry, form)
            if self.run.source == INPUT:
                self._expect(entry.seq, self.run.step == self.step + 1)
                self._leave(entry)
                self.given = self.run
                self._forget()
            elif self._runs:
                self.lost += 1
            self._runs = True
        else:
            self._add_to_superstep(entry, form)

    def _add_to_superstep(self, entry: Record, form: object) -> None:
        """Go on by a record of the superstep that is under way."""
        if entry.kind == TASK:
            task = TaskForm.read(entry, form)
            self.tasks[task.place] = task
            self.waiting.pop(task.place, None)
            self.loose.append(entry.seq)
        elif entry.kind == STOP:
            self._stop(StopForm.read(entry, form))
        elif entry.kind == ANSWER:
            answer = AnswerForm.read(entry, form)
            asking = (answer.key, answer.number)
            self._journal(answer.place).answers[asking] = answer.answer()
            self._wait_for(answer.place)
        elif entry.kind == JOURNAL:
            result = JournalForm.read(entry, form)
            self._journal(result.place).results[result.key] = result.value[0]
            self.loose.append(entry.seq)
        else:
            msg = (
                f"record {entry.seq} of the thread is of the unknown kind {entry.kind}; "
                f"a newer graphflow wrote it"
            )
            raise NewerFormatError(msg)

    def _stop(self, stop: StopForm) -> None:
        """Go on by a stop: tasks have failed, or wait."""
        self.stop = stop
        self.paused = self.paused or stop.paused
        self._runs = False
        errors, asked = stop.errors(), stop.questions()
        self.errors = {**self.errors, **errors}
        for place in {**errors, **asked}:
            journal = self._journal(place)
            journal.attempt += 1
            # What is asked no more has been asked by another attempt, and need not be answered.
            known = {one: q for one, q in journal.asked.items() if one in journal.answers}
            journal.asked = known | {(one.key, one.number): one for one in asked.get(place, ())}
            self.waiting.pop(place, None)
            if place in asked:
                self.errors.pop(place, None)
                self._wait_for(place)

    def answer(self, place: Place, question: Question, answer: Answer) -> None:
        """Take in an answer."""
        self._journal(place).answers[question.key, question.number] = answer
        self._wait_for(place)

    def asked_last(self, place: Place) -> Sequence[Question]:
        """Return what a task waits for, or asked last before it ended."""
        if place not in self.tasks or place not in self.journals:
            return self.waiting.get(place, ())
        return [*self.journals[place].asked.values()][-1:]

    def tried(self) -> dict[Place, Journal]:
        """Return what tasks have left, each with how often it has been run as far as is known."""
        for name, index in self._due() if self.lost else ():
            self._journal((name, index))
        for journal in self.journals.values():
            journal.attempt += self.lost
        return self.journals

    def _due(self) -> list[Place]:
        """Return the tasks that are due."""
        barrier = self.barrier
        if barrier is None or self.given is not None:
            return [(START, -1)]
        sent = [(send[0], index) for index, send in enumerate(barrier.sends)]
        return [*sent, *((name, -1) for name in barrier.due)]

    def _wait_for(self, place: Place) -> None:
        """Note what a task waits for."""
        if left := self._journal(place).open:
            self.waiting[place] = left
        else:
            self.waiting.pop(place, None)

    def _journal(self, place: Place) -> Journal:
        """Return what a task has left."""
        return self.journals.setdefault(place, Journal())

    def _pass(self, entry: Record, barrier: BarrierForm, *, keep: bool) -> None:
        """Go past a barrier; what the snapshot holds already is not applied again."""
        if barrier.seq != self._begun:
            self.manifest.grow(len(entry.data))
            written = barrier.writes()
            for key, change in barrier.changes.items():
                self.manifest.touch(key, change, self.values.get(key))
                if keep and key in self.values and change not in _change.APPENDING:
                    self.values[key] = copy(self.values[key])
                _change.apply(self.values, key, change, written.get(key, ()))
        same = barrier.step == self.step  # then a caller's Command wrote it: the same tasks are due
        # A run that stores at its end only has one barrier for several supersteps, right behind
        # its own record, and nothing can be missing between the two.
        run = self.run
        ends = run is not None and run.source != INPUT and run.seq == barrier.seq - 1
        self._expect(barrier.seq, same or ends or barrier.step == self.step + 1)
        if writers := [str(task[0]) for task in barrier.tasks if task[0]]:
            self.writers = writers
        self._leave(entry)
        self.barrier = barrier
        self._runs = True
        if not same:
            self.given = None
            self._forget()

    def _expect(self, seq: int, follows: bool) -> None:  # noqa: FBT001 - what is to be so
        """Raise if a checkpoint does not follow the one before it.

        Raises:
            DamagedCheckpointError: then records between them are missing.
        """
        if not follows and self.checkpoint is not None:
            msg = (
                f"records before record {seq} are missing; the store is damaged: restore it from "
                f"a copy, or delete the thread"
            )
            raise DamagedCheckpointError(msg)

    def _leave(self, entry: Record) -> None:
        """Note that the last checkpoint is the one before, now."""
        self.before, self._last = self._last, (entry.branch, entry.seq)

    def _forget(self) -> None:
        """Forget the tasks of a superstep that is over."""
        self.tasks: dict[Place, TaskForm] = {}
        self.journals: dict[Place, Journal] = {}
        self.waiting: dict[Place, list[Question]] = {}
        self.errors: dict[Place, str] = {}
        self.loose: list[int] = []
        self.stop: StopForm | None = None
        self.paused = False
        self.lost = 0


def is_checkpoint(codec: "Codec", entry: Record) -> bool:
    """Tell whether a record is a checkpoint."""
    return entry.kind == BARRIER or (entry.kind == RUN and opened(codec, entry)[1] == INPUT)


def replay(codec: "Codec", stored: Stored) -> Past:
    """Return the state that records make.

    Raises:
        CheckpointError: if something is damaged, or was written by a newer graphflow.
    """
    try:
        past = Past(codec, stored)
        for entry in stored.records:
            past.add(codec, entry)
    except CheckpointError as error:
        note(error, f"while the thread {shown(stored.thread)} was read")
        raise
    return past


def run_at(store: "BaseCheckpointSaver", codec: "Codec", thread: str, seq: int) -> RunForm:
    """Return the run whose record has a number.

    Raises:
        DamagedCheckpointError: if there is none.
    """
    for entry in store.records(thread, after=seq - 1, upto=seq):
        if entry.kind == RUN:
            return RunForm.read(entry, opened(codec, entry))
    msg = f"the record {seq} of a run is not in the store; the thread is damaged"
    raise DamagedCheckpointError(msg)
