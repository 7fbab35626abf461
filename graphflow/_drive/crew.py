"""Crews on an event loop: the tasks of a superstep that run at once, on asyncio and on trio.

No task group or cancel scope is held across a `yield` of the stream: the tasks belong to the
crew, and `end()` cancels them and waits for them. A crew serves one run, superstep by superstep.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from threading import Condition, get_ident
from typing import TYPE_CHECKING, Protocol, final

import anyio

from graphflow._core.state import Event, Failed, News, Outcome, Run, Shown, Task, Written
from graphflow._drive.call import call
from graphflow._drive.loop import LoopPlace, soon_here, waits_here
from graphflow._drive.shows import Shows, room_of, sink_of
from graphflow._drive.stepping import BUFFER, Room, paced
from graphflow.errors import TaskAbandoned

if TYPE_CHECKING:
    import trio


class Crew(Protocol):
    """The tasks of a superstep that run at once."""

    async def start(self, tasks: Sequence[Task]) -> None:
        """Start tasks in this order, as many at once as the run allows."""
        ...

    async def arrived(self, wanted: int) -> Sequence[Event]:
        """Wait for `wanted` events or a failure; return all there are."""
        ...

    async def end(self) -> Sequence[Outcome]:
        """Cancel what still runs and wait for it; return the outcomes that came all the same."""
        ...


class Inbox:
    """The events of a crew on their way to the program; writers are held while it is full.

    Events are posted on the loop's thread, and what nodes write from any thread.
    """

    def __init__(self) -> None:
        """Begin empty, on the running loop."""
        self.events: deque[Event] = deque()
        self.wanted = 1
        self.closed = False
        self.waiter: anyio.Event | None = None
        self.room: anyio.Event | None = None
        self.thread = get_ident()
        self.soon = soon_here()
        self.lock = Condition()

    @property
    def full(self) -> bool:
        """Whether writers are to be held."""
        return len(self.events) >= BUFFER and not self.closed

    async def vacancy(self) -> None:
        """Wait, on the loop, until there is room."""
        # Shielded, for what the node waited for has been handed over already: a cancel now would
        # lose it. The node meets the cancel where it waits next; `close()` ends this wait.
        with anyio.CancelScope(shield=True):
            while self.full:
                if self.room is None:
                    self.room = anyio.Event()
                await self.room.wait()

    def post(self, event: Event) -> None:
        """Add an event, on the loop's thread."""
        self.events.append(event)
        waiter = self.waiter
        if waiter is not None and (len(self.events) >= self.wanted or type(event) is Failed):
            self.waiter = None
            waiter.set()

    def write(self, task: Task, item: object) -> None:
        """Add what a node wrote, from any thread; a thread of its own waits for room."""
        self.add(Written(task, item), task)

    def add(self, event: News, task: Task, *, holds: bool = True) -> None:
        """Add what comes of a task that goes on; a thread waits for room, if it `holds`."""
        if get_ident() == self.thread:
            if not self.closed:  # else it is being cancelled, and writes in its `finally`
                self.post(event)
            return
        with self.lock:
            if holds and not waits_here():
                self.lock.wait_for(lambda: not self.full)
            if self.closed:
                raise TaskAbandoned(task.node.name)
            self.events.append(event)
        self.soon(self._notice)

    @property
    def here(self) -> Room | None:
        """What tells a coroutine whether there is room, if it is on this loop."""
        return self if get_ident() == self.thread else None

    def _notice(self) -> None:
        """Wake the program for an event that a thread has added."""
        if self.waiter is not None and len(self.events) >= self.wanted:
            self.waiter.set()

    async def take(self, wanted: int) -> list[Event]:
        """Wait for `wanted` events or a failure; return all there are."""
        self.wanted = wanted
        if len(self.events) < wanted and not any(type(e) is Failed for e in self.events):
            waiter = self.waiter = anyio.Event()
            try:
                await waiter.wait()
            finally:
                self.waiter = None
        return self.drain()

    def drain(self) -> list[Event]:
        """Return all events there are, and let writers go on."""
        # One by one: a thread may append at the same time, and nothing of its may be lost.
        events = [self.events.popleft() for _ in range(len(self.events))]
        self._release()
        return events

    def close(self) -> None:
        """Let all writers go, for nobody reads any more."""
        self.closed = True
        self._release()

    def _release(self) -> None:
        """Wake the writers that wait for room."""
        if self.room is not None:
            self.room.set()
            self.room = None
        with self.lock:
            self.lock.notify_all()


