"""What a thread was and is agrees with LangGraph: `get_state` and the history, in all their fields.

Runs here stream in all modes at once, so that the ids in chunks are those in the history, too.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, TypedDict

import pytest

from tests.differential.build import Kind
from tests.differential.pair import OURS, START, Action, State, chain, fan, logging
from tests.differential.threads import (
    PLAIN,
    Make,
    Side,
    Talk,
    agree,
    beside,
    broken,
    deferring,
    examples,
    failing,
    joining,
    kinds,
    mixed,
    parallel,
    sending,
    sent,
    three,
    told,
)

Log: TypeAlias = Annotated[list[str], operator.add]

FIRST: State = {"log": ["i"]}
SECOND: State = {"log": ["j"]}
FAILURES: dict[str, Make] = {
    "in a chain": broken(1, 2),
    "once in a chain": broken(1),
    "behind finished siblings": beside("agm", 1, 2),
    "in a Send": sent(1, 2),
    "behind a Send and a node": mixed(1, 2),
}

failures = pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)


# ------------------------------------------------------------------------------- runs without fault


@kinds
@examples
def test_a_history_is_that_of_langgraph(kind: Kind, make: Make) -> None:
    """After a run, after another, and after None; each checkpoint by its own id, too."""

    def script(talk: Talk) -> None:
        for given in (FIRST, {**SECOND, "x": 1}, None):
            talk.run(given)
            talk.look()
        for at in range(len(talk.snapshots())):
            talk.state(at)

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("make", [three, sending], ids=["three", "sending"])
def test_a_part_of_a_history_is_that_of_langgraph(kind: Kind, make: Make) -> None:
    """By every bound and limit."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        talk.run(SECOND)
        for before in range(len(talk.snapshots())):
            talk.history(before=before)
        for limit in (0, 1, 3, 100):
            talk.history(limit=limit)
            talk.history(limit=limit, before=2, wanted={"source": "loop"})

    agree(kind, make, script)


METADATA = ("source", "step", "parents")
FILTERS: Sequence[Mapping[str, object]] = (
    {},
    {"source": "input"},
    {"source": "loop", "step": 2},
    {"step": -1},
    {"parents": {}},
    {"who": "first"},
    {"who": "first", "source": "loop"},
    {"number": 1},
    {"number": 1.0},
    {"number": True},
    {"share": 1.5},
    {"yes": True},
    {"extra": "e"},
)


@kinds
def test_metadata_are_those_of_langgraph_and_can_be_asked_for(kind: Kind) -> None:
    """The run's own and words and numbers of `configurable`, but for names that are taken."""
    first: dict[str, Any] = {
        "metadata": {"who": "first", "number": 1, "share": 1.5, "yes": True},
        "configurable": {"thread_id": "t", "extra": "e", "count": 3, "__hidden": "h"},
        "tags": ["x"],
        "run_name": "r",
    }
    taken = ("source", "step", "parents", "thread_id", "checkpoint_id", "checkpoint_ns")
    second = {"metadata": {"who": "second", "writes": 1, **dict.fromkeys(taken, "mine")}}

    def script(talk: Talk) -> None:
        for config in (first, second, {}):
            talk.run(FIRST, "updates", config=config)
            talk.look()
        for wanted in FILTERS:
            talk.history(wanted=wanted)
            talk.history(wanted=wanted, before=6, limit=2)

    agree(kind, three, script)


@pytest.mark.parametrize("make", [three, sending], ids=["three", "sending"])
def test_what_a_snapshot_holds_comes_in_langgraphs_order(make: Make) -> None:
    """Values as the schema has them; metadata with the run's own behind the checkpoint's."""

    def script(talk: Talk) -> None:
        talk.run({"x": 1, "log": ["i"]}, "updates", config={"metadata": {"b": 1, "a": 2}})
        talk.told += [([*one.values], [*one.metadata]) for one in talk.snapshots()]

    assert told(OURS, "sync", make, script)[1] == (["log", "x"], [*METADATA, "b", "a"])
    agree("sync", make, script)


# ------------------------------------------------------------------------------------ second inputs


