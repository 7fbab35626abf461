"""A graph that is run in a node of another: found by the running context, it is part of its run."""

from collections.abc import Mapping
from hashlib import blake2b
from sys import getrecursionlimit
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.asking import interrupt_of
from graphflow._core.inside import (
    Inside,
    Returned,
    Split,
    returned,
    stored_around,
    up_from,
    view_of,
)
from graphflow._core.state import Run, RunState, Stopped, View
from graphflow._drive.scope import Scope
from graphflow._scope import CURRENT
from graphflow.config import RunnableConfig, merged
from graphflow.errors import GraphDepthError, GraphInterrupt, GraphLeft
from graphflow.schema import as_fields

if TYPE_CHECKING:
    from graphflow._core.thread import Thread
    from graphflow._core.topology import Topology
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec
    from graphflow.persistence import Types

PLACE: Final = "langgraph_checkpoint_ns"
"""The key of a task's metadata that tells where the task is; what has it comes from a task."""

_FRAMES: Final = 4
"""How many frames of Python's stack a graph inside another is taken to need at the least."""

_ABOUT_ONE_RUN: Final = ("run_id", "run_name")


def placed(  # noqa: PLR0913 - a graph, its caller, and what is bound to either
    scope: object,
    graph: "Topology",
    bound: RunnableConfig,
    config: RunnableConfig | None,
    *,
    lasting: bool,
    watched: bool,
) -> tuple[Inside, RunnableConfig] | None:
    """Return the place of a graph's run in the task that makes it, and its config.

    Args:
        scope: the task's scope.
        graph: the graph.
        bound: the config that is bound to it.
        config: what the caller gave.
        lasting: whether what is stored of it is the memory of the node that runs it.
        watched: whether the caller reads its stream.

    Returns:
        None for a run of its own. A config that names a thread asks for that, but for the config
        that a node is handed.

    Raises:
        GraphDepthError: if it is inside more graphs than Python may hold frames for.
    """
    if not isinstance(scope, Scope) or scope.closed:
        return None
    if config:
        named, facts = _parts(config, "configurable"), _parts(config, "metadata")
        if named.get("thread_id") is not None and PLACE not in facts:
            return None
    inside = _inside_of(scope, graph, lasting=lasting, watched=watched)
    if scope.task.journal is not None:  # else nothing was answered that it could refuse
        scope.bring_up().insides.append(inside)
    return inside, _config_in(scope, bound, config)


def _parts(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a part of a config; nothing if it is not as it should be, which is found later."""
    found: Any = config.get(key)
    return found if isinstance(found, Mapping) else {}  # pyright: ignore[reportUnknownVariableType] - of anything


def _inside_of(scope: Scope, graph: "Topology", *, lasting: bool, watched: bool) -> Inside:
    """Return where a graph is run that a task runs.

    Raises:
        GraphDepthError: if it is inside more graphs than Python may hold frames for.
    """
    task = scope.task
    gives = task.node.gives if task.node.child is graph else None
    inside = Inside(
        task,
        scope.graphs(),
        gives,
        lasting=lasting,
        watched=watched,
        beside=not scope.is_here(),
        edge=scope.edge,
    )
    if inside.depth > getrecursionlimit() // _FRAMES:
        raise GraphDepthError(inside.depth)
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


def thread_in(
    inside: Inside, graph: "Topology", config: RunnableConfig, types: "Types"
) -> "tuple[Thread | None, BaseCheckpointSaver | None]":
    """Return the hold of a graph's run on the thread of the run around it, and the store of that.

    Args:
        inside: where the graph is run.
        graph: the graph.
        config: its config.
        types: the classes that its state may hold.

    Returns:
        None for both, if no run around it is stored.
    """
    outer = stored_around(inside)
    if outer is None:
        return None, None
    from graphflow._core.form import metadata_of  # noqa: PLC0415 - loaded with a checkpointer
    from graphflow._core.log import Log  # noqa: PLC0415 - as above
    from graphflow._core.packing import Asked  # noqa: PLC0415 - as above
    from graphflow._core.stored import checkpoint_id  # noqa: PLC0415 - as above
    from graphflow._core.thread import Thread  # noqa: PLC0415 - as above

    assert outer.thread is not None, "it is stored"
    above = outer.thread.log
    said = above.asked
    asked = Asked(said.thread, None, said.durability, said.busy, metadata_of(config))
    codec = types.codec(above.codec)
    log = Log(graph, asked, codec, outer.clock, above.ledger, alone=False)
    log.ns, log.passing = "|".join(inside.ns), inside.gives is not None and not inside.lasting
    assert above.last is not None, "a run has passed a checkpoint before it runs tasks"
    log.around = {**above.around, above.ns: checkpoint_id(*above.last)}
    return Thread(log), outer.saver


def remember(inside: Inside, given: object, types: "Types") -> None:
    """Take what the task knows that runs a graph of which nothing is stored.

    Args:
        inside: where it is run.
        given: its input, by which it is known again if it is called beside others.
        types: the classes that its state may hold.
    """
    outer = stored_around(inside) if inside.beside else None
    if outer is not None:
        assert outer.thread is not None, "it is stored"
        told = _digest(given, types.codec(outer.thread.log.codec))
        if told is not None:
            inside.tell_apart(told)
    if inside.task.journal is not None:
        from graphflow._core.asking import passed_on  # noqa: PLC0415 - seldom needed

        inside.journals = passed_on(inside.task.journal, inside.place)


def _digest(given: object, codec: "Codec") -> str | None:
    """Return what is the same for an equal input; None for one that cannot be stored."""
    from graphflow.errors import CodecError  # noqa: PLC0415 - seldom needed

    try:
        packed = codec.pack(as_fields(given))
    except CodecError:
        return None
    return blake2b(packed, digest_size=8).hexdigest()


def split_of(inside: Inside, graph: "Topology", own: View) -> Split:
    """Return who is shown what of a graph whose stream a task reads."""
    outer = view_of(inside, graph)
    return Split(own, None if outer.ns is None else outer, inside.ns)


def taken(run: Run, given: Any) -> Any:  # noqa: ANN401 - what a node is handed
    """Return what a graph that is a node takes of the state; what is sent to it, as it is."""
    assert run.inside is not None, "a task runs it"
    if run.inside.task.index >= 0:
        return given
    return {key: given[key] for key in run.graph.input if key in given}


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
        asked = [(one.task, question) for one in state.asked for question in one.questions]
        inner.questions += [up_from(run, task, question) for task, question in asked]
        inner.paused = inner.paused or state.paused
        raise GraphInterrupt([interrupt_of(question) for _, question in asked])
    inner.up += inside.up
    raise GraphLeft


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
