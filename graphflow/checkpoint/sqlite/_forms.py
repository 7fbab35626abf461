"""How strings and lists of numbers look in a column: as bytes, for not every string is text.

What cannot be read back was not written here: that is a damaged file, and an error as SQLite's.
"""

import sqlite3
import struct

__all__ = ("name_bytes", "name_string", "number_bytes", "numbers")


def name_bytes(name: str) -> bytes:
    """Return a thread's id or a namespace as it is stored; any string of Python, no two alike."""
    return name.encode("utf-8", "surrogatepass")


def name_string(data: bytes) -> str:
    """Return what `name_bytes` made bytes of."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("a name in it is no text") from error


def number_bytes(row: tuple[int, ...]) -> bytes:
    """Return numbers as they are stored: eight bytes each."""
    return struct.pack(f"<{len(row)}q", *row)


def numbers(data: object) -> tuple[int, ...]:
    """Return what `number_bytes` made bytes of."""
    if not isinstance(data, bytes) or len(data) % 8:
        raise sqlite3.DatabaseError("a list of numbers in it is none")
    return struct.unpack(f"<{len(data) // 8}q", data)
