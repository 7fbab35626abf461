"""Whose turn it is to write to a run's thread: the program's, or a running task's.

The program has it all the time but while it waits for tasks. Then it lends it to them, and one
after the other may store a result that it keeps (`once`). So nobody takes a record's number that
another one counts on, and a task whose run has ended finds nobody who lends.
"""

from threading import Condition
from typing import Any, final

from graphflow._core.effects import Effect, Load, Save
from graphflow._core.state import Task
from graphflow._drive.storing import Storing
from graphflow.errors import TaskAbandoned


@final
class Turn:
    """The right to write to the log of one run; it stores results of the run's tasks.

    The program takes no lock as long as no task has ever stored a result, which is nearly always.
    It says first that it does not lend any more, and looks then whether a task stores; a task says
    first that it stores, and looks then whether it is lent. So one of the two sees the other.

    Attributes:
        lent: whether tasks may have it; the program's to set, before and after it waits for them.
        used: whether a task has ever wanted it.
    """

    __slots__ = ("__weakref__", "_changed", "_ended", "_storing", "lent", "used")

    def __init__(self, storing: Storing) -> None:
        """Give it to the program."""
        self._storing = storing
        self._changed = Condition()
        self._ended = False
        self.lent = False
        self.used = False

    def lend(self) -> None:
        """Let tasks have it while the program waits for them."""
        self.lent = True
        if self.used:
            with self._changed:
                self._changed.notify_all()

    def reclaim(self) -> bool:
        """Take it back for the program; return whether no task stores any more."""
        self.lent = False
        if not self.used:
            return True
        if self._changed.acquire(blocking=False):
            self._changed.release()
            return True
        return False

    def wait(self) -> None:
        """Wait for the task that stores."""
        with self._changed:
            pass

    def end(self) -> None:
        """Let nobody have it any more; the program has it."""
        self._ended = True
        with self._changed:
            self._changed.notify_all()

    @property
    def blocks(self) -> bool:
        """Whether `store` may take so long that an event loop should not call it."""
        if not self.lent or self._storing.blocks or not self._changed.acquire(blocking=False):
            return True
        self._changed.release()
        return False

    def store(self, task: Task, key: str, result: object) -> None:
        """Store a result of a task; may block the calling thread.

        Raises:
            CheckpointError: if it cannot be stored.
            TaskAbandoned: if the run has ended.
            ThreadBusyError: if another process has taken the thread over.
        """
        thread = task.run.thread
        assert thread is not None, "only a run with a thread keeps results"
        self.used = True
        with self._changed:
            self._changed.wait_for(lambda: self.lent or self._ended)
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
            return storing.appended(effect.commit)
        except Exception as error:  # noqa: BLE001 - the program raises it
            return error
