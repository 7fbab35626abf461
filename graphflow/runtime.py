"""What a node is handed about its run: `Runtime`, with the context the caller passed."""

from dataclasses import dataclass, field, replace
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from graphflow._scope import current
from graphflow.types import StreamWriter

__all__ = ("ExecutionInfo", "Runtime", "get_runtime")

ContextT = TypeVar("ContextT", default=None)


@dataclass(frozen=True, slots=True)
class ExecutionInfo:
    """Which task of which run is running.

    Attributes:
        node: the node's name.
        step: the number of the superstep: from 1, and on a thread counted on from run to run.
        task_id: 32 hex digits, unique for the task.
        run_id: the run's id: `config["run_id"]` if given, else 32 hex digits.
        thread_id: `config["configurable"]["thread_id"]`, or None.
        attempt: how often the task has been begun, from 1: by runs that stopped in the middle of
            it or before it, as far as the thread tells, and by this one.
        checkpoint_ns: where the task is: `"node:task id"`, behind those that its graph is run in
            and a `"|"`, if it is inside another.
    """

    node: str
    step: int
    task_id: str
    run_id: str
    thread_id: str | None = None
    attempt: int = 1
    checkpoint_ns: str = ""

    @property
    def is_replay(self) -> bool:
        """Whether the task may have been begun before, and may have done something."""
        return self.attempt > 1

    @property
    def idempotency_key(self) -> str:
        """The task's id: the same whenever it is run again, so that others can tell."""
        return self.task_id


def _write_nowhere(item: object, /) -> None:
    """Take an item of a custom stream that nobody reads."""


@dataclass(frozen=True, slots=True)
class Runtime(Generic[ContextT]):
    """What one task of a node can know of its run; annotate a parameter with it to be handed one.

    Attributes:
        context: what the caller passed as `context=`, an instance of the context schema.
        store: what `compile(store=...)` was given.
        stream_writer: puts one item into the custom stream; does nothing if nobody asked for it.
        previous: always None in a StateGraph.
        execution_info: which task this is.

    Example:
        >>> @dataclass
        ... class Context:
        ...     user: str
        >>> def greet(state: dict[str, str], runtime: Runtime[Context]) -> dict[str, str]:
        ...     return {"greeting": f"hello {runtime.context.user}"}
        >>> greet({}, Runtime(context=Context("ada")))
        {'greeting': 'hello ada'}
    """

    context: ContextT = field(default=cast("ContextT", None))
    store: Any = None
    stream_writer: StreamWriter = _write_nowhere
    previous: Any = None
    execution_info: ExecutionInfo | None = None

    def override(self, **fields: Any) -> "Runtime[ContextT]":  # noqa: ANN401 - any of the fields
        """Return a copy with some fields replaced."""
        return replace(self, **fields)


def get_runtime(context_schema: type[ContextT] | None = None) -> Runtime[ContextT]:  # noqa: ARG001 - it types the answer
    """Return the `Runtime` of the running task.

    Args:
        context_schema: the class of the context; it only types what is returned.

    Raises:
        RuntimeError: if no node is running here.
    """
    return current().runtime
