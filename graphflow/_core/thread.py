"""A run's thread, as the program of supersteps uses it: everything that is stored passes here.

The program knows this class only as a name, so a run without a checkpointer loads none of it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, final

from graphflow._core.begin import begin
from graphflow._core.checkpoints import checkpoint_chunks
from graphflow._core.commit import commit
from graphflow._core.effects import Emit, Program
from graphflow._core.log import Log
from graphflow._core.state import Outcome, Run, RunState, Succeeded, Task
from graphflow._core.unfinished import keep, record_failure, record_refusal, restored

if TYPE_CHECKING:
    from graphflow._core.form import Place, TaskForm


@final
class Thread:
    """The thread of one run.

    Attributes:
        log: where the run is in the thread's log.
    """

    __slots__ = ("_stored", "log")

    def __init__(self, log: Log) -> None:
        """Begin before the thread has been read."""
        self.log = log
        self._stored: Mapping[Place, TaskForm] = {}

    @property
    def resumes(self) -> bool:
        """Whether tasks of the superstep that is to be run have been run already."""
        return bool(self._stored)

    def begin(self, run: Run, given: object) -> Program[RunState]:
        """Take the thread, and return the state that it and the input make; see `begin.py`."""
        begun = yield from begin(run, self.log, given)
        self._stored = begun.stored
        return begun.state

    def restored(self, tasks: Sequence[Task]) -> Mapping[Task, Succeeded]:
        """Return the results of those tasks that were run in an earlier run; once."""
        stored, self._stored = self._stored, {}
        return restored(self.log, tasks, stored)

    def keep(self, outcomes: Sequence[Outcome]) -> Program[Sequence[Outcome]]:
        """Store what tasks have returned while others still run; return the outcomes."""
        return keep(self.log, outcomes)

    def failed(self, state: RunState, outcomes: Sequence[Outcome]) -> Program[None]:
        """Store how a superstep failed."""
        return record_failure(self.log, state, outcomes)

    def barrier(self, state: RunState, done: Sequence[Succeeded]) -> Program[RunState]:
        """Make the barrier and store it; return the state after it.

        Raises:
            Exception: what refused it; then what its tasks have returned is stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        try:
            after = commit(state, done, self.log)
        except Exception as error:
            yield from record_refusal(self.log, state, done, error)
            raise
        yield from self.log.barrier(after)
        return after

    def show(self, run: Run, state: RunState) -> Program[None]:
        """Show the checkpoint that was stored last."""
        yield from Emit(checkpoint_chunks(run, self.log, state, "loop", state.step - 1))

    def finish(self, state: RunState) -> Program[None]:
        """Store what is not stored yet, and wait for what is on its way."""
        return self.log.finish(state)
