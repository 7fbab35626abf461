"""Processes that are killed between question, answer and what follows from it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.asking import POINTS

DONE = ["in", "beside", "receipt", "yes", "shipped"]


def step(folder: Path, durability: str, given: str, point: str = "-") -> Any:  # noqa: ANN401 - what it printed
    """Run a process; return what it printed, or None if it was killed."""
    words = ("-m", "tests.crash.asking", str(folder), durability, given, point)
    ended = subprocess.run(  # noqa: S603 - this very Python, with words of our own
        (sys.executable, *words), capture_output=True, text=True, check=False
    )
    if point != "-" and ended.returncode < 0:
        return None
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def lines(file: Path) -> int:
    """Return how often something was done."""
    return len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("durability", ["sync", "async"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_question_and_answer_loses_nothing(
    tmp_path: Path, durability: str, point: str
) -> None:
    """An answer that was taken is not asked for again; a kept charge is made once.

    Between the charge and its record lies a gap that nothing can close: killed in it, it is made
    again.
    """
    told = step(tmp_path, durability, "new", point)
    killed = told is None
    if killed:
        told = step(tmp_path, durability, "none")
    assert (told["next"], told["waits"]) == (["pay"], ["ship?"])
    told = step(tmp_path, durability, "yes", point)
    if told is None:
        killed = True
        told = step(tmp_path, durability, "none")
    assert (told["log"], told["next"], told["waits"]) == (DONE, [], [])
    assert killed, "every point is passed"
    assert lines(tmp_path / "charges") == (2 if point == "inside" else 1)
    assert lines(tmp_path / "beside") <= 2 if killed else 1
    assert step(tmp_path, durability, "none")["log"] == DONE


def test_what_a_run_keeps_that_stores_at_its_end_is_lost_with_it(tmp_path: Path) -> None:
    """Killed before its end it is as if it had not begun; afterwards nothing is lost."""
    assert step(tmp_path, "exit", "new", "behind") is None
    told = step(tmp_path, "exit", "new")
    assert (told["next"], told["waits"]) == (["pay"], ["ship?"])
    assert step(tmp_path, "exit", "yes", "answered") is None
    assert step(tmp_path, "exit", "yes")["log"] == DONE
    assert lines(tmp_path / "charges") == 2
