"""The one context variable: what code inside a running node can ask of the run it belongs to.

While a task runs, the variable holds its `TaskScope`; the drivers implement it, `config.py` and
`runtime.py` read it. Nothing else travels from the engine to user code by a hidden way.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from graphflow.config import RunnableConfig
    from graphflow.runtime import Runtime

CURRENT: "ContextVar[TaskScope]" = ContextVar("graphflow_task")


class TaskScope(Protocol):
    """What a running task can ask; closed when the task ends.

    Attributes:
        edge: the part of the task that runs: a conditional edge's name, or "" for the node. Each
            part has its own questions and results, for it may be run again without the others.
    """

    edge: str

    @property
    def config(self) -> "RunnableConfig":
        """The run's configuration, with this task's metadata."""
        ...

    @property
    def runtime(self) -> "Runtime[Any]":
        """Context, store, writer and execution info of this task."""
        ...

    def write(self, item: object, /) -> None:
        """Put one item into the custom stream.

        Raises:
            TaskAbandoned: if the task has ended, or the run has gone on without it.
        """
        ...

    def ask(
        self,
        value: object,
        schema: Any,  # noqa: ANN401 - a type or a JSON Schema
        key: str | None,
        seconds: float | None,
        default: object,
    ) -> Any:  # noqa: ANN401 - the answer
        """Return the answer to a question; see `interrupts.interrupt`."""
        ...

    def answered(self, key: str) -> bool:
        """Tell whether the first question with a key has come to an end."""
        ...

    def once(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - what the function returns
        """Return a kept result, or call a function and keep what it returns."""
        ...

    async def aonce(
        self, key: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - as above
        """Do the same, on an event loop."""
        ...


def current() -> TaskScope:
    """Return the scope of the running task.

    Raises:
        RuntimeError: if no task of a graph is running here.
    """
    try:
        return CURRENT.get()
    except LookupError:
        msg = (
            "no node is running here: this works only inside a node, or in what a node calls; "
            "threads started by hand need contextvars.copy_context()"
        )
        raise RuntimeError(msg) from None
