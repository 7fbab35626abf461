"""A live view of a run for people: which nodes run, how many of a fan-out are done, for how long.

It is middleware of a single stream, so the chunks are not looked at, and a run that is not shown
pays nothing. Drawn with rich, which the extra `cli` brings.
"""

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

try:
    from graphflow.progress._display import Display
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "rich":
        raise
    raise ImportError(
        "graphflow.progress draws with rich, which is missing: pip install 'graphflow-engine[cli]'"
    ) from error

if TYPE_CHECKING:
    from rich.console import Console

    from graphflow.types import Middleware

__all__ = ("progress",)


class Watchable(Protocol):
    """What can be shown: the stream of one run."""

    def within(self, *middleware: "Middleware") -> Self:
        """Let middleware be around the run."""
        ...


StreamT = TypeVar("StreamT", bound=Watchable)


def progress(
    stream: StreamT, *, console: "Console | None" = None, transient: bool = False
) -> StreamT:
    """Show people how a run goes on, from the first chunk that is read to the run's end.

    On a terminal and in a notebook it is a live view, with a line for each node, and below a node
    those of the graphs that it runs. Elsewhere, in a log or a pipe, it is one plain line at the
    end of each superstep.

    Args:
        stream: what `graph.stream(...)` or `graph.astream(...)` has returned, of which nothing
            has been read.
        console: where it is drawn; on standard error if not given.
        transient: whether the live view goes away at the run's end.

    Returns:
        The stream itself: read it with `for` or `async for`. Its chunks are what they were.

    Raises:
        TypeError: if it is no stream of a graph.
    """
    if not hasattr(stream, "within"):
        msg = f"progress shows what graph.stream(...) or graph.astream(...) returns, not {stream!r}"
        raise TypeError(msg)
    return stream.within(Display(console, transient=transient))
