"""What all cases of the store suite have: a store that is made for them, and closed after."""

from collections.abc import Generator
from contextlib import contextmanager

from graphflow.checkpoint.base import BaseCheckpointSaver

__all__ = ("Cases",)


class Cases:
    """Cases, each a method whose name begins with `test_`."""

    def make(self) -> BaseCheckpointSaver:
        """Return a new store with nothing in it; each case calls it once."""
        raise NotImplementedError(f"{type(self).__name__} must have a method make(self)")

    @contextmanager
    def opened(self) -> Generator[BaseCheckpointSaver]:
        """Make a store, and close it in the end."""
        store = self.make()
        try:
            yield store
        finally:
            store.close()
