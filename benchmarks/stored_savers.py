"""The savers of both libraries, opened and closed behind one name for each kind."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from benchmarks.library import GRAPHFLOW, Library

Kind = Literal["memory", "normal", "full"]
"""In memory, or in a file whose commits survive the process ("normal") or a power cut ("full")."""

SYNCHRONOUS = {"normal": "PRAGMA synchronous = NORMAL", "full": "PRAGMA synchronous = FULL"}
"""What says so to SQLite."""


def has(library: Library, kind: Kind) -> bool:
    """Tell whether a library's saver of that kind is installed."""
    return kind == "memory" or find_spec(f"{library.name}.checkpoint.sqlite") is not None


def in_memory(library: Library) -> object:
    """Make a saver in memory."""
    saver: object = import_module(f"{library.name}.checkpoint.memory").InMemorySaver()
    return saver


@asynccontextmanager
async def opened(
    library: Library, kind: Kind, path: Path, *, on_loop: bool
) -> AsyncGenerator[object, None]:
    """Open a saver for runs on an event loop, or for those on this thread.

    Args:
        library: Whose.
        kind: Which.
        path: The file, if it is one that has a file.
        on_loop: Whether there is a loop; with none, nothing here waits.
    """
    if kind == "memory":
        yield in_memory(library)
        return
    savers = import_module(f"{library.name}.checkpoint.sqlite")
    if library.name == GRAPHFLOW:
        with savers.SqliteSaver(path, synchronous=kind) as saver:
            yield saver
    elif on_loop:
        loop_savers = import_module(f"{library.name}.checkpoint.sqlite.aio")
        async with loop_savers.AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            await saver.conn.execute(SYNCHRONOUS[kind])
            yield saver
    else:
        with savers.SqliteSaver.from_conn_string(str(path)) as saver:
            saver.conn.execute(SYNCHRONOUS[kind])
            yield saver