@kinds
def test_a_half_filled_join_waits_for_another_run(kind: Kind) -> None:
    """Each run brings one source, and the second of them the join's target."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        builder = side.lib.graph.StateGraph(State)
        for name in "abc":
            builder.add_node(name, side.node(logging(name)))
        builder.add_conditional_edges(START, by_x)
        return builder.add_edge(["a", "b"], "c")

    def script(talk: Talk) -> None:
        for x in (0, 0, 1, 1, 0):
            talk.run({"x": x})
            talk.look()

    agree(kind, make, script)


def by_x(state: State) -> str:
    """Lead to a or b, by x."""
    return "ab"[state.get("x", 0)]


@kinds
@pytest.mark.parametrize("calls", [(), (1,), (1, 2), (1, 2, 3)])
def test_a_join_counts_only_what_was_committed(kind: Kind, calls: tuple[int, ...]) -> None:
    """Not a source that had ended beside one that failed, once a new input has come."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        builder = fan(side.lib, a=side.node(logging("a")), b=side.node(failing("b", *calls)))
        builder.add_node("c", side.node(logging("c")))
        return builder.add_edge(["a", "b"], "c")

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, None, None, FIRST):
            talk.run(given)
            talk.look()

    agree(kind, make, script)


@kinds
def test_a_join_keeps_who_came_before_a_failure(kind: Kind) -> None:
    """That superstep had ended."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        builder = fan(side.lib, a=side.node(logging("a")), b=side.node(logging("b")))
        builder.add_node("late", side.node(failing("late", 1, 2)))
        builder.add_node("c", side.node(logging("c")))
        return builder.add_edge("b", "late").add_edge(["a", "late"], "c")

    def script(talk: Talk) -> None:
        for given in (FIRST, None, SECOND, None):
            talk.run(given)
            talk.look()

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("limit", [1, 25])
def test_a_deferred_node_waits_through_a_new_input(kind: Kind, limit: int) -> None:
    """Whether it waits because a node failed or because the run had no superstep left."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        builder = side.lib.graph.StateGraph(State)
        builder.add_node("a", side.node(logging("a"))).add_node("b", side.node(logging("b")))
        builder.add_node("d", side.node(logging("d")), defer=True)
        builder.add_node("f", side.node(failing("f", 1, 2)))
        builder.add_conditional_edges(START, by_x)
        return builder.add_edge("a", "d").add_edge("a", "f")

    def script(talk: Talk) -> None:
        for given in ({"x": 0}, {"x": 1}, {"x": 0}, None, None):
            talk.run(given, config={"recursion_limit": limit})
            talk.look()

    agree(kind, make, script)


@kinds
def test_a_new_input_drops_pending_sends(kind: Kind) -> None:
    """They are due no more."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND):
            talk.run(given, config={"recursion_limit": 1})
            talk.look()
        talk.run(FIRST)
        talk.look()

    agree(kind, sending, script)


# ----------------------------------------------------------------------------------------- failures


@kinds
@failures
def test_a_failed_superstep_reads_as_in_langgraph(kind: Kind, make: Make) -> None:
    """As it is and by its id, after it failed, failed again, was done, and in a later run."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, None, SECOND):
            talk.run(given)
            talk.look()
            talk.state(0)

    agree(kind, make, script)


@kinds
@failures
def test_a_failed_superstep_that_was_given_up_reads_as_in_langgraph(kind: Kind, make: Make) -> None:
    """A new input leaves it in the history with its errors, and with what was done."""

    def script(talk: Talk) -> None:
        for given in (FIRST, SECOND, {"log": ["k"]}, None):
            talk.run(given)
            talk.look()

    agree(kind, make, script)


def test_none_on_a_thread_without_state_is_an_empty_input_error() -> None:
    """And leaves none behind."""

    def script(talk: Talk) -> None:
        talk.run(None)
        talk.look()
        talk.run(FIRST)
        talk.look()

    assert told(OURS, "sync", three, script)[0] == ([], "EmptyInputError")
    agree("sync", three, script)


@pytest.mark.parametrize("goto", ["b", ["b", "c"]])
def test_a_goto_on_a_thread_without_state_begins_it(goto: object) -> None:
    """At START as well."""

    def script(talk: Talk) -> None:
        talk.run(talk.lib.types.Command(goto=goto))
        talk.look()

    agree("sync", three, script)


# -------------------------------------------------------------------------------------------- forks


@kinds
@pytest.mark.parametrize("make", [three, parallel, sending, joining, deferring])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_run_from_a_checkpoint_is_that_of_langgraph(kind: Kind, make: Make, at: int) -> None:
    """With None, then with an input; then the thread goes on from there."""

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        for given, place in ((None, at), (SECOND, at), ({"log": ["k"]}, None), (None, 2)):
            talk.run(given, at=place)
            talk.look()
        for place in range(len(talk.snapshots())):
            talk.state(place)

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("name", ["in a chain", "once in a chain"])
def test_a_run_from_a_failed_checkpoint_is_that_of_langgraph(kind: Kind, name: str) -> None:
    """Where a sibling had ended, LangGraph runs that again; see the migration's tests."""
    make = FAILURES[name]

    def script(talk: Talk) -> None:
        talk.run(FIRST)
        for place in (0, None, 1, 3):
            talk.run(None, at=place)
            talk.look()

    agree(kind, make, script)


