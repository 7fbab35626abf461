"""A graph that is run in a node of another: found by the running context, it is part of its run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.inside import Inside, Returned, Split, returned, view_of
from graphflow._core.state import Run, RunState, Stopped, Task, View
from graphflow._drive.scope import Scope
from graphflow._scope import CURRENT
from graphflow.config import RunnableConfig, merged
from graphflow.errors import GraphInterrupt, GraphLeft, GraphRecursionError

if TYPE_CHECKING:
    from graphflow._core.asking import Question
    from graphflow._core.topology import Topology

PLACE: Final = "langgraph_checkpoint_ns"
"""The key of a task's metadata that tells where the task is; what has it comes from a task."""

_ABOUT_ONE_RUN: Final = ("run_id", "run_name")


def placed(
    scope: object,
    graph: "Topology",
    bound: RunnableConfig,
    config: RunnableConfig | None,
    *,
    watched: bool,
) -> tuple[Inside, RunnableConfig] | None:
    """Return the place of a graph's run in the task that makes it, and its config.

    Args:
        scope: the task's scope.
        graph: the graph.
        bound: the config that is bound to it.
        config: what the caller gave.
        watched: whether the caller reads its stream.

    Returns:
        None for a run of its own. A config that names a thread asks for that, but for the config
        that a node is handed.

    Raises:
        GraphRecursionError: if there are as many graphs around it as the run may take supersteps.
    """
    if not isinstance(scope, Scope) or scope.closed:
        return None
    if config:
        named, facts = _parts(config, "configurable"), _parts(config, "metadata")
        if named.get("thread_id") is not None and PLACE not in facts:
            return None
    return _inside_of(scope, graph, watched=watched), _config_in(scope, bound, config)


def _parts(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a part of a config; nothing if it is not as it should be, which is found later."""
    found: Any = config.get(key)
    return found if isinstance(found, Mapping) else {}  # pyright: ignore[reportUnknownVariableType] - of anything


def _inside_of(scope: Scope, graph: "Topology", *, watched: bool) -> Inside:
    """Return where a graph is run that a task runs."""
    task = scope.task
    number = scope.next_graph()
    gives = task.node.gives if task.node.child is graph else None
    inside = Inside(task, number, gives, lasting=False, watched=watched)
    if inside.depth > task.run.limit:
        raise GraphRecursionError(task.run.limit, [task.node.name])
    return inside


def _config_in(scope: Scope, bound: RunnableConfig, own: RunnableConfig | None) -> RunnableConfig:
    """Return the config of a graph that a task runs.

    What its call says counts most, then what the run around it says, then what is bound to it.
    """
    run, node = scope.task.run, scope.task.node
    outer = run.config
    if not bound and not own and not node.metadata:
        return outer  # type: ignore[return-value]  # the run's, which was merged already
    said = {} if not node.metadata else {"metadata": dict(node.metadata)}
    given = {key: value for key, value in outer.items() if key not in _ABOUT_ONE_RUN}
    return merged(bound, given, said, own)


def split_of(inside: Inside, graph: "Topology", own: View) -> Split:
    """Return who is shown what of a graph whose stream a task reads."""
    outer = view_of(inside, graph)
    return Split(own, None if outer.ns is None else outer, inside.ns)


def come_back(run: Run, state: RunState) -> None:
    """Bring up to the task what the graph that it runs has to say to the run around it.

    Raises:
        GraphInterrupt: if the graph waits for an answer, or was to stop where it is.
        GraphLeft: if it was left for a graph around it.
    """
    inside = run.inside
    if inside is None or (not inside.up and not isinstance(state, Stopped)):
        return
    scope = CURRENT.get()
    assert isinstance(scope, Scope), "a run inside another was begun by a task"
    inner = scope.bring_up()
    if isinstance(state, Stopped):
        from graphflow._core.asking import brought_up, interrupt_of  # noqa: PLC0415 - seldom needed

        asked = [one for outcome in state.asked for one in outcome.questions]
        inner.questions += [
            brought_up(one, level_of(run, outcome.task, one))
            for outcome in state.asked
            for one in outcome.questions
        ]
        inner.paused = inner.paused or state.paused
        raise GraphInterrupt([interrupt_of(one) for one in asked])
    inner.up += inside.up
    raise GraphLeft


def level_of(run: Run, task: Task, question: "Question") -> list[Any]:
    """Return where a task of a graph inside another has asked, see `Question.inner`."""
    place = [task.node.name, task.index, question.key, question.number]
    if run.thread is not None:
        return [run.thread.log.branch, *place]
    assert run.inside is not None, "it is inside another"
    return [0, *place, task.step, run.inside.number]


def node_result(run: Run, state: RunState) -> Returned:
    """Return what a graph that is a node gives.

    Raises:
        GraphInterrupt: if it waits for an answer, or was to stop where it is.
    """
    inside = run.inside
    assert inside is not None, "a node is run by a task"
    if isinstance(state, Stopped):
        come_back(run, state)
    return returned(inside, state)
