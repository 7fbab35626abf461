"""Processes that are killed in the middle of a superstep lose nothing, and repeat nothing."""

import pytest

from tests.crash.kill import SETTINGS, Setting, survey

KILLS = 2
NORMAL = [setting for setting in SETTINGS if setting.synchronous == "normal"]


@pytest.mark.parametrize("setting", NORMAL, ids=lambda each: f"{each.driver}-{each.durability}")
def test_nothing_is_lost_or_done_twice_when_a_process_is_killed(setting: Setting) -> None:
    """What was acknowledged is stored, what is stored is right, and runs no second time."""
    tally = survey(setting, KILLS, most=KILLS)
    assert tally.faults == []
    assert tally.kills >= KILLS


def test_nor_where_every_commit_reaches_the_disk() -> None:
    """The same with the thread that writes."""
    tally = survey(Setting("asyncio", "sync", "full"), KILLS, most=KILLS)
    assert tally.faults == []
    assert tally.kills >= KILLS
