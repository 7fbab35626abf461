"""Edits of a thread, and runs from its past, do in graphflow what they do in LangGraph.

Where they differ on purpose, `test_migration_editing.py` says how. So an edit here is made where at
most one task is due, or leads away from what is due; and nothing that waits is still due after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given, reject

from tests.differential.build import Kind
from tests.differential.pair import END, START, chain, fan, logging, returning
from tests.differential.people import ASKING, FIRST, answered, command, loop, one, pair, several
from tests.differential.people import siblings as asking_siblings
from tests.differential.specs import Conversation, Edit, Graph, Order, Reply, Turn
from tests.differential.strategies import dialogues, sends
from tests.differential.symbols import comparable
from tests.differential.test_threads_like_langgraph import few, look, made, values
from tests.differential.threads import (
    EXAMPLES,
    PLAIN,
    Make,
    Record,
    Side,
    Talk,
    agree,
    kinds,
)

U: Final = {"log": ["u"]}
BEFORE_B: Final[Mapping[str, Any]] = {"interrupt_before": ["b"]}
three, parallel, sending = (EXAMPLES[name] for name in ("three", "parallel", "sending"))
joining, choosing, private = (EXAMPLES[name] for name in ("joining", "choosing", "private"))
deferring = EXAMPLES["deferring"]


@dataclass(frozen=True)
class Edited:
    """A thread, and how it is edited.

    Attributes:
        make: makes its graph.
        edits: the arguments of `update_state`, one after the other.
        runs: how often it is run first; the second time it is answered.
        stop: where its runs stop.
    """

    make: Make
    edits: Sequence[tuple[Any, ...]]
    runs: int = 1
    stop: Mapping[str, Any] | None = None

    def told(self, talk: Talk) -> None:
        """Talk about it."""
        for said in [FIRST, None][: self.runs]:
            talk.run(answered(talk) if said is None else said, "updates", **(self.stop or {}))
        for edit in self.edits:
            values, *others = edit
            talk.call("update_state", values(talk) if callable(values) else values, *others)
            talk.look()
        for _ in range(2):
            talk.run(None, **(self.stop or {}))
            talk.look()
        talk.run(answered(talk))
        talk.look()


def fresh(make: Make, *edits: tuple[Any, ...]) -> Edited:
    """Return edits of a thread that is not there yet."""
    return Edited(make, edits, runs=0)


def ended(make: Make, *edits: tuple[Any, ...], runs: int = 1) -> Edited:
    """Return edits of a thread after runs."""
    return Edited(make, edits, runs)


def stopped(*edits: tuple[Any, ...]) -> Edited:
    """Return edits of a thread that has stopped before 'b'."""
    return Edited(three, edits, stop=BEFORE_B)


def overwriting(talk: Talk) -> dict[str, object]:
    """Return an update past a reducer."""
    return {"log": talk.lib.types.Overwrite(["new"])}


def sending_on(talk: Talk) -> object:
    """Return an update with a Send."""
    return command(talk, update=U, goto=[talk.lib.types.Send("c", {"x": 1})])


def leading(talk: Talk) -> object:
    """Return an update that leads somewhere."""
    return command(talk, update=U, goto="c")


def listed(talk: Talk) -> list[object]:
    """Return several updates."""
    return [command(talk, update={"x": 1}), {"y": 2}]


def branching(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return nodes whose conditional edges look at what was written."""

    def path(state: Mapping[str, Any]) -> object:
        send = side.lib.types.Send("c", {"log": ["sent"]})
        return [send, send] if state.get("x") == 1 else "b" if state.get("x") == 2 else END

    builder = chain(side.lib, a=side.node(logging("a")))
    builder.add_node("b", side.node(logging("b"))).add_node("c", side.node(logging("c")))
    return builder.add_conditional_edges("a", path).add_edge("c", "b")


