"""What was found by attacking questions, answers, kept results and edits."""

import asyncio
import operator
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel

from graphflow import START, Command, StateGraph
from graphflow.checkpoint.base import Commit
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import (
    CheckpointError,
    DamagedCheckpointError,
    InvalidAnswerError,
    InvalidUpdateError,
    UnknownInterruptError,
    UnknownKeyError,
)
from graphflow.interrupts import aonce, interrupt, once
from graphflow.types import StateUpdate

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    """A log, and what is paid."""

    log: Annotated[list[object], operator.add]
    n: int


Graph = CompiledStateGraph[Any, Any]


def lone(node: Any, **more: Any) -> Graph:  # noqa: ANN401 - a node, and what compile takes
    """Return a graph of one node, with a store in memory."""
    builder = StateGraph(State).add_node("a", node).add_edge(START, "a")
    options: dict[str, Any] = {"checkpointer": InMemorySaver(), **more}
    return builder.compile(**options)


def asks(question: object, schema: object = None, **more: Any) -> Callable[[State], State]:  # noqa: ANN401 - what interrupt takes
    """Return a node that asks, and logs the answer."""

    def node(_: State) -> State:
        return {"log": [interrupt(question, schema, **more)]}

    return node


def gives(update: object) -> Callable[[State], object]:
    """Return a node that returns an update, or a path function that returns a name."""

    def node(_: State) -> object:
        return update

    return node


def asks_where(_: State) -> str:
    """Ask where to go."""
    where: str = interrupt("?")
    return where


def asked(graph: Graph) -> list[object]:
    """Return what a thread waits for."""
    return [one.value for one in graph.get_state(CONFIG).interrupts]


def test_an_edit_keeps_no_results() -> None:
    """It may come to nothing, and its path functions run again with the real node."""
    calls: list[str] = []

    def path(state: State) -> str:
        calls.append(once("x", str, len(calls)))
        return "b"

    builder = StateGraph(State).add_node("a", gives({})).add_node("b", gives({}))
    builder.add_edge(START, "a").add_conditional_edges("a", path, ["b"])
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["a"])
    graph.invoke({"n": 1}, CONFIG)
    graph.update_state(CONFIG, {"n": 2}, as_node="a")
    assert graph.get_state(CONFIG).next == ("b",)
    assert next(graph.get_state_history(CONFIG)).values["n"] == 2
    assert calls == ["0"]


def test_the_handler_of_an_ask_has_questions_of_its_own() -> None:
    """And is not given what was answered to its prompt."""

    def prompt(_: State) -> str:
        return f"pay in {interrupt('which currency?')}?"

    def then(_: State, answer: object) -> State:
        return {"log": [answer, interrupt("really?")]}

    builder = StateGraph(State).add_ask("a", prompt, then=then).add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG)
    seen = [asked(graph)]
    for answer in ("EUR", "yes"):
        graph.invoke(Command(resume=answer), CONFIG)
        seen.append(asked(graph))
    assert seen == [["which currency?"], ["pay in EUR?"], ["really?"]]
    assert graph.invoke(Command(resume="sure"), CONFIG) == {"log": ["yes", "sure"]}


