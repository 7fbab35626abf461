"""What a node returns and what a caller passes: plain values, no behaviour."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    TypeAlias,
    cast,
    final,
)

from typing_extensions import TypeVar

from graphflow._plain import Plain
from graphflow.interrupts import Interrupt, interrupt

if TYPE_CHECKING:
    from graphflow.config import RunnableConfig
    from graphflow.runtime import ExecutionInfo

__all__ = (
    "Command",
    "Durability",
    "Interrupt",
    "Middleware",
    "OnBusy",
    "Overwrite",
    "PregelTask",
    "Send",
    "StateSnapshot",
    "StateUpdate",
    "StreamMode",
    "StreamWriter",
    "interrupt",
)

StreamMode: TypeAlias = Literal["values", "updates", "custom", "tasks", "checkpoints", "debug"]
"""What a stream shows: the state, what nodes return, what they write, or how the run goes on."""

Durability: TypeAlias = Literal["sync", "async", "exit"]
"""When a superstep is stored: before the next one runs, while it runs, or at the run's end."""

OnBusy: TypeAlias = Literal["reject", "queue", "fork"]
"""What becomes of a run whose thread has one already."""

Reference: TypeAlias = str | Callable[..., Any]
"""A node, by its name or by its function."""

StreamWriter: TypeAlias = Callable[[Any], None]
"""Takes one item of the custom stream; what `get_stream_writer()` returns."""

Middleware: TypeAlias = Callable[["ExecutionInfo"], AbstractContextManager[Any]]
"""Makes the context manager that is entered around one task, inside the task's own context.

It may have methods `around_run` and `around_superstep`, which are called with a `RunInfo` and a
`SuperstepInfo` of `graphflow.middleware`, and make one for each of those.
"""


NameT = TypeVar("NameT", bound=str, default=str)


class Send(Plain):
    """One more task of a node, with an input of its own: the fan-out of map-reduce.

    Return it from a path function, or give it as `goto` of a `Command`. The node is called with
    `arg` itself, whatever it is, in the next superstep; the state is not mixed in.

    Args:
        node: the node to run, by its name or its function.
        arg: what it is called with.

    Example:
        >>> Send("weather", {"city": "la"})
        Send(node='weather', arg={'city': 'la'})
    """

    __slots__ = ("arg", "node")
    _fields = ("node", "arg")
    node: str
    arg: Any

    def __init__(self, /, node: Reference, arg: Any) -> None:  # noqa: ANN401 - any input a node takes
        """Keep both."""
        self.node = cast("str", node)  # the name by the time that anybody reads it
        self.arg = arg


class Command(Plain, Generic[NameT]):
    """An update and where to go next, returned together by a node, or given as a run's input.

    The node's static edges are followed as well; `goto` adds to them. Annotate what the node
    returns as `Command[Literal["pay", "reject"]]` to have the names checked by `compile()`.

    Args:
        graph: None for the graph itself, `Command.PARENT` for the graph that it is a node of.
        update: what to write: a dict, a list of (key, value) pairs, or an instance of a schema.
        resume: the answer to an interrupt; a graph without checkpointer has none to answer.
        goto: a node's name or function, a `Send`, or a list of these.

    Example:
        >>> Command(update={"approved": True}, goto="pay")
        Command(graph=None, update={'approved': True}, resume=None, goto='pay')
    """

    __slots__ = ("goto", "graph", "resume", "update")
    _fields = ("graph", "update", "resume", "goto")
    PARENT: ClassVar[Literal["__parent__"]] = "__parent__"
    graph: str | None
    update: Any
    resume: Any
    goto: "Send | Reference | Sequence[Send | Reference]"

    def __init__(
        self,
        *,
        graph: str | None = None,
        update: Any = None,  # noqa: ANN401 - a dict, pairs or a schema instance: checked when applied
        resume: Any = None,  # noqa: ANN401 - any answer
        goto: "Send | Reference | Sequence[Send | Reference]" = (),
    ) -> None:
        """Keep all four; they are checked against the graph when the Command is applied."""
        self.graph = graph
        self.update = update
        self.resume = resume
        self.goto = goto


@final
class Overwrite(Plain):
    """A value that replaces what a channel holds, past its reducer.

    It wins over every other write to the key in the same superstep; two of them for one key in
    one superstep are an `InvalidUpdateError`.

    Args:
        value: the channel's new value.

    Example:
        >>> {"log": Overwrite([])}
        {'log': Overwrite(value=[])}
    """

    __slots__ = ("value",)
    _fields = ("value",)
    value: Any

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - any value of the channel
        """Keep the value."""
        self.value = value


