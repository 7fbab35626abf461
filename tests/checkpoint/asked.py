"""A conversation with people, gone through to its end whatever becomes of its store.

The graph asks in siblings and at an edge, keeps results, is edited and forked. Whoever goes through
it does as a caller would: what was not acknowledged is looked up in the thread, and said again if
it is not there.
"""

import operator
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias, TypedDict

from graphflow import END, START, Command, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.config import RunnableConfig
from graphflow.errors import CheckpointError
from graphflow.interrupts import interrupt, once
from graphflow.runtime import get_runtime
from graphflow.types import Durability, StateSnapshot
from tests.checkpoint.crash_store import CrashStore
from tests.drivers.backends import Driver, LoopDriver

ATTEMPTS: Final = 30


class State(TypedDict, total=False):
    """A list that nodes append to."""

    log: Annotated[list[Any], operator.add]


Compiled: TypeAlias = CompiledStateGraph[State, None]
Say: TypeAlias = Callable[[], Any]


class Conversation:
    """One thread of the conversation.

    Attributes:
        called: how often each function of `once` was called.
        kept: the functions whose results `once` has returned, and so has kept.
        ran: how often each node was called, by superstep and name.
        heard: the answers that were heard, by question.
        crashes: how many runs and edits the store has failed.
    """

    def __init__(
        self, driver: Driver, store: BaseCheckpointSaver, thread: str, durability: Durability
    ) -> None:
        self.called = Counter[str]()
        self.kept = set[str]()
        self.ran = Counter[tuple[int, str]]()
        self.heard: dict[str, set[str]] = {}
        self.crashes = 0
        self._driver = driver
        self._store = store
        self._sound = store.inner if isinstance(store, CrashStore) else store
        self._config: RunnableConfig = {"configurable": {"thread_id": thread}}
        self._durability: Durability = durability
        self._stored: dict[tuple[int, str], int] = {}

    # ---------------------------------------------------------------------------------- the graph

    def graph(self, store: BaseCheckpointSaver) -> Compiled:
        """Return the graph, on a store."""
        made = StateGraph(State)
        made.add_node("a", self._a).add_node("c", self._c).add_node("k", self._k)
        made.add_node("d", self._d).add_node("e", self._e)
        for name in "ack":
            made.add_edge(START, name)
        made.add_edge("a", "d").add_conditional_edges("d", self._where, ["e", END])
        return made.compile(checkpointer=store)

    def _a(self, _: State) -> State:
        self._note("a")
        first = self._once("x")
        answers = [self._ask("a1?")]
        second = self._once("y")
        answers.append(self._ask("a2?"))
        return {"log": [[first, second, *answers]]}

    def _c(self, _: State) -> State:
        self._note("c")
        return {"log": [self._ask("c?")]}

    def _k(self, _: State) -> State:
        self._note("k")
        return {"log": ["k"]}

    def _d(self, _: State) -> State:
        self._note("d")
        return {"log": ["d"]}

    def _e(self, _: State) -> State:
        self._note("e")
        return {"log": [self._ask("e?"), self._once("z")]}

    def _where(self, _: State) -> str:
        return self._ask("where?")

    def _ask(self, question: str) -> str:
        answer: str = interrupt(question)
        self.heard.setdefault(f"{_step()} {question}", set()).add(answer)
        return answer

    def _once(self, name: str) -> str:
        result = once(name, self._call, name)
        if self._durability != "exit":  # which keeps it at the run's end
            self.kept.add(f"{_step()} {name}")
        return result

    def _call(self, name: str) -> str:
        place = f"{_step()} {name}"
        assert place not in self.kept, f"{place} was kept, and is called again"
        self.called[place] += 1
        return f"did {name}"

    def _note(self, name: str) -> None:
        place = (_step(), name)
        assert place not in self._stored, f"{place} was stored, and runs again"
        self.ran[place] += 1

    # ----------------------------------------------------------------------------- going through

    def go_through(self) -> object:
        """Say all that is to be said; return what the thread is in the end."""
        self._begin()
        self._answer({"c?": "C"})
        self._answer({"a1?": "A1"})
        self._answer({"a2?": "A2"})
        self._answer({"where?": "e"})
        self._edit("update", "update_state", self._config, {"log": ["edited"]}, "a")
        self._go_on()
        self._answer({"where?": "e"})
        self._answer({"e?": "E"})
        past = next(each for each in self._history() if _at(each) == ("loop", 1))
        self._stored.clear()
        self.kept.clear()
        self._edit("fork", "fork", past.config, None)
        self._go_on()
        self._answer({"where?": END})
        return self.told()

    def told(self) -> object:
        """Return what the thread is, without the ids and times of its making."""
        now = self._state()
        rows: list[object] = []
        if self._durability != "exit":
            rows += [(_at(each), each.values, each.next, _tasks(each)) for each in self._history()]
        return (now.values, now.next, _tasks(now), rows)

    def _begin(self) -> None:
        given: State = {"log": ["i"]}

        def again() -> Say:
            return (lambda: self._run(given)) if self._nothing else (lambda: self._run(None))

        self._insist(lambda: self._run(given), again)

    def _go_on(self) -> None:
        self._insist(lambda: self._run(None), lambda: lambda: self._run(None))

    def _answer(self, answers: dict[str, str]) -> None:
        waits = {one.value: one.id for one in self._state().interrupts}
        given = {waits[question]: answer for question, answer in answers.items()}

        def again() -> Say:
            open_ = {one.id for one in self._state().interrupts} & given.keys()
            resume = Command[Any](resume={one: given[one] for one in open_}) if open_ else None
            return lambda: self._run(resume)

        self._insist(lambda: self._run(Command(resume=given)), again)
        assert not {one.id for one in self._state().interrupts} & given.keys(), "an answer is lost"

    def _edit(self, source: str, method: str, *args: Any) -> None:  # noqa: ANN401 - of the method
        before = len(self._history())

        def again() -> Say:
            rows = self._history()
            if len(rows) == before:
                return lambda: self._call_method(method, *args)
            assert (len(rows), _at(rows[0])[0]) == (before + 1, source)
            return lambda: None

        self._insist(lambda: self._call_method(method, *args), again)
        assert len(self._history()) == before + 1

    def _insist(self, say: Say, again: Callable[[], Say]) -> None:
        """Say something until it is acknowledged, or found to be there."""
        for _ in range(ATTEMPTS):
            try:
                say()
            except (CheckpointError, OSError):
                self.crashes += 1
                self._look()
                say = again()
            else:
                return
        raise AssertionError(ATTEMPTS)

    def _look(self) -> None:
        """See to it that the thread can be read, and note what must not run again."""
        rows = self._history()
        now = self._state()
        assert now.metadata is None or rows
        for task in now.tasks:
            if task.result is not None and not task.interrupts and now.metadata is not None:
                place = (int(now.metadata["step"]) + 1, task.name)
                self._stored[place] = self.ran[place]

    # ------------------------------------------------------------------------------- the thread

    def _run(self, given: Any) -> Any:  # noqa: ANN401 - of `invoke`
        graph: Any = self.graph(self._usable)
        return self._driver.run(graph, given, config=self._config, durability=self._durability)

    def _call_method(self, method: str, *args: Any) -> Any:  # noqa: ANN401 - of the method
        graph = self.graph(self._usable)
        if not isinstance(self._driver, LoopDriver):
            return getattr(graph, method)(*args)

        async def body() -> Any:  # noqa: ANN401 - as above
            return await getattr(graph, f"a{method}")(*args)

        return self._driver.main(body)

    @property
    def _usable(self) -> BaseCheckpointSaver:
        """The store to go on with: the one that failed, if that can be used again."""
        store = self._store
        lost = isinstance(store, CrashStore) and store.failed and store.fault
        return self._sound if lost and lost.lasting else store

    @property
    def _nothing(self) -> bool:
        """Whether nothing of the thread is stored."""
        return self._state().metadata is None

    def _state(self) -> StateSnapshot:
        return self.graph(self._sound).get_state(self._config)

    def _history(self) -> list[StateSnapshot]:
        return [*self.graph(self._sound).get_state_history(self._config)]


def _step() -> int:
    """Return the number of the superstep that runs here."""
    info = get_runtime().execution_info
    assert info is not None
    return info.step


def _at(snapshot: StateSnapshot) -> tuple[str, int]:
    """Return where a checkpoint comes from, and its step."""
    metadata = snapshot.metadata or {}
    return (str(metadata.get("source")), int(str(metadata.get("step"))))


def _tasks(snapshot: StateSnapshot) -> list[object]:
    """Return the tasks of a checkpoint without their ids and errors."""
    return [
        (task.name, task.path, task.result, sorted(str(one.value) for one in task.interrupts))
        for task in snapshot.tasks
    ]
