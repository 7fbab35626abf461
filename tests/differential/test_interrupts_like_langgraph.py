"""Graphs that ask people do in graphflow what they do in LangGraph: chunks, results, histories.

Where they differ on purpose, `test_migration_asking.py` says how. So here all that wait are
answered at once, but where only the end is compared; and never is a plain answer followed by None,
which LangGraph hands to the next question.
"""

from typing import Any

import pytest

from tests.differential.build import Kind
from tests.differential.pair import chain, fan, logging, returning
from tests.differential.people import (
    ASKING,
    FIRST,
    answered,
    asked,
    asking,
    command,
    one,
    pair,
    several,
    shaky,
)
from tests.differential.people import sends as sending_questions
from tests.differential.people import siblings as asking_siblings
from tests.differential.symbols import comparable
from tests.differential.threads import (
    EXAMPLES,
    PLAIN,
    Make,
    Script,
    Side,
    Talk,
    agree,
    kinds,
    looks,
)

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")


def to_the_end(talk: Talk, *shown: str, **options: Any) -> None:  # noqa: ANN401 - of `stream`
    """Answer all that waits, so often that most graphs are through."""
    for _ in range(4):
        talk.run(answered(talk), *shown, **options)
        talk.look()


# ------------------------------------------------------------------------------------------- asking


@looks
@asked
def test_every_mode_shows_the_same(make: Make, kind: Kind, mode: tuple[str, ...]) -> None:
    """When a graph asks, when it asks again, and when it is answered, until its end."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, *mode)
        talk.look()
        talk.run(None, *mode)
        to_the_end(talk, *mode)

    agree(kind, make, script)


@kinds
@asked
def test_invoke_returns_the_same(make: Make, kind: Kind) -> None:
    """The state with the questions, or the chunks of the modes that are named."""

    def script(talk: Talk) -> None:
        talk.call("invoke", FIRST)
        for modes in ("updates", "values", "tasks", ["values", "updates"]):
            talk.call("invoke", None, stream_mode=modes)
        for keys in (["log"], ["x"]):
            talk.call("invoke", None, output_keys=keys)
        talk.call("invoke", answered(talk))
        talk.call("invoke", answered(talk), stream_mode="updates")

    agree(kind, make, script)


@pytest.mark.parametrize("keys", ["log", ["log"], ["x"], "x", []], ids=str)
@pytest.mark.parametrize("result", [None, {"log": ["k"]}, {"log": ["k"], "x": 1}], ids=str)
def test_a_checkpoint_that_is_shown_again_has_results_of_the_output_keys(
    result: object, keys: str | list[str]
) -> None:
    """Its values are whole, and so are the chunks of tasks."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        return fan(side.lib, a=side.node(returning(result)), b=asking(side, "b", "b?"))

    def script(talk: Talk) -> None:
        for given in (FIRST, None):
            talk.run(given, "tasks", "checkpoints", "debug", output_keys=keys)

    agree("async", make, script)


@asked
def test_without_a_checkpointer_it_only_asks(make: Make) -> None:
    """There is no thread to go on with."""

    def script(talk: Talk) -> None:
        graph = make(Side(talk.lib, "sync")).compile()
        found = graph.invoke(FIRST, {"max_concurrency": 1})
        talk.told.append([each.value for each in found["__interrupt__"]])

    agree("sync", make, script)


@kinds
@asked
def test_a_new_input_begins_anew(make: Make, kind: Kind) -> None:
    """What waited is due no more; the history keeps it."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        talk.run({"log": ["j"], "x": 1})
        talk.look()
        talk.run(answered(talk))
        talk.run({})
        talk.look()
        to_the_end(talk)

    agree(kind, make, script)


@pytest.mark.parametrize("durability", ["sync", "async"])
@asked
def test_every_durability_that_stores_supersteps_shows_the_same(
    make: Make, durability: str
) -> None:
    """Questions are stored at once, and answers too."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, durability=durability)
        talk.look()
        to_the_end(talk, durability=durability)

    agree("async", make, script)


@pytest.mark.parametrize("make", [one, several, pair, asking_siblings, sending_questions])
def test_a_run_that_stores_at_its_end_stores_what_it_asks(make: Make) -> None:
    """By which ids tasks run then is a difference on purpose."""

    def script(talk: Talk) -> None:
        for first in (True, False, False, False, False):
            given = FIRST if first else answered(talk)
            talk.forget()
            talk.run(given, *PLAIN, durability="exit")
            talk.forget()
            talk.look()
            talk.forget()

    agree("sync", make, script)


# ---------------------------------------------------------------------------------------- answering


