"""The frame around what is stored: a checksum that is another for each place it may stand in.

It finds accidents, such as a changed bit or a record in the place of another. It is no signature.
"""

from typing import Final
from zlib import crc32

from graphflow.errors import DamagedCheckpointError

_MASK: Final = 0xFFFFFFFF
_CHECK: Final = 4


def framed(packed: bytes, number: int) -> bytes:
    """Return bytes behind their checksum, which the number of their place is part of."""
    return crc32(packed, number & _MASK).to_bytes(_CHECK, "big") + packed


def unframed(data: bytes, number: int) -> bytes:
    """Return the bytes in a frame.

    Raises:
        DamagedCheckpointError: if they are not what was written under that number.
    """
    packed = data[_CHECK:]
    if crc32(packed, number & _MASK).to_bytes(_CHECK, "big") != data[:_CHECK]:
        msg = (
            f"record {number} of the thread is damaged: its checksum is wrong, so it is not what "
            f"was written; restore the store from a copy, or delete the thread"
        )
        raise DamagedCheckpointError(msg)
    return packed
