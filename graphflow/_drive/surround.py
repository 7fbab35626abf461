"""What middleware makes around a run and around its supersteps.

The program of a run asks for everything that waits, so a program around it sees where a superstep
begins, and the loop of supersteps knows nothing of all this. A run without middleware never loads
this file.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, final

from graphflow._core.effects import Compute, Effect, Load, Program, Start
from graphflow._core.state import Run, Task
from graphflow.middleware import RunInfo, SuperstepInfo

if TYPE_CHECKING:
    from graphflow._core.log import Log

R = TypeVar("R")
Around: TypeAlias = Callable[[Any], AbstractContextManager[Any]]


def surrounded(run: Run, context: Context, program: Program[R]) -> Program[R]:
    """Return a run's program inside what its middleware makes for it; itself, if that is nothing.

    Args:
        run: the run.
        context: what its tasks run in copies of; what is entered sets its variables there.
        program: the program.
    """
    runs = _methods(run, "around_run")
    steps = _methods(run, "around_superstep")
    if not run.keeps or not (runs or steps):  # an edit is no run
        return program
    return _within(run, _Entered(context), program, runs, steps)


def _methods(run: Run, name: str) -> list[Around]:
    """Return the methods of a name that the run's middleware has, the outermost first."""
    found = [getattr(each, name, None) for each in run.middleware]
    return [method for method in found if method is not None]


def _within(
    run: Run,
    entered: "_Entered",
    program: Program[R],
    runs: Sequence[Around],
    steps: Sequence[Around],
) -> Program[R]:
    """Do what a program does, inside what is entered around it."""
    info = info_of(run)
    try:
        entered.run(runs, info)
        result = yield from _step_by_step(run, entered, program, steps, info)
    except BaseException as error:
        program.close()
        # A driver that fails or is cancelled closes its program: the error is then the context.
        closed = isinstance(error, GeneratorExit) and error.__context__ is not None
        entered.leave(error.__context__ if closed else error)
        raise
    entered.leave(None)
    return result


def _step_by_step(
    run: Run, entered: "_Entered", program: Program[R], steps: Sequence[Around], info: RunInfo
) -> Program[R]:
    """Do what a program does, and enter each superstep where it begins.

    It ends where the next one begins, or the run: its barrier is part of it.
    """
    answer, begun = None, False
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as end:
            result: R = end.value
            return result
        if tasks := _begins(effect):
            if not begun:
                begun = True
                yield from _look_back(run, info)
            entered.step(steps, info, tasks)
        answer = yield effect


def info_of(run: Run) -> RunInfo:
    """Return what middleware is told of a run."""
    info = RunInfo(run.graph.name, run.id, run.thread_id, "|".join(run.ns))
    if run.thread is not None:
        metadata: Any = run.thread.log.asked.metadata  # a dict of this run's own
        info.metadata = metadata
    return info


def _begins(effect: Effect[Any]) -> Sequence[Task]:
    """Return the tasks of the superstep that an effect begins; none, if it begins none."""
    if isinstance(effect, Start):
        return effect.tasks
    if isinstance(effect, Compute) and effect.task.node.rank >= 0:  # START's edges are before all
        return (effect.task,)
    return ()


def _look_back(run: Run, info: RunInfo) -> Generator[Effect[Any], Any, None]:
    """Find out what is stored of the run that this one goes on from."""
    if run.thread is None or run.inside is not None:
        return
    log: Log = run.thread.log
    earlier = log.earlier
    if isinstance(earlier, int):
        from graphflow._core.stored import run_at  # noqa: PLC0415 - loaded with a checkpointer

        number, codec, thread = earlier, log.codec, log.asked.thread
        earlier = (yield from Load(lambda store: run_at(store, codec, thread, number))).metadata
    info.continues = earlier


def _enter(stack: ExitStack, manager: AbstractContextManager[Any]) -> None:
    """Enter a context manager that is to be left with a stack, and cannot swallow an error."""
    manager.__enter__()

    def leave(
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        manager.__exit__(kind, error, traceback)

    stack.push(leave)


@final
class _Entered:
    """The context managers that are entered, all in the run's own context."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.around = ExitStack()
        self.inner: ExitStack | None = None

    def run(self, runs: Sequence[Around], info: RunInfo) -> None:
        """Enter those of the run."""
        for each in runs:
            self.context.run(_enter, self.around, each(info))
        self.around.push(self._end_step)

    def step(self, steps: Sequence[Around], info: RunInfo, tasks: Sequence[Task]) -> None:
        """Leave those of the last superstep, and enter those of the next."""
        self.context.run(self._end_step, None, None, None)
        told = SuperstepInfo(info, tasks[0].step, tuple(task.node.name for task in tasks))
        self.inner = ExitStack()
        for each in steps:
            self.context.run(_enter, self.inner, each(told))

    def leave(self, error: BaseException | None) -> None:
        """Leave all, with the error that ends the run, if one does."""
        if error is None:
            self.context.run(self.around.__exit__, None, None, None)
        else:
            self.context.run(self.around.__exit__, type(error), error, error.__traceback__)

    def _end_step(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave those of the superstep, if there is one."""
        inner, self.inner = self.inner, None
        if inner is not None:
            inner.__exit__(kind, error, traceback)
