"""The base of the values that users make and compare: equality, hash and repr by fields."""

from typing import Any, ClassVar, Final

ABSENT: Final[Any] = object()
"""Stands where None may be a value: nothing was given."""


class Plain:
    """Equality, hash and repr by fields; a dataclass would cost more import time."""

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        """Show the fields as the constructor takes them."""
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        """Compare field by field."""
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    def __hash__(self) -> int:
        """Hash the fields, which must be hashable then."""
        return hash((type(self), *(getattr(self, name) for name in self._fields)))
