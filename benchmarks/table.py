"""Run the chosen benchmarks and collect their rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

from benchmarks import byhand, growth, startup, stored, stored_timed
from benchmarks.cases import CASES, CHAIN, Case
from benchmarks.growth import GROWTHS, Grown, Growth
from benchmarks.library import NAMES as LIBRARIES
from benchmarks.library import Library
from benchmarks.measure import Effort, Failures, Maker, Tell, attempt, best, is_available
from benchmarks.results import BY_HAND, Figures, GrowthRow, Machine, Results, Row

R = TypeVar("R")

MICRO = 1e6
IMPORT = "import"
CREATE_TASK = "create-task"
OBJECTS_IN_RUN = "objects-in-run"
OBJECTS_LEFT = "objects-left"
FEW, MANY = 10, 10_000
IMPORTS = 5
ALONE, IN_BATCH = "awaited alone", "in batches"
SMALL, LARGE = " small", " large"

NAMES = (
    IMPORT,
    CREATE_TASK,
    *(case.name for case in CASES),
    *(each.name for each in GROWTHS),
    OBJECTS_IN_RUN,
    OBJECTS_LEFT,
    *stored.NAMES,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender of one benchmark."""

    benchmark: str
    contender: str

    def __str__(self) -> str:
        """Name both."""
        return f"{self.benchmark}, {self.contender}"


Contender = tuple[Entry, Maker]
Seconds = dict[Entry, float]


@dataclass(frozen=True, slots=True)
class Session:
    """What is run: the libraries, the effort, the chosen names, and who hears of progress.

    `longest` says whether there are minutes for the longest stored threads.
    """

    libraries: Sequence[Library]
    effort: Effort
    chosen: Sequence[str]
    tell: Tell
    longest: bool = False


def choose(wanted: Sequence[str]) -> list[str]:
    """Return the names that are asked for, or begin with what is asked for; all if nothing is.

    Raises:
        ValueError: If something asked for is no name and begins none.
    """
    for start in wanted:
        if not any(name.startswith(start) for name in NAMES):
            raise ValueError(f"no benchmark is called {start!r}; there are: {', '.join(NAMES)}")
    if not wanted:
        return list(NAMES)
    exact = {start for start in wanted if start in NAMES}
    starts = tuple(start for start in wanted if start not in exact)
    return [name for name in NAMES if name in exact or name.startswith(starts)]


def measure(session: Session, machine: Machine) -> Results:
    """Measure what is chosen: imports and objects first, then everything that is timed in rounds.

    Stored threads have rounds of their own, for they leave much in memory. So have cases on trio,
    at the end: once trio is in memory, everybody has to ask which loop is running.
    """
    cases = [case for case in CASES if case.name in session.chosen]
    growths = [each for each in GROWTHS if each.name in session.chosen]
    failures: Failures[Entry] = {}
    import_rows = list(_import_rows(session))
    object_rows = list(_object_rows(session, failures))
    elsewhere = chain(_task_makers(session), _case_makers(cases, session, trio=False))
    seconds = _best(chain(elsewhere, _growth_makers(growths, session)), session, failures)
    in_stores = _best(_stored_makers(session), session, failures)
    stored_rows = list(_stored_rows(session, failures))
    seconds |= _best(_case_makers(cases, session, trio=True), session, failures)
    times = {(entry.benchmark, entry.contender): figure for entry, figure in in_stores.items()}
    return Results(
        machine,
        [
            *import_rows,
            *_task_rows(seconds),
            *(_case_row(case, seconds) for case in cases),
            *stored_timed.rows(times),
            *(row for row in stored_rows if isinstance(row, Row)),
        ],
        [
            *(_growth_row(each, seconds) for each in growths),
            *object_rows,
            *stored_timed.growths(times),
            *(row for row in stored_rows if isinstance(row, GrowthRow)),
        ],
        {str(entry): str(error) or repr(error) for entry, error in failures.items()},
    )


def _best(contenders: Iterable[Contender], session: Session, failures: Failures[Entry]) -> Seconds:
    """Time the contenders in rounds."""
    seconds, failed = best(dict(contenders), session.effort, session.tell)
    failures |= failed
    return seconds


def _case_makers(cases: Iterable[Case], session: Session, *, trio: bool) -> Iterator[Contender]:
    """Yield everybody who can run these cases, those on trio or the others."""
    for case in cases:
        if (case.backend == "trio") is trio and is_available(case.backend):
            for library in session.libraries:
                if case.backend in library.facts.backends:
                    entry = Entry(case.name, library.name)
                    yield entry, partial(case.prepare, library, case.size)
            if case.by_hand is not None:
                yield Entry(case.name, BY_HAND), partial(case.by_hand, case.size)


