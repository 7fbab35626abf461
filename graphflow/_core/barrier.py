"""What a barrier changes, as a checkpoint keeps it: one superstep's changes, or a whole run's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from graphflow import _change
from graphflow._change import Change
from graphflow._core.form import ALL_SOURCES
from graphflow._core.manifest import LIST, length_of
from graphflow.channels import MISSING

if TYPE_CHECKING:
    from graphflow._core.state import Ahead
    from graphflow._core.topology import Topology


def changes_of(
    graph: "Topology",
    values: Mapping[str, Any],
    written: Mapping[str, Sequence[Any]],
    changed: Mapping[str, Any],
) -> dict[str, Change]:
    """Return what becomes of each channel that a checkpoint keeps: those written, those faded."""
    channels, untracked = graph.channels, graph.untracked
    changes: dict[str, Change] = {}
    for key, new in changed.items():
        if key not in untracked:
            changes[key] = channels[key].change(values.get(key, MISSING), new, written[key])
    for key in graph.fading:
        if key not in changed and key in values:
            changes[key] = _change.REMOVED
    return changes


def half_filled(graph: "Topology", joins: Mapping[int, int]) -> list[list[Any]]:
    """Return half-filled joins in their stored form: `[id, kind, the sources that arrived]`."""
    stored: list[list[Any]] = []
    for index, bits in joins.items():
        join = graph.joins[index]
        arrived = [name for place, name in enumerate(join.sources) if bits >> place & 1]
        stored.append([join.id, ALL_SOURCES, arrived])
    return stored


@final
class Ending:
    """What a run that stores at its end only has done so far.

    Attributes:
        last: step, frontier and source of its last checkpoint, or None before the first.
        values: the values after it.
        begun: whether the run has taken its thread.
        ran: the tasks of its last superstep, as `[node, index]`.
        held: records of the superstep that is under way, to be stored if it comes to no end.
    """

    __slots__ = ("_kept", "begun", "held", "last", "ran", "values")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.last: tuple[int, Ahead, str] | None = None
        self.values: Mapping[str, Any] = {}
        self.begun = False
        self.held: list[tuple[int, bytes]] = []
        self.ran: list[list[Any]] = []
        # For each channel that changed: how long its list was at the beginning, and how many
        # items at its front are still in their places.
        self._kept: dict[str, list[int]] = {}

    def add(
        self,
        last: "tuple[int, Ahead, str]",
        changes: Mapping[str, Change],
        values: Mapping[str, Any],
    ) -> None:
        """Take in a checkpoint's changes of the values before it."""
        self.last = last
        for key, change in changes.items():
            length = length_of(values.get(key))
            ends = self._kept.setdefault(key, [length, length])
            ends[1] = min(ends[1], _change.kept(change, length))

    def changes(self, values: Mapping[str, Any]) -> dict[str, Change]:
        """Return what the run has made of the channels."""
        return {key: _ended(values.get(key, MISSING), *ends) for key, ends in self._kept.items()}


def _ended(value: Any, length: int, left: int) -> Change:  # noqa: ANN401 - a value of the state
    """Return the change to a channel's value at the end."""
    if value is MISSING:
        return _change.REMOVED
    if left and type(value) is LIST:
        return [_change.SPLICED, left, length, value[left:]]
    return [_change.SET, value]
