"""What the client takes and returns: dicts, as a server would send them, under the SDK's names.

Times are words in ISO 8601, and everything is plain JSON: what a server's answer is, too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, NotRequired, TypeAlias, TypedDict

__all__ = (
    "Assistant",
    "AssistantsSearchResponse",
    "CancelAction",
    "Checkpoint",
    "Command",
    "Config",
    "DisconnectMode",
    "Durability",
    "GraphSchema",
    "IfNotExists",
    "Interrupt",
    "Json",
    "MultitaskStrategy",
    "OnCompletionBehavior",
    "OnConflictBehavior",
    "Run",
    "RunCreate",
    "RunCreateMetadata",
    "RunOptions",
    "RunStatus",
    "Send",
    "Sent",
    "StreamOptions",
    "StreamPart",
    "StreamPartV2",
    "Subgraphs",
    "Thread",
    "ThreadState",
    "ThreadStatus",
    "ThreadTask",
    "ThreadUpdateStateResponse",
    "WaitOptions",
)

Json: TypeAlias = dict[str, Any] | None

RunStatus: TypeAlias = Literal["pending", "running", "error", "success", "timeout", "interrupted"]
ThreadStatus: TypeAlias = Literal["idle", "busy", "interrupted", "error"]
MultitaskStrategy: TypeAlias = Literal["reject", "interrupt", "rollback", "enqueue"]
OnConflictBehavior: TypeAlias = Literal["raise", "do_nothing"]
OnCompletionBehavior: TypeAlias = Literal["delete", "keep"]
DisconnectMode: TypeAlias = Literal["cancel", "continue"]
IfNotExists: TypeAlias = Literal["create", "reject"]
CancelAction: TypeAlias = Literal["interrupt", "rollback"]
BulkCancelRunsStatus: TypeAlias = Literal["pending", "running", "all"]
Durability: TypeAlias = Literal["sync", "async", "exit"]
SortOrder: TypeAlias = Literal["asc", "desc"]
StreamMode: TypeAlias = Literal[
    "values",
    "messages",
    "updates",
    "events",
    "tasks",
    "checkpoints",
    "debug",
    "custom",
    "messages-tuple",
]
Modes: TypeAlias = StreamMode | Sequence[StreamMode]


# ------------------------------------------------------------------------------------- threads


class Interrupt(TypedDict):
    """A question that a thread waits for an answer to."""

    value: Any
    id: str
    response_schema: NotRequired[dict[str, Any] | None]


class Checkpoint(TypedDict):
    """The name of a checkpoint."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None
    checkpoint_map: NotRequired[dict[str, Any] | None]


class Thread(TypedDict):
    """A thread; `values`, `interrupts` and `error` are as its last run, or edit, left them."""

    thread_id: str
    created_at: str
    updated_at: str
    state_updated_at: str
    metadata: dict[str, Any]
    status: ThreadStatus
    config: dict[str, Any]
    values: Json
    error: NotRequired[dict[str, str] | None]
    interrupts: NotRequired[dict[str, list[Interrupt]]]
    extracted: NotRequired[dict[str, Any]]


class ThreadTask(TypedDict):
    """A task of a checkpoint."""

    id: str
    name: str
    path: list[Any]
    error: str | None
    interrupts: list[Interrupt]
    checkpoint: "Checkpoint | None"
    state: "ThreadState | None"
    result: dict[str, Any] | None


class ThreadState(TypedDict):
    """A thread at one checkpoint."""

    values: dict[str, Any]
    next: list[str]
    tasks: list[ThreadTask]
    metadata: Json
    created_at: str | None
    checkpoint: Checkpoint | None
    parent_checkpoint: Checkpoint | None
    interrupts: list[Interrupt]
    checkpoint_id: str | None
    parent_checkpoint_id: str | None


class ThreadUpdateStateResponse(TypedDict):
    """The checkpoint that an edit has made."""

    checkpoint: Checkpoint
    configurable: Checkpoint
    checkpoint_id: str | None


# ---------------------------------------------------------------------------------- assistants


class Config(TypedDict, total=False):
    """What a run, or all runs of an assistant, are configured with."""

    tags: list[str]
    recursion_limit: int
    configurable: dict[str, Any]


class Assistant(TypedDict):
    """A graph with a config of its own; each graph has one by itself."""

    assistant_id: str
    graph_id: str
    config: dict[str, Any]
    context: dict[str, Any]
    created_at: str
    updated_at: str
    metadata: dict[str, Any]
    version: int
    name: str
    description: str | None


class AssistantsSearchResponse(TypedDict):
    """What was found, and where to go on; here all is found at once."""

    assistants: list[Assistant]
    next: str | None


class GraphSchema(TypedDict):
    """JSON Schemas of what a graph takes, keeps and returns."""

    graph_id: NotRequired[str]
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    state_schema: dict[str, Any] | None
    config_schema: dict[str, Any] | None
    context_schema: dict[str, Any] | None


Subgraphs: TypeAlias = dict[str, GraphSchema]