def entering(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a conditional edge from START that sends."""
    path = returning([side.lib.types.Send("w", {"x": 1}), "b"])
    builder = fan(side.lib, b=side.node(logging("b"))).add_node("w", side.node(logging("w")))
    return builder.add_conditional_edges(START, path)


EDITS: dict[str, Edited] = {
    # As the one that ran last.
    "new": fresh(three, (U,)),
    "new, nothing": fresh(three, (None,)),
    "new, empty": fresh(three, ({},)),
    "ended": ended(three, (U,)),
    "ended, nothing": ended(three, (None,)),
    "stopped": stopped((U,)),
    "stopped, nothing": stopped((None,)),
    "after a fan": ended(parallel, (U,)),
    "of several": Edited(parallel, [(U,)], stop={"interrupt_after": ["z"]}),
    "after a Send": ended(sending, (U,)),
    # As START.
    "new, as START": fresh(three, (U, START)),
    "ended, as START": ended(three, (U, START)),
    "stopped, as START": stopped((U, START)),
    "asked, as START": ended(one, (U, START)),
    "conditional, as START": fresh(entering, (U, START)),
    "conditional, as nobody": fresh(entering, (U,)),
    "chosen, as START": fresh(choosing, (U, START)),
    # As a node.
    "new, as b": fresh(three, (U, "b")),
    "ended, as a": ended(three, (U, "a")),
    "stopped, as what is due": stopped((U, "b")),
    "stopped, as what has run": stopped((U, "a")),
    "stopped, as another": stopped((U, "c")),
    "nothing, as what is due": stopped((None, "b")),
    "empty, as what is due": stopped(({}, "b")),
    "asked, as who asks": ended(one, (U, "a")),
    "asked, as another": ended(one, (U, "b")),
    "asked twice, as who asks": ended(several, (U, "a"), runs=2),
    "loop, as who asks": ended(loop, (U, "a")),
    "loop, as who asks for the last time": ended(loop, ({"log": ["a='stop'"]}, "a")),
    "unknown": ended(three, (U, "nope")),
    # Conditional edges, Sends, joins, deferred nodes.
    "chosen": ended(choosing, (U, "a")),
    "chosen by nothing": ended(choosing, (None, "a")),
    "branch": ended(branching, ({"x": 2}, "a")),
    "branch that sends": ended(branching, ({"x": 1}, "a")),
    "branch that ends": ended(branching, ({"x": 3}, "a")),
    "branch of what was there": ended(branching, ({"x": 1}, "c"), (None, "a")),
    "sends": ended(sending, (U, "a")),
    "new, sends": fresh(sending, (U, "a")),
    "sends, as who was sent to": ended(sending, (U, "w")),
    "half a join": ended(joining, (U, "a")),
    "a join": ended(joining, (U, "late"), (U, "a")),
    "a join of nothing": fresh(joining, (None, "a"), (None, "late")),
    "a join, and what leads to it": ended(joining, (None, "a"), (U, "b")),
    "deferred": ended(deferring, (U, "a")),
    "deferred alone": fresh(deferring, (U, "c")),
    "as a deferred one": ended(deferring, (U, "d")),
    "commands": ended(EXAMPLES["commanding"], (U, "a")),
    "commands, further": ended(EXAMPLES["commanding"], (U, "d")),
    # END.
    "nothing, as END": stopped((None, END)),
    "asked, as END": ended(one, (None, END)),
    "ended, as END": ended(three, (None, END)),
    "empty, as END": stopped(({}, END)),
    "beside what has ended, as END": ended(pair, (None, END)),
    "something, as END": stopped((U, END)),
    # An input.
    "input": ended(three, (U, "__input__")),
    "new, input": fresh(three, (U, "__input__")),
    "conditional, input": fresh(entering, (U, "__input__")),
    "input of nothing": ended(three, (None, "__input__")),
    # Values.
    "overwritten": stopped((overwriting, "b")),
    "sent": stopped((sending_on, "b")),
    "led": stopped((leading, "a")),
    "listed": stopped((listed, "b")),
    "pairs": stopped(([("x", 5)], "b")),
    "an empty list": stopped(([], "b")),
    "a number": stopped((5, "b")),
    "a word": stopped(("s", "b")),
    "private": ended(private, ({"secret": 7}, "a")),
    "new, private": fresh(private, ({"secret": 7}, "a")),
    "record": ended(EXAMPLES["recording"], ({"x": 9}, "a")),
    "whole record": ended(EXAMPLES["recording"], (Record(["q"], 4), "a")),
}


@kinds
@pytest.mark.parametrize("edited", EDITS.values(), ids=EDITS)
def test_an_edit_makes_the_same_checkpoint(edited: Edited, kind: Kind) -> None:
    """And the same is due after it, and runs."""
    agree(kind, edited.make, edited.told)


@pytest.mark.parametrize("node", [None, "a", "b", "c", START])
@pytest.mark.parametrize("at", range(5))
def test_an_edit_of_the_past_begins_a_branch(at: int, node: str | None) -> None:
    """Where the thread goes on; the other one stays in the history."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        talk.call("update_state", U, node, at=at)
        talk.look()
        talk.run(None)
        talk.call("update_state", U, node, at=at)
        talk.run(None)
        talk.look()

    agree("sync", three, script)


@pytest.mark.parametrize("node", [None, "p", "a", "b", START])
@pytest.mark.parametrize("at", range(5))
def test_an_edit_of_where_it_had_asked_begins_a_branch(at: int, node: str | None) -> None:
    """In which it asks anew, if it comes there."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        talk.run(answered(talk), "updates")
        talk.call("update_state", U, node, at=at)
        talk.look()
        talk.run(None)
        talk.run(answered(talk))
        talk.look()

    agree("sync", one, script)


def test_an_edit_keeps_what_the_config_says() -> None:
    """In the metadata of the checkpoint."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        config = {"configurable": {"thread_id": "t", "user": "bob"}, "metadata": {"m": 1}}
        talk.graph.update_state(config, U, "a")
        talk.look()

    agree("sync", three, script)


# ---------------------------------------------------------------------------------- several at once

BULKS: dict[str, tuple[Make, int, Sequence[Sequence[tuple[Any, ...]]]]] = {
    "a history": (three, 0, [[(FIRST, START)], [(U, "a")], [(U, "b")]]),
    "an input first": (three, 0, [[(FIRST, "__input__")], [(FIRST, START)], [(U, "a")]]),
    "a join at once": (joining, 1, [[({"log": ["z"]}, "late"), ({"log": ["y"]}, "a")]]),
    "a new join at once": (joining, 0, [[({"log": ["z"]}, "late"), ({"log": ["y"]}, "a")]]),
    "two keys": (three, 1, [[({"x": 1}, "c"), ({"y": 2}, "a")]]),
    "a fan": (parallel, 0, [[(U, "z"), (U, "a"), (U, "m")]]),
    "one by one": (parallel, 1, [[(U, "z")], [(U, "a")]]),
    "an end between": (three, 1, [[(U, "a")], [(None, END)], [(U, "b")]]),
    "nobody named": (three, 1, [[(U, None), (U, None)]]),
    "one unknown": (three, 1, [[(U, "a"), (U, "nope")]]),
    "END with others": (three, 1, [[(None, END), (U, "a")]]),
    "others with END": (three, 1, [[(U, "a"), (None, END)]]),
    "an input with others": (three, 1, [[(U, "__input__"), (U, "a")]]),
    "a copy with others": (three, 1, [[(U, "__copy__"), (U, "a")]]),
}


@pytest.mark.parametrize(("make", "runs", "supersteps"), BULKS.values(), ids=BULKS)
def test_edits_at_once_make_the_same_checkpoints(
    make: Make, runs: int, supersteps: Sequence[Sequence[tuple[Any, ...]]]
) -> None:
    """One for each superstep, in the order given."""

    def script(talk: Talk) -> None:
        update = talk.lib.types.StateUpdate
        for _ in range(runs):
            talk.run(FIRST, "updates")
        talk.call("bulk_update_state", [[update(*it) for it in step] for step in supersteps])
        talk.look()
        talk.run(None)
        talk.look()

    agree("sync", make, script)


@pytest.mark.parametrize("supersteps", [[], [[]], [[(U, "a", None)], []]], ids=repr)
def test_no_edits_are_a_value_error(supersteps: Any) -> None:  # noqa: ANN401 - wrong on purpose
    """And an empty superstep is."""

    def script(talk: Talk) -> None:
        made = [[talk.lib.types.StateUpdate(*it) for it in step] for step in supersteps]
        with pytest.raises(ValueError, match=r"(?i)no|at least"):
            talk.graph.bulk_update_state({"configurable": {"thread_id": "t"}}, made)
        talk.history()

    agree("sync", three, script)


# ------------------------------------------------------------------------------------ from the past


@pytest.mark.parametrize("given", [None, {"log": ["new"]}], ids=["None", "input"])
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_a_run_from_the_past_is_a_branch(
    make: Make, at: int, given: Mapping[str, Any] | None
) -> None:
    """Whatever ran after it; what follows goes on there."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        for _ in range(2):
            places = [at for at, it in enumerate(talk.snapshots()) if given or alike(it)]
            talk.run(given, at=places[at % len(places)])
            talk.look()
        talk.run(None)
        talk.look()

    agree("sync", make, script)


def alike(snapshot: Any) -> bool:  # noqa: ANN401 - of either library
    """Tell whether None goes on from a checkpoint alike.

    It does not, on purpose, from inputs and forks; and LangGraph shows several nodes in any order.
    """
    odd = snapshot.metadata["source"] in {"input", "fork"} or len({*snapshot.next}) > 1
    return not odd and all(task.result is not None for task in snapshot.tasks)


@pytest.mark.parametrize("name", ["one", "several", "loop", "router"])
def test_where_it_had_asked_it_asks_anew(name: str) -> None:
    """By None from there or from before, though it was answered then."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        for _ in range(3):
            talk.run(answered(talk), "updates")
        for place, snapshot in enumerate(talk.snapshots()):
            if snapshot.interrupts and alike(snapshot):
                talk.run(None, at=place)
                talk.look()
                talk.run(answered(talk))
                talk.look()
                return
        raise AssertionError(name)

    agree("sync", ASKING[name], script)


@pytest.mark.parametrize("make", [one, several, pair, loop, asking_siblings])
def test_an_input_at_a_checkpoint_that_waits_is_a_branch(make: Make) -> None:
    """What waits there stays."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        talk.run({"log": ["new"]}, at=0)
        talk.look()
        talk.run(answered(talk))
        talk.look()
        talk.state(1)

    agree("sync", make, script)


def test_stops_are_stops_in_a_branch_too() -> None:
    """But for the first superstep."""

    def script(talk: Talk) -> None:
        stop: dict[str, Any] = {"interrupt_before": ["b", "c"]}
        for said in (FIRST, None, None):
            talk.run(said, "updates", **stop)
        for at in (1, 3):
            talk.run(None, at=at, **stop)
            talk.look()

    agree("sync", three, script)


def test_a_branch_of_a_branch_is_a_branch() -> None:
    """Edits and runs in turn."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates")
        for at in (2, 1, 3, 0):
            talk.call("update_state", U, "a", at=at)
            talk.run(None)
            talk.look()
            talk.run({"log": ["j"]}, at=at)
            talk.history(before=1, limit=3)
            talk.history(wanted={"source": "update"})
        talk.look()

    agree("sync", three, script)


