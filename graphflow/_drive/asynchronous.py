"""The asynchronous driver: performs the effects of one run on asyncio (uvloop too) or trio."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, final

from graphflow._core.effects import Cancel, Compute, Effect, Emit, Next, Save, Start
from graphflow._core.state import Run, RunState
from graphflow._core.superstep import supersteps
from graphflow._drive import load
from graphflow._drive.call import call
from graphflow._drive.crew import AsyncioCrew, Crew, TrioCrew
from graphflow._drive.loop import LoopPlace, in_trio
from graphflow._drive.stepping import isolated

if TYPE_CHECKING:
    from graphflow._drive.waiting import LoopStoring


@final
class _Driver:
    """Performs the effects of several tasks; the others are done in the loop of `_drive`."""

    __slots__ = ("context", "crew", "place", "run", "state", "storing")

    def __init__(self, run: Run, context: Context) -> None:
        self.run = run
        self.storing: LoopStoring | None = None
        self.context = context
        self.place = LoopPlace(run.grace, None)
        self.crew: Crew | None = None
        self.state: RunState | None = None

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
        return await self.storing.perform(effect)

    def _crew(self) -> Crew:
        """Return the run's crew, made when several tasks are first to run at once."""
        if self.crew is None:
            made = TrioCrew if in_trio() else AsyncioCrew
            self.crew = made(self.run, self.context)
        return self.crew


async def _drive(driver: _Driver, given: object) -> AsyncGenerator[Any, None]:
    """Run to the end, yielding what the program emits."""
    perform, context, place = driver.perform, driver.context, driver.place
    program = supersteps(driver.run, given)
    answer: Any = None
    try:
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as end:
                driver.state = end.value
                return
            if isinstance(effect, Compute):
                answer = await isolated(context.copy(), call(effect.task, place))
            elif isinstance(effect, Emit):
                for chunk in effect.chunks:
                    yield chunk
                answer = None
            elif (
                isinstance(effect, Save)
                and driver.storing is not None
                and driver.storing.begin(effect)
            ):
                answer = True
            else:
                answer = await perform(effect)
    finally:
        program.close()
        try:
            if driver.crew is not None:
                await driver.crew.end()
        finally:
            if driver.storing is not None:
                await driver.storing.leave()


async def ainvoke(run: Run, given: object, context: Context) -> RunState:
    """Run to the end and return the last state."""
    driver = _Driver(run, context)
    async for _ in _drive(driver, given):
        raise AssertionError(run)  # a run that nobody watches emits nothing
    assert driver.state is not None, "the program has returned"
    return driver.state


@final
class AsyncStream(AsyncIterator[Any]):
    """The chunks of one run, to be read once.

    `async with` gives a guaranteed end: leaving the block cancels what still runs and waits for
    it. A plain `async for` ends by itself when all is read; leave it early, and `aclose()` does
    the same, or else the event loop does when the stream is garbage.
    """

    __slots__ = ("_chunks",)

    def __init__(self, run: Run, given: object, context: Context) -> None:
        """Prepare the run; nothing runs before the first chunk is asked for."""
        self._chunks = _drive(_Driver(run, context), given)

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
