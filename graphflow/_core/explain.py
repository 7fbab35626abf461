"""Says which value it was that a checkpoint cannot hold: by channel, by node, by path inside it.

Records are packed as a whole, which is quick. Only when that fails are their parts looked at.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphflow._change import Change
from graphflow.errors import CodecError
from graphflow.types import Send

if TYPE_CHECKING:
    from graphflow._core.asking import Question
    from graphflow._core.state import Task
    from graphflow.checkpoint.codec import Codec


def explained(
    codec: "Codec",
    error: CodecError,
    tasks: Sequence[Sequence[Any]],
    changes: Mapping[str, Change],
    goto: Sequence[object],
) -> CodecError:
    """Return the error of a barrier or a task's record with what is known of the value.

    Args:
        codec: what refused it.
        error: how it did so.
        tasks: the writes, for each task `[node, index, key, value, ...]`.
        changes: the changes of channels.
        goto: destinations, Sends among them.
    """
    for task in tasks:
        for place in range(2, len(task) - 1, 2):
            if (found := refused(codec, task[place + 1])) is not None:
                return _named(found, task[place], task[0])
    for key, change in changes.items():
        if (found := refused(codec, change)) is not None:
            return _named(found, key, None)
    for send in goto:
        if isinstance(send, Send) and (found := refused(codec, send.arg)) is not None:
            where = f"in what a Send carries to node {send.node!r}"
            return CodecError(f"{where}: {found.reason}", kind=found.kind, path=found.path)
    return error


def of_run(
    codec: "Codec", error: CodecError, metadata: object, given: Sequence[object]
) -> CodecError:
    """Return the error of a run's record with what is known of the value."""
    if (found := refused(codec, metadata)) is not None:
        where = "in the config's 'metadata'"
        return CodecError(f"{where}: {found.reason}", kind=found.kind, path=found.path)
    for value in given:
        parts = value.items() if isinstance(value, dict) else ()  # pyright: ignore[reportUnknownVariableType]
        for key, part in parts:  # pyright: ignore[reportUnknownVariableType] - of anything
            if (found := refused(codec, part)) is not None:  # pyright: ignore[reportUnknownArgumentType]
                reason = f"in the input: {found.reason}"
                return CodecError(reason, kind=found.kind, path=found.path, channel=str(key))  # pyright: ignore[reportUnknownArgumentType]
    return error


def of_questions(
    codec: "Codec", error: CodecError, asked: "Sequence[tuple[Task, Sequence[Question]]]"
) -> CodecError:
    """Return the error of a stop's record with what is known of the value."""
    for task, questions in asked:
        for question in questions:
            for what, value in (
                ("what", question.value),
                ("the default of what", question.default),
            ):
                if (found := refused(codec, value)) is not None:
                    where = f"in {what} node {task.node.name!r} asks"
                    text = f"{where}: {found.reason}"
                    return CodecError(text, kind=found.kind, path=found.path)
    return error


def refused(codec: "Codec", value: object) -> CodecError | None:
    """Return the error of a value that cannot be stored, or None for one that can."""
    try:
        codec.pack(value)
    except CodecError as error:
        return error
    return None


def _named(error: CodecError, channel: str, node: str | None) -> CodecError:
    """Return an error with a channel and a node."""
    return CodecError(error.reason, kind=error.kind, path=error.path, channel=channel, node=node)
