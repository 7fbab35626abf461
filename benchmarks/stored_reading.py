"""How long it takes to read any one of a long thread's checkpoints, its values included."""

from dataclasses import dataclass
from random import Random
from statistics import median
from time import process_time
from typing import Any

from benchmarks import stored_savers, stored_threads
from benchmarks.library import Graph, Library
from benchmarks.measure import run_on
from benchmarks.stored_talk import HERE, THREAD, on, talk
from benchmarks.work import WrongResultError

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """CPU seconds of several readings, each the best of some tries."""

    median: float
    worst: float


def anywhere(library: Library, messages: int, readings: int) -> Spread:
    """Read some checkpoints of a thread in a file, the same ones each time."""
    path = stored_threads.in_file(library, messages).path
    found: list[float] = []

    async def read() -> None:
        async with stored_savers.opened(library, "normal", path, on_loop=False) as saver:
            graph = talk(library, messages, saver)
            steps = {each.metadata["step"]: each.config for each in graph.get_state_history(HERE)}
            for step in Random(7).sample(range(1, messages + 1), readings):
                at = on(THREAD, checkpoint_id=steps[step]["configurable"]["checkpoint_id"])
                found.append(min(_seconds(graph, at, step) for _ in range(_TRIES)))

    run_on("none", read)
    return Spread(median(found), max(found))


def _seconds(graph: Graph, at: dict[str, Any], messages: int) -> float:
    """Time the reading of one checkpoint, which has so many messages."""
    started = process_time()
    seen = len(graph.get_state(at).values["messages"])
    seconds = process_time() - started
    if seen != messages:
        raise WrongResultError(messages, seen)
    return seconds
