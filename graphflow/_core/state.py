"""The data of a run: what is fixed for it, its state, its tasks and how they ended."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from graphflow._core.ids import task_id
from graphflow._core.topology import Branch, Node, Topology
from graphflow._record import record
from graphflow.types import Send

if TYPE_CHECKING:
    from graphflow._core.asking import Journal, Journaling, Question
    from graphflow._core.inside import Inside, Outlet
    from graphflow._core.thread import Thread
    from graphflow.checkpoint.base import BaseCheckpointSaver


Stops: TypeAlias = frozenset[str] | None
"""The nodes that a run stops at, None for all."""


@record
class View:
    """Which stream modes a caller asked for.

    Attributes:
        updates: whether each task's update is shown when it ends.
        values: whether the state is shown after each superstep that wrote to it.
        custom: whether what nodes write is shown, which makes every task a live one.
        tagged: whether chunks are pairs of mode and data.
        keys: the keys shown, or None for all; a single name shows bare values.
        tasks: whether each task is shown when it starts and when it ends.
        checkpoints: whether each checkpoint is shown.
        debug: whether tasks and checkpoints are shown with step and time around them.
        subgraphs: whether what graphs inside it show is shown, too.
        ns: the namespace that stands before each chunk, or None where there is none.
    """

    updates: bool
    values: bool
    custom: bool
    tagged: bool
    keys: tuple[str, ...] | str | None
    tasks: bool = False
    checkpoints: bool = False
    debug: bool = False
    subgraphs: bool = False
    ns: tuple[str, ...] | None = None

    @property
    def live(self) -> bool:
        """Whether there is anything to show while a superstep runs."""
        return self.updates or self.custom or self.follows or self.subgraphs

    @property
    def follows(self) -> bool:
        """Whether the starts and ends of tasks are shown."""
        return self.tasks or self.debug

    @property
    def traces(self) -> bool:
        """Whether checkpoints are shown."""
        return self.checkpoints or self.debug


@final
class Run:
    """What is fixed for one run."""

    __slots__ = (
        "_id",
        "after",
        "answers",
        "before",
        "clock",
        "config",
        "context",
        "crowds",
        "grace",
        "graph",
        "held",
        "inside",
        "journal",
        "keeps",
        "limit",
        "make_id",
        "middleware",
        "pauses",
        "saver",
        "shows",
        "stop",
        "store",
        "thread",
        "view",
    )

    def __init__(  # noqa: PLR0913 - this is the missing object
        self,
        *,
        graph: Topology,
        view: View,
        limit: int,
        config: Mapping[str, Any],
        context: object,
        store: object,
        make_id: Callable[[], str],
        grace: float,
        clock: Callable[[], int],
        thread: "Thread | None" = None,
        saver: "BaseCheckpointSaver | None" = None,
        before: Stops = frozenset(),
        after: Stops = frozenset(),
        inside: "Inside | None" = None,
    ) -> None:
        """Keep everything; the id is made when somebody asks."""
        self.graph = graph
        self.view = view
        self.limit = limit
        self.config = config
        self.context = context
        self.store = store
        self.make_id = make_id
        self.grace = grace
        self.clock = clock
        self.thread = thread
        self.saver = saver
        self.before = before
        self.after = after
        # The task that it is run in, or None for one that nobody runs inside another.
        self.inside = inside
        # Where graphs inside this one show what they do: the driver's, once somebody reads it.
        self.shows: Outlet | None = None
        # Whether every task is run beside its reader, who sees what it writes while it runs.
        self.crowds = (inside is None or inside.watched) and (view.custom or view.subgraphs)
        self.middleware = graph.middleware
        # Whether it was begun to answer: then only what is answered is run again of what waits.
        self.answers = False
        if inside is not None:
            outer = inside.task.run
            self.shows = outer.shows
            self.answers = outer.answers
            if outer.middleware:
                self.middleware = (*outer.middleware, *graph.middleware)
        # Whether tasks keep results of `once`: not in an edit, which may come to nothing.
        self.keeps = True
        self.pauses = before != frozenset() or after != frozenset()
        # Returns what a running task can store results with: the driver's, once the run has its
        # thread. Weakly, for that knows the run, and a run that is left must be free at once.
        self.journal: Callable[[], Journaling | None] | None = None
        # The threads, with their stores, of this run and of those it is run inside: to wait for
        # one of them would be to wait for oneself.
        self.held: tuple[tuple[object, str], ...] = () if inside is None else inside.task.run.held
        # Not known from the beginning: on a thread that has been run before, supersteps are
        # counted on from where it is.
        self.stop = limit
        self._id: str | None = None

    @property
    def id(self) -> str:
        """The run's id: the config's, or a new one."""
        if self._id is None:
            given = self.config.get("run_id")
            if self.inside is not None:
                self._id = self.inside.task.run.id
            else:
                self._id = self.make_id() if given is None else str(given)
        return self._id

    @property
    def thread_id(self) -> str | None:
        """The id of the thread that its config names, whether it is stored there or not."""
        named = self.config.get("configurable", {}).get("thread_id")
        return None if named is None else str(named)

    @property
    def origin(self) -> str:
        """What stands for the run, or for its branch of a thread, in the ids of tasks."""
        if self.thread is not None:
            return self.thread.log.origin
        return self.id if self.inside is None else self.inside.origin

    @property
    def ns(self) -> tuple[str, ...]:
        """The namespace: the tasks that it is run in, the outermost first."""
        return () if self.inside is None else self.inside.ns


@final
class Task:
    """One activation of one node.

    Attributes:
        node: the node.
        input: what its function is called with.
        step: the superstep's number, from 1.
        index: the number of the Send that asked for it, or -1 if an edge did.
        values: the state before the superstep; read-only.
        run: the run.
        kept: the node's own result, if that was stored and only its conditional edges are to run.
        journal: what earlier runs of the task have left, or None for one that is run first.
    """

    __slots__ = ("_id", "index", "input", "journal", "kept", "node", "run", "step", "values")

    def __init__(  # noqa: PLR0913, PLR0917 - positional: keywords cost 0.2 us on the hot path
        self,
        node: Node,
        input: object,  # noqa: A002 - the word for it
        step: int,
        index: int,
        values: dict[str, Any],
        run: Run,
    ) -> None:
        """Keep everything."""
        self.node = node
        self.input = input
        self.step = step
        self.index = index
        self.values = values
        self.run = run
        self.kept: Succeeded | None = None
        self.journal: Journal | None = None
        self._id: str | None = None

    @property
    def id(self) -> str:
        """32 hex digits, the same whenever the task is run again."""
        if self._id is None:
            self._id = task_id(self.run.origin, self.step, self.node.name, self.index)
        return self._id

    def __repr__(self) -> str:
        """Show node, superstep and Send."""
        sent = "" if self.index < 0 else f", Send {self.index}"
        return f"<task {self.node.name!r} in superstep {self.step}{sent}>"


Write: TypeAlias = tuple[str, Any]
"""One channel's key with one value for it."""


