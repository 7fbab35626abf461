"""What middleware is told of a run and of a superstep that it is entered around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

__all__ = ("RunInfo", "SuperstepInfo")


@dataclass(slots=True, eq=False)
class RunInfo:
    """Which run of which graph this is; one object from its beginning to its end.

    Attributes:
        graph: the graph's name.
        run_id: the run's id; a graph inside another has that of the run around it.
        thread_id: `config["configurable"]["thread_id"]`, or None.
        checkpoint_ns: where a graph inside another is run: `"node:task id"`, deeper ones behind a
            `"|"`; "" for the outermost run.
        metadata: what the run's checkpoints are stored with. What is added to it while the run is
            entered is stored, too, if the graph has a checkpointer.
        continues: the metadata of the run that this one goes on from, if it is given None or a
            Command on a thread; known from the first superstep on. None otherwise.
    """

    graph: str
    run_id: str
    thread_id: str | None = None
    checkpoint_ns: str = ""
    metadata: dict[str, Any] = field(default_factory=lambda: cast("dict[str, Any]", {}))
    continues: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SuperstepInfo:
    """Which superstep of a run this is.

    Attributes:
        run: the run.
        step: the superstep's number, as in `ExecutionInfo`.
        nodes: the names of its tasks' nodes, a name for each task. Tasks whose results are stored
            already are not among them.
    """

    run: RunInfo
    step: int
    nodes: tuple[str, ...]
