"""Makes of a checkpointer and the graph's annotations what a compiled graph stores threads with."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from graphflow.errors import shown
from graphflow.persistence import Persistence, Types

if TYPE_CHECKING:
    from graphflow.checkpoint.registry import Registry


def types_of(
    types: "Iterable[type] | Registry", annotations: Iterable[Any], inner: Sequence[Types]
) -> Types:
    """Return the classes that a state may hold.

    Args:
        types: the classes that `compile` was given, or a registry of such.
        annotations: the state classes, whose annotations name more.
        inner: the classes of graphs that are nodes.
    """
    return Types(types, tuple(annotations), tuple(inner))


def persistence_of(checkpointer: object, types: Types) -> Persistence | None:
    """Return what threads are stored with, or None for a graph without a checkpointer.

    Args:
        checkpointer: what `compile` was given.
        types: the classes that the state may hold.

    Raises:
        TypeError: if it is no checkpointer, or a class is of a kind that cannot be stored.
    """
    if checkpointer is None or isinstance(checkpointer, bool):
        return None
    # Loaded by those who store threads only: msgpack is behind it.
    from graphflow.checkpoint.base import BaseCheckpointSaver  # noqa: PLC0415

    if not isinstance(checkpointer, BaseCheckpointSaver):
        hint = 'such as graphflow.checkpoint.sqlite.SqliteSaver("agent.db")'
        if type(checkpointer).__module__.startswith("langgraph"):
            hint = (
                "LangGraph's own stores hold what LangGraph writes; graphflow has others: " + hint
            )
        msg = f"checkpointer must be a BaseCheckpointSaver, not {shown(checkpointer)}; {hint}"
        raise TypeError(msg)
    return Persistence(checkpointer, types.own())
