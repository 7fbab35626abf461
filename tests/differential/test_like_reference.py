"""Random graphs give in graphflow what the naive reference interpreter says, on every driver."""

import pytest
from hypothesis import given

from tests.differential.build import Driver, traces
from tests.differential.pair import OURS
from tests.differential.reference import interpret
from tests.differential.specs import Case
from tests.differential.strategies import cases


@pytest.mark.parametrize("driver", ["threads", "asyncio", "trio"])
@given(case=cases())
def test_graphflow_is_like_the_reference(driver: Driver, case: Case) -> None:
    """Sync and async nodes give the naive interpreter's updates, values, result and error class."""
    expected = interpret(case)

    assert traces(OURS, case, driver, "sync") == expected
    assert traces(OURS, case, driver, "async") == expected
