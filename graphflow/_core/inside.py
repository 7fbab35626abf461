"""A graph that a task of another graph runs: what it has from there, and what it gives back."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, final

from graphflow._core.state import Run, RunState, Succeeded, Task, Up, View, Write
from graphflow._record import record
from graphflow.types import Overwrite

if TYPE_CHECKING:
    from graphflow._core.asking import Journal, Question
    from graphflow._core.called import Call
    from graphflow._core.topology import Topology


class Outlet(Protocol):
    """Takes what graphs inside a run show, for whoever reads the run's stream.

    Attributes:
        view: what that reader asked for.
    """

    view: View

    def put(self, chunk: object, task: Task) -> None:
        """Take a chunk of a graph that a task runs; may block a thread, never an event loop.

        Raises:
            TaskAbandoned: if nobody reads any more.
        """
        ...

    def write(self, task: Task, item: object) -> None:
        """Take an item that a task of such a graph writes; see `put`."""
        ...

    @property
    def room(self) -> "Any":  # noqa: ANN401 - the drivers' own
        """What tells coroutines of the running event loop whether there is room, or None."""
        ...


@final
class Calls:
    """The graphs that a task, or an edge of it, runs in one go.

    Attributes:
        made: what is stored of the last calls of those that had been run before, by their numbers;
            None until read.
        unlike: the numbers of those that go on with another input than before.
    """

    __slots__ = ("_equal", "_next", "_taken", "made", "unlike")

    def __init__(self) -> None:
        """Begin before the first."""
        self._next = count()
        self._equal: dict[str, count[int]] = {}
        self._taken: dict[int, int] = {}  # whose each is, by the order of the calls
        self.made: Mapping[int, Call | None] | None = None
        self.unlike: set[int] = set()

    def next(self) -> int:
        """Return how many have been run before."""
        return next(self._next)

    def equal(self, told: str) -> int:
        """Return how many have been run before that are told in the same way."""
        return next(self._equal.setdefault(told, count()))

    def has(self, number: int) -> bool:
        """Tell whether a graph has a number already."""
        return number in self._taken

    def take(self, inside: "Inside", number: int) -> bool:
        """Let a graph have a number; return False if another one has it."""
        if self._taken.setdefault(number, inside.call) != inside.call:
            return False
        inside.renumber(number)
        return True


@final
class Inside:
    """Where a graph is run that a task runs.

    Attributes:
        task: the task.
        calls: the graphs that the task, or the edge, runs.
        call: which of them was called, from 0.
        number: which of them it is: that, but for one that is run again and called in other order.
        beside: whether it is called beside what the node itself does: in a task or a thread that
            the node has begun.
        edge: the conditional edge that runs it, or "" for the node.
        lasting: whether it goes on where it was when it was run last on the thread.
        gives: the keys whose writes are the task's, each with whether all of them are and not
            only what comes of them; None if the task makes something else of it.
        depth: how many graphs are around it, at least 1.
        writes: the writes that are the task's, in their order.
        written: the keys of those of whose writes only the last value is the task's.
        leaving: whether a task of it has said something to a graph around it.
        up: what has been said, once the graph is left.
        watched: whether the task reads its stream.
        refused: what it asks again, for the answer was not what it had asked for.
        journals: of a graph of which nothing is stored, what its tasks have asked and were
            answered, by superstep, node and index.
    """

    __slots__ = (
        "_ns",
        "_place",
        "beside",
        "call",
        "calls",
        "depth",
        "edge",
        "gives",
        "journals",
        "lasting",
        "leaving",
        "number",
        "refused",
        "task",
        "up",
        "watched",
        "writes",
        "written",
    )

    def __init__(  # noqa: PLR0913 - this is the missing object
        self,
        task: Task,
        calls: Calls,
        gives: Mapping[str, bool] | None,
        *,
        lasting: bool,
        watched: bool,
        beside: bool,
        edge: str = "",
    ) -> None:
        """Begin before the graph has run."""
        self.task = task
        self.calls = calls
        self.call = self.number = calls.next()
        self.beside = beside
        self.edge = edge
        self.lasting = lasting
        self.gives = gives
        outer = task.run.inside
        self.depth: int = 1 if outer is None else outer.depth + 1
        self.watched = watched
        self.writes: list[Write] = []
        self.written: dict[str, None] = {}
        self.leaving = False
        self.up: Sequence[Up] = ()
        self.refused: Sequence[Question] = ()
        self.journals: Mapping[tuple[Any, ...], Journal] = {}
        self._ns: tuple[str, ...] | None = None
        self._place: tuple[int, str] | None = None

    @property
    def ns(self) -> tuple[str, ...]:
        """The namespace: for each task around it its node and its id, and the graph's number."""
        if self._ns is None:
            around = [*self.task.run.ns, f"{self.task.node.name}:{self.task.id}"]
            if self.lasting:  # its memory is the node's, whatever the task
                around = [part.partition(":")[0] for part in around]
            self._ns = (*around, *([str(self.number)] if self.number else ()))
        return self._ns

    def outward(self) -> "Iterator[Inside]":
        """Yield it, and each one around it that is inside another, the outermost last."""
        around: Inside | None = self
        while around is not None:
            yield around
            around = around.task.run.inside

    @property
    def place(self) -> tuple[int, str]:
        """What tells it from the task's other graphs whenever it is run: a number, and an edge."""
        return self._place or (self.number, self.edge)

    def tell_apart(self, told: str) -> None:
        """Be told from others by something else than the order of the calls."""
        edge = f"{self.edge}#{told}"
        self._place = self.calls.equal(edge), edge

    def renumber(self, number: int) -> None:
        """Let it be another one of the task's graphs."""
        if number != self.number:
            self.number, self._ns = number, None

    @property
    def origin(self) -> str:
        """What stands for it in the ids of its tasks, if nothing of it is stored."""
        number, edge = self.place
        return f"{self.task.id}\0{number}\0{edge}"

    def remind(self, tasks: Sequence[Task]) -> None:
        """Let tasks know what they have asked and were answered, where nothing else does."""
        for task in tasks:
            task.journal = self.journals.get((task.step, task.node.name, task.index))

    def take(self, outcomes: Sequence[Succeeded]) -> bool:
        """Take in what the tasks of a superstep have written; return whether one has left it."""
        gives = self.gives
        if not gives:
            return self.leaving
        for done in outcomes:
            for write in done.writes:
                whole = gives.get(write[0])
                if whole:
                    self.writes.append(write)
                elif whole is not None:
                    self.written[write[0]] = None
        return self.leaving


