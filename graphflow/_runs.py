"""What is fixed for a run of a compiled graph: made of what a call says, and what is bound."""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from graphflow._core.state import Run, Stops, View
from graphflow._core.topology import Topology
from graphflow._drive import load
from graphflow._scope import CURRENT
from graphflow._stops import Named, stops_of
from graphflow._threads import Threads
from graphflow.config import DEFAULT_RECURSION_LIMIT, RunnableConfig, merged
from graphflow.errors import did_you_mean, quoted
from graphflow.persistence import Persistence, Types, now, random_id
from graphflow.types import Durability, OnBusy, StreamMode

if TYPE_CHECKING:
    from graphflow._core.inside import Inside
    from graphflow._drive.shows import Splitting

Keys = str | Sequence[str] | None
Modes = StreamMode | Sequence[StreamMode]

_MODES: Final = ("values", "updates", "custom", "tasks", "checkpoints", "debug")


class Runs(Threads):
    """Begins the runs of a graph."""

    name: str
    _topology: Topology
    _context_schema: Any
    _store: Any
    _cancel_grace: float
    _persistence: Persistence | None
    _saves: bool | None
    _types: Types
    _before: Stops
    _after: Stops

    def _begin(  # noqa: PLR0913, PLR0917 - as `_run`
        self,
        config: RunnableConfig | None,
        context: Any,  # noqa: ANN401 - the context schema's
        modes: Sequence[str] | str = (),
        keys: Keys = None,
        durability: Durability | None = None,
        on_busy: OnBusy | None = None,
        stops: tuple[Stops, Stops] | None = None,
        *,
        given: object = None,
    ) -> Run:
        """Return what is fixed for one run: inside the task that it is made in, if there is one."""
        stops = stops or (self._before, self._after)
        placed = self._placed(config, watched=False)
        if placed is None:
            return self._run(config, context, modes, keys, durability, on_busy, stops)
        view = nested().view_of(placed[0], self._topology)
        return self._run_in(*placed, context, view, stops, given)

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
        given: object,
    ) -> "tuple[Run, Splitting | None]":
        """Do the same for a run whose stream is read; return also who is shown what of it."""
        placed = self._placed(config, watched=True)
        if placed is None:
            run = self._run(
                config, context, modes, keys, durability, on_busy, stops, subgraphs=subgraphs
            )
            return run, None
        split = nested().split_of(
            placed[0], self._topology, self._view(modes, keys, subgraphs=subgraphs)
        )
        run = self._run_in(*placed, context, split.view, stops, given)
        return run, load.splitting()(run, split, partial(nested().come_back, run))

    def _placed(
        self, config: RunnableConfig | None, *, watched: bool
    ) -> "tuple[Inside, RunnableConfig] | None":
        """Return the place of a run in the task that it is made in, and its config; or None."""
        scope = CURRENT.get(None)
        if scope is None:
            return None
        found: tuple[Inside, RunnableConfig] | None = nested().placed(
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

    def _run_in(  # noqa: PLR0913, PLR0917 - as `_run`
        self,
        inside: "Inside",
        joined: RunnableConfig,
        context: Any,  # noqa: ANN401 - the context schema's
        view: View,
        stops: tuple[Stops, Stops],
        given: object,
    ) -> Run:
        """Return what is fixed for a run that a task of another graph makes."""
        outer = inside.task.run
        thread, saver = None, None
        if self._saves is False:
            nested().remember(inside, given, self._types)
        else:
            thread, saver = nested().thread_in(inside, self._topology, joined, self._types)
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
def nested() -> ModuleType:
    """Return what is known of graphs inside others, which most programs do without."""
    from graphflow import _nested  # noqa: PLC0415 - as it says

    return _nested
