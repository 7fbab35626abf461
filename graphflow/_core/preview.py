"""What the tasks that have ended would make of the state, though their superstep has not.

Computed when a superstep stops, while its reducers are at hand: it is shown, and stored with the
stop, so that reading a thread runs none of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphflow._core.commit import folded, gather
from graphflow._core.state import Outcome, RunState, Succeeded
from graphflow._record import record
from graphflow.channels import MISSING


@record
class Preview:
    """What tasks would change.

    Attributes:
        written: the writes to each key, in plan order.
        changed: the new values.
    """

    written: Mapping[str, list[Any]]
    changed: Mapping[str, Any]

    def over(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as they would be."""
        after = {**values, **self.changed}
        return {key: value for key, value in after.items() if value is not MISSING}


def results(outcomes: Sequence[Outcome]) -> list[Succeeded]:
    """Return what tasks have returned, those too of which only a conditional edge has not ended."""
    found = [one if isinstance(one, Succeeded) else one.kept for one in outcomes]
    return [done for done in found if done is not None]


def preview_of(state: RunState, done: Sequence[Succeeded]) -> Preview | None:
    """Return what tasks would change; None if their writes do not go together."""
    if not done:
        return Preview({}, {})
    planned = sorted(done, key=lambda each: (each.task.index, each.task.node.rank))
    try:
        written = gather(planned)
        return Preview(written, folded(state.values, written, planned))
    except Exception:  # noqa: BLE001 - a reducer may raise anything
        return None