def test_an_approval_is_of_the_state_that_was_shown() -> None:
    """Given before an edit it does not cover what the state says after it."""

    def pay(state: dict[str, Any]) -> State:
        first = interrupt(f"pay {state['n']}?")
        second = interrupt("sure?")
        return {"log": [first, second, state["n"]]}

    graph = lone(pay)
    graph.invoke({"n": 300}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    graph.update_state(CONFIG, {"n": 9000}, as_node=START)
    assert asked(graph) == []
    graph.invoke(None, CONFIG)
    assert asked(graph) == ["pay 9000?"]


def test_an_unknown_task_is_no_other_node() -> None:
    """Else everything that waits would be dropped."""
    graph = lone(asks("?"))
    graph.invoke({}, CONFIG)
    with pytest.raises(InvalidUpdateError, match="task_id='0' is no task of node 'a' that is due"):
        graph.update_state(CONFIG, {"log": [1]}, as_node="a", task_id="0")
    assert asked(graph) == ["?"]


def test_an_edit_by_another_graph_drops_nothing() -> None:
    """A finished task has written what the graph does not have."""

    class More(State, total=False):
        extra: int

    saver = InMemorySaver()

    def built(schema: type[Any]) -> Graph:
        builder = StateGraph(schema).add_node("a", gives({"extra": 1}))
        builder.add_node("b", asks("?"))
        return builder.add_edge(START, "a").add_edge(START, "b").compile(checkpointer=saver)

    built(More).invoke({}, CONFIG)
    with pytest.raises(CheckpointError, match="node 'a' has run already and has written 'extra'"):
        built(State).update_state(CONFIG, {"n": 1}, as_node="b")
    assert built(More).invoke(Command(resume=1), CONFIG) == {"log": [1], "extra": 1}


def test_a_second_answer_is_not_lost() -> None:
    """The first was taken by a run that died; whoever answers again is told."""

    def dies(_: State) -> State:
        answers.append(interrupt("?"))
        if len(answers) == 1:
            raise KeyboardInterrupt
        return {"log": answers}

    answers: list[object] = []
    graph = lone(dies)
    graph.invoke({}, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        graph.invoke(Command(resume="no"), CONFIG)
    with pytest.raises(UnknownInterruptError, match="answered already, so 'yes' would be lost"):
        graph.invoke(Command(resume="yes"), CONFIG)
    assert graph.invoke(None, CONFIG) == {"log": ["no", "no"]}


class Slow(InMemorySaver):
    """A store whose kept results wait until they are let through."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self.open = Event()
        self.open.set()

    def append(self, commit: Commit) -> None:
        """Make a commit when the gate is open."""
        self.open.wait()
        super().append(commit)

    def submit(self, commit: Commit) -> Future[None] | None:
        """Do the same."""
        self.append(commit)
        return None


def test_a_timeout_while_a_result_is_stored_repeats_nothing() -> None:
    """A cancel of asyncio's own passes every shield; the call has been made."""
    calls: list[int] = []
    saver = Slow()

    async def pay(_: State) -> State:
        saver.open.clear()
        try:
            async with asyncio.timeout(0.01):
                await aonce("charge", calls.append, 1)
        except TimeoutError:
            saver.open.set()
        await aonce("charge", calls.append, 2)
        return {"log": [*calls]}

    graph = lone(pay, checkpointer=saver)
    assert asyncio.run(graph.ainvoke({}, CONFIG)) == {"log": [1]}


def test_a_fork_to_a_thread_is_all_or_nothing() -> None:
    """With an edit that is refused there is no thread, and the next try makes it."""
    graph = lone(gives({"log": ["a"]}))
    graph.invoke({}, CONFIG)
    with pytest.raises(UnknownKeyError):
        graph.fork(CONFIG, {"nn": 1}, thread_id="2")
    made = graph.fork(CONFIG, {"n": 1}, thread_id="2")
    assert graph.get_state(made).values == {"log": ["a"], "n": 1}


def test_a_fork_of_what_has_ended_asks_anew() -> None:
    """In the same thread and in another."""
    graph = lone(asks("?"))
    graph.invoke({}, CONFIG)
    waits = graph.get_state(CONFIG)
    graph.invoke(Command(resume=1), CONFIG)
    for more in ({}, {"thread_id": "2"}):
        made: Any = graph.fork(waits.config, **more)
        there: Any = {"configurable": {"thread_id": made["configurable"]["thread_id"]}}
        assert (graph.get_state(there).next, graph.get_state(there).interrupts) == (("a",), ())
        assert graph.invoke(None, there)["__interrupt__"][0].id != waits.interrupts[0].id


@pytest.mark.parametrize("edits", [[({"n": 1}, "__copy__")], [(None, "__copy__"), ({"n": 1}, "a")]])
def test_a_copy_of_an_input_is_alone(edits: list[tuple[object, str]]) -> None:
    """With values, or with edits behind it, those would be dropped."""
    builder = StateGraph(State).add_node("a", gives({}))
    builder.add_conditional_edges(START, asks_where, ["a"])
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG)
    with pytest.raises(InvalidUpdateError, match="__copy__"):
        graph.bulk_update_state(CONFIG, [[StateUpdate(*one)] for one in edits])
    graph.fork(CONFIG)
    assert asked(graph) == ["?"]
    assert graph.invoke(Command(resume="a"), CONFIG) == {"log": []}


def test_a_damaged_thread_does_not_keep_others_from_expiring(tmp_path: Path) -> None:
    """It is told, and the others go on."""
    with SqliteSaver(tmp_path / "threads.db") as saver:
        graph = lone(asks("?", expires_in=60, default="d"), checkpointer=saver)
        for thread in "12":
            graph.invoke({}, {"configurable": {"thread_id": thread}})
    connection = sqlite3.connect(tmp_path / "threads.db")
    connection.execute("UPDATE log SET data = x'00' WHERE thread = 1 AND seq = 2")
    connection.commit()
    connection.close()
    with SqliteSaver(tmp_path / "threads.db") as saver:
        graph = lone(asks("?", default="d"), checkpointer=saver)
        ended = graph.expire_due(datetime.now(UTC) + timedelta(hours=1))
    assert ended["2"] == {"log": ["d"]}
    assert isinstance(ended["1"], DamagedCheckpointError)


def test_a_stream_that_is_left_keeps_answers_with_exit() -> None:
    """And results: the run stores at its end, and this is one."""
    calls: list[str] = []

    def keep() -> str:
        calls.append("x")
        return "kept"

    def act(_: State) -> State:
        kept = once("x", keep)
        first = interrupt("1?")
        return {"log": [kept, first, interrupt("2?")]}

    builder = StateGraph(State).add_node("a", act).add_node("z", gives({"log": ["z"]}))
    graph = builder.add_edge(START, "a").add_edge("a", "z").compile(checkpointer=InMemorySaver())
    graph.invoke({}, CONFIG, durability="exit")
    graph.invoke(Command(resume=1), CONFIG, durability="exit")
    stream = graph.stream(Command(resume=2), CONFIG, durability="exit", stream_mode="updates")
    next(stream)
    stream.close()
    assert graph.invoke(None, CONFIG) == {"log": ["kept", 1, 2, "z"]}
    assert calls == ["x"]


class Tree(BaseModel):
    """A type that contains itself."""

    below: "list[Tree]" = []


CYCLE: dict[str, Any] = {"type": "object"}
CYCLE["properties"] = {"again": CYCLE}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "pattern": "("}, "has the pattern '\\(', which is none"),
        (CYCLE, "or contains itself"),
        ("yes", "give a type or a JSON Schema, not a name"),
        ({"$ref": "https://example.com/x"}, "nothing is read from elsewhere"),
    ],
)
def test_a_schema_that_checks_nothing_is_refused_at_once(schema: object, said: str) -> None:
    """When it is asked, not when somebody answers."""
    with pytest.raises(TypeError, match=said):
        lone(asks("?", schema)).invoke({}, CONFIG)