@record
class Succeeded:
    """A task that ended well.

    Attributes:
        task: the task.
        writes: what it writes, in order.
        goto: where its Command and its branches lead, in order.
        up: what it has said to graphs around its own, which that is left for.
    """

    task: Task
    writes: Sequence[Write]
    goto: "Sequence[Node | Send]"
    up: "Sequence[Up]" = ()


@final
class Up:
    """A Command for a graph around the one whose node has returned it.

    Attributes:
        writes: what it writes there.
        goto: where it leads there.
        levels: how many graphs are left for it, at least 1.
    """

    __slots__ = ("goto", "levels", "writes")

    def __init__(self, writes: Sequence[Write], goto: "Sequence[Node | Send]", levels: int) -> None:
        """Keep everything."""
        self.writes = writes
        self.goto = goto
        self.levels = levels


@final
class Failed:
    """A task that ended in an error.

    Attributes:
        task: the task.
        error: what was raised; the core takes it out when it raises it.
        kept: the node's own result, where one of its branches failed.
        branch: the branch that failed, or None if the node itself did.
        questions: what it asks again, since the node did not take the answer.
    """

    __slots__ = ("branch", "error", "kept", "questions", "task")

    def __init__(
        self,
        task: Task,
        error: BaseException,
        kept: Succeeded | None = None,
        branch: Branch | None = None,
        questions: "Sequence[Question]" = (),
    ) -> None:
        """Keep everything."""
        self.task = task
        self.error: BaseException | None = error
        self.kept = kept
        self.branch = branch
        self.questions = questions


