"""A conversation with graphs that remember, or keep nothing, whatever becomes of their store.

The thread is run twice. One graph inside remembers as a node, one as it is called; one keeps
nothing, and so begins from its top with each answer.
"""

from typing import Any

from typing_extensions import override

from graphflow import START, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from tests.checkpoint.asked import Compiled, State
from tests.checkpoint.asked_inside import Nest


class Remembering(Nest):
    """One thread of the conversation."""

    @override
    def graph(self, store: BaseCheckpointSaver) -> Compiled:
        made: Any = StateGraph(State)
        made.add_node("m", self._memory("m")).add_node("n", self._calls_memory)
        made.add_node("f", self._forgets()).add_node("z", self._runs("z"))
        for name in "mnf":
            made.add_edge(START, name)
        compiled: Compiled = made.add_edge(["m", "n", "f"], "z").compile(checkpointer=store)
        return compiled

    def _memory(self, name: str) -> Compiled:
        """Return a graph that remembers; its first node logs how much."""

        def count(state: State) -> State:
            return self._ended(f"{name}{len(state.get('log', ()))}")

        made: Any = StateGraph(State)
        made.add_node("count", count).add_node("ask", self._asks(f"{name}?"))
        made.add_node("last", self._runs(f"{name} last"))
        made.add_edge(START, "count").add_edge("count", "ask").add_edge("ask", "last")
        compiled: Compiled = made.compile(checkpointer=True)
        return compiled

    def _runs(self, name: str) -> Any:  # noqa: ANN401 - a node
        """Return a node that logs its name, and which run of the thread it is."""

        def run(_: State) -> State:
            return self._ended(f"{name} {self._round}")

        return run

    def _calls_memory(self, _: State) -> State:
        log = self._memory("n").invoke({"log": []})["log"]
        return State(log=[f"n {len(log)}"])

    def _forgets(self) -> Compiled:
        def ask(_: State) -> State:
            return State(log=[self._ask("f1?"), self._ask("f2?")])

        def top(_: State) -> State:
            return State(log=["top"])

        made = StateGraph(State).add_node(top).add_node(ask)
        made.add_edge(START, "top").add_edge("top", "ask")
        return made.compile(checkpointer=False)

    # ----------------------------------------------------------------------------- going through

    _round = 0

    @override
    def go_through(self) -> object:
        self.settled, self._now = set(), []
        self._round = 1
        for line in ("i", "j"):
            self._give(line)
            self._answer({"f1?": f"{line} F1", "m?": f"{line} M"})
            self._answer({"n?": f"{line} N"})
            self._answer({"f2?": f"{line} F2"})
            self._round += 1
        return self.told()

    def _give(self, line: str) -> None:
        """Give an input, again if it has not been stored."""
        given: State = {"log": [line]}

        def again() -> Any:  # noqa: ANN401 - what to say
            values: Any = self._state().values
            return lambda: self._run(None if line in values.get("log", ()) else given)

        self._insist(lambda: self._run(given), again)
