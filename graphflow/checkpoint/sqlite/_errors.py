"""What SQLite says, in the words of graphflow: the one place where its errors are translated.

A message tells which store, what happened, and what to do about it. SQLite's own words stay, as
the cause and in the message.
"""

import sqlite3
from collections.abc import Mapping
from typing import Final, TypeAlias

from graphflow.errors import CheckpointError, DamagedCheckpointError, StoreUnavailableError

__all__ = (
    "FAILURES",
    "PATIENCE",
    "closed",
    "damaged",
    "in_use",
    "interrupted",
    "is_busy",
    "is_damage",
    "locked_out",
    "translated",
)

FAILURES: Final = (sqlite3.Error, OverflowError, UnicodeDecodeError)
"""What `sqlite3` raises: a message of SQLite that quotes a damaged file may be no text."""

Failure: TypeAlias = sqlite3.Error | OverflowError | UnicodeDecodeError

PATIENCE: Final = 30.0
"""For how many seconds another program may keep a database locked before that is an error."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_UNAVAILABLE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: (
        f"another program has kept it locked for {PATIENCE:.0f} seconds; end that program, or "
        "its open transaction"
    ),
    sqlite3.SQLITE_LOCKED: "another connection keeps it locked; end what that one has begun",
    sqlite3.SQLITE_FULL: (
        "the disk is full; make room and go on: nothing that was stored before is lost"
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk or its driver refused; see to the disk (room, quota, limits on file size): "
        "nothing that was stored before is lost"
    ),
    sqlite3.SQLITE_READONLY: (
        "it cannot be written; give the file and its folder write permission, or copy them to "
        "where they have it"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it or the files beside it (-wal, -shm) cannot be opened or made; give the file and its "
        "folder read and write permission"
    ),
    sqlite3.SQLITE_PERM: "access is denied; give the file and its folder write permission",
    sqlite3.SQLITE_PROTOCOL: "its locks do not work; move it to a local disk",
    sqlite3.SQLITE_NOLFS: "the disk takes no file of that size; move it to another",
    sqlite3.SQLITE_INTERRUPT: "the connection was interrupted from elsewhere; try again",
}

_DAMAGED: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        # All SQL is fixed, so what SQLite cannot compile or compare was changed in the file.
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_SCHEMA,
    }
)
# Extended codes of SQLITE_IOERR that tell of the file, not of the disk.
_CUT_SHORT: Final = frozenset({522, 8458})  # IOERR_SHORT_READ, IOERR_CORRUPTFS
_PYTHONS: Final = -1  # what Python itself found: bytes that cannot be what the column says


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another connection has a lock that this one needs."""
    return _code(error) & 0xFF in _BUSY


def is_damage(error: Failure) -> bool:
    """Return whether the file is not what it should be."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, UnicodeDecodeError)
    code = _code(error)
    return code & 0xFF in _DAMAGED or code in _CUT_SHORT or code == _PYTHONS


def damaged(place: str, why: str) -> DamagedCheckpointError:
    """Return the error for a store whose content is not what was written."""
    return DamagedCheckpointError(
        f"the checkpoint store {place} is damaged: {why}; stop using it, keep a copy, and go on "
        f"with a backup"
    )


def closed(place: str) -> CheckpointError:
    """Return the error for the use of a store that was closed."""
    return CheckpointError(f"the checkpoint store {place} is closed; open it anew to use it")


def in_use(place: str) -> CheckpointError:
    """Return the error for a connection whose owner has begun a transaction."""
    return CheckpointError(
        f"the connection of the checkpoint store {place} has an open transaction that is not the "
        f"store's; commit it or roll it back, open it with isolation_level=None, and leave it to "
        f"the store"
    )


def interrupted(place: str) -> CheckpointError:
    """Return the error for a change that may have been made or not, for Ctrl-C came."""
    return CheckpointError(
        f"an interrupt from the keyboard came while the checkpoint store {place} was written; what "
        f"was being stored is there as a whole, or not at all"
    )


def locked_out(place: str) -> StoreUnavailableError:
    """Return the error for a database that others keep locked."""
    return _unavailable(place, "it is locked", sqlite3.SQLITE_BUSY)


def _unavailable(place: str, what: str, primary: int) -> StoreUnavailableError:
    """Return the error for what may go better later, or elsewhere."""
    return StoreUnavailableError(
        f"the checkpoint store {place} cannot be used now ({what}): {_UNAVAILABLE[primary]}"
    )


def translated(error: Failure, place: str) -> CheckpointError:
    """Return what an error of SQLite means to the user of a store.

    Args:
        error: what `sqlite3` raised, one of `FAILURES`.
        place: the store, as messages show it.
    """
    if isinstance(error, OverflowError):
        return CheckpointError(
            f"the checkpoint store {place} takes numbers below 2**63 and data up to 1 GB ({error})"
        )
    if isinstance(error, sqlite3.ProgrammingError):
        return _misused(error, place)
    if is_damage(error) or isinstance(error, UnicodeDecodeError):
        return damaged(place, str(error))
    primary = _code(error) & 0xFF
    if primary in _UNAVAILABLE:
        return _unavailable(place, str(error), primary)
    return CheckpointError(f"the checkpoint store {place} refused a change: {_refusal(error)}")


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's extended code, if the error is SQLite's."""
    code: int = getattr(error, "sqlite_errorcode", _PYTHONS)
    return code


def _misused(error: sqlite3.ProgrammingError, place: str) -> CheckpointError:
    """Return the error for a connection that cannot be used as it is."""
    text = str(error)
    if "closed" in text:
        return closed(place)
    if "thread" in text:
        return CheckpointError(
            f"the connection of the checkpoint store {place} may only be used in the thread that "
            f"opened it; open it with sqlite3.connect(..., check_same_thread=False)"
        )
    return CheckpointError(f"the connection of the checkpoint store {place} cannot be used: {text}")


def _refusal(error: sqlite3.Error) -> str:
    """Say why SQLite did not take a change that it could have written."""
    if isinstance(error, sqlite3.IntegrityError) and "UNIQUE" in str(error):
        return f"it has a record, branch or blob of that number already ({error})"
    if isinstance(error, sqlite3.DataError):
        return f"a record, blob or thread id is larger than SQLite takes, 1 GB ({error})"
    return str(error)
