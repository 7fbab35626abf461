"""A run's thread, as the program of supersteps uses it: everything that is stored passes here.

The program knows this class only as a name, so a run without a checkpointer loads none of it.
"""

from collections.abc import Mapping, Sequence
from typing import final

from graphflow._core.begin import Begun, begin
from graphflow._core.checkpoints import checkpoint_chunks, due_tasks
from graphflow._core.commit import Edit, commit
from graphflow._core.effects import Emit, Program
from graphflow._core.form import place_of
from graphflow._core.log import Log
from graphflow._core.preview import Preview
from graphflow._core.state import Outcome, Run, RunState, Succeeded, Task
from graphflow._core.unfinished import keep, record_refusal, record_stop, restored
from graphflow._core.within import begin_within


@final
class Thread:
    """The thread of one run.

    Attributes:
        log: where the run is in the thread's log.
    """

    __slots__ = ("_begun", "log")

    def __init__(self, log: Log) -> None:
        """Begin before the thread has been read."""
        self.log = log
        self._begun: Begun | None = None

    @property
    def resumes(self) -> bool:
        """Whether tasks of the superstep that is to be run have been run already."""
        return self._begun is not None and self._begun.resumes

    @property
    def passes(self) -> bool:
        """Whether the superstep that is to be run is not to be stopped before."""
        return self._begun is not None and self._begun.passes

    def begin(self, run: Run, given: object) -> Program[tuple[RunState, Outcome | None]]:
        """Take the thread; see `begin.py`.

        Returns:
            The state that it and the input make, and how START ended, if not well.
        """
        if self.log.asked.ns:
            from graphflow._core.travel import travel  # noqa: PLC0415 - seldom needed

            given = yield from travel(run, self.log, given)
        beginning = begin if run.inside is None else begin_within
        begun = self._begun = yield from beginning(run, self.log, given)
        return begun.state, begun.first

    def restored(self, tasks: Sequence[Task]) -> Mapping[Task, Outcome]:
        """Return how those tasks have ended that are not to be run again."""
        begun = self._begun
        assert begun is not None, "a run begins before it runs tasks"
        return restored(self.log, tasks, begun.stored, begun.journals, begun.waiting)

    def keep(self, outcomes: Sequence[Outcome]) -> Program[Sequence[Outcome]]:
        """Store how tasks have ended while others still run; return the outcomes."""
        return keep(self.log, outcomes)

    def store(self, task: Task, key: str, result: object) -> Program[None]:
        """Store a result that a running task keeps."""
        return self.log.store(place_of(task), key, result)

    def stop(
        self, state: RunState, outcomes: Sequence[Outcome], preview: Preview | None
    ) -> Program[Sequence[Outcome]]:
        """Store how a superstep came to no end; return the outcomes."""
        return record_stop(self.log, state, outcomes, preview)

    def pause(self, state: RunState, *, asked: bool) -> Program[None]:
        """Store that the run ends here, before what is due; because it was asked to, or not."""
        return self.log.pause(state, asked=asked)

    def barrier(
        self, state: RunState, done: Sequence[Succeeded], edit: Edit | None = None
    ) -> Program[RunState]:
        """Make the barrier and store it; return the state after it.

        Raises:
            Exception: what refused it; then what its tasks have returned is stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        try:
            after = commit(state, done, self.log, edit)
        except Exception as error:
            yield from record_refusal(self.log, state, done, error)
            raise
        yield from self.log.barrier(after)
        self._begun = None
        return after

    def show(self, run: Run, state: RunState) -> Program[None]:
        """Show the checkpoint that was stored last."""
        tasks, step = due_tasks(self.log, state), state.step - 1
        yield from Emit(checkpoint_chunks(run, self.log, state.values, "loop", step, tasks))

    def finish(self, state: RunState) -> Program[None]:
        """Store what is not stored yet, and wait for what is on its way."""
        return self.log.finish(state)
