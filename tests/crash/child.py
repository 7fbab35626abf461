"""The process that is killed: runs the graph to its end, and tells on its standard output.

`python -m tests.crash.child FOLDER DRIVER DURABILITY SYNCHRONOUS SEGMENT new|on`
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from graphflow._core import manifest
from graphflow.checkpoint.sqlite import SqliteSaver, _checkpoints
from tests.crash.graph import CONFIG, Effects, FlakyError, Killed, State, Teller, graph_of

MODES: Any = ["values", "checkpoints"]


def run(graph: Killed, given: State | None, teller: Teller, durability: Any) -> None:  # noqa: ANN401 - one of its words
    """Run it once, on threads."""
    for mode, chunk in graph.stream(given, CONFIG, stream_mode=MODES, durability=durability):
        teller.take(mode, chunk)


async def run_on_loop(
    graph: Killed,
    given: State | None,
    teller: Teller,
    durability: Any,  # noqa: ANN401 - as above
) -> None:
    """Run it once, on the event loop."""
    stream = graph.astream(given, CONFIG, stream_mode=MODES, durability=durability)
    async for mode, chunk in stream:
        teller.take(mode, chunk)


def run_to_end(
    graph: Killed, given: State | None, teller: Teller, driver: str, durability: str
) -> None:
    """Run it, and resume it as long as it fails."""
    more = given
    while True:
        teller.begin()
        try:
            if driver == "threads":
                run(graph, more, teller, durability)
            else:
                asyncio.run(run_on_loop(graph, more, teller, durability))
        except FlakyError:
            teller.end("failed")
            more = None
        else:
            teller.end("end")
            return


def main(words: Sequence[str]) -> None:
    """Do what the module says."""
    folder, driver, durability, synchronous, segment, how = words
    often(int(segment))
    teller = Teller(tell)
    effects = Effects(Path(folder, "effects"))
    path, disk = Path(folder, "store.db"), cast("Any", synchronous)
    with SqliteSaver(path, synchronous=disk) as saver:
        graph = graph_of(saver, effects, driver)
        run_to_end(graph, {} if how == "new" else None, teller, driver, durability)


def often(segment: int) -> None:
    """Let snapshots be made as often as they are asked for, and the WAL begin anew many times."""
    private: Any = manifest
    private.SEGMENT = segment
    private = _checkpoints
    private._OFTEN, private.LIMIT = 100_000, 200_000  # noqa: SLF001 - so that it is met in a short run


def tell(line: str) -> None:
    """Tell a line, at once."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
