"""What a running task can ask of its run: the one implementation of `TaskScope`."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, cast, final

from graphflow._core.asking import Questions
from graphflow._core.inside import Calls as GraphCalls
from graphflow._core.state import Task, Up
from graphflow._core.topology import Asked
from graphflow._drive.once import Calls
from graphflow._scope import CURRENT, TaskScope
from graphflow.config import RunnableConfig
from graphflow.errors import AbandonedTaskWarning, TaskAbandoned
from graphflow.runtime import ExecutionInfo, Runtime

if TYPE_CHECKING:
    from contextvars import Token

    from graphflow._core.asking import Question
    from graphflow._core.inside import Inside


@final
class Inner:
    """What graphs that a task runs have to say to the task's own run.

    Attributes:
        questions: what they wait for.
        insides: where those are run that may refuse an answer.
        paused: whether one of them was to stop where it is.
        up: what they have said to graphs around them.
    """

    __slots__ = ("insides", "paused", "questions", "up")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.questions: list[Question] = []
        self.insides: list[Inside] = []
        self.paused = False
        self.up: list[Up] = []


Sink: TypeAlias = Callable[[Task, object], None]
"""Takes an item that a task wrote; may block the calling thread, never the event loop."""


@final
class Halt:
    """Tells those who work in a thread, where nothing can cancel them, that nobody waits any more.

    Attributes:
        over: whether that is so.
    """

    __slots__ = ("_lock", "_told", "over")

    def __init__(self) -> None:
        """Begin while somebody waits."""
        self._lock = Lock()
        self._told: list[Callable[[], object]] = []
        self.over = False

    def call(self) -> None:
        """Let it be so, and tell all who want to be told."""
        with self._lock:
            self.over = True
            told, self._told = self._told, []
        for tell in told:
            tell()

    def tell(self, function: Callable[[], object]) -> None:
        """Have a function called then; at once, if it is so already."""
        with self._lock:
            if not self.over:
                self._told.append(function)
                return
        function()

    def forget(self, function: Callable[[], object]) -> None:
        """Have it called no more."""
        with self._lock, suppress(ValueError):
            self._told.remove(function)


@final
class Scope:
    """One task's way to its run, from its start to its end.

    Attributes:
        task: the task.
        sink: takes what it writes, or None.
        halt: tells that nobody waits for it any more, if it runs in a thread; or None.
        closed: whether it has ended.
        edge: the conditional edge that is run, or "" for the node itself.
        inner: what graphs that it runs have brought up to it.
        token: what tells its own context from a copy; None before and afterwards, for it holds
            that.
    """

    __slots__ = (
        "_awaits",
        "_calls",
        "_graphs",
        "_questions",
        "closed",
        "edge",
        "halt",
        "inner",
        "sink",
        "task",
        "token",
    )

    def __init__(self, task: Task, sink: Sink | None, awaits: bool, halt: Halt | None) -> None:  # noqa: FBT001 - on the path of every task
        """Begin.

        Args:
            task: the task.
            sink: takes what the task writes; without one, it is seen by nobody.
            awaits: whether the task was called on an event loop.
            halt: see the class.
        """
        self.task = task
        self.sink = sink
        self._awaits = awaits
        self.halt = halt
        self.closed = False
        self.edge = ""
        self.inner: Inner | None = None
        self._graphs: defaultdict[str, GraphCalls] | None = None
        self._questions: Questions | None = None
        self.token: Token[TaskScope] | None = None
        self._calls: Calls | None = None

    def write(self, item: object, /) -> None:
        """Put one item into the custom stream.

        Raises:
            TaskAbandoned: if the task has ended, or the run has gone on without it.
        """
        if self.closed:
            raise TaskAbandoned(self.task.node.name)
        if self.sink is not None:
            self.sink(self.task, item)

    def enter(self) -> None:
        """Be the scope of what runs in this context."""
        self.token = CURRENT.set(self)

    def is_here(self) -> bool:
        """Tell whether this is the node's own context, and not a copy that runs beside it."""
        assert self.token is not None, "a scope is entered before anything runs in it"
        try:
            CURRENT.reset(self.token)
        except ValueError:  # it was made in another context
            return False
        self.enter()
        return True

    def graphs(self) -> "GraphCalls":
        """Return the graphs that this part of the task runs."""
        if self._graphs is None:
            self._graphs = defaultdict(GraphCalls)
        return self._graphs[self.edge]

    def bring_up(self) -> "Inner":
        """Return where what a graph that it runs says to its own run is kept."""
        if self.inner is None:
            self.inner = Inner()
        return self.inner

    @property
    def waiting(self) -> "Sequence[Question]":
        """What the task, or a graph that it runs, has asked and has no answer to."""
        own = () if self._questions is None else self._questions.waiting
        return own if self.inner is None else [*own, *self.inner.questions]

    @property
    def refused(self) -> "Sequence[Question]":
        """What the task has asked, and was given an answer to that it cannot take."""
        own = () if self._questions is None else self._questions.refused
        if self.inner is None:
            return own
        return [*own, *(one for inside in self.inner.insides for one in inside.refused)]

    def ask(
        self,
        value: object,
        schema: Any,  # noqa: ANN401 - a type or a JSON Schema
        key: str | None,
        seconds: float | None,
        default: object,
    ) -> Any:  # noqa: ANN401 - the answer
        """Return the answer to a question; see `interrupts.interrupt`."""
        if self.closed:
            raise TaskAbandoned(self.task.node.name)
        if self._questions is None:
            self._questions = Questions(self.task)
        self._questions.edge = self.edge
        return self._questions.ask(value, schema, key, seconds, default)

    def answered(self, key: str) -> bool:
        """Tell whether the first question with a key has come to an end."""
        journal = self.task.journal
        return journal is not None and (key, 0) in journal.answers

    def once(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the function returns
        """Return a kept result, or call a function and keep what it returns."""
        return self._kept_calls().once(key, fn, args, kwargs)

    async def aonce(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - as above
        """Do the same, on an event loop."""
        return await self._kept_calls().aonce(key, fn, args, kwargs)

    def _kept_calls(self) -> Calls:
        """Return what keeps results of the task."""
        if self.closed:
            raise TaskAbandoned(self.task.node.name)
        if self._calls is None:
            self._calls = Calls(self.task, self._awaits)
        self._calls.edge = self.edge
        return self._calls

    @property
    def config(self) -> RunnableConfig:
        """The run's configuration, with where the task is in its metadata."""
        task = self.task
        given = task.run.config
        thread = given.get("configurable", {}).get("thread_id")
        metadata = {
            **({} if thread is None else {"thread_id": thread}),
            **given.get("metadata", {}),
            **task.node.metadata,
            "langgraph_node": task.node.name,
            "langgraph_step": task.step,
            "langgraph_checkpoint_ns": self.place,
        }
        config: dict[str, Any] = {
            "recursion_limit": task.run.limit,
            **given,
            # Copies: what a node changes in its config is no other task's.
            "tags": [*given.get("tags", ())],
            "configurable": {**given.get("configurable", {})},
            "metadata": metadata,
        }
        return cast("RunnableConfig", config)

    @property
    def place(self) -> str:
        """Where the task is: the tasks that its run is inside of, and itself."""
        task = self.task
        return "|".join((*task.run.ns, f"{task.node.name}:{task.id}"))

    @property
    def info(self) -> ExecutionInfo:
        """Which task this is."""
        task = self.task
        return ExecutionInfo(
            node=task.node.name,
            step=task.step,
            task_id=task.id,
            run_id=task.run.id,
            thread_id=task.run.thread_id,
            attempt=1 if task.journal is None else task.journal.attempt + 1,
            checkpoint_ns=self.place,
        )

    @property
    def runtime(self) -> Runtime[Any]:
        """Context, store, writer and execution info."""
        run = self.task.run
        return Runtime(
            context=run.context,
            store=run.store,
            stream_writer=self.write,
            execution_info=self.info,
        )

    def given(self, asks: Sequence[tuple[str, Asked]]) -> dict[str, Any]:
        """Return what a function asked to be handed beside the state."""
        handed: dict[str, Any] = {}
        for parameter, asked in asks:
            handed[parameter] = self._answer(asked)
        return handed

    def _answer(self, asked: Asked) -> Any:  # noqa: ANN401 - one of four things
        """Return one of the things a function can ask for."""
        if asked == "config":
            return self.config
        if asked == "runtime":
            return self.runtime
        return self.write if asked == "writer" else self.task.run.store


def report_abandoned(name: str, grace: float) -> AbandonedTaskWarning | None:
    """Warn that a node's function still runs in its thread.

    Returns:
        The warning, where warnings are errors: it must not replace what ended the task.
    """
    msg = (
        f"node {name!r} was cancelled and still runs in its thread after {grace:g} s; it is left "
        f"behind, and nothing it does reaches the run. Let it end sooner, or compile the graph "
        f"with a longer cancel_grace"
    )
    try:
        warnings.warn(msg, AbandonedTaskWarning, stacklevel=2)
    except AbandonedTaskWarning as warning:
        return warning
    return None
