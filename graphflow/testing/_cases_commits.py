"""The cases of the store suite that are about commits: when one is made, and that it is whole."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Barrier, Thread

from graphflow.checkpoint.base import BaseCheckpointSaver, Branch, Commit, Snapshot
from graphflow.errors import CheckpointConflict
from graphflow.testing._cases import Cases
from graphflow.testing._line import Line, content, expect, shape, shapes

__all__ = ("CommitCases",)

_ROUNDS = 20
_RIVALS = 4
_PATIENCE = 30.0


def _refused(store: BaseCheckpointSaver, commit: Commit) -> bool:
    """Return whether a commit ends in a conflict."""
    try:
        store.append(commit)
    except CheckpointConflict:
        return True
    return False


def _submitted(line: Line, count: int) -> list[Future[None]]:
    """Submit commits of a record each; return the futures of those that are not made yet."""
    waiting: list[Future[None]] = []
    for number in range(count):
        commit = line.commit(b"%d" % number)
        future = line.store.submit(commit)
        if future is not None:
            waiting.append(future)
        line.follow(commit)
    return waiting


def _at_once(calls: list[Callable[[], None]]) -> None:
    """Make calls in a thread each, all released at the same moment."""
    ready = Barrier(len(calls))

    def run(call: Callable[[], None]) -> None:
        ready.wait()
        call()

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _contend(line: Line, me: int, won: list[int]) -> None:
    """Try to make the next commit of a thread; note it if that worked."""
    if not _refused(line.store, line.commit(b"%d" % me, token=b"%d" % me)):
        won.append(me)


def _write_alone(line: Line) -> None:
    """Write a thread that nobody else writes."""
    for number in range(_ROUNDS):
        line.write(f"{line.thread} {number}".encode())


class CommitCases(Cases):
    """Commits."""

    def test_a_fresh_thread_is_empty(self) -> None:
        """What is not there is None or empty, and no error."""
        with self.opened() as store:
            expect(store.head("none") is None, "head() of an unknown thread must be None")
            expect(not [*store.branches("none")], "branches() of an unknown thread must be empty")
            expect(not [*store.records("none")], "records() of an unknown thread must be empty")
            expect(store.snapshot("none", 1, 9) is None, "snapshot() must be None if there is none")
            expect(not store.blobs("none", [1, 2]), "blobs() of an unknown thread must be empty")

    def test_the_first_commit_makes_the_thread(self) -> None:
        """A commit of epoch 0 makes a thread whose head is what the commit says."""
        with self.opened() as store:
            Line(store).write(b"one", b"two", branch=7, next_epoch=3, token=b"\0t", at=5)
            expect(
                shape(store.head("a thread")) == (7, 2, 3, b"\0t", 5),
                "after the first commit the head must have its branch, the number of its last "
                "record, its next epoch, its token and its time",
            )

    def test_token_and_time_follow_each_commit(self) -> None:
        """The head has the token and the time of the last commit."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", token=b"first", at=20)
            line.write(token=b"", at=10)
            head = store.head("a thread")
            expect(
                shape(head) == (1, 1, 1, b"", 10),
                "a commit without records must change the token and the time in the head",
            )

    def test_a_second_first_commit_is_refused(self) -> None:
        """A commit of epoch 0 conflicts with a thread that is there."""
        with self.opened() as store:
            line = Line(store)
            first = line.write()
            expect(_refused(store, first), "a commit of epoch 0 must conflict if there is a thread")
            expect(
                _refused(store, line.commit(epoch=0)),
                "a commit of epoch 0 must conflict if there is a thread, whatever its seq",
            )

    def test_a_commit_to_no_thread_is_refused(self) -> None:
        """A commit that expects a thread conflicts if there is none, and makes none."""
        with self.opened() as store:
            lost = Line(store).commit(b"lost", epoch=1, next_epoch=1)
            expect(_refused(store, lost), "a commit of epoch 1 must conflict without a thread")
            expect(store.head("a thread") is None, "a commit that was refused must make no thread")
            expect(not [*store.list_threads()], "a commit that was refused must list no thread")

    def test_another_epoch_is_refused(self) -> None:
        """A commit conflicts if the head has another epoch, be it lower or higher."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", next_epoch=5)
            for epoch in (4, 6):
                wrong = line.commit(b"two", epoch=epoch)
                expect(_refused(store, wrong), f"a commit of epoch {epoch} must conflict with 5")

    def test_another_seq_is_refused(self) -> None:
        """A commit conflicts if the head has another last record, be it lower or higher."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"1", b"2", b"3")
            for seq in (2, 4):
                wrong = line.commit(seq=seq)
                expect(_refused(store, wrong), f"a commit at record {seq} must conflict with 3")

    def test_a_new_epoch_fences_the_old_one(self) -> None:
        """After a commit that takes the next epoch, the writer of the old one is refused."""
        with self.opened() as store:
            old, new = Line(store), Line(store)
            new.follow(old.write(b"one"))
            new.write(next_epoch=2)
            expect(_refused(store, old.commit(b"late")), "a writer of an old epoch must be refused")
            new.write(b"two")
            expect(
                [record.data for record in store.records("a thread")] == [b"one", b"two"],
                "the writer of the new epoch must be able to go on",
            )

    def test_a_conflict_changes_nothing(self) -> None:
        """A commit that is refused leaves no trace of anything that it carries."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", b"two", branches=[Branch(1, "", 0, 0, 0)])
            line.write(snapshot=Snapshot(1, 2, b"old", (1,)), blobs=[(1, b"blob")])
            before = content(store, "a thread", range(9))
            stale = line.commit(
                b"lost",
                seq=1,
                next_epoch=9,
                token=b"lost",
                branches=[Branch(2, "lost", 1, 1, 0)],
                snapshot=Snapshot(1, 2, b"lost", (1, 2)),
                blobs=[(2, b"lost")],
                drop=[1],
            )
            expect(_refused(store, stale), "a commit at the wrong record must conflict")
            expect(
                content(store, "a thread", range(9)) == before,
                "a commit that was refused must change nothing: not the head, the records, the "
                "branches, the snapshots or the blobs, and it must drop nothing",
            )

    def test_a_commit_makes_all_it_carries(self) -> None:
        """Records, branches, a snapshot, blobs and drops of one commit are all made."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", b"two", branches=[Branch(1, "", 0, 0, 0)])
            line.write(
                b"three",
                branches=[Branch(2, "child", 1, 2, 0)],
                snapshot=Snapshot(1, 3, b"manifest", (4, 5)),
                blobs=[(4, b"four"), (5, b"five")],
                drop=[1],
            )
            expect(
                content(store, "a thread", [4, 5])[1:]
                == [
                    [(1, "", 0, 0, 0), (2, "child", 1, 2, 0)],
                    [(2, 1, 3, b"two"), (3, 1, 3, b"three")],
                    [(1, 3, b"manifest", (4, 5)), ()],
                    {4: b"four", 5: b"five"},
                ],
                "all that a commit carries must be there when it is made",
            )

    def test_dropping_what_is_gone_is_no_error(self) -> None:
        """A number in `drop` that no record has is passed over."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", b"two")
            line.write(drop=[1])
            line.write(b"three", drop=[1, 77])
            expect(
                [record.seq for record in store.records("a thread")] == [2, 3],
                "dropping a record that is gone must be no error, and others must stay",
            )

    def test_records_are_dropped_of_any_branch(self) -> None:
        """A commit drops records of other branches than its own."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one", branch=1)
            line.write(b"two", branch=2)
            line.write(b"three", branch=2, drop=[1])
            expect(
                [record.seq for record in store.records("a thread")] == [2, 3],
                "`drop` must drop records of whatever branch",
            )

    def test_submitted_commits_keep_their_order(self) -> None:
        """Commits of one thread that are submitted one after the other are all made."""
        with self.opened() as store:
            line = Line(store)
            for future in _submitted(line, 50):
                future.result(_PATIENCE)
            expect(
                [record.data for record in store.records("a thread")]
                == [b"%d" % number for number in range(50)],
                "commits must be made in the order in which they were submitted",
            )

    def test_a_submitted_conflict_is_told(self) -> None:
        """A conflict of a commit that was submitted comes as an error, now or by the future."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"one")
            told = False
            try:
                future = store.submit(line.commit(b"two", seq=0))
                if future is not None:
                    future.result(_PATIENCE)
            except CheckpointConflict:
                told = True
            expect(told, "submit() must tell of a conflict, by raising or by its future")

    def test_close_makes_what_was_submitted(self) -> None:
        """When `close` returns, the futures of what was submitted are done."""
        store = self.make()
        waiting = _submitted(Line(store), 20)
        store.close()
        expect(all(future.done() for future in waiting), "close() must wait for what was submitted")
        store.close()

    def test_one_of_several_rivals_wins(self) -> None:
        """Of commits that expect the same head, made at once, exactly one is made."""
        with self.opened() as store:
            line = Line(store)
            for number in range(_ROUNDS):
                won: list[int] = []

                _at_once([partial(_contend, line, me, won) for me in range(_RIVALS)])
                expect(len(won) == 1, f"of {_RIVALS} rivals one must win, and not {len(won)}")
                last = [*store.records("a thread")][-1]
                expect(
                    (last.seq, last.data) == (number + 1, b"%d" % won[0]),
                    "the record of the rival that won must be stored, and no other",
                )
                line.epoch, line.seq = 1, number + 1

    def test_threads_do_not_disturb_each_other(self) -> None:
        """Threads that are written at once have each its own records, none lost."""
        with self.opened() as store:
            names = [f"thread {number}" for number in range(_RIVALS)]
            _at_once([partial(_write_alone, Line(store, name)) for name in names])
            for name in names:
                expect(
                    [record.data for record in store.records(name)]
                    == [f"{name} {number}".encode() for number in range(_ROUNDS)],
                    "threads that are written at once must each keep their records",
                )

    def test_readers_see_whole_commits(self) -> None:
        """A reader sees all records of a commit or none while another thread writes."""
        with self.opened() as store:
            line = Line(store)
            seen: list[int] = []

            def write() -> None:
                for _ in range(_ROUNDS):
                    line.write(*[b"part"] * 10)

            def read() -> None:
                seen.extend(len([*store.records("a thread")]) for _ in range(_ROUNDS))

            _at_once([write, read])
            expect(not any(count % 10 for count in seen), "a reader must see a commit as a whole")
            expect(seen == sorted(seen), "a reader must not lose what it has seen before")

    def test_a_reader_that_has_begun_sees_whole_commits(self) -> None:
        """Records that are read on after a commit have all of that commit or nothing."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"1", b"2")
            reading = iter(store.records("a thread"))
            first = next(reading)
            line.write(b"3", b"4", drop=[2])
            seen = [first.seq, *(record.seq for record in reading)]
            expect(
                seen in ([1, 2], [1, 3, 4]),
                f"a reader that began before a commit must see all of it or nothing, not {seen}",
            )
            expect(
                len(shapes(store.records("a thread"))) == 3,  # noqa: PLR2004 - four less one
                "a reader that began later must see the commit",
            )
