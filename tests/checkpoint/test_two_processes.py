"""Two processes on one file: whoever begins later has the thread, and nobody's updates are lost."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import pytest

from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import ThreadBusyError
from graphflow.testing._line import content
from tests.crash.other import CONFIG, State, three_steps

ROOT: Final = Path(__file__).parents[2]
THREAD: Final[str] = CONFIG["configurable"]["thread_id"]

every_driver = pytest.mark.parametrize("driver", ["threads", "asyncio"])


class Other:
    """Another process, and what it tells."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hear(self) -> str:
        """Return the next line that it tells."""
        return _open(self._process.stdout).readline().strip()

    def rest(self) -> list[str]:
        """Return all lines until its end, which must be a good one."""
        lines = _open(self._process.stdout).read().split()
        assert self._process.wait() == 0, _open(self._process.stderr).read()
        return lines

    def let_go(self) -> None:
        """Give it the line that it waits for."""
        stream = _open(self._process.stdin)
        stream.write("go\n")
        stream.flush()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def other(path: Path, *words: str) -> Generator[Other]:
    """Start another process; it is ended with the block, if it has not."""
    command = [sys.executable, "-W", "error", "-m", "tests.crash.other", str(path), *words]
    with subprocess.Popen(  # noqa: S603 - the command is our own
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Other(process)
        finally:
            process.kill()


# ---------------------------------------------------------------------------------- two runs


@every_driver
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize(("shape", "disk"), [("lone", "normal"), ("crew", "full")])
def test_a_newcomer_has_the_thread_and_the_older_run_learns_of_it(
    tmp_path: Path, driver: str, durability: str, shape: str, disk: str
) -> None:
    """The older run's next commit is refused, it stores nothing more, and the newer one goes on."""
    path = tmp_path / "store.db"
    with other(path, disk, "wait", driver, durability, shape) as older:
        assert older.hear() == "waits"
        with SqliteSaver(path) as saver:
            graph = three_steps(saver, lambda: None, "lone")
            newer = graph.stream(State(log=["new"]), CONFIG, stream_mode="values")
            begun = next(newer)["log"]
            before = content(saver, THREAD)
            older.let_go()
            assert older.rest() == ["superseded"]
            assert content(saver, THREAD) == before
            assert [*newer][-1]["log"] == [*begun, "first", "second", "third"]
            assert begun == ([] if durability == "exit" else ["old", "first"]) + ["new"]


@every_driver
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_run_that_was_only_slow_can_be_resumed_elsewhere(
    tmp_path: Path, driver: str, durability: str
) -> None:
    """Who was taken for dead finds out at its next commit, and its superstep counts once."""
    path = tmp_path / "store.db"
    with (
        other(path, "normal", "wait", driver, durability, "crew") as older,
        SqliteSaver(path) as saver,
    ):
        assert older.hear() == "waits"
        graph = three_steps(saver, older.let_go, "crew")
        newer = graph.stream(None, CONFIG, stream_mode="values")
        told = [chunk["log"] for chunk in newer]
        assert older.rest() == ["superseded"]
        assert told[-1] == ["old", "first", "beside", "second", "third"]
        assert graph.get_state(CONFIG).values["log"] == told[-1]


def test_all_runs_of_a_process_that_share_an_epoch_are_superseded(tmp_path: Path) -> None:
    """A run and one that went on beside it both learn that another process came later."""
    path = tmp_path / "store.db"
    with SqliteSaver(path) as here, SqliteSaver(path) as there, ExitStack() as left:
        graph = three_steps(here, lambda: None, "lone")
        run = left.enter_context(graph.stream(State(log=["a"]), CONFIG))
        next(run)
        beside = left.enter_context(graph.stream(State(log=["b"]), CONFIG, on_busy="fork"))
        next(beside)
        elsewhere = three_steps(there, lambda: None, "lone")  # savers do not know of each other
        result = elsewhere.invoke(State(log=["c"]), CONFIG)
        before = content(there, THREAD)
        for superseded in (run, beside):
            with pytest.raises(ThreadBusyError) as raised:
                next(superseded)
            assert raised.value.superseded
        assert content(there, THREAD) == before
        assert elsewhere.get_state(CONFIG).values == result


# --------------------------------------------------------------------------------- many runs

WRITERS: Final = 3
RUNS: Final = 5


@pytest.mark.parametrize(("driver", "disk"), [("threads", "full"), ("asyncio", "normal")])
def test_runs_of_several_processes_that_try_again_lose_nothing(
    tmp_path: Path, driver: str, disk: str
) -> None:
    """Every run that succeeded is in the thread, whole and once; what is there stays there."""
    path = tmp_path / "store.db"
    with SqliteSaver(path) as saver, ExitStack() as stack:
        writers = [
            stack.enter_context(other(path, disk, "write", driver, str(number), str(RUNS)))
            for number in range(WRITERS)
        ]
        assert [writer.hear() for writer in writers] == ["ready"] * WRITERS
        for writer in writers:
            writer.let_go()
        graph = three_steps(saver, lambda: None, "lone")
        read: list[list[str]] = [[]]
        succeeded: list[str] = []
        for _ in range(RUNS):
            for writer in writers:
                succeeded.append(writer.hear())
                read.append(graph.get_state(CONFIG).values["log"])
                assert succeeded[-1] in read[-1]
        assert [writer.rest() for writer in writers] == [[]] * WRITERS
        read.append(graph.get_state(CONFIG).values["log"])
        for earlier, later in pairwise(read):
            assert later[: len(earlier)] == earlier
        lines = [line for line in read[-1] if line.split()[0] in succeeded]
        assert sorted(lines) == sorted(
            f"{line}{part}" for line in succeeded for part in ("", " one", " two")
        )