class StateUpdate(NamedTuple):
    """One update of `bulk_update_state`.

    Attributes:
        values: what the node is taken to have returned.
        as_node: the node; None for the one that ran last.
        task_id: of several tasks of the node, the one that it stands for.
    """

    values: Any
    as_node: str | None = None
    task_id: str | None = None


@final
class PregelTask(Plain):
    """One task of a checkpoint, as `get_state` shows it.

    Attributes:
        id: 32 hex digits, the same whenever the task is run again.
        name: the node's name.
        path: how it came to be due: by an edge, or as the Send of a number.
        error: the error it ended in, as text, or None.
        interrupts: what it waits for; of a past checkpoint, what it asked last.
        state: of a task that runs a graph the config that names its state, or with
            `get_state(config, subgraphs=True)` that state; else None.
        result: what it wrote, by key, or None if it has not ended.
    """

    __slots__ = ("error", "id", "interrupts", "name", "path", "result", "state")
    _fields = ("id", "name", "path", "error", "interrupts", "state", "result")

    def __init__(  # noqa: PLR0913 - LangGraph's
        self,
        id: str,  # noqa: A002 - the field's name
        name: str,
        path: tuple[str | int | tuple[Any, ...], ...],
        error: str | None = None,
        *,
        interrupts: "tuple[Interrupt[Any], ...]" = (),
        state: Any = None,  # noqa: ANN401 - LangGraph's
        result: dict[str, Any] | None = None,
    ) -> None:
        """Keep everything."""
        self.id = id
        self.name = name
        self.path = path
        self.error = error
        self.interrupts = interrupts
        self.state = state
        self.result = result


@final
class StateSnapshot(Plain):
    """A thread at one checkpoint.

    Attributes:
        values: the state; in a history it is read when it is first looked at.
        next: the names of the nodes that are due.
        config: the config that names this checkpoint.
        metadata: `source`, `step`, `parents`, and what the run's config said; None if the thread
            has no checkpoint.
        created_at: when it was made, in ISO 8601, UTC.
        parent_config: the config of the checkpoint before, or None.
        tasks: the tasks that are due, with what is known of them.
        interrupts: what they wait for; of a past checkpoint, what they asked last.
    """

    __slots__ = (
        "_values",
        "config",
        "created_at",
        "interrupts",
        "metadata",
        "next",
        "parent_config",
        "tasks",
    )
    _fields = (
        "values",
        "next",
        "config",
        "metadata",
        "created_at",
        "parent_config",
        "tasks",
        "interrupts",
    )

    def __init__(  # noqa: PLR0913 - LangGraph's
        self,
        values: dict[str, Any] | Callable[[], dict[str, Any]],
        next: tuple[str, ...],  # noqa: A002 - the field's name
        config: "RunnableConfig",
        *,
        metadata: dict[str, Any] | None,
        created_at: str | None,
        parent_config: "RunnableConfig | None",
        tasks: tuple[PregelTask, ...],
        interrupts: "tuple[Interrupt[Any], ...]" = (),
    ) -> None:
        """Keep everything; `values` may be a function that reads them."""
        self._values = values
        self.next = next
        self.config = config
        self.metadata = metadata
        self.created_at = created_at
        self.parent_config = parent_config
        self.tasks = tasks
        self.interrupts = interrupts

    @property
    def values(self) -> dict[str, Any]:
        """The state.

        Raises:
            CheckpointError: if it cannot be read.
        """
        if callable(self._values):
            self._values = self._values()
        return self._values

    def __reduce__(self) -> tuple[object, ...]:
        """Be pickled and copied with the values, which are read for that."""
        return _snapshot, tuple(self)

    def __iter__(self) -> Iterator[Any]:
        """Yield the fields in their order, as LangGraph's named tuple does."""
        return (getattr(self, name) for name in self._fields)

    def __getitem__(self, place: int | slice) -> Any:  # noqa: ANN401 - one of the fields
        """Return the field at a place, or several in a tuple."""
        if isinstance(place, slice):
            return tuple(self)[place]
        return getattr(self, self._fields[place])

    def __len__(self) -> int:
        """Return how many fields there are."""
        return len(self._fields)


def _snapshot(*fields: Any) -> StateSnapshot:  # noqa: ANN401 - the fields
    """Return a snapshot of its fields."""
    return StateSnapshot(**dict(zip(StateSnapshot._fields, fields, strict=True)))  # pyright: ignore[reportPrivateUsage] - our own