# ---------------------------------------------------------------------------------------- runs


class Send(TypedDict):
    """One more task of a node."""

    node: str
    input: dict[str, Any] | None


class Command(TypedDict, total=False):
    """An answer, an update, and where to go; in place of an input."""

    goto: Send | str | Sequence[Send | str]
    update: dict[str, Any] | Sequence[tuple[str, Any]]
    resume: Any


class Run(TypedDict):
    """A run of a graph on a thread."""

    run_id: str
    thread_id: str
    assistant_id: str
    created_at: str
    updated_at: str
    status: RunStatus
    metadata: dict[str, Any]
    kwargs: dict[str, Any]
    multitask_strategy: MultitaskStrategy


class RunCreateMetadata(TypedDict):
    """What `on_run_created` is told; of a run without a thread, no thread."""

    run_id: str
    thread_id: str | None


class Sent(TypedDict, total=False):
    """What every method takes as the SDK's does, and has no use for: there is no request.

    Attributes:
        headers: the headers of the request.
        params: the parameters of its address.
    """

    headers: Mapping[str, str] | None
    params: Mapping[str, Any] | None


class RunOptions(Sent, total=False):
    """What a run is begun with; all methods that begin one take these by name.

    Attributes:
        input: what the graph is given; None goes on where the thread is.
        command: an answer, an update or a destination, in place of an input.
        metadata: facts about the run, which its checkpoints have, too.
        config: `tags`, `recursion_limit` and `configurable`.
        context: what nodes find as `runtime.context`.
        checkpoint: the checkpoint to go on from, as `get_state` names it.
        checkpoint_id: the same, by its id.
        checkpoint_during: the older word for `durability`: False is `"exit"`.
        durability: when supersteps are stored; `"async"` unless said.
        interrupt_before: nodes before which it stops, or `"*"`.
        interrupt_after: nodes after which it stops, or `"*"`.
        multitask_strategy: what becomes of runs that the thread has; `"enqueue"` unless said.
        if_not_exists: `"create"` to make a thread that is not there.
        on_completion: `"keep"` to keep the thread of a run that was begun without one.
        after_seconds: how long to wait before it starts.
        on_run_created: told of the run before it starts.
        strict_resume: changes nothing: an answer to what nobody asks is an error here.
        webhook: refused: nobody is called when the run ends.
        langsmith_tracing: refused: nothing is sent to LangSmith.
    """

    input: Any
    command: Command | None
    metadata: Mapping[str, Any] | None
    config: Config | None
    context: Mapping[str, Any] | None
    checkpoint: Checkpoint | None
    checkpoint_id: str | None
    checkpoint_during: bool | None
    durability: Durability | None
    interrupt_before: Literal["*"] | Sequence[str] | None
    interrupt_after: Literal["*"] | Sequence[str] | None
    multitask_strategy: MultitaskStrategy | None
    if_not_exists: IfNotExists | None
    on_completion: OnCompletionBehavior | None
    after_seconds: float | None
    on_run_created: Callable[[RunCreateMetadata], object] | None
    strict_resume: bool | None
    webhook: str | None
    langsmith_tracing: Mapping[str, Any] | None


class CreateOptions(RunOptions, total=False):
    """What a run is begun with whose stream may be read.

    Attributes:
        stream_mode: what its stream shows; `"values"` unless said. One word or several.
        stream_subgraphs: whether it shows what graphs inside do, too.
        stream_resumable: whether its parts have ids, to go on behind one.
    """

    stream_mode: Modes
    stream_subgraphs: bool
    stream_resumable: bool


class StreamOptions(CreateOptions, total=False):
    """What a run is begun with whose stream is read.

    Attributes:
        on_disconnect: `"cancel"` to end the run if its stream is left.
        feedback_keys: refused: they are LangSmith's.
        version: `"v2"` for a dict in place of each `StreamPart`.
    """

    on_disconnect: DisconnectMode | None
    feedback_keys: Sequence[str] | None
    version: Literal["v1", "v2"]


class WaitOptions(RunOptions, total=False):
    """What a run is begun with whose end is waited for.

    Attributes:
        on_disconnect: `"cancel"` to end the run if whoever waits is cancelled.
        raise_error: whether an error of the run is raised, and not returned as `__error__`.
    """

    on_disconnect: DisconnectMode | None
    raise_error: bool


class RunCreate(RunOptions):
    """A run of `create_batch`."""

    thread_id: NotRequired[str | None]
    assistant_id: str


class StreamPart(NamedTuple):
    """One event of a stream.

    Attributes:
        event: what it is: `metadata`, a stream mode, `error`, `end`; with `|` and a namespace
            behind where a graph inside shows it.
        data: what is told.
        id: its id, if the run is resumable.
    """

    event: str
    data: Any
    id: str | None = None


class StreamPartV2(TypedDict):
    """One event of a stream, with `version="v2"`."""

    type: str
    ns: list[str]
    data: Any
    interrupts: list[Interrupt]
