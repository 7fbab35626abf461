"""Graphs, threads and runs as the client keeps them."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

import anyio

from graphflow._drive import load
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.client._feed import Feed
from graphflow.client._states import values_of, waits_of
from graphflow.client.errors import NotFoundError
from graphflow.client.schema import CancelAction, Interrupt, Run, RunStatus, Thread, ThreadStatus
from graphflow.compiled import CompiledStateGraph
from graphflow.types import StateSnapshot

Graph: TypeAlias = CompiledStateGraph[Any, Any]


def now() -> str:
    """Return the time as the client tells it."""
    return datetime.now(UTC).isoformat()


def new_id() -> str:
    """Return an id for a thread or a run."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Hosted:
    """A graph that the client runs.

    Attributes:
        id: its name for the client.
        graph: the graph, which has a checkpointer.
        saver: that.
    """

    id: str
    graph: Graph
    saver: BaseCheckpointSaver

    async def has(self, thread_id: str) -> bool:
        """Tell whether the checkpointer has a thread."""
        head = await load.read_store()(self.saver, partial(self.saver.head, thread_id))
        return head is not None

    async def state(self, thread_id: str) -> StateSnapshot:
        """Return a thread as it is."""
        return await self.graph.aget_state({"configurable": {"thread_id": thread_id}})


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a run is to end before its end.

    Attributes:
        action: whether what it has stored stays.
        message: why, for the thread's `error`.
    """

    action: CancelAction
    message: str


@dataclass(slots=True, eq=False)
class RunEntry:
    """A run.

    Attributes:
        thread: its thread.
        hosted: its graph.
        assistant: its assistant's id.
        kwargs: what it was begun with, as `runs.get` shows it.
        metadata: facts about it.
        strategy: what it did with runs that the thread had.
        feed: its events.
        keeps: whether its thread stays when it has ended.
        turn: set when it may start.
        ended: set when all is over.
        scope: cancels it.
        asked: why it is to end, if somebody has cancelled it.
        over: whether it is too late to cancel it.
        error: what it failed with.
        output: the last values that it has shown.
        before: the thread that is a copy of its thread as it was before, for a rollback.
    """

    thread: "ThreadEntry"
    hosted: Hosted
    assistant: str
    kwargs: dict[str, Any]
    metadata: dict[str, Any]
    strategy: Any
    feed: Feed
    keeps: bool = True
    id: str = field(default_factory=new_id)
    status: RunStatus = "pending"
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    turn: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    asked: Ending | None = None
    over: bool = False
    error: Exception | None = None
    output: Any = None
    before: str | None = None

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("pending", "running")

    def put(self, status: RunStatus) -> None:
        """Be in another status."""
        self.status, self.updated = status, now()

    def shown(self) -> Run:
        """Return the run as the client tells it."""
        return {
            "run_id": self.id,
            "thread_id": self.thread.id,
            "assistant_id": self.assistant,
            "metadata": deepcopy(self.metadata),
            "status": self.status,
            "kwargs": deepcopy(self.kwargs),
            "multitask_strategy": self.strategy,
            "created_at": self.created,
            "updated_at": self.updated,
        }


@dataclass(slots=True, eq=False)
class ThreadEntry:
    """A thread.

    Attributes:
        metadata: facts about it; `graph_id` names its graph.
        rest: its status while it has no run.
        runs: its runs by their ids, in the order in which they were begun.
        line: those that want to run, the first of which does.
        ran: whether anything has been told of its end.
    """

    id: str
    metadata: dict[str, Any]
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    touched: str = field(default_factory=now)
    rest: ThreadStatus = "idle"
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    values: dict[str, Any] | None = None
    interrupts: dict[str, list[Interrupt]] = field(default_factory=dict[str, list[Interrupt]])
    error: dict[str, str] | None = None
    ran: bool = False
    runs: dict[str, RunEntry] = field(default_factory=dict[str, RunEntry])
    line: list[RunEntry] = field(default_factory=list[RunEntry])

    @property
    def active(self) -> list[RunEntry]:
        """The runs that wait or run."""
        return [run for run in self.runs.values() if run.active]

    @property
    def status(self) -> ThreadStatus:
        """What it does."""
        return "busy" if self.active else self.rest

    def run(self, run_id: str) -> RunEntry:
        """Return one of its runs.

        Raises:
            NotFoundError: if there is none.
        """
        found = self.runs.get(run_id)
        if found is None:
            raise NotFoundError("Run not found")
        return found

    def settle(self, snapshot: StateSnapshot) -> None:
        """Take over what the checkpointer has."""
        self.values = values_of(snapshot)
        self.interrupts = waits_of(snapshot)
        self.error = None
        self.rest = "interrupted" if snapshot.next else "idle"
        self.updated = self.touched = now()

    def shown(self) -> Thread:
        """Return the thread as the client tells it."""
        told: Thread = {
            "thread_id": self.id,
            "created_at": self.created,
            "updated_at": self.updated,
            "state_updated_at": self.touched,
            "metadata": deepcopy(self.metadata),
            "status": self.status,
            "config": deepcopy(self.config),
            "values": deepcopy(self.values),
        }
        if self.ran:
            told["error"] = self.error
            told["interrupts"] = deepcopy(self.interrupts)
        return told
