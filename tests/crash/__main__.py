"""Kills at least 240 processes, or as many as it is told to, and prints what was found.

`python -m tests.crash [KILLS]`; the exit code is 1 if anything was lost, wrong or done twice.
"""

import sys
from typing import Final

from tests.crash.kill import SETTINGS, Tally, survey

ENOUGH: Final = 240

COLUMNS: Final = (
    "kills",
    "acknowledged",
    "lost",
    "unheard",
    "between",
    "again",
    "wrong",
    "repeated",
)
NOTES: Final = """
kills         processes that were killed
acknowledged  supersteps that they had acknowledged
lost          of these, not stored; at most one a kill, and with durability="async" only
unheard       kills after which more was stored than was acknowledged
between       ends of a process after which a part of a superstep was stored
again         tasks that ran again, of which nothing was stored
wrong         stored or final values that differ from those of an uninterrupted run
repeated      tasks that ran again though they were stored"""


def line(words: tuple[str, ...], tally: Tally) -> str:
    """Return a line of the table."""
    numbers = "".join(f"{vars(tally)[name]:>{len(name) + 2}}" for name in COLUMNS)
    return "".join(f"{word:<9}" for word in words) + numbers


def main(wanted: int) -> int:
    """Do them all; return the exit code."""
    whole = Tally()
    tell(f"{'driver':<9}{'stored':<9}{'disk':<9}  {'  '.join(COLUMNS)}")
    for setting in SETTINGS:
        tally = survey(setting, -(-wanted // len(SETTINGS)))
        tell(line((setting.driver, setting.durability, setting.synchronous), tally))
        whole.add(tally)
    tell(line(("", "", "in all"), whole), NOTES)
    tell(*(f"\nFAULT {fault}" for fault in whole.faults))
    return 1 if whole.faults else 0


def tell(*lines: str) -> None:
    """Print lines, at once."""
    sys.stdout.writelines(f"{each}\n" for each in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ENOUGH))
