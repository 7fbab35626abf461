"""Processes that are killed inside graphs inside graphs: what is stored is not done again."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.types import StateSnapshot
from tests.crash.kill import DRIVERS, DURABILITIES, ROOT
from tests.crash.nested import CONFIG, Parts, ends, silent

KILLS: Final = 6
"""How many runs of a thread are killed at the most."""

PATIENCE: Final = 20.0


class Trial:
    """One thread, from its beginning to its end.

    Args:
        folder: an empty folder.
        driver: how it is run.
        durability: when it is stored.
        seed: decides the moments.
    """

    def __init__(self, folder: Path, driver: str, durability: str, seed: int) -> None:
        self._folder = folder
        self._driver = driver
        self._durability = durability
        self._random = Random(f"{driver} {durability} {seed}")
        self.kills = 0

    def run(self) -> None:
        """Kill its runs, and see after each that nothing stored was done again."""
        stored = Counter[str]()
        while True:
            now = self._read()
            if now is not None and not now.next:
                break
            self._go_on("new" if now is None else "on")
            ran = Counter(self._lines())
            again = [line for line, times in stored.items() if ran[line] != times]
            assert again == [], f"{again} were stored, and ran again"
            now = self._read()
            stored = Counter({line: ran[line] for line in _lines(now)})
        assert now.values["log"] == ends()
        assert self._lines_ran() >= {*ends()}

    def _go_on(self, how: str) -> None:
        """Run it in a new process, which is killed, or not any more."""
        words = [str(self._folder), self._driver, self._durability, how]
        with subprocess.Popen(  # noqa: S603 - the command is our own
            [sys.executable, "-m", "tests.crash.nested", *words],
            cwd=ROOT,
            stderr=subprocess.PIPE,
        ) as child:
            if self.kills < KILLS:
                wanted = len(self._lines()) + self._random.randint(1, 20)
                self._wait(child, wanted)
                child.kill()
            _, err = child.communicate()
        self.kills += child.returncode == -signal.SIGKILL
        assert child.returncode in {0, -signal.SIGKILL}, err.decode()

    def _wait(self, child: "subprocess.Popen[bytes]", wanted: int) -> None:
        """Wait until so many lines are there, and a moment longer."""
        end = perf_counter() + PATIENCE
        while child.poll() is None and len(self._lines()) < wanted and perf_counter() < end:
            pass
        moment = perf_counter() + self._random.uniform(0, 0.003)
        while perf_counter() < moment:
            pass

    # ---------------------------------------------------------------------------- what it has left

    def _lines(self) -> list[str]:
        path = self._folder / "effects"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def _lines_ran(self) -> set[str]:
        return {*self._lines()}

    @contextmanager
    def _copy(self) -> Generator[BaseCheckpointSaver]:
        """Open a copy of the store: the next process finds the files as they were left."""
        with TemporaryDirectory() as folder:
            for path in self._folder.glob("store.db*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            with SqliteSaver(Path(folder, "store.db")) as saver:
                yield saver

    def _read(self) -> StateSnapshot | None:
        """Return what is stored, of the children too; None if that is nothing."""
        with self._copy() as saver:
            graph = Parts(silent, self._driver).graph(saver)
            now = graph.get_state(CONFIG, subgraphs=True)
            return None if now.metadata is None else now


def _lines(now: StateSnapshot | None) -> set[str]:
    """Return the lines that are stored, at all levels."""
    if now is None:
        return set()
    values: Any = now.values
    found = {*values.get("log", ())}
    for task in now.tasks:
        if isinstance(task.state, StateSnapshot):
            found |= _lines(task.state)
        elif task.result is not None:
            results: Any = task.result
            found |= {*results.get("log", ())}
    return found


@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_nested_runs_that_are_killed_go_on(tmp_path: Path, driver: str, durability: str) -> None:
    """Until they end as if nothing had happened; at every level nothing stored runs again."""
    trial = Trial(tmp_path, driver, durability, 0)
    trial.run()
    assert trial.kills >= 3