@pytest.mark.parametrize("answer", [0, False, "", [], {"k": 1}, "yes"], ids=repr)
@pytest.mark.parametrize("make", [one, several, pair])
def test_a_plain_answer_is_for_the_one_that_waits(make: Make, answer: object) -> None:
    """Whatever it is."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        for _ in range(4):
            talk.run(command(talk, resume=answer))
            talk.look()

    agree("sync", make, script)


def test_none_is_an_answer_by_id() -> None:
    """As any other value."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(answered(talk, None))
        talk.look()

    agree("sync", one, script)


@kinds
@pytest.mark.parametrize(
    ("make", "order"),
    [(asking_siblings, ("b?", "a?", "c?")), (sending_questions, ("w2", "b?", "w1"))],
    ids=["siblings", "sends"],
)
def test_some_are_answered_and_then_the_others(
    make: Make, order: tuple[str, ...], kind: Kind
) -> None:
    """What is left of the thread is the same. Whom an answer runs is a difference on purpose."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        for asks in order[:-1]:
            talk.run(talk.answers(**{asks: "yes"}))
            talk.told.pop()
            talk.look()
        talk.run(talk.answers(**{order[-1]: "no"}))
        talk.look()

    agree(kind, make, script)


def test_several_are_answered_at_once_and_the_last_by_a_plain_answer() -> None:
    """As soon as only one waits, it needs no id."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(talk.answers(**{"a?": "A", "c?": "C"}))
        talk.told.pop()
        talk.run(command(talk, resume="B"))
        talk.look()

    agree("sync", asking_siblings, script)


@pytest.mark.parametrize("make", [one, pair])
def test_an_answer_with_an_update_writes_first(make: Make) -> None:
    """The node sees it. That it is a checkpoint of its own is a difference on purpose."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(command(talk, resume="A", update={"log": ["u"], "x": 5}), *PLAIN)
        talk.state()

    agree("sync", make, script)


def test_an_update_alone_asks_again_in_the_state_that_it_makes() -> None:
    """Under the same id."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(command(talk, update={"log": ["u"], "x": 5}), *PLAIN)
        talk.run(answered(talk), *PLAIN)
        talk.state()

    agree("sync", one, script)


def test_an_answer_can_lead_somewhere_too() -> None:
    """What was answered runs beside what the Command leads to."""

    def script(talk: Talk) -> None:
        send = talk.lib.types.Send("b", {"log": ["z"]})
        for goto in ("b", "a", send, ["b", send]):
            talk.run(FIRST)
            talk.run(command(talk, resume="A", goto=goto), *PLAIN)
            talk.state()

    agree("sync", one, script)


def test_a_command_that_leads_somewhere_asks_again_meanwhile() -> None:
    """Nothing of it is lost. That the state shows it is a difference on purpose."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(command(talk, goto="b"), *PLAIN)
        talk.run(answered(talk), *PLAIN)
        talk.state()

    agree("sync", one, script)


def test_an_answer_where_nothing_waits_goes_on() -> None:
    """On a thread that has ended, and at a breakpoint before a node that asks nothing."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, interrupt_before=["b"])
        talk.run(command(talk, resume="stale"))
        talk.run(command(talk, resume="stale"))
        talk.look()

    agree("sync", EXAMPLES["three"], script)


# ----------------------------------------------------------------------------- beside failed nodes


@pytest.mark.parametrize("calls", [(1,), (1, 2), (2,)], ids=str)
@pytest.mark.parametrize(
    ("names", "kind"), [("akm", "sync"), ("akm", "async"), ("kma", "async"), ("mak", "async")]
)
def test_a_node_asks_beside_one_that_fails(names: str, kind: Kind, calls: tuple[int, ...]) -> None:
    """Whichever came first; to go on runs both, and to answer too.

    Sync LangGraph may or may not still run what stands behind a task that failed.
    """

    def again(talk: Talk) -> None:
        talk.run(FIRST)
        talk.look()
        talk.run(None)
        talk.look()

    def answer(talk: Talk) -> None:
        talk.run(FIRST)
        talk.look()
        talk.run(answered(talk))
        talk.look()
        talk.run(None)
        talk.look()

    for script in (again, answer):
        agree(kind, shaky(names, *calls), alike(script))


def alike(script: Script) -> Script:
    """Return a script that does not tell how LangGraph cancels what a failure leaves behind."""

    def tell(talk: Talk) -> None:
        script(talk)
        talk.told = [comparable(each) for each in talk.told]

    return tell


# ------------------------------------------------------------------------------------------- stops

