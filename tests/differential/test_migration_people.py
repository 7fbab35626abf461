"""Differences on purpose, in how a graph asks people, and how a thread is edited and forked.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest

from graphflow.errors import (
    CheckpointNotFoundError,
    InterruptSwallowedError,
    InvalidAnswerError,
    UnknownInterruptError,
    UnknownKeyError,
)
from tests.differential.pair import (
    OURS,
    START,
    THEIRS,
    Library,
    State,
    chain,
    fan,
    logging,
)
from tests.differential.people import (
    FIRST,
    THREAD,
    Thread,
    asking,
    asks,
    both,
    one,
    pair,
    several,
    siblings,
)
from tests.differential.specs import BoomError
from tests.differential.threads import Make, Side, failing, three

U: Final[State] = {"log": ["u"]}


# ------------------------------------------------------------------------------------------- asking


def test_an_interrupt_is_no_exception() -> None:
    """In LangGraph `except Exception` catches it, and the node goes on."""

    def caught(lib: Library) -> object:
        def act(state: State) -> State:
            try:
                lib.types.interrupt("a?")
            except Exception:  # noqa: BLE001 - as users do
                return {"log": ["caught"]}
            return {}

        return Thread(lib, lambda side: chain(side.lib, a=act)).run(FIRST)

    assert caught(THEIRS) == {"log": ["i", "caught"]}
    found: Any = caught(OURS)
    assert asks(found) == ["a?"]


def test_an_interrupt_that_is_swallowed_fails_its_node() -> None:
    """In LangGraph nobody is told that somebody was asked."""

    def swallow(lib: Library) -> object:
        def act(state: State) -> State:
            with suppress(BaseException):
                lib.types.interrupt("a?")
            return {"log": ["went on"]}

        return Thread(lib, lambda side: chain(side.lib, a=act)).run(FIRST)

    assert swallow(THEIRS) == {"log": ["i", "went on"]}
    with pytest.raises(InterruptSwallowedError):
        swallow(OURS)


def test_an_answer_runs_only_the_task_that_it_answers() -> None:
    """In LangGraph all that wait are run again, from their top."""

    def calls(lib: Library) -> tuple[list[str], list[str]]:
        called: list[str] = []

        def node(name: str) -> Callable[[State], State]:
            def act(state: State) -> State:
                called.append(name)
                return {"log": [f"{name}={lib.types.interrupt(name)}"]}

            return act

        thread = Thread(lib, lambda side: fan(side.lib, a=node("a"), b=node("b")), FIRST)
        called.clear()
        found = thread.resume({thread.ids()["a"]: "A"})
        return called, asks(found)

    assert calls(THEIRS) == (["a", "b"], ["b"])
    assert calls(OURS) == (["a"], ["b"])


def test_what_still_waits_is_shown_after_what_was_answered() -> None:
    """In LangGraph it is asked again, in the order of the tasks."""

    def shown(thread: Thread) -> list[str]:
        command = thread.command(resume={thread.ids()["b?"]: "B"})
        chunks = thread.graph.stream(
            command, {"max_concurrency": 1, **THREAD}, stream_mode="updates"
        )
        return [name for chunk in chunks for name in chunk if name != "__metadata__"]

    theirs, ours = both(siblings, FIRST)
    assert shown(theirs) == ["k", "__interrupt__", "b", "__interrupt__"]
    assert shown(ours) == ["k", "b", "__interrupt__", "__interrupt__"]


# ---------------------------------------------------------------------------------------- answering


def test_a_plain_answer_is_never_used_for_the_next_question() -> None:
    """In LangGraph None hands it to the next one."""
    theirs, ours = both(lambda side: chain(side.lib, a=asking(side, "a", "q1", "q2")), FIRST)
    for thread in (theirs, ours):
        assert asks(thread.resume("A")) == ["q2"]
    assert theirs.run(None)["log"] == ["i", "a='A','A'"]
    assert asks(ours.run(None)) == ["q2"]


def test_an_answer_to_an_old_question_is_an_error() -> None:
    """In LangGraph it answers the question that waits now."""
    theirs, ours = both(several, FIRST)
    old = [thread.ids()["q1"] for thread in (theirs, ours)]
    for thread in (theirs, ours):
        thread.resume("A")
    assert asks(theirs.resume({old[0]: "again"})) == ["q1"]
    with pytest.raises(UnknownInterruptError) as caught:
        ours.resume({old[1]: "again"})
    assert caught.value.reason == "not_pending"
    assert list(caught.value.interrupt_ids) == [old[1]]
    assert asks(ours.run(None)) == ["q2"]


@pytest.mark.parametrize("make", [one, siblings, three], ids=["one", "several", "none"])
def test_an_answer_to_an_unknown_question_is_an_error(make: Make) -> None:
    """In LangGraph nothing is answered, and nobody told."""
    theirs, ours = both(make, FIRST)
    before = theirs.log()
    assert theirs.resume({"0" * 32: "A"})["log"] == before
    with pytest.raises(UnknownInterruptError) as caught:
        ours.resume({"0" * 32: "A"})
    assert caught.value.reason == "not_pending"


def test_no_answers_are_an_error() -> None:
    """In LangGraph an empty dict asks again."""
    theirs, ours = both(one, FIRST)
    assert asks(theirs.resume({})) == ["a?"]
    with pytest.raises(UnknownInterruptError) as caught:
        ours.resume({})
    assert caught.value.reason == "empty_map"


def test_a_plain_answer_to_several_is_an_error_that_tells_the_ids() -> None:
    """It is a RuntimeError in both."""
    theirs, ours = both(siblings, FIRST)
    with pytest.raises(RuntimeError, match="multiple pending interrupts"):
        theirs.resume("A")
    with pytest.raises(RuntimeError) as caught:
        ours.resume("A")
    assert isinstance(caught.value, UnknownInterruptError)
    assert caught.value.reason == "ambiguous"
    assert {*caught.value.pending_ids} == {*ours.ids().values()}


def test_an_answer_at_a_breakpoint_is_for_no_later_question() -> None:
    """In LangGraph the next node that asks gets it without having asked."""
    theirs, ours = both(one, FIRST, interrupt_before=["a"])
    assert theirs.resume("r")["log"] == ["i", "p", "a='r'", "b"]
    assert asks(ours.resume("r")) == ["a?"]


def test_a_json_schema_is_checked() -> None:
    """In LangGraph it is only shown."""

    def thread(lib: Library) -> Thread:
        def act(state: State) -> State:
            schema = {"type": "string"}
            return {"log": [str(lib.types.interrupt("a?", response_schema=schema))]}

        return Thread(lib, lambda side: chain(side.lib, a=act), FIRST)

    assert thread(THEIRS).resume(5)["log"] == ["i", "5"]
    ours = thread(OURS)
    with pytest.raises(InvalidAnswerError, match="string"):
        ours.resume(5)
    assert ours.resume("five")["log"] == ["i", "five"]


def test_an_answer_that_does_not_fit_runs_nothing_and_is_not_kept() -> None:
    """In LangGraph its node fails, and None fails again."""
    pydantic = pytest.importorskip("pydantic")

    class Decision(pydantic.BaseModel):  # type: ignore[misc, name-defined, unused-ignore]
        ok: bool

    def thread(lib: Library) -> Thread:
        def act(state: State) -> State:
            return {"log": [repr(lib.types.interrupt("a?", response_schema=Decision))]}

        return Thread(lib, lambda side: chain(side.lib, a=act), FIRST)

    theirs, ours = thread(THEIRS), thread(OURS)
    for given in (theirs.command(resume={"ok": "no idea"}), None):
        with pytest.raises(pydantic.ValidationError):
            theirs.run(given)
    with pytest.raises(InvalidAnswerError):
        ours.resume({"ok": "no idea"})
    assert ours.state().tasks[0].error is None
    assert asks(ours.run(None)) == ["a?"]


# --------------------------------------------------------------------------- edges, what is seen


def edge(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a node whose conditional edge asks."""

    def path(state: State) -> str:
        return str(side.lib.types.interrupt("where?"))

    builder = chain(side.lib, a=logging("a")).add_node("b", logging("b"))
    return builder.add_conditional_edges("a", path, ["b"])


