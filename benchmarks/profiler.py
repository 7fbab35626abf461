"""One case of one library by itself: a timed loop, then cProfile with figures for one unit."""

import cProfile
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time
from types import CodeType

from benchmarks.cases import CASES, Case
from benchmarks.library import Library
from benchmarks.measure import run_on
from benchmarks.work import Work

LOOPS = 30
SECONDS_A_LOOP = 0.05
FUNCTIONS = 40
MICRO = 1e6


@dataclass(frozen=True, slots=True)
class _Function:
    """What one function took, for one unit of the work."""

    calls: float
    own: float
    whole: float
    name: str


def find(name: str) -> Case:
    """Return the case of that name.

    Raises:
        ValueError: If there is none.
    """
    for case in CASES:
        if case.name == name:
            return case
    raise ValueError(f"no case is called {name!r}; there are: {', '.join(c.name for c in CASES)}")


def profile(case: Case, library: Library, size: int | None, loops: int = LOOPS) -> str:
    """Return a report of where the time of one case goes in one library.

    Args:
        case: What to run.
        library: Who runs it.
        size: How many units a pass has; the case's own size if None.
        loops: How many loops to time.
    """
    work = case.prepare(library, size or case.size)
    first = _seconds(perf_counter, work, 1)
    passes = max(1, round(SECONDS_A_LOOP / first))
    lines = [
        f"{library.name}, {case.title}: {work.units} units a pass, {passes} passes a loop",
        _loop_line("wall", perf_counter, work, passes, loops),
        _loop_line("CPU", process_time, work, passes, loops),
        "",
        "Under cProfile, which makes calls dear, for one unit:",
        *_function_lines(_functions(work, passes)),
    ]
    return "\n".join(lines)


def _loop_line(title: str, clock: Callable[[], float], work: Work, passes: int, loops: int) -> str:
    """Time so many loops and say what a unit takes."""
    units = passes * work.units
    figures = [_seconds(clock, work, passes) / units * MICRO for _ in range(loops)]
    worst, middle = max(figures), statistics.median(figures)
    return f"{title:<5} us/unit: best {min(figures):.2f}, median {middle:.2f}, worst {worst:.2f}"


def _seconds(clock: Callable[[], float], work: Work, passes: int) -> float:
    """Return the seconds that `work.run` takes by this clock, so many times."""

    async def main() -> float:
        total = 0.0
        for _ in range(passes):
            await work.ready()
            started = clock()
            await work.run()
            total += clock() - started
            await work.tidy()
        return total

    return run_on(work.backend, main)


def _functions(work: Work, passes: int) -> list[_Function]:
    """Profile so many passes; return the dearest functions, by their own time."""
    profiler = cProfile.Profile()

    async def run() -> int:
        profiler.enable()
        try:
            return await work.run()
        finally:
            profiler.disable()

    _seconds(perf_counter, replace(work, run=run), passes)
    units = passes * work.units
    found = [
        _Function(
            entry.callcount / units,
            entry.inlinetime / units * MICRO,
            entry.totaltime / units * MICRO,
            _name(entry.code),
        )
        for entry in profiler.getstats()
    ]
    return sorted(found, key=lambda function: -function.own)[:FUNCTIONS]


def _name(code: CodeType | str) -> str:
    """Say which function this is, and where."""
    if isinstance(code, str):
        return code
    return f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_qualname}"


def _function_lines(functions: Iterable[_Function]) -> list[str]:
    """Return the lines of the table."""
    head = f"{'calls':>8}  {'own us':>8}  {'whole us':>8}  function"
    return [head] + [
        f"{each.calls:8.2f}  {each.own:8.2f}  {each.whole:8.2f}  {each.name}" for each in functions
    ]
