"""Arrays and scalars of numpy come back bit by bit; those that could hold code are refused."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from textwrap import dedent
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphflow.checkpoint import _codes
from graphflow.checkpoint.codec import Codec
from graphflow.errors import CheckpointError, CodecError, DamagedCheckpointError
from tests.checkpoint.raw import extension
from tests.checkpoint.watch import watched

# Not typed: numpy's own types change with the version of Python.
np: Any = import_module("numpy")
numpy_strategies: Any = import_module("hypothesis.extra.numpy")

Array: TypeAlias = Any

CODEC = Codec()

BYTES = bytes(range(64)) * 25

DTYPES: list[str] = [
    "|b1",
    *(f"{order}{kind}" for order in "<>" for kind in ("i2", "i4", "i8", "u2", "u4", "u8")),
    *(f"{order}{kind}" for order in "<>" for kind in ("f2", "f4", "f8", "c8", "c16")),
    "|i1",
    "|u1",
    *(f"{order}{kind}8[{unit}]" for order in "<>" for kind in "mM" for unit in ("ns", "D", "25s")),
    "<m8",
    "<M8",
    "|S5",
    "<U3",
    ">U3",
]


def again(value: object) -> Array:
    """Return a value after a way through bytes, on which nothing else happens."""
    data = CODEC.pack(value)
    with watched() as heard:
        made = CODEC.unpack(data)
    assert heard == []
    assert CODEC.pack(made) == data
    return made


def same(one: Array, other: Array) -> bool:
    """Tell whether two arrays or scalars are the same, bit by bit."""
    return (
        type(one) is type(other)
        and one.dtype.str == other.dtype.str
        and one.shape == other.shape
        and one.tobytes() == other.tobytes()
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_of_every_dtype_comes_back(dtype: str) -> None:
    """With its byte order."""
    if dtype[1] in "bU":
        array = np.array([True, False, True, True] * 6, dtype=dtype)
    else:
        array = np.frombuffer(BYTES, dtype)[:24]
    made = again(array.reshape(2, 3, 4))
    assert same(made, array.reshape(2, 3, 4))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_scalar_of_every_dtype_comes_back(dtype: str) -> None:
    """With its type; a scalar has the byte order of the machine."""
    array = (
        np.array([1, 0], "u1").astype(dtype) if dtype[1] in "bSU" else np.frombuffer(BYTES, dtype)
    )
    scalar = array[0]
    made = again(scalar)
    assert same(made, scalar)
    assert type(made) is type(scalar)


@given(
    numpy_strategies.arrays(
        st.sampled_from(DTYPES).map(np.dtype),
        numpy_strategies.array_shapes(min_dims=0, min_side=0),
    )
)
def test_any_array_comes_back(array: Array) -> None:
    """Of any shape, that of no dimension and those of no items too."""
    assert same(again(array), array)


def test_what_comes_back_can_be_written_to_and_has_its_own_memory() -> None:
    """As an array that was just made."""
    made = again(np.arange(6).reshape(2, 3))
    assert made.flags.writeable
    assert made.flags.owndata
    assert made.flags.c_contiguous
    made[0, 0] = 7


VIEWS: list[Callable[[Array], Array]] = [
    lambda array: array[::2],
    lambda array: array.T,
    lambda array: array[:, ::-1],
    np.asfortranarray,
    lambda array: np.broadcast_to(array[0], (3, 4)),
]


@pytest.mark.parametrize("view", VIEWS)
def test_how_an_array_lies_in_memory_has_no_part_in_its_bytes(
    view: Callable[[Array], Array],
) -> None:
    """Equal arrays have equal bytes."""
    array = view(np.arange(16).reshape(4, 4))
    assert CODEC.pack(array) == CODEC.pack(array.copy(order="C"))
    assert (again(array) == array).all()


def test_floats_keep_their_bits() -> None:
    """Those of NaN and of -0.0."""
    array = np.array([0x7FF8000000000001, 0x8000000000000000, 0xFFF0DEADBEEF0000], "u8").view("f8")
    assert same(again(array), array)
    assert all(same(again(item), item) for item in array)


@pytest.mark.parametrize("scalar", [np.str_("a\0"), np.str_(""), np.bytes_(b"a\0"), np.bytes_(b"")])
def test_a_string_keeps_the_zeros_at_its_end(scalar: Array) -> None:
    """Which an array of them does not have."""
    made = again(scalar)
    assert type(made) is type(scalar)
    assert made == scalar
    assert len(made) == len(scalar)  # equal or not, numpy takes no notice of such zeros


def test_scalars_are_keys_and_elements() -> None:
    """They are hashable."""
    value = {np.int64(1): {np.float64(2.5)}, (np.str_("a"),): 1}
    made = again(value)
    assert made == value
    assert type(next(iter(made))) is np.int64


REFUSED: dict[str, Any] = {
    "objects": np.array([object()]),
    "records": np.zeros(2, dtype=[("a", "i4")]),
    "void": np.zeros(2, dtype="V4"),
    "a void scalar": np.void(b"ab"),
    "longdouble": np.zeros(1, dtype="longdouble"),
    "longlong": np.zeros(1, dtype="longlong") if np.dtype("q").type is not np.int64 else object(),
    "a matrix": np.ma.masked_array([1, 2]),
    "strings of any width": np.array(["a"], dtype=np.dtypes.StringDType()),
    "a dtype": np.dtype("i4"),
    "bytes that are no bool": np.array([2], "u1").view("?"),
    "bytes that are no character": np.array([2**31], "u4").view("<U1"),
    "a string that is none": np.frombuffer(b"\1\0\0\0" * 3, ">U3")[0],
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_an_array_that_is_not_its_bytes_is_refused(value: Array) -> None:
    """And a subclass of one."""
    with pytest.raises(CodecError) as caught:
        CODEC.pack({"x": [value]})
    assert caught.value.path == "['x'][0]"


def array_of(dtype: str, shape: list[int], items: bytes) -> bytes:
    """Return the extension of an array, whatever it says."""
    lengths = b"".join(length.to_bytes(8, "big") for length in shape)
    head = bytes([len(dtype)]) + dtype.encode() + bytes([len(shape)])
    return extension(_codes.ARRAY, head + lengths + items)


def test_the_form_of_an_array_is_as_the_attacks_below_have_it() -> None:
    """Else they would say nothing."""
    assert CODEC.pack(np.arange(2, dtype="<i4")) == array_of("<i4", [2], b"\0\0\0\0\1\0\0\0")


ATTACKS: dict[str, bytes] = {
    "objects": array_of("|O", [1], b"\0" * 8),
    "objects of a size": array_of("|O8", [1], b"\0" * 8),
    "records": array_of("i4,i4", [1], b"\0" * 8),
    "records with objects": array_of("O,O", [1], b"\0" * 16),
    "void": array_of("|V8", [1], b"\0" * 8),
    "a dtype by another name": array_of("float64", [1], b"\0" * 8),
    "a dtype with spaces": array_of(" <f8", [1], b"\0" * 8),
    "a dtype with a needless order": array_of("<i1", [1], b"\0"),
    "strings of no width": array_of("|S0", [2**40], b""),
    "strings of a great width": array_of("|S999999999", [1], b""),
    "a negative unit": array_of("<M8[-1s]", [1], b"\0" * 8),
    "more items than there are": array_of("<i4", [2**40], b"\0" * 8),
    "fewer items than there are": array_of("<i4", [1], b"\0" * 8),
    "no items of a great shape": array_of("<i4", [0, 2**62, 2**62], b""),
    "lengths whose product is small": array_of("<i4", [2**63, 2], b""),
    "more dimensions than numpy has": array_of("|i1", [1] * 200, b"\0"),
    "a shape that is cut": extension(_codes.ARRAY, b"\x03<i4\x02" + b"\0" * 9),
    "nothing": extension(_codes.ARRAY, b""),
    "neither True nor False": array_of("|b1", [1], b"\x02"),
    "no character": array_of("<U1", [1], b"\xff\xff\xff\xff"),
    "no character in the other order": array_of(">U1", [1], b"\x00\x11\x00\x00"),
    "a scalar with too much": extension(_codes.SCALAR, b"\x03<i4" + b"\0" * 8),
    "a scalar with too little": extension(_codes.SCALAR, b"\x03<i4\0"),
    "a scalar that is an object": extension(_codes.SCALAR, b"\x02|O" + b"\0" * 8),
    "a scalar of no text": extension(_codes.SCALAR, b"\x01U\xff"),
    "a scalar of another form": extension(_codes.SCALAR, b"\x03|S1a"),
}


@pytest.mark.parametrize("data", ATTACKS.values(), ids=ATTACKS)
def test_bytes_that_are_no_array_are_damaged(data: bytes) -> None:
    """None makes numpy take memory, or an object out of a number."""
    with watched() as heard, pytest.raises(DamagedCheckpointError):
        CODEC.unpack(data)
    assert heard == []


def test_every_cut_and_every_changed_bit_of_an_array_does_no_harm() -> None:
    """It is an array or an error."""
    data = CODEC.pack([np.array(["ab", "c"]), np.array([True]), np.array([1], "M8[s]")])
    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        for attempt in (bytes(changed), data[: place // 8]):
            try:
                value = CODEC.unpack(attempt)
            except CheckpointError:
                continue
            repr(value)


WITHOUT = """
    import sys
    from graphflow.checkpoint.codec import Codec
    from graphflow.errors import CodecError
    data = bytes.fromhex(sys.argv[1])
    try:
        Codec().unpack(data)
    except CodecError as error:
        assert "import numpy" in error.reason
    else:
        raise AssertionError
    assert "numpy" not in sys.modules
    import numpy
    assert Codec().unpack(data).tolist() == [1, 2]
"""


def test_numpy_is_not_imported_to_read_an_array() -> None:
    """The error says to import it."""
    data = CODEC.pack(np.array([1, 2])).hex()
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", dedent(WITHOUT), data], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
