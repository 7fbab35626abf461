"""How strings and lists of numbers look in a column: as bytes, for not every string is text."""

import struct

__all__ = ("name_bytes", "name_string", "number_bytes", "numbers")


def name_bytes(name: str) -> bytes:
    """Return a thread's id or a namespace as it is stored; any string of Python, no two alike."""
    return name.encode("utf-8", "surrogatepass")


def name_string(data: bytes) -> str:
    """Return what `name_bytes` made bytes of.

    Raises:
        ValueError: if it never made these bytes.
    """
    return data.decode("utf-8", "surrogatepass")


def number_bytes(row: tuple[int, ...]) -> bytes:
    """Return numbers as they are stored: eight bytes each."""
    return struct.pack(f"<{len(row)}q", *row)


def numbers(data: bytes) -> tuple[int, ...]:
    """Return what `number_bytes` made bytes of.

    Raises:
        ValueError: if it never made these bytes.
    """
    if len(data) % 8:
        raise ValueError("a number was cut short")
    return struct.unpack(f"<{len(data) // 8}q", data)