# --------------------------------------------------------------------------------------- durability

WITHOUT_JOINS: dict[str, Make] = {
    "chain": three,
    "Sends": sending,
    "deferred": deferring,
    "failing": broken(1, 2),
    "failing Send": sent(1, 2),
}
WITH_JOINS: dict[str, Make] = {"join": joining, "failing sibling": beside("agm", 1, 2)}


@kinds
@pytest.mark.parametrize("make", WITHOUT_JOINS.values(), ids=WITHOUT_JOINS)
def test_what_is_stored_meanwhile_is_what_is_stored_in_langgraph(kind: Kind, make: Make) -> None:
    """No joins: LangGraph stores them as they are later, for it goes on while it stores them."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, SECOND):
            talk.run(given, durability="async")
            talk.look()

    agree(kind, make, script)


@kinds
@pytest.mark.parametrize(
    "make", [*WITHOUT_JOINS.values(), *WITH_JOINS.values()], ids=[*WITHOUT_JOINS, *WITH_JOINS]
)
def test_what_is_stored_at_the_end_is_what_is_stored_in_langgraph(kind: Kind, make: Make) -> None:
    """One checkpoint for each run; the streams are the same, too, but for those of checkpoints."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, None, SECOND, SECOND):
            exiting(talk, given)
            talk.look()

    agree(kind, make, script)


def exiting(talk: Talk, given: object, *, config: Mapping[str, Any] | None = None) -> None:
    """Run the thread on, and store at the end; that the ids then are others is on purpose."""
    talk.forget()
    talk.run(given, *PLAIN, config=config, durability="exit")
    talk.forget()


