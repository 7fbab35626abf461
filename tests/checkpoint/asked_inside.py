"""A conversation with graphs inside graphs, gone through to its end whatever becomes of its store.

In one superstep five tasks run graphs: one three levels deep, two that were sent, one that a sync
node calls, one that an async node calls, and one that is left for the graph around it. All of them
ask; then two more follow. Nodes log their names when they end, so that what is stored can be seen.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from typing_extensions import override

from graphflow import START, Command, Send, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.types import StateSnapshot
from tests.checkpoint.asked import Compiled, Conversation, State

ENDS: Final = [
    *("i", "a1", "m? A", "a2", "n1", "n? B", "n2", "n3", "k1", "kept"),
    *("s", "l1", "did l", "leaf? C", "l2", "t", "r", "sib? D", "P"),
    *("0 E", "1 F", "after", "e1", "last? G", "e2"),
]
"""What a thread's log is in the end."""


class Nest(Conversation):
    """One thread of the conversation.

    Attributes:
        settled: what has ended in a run that was acknowledged, or was found to be stored.
    """

    settled: set[str]
    _now: list[str]

    # ---------------------------------------------------------------------------------- the graph

    @override
    def graph(self, store: BaseCheckpointSaver) -> Compiled:
        made: Any = StateGraph(State)
        made.add_node("sub", self._deep()).add_node("up", self._left())
        made.add_node("kid", self._row(self._sent))
        made.add_node("n", self._calls).add_node("m", self._awaits)
        made.add_node("after", self._says("after"))
        made.add_node("end", self._row("e1", "last?", "e2"))
        for name in ("sub", "up", "n", "m"):
            made.add_edge(START, name)
        made.add_conditional_edges(START, _sends, ["kid"])
        made.add_edge(["sub", "n", "m"], "end")
        compiled: Compiled = made.compile(checkpointer=store, name="top")
        return compiled

    def _deep(self) -> Compiled:
        return self._row("s", self._row("l1", self._does_once, "leaf?", "l2"), "t")

    def _left(self) -> Compiled:
        made = StateGraph(State)
        made.add_node("r", self._says("r"))
        made.add_node("leave", self._leaves).add_node("sib", self._asks("sib?"))
        made.add_node("never", self._says("never"))
        made.add_edge(START, "r").add_edge("r", "leave").add_edge("r", "sib")
        return made.add_edge(["leave", "sib"], "never").compile()

    def _row(self, *parts: Any) -> Compiled:  # noqa: ANN401 - names, questions, functions, graphs
        """Return a graph of parts in a row."""
        made: Any = StateGraph(State)
        before = START
        for number, part in enumerate(parts):
            name, node = f"p{number}", part
            if isinstance(part, str):
                node = self._asks(part) if part.endswith("?") else self._says(part)
            made.add_node(name, node).add_edge(before, name)
            before = name
        compiled: Compiled = made.compile()
        return compiled

    def _says(self, name: str) -> Any:  # noqa: ANN401 - a node
        def say(_: State) -> State:
            return self._ended(name)

        return say

    def _asks(self, question: str) -> Any:  # noqa: ANN401 - a node
        def ask(_: State) -> State:
            return self._ended(f"{question} {self._ask(question)}")

        return ask

    def _does_once(self, _: State) -> State:
        return self._ended(self._once("l"))

    def _sent(self, given: State) -> State:
        [number] = given.get("log", [])
        return self._ended(f"{number} {self._ask(f'{number}?')}")

    def _leaves(self, _: State) -> Command[Any]:
        return Command(graph=Command.PARENT, update=self._ended("P"), goto="after")

    def _calls(self, _: State) -> State:
        first = self._row("n1", "n?", "n2").invoke({"log": []})
        second = self._row("n3", self._kept).invoke({"log": []})
        return {"log": [*first["log"], *second["log"]]}

    def _kept(self, _: State) -> State:
        self._ended("k1")
        self._ended("kept")
        return State(log=["k1", "kept"])

    async def _awaits(self, _: State) -> State:
        return State(log=(await self._row("a1", "m?", "a2").ainvoke({"log": []}))["log"])

    def _ended(self, line: str) -> State:
        """Log that a node has ended, which must not happen again once that is stored."""
        assert line not in self.settled, f"{line} was stored, and runs again"
        self._now.append(line)
        return State(log=[line])

    # ----------------------------------------------------------------------------- going through

    @override
    def go_through(self) -> object:
        self.settled, self._now = set(), []
        self._begin()
        self._answer({"leaf?": "C", "0?": "E"})
        self._answer({"sib?": "D"})
        self._answer({"m?": "A"})
        self._answer({"n?": "B", "1?": "F"})
        self._answer({"last?": "G"})
        values: Any = self._state().values
        assert values["log"] == ENDS
        return self.told()

    @override
    def _run(self, given: Any) -> Any:
        self._now = []
        result = super()._run(given)
        self.settled.update(self._now)
        return result

    @override
    def _look(self) -> None:
        """See to it that the thread can be read at all levels, and note what is stored."""
        now = self.graph(self._sound).get_state(self._config, subgraphs=True)
        assert now.metadata is None or self._history()
        self.settled.update(line for line in _lines(now) if line != "i")


def _sends(_: State) -> Sequence[Send]:
    return [Send("kid", {"log": [number]}) for number in (0, 1)]


def _lines(now: StateSnapshot) -> list[str]:
    """Return what has been logged, at all levels that are not over, and by tasks that are."""
    values = cast("State", now.values)
    found = [*values.get("log", ())]
    for task in now.tasks:
        if isinstance(task.state, StateSnapshot):
            found += _lines(task.state)
        elif task.result is not None:
            results: Any = task.result
            logged = results.get("log", ())
            found += logged
    return [str(line) for line in found]