def entry(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a graph whose conditional edge from START asks."""

    def path(state: State) -> str:
        return str(side.lib.types.interrupt("where?"))

    builder = side.lib.graph.StateGraph(State).add_node("b", logging("b"))
    return builder.add_conditional_edges(START, path, ["b"])


def updates(thread: Thread, given: object) -> list[str]:
    """Return whose updates a run shows."""
    return [key for chunk in thread.run(given, stream_mode="updates") for key in chunk]


def test_a_conditional_edge_that_asks_keeps_what_its_node_returned() -> None:
    """In LangGraph the node is run again."""
    theirs, ours = both(edge)
    assert updates(theirs, FIRST) == ["__interrupt__"]
    assert updates(ours, FIRST) == ["a", "__interrupt__"]
    assert (theirs.log(), ours.log()) == (["i"], ["i", "a"])
    assert theirs.resume("b")["log"] == ours.resume("b")["log"] == ["i", "a", "b"]


def test_a_conditional_edge_of_start_that_asks_is_shown() -> None:
    """In LangGraph only the state tells."""
    theirs, ours = both(entry)
    assert asks(theirs.run(FIRST)) == []
    assert asks(ours.run(FIRST)) == ["where?"]
    assert theirs.resume("b")["log"] == ours.resume("b")["log"] == ["i", "b"]


def test_a_task_that_asks_has_no_error_of_an_earlier_run() -> None:
    """In LangGraph it keeps it."""

    def errors(lib: Library) -> list[object]:
        def make(side: Side) -> Any:  # noqa: ANN401 - as above
            act, ask = failing("a", 1), asking(side, "a", "a?")

            def both(state: State) -> object:
                act(state)
                return ask(state)

            return chain(side.lib, a=both)

        thread = Thread(lib, make)
        with pytest.raises(BoomError):
            thread.run(FIRST)
        thread.run(None)
        return [task.error for task in thread.state().tasks]

    assert errors(THEIRS) == ["BoomError('a')"]
    assert errors(OURS) == [None]


def test_one_output_key_is_returned_beside_what_is_asked() -> None:
    """In LangGraph its value is lost."""

    def found(lib: Library) -> list[str]:
        return [*Thread(lib, one).run(FIRST, output_keys="log")]

    assert found(THEIRS) == ["__interrupt__"]
    assert found(OURS) == ["log", "__interrupt__"]


def test_what_a_command_leads_to_beside_a_question_can_be_seen() -> None:
    """In LangGraph it has run, and the state does not show it."""
    theirs, ours = both(one, FIRST)
    for thread in (theirs, ours):
        thread.run(thread.command(goto="b"))
    assert (theirs.log(), ours.log()) == (["i", "p"], ["i", "p", "b"])


# -------------------------------------------------------------------------------------------- stops


def test_a_stop_at_an_unknown_node_is_an_error_at_the_call_too() -> None:
    """LangGraph ignores it there."""
    theirs, ours = both(three)
    assert theirs.run(FIRST, interrupt_before=["nope"])["log"] == ["i", "a", "b", "c"]
    with pytest.raises(ValueError, match="nope"):
        ours.run(FIRST, interrupt_before=["nope"])


def test_a_stop_that_a_run_did_not_reach_is_one_for_the_next_run() -> None:
    """After a crash, say; LangGraph passes it."""
    theirs, ours = both(three)
    for thread in (theirs, ours):
        stream = thread.graph.stream(FIRST, THREAD, stream_mode="values", durability="sync")
        assert [next(stream)["log"] for _ in range(2)] == [["i"], ["i", "a"]]
        stream.close()
        assert thread.state().next == ("b",)
    assert theirs.run(None, interrupt_before=["b"])["log"] == ["i", "a", "b", "c"]
    assert ours.run(None, interrupt_before=["b"])["log"] == ["i", "a"]


def test_no_stops_at_a_call_are_no_stops() -> None:
    """In LangGraph those of the graph stay."""
    theirs, ours = both(three, interrupt_before=["b"])
    assert theirs.run(FIRST, interrupt_before=[])["log"] == ["i", "a"]
    assert ours.run(FIRST, interrupt_before=[])["log"] == ["i", "a", "b", "c"]


# -------------------------------------------------------------------------------------------- edits


def test_an_edit_takes_in_what_has_ended_beside_what_asks() -> None:
    """In LangGraph it is lost, though the state had shown it."""
    theirs, ours = both(pair, FIRST)
    assert theirs.log() == ours.log() == ["i", "k"]
    for thread in (theirs, ours):
        thread.edit(U, "a")
    assert (theirs.log(), ours.log()) == (["i", "u"], ["i", "u", "k"])


def test_an_edit_as_one_that_is_due_leaves_the_others_due() -> None:
    """In LangGraph they never run."""
    theirs, ours = both(lambda side: fan(side.lib, a=logging("a"), b=logging("b")))
    for thread in (theirs, ours):
        thread.run(FIRST, interrupt_before="*")
        thread.edit(U, "a")
        thread.run(None)
    assert (theirs.log(), ours.log()) == (["i", "u"], ["i", "u", "b"])


def test_an_edit_beside_what_has_ended_decides_nothing_anew() -> None:
    """In LangGraph what has ended is run again."""
    theirs, ours = both(pair, FIRST)
    for thread in (theirs, ours):
        thread.edit(U)
    assert (sorted(theirs.state().next), [*ours.state().next]) == (["a", "k"], ["a"])


def test_an_edit_counts_as_the_last_writer() -> None:
    """In LangGraph only nodes that ran do, and 'b' is lost."""
    theirs, ours = both(three, FIRST)
    for thread in (theirs, ours):
        thread.edit(U, "a")
        thread.edit(U)
    assert (theirs.state().next, ours.state().next) == ((), ("b",))


def test_an_edit_that_a_reducer_refuses_leaves_nothing() -> None:
    """In LangGraph the thread cannot be read any more."""
    theirs, ours = both(three)
    for thread in (theirs, ours):
        thread.run(FIRST, interrupt_before=["b"])
        with pytest.raises(TypeError):
            thread.edit({"log": 5}, "b")
    with pytest.raises(TypeError):
        theirs.state()
    assert ours.state().next == ("b",)


def test_edits_at_once_are_all_made_or_none() -> None:
    """In LangGraph those before the one that failed are."""

    def steps(thread: Thread) -> int:
        update = thread.lib.types.StateUpdate
        wrong = [[update(U, "a")], [update({"log": 5}, "b")]]
        before = len(thread.past())
        with pytest.raises(TypeError):
            thread.graph.bulk_update_state(THREAD, wrong)
        return len(thread.past()) - before

    theirs, ours = both(three, FIRST)
    assert (steps(theirs), steps(ours)) == (1, 0)


@pytest.mark.parametrize("node", ["a", START])
def test_an_unknown_key_of_an_edit_is_an_error(node: str) -> None:
    """LangGraph drops it."""
    theirs, ours = both(three, FIRST)
    theirs.edit({"nope": 1}, node)
    assert "nope" not in theirs.state().values
    with pytest.raises(UnknownKeyError):
        ours.edit({"nope": 1}, node)


def test_an_edit_at_an_unknown_checkpoint_is_an_error() -> None:
    """In LangGraph it begins with an empty state."""
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_id": "unknown"}}
    theirs, ours = both(three, FIRST)
    theirs.graph.update_state(config, U, "a")
    assert theirs.past()[0].values == {"log": ["u"]}
    with pytest.raises(CheckpointNotFoundError):
        ours.graph.update_state(config, U, "a")


def test_an_overwrite_in_an_edit_writes_its_value_to_every_key() -> None:
    """LangGraph stores the object, where there is no reducer."""
    theirs, ours = both(three, FIRST)
    for thread in (theirs, ours):
        thread.edit({"x": thread.lib.types.Overwrite(9)}, "c")
    assert isinstance(theirs.state().values["x"], THEIRS.types.Overwrite)
    assert ours.state().values["x"] == 9


def test_a_copy_stands_behind_what_it_copies() -> None:
    """In LangGraph beside it."""
    theirs, ours = both(three, FIRST)
    for thread in (theirs, ours):
        thread.edit(None, "__copy__")
    (copy, copied, *_) = theirs.past()
    assert copy.parent_config == copied.parent_config
    (copy, copied, *_) = ours.past()
    assert copy.parent_config == copied.config


# -------------------------------------------------------------------------------------------- forks


def test_a_fork_does_not_run_again_what_has_ended() -> None:
    """In LangGraph all of an unfinished superstep is run again."""

    def calls(lib: Library) -> list[str]:
        called: list[str] = []

        def k(state: State) -> None:
            called.append("k")

        thread = Thread(lib, lambda side: fan(side.lib, k=k, a=asking(side, "a", "a?")), FIRST)
        assert asks(thread.run(None, thread.state().config)) == ["a?"]
        return called

    assert calls(THEIRS) == ["k", "k"]
    assert calls(OURS) == ["k"]


def test_a_fork_keeps_what_was_answered() -> None:
    """In LangGraph all of it is asked anew."""
    theirs, ours = both(several, FIRST)
    for thread in (theirs, ours):
        thread.resume("A")
    assert asks(theirs.run(None, theirs.state().config)) == ["q1"]
    assert asks(ours.run(None, ours.state().config)) == ["q2"]


def test_an_old_question_can_be_answered_otherwise() -> None:
    """In LangGraph the answer is ignored, and the old one is used."""
    theirs, ours = both(one, FIRST)
    for thread in (theirs, ours):
        thread.resume("old")
        waited = next(it for it in thread.past() if it.interrupts)
        thread.resume("new", waited.config)
    assert (theirs.log()[2], ours.log()[2]) == ("a='old'", "a='new'")
