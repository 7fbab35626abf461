"""What a run of the benchmarks found: rows of figures, and whether they keep to their targets."""

from dataclasses import dataclass
from typing import TypedDict

from benchmarks.growth import Grown
from benchmarks.library import GRAPHFLOW, LANGGRAPH

BY_HAND = "by hand"

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one case.

    Attributes:
        name: The case, as the command line has it.
        title: The case, as the table has it.
        unit: What the figures are.
        target: What graphflow's figure may be at most; None where nothing is asked.
        figures: A figure for each contender that took part.
        is_rate: Whether more is better, and the target what the figure must be at least.
    """

    name: str
    title: str
    unit: str
    target: float | None
    figures: Figures
    is_rate: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times as good as LangGraph's graphflow's figure is."""
        ours, theirs = self.figures.get(GRAPHFLOW), self.figures.get(LANGGRAPH)
        if ours is None or theirs is None:
            return None
        return ours / theirs if self.is_rate else theirs / ours

    @property
    def is_over(self) -> bool:
        """Whether graphflow misses the target."""
        ours = self.figures.get(GRAPHFLOW)
        if ours is None or self.target is None:
            return False
        return ours < self.target if self.is_rate else ours > self.target


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """The figures of one thing that must not grow, for each library that took part."""

    name: str
    title: str
    unit: str
    small: int
    large: int
    limit: float
    figures: dict[str, Grown]

    @property
    def is_over(self) -> bool:
        """Whether graphflow grows."""
        ours = self.figures.get(GRAPHFLOW)
        return ours is not None and ours.factor > self.limit


class Machine(TypedDict):
    """What the figures were measured with."""

    python: str
    system: str
    processors: int
    libraries: dict[str, str]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run found."""

    machine: Machine
    rows: list[Row]
    growths: list[GrowthRow]
    failures: dict[str, str]

    @property
    def over(self) -> list[str]:
        """The names of the cases in which graphflow misses its target."""
        over = [row.name for row in self.rows if row.is_over]
        return over + [row.name for row in self.growths if row.is_over]
