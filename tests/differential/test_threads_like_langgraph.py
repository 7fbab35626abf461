"""Random graphs on threads do in graphflow what they do in LangGraph, run after run.

Runs begin with an input, go on after a failure, some of which heal, start from checkpoints of the
past, and end at a limit. Tasks run one at a time, on asyncio: LangGraph's other driver may or may
not still run what stands behind a task that failed. `strategies.py` says what is never drawn.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, reject, settings

from tests.differential.build import aimed, built, written
from tests.differential.conftest import PROFILE
from tests.differential.pair import THEIRS, Library
from tests.differential.specs import Conversation, Order, Pairs, Turn
from tests.differential.strategies import conversations, orders
from tests.differential.symbols import comparable
from tests.differential.threads import PLAIN, Side, Talk, agree

# LangGraph makes coroutines for all tasks of a superstep, and for what it stores of those that it
# cancels, and forgets them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited"),
    pytest.mark.filterwarnings("ignore:coroutine 'InMemorySaver.aput_writes' was never awaited"),
]

FEW = {"ci": 40}
"""How many examples: each is several runs, and as many histories."""


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


few = settings(max_examples=FEW.get(PROFILE, settings().max_examples))


@few
@given(drawn=conversations())
def test_a_conversation_is_that_of_langgraph(drawn: Conversation) -> None:
    """Every stream, and after every run the thread and its whole history."""

    def script(talk: Talk) -> None:
        for turn in drawn.turns:
            if not takes(talk, turn, drawn.durability):
                break
            look(talk)
        talk.told = [comparable(one) for one in talk.told]

    agree("async", made(drawn), script)


@few
@given(drawn=orders())
def test_a_conversation_with_commands_streams_as_in_langgraph(drawn: Conversation) -> None:
    """What they leave in the history is a difference on purpose."""

    def script(talk: Talk) -> None:
        for turn in drawn.turns:
            if not takes(talk, turn, drawn.durability):
                break
        talk.told = [comparable(one) for one in talk.told]

    agree("async", made(drawn), script)


def made(drawn: Conversation) -> Any:  # noqa: ANN401 - a `Make`
    """Return what makes the graph of a conversation."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        return built(side.lib, drawn.graph, side.kind)

    return make


def takes(talk: Talk, turn: Turn, durability: str) -> bool:
    """Take a turn; return whether anything after it is to be compared."""
    at = place(talk, turn)
    limit = {"recursion_limit": turn.limit}
    if durability == "exit":
        talk.forget()
    talk.run(said(talk.lib, turn), *PLAIN, at=at, config=limit, durability=durability)
    if durability == "exit":
        talk.forget()  # that the ids then are others is a difference on purpose
    _, error = talk.told[-1]
    if error == "InvalidUpdateError":
        talk.told[-1] = error  # LangGraph may lose the update of a task that ran alone
    return bool(error != "InvalidUpdateError")


def place(talk: Talk, turn: Turn) -> int | None:
    """Return the place in the history of the checkpoint that a turn begins at, if of one."""
    past = talk.snapshots()
    if turn.back is None or not past:
        return None
    at = turn.back % len(past)
    # To run on from these is a difference on purpose: inputs, forks, several nodes to start, and
    # tasks that have ended beside others that have not.
    odd = past[at].metadata["source"] in {"input", "fork"} or len({*past[at].next}) > 1
    ended = [task.result is not None for task in past[at].tasks]
    odd = odd or (any(ended) and not all(ended))
    return None if odd and turn.given is None else at


def look(talk: Talk) -> None:
    """Look at a thread, if LangGraph can read it: not where writers have collided."""
    try:
        talk.look()
    except THEIRS.errors.InvalidUpdateError:
        reject()


def said(lib: Library, turn: Turn) -> object:
    """Return what a run is given, as the library takes it."""
    match turn.given:
        case None:
            return None
        case Order(update, goto):
            targets = [aimed(lib, target) for target in goto]
            return lib.types.Command(update=values(lib, update) or None, goto=targets)
        case tuple() as pairs:
            return values(lib, pairs)
        case other:
            raise AssertionError(other)  # for graphs that ask


def values(lib: Library, pairs: Pairs) -> dict[str, object]:
    """Return written values as the library takes them."""
    return {key: written(lib, value) for key, value in pairs}
