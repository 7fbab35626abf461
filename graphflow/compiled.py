"""`CompiledStateGraph`: what `compile()` returns; every method is a few lines onto a driver."""

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import is_dataclass
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from typing_extensions import TypeVar as DefaultTypeVar

from graphflow._core.project import output_of
from graphflow._core.state import Run, Stops, View
from graphflow._core.topology import Callee, Topology
from graphflow._drive import load
from graphflow._scope import CURRENT
from graphflow._shape import Shape
from graphflow._stops import Named, stops_of
from graphflow._threads import Threads
from graphflow.config import DEFAULT_RECURSION_LIMIT, RunnableConfig, merged
from graphflow.errors import did_you_mean, quoted
from graphflow.persistence import Persistence, Types, now, random_id
from graphflow.types import Command, Durability, OnBusy, StreamMode

if TYPE_CHECKING:
    from graphflow._core.inside import Inside, Returned
    from graphflow._drive.asynchronous import AsyncStream
    from graphflow._drive.shows import Splitting
    from graphflow._drive.threads import Stream

__all__ = ("CompiledStateGraph",)

StateT = TypeVar("StateT")
ContextT = DefaultTypeVar("ContextT", default=None)

Keys = str | Sequence[str] | None
Modes = StreamMode | Sequence[StreamMode]

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})

_MODES: Final = ("values", "updates", "custom", "tasks", "checkpoints", "debug")


