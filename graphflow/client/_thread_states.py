"""What `client.threads` does with the states of threads, which are in the graphs' checkpointers."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from graphflow.client._books import chosen
from graphflow.client._entries import Hosted, ThreadEntry
from graphflow.client._face import request
from graphflow.client._runner import Runner
from graphflow.client._states import checkpoint_of, config_of, state_of
from graphflow.client._wire import sent
from graphflow.client.errors import BadRequestError, ConflictError, NotFoundError
from graphflow.client.schema import Checkpoint, Sent, ThreadState, ThreadUpdateStateResponse
from graphflow.config import RunnableConfig
from graphflow.errors import CheckpointNotFoundError, InvalidUpdateError, ThreadBusyError
from graphflow.persistence import no_such
from graphflow.types import StateUpdate


class ThreadStates:
    """Reads and edits the states of threads."""

    def __init__(self, runner: Runner) -> None:
        """Made by the client."""
        self._runner = runner
        self._books = runner.books

    @request
    async def get_state(
        self,
        thread_id: str,
        checkpoint: Checkpoint | None = None,
        checkpoint_id: str | None = None,
        *,
        subgraphs: bool = False,
        select: Sequence[str] | None = None,
        **_: Unpack[Sent],
    ) -> ThreadState:
        """Return the state of a thread: as it is, or at a checkpoint.

        Args:
            thread_id: the thread.
            checkpoint: the checkpoint; with a `checkpoint_ns`, that of a graph inside.
            checkpoint_id: the same, by its id.
            subgraphs: whether tasks that run graphs have the states of these.
            select: which keys to return.

        Raises:
            NotFoundError: if there is no such thread.
        """
        thread = await self._books.thread(thread_id)
        config = config_of(thread_id, checkpoint, checkpoint_id)
        hosted = self._books.hosted(thread)
        if hosted is None:
            snapshot = no_such(config)
        else:
            snapshot = await hosted.graph.aget_state(config, subgraphs=subgraphs)
        told: ThreadState = chosen([state_of(snapshot)], select)[0]
        return told

    @request
    async def get_history(  # noqa: PLR0913 - the SDK's
        self,
        thread_id: str,
        *,
        limit: int = 10,
        before: str | Checkpoint | RunnableConfig | None = None,
        metadata: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
        select: Sequence[str] | None = None,
        **_: Unpack[Sent],
    ) -> list[ThreadState]:
        """Return the states of a thread at its checkpoints, the newest first.

        Args:
            thread_id: the thread.
            limit: how many at the most.
            before: only those before this checkpoint, or this id of one.
            metadata: what their metadata must have.
            checkpoint: with a `checkpoint_ns`: those of a graph inside.
            select: which keys of each to return.

        Raises:
            NotFoundError: if there is no such thread.
        """
        hosted = self._books.hosted(await self._books.thread(thread_id))
        if hosted is None:
            return []
        rows = hosted.graph.aget_state_history(
            config_of(thread_id, checkpoint),
            filter=metadata,
            before=_before(thread_id, before),
            limit=limit,
        )
        return chosen([state_of(snapshot) async for snapshot in rows], select)

    @request
    async def update_state(
        self,
        thread_id: str,
        values: Any,  # noqa: ANN401 - whatever a node may return
        *,
        as_node: str | None = None,
        checkpoint: Checkpoint | None = None,
        checkpoint_id: str | None = None,
        **_: Unpack[Sent],
    ) -> ThreadUpdateStateResponse:
        """Edit the state of a thread, as if a node had returned `values`.

        Args:
            thread_id: the thread.
            values: a dict, a list of dicts, or None.
            as_node: the node; the one that ran last unless said.
            checkpoint: the checkpoint to begin a branch at.
            checkpoint_id: the same, by its id.

        Raises:
            NotFoundError: if there is no such thread, or checkpoint.
            ConflictError: if it has a run.
            BadRequestError: if it is of no graph yet, or the graph cannot take it.
        """
        thread = await self._idle(thread_id)
        config = config_of(thread_id, checkpoint, checkpoint_id)
        return await self._edit(thread, config, [[StateUpdate(sent(values), as_node)]])

    async def _edit(
        self, thread: ThreadEntry, config: RunnableConfig, edits: Sequence[Sequence[StateUpdate]]
    ) -> ThreadUpdateStateResponse:
        """Edit the state of a thread."""
        hosted = self._graph_of(thread)
        try:
            made = await hosted.graph.abulk_update_state(config, edits)
        except InvalidUpdateError as error:
            raise BadRequestError(str(error)) from error
        except CheckpointNotFoundError as error:
            raise NotFoundError(str(error)) from error
        except ThreadBusyError as error:
            raise ConflictError(str(error)) from error
        thread.settle(await hosted.state(thread.id))
        at = checkpoint_of(made)
        assert at is not None, "an edit makes a checkpoint"
        at.setdefault("checkpoint_ns", "")
        return {"checkpoint": at, "configurable": at.copy(), "checkpoint_id": at["checkpoint_id"]}

    def _graph_of(self, thread: ThreadEntry) -> Hosted:
        """Return the graph that a thread is of."""
        hosted = self._books.hosted(thread)
        if hosted is None:
            raise BadRequestError(
                f"Thread '{thread.id}' has no assigned graph ID. This usually occurs when no runs "
                f"have been made on this particular thread. Give threads.create a graph_id, or "
                f"run the thread before its state is edited."
            )
        return hosted

    async def _idle(self, thread_id: str) -> ThreadEntry:
        """Return a thread that has no run."""
        thread = await self._books.thread(thread_id)
        if thread.active:
            busy = [run.id for run in thread.active]
            raise ConflictError(f"Thread {thread_id} has in-flight runs: {busy}")
        return thread


def edits_of(
    supersteps: Sequence[Mapping[str, Sequence[Mapping[str, Any]]]],
) -> list[list[StateUpdate]]:
    """Return the edits that a thread begins with."""
    return [
        [StateUpdate(sent(one.get("values")), one.get("as_node")) for one in step["updates"]]
        for step in supersteps
    ]


def _before(
    thread_id: str, before: str | Checkpoint | RunnableConfig | None
) -> RunnableConfig | None:
    """Return the config that names the end of a history."""
    if before is None:
        return None
    if isinstance(before, str):
        return config_of(thread_id, None, before)
    named: Mapping[str, Any] = before
    return config_of(thread_id, named.get("configurable", named))
