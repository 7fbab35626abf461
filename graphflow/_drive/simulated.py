"""The simulated driver: the asynchronous one on an event loop where a seed and no clock decides.

Time is virtual: when everything waits, it jumps to the next timer, so an hour's sleep takes no
time. Order is seeded: whatever is ready at the same moment runs in an order that the seed
shuffles, so that any schedule can be had, and had again. Functions that may block are called on
the loop itself. Nothing outside the loop exists: what waits for a socket or a thread waits for
ever, and that is found and said.

It is an asyncio loop, not one more performer of effects, so that nodes can use whatever of
asyncio and anyio they use elsewhere, and so that the driver under test is the real one.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, final

from graphflow._drive.loop import RunsThreadsInline
from graphflow.errors import SimulationStuck

if TYPE_CHECKING:
    from collections import deque

R = TypeVar("R")


@final
class _VirtualSelector(selectors.BaseSelector):
    """A selector to which nothing ever happens: waiting for it moves the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.keys: dict[Any, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let `timeout` seconds pass at once."""
        if timeout is None:
            msg = (
                "every task of the simulation waits, and no timer will wake one: a node waits for "
                "what only the outside could bring, such as a thread or a socket, or for itself"
            )
            raise SimulationStuck(msg)
        self.now += max(timeout, 0.0)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - the base class's signature
        """Note a file, of which nothing will be heard."""
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, number, events, data)
        self.keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - as above
        """Forget a file."""
        return self.keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return the files noted."""
        return self.keys


@final
class SimulatedLoop(asyncio.SelectorEventLoop, RunsThreadsInline):
    """An asyncio event loop with a virtual clock and a seeded order.

    Args:
        seed: decides the order of what is ready at the same moment.
    """

    def __init__(self, seed: int = 0) -> None:
        """Begin at time 0."""
        self._virtual = _VirtualSelector()
        self._random = Random(seed)  # noqa: S311 - repeatable is what it must be
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._virtual.now

    def _run_once(self) -> None:
        """Shuffle what is ready, and let the loop do its step."""
        ready: deque[Any] = vars(self)["_ready"]  # asyncio's own queue
        self._random.shuffle(ready)
        super()._run_once()  # type: ignore[misc]  # asyncio's own step

    def run_in_executor(
        self, executor: object, func: Callable[..., R], *args: object
    ) -> asyncio.Future[R]:
        """Call the function on the loop, and return its future."""
        del executor  # there are no threads here
        future: asyncio.Future[R] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
        return future


def simulate(main: Callable[[], Coroutine[Any, Any, R]], seed: int = 0) -> R:
    """Run a coroutine function on a simulated loop; return what it returns.

    Args:
        main: the coroutine function; inside, use a graph's asynchronous methods.
        seed: the same seed gives the same order, every time.

    Raises:
        SimulationStuck: if everything waits for what cannot come.
    """
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(seed)) as runner:
        return runner.run(main())
