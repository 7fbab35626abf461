"""Runs: begun, one at a time on each thread, cancelled, undone, and told of.

A thread has a line of runs, of which the first may run. What comes while there is one stands
behind it (`enqueue`), is turned away (`reject`), or has all before it cancelled first
(`interrupt`), and what they had stored undone as well (`rollback`).
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Final

import anyio
import anyio.lowlevel

from graphflow.client._books import Books
from graphflow.client._entries import Ending, RunEntry, ThreadEntry, new_id, now
from graphflow.client._events import Events, engine_modes_of
from graphflow.client._feed import Feed
from graphflow.client._orders import check, context_of, given_of, kwargs_of, run_config_of
from graphflow.client._tasks import Tasks
from graphflow.client._wire import error_of, received, sent
from graphflow.client.errors import ConflictError, NotFoundError
from graphflow.client.schema import Assistant, CancelAction

_BUSY: Final = (
    "Thread is already running a task. Wait for it to finish or choose a different multitask "
    "strategy."
)
_SUPERSEDES: Final[Mapping[str, CancelAction]] = {
    "interrupt": "interrupt",
    "rollback": "rollback",
}


class Runner:
    """Runs what the books say, and writes into them what comes of it.

    Args:
        books: what the client knows.
    """

    def __init__(self, books: Books) -> None:
        """Begin with no run."""
        self.books = books
        self.tasks = Tasks()
        self.closed = False

    async def close(self) -> None:
        """Cancel all runs, and wait for their ends; what they have stored stays."""
        self.closed = True
        with anyio.CancelScope(shield=True):
            for run in [*self.books.runs()]:
                self.cancel(run, Ending("interrupt", "the client was closed"))
            for run in [*self.books.runs()]:
                await run.ended.wait()

    # -------------------------------------------------------------------------------- beginning

    async def begin(
        self, thread_id: str | None, assistant_id: str, options: Mapping[str, Any]
    ) -> RunEntry:
        """Begin a run, and return it; it has not started yet.

        Raises:
            RuntimeError: if the client is closed, or was not entered where it must be.
            UnprocessableEntityError: if there is no such assistant, or an option is none.
            NotFoundError: if there is no such thread.
            ConflictError: if the thread has a run, and the strategy is to reject.
        """
        self._check()
        check(options)
        assistant = self.books.runnable(assistant_id)
        kwargs = kwargs_of(options, assistant)
        thread = await self._thread(thread_id, options)
        self._check()  # nothing is awaited from here on: no other run can come between
        active = thread.active
        strategy = options.get("multitask_strategy") or "enqueue"
        if active and strategy == "reject":
            raise ConflictError(_BUSY)
        run = self._entry(thread, assistant, kwargs, options)
        run.keeps = thread_id is not None or options.get("on_completion") == "keep"
        tell = options.get("on_run_created")
        if tell is not None:
            tell({"run_id": run.id, "thread_id": thread_id})
        action = _SUPERSEDES.get(strategy)
        if action is not None:
            why = f"superseded by run {run.id} (multitask_strategy={strategy})"
            for other in active:
                self.cancel(other, Ending(action, why))
        self._enter(run, kwargs)
        self.tasks.start(partial(self._play, run, options.get("after_seconds") or 0))
        return run

    def _check(self) -> None:
        """Raise the error that tells why no run can be begun."""
        if self.closed:
            msg = "the client is closed"
            raise RuntimeError(msg)
        self.tasks.check()

    async def _thread(self, thread_id: str | None, options: Mapping[str, Any]) -> ThreadEntry:
        """Return the thread of a run, which may have to be made."""
        if thread_id is None:
            return self.books.threads.setdefault(made := new_id(), ThreadEntry(made, {}))
        try:
            return await self.books.thread(thread_id)
        except NotFoundError:
            if options.get("if_not_exists") != "create":
                raise NotFoundError("Thread or assistant not found.") from None
            return self.books.threads.setdefault(thread_id, ThreadEntry(thread_id, {}))

    def _entry(
        self,
        thread: ThreadEntry,
        assistant: Assistant,
        kwargs: dict[str, Any],
        options: Mapping[str, Any],
    ) -> RunEntry:
        """Return a run that is nowhere yet."""
        facts = {
            **assistant["metadata"],
            **thread.metadata,
            **sent(options.get("metadata") or {}),
            "graph_id": assistant["graph_id"],
            "assistant_id": assistant["assistant_id"],
        }
        return RunEntry(
            thread,
            self.books.graph(assistant["graph_id"]),
            assistant["assistant_id"],
            kwargs,
            facts,
            options.get("multitask_strategy") or "enqueue",
            Feed(numbered=kwargs["resumable"]),
        )

    def _enter(self, run: RunEntry, kwargs: Mapping[str, Any]) -> None:
        """Let a thread have a run."""
        thread = run.thread
        thread.runs[run.id] = run
        thread.metadata |= {name: run.metadata[name] for name in ("graph_id", "assistant_id")}
        thread.config = {**deepcopy(kwargs["config"]), "configurable": {}}
        thread.updated = now()

    # ----------------------------------------------------------------------------------- ending

    def cancel(self, run: RunEntry, why: Ending) -> bool:
        """Have a run end soon; return whether it can."""
        if not run.active or run.over:
            return False
        run.asked = why
        run.scope.cancel()
        return True

    async def end(self, run: RunEntry, why: Ending) -> None:
        """Cancel a run, and wait for its end."""
        self.cancel(run, why)
        await run.ended.wait()

    # ---------------------------------------------------------------------------------- playing

    async def _play(self, run: RunEntry, delay: float) -> None:
        """Run a run, in a task of its own."""
        try:
            with run.scope:
                await anyio.sleep(delay)
                await self._turn(run)
                await self._steps(run)
                run.over = True
        except Exception as error:  # noqa: BLE001 - a node may raise anything
            run.error = error
        finally:
            with anyio.CancelScope(shield=True):
                await self._finish(run)

    async def _turn(self, run: RunEntry) -> None:
        """Wait until all runs before it on its thread have ended."""
        line = run.thread.line
        line.append(run)
        if line[0] is not run:
            await run.turn.wait()
        await anyio.lowlevel.checkpoint()

    async def _steps(self, run: RunEntry) -> None:
        """Run the graph, and hand on what it shows."""
        run.put("running")
        hosted, kwargs, thread = run.hosted, run.kwargs, run.thread
        run.feed.add("metadata", {"run_id": run.id})
        if await hosted.has(thread.id):
            copied = f"{thread.id}~{run.id}"
            await hosted.saver.acopy_thread(thread.id, copied)
            run.before = copied
        events = Events(kwargs["stream_mode"])
        stream = hosted.graph.astream(
            given_of(kwargs),
            run_config_of(kwargs, run.metadata, run.id, thread.id),
            context=context_of(kwargs, hosted.graph.context_schema),
            stream_mode=engine_modes_of(kwargs["stream_mode"]),
            output_keys=hosted.graph.topology.output,
            durability=kwargs["durability"],
            on_busy="queue",
            interrupt_before=kwargs["interrupt_before"],
            interrupt_after=kwargs["interrupt_after"],
            subgraphs=kwargs["subgraphs"],
        )
        async with stream as chunks:
            async for told in chunks:
                ns, mode, chunk = told if kwargs["subgraphs"] else ((), *told)
                if mode == "values" and not ns:
                    run.output = received(chunk)
                for event in events.of(ns, mode, chunk):
                    await run.feed.put(*event)

    # -------------------------------------------------------------------------------- finishing

    async def _finish(self, run: RunEntry) -> None:
        """Tell what has come of a run, and let the next one of its thread start."""
        late = run.over
        run.over = True
        try:
            if not late and run.asked is not None and run.asked.action == "rollback":
                await self._undo(run)
            elif run.before is not None:
                await run.hosted.saver.adelete_thread(run.before)
            if run.status == "running":
                run.thread.settle(await run.hosted.state(run.thread.id))
            if not run.keeps:
                await run.hosted.saver.adelete_thread(run.thread.id)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            run.error = run.error or error
        self._tell(run, late=late)
        if not run.keeps:
            self.books.threads.pop(run.thread.id, None)
        self._leave(run)

    async def _undo(self, run: RunEntry) -> None:
        """Let a thread be in its checkpointer as it was before a run."""
        saver, thread = run.hosted.saver, run.thread
        if run.status == "running":
            await saver.adelete_thread(thread.id)
        if run.before is not None:
            await saver.acopy_thread(run.before, thread.id)
            await saver.adelete_thread(run.before)
        thread.runs.pop(run.id, None)

    def _tell(self, run: RunEntry, *, late: bool) -> None:
        """Write down how a run has ended."""
        thread, started = run.thread, run.status == "running"
        thread.ran = True
        if run.error is not None and run.asked is None:
            run.put("error")
            thread.rest, thread.error = "error", error_of(run.error)
            run.feed.add("error", thread.error)
        elif late:
            run.put("success")
        else:
            why = run.asked or Ending("interrupt", "the run was cancelled from outside")
            run.put("interrupted")
            if started:
                name = "UserInterrupt" if why.action == "interrupt" else "UserRollback"
                thread.rest = "interrupted" if why.action == "interrupt" else thread.rest
                thread.error = {"error": name, "message": why.message}
        run.feed.add("end", None)
        run.feed.end()

    def _leave(self, run: RunEntry) -> None:
        """Let the next run of a thread start."""
        line = run.thread.line
        if run in line:
            line.remove(run)
        if line:
            line[0].turn.set()
        run.ended.set()
