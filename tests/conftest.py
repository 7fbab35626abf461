"""The fixtures of all tests, and what they are measured with."""

import gc
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any, final

import pytest


@pytest.fixture
def young_objects_only() -> Iterator[None]:
    """Let the garbage collector look only at what a test makes, and not at all that is imported.

    To look at that, too, takes it some tenths of a second each time.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@final
class PatientSys(ModuleType):
    """The module `sys` as `threading` uses it, to set a trace function in each new thread.

    Python 3.11 refuses that while another thread sets one, and the new thread dies of it; so
    coverage would fail a test once in some ten thousand threads.
    """

    @staticmethod
    def settrace(function: Any, /) -> None:  # noqa: ANN401 - as sys has it
        """Set the trace function, as soon as that can be done."""
        while True:
            try:
                sys.settrace(function)
            except RuntimeError:
                continue
            return

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        """Return what `sys` has."""
        return getattr(sys, name)


if sys.version_info < (3, 12):
    threading.__dict__["_sys"] = PatientSys("sys")
