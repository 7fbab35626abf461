"""`client.threads`: makes threads, finds them, and reads and edits their states."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal, Unpack

from graphflow.client._books import chosen, fits
from graphflow.client._entries import Ending, ThreadEntry, new_id, now
from graphflow.client._face import request
from graphflow.client._states import config_of
from graphflow.client._thread_states import ThreadStates, edits_of
from graphflow.client._wire import sent
from graphflow.client.errors import (
    ConflictError,
    NotFoundError,
    UnprocessableEntityError,
)
from graphflow.client.schema import (
    OnConflictBehavior,
    Sent,
    SortOrder,
    Thread,
    ThreadStatus,
)
from graphflow.errors import quoted

__all__ = ("ThreadsClient",)

_STATUSES = ("idle", "busy", "interrupted", "error")


class ThreadsClient(ThreadStates):
    """Makes threads, finds them, and reads and edits their states.

    The states are in the checkpointers of the graphs, the rest is in memory, for as long as the
    client is open. A thread that a checkpointer has from before can be used as well.
    """

    @request
    async def create(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
        if_exists: OnConflictBehavior | None = None,
        supersteps: Sequence[Mapping[str, Sequence[Mapping[str, Any]]]] | None = None,
        graph_id: str | None = None,
        **_: Unpack[Sent],
    ) -> Thread:
        """Make a thread.

        Args:
            metadata: facts about it, to find it by.
            thread_id: its id, any word; a new one unless said.
            if_exists: `"do_nothing"` to return the thread that has the id already.
            supersteps: edits to begin its state with, of which each has `updates`.
            graph_id: the graph that it is of; that of its first run unless said.

        Raises:
            ConflictError: if there is a thread of this id.
            NotFoundError: if there is no such graph.
        """
        name = thread_id or new_id()
        if thread_id is not None:
            try:
                found = await self._books.thread(name)
            except NotFoundError:
                found = None
            if found is not None:
                if if_exists == "do_nothing":
                    return found.shown()
                raise ConflictError(f"Thread with ID {name} already exists")
        facts = sent(metadata or {})
        if graph_id is not None:
            facts["graph_id"] = self._books.graph(graph_id).id
        thread = self._books.threads[name] = ThreadEntry(name, facts)
        if supersteps:
            try:
                await self._edit(thread, config_of(name, None), edits_of(supersteps))
            except BaseException:
                del self._books.threads[name]
                raise
        return thread.shown()

    @request
    async def get(
        self,
        thread_id: str,
        *,
        include: Sequence[str] | None = None,  # noqa: ARG002 - the SDK's; see below
        **_: Unpack[Sent],
    ) -> Thread:
        """Return a thread; `include` changes nothing, for all is there.

        Raises:
            NotFoundError: if there is none.
        """
        return (await self._books.thread(thread_id)).shown()

    @request
    async def update(
        self,
        thread_id: str,
        *,
        metadata: Mapping[str, Any],
        return_minimal: bool = False,
        **_: Unpack[Sent],
    ) -> Thread | None:
        """Add facts to a thread; return it, or None if `return_minimal`.

        Raises:
            NotFoundError: if there is none.
        """
        thread = await self._books.thread(thread_id)
        thread.metadata |= sent(metadata)
        thread.updated = now()
        return None if return_minimal else thread.shown()

    @request
    async def delete(self, thread_id: str, **_: Unpack[Sent]) -> None:
        """Forget a thread, its runs and its states; a run that it has is ended before.

        Raises:
            NotFoundError: if there is none.
        """
        thread = await self._books.thread(thread_id)
        while thread.active:
            await self._runner.end(thread.active[0], Ending("interrupt", "the thread was deleted"))
        hosted = self._books.hosted(thread)
        if hosted is not None:
            await hosted.saver.adelete_thread(thread_id)
        self._books.threads.pop(thread_id, None)

    @request
    async def copy(self, thread_id: str, **_: Unpack[Sent]) -> Thread:
        """Make a thread that has the states and the metadata of another, and no runs.

        Raises:
            NotFoundError: if there is no such thread.
            ConflictError: if it has a run.
        """
        thread = await self._idle(thread_id)
        made = ThreadEntry(new_id(), sent(thread.metadata))
        hosted = self._books.hosted(thread)
        if hosted is not None and await hosted.has(thread_id):
            await hosted.saver.acopy_thread(thread_id, made.id)
            made.settle(await hosted.state(made.id))
        self._books.threads[made.id] = made
        return made.shown()

    @request
    async def prune(
        self,
        thread_ids: Sequence[str],
        *,
        strategy: Literal["delete"] = "delete",
        **_: Unpack[Sent],
    ) -> dict[str, Any]:
        """Forget several threads; return how many there were.

        Raises:
            UnprocessableEntityError: if the strategy is another.
        """
        if strategy != "delete":
            raise UnprocessableEntityError(f"strategy is {strategy!r}; there is 'delete'")
        there = [one for one in dict.fromkeys(thread_ids) if one in self._books.threads]
        for one in there:
            await self.delete(one)
        return {"pruned_count": len(there)}

    # -------------------------------------------------------------------------------- searching

    @request
    async def search(  # noqa: PLR0913 - the SDK's
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        ids: Sequence[str] | None = None,
        status: ThreadStatus | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: SortOrder | None = None,
        select: Sequence[str] | None = None,
        **_: Unpack[Sent],
    ) -> list[Thread]:
        """Return the threads that the client knows and that have all that is said.

        Args:
            metadata: facts that they have.
            values: values that they have.
            ids: their ids.
            status: what they do.
            limit: how many at the most.
            offset: how many to leave out first.
            sort_by: by what they are sorted; `"created_at"` unless said.
            sort_order: `"desc"` unless said.
            select: which keys of each to return.

        Raises:
            UnprocessableEntityError: if a word is unknown.
        """
        found = self._found(metadata, values, status)
        if ids is not None:
            found = [thread for thread in found if thread["thread_id"] in ids]
        key = sort_by or "created_at"
        if found and key not in found[0]:
            raise UnprocessableEntityError(f"sort_by is {key!r}, by which no thread is sorted")
        found.sort(key=itemgetter(key), reverse=sort_order != "asc")
        return chosen(found[offset : offset + limit], select)

    @request
    async def count(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        status: ThreadStatus | None = None,
        **_: Unpack[Sent],
    ) -> int:
        """Return how many threads `search` would find."""
        return len(self._found(metadata, values, status))

    def _found(
        self,
        metadata: Mapping[str, Any] | None,
        values: Mapping[str, Any] | None,
        status: ThreadStatus | None,
    ) -> list[Thread]:
        """Return the threads that have all that is said, the oldest first."""
        if status is not None and status not in _STATUSES:
            raise UnprocessableEntityError(f"{status!r} is not one of {quoted(_STATUSES)}")
        return [
            thread.shown()
            for thread in self._books.threads.values()
            if fits(thread.metadata, metadata)
            and fits(thread.values or {}, values)
            and status in (None, thread.status)
        ]
