"""How many random graphs the differential tests try: the profiles of hypothesis.

`HYPOTHESIS_PROFILE=long` tries many more, other ones each time, and takes minutes.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
# All but `explain`, which traces every line of both libraries to say little.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink)
SECONDS = {"ci": 300, "long": 0}  # a failing case needs minutes to shrink; 0 is no limit

settings.register_profile("ci", max_examples=150, deadline=None, derandomize=True, phases=PHASES)
settings.register_profile("long", max_examples=5000, deadline=None, phases=PHASES)
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Give the tests here the time they may need."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS[PROFILE]))
