"""A run's hold on its thread: where in the log it is, and the programs that write to it.

What its records say is packed in `packing.py`; how a thread is read again is `stored.py`'s
business, and how a run begins on one `begin.py`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from typing_extensions import override

from graphflow._change import Change
from graphflow._core.effects import Hold, Load, Program, Save, Settle, made
from graphflow._core.form import Place
from graphflow._core.ids import origin_of
from graphflow._core.manifest import Sealed
from graphflow._core.packing import Asked, Packed, Packing
from graphflow.checkpoint._frame import framed
from graphflow.checkpoint.records import (
    BARRIER,
    JOURNAL,
    RUN,
    STOP,
    TASK,
    Branch,
    Commit,
    Head,
    Record,
)
from graphflow.errors import ThreadBusyError

if TYPE_CHECKING:
    from graphflow._core.asking import Question
    from graphflow._core.state import RunState, Task
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.codec import Codec

_LOOSE: Final = frozenset((TASK, JOURNAL))
_TOKEN: Final = 4
_UNSTORED: Final = 32


@final
class Log(Packing):
    """Where a run is in the log of its thread.

    Attributes:
        hold: the run's place on the thread within this process.
        branch: the branch that is written to.
        current: the thread's current branch; another one if this run goes on beside it.
        seq: the thread's last record.
        epoch: the epoch of the thread that this run has taken.
        last: the branch and the number of the last checkpoint, or None.
        before: those of the checkpoint before it, or None.
        foreign: values of channels that the graph no longer has; kept for when it has them again.
        loose: the numbers of records of tasks, which the next barrier drops.
        kept: the tasks of this superstep whose records are stored.
    """

    __slots__ = (
        "_branches",
        "_count",
        "_left",
        "_make_id",
        "_origin",
        "_token",
        "_unstored",
        "before",
        "branch",
        "current",
        "epoch",
        "foreign",
        "hold",
        "kept",
        "last",
        "loose",
        "seq",
    )

    def __init__(
        self,
        graph: "Topology",
        asked: Asked,
        codec: "Codec",
        clock: Callable[[], int],
        make_id: Callable[[], str],
    ) -> None:
        """Begin before the thread has been read."""
        self.hold: Hold | None = None
        self._make_id = make_id
        self._token = b""
        self._count = 0
        super().__init__(graph, asked, codec, clock)

    @override
    def reset(self) -> None:
        """Be before the thread has been read; a run that begins may have to read it again."""
        super().reset()
        self.branch = self.current = self.seq = self.epoch = 0
        self.last: tuple[int, int] | None = None
        self.before: tuple[int, int] | None = None
        self.foreign: dict[str, Any] = {}
        self.loose: list[int] = []
        self.kept: set[Place] = set()
        self._origin: str | None = None
        self._left: list[Packed] = []
        self._unstored = 0
        self._branches: tuple[Branch, ...] = ()

    @property
    def origin(self) -> str:
        """What stands for the branch in the ids of tasks."""
        if self._origin is None:
            epoch = 0 if self.ending is None else self.epoch
            self._origin = origin_of(self.asked.thread, self.branch, epoch)
        return self._origin

    # ----------------------------------------------------------------------------- the beginning

    def fork(self, parent: int, fork: int) -> None:
        """Go on in a new branch from a record of another; from none, where the thread is new."""
        self.branch = 1 + (int(self._make_id()[:8], 16) >> 1)  # four bytes in each record
        self._origin = None
        self._branches = (*self._branches, Branch(self.branch, "", parent, fork, 0))

    def announce(self, run_id: str, source: str, step: int, given: Sequence[object]) -> bytes:
        """Return the packed record of a run that begins; an input is a checkpoint of its own.

        Raises:
            CodecError: if the input or the metadata cannot be stored.
        """
        self.sign()
        packed = self.pack_run(run_id, source, step, given)
        self.run = self.seq + 1
        if source == "input":
            self._pass(self.run)
        return packed

    def sign(self) -> None:
        """Begin to sign commits with a token of this run's own, to know them again."""
        self._token = bytes.fromhex(self._make_id())[:12]
        self.time = self.clock()

    def _pass(self, seq: int) -> None:
        """Note that a record is the last checkpoint; one that is not stored has a number, too."""
        if self.ending is None:
            self.before = self.last
            self.last = (self.branch, seq)
        else:
            self._unstored += 1
            self.last = (self.branch, (self.seq << _UNSTORED) + self._unstored)

    def start(
        self, rows: Sequence[Packed], *, values: Mapping[str, Any] | None = None
    ) -> Program[bool]:
        """Store that the run began, and take the thread's next epoch.

        A run that goes on beside others of this process joins their epoch, or it would end them.

        Args:
            rows: the record of the run, and what is stored at once with it: barriers, and
                records of the superstep that is due then.
            values: the values after the last barrier.

        Returns:
            Whether that was done; else the thread is not where it was when it was read.
        """
        hold = self.hold
        assert hold is not None, "a run enters its thread before it begins"
        joins = self.epoch > 0 and (hold.beside or hold.shares(self.epoch))
        # A new thread does not begin at 1: a run of one that was deleted must not fit to it.
        first = self.epoch or int(self._make_id()[:10], 16)
        epoch = self.epoch if joins else first + 1
        ending = self.ending
        stored: Sequence[Packed] = rows if ending is None else ()
        commit = self._commit(self._rows(stored), epoch)
        if not made((yield from Save(commit, wait=True))):
            return False
        hold.took(epoch)
        self.epoch = epoch
        self._origin = None
        self._branches = ()
        if ending is not None:
            ending.begun, ending.values = True, values or {}
            ending.held = [row for row in rows if row[0] not in (RUN, BARRIER)]
            if ending.last is not None:
                self._pass(self.seq)
        for kind, packed in stored:
            self.seq += 1
            if kind == BARRIER:
                self.manifest.grow(len(packed))
                self._pass(self.seq)
            elif kind in _LOOSE:
                self.loose.append(self.seq)
        return True

    # ------------------------------------------------------------------------------- the barrier

    def barrier(self, state: "RunState") -> Program[None]:
        """Store the barrier that was noted, and with it a snapshot if one is due.

        Raises:
            ThreadBusyError: if another process has taken the thread over.
        """
        if self.kept:
            self.kept.clear()
        if self.ending is not None:
            self.ending.values, self.ending.held = state.values, []
            self._pass(self.seq)
            return
        packed, self._packed = self._packed, b""
        wait = self.asked.durability != "async"
        if self.manifest.grow(len(packed)) or self.loose:
            drop, self.loose = self.loose, []
            seal = self._sealed(state.values, 1) if self.manifest.due else None
            yield from self._save(((BARRIER, packed),), drop, seal, wait=wait)
        else:
            # What `_save` does, written out: this is on the path of nearly every superstep, and
            # each generator that an effect passes through costs it, as does each call.
            seq, epoch = self.seq, self.epoch
            self._count += 1
            token = self._token + self._count.to_bytes(_TOKEN, "big")
            row = Record(seq + 1, self.branch, BARRIER, framed(packed, seq + 1))
            commit = Commit(
                self.asked.thread, epoch, seq, epoch, self.current, token, self.time, (row,)
            )
            answer = yield Save(commit, wait)
            if answer is True or made(answer):
                self.seq = seq + 1
            else:
                yield from self._save(((BARRIER, packed),), wait=wait)
        self.before, self.last = self.last, (self.branch, self.seq)

    def _sealed(self, values: Mapping[str, Any], ahead: int) -> Sealed:
        """Return a snapshot of the record that is so far ahead."""
        kept = {**self.foreign, **values} if self.foreign else values
        return self.manifest.seal(self.codec, kept, self.branch, self.seq + ahead)

    # ------------------------------------------------------------------ tasks, and their failures

    def keep(self, places: Sequence[Place], rows: Sequence[Packed]) -> Program[None]:
        """Store how tasks have ended, while their superstep goes on."""
        asks = any(kind == STOP for kind, _ in rows)  # which is shown, so it must be there
        yield from self._save(rows, wait=asks or self.asked.durability != "async")
        self._loosen(rows)
        self.kept.update(places)

    def _loosen(self, rows: Sequence[Packed]) -> None:
        """Note which of the records that were stored last the next barrier drops."""
        first = self.seq - len(rows) + 1
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
        yield from self._save(rows, wait=True)
        self._loosen(rows)

    def stop(
        self,
        state: "RunState",
        tasks: Sequence[bytes],
        errors: "Sequence[tuple[Task, BaseException]]",
        changes: dict[str, Change] | None,
        asked: "Sequence[tuple[Task, Sequence[Question]]]",
    ) -> Program[None]:
        """Store that a superstep came to no end, and what its tasks had returned.

        Args:
            state: the state before the superstep.
            tasks: the packed records of tasks that are not stored yet.
            errors: the tasks that failed, with what they raised.
            changes: what the tasks that ended well would change, or None if that is not known.
            asked: the tasks that wait, with what they ask.
        """
        stop = self.pack_stop(errors, changes, asked)
        rows = [*((TASK, each) for each in tasks), (STOP, stop)]
        yield from self._save([*self.rest(state.values), *rows], wait=True)
        self._loosen(rows)

    def pause(self, state: "RunState", *, asked: bool) -> Program[None]:
        """Store that the run ends between two supersteps, though there is something to do."""
        rows = [(STOP, self.pack_stop([], {}, paused=asked))]
        yield from self._save([*self.rest(state.values), *rows], wait=True)

    # ---------------------------------------------------------------------------------- the end

    def finish(self, state: "RunState") -> Program[None]:
        """Store what is not stored yet, and wait for what is on its way.

        Raises:
            CodecError: if a value cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        if records := self.rest(state.values):
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
        return self._commit(self._rows(self._left), self.epoch) if self._left else None

    def forget_left(self) -> None:
        """Note that what was left is stored."""
        self._left = []

    def catch_up(self, head: Head | None) -> None:
        """Go on behind what a run beside this one, in a branch of its own, has stored.

        Raises:
            ThreadBusyError: if it was no such run, but one that has taken the thread over.
        """
        if head is None or head.epoch != self.epoch:
            raise ThreadBusyError(self.asked.thread, superseded=True)
        self.seq, self.current = head.seq, head.branch

    # ------------------------------------------------------------------------------------ saving

    def _save(
        self,
        records: Sequence[Packed],
        drop: Sequence[int] = (),
        seal: Sealed | None = None,
        *,
        wait: bool,
    ) -> Program[None]:
        """Store records, numbered on from the thread's last one.

        Raises:
            ThreadBusyError: if another process has taken the thread over.
        """
        while not made(
            (yield from Save(self._commit(self._rows(records), self.epoch, drop, seal), wait))
        ):
            head = yield from Load(lambda store: store.head(self.asked.thread))
            self.catch_up(head)
        self.seq += len(records)

    def _rows(self, records: Sequence[Packed]) -> list[Record]:
        """Return records as they come to stand behind the thread's last one."""
        return [
            Record(seq, self.branch, kind, framed(packed, seq))
            for seq, (kind, packed) in enumerate(records, self.seq + 1)
        ]

    def _commit(
        self,
        rows: Sequence[Record],
        epoch: int,
        drop: Sequence[int] = (),
        seal: Sealed | None = None,
    ) -> Commit:
        """Return a commit of records behind the thread's last one."""
        self._count += 1
        return Commit(
            self.asked.thread,
            self.epoch,
            self.seq,
            epoch,
            self.current,
            self._token + self._count.to_bytes(_TOKEN, "big"),
            self.time,
            rows,
            self._branches,
            None if seal is None else seal.at(self.seq + len(rows)),
            () if seal is None else seal.blobs,
            drop,
        )
