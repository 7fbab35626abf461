"""A process that asks, is answered, and kills itself at a point; `python -m tests.crash.asking`.

It is given a folder, a durability, what to give the run (`new`, `none` or an answer) and the name
of the point, or `-`.
"""

import json
import operator
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

from graphflow import START, Command, StateGraph
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.interrupts import interrupt, once

CONFIG: Any = {"configurable": {"thread_id": "order"}}

POINTS = ("before", "inside", "behind", "asked", "answered", "between", "last")
"""Before, in and behind `once`; at the question; after the answer; between two supersteps; in the
last one."""


class State(TypedDict):
    """What was done."""

    log: Annotated[list[str], operator.add]


def main(words: Sequence[str]) -> None:
    """Run once, and print what came of it."""
    folder, durability, given, point = words

    def here(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def charge() -> str:
        with Path(folder, "charges").open("a", encoding="utf-8") as file:
            file.write("charged\n")
        here("inside")
        return "receipt"

    def pay(_: State) -> State:
        here("before")
        receipt = once("charge", charge)
        here("behind")
        answer = interrupt("ship?")
        here("answered")
        return {"log": [receipt, answer]}

    def beside(_: State) -> State:
        with Path(folder, "beside").open("a", encoding="utf-8") as file:
            file.write("ran\n")
        return {"log": ["beside"]}

    def ship(_: State) -> State:
        here("last")
        return {"log": ["shipped"]}

    builder = StateGraph(State).add_node(pay).add_node(beside).add_node(ship)
    builder.add_edge(START, "pay").add_edge(START, "beside").add_edge(["pay", "beside"], "ship")
    with SqliteSaver(Path(folder, "threads.db")) as saver:
        graph = builder.compile(checkpointer=saver)
        more: Any = {"new": {"log": ["in"]}, "none": None}.get(given, Command(resume=given))
        result: dict[str, Any] = {}
        for result in graph.stream(more, CONFIG, stream_mode="values", durability=durability):  # type: ignore[arg-type]  # one of its words
            if "__interrupt__" in result:
                here("asked")
            elif "beside" in result["log"] and "shipped" not in result["log"]:
                here("between")
        state = graph.get_state(CONFIG)
        waits = [one.value for one in state.interrupts]
        told = {"log": state.values["log"], "next": state.next, "waits": waits}
        sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
