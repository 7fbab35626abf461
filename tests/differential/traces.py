"""What comes out of one run, as plain data that compares: chunks, result, class of the error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from tests.differential.specs import KEYS

Mode: TypeAlias = Literal["updates", "values", "both", "invoke"]

MODES: Final[tuple[Mode, ...]] = ("updates", "values", "both", "invoke")
"""All ways to look at a run; `both` is stream_mode=["updates", "values"]."""


@dataclass(frozen=True)
class Trace:
    """One run seen in one mode: what it yielded, or returned, until it ended or raised."""

    chunks: Sequence[Any]
    error: str | None = None

    def begins(self, other: "Trace") -> bool:
        """Tell whether this run is the other one, but for updates that came before its error."""
        surplus = other.chunks[len(self.chunks) :]
        return (
            self.error == other.error
            and self.chunks == other.chunks[: len(self.chunks)]
            and not any(isinstance(chunk, tuple) and chunk[0] == "values" for chunk in surplus)
        )


@dataclass(frozen=True)
class Story:
    """One run in full: every chunk as (mode, chunk), and the class of its error."""

    chunks: Sequence[tuple[str, Any]]
    error: str | None = None

    def seen(self, mode: Mode) -> Trace:
        """Return the run as it is seen in a mode."""
        match mode:
            case "both":
                return Trace(self.chunks, self.error)
            case "invoke":
                return Trace([] if self.error else [self._result()], self.error)
            case "updates" | "values":
                return Trace([chunk for of, chunk in self.chunks if of == mode], self.error)

    def _result(self) -> object:
        """Return what invoke does: the last values, filtered; None if nothing was written."""
        for values in self._values_last_first():
            return values
        return None

    def _values_last_first(self) -> Iterator[object]:
        for mode, chunk in reversed(self.chunks):
            if mode == "values":
                yield {key: chunk[key] for key in KEYS["state"] if key in chunk}
