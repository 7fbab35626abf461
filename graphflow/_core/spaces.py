"""The names of branches of graphs inside others: which task runs the graph, and in which branch.

A branch of a graph inside another is found by its space. That names the task by its node, its
superstep and its Send, and not by its id: so it is the same in a copied thread. What users see is
the namespace, which has the ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from graphflow._core.ids import origin_of, task_id
from graphflow._record import record
from graphflow.checkpoint.records import Branch

if TYPE_CHECKING:
    from graphflow._core.inside import Inside

_PARTS: Final = 5


@record
class Level:
    """One call of a graph by a task.

    Attributes:
        node: the task's node.
        step: its superstep; None for a graph whose memory is the node's, whatever the task.
        index: the number of its Send, or -1.
        number: how many graphs the task, or its edge, had run before.
        edge: the conditional edge that runs it, or "" for the node.
    """

    node: str
    step: int | None
    index: int
    number: int
    edge: str

    @property
    def lasting(self) -> bool:
        """Whether the graph's memory is the node's."""
        return self.step is None

    def text(self) -> str:
        """Return it as part of a space."""
        task = ":" if self.step is None else f"{self.step}:{self.index}"
        return f"{self.node}:{task}:{self.number}:{self.edge}"


@record
class Space:
    """Where a graph inside another is run.

    Attributes:
        levels: the calls that lead to it from the nearest graph around it that is stored.
        outer: the branch of that graph.
    """

    levels: Sequence[Level]
    outer: int

    @property
    def text(self) -> str:
        """It as it stands in the store."""
        return f"{'|'.join(level.text() for level in self.levels)}@{self.outer:x}"

    def within(self, outer: int) -> "Space":
        """Return the same in another branch of the graph around it."""
        return Space(self.levels, outer)

    def in_step(self, step: int) -> "Space":
        """Return the same of a task of another superstep; of a node, if its memory is that."""
        first = self.first
        if first.lasting:
            return self
        return Space((replace(first, step=step), *self.levels[1:]), self.outer)

    def numbered(self, number: int) -> "Space":
        """Return that of another graph that the task, or the edge, runs."""
        last = replace(self.levels[-1], number=number)
        return Space((*self.levels[:-1], last), self.outer)

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the nodes that lead to it."""
        return tuple(level.node for level in self.levels)

    @property
    def first(self) -> Level:
        """The call by a task of the graph around it that is stored."""
        return self.levels[0]

    def part(self, thread: str, epoch: int = 0) -> str:
        """Return what it adds to the namespace of the graph around it.

        Args:
            thread: the thread's id.
            epoch: what is part of the ids of the tasks around it, see `origin_of`.
        """
        origin = origin_of(thread, self.outer, epoch)
        parts: list[str] = []
        for level in self.levels:
            if level.step is None:
                parts.append(level.node)
            else:
                this = task_id(origin, level.step, level.node, level.index)
                parts.append(f"{level.node}:{this}")
                origin = f"{this}\0{level.number}\0{level.edge}"
            if level.number:
                parts.append(str(level.number))
        return "|".join(parts)


def space_of(inside: "Inside", outer: int) -> Space:
    """Return the space of a graph that a task runs.

    Args:
        inside: where it is run.
        outer: the branch of the nearest graph around it that is stored; or the thread's own, for
            one whose memory is the node's: that outlasts the graphs around it.
    """
    levels: list[Level] = []
    for around in inside.outward():
        levels.insert(0, _level(around, lasting=inside.lasting))
        if around.task.run.thread is not None and not inside.lasting:
            break
    return Space(levels, outer)


def call_in(inside: "Inside", number: int | None = None) -> str:
    """Return what tells a call of a graph from those that other tasks make of it.

    Args:
        inside: where the graph is run.
        number: the number of the call, if it is another one of the same task.
    """
    own, *outer = [_level(each, lasting=False) for each in inside.outward()]
    if number is not None:
        own = replace(own, number=number)
    return "|".join(level.text() for level in (*reversed(outer), own))


def _level(inside: "Inside", *, lasting: bool) -> Level:
    """Return a call of a graph, as a task's or as a node's."""
    task, (number, edge) = inside.task, inside.place
    edge = edge.replace(":", "_").replace("|", "_")
    step, index = (None, -1) if lasting else (task.step, task.index)
    return Level(task.node.name, step, index, number, edge)


def read_space(text: str) -> Space:
    """Return a space by its text."""
    path, _, outer = text.rpartition("@")
    levels = [read_level(part) for part in path.split("|")]
    return Space(levels, int(outer, 16))


def read_level(text: str) -> Level:
    """Return a call of a graph by its part of a space."""
    node, step, index, number, edge = text.split(":", _PARTS - 1)
    return Level(node, int(step) if step else None, int(index or -1), int(number), edge)


def inside_branch(branches: Iterable[Branch], outer: int) -> list[tuple[Space, Branch]]:
    """Return the graphs that were run in a branch, each with its last branch, in their order."""
    found: dict[str, tuple[Space, Branch]] = {}
    ending = f"@{outer:x}"
    for branch in branches:
        if branch.ns.endswith(ending):
            found[branch.ns] = read_space(branch.ns), branch
    return [*found.values()]


def of_task(
    spaces: Iterable[tuple[Space, Branch]], node: str, step: int | None, index: int
) -> list[tuple[Space, Branch]]:
    """Return those graphs that a task has run: the node's by their numbers, then its edges'."""
    own = [
        (space, branch)
        for space, branch in spaces
        if space.first.node == node
        and (space.first.lasting or (space.first.step, space.first.index) == (step, index))
    ]
    return sorted(own, key=lambda one: (one[0].first.edge, one[0].first.number))
