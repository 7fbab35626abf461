"""Projects a run onto what its caller asked to see: the chunks of a stream, and the output."""

from collections.abc import Sequence
from typing import Any

from graphflow._core.state import (
    Failed,
    Outcome,
    Run,
    RunState,
    Succeeded,
    View,
    Write,
    Written,
)


def tagged(view: View, mode: str, data: object) -> object:
    """Return a chunk, with its mode where several were asked for."""
    return (mode, data) if view.tagged else data


def update_chunk(view: View, outcome: Outcome) -> object | None:
    """Return the `updates` chunk of a task that has ended, or None if it left no update.

    A task of which only a conditional edge failed is shown: its node has done its work.
    """
    if type(outcome) is Succeeded:
        done: Succeeded | None = outcome
    else:
        done = outcome.kept if isinstance(outcome, Failed) else None
    if done is None:
        return None
    if done.task.kept is not None:
        return cached_chunk(view, done)
    update: Any = dict(done.writes)
    if not done.writes or view.keys is not None or len(update) != len(done.writes):
        update = _update(view.keys, done.writes)
    chunk = {done.task.node.name: update}
    return ("updates", chunk) if view.tagged else chunk


def cached_chunk(view: View, done: Succeeded) -> object:
    """Return the `updates` chunk of a task whose result is from an earlier run."""
    update = _update(view.keys, done.writes)
    chunk = {done.task.node.name: update, "__metadata__": {"cached": True}}
    return tagged(view, "updates", chunk)


def custom_chunk(view: View, event: Written) -> object:
    """Return the `custom` chunk of one written item."""
    return tagged(view, "custom", event.item)


def _update(keys: tuple[str, ...] | str | None, writes: Sequence[Write]) -> object:
    """Return writes as one dict; as one dict each where a key is written twice; None for none."""
    if isinstance(keys, str):
        values = [value for key, value in writes if key == keys]
        return (values[0] if len(values) == 1 else values) if values else None
    if keys is not None:
        writes = [write for write in writes if write[0] in keys]
    if not writes:
        return None
    update = dict(writes)
    return update if len(update) == len(writes) else [{key: value} for key, value in writes]


def values_chunk(run: Run, state: RunState) -> object:
    """Return the `values` chunk of a state."""
    return tagged(run.view, "values", shown(state.values, run.view.keys))


def shown(values: dict[str, Any], keys: Sequence[str] | None) -> Any:  # noqa: ANN401 - the user's state
    """Return the values of some keys, of all, or the bare value of one."""
    if keys is None:
        return values.copy()
    if isinstance(keys, str):
        return values.get(keys)
    return {key: values[key] for key in keys if key in values}


def wrote(view: View, outcomes: Sequence[Succeeded]) -> bool:
    """Tell whether a superstep wrote to a key that is shown."""
    keys = view.keys
    if keys is None:
        return any(done.writes for done in outcomes)
    names = (keys,) if isinstance(keys, str) else keys
    return any(key in names for done in outcomes for key, _ in done.writes)
