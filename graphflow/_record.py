"""The decorator for the engine's plain records: frozen for type checkers, only slotted at run time.

A truly frozen dataclass sets every field through `object.__setattr__`, which costs about 1 us a
superstep; the type checkers keep the promise instead.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=False, frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a slotted dataclass that is compared by identity and must not be changed."""
    return dataclass(slots=True, eq=False)(cls)
