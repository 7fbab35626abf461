"""What a path leads to, found out before SQLite may change anything there."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final
from urllib.parse import quote

from graphflow.checkpoint.sqlite._errors import FAILURES, PATIENCE, damaged, is_damage, translated
from graphflow.checkpoint.sqlite._schema import APPLICATION_ID, check_mark, is_store, not_ours
from graphflow.errors import DamagedCheckpointError, ForeignStoreError, StoreUnavailableError

__all__ = ("examine", "uri")

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
_JOURNALS: Final = (b"\1\1", b"\2\2")


def uri(path: Path, options: str) -> str:
    """Return what `sqlite3.connect(..., uri=True)` takes for a file."""
    return f"file:{quote(bytes(path))}?{options}"


def examine(path: Path) -> None:
    """Look at a file, if there is one; it is not changed, nor any file beside it.

    Raises:
        ForeignStoreError: if it is no store.
        NewerFormatError: if it is one of a newer graphflow.
        DamagedCheckpointError: if it was one.
        StoreUnavailableError: if it can be none, or not be read.
    """
    place = repr(str(path))
    try:
        header = _header(path, place)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreUnavailableError(
            f"the checkpoint store {place} cannot be opened ({reason}); give a path to a file in a "
            f"folder that exists, both with read and write permission"
        ) from error
    if not header:
        return
    if not header.startswith(_MAGIC[: len(header)]):
        raise ForeignStoreError(
            f"{place} is no SQLite database, so it is left as it is; give graphflow a file of its "
            f"own, one that does not exist yet"
        )
    if len(header) < _HEADER:
        raise damaged(place, "it ends within its header")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        _refuse_foreign(path, place)
        return
    check_mark(int.from_bytes(header[60:64]), place)
    if header[18:20] not in _JOURNALS:
        raise damaged(place, "its header is inconsistent")
    # Twice, for another process may be writing between one look and the next.
    if _is_short(path) and _is_short(path):
        raise damaged(place, "it was cut short")


def _is_short(path: Path) -> bool:
    """Return whether a file is shorter than its header says, and no journal has the rest."""
    for journal in ("-wal", "-journal"):
        beside = path.with_name(path.name + journal)
        if beside.exists() and beside.stat().st_size:
            return False
    header = _header(path, str(path))
    page = int.from_bytes(header[16:18])
    size = page if page > 1 else 65536  # 1 stands for what two bytes cannot say
    return path.stat().st_size < size * int.from_bytes(header[28:32])


def _header(path: Path, place: str) -> bytes:
    """Return the first bytes of a file; none if there is no file, or nothing in it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise StoreUnavailableError(
                f"the checkpoint store {place} cannot be made: there is no folder "
                f"{str(path.parent)!r}; create it first"
            ) from None
        return b""
    if not S_ISREG(mode):
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise StoreUnavailableError(
            f"the checkpoint store {place} cannot be opened: this is {what}; give a path to a file"
        )
    with path.open("rb") as file:
        return file.read(_HEADER)


def _refuse_foreign(path: Path, place: str) -> None:
    """Raise if a database has the mark or the tables of another program."""
    # The first look is at the file alone, and leaves no trace. Somebody may be writing just now,
    # or have it all in the WAL: that is seen by the second one, which waits for locks.
    with suppress(*FAILURES, DamagedCheckpointError):
        _look(path, place, "mode=ro&immutable=1")
    try:
        _look(path, place, "mode=ro")
    except FAILURES as error:
        if is_damage(error):
            raise not_ours(set(), place) from error
        raise translated(error, place) from error


def _look(path: Path, place: str, options: str) -> None:
    """Raise if a database is another program's."""
    with (
        closing(sqlite3.connect(uri(path, options), uri=True, timeout=PATIENCE)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        is_store(cursor, place)
