"""Where graphs inside a run show what they do: in the stream of the run that somebody reads."""

from typing import TYPE_CHECKING, Any, Protocol, final

from graphflow._core.inside import Split, shaped
from graphflow._core.project import tagged
from graphflow._core.state import News, Run, Shown, Task, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphflow._drive.stepping import Room


class Events(Protocol):
    """The events of a crew, on their way to the program."""

    def add(self, event: News, task: Task, *, holds: bool = True) -> None:
        """Add an event of a task that goes on; may block a thread, never an event loop.

        Args:
            event: the event.
            task: the task.
            holds: whether a thread is blocked while there is no room.

        Raises:
            TaskAbandoned: if nobody reads any more.
        """
        ...

    @property
    def here(self) -> "Room | None":
        """What tells coroutines of the running event loop whether there is room."""
        ...


@final
class Shows:
    """Takes what graphs inside a run show.

    Attributes:
        view: what the run's reader asked for.
    """

    __slots__ = ("_events", "_holds", "view")

    def __init__(self, view: View, events: Events, *, holds: bool = True) -> None:
        """Keep both, and whether a thread is held while there is no room."""
        self.view = view
        self._events = events
        self._holds = holds

    def overshooting(self) -> "Shows":
        """Return one that holds nobody."""
        return Shows(self.view, self._events, holds=False)

    def put(self, chunk: object, task: Task) -> None:
        """Take a chunk of a graph that a task runs."""
        self._events.add(Shown(chunk), task, holds=self._holds)

    def write(self, task: Task, item: object) -> None:
        """Take an item that a task of such a graph writes."""
        event = Shown(tagged(task.run.view, "custom", item))
        self._events.add(event, task, holds=self._holds)

    @property
    def room(self) -> "Room | None":
        """What tells coroutines of the running event loop whether there is room."""
        return self._events.here


@final
class Splitting:
    """Divides the chunks of a run whose stream a task reads that makes it.

    Args:
        run: the run.
        split: who is shown what.
        end: called with the run's last state.
    """

    __slots__ = ("_outer", "_split", "_task", "end")

    def __init__(self, run: Run, split: Split, end: "Callable[[Any], None]") -> None:
        """Find out where else its chunks are shown."""
        assert run.inside is not None, "a task makes it"
        self._task = run.inside.task
        self._outer = self._task.run.shows
        self._split = split
        self.end = end

    def take(self, chunk: object) -> list[object]:
        """Show a chunk to who reads the run around it; return it as the task is to have it."""
        for shown in shaped(self._split.outer, chunk):
            assert self._outer is not None, "or nobody reads the run around it"
            self._outer.put(shown, self._task)
        return shaped(self._split.own, chunk)


def sink_of(run: Run) -> "Callable[[Task, object], None] | None":
    """Return what takes what tasks write of a run inside another; None if nobody sees it."""
    if run.crowds or run.inside is None or run.shows is None or not run.view.custom:
        return None
    return run.shows.write


def room_of(run: Run) -> "Room | None":
    """Return what holds coroutines of a run inside another that show more than is read."""
    if run.inside is None or run.shows is None:
        return None
    room: Room | None = run.shows.room
    return room
