"""Random graphs inside random graphs do in graphflow what they do in LangGraph.

Tasks run one at a time, on asyncio: LangGraph's other driver has to have a second thread to show
graphs inside, and then there is no order. `strategies.py` says what is never drawn.
"""

import gc
from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.differential.build import written
from tests.differential.conftest import PROFILE
from tests.differential.nested import LIVE, fresh, look_inside
from tests.differential.nests import Nest, asking, nested, nests
from tests.differential.pair import THEIRS
from tests.differential.people import answered
from tests.differential.specs import Pairs
from tests.differential.strategies import asks, inputs
from tests.differential.symbols import comparable
from tests.differential.threads import PLAIN, Make, Side, Talk, agree

# LangGraph makes coroutines for all tasks of a superstep, and for what it stores of those that it
# cancels, and forgets them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited"),
    pytest.mark.filterwarnings("ignore:coroutine 'InMemorySaver.aput_writes' was never awaited"),
    pytest.mark.filterwarnings("ignore:coroutine 'AsyncPregelLoop.* was never awaited"),
]

FEW = {"ci": 40}
"""How many examples: each is many runs."""

few = settings(max_examples=FEW.get(PROFILE, settings().max_examples))
given_pairs = inputs.map(lambda drawn: tuple(drawn.items()))
limits = st.integers(5, 12)
further = st.lists(st.none() | st.none() | given_pairs, max_size=3)


def joined(first: Any, rest: list[Any]) -> list[Any]:  # noqa: ANN401 - what is said first, and then
    """Return both as one list."""
    return [first, *rest]


talks: Any = st.builds(joined, given_pairs, further)
said = st.one_of(*(st.sampled_from(("yes", "no")) for _ in range(3)), st.none(), given_pairs)
dialogues: Any = st.builds(joined, given_pairs, st.lists(said, min_size=1, max_size=5))


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


def values(talk: Talk, pairs: Pairs | None) -> object:
    """Return an input as the library takes it, or None."""
    return None if pairs is None else {key: written(talk.lib, each) for key, each in pairs}


def made(nest: Nest) -> Make:
    """Return what makes a graph with graphs inside."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library
        return nested(side.lib, nest, side.kind)

    return make


@pytest.mark.parametrize("depth", [1, 2])
@few
@given(data=st.data())
def test_random_graphs_inside_show_what_they_do_in_langgraph(
    depth: int, data: st.DataObject
) -> None:
    """Every chunk of every level."""
    nest, pairs, limit = data.draw(st.tuples(nests(depth), given_pairs, limits))
    make = made(nest)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        run(talk, values(talk, pairs), limit, durability=None)

    agree("async", make, script)


@pytest.mark.parametrize("depth", [1, 2])
@few
@given(data=st.data())
def test_random_conversations_with_graphs_inside_are_those_of_langgraph(
    depth: int, data: st.DataObject
) -> None:
    """Runs that fail and go on; every stream, and the thread and its history at every level."""
    nest, turns, limit = data.draw(st.tuples(nests(depth), talks, limits))

    def script(talk: Talk) -> None:
        for pairs in turns:
            if not run(talk, values(talk, pairs), limit, *PLAIN) or not looked(talk):
                break
        talk.told = [comparable(one) for one in talk.told]

    agree("async", made(nest), script)


@pytest.mark.parametrize("depth", [1, 2])
@few
@given(data=st.data())
def test_random_dialogues_with_graphs_inside_are_those_of_langgraph(
    depth: int, data: st.DataObject
) -> None:
    """All that wait are answered at once, or asked again, or given up for another input."""
    drawn, counts, turns = data.draw(st.tuples(nests(depth), asks, dialogues))

    def script(talk: Talk) -> None:
        for pairs in turns:
            said = answered(talk, pairs) if isinstance(pairs, str) else values(talk, pairs)
            if not run(talk, said, 12, *PLAIN) or not looked(talk):
                break
        talk.told = [asked(comparable(one)) for one in talk.told]

    agree("async", made(asking(drawn, counts)), script)


def run(talk: Talk, said: object, limit: int, *modes: str, **options: Any) -> bool:  # noqa: ANN401 - of `run`
    """Run a graph; return whether it did not collide, after which nothing is to be compared."""
    config = {"recursion_limit": limit}
    talk.run(said, *(modes or LIVE), config=config, subgraphs=True, **options)
    chunks, error = talk.told.pop()
    if error == "InvalidUpdateError":  # then LangGraph may lose what a lone task wrote
        talk.told.append(error)
        return False
    talk.told.append((comparable([*settled(chunks)]), error))
    return True


def looked(talk: Talk) -> bool:
    """Tell all of a thread, if LangGraph can read it; return whether to go on with it.

    Not where something was left behind when a task failed: LangGraph may have begun it.
    """
    try:
        if left_behind(talk.now(subgraphs=True)):
            return False
        look_inside(talk)
    except THEIRS.errors.InvalidUpdateError:
        reject()
    return True


def left_behind(state: Any) -> bool:  # noqa: ANN401 - of either library
    """Tell whether a task has failed, here or inside, beside one that has no end."""
    errors = {str(task.error) for task in state.tasks if task.error is not None}
    endless = [task for task in state.tasks if task.result is None and not task.interrupts]
    open_ones = [task for task in endless if str(task.error) in {"None", "CancelledError()"}]
    if errors - {"CancelledError()"} and open_ones:
        return True
    return any(left_behind(task.state) for task in state.tasks if hasattr(task.state, "tasks"))


def asked(told: Any) -> Any:  # noqa: ANN401 - plain data
    """Return what was told with the questions of a task in a fixed order, and without its error.

    A node that is a graph can ask several at once, in LangGraph in any order; and it can have the
    error of an earlier attempt, as a node that asks has there.
    """
    kind: Any = list  # not narrowed to by type checkers, which would know too little of it
    if isinstance(told, kind):
        return [asked(each) for each in told]
    if not isinstance(told, dict):
        return told
    pairs = {key: asked(value) for key, value in cast("dict[str, Any]", told).items()}
    for key in {"interrupts", "__interrupt__"} & {*pairs}:
        pairs[key] = sorted(pairs[key], key=lambda question: str(question["id"]))
    return {**pairs, "error": None} if pairs.get("interrupts") and "error" in pairs else pairs


def settled(chunks: Iterable[Any]) -> Iterator[Any]:
    """Yield chunks without what comes behind the end of a superstep that has none.

    LangGraph begins, and cancels, what stands behind a task that has failed, and shows that of
    graphs inside, as the run around them goes on for a while.
    """
    failed = False
    for chunk in chunks:
        _, mode, told = chunk
        error = told.get("error") if mode == "tasks" else None
        failed = failed or error is not None
        if not failed or error not in {None, "CancelledError()"}:
            yield chunk
