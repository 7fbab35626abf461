"""The threads driver: performs the effects of one run without an event loop.

A lone sync node runs on the caller's thread, several in a pool made on first need, async nodes
on the portal's loop. The pool is the run's own: a shared one that is bounded would deadlock when
nodes invoke graphs.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from threading import Condition
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, final
from weakref import ref

from graphflow._core.effects import Cancel, Compute, Effect, Emit, Next, Program, Start
from graphflow._core.state import Event, Failed, News, Outcome, Run, Shown, Task, Written
from graphflow._core.superstep import supersteps
from graphflow._drive import load
from graphflow._drive.call import call, run_here
from graphflow._drive.scope import Halt, Scope, Sink, report_abandoned
from graphflow._drive.shows import Shows, Splitting, sink_of
from graphflow._drive.stepping import BUFFER
from graphflow._scope import CURRENT
from graphflow.errors import TaskAbandoned
from graphflow.types import Middleware

if TYPE_CHECKING:
    from graphflow._drive.portal import Member, PortalSide
    from graphflow._drive.stepping import Room
    from graphflow._drive.storing import BlockingStoring

G = TypeVar("G")
R = TypeVar("R")

POOL_SIZE = 32
"""How many threads a run without `max_concurrency` uses at the most; made one by one on need."""


class ThreadPlace:
    """Where sync tasks are called: right here, whatever thread this is."""

    __slots__ = ("halt", "sink")
    awaits = False

    def __init__(self, sink: Sink | None, halt: Halt | None) -> None:
        """Keep both."""
        self.sink = sink
        self.halt = halt

    async def in_thread(self, scope: Scope, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - a node returns anything
        """Never called: `call` sees that nothing is awaited here."""
        raise AssertionError(scope, function)


@final
class ThreadCrew:
    """The tasks of a superstep that run at once, in a pool and on the portal."""

    def __init__(self, run: Run, context: Context) -> None:
        """Begin with nobody."""
        self.run = run
        self.context = context
        self.sink: Sink | None = self.write if run.crowds and run.view.custom else sink_of(run)
        self.halt = Halt()
        self.place = ThreadPlace(self.sink or self.unseen, self.halt)
        if run.view.subgraphs:
            run.shows = Shows(run.view, self)
        self.limit: int | None = run.config.get("max_concurrency")
        self.changed = Condition()
        self.events: deque[Event] = deque()
        self.backlog: deque[Task] = deque()
        self.threads: dict[Task, Future[None] | None] = {}
        self.coroutines: dict[Task, Member] = {}
        self.failed = False
        self.left = False
        self.closed = False
        self.pool: ThreadPoolExecutor | None = None
        self.portal: PortalSide | None = None

    def start(self, tasks: Sequence[Task]) -> None:
        """Start tasks in this order, as many at once as the run allows."""
        with self.changed:
            self.backlog.extend(tasks)
            self._launch()

    def _launch(self) -> None:
        """Start what may start now; the lock is held."""
        while self.backlog and (
            self.limit is None or len(self.threads) + len(self.coroutines) < self.limit
        ):
            task = self.backlog.popleft()
            context = self.context.copy()
            if task.node.needs_loop:
                if self.portal is None:
                    self.portal = load.portal_side()(self)
                member = self.coroutines[task] = self.portal.member(task)
                member.start(context)
            else:
                if self.pool is None:
                    size = POOL_SIZE if self.limit is None else self.limit
                    self.pool = ThreadPoolExecutor(size, thread_name_prefix="graphflow")
                self.threads[task] = None
                self.threads[task] = self.pool.submit(context.run, self._member, task)

    def _member(self, task: Task) -> None:
        """Run one task in a thread of the pool."""
        try:
            event: Outcome = run_here(call(task, self.place))
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is the consumer's
            event = Failed(task, error)
        self.post(task, event)

    def post(self, task: Task, event: Outcome | None) -> None:
        """Let a task have ended, with an outcome or by being cancelled; may start another."""
        with self.changed:
            self.threads.pop(task, None)
            self.coroutines.pop(task, None)
            if event is not None:
                self.events.append(event)
                self.failed = self.failed or type(event) is Failed
            if not self.failed and not self.closed:
                self._launch()
            self.changed.notify_all()

    def write(self, task: Task, item: object) -> None:
        """Add what a node wrote; a thread waits for room, the portal's loop never does."""
        self.add(Written(task, item), task)

    def add(self, event: News, task: Task, *, holds: bool = True) -> None:
        """Add what comes of a task that goes on; a thread waits for room, if it `holds`."""
        with self.changed:
            on_loop = (self.portal is not None and self.portal.here) or load.waits_here()()
            if holds and not on_loop:
                self.changed.wait_for(lambda: not self.full)
            if self.closed:
                if on_loop:
                    return  # a coroutine that is being cancelled, in its `finally`
                raise TaskAbandoned(task.node.name)
            self.events.append(event)
            self.changed.notify_all()

    @property
    def here(self) -> "Room | None":
        """What tells coroutines of the running event loop whether there is room."""
        return self.portal if self.portal is not None and self.portal.here else None

    def unseen(self, task: Task, item: object) -> None:
        """Drop what a thread wrote and nobody asked for, as long as the run goes on."""
        del item
        if self.closed:
            raise TaskAbandoned(task.node.name)

    @property
    def full(self) -> bool:
        """Whether writers are to be held."""
        return len(self.events) >= BUFFER and not self.closed

    def arrived(self, wanted: int) -> list[Event]:
        """Wait for `wanted` events or a failure; return all there are."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) >= wanted or self.failed or self.left)
            return self._drain()

    def leave(self) -> None:
        """Let who waits for events go on, for nobody waits for this run any more."""
        with self.changed:
            self.left = True
            self.changed.notify_all()

    def _drain(self) -> list[Event]:
        """Return all events there are, and let writers go on; the lock is held."""
        events = list(self.events)
        self.events.clear()
        if self.portal is not None:
            self.portal.release()
        self.changed.notify_all()
        return events

    def end(self) -> Sequence[Outcome]:
        """Cancel what still runs and wait for it; return the outcomes that came all the same.

        Functions in threads cannot be cancelled: they have the run's grace to end.
        """
        with self.changed:
            self.closed = True
            self.backlog.clear()
        self.halt.call()
        with self.changed:
            for task, future in list(self.threads.items()):
                if future is not None and future.cancel():
                    del self.threads[task]
            early = self._drain()
            for member in self.coroutines.values():
                member.cancel()
        if self.pool is not None:
            self.pool.shutdown(wait=False)
        with self.changed:
            self.changed.wait_for(lambda: not self.coroutines)
            self.changed.wait_for(lambda: not self.threads, timeout=self.run.grace)
            late = [event for event in self._drain() if not _was_told_to_end(event)]
            abandoned = list(self.threads)
            self.threads.clear()
        if self.portal is not None:
            self.portal.close()
            self.portal = None
        self.sink = self.place.sink = None  # or each would hold the other, as the run would
        if self.run.view.subgraphs:
            self.run.shows = None
        outcomes = [event for event in (*early, *late) if not isinstance(event, (Written, Shown))]
        for task in abandoned:
            warning = report_abandoned(task.node.name, self.run.grace)
            if warning is not None:
                outcomes.append(Failed(task, warning))  # a note of the error that ended the run
        return outcomes


def _was_told_to_end(event: Event) -> bool:
    """Tell whether a task failed only because it wrote after the run had ended."""
    return isinstance(event, Failed) and isinstance(event.error, TaskAbandoned)


@final
class _Driver:
    """Performs all effects but `Emit`, which only a stream can."""

    __slots__ = ("context", "crew", "halt", "place", "run", "storing")

    def __init__(self, run: Run, context: Context) -> None:
        self.run = run
        self.storing: BlockingStoring | None = None
        if run.saver is not None:
            self.storing = load.blocking_storing()(run, context)
            run.journal = ref(self.storing)
        self.context = context
        outer = context.get(CURRENT)
        self.halt = outer.halt if run.inside is not None and isinstance(outer, Scope) else None
        if isinstance(run.shows, Shows) and run.inside is not None and load.loop_here()():
            run.shows = run.shows.overshooting()  # its reader waits for this very run
        self.place = ThreadPlace(sink_of(run), self.halt)
        self.crew: ThreadCrew | None = None

    def perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what the program asks for, and return the answer."""
        if isinstance(effect, (Compute, Next, Cancel)):
            return self._wait(effect)
        if isinstance(effect, Start):
            return self._crew().start(effect.tasks)
        assert self.storing is not None, f"the driver does not know {effect!r}"
        return self.storing.perform(effect)

    def _wait(self, effect: Compute | Next | Cancel) -> Any:  # noqa: ANN401 - as above
        """Wait for tasks; a lone one that needs no event loop is run right here."""
        if isinstance(effect, Next):
            return self._crew().arrived(effect.wanted)
        if isinstance(effect, Cancel):
            return self._crew().end()
        task = effect.task
        if task.node.needs_loop:
            self._crew().start((task,))
            return next(iter(self._crew().arrived(1)), None)  # none, if nobody waits any more
        return self.context.copy().run(run_here, call(task, self.place))

    def end(self) -> None:
        """End what still runs, and give the thread back."""
        try:
            if self.crew is not None:
                if self.halt is not None:
                    self.halt.forget(self.crew.leave)
                self.crew.end()
        finally:
            if self.storing is not None:
                self.storing.leave()

    def _crew(self) -> ThreadCrew:
        """Return the run's crew, made on first need."""
        if self.crew is None:
            self.crew = ThreadCrew(self.run, self.context)
            if self.halt is not None:
                self.halt.tell(self.crew.leave)
        return self.crew

    def check_wanted(self) -> None:
        """Raise if nobody waits any more for the task that this run is part of.

        Raises:
            TaskAbandoned: then.
        """
        if self.halt is not None and self.halt.over:
            assert self.run.inside is not None, "only such a run is part of a task"
            raise TaskAbandoned(self.run.inside.task.node.name)


