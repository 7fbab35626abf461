"""Random graphs give in graphflow what they give in LangGraph; and so does the reference.

Tasks run one at a time, so that the order in which they end, the one freedom of a superstep, is
fixed. `strategies.py` says which graphs are never drawn, and why.
"""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import assume, given

from tests.differential.build import Driver, Kind, traces
from tests.differential.pair import OURS, THEIRS
from tests.differential.reference import interpret
from tests.differential.specs import Case
from tests.differential.strategies import alike, cases
from tests.differential.traces import MODES, Mode, Trace

# LangGraph makes coroutines for all tasks of a superstep, and forgets them if an earlier one fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'arun_with_retry' was never awaited")

both_drivers = pytest.mark.parametrize(
    ("driver", "kind"), [("threads", "sync"), ("asyncio", "async")]
)


@pytest.fixture(scope="module", autouse=True)
def forgotten_coroutines() -> Iterator[None]:
    """Collect what LangGraph forgot here, where the warning is ignored, and not in other tests."""
    yield
    gc.collect()


@both_drivers
@given(case=cases().map(alike))
def test_graphflow_is_like_langgraph(driver: Driver, kind: Kind, case: Case) -> None:
    """Updates, values, both, result and error class are LangGraph's, sync and async."""
    agree(driver, traces(OURS, case, driver, kind), traces(THEIRS, case, driver, kind))


@both_drivers
@given(case=cases().map(alike))
def test_reference_is_like_langgraph(driver: Driver, kind: Kind, case: Case) -> None:
    """The naive interpreter, which other tests compare with, says what LangGraph does."""
    agree(driver, interpret(case), traces(THEIRS, case, driver, kind))


def agree(driver: Driver, ours: dict[Mode, Trace], theirs: dict[Mode, Trace]) -> None:
    """Fail unless the traces are equal, but for what a race in LangGraph adds to a failed run."""
    # If nothing was written, LangGraph's invoke returns None, graphflow's the state as it is.
    assume(("invoke", None) not in theirs["invoke"].chunks)
    if driver == "threads" and ours["invoke"].error == "BoomError":
        assert all(ours[mode].begins(theirs[mode]) for mode in MODES), (ours, theirs)
    else:
        assert ours == theirs
