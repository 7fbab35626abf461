"""Kills a process again and again until its thread has ended, and looks at what it left.

A trial is one thread. A child runs it and tells what is acknowledged; it is killed at a random
moment; what is stored then is read from a copy of its files, so that the next child finds them as
they were left. At the end the thread must be what an uninterrupted run would have made of it.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count, product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from graphflow.checkpoint.base import BARRIER, TASK, BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from tests.checkpoint.values import same
from tests.crash.child import run_to_end
from tests.crash.graph import CONFIG, STEPS, Effects, Teller, graph_of

ROOT: Final = Path(__file__).parents[2]
THREAD: Final[str] = CONFIG["configurable"]["thread_id"]

DRIVERS: Final = ("threads", "asyncio")
DURABILITIES: Final = ("sync", "async", "exit")
SYNCHRONOUS: Final = ("normal", "full")
SEGMENTS: Final = (1, 1500, 65536)

MOST: Final = 8
BYTES: Final = 220
"""About what a child tells in six supersteps."""
TASKS: Final = 12
"""How many tasks are that."""
START: Final = 0.35
"""Seconds within which a child has surely begun."""
SUPERSTEP: Final = 0.002
"""Seconds within which a superstep has surely ended."""
NOTHING: Final = -2
"""The step of a thread of which nothing is stored."""


@dataclass(frozen=True)
class Setting:
    """How a thread is run and stored."""

    driver: str
    durability: str
    synchronous: str


SETTINGS: Final = [Setting(*words) for words in product(DRIVERS, DURABILITIES, SYNCHRONOUS)]


@dataclass
class Tally:
    """What was found.

    Attributes:
        kills: how many processes were killed.
        acknowledged: how many supersteps they had acknowledged.
        lost: how many of these were not stored, be that allowed or not.
        unheard: how often more was stored than was acknowledged.
        between: how often a part of a superstep was stored.
        again: how many tasks ran again, of which nothing was stored.
        wrong: how many stored or final values were wrong.
        repeated: how many tasks ran again though they were stored.
        faults: what must not be, in words.
    """

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    unheard: int = 0
    between: int = 0
    again: int = 0
    wrong: int = 0
    repeated: int = 0
    faults: list[str] = field(default_factory=list[str])

    def add(self, other: "Tally") -> None:
        """Add what another trial has found."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Kept:
    """What is stored of the thread at one moment.

    Attributes:
        step: the step of its last checkpoint, or `NOTHING`.
        ended: whether nothing is due any more.
        epoch: the thread's epoch, which each run that begins makes greater by one.
        tasks: the names of tasks of the unfinished superstep whose records are stored.
        values: the values of the last checkpoint.
    """

    step: int
    ended: bool
    epoch: int
    tasks: frozenset[str]
    values: Mapping[str, Any]


@cache
def uninterrupted() -> tuple[Mapping[int, Any], Sequence[tuple[str, int]]]:
    """Run the thread in peace; return the values at each step, and its history."""
    with TemporaryDirectory() as folder:
        effects = Effects(Path(folder, "effects"))
        graph = graph_of(InMemorySaver(), effects, "threads")
        run_to_end(graph, {}, Teller(_hear), "threads", "sync")
        effects.close()
    history = [*graph.get_state_history(CONFIG)]
    values = {_metadata(each)["step"]: each.values for each in history}
    return values, [(_metadata(each)["source"], _metadata(each)["step"]) for each in history]


def _hear(_: str) -> None:
    """Hear what nobody has to know."""