def _drive(driver: _Driver, program: Program[R]) -> Generator[Any, None, R]:
    """Run to the end, yielding what the program emits; return what it returns."""
    perform = driver.perform
    if driver.run.middleware:
        program = load.surrounded()(driver.run, driver.context, program)
    answer: Any = None
    try:
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                result: R = end.value
                return result
            if isinstance(effect, Emit):
                yield from effect.chunks
                answer = None
            else:
                answer = perform(effect)
                if driver.halt is not None:
                    driver.check_wanted()
    finally:
        program.close()
        driver.end()


def invoke(
    run: Run,
    given: G,
    context: Context,
    program: Callable[[Run, G], Program[R]],
) -> R:
    """Perform a program, and return what it returns.

    What it emits is for who reads the stream of a run around it; without one, that is nothing.
    """
    chunks = _drive(_Driver(run, context), program(run, given))
    try:
        while True:
            chunk = next(chunks)
            assert run.shows is not None, "a run that nobody watches emits nothing"
            assert run.inside is not None, "it is shown in that of a run around it"
            run.shows.put(chunk, run.inside.task)
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        chunks.close()


def _divided(chunks: Generator[Any, None, Any], split: Splitting) -> Generator[Any, None, None]:
    """Yield what the task that reads a graph's stream is shown, and show others the rest."""
    state: Any = None
    try:
        while True:
            try:
                chunk = next(chunks)
            except StopIteration as end:
                state = end.value
                break
            yield from split.take(chunk)
    finally:
        chunks.close()
    split.end(state)


