"""What a node returns and what a caller passes: plain values, no behaviour."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, cast, final

from typing_extensions import TypeVar

if TYPE_CHECKING:
    from graphflow.runtime import ExecutionInfo

__all__ = ("Command", "Middleware", "Overwrite", "Send", "StreamMode", "StreamWriter")

StreamMode: TypeAlias = Literal["values", "updates", "custom"]
"""What a stream shows: the state, what nodes return, or what they write."""

Reference: TypeAlias = str | Callable[..., Any]
"""A node, by its name or by its function."""

StreamWriter: TypeAlias = Callable[[Any], None]
"""Takes one item of the custom stream; what `get_stream_writer()` returns."""

Middleware: TypeAlias = Callable[["ExecutionInfo"], AbstractContextManager[Any]]
"""Makes the context manager that is entered around one task, inside the task's own context."""


NameT = TypeVar("NameT", bound=str, default=str)


class _Plain:
    """Equality, hash and repr by fields; a dataclass would cost more import time."""

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        """Show the fields as the constructor takes them."""
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        """Compare field by field."""
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    def __hash__(self) -> int:
        """Hash the fields, which must be hashable then."""
        return hash((type(self), *(getattr(self, name) for name in self._fields)))


class Send(_Plain):
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


class Command(_Plain, Generic[NameT]):
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
class Overwrite(_Plain):
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
