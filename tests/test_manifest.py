"""When a snapshot is due: often enough for who reads, seldom enough for what it costs."""

import pytest

from graphflow._change import EXTENDED, SET, Change
from graphflow._core.manifest import BARRIERS, LARGEST, SEGMENT, Entry, Manifest

LIST = ["an item"]


def changed(manifest: Manifest, change: Change, size: int = 10, times: int = 1) -> Manifest:
    """Note barriers of some size that change a list."""
    for _ in range(times):
        manifest.note({"k": change}, {"k": LIST})
        manifest.grow(size)
    return manifest


def holding(size: int, blobs: int = 1) -> Manifest:
    """Return a manifest of a list that lies in so many blobs."""
    return Manifest({"k": Entry(len(LIST), size, tuple(range(blobs)))})


def test_small_barriers_are_due_by_their_number() -> None:
    """Else a reader would replay thousands of them."""
    manifest = changed(Manifest({}), EXTENDED, times=BARRIERS - 1)
    assert not manifest.due
    assert changed(manifest, EXTENDED).due


def test_large_barriers_are_due_by_their_bytes() -> None:
    """However few they are."""
    manifest = changed(Manifest({}), EXTENDED, SEGMENT - 1)
    assert not manifest.due
    assert changed(manifest, EXTENDED, 1).due


def test_growing_says_when_to_ask() -> None:
    """A barrier after which it says no is one that is not due."""
    manifest = Manifest({})
    for _ in range(2 * BARRIERS):
        assert manifest.grow(0) is manifest.due


@pytest.mark.parametrize("blobs", [100, 500])
def test_a_long_manifest_is_written_seldom(blobs: int) -> None:
    """One names all blobs, so they would take more bytes the longer the thread is."""
    manifest = changed(holding(blobs * 50_000, blobs), EXTENDED, times=4 * blobs - 1)
    assert not manifest.due
    assert changed(manifest, EXTENDED).due


def test_a_large_state_has_larger_segments_up_to_a_bound() -> None:
    """So a thread of any length has no more than so many blobs for its size."""
    assert not changed(holding(2**40), EXTENDED, LARGEST - 1).due
    assert changed(holding(2**40), EXTENDED, LARGEST).due


def test_a_value_that_is_written_anew_waits_until_the_log_has_grown_as_much() -> None:
    """So all snapshots together take as many bytes as the log."""
    manifest = changed(holding(10 * SEGMENT), [SET, 1], 10 * SEGMENT - 1)
    assert not manifest.due
    assert changed(manifest, [SET, 1], 1).due
