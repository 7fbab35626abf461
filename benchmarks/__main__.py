"""The command line: ``python -m benchmarks [names...] [--quick]``."""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import library, profiler, report, table
from benchmarks.library import GRAPHFLOW, Library
from benchmarks.measure import FULL, QUICK
from benchmarks.results import Machine

_OVER_TARGET = 1
_WRONG_CALL = 2
_FAILED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and return the exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        return _say("\n".join(table.NAMES))
    try:
        return _profile(options) if options.profile else _measure(options)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_CALL


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", help="benchmarks to run, or what their names begin with (default: all)")
    add("--quick", action="store_true", help="fewer samples, noisier")
    add("--longest", action="store_true", help="a stored thread of 100,000 supersteps, too")
    add("--library", action="append", choices=library.NAMES, help="only this one (repeatable)")
    add("--json", type=Path, metavar="FILE", help="save the results there, too")
    add("--check", action="store_true", help="exit with 1 if a target is missed")
    add("--list", action="store_true", help="print the names and stop")
    add("--profile", metavar="CASE", help="one case alone: a timed loop, then cProfile")
    add("--size", type=int, metavar="N", help="with --profile: units of one pass")
    return parser


def _profile(options: argparse.Namespace) -> int:
    """Profile one case of one library, graphflow unless another is asked for."""
    chosen = library.load((options.library or [GRAPHFLOW])[0])
    return _say(profiler.profile(profiler.find(options.profile), chosen, options.size))


def _measure(options: argparse.Namespace) -> int:
    """Measure, print the table, save it."""
    libraries = _libraries(options.library)
    effort = QUICK if options.quick else FULL
    chosen = table.choose(options.names)
    session = table.Session(libraries, effort, chosen, _tell, longest=options.longest)
    results = table.measure(session, _machine(libraries))
    _tell("")
    if options.json:
        options.json.write_text(report.as_json(results))
    _say(report.as_text(results))
    if results.failures:
        return _FAILED
    return _OVER_TARGET if options.check and results.over else 0


def _libraries(wanted: Sequence[str] | None) -> list[Library]:
    """Load the libraries that are asked for; if none is, those that are installed."""
    names = wanted or [name for name in library.NAMES if library.is_installed(name)]
    return [library.load(name) for name in names]


def _machine(libraries: Sequence[Library]) -> Machine:
    """Describe what the figures are measured with."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "libraries": {each.name: each.version for each in libraries},
    }


def _say(text: str) -> int:
    """Print, and return the exit status of success."""
    sys.stdout.write(f"{text.rstrip()}\n")
    return 0


def _tell(name: str) -> None:
    """Show on a terminal which benchmark is running; "" clears the line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{name:<60}" if name else f"\r{' ' * 60}\r")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
