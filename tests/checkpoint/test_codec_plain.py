"""What is taken for plain when it is read is what a look at each part of it finds, and no more."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow.checkpoint import codec as codecs
from graphflow.checkpoint._marks import mark
from graphflow.checkpoint._plain import is_plain, seems_plain
from graphflow.checkpoint.codec import Codec
from graphflow.errors import CheckpointError, DamagedCheckpointError
from tests.checkpoint.fuzz_codec import codec, mutate, records
from tests.checkpoint.raw import packed

LIMIT = 64
LONG = "x" * 2000
BESIDE = b"\x92" + packed(LONG)
"""A list of two, with a text in it that makes it long."""


def told(subject: Codec, data: bytes) -> object:
    """Return the one encoding of what is read, or what is said of it."""
    try:
        return subject.pack(subject.unpack(data))
    except CheckpointError as error:
        return type(error), str(error)


def never(_: object) -> bool:
    """Take nothing for plain."""
    return False


def told_slowly(subject: Codec, data: bytes) -> object:
    """Return the same, when each part is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "is_plain", never)
        patch.setattr(codecs, "seems_plain", never)
        return told(subject, data)


def test_changed_records_are_read_alike_both_ways() -> None:
    """Short ones, and as parts of long ones, which are looked at otherwise."""
    rng, subject = Random(11), codec()
    originals = records(subject)
    for _ in range(1500):
        data = mutate(rng, rng.choice(originals))
        assert told(subject, data) == told_slowly(subject, data)
        assert told(subject, BESIDE + data) == told_slowly(subject, BESIDE + data)


WRAPS: dict[str, Callable[[bytes], bytes]] = {
    "list": lambda inner: b"\x91" + inner,
    "dict": lambda inner: b"\x81\xa1x" + inner,
    "both": lambda inner: b"\x92\xc0\x81\xa1x" + inner,
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("inmost", [b"\x01", b"\x90", b"\x80", b"\x81\xa1x\x01", b"\x91\x80"])
def test_no_depth_is_read_otherwise(wrap: Callable[[bytes], bytes], inmost: bytes) -> None:
    """An innermost dict of atoms, which the quick look passes over, counts as well."""
    subject, data, came = Codec(), inmost, set[bool]()
    for _ in range(LIMIT + 2):
        data = wrap(data)
        for each in (data, BESIDE + data):
            found = told(subject, each)
            assert found == told_slowly(subject, each)
            came.add(isinstance(found, bytes))
    assert came == {True, False}


NATIVE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=30,
)


@given(NATIVE)
def test_what_msgpack_has_itself_is_plain(value: object) -> None:
    """However it is nested; and with a mark anywhere in it, it is not."""
    assert is_plain([value])
    assert not is_plain([value, mark(1, b"")])
    assert not is_plain({"a": [{"b": 1}, value], "c": {"d": mark(1, b"")}})


def test_usual_records_seem_plain() -> None:
    """Else nothing would be gained."""
    message = {"role": "user", "content": "Hi! " * 40, "id": "m-1"}
    form = [123_456, 7, 1, [["node", -1, "messages", [message]]], [2], ["node"]]
    assert seems_plain(packed(form))


def test_a_long_value_is_given_as_it_was_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another look at its parts."""

    def refuse(*_: Any) -> None:  # noqa: ANN401 - of anything
        raise AssertionError

    monkeypatch.setattr(Codec, "_made", refuse)
    value = [{"role": "user", "content": LONG, "calls": [{"id": 1, "args": {"x": [1.5, None]}}]}]
    assert Codec().unpack(packed(value)) == value
    with pytest.raises(DamagedCheckpointError):
        Codec().unpack(packed([LONG, {1: 2}]))
