"""How many random graphs the differential tests try: the profiles of hypothesis.

`HYPOTHESIS_PROFILE=long` tries many more, other ones each time, and takes minutes.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")

settings.register_profile("ci", max_examples=150, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Let the tests here take their time in a long run."""
    here = Path(__file__).parent
    for item in items:
        if PROFILE == "long" and here in item.path.parents:
            item.add_marker(pytest.mark.timeout(0))