@record
class Interrupted:
    """A task that waits for answers.

    Attributes:
        task: the task.
        questions: what it waits for.
        kept: the node's own result, where it is one of its branches that asks.
        paused: whether a graph that it runs was to stop where it is.
    """

    task: Task
    questions: "Sequence[Question]"
    kept: Succeeded | None = None
    paused: bool = False


@record
class Written:
    """An item that a running task put into the custom stream.

    Attributes:
        task: the task.
        item: the item.
    """

    task: Task
    item: object


@final
class Shown:
    """A chunk of a graph that a running task runs.

    Attributes:
        chunk: the chunk, as the stream's reader is to have it.
    """

    __slots__ = ("chunk",)

    def __init__(self, chunk: object) -> None:
        """Keep the chunk."""
        self.chunk = chunk


Outcome: TypeAlias = Succeeded | Failed | Interrupted
News: TypeAlias = Written | Shown
Event: TypeAlias = Outcome | News


INTERRUPT: Final = "__interrupt__"
"""The key under which is shown what a run waits for."""


@record
class Frontier:
    """What is due next, as the barrier found it.

    Attributes:
        due: nodes that edges have woken.
        sends: Sends.
        joins: half-filled joins, as bits by the join's index.
        waiting: deferred nodes that wait.
    """

    due: tuple[Node, ...]
    sends: Sequence[Send]
    joins: dict[int, int]
    waiting: tuple[Node, ...]


class RunState:
    """A run between two supersteps: the values, and the frontier of what is due next.

    Attributes:
        values: the channels that have a value. The barrier changes this one dict in place, after
            everything that can fail: a copy of all channels would cost each superstep a time that
            grows with the channels nobody touched.
        sizes: the lengths of the lists, dicts and sets among the values, to find in-place edits.
        due: the nodes that edges have woken, by rank.
        sends: the Sends to be run, in order.
        joins: half-filled joins, as bits by the join's index; changed in place like the values.
        waiting: deferred nodes that edges have woken, by rank.
        step: the number of the next superstep, from 1.
    """

    __slots__ = ("due", "joins", "sends", "sizes", "step", "values", "waiting")

    def __init__(  # noqa: PLR0913, PLR0917 - positional: see Task
        self,
        values: dict[str, Any],
        sizes: dict[str, int],
        due: tuple[Node, ...],
        sends: Sequence[Send],
        joins: dict[int, int],
        waiting: tuple[Node, ...],
        step: int,
    ) -> None:
        """Keep everything."""
        self.values = values
        self.sizes = sizes
        self.due = due
        self.sends = sends
        self.joins = joins
        self.waiting = waiting
        self.step = step

    def due_next(self, due: tuple[Node, ...], sends: Sequence[Send], step: int) -> "RunState":
        """Return the state with something else due, at another step."""
        return RunState(self.values, self.sizes, due, sends, self.joins, self.waiting, step)


@final
class Stopped(RunState):
    """A run that is to go on: its values are shown with what finished tasks wrote.

    Attributes:
        asked: the tasks that wait for answers, in the order in which they asked.
        paused: whether it was to stop where it is, or a graph inside it was.
    """

    __slots__ = ("asked", "paused")

    def __init__(
        self,
        state: RunState,
        values: dict[str, Any],
        asked: Sequence[Interrupted],
        *,
        paused: bool = False,
    ) -> None:
        """Keep everything."""
        super().__init__(
            values, state.sizes, state.due, state.sends, state.joins, state.waiting, state.step
        )
        self.asked = asked
        self.paused = paused


Ahead: TypeAlias = Frontier | RunState
"""Whatever tells what is due next."""