class CompiledStateGraph(Threads, Shape, Generic[StateT, ContextT]):
    """A graph that can be run: any number of times, and any number of runs at once.

    It is immutable. Sync methods need no event loop and run async nodes too, on a loop of their
    own; async methods run on asyncio, uvloop or trio, and sync nodes in threads.

    Every method that runs it takes:

    - `input`: a dict of the input schema's keys, an instance of that schema, or a `Command`.
    - `config`: a `RunnableConfig`; see there.
    - `context`: what nodes find as `runtime.context`.
    - `output_keys`: the keys to be shown; a single name shows bare values.
    - `durability`: with a checkpointer, when a superstep is stored: `"sync"`, before the next one
      runs (the default); `"async"`, while the next one runs; `"exit"`, at the end of the run.
    - `on_busy`: with a checkpointer, what to do if the thread has a run already: `"reject"`, raise
      `ThreadBusyError` (the default); `"queue"`, wait for its end; `"fork"`, go on in a branch of
      the thread's history that does not become its current state.
    - `interrupt_before`, `interrupt_after`: nodes at which this run stops, `"*"` for all; in
      place of what `compile` was given. An empty list is for none.

    With a checkpointer the config names a thread, `{"configurable": {"thread_id": "..."}}`. A dict
    is a new input to it, and starts from START with the thread's values; None goes on where the
    thread is, and runs nothing that had returned before; a `Command` writes or leads somewhere,
    and goes on. A `checkpoint_id` beside the `thread_id` goes on from that checkpoint.

    and raises:

    - `EmptyInputError`: there is no input and nothing to resume, or the Command says nothing.
    - `InvalidUpdateError`: the input, or what a node returned, does not fit the graph.
    - `GraphRecursionError`: the run was not at its end after `recursion_limit` supersteps.
    - `ThreadBusyError`: another run has the thread, or another process has taken it over.
    - `CheckpointError`: the thread could not be read or stored.
    - what a node raised, as it is, with a note of node and superstep.

    Attributes:
        name: the name given to `compile`.
        config: what `with_config` has bound.
    """

    def __init__(  # noqa: PLR0913 - only `compile` calls it
        self,
        topology: Topology,
        *,
        context_schema: type[ContextT] | None,
        store: Any,  # noqa: ANN401 - nodes are handed it as it is
        cancel_grace: float,
        persistence: Persistence | None = None,
        saves: bool | None = None,
        types: Types,
        config: RunnableConfig | None = None,
        children: "Mapping[str, CompiledStateGraph[Any, Any]]" = EMPTY,
        before: Stops = frozenset(),
        after: Stops = frozenset(),
    ) -> None:
        """Made by `StateGraph.compile`."""
        self.name = topology.name
        self.config: RunnableConfig = config or {}
        self._topology = topology
        self._context_schema = context_schema
        self._store = store
        self._cancel_grace = cancel_grace
        self._persistence = persistence
        self._saves = saves
        self._types = types
        self._children = children
        self._before = before
        self._after = after

    def __repr__(self) -> str:
        """Show name and nodes."""
        return (
            f"<{type(self).__name__} {self.name!r} with the nodes {quoted(self._topology.nodes)}>"
        )

    @property
    def topology(self) -> Topology:
        """The graph as plain data; for graphflow's own modules."""
        return self._topology

    @property
    def children(self) -> "Mapping[str, CompiledStateGraph[Any, Any]]":
        """The graphs that are nodes of this one, by the nodes' names."""
        return self._children

    @property
    def types(self) -> Types:
        """The classes that its state may hold, and those of graphs inside it."""
        return self._types

    @property
    def callee(self) -> Callee:
        """How it is called as a node of another graph."""
        return Callee(self._as_node, self._aas_node)

    def _as_node(self, given: Any) -> "Returned":  # noqa: ANN401 - what the node is handed
        """Run it as a node, which returns its writes."""
        run = self._begin(None, None)
        given = _nested().taken(run, given)
        state = load.invoke()(run, given, copy_context(), load.supersteps())
        result: Returned = _nested().node_result(run, state)
        return result

    async def _aas_node(self, given: Any) -> "Returned":  # noqa: ANN401 - as above
        """Do the same, on the running event loop."""
        run = self._begin(None, None)
        given = _nested().taken(run, given)
        state = await load.ainvoke()(run, given, copy_context(), load.supersteps())
        result: Returned = _nested().node_result(run, state)
        return result

    def with_config(
        self,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - keys of the config
    ) -> "CompiledStateGraph[StateT, ContextT]":
        """Return the same graph with a config bound, under whatever a call gives.

        Raises:
            TypeError: if it is no dict, or a value of the wrong type.
            ValueError: if a key is unknown, or a number too small.
        """
        return CompiledStateGraph(
            self._topology,
            context_schema=self._context_schema,
            store=self._store,
            cancel_grace=self._cancel_grace,
            persistence=self._persistence,
            saves=self._saves,
            types=self._types,
            children=self._children,
            before=self._before,
            after=self._after,
            config=merged(self.config, config, cast("RunnableConfig", kwargs)),
        )

    def invoke(  # noqa: PLR0913 - LangGraph's signature
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - the word for it
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "values",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> Any:  # noqa: ANN401 - the output schema's values, or a list of chunks
        """Run to the end; return the values of the output schema's keys.

        With a `stream_mode` other than `"values"`: return the list of all chunks.
        """
        keys = self._topology.output if output_keys is None else output_keys
        if stream_mode not in (None, "values"):
            return list(
                self.stream(
                    input,
                    config,
                    context=context,
                    stream_mode=stream_mode,
                    output_keys=keys,
                    durability=durability,
                    on_busy=on_busy,
                    interrupt_before=interrupt_before,
                    interrupt_after=interrupt_after,
                    subgraphs=subgraphs,
                )
            )
        stops = self._stops(interrupt_before, interrupt_after)
        run = self._begin(config, context, (), keys, durability, on_busy, stops)
        state = load.invoke()(run, input, copy_context(), load.supersteps())
        if run.inside is not None:
            _nested().come_back(run, state)
        return output_of(state, self._keys(keys))

    async def ainvoke(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "values",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> Any:  # noqa: ANN401 - as above
        """Do what `invoke` does, on the running event loop."""
        keys = self._topology.output if output_keys is None else output_keys
        if stream_mode not in (None, "values"):
            stream = self.astream(
                input,
                config,
                context=context,
                stream_mode=stream_mode,
                output_keys=keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
                subgraphs=subgraphs,
            )
            return [chunk async for chunk in stream]
        stops = self._stops(interrupt_before, interrupt_after)
        run = self._begin(config, context, (), keys, durability, on_busy, stops)
        state = await load.ainvoke()(run, input, copy_context(), load.supersteps())
        if run.inside is not None:
            _nested().come_back(run, state)
        return output_of(state, self._keys(keys))

    def stream(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "updates",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> "Stream":
        """Run, and yield chunks as things happen.

        Args:
            input: see the class.
            config: see the class.
            context: see the class.
            stream_mode: `"updates"` yields `{node: update}` when a task ends, `"values"` the
                state after each superstep that wrote to it, `"custom"` what nodes write with
                their writer, while they run, `"tasks"` each task when it starts and when it
                ends, `"checkpoints"` each checkpoint when it is stored, `"debug"` the last two
                with step and time. A list yields (mode, chunk) pairs.
            output_keys: see the class; `"updates"` and `"values"` show only these.
            durability: see the class.
            on_busy: see the class.
            interrupt_before: see the class.
            interrupt_after: see the class.
            subgraphs: whether what graphs inside this one show is yielded, too, as it comes. Each
                chunk then has a namespace before it: () for this graph, and for one that a task
                runs `("node:task id",)`, deeper ones behind it.

        Returns:
            An iterator of chunks, and a context manager that ends the run on leaving.
        """
        modes = self._modes(stream_mode)
        stops = self._stops(interrupt_before, interrupt_after)
        run, split = self._begin_stream(
            config, context, modes, output_keys, durability, on_busy, stops, subgraphs=subgraphs
        )
        return load.stream()(run, input, copy_context(), split)

    def astream(  # noqa: PLR0913 - as above
        self,
        input: StateT | Mapping[str, Any] | Command | None,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        stream_mode: Modes | None = "updates",
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
        subgraphs: bool = False,
    ) -> "AsyncStream":
        """Do what `stream` does, on the running event loop; for `async for` and `async with`.

        Tasks run in copies of the context that this call was made in.
        """
        modes = self._modes(stream_mode)
        stops = self._stops(interrupt_before, interrupt_after)
        run, split = self._begin_stream(
            config, context, modes, output_keys, durability, on_busy, stops, subgraphs=subgraphs
        )
        return load.astream()(run, input, copy_context(), split)

    def batch(  # noqa: PLR0913 - LangGraph's signature, and more
        self,
        inputs: Sequence[StateT | Mapping[str, Any] | Command | None],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
    ) -> list[Any]:
        """Run once for each input, in threads; return the outputs in the order of the inputs.

        Args:
            inputs: one input for each run.
            config: one for all runs, or a list with one for each. `max_concurrency` limits how
                many run at once, too.
            context: one for all runs.
            return_exceptions: whether an error stands in the list in place of its run's output;
                if not, the first in the order of the inputs is raised, after all have ended.
            output_keys: see the class.
            durability: see the class.
            on_busy: see the class; with `"queue"`, several inputs may be for one thread.
            interrupt_before: see the class.
            interrupt_after: see the class.

        Raises:
            ValueError: if there is another number of configs than of inputs; or if all inputs
                have one thread, and none is to wait for another.
        """
        from graphflow._drive.batch import batch  # noqa: PLC0415 - loads the thread pool

        calls = [
            lambda given=given, own=own: self.invoke(
                given,
                own,
                context=context,
                output_keys=output_keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
            )
            for given, own in zip(inputs, self._configs(inputs, config, on_busy), strict=True)
        ]
        return batch(calls, self._concurrency(config), return_exceptions=return_exceptions)

    async def abatch(  # noqa: PLR0913 - as above
        self,
        inputs: Sequence[StateT | Mapping[str, Any] | Command | None],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        context: ContextT | Mapping[str, Any] | None = None,
        return_exceptions: bool = False,
        output_keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        interrupt_before: Named = None,
        interrupt_after: Named = None,
    ) -> list[Any]:
        """Do what `batch` does, on the running event loop; a failing run cancels the others."""
        from graphflow._drive.batch import abatch  # noqa: PLC0415 - loads anyio

        calls = [
            lambda given=given, own=own: self.ainvoke(
                given,
                own,
                context=context,
                output_keys=output_keys,
                durability=durability,
                on_busy=on_busy,
                interrupt_before=interrupt_before,
                interrupt_after=interrupt_after,
            )
            for given, own in zip(inputs, self._configs(inputs, config, on_busy), strict=True)
        ]
        return await abatch(calls, self._concurrency(config), return_exceptions=return_exceptions)

    def _configs(
        self,
        inputs: Sequence[object],
        config: RunnableConfig | Sequence[RunnableConfig] | None,
        on_busy: OnBusy | None,
    ) -> Sequence[RunnableConfig | None]:
        """Return a config for each input."""
        if config is None or isinstance(config, Mapping):
            if self._persistence is not None and len(inputs) > 1 and on_busy in (None, "reject"):
                msg = (
                    f"{len(inputs)} inputs have one config, and so one thread, which takes one "
                    f"run at a time; give a list with a config for each input, or on_busy="
                )
                raise ValueError(msg)
            return [config] * len(inputs)
        if len(config) != len(inputs):
            msg = f"there are {len(inputs)} inputs and {len(config)} configs; give one for each"
            raise ValueError(msg)
        return config

    def _concurrency(self, config: RunnableConfig | Sequence[RunnableConfig] | None) -> int | None:
        """Return how many runs of a batch may go on at once."""
        first = (
            config if config is None or isinstance(config, Mapping) else next(iter(config), None)
        )
        return merged(self.config, first).get("max_concurrency")

    def _begin(  # noqa: PLR0913, PLR0917 - as `_run`
        self,
        config: RunnableConfig | None,
        context: Any,  # noqa: ANN401 - the context schema's
        modes: Sequence[str] | str = (),
        keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        stops: tuple[Stops, Stops] | None = None,
    ) -> Run:
        """Return what is fixed for one run: inside the task that it is made in, if there is one."""
        stops = stops or (self._before, self._after)
        placed = self._placed(config, watched=False)
        if placed is None:
            return self._run(config, context, modes, keys, durability, on_busy, stops)
        view = _nested().view_of(placed[0], self._topology)
        return self._run_in(*placed, context, view, stops)

    def _begin_stream(  # noqa: PLR0913, PLR0917 - as above
        self,
        config: RunnableConfig | None,
        context: Any,  # noqa: ANN401 - the context schema's
        modes: Sequence[str] | str,
        keys: Keys,
        durability: Durability | None,
        on_busy: OnBusy | None,
        stops: tuple[Stops, Stops],
        *,
        subgraphs: bool,
    ) -> "tuple[Run, Splitting | None]":
        """Do the same for a run whose stream is read; return also who is shown what of it."""
        placed = self._placed(config, watched=True)
        if placed is None:
            run = self._run(
                config, context, modes, keys, durability, on_busy, stops, subgraphs=subgraphs
            )
            return run, None
        split = _nested().split_of(
            placed[0], self._topology, self._view(modes, keys, subgraphs=subgraphs)
        )
        run = self._run_in(*placed, context, split.view, stops)
        return run, load.splitting()(run, split, partial(_nested().come_back, run))

    def _placed(
        self, config: RunnableConfig | None, *, watched: bool
    ) -> "tuple[Inside, RunnableConfig] | None":
        """Return the place of a run in the task that it is made in, and its config; or None."""
        scope = CURRENT.get(None)
        if scope is None:
            return None
        found: tuple[Inside, RunnableConfig] | None = _nested().placed(
            scope,
            self._topology,
            self.config,
            config,
            lasting=self._saves is True,
            watched=watched,
        )
        return found

    def _view(self, modes: Sequence[str] | str, keys: Keys, *, subgraphs: bool) -> View:
        """Return what a caller is shown."""
        asked = (modes,) if isinstance(modes, str) else modes
        return View(
            "updates" in asked,
            "values" in asked,
            "custom" in asked,
            not isinstance(modes, str),
            self._keys(keys),
            "tasks" in asked,
            "checkpoints" in asked,
            "debug" in asked,
            subgraphs=subgraphs,
            ns=() if subgraphs else None,
        )

    def _run(  # noqa: PLR0913, PLR0917 - what the methods above were given
        self,
        config: RunnableConfig | None,
        context: Any,  # noqa: ANN401 - the context schema's
        modes: Sequence[str] | str,
        keys: Keys,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        stops: tuple[Stops, Stops] = (frozenset(), frozenset()),
        *,
        subgraphs: bool = False,
    ) -> Run:
        """Return what is fixed for one run."""
        joined = merged(self.config, config) if self.config or config else RunnableConfig()
        saved = self._persistence
        if self._saves is True:
            msg = (
                f"graph {self.name!r} was compiled with checkpointer=True, which is for a graph "
                f"inside another, whose threads it is stored in; give it a checkpointer to run it "
                f"by itself"
            )
            raise RuntimeError(msg)
        return Run(
            graph=self._topology,
            view=self._view(modes, keys, subgraphs=subgraphs),
            limit=joined.get("recursion_limit", DEFAULT_RECURSION_LIMIT),
            config=joined,
            context=context if context is None else self._coerced(context),
            store=self._store,
            make_id=random_id,
            grace=self._cancel_grace,
            clock=now,
            thread=None
            if saved is None
            else saved.thread(self._topology, joined, durability, on_busy),
            saver=None if saved is None else saved.saver,
            before=stops[0],
            after=stops[1],
        )

    def _run_in(
        self,
        inside: "Inside",
        joined: RunnableConfig,
        context: Any,  # noqa: ANN401 - the context schema's
        view: View,
        stops: tuple[Stops, Stops],
    ) -> Run:
        """Return what is fixed for a run that a task of another graph makes."""
        outer = inside.task.run
        thread, saver = None, None
        if self._saves is False:
            _nested().remember(inside)
        else:
            thread, saver = _nested().thread_in(inside, self._topology, joined, self._types)
        return Run(
            graph=self._topology,
            view=view,
            limit=joined.get("recursion_limit", DEFAULT_RECURSION_LIMIT),
            config=joined,
            context=outer.context if context is None else self._coerced(context),
            store=self._store if outer.store is None else outer.store,
            make_id=outer.make_id,
            grace=self._cancel_grace,
            clock=outer.clock,
            thread=thread,
            saver=saver,
            before=stops[0],
            after=stops[1],
            inside=inside,
        )

    def _stops(self, before: Named, after: Named) -> tuple[Stops, Stops]:
        """Return where a run is to stop: what a call says counts, where it says anything."""
        graph = self._topology
        return (
            stops_of(graph, before, "interrupt_before") if before is not None else self._before,
            stops_of(graph, after, "interrupt_after") if after is not None else self._after,
        )

    def _modes(self, given: Modes | None) -> Sequence[str] | str:
        """Return the stream modes asked for.

        Raises:
            ValueError: if one is unknown, or there is none.
        """
        if given is None:
            return "updates"
        if not isinstance(given, (str, list, tuple, set, frozenset)):
            msg = f"unknown stream_mode {given!r}; there are {quoted(_MODES)}"
            raise ValueError(msg)  # noqa: TRY004 - as any other unknown mode is
        for mode in (given,) if isinstance(given, str) else given:
            if mode not in _MODES:
                msg = (
                    f"unknown stream_mode {mode!r}{did_you_mean(mode, _MODES)}; "
                    f"there are {quoted(_MODES)}"
                )
                raise ValueError(msg)
        if not given:
            msg = f"stream_mode is empty; name one of {quoted(_MODES)}"
            raise ValueError(msg)
        return given

    def _keys(self, given: Keys) -> tuple[str, ...] | str | None:
        """Return the keys to be shown.

        Raises:
            ValueError: if one is unknown.
        """
        if given is None or given is self._topology.output:
            return None if given is None else self._topology.output
        if not isinstance(given, (str, list, tuple, set, frozenset)):
            msg = f"output_keys must be a key of the state or a list of keys, not {given!r}"
            raise ValueError(msg)  # noqa: TRY004 - as any other unknown key is
        for key in (given,) if isinstance(given, str) else given:
            if key not in self._topology.keys:
                known = self._topology.channels
                msg = (
                    f"output_keys names {key!r}, which is no key of the state"
                    f"{did_you_mean(key, known)}; there are {quoted(known)}"
                )
                raise ValueError(msg)
        return given if isinstance(given, str) else tuple(given)

    def _coerced(self, context: Any) -> Any:  # noqa: ANN401 - the context schema's
        """Return the context as an instance of its schema where a dict was given for one."""
        schema = self._context_schema
        if isinstance(context, Mapping) and isinstance(schema, type) and is_dataclass(schema):
            fields = cast("Mapping[str, Any]", context)
            return schema(**fields)
        return cast("Any", context)


@cache
def _nested() -> ModuleType:
    """Return what is known of graphs inside others, which most programs do without."""
    from graphflow import _nested  # noqa: PLC0415 - as it says

    return _nested
