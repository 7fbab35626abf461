"""Whose turn it is to write to a run's thread: the program's, or a running task's.

The program has it all the time but while it waits for tasks. Then it lends it to them, and one
after the other may store a result that it keeps (`once`). So nobody takes a record's number that
another one counts on, and a task whose run has ended finds nobody who lends.
"""

from threading import Lock
from typing import Any, final

from graphflow._core.effects import Effect, Load, Save
from graphflow._core.state import Task
from graphflow._drive.storing import Storing, appended
from graphflow.errors import TaskAbandoned


@final
class Turn:
    """The right to write to the log of one run; it stores results of the run's tasks.

    Attributes:
        lent: whether the tasks have it.
    """

    __slots__ = ("_ended", "_lock", "_storing", "lent")

    def __init__(self, storing: Storing) -> None:
        """Give it to the program."""
        self._storing = storing
        self._lock = Lock()
        self._lock.acquire()
        self._ended = False
        self.lent = False

    def lend(self) -> None:
        """Let tasks have it while the program waits for them."""
        self.lent = True
        self._lock.release()

    def reclaim(self) -> bool:
        """Take it back for the program, if no task uses it now; return whether that was so."""
        if self.lent and self._lock.acquire(blocking=False):
            self.lent = False
        return not self.lent

    def wait(self) -> None:
        """Take it back for the program when the task that uses it now has stored its result."""
        if self.lent:
            self._lock.acquire()
            self.lent = False

    def end(self) -> None:
        """Let nobody have it any more; the program has it."""
        self._ended = True
        self._lock.release()

    @property
    def blocks(self) -> bool:
        """Whether `store` may take so long that an event loop should not call it."""
        return self._lock.locked() or self._storing.blocks

    def store(self, task: Task, key: str, result: object) -> None:
        """Store a result of a task; may block the calling thread.

        Raises:
            CheckpointError: if it cannot be stored.
            TaskAbandoned: if the run has ended.
            ThreadBusyError: if another process has taken the thread over.
        """
        thread = task.run.thread
        assert thread is not None, "only a run with a thread keeps results"
        with self._lock:
            if self._ended:
                raise TaskAbandoned(task.node.name)
            program = thread.store(task, key, result)
            answer: Any = None
            while True:
                try:
                    effect = program.send(answer)
                except StopIteration:
                    return
                answer = self._performed(effect)

    def _performed(self, effect: Effect[Any]) -> Any:  # noqa: ANN401 - the answer has the effect's type
        """Do what is asked for, right here."""
        storing = self._storing
        if isinstance(effect, Load):
            return effect.read(storing.store)
        assert isinstance(effect, Save), f"a task's results need no {effect!r}"
        try:
            storing.settle_here()
            return appended(storing.store, effect.commit)
        except Exception as error:  # noqa: BLE001 - the program raises it
            return error
