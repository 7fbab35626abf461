"""Other processes, for tests whose claim is about more than one, or about the end of one."""

import subprocess
import sys

COUNT = """
import sys
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import CheckpointConflict
from graphflow.testing._line import Line

def add(store, name, count, thread="a thread"):
    "Add records to a thread, each after whatever is there by then."
    for number in range(count):
        while True:
            line = Line(store, thread)
            if head := store.head(thread):
                line.epoch, line.seq = head.epoch, head.seq
            try:
                line.write(f"{name} {number}".encode())
            except CheckpointConflict:
                continue
            break
"""
"""What most of them begin with."""


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a script, with its arguments in `sys.argv[1:]`."""
    command = [sys.executable, "-W", "error", "-c", COUNT + script, *map(str, arguments)]
    return subprocess.Popen(  # noqa: S603 - the scripts are written in the tests
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Wait for the end of a script; return what it printed."""
    out, err = process.communicate()
    assert process.returncode == code, err
    assert not err
    return out


def run(script: str, *arguments: object) -> str:
    """Run a script to its end; return what it printed."""
    return ended(start(script, *arguments))
