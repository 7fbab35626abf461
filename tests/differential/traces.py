"""What comes out of one run, as plain data that compares: chunks, result, class of the error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from tests.differential.specs import KEYS

Mode: TypeAlias = Literal["updates", "values", "both", "invoke"]

MODES: Final[tuple[Mode, ...]] = ("updates", "values", "both", "invoke")
"""All ways to look at a run; `both` is stream_mode=["updates", "values"]."""


Chunk: TypeAlias = tuple[str, Any]
"""A chunk with the name of its mode; the result of invoke() counts as one."""


@dataclass(frozen=True)
class Trace:
    """What one run yielded, or returned, until it ended or raised; or what is seen of it."""

    chunks: Sequence[Chunk]
    error: str | None = None

    def seen(self, mode: Mode) -> "Trace":
        """Return the run as it is seen in a mode, if this is it in `both`."""
        match mode:
            case "both":
                return self
            case "updates" | "values":
                return Trace([chunk for chunk in self.chunks if chunk[0] == mode], self.error)
            case "invoke":
                return Trace([] if self.error else [("invoke", self._result())], self.error)

    def _result(self) -> object:
        """Return what invoke does: the last values that were shown; without private keys."""
        states = [chunk for mode, chunk in self.chunks if mode == "values"]
        return (
            {key: states[-1][key] for key in KEYS["state"] if key in states[-1]} if states else None
        )

    def begins(self, other: "Trace") -> bool:
        """Tell whether the other run is this one, but for more updates before the same error."""
        surplus = other.chunks[len(self.chunks) :]
        return (
            self.error == other.error
            and self.chunks == other.chunks[: len(self.chunks)]
            and all(mode == "updates" for mode, _ in surplus)
        )
