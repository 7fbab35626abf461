"""The two names that every graph has without adding them."""

from typing import Final

__all__ = ("END", "START")

START: Final = "__start__"
"""Where a run begins: the source of the first edges."""

END: Final = "__end__"
"""Where a path ends: the target of the last edges."""