@final
class Stream(Iterator[Any]):
    """The chunks of one run, to be read once.

    `with` gives a guaranteed end: leaving the block ends what still runs. A plain `for` ends by
    itself when all is read; leave it early, and `close()` does the same, or else Python does when
    the stream is garbage.
    """

    __slots__ = ("_chunks", "_run")

    def __init__(
        self, run: Run, given: object, context: Context, split: Splitting | None = None
    ) -> None:
        """Prepare the run; nothing runs before the first chunk is asked for."""
        self._run = run
        self._chunks: Generator[Any, None, Any] = _drive(
            _Driver(run, context), supersteps(run, given)
        )
        if split is not None:
            self._chunks = _divided(self._chunks, split)

    def within(self, *middleware: Middleware) -> Self:
        """Let middleware be entered around this run, too; call it before the first chunk is read.

        Returns:
            The stream.
        """
        self._run.middleware = (*self._run.middleware, *middleware)
        return self

    def __iter__(self) -> Iterator[Any]:  # noqa: PYI034 - not itself: see below
        """Return the chunks themselves, to have no frame of this class between."""
        return self._chunks

    def __next__(self) -> Any:  # noqa: ANN401 - a chunk of any mode
        """Return the next chunk."""
        return next(self._chunks)

    def close(self) -> None:
        """End what still runs, and the stream; may be called again."""
        self._chunks.close()

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream."""
        self.close()
