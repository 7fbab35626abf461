"""What is told, as plain data: ids as symbols, the libraries' own objects by their fields."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast, final

from tests.differential.pair import Library
from tests.differential.specs import Replace

TASK_IN_NAMESPACE: Final = re.compile(
    r"(?<=:)[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}(?=\||$)"
)
"""The id of a task, as it stands in the namespace of a graph that the task runs."""

SAVER: Final = "__pregel_checkpointer"
"""What LangGraph leaves in some configs: its saver."""


@final
class Symbols:
    """Gives ids their symbols."""

    def __init__(self, lib: Library) -> None:
        """Begin with none."""
        self._tuples = (lib.types.StateSnapshot, lib.types.PregelTask)
        self._overwrite: type[Any] = lib.types.Overwrite
        self._interrupt: type[Any] = lib.types.Interrupt
        self._given: dict[str, str] = {}

    def plain(self, value: Any, key: str = "") -> Any:  # noqa: ANN401 - any value
        """Return a value without the library's own objects, and with symbols for ids.

        Args:
            value: the value.
            key: what it stands under.
        """
        if (names := self._fields(value)) is not None:
            return {name: self.plain(getattr(value, name), name) for name in names}
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value)
            return {
                self._namespace(name): self.plain(pairs[name], place(key) or name)
                for name in sorted(pairs)
                if name != SAVER
            }
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            plain = [self.plain(item) for item in items]
            return plain if isinstance(value, list) else tuple(plain)
        if key == "error":
            return shown_error(value)
        if isinstance(value, self._overwrite):
            return Replace(tuple(value.value))
        return self._text(key, value) if isinstance(value, str) else value

    def _fields(self, value: Any) -> Sequence[str] | None:  # noqa: ANN401 - any value
        """Return the fields of an object that is told by its fields."""
        if isinstance(value, self._interrupt):
            return ("value", "id", "response_schema")
        return cast("Sequence[str]", value._fields) if isinstance(value, self._tuples) else None

    def _text(self, key: str, text: str) -> str:
        """Return what stands for a text: the symbol of an id, of a time its zone."""
        if key in {"checkpoint_id", "id"}:
            return self._symbol(key, text)
        if key in {"created_at", "timestamp"}:
            return f"a time in {datetime.fromisoformat(text).tzinfo}"
        return self._namespace(text)

    def _namespace(self, text: str) -> str:
        """Return a text, in which the ids of tasks are symbols if it is a namespace."""
        return TASK_IN_NAMESPACE.sub(lambda found: self._symbol("id", found[0]), text)

    def _symbol(self, kind: str, text: str) -> str:
        """Return the symbol of an id."""
        return self._given.setdefault(text, f"{kind} {len(self._given)}")


def place(key: str) -> str | None:
    """Return what the values of a dict that stands under a key are, if they are all alike.

    The checkpoints of the graphs around one, by their namespaces, are told like any other.
    """
    return "checkpoint_id" if key in {"parents", "checkpoint_map"} else None


def shown_error(error: object) -> object:
    """Return a task's error; of the libraries' own errors only the class, for the texts differ."""
    text = repr(error) if isinstance(error, BaseException) else error
    name = text.partition("(")[0] if isinstance(text, str) else None
    return name if name in {"InvalidUpdateError", "GraphRecursionError"} else text


def comparable(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any plain data
    """Return what was told without what LangGraph leaves open or says otherwise on purpose.

    It has the joins of a node in the order of hashes, and a task that had no turn, because another
    failed, has an error.
    """
    if key == "triggers":
        return sorted(value)
    if key == "error" and value == "CancelledError()":
        return None
    if isinstance(value, dict):
        pairs = cast("Mapping[str, Any]", value)
        return {name: comparable(item, name) for name, item in pairs.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in cast("Sequence[Any]", value)]
    return value
