"""The benchmarks run: every case does its work at a tiny size. Nothing here looks at a clock."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks import __main__ as command
from benchmarks import (
    growth,
    profiler,
    report,
    startup,
    stored,
    stored_byhand,
    stored_length,
    stored_reading,
    stored_sizes,
    stored_timed,
    stored_ways,
    table,
)
from benchmarks.cases import CASES, CHAIN, Case
from benchmarks.growth import GROWTHS, Grown, Growth
from benchmarks.library import GRAPHFLOW, LANGGRAPH, Library, load
from benchmarks.measure import ONCE, best, is_available
from benchmarks.results import BY_HAND, GrowthRow, Machine, Results, Row
from benchmarks.stored_savers import Kind
from benchmarks.stored_talk import message
from benchmarks.stored_timed import ALONE, STORED, Stored
from benchmarks.work import Work, WrongResultError
from graphflow.checkpoint.codec import Codec

R = TypeVar("R")

TINY = 4
HERE = [case for case in CASES if is_available(case.backend)]
"""The cases whose event loop exists on this platform: uvloop has no wheel for Windows."""
LIBRARY = load(GRAPHFLOW)
MACHINE: Machine = {"python": "3", "system": "here", "processors": 2, "libraries": {}}


def run_once(work: Work) -> dict[str, float]:
    """Take one pass of the work and return its figure; raise what it raised."""
    seconds, failures = best({"work": lambda: work}, ONCE)
    for error in failures.values():
        raise error
    return seconds


def a_row(ours: float, target: float | None = 5.0) -> Row:
    """Return the row of a case in which LangGraph takes 100 us."""
    return Row("chain", "chain of 100", "us/superstep", target, {GRAPHFLOW: ours, LANGGRAPH: 100.0})


def results(rows: list[Row], growths: list[GrowthRow] | None = None) -> Results:
    """Return results of these rows, in which nothing failed."""
    return Results(MACHINE, rows, growths or [], {})


@pytest.mark.parametrize("case", HERE, ids=lambda case: case.name)
def test_case_does_its_work_in_graphflow(case: Case) -> None:
    """A tiny pass of every case answers what it should, on its own event loop."""
    assert run_once(case.prepare(LIBRARY, TINY)).keys() == {"work"}


@pytest.mark.parametrize(
    "case", [case for case in HERE if case.by_hand is not None], ids=lambda case: case.name
)
def test_case_does_its_work_by_hand(case: Case) -> None:
    """A tiny pass of the hand-written twin answers what it should."""
    assert case.by_hand is not None
    assert run_once(case.by_hand(TINY)).keys() == {"work"}


@pytest.mark.parametrize("size", [0, TINY])
@pytest.mark.parametrize(
    "each", [each for each in GROWTHS if each.name in {"nodes", "channels"}], ids=lambda e: e.name
)
def test_surroundings_leave_the_work_as_it_is(each: Growth, size: int) -> None:
    """The timed window holds as many supersteps, whatever stands around it."""
    assert run_once(each.prepare(LIBRARY, size)).keys() == {"work"}


@pytest.mark.parametrize(
    "each", [each for each in GROWTHS if each.name in {"length", "gone-by"}], ids=lambda e: e.name
)
def test_growth_does_its_work(each: Growth) -> None:
    """The timed window of a short run is as long as it says."""
    assert run_once(each.prepare(LIBRARY, TINY)).keys() == {"work"}


def test_long_run_leaves_no_more_objects_than_a_short_one() -> None:
    """What a run leaves behind does not depend on its supersteps."""
    left = growth.objects_left(LIBRARY, 10, 1000)
    assert left.large <= left.small


def test_run_holds_no_more_objects_after_many_supersteps() -> None:
    """What is alive in the middle of a run does not depend on the supersteps gone by."""
    alive = growth.objects_in_a_run(LIBRARY, 10, 1000)
    assert alive.large <= alive.small


@pytest.mark.parametrize("each", [*ALONE.values(), *STORED], ids=lambda each: each.name)
def test_stored_run_does_its_work(each: Stored) -> None:
    """A tiny run has all its messages in the store afterwards, if it has a store."""
    work = stored_ways.through(LIBRARY, TINY, each.kind, on_loop=each.on_loop)
    assert run_once(work).keys() == {"work"}


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_conversations_at_once_do_their_work(kind: Kind) -> None:
    """Each of some conversations has all its messages in the one store afterwards."""
    assert run_once(stored_ways.at_once(LIBRARY, 3, TINY, kind)).keys() == {"work"}


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_rows_are_written_by_hand(kind: Kind) -> None:
    """The hand-written twin of a stored run commits as many rows."""
    assert run_once(stored_byhand.written(TINY, kind)).keys() == {"work"}


def test_thread_is_read_whole() -> None:
    """The reading that is timed finds every message."""
    assert run_once(stored_ways.read(LIBRARY, TINY)).keys() == {"work"}


def test_copying_is_measured_beside() -> None:
    """What the reducer does to a list is timed without any library."""
    assert run_once(stored_length.copies(TINY)).keys() == {"work"}


def test_storing_adds_to_a_superstep() -> None:
    """By turns with itself, a run in a file is dearer than one that is not stored."""
    assert stored_length.storing(LIBRARY, "normal", TINY, ballast=TINY, passes=1) > 0


def test_any_checkpoint_is_read() -> None:
    """Of some readings the slowest takes as long as the middle one, or longer."""
    spread = stored_reading.anywhere(LIBRARY, TINY, 3)
    assert 0 < spread.median <= spread.worst


def test_message_has_200_bytes() -> None:
    """What is stored each superstep has the size that the targets are for."""
    assert len(Codec().pack(message(7))) == 200


def test_bytes_in_memory_are_more_than_the_message() -> None:
    """A saver in memory holds each message, and something around it."""
    assert stored_sizes.in_memory(LIBRARY, 100) > 200


def test_bytes_in_a_file_are_more_than_the_message() -> None:
    """A file holds each message, and something around it."""
    assert stored_sizes.in_file(LIBRARY, 100) > 200


def test_added_is_the_difference_to_the_run_that_is_not_stored() -> None:
    """The rows of savers show what they add to a superstep."""
    seconds = {("stored-nowhere", "graphflow 1000"): 1e-5, ("stored-full", "graphflow 1000"): 5e-5}
    (_, row) = stored_timed.rows(seconds)
    assert row.figures == {GRAPHFLOW: pytest.approx(40)}


def test_run_that_is_not_stored_is_measured_with_every_saver() -> None:
    """Whoever asks for one saver only has the other run beside it nevertheless."""
    names = {name for (name, _), _ in stored_timed.makers(["stored-full"], [LIBRARY])}
    assert names == {"stored-nowhere", "stored-full"}


def test_conversations_are_counted_by_the_second() -> None:
    """20 us for each superstep are 50,000 of them in a second."""
    seconds = {("stored-at-once", "graphflow normal"): 20e-6}
    (row,) = stored_timed.rows(seconds)
    assert row.figures == {GRAPHFLOW: pytest.approx(50_000)}


def test_langgraph_has_no_long_threads() -> None:
    """What grows by the square is not measured at 10,000 supersteps."""
    asked: list[str] = []

    def ask(_benchmark: str, library: Library, _act: Callable[[], R]) -> R | None:
        nothing: R | None = None
        asked.append(library.name)
        return nothing

    libraries = [LIBRARY, load(LANGGRAPH)]
    assert len([*stored.rows(["stored-bytes-memory"], libraries, ask, longest=False)]) == 3
    assert asked == [GRAPHFLOW, LANGGRAPH, GRAPHFLOW, LANGGRAPH, GRAPHFLOW]


@pytest.mark.parametrize(("longest", "lengths"), [(False, 3), (True, 4)])
def test_longest_thread_is_made_on_demand(*, longest: bool, lengths: int) -> None:
    """A thread of 100,000 supersteps is for who asks for it."""
    asked: list[str] = []

    def ask(benchmark: str, _library: Library, _act: Callable[[], R]) -> R | None:
        nothing: R | None = None
        asked.append(benchmark)
        return nothing

    rows = stored.rows(["stored-bytes-file"], [LIBRARY], ask, longest=longest)
    assert [row.name for row in rows] == asked == ["stored-bytes-file"] * lengths


def test_import_is_measured_in_a_fresh_interpreter() -> None:
    """The import of graphflow loads its own modules at least, though this process has them."""
    assert startup.import_costs([LIBRARY], 1)[GRAPHFLOW].modules > 1


def test_wrong_result_is_an_error() -> None:
    """Work that answers something else than expected is not timed in silence."""

    async def lazy() -> int:
        return 1

    with pytest.raises(WrongResultError, match="answered 1, expected 2"):
        run_once(Work(2, 2, lazy))


def test_work_without_a_loop_must_not_wait() -> None:
    """A case that waits must name the event loop it needs."""

    async def wait() -> int:
        await asyncio.sleep(0)
        return 1

    with pytest.raises(RuntimeError, match="waited for something"):
        run_once(Work(1, 1, wait, backend="none"))


def test_one_broken_benchmark_leaves_the_others() -> None:
    """A failure is reported beside the figures of everybody else."""

    async def lazy() -> int:
        return 1

    seconds, failures = best(
        {"good": lambda: Work(1, 1, lazy), "bad": lambda: Work(1, 2, lazy)}, ONCE
    )
    assert (list(seconds), list(failures)) == (["good"], ["bad"])


def test_names_are_chosen_by_what_they_begin_with() -> None:
    """An exact name stands for itself, anything else for all that begin with it."""
    assert table.choose(["chain", "fan"]) == ["chain", "fan-out", "fan-out-10000"]


def test_no_names_mean_all() -> None:
    """Without names everything is measured."""
    assert table.choose([]) == list(table.NAMES)


def test_unknown_name_is_an_error_that_lists_the_names() -> None:
    """A name that fits nothing is refused, and the message says which there are."""
    with pytest.raises(ValueError, match="no benchmark is called 'nothing'; there are: import"):
        table.choose(["nothing"])


def test_names_are_unique() -> None:
    """A name on the command line means one benchmark."""
    assert len(set(table.NAMES)) == len(table.NAMES)


def test_row_over_its_target_is_marked() -> None:
    """A missed target is marked in its row and named below."""
    text = report.as_text(results([a_row(7.0)]))
    assert "7!" in text
    assert "over target (!): chain" in text


def test_row_within_its_target_is_not_marked() -> None:
    """A target that is met leaves no mark."""
    text = report.as_text(results([a_row(4.0)]))
    assert "4!" not in text
    assert "no target is missed" in text


def test_ratio_is_langgraph_over_graphflow() -> None:
    """The ratio says how many times cheaper graphflow is."""
    assert a_row(4.0).ratio == 25.0


def a_rate(ours: float) -> Row:
    """Return a row that counts by the second, of which LangGraph does 10."""
    figures = {GRAPHFLOW: ours, LANGGRAPH: 10.0}
    return Row("many", "many at once", "runs/s", 50.0, figures, is_rate=True)


def test_rate_below_its_target_is_marked() -> None:
    """Where more is better, the target is what must be reached."""
    text = report.as_text(results([a_rate(40.0)]))
    assert "40!" in text
    assert ">50" in text


def test_rate_above_its_target_is_not_marked() -> None:
    """A rate may be as high as it can."""
    assert "no target is missed" in report.as_text(results([a_rate(60.0)]))


def test_ratio_of_rates_is_the_other_way_round() -> None:
    """The ratio says how many times as much graphflow does."""
    assert a_rate(60.0).ratio == 6.0


def test_work_may_have_a_clock_of_its_own() -> None:
    """Work that waits can be timed by another clock than the processor's."""
    ticks = iter(range(100))

    async def work() -> int:
        return 2

    assert run_once(Work(2, 2, work, clock=lambda: float(next(ticks)))) == {"work": 0.5}


