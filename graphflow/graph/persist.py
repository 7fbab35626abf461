"""Makes of a checkpointer and the graph's annotations what a compiled graph stores threads with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphflow.errors import shown
from graphflow.persistence import Persistence

if TYPE_CHECKING:
    from graphflow.checkpoint.registry import Registry


def persistence_of(
    checkpointer: object, types: "Iterable[type] | Registry", annotations: Iterable[Any]
) -> Persistence | None:
    """Return what threads are stored with, or None for a graph without a checkpointer.

    Args:
        checkpointer: what `compile` was given.
        types: the classes that `compile` was given, or a registry of such.
        annotations: the state classes, whose annotations name more.

    Raises:
        TypeError: if it is no checkpointer, or a class is of a kind that cannot be stored.
    """
    if checkpointer is None or checkpointer is False:
        return None
    # Loaded by those who store threads only: msgpack is behind it.
    from graphflow.checkpoint.base import BaseCheckpointSaver  # noqa: PLC0415
    from graphflow.checkpoint.codec import Codec  # noqa: PLC0415
    from graphflow.checkpoint.registry import Registry  # noqa: PLC0415

    if not isinstance(checkpointer, BaseCheckpointSaver):
        hint = 'such as graphflow.checkpoint.sqlite.SqliteSaver("agent.db")'
        if checkpointer is True:
            hint = "True is for graphs inside others, which this release does not have"
        elif type(checkpointer).__module__.startswith("langgraph"):
            hint = (
                "LangGraph's own stores hold what LangGraph writes; graphflow has others: " + hint
            )
        msg = f"checkpointer must be a BaseCheckpointSaver, not {shown(checkpointer)}; {hint}"
        raise TypeError(msg)
    if not isinstance(types, (Registry, list, tuple, set, frozenset)):
        msg = f"types must be a list of classes or a Registry, not {shown(types)}"
        raise TypeError(msg)
    registry = types.copy() if isinstance(types, Registry) else Registry()
    for cls in () if isinstance(types, Registry) else types:
        registry.learn_class(cls)
    for annotation in annotations:
        registry.learn(annotation)
    return Persistence(checkpointer, Codec(registry))
