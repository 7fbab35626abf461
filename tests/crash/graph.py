"""The graph that is killed: two tasks in each superstep, whose side effects can be counted.

`left` is woken by an edge and `right` by a Send. Before a task does anything else it leaves a line
in a file, on the disk, so that whoever comes after knows that it ran. At some supersteps `right`
fails the first time, and the superstep must be resumed.
"""

import operator
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypedDict

from graphflow import END, START, Send, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.runtime import get_runtime

STEPS: Final = 16
"""How many supersteps a thread takes."""

CONFIG: Final[Any] = {"configurable": {"thread_id": "killed"}}

_LINE: Final = 120
_FAILING: Final = 3


class FlakyError(Exception):
    """What `right` fails with."""


def latest(left: list[str], right: list[str]) -> list[str]:
    """Keep the last three items: a reducer that the engine does not know."""
    return [*left, *right][-3:]


class State(TypedDict, total=False):
    """Lists that grow, one that does not, a counter and a number."""

    log: Annotated[list[str], operator.add]
    latest: Annotated[list[str], latest]
    count: Annotated[int, operator.add]
    step: int


Killed: TypeAlias = CompiledStateGraph[State, None]


class Effects:
    """The file of side effects: a line for each time a task ran, or failed.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR)

    def ran(self, step: int, name: str) -> None:
        """Note that a task of a superstep has begun."""
        self._note(f"{step} {name} {_task()} ran\n")

    def fail_once(self, step: int) -> None:
        """Fail where that is due, if the task has not failed before.

        Raises:
            FlakyError: then.
        """
        failed = [line.split()[0] for line in self._read().splitlines() if line.endswith(b"failed")]
        if step % _FAILING == 0 and str(step).encode() not in failed:
            self._note(f"{step} right {_task()} failed\n")
            raise FlakyError

    def _note(self, line: str) -> None:
        os.write(self._file, line.encode())
        os.fsync(self._file)

    def _read(self) -> bytes:
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _task() -> str:
    """Return the id of the task that runs here."""
    info = get_runtime().execution_info
    assert info is not None
    return info.task_id


def graph_of(saver: BaseCheckpointSaver, effects: Effects, driver: str) -> Killed:
    """Return the graph; on an event loop `left` is a coroutine function, and `right` is not."""

    def left(state: State) -> State:
        step = state.get("step", 0) + 1
        effects.ran(step, "left")
        return {**_written("left", step), "step": step}

    async def left_on_loop(state: State) -> State:
        return left(state)

    def right(arg: State) -> State:
        step = arg.get("step", 0)
        effects.ran(step, "right")
        effects.fail_once(step)
        return _written("right", step)

    builder = StateGraph(State)
    builder.add_node("left", left if driver == "threads" else left_on_loop)
    builder.add_node("right", right)
    builder.add_conditional_edges(START, onward)
    builder.add_conditional_edges("left", onward)
    return builder.compile(checkpointer=saver)


def onward(state: State) -> Sequence[str | Send]:
    """Return the tasks of the next superstep."""
    step = state.get("step", 0)
    return ["left", Send("right", {"step": step + 1})] if step < STEPS else [END]


def _written(name: str, step: int) -> State:
    """Return what a task writes."""
    line = f"{name} {step} ".ljust(_LINE, ".")
    return {"log": [line], "latest": [f"{name} {step}"], "count": 1}


Tell: TypeAlias = Callable[[str], None]


class Teller:
    """Tells of each thing that a run acknowledges, in a word and the number of a superstep.

    Args:
        tell: takes a line.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._last = -1

    def begin(self) -> None:
        """Tell that a run begins."""
        self._tell("run 0")

    def take(self, mode: str, chunk: Any) -> None:  # noqa: ANN401 - a chunk of either mode
        """Tell of a chunk."""
        step = chunk.get("step", 0) if mode == "values" else chunk["metadata"]["step"]
        self._last = max(self._last, step)
        self._tell(f"{mode} {step}")

    def end(self, how: str) -> None:
        """Tell that a run has ended, where it was."""
        self._tell(f"{how} {self._last}")