# ---------------------------------------------------------------------------------------- at random


@pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")
@pytest.mark.filterwarnings("ignore:coroutine 'InMemorySaver.aput_writes' was never awaited")
@few
@given(drawn=dialogues())
def test_a_dialogue_is_that_of_langgraph(drawn: Conversation) -> None:
    """Every stream, and after every turn the thread and its whole history."""

    def script(talk: Talk) -> None:
        for turn in drawn.turns:
            take(talk, turn, drawn.graph)
            if collided(talk):
                break
            look(talk)
        talk.told = [comparable(one) for one in talk.told]

    agree("async", made(drawn), script)


def take(talk: Talk, turn: Turn, graph: Graph) -> None:
    """Take a turn, if it is one in which the libraries are to agree."""
    past = talk.snapshots()
    at = None if turn.back is None or not past else turn.back % len(past)
    limit = {"recursion_limit": turn.limit}
    match turn.given:
        case Edit(update) as edit:
            node = named(edit, graph)
            if editable(past, node, at or 0, patient=patient(graph)):
                talk.call("update_state", values(talk.lib, update), node, at=at)
        case Reply(answer):
            if past:
                talk.run(answered(talk, answer), *PLAIN, config=limit)
        case None:
            place = at if at is not None and alike(past[at]) else None
            talk.run(None, *PLAIN, at=place, config=limit)
        case pairs:
            assert not isinstance(pairs, Order), "none is drawn"
            talk.run(values(talk.lib, pairs), *PLAIN, at=at, config=limit)


