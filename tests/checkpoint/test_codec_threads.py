"""One codec serves several threads at once, and itself; without C it does the same."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from threading import Barrier
from typing import Any
from zlib import crc32

from graphflow.checkpoint import codec as module
from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.registry import Registry
from tests.checkpoint.values import EVERY_KIND

THREADS = 8


def test_threads_can_share_a_codec() -> None:
    """Each gets the bytes of its own values."""
    codec = Codec()
    start = Barrier(THREADS)

    def work(number: int) -> bool:
        value = {"number": number, "all": [*EVERY_KIND], "long": "x" * 1000 * number}
        data = codec.pack(value)
        start.wait()
        return all(
            codec.pack(value) == data and codec.unpack(data)["number"] == number for _ in range(100)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


class Sealed:
    """An object that is stored in a form of its own."""

    def __init__(self, inner: object) -> None:
        """Keep what is in it."""
        self.inner = inner


def test_a_registered_encoder_may_use_the_codec() -> None:
    """To store what it has as bytes, for example to encrypt them."""
    registry = Registry()
    codec = Codec(registry)
    registry.add(
        Sealed,
        "sealed",
        lambda sealed: codec.pack(sealed.inner)[::-1],
        lambda data: Sealed(codec.unpack(data[::-1])),
    )
    value = [Sealed((1, Sealed({2}))), {"x": (Sealed("a"),)}]
    made = codec.unpack(codec.pack(value))
    assert made[0].inner[1].inner == {2}
    assert made[1]["x"][0].inner == "a"


def test_no_memory_is_kept_of_a_large_value() -> None:
    """What is kept to be used again is small."""
    codec = Codec()
    codec.pack("x" * 1_000_000)
    idle: list[Any] = vars(module)["_idle"]
    sizes = [packer.getbuffer().nbytes for packer in idle]
    assert sum(sizes) < 1_000_000


PURE = """
    from zlib import crc32
    from msgpack import fallback, Packer, unpackb
    assert Packer is fallback.Packer
    from graphflow.checkpoint.codec import Codec
    from graphflow.errors import CodecError, DamagedCheckpointError
    from tests.checkpoint.fuzz_codec import run
    from tests.checkpoint.values import EVERY_KIND, same
    codec = Codec()
    for value in (*EVERY_KIND, [*EVERY_KIND], list(range(70_000)), "x" * 70_000):
        data = codec.pack(value)
        assert same(codec.unpack(data), value)
        print(crc32(data))
    for bad in (b"", b"\\x91" * 5000, b"\\xdd\\xff\\xff\\xff\\xff", b"\\x81\\x90\\x01", b"\\1\\1"):
        try:
            codec.unpack(bad)
        except DamagedCheckpointError:
            continue
        raise AssertionError(bad)
    for bad in (bytearray(b"x"), [memoryview(b"x")], {memoryview(b"x"): 1}, True.__class__):
        try:
            codec.pack(bad)
        except CodecError:
            continue
        raise AssertionError(bad)
    assert run(500, seed=1).total() == 500
"""


def test_it_is_the_same_without_the_c_extension_of_msgpack() -> None:
    """On every kind of value, byte for byte, and on bytes that are none."""
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", dedent(PURE)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "MSGPACK_PUREPYTHON": "1"},
    )
    assert done.returncode == 0, done.stderr
    codec = Codec()
    values = (*EVERY_KIND, [*EVERY_KIND], list(range(70_000)), "x" * 70_000)

    assert done.stdout.split() == [str(crc32(codec.pack(value))) for value in values]
