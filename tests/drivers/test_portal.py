"""The portal, one event loop in a thread for the async nodes of sync runs, never stops anybody."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.drivers.backends import PATIENCE, Gate, fan_out

ROOT = Path(__file__).resolve().parents[2]

NESTED = """
import operator
from typing import Annotated, TypedDict
from graphflow import START, StateGraph

class State(TypedDict, total=False):
    log: Annotated[list, operator.add]

def graph_of(node):
    return StateGraph(State).add_node("node", node).add_edge(START, "node").compile()

def nested(levels):
    async def leaf(state):
        return {"log": [0]}
    if not levels:
        return graph_of(leaf)
    inner = nested(levels - 1)
    async def node(state):
        return {"log": [*inner.invoke({})["log"], levels]}
    return graph_of(node)

print(nested(LEVELS).invoke({})["log"])
"""


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_invoke_inside_async_nodes_of_invoke_goes_on(levels: int) -> None:
    """A sync run inside an async node, and so on, does not wait for the loop it blocks."""
    done = subprocess.run(  # noqa: S603 - the command is written above
        [sys.executable, "-W", "error", "-c", NESTED.replace("LEVELS", str(levels))],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{list(range(levels + 1))}\n", "")


def test_a_task_cancelled_before_its_first_step_is_not_waited_for() -> None:
    """A run ends though its coroutine never began, because another run kept the portal busy."""
    entered, release, ended = Gate(), Gate(), Gate()

    async def busy(state: object) -> None:
        entered.open()
        release.wait()

    async def never_begins(state: object) -> None:
        raise AssertionError

    def fails(state: object) -> None:
        # Too early a release would only prove less: the coroutine would begin, and be cancelled.
        threading.Timer(0.05, release.open).start()
        raise ZeroDivisionError

    def run() -> None:
        with pytest.raises(ZeroDivisionError):
            fan_out({"never_begins": never_begins, "fails": fails}).invoke({})
        ended.open()

    other = threading.Thread(target=fan_out({"busy": busy}).invoke, args=({},), daemon=True)
    other.start()
    entered.wait()
    threading.Thread(target=run, daemon=True).start()
    ended.wait()
    other.join(PATIENCE)