def patient(graph: Graph) -> bool:
    """Tell whether nodes of a graph wait for others: by joins, or because they are deferred."""
    return bool(graph.joins) or any(node.defer for node in graph.nodes)


def named(edit: Edit, graph: Graph) -> str | None:
    """Return as whom to edit.

    Who ran last, LangGraph cannot tell if it was by a Send, or by a join beside an edge.
    """
    unclear = edit.node is None and (sends(graph) or patient(graph))
    return graph.nodes[0].name if unclear else edit.node


def editable(past: Sequence[Any], node: str | None, at: int, *, patient: bool) -> bool:
    """Tell whether an edit is to be the same: see above.

    Args:
        past: the history.
        node: as whom the thread is edited.
        at: at which checkpoint.
        patient: whether nodes wait for others; in LangGraph those stay due, and no others.
    """
    if not past:
        return True
    found = past[at]
    due = [*found.next]
    ended = [task.result is not None for task in found.tasks]
    if any(ended) and (at == 0 or not all(ended)):
        return False  # what has ended beside what is due becomes part of the edit
    if node is None and found.metadata["source"] != "loop":
        return False  # who ran last: an edit counts, too
    if at == 0 and found.interrupts and due != [node]:
        return False  # what stays due keeps what it asked
    alone = due == [node] or (node is not None and node not in due)
    return not due or (alone and not patient)


def collided(talk: Talk) -> bool:
    """Tell whether writers have collided: then LangGraph cannot read the thread."""
    match talk.told[-1:]:
        case [(chunks, "InvalidUpdateError" as error)] if chunks:
            if any("__interrupt__" in chunk for _, chunk in chunks):
                reject()  # beside a question graphflow tells it when that is answered
        case _:
            return False
    talk.told[-1] = error  # LangGraph may lose the update of a task that ran alone
    return True
