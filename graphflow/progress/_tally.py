"""Counts what a run does: supersteps, and for each node what runs, is done, has failed or waits.

Runs of the same node's graphs are counted together, so there are no more rows than there are nodes,
however wide a fan-out is. Times come in as arguments, and nothing here knows how it is drawn.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, final

End: TypeAlias = Literal["done", "failed", "waiting", "stopped"]
"""How a task has ended: `stopped` is one that was cancelled."""


@final
class Row:
    """What is known of one node.

    Attributes:
        name: its name.
        rows: the nodes of graphs that it runs, by name.
        total: how many tasks it has, in this round.
        ends: how those of them have ended that have.
        rounds: how often tasks have been counted anew.
        running: how many run.
        retries: how often a task that had failed has been begun again, in all rounds.
        error: the last error, as text.
    """

    __slots__ = (
        "_around",
        "_since",
        "_spent",
        "ends",
        "error",
        "name",
        "retries",
        "rounds",
        "rows",
        "running",
        "total",
    )

    def __init__(self, name: str) -> None:
        """Begin with nothing."""
        self.name = name
        self.rows: dict[str, Row] = {}
        self.total = self.rounds = self.running = self.retries = 0
        self.ends: Counter[End] = Counter()
        self.error = ""
        self._around = 0
        self._spent = 0.0
        self._since = 0.0

    @property
    def through(self) -> int:
        """How many of its tasks have ended."""
        return self.ends.total()

    def expect(self, count: int, around: "Row") -> None:
        """Let there be more tasks.

        They are counted anew where all of the last are through; those of a graph that a node runs,
        of which others may be under way, where its node's tasks are.

        Args:
            count: how many.
            around: the row that it is in.
        """
        anew = self._around != around.rounds if around.rounds else self.through >= self.total
        if anew:
            self.total, self.rounds = 0, self.rounds + 1
            self.ends.clear()
        self._around = around.rounds
        self.total += count

    def start(self, now: float, *, again: bool) -> None:
        """Let one of them begin; `again`, if it had failed."""
        if again:
            self.ends["failed"] -= 1
            self.retries += 1
        if not self.running:
            self._since = now
        self.running += 1

    def end(self, now: float, end: End) -> None:
        """Let one of them end."""
        self.ends[end] += 1
        self.running -= 1
        if not self.running:
            self._spent += now - self._since

    def seconds(self, now: float) -> float:
        """Return for how long any of its tasks has run."""
        return self._spent + (now - self._since if self.running else 0.0)

    def walk(self, depth: int = 0) -> "Iterator[tuple[int, Row]]":
        """Yield the rows below, each with its depth."""
        for row in list(self.rows.values()):
            yield depth, row
            yield from row.walk(depth + 1)


@dataclass(slots=True, eq=False)
class Step:
    """A superstep of one of the runs.

    Attributes:
        number: its number.
        began: when it began.
        rows: the rows of its nodes.
        left: how many tasks of each node have not ended.
        failed: the ids of the tasks that have failed last.
    """

    number: int
    began: float
    rows: dict[str, Row]
    left: Counter[str]
    failed: set[str] = field(default_factory=lambda: cast("set[str]", set()))


@final
class Tally:
    """The rows of a run and of all graphs inside it.

    Attributes:
        top: the run, whose rows are its nodes.
        step: the number of its last superstep.
        steps: how many supersteps it has begun.
    """

    def __init__(self) -> None:
        """Begin before the first superstep."""
        self.top = Row("")
        self.step = self.steps = 0
        # Several, where a graph whose memory is a node's is run by two tasks of it at once.
        self._open: defaultdict[tuple[str, int], list[Step]] = defaultdict(list)

    def begin(self, ns: str, number: int, nodes: Sequence[str], now: float) -> Step:
        """Let a superstep of the run of a namespace begin, with a task of each of the nodes."""
        row = self.top
        for name in names_of(ns):
            row = row.rows.setdefault(name, Row(name))
        if not ns:
            self.step, self.steps = number, self.steps + 1
        counts = Counter(nodes)
        rows = {name: row.rows.setdefault(name, Row(name)) for name in counts}
        for name, count in counts.items():
            rows[name].expect(count, row)
        step = Step(number, now, rows, counts)
        self._open[ns, number].append(step)
        return step

    def close(self, ns: str, step: Step) -> None:
        """Let a superstep end; what has not begun will not."""
        beside = self._open[ns, step.number]
        beside.remove(step)
        if not beside:
            del self._open[ns, step.number]
        for name, count in step.left.items():
            step.rows[name].total -= count

    def start(self, place: str, number: int, task: str, now: float) -> tuple[Step, str]:
        """Let a task begin; return its superstep and its node's name."""
        ns, _, last = place.rpartition("|")
        step, name = self._open[ns, number][-1], last.partition(":")[0]
        again = task in step.failed
        step.failed.discard(task)
        step.left[name] += 1 if again else 0
        step.rows[name].start(now, again=again)
        return step, name

    @staticmethod
    def end(step: Step, name: str, task: str, now: float, end: End) -> Row:
        """Let a task end; return its row."""
        if end == "failed":
            step.failed.add(task)
        step.left[name] -= 1
        row = step.rows[name]
        row.end(now, end)
        return row


def names_of(ns: str) -> list[str]:
    """Return the nodes that a namespace names, without the tasks' ids and the calls' numbers."""
    parts = ns.split("|") if ns else ()
    return [part.partition(":")[0] for part in parts if not part.isdecimal()]
