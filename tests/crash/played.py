"""Random graphs on a thread, run until they have ended whatever becomes of their store.

The graphs are those of the differential tests. Each task leaves a trace of its side effects, so
that a test can tell what was done twice; and nodes may be flaky: they fail once, and then do not.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from graphflow import StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.config import RunnableConfig
from graphflow.errors import GraphRecursionError
from graphflow.runtime import ExecutionInfo, get_runtime
from graphflow.types import Durability, PregelTask, StateSnapshot
from tests.checkpoint.crash_store import WRITES, CrashStore
from tests.differential import strategies
from tests.differential.build import (
    SCHEMAS,
    Kind,
    State,
    acting,
    acting_async,
    choosing,
    path_map,
    written,
)
from tests.differential.pair import OURS
from tests.differential.specs import BoomError, Branch, Case, Given, Graph, Node, told
from tests.differential.strategies import cases
from tests.drivers.backends import Driver

Compiled: TypeAlias = CompiledStateGraph[Any, None]
Writes: TypeAlias = tuple[tuple[str, Any], ...]

LIMIT: Final = 30
ATTEMPTS: Final = 60
KINDS: Final[Sequence[Kind]] = ("sync", "async")

inputs: Final = st.none() | strategies.inputs.map(lambda drawn: tuple(drawn.items()))


@dataclass(frozen=True)
class Plan:
    """A graph, and what a thread of it goes through.

    Attributes:
        graph: the graph.
        inputs: what it is run with, one after the other.
        flaky: whether what fails does so once only, and is then resumed.
        durability: when supersteps are stored.
        kind: whether its nodes are coroutine functions.
        alone: whether tasks run one at a time; then each run of it is like every other.
    """

    graph: Graph
    inputs: Sequence[Writes]
    flaky: bool
    durability: Durability
    kind: Kind
    alone: bool


def plans(*durabilities: Durability, alone: bool = False) -> st.SearchStrategy[Plan]:
    """Draw a plan; what fails for good does so in the same way only if tasks run alone."""
    ways: st.SearchStrategy[tuple[bool, bool]] = st.sampled_from(
        [(True, True), (False, True), *(() if alone else ((True, False),))]
    )
    return st.builds(
        planned, cases(), inputs, ways, st.sampled_from(durabilities), st.sampled_from(KINDS)
    )


def planned(
    case: Case, more: Writes | None, way: tuple[bool, bool], durability: Durability, kind: Kind
) -> Plan:
    """Return a plan for a graph and its inputs, one or two."""
    given = (case.given,) if more is None else (case.given, more)
    return Plan(case.graph, given, way[0], durability, kind, way[1])


@dataclass(frozen=True)
class Outcome:
    """What a thread is in the end, as plain data that compares.

    Attributes:
        errors: how the run of each input ended: the class of its error, or None.
        state: the thread's values, what is due, and the tasks.
        history: its checkpoints, the newest first; none for a run that stores at its end only.
    """

    errors: Sequence[str | None]
    state: object
    history: Sequence[object]


class StoredTaskRanAgainError(AssertionError):
    """A task whose record was stored has run again."""


class Played:
    """One thread of a plan.

    Attributes:
        ran: how often each task has run, by its id.
        attempts: how many runs it took.
    """

    def __init__(self, plan: Plan, driver: Driver, store: BaseCheckpointSaver, thread: str) -> None:
        self.plan = plan
        self.ran = Counter[str]()
        self._names = Counter[tuple[int, str]]()
        self.attempts = 0
        self._driver = driver
        self._store = store
        self._sound = store.inner if isinstance(store, CrashStore) else store
        self._thread = thread
        self._failed = set[object]()
        self._stored = dict[str, int]()
        self._whole = dict[tuple[int, str], int]()

    def outcome(self) -> Outcome:
        """Go through the plan; return what became of the thread.

        Raises:
            StoredTaskRanAgainError: if one has.
        """
        errors = [self._ended(given) for given in self.plan.inputs]
        for task, times in self._stored.items():
            if self.ran[task] != times:
                raise StoredTaskRanAgainError(task)
        for name, times in self._whole.items():
            if self._names[name] != times:
                raise StoredTaskRanAgainError(name)
        graph = self._graph(self._sound)
        now = graph.get_state(self._config)
        history: list[StateSnapshot] = []
        if self.plan.durability != "exit":
            history += graph.get_state_history(self._config)
        return Outcome(
            errors,
            (now.values, now.next, [self._told(task, now=True) for task in now.tasks]),
            [
                (
                    each.metadata and (each.metadata["source"], each.metadata["step"]),
                    each.values,
                    each.next,
                    [self._told(task, now=False) for task in each.tasks],
                )
                for each in history
            ],
        )

    def _told(self, task: PregelTask, *, now: bool) -> object:
        """Return a task without its id; an error only if it comes again at every attempt."""
        error = task.error if now and not self.plan.flaky else None
        return (task.name, task.path, task.result, error)

    def _ended(self, given: Writes) -> str | None:
        """Run an input to its end, resumed whenever that has any use; return its last error."""
        start: Given = {key: written(OURS, value) for key, value in given}
        more: Given | None = start
        before = self._seq
        for _ in range(ATTEMPTS):
            crashed = self._crashed
            error = self._attempt(self._graph(self._usable), more)
            if error is None:
                return None
            if self._crashed and not crashed:
                self._note_stored()
            elif not (self.plan.flaky and isinstance(error, BoomError)):
                return type(error).__name__
            more = start if self._seq == before else None
        return GraphRecursionError.__name__  # a loop that fails once in every round

    def _attempt(self, graph: Compiled, given: Given | None) -> Exception | None:
        """Run once; return the error."""
        self.attempts += 1
        resumed: Any = given
        try:
            self._driver.run(graph, resumed, config=self._config, durability=self.plan.durability)
        except Exception as error:  # noqa: BLE001 - whatever a broken store leads to
            return error
        return None

    @property
    def _config(self) -> RunnableConfig:
        """The config of every run."""
        config: RunnableConfig = {
            "configurable": {"thread_id": self._thread},
            "recursion_limit": LIMIT,
        }
        return {**config, "max_concurrency": 1} if self.plan.alone else config

    @property
    def _seq(self) -> int:
        """The number of the thread's last record."""
        head = self._sound.head(self._thread)
        return 0 if head is None else head.seq

    @property
    def _crashed(self) -> bool:
        """Whether the store has failed in a way that a run may notice."""
        store = self._store
        if not isinstance(store, CrashStore) or store.fault is None or not store.failed:
            return False
        fault = store.fault
        return fault.lasting or fault.when == "before" or fault.of != WRITES

    @property
    def _usable(self) -> BaseCheckpointSaver:
        """The store to go on with: the one that failed, if that can be used again."""
        store = self._store
        lost = isinstance(store, CrashStore) and store.failed and store.fault
        return self._sound if lost and lost.lasting else store

    def _note_stored(self) -> None:
        """Note how often the tasks have run whose results are stored; they must not run again."""
        graph = self._graph(self._sound)
        now = graph.get_state(self._config)
        snapshots = [now, *graph.get_state_history(self._config)]
        stored = {task.id for each in snapshots for task in each.tasks if task.result is not None}
        self._stored = {task: self.ran[task] for task in stored}
        if now.metadata is None:
            return
        step, open_ = now.metadata["step"], {task.name for task in now.tasks if task.result is None}
        kept = {task.name for task in now.tasks} - open_
        self._whole = {name: times for name, times in self._names.items() if name[0] <= step}
        self._whole |= {(step + 1, name): self._names[step + 1, name] for name in kept}

    # --------------------------------------------------------------------------------- the graph

    def _graph(self, store: BaseCheckpointSaver) -> Compiled:
        """Return the plan's graph, on a store."""
        graph = self.plan.graph
        builder = StateGraph(State)
        for node in graph.nodes:
            builder.add_node(
                node.name, self._node(node), defer=node.defer, input_schema=SCHEMAS[node.reads]
            )
        for source, target in graph.edges:
            builder.add_edge(source, target)
        for join in graph.joins:
            builder.add_edge(list(join.sources), join.target)
        for number, branch in enumerate(graph.branches):
            path = self._path(number, branch)
            path.__name__ = f"branch_{number}"
            builder.add_conditional_edges(branch.source, path, path_map(branch))
        return builder.compile(checkpointer=store)

    def _node(self, node: Node) -> Callable[[Given], object]:
        """Return a node's function, which leaves a trace of each call."""
        make = acting if self.plan.kind == "sync" else acting_async
        act, sound = make(OURS, node), make(OURS, replace(node, fails=None))

        def traced(state: Given) -> object:
            self.ran[_info().task_id] += 1
            self._names[_info().step, node.name] += 1
            return (act if self._may_fail(_where(state)) else sound)(state)

        async def traced_async(state: Given) -> object:
            waits: Any = traced(state)
            try:
                return await waits
            except BoomError:
                self._failed.add(_where(state))
                raise

        def traced_sync(state: Given) -> object:
            try:
                return traced(state)
            except BoomError:
                self._failed.add(_where(state))
                raise

        return traced_sync if self.plan.kind == "sync" else traced_async

    def _path(self, number: int, branch: Branch) -> Callable[[Given], object]:
        """Return a path function."""
        choose, sound = choosing(OURS, branch), choosing(OURS, replace(branch, fails=None))

        def path(state: Given) -> object:
            where = (number, _where(state))
            try:
                return (choose if self._may_fail(where) else sound)(state)
            except BoomError:
                self._failed.add(where)
                raise

        return path

    def _may_fail(self, where: object) -> bool:
        """Tell whether something may fail, or fails no more."""
        return not (self.plan.flaky and where in self._failed)


def _info() -> ExecutionInfo:
    """Return which task runs here."""
    info = get_runtime().execution_info
    assert info is not None
    return info


def _where(seen: Given) -> object:
    """Return what tells a task from others: where it is, and what it is shown."""
    return (_info().step, _info().node, told(seen))
