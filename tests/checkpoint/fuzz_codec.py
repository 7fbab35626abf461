"""Unpacks bytes changed at random: `python -m tests.checkpoint.fuzz_codec [count] [seed]`.

With atheris installed, coverage leads the way instead, and the arguments are those of libFuzzer
(`-max_total_time=60`). Either way it fails if anything but a value or an error comes of it.
"""

import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any, Final, cast

from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.registry import Registry
from graphflow.errors import CodecError, DamagedCheckpointError, NewerFormatError
from tests.checkpoint import models
from tests.checkpoint.raw import MARK, is_mark, packed, unpacked
from tests.checkpoint.values import EVERY_KIND, ZONES, Value
from tests.checkpoint.watch import watched

OBJECTS: Final[tuple[object, ...]] = (
    models.Loud(1, [2]),
    models.Point((1,), {"a": 2}),
    models.Person("a"),
    models.Cached(1),
    models.Account(owner="a", balance=3),
    models.Open.model_validate({"x": 1, "y": {2}}),
    models.Checked(1),
    models.Pair(1, models.Pair(2)),
    models.Color.GREEN,
    models.Right.READ | models.Right.RUN,
)

# Bytes that say how long or of what kind the next thing is, and tags of modules to import.
_PIECES: Final[tuple[bytes, ...]] = (
    *(bytes([byte]) for byte in (0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, *range(0xC0, 0xE0), 0xFF)),
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\x00\x00\xff\xff",
    b"\xc9\x00\x00\x00\x10\x0f",
    b"\xc7\x05\x0f",
    b"os:system",
    b"builtins:eval",
    b"../../etc/passwd",
)


def codec() -> Codec:
    """Return a codec that knows classes of every kind."""
    registry = Registry()
    for value in OBJECTS:
        registry.learn_class(type(value))
    return Codec(registry)


def records(codec: Codec) -> list[bytes]:
    """Return what there is to change: every kind of value, alone and among others."""
    values = [*EVERY_KIND, *OBJECTS]
    return [
        *map(codec.pack, values),
        codec.pack(values),
        codec.pack({"messages": [{"role": "user", "content": "hi"}, values], "zones": ZONES}),
    ]


def mutate(rng: Random, data: bytes) -> bytes:
    """Return changed bytes: any of them, or those inside an extension whose length is put right."""
    if rng.random() < 0.7:
        with suppress(Exception):
            return packed(_changed_inside(rng, unpacked(data)))
    return _changed(rng, data)


def _changed_inside(rng: Random, value: Value) -> Value:
    """Return a value of msgpack's own with a change in one extension, or of one item."""
    kind = type(cast("object", value))
    if is_mark(value):
        code, data = value
        if rng.random() < 0.1:
            code = rng.randrange(24)
        return MARK(code, mutate(rng, data))
    if kind is list and value:
        place = rng.randrange(len(value))
        value[place] = _changed_inside(rng, value[place])
        return value
    if kind is dict and value:
        key = rng.choice([*value])
        value[key] = _changed_inside(rng, value[key])
        return value
    return unpacked(_changed(rng, packed(value)))


def _changed(rng: Random, data: bytes) -> bytes:
    """Return bytes with one or two changes, or four."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _change(rng, changed)
    return bytes(changed)


def _change(rng: Random, changed: bytearray) -> None:
    place = rng.randrange(len(changed) + 1)
    until = min(len(changed), place + rng.randint(1, 8))
    match rng.randrange(8):
        case 0:
            changed[place:until] = rng.randbytes(until - place)
        case 1:
            changed[place:until] = b""
        case 2:
            changed[place:place] = changed[place:until] * rng.randint(1, 20)
        case 3:
            changed[place:until] = rng.choice(_PIECES)
        case 4:
            changed[place:place] = rng.choice(_PIECES)
        case 5:
            changed[rng.randrange(len(changed) + 1) :] = b""
        case _:
            for at in range(place, min(until, place + 1)):
                changed[at] ^= 1 << rng.randrange(8)


def outcome(codec: Codec, data: bytes) -> str:
    """Unpack some bytes, and return what came of it.

    Raises:
        AssertionError: if it led to an event that reading must not lead to, or ran code of a class.
    """
    models.CALLS.clear()
    value, came = _unpack(codec, data)
    assert not models.CALLS, (models.CALLS, data)
    if came == "value":
        _check_stable(codec, value, data)
    return came


def _unpack(codec: Codec, data: bytes) -> tuple[Value, str]:
    with watched() as heard:
        try:
            value, came = codec.unpack(data), "value"
        except (CodecError, DamagedCheckpointError, NewerFormatError) as error:
            value, came = None, type(error).__name__
    assert not heard, (heard, data)
    return value, came


def _check_stable(codec: Codec, value: object, data: bytes) -> None:
    """Check that what was read can be written, and then has its one encoding."""
    again = codec.pack(value)
    assert codec.pack(codec.unpack(again)) == again, data


def run(count: int, seed: int) -> Counter[str]:
    """Unpack as many changed records, and count what came of them."""
    rng = Random(seed)
    subject = codec()
    originals = records(subject)
    for original in originals:
        assert outcome(subject, original) == "value"
    return Counter(outcome(subject, mutate(rng, rng.choice(originals))) for _ in range(count))


def _lead_by_coverage(arguments: list[str]) -> None:
    """Let atheris find the bytes; it does not return."""
    atheris: Any = import_module("atheris")
    subject = codec()
    originals = records(subject)

    def change(data: bytes, size: int, seed: int) -> bytes:
        rng = Random(seed)
        start = data if rng.random() < 0.9 else rng.choice(originals)
        return mutate(rng, start)[:size]

    atheris.instrument_all()
    atheris.Setup(arguments, partial(outcome, subject), custom_mutator=change)
    atheris.Fuzz()


def main(arguments: list[str]) -> None:
    """Fuzz as the command line says."""
    if find_spec("atheris") is not None:
        _lead_by_coverage(arguments)
    count, seed = [int(argument) for argument in arguments[1:]] + [100_000, 0][len(arguments) - 1 :]
    sys.stdout.write(f"{dict(run(count, seed))}\n")


if __name__ == "__main__":
    main(sys.argv)
