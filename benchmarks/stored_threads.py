"""Threads that are there before a benchmark begins; each is made once in a process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, final
from weakref import finalize

from benchmarks import stored_savers
from benchmarks.library import Library
from benchmarks.measure import run_on
from benchmarks.stored_talk import HERE, SYNC, THREAD, Message, nothing, on, say_now, talk
from benchmarks.work import WrongResultError

FOLDERS = "graphflow-benchmarks-"
"""What the names of folders for stores begin with."""

_KEPT = "kept"


@final
class File:
    """A store in a file of its own, closed, with one thread."""

    def __init__(self, library: Library, messages: int) -> None:
        """Make it, by a run of so many supersteps."""
        folder = mkdtemp(prefix=FOLDERS)
        finalize(self, rmtree, folder, ignore_errors=True)
        self.path = Path(folder, "store.db")

        async def make() -> None:
            async with stored_savers.opened(library, "normal", self.path, on_loop=False) as saver:
                fill(library, messages, saver)

        run_on("none", make)

    @property
    def size(self) -> int:
        """The bytes in all files of the store."""
        return sum(each.stat().st_size for each in self.path.parent.iterdir())


@lru_cache
def in_file(library: Library, messages: int) -> File:
    """Return a store in a file, with one thread of so many messages."""
    return File(library, messages)


@lru_cache
def in_memory(library: Library, messages: int) -> Any:  # noqa: ANN401 - a saver of either library
    """Return a saver in memory, with one thread of so many messages under a name aside."""
    saver: Any = stored_savers.in_memory(library)
    fill(library, messages, saver)
    saver.copy_thread(THREAD, _KEPT)
    saver.delete_thread(THREAD)
    return saver


def said(library: Library, messages: int) -> list[Message]:
    """Return the messages of a thread as they are when it was read.

    They lie otherwise in memory than messages that were made here, which is felt when a long list
    of them is copied.
    """
    graph = talk(library, messages, in_memory(library, messages))
    found: list[Message] = graph.get_state(on(_KEPT)).values["messages"]
    return found


@asynccontextmanager
async def copied(
    library: Library, kind: stored_savers.Kind, messages: int
) -> AsyncGenerator[Any, None]:
    """Give a saver that has a thread of so many messages, to be written to."""
    if kind == "memory":
        saver = in_memory(library, messages)
        saver.copy_thread(_KEPT, THREAD)
        try:
            yield saver
        finally:
            saver.delete_thread(THREAD)
        return
    with TemporaryDirectory(prefix=FOLDERS) as folder:
        path = Path(folder, "store.db")
        copyfile(in_file(library, messages).path, path)
        async with stored_savers.opened(library, kind, path, on_loop=True) as saver:
            yield saver


def fill(library: Library, messages: int, saver: object) -> None:
    """Run the conversation to so many messages."""
    graph = talk(library, messages, saver, say_now)
    seen = len(graph.invoke(nothing(), HERE, durability=SYNC)["messages"])
    if seen != messages:
        raise WrongResultError(messages, seen)
