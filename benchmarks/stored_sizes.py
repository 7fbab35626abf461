"""What a stored superstep takes of the memory, or of the disk, for ever."""

import gc
import tracemalloc

from benchmarks import stored_savers, stored_threads
from benchmarks.library import Library


def in_memory(library: Library, messages: int) -> float:
    """Return the bytes of Python's memory that a saver holds for each message of a thread."""
    stored_threads.fill(library, 2, stored_savers.in_memory(library))  # loads what loads late
    saver = stored_savers.in_memory(library)
    gc.collect()
    tracemalloc.start()
    try:
        stored_threads.fill(library, messages, saver)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / messages
    finally:
        tracemalloc.stop()


def in_file(library: Library, messages: int) -> float:
    """Return the bytes of a closed file for each message of a thread."""
    return stored_threads.in_file(library, messages).size / messages
