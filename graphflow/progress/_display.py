"""Draws the tally of a run with rich: live on a terminal, in plain lines elsewhere."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import Final, final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from graphflow.errors import GraphBubbleUp, GraphInterrupt, TaskAbandoned
from graphflow.middleware import RunInfo, SuperstepInfo
from graphflow.progress._tally import End, Row, Step, Tally
from graphflow.runtime import ExecutionInfo

_PER_SECOND: Final = 8
_BAR: Final = 24
_WIDE: Final = 70
"""How wide a terminal must be to have room for bars."""
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MARKS: Final[dict[End, str]] = {"failed": "✗", "waiting": "?", "stopped": "-", "done": "✓"}
_ASCII: Final[dict[End, str]] = {"failed": "x", "waiting": "?", "stopped": "-", "done": "+"}
_STYLES: Final[dict[End, str]] = {
    "failed": "red",
    "waiting": "yellow",
    "stopped": "dim",
    "done": "green",
}
"""The worst end first: a row is marked by the first of these that one of its tasks has."""


@cache
def _stderr() -> Console:
    """Return the console for all runs that are not given one, so that they share the terminal."""
    return Console(stderr=True)


@final
class Display:
    """Shows one run: middleware that is entered around it, its supersteps and its tasks.

    What it is told comes from many threads, so all of it passes one lock.

    Args:
        console: where it is drawn, or None for standard error.
        transient: whether a live view goes away at the end.
    """

    def __init__(self, console: Console | None = None, *, transient: bool = False) -> None:
        self.console = _stderr() if console is None else console
        self._tally = Tally()
        self._lock = Lock()
        self._began = 0.0
        self._run: RunInfo | None = None
        self._end: str | None = None
        self._live: Live | None = None
        if _is_live(self.console):
            self._live = Live(
                get_renderable=self.picture,
                console=self.console,
                refresh_per_second=_PER_SECOND,
                transient=transient,
                # What the program prints comes to stand above the view, but only where it would
                # have gone to the same terminal.
                redirect_stdout=sys.stdout.isatty() or not self.console.stderr,
            )

    @property
    def is_live(self) -> bool:
        """Whether it is drawn anew all the time, and does not consist of plain lines."""
        return self._live is not None

    @contextmanager
    def around_run(self, info: RunInfo) -> Generator[None]:
        """Show the outermost run from its beginning to its end."""
        if self._run is not None:
            yield
            return
        self._run, self._began = info, self.console.get_time()
        if self._live is not None:
            self._live.start()
        try:
            yield
        except BaseException as error:
            self._finish(error)
            raise
        self._finish(None)

    @contextmanager
    def around_superstep(self, info: SuperstepInfo) -> Generator[None]:
        """Count the tasks of a superstep."""
        ns = info.run.checkpoint_ns
        with self._lock:
            step = self._tally.begin(ns, info.step, info.nodes, self.console.get_time())
        try:
            yield
        finally:
            with self._lock:
                self._tally.close(ns, step)
            if self._live is None and not ns:
                self._say(self._line(step))

    @contextmanager
    def __call__(self, info: ExecutionInfo) -> Generator[None]:
        """Count a task."""
        task = info.task_id
        with self._lock:
            now = self.console.get_time()
            step, name = self._tally.start(info.checkpoint_ns, info.step, task, now)
        end: End = "done"
        try:
            yield
        except BaseException as error:
            end = end_of(error)
            if end == "failed":
                step.rows[name].error = told(error)
            raise
        finally:
            with self._lock:
                self._tally.end(step, name, task, self.console.get_time(), end)

    # ------------------------------------------------------------------------------- pictures

    def picture(self) -> RenderableType:
        """Return the live view as it is now."""
        with self._lock:
            now = self.console.get_time()
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(no_wrap=True)
            grid.add_column(width=_BAR if self.console.width >= _WIDE else 0)
            grid.add_column(justify="right", no_wrap=True)
            grid.add_column(justify="right", no_wrap=True)
            grid.add_column(overflow="ellipsis", no_wrap=True)
            for depth, row in self._tally.top.walk():
                grid.add_row(*self._cells(depth, row, now))
        return Group(Text(self._heading(now), style="bold"), grid)

    def _heading(self, now: float) -> str:
        """Return the first line: the graph, the superstep, the time, and how the run has ended."""
        name = "" if self._run is None else self._run.graph
        parts = [name, f"superstep {self._tally.step}", duration(now - self._began), self._end]
        return "  ".join(part for part in parts if part)

    def _cells(self, depth: int, row: Row, now: float) -> Sequence[RenderableType]:
        """Return a node's line."""
        several = row.total > 1
        count = f"{row.through}/{row.total}" if several else ""
        return (
            self._name(depth, row, now),
            ProgressBar(row.total, row.through, width=_BAR) if several else "",
            count or (f"x{row.rounds}" if row.rounds > 1 else ""),
            Text(duration(row.seconds(now)), style="cyan"),
            Text(notes(row, live=True)),
        )

    def _name(self, depth: int, row: Row, now: float) -> Text:
        """Return a node's name with its mark before it."""
        plain = self.console.options.ascii_only
        end: End | None = next((each for each in _STYLES if row.ends[each]), None)
        text = Text("  " * depth)
        if row.running:
            frame = _SPINNER[int(now * _PER_SECOND) % len(_SPINNER)]
            text.append("*" if plain else frame, style="red" if row.ends["failed"] else "blue")
        elif end is not None:
            text.append((_ASCII if plain else _MARKS)[end], style=_STYLES[end])
        else:
            text.append(" ")
        return text.append(f" {row.name}")

    def _line(self, step: Step) -> str:
        """Return the plain line of a superstep that has ended."""
        nodes: list[str] = []
        for row in step.rows.values():
            count = f" {row.through}/{row.total}" if row.total > 1 else ""
            more = notes(row, live=False)
            nodes.append(f"{row.name}{count}{f' ({more})' if more else ''}")
        seconds = duration(self.console.get_time() - step.began)
        return f"superstep {step.number}: {', '.join(nodes)}; {seconds}"

    # ------------------------------------------------------------------------------- the end

    def _finish(self, error: BaseException | None) -> None:
        """Show how the run has ended, for the last time."""
        waits = any(row.ends["waiting"] for row in self._tally.top.rows.values())
        if error is None:
            self._end = "waits for an answer" if waits else "done"
        elif isinstance(error, Exception):
            self._end = f"failed: {told(error)}"
        else:
            self._end = "stopped"
        if self._live is not None:
            if self.console.is_jupyter:
                self._live.refresh()  # rich draws the last view by itself on terminals only
            self._live.stop()
            return
        assert self._run is not None, "it has begun"
        steps, seconds = self._tally.steps, duration(self.console.get_time() - self._began)
        plural = "" if steps == 1 else "s"
        self._say(f"{self._run.graph}: {self._end}, {steps} superstep{plural}, {seconds}")

    def _say(self, line: str) -> None:
        """Print a plain line."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _is_live(console: Console) -> bool:
    """Tell whether what is drawn on a console can be drawn over; in a notebook a widget can."""
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None
    return console.is_terminal and console.is_interactive


def end_of(error: BaseException) -> End:
    """Return how a task has ended that raised something."""
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType] - of anything
        if group.split(GraphBubbleUp)[1] is None:
            return "waiting" if group.subgroup(GraphInterrupt) is not None else "done"
    if isinstance(error, GraphInterrupt):
        return "waiting"
    if isinstance(error, GraphBubbleUp):  # it has left its graph, as it was to
        return "done"
    if isinstance(error, TaskAbandoned):  # how a thread is cancelled
        return "stopped"
    return "failed" if isinstance(error, Exception) else "stopped"


def told(error: BaseException) -> str:
    """Return an error in one line."""
    text = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def notes(row: Row, *, live: bool) -> str:
    """Return what else there is to say of a node."""
    ends = row.ends
    said = [
        f"{row.running} running" if live and row.running and row.total > 1 else "",
        f"{ends['failed']} failed" if ends["failed"] and row.total > 1 else "",
        f"{ends['waiting']} waiting" if ends["waiting"] and row.total > 1 else "",
        "waits for an answer" if ends["waiting"] and row.total == 1 else "",
        f"{row.retries} retried" if row.retries else "",
        row.error if ends["failed"] else "",
    ]
    return ", ".join(filter(None, said))


def duration(seconds: float) -> str:
    """Return a time as people read it.

    Example:
        >>> duration(2.06), duration(125), duration(3720)
        ('2.1 s', '2 min 05 s', '1 h 02 min')
    """
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
