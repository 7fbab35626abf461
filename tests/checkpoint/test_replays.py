"""A replay from any checkpoint of a thread ends as the thread did, and leaves the history alone."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import GraphRecursionError, InvalidUpdateError
from graphflow.types import StateSnapshot
from tests.checkpoint.values import same
from tests.crash.played import KINDS, LIMIT, inputs
from tests.differential.build import Kind, built, written
from tests.differential.pair import OURS
from tests.differential.specs import BoomError, Case
from tests.differential.strategies import cases

Pairs: TypeAlias = tuple[tuple[str, Any], ...]

THREAD: Final[Any] = {
    "configurable": {"thread_id": "t"},
    "recursion_limit": LIMIT,
    "max_concurrency": 1,
}
"""Tasks run one at a time, so that what fails does so in the same way each time."""


SOME: Final = 4
"""How many checkpoints of a thread are gone back to."""


def at(config: Any) -> Any:  # noqa: ANN401 - a config
    """Return the config of a checkpoint, with the rest of the thread's."""
    return {**THREAD, "configurable": config["configurable"]}


def ended(graph: Any, given: object, config: Any) -> object:  # noqa: ANN401 - a compiled graph
    """Run; return how that ended, and what the thread is then, without ids and steps."""
    error: str | None = None
    try:
        graph.invoke(given, config)
    except (BoomError, InvalidUpdateError) as raised:
        error = type(raised).__name__
    except GraphRecursionError:
        assume(False)  # noqa: FBT003 - the replay would not run into it
    return (error, told(graph.get_state(THREAD)))


def told(snapshot: StateSnapshot) -> tuple[object, ...]:
    """Return what a snapshot says, without ids and steps."""
    tasks = [
        (task.name, task.path, task.result, (str(task.error) or "").split("(")[0])
        for task in snapshot.tasks
    ]
    return (snapshot.values, snapshot.next, tasks)


def is_there(graph: Any, before: Sequence[StateSnapshot]) -> bool:  # noqa: ANN401 - as above
    """Tell whether a thread has all checkpoints as it had them before."""
    known = [each.config for each in before]
    now = [each for each in graph.get_state_history(THREAD) if each.config in known]
    return len(now) == len(before) and all(map(same, now, before))


@pytest.mark.parametrize("way", ["fork", "config"])
@settings(max_examples=40, deadline=None)
@given(case=cases(), more=inputs, kind=st.sampled_from(KINDS), dice=st.randoms())
def test_a_replay_ends_as_the_thread_did(
    way: str, case: Case, more: Pairs | None, kind: Kind, dice: Random
) -> None:
    """By `fork` and None, or None at the checkpoint, one after the other in the same thread."""
    graph = built(OURS, case.graph, kind).compile(checkpointer=InMemorySaver())
    ends: list[tuple[StateSnapshot, object]] = []
    seen = set[str]()
    for drawn in (case.given, *([] if more is None else [more])):
        end = ended(graph, {key: written(OURS, value) for key, value in drawn}, THREAD)
        for each in graph.get_state_history(THREAD):
            if each.config["configurable"]["checkpoint_id"] not in seen:
                seen.add(each.config["configurable"]["checkpoint_id"])
                ends.append((each, end))
    before = [*graph.get_state_history(THREAD)]
    for each, end in dice.sample(ends, min(len(ends), SOME)):
        if way == "config":
            assert ended(graph, None, at(each.config)) == end
            continue
        graph.fork(at(each.config))
        if each.config != before[0].config:
            assert told(graph.get_state(THREAD))[:2] == told(graph.get_state(at(each.config)))[:2]
        assert ended(graph, None, THREAD) == end
    assert is_there(graph, before)
