"""A state of a thread, made from its records one after the other; no code of the application runs.

What bytes there are is `stored.py`'s business.
"""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final, final

from graphflow import _change
from graphflow._core.asking import STALE, Answer, Journal, Question
from graphflow._core.form import SOURCES, BarrierForm, Place, RunForm, TaskForm, opened
from graphflow._core.manifest import Manifest, read_manifest, read_value
from graphflow._core.stop_form import AnswerForm, JournalForm, StopForm
from graphflow._core.stored import INPUT, Stored
from graphflow.checkpoint.records import ANSWER, BARRIER, JOURNAL, RUN, STOP, TASK, Record
from graphflow.constants import START
from graphflow.errors import (
    CheckpointError,
    DamagedCheckpointError,
    NewerFormatError,
    note,
    shown,
)

if TYPE_CHECKING:
    from graphflow.checkpoint.codec import Codec


_RUNNING: Final = (INPUT, SOURCES.index("resume"))


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
        carries: up to which record graphs inside the superstep count, if it is gone on with in
            another branch; None if they begin anew there.
        writers: the nodes of the last superstep that ran, or of the last edit.
    """

    __slots__ = (
        "_begun",
        "_last",
        "_runs",
        "barrier",
        "before",
        "carries",
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
        self.tasks: dict[Place, TaskForm]
        self.journals: dict[Place, Journal]
        self.waiting: dict[Place, list[Question]]
        self.errors: dict[Place, str]
        self.loose: list[int]
        self.stop: StopForm | None
        self.paused: bool
        self.lost: int
        self._forget()
        self._runs = False  # whether a run goes on, as far as the records tell
        self.before: tuple[int, int] | None = None
        self._last: tuple[int, int] | None = None
        self.newest = True
        self.carries: int | None = stored.head.seq
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
            self._runs = self.run.source in _RUNNING
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
            again = {(one.key, one.number): one for one in asked.get(place, ())}
            journal.asked = known | again
            for asking in again:  # an answer that the node did not take is none
                journal.answers.pop(asking, None)
            if place not in errors:
                self.errors.pop(place, None)
            self._wait_for(place)

    @property
    def place(self) -> tuple[int, int]:
        """The branch and the record of the last checkpoint; the branch may be one it comes from."""
        assert self._last is not None, "there is a checkpoint"
        return self._last

    @property
    def epoch(self) -> int | None:
        """What is part of the ids of the tasks that are due, beside their branch, or None."""
        return None if self.stop is None else self.stop.epoch or None

    def answer(self, place: Place, question: Question, answer: Answer) -> None:
        """Take in an answer."""
        self._journal(place).answers[question.key, question.number] = answer
        self._wait_for(place)

    def forget_inner(self) -> None:
        """Be as if no graph inside the superstep had asked anything."""
        for place, journal in self.journals.items():
            known = {one: q for one, q in journal.asked.items() if not q.inner}
            journal.answers = {one: a for one, a in journal.answers.items() if one in known}
            journal.asked = known
            self._wait_for(place)

    def ask_anew(self) -> None:
        """Be as if nothing had been returned or answered since the checkpoint, only asked."""
        asked = {place: journal.asked for place, journal in self.journals.items() if journal.asked}
        if self.newest:
            self.carries = None
        self.tasks, self.journals, self.waiting = {}, {}, {}
        for place, questions in asked.items():
            self._journal(place).asked = questions
            self._wait_for(place)

    def shown(self) -> dict[Place, list[Question]]:
        """Return what tasks wait for, but for those that are to ask anew after an edit."""
        found = {place: self.journals[place].shown for place in self.waiting}
        return {place: questions for place, questions in found.items() if questions}

    def ask(self, codec: "Codec", entry: Record) -> None:
        """Take in what was asked in a superstep that has ended since, and no more of it."""
        for place, questions in StopForm.read(entry, opened(codec, entry)).questions().items():
            journal = self._journal(place)
            for one in questions:
                journal.asked.setdefault((one.key, one.number), one)
            self._wait_for(place)

    def asked_last(self, place: Place) -> Sequence[Question]:
        """Return what a task waits for, or asked last before it ended."""
        if place not in self.tasks or place not in self.journals:
            return [one for one in self.waiting.get(place, ()) if one.id != STALE]
        return [*self.journals[place].asked.values()][-1:]

    def asked_by_all(self) -> dict[Place, list[Question]]:
        """Return what tasks wait for, or had waited for when an answer came."""
        last = {place: [*one.asked.values()][-1:] for place, one in self.journals.items()}
        return {**{place: asked for place, asked in last.items() if asked}, **self.waiting}

    def tried(self) -> dict[Place, Journal]:
        """Return what tasks have left, each with how often it has been run as far as is known."""
        lost = self.lost + (self._runs and self.newest)
        for name, index in self.due() if lost else ():
            self._journal((name, index))
        for journal in self.journals.values():
            journal.attempt += lost
        return self.journals

    def due(self) -> list[Place]:
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
            values, written = self.values, barrier.written
            self.manifest.note(barrier.changes, values)
            for key, change in barrier.changes.items():
                if keep and key in values and change not in _change.APPENDING:
                    values[key] = copy(values[key])
                _change.apply(values, key, change, written.get(key, ()))
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
        # An edit, and a fork, runs nothing of what is due then.
        self._runs = self.run is None or self.run.source in _RUNNING
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
        self.tasks, self.journals, self.waiting, self.errors = {}, {}, {}, {}
        self.loose, self.stop, self.paused, self.lost = [], None, False, 0


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
