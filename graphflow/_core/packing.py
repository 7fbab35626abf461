"""The records of a run, packed: what it has to say to its thread, wherever that is stored.

What a record says is put together in `form.py`; where in the log it comes to stand is the
business of `log.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from graphflow._change import APPENDING, Change
from graphflow._core.asking import own_key
from graphflow._core.barrier import Ending, changes_of, half_filled
from graphflow._core.explain import explained, of_questions, of_run, refused
from graphflow._core.form import (
    RAN,
    SOURCES,
    Place,
    aimed,
    in_order,
    names,
    place_of,
    task_form,
    tracked,
    up_form,
    values_in,
    written_by,
)
from graphflow._core.manifest import Manifest
from graphflow._core.stop_form import ENDS, failed_form, waiting_form
from graphflow._record import record
from graphflow.channels import MISSING
from graphflow.checkpoint.records import BARRIER, RUN
from graphflow.errors import CodecError

if TYPE_CHECKING:
    from graphflow._core.asking import Answer, Question
    from graphflow._core.state import Ahead, Succeeded, Task, Up
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.codec import Codec
    from graphflow.types import Durability, OnBusy

_METADATA: Final = 4
_INPUT: Final = 5
"""The places of these in the form of a run."""

Packed: TypeAlias = tuple[int, bytes]
"""The kind of a record, and its packed form."""


@record
class Asked:
    """What the caller of a run asked of its thread.

    Attributes:
        thread: the thread's id.
        checkpoint: the branch and the record to begin at, or None for the thread as it is.
        durability: when supersteps are stored.
        busy: what to do if the thread has a run already.
        metadata: what the run's checkpoints say of it.
        ns: the namespace of a graph inside the thread, or "".
        inner: the branch and the record of a checkpoint of that, to begin at, or None.
    """

    thread: str
    checkpoint: tuple[int, int] | None
    durability: "Durability"
    busy: "OnBusy"
    metadata: Mapping[str, Any]
    ns: str = ""
    inner: tuple[int, int] | None = None


class Packing:
    """What a run has to say to its thread.

    Attributes:
        graph: what is run.
        asked: what the caller asked for.
        codec: packs what is stored.
        clock: tells the time, in microseconds since 1970.
        time: when the last checkpoint was made, in microseconds since 1970.
        run: the number of the record of this run.
        manifest: what the last snapshot holds.
        strange: half-filled joins that the graph no longer has, in their stored form.
        ending: what a run that stores at its end only has done so far, or None for another run.
        call: where it was called, of a graph that is run inside another; see `RunForm`.
        up: what such a graph says to those around it, as it is left.
    """

    __slots__ = (
        "_begun",
        "_packed",
        "_run",
        "_straight",
        "asked",
        "call",
        "clock",
        "codec",
        "ending",
        "graph",
        "manifest",
        "run",
        "strange",
        "time",
        "up",
    )

    def __init__(
        self, graph: "Topology", asked: Asked, codec: "Codec", clock: Callable[[], int]
    ) -> None:
        """Begin with nothing to say."""
        self.graph = graph
        self.asked = asked
        self.codec = codec
        self.clock = clock
        self._run: list[Any] = []
        self.reset()

    def reset(self) -> None:
        """Be before the thread has been read; a run that begins may have to read it again."""
        self.run = self.time = self._begun = 0
        self.call: dict[str, Any] = {}
        self.up: Sequence[Up] = ()
        self.manifest = Manifest({})
        self.strange: list[list[Any]] = []
        self.ending = Ending() if self.asked.durability == "exit" else None
        self._packed = b""
        self._straight = not (self.ending or self.graph.untracked or self.graph.fading)

    # ------------------------------------------------------------------------------------ the run

    def pack_run(self, run_id: str, source: str, step: int, given: Sequence[object]) -> bytes:
        """Return the packed record of a run that begins now.

        Raises:
            CodecError: if the input or the metadata cannot be stored.
        """
        self._begun = self.time = self.clock()
        number = SOURCES.index(source)
        self._run = [self._begun, number, step, run_id, dict(self.asked.metadata), [*given]]
        self._run += [self.call] if self.call else []
        return self._pack_run()

    def _pack_run(self) -> bytes:
        """Return the packed record of the run."""
        try:
            return self.codec.pack(self._run)
        except CodecError as error:
            raise of_run(self.codec, error, self._run[_METADATA], self._run[_INPUT]) from None

    # -------------------------------------------------------------------------------- the barrier

    def note(  # noqa: PLR0913, PLR0917 - what the barrier has found out
        self,
        values: Mapping[str, Any],
        written: Mapping[str, Sequence[Any]],
        changed: Mapping[str, Any],
        outcomes: "Sequence[Succeeded]",
        ahead: "Ahead",
        step: int,
        source: str = "loop",
    ) -> None:
        """Put a superstep's barrier into its stored form, before the values are changed.

        Raises:
            CodecError: if a value cannot be stored.
        """
        if not self._straight or source != "loop":
            self.note_any(values, written, changed, outcomes, ahead, step, source)
            return
        # What `note_any` does, for the most usual graphs. It goes once over the outcomes and once
        # over the changes, and does there what the functions called by `pack` do one after the
        # other: 4 us less of a superstep's 18.
        tasks: list[list[Any]] = []
        held: list[Any] = []
        for done in outcomes:
            task = done.task
            wrote: list[Any] = [task.node.name, task.index]
            for write in done.writes:
                wrote += write
                held.append(write[1])
            tasks.append(wrote)
        channels, manifest = self.graph.channels, self.manifest
        touched = manifest.touched
        codes: list[Change] = []  # in the order of the first writes, as `changed` is
        for key, new in changed.items():
            old = values.get(key, MISSING)
            change = channels[key].change(old, new, written[key])
            codes.append(change)
            if key in touched and change in APPENDING:
                continue
            if touched.get(key) != 0:
                manifest.touch(key, change, old)
            if type(change) is not int:
                held.append(change)
        self.time = now = self.clock()
        due = ahead.due
        named = [due[0].name] if len(due) == 1 else names(due)
        form = [now - self._begun, step, self.run, tasks, codes, named]
        if ahead.sends or ahead.joins or ahead.waiting or self.strange or self.up:
            form += self._more(ahead, 0)
            held += [send.arg for send in ahead.sends]
        try:
            self._packed = self.codec.pack_form(form, held)
        except CodecError:  # the long way tells which value it was
            self.note_any(values, written, changed, outcomes, ahead, step)

    def note_any(  # noqa: PLR0913, PLR0917 - as above
        self,
        values: Mapping[str, Any],
        written: Mapping[str, Sequence[Any]],
        changed: Mapping[str, Any],
        outcomes: "Sequence[Succeeded]",
        ahead: "Ahead",
        step: int,
        source: str = "loop",
    ) -> None:
        """Do what `note` does, for every graph and every durability."""
        tasks = [written_by(done) for done in outcomes]
        changes = changes_of(self.graph, values, written, changed)
        self._packed = self.pack(step, tasks, ahead, changes, values, source)

    def noted(self) -> bytes:
        """Return the packed record of the barrier that was noted."""
        packed, self._packed = self._packed, b""
        return packed

    def pack(  # noqa: PLR0913, PLR0917 - the places of a form
        self,
        step: int,
        tasks: list[list[Any]],
        ahead: "Ahead",
        changes: dict[str, Change],
        values: Mapping[str, Any],
        source: str = "loop",
    ) -> bytes:
        """Return the packed record of a barrier; nothing, if the run stores at its end only.

        Args:
            step: its step.
            tasks: what its tasks wrote, for each `[node, index, key, value, ...]`; the keys that no
                checkpoint keeps are left out.
            ahead: what is due next.
            changes: what becomes of the channels.
            values: the values before.
            source: what the checkpoint comes from.

        Raises:
            CodecError: if a value cannot be stored.
        """
        self.time = self.clock()
        packed = b""
        if self.ending is not None:
            if self.call:  # what a graph inside another has written is what it gives
                self.ending.ran += [tracked(task, self.graph.untracked) for task in tasks]
            else:  # who has run, which tells as whom somebody edits the state; not what they wrote
                self.ending.ran = [[task[0], RAN] for task in tasks]
            self.ending.add((step, ahead, source), changes, values)
        else:
            if self.graph.untracked:
                tasks = [tracked(task, self.graph.untracked) for task in tasks]
            packed = self._pack(step, tasks, ahead, changes, source)
        self.manifest.note(changes, values)
        return packed

    def _pack(
        self,
        step: int,
        tasks: list[list[Any]],
        ahead: "Ahead",
        changes: dict[str, Change],
        source: str,
    ) -> bytes:
        """Return the packed record of a barrier."""
        sends, codes = ahead.sends, in_order(tasks, changes)
        form = [self.time - self._begun, step, self.run, tasks, codes, names(ahead.due)]
        number = SOURCES.index(source)
        if sends or ahead.joins or ahead.waiting or number or self.strange or self.up:
            form += self._more(ahead, number)
        try:
            return self.codec.pack_form(form, values_in(tasks, changes, sends))
        except CodecError as error:
            raise explained(self.codec, error, tasks, changes, sends) from None

    def _more(self, ahead: "Ahead", source: int) -> Sequence[Any]:
        """Return the last places of a barrier, which few have."""
        half = [*self.strange, *half_filled(self.graph, ahead.joins)]
        more = source, aimed(ahead.sends), half, names(ahead.waiting)
        return (*more, [up_form(up) for up in self.up]) if self.up else more

    # --------------------------------------------------------------------- tasks, and failures

    def pack_task(self, done: "Succeeded", *, whole: bool) -> bytes:
        """Return the packed record of a task.

        Args:
            done: what it returned.
            whole: whether its conditional edges have run, too.

        Raises:
            CodecError: if what it wrote cannot be stored.
        """
        form = task_form(done, whole=whole)
        try:
            return self.codec.pack(form)
        except CodecError as error:
            raise explained(self.codec, error, [form[0]], {}, done.goto) from None

    def pack_stop(
        self,
        errors: "Sequence[tuple[Task, BaseException]]",
        changes: dict[str, Change] | None,
        asked: "Sequence[tuple[Task, Sequence[Question]]]" = (),
        *,
        paused: bool = False,
    ) -> bytes:
        """Return the packed record of a superstep that came to no end.

        Args:
            errors: the tasks that failed, with what they raised.
            changes: what the tasks that ended well would change, or None if that is not known.
            asked: the tasks that wait, with what they ask.
            paused: whether the run was to stop here.

        Raises:
            CodecError: if what is asked cannot be stored.
        """
        failed = [failed_form(task, error) for task, error in errors]
        waiting = [waiting_form(place_of(task), questions) for task, questions in asked]
        try:
            return self.codec.pack([self.clock(), failed, changes, waiting, paused, *self.run_of()])
        except CodecError as error:
            raise of_questions(self.codec, error, asked) from None

    def run_of(self) -> Sequence[int]:
        """Return what is part of the ids of the tasks that a stop is of, if anything is."""
        return ()

    def pack_again(self, form: list[Any]) -> bytes:
        """Return the packed record of a form that was read: it holds nothing that cannot be."""
        return self.codec.pack(form)

    def pack_answer(self, place: Place, question: "Question", answer: "Answer") -> bytes:
        """Return the packed record of an answer.

        Raises:
            CodecError: if it cannot be stored.
        """
        node, index = place
        how = ENDS.index(answer.how)
        form = [self.clock(), node, index, question.key, question.number, how, answer.value]
        try:
            return self.codec.pack(form)
        except CodecError as error:
            where = f"in the answer to node {node!r}"
            found = refused(self.codec, answer.value[0]) or error
            raise CodecError(f"{where}: {found.reason}", kind=found.kind, path=found.path) from None

    def pack_result(self, place: Place, key: str, result: object) -> bytes:
        """Return the packed record of a result that a task keeps.

        Raises:
            CodecError: if it cannot be stored.
        """
        node, index = place
        try:
            return self.codec.pack([node, index, key, [result]])
        except CodecError as error:
            text = f"in the result of once({own_key(key)!r}, ...): {error.reason}"
            raise CodecError(text, kind=error.kind, path=error.path, node=node) from None

    # ---------------------------------------------------------------------------------- the end

    def rest(self, values: Mapping[str, Any]) -> list[Packed]:
        """Return the records of a run that stores at its end only: all its supersteps as one.

        Once: of another run, and afterwards, there are none.

        Args:
            values: the values at the end.

        Raises:
            CodecError: if a value cannot be stored.
        """
        ending = self.ending
        if ending is None or not self._run:
            return []
        self.run = 0  # the record before the barrier's, whatever its number will be
        records = [(RUN, self._pack_run())]
        if ending.last is not None:
            self._run[1], self._run[_INPUT] = SOURCES.index("resume"), []
            records = [(RUN, self._pack_run())]
            step, ahead, source = ending.last
            packed = self._pack(step, ending.ran, ahead, ending.changes(values), source)
            self.manifest.grow(len(packed))
            records.append((BARRIER, packed))
        self._run = []
        records += ending.held
        return records
