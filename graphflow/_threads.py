"""What a compiled graph does with stored threads beside running them: reading and editing."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from graphflow._core.project import output_of
from graphflow._core.state import Run, RunState
from graphflow._core.topology import Topology
from graphflow._drive import load
from graphflow._stored import Stored
from graphflow._subgraphs import Subgraphs
from graphflow.config import RunnableConfig, merged
from graphflow.errors import ThreadBusyError, shown
from graphflow.persistence import (
    Persistence,
    history_of,
    namespace_of,
    now,
    reader_in,
    snapshot_of,
    thread_of,
)
from graphflow.types import Command, StateSnapshot, StateUpdate

if TYPE_CHECKING:
    from graphflow._core.effects import Program
    from graphflow._core.reader import Reader
    from graphflow._core.update import Edits
    from graphflow.errors import CheckpointError

G = TypeVar("G")
R = TypeVar("R")

_PAGE: Final = 64


class Threads(Stored, Subgraphs):
    """Reads and edits the threads of a graph; each method has a twin for event loops."""

    config: RunnableConfig
    _topology: Topology
    _persistence: Persistence | None

    def get_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """Return the state of a thread: as it is now, or at the checkpoint that the config names.

        Where a superstep has failed, the values hold what its finished tasks wrote, and `next`
        the nodes that will run again. A thread that is not there has no values, and no metadata.

        Args:
            config: names the thread; with a `checkpoint_ns`, a graph inside this one.
            subgraphs: whether the `state` of each task that runs a graph is that graph's state,
                and not only a config that names it.

        Raises:
            ValueError: if the graph has no checkpointer, or the config names no thread.
            CheckpointError: if the thread cannot be read.
        """
        saved, joined = self._stored(config)
        reader = saved.reader(self.known(saved.codec), joined)
        return snapshot_of(reader, joined, subgraphs=subgraphs)

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """Do what `get_state` does, on the running event loop."""
        saved, joined = self._stored(config)
        reader = saved.reader(self.known(saved.codec), joined)
        return await load.read_store()(
            saved.saver, lambda: snapshot_of(reader, joined, subgraphs=subgraphs)
        )

    def get_state_history(
        self,
        config: RunnableConfig,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[StateSnapshot]:
        """Yield the checkpoints of a thread, the newest first; values are read when looked at.

        Args:
            config: names the thread; if it names a checkpoint, only that one is yielded. With a
                `checkpoint_ns`, the checkpoints are those of a graph inside this one.
            filter: what the metadata must be equal to, by key.
            before: names a checkpoint; only older ones are yielded.
            limit: how many at the most.

        Raises:
            ValueError: if the graph has no checkpointer, or the config names no thread.
            CheckpointError: if the thread cannot be read.
        """
        saved, joined = self._stored(config)
        reader = saved.reader(self.known(saved.codec), joined)
        return history_of(reader, joined, wanted=filter, before=before, limit=limit)

    async def aget_state_history(
        self,
        config: RunnableConfig,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - as above
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[StateSnapshot]:
        """Do what `get_state_history` does, on the running event loop."""
        saved, joined = self._stored(config)
        reader = saved.reader(self.known(saved.codec), joined)
        rows = history_of(reader, joined, wanted=filter, before=before, limit=limit)
        read = load.read_store()
        while page := await read(saved.saver, lambda: [*islice(rows, _PAGE)]):
            for snapshot in page:
                yield snapshot

    def update_state(
        self,
        config: RunnableConfig,
        values: Any,  # noqa: ANN401 - whatever a node may return
        as_node: str | None = None,
        task_id: str | None = None,
    ) -> RunnableConfig:
        """Edit the state of a thread, as if a node had run and returned `values`.

        It is a checkpoint of its own, behind the one that the config names or the last. As a node
        that is due, it stands for that node's run: what its edges lead to is due next, and other
        nodes that are due stay so, but ask anew. As any other node, it leads where
        that node's edges lead, conditional ones too, and nowhere else. What has been returned in
        a superstep that is not over becomes part of it.

        Args:
            config: names the thread; with a `checkpoint_id`, the edit begins a branch there; with
                a `checkpoint_ns`, the edit is one of a graph inside this one.
            values: a dict, or whatever the node may return; None to write nothing.
            as_node: the node, or START; by default the one that ran last. END with None as the
                values ends all that is due.
            task_id: of several tasks of the node, the one that it stands for.

        Returns:
            The config of the new checkpoint.

        Raises:
            InvalidUpdateError: if the values are no update, or several nodes ran last and none is
                named.
            CheckpointError: if the thread cannot be read, or a value cannot be stored.
            ThreadBusyError: if the thread has a run.
            ValueError: if the graph has no checkpointer, or the config names no thread.
        """
        return self.bulk_update_state(config, [[StateUpdate(values, as_node, task_id)]])

    async def aupdate_state(
        self,
        config: RunnableConfig,
        values: Any,  # noqa: ANN401 - as above
        as_node: str | None = None,
        task_id: str | None = None,
    ) -> RunnableConfig:
        """Do what `update_state` does, on the running event loop."""
        return await self.abulk_update_state(config, [[StateUpdate(values, as_node, task_id)]])

    def bulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Edit the state of a thread several times, all or nothing.

        Args:
            config: names the thread, or a checkpoint of it.
            supersteps: for each superstep its updates; several in one superstep are written
                together, in their order, and each needs `as_node`.

        Returns:
            The config of the last checkpoint.

        Raises:
            Exception: see `update_state`.
        """
        edits = _edits(supersteps)
        there = self._reader_in(config)
        run = self._editing(config, inside=None if there is None else there())
        return _config_of(run, self._performed(run, edits, _edit))

    async def abulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Do what `bulk_update_state` does, on the running event loop."""
        edits = _edits(supersteps)
        there = self._reader_in(config)
        saved, _ = self._stored(config)
        inside = None if there is None else await load.read_store()(saved.saver, there)
        run = self._editing(config, inside=inside)
        return _config_of(run, await self._aperformed(run, edits, _edit))

    def fork(
        self,
        config: RunnableConfig,
        values: Any = None,  # noqa: ANN401 - whatever a node may return
        thread_id: str | None = None,
    ) -> RunnableConfig:
        """Begin another history at a checkpoint; the one it comes from stays as it is.

        The next run of the thread goes on from the new checkpoint. What tasks of an unfinished
        superstep have returned, asked and been answered is taken along; with values, as by
        `update_state`: they ask anew.

        Args:
            config: names the thread; with a `checkpoint_id`, any checkpoint of it.
            values: what the node that ran last is taken to have returned, beside what it did; None
                for no edit.
            thread_id: a thread that does not exist yet, to begin there instead of in a branch of
                the same thread. It has the state, and none of the history; graphs inside its
                superstep begin anew there, and may not wait for an answer.

        Returns:
            The config of the new checkpoint.

        Raises:
            CheckpointNotFoundError: if there is no such thread or checkpoint.
            CheckpointError: if there is a thread of the new id, or a graph inside waits that
                cannot be taken there.
            ValueError: if the config names a graph inside the thread; or see `update_state`.
            Exception: see `update_state`.
        """
        run = self._forking(config, thread_id)
        if thread_id is None:
            edits = _forking(values)
            return _config_of(run, self._performed(run, edits, _edit))
        source = self._editing(config), values
        return _config_of(run, self._performed(run, source, _copy))

    async def afork(
        self,
        config: RunnableConfig,
        values: Any = None,  # noqa: ANN401 - as above
        thread_id: str | None = None,
    ) -> RunnableConfig:
        """Do what `fork` does, on the running event loop."""
        run = self._forking(config, thread_id)
        if thread_id is None:
            edits = _forking(values)
            return _config_of(run, await self._aperformed(run, edits, _edit))
        source = self._editing(config), values
        return _config_of(run, await self._aperformed(run, source, _copy))

    def cancel_interrupt(self, config: RunnableConfig, interrupt_id: str) -> None:
        """Withdraw a question: when the thread goes on, the node that asked it gets an error.

        Args:
            config: names the thread; a checkpoint that it names makes no difference.
            interrupt_id: the interrupt's id.

        Raises:
            UnknownInterruptError: if no such interrupt waits.
            ThreadBusyError: if the thread has a run.
            ValueError: if the graph has no checkpointer, or the config names no thread.
        """
        run = self._current(config)
        self._performed(run, interrupt_id, _withdraw)

    async def acancel_interrupt(self, config: RunnableConfig, interrupt_id: str) -> None:
        """Do what `cancel_interrupt` does, on the running event loop."""
        run = self._current(config)
        await self._aperformed(run, interrupt_id, _withdraw)

    def expire_due(self, now: datetime | None = None) -> dict[str, Any]:
        """Go on with all threads that wait for an answer whose time is over.

        Those are the threads of the store in which a node of this graph's names waits.

        Such a question is answered by its default, or raises an error in its node. A thread that
        is run for another reason does the same; this is for those that nobody comes back to.

        Args:
            now: the time, with a zone; by default the present.

        Returns:
            For each thread that went on what its run returned, or the error that it raised; and
            for each that cannot be read its error. One that has a run is left to that.

        Raises:
            ValueError: if the graph has no checkpointer, or `now` has no zone.
        """
        at = _microseconds(now)
        ended: dict[str, Any] = {}
        for thread, run in self._expiring(self._late(at), at, ended):
            try:
                ended[thread] = self._output(self._performed(run, None, _expire))
            except ThreadBusyError:
                continue  # it has a run, which is for that to see to
            except Exception as error:  # noqa: BLE001 - a node may raise anything
                ended[thread] = error
        return ended

    async def aexpire_due(self, now: datetime | None = None) -> dict[str, Any]:
        """Do what `expire_due` does, on the running event loop."""
        at = _microseconds(now)
        saved, _ = self._stored({})
        ended: dict[str, Any] = {}
        late = await load.read_store()(saved.saver, lambda: self._late(at))
        for thread, run in self._expiring(late, at, ended):
            try:
                state = await self._aperformed(run, None, _expire)
                ended[thread] = self._output(state)
            except ThreadBusyError:
                continue  # it has a run, which is for that to see to
            except Exception as error:  # noqa: BLE001 - a node may raise anything
                ended[thread] = error
        return ended

    # ------------------------------------------------------------------------------ performing

    def _run(self, config: RunnableConfig | None, context: Any, modes: Any, keys: Any) -> Run:  # noqa: ANN401 - see CompiledStateGraph
        """Return what is fixed for one run."""
        raise NotImplementedError

    def _reader_in(self, config: RunnableConfig) -> "Callable[[], Reader] | None":
        """Return what finds the graph inside that a config names; None for the thread itself."""
        saved, joined = self._stored(config)
        if not namespace_of(joined):
            return None
        return lambda: reader_in(saved.reader(self.known(saved.codec), joined), joined)

    def _editing(
        self,
        config: RunnableConfig,
        thread_id: str | None = None,
        *,
        inside: "Reader | None" = None,
    ) -> Run:
        """Return a run that edits the thread which a config names, another, or a graph inside."""
        saved, joined = self._stored(config)
        if thread_id is not None:
            named = {**config.get("configurable", {}), "thread_id": thread_id}
            named.pop("checkpoint_id", None)
            config = {**config, "configurable": named}
        run = self._run(config, None, (), None)
        run.keeps = False
        if inside is not None:
            saved.put_inside(run, inside, joined)
        return run

    def _forking(self, config: RunnableConfig, thread_id: str | None) -> Run:
        """Return a run that begins another history of a thread, or another thread.

        Raises:
            ValueError: if the config names a graph inside the thread.
        """
        if ns := namespace_of(config):
            msg = (
                f"the config names the graph {shown(ns)} inside the thread; a fork begins at a "
                f"checkpoint of the thread: leave checkpoint_ns out, or go on from the checkpoint "
                f"of that graph by invoke(None, config)"
            )
            raise ValueError(msg)
        return self._editing(config, thread_id)

    def _current(self, config: RunnableConfig) -> Run:
        """Return a run that edits a thread as it is now, whatever checkpoint a config names."""
        _, joined = self._stored(config)
        return self._editing(config, thread_of(joined))

    def _expiring(
        self, late: "Mapping[str, CheckpointError | None]", at: int, ended: dict[str, Any]
    ) -> Iterator[tuple[str, Run]]:
        """Yield runs that go on with late threads at a time; what cannot be read has ended."""
        for thread, unread in late.items():
            if unread is not None:
                ended[thread] = unread
                continue
            run = self._editing({"configurable": {"thread_id": thread}})
            run.clock, run.keeps = (lambda: at), True
            yield thread, run

    def _late(self, at: int) -> "dict[str, CheckpointError | None]":
        """Return the threads that wait for an answer which comes too late at a time; see there."""
        from graphflow._core.withdraw import late_threads  # noqa: PLC0415 - loaded with a checkpointer

        saved, _ = self._stored({})
        threads = [one.thread_id for one in saved.saver.list_threads()]
        return late_threads(saved.saver, saved.codec, self._topology, threads, at)

    def _output(self, state: RunState) -> Any:  # noqa: ANN401 - the output schema's values
        """Return what a run returns."""
        return output_of(state, self._topology.output)

    def _performed(self, run: Run, given: G, program: "Callable[[Run, G], Program[R]]") -> R:
        """Perform a program that edits a thread."""
        return load.invoke()(run, given, copy_context(), program)

    async def _aperformed(self, run: Run, given: G, program: "Callable[[Run, G], Program[R]]") -> R:
        """Do the same, on the running event loop."""
        return await load.ainvoke()(run, given, copy_context(), program)

    def _stored(self, config: RunnableConfig) -> tuple[Persistence, RunnableConfig]:
        """Return the checkpointer, and the config that names a thread.

        Raises:
            ValueError: if the graph has no checkpointer.
        """
        if self._persistence is None:
            msg = (
                "the graph has no checkpointer, so it has no threads whose state could be read; "
                "give compile(checkpointer=...) one"
            )
            raise ValueError(msg)
        return self._persistence, merged(self.config, config)


def _edits(supersteps: Any) -> "Edits":  # noqa: ANN401 - checked here
    """Return edits as the core has them.

    Raises:
        ValueError: if there are none.
        TypeError: if one is no `StateUpdate`.
    """
    from graphflow._core.update import Edits, Update  # noqa: PLC0415 - loaded with a checkpointer

    found: list[list[Any]] = [[*updates] for updates in supersteps]
    if not found or not all(found):
        msg = "bulk_update_state needs at least one superstep, and each at least one update"
        raise ValueError(msg)
    made: list[list[Update]] = []
    for updates in found:
        for one in updates:
            if not _is_update(one):
                msg = f"an update is a StateUpdate(values, as_node, task_id), not {shown(one)}"
                raise TypeError(msg)
        made.append([Update(*(*one, None, None)[:_PARTS]) for one in updates])
    return Edits(made)


_PARTS: Final = 3


def _is_update(given: Any) -> bool:  # noqa: ANN401 - a user may give anything
    """Tell whether something is an update: values, and perhaps a node and a task."""
    return isinstance(given, (tuple, list)) and 0 < len(given) <= _PARTS  # pyright: ignore[reportUnknownArgumentType] - of anything


def _forking(values: object) -> "Edits":
    """Return the edit that begins a branch."""
    from graphflow._core.update import COPY, Edits, Update  # noqa: PLC0415 - as above

    return Edits([[Update(values, None if values is not None else COPY, None)]], forks=True)


def _edit(run: Run, edits: "Edits") -> "Program[tuple[int, int]]":
    """Return the program of edits."""
    from graphflow._core.update import edit  # noqa: PLC0415 - as above

    return edit(run, edits)


def _copy(run: Run, source: tuple[Run, Any]) -> "Program[tuple[int, int]]":
    """Return the program that begins a thread with the state of another, and an edit of it."""
    from graphflow._core.fork import Fork, fork_to  # noqa: PLC0415 - as above

    return fork_to(run, Fork(*source))


def _withdraw(run: Run, interrupt_id: str) -> "Program[None]":
    """Return the program that withdraws a question."""
    from graphflow._core.withdraw import withdraw  # noqa: PLC0415 - as above

    return withdraw(run, interrupt_id)


def _expire(run: Run, given: None) -> "Program[RunState]":
    """Return the program that goes on with what is too late; nothing is given to it."""
    del given
    from graphflow._core.answering import EXPIRED  # noqa: PLC0415 - as above

    return load.supersteps()(run, Command(resume=EXPIRED))


def _config_of(run: Run, checkpoint: tuple[int, int]) -> RunnableConfig:
    """Return the config of a checkpoint."""
    from graphflow._core.checkpoints import config_of  # noqa: PLC0415 - as above

    assert run.thread is not None, "only a run with a thread has checkpoints"
    log = run.thread.log
    return config_of(log.asked.thread, *checkpoint, log.ns, log.around)


def _microseconds(time: datetime | None) -> int:
    """Return a time in microseconds since 1970.

    Raises:
        ValueError: if it has no zone.
    """
    if time is None:
        return now()
    if not isinstance(time, datetime) or time.tzinfo is None:  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
        msg = f"now must be a time with a zone, such as datetime.now(UTC), not {time!r}"
        raise ValueError(msg)
    return round(time.timestamp() * 1_000_000)
