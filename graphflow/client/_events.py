"""What a run's stream shows, made of the chunks of the engine's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from graphflow.client._states import checkpoint_of
from graphflow.client._wire import received
from graphflow.client.errors import UnprocessableEntityError
from graphflow.client.schema import Interrupt, StreamPart, StreamPartV2
from graphflow.errors import did_you_mean, quoted

Event: TypeAlias = tuple[str, Any]

_MODES: Final = (
    "values",
    "updates",
    "custom",
    "tasks",
    "checkpoints",
    "debug",
    "messages-tuple",
    "messages",
)
_CHUNK: Final = "MessageChunk"


def modes_of(given: str | Sequence[str] | None) -> list[str]:
    """Return the modes that a stream shows: `"values"` unless any is named.

    Raises:
        UnprocessableEntityError: if one is unknown.
    """
    modes = [given] if isinstance(given, str) else [*(given or ())]
    for mode in modes:
        if mode not in _MODES:
            raise UnprocessableEntityError(
                f"stream_mode {mode!r} cannot be shown{did_you_mean(mode, _MODES)}; "
                f"there are {quoted(_MODES)}"
            )
    return modes or ["values"]


def engine_modes_of(modes: Sequence[str]) -> list[Any]:
    """Return the engine's modes for them, each once."""
    return [*dict.fromkeys("messages" if mode == "messages-tuple" else mode for mode in modes)]


class Events:
    """Makes events of the chunks of one run.

    Args:
        modes: what its stream shows.
    """

    def __init__(self, modes: Sequence[str]) -> None:
        """Begin without any message."""
        self._tuples = "messages-tuple" in modes
        self._messages: dict[Any, Any] = {}

    def of(self, ns: Sequence[str], mode: str, chunk: Any) -> Iterator[Event]:  # noqa: ANN401 - any chunk
        """Yield the events of one chunk."""
        if mode != "messages" or self._tuples:
            told = received(chunk)
            if mode == "debug" and told["type"] == "checkpoint":
                told["payload"] |= _checkpoints_of(chunk["payload"])
            yield "|".join((mode, *ns)), told
        else:
            yield from self._message(*chunk)

    def _message(self, message: Any, metadata: Any) -> Iterator[Event]:  # noqa: ANN401 - anybody's messages
        """Yield the events of a message, or of a part of one."""
        name = _field(message, "id")
        if name not in self._messages:
            yield "messages/metadata", {str(name): {"metadata": received(metadata)}}
        kind = str(_field(message, "type") or type(message).__name__)
        if not kind.endswith(_CHUNK):
            self._messages[name] = message
            yield "messages/complete", [received(message)]
            return
        whole = _joined(self._messages[name], message) if name in self._messages else message
        self._messages[name] = whole
        yield "messages/partial", [_whole(received(whole), kind)]


def _field(message: Any, name: str) -> Any:  # noqa: ANN401 - as above
    """Return a field of a message, be it a dict or an object."""
    if isinstance(message, Mapping):
        return cast("Mapping[str, Any]", message).get(name)
    return getattr(message, name, None)


def _joined(before: Any, part: Any) -> Any:  # noqa: ANN401 - as above
    """Return what has come of a message so far."""
    if not isinstance(part, Mapping):
        return before + part
    more = cast("Mapping[str, Any]", part)
    return {**before, **more, "content": before["content"] + more["content"]}


def _whole(told: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return what has come of a message as the message that it will be."""
    parts = ("tool_call_chunks", "chunk_position")
    kept = {key: value for key, value in told.items() if key not in parts}
    return {**kept, "type": kind.removesuffix(_CHUNK).lower()}


def _checkpoints_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of a checkpoint and of the one before."""
    return {
        "checkpoint": checkpoint_of(payload["config"]),
        "parent_checkpoint": checkpoint_of(payload.get("parent_config")),
    }


def as_v2(part: StreamPart) -> StreamPartV2 | None:
    """Return a part as `version="v2"` has it; None for the end, which that has not."""
    if part.event == "end":
        return None
    kind, *ns = part.event.split("|")
    data: Any = part.data
    asked: list[Interrupt] = []
    if kind == "values" and isinstance(data, dict):
        data = {**cast("dict[str, Any]", data)}
        asked = data.pop("__interrupt__", [])
    return {"type": kind, "ns": ns, "data": data, "interrupts": asked}


def shows(part: StreamPart, modes: Sequence[str] | None) -> bool:
    """Tell whether somebody who asked for some modes is shown a part."""
    kind = part.event.partition("|")[0]
    if modes is None or kind in ("metadata", "error", "end"):
        return True
    return kind.partition("/")[0] in engine_modes_of(modes)
