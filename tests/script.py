"""A run as a script: a test answers the program's effects itself, in whatever order it likes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphflow import StateGraph
from graphflow._core.effects import Compute, Effect, Emit, Next, Program, Start
from graphflow._core.parse import parse
from graphflow._core.route import follow, seen
from graphflow._core.state import Run, RunState, Succeeded, Task, View
from graphflow._core.superstep import supersteps
from graphflow._core.topology import Topology

EffectT = TypeVar("EffectT", bound=Effect[Any])


def a_run(
    made: StateGraph[Any], *modes: str, limit: int = 20, keys: tuple[str, ...] | str | None = None
) -> Run:
    """Return a run of a graph, with a fixed id."""
    topology: Topology = vars(made.compile())["_topology"]  # what the core knows of a graph
    return Run(
        graph=topology,
        view=View("updates" in modes, "values" in modes, "custom" in modes, len(modes) > 1, keys),
        limit=limit,
        config={},
        context=None,
        store=None,
        make_id=lambda: "run",
        grace=0.0,
        clock=lambda: 0,
    )


def outcome(task: Task) -> Succeeded:
    """Call a task's function, then its path functions, as a driver does."""
    assert task.node.callee.sync is not None
    done = own = parse(task, task.node.callee.sync(task.input))
    for branch in task.node.branches:
        assert branch.path.sync is not None
        answer = branch.path.sync(seen(branch, own))
        done = Succeeded(task, done.writes, [*done.goto, *follow(branch, own, answer)])
    return done


@dataclass
class Script:
    """A program, the effect it waits for, and the state it ended with."""

    program: Program[RunState]
    effect: Effect[Any] | None = None
    state: RunState | None = None
    emitted: list[object] = field(default_factory=list[object])

    def answer(self, answer: object = None) -> "Script":
        """Send the answer to the present effect; go on to the next, past what is emitted."""
        try:
            self.effect = self.program.send(answer)
        except StopIteration as end:
            self.effect, self.state = None, end.value
        if isinstance(self.effect, Emit):
            self.emitted += self.effect.chunks
            return self.answer()
        return self

    def now(self, kind: type[EffectT]) -> EffectT:
        """Return the present effect, which is of this kind."""
        assert isinstance(self.effect, kind)
        return self.effect


def begin(
    made: StateGraph[Any],
    given: object,
    *modes: str,
    limit: int = 20,
    keys: Any = None,  # noqa: ANN401 - as in View
) -> Script:
    """Start a run; the script waits at its first effect."""
    return Script(supersteps(a_run(made, *modes, limit=limit, keys=keys), given)).answer()


def names(tasks: Sequence[Task]) -> list[str]:
    """Return the nodes of tasks."""
    return [task.node.name for task in tasks]


def play(script: Script) -> list[list[str]]:
    """Answer everything as a driver would; return the nodes of each superstep, as they start."""
    steps: list[list[str]] = []
    started: Sequence[Task] = ()
    while script.effect is not None:
        if isinstance(script.effect, Compute):
            steps.append(names([script.effect.task]))
            script.answer(outcome(script.effect.task))
        elif isinstance(script.effect, Start):
            started = script.effect.tasks
            steps.append(names(started))
            script.answer()
        else:
            script.now(Next)
            script.answer([outcome(task) for task in started])
    return steps


def values(script: Script) -> dict[str, Any]:
    """Return the values that a run ended with."""
    assert script.state is not None
    return script.state.values
