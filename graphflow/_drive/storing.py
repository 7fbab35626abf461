"""Performs the effects that concern a store, where a thread may block.

What differs is only how one waits; for event loops that is in `waiting.py`.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, final

from graphflow._core.effects import Effect, Enter, Load, Save, Settle, Write
from graphflow._core.state import Run, Task
from graphflow._drive.scope import Scope
from graphflow._scope import CURRENT
from graphflow.checkpoint.base import BaseCheckpointSaver, Commit
from graphflow.checkpoint.leases import Lease, enter
from graphflow.errors import CheckpointConflict, TaskAbandoned, ThreadBusyError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from graphflow.checkpoint.gathering import Ending


def is_made(store: BaseCheckpointSaver, commit: Commit, error: Exception) -> bool:
    """Tell what became of a commit whose answer was an error.

    An answer can be lost though the commit was made: the thread's head says whose the last was,
    and its first record whether it is there, if others have come behind it meanwhile.

    Raises:
        Exception: the error, if the commit was not made.
    """
    try:
        made = _is_there(store, commit)
    except Exception:  # noqa: BLE001 - the store is out of order; the first error says why
        raise error from None
    if made:
        return True  # even after a conflict: the store may have tried it twice
    if isinstance(error, CheckpointConflict):
        return False
    raise error


def _is_there(store: BaseCheckpointSaver, commit: Commit) -> bool:
    """Tell whether a commit is in the store."""
    head = store.head(commit.thread)
    if head is None or head.token == commit.token:
        return head is not None
    if not commit.records or head.epoch != commit.next_epoch:
        return False
    (first, *_) = commit.records
    for found in store.records(commit.thread, after=first.seq - 1, upto=first.seq):
        return (found.branch, found.kind, found.data) == (first.branch, first.kind, first.data)
    return False


@final
class Books:
    """What all have in common that write to one thread: a run, and those that run inside it.

    Attributes:
        store: the store.
        lock: held by who puts a commit together and hands it over, so that commits come to the
            store in the order of their records.
        lease: the run's place on its thread, or None.
        last: the last commit that was handed over and had not ended then, or None.
        flying: commits that nobody has waited for, with their ends.
    """

    __slots__ = ("flying", "last", "lease", "lock", "store")

    def __init__(self, store: BaseCheckpointSaver) -> None:
        """Begin without a place."""
        self.store = store
        self.lock = Lock()
        self.lease: Lease | None = None
        self.last: Ending | None = None
        self.flying: list[tuple[Ending, Commit]] = []

    def fly(self, ending: "Ending", commit: Commit) -> None:
        """Note a commit that is not waited for; the lock is held."""
        self.flying = [one for one in self.flying if not one[0].done() or one[0].exception()]
        self.flying.append((ending, commit))

    def outcome(self, commit: Commit, error: Exception) -> bool:
        """Tell what became of a commit whose answer was an error; see `is_made`.

        One that nobody has waited for, and that was not made, is the failure of all behind it:
        what they store would stand behind a gap.

        Raises:
            Exception: the error of the first commit that was not made.
        """
        with self.lock:
            flying = [*self.flying]
        for ending, before in flying:
            if before is commit:
                break
            failed = ending.exception() if ending.done() else None
            if isinstance(failed, Exception) and not isinstance(failed, CheckpointConflict):
                is_made(self.store, before, failed)
        return is_made(self.store, commit, error)


class Storing:
    """A run's dealings with its store.

    Attributes:
        store: the store.
        books: what it shares with those that run inside it, or that it runs inside.
    """

    def __init__(self, run: Run, context: Context) -> None:
        """Begin without a place.

        Args:
            run: the run, which has a checkpointer.
            context: the context it was started in, which knows what it is run inside.
        """
        assert run.saver is not None, "a run without a checkpointer asks nothing of a store"
        self.store = run.saver
        self._run = run
        self._closed = False
        around = outer_storing(run)
        self._own = around is None
        self.books: Books = Books(run.saver) if around is None else around.books
        outer = context.get(CURRENT)
        self._outer = outer.task.run.held if isinstance(outer, Scope) else ()
        self._pending: tuple[Ending, Commit] | None = None

    @property
    def lease(self) -> Lease | None:
        """The run's place on its thread, or None."""
        return self.books.lease

    def release(self) -> None:
        """Give the place on the thread back, when a commit that is on its way has ended.

        Only the outermost run does; those inside it go before it.
        """
        self._closed = True
        books = self.books
        if not self._own or books.lease is None:
            return
        lease, books.lease = books.lease, None
        if books.last is None:
            lease.release()
        else:
            books.last.add_done_callback(lambda _: lease.release())

    def take(self, effect: Enter) -> "Lease | Future[Lease]":
        """Take a place on the thread, or one in the line for it.

        Raises:
            ThreadBusyError: if it is taken, and the run is not to wait, or would wait for itself.
        """
        mine = (self.store, effect.thread)
        busy = "reject" if effect.busy == "queue" and mine in self._outer else effect.busy
        self._run.held = (*self._outer, mine)
        return enter(self.store, effect.thread, busy)

    def __del__(self) -> None:
        """Do what nobody has done: a stream may be left together with its event loop."""
        if self._own and self.lease is not None:
            with suppress(Exception):
                self.store_left()
            self.release()

    def store_left(self) -> None:
        """Store what a run that was left has still to store.

        Raises:
            CheckpointError: if it cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        thread = self._run.thread
        if thread is None or self.lease is None or not self._own:
            return
        while (left := thread.log.left()) is not None:
            if self.appended(left):
                thread.log.forget_left()
            else:
                thread.log.ledger.catch_up(self.store.head(left.thread))

    def appended(self, commit: Commit) -> bool:
        """Make a commit; return whether the thread was where the commit takes it to be."""
        try:
            if not self.waits:
                self.store.append(commit)
            elif (future := self.store.submit(commit)) is not None:
                # Not `append`: a store that inherits `submit` would let it overtake what another
                # run of this process has submitted, and that run would be superseded.
                future.result()
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            return self.books.outcome(commit, error)
        return True

    def hand_over(
        self,
        put: Callable[[], Commit],
        submit: "Callable[[Commit], Ending | None] | None" = None,
        *,
        flies: bool = False,
    ) -> "tuple[Commit, Ending | Exception | None]":
        """Put a commit together and hand it to the store, before anybody else does.

        Args:
            put: puts it together.
            submit: hands it over, if not the store's own `submit` does.
            flies: whether it is not waited for.

        Returns:
            The commit, and its end, or None if it is done, or the error that it ended in.
        """
        books = self.books
        with books.lock:
            commit = put()
            try:
                ending = (submit or self.store.submit)(commit)
            except Exception as error:  # noqa: BLE001 - a store may raise anything
                return commit, error
            if ending is not None:
                books.last = ending
                if flies:
                    books.fly(ending, commit)
        return commit, ending

    def keep_result(self, task: Task, key: str, result: object) -> None:
        """Store a result that a task keeps; may block the calling thread.

        Raises:
            CheckpointError: if it cannot be stored.
            TaskAbandoned: if the run has ended.
            ThreadBusyError: if another process has taken the thread over.
        """
        thread = task.run.thread
        assert thread is not None, "only a run with a thread keeps results"
        if self._closed:
            raise TaskAbandoned(task.node.name)
        program = thread.store(task, key, result)
        answer: Any = None
        while True:
            try:
                effect = program.send(answer)
            except StopIteration:
                return
            if isinstance(effect, Load):
                answer = effect.read(self.store)
                continue
            assert isinstance(effect, Write), f"a task's results need no {effect!r}"
            try:
                answer = self.written_here(effect.put)
            except Exception as error:  # noqa: BLE001 - the program raises it
                answer = error

    def written_here(self, put: Callable[[], Commit]) -> bool:
        """Make a commit, blocking the calling thread; return whether it was made."""
        commit, ending = self.hand_over(put)
        error = ending if isinstance(ending, Exception) else None
        if ending is not None and error is None:
            assert not isinstance(ending, Exception), "looked at above"
            wait_for(ending)
            found = ending.exception()
            error = found if isinstance(found, Exception) else None
        return True if error is None else self.books.outcome(commit, error)

    @property
    def waits(self) -> bool:
        """Whether every commit must be waited for, since another run writes to the thread."""
        return self.lease is None or not self.lease.alone

    @property
    def blocks(self) -> bool:
        """Whether a commit that is waited for may take long."""
        return self.store.waits or self._pending is not None

    def settle_here(self) -> None:
        """Wait for the commit before, blocking the calling thread.

        Raises:
            Exception: what the store raised, if that commit was not made.
            ThreadBusyError: if another process has taken the thread over.
        """
        if self._pending is None:
            return
        future, commit = self._pending
        wait_for(future)
        error = future.exception()
        self._pending = None
        if isinstance(error, Exception) and not self.books.outcome(commit, error):
            raise self.superseded(commit)

    def superseded(self, commit: Commit) -> ThreadBusyError:
        """Return the error of a commit that came too late, and was not waited for."""
        return ThreadBusyError(commit.thread, superseded=True)


class BlockingStoring(Storing):
    """Waits by blocking the calling thread."""

    def leave(self) -> None:
        """Store what a run that was left has still to store, and give its thread back."""
        try:
            self.store_left()
        finally:
            self.release()

    def perform(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what the program asks for, and return the answer."""
        if isinstance(effect, (Save, Write)):
            try:
                return self._save(effect) if isinstance(effect, Save) else self._write(effect)
            except Exception as error:  # noqa: BLE001 - the program raises it
                return error
        if isinstance(effect, Load):
            return effect.read(self.store)
        if isinstance(effect, Settle):
            return self.settle_here()
        assert isinstance(effect, Enter), f"the driver does not know {effect!r}"
        return self._enter(effect)

    def _save(self, effect: Save) -> bool:
        """Make a commit, after the one before."""
        self.settle_here()
        if effect.wait or self.waits:
            return self.appended(effect.commit)
        try:
            future = self.store.submit(effect.commit)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            return self.books.outcome(effect.commit, error)
        if future is not None:
            self._pending = (future, effect.commit)
            with self.books.lock:
                self.books.last = future
                self.books.fly(future, effect.commit)
        return True

    def _write(self, effect: Write) -> bool:
        """Put a commit together and make it, after the one before."""
        self.settle_here()
        if effect.wait or self.waits:
            return self.written_here(effect.put)
        commit, ending = self.hand_over(effect.put, flies=True)
        if isinstance(ending, Exception):
            return self.books.outcome(commit, ending)
        if ending is not None:
            self._pending = (ending, commit)
        return True

    def _enter(self, effect: Enter) -> Lease:
        """Take a place on the thread."""
        found = self.take(effect)
        if isinstance(found, Lease):
            self.books.lease = found
            return found
        try:
            lease = self.books.lease = found.result()
        except BaseException:  # an interrupt from the keyboard
            give_up(found)
            raise
        return lease


def outer_storing(run: Run) -> "Storing | None":
    """Return the dealings with the store of the nearest run that a run is inside of."""
    inside = run.inside
    while inside is not None:
        outer = inside.task.run
        found = None if outer.journal is None else outer.journal()
        if found is not None:
            assert isinstance(found, Storing), "what keeps results of a run's tasks is this"
            return found
        inside = outer.inside
    return None


def wait_for(ending: "Ending") -> None:
    """Block the calling thread until something has ended."""
    if not ending.done():
        ended = Event()
        ending.add_done_callback(lambda _: ended.set())
        ended.wait()


def give_up(waiter: "Future[Lease]") -> None:
    """Leave the line for a thread."""
    if not waiter.cancel():
        waiter.result().release()
