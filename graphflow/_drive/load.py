"""The one place that imports our own modules late: each driver when it is first used.

So `import graphflow` loads neither asyncio nor anyio nor a thread pool, and a program without
async nodes never does.
"""

# ruff: noqa: PLC0415 - late imports are what this module is for

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context
    from typing import Any

    from graphflow._core.state import Run, RunState
    from graphflow._drive.asynchronous import AsyncStream
    from graphflow._drive.portal import PortalSide
    from graphflow._drive.threads import Stream, ThreadCrew


def ainvoke(run: "Run", given: object, context: "Context") -> "Coroutine[Any, Any, RunState]":
    """Run to the end on the running event loop."""
    from graphflow._drive.asynchronous import ainvoke

    return ainvoke(run, given, context)


def astream(run: "Run", given: object, context: "Context") -> "AsyncStream":
    """Prepare a stream on the running event loop."""
    from graphflow._drive.asynchronous import AsyncStream

    return AsyncStream(run, given, context)


def invoke(run: "Run", given: object, context: "Context") -> "RunState":
    """Run to the end without an event loop."""
    from graphflow._drive.threads import invoke

    return invoke(run, given, context)


def stream(run: "Run", given: object, context: "Context") -> "Stream":
    """Prepare a stream without an event loop."""
    from graphflow._drive.threads import Stream

    return Stream(run, given, context)


def portal_side(crew: "ThreadCrew") -> "PortalSide":
    """Prepare the part of a crew that needs an event loop."""
    from graphflow._drive.portal import PortalSide

    return PortalSide(crew)