@record
class Returned:
    """What a graph gives that is a node of another.

    Attributes:
        writes: what was written inside, as the task's own writes.
        up: what it has said to graphs around it.
    """

    writes: Sequence[Write]
    up: Sequence[Up]


def stored_around(inside: Inside) -> Run | None:
    """Return the nearest run around a graph that is stored, or None."""
    runs = (each.task.run for each in inside.outward())
    return next((run for run in runs if run.thread is not None), None)


def up_from(run: Run, task: Task, question: "Question") -> "Question":
    """Return a question of a task of a graph inside another, as the task asks that runs it."""
    from graphflow._core.asking import brought_up  # noqa: PLC0415 - most runs ask nothing

    place = [task.node.name, task.index, question.key, question.number]
    if run.thread is not None:
        return brought_up(question, [run.thread.log.branch, *place])
    assert run.inside is not None, "it is inside another"
    return brought_up(question, [0, *place, task.step, *run.inside.place])


def returned(inside: Inside, state: RunState) -> Returned:
    """Return what a graph that is a node gives: its writes, not its whole state.

    A key that was overwritten is so for the graph around it, by what it was in the end: of several
    writes of one task an Overwrite would win, and what came after it be lost.
    """
    values = state.values
    anew = {key: None for key, value in inside.writes if type(value) is Overwrite}
    writes = [write for write in inside.writes if write[0] not in anew] if anew else inside.writes
    ends = [(key, Overwrite(values[key])) for key in anew if key in values]
    ends += [(key, values[key]) for key in inside.written if key in values]
    return Returned([*writes, *ends] if ends else writes, inside.up)


@record
class Split:
    """Who is shown the chunks of a graph whose stream the task reads that runs it.

    The run shows chunks with namespace and mode, and each has those that it asked for.

    Attributes:
        own: what the task asked for.
        outer: what the reader of the run around it asked for, or None if there is no such reader.
        ns: the namespace of the graph.
    """

    own: View
    outer: View | None
    ns: tuple[str, ...]

    @property
    def view(self) -> View:
        """What the run shows."""
        own, outer = self.own, self.outer or UNSEEN
        return View(
            own.updates or outer.updates,
            own.values or outer.values,
            own.custom or outer.custom,
            tagged=True,
            keys=own.keys,
            tasks=own.tasks or outer.tasks,
            checkpoints=own.checkpoints or outer.checkpoints,
            debug=own.debug or outer.debug,
            subgraphs=own.subgraphs,
            ns=self.ns,
        )


def shaped(view: View | None, chunk: Any) -> list[object]:  # noqa: ANN401 - namespace, mode, data
    """Return a chunk as a view has it, in a list; an empty list if it was not asked for."""
    ns, mode, data = chunk
    if view is None or not getattr(view, mode):
        return []
    if view.ns is None:
        return [(mode, data) if view.tagged else data]
    return [(ns, mode, data) if view.tagged else (ns, data)]


def view_of(inside: Inside, graph: "Topology") -> View:
    """Return what is to be shown of a graph that is run inside another."""
    shows = inside.task.run.shows
    if shows is None:
        return UNSEEN
    view = shows.view
    keys = None if len(graph.output) == len(graph.channels) else graph.output
    return View(
        view.updates,
        view.values,
        view.custom,
        view.tagged,
        keys,
        view.tasks,
        view.checkpoints,
        view.debug,
        ns=inside.ns,
    )


UNSEEN = View(updates=False, values=False, custom=False, tagged=False, keys=None)
"""The view of a run that nobody watches."""
