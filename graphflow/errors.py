"""Every exception graphflow raises by itself; what a node raises passes through as it is.

The tree::

    BaseException
    └── GraphBubbleUp                   passes through a node on its way to the engine
        ├── GraphInterrupt              a node waits for an answer
        └── GraphLeft                   a graph that a node called was left for the one around it
    Exception
    ├── GraphflowError
    │   ├── InvalidUpdateError          a node, a caller or a branch gave what the graph cannot take
    │   │   ├── UnknownKeyError         a key that no schema declares
    │   │   ├── UnknownNodeError        a goto, Send or branch result that names no node
    │   │   ├── InvalidBranchError      (ValueError, KeyError) a branch result that leads nowhere
    │   │   ├── TooManyWritesError      a channel refuses several writes; seen as the next one
    │   │   ├── ConcurrentUpdateError   more writes than a channel takes in one superstep
    │   │   └── InPlaceEditError        a node changed the state it was handed
    │   ├── EmptyInputError             nothing to run: no input, or an empty Command
    │   ├── InvalidGraphError           (ValueError) a call of the builder that cannot be right
    │   │   └── GraphValidationError    all findings of `compile()`
    │   ├── GraphRecursionError         (RecursionError) more supersteps than allowed
    │   │   └── GraphDepthError         more graphs inside each other than Python can hold
    │   ├── GraphMismatchError          (RuntimeError) a node runs other graphs than it had run
    │   ├── GraphSwallowedError         (RuntimeError) a node caught what was to end it
    │   ├── InterruptError              (RuntimeError) asking and answering went wrong
    │   │   ├── InterruptCancelledError a question that was withdrawn
    │   │   ├── InterruptExpiredError   (TimeoutError) a question that nobody answered in time
    │   │   ├── InterruptMismatchError  a node does not ask any more what was answered
    │   │   ├── InterruptSwallowedError a node caught an interrupt and went on
    │   │   ├── InvalidAnswerError      (ValueError) an answer that is not as was asked for
    │   │   └── UnknownInterruptError   an answer to what nobody asks
    │   ├── ParentCommand               a Command for a parent graph met no parent
    │   ├── ThreadBusyError             (RuntimeError) another run has the thread
    │   ├── CheckpointError             a thread cannot be stored, or cannot be read
    │   │   ├── CodecError              (TypeError) a value that no checkpoint can hold
    │   │   ├── CheckpointConflict      a store's thread is not where the writer took it to be
    │   │   ├── CheckpointNotFoundError (LookupError) there is no such thread or checkpoint
    │   │   ├── DamagedCheckpointError  what was read is not what was written
    │   │   ├── ForeignStoreError       a file that is no store of graphflow
    │   │   ├── HistoryPrunedError      (LookupError) a checkpoint that was forgotten on purpose
    │   │   ├── NewerFormatError        written by a graphflow that is newer than this one
    │   │   └── StoreUnavailableError   a store that cannot be written or read now
    │   ├── SimulationStuck             (RuntimeError) a simulation waits for what cannot come
    │   └── TaskAbandoned               (RuntimeError) a call from a task that has ended
    └── Warning
        └── AbandonedTaskWarning        (RuntimeWarning) a thread outlived the grace of its end

Each carries its data as attributes, named in its docstring.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from graphflow.interrupts import Interrupt
    from graphflow.types import Command

__all__ = (
    "AbandonedTaskWarning",
    "CheckpointConflict",
    "CheckpointError",
    "CheckpointNotFoundError",
    "CodecError",
    "ConcurrentUpdateError",
    "DamagedCheckpointError",
    "EmptyInputError",
    "ForeignStoreError",
    "GraphBubbleUp",
    "GraphDepthError",
    "GraphInterrupt",
    "GraphLeft",
    "GraphMismatchError",
    "GraphRecursionError",
    "GraphSwallowedError",
    "GraphValidationError",
    "GraphflowError",
    "HistoryPrunedError",
    "InPlaceEditError",
    "InterruptCancelledError",
    "InterruptError",
    "InterruptExpiredError",
    "InterruptMismatchError",
    "InterruptSwallowedError",
    "InvalidAnswerError",
    "InvalidBranchError",
    "InvalidGraphError",
    "InvalidUpdateError",
    "NewerFormatError",
    "ParentCommand",
    "SimulationStuck",
    "StoreUnavailableError",
    "TaskAbandoned",
    "ThreadBusyError",
    "TooManyWritesError",
    "UnknownInterruptError",
    "UnknownKeyError",
    "UnknownNodeError",
)


_LONG = 100


def quoted(names: Iterable[object]) -> str:
    """Return `'a', 'b', 'c'`: names as every message of graphflow shows them."""
    return ", ".join(repr(name) for name in names)


def shown(value: object, limit: int = 200) -> str:
    """Return the repr of a value as a message can have it: in part, if it is long."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a value's own repr may raise anything
        return f"<{type(value).__name__} object whose repr raised {type(error).__name__}>"
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def note(error: BaseException, text: str) -> None:
    """Add a note to an error, once; one that takes no notes stays as it is."""
    with suppress(Exception):  # `__notes__` is the user's to break
        if text not in getattr(error, "__notes__", ()):
            error.add_note(text)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, or nothing if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms of import for a failing path

    near = get_close_matches(str(name)[:_LONG], list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


class GraphflowError(Exception):
    """Whatever graphflow raises by itself; it can be copied and pickled, attributes included."""

    def __reduce__(self) -> tuple[object, ...]:
        """Be made again without the constructor, which takes other arguments than the message."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(
    cls: type[GraphflowError], args: tuple[object, ...], attributes: dict[str, object]
) -> GraphflowError:
    """Return an error as it was when it was pickled."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(attributes)
    return error


class InvalidUpdateError(GraphflowError):
    """An update, an input or a destination that the graph cannot take."""


class UnknownKeyError(InvalidUpdateError):
    """An update or an input has keys that no schema of the graph declares.

    Attributes:
        keys: the unknown keys.
        known: the keys there are.
    """

    def __init__(
        self, where: str, keys: Sequence[object], known: Sequence[str], takes: str = "the state has"
    ) -> None:
        """Say which keys are unknown in `where`, and the nearest known ones."""
        self.keys = tuple(keys)
        self.known = tuple(known)
        hints = "".join(
            f"{shown(key)}{did_you_mean(key, known)}" + ("" if key is keys[-1] else ", ")
            for key in keys
        )
        word = "key" if len(keys) == 1 else "keys"
        super().__init__(
            f"{where} has the unknown {word} {hints}; {takes} {quoted(known)}. "
            f'Declare the key in a schema, or build StateGraph(..., extra="ignore") to drop it'
        )


class UnknownNodeError(InvalidUpdateError):
    """A goto, a Send or a branch names something that is no node of the graph.

    Attributes:
        name: what was named.
        known: the nodes there are.
    """

    def __init__(self, where: str, name: object, known: Sequence[str], why: str = "") -> None:
        """Say that `name`, given by `where`, is no destination."""
        self.name = name
        self.known = tuple(known)
        if not why:
            why = f"{did_you_mean(name, known)}; the nodes are {quoted(known)}"
        super().__init__(f"{where} names {shown(name)}, which is no node to go to{why}")


class InvalidBranchError(InvalidUpdateError, ValueError, KeyError):
    """A path function returned something that is no destination.

    It is a `ValueError` and a `KeyError` too, because LangGraph raises the one for `None` and
    the other for an answer that the path map does not have.

    Attributes:
        answer: what the path function returned.
    """

    def __init__(self, message: str, answer: object) -> None:
        """Keep the answer beside the message."""
        self.answer = answer
        super().__init__(message)

    __str__ = Exception.__str__  # KeyError's would show the message in quotes


class TooManyWritesError(InvalidUpdateError):
    """A channel was given more writes in one superstep than it takes; the barrier adds by whom."""


class ConcurrentUpdateError(InvalidUpdateError):
    """A channel got more writes in one superstep than it takes.

    Attributes:
        key: the channel.
        writers: the nodes that wrote, in plan order.
        values: what they wrote, in the same order.
    """

    def __init__(
        self, message: str, key: str, writers: Sequence[str], values: Sequence[object]
    ) -> None:
        """Keep the writes beside the message."""
        self.key = key
        self.writers = tuple(writers)
        self.values = tuple(values)
        super().__init__(message)


class InPlaceEditError(InvalidUpdateError):
    """A node, or a reducer, changed a list, dict or set of the state it was handed.

    Attributes:
        key: the channel whose value changed.
        nodes: the nodes that had been handed it in that superstep; none, if only its reducer was.
    """

    def __init__(self, key: str, nodes: Sequence[str]) -> None:
        """Say which key changed under which nodes."""
        self.key = key
        self.nodes = tuple(nodes)
        if not nodes:
            super().__init__(
                f"the value of {key!r} was changed in place by its reducer, which must leave its "
                f"first argument as it is: return left + right, not left after left.extend(right)"
            )
            return
        who = f"node {nodes[0]!r}" if len(nodes) == 1 else f"one of the nodes {quoted(nodes)}"
        super().__init__(
            f"the value of {key!r} was changed in place while {who} ran; "
            f"the state is read-only: return {{{key!r}: ...}} with what is to change"
        )


class EmptyInputError(GraphflowError):
    """There is nothing to run: no input and nothing to resume, or a Command that says nothing."""


class InvalidGraphError(GraphflowError, ValueError):
    """A call of the builder asks for something that no graph can have."""


class GraphValidationError(InvalidGraphError):
    """The graph cannot be compiled.

    Attributes:
        findings: one sentence for every mistake found.
    """

    def __init__(self, findings: Sequence[str]) -> None:
        """Show all findings, a line each."""
        self.findings = tuple(findings)
        lines = "".join(f"\n- {finding}" for finding in findings)
        super().__init__(f"the graph cannot be compiled:{lines}")


class GraphRecursionError(GraphflowError, RecursionError):
    """The run took as many supersteps as `recursion_limit` allows, and had not come to its end.

    Attributes:
        limit: the limit that was reached.
        nodes: the nodes that ran in the last superstep.
    """

    def __init__(self, limit: int, nodes: Sequence[str]) -> None:
        """Say where the run was, and how to allow more."""
        self.limit = limit
        self.nodes = tuple(nodes)
        word = "superstep" if limit == 1 else "supersteps"
        super().__init__(
            f"{limit} {word} ran without reaching the end; the last one ran {quoted(nodes)}. "
            f"If the graph is not caught in a loop, allow more: "
            f'config={{"recursion_limit": {limit * 2}}}'
        )


class GraphDepthError(GraphRecursionError):
    """Graphs were run inside each other deeper than Python's stack is.

    Attributes:
        depth: how many there were around the innermost.
    """

    def __init__(self, depth: int) -> None:
        """Say how deep it was."""
        self.depth = depth
        RecursionError.__init__(
            self,
            f"graphs are run inside each other, {depth} deep, which is more than Python's stack "
            f"is made for; end the recursion sooner, make a loop of it within one graph, or allow "
            f"more with sys.setrecursionlimit",
        )
        self.limit, self.nodes = depth, ()


class GraphBubbleUp(BaseException):
    """What passes through a node on its way to the engine; no `except Exception` catches it."""


class GraphInterrupt(GraphBubbleUp):
    """Raised by `interrupt` in a node, to end its task until there is an answer.

    Attributes:
        interrupts: what is asked.
    """

    def __init__(self, interrupts: "Sequence[Interrupt]" = ()) -> None:
        """Keep what is asked."""
        self.interrupts = tuple(interrupts)
        super().__init__(self.interrupts)


class GraphLeft(GraphBubbleUp):
    """Raised where a node has called a graph that was left for the one around it.

    A node of the called graph has returned `Command(graph=Command.PARENT)`: that ends the called
    graph and the node that called it, whose update and destinations are the Command's.
    """


class InterruptError(GraphflowError, RuntimeError):
    """Asking a person, or answering, went wrong."""


class InterruptCancelledError(InterruptError):
    """A question was withdrawn with `cancel_interrupt`; raised where the node asked it.

    Attributes:
        interrupt_id: the interrupt.
        value: what was asked.
    """

    def __init__(self, interrupt_id: str, value: object) -> None:
        """Say what was withdrawn."""
        self.interrupt_id = interrupt_id
        self.value = value
        super().__init__(f"the interrupt {interrupt_id} was cancelled; it asked {shown(value)}")


class InterruptExpiredError(InterruptError, TimeoutError):
    """A question that has no default was not answered in time; raised where the node asked it.

    Attributes:
        interrupt_id: the interrupt.
        value: what was asked.
    """

    def __init__(self, interrupt_id: str, value: object, expired_at: str) -> None:
        """Say what was not answered."""
        self.interrupt_id = interrupt_id
        self.value = value
        super().__init__(
            f"nobody answered the interrupt {interrupt_id} before {expired_at}; it asked "
            f"{shown(value)}. Catch this error in the node, or give interrupt(..., default=...)"
        )


class InterruptMismatchError(InterruptError):
    """A node that is run again does not ask what it had asked, so an answer would be misread."""


class InterruptSwallowedError(InterruptError):
    """A node caught its own interrupt, and went on without an answer.

    Attributes:
        node: the node.
    """

    def __init__(self, node: str, value: object) -> None:
        """Name the node."""
        self.node = node
        super().__init__(
            f"node {node!r} asked {shown(value)}, caught the interrupt and went on without an "
            f"answer; `except BaseException`, a bare `except` and gather(return_exceptions=True) "
            f"do that: raise a GraphInterrupt on, or catch Exception only"
        )


class GraphMismatchError(GraphflowError, RuntimeError):
    """A node that was run again runs another graph where it had run one before.

    Attributes:
        node: the node.
        number: which of the graphs that it runs it is, from 0.
    """

    def __init__(self, node: str, number: int, what: str) -> None:
        """Name the node, and say what differs."""
        self.node = node
        self.number = number
        super().__init__(
            f"node {node!r} was run again, and for its graph number {number + 1} {what}; let it "
            f"run the same graphs with the same inputs. To run everything anew, give a new input "
            f"or update_state"
        )


class GraphSwallowedError(GraphflowError, RuntimeError):
    """A node went on though a graph that it had called was left, or was to stop where it is.

    Attributes:
        node: the node.
    """

    def __init__(self, node: str, *, paused: bool) -> None:
        """Name the node, and say what it caught."""
        self.node = node
        why = "was to stop where it is" if paused else "was left by a Command for a graph around it"
        super().__init__(
            f"node {node!r} caught what was to end it, for a graph that it called {why}; "
            f"`except BaseException`, a bare `except` and gather(return_exceptions=True) do that: "
            f"raise a GraphBubbleUp on, or catch Exception only"
        )


class InvalidAnswerError(InterruptError, ValueError):
    """An answer that is not as the `response_schema` has it; the question still waits.

    Attributes:
        interrupt_id: the interrupt.
        answer: what was given.
    """

    def __init__(self, interrupt_id: str, answer: object, reason: str) -> None:
        """Say what is wrong with the answer."""
        self.interrupt_id = interrupt_id
        self.answer = answer
        super().__init__(
            f"the answer {shown(answer)} to the interrupt {interrupt_id} does not fit its "
            f"response_schema: {reason}"
        )


class UnknownInterruptError(InterruptError):
    """An answer that fits no question: nothing was stored, and what waits can still be answered.

    Attributes:
        reason: `"not_pending"` where ids are named that nobody waits for, `"empty_map"` for an
            empty dict, `"ambiguous"` for one answer where several wait.
        interrupt_ids: the ids that nobody waits for.
        pending_ids: the ids that do wait.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["not_pending", "empty_map", "ambiguous"],
        interrupt_ids: Sequence[str] = (),
        pending_ids: Sequence[str] = (),
    ) -> None:
        """Keep which ids were named, and which wait."""
        self.reason = reason
        self.interrupt_ids = tuple(interrupt_ids)
        self.pending_ids = tuple(pending_ids)
        super().__init__(message)


class ParentCommand(GraphflowError):  # noqa: N818 - LangGraph's name
    """A node returned `Command(graph=Command.PARENT)`, and the graph has no parent.

    Attributes:
        command: the Command.
    """

    def __init__(self, command: "Command") -> None:
        """Keep the Command."""
        self.command = command
        super().__init__(
            "Command(graph=Command.PARENT) was returned by a node of a graph that has no parent; "
            "leave out graph= to address the graph itself"
        )


class TaskAbandoned(GraphflowError, RuntimeError):  # noqa: N818 - it says what happened to the task
    """A task that the run no longer waits for tried to use the run.

    Attributes:
        node: the node whose task it is.
    """

    def __init__(self, node: str) -> None:
        """Name the node."""
        self.node = node
        super().__init__(
            f"the task of node {node!r} has ended or was abandoned, so nothing it writes is seen; "
            f"do not use the writer after the node returned"
        )


class ThreadBusyError(GraphflowError, RuntimeError):
    """Two runs want one thread, and only one can have it.

    Attributes:
        thread_id: the thread.
        superseded: whether this run had the thread and another process has taken it over; else
            this run was turned away, and nothing of it has happened.
    """

    def __init__(self, thread_id: str, *, superseded: bool) -> None:
        """Say who has the thread."""
        self.thread_id = thread_id
        self.superseded = superseded
        if superseded:
            text = (
                f"the thread {shown(thread_id)} was taken over by a run that began later; what "
                f"this run had stored is kept, and its last superstep is not part of the thread"
            )
        else:
            text = (
                f"the thread {shown(thread_id)} has a run that has not ended; wait for its end, "
                f'or give on_busy="queue" to have this run wait for it, or on_busy="fork" to give '
                f"this run a branch of its own"
            )
        super().__init__(text)


class CheckpointError(GraphflowError):
    """A thread cannot be stored, or cannot be read."""


class CodecError(CheckpointError, TypeError):
    """A value that no checkpoint can hold, or bytes that hold no value this program knows.

    Attributes:
        kind: the type's name, or what was found in its place.
        path: where in the value it is, such as `['user'].address[0]`; "" for the value itself.
        channel: the key of the state, or None where that is not known.
        node: the node that wrote it, or None where that is not known.
    """

    def __init__(
        self,
        reason: str,
        *,
        kind: str = "",
        path: str = "",
        channel: str | None = None,
        node: str | None = None,
    ) -> None:
        """Say what is wrong with what stands where."""
        self.reason = reason
        self.kind = kind
        self.path = path
        self.channel = channel
        self.node = node
        where = f"at {path}" if path else ""
        if channel is not None:
            where = f"in {channel!r} {where}".rstrip()
        if node is not None:
            where += f", written by node {node!r}"
        super().__init__(f"{where}: {reason}" if where else reason)


class CheckpointConflict(CheckpointError):  # noqa: N818 - a store's answer, which the engine reads
    """A commit expected another head than the thread has; the store is as it was."""

    def __init__(self, thread_id: str) -> None:
        """Name the thread."""
        self.thread_id = thread_id
        super().__init__(f"the thread {shown(thread_id)} is not where the writer took it to be")


class CheckpointNotFoundError(CheckpointError, LookupError):
    """There is no such thread, or it has no such checkpoint."""


class DamagedCheckpointError(CheckpointError):
    """What was read is not what was written: a file was cut short, or bits of it were changed."""


class ForeignStoreError(CheckpointError):
    """A file that is no store of graphflow, so it is left alone."""


class HistoryPrunedError(CheckpointError, LookupError):
    """A checkpoint that was forgotten on purpose, by compacting its thread."""


class NewerFormatError(CheckpointError):
    """A store, or a record in it, that was written by a newer graphflow than this one."""


class StoreUnavailableError(CheckpointError):
    """A store that cannot be written or read now: a full disk, a folder without permission."""


class SimulationStuck(GraphflowError, RuntimeError):  # noqa: N818 - it says what happened
    """Everything in a simulated run waits, and nothing in it can end that."""


class AbandonedTaskWarning(RuntimeWarning):
    """A sync node still ran in its thread when the grace after its cancelling was over."""
