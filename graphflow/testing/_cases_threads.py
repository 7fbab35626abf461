"""The cases of the store suite that are about whole threads, their ids, and large things."""

from graphflow.checkpoint.base import Branch, Snapshot
from graphflow.errors import CheckpointError
from graphflow.testing._cases import Cases
from graphflow.testing._line import Line, content, expect, shape, shapes

__all__ = ("ThreadCases",)

_HOSTILE = (
    "",
    " ",
    "'",
    '"',
    "'; DROP TABLE thread; --",
    "%s {0} ? :1 $1",
    "\\",
    "\0",
    "a",
    "a\0",
    "a\0b",
    "A",
    "\n\r\t",
    "é",
    "e\u0301",
    "\U0001f600",
    "\ud83d\ude00",
    "\ud800",
    "\udfff",
    "\ufeff",
    "../../etc/passwd",
    "1",
    "1.0",
    "x'00'",
    "None",
)
_MOST = 2**63 - 1
_MEGABYTE = 1 << 20


class ThreadCases(Cases):
    """Whole threads."""

    def test_threads_are_listed_by_their_last_commit(self) -> None:
        """The thread that was last written to comes first, and `limit` cuts the list."""
        with self.opened() as store:
            lines = {name: Line(store, name) for name in "abc"}
            for at, name in enumerate("abca", start=1):
                lines[name].write(at=at)
            order = [("a", 4), ("c", 3), ("b", 2)]
            for limit in (None, 0, 1, 2, 3, 99):
                wanted = order if limit is None else order[:limit]
                expect(
                    shapes(store.list_threads(limit=limit)) == wanted,
                    f"list_threads(limit={limit}) must give the threads last written to, newest "
                    f"first, each with its time",
                )

    def test_a_copy_is_as_the_thread_was(self) -> None:
        """A copy has all branches, records, snapshots and blobs, and the head."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"1", b"2", branches=[Branch(7, "", 0, 0, 0), Branch(3, "ns", 7, 1, 0)])
            line.write(snapshot=Snapshot(7, 2, b"m", (1, 2)), blobs=[(1, b"one"), (2, b"two")])
            store.copy_thread("a thread", "a copy")
            expect(
                content(store, "a copy", [1, 2]) == content(store, "a thread", [1, 2]),
                "copy_thread() must copy the head, branches, records, snapshots and blobs",
            )

    def test_a_copy_is_a_thread_of_its_own(self) -> None:
        """What is done to the copy or to the original afterwards leaves the other as it is."""
        with self.opened() as store:
            line = Line(store)
            line.write(b"1", branches=[Branch(1, "", 0, 0, 0)], blobs=[(1, b"one")])
            store.copy_thread("a thread", "a copy")
            before = content(store, "a thread", [1, 2])
            copied = Line(store, "a copy")
            copied.epoch, copied.seq = line.epoch, line.seq
            copied.write(b"2", branches=[Branch(2, "", 1, 1, 0)], blobs=[(2, b"two")], drop=[1])
            store.prune("a copy", 1, 2)
            expect(
                content(store, "a thread", [1, 2]) == before,
                "writing to a copy, or pruning it, must leave the original as it is",
            )
            store.delete_thread("a thread")
            expect(
                [record.data for record in store.records("a copy")] == [b"2"],
                "deleting the original must leave the copy as it is",
            )

    def test_no_copy_over_a_thread_or_of_none(self) -> None:
        """A copy needs a source, and must not replace a thread."""
        with self.opened() as store:
            Line(store, "one").write(b"one")
            Line(store, "two").write(b"two")
            before = content(store, "two")
            for source, target in (("none", "new"), ("one", "two"), ("one", "one")):
                raised = False
                try:
                    store.copy_thread(source, target)
                except CheckpointError:
                    raised = True
                expect(raised, f"copy_thread({source!r}, {target!r}) must raise CheckpointError")
            expect(content(store, "two") == before, "a copy that is refused must change nothing")
            expect(store.head("new") is None, "a copy of no thread must make none")

    def test_a_thread_id_may_be_any_string(self) -> None:
        """Quotes, NUL, emoji, lone surrogates, the empty string: all are ids, and all different."""
        with self.opened() as store:
            for name in _HOSTILE:
                Line(store, name).write(name.encode("utf-8", "surrogatepass"))
            for name in _HOSTILE:
                expect(
                    [record.data for record in store.records(name)]
                    == [name.encode("utf-8", "surrogatepass")],
                    f"the thread {name!r} must have its own record, and no other",
                )
            expect(
                {info.thread_id for info in store.list_threads()} == {*_HOSTILE},
                "list_threads() must give ids as they were given",
            )
            store.copy_thread("\ud800", "\ud800\0'")
            store.delete_thread("\ud800")
            expect(
                store.head("\ud800") is None and store.head("\ud800\0'") is not None,
                "copy_thread() and delete_thread() must take any string",
            )

    def test_a_thread_id_may_be_long(self) -> None:
        """Ids of a million characters that differ in the last one are two threads."""
        with self.opened() as store:
            names = ["x" * _MEGABYTE + end for end in "ab"]
            for name in names:
                line = Line(store, name)
                line.write(name[-1].encode())
                line.write(b"more")
            for name in names:
                expect(
                    [record.data for record in store.records(name)] == [name[-1].encode(), b"more"],
                    "threads with long ids must each have their own records",
                )

    def test_data_may_be_large(self) -> None:
        """A record, a blob and a manifest of 10 MB come back as they were."""
        large = bytes(range(256)) * (10 * _MEGABYTE // 256)
        with self.opened() as store:
            line = Line(store)
            line.write(large, snapshot=Snapshot(1, 1, large, (1,)), blobs=[(1, large)])
            expect(
                [record.data for record in store.records("a thread")] == [large]
                and store.blobs("a thread", [1])[1] == large
                and shape(store.snapshot("a thread", 1, 1))[2] == large,
                "large records, manifests and blobs must come back as they were",
            )

    def test_data_may_be_empty(self) -> None:
        """Nothing is needed to be in a record, a blob, a manifest, a token or a namespace."""
        with self.opened() as store:
            Line(store).write(
                b"",
                token=b"",
                branches=[Branch(1, "", 0, 0, 0)],
                snapshot=Snapshot(1, 1, b"", ()),
                blobs=[(1, b"")],
            )
            expect(
                content(store, "a thread", [1])
                == [
                    (1, 1, 1, b"", 1_000_000),
                    [(1, "", 0, 0, 0)],
                    [(1, 1, 3, b"")],
                    [(1, 1, b"", ())],
                    {1: b""},
                ],
                "empty data must come back empty",
            )

    def test_numbers_may_be_large(self) -> None:
        """Numbers of records, branches, blobs and epochs go up to 2**63 - 1, and times too."""
        with self.opened() as store:
            line = Line(store, seq=_MOST - 2)
            line.write(
                b"last but one",
                branch=_MOST,
                next_epoch=_MOST - 1,
                branches=[Branch(_MOST, "", _MOST, _MOST, _MOST)],
                blobs=[(_MOST, b"x"), (_MOST - 1, b"y")],
            )
            line.write(
                b"last",
                branch=_MOST,
                next_epoch=_MOST,
                at=_MOST,
                snapshot=Snapshot(_MOST, _MOST, b"m", (_MOST, _MOST - 1)),
            )
            expect(
                content(store, "a thread", [_MOST, _MOST - 1])
                == [
                    (_MOST, _MOST, _MOST, b"token", _MOST),
                    [(_MOST, "", _MOST, _MOST, _MOST)],
                    [(_MOST - 1, _MOST, 3, b"last but one"), (_MOST, _MOST, 3, b"last")],
                    [(_MOST, _MOST, b"m", (_MOST, _MOST - 1))],
                    {_MOST: b"x", _MOST - 1: b"y"},
                ],
                "numbers up to 2**63 - 1 must come back as they were",
            )
            found = store.records("a thread", branch=_MOST, after=_MOST - 1, upto=_MOST)
            expect([record.seq for record in found] == [_MOST], "bounds may be large as well")
