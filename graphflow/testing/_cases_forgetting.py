"""The cases of the store suite that are about forgetting: `prune` and `delete_thread`."""

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.testing._cases import Cases
from graphflow.testing._line import Line, content, expect, shape, shapes

__all__ = ("ForgettingCases",)


def _forked(line: Line) -> None:
    """Write two branches of which each has snapshots; blob 2 is in snapshots of both."""
    line.write(b"1", b"2", branches=[Branch(1, "", 0, 0, 0)])
    line.write(snapshot=Snapshot(1, 2, b"at 2", (1, 2)), blobs=[(1, b"one"), (2, b"two")])
    line.write(b"3", branch=2, branches=[Branch(2, "", 1, 2, 0)])
    line.write(snapshot=Snapshot(2, 3, b"at 3", (2, 3)), blobs=[(3, b"three")])
    line.write(b"4", b"5", branch=1)
    line.write(snapshot=Snapshot(1, 5, b"at 5", (4,)), blobs=[(4, b"four")])


class ForgettingCases(Cases):
    """Forgetting."""

    def test_prune_forgets_below_its_base(self) -> None:
        """Records and snapshots of the branch below the base go; the base and all above stay."""
        with self.opened() as store:
            _forked(Line(store))
            before = shape(store.head("a thread"))
            store.prune("a thread", 1, 4)
            expect(
                [record.seq for record in store.records("a thread")] == [3, 4, 5],
                "prune() must forget the branch's records below its base, not the base, and none "
                "of other branches",
            )
            expect(store.snapshot("a thread", 1, 4) is None, "snapshots below the base must go")
            expect(store.snapshot("a thread", 1, 5) is not None, "later snapshots must stay")
            expect(store.snapshot("a thread", 2, 3) is not None, "other branches' must stay")
            expect(shape(store.head("a thread")) == before, "prune() must not change the head")

    def test_prune_keeps_a_snapshot_of_its_base(self) -> None:
        """The base and a snapshot of it stay."""
        with self.opened() as store:
            _forked(Line(store))
            store.prune("a thread", 1, 5)
            expect(
                [record.seq for record in store.records("a thread", branch=1)] == [5],
                "prune() must keep the record that is the base",
            )
            expect(
                shape(store.snapshot("a thread", 1, 5)) == (1, 5, b"at 5", (4,)),
                "prune() must keep a snapshot of the base",
            )

    def test_prune_writes_down_its_base(self) -> None:
        """The branch has the base afterwards, and a lower one does not take it back."""
        with self.opened() as store:
            _forked(Line(store))
            store.prune("a thread", 1, 4)
            wanted = [(1, "", 0, 0, 4), (2, "", 1, 2, 0)]
            expect(
                shapes(store.branches("a thread")) == wanted,
                "prune() must set the base of its branch and of no other",
            )
            store.prune("a thread", 1, 2)
            expect(
                shapes(store.branches("a thread")) == wanted,
                "what was forgotten stays so: a lower base must not replace a higher one",
            )

    def test_a_blob_that_another_branch_names_stays(self) -> None:
        """A blob goes only when no snapshot of any branch names it."""
        with self.opened() as store:
            _forked(Line(store))
            store.prune("a thread", 1, 5)
            expect(
                dict(store.blobs("a thread", [1, 2, 3, 4])) == {2: b"two", 3: b"three", 4: b"four"},
                "prune() must forget the blobs that nobody names, and keep those that a snapshot "
                "of another branch names",
            )
            store.prune("a thread", 2, 4)
            expect(
                dict(store.blobs("a thread", [1, 2, 3, 4])) == {4: b"four"},
                "a blob must go with the last snapshot that names it",
            )

    def test_a_blob_that_nobody_names_goes(self) -> None:
        """A blob whose snapshot was replaced goes with the next `prune`."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"1", branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, b"one")])
            line.write(snapshot=Snapshot(1, 1, b"", (2,)), blobs=[(2, b"two")])
            store.prune("a thread", 1, 1)
            expect(
                dict(store.blobs("a thread", [1, 2])) == {2: b"two"},
                "prune() must forget a blob that no snapshot names",
            )

    def test_pruning_what_is_not_there_is_no_error(self) -> None:
        """An unknown thread or branch is passed over, and nothing is forgotten."""
        with self.opened() as store:
            _forked(Line(store))
            before = content(store, "a thread", range(5))
            store.prune("none", 1, 9)
            store.prune("a thread", 77, 9)
            expect(
                content(store, "a thread", range(5)) == before and store.head("none") is None,
                "prune() of what is not there must change nothing",
            )

    def test_a_pruned_thread_goes_on(self) -> None:
        """After `prune`, commits follow on the same head."""
        with self.opened() as store:
            line = Line(store)
            _forked(line)
            store.prune("a thread", 1, 5)
            line.write(b"6", blobs=[(5, b"five")])
            expect(
                [record.seq for record in store.records("a thread")] == [3, 5, 6],
                "a thread must go on after it was pruned",
            )

    def test_delete_forgets_everything(self) -> None:
        """A thread that was deleted is as if it had never been, and others are as before."""
        with self.opened() as store:
            _forked(Line(store))
            _forked(Line(store, "another"))
            before = content(store, "another", range(5))
            store.delete_thread("a thread")
            expect(
                content(store, "a thread", range(5)) == [(), [], [], [], {}]
                and store.snapshot("a thread", 1, 9) is None,
                "delete_thread() must forget the head, branches, records, snapshots and blobs",
            )
            expect(
                content(store, "another", range(5)) == before,
                "delete_thread() must leave other threads as they are",
            )
            expect(
                [info.thread_id for info in store.list_threads()] == ["another"],
                "delete_thread() must take the thread from the list",
            )

    def test_deleting_what_is_not_there_is_no_error(self) -> None:
        """An unknown thread may be deleted."""
        with self.opened() as store:
            store.delete_thread("none")

    def test_a_deleted_thread_can_begin_anew(self) -> None:
        """A thread of the same name begins empty, and the old one's writer is refused."""
        with self.opened() as store:
            old = Line(store)
            _forked(old)
            store.delete_thread("a thread")
            Line(store).write(b"new")
            expect(
                content(store, "a thread", range(5))[1:] == [[], [(1, 1, 3, b"new")], [], {}],
                "a thread that begins anew must have nothing of the one that was deleted",
            )
            expect(
                store.snapshot("a thread", 1, 99) is None,
                "a thread that begins anew must have no snapshots of the one that was deleted",
            )