STOPS: dict[str, dict[str, Any]] = {
    "before a": {"interrupt_before": ["a"]},
    "before b": {"interrupt_before": ["b"]},
    "after a": {"interrupt_after": ["a"]},
    "after b": {"interrupt_after": ["b"]},
    "before all": {"interrupt_before": "*"},
    "after all": {"interrupt_after": "*"},
    "everywhere": {"interrupt_before": "*", "interrupt_after": "*"},
}
stops = pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
STOPPING = {
    name: EXAMPLES[name]
    for name in ("three", "sending", "joining", "deferring", "choosing", "commanding")
}


@stops
@pytest.mark.parametrize("make", STOPPING.values(), ids=STOPPING)
def test_a_run_stops_at_the_same_nodes(make: Make, stop: dict[str, Any]) -> None:
    """And shows the same there; None goes on, and an input begins anew."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, {"log": ["j"]}, None):
            talk.run(given, **stop)
            talk.look()
        for given in (None, FIRST):
            talk.call("invoke", given, **stop)
            talk.call("invoke", given, stream_mode="updates", **stop)

    agree("sync", make, script)


@stops
@pytest.mark.parametrize("name", ["one", "several", "siblings", "sends", "router"])
def test_a_run_stops_beside_nodes_that_ask(name: str, stop: dict[str, Any]) -> None:
    """To stop and to ask do not disturb each other."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, **stop)
        talk.run(None, **stop)
        talk.look()
        to_the_end(talk, **stop)
        talk.call("invoke", FIRST, **stop)

    agree("sync", ASKING[name], script)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", ["parallel", "looping"])
def test_every_step_of_wider_graphs_is_a_stop(name: str, kind: Kind) -> None:
    """All that is due waits together."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, interrupt_before="*")
        for _ in range(5):
            talk.run(None, interrupt_before="*")
            talk.look()

    agree(kind, EXAMPLES[name], script)


def test_a_call_says_otherwise_than_the_graph() -> None:
    """For one of both kinds, and leaves the other as it is."""

    def script(talk: Talk) -> None:
        talk.rebuild(EXAMPLES["three"], interrupt_before=["b"], interrupt_after=["c"])
        calls: list[dict[str, Any]] = [{}, {"interrupt_before": ["c"]}, {"interrupt_after": ["a"]}]
        for named in calls:
            for given in (FIRST, None, None, None):
                talk.run(given, **named)
                talk.state()

    agree("sync", EXAMPLES["three"], script)


def test_a_graph_that_stops_at_every_node_asks_at_every_node() -> None:
    """Said once, when it is compiled."""

    def script(talk: Talk) -> None:
        talk.rebuild(one, interrupt_before="*", interrupt_after="*")
        talk.run(FIRST)
        for _ in range(4):
            to_the_end(talk)

    agree("sync", one, script)


def test_a_stop_is_passed_by_commands_and_edits() -> None:
    """By an answer, an update, where it leads, and by an edit; by an input it is not."""

    def script(talk: Talk) -> None:
        for passing in ({"update": {"x": 1}}, {"goto": "b"}, {"resume": "r"}):
            talk.run(FIRST, interrupt_before=["b", "c"])
            talk.run(command(talk, **passing), *PLAIN, interrupt_before=["b", "c"])
        talk.call("update_state", {"log": ["u"]}, "a")
        talk.run(None, *PLAIN, interrupt_before="*")
        talk.run({"log": ["j"]}, *PLAIN, interrupt_before="*")

    agree("sync", EXAMPLES["three"], script)


def test_a_node_that_fails_behind_its_stop_is_tried_again_without_one() -> None:
    """It has been passed."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None):
            talk.run(given, interrupt_before=["m"])
            talk.look()

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        return shaky("m", 1)(side)

    agree("sync", make, script)


def test_without_a_checkpointer_a_stop_is_an_end() -> None:
    """There is nothing to go on with."""

    def script(talk: Talk) -> None:
        graph = EXAMPLES["three"](Side(talk.lib, "sync")).compile(interrupt_before=["b"])
        talk.told.append(graph.invoke(FIRST))
        talk.told.append([*graph.stream(FIRST, stream_mode="updates")])

    agree("sync", EXAMPLES["three"], script)


@pytest.mark.parametrize("name", ["interrupt_before", "interrupt_after"])
def test_a_stop_at_no_node_of_the_graph_is_a_value_error(name: str) -> None:
    """When it is compiled."""

    def script(talk: Talk) -> None:
        builder = chain(talk.lib, a=logging("a"), b=returning(None))
        for wrong in (["nope"], ["__start__"], ["__end__"]):
            with pytest.raises(ValueError, match=wrong[0]):
                builder.compile(**{name: wrong})
            talk.told.append(wrong)

    agree("sync", EXAMPLES["three"], script)