@kinds
@pytest.mark.parametrize("make", [three, broken(1)], ids=["ended", "failed"])
def test_what_is_shown_though_it_is_not_stored_is_what_langgraph_shows(
    kind: Kind, make: Make
) -> None:
    """All checkpoints, but for their ids, which are a difference on purpose."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, SECOND):
            talk.run(given, "checkpoints", durability="exit")
            chunks, error = talk.told.pop()
            kept = ("values", "metadata", "next")
            talk.told.append(([[chunk[key] for key in kept] for _, chunk in chunks], error))

    assert len(told(OURS, kind, make, script)[0][0]) > 2
    agree(kind, make, script)


@kinds
@pytest.mark.parametrize("durability", ["sync", "exit"])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("make", [three, parallel], ids=["three", "parallel"])
def test_a_stream_that_is_closed_leaves_what_it_does_in_langgraph(
    kind: Kind, durability: str, count: int, make: Make
) -> None:
    """The supersteps that were shown; None goes on with the next."""

    def script(talk: Talk) -> None:
        talk.leave(FIRST, count, durability)
        talk.look()
        talk.run(None)
        talk.look()

    agree(kind, make, script)


# ----------------------------------------------------------------------------------------- channels

CHANNELS: dict[str, Callable[[Any], Any]] = {
    "ephemeral": lambda channels: channels.EphemeralValue(int),
    "ephemeral-unguarded": lambda channels: channels.EphemeralValue(int, guard=False),
    "untracked": lambda channels: channels.UntrackedValue(int),
    "untracked-unguarded": lambda channels: channels.UntrackedValue(int, guard=False),
    "topic": lambda channels: channels.Topic(int),
    "topic-accumulating": lambda channels: channels.Topic(int, accumulate=True),
    "any": lambda channels: channels.AnyValue(int),
    "reducer": lambda channels: channels.BinaryOperatorAggregate(int, operator.add),
}


def writing(channel: Callable[[Any], Any], *writers: str) -> Make:
    """Return a graph whose nodes tell what they see in a channel, and of which some write to it.

    After `a` come `aside` and `b`, which fails in the second run; then `c`, which fails in the
    first one.
    """

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        state: Any = TypedDict(
            "state", {"log": Log, "kept": Annotated[int, channel(side.lib.channels)]}, total=False
        )
        builder = side.lib.graph.StateGraph(state)
        for name, call in {"a": 0, "aside": 0, "b": 2, "c": 1}.items():
            written = {"kept": 1} if name in writers else {}
            builder.add_node(name, side.node(seeing(name, call, written)))
        builder.add_edge(START, "a").add_edge("a", "aside")
        return builder.add_edge("a", "b").add_edge("b", "c")

    return make


def seeing(name: str, call: int, written: Mapping[str, int]) -> Action:
    """Return a node that logs what it sees, writes, and fails at a call."""
    act = failing(name, call)

    def see(state: Mapping[str, Any]) -> object:
        act(state)
        return {"log": [f"{name} sees {state.get('kept')}"], **written}

    return see


@pytest.mark.parametrize("durability", ["sync", "exit"])
@pytest.mark.parametrize("writer", ["input", "a", "aside", "b", "c"])
@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_lasts_as_long_as_in_langgraph(name: str, writer: str, durability: str) -> None:
    """Through supersteps that end and fail, to the next run and the one after."""

    def script(talk: Talk) -> None:
        first = {**FIRST, **({"kept": 1} if writer == "input" else {})}
        for given in (first, None, SECOND, None, SECOND):
            (exiting if durability == "exit" else Talk.run)(talk, given)
            talk.history()

    if (writer, durability) == ("aside", "exit") and name.startswith("untracked"):
        script = of_first_run  # what comes then is a difference on purpose
    agree("sync", writing(CHANNELS[name], writer), script)


def of_first_run(talk: Talk) -> None:
    """Run and resume it."""
    for given in (FIRST, None):
        exiting(talk, given)
        talk.look()


@kinds
@pytest.mark.parametrize("name", sorted(CHANNELS.keys() - {"ephemeral", "untracked"}))
def test_a_channel_with_two_writers_is_that_of_langgraph(kind: Kind, name: str) -> None:
    """Where it takes two writes in a superstep."""

    def script(talk: Talk) -> None:
        for given in (FIRST, None, SECOND, None, SECOND):
            talk.run(given)
            talk.history()

    agree(kind, writing(CHANNELS[name], "aside", "b"), script)


# ---------------------------------------------------------------------------------- recursion limit


def counting(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
    """Return a chain of six that log how many supersteps are left, and whether it is the last."""
    managed = side.lib.managed

    class Counted(TypedDict, total=False):
        log: Log
        left: Annotated[int, managed.RemainingSteps.__metadata__[0]]
        last: Annotated[bool, managed.IsLastStep.__metadata__[0]]

    def count(seen: Mapping[str, Any]) -> object:
        return {"log": [f"{seen['left']} {seen['last']}"]}

    return chain(side.lib, Counted, options=None, **{name: side.node(count) for name in "abcdef"})


def test_the_counted_supersteps_are_in_the_log() -> None:
    """So the tests below compare them."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, "updates", config={"recursion_limit": 2})

    shown = [("updates", {"a": {"log": ["1 True"]}}), ("updates", {"b": {"log": ["0 False"]}})]
    assert told(OURS, "sync", counting, script) == [(shown, "GraphRecursionError")]


@kinds
@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("again", [1, 2, 4, 6])
def test_a_recursion_limit_counts_as_in_langgraph(kind: Kind, limit: int, again: int) -> None:
    """Anew in each run: one that starts, is resumed after the error, and starts again."""

    def script(talk: Talk) -> None:
        talk.run(FIRST, config={"recursion_limit": limit})
        talk.look()
        for given in (None, None, SECOND, None, None):
            talk.run(given, config={"recursion_limit": again})
            talk.look()

    agree(kind, counting, script)


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("again", [1, 2, 4])
def test_a_recursion_limit_counts_as_in_langgraph_after_a_command(limit: int, again: int) -> None:
    """And in a run from a checkpoint."""

    def script(talk: Talk) -> None:
        command = talk.lib.types.Command
        config = {"recursion_limit": again}
        talk.run(FIRST, *PLAIN, config={"recursion_limit": limit})
        talk.run(command(update={"log": ["u"]}), *PLAIN, config=config)
        talk.run(command(goto="a"), *PLAIN, config=config)

    def from_checkpoint(talk: Talk) -> None:
        talk.run(FIRST, config={"recursion_limit": limit})
        talk.run(None, at=1, config={"recursion_limit": again})
        talk.look()

    agree("sync", counting, script)
    agree("sync", counting, from_checkpoint)


@kinds
@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_a_recursion_error_leaves_what_it_does_in_langgraph(kind: Kind, durability: str) -> None:
    """A thread that None takes further, at its end too, where nothing is left to run."""

    def script(talk: Talk) -> None:
        for given, limit in ((FIRST, 3), (None, 3), (SECOND, 2), (None, 25)):
            run = exiting if durability == "exit" else Talk.run
            run(talk, given, config={"recursion_limit": limit})
            talk.look()

    agree(kind, three, script)
