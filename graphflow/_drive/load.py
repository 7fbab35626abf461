"""The one place that imports our own modules late: each driver when it is first used.

So `import graphflow` loads neither asyncio nor anyio nor a thread pool, and a program without
async nodes never does.
"""

# ruff: noqa: PLC0415 - late imports are what this module is for

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context
    from typing import Any

    from graphflow._core.state import Run, RunState
    from graphflow._drive.asynchronous import AsyncStream
    from graphflow._drive.portal import PortalSide
    from graphflow._drive.threads import Stream


def ainvoke() -> "Callable[[Run, object, Context], Coroutine[Any, Any, RunState]]":
    """Return what runs to the end on the running event loop."""
    from graphflow._drive.asynchronous import ainvoke

    return ainvoke


def astream() -> "type[AsyncStream]":
    """Return the stream on the running event loop."""
    from graphflow._drive.asynchronous import AsyncStream

    return AsyncStream


def invoke() -> "Callable[[Run, object, Context], RunState]":
    """Return what runs to the end without an event loop."""
    from graphflow._drive.threads import invoke

    return invoke


def stream() -> "type[Stream]":
    """Return the stream without an event loop."""
    from graphflow._drive.threads import Stream

    return Stream


def portal_side() -> "type[PortalSide]":
    """Return the part of a crew of threads that needs an event loop."""
    from graphflow._drive.portal import PortalSide

    return PortalSide