class _LoopCrew:
    """What both crews share: the inbox, the order of starts, and their limit."""

    def __init__(self, run: Run, context: Context) -> None:
        """Begin with nobody."""
        self.context = context
        self.inbox = Inbox()
        self.backlog: deque[Task] = deque()
        self.running = 0
        self.limit: int | None = run.config.get("max_concurrency")
        self.room: Room | None = self.inbox if run.crowds else room_of(run)
        sink = self.inbox.write if run.crowds and run.view.custom else sink_of(run)
        self.place = LoopPlace(run.grace, sink)
        self.launching = False
        if run.view.subgraphs:
            run.shows = Shows(run.view, self.inbox)

    def enlist(self, tasks: Sequence[Task]) -> None:
        """Start tasks in this order, as many at once as the run allows."""
        if self.limit is None:
            for task in tasks:
                self.spawn(task)
        else:
            self.backlog.extend(tasks)
            self.launch(self.limit)

    def launch(self, limit: int) -> None:
        """Start what may start now, up to so many at once.

        A task may end inside its own start (an eager task factory); then it is this loop that
        goes on, not a deeper one.
        """
        if self.launching:
            return
        self.launching = True
        try:
            while self.backlog and self.running < limit:
                self.running += 1
                self.spawn(self.backlog.popleft())
        finally:
            self.launching = False

    def go_on(self, event: Event, limit: int) -> None:
        """Start what may start after a task has ended: nothing, if it has failed."""
        self.running -= 1
        if type(event) is Failed:
            self.backlog.clear()
        self.launch(limit)

    def spawn(self, task: Task) -> None:
        """Start one task."""
        raise NotImplementedError

    async def arrived(self, wanted: int) -> Sequence[Event]:
        """Wait for `wanted` events or a failure; return all there are."""
        return await self.inbox.take(wanted)

    def left(self) -> Sequence[Outcome]:
        """Return the outcomes that came while the crew was ended."""
        return [event for event in self.inbox.drain() if not isinstance(event, (Written, Shown))]


@final
class AsyncioCrew(_LoopCrew):
    """A crew of asyncio tasks, on whatever loop runs them."""

    def __init__(self, run: Run, context: Context) -> None:
        """Begin with nobody."""
        super().__init__(run, context)
        self.loop = asyncio.get_running_loop()
        self.members: dict[Task, asyncio.Task[None]] = {}
        self.ending = False

    async def start(self, tasks: Sequence[Task]) -> None:
        """Start tasks in this order, as many at once as the run allows."""
        self.enlist(tasks)

    def spawn(self, task: Task) -> None:
        """Start one task; with an eager task factory it may have ended when this returns."""
        member = self.loop.create_task(
            self.member(task), context=self.context.copy(), name=task.node.name
        )
        if not member.done():
            self.members[task] = member

    async def member(self, task: Task) -> None:
        """Run one task, and post its outcome as the last thing done."""
        event: Event
        try:
            calling = call(task, self.place)
            event = await (calling if self.room is None else paced(self.room, calling))
        except asyncio.CancelledError as error:
            if self.ending:
                raise
            event = Failed(task, error)  # the node raised it by itself
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is the consumer's
            event = Failed(task, error)
        self.members.pop(task, None)
        self.inbox.post(event)
        if self.limit is not None:
            self.go_on(event, self.limit)

    async def end(self) -> Sequence[Outcome]:
        """Cancel what still runs and wait for it; return the outcomes that came all the same."""
        self.backlog.clear()
        self.ending = True
        self.inbox.close()
        members = list(self.members.values())
        cancelled: asyncio.CancelledError | None = None
        # The shield is for a consumer inside a cancelled anyio scope, which would be cancelled
        # again and again while it waits here; a cancel of asyncio's own is kept until the end.
        with anyio.CancelScope(shield=True):
            for member in members:
                member.cancel()
            while any(not member.done() for member in members):
                try:
                    await asyncio.wait(members)
                except asyncio.CancelledError as error:
                    cancelled = error
        self.members.clear()
        if cancelled is not None:
            raise cancelled
        return self.left()


@final
class TrioCrew(_LoopCrew):
    """A crew of trio tasks, in a nursery that a system task holds."""

    def __init__(self, run: Run, context: Context) -> None:
        """Begin with nobody, and no nursery."""
        super().__init__(run, context)
        self.nursery: trio.Nursery | None = None
        self.ended = anyio.Event()

    async def start(self, tasks: Sequence[Task]) -> None:
        """Start tasks in this order, as many at once as the run allows."""
        import trio  # noqa: PLC0415 - an optional library, which is running

        if self.nursery is None:
            ready = trio.Event()
            trio.lowlevel.spawn_system_task(self._home, ready)
            with anyio.CancelScope(shield=True):  # or nobody would know of the nursery
                await ready.wait()
        self.enlist(tasks)

    async def _home(self, ready: "trio.Event") -> None:
        """Hold the nursery; a system task must let nothing out."""
        import trio  # noqa: PLC0415 - as above

        try:
            async with trio.open_nursery() as self.nursery:
                ready.set()
                await trio.sleep_forever()
        except BaseException:  # noqa: BLE001, S110 - members post their errors; what is left is the cancelling
            pass
        finally:
            self.ended.set()

    def spawn(self, task: Task) -> None:
        """Start one task; trio copies the context that `start_soon` is called in."""
        assert self.nursery is not None, "start() opens it"
        self.context.run(self.nursery.start_soon, self.member, task)

    async def member(self, task: Task) -> None:
        """Run one task, and post its outcome as the last thing done."""
        import trio  # noqa: PLC0415 - as above

        event: Event
        try:
            calling = call(task, self.place)
            event = await (calling if self.room is None else paced(self.room, calling))
        except trio.Cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is the consumer's
            event = Failed(task, error)
        self.inbox.post(event)
        if self.limit is not None:
            self.go_on(event, self.limit)

    async def end(self) -> Sequence[Outcome]:
        """Cancel what still runs and wait for it; return the outcomes that came all the same."""
        self.backlog.clear()
        self.inbox.close()
        if self.nursery is not None:
            with anyio.CancelScope(shield=True):
                self.nursery.cancel_scope.cancel()
                await self.ended.wait()
            self.nursery = None
        return self.left()
