"""The one place that imports our own modules late: each driver when it is first used.

So `import graphflow` loads neither asyncio nor anyio nor a thread pool, and a program without
async nodes never does.
"""

# ruff: noqa: PLC0415 - late imports are what this module is for

from functools import cache
from typing import TYPE_CHECKING, TypeVar

G = TypeVar("G")
R = TypeVar("R")

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context
    from typing import Any

    from graphflow._core.effects import Program
    from graphflow._core.state import Run, RunState
    from graphflow._drive.asynchronous import AsyncStream
    from graphflow._drive.portal import PortalSide
    from graphflow._drive.shows import Splitting
    from graphflow._drive.storing import BlockingStoring
    from graphflow._drive.threads import Stream
    from graphflow._drive.waiting import LoopStoring
    from graphflow.checkpoint.base import BaseCheckpointSaver


@cache
def ainvoke() -> (
    "Callable[[Run, G, Context, Callable[[Run, G], Program[R]]], Coroutine[Any, Any, R]]"
):
    """Return what performs a program on the running event loop."""
    from graphflow._drive.asynchronous import ainvoke

    return ainvoke


@cache
def astream() -> "type[AsyncStream]":
    """Return the stream on the running event loop."""
    from graphflow._drive.asynchronous import AsyncStream

    return AsyncStream


@cache
def invoke() -> "Callable[[Run, G, Context, Callable[[Run, G], Program[R]]], R]":
    """Return what performs a program without an event loop."""
    from graphflow._drive.threads import invoke

    return invoke


@cache
def supersteps() -> "Callable[[Run, object], Program[RunState]]":
    """Return the program of a run."""
    from graphflow._core.superstep import supersteps

    return supersteps


@cache
def stream() -> "type[Stream]":
    """Return the stream without an event loop."""
    from graphflow._drive.threads import Stream

    return Stream


@cache
def read_store() -> "Callable[[BaseCheckpointSaver, Callable[[], R]], Coroutine[Any, Any, R]]":
    """Return what calls a function that reads a store, on the running event loop."""
    from graphflow._drive.waiting import read_store

    return read_store


@cache
def loop_storing() -> "type[LoopStoring]":
    """Return a run's dealings with its store on an event loop."""
    from graphflow._drive.waiting import LoopStoring

    return LoopStoring


@cache
def blocking_storing() -> "type[BlockingStoring]":
    """Return a run's dealings with its store without an event loop."""
    from graphflow._drive.storing import BlockingStoring

    return BlockingStoring


@cache
def waits_here() -> "Callable[[], bool]":
    """Return what tells whether an event loop runs here that must not be held up."""
    from graphflow._drive.loop import waits_here

    return waits_here


@cache
def splitting() -> "type[Splitting]":
    """Return what divides the chunks of a run whose stream a task reads."""
    from graphflow._drive.shows import Splitting

    return Splitting


@cache
def surrounded() -> "Callable[[Run, Context, Program[R]], Program[R]]":
    """Return what puts a run's program inside what its middleware makes for it."""
    from graphflow._drive.surround import surrounded

    return surrounded


@cache
def loop_here() -> "Callable[[], bool]":
    """Return what tells whether any event loop runs here."""
    from graphflow._drive.loop import loop_here

    return loop_here


@cache
def portal_side() -> "type[PortalSide]":
    """Return the part of a crew of threads that needs an event loop."""
    from graphflow._drive.portal import PortalSide

    return PortalSide
