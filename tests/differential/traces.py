"""What comes out of one run, as plain data that compares: chunks, result, class of the error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Mode: TypeAlias = Literal["updates", "values", "both", "invoke"]

MODES: Final[tuple[Mode, ...]] = ("updates", "values", "both", "invoke")
"""All ways to look at a run; `both` is stream_mode=["updates", "values"]."""


Chunk: TypeAlias = tuple[str, Any]
"""A chunk with the name of its mode; the result of invoke() counts as one."""


@dataclass(frozen=True)
class Trace:
    """What one run yielded, or returned, until it ended or raised."""

    chunks: Sequence[Chunk]
    error: str | None = None

    def begins(self, other: "Trace") -> bool:
        """Tell whether the other run is this one, but for more updates before the same error."""
        surplus = other.chunks[len(self.chunks) :]
        return (
            self.error == other.error
            and self.chunks == other.chunks[: len(self.chunks)]
            and all(mode == "updates" for mode, _ in surplus)
        )
