"""What a path leads to, found out before SQLite may change anything there."""

import sqlite3
from contextlib import closing
from pathlib import Path
from stat import S_ISREG
from typing import Final
from urllib.parse import quote

from graphflow.checkpoint.sqlite._errors import FAILURES, damaged, is_damage, translated
from graphflow.checkpoint.sqlite._schema import APPLICATION_ID, check_mark, is_marked, not_ours
from graphflow.errors import ForeignStoreError, StoreUnavailableError

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
    # The first way reads the file alone; the second also what another program has yet to move
    # into it from its WAL.
    for options in ("mode=ro&immutable=1", "mode=ro"):
        try:
            with closing(sqlite3.connect(uri(path, options), uri=True)) as connection:
                is_marked(connection.cursor(), place)
        except FAILURES as error:
            if is_damage(error):
                raise not_ours(set(), place) from error
            raise translated(error, place) from error
