"""Projects a run onto what its caller asked to see: the chunks of a stream, and the output."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphflow._core.state import (
    INTERRUPT,
    Interrupted,
    Outcome,
    Run,
    RunState,
    Stopped,
    Succeeded,
    View,
    Write,
    Written,
)

if TYPE_CHECKING:
    from graphflow.interrupts import Interrupt


def tagged(view: View, mode: str, data: object) -> object:
    """Return a chunk, with its namespace and mode where they were asked for."""
    if view.ns is not None:
        return (view.ns, mode, data) if view.tagged else (view.ns, data)
    return (mode, data) if view.tagged else data


def update_chunk(view: View, outcome: Outcome) -> object | None:
    """Return the `updates` chunk of a task that has ended, or None if it left no update.

    A task of which only a conditional edge failed is shown: its node has done its work.
    """
    done = outcome if isinstance(outcome, Succeeded) else outcome.kept
    if done is None or only_leaves(done):
        return None
    if done.task.kept is not None:
        return cached_chunk(view, done)
    update: Any = dict(done.writes)
    if not done.writes or view.keys is not None or len(update) != len(done.writes):
        update = _update(view.keys, done.writes)
    chunk = {done.task.node.name: update}
    return chunk if not view.tagged and view.ns is None else tagged(view, "updates", chunk)


def only_leaves(outcome: Outcome) -> bool:
    """Tell whether a task has said nothing but what is for a graph around its own, and shown there.

    As in LangGraph such a task has no result in the graph that it leaves.
    """
    return isinstance(outcome, Succeeded) and bool(outcome.up) and not outcome.writes


def cached_chunk(view: View, done: Succeeded) -> object:
    """Return the `updates` chunk of a task whose result is from an earlier run."""
    update = _update(view.keys, done.writes)
    chunk = {done.task.node.name: update, "__metadata__": {"cached": True}}
    return tagged(view, "updates", chunk)


def interrupt_chunks(run: Run, state: RunState, outcome: Interrupted) -> list[object]:
    """Return what is shown of a task that waits: what it asks, alone and beside the values."""
    view = run.view
    asked = tuple(_asked((outcome,)))
    chunks: list[object] = []
    if view.updates and (asked or run.inside is None):
        chunks.append(tagged(view, "updates", {INTERRUPT: asked}))
    if view.values and asked:
        chunks.append(tagged(view, "values", {**_named(state.values, view.keys), INTERRUPT: asked}))
    return chunks


def pause_chunk(view: View) -> object:
    """Return the `updates` chunk of a run that was to stop where it is."""
    return tagged(view, "updates", {INTERRUPT: ()})


def output_of(state: RunState, keys: Sequence[str] | None) -> Any:  # noqa: ANN401 - the user's state
    """Return what a run returns: the values of some keys, and what waits for an answer."""
    if not isinstance(state, Stopped) or not any(one.questions for one in state.asked):
        return shown(state.values, keys)
    return {**_named(state.values, keys), INTERRUPT: _asked(state.asked)}


def _asked(outcomes: Sequence[Interrupted]) -> "list[Interrupt]":
    """Return what tasks ask, as users see it."""
    from graphflow._core.asking import interrupt_of  # noqa: PLC0415 - most runs ask nothing

    return [interrupt_of(one) for outcome in outcomes for one in outcome.questions]


def _named(values: dict[str, Any], keys: Sequence[str] | None) -> dict[str, Any]:
    """Return the values of some keys as a dict, of a single one, too."""
    names = (keys,) if isinstance(keys, str) else keys
    return values if names is None else {key: values[key] for key in names if key in values}


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