def _metadata(snapshot: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a snapshot
    metadata: Mapping[str, Any] = snapshot.metadata
    return metadata


# ------------------------------------------------------------------------------------ one trial


class Trial:
    """One thread, from its beginning to its end.

    Args:
        setting: how it is run.
        seed: decides the moments.
        folder: an empty folder.
        most: how many of its runs are killed at the most.
    """

    def __init__(self, setting: Setting, seed: int, folder: Path, most: int) -> None:
        self.setting = setting
        self._most = most
        self.tally = Tally()
        self._random = Random(f"{setting} {seed}")
        self._folder = folder
        self._segment = self._random.choice(SEGMENTS)
        self._kept = Kept(NOTHING, ended=False, epoch=0, tasks=frozenset(), values={})
        self._begun = self._confirmed = 0
        self._first: int | None = None

    def run(self) -> Tally:
        """Kill the thread's runs until it has ended; after some of them, let it end."""
        for number in count():
            self._go_on(kill=number < self._most)
            if self._kept.ended or self.tally.faults:
                break
        self._check_end()
        return self.tally

    def _go_on(self, *, kill: bool) -> None:
        """Run on in a new process, and look at what is stored after its end."""
        before, stood = self._kept, len(self._lines())
        told = self._told(kill=kill)
        self._kept = now = self._read()
        self._check_acknowledged(told, before, now)
        self._check_epoch(told, now)
        self._check_repeated(before, self._lines()[stood:])
        if now.step != NOTHING and not same(now.values, uninterrupted()[0][now.step]):
            self.tally.wrong += 1
            self._fault(f"the values at step {now.step} are {now.values}")
        self.tally.between += bool(now.tasks)

    def _told(self, *, kill: bool) -> list[tuple[str, int]]:
        """Run a child, kill it or not, and return what it told."""
        setting, how = self.setting, "new" if self._kept.step == NOTHING else "on"
        words = [setting.driver, setting.durability, setting.synchronous, self._segment, how]
        command = [sys.executable, "-m", "tests.crash.child", str(self._folder), *map(str, words)]
        with subprocess.Popen(  # noqa: S603 - the command is our own
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            data = self._kill(child) if kill else b""
            out, err = child.communicate()
        if child.returncode == -signal.SIGKILL:
            self.tally.kills += 1
        elif child.returncode:
            self._fault(f"a run ended in an error: {err.decode()}")
        lines = (data + out).decode().split("\n")[:-1]  # what was cut off was not told
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    def _kill(self, child: "subprocess.Popen[bytes]") -> bytes:
        """Kill a child somewhere; return what it told until then.

        Before it tells anything, most likely; or soon after it told something; or soon after some
        task began.
        """
        assert child.stdout is not None
        told = b""
        kind = self._random.choice(("start", *("told",) * 4, *("task",) * 4))
        if kind == "start":
            _spin(self._random.uniform(0, START))
        elif kind == "told":
            wanted = self._random.randint(1, BYTES)
            while more := os.read(child.stdout.fileno(), wanted - len(told)):
                told += more
        else:
            wanted = len(self._lines()) + self._random.randint(1, TASKS)
            while child.poll() is None and len(self._lines()) < wanted:
                pass
        _spin(self._random.uniform(0, SUPERSTEP))
        child.kill()
        return told

    def _fault(self, text: str) -> None:
        """Note what must not be."""
        self.tally.faults.append(f"{self.setting}, segment {self._segment}: {text}")

    # ---------------------------------------------------------------------------- what is stored

    def _lines(self) -> list[list[str]]:
        """Return the side effects so far: superstep, name, task id, and "ran" or "failed"."""
        path = self._folder / "effects"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    @contextmanager
    def _copy(self) -> Generator[BaseCheckpointSaver]:
        """Open a copy of the store: the next child finds the files as they were left."""
        with TemporaryDirectory() as folder:
            for path in self._folder.glob("store.db*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            with SqliteSaver(Path(folder, "store.db")) as saver:
                yield saver

    def _read(self) -> Kept:
        """Read what is stored."""
        with self._copy() as saver:
            head = saver.head(THREAD)
            epoch = 0 if head is None else head.epoch
            effects = Effects(self._folder / "effects")
            graph = graph_of(saver, effects, self.setting.driver)
            effects.close()
            now = graph.get_state(CONFIG)
            if now.metadata is None:
                return Kept(NOTHING, ended=False, epoch=epoch, tasks=frozenset(), values={})
            last = next(graph.get_state_history(CONFIG))
            tasks = frozenset(task.name for task in now.tasks if task.result is not None)
            if len(tasks) != _task_records(saver):
                self._fault(f"{len(tasks)} tasks are shown of {_task_records(saver)} stored")
            return Kept(now.metadata["step"], not now.next, epoch, tasks, last.values)

    # -------------------------------------------------------------------------------- the checks

    def _check_acknowledged(self, told: Sequence[tuple[str, int]], before: Kept, now: Kept) -> None:
        """See that what was acknowledged is stored."""
        chunks = (
            {"end", "failed"} if self.setting.durability == "exit" else {"values", "checkpoints"}
        )
        heard = max((step for word, step in told if word in chunks), default=before.step)
        ended = max((step for word, step in told if word in {"end", "failed"}), default=NOTHING)
        lost = max(heard - now.step, 0)
        allowed = 1 if self.setting.durability == "async" else 0
        self.tally.acknowledged += max(heard - before.step, 0)
        self.tally.lost += lost
        self.tally.unheard += now.step > heard
        if lost > allowed or now.step < max(ended, before.step):
            self._fault(f"step {heard} was acknowledged, step {now.step} is stored")

    def _check_epoch(self, told: Sequence[tuple[str, int]], now: Kept) -> None:
        """See that each run has taken an epoch of its own, and no more than one."""
        runs = [place for place, (word, _) in enumerate(told) if word == "run"]
        self._begun += len(runs)
        self._confirmed += sum(told[place + 1 : place + 2] != [] for place in runs)
        if self._first is None and now.epoch:  # a thread's epochs begin anywhere
            self._first = now.epoch - self._begun
        epochs = now.epoch - (self._first or 0)
        if not self._confirmed <= epochs <= self._begun:
            self._fault(f"{epochs} epochs after {self._begun} runs, {self._confirmed} confirmed")

    def _check_repeated(self, before: Kept, lines: Sequence[Sequence[str]]) -> None:
        """See that nothing has run again that was stored before."""
        for step, name, _, what in lines:
            ahead = int(step) - before.step
            if what == "ran" and (ahead <= 0 or (ahead == 1 and name in before.tasks)):
                self.tally.repeated += 1
                self._fault(f"{name} of superstep {step} was stored, and ran again")

    def _check_ids(self) -> None:
        """See that a task that ran again had the same id; not if it is not known how far it was."""
        ids: dict[tuple[str, str], set[str]] = {}
        for step, name, task, _ in self._lines():
            ids.setdefault((step, name), set()).add(task)
        changed = [task for task, known in ids.items() if len(known) > 1]
        if changed and self.setting.durability != "exit":
            self._fault(f"ids have changed: {changed}")

    def _check_end(self) -> None:
        """See that the thread has become what it would have become in peace."""
        self._check_ids()
        values, history = uninterrupted()
        lines = [line for line in self._lines() if line[3] == "ran"]
        fails = len(self._lines()) - len(lines)
        self.tally.again += len(lines) - fails - 2 * STEPS
        effects = Effects(self._folder / "effects")
        with SqliteSaver(self._folder / "store.db") as saver:
            graph = graph_of(saver, effects, self.setting.driver)
            if not same(graph.get_state(CONFIG).values, values[STEPS]):
                self.tally.wrong += 1
                self._fault(f"the end is {graph.get_state(CONFIG).values}")
            stored = [*graph.get_state_history(CONFIG)]
            steps = [(_metadata(each)["source"], _metadata(each)["step"]) for each in stored]
            if self.setting.durability != "exit" and steps != history:
                self._fault(f"the history is {steps}")
            for each in stored:
                if not same(each.values, values[_metadata(each)["step"]]):
                    self.tally.wrong += 1
                    self._fault(f"the history at step {_metadata(each)['step']} is {each.values}")
        effects.close()


def _task_records(saver: BaseCheckpointSaver) -> int:
    """Return how many records of tasks wait for their barrier."""
    kinds = [each.kind for each in saver.records(THREAD, newest_first=True)]
    return kinds[: kinds.index(BARRIER)].count(TASK) if BARRIER in kinds else 0


def _spin(seconds: float) -> None:
    """Let so much time pass, more exactly than a sleep does."""
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


def trial(setting: Setting, seed: int, most: int) -> Tally:
    """Do one trial, in a folder of its own."""
    with TemporaryDirectory() as folder:
        return Trial(setting, seed, Path(folder), most).run()


def survey(setting: Setting, kills: int, most: int = MOST) -> Tally:
    """Do as many trials as it takes for so many kills, or until something is found."""
    tally = Tally()
    for seed in count():
        if tally.kills >= kills or tally.faults:
            break
        tally.add(trial(setting, seed, most))
    return tally