def test_growth_over_its_limit_is_marked() -> None:
    """Growth beyond the limit counts as a missed target."""
    row = GrowthRow("nodes", "nodes", "us", 10, 1000, 1.1, {GRAPHFLOW: Grown(2.0, 3.0)})
    assert "1.50!" in report.as_text(results([], [row]))


def test_counts_are_shown_whole() -> None:
    """Objects are counted: no digits behind the point."""
    row = GrowthRow("objects", "objects", "objects", 10, 1000, 1.0, {GRAPHFLOW: Grown(75, 75)})
    assert " 75 -> 75 " in report.as_text(results([], [row]))


def test_lines_of_a_table_are_equally_long() -> None:
    """Columns are aligned."""
    lines = report.as_text(results([a_row(4.0), a_row(1234.5, None)])).splitlines()
    assert len({len(line) for line in lines if line.startswith("chain of")}) == 1


def test_json_holds_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` saves what the table shows."""
    saved = tmp_path / "saved.json"
    status = command.main(["values", "--quick", "--library", GRAPHFLOW, "--json", str(saved)])
    document = json.loads(saved.read_text())
    assert status == 0
    assert document["cases"][0]["figures"].keys() == {GRAPHFLOW, BY_HAND}
    assert "chain, values" in capsys.readouterr().out


def test_profile_tells_calls_a_unit() -> None:
    """In the profile of a chain the node is called once a superstep."""
    lines = profiler.profile(CHAIN, LIBRARY, 200, loops=1).splitlines()
    assert [line.split()[0] for line in lines if line.endswith(" count")] == ["1.00"]


def test_unknown_case_cannot_be_profiled(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line says which cases there are."""
    assert command.main(["--profile", "nothing"]) != 0
    assert "no case is called 'nothing'" in capsys.readouterr().err
