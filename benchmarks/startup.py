"""The cost of the import: wall time and modules, in fresh interpreters that find what we find."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.library import Library

TARGET_MS = 70.0
TARGET_MODULES = 150

_PROBE = """
import sys, time
before = len(sys.modules)
started = time.perf_counter()
{statement}
print((time.perf_counter() - started) * 1000, len(sys.modules) - before)
"""


@dataclass(frozen=True, slots=True)
class ImportCost:
    """What one import took: wall milliseconds, and the modules it loaded."""

    milliseconds: float
    modules: int


def import_costs(libraries: Iterable[Library], repeats: int) -> dict[str, ImportCost]:
    """Return the best of several imports of each library, taken in turn.

    One more comes first: it writes the bytecode files and warms the disk.
    """
    rounds = [{library.name: _probe(library) for library in libraries} for _ in range(repeats + 1)]
    return {
        name: min((each[name] for each in rounds[1:]), key=lambda cost: cost.milliseconds)
        for name in rounds[0]
    }


def _probe(library: Library) -> ImportCost:
    """Import the library in a fresh interpreter."""
    code = _PROBE.format(statement=library.facts.import_statement)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(  # noqa: S603 - this interpreter, and code from this file
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    milliseconds, modules = done.stdout.split()
    return ImportCost(float(milliseconds), int(modules))
