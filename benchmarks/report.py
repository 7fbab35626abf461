"""Results as an aligned text table, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from benchmarks.growth import Grown
from benchmarks.library import GRAPHFLOW, LANGGRAPH
from benchmarks.results import BY_HAND, GrowthRow, Results, Row

_NONE = "-"
_OVER = "!"
_TEXT_COLUMNS = 2
_MANY = 100

_CASES = ("case", "unit", "graphflow", "target", "LangGraph", "ratio", "by hand")
_GROWTHS = (
    *("must not grow with", "unit", "from", "to"),
    *("graphflow", "factor", "limit", "LangGraph", "factor"),
)


def as_json(results: Results) -> str:
    """Return the results as JSON, one object."""
    document: dict[str, object] = {
        **results.machine,
        "cases": [asdict(row) | {"ratio": row.ratio} for row in results.rows],
        "growths": [_growth_as_data(row) for row in results.growths],
        "over": results.over,
        "failures": results.failures,
    }
    return json.dumps(document, indent=2) + "\n"


def _growth_as_data(row: GrowthRow) -> dict[str, object]:
    """Return the row with its factors."""
    factors = {name: grown.factor for name, grown in row.figures.items()}
    return {**asdict(row), "factors": factors}


def as_text(results: Results) -> str:
    """Return the results as a table for a terminal."""
    parts = [_heading(results)]
    if results.rows:
        parts.append(_table([_CASES, *map(_case_cells, results.rows)]))
    if results.growths:
        parts.append(_table([_GROWTHS, *map(_growth_cells, results.growths)]))
    parts.append("\n".join([_verdict(results.over), *_failures(results.failures)]))
    return "\n\n".join(parts) + "\n"


def _heading(results: Results) -> str:
    """Say what was measured on what, and how."""
    machine = results.machine
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{libraries}; Python {machine['python']}, {machine['system']}, "
        f"{machine['processors']} processors\n"
        "CPU time of the process, the best of several samples taken in turn, collector on; "
        "ratio: LangGraph / graphflow, and the other way round for what is counted per second"
    )


def _verdict(over: Sequence[str]) -> str:
    """Say which targets are missed."""
    return f"over target ({_OVER}): {', '.join(over)}" if over else "no target is missed"


def _failures(failures: Mapping[str, str]) -> list[str]:
    """Say which benchmarks did not run, and why."""
    return [f"FAILED {name}: {error}" for name, error in failures.items()]


def _case_cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a case."""
    return (
        row.title,
        row.unit,
        _number(row.figures.get(GRAPHFLOW)) + (_OVER if row.is_over else ""),
        _target(row),
        _number(row.figures.get(LANGGRAPH)),
        _NONE if row.ratio is None else f"{_number(row.ratio)}x",
        _number(row.figures.get(BY_HAND)),
    )


def _target(row: Row) -> str:
    """Return what graphflow's figure may be at most, or must be at least."""
    if row.target is None:
        return _NONE
    return f">{row.target:,g}" if row.is_rate else f"{row.target:,g}"


def _growth_cells(row: GrowthRow) -> tuple[str, ...]:
    """Return the cells of something that must not grow."""
    ours, theirs = row.figures.get(GRAPHFLOW), row.figures.get(LANGGRAPH)
    return (
        row.title,
        row.unit,
        f"{row.small:,}",
        f"{row.large:,}",
        _both(ours),
        _factor(ours) + (_OVER if row.is_over else ""),
        f"{row.limit:g}",
        _both(theirs),
        _factor(theirs),
    )


def _both(grown: Grown | None) -> str:
    """Return the small and the large figure."""
    return _NONE if grown is None else f"{_number(grown.small)} -> {_number(grown.large)}"


def _factor(grown: Grown | None) -> str:
    """Return how many times the small figure the large one is."""
    return _NONE if grown is None else f"{grown.factor:.2f}"


def _number(figure: float | None) -> str:
    """Return the figure with about three digits, a count as it is."""
    if figure is None:
        return _NONE
    if float(figure).is_integer():  # an int has this method from Python 3.12 on
        return f"{figure:,.0f}"
    digits = 2 if figure < 1 else 1 if figure < _MANY else 0
    return f"{figure:,.{digits}f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Align the columns: the text ones left, the numbers right; a rule below the first row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line of a table, with room for the mark behind a number."""
    cells: list[str] = []
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        cells.append(cell.ljust(width) if index < _TEXT_COLUMNS else cell.rjust(width))
    return "  ".join(cells)
