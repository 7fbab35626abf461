"""What a running task can ask of its run: the one implementation of `TaskScope`."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast, final

from graphflow._core.asking import Questions
from graphflow._core.state import Task
from graphflow._core.topology import Asked
from graphflow._drive.once import Calls
from graphflow.config import RunnableConfig
from graphflow.errors import AbandonedTaskWarning, TaskAbandoned
from graphflow.runtime import ExecutionInfo, Runtime

if TYPE_CHECKING:
    from graphflow._core.asking import Question

Sink: TypeAlias = Callable[[Task, object], None]
"""Takes an item that a task wrote; may block the calling thread, never the event loop."""


@final
class Scope:
    """One task's way to its run, from its start to its end.

    Attributes:
        task: the task.
        sink: takes what it writes, or None.
        closed: whether it has ended.
        edge: the conditional edge that is run, or "" for the node itself.
    """

    __slots__ = ("_awaits", "_calls", "_questions", "closed", "edge", "sink", "task")

    def __init__(self, task: Task, sink: Sink | None, awaits: bool) -> None:  # noqa: FBT001 - on the path of every task
        """Begin.

        Args:
            task: the task.
            sink: takes what the task writes; without one, it is seen by nobody.
            awaits: whether the task was called on an event loop.
        """
        self.task = task
        self.sink = sink
        self._awaits = awaits
        self.closed = False
        self.edge = ""
        self._questions: Questions | None = None
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

    @property
    def waiting(self) -> "Sequence[Question]":
        """What the task has asked, and has no answer to."""
        return () if self._questions is None else self._questions.waiting

    @property
    def refused(self) -> "Sequence[Question]":
        """What the task has asked, and was given an answer to that it cannot take."""
        return () if self._questions is None else self._questions.refused

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
    def info(self) -> ExecutionInfo:
        """Which task this is."""
        task = self.task
        thread = task.run.config.get("configurable", {}).get("thread_id")
        return ExecutionInfo(
            node=task.node.name,
            step=task.step,
            task_id=task.id,
            run_id=task.run.id,
            thread_id=None if thread is None else str(thread),
            attempt=1 if task.journal is None else task.journal.attempt + 1,
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
