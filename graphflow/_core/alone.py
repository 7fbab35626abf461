"""Runs one task by itself, outside of a superstep: START's, whose conditional edges may write."""

from graphflow._core.effects import Compute, Emit, Next, Program, Start
from graphflow._core.project import custom_chunk
from graphflow._core.state import Outcome, Run, Shown, Task, Written


def alone(run: Run, task: Task) -> Program[Outcome]:
    """Run a task to its end, and show meanwhile what it writes, if somebody reads that."""
    if not run.crowds:
        return (yield from Compute(task))
    yield from Start((task,))
    while True:
        chunks: list[object] = []
        ended: Outcome | None = None
        for event in (yield from Next(1)):
            if isinstance(event, Written):
                chunks.append(custom_chunk(run.view, event))
            elif isinstance(event, Shown):
                chunks.append(event.chunk)
            else:
                ended = event
        if chunks:
            yield from Emit(chunks)
        if ended is not None:
            return ended
