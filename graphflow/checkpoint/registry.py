"""The types that an application registered: what stands for each in what is stored.

A tag is looked up in a dict, and never imported. What the types are made into is the codec's.
"""

from collections.abc import Callable
from inspect import isclass
from typing import Any

from graphflow.checkpoint._annotations import classes_in
from graphflow.checkpoint._codes import PLAIN, SERIES
from graphflow.checkpoint._entry import Entry, tag_of
from graphflow.checkpoint._kinds import entry_for
from graphflow.checkpoint._leaves import LEAVES
from graphflow.checkpoint._marks import ATOMS
from graphflow.checkpoint._opaque import Opaque
from graphflow.errors import shown

__all__ = ("Registry",)

_STORED_ANYHOW = frozenset({*ATOMS, list, dict, *LEAVES, *SERIES, *PLAIN, Opaque})


class Registry:
    """Which classes can be stored, and under which tags.

    Attributes:
        by_class: what is known of a class.
        by_tag: what is known under a tag; a class may have several, the last of which is written.

    Example:
        >>> import pathlib
        >>> registry = Registry()
        >>> registry.add(pathlib.PurePosixPath, "path", str, pathlib.PurePosixPath)
    """

    __slots__ = ("by_class", "by_tag")

    def __init__(self) -> None:
        self.by_class: dict[type, Entry] = {}
        self.by_tag: dict[str, Entry] = {}

    def add(
        self,
        cls: type,
        tag: str,
        encode: Callable[[Any], Any],
        decode: Callable[[Any], Any],
    ) -> None:
        """Register a class by two functions; exactly its objects are meant, not a subclass's.

        Args:
            cls: the class; given again, the last call counts for what is written from then on.
            tag: the name that is stored; what was stored under it is read by `decode` for ever.
            encode: takes an object, and returns a value that can be stored.
            decode: takes what `encode` returned. It is called for what a store holds, so it must
                do no harm whatever it is given.

        Raises:
            TypeError: if `cls` is no class, or one that is stored anyhow.
            ValueError: if the tag is another class's.
        """
        _check_class(cls)
        if type(tag) is not str or not tag:
            raise TypeError(f"a tag is a string that is not empty, not {shown(tag)}")
        there = self.by_tag.get(tag)
        if there is not None and tag_of(there.cls) != tag_of(cls):
            raise ValueError(
                f"the tag {tag!r} is that of {tag_of(there.cls)!r}; give {tag_of(cls)!r} another"
            )
        self._put(Entry(cls, tag, encode, decode))

    def learn(self, annotation: object) -> None:
        """Register the classes that an annotation names, those of their fields included.

        Known kinds are enums, dataclasses, models of pydantic 2, structs of msgspec, classes of
        attrs and named tuples; their tag is `module:qualname`. What is of no known kind, or
        cannot be read, is passed over: an object of it is an error when it is to be stored.
        """
        for cls in classes_in(annotation):
            try:
                known = cls in self.by_class or cls in _STORED_ANYHOW
                entry = None if known else entry_for(cls)
            except Exception:  # noqa: BLE001, S112 - whatever a strange class raises when looked at
                continue
            self._put_learned(entry)

    def learn_class(self, cls: type) -> None:
        """Register a class of a known kind, and those that its fields name.

        Raises:
            TypeError: if it is of no known kind.
        """
        _check_class(cls)
        if cls not in self.by_class:
            entry = entry_for(cls)
            if entry is None:
                raise TypeError(
                    f"{tag_of(cls)!r} is no enum, dataclass, pydantic model, msgspec struct, "
                    "attrs class or named tuple (a subclass of one needs its decorator too); "
                    "use registry.add(cls, tag, encode, decode)"
                )
            self._put_learned(entry)
        self.learn(cls)

    def join(self, other: "Registry") -> None:
        """Know what another registry knows, too; of one tag, what the other one means."""
        self.by_class.update(other.by_class)
        self.by_tag.update(other.by_tag)

    def copy(self) -> "Registry":
        """Return a registry of its own that knows the same."""
        twin = Registry()
        twin.by_class.update(self.by_class)
        twin.by_tag.update(self.by_tag)
        return twin

    def _put(self, entry: Entry) -> None:
        self.by_class[entry.cls] = entry
        self.by_tag[entry.tag] = entry

    def _put_learned(self, entry: Entry | None) -> None:
        """Register a class, unless its tag was registered by `add`."""
        there = None if entry is None else self.by_tag.get(entry.tag)
        if entry is not None and (there is None or there.parts is not None):
            self._put(entry)


def _check_class(cls: object) -> None:
    """Check that something is a class that can be registered."""
    if not isclass(cls):
        raise TypeError(f"a class is due here, not {shown(cls)}")
    if cls in _STORED_ANYHOW:
        raise TypeError(f"{cls.__qualname__!r} is stored anyhow; leave it out")
