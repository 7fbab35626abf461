"""A run's hold on its thread: where in the log it is, and the programs that write to it.

What its records say is packed in `packing.py`; how a thread is read again is `stored.py`'s
business, and how a run begins on one `begin.py`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from typing_extensions import override

from graphflow._change import Change
from graphflow._core.effects import Hold, Load, Program, Save, Settle, Write, made
from graphflow._core.form import Place
from graphflow._core.ids import origin_of
from graphflow._core.ledger import Ledger
from graphflow._core.manifest import Sealed
from graphflow._core.packing import Asked, Packed, Packing
from graphflow._core.stored import unstored
from graphflow.checkpoint._frame import framed
from graphflow.checkpoint.records import (
    BARRIER,
    JOURNAL,
    RUN,
    STOP,
    TASK,
    Branch,
    Commit,
    Record,
)

if TYPE_CHECKING:
    from graphflow._core.asking import Question
    from graphflow._core.state import RunState, Task
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.codec import Codec

_LOOSE: Final = frozenset((TASK, JOURNAL))


Elsewhere: TypeAlias = tuple[int, int, bytes]
"""A branch, and the kind of a record that is stored there, and its packed form."""


@final
class Log(Packing):
    """Where a run is in the log of its thread.

    Attributes:
        hold: the run's place on the thread within this process.
        ledger: where the thread's log is written on.
        ns: the namespace of a graph that is run inside another, or "".
        space: the name of the branches of such a graph, if it is edited from outside.
        target: the branch of it that is edited, or None.
        around: the checkpoints that the runs around it are at, by their namespaces.
        passing: whether what it comes to is stored by the run around it, as a task's result.
        branch: the branch that is written to.
        line: the branches that it comes from, itself first, each with its last record that counts.
        earlier: the number of the run that this one goes on from, or what that one's checkpoints
            are stored with; None if there is none.
        again: the epoch that is part of the ids of the tasks of the superstep that is run again.
        last: the branch and the number of the last checkpoint, or None.
        before: those of the checkpoint before it, or None.
        carried: what is stored with what is stored next, in the branches of graphs inside that are
            taken along.
        foreign: values of channels that the graph no longer has; kept for when it has them again.
        loose: the numbers of records of tasks, which the next barrier drops.
        kept: the tasks of this superstep whose records are stored.
    """

    __slots__ = (
        "_alone",
        "_branches",
        "_given",
        "_left",
        "_origin",
        "_unstored",
        "again",
        "around",
        "before",
        "branch",
        "carried",
        "earlier",
        "foreign",
        "hold",
        "kept",
        "last",
        "ledger",
        "line",
        "loose",
        "ns",
        "passing",
        "space",
        "target",
    )

    def __init__(  # noqa: PLR0913 - made in two places
        self,
        graph: "Topology",
        asked: Asked,
        codec: "Codec",
        clock: Callable[[], int],
        ledger: Ledger,
        *,
        alone: bool = True,
    ) -> None:
        """Begin before the thread has been read.

        Args:
            graph: what is run.
            asked: what the caller asked for.
            codec: packs what is stored.
            clock: tells the time.
            ledger: where the log is written on.
            alone: whether nobody else writes while none of its own tasks runs: not so for a graph
                that is run inside another, beside which others run.
        """
        self.hold: Hold | None = None
        self.ledger = ledger
        self.ns = self.space = ""
        self.target: int | None = None
        self.around: dict[str, str] = {}
        self.passing = False
        self._alone = alone
        super().__init__(graph, asked, codec, clock)

    def twin(self, asked: Asked) -> "Log":
        """Return a log of the same thread for another task; whoever uses it, uses it alone."""
        other = Log(self.graph, asked, self.codec, self.clock, self.ledger)
        other.hold = self.hold
        return other

    @override
    def reset(self) -> None:
        """Be before the thread has been read; a run that begins may have to read it again."""
        super().reset()
        self.branch = 0
        self.line: Sequence[tuple[int, int]] = ()
        self.last: tuple[int, int] | None = None
        self.before: tuple[int, int] | None = None
        self.carried: list[Elsewhere] = []
        self.foreign: dict[str, Any] = {}
        self.earlier: int | Mapping[str, Any] | None = None
        self.loose: list[int] = []
        self.kept: set[Place] = set()
        self._origin: str | None = None
        self._left: list[Packed] = []
        self.again: int | None = None
        self._given = False
        self._unstored = 0
        self._branches: tuple[Branch, ...] = ()

    @property
    def origin(self) -> str:
        """What stands for the branch in the ids of tasks."""
        if self._origin is None:
            epoch = self.again
            if epoch is None:
                epoch = 0 if self.ending is None or not self._alone else self.ledger.epoch
            self._origin = origin_of(self.asked.thread, self.branch, epoch)
        return self._origin

    # ----------------------------------------------------------------------------- the beginning

    def fork(self, parent: int, fork: int) -> None:
        """Go on in a new branch from a record of another; from none, where the thread is new."""
        self.add_branch(self.space, parent, fork)

    def inner_branch(self, ns: str, parent: int, fork: int) -> int:
        """Add a branch of a graph inside; it is stored with what is stored next."""
        branch = Branch(self.ledger.new_branch(), ns, parent, fork, 0)
        self._branches = (*self._branches, branch)
        self.ledger.branches[ns] = branch
        return branch.id

    def add_branch(self, ns: str, parent: int, fork: int) -> None:
        """Go on in a new branch of a namespace; it is stored with what is stored next."""
        self.branch = self.ledger.new_branch()
        self._origin = None
        branch = Branch(self.branch, ns, parent, fork, 0)
        self._branches = (*self._branches, branch)
        if ns:
            self.ledger.branches[ns] = branch

    def announce(self, run_id: str, source: str, step: int, given: Sequence[object]) -> bytes:
        """Return the packed record of a run that begins; an input is a checkpoint of its own.

        Raises:
            CodecError: if the input or the metadata cannot be stored.
        """
        packed = self.pack_run(run_id, source, step, given)
        self._given = source == "input"
        if not self._alone:
            self.run = 0  # the record before the barrier's, as long as its number is not known
            if self._given and self.ending is not None:
                self._pass(0)
            return packed
        self.sign()
        self.run = self.ledger.seq + 1
        if self._given:
            self._pass(self.run)
        return packed

    def sign(self) -> None:
        """Begin to sign commits with a token of this run's own, to know them again."""
        self.ledger.sign()
        self.time = self.clock()

    def _pass(self, seq: int) -> None:
        """Note that a record is the last checkpoint; one that is not stored has a number, too."""
        if self.ending is None:
            self.before = self.last
            self.last = (self.branch, seq)
        else:
            self._unstored += 1
            self.last = (self.branch, unstored(self.ledger.seq, self._unstored))

    def start(
        self,
        rows: Sequence[Packed],
        *,
        values: Mapping[str, Any] | None = None,
        inside: Sequence[Elsewhere] = (),
    ) -> Program[bool]:
        """Store that the run began, and take the thread's next epoch.

        A run that goes on beside others of this process joins their epoch, or it would end them.

        Args:
            rows: the record of the run, and what is stored at once with it: barriers, and
                records of the superstep that is due then.
            values: the values after the last barrier.
            inside: what is stored in branches of graphs inside it.

        Returns:
            Whether that was done; else the thread is not where it was when it was read.
        """
        hold = self.hold
        assert hold is not None, "a run enters its thread before it begins"
        ledger = self.ledger
        joins = ledger.epoch > 0 and (hold.beside or hold.shares(ledger.epoch))
        # A new thread does not begin at 1: a run of one that was deleted must not fit to it.
        first = ledger.epoch or int(ledger.make_id()[:10], 16)
        epoch = ledger.epoch if joins else first + 1
        stored: Sequence[Packed] = rows if self.ending is None else ()
        records = self._rows(stored)
        records += [
            Record(seq, branch, kind, framed(packed, seq))
            for seq, (branch, kind, packed) in enumerate(
                (*inside, *self.carried), ledger.seq + len(records) + 1
            )
        ]
        if not made((yield from Save(self._commit(records, epoch), wait=True))):
            return False
        hold.took(epoch)
        self.carried = []
        ledger.epoch = epoch
        ledger.seq += len(records)
        self._origin = None
        self._branches = ()
        self._begin(rows, stored, ledger.seq - len(records) + 1, values)
        return True

    def enter(
        self, rows: Sequence[Packed], *, values: Mapping[str, Any] | None = None
    ) -> Program[bool]:
        """Store that the run began, inside another or not; see `start`."""
        if self._alone:
            return (yield from self.start(rows, values=values))
        yield from self.join(rows, values=values)
        return True

    def join(
        self, rows: Sequence[Packed], *, values: Mapping[str, Any] | None = None
    ) -> Program[None]:
        """Store that a run inside another began; see `start`."""
        stored: Sequence[Packed] = rows if self.ending is None else ()
        first = 0
        if stored:
            first = yield from self._save(stored, wait=self.asked.durability != "async")
            self.run = first
        self._begin(rows, stored, first, values)

    def _begin(
        self,
        rows: Sequence[Packed],
        stored: Sequence[Packed],
        first: int,
        values: Mapping[str, Any] | None,
    ) -> None:
        """Note what was stored of a run that began, from which record on."""
        ending = self.ending
        if ending is not None:
            ending.begun, ending.values = True, values or {}
            ending.held = [row for row in rows if row[0] not in (RUN, BARRIER)]
            if ending.last is not None:
                self._pass(0)
        for seq, (kind, packed) in enumerate(stored, first):
            if kind == BARRIER:
                self.manifest.grow(len(packed))
                self._pass(seq)
            elif kind in _LOOSE:
                self.loose.append(seq)
            elif kind == RUN and not self._alone and self._given:
                self._pass(seq)

    # ------------------------------------------------------------------------------- the barrier

    def barrier(self, state: "RunState") -> Program[None]:
        """Store the barrier that was noted, and with it a snapshot if one is due.

        Raises:
            ThreadBusyError: if another process has taken the thread over.
        """
        if self.kept:
            self.kept.clear()
        if self.again is not None:
            self.again = self._origin = None
        if self.ending is not None:
            self.ending.values, self.ending.held = state.values, []
            self._pass(0)
            return
        packed, self._packed = self._packed, b""
        wait = self.asked.durability != "async"
        if self.manifest.grow(len(packed)) or self.loose or not self._alone:
            drop, self.loose = self.loose, []
            seal = self._sealed(state.values, 1) if self.manifest.due else None
            seq = yield from self._save(((BARRIER, packed),), drop, seal, wait=wait)
        else:
            # What `_save` does, written out: this is on the path of nearly every superstep, and
            # each generator that an effect passes through costs it, as does each call. Nobody
            # else writes: no task runs.
            ledger = self.ledger
            seq, epoch = ledger.seq + 1, ledger.epoch
            row = Record(seq, self.branch, BARRIER, framed(packed, seq))
            token = ledger.signature()
            commit = Commit(
                ledger.thread, epoch, seq - 1, epoch, ledger.current, token, self.time, (row,)
            )
            answer = yield Save(commit, wait)
            if answer is True or made(answer):
                ledger.seq = seq
            else:
                seq = yield from self._save(((BARRIER, packed),), wait=wait)
        self.before, self.last = self.last, (self.branch, seq)

    def _sealed(self, values: Mapping[str, Any], ahead: int) -> Sealed:
        """Return a snapshot of the record that is so far ahead."""
        kept = {**self.foreign, **values} if self.foreign else values
        return self.manifest.seal(self.codec, kept, self.branch, self.ledger.seq + ahead)

    # ------------------------------------------------------------------ tasks, and their failures

    def keep(self, places: Sequence[Place], rows: Sequence[Packed]) -> Program[None]:
        """Store how tasks have ended, while their superstep goes on."""
        asks = any(kind == STOP for kind, _ in rows)  # which is shown, so it must be there
        yield from self._save_loose(rows, wait=asks or self.asked.durability != "async")
        self.kept.update(places)

    def _save_loose(self, rows: Sequence[Packed], *, wait: bool = True) -> Program[None]:
        """Store records, and note which of them the next barrier drops."""
        first = yield from self._save(rows, wait=wait)
        self.loose += [first + at for at, (kind, _) in enumerate(rows) if kind in _LOOSE]

    def store(self, place: Place, key: str, result: object) -> Program[None]:
        """Store a result that a running task keeps; at the run's end, if it stores then only.

        Raises:
            CodecError: if it cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        rows = [(JOURNAL, self.pack_result(place, key, result))]
        if self.ending is not None:
            self.ending.held += rows
            return
        yield from self._save_loose(rows)

    def stop(  # noqa: PLR0913 - all that there is to say
        self,
        state: "RunState",
        tasks: Sequence[bytes],
        errors: "Sequence[tuple[Task, BaseException]]",
        changes: dict[str, Change] | None,
        asked: "Sequence[tuple[Task, Sequence[Question]]]",
        *,
        paused: bool = False,
    ) -> Program[None]:
        """Store that a superstep came to no end, and what its tasks had returned.

        Args:
            state: the state before the superstep.
            tasks: the packed records of tasks that are not stored yet.
            errors: the tasks that failed, with what they raised.
            changes: what the tasks that ended well would change, or None if that is not known.
            asked: the tasks that wait, with what they ask.
            paused: whether a graph inside it was to stop where it is.
        """
        stop = self.pack_stop(errors, changes, asked, paused=paused)
        rows = [*((TASK, each) for each in tasks), (STOP, stop)]
        yield from self._save_loose([*self.rest(state.values), *rows])

    def pause(self, state: "RunState", *, asked: bool) -> Program[None]:
        """Store that the run ends between two supersteps, though there is something to do."""
        rows = [(STOP, self.pack_stop([], {}, paused=asked))]
        yield from self._save([*self.rest(state.values), *rows], wait=True)

    @override
    def run_of(self) -> Sequence[int]:
        """Return the epoch that is part of the ids of the tasks, where it is."""
        if self.again is not None:
            return (self.again,) if self.again else ()
        return () if self.ending is None or not self._alone else (self.ledger.epoch,)

    # ---------------------------------------------------------------------------------- the end

    def finish(self, state: "RunState") -> Program[None]:
        """Store what is not stored yet, and wait for what is on its way.

        Raises:
            CodecError: if a value cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        if records := [] if self.passing else self.rest(state.values):
            seal = self._sealed(state.values, len(records)) if self.manifest.due else None
            yield from self._save(records, seal=seal, wait=True)
        elif self.asked.durability == "async":
            yield from Settle()

    def left(self) -> Commit | None:
        """Return the commit of a run that was left, if it would have stored more at its end."""
        ending = self.ending
        if ending is None or not ending.begun or (ending.last is None and not ending.held):
            return None
        self._left = self._left or self.rest(ending.values)
        return self._commit(self._rows(self._left), self.ledger.epoch) if self._left else None

    def forget_left(self) -> None:
        """Note that what was left is stored."""
        self._left = []

    # ------------------------------------------------------------------------------------ saving

    def _save(
        self,
        records: Sequence[Packed],
        drop: Sequence[int] = (),
        seal: Sealed | None = None,
        *,
        wait: bool,
    ) -> Program[int]:
        """Store records, numbered on from the thread's last one; return the number of the first.

        Raises:
            ThreadBusyError: if another process has taken the thread over.
        """
        ledger = self.ledger
        first = 0

        def put() -> Commit:
            nonlocal first
            first = ledger.seq + 1
            commit = self._commit(self._rows(records), ledger.epoch, drop, seal)
            ledger.seq += len(records)
            return commit

        while not made((yield from Write(put, wait))):
            head = yield from Load(lambda store: store.head(ledger.thread))
            ledger.catch_up(head)
        self._branches = ()
        return first

    def _rows(self, records: Sequence[Packed]) -> list[Record]:
        """Return records as they come to stand behind the thread's last one."""
        return [
            Record(seq, self.branch, kind, framed(packed, seq))
            for seq, (kind, packed) in enumerate(records, self.ledger.seq + 1)
        ]

    def _commit(
        self,
        rows: Sequence[Record],
        epoch: int,
        drop: Sequence[int] = (),
        seal: Sealed | None = None,
    ) -> Commit:
        """Return a commit of records behind the thread's last one."""
        ledger = self.ledger
        return Commit(
            ledger.thread,
            ledger.epoch,
            ledger.seq,
            epoch,
            ledger.current,
            ledger.signature(),
            self.time,
            rows,
            self._branches,
            None if seal is None else seal.at(ledger.seq + len(rows)),
            () if seal is None else seal.blobs,
            drop,
        )