def _growth_makers(growths: Iterable[Growth], session: Session) -> Iterator[Contender]:
    """Yield every library in the small and in the large surrounding."""
    for each in growths:
        for library in session.libraries:
            for suffix, size in ((SMALL, each.small), (LARGE, each.large)):
                entry = Entry(each.name, library.name + suffix)
                yield entry, partial(each.prepare, library, size)


def _case_row(case: Case, seconds: Seconds) -> Row:
    """Collect the figures of a case."""
    figures = _figures(case.name, seconds)
    return Row(case.name, case.title, f"us/{case.unit}", case.target, figures)


def _figures(benchmark: str, seconds: Seconds) -> Figures:
    """Return the contenders' figures in microseconds."""
    return {
        entry.contender: figure * MICRO
        for entry, figure in seconds.items()
        if entry.benchmark == benchmark
    }


def _growth_row(each: Growth, seconds: Seconds) -> GrowthRow:
    """Collect the figures of something that must not grow."""
    found = _figures(each.name, seconds)
    figures = {
        name: Grown(found[name + SMALL], found[name + LARGE])
        for name in LIBRARIES
        if name + SMALL in found and name + LARGE in found
    }
    return GrowthRow(
        each.name, each.title, "us/superstep", each.small, each.large, each.limit, figures
    )


def _task_makers(session: Session) -> Iterator[Contender]:
    """Yield a chain for each library and, beside it, `asyncio.create_task`."""
    if CREATE_TASK in session.chosen:
        yield Entry(CREATE_TASK, ALONE), partial(byhand.tasks_one_by_one, CHAIN.size)
        yield Entry(CREATE_TASK, IN_BATCH), partial(byhand.tasks_in_a_batch, CHAIN.size)
        for library in session.libraries:
            entry = Entry(CREATE_TASK, library.name)
            yield entry, partial(CHAIN.prepare, library, CHAIN.size)


def _task_rows(seconds: Seconds) -> Iterator[Row]:
    """Say what a superstep costs beside one `asyncio.create_task`."""
    figures = _figures(CREATE_TASK, seconds)
    for kind, target in ((ALONE, 1.0), (IN_BATCH, None)):
        task = figures.pop(kind, None)
        if task is not None:
            times = {name: figure / task for name, figure in figures.items() if name in LIBRARIES}
            yield Row(
                CREATE_TASK, f"superstep / create_task {kind}", f"of {task:.1f} us", target, times
            )


def _import_rows(session: Session) -> Iterator[Row]:
    """Measure what the import of each library costs."""
    if IMPORT in session.chosen:
        session.tell(IMPORT)
        costs = startup.import_costs(session.libraries, min(session.effort.repeats, IMPORTS))
        milliseconds = {name: cost.milliseconds for name, cost in costs.items()}
        modules = {name: float(cost.modules) for name, cost in costs.items()}
        title = "import, fresh interpreter"
        yield Row(IMPORT, title, "ms wall", startup.TARGET_MS, milliseconds)
        yield Row(IMPORT, title, "modules", startup.TARGET_MODULES, modules)


def _object_rows(session: Session, failures: Failures[Entry]) -> Iterator[GrowthRow]:
    """Count live objects for each library."""
    for name, title, count in (
        (OBJECTS_IN_RUN, "live objects at superstep", growth.objects_in_a_run),
        (OBJECTS_LEFT, "objects left after supersteps", growth.objects_left),
    ):
        if name in session.chosen:
            session.tell(name)
            figures: dict[str, Grown] = {}
            for library in session.libraries:
                entry = Entry(name, library.name)
                found = attempt(entry, partial(count, library, FEW, MANY), failures)
                if found is not None:
                    figures[library.name] = found
            yield GrowthRow(name, title, "objects", FEW, MANY, 1.0, figures)


def _stored_makers(session: Session) -> Iterator[Contender]:
    """Yield everybody who runs stored threads against the clock."""
    for (benchmark, contender), make in stored_timed.makers(session.chosen, session.libraries):
        yield Entry(benchmark, contender), make


def _stored_rows(session: Session, failures: Failures[Entry]) -> Iterator[Row | GrowthRow]:
    """Find out what else there is about stored threads."""

    def attempted(benchmark: str, library: Library, act: Callable[[], R]) -> R | None:
        session.tell(f"{benchmark}, {library.name}")
        return attempt(Entry(benchmark, library.name), act, failures)

    return stored.rows(session.chosen, session.libraries, attempted, longest=session.longest)