def test_a_schema_may_contain_itself_by_name_and_formats_are_checked() -> None:
    """As a model does, and as JSON Schema allows."""

    def ask(_: State) -> State:
        tree: Tree = interrupt("?", Tree)
        return {"log": [tree.model_dump(), interrupt("!", {"format": "date"})]}

    graph = lone(ask)
    graph.invoke({}, CONFIG)
    graph.invoke(Command(resume={"below": [{"below": []}]}), CONFIG)
    with pytest.raises(InvalidAnswerError, match="'soon' is not a 'date'"):
        graph.invoke(Command(resume="soon"), CONFIG)
    found = graph.invoke(Command(resume="2026-11-24"), CONFIG)["log"]
    assert found == [{"below": [{"below": []}]}, "2026-11-24"]


def test_what_was_answered_in_time_can_be_answered_otherwise_later() -> None:
    """In the past there are no deadlines."""
    graph = lone(asks("?", expires_in=0.5))
    graph.invoke({}, CONFIG)
    waits = graph.get_state(CONFIG)
    graph.invoke(Command(resume="cat"), CONFIG)
    expires = waits.interrupts[0].expires_at
    assert expires is not None
    while datetime.now(UTC).isoformat() <= expires:
        pass
    given = Command[Any](resume={waits.interrupts[0].id: "dog"})
    assert graph.invoke(given, waits.config) == {"log": ["dog"]}
