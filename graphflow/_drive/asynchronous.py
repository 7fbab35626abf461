"""The asynchronous driver: performs the effects of one run on asyncio (uvloop too) or trio."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, final
from weakref import ref

from graphflow._core.effects import Cancel, Compute, Effect, Emit, Next, Program, Save, Start, Write
from graphflow._core.state import Run
from graphflow._core.superstep import supersteps
from graphflow._drive import load
from graphflow._drive.call import call
from graphflow._drive.crew import AsyncioCrew, Crew, TrioCrew
from graphflow._drive.loop import LoopPlace, in_trio
from graphflow._drive.shows import Splitting, sink_of
from graphflow._drive.stepping import isolated
from graphflow.types import Middleware

if TYPE_CHECKING:
    from graphflow._drive.waiting import LoopStoring

G = TypeVar("G")
R = TypeVar("R")


@final
class _Driver:
    """Performs the effects of several tasks; the others are done in the loop of `_drive`."""

    __slots__ = ("context", "crew", "place", "result", "run", "storing")

    def __init__(self, run: Run, context: Context) -> None:
        self.run = run
        self.storing: LoopStoring | None = None
        self.context = context
        self.place = LoopPlace(run.grace, sink_of(run))
        self.crew: Crew | None = None
        self.result: Any = None

    async def perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what the program asks for, and return the answer."""
        if isinstance(effect, Next):
            return await self._crew().arrived(effect.wanted)
        if isinstance(effect, Start):
            return await self._crew().start(effect.tasks)
        if isinstance(effect, Cancel):
            return await self._crew().end()
        if self.storing is None:
            assert self.run.saver is not None, f"the driver does not know {effect!r}"
            self.storing = load.loop_storing()(self.run, self.context)
            self.run.journal = ref(self.storing)
        return await self.storing.perform(effect)

    async def end(self) -> None:
        """End what still runs, and give the thread back."""
        try:
            if self.crew is not None:
                await self.crew.end()
        finally:
            if self.storing is not None:
                await self.storing.leave()

    def _crew(self) -> Crew:
        """Return the run's crew, made when several tasks are first to run at once."""
        if self.crew is None:
            made = TrioCrew if in_trio() else AsyncioCrew
            self.crew = made(self.run, self.context)
        return self.crew


async def _drive(driver: _Driver, program: Program[Any]) -> AsyncGenerator[Any, None]:
    """Run to the end, yielding what the program emits."""
    perform, context, place = driver.perform, driver.context, driver.place
    if driver.run.middleware:
        program = load.surrounded()(driver.run, context, program)
    answer: Any = None
    try:
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                driver.result = end.value
                return
            if isinstance(effect, Compute):
                answer = await isolated(context.copy(), call(effect.task, place))
            elif isinstance(effect, Emit):
                for chunk in effect.chunks:
                    yield chunk
                answer = None
            elif (
                isinstance(effect, (Save, Write))
                and driver.storing is not None
                and driver.storing.begin(effect)
            ):
                answer = True
            else:
                answer = await perform(effect)
    finally:
        program.close()
        await driver.end()


async def ainvoke(
    run: Run, given: G, context: Context, program: Callable[[Run, G], Program[R]]
) -> R:
    """Perform a program, and return what it returns.

    What it emits is for who reads the stream of a run around it; without one, that is nothing.
    """
    driver = _Driver(run, context)
    async for chunk in _drive(driver, program(run, given)):
        assert run.shows is not None, "a run that nobody watches emits nothing"
        assert run.inside is not None, "it is shown in that of a run around it"
        run.shows.put(chunk, run.inside.task)
    result: R = driver.result
    return result


async def _divided(
    driver: _Driver, chunks: AsyncGenerator[Any, None], split: Splitting
) -> AsyncGenerator[Any, None]:
    """Yield what the task that reads a graph's stream is shown, and show others the rest."""
    try:
        async for chunk in chunks:
            for own in split.take(chunk):
                yield own
    finally:
        await chunks.aclose()
    split.end(driver.result)


@final
class AsyncStream(AsyncIterator[Any]):
    """The chunks of one run, to be read once.

    `async with` gives a guaranteed end: leaving the block cancels what still runs and waits for
    it. A plain `async for` ends by itself when all is read; leave it early, and `aclose()` does
    the same, or else the event loop does when the stream is garbage.
    """

    __slots__ = ("_chunks", "_run")

    def __init__(
        self, run: Run, given: object, context: Context, split: Splitting | None = None
    ) -> None:
        """Prepare the run; nothing runs before the first chunk is asked for."""
        self._run = run
        driver = _Driver(run, context)
        self._chunks = _drive(driver, supersteps(run, given))
        if split is not None:
            self._chunks = _divided(driver, self._chunks, split)

    def within(self, *middleware: Middleware) -> Self:
        """Let middleware be entered around this run, too; call it before the first chunk is read.

        Returns:
            The stream.
        """
        self._run.middleware = (*self._run.middleware, *middleware)
        return self

    def __aiter__(self) -> AsyncIterator[Any]:  # noqa: PYI034 - not itself: see below
        """Return the chunks themselves, to have no frame of this class between."""
        return self._chunks

    def __anext__(self) -> Any:  # noqa: ANN401 - a chunk's awaitable
        """Return the next chunk's awaitable."""
        return self._chunks.__anext__()

    async def aclose(self) -> None:
        """Cancel what still runs, wait for it, and end the stream; may be called again."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        """Return the stream."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream."""
        await self.aclose()
