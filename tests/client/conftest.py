"""The fixtures of the client's tests."""

import pytest

from tests.client.served import WAYS


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Give each way to have a client in turn."""
    given: str = request.param
    return given
