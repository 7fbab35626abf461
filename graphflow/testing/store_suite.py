"""Tells whether a checkpoint store does what the engine relies on.

Whoever writes a store runs this on it, under pytest by a class, or anywhere by a call::

    from graphflow.testing.store_suite import StoreSuite, check


    class TestMyStore(StoreSuite):
        def make(self):
            return MyStore()


    check(MyStore)

What it cannot tell is whether what was stored survives the end of the process, or a full disk:
that depends on where the bytes are, and is for the store's own tests.
"""

from collections.abc import Callable
from typing import final

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.testing._cases_commits import CommitCases
from graphflow.testing._cases_forgetting import ForgettingCases
from graphflow.testing._cases_reading import ReadingCases
from graphflow.testing._cases_threads import ThreadCases
from graphflow.testing._line import StoreFault

__all__ = ("StoreFault", "StoreSuite", "check")


class StoreSuite(ReadingCases, CommitCases, ForgettingCases, ThreadCases):
    """The cases, as methods that pytest finds in a subclass named `Test...`.

    The subclass has a method `make` that returns a new store with nothing in it. Each case calls
    it once, and closes what it returned. Fixtures of pytest can be had by a fixture of the class
    with `autouse=True`.
    """


@final
class _Made(StoreSuite):
    """The cases, with a function for `make`."""

    def __init__(self, make: Callable[[], BaseCheckpointSaver]) -> None:
        self._make = make

    def make(self) -> BaseCheckpointSaver:
        """Call the function."""
        return self._make()


def check(make: Callable[[], BaseCheckpointSaver]) -> None:
    """Run all cases, without pytest.

    Args:
        make: returns a new store with nothing in it each time.

    Raises:
        StoreFault: at the first case that fails; its message says what the store does not do.
    """
    cases = _Made(make)
    for group in StoreSuite.__bases__:
        for name in vars(group):  # in the order of their definition: the simple ones first
            if name.startswith("test_"):
                _run(getattr(cases, name))


def _run(case: Callable[[], None]) -> None:
    """Run a case, and take whatever it raises for a fault of the store."""
    try:
        case()
    except StoreFault:
        raise
    except Exception as error:
        raise StoreFault(
            f"{case.__doc__} Instead, the store raised {type(error).__name__}: {error}"
        ) from error
