"""Where a compiled graph is stored, and the same graph stored elsewhere."""

from copy import copy
from typing import TYPE_CHECKING, Any, Self

from graphflow.persistence import Persistence, Types

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver


class Stored:
    """Tells what a graph was compiled with."""

    _types: Types
    _persistence: Persistence | None
    _saves: bool | None
    _context_schema: Any

    @property
    def checkpointer(self) -> "BaseCheckpointSaver | None":
        """The store that it was compiled with, or None."""
        return None if self._persistence is None else self._persistence.saver

    @property
    def context_schema(self) -> Any:  # noqa: ANN401 - whatever class a caller has
        """The class of what callers pass as `context=`, or None."""
        return self._context_schema

    def stored_in(self, saver: "BaseCheckpointSaver") -> Self:
        """Return the same graph with another store; for graphflow's own modules."""
        made = copy(self)
        made._persistence = Persistence(saver, self._types.own())  # noqa: SLF001 - of the same class
        made._saves = None  # noqa: SLF001 - as above
        return made
