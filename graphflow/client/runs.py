"""`client.runs`: begins runs, waits for them, reads their streams, and ends them."""

import builtins
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from typing import Any, Unpack

import anyio

from graphflow.client._books import chosen
from graphflow.client._entries import Ending, RunEntry
from graphflow.client._events import as_v2, shows
from graphflow.client._face import Parts, request
from graphflow.client._feed import Reader
from graphflow.client._runner import Runner
from graphflow.client._wire import error_of
from graphflow.client.errors import NotFoundError, RunFailedError, UnprocessableEntityError
from graphflow.client.schema import (
    BulkCancelRunsStatus,
    CancelAction,
    CreateOptions,
    Modes,
    Run,
    RunCreate,
    RunStatus,
    Sent,
    StreamOptions,
    StreamPart,
    WaitOptions,
)

__all__ = ("RunsClient",)

_LEFT = "client disconnected from the run stream (on_disconnect=cancel)"


class RunsClient:
    """Begins runs, waits for them, reads their streams, and ends them.

    A run is of an assistant: the id of one, or the name of a graph. It has a thread, or None for
    one that is made for it and forgotten when it has ended. `create`, `stream` and `wait` take
    the options of `RunOptions` by name.
    """

    def __init__(self, runner: Runner) -> None:
        """Made by the client."""
        self._runner = runner
        self._books = runner.books

    @request
    async def create(
        self, thread_id: str | None, assistant_id: str, **options: Unpack[CreateOptions]
    ) -> Run:
        """Begin a run, and return at once; `join`, or `join_stream`, waits for it.

        Raises:
            NotFoundError: if there is no such thread.
            UnprocessableEntityError: if there is no such assistant, or an option is none.
            ConflictError: if the thread has a run, with `multitask_strategy="reject"`.
            NotImplementedError: if an option can only be served by a server.
        """
        return (await self._runner.begin(thread_id, assistant_id, options)).shown()

    @request
    async def create_batch(
        self, payloads: Sequence[RunCreate], **_: Unpack[Sent]
    ) -> builtins.list[Run]:
        """Begin several runs, each of a dict of what `create` takes.

        Raises:
            Exception: see `create`; if one is refused, those before it have begun.
        """
        given: list[dict[str, Any]] = [{"thread_id": None, **payload} for payload in payloads]
        return [await self.create(**options) for options in given]

    @request
    def stream(
        self, thread_id: str | None, assistant_id: str, **options: Unpack[StreamOptions]
    ) -> AsyncIterator[Any]:
        """Begin a run when the first part is asked for, and yield what it shows.

        The first part is `metadata` with the `run_id`; then come those of `stream_mode`; `error`
        where it fails; and `end`, whose data is None. The run waits for who reads, if this takes
        long. It goes on if the stream is left, unless `on_disconnect="cancel"`.

        Yields:
            A `StreamPart` each time; with `version="v2"` a `StreamPartV2`, and no `end`.

        Raises:
            Exception: see `create`.
        """
        begun: list[RunEntry] = []

        async def opened() -> Reader:
            run = await self._runner.begin(thread_id, assistant_id, options)
            begun.append(run)
            return run.feed.read()

        def left() -> None:
            if options.get("on_disconnect") == "cancel":
                self._runner.cancel(begun[0], Ending("interrupt", _LEFT))

        shown: Callable[[StreamPart], Any] = as_v2 if options.get("version") == "v2" else _as_it_is
        return Parts(opened, shown, left)

    @request
    async def wait(
        self, thread_id: str | None, assistant_id: str, **options: Unpack[WaitOptions]
    ) -> Any:  # noqa: ANN401 - JSON
        """Begin a run, wait for its end, and return the values of the graph's output.

        Returns:
            The values, with what was asked under `__interrupt__`; of a run that was cancelled,
            those that it had come to. With `raise_error=False`, a dict that has only an
            `__error__` of one that has failed.

        Raises:
            RunFailedError: if the run fails; the error itself is its cause.
            Exception: see `create`.
        """
        run = await self._runner.begin(
            thread_id, assistant_id, {**options, "stream_mode": "values"}
        )
        await self._ended(run, cancels=options.get("on_disconnect") == "cancel")
        if run.status != "error" or run.error is None:
            return deepcopy(run.thread.values if run.output is None else run.output)
        told = error_of(run.error)
        if not options.get("raise_error", True):
            return {"__error__": told}
        raise RunFailedError(f"{told['error']}: {told['message']}") from run.error

    async def _ended(self, run: RunEntry, *, cancels: bool) -> None:
        """Wait for the end of a run."""
        try:
            await run.ended.wait()
        except anyio.get_cancelled_exc_class():
            if cancels:
                self._runner.cancel(run, Ending("interrupt", _LEFT))
            raise

    @request
    async def list(
        self,
        thread_id: str,
        *,
        limit: int = 10,
        offset: int = 0,
        status: RunStatus | None = None,
        select: Sequence[str] | None = None,
        **_: Unpack[Sent],
    ) -> builtins.list[Run]:
        """Return the runs of a thread, the newest first.

        Raises:
            NotFoundError: if there is no such thread.
        """
        runs = [*(await self._books.thread(thread_id)).runs.values()][::-1]
        found = [run.shown() for run in runs if status in (None, run.status)]
        return chosen(found[offset : offset + limit], select)

    @request
    async def get(self, thread_id: str, run_id: str, **_: Unpack[Sent]) -> Run:
        """Return a run.

        Raises:
            NotFoundError: if there is no such thread, or run.
        """
        return (await self._run(thread_id, run_id)).shown()

    async def _run(self, thread_id: str, run_id: str) -> RunEntry:
        """Return a run as it is kept."""
        return (await self._books.thread(thread_id)).run(run_id)

    @request
    async def cancel(
        self,
        thread_id: str,
        run_id: str,
        *,
        wait: bool = False,
        action: CancelAction = "interrupt",
        **_: Unpack[Sent],
    ) -> None:
        """End a run before its end.

        Args:
            thread_id: its thread.
            run_id: the run.
            wait: whether to return only when it has ended; one that has not started has at once.
            action: `"interrupt"` to keep what it has stored, `"rollback"` to forget the run and
                all that it has stored.

        Raises:
            NotFoundError: if there is no such run, or it has ended.
        """
        thread = self._books.threads.get(thread_id)
        run = None if thread is None else thread.runs.get(run_id)
        why = f"{action} requested via POST /threads/{{thread_id}}/runs/{{run_id}}/cancel"
        if run is None or not self._runner.cancel(run, Ending(action, why)):
            raise NotFoundError(
                "No matching runs to cancel. Please verify the thread ID and run IDs are correct, "
                "and the runs haven't been deleted or completed."
            )
        if wait or run.status == "pending":
            await run.ended.wait()

    @request
    async def cancel_many(
        self,
        *,
        thread_id: str | None = None,
        run_ids: Sequence[str] | None = None,
        status: BulkCancelRunsStatus | None = None,
        action: CancelAction = "interrupt",
        **_: Unpack[Sent],
    ) -> None:
        """End several runs: those named of a thread, or all of a status.

        Raises:
            UnprocessableEntityError: if it is not said which.
            NotFoundError: if there is none.
        """
        if status is None and (thread_id is None or run_ids is None):
            raise UnprocessableEntityError("Name the thread_id and run_ids to cancel, or a status")
        why = f"{action} requested via POST /runs/cancel"
        meant = [
            run
            for run in self._books.runs()
            if thread_id in (None, run.thread.id)
            and (run_ids is None or run.id in run_ids)
            and status in (None, "all", run.status)
        ]
        done = [run for run in meant if self._runner.cancel(run, Ending(action, why))]
        if not done:
            raise NotFoundError("No runs found to cancel.")
        for run in done:
            if run.status == "pending":
                await run.ended.wait()

    @request
    async def join(self, thread_id: str, run_id: str, **_: Unpack[Sent]) -> dict[str, Any]:
        """Wait for the end of a run; return its thread's values as they are then.

        Returns:
            The values, or a dict that has only an `__error__` if it has failed.

        Raises:
            NotFoundError: if there is no such run.
        """
        run = await self._run(thread_id, run_id)
        await run.ended.wait()
        if run.status == "error" and run.error is not None:
            return {"__error__": error_of(run.error)}
        return deepcopy(run.thread.values) or {}

    @request
    def join_stream(
        self,
        thread_id: str,
        run_id: str,
        *,
        cancel_on_disconnect: bool = False,
        stream_mode: Modes | None = None,
        last_event_id: str | None = None,
        **_: Unpack[Sent],
    ) -> AsyncIterator[StreamPart]:
        """Yield what a run has shown, the last 256 parts of it at the most, and will show.

        Args:
            thread_id: its thread.
            run_id: the run.
            cancel_on_disconnect: whether leaving the stream cancels the run.
            stream_mode: which of the run's stream modes to yield; all unless said.
            last_event_id: yield only what is behind the part of this id.

        Raises:
            NotFoundError: if there is no such run.
        """
        joined: list[RunEntry] = []
        wanted = [stream_mode] if isinstance(stream_mode, str) else stream_mode

        async def opened() -> Reader:
            run = await self._run(thread_id, run_id)
            joined.append(run)
            return run.feed.read(last_event_id)

        def left() -> None:
            if cancel_on_disconnect:
                self._runner.cancel(joined[0], Ending("interrupt", _LEFT))

        return Parts(opened, lambda part: part if shows(part, wanted) else None, left)

    @request
    async def delete(self, thread_id: str, run_id: str, **_: Unpack[Sent]) -> None:
        """Forget a run, after ending it; what it has stored stays.

        Raises:
            NotFoundError: if there is no such run.
        """
        run = await self._run(thread_id, run_id)
        await self._runner.end(run, Ending("interrupt", "the run was deleted"))
        run.thread.runs.pop(run_id, None)


def _as_it_is(part: StreamPart) -> StreamPart:
    """Return a part as it is."""
    return part
