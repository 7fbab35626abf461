"""The cases of the store suite that are about reading: order, bounds, and the nearest snapshot."""

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.testing._cases import Cases
from graphflow.testing._line import Line, expect, shape, shapes

__all__ = ("ReadingCases",)

_TWO_BRANCHES = (1, 2, 1, 1, 2)


class ReadingCases(Cases):
    """Reading."""

    def test_records_come_as_they_were_given(self) -> None:
        """A record has its number, branch, kind and bytes."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"\0\xff", b"", branch=4, kind=0)
            line.write(b"three", branch=5, kind=255)
            found = [*store.records("a thread")]
            expect(
                shapes(found) == [(1, 4, 0, b"\0\xff"), (2, 4, 0, b""), (3, 5, 255, b"three")],
                "records must come back as they were given, in the order of their numbers",
            )
            expect(all(type(record.data) is bytes for record in found), "data must be bytes")

    def test_records_have_bounds(self) -> None:
        """`after` is not included, `upto` is."""
        with self.opened() as store:
            Line(store).write(*[b"x"] * 9)
            for after in (-5, 0, 1, 4, 8, 9, 99):
                for upto in (None, -5, 0, 1, 5, 9, 99):
                    found = [r.seq for r in store.records("a thread", after=after, upto=upto)]
                    end = 9 if upto is None else min(upto, 9)
                    expect(
                        found == [*range(max(after, 0) + 1, end + 1)],
                        f"records(after={after}, upto={upto}) of nine must not be {found}",
                    )

    def test_newest_first_is_the_other_way_round(self) -> None:
        """`newest_first` turns the order round, with and without bounds or a branch."""
        with self.opened() as store:
            line = Line(store)
            for branch in _TWO_BRANCHES:
                line.write(b"x", branch=branch)
            for only in (None, 1, 2):
                for after, upto in ((0, None), (1, 4)):
                    forth = store.records("a thread", branch=only, after=after, upto=upto)
                    back = store.records(
                        "a thread", branch=only, after=after, upto=upto, newest_first=True
                    )
                    expect(
                        shapes(back) == shapes(forth)[::-1],
                        "records(newest_first=True) must be the same records in reverse",
                    )

    def test_records_of_one_branch(self) -> None:
        """`branch` leaves out the records of others, and None leaves out none."""
        with self.opened() as store:
            line = Line(store)
            for branch in _TWO_BRANCHES:
                line.write(b"x", branch=branch)
            numbers = {
                only: [record.seq for record in store.records("a thread", branch=only)]
                for only in (None, 1, 2, 3)
            }
            expect(
                numbers == {None: [1, 2, 3, 4, 5], 1: [1, 3, 4], 2: [2, 5], 3: []},
                f"records(branch=...) must be those of the branch, and not {numbers}",
            )

    def test_branches_come_in_the_order_of_their_making(self) -> None:
        """Branches come as they were given, in the order in which they were made."""
        with self.opened() as store:
            line = Line(store)
            line.write(branches=[Branch(9, "", 0, 0, 0), Branch(2, "a|b:\0\ud800", 9, 1, 3)])
            line.write(branches=[Branch(5, "", 2, 4, 0)])
            expect(
                shapes(store.branches("a thread"))
                == [(9, "", 0, 0, 0), (2, "a|b:\0\ud800", 9, 1, 3), (5, "", 2, 4, 0)],
                "branches must come back as they were given, in the order of their making",
            )

    def test_the_nearest_snapshot_is_found(self) -> None:
        """`snapshot` gives the last one of the branch that is not above the bound."""
        with self.opened() as store:
            line = Line(store)
            for seq, branch in ((3, 1), (4, 2), (7, 1)):
                snapshot = Snapshot(branch, seq, b"%d" % seq, (seq, 1))
                line.write(snapshot=snapshot, blobs=[(seq, b"x")])
            for upto, nearest in ((3, 3), (4, 3), (6, 3), (7, 7), (2**63 - 1, 7)):
                found = store.snapshot("a thread", 1, upto)
                expect(
                    shape(found) == (1, nearest, b"%d" % nearest, (nearest, 1)),
                    f"of snapshots at 3 and 7, the one for {upto} must be that at {nearest}",
                )
            expect(store.snapshot("a thread", 1, 2) is None, "no snapshot above the bound may come")
            expect(store.snapshot("a thread", 3, 9) is None, "a branch may have no snapshot")

    def test_a_snapshot_of_the_same_record_is_replaced(self) -> None:
        """A second snapshot of one record takes the place of the first."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"x", snapshot=Snapshot(1, 1, b"first", (1,)), blobs=[(1, b"x")])
            line.write(snapshot=Snapshot(1, 1, b"second", ()))
            expect(
                shape(store.snapshot("a thread", 1, 1)) == (1, 1, b"second", ()),
                "a snapshot with the same branch and seq must replace the one there was",
            )

    def test_blobs_that_are_missing_are_left_out(self) -> None:
        """`blobs` gives those there are, of this thread only."""
        with self.opened() as store:
            Line(store, "one").write(blobs=[(1, b"1"), (2, b"")])
            Line(store, "two").write(blobs=[(1, b"other"), (3, b"3")])
            found = dict(store.blobs("one", [3, 2, 1, 77, 1]))
            expect(found == {1: b"1", 2: b""}, "blobs() must give the thread's own, and no others")
            expect(dict(store.blobs("one", [])) == {}, "blobs() of no numbers must be empty")
            expect(all(type(data) is bytes for data in found.values()), "blobs must be bytes")
