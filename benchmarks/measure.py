"""Time work: CPU seconds, the best of several samples, taken in turn from every contender.

**Clock.** `time.process_time`: CPU time of the whole process, threads included, so that a library
pays for the threads it uses and not for its neighbours on the machine. Work that is timed by the
wall says so.

**Collector.** It stays on, for garbage is part of a library's cost. Before each sample the garbage
is collected and what is alive is frozen (`gc.freeze`), so that nobody pays for scanning what
another left.

**Repeats.** A first pass checks the result and sets the number of passes in a sample and the number
of samples. Then come rounds: in each, every contender of every case gives one sample, so that a
slow minute of the machine hits all alike and is nobody's best. Work that takes seconds is sampled
once.
"""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from time import process_time
from typing import Any, TypeVar

from benchmarks.work import Work, WrongResultError

K = TypeVar("K")
R = TypeVar("R")
Tell = Callable[[str], None]
Maker = Callable[[], Work]
Failures = dict[K, Exception]
Main = Callable[[], Coroutine[Any, Any, R]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much time to spend.

    Attributes:
        sample: Seconds a sample should take at least.
        budget: Seconds to spend on one contender, roughly.
        repeats: Samples taken when the budget allows.
    """

    sample: float
    budget: float
    repeats: int


FULL = Effort(sample=0.02, budget=2.0, repeats=30)
QUICK = Effort(sample=0.01, budget=0.15, repeats=6)
ONCE = Effort(sample=0.0, budget=0.0, repeats=1)

_SHORT = 0.5
"""Seconds that a first pass may take for a second one to be worth its time."""


def _say_nothing(_progress: str) -> None:
    """Hear of progress and keep it."""


@dataclass(frozen=True, slots=True)
class _First:
    """The first pass of a contender, and how it is sampled from then on."""

    work: Work
    seconds: float
    passes: int
    samples: int


def is_available(backend: str) -> bool:
    """Tell whether the event loop of that name can be had here."""
    return backend in ("asyncio", "none") or find_spec(backend) is not None


def run_on(backend: str, main: Main[R]) -> R:
    """Run `main()` to its end on a new event loop of that name."""
    if backend == "none":
        return _run_on_nothing(main)
    if backend == "trio":
        answer: R = import_module("trio").run(main)
        return answer
    factory = import_module("uvloop").new_event_loop if backend == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def _run_on_nothing(main: Main[R]) -> R:
    """Run a coroutine that never waits, with no event loop anywhere."""
    try:
        main().send(None)
    except StopIteration as stop:
        answer: R = stop.value
        return answer
    raise RuntimeError("work for the backend 'none' waited for something; give it an event loop")


def sample(work: Work, passes: int) -> float:
    """Return the CPU seconds that one unit of `work` takes, over so many passes.

    What is alive stays frozen: the caller unfreezes it when the last sample is taken.
    """

    async def main() -> float:
        return await _passes(work, passes)

    gc.collect()
    gc.freeze()
    return run_on(work.backend, main) / (passes * work.units)


async def _passes(work: Work, passes: int) -> float:
    """Time `work.run` so many times; get ready and tidy up off the clock."""
    total = 0.0
    for _ in range(passes):
        await work.ready()
        started = work.clock()
        seen = await work.run()
        total += work.clock() - started
        await work.tidy()
        _check(work, seen)
    return total


def _check(work: Work, seen: int) -> None:
    """Raise if the pass did not do its work."""
    if seen != work.expected:
        raise WrongResultError(work.expected, seen)


def best(
    makers: Mapping[K, Maker], effort: Effort, tell: Tell = _say_nothing
) -> tuple[dict[K, float], Failures[K]]:
    """Return the least CPU seconds a unit took for each contender, and who failed.

    Args:
        makers: What makes the work to time; contenders to be compared stand side by side.
        effort: How much time to spend.
        tell: Hears what is running.
    """
    failures: Failures[K] = {}
    try:
        firsts = _first_passes(makers, effort, failures, tell)
        figures = {name: first.seconds for name, first in firsts.items()}
        for turn in range(effort.repeats):
            tell(f"round {turn + 1} of {effort.repeats}")
            for name, first in firsts.items():
                if turn < first.samples:
                    figures[name] = min(figures[name], sample(first.work, first.passes))
    finally:
        gc.unfreeze()
    return figures, failures


def _first_passes(
    makers: Mapping[K, Maker], effort: Effort, failures: Failures[K], tell: Tell
) -> dict[K, _First]:
    """Make every work and take one pass of it; leave those that fail out of the rounds."""
    firsts: dict[K, _First] = {}
    for name, make in makers.items():
        tell(f"first pass: {name}")
        first = attempt(name, partial(_first_pass, make, effort), failures)
        if first is not None:
            firsts[name] = first
    return firsts


def attempt(name: K, act: Callable[[], R], failures: Failures[K]) -> R | None:
    """Return what `act` does; if it fails, note it: one broken benchmark leaves the others."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - whatever a library raises belongs in the report
        failures[name] = error
        return None


def _first_pass(make: Maker, effort: Effort) -> _First:
    """Make the work, take one pass of it, and choose the passes and samples to come.

    Short work takes a second pass to judge by: a first one may import what is loaded on first use,
    and samples of too few passes would never be warm.
    """
    work = make()
    seconds, whole = _one_pass(work)
    if whole < _SHORT:
        seconds, whole = _one_pass(work)
    timed = seconds * work.units
    passes = max(1, round(effort.sample / max(timed, 1e-6)))
    samples = round(effort.budget / max(timed * (passes - 1) + whole, 1e-6))
    return _First(work, seconds, passes, samples)


def _one_pass(work: Work) -> tuple[float, float]:
    """Return the seconds that a unit took, and all the seconds that the pass took around it."""
    started = process_time()
    return sample(work, 1), process_time() - started
