"""Changed records give a value or an error of the codec's own, and nothing else ever happens."""

import importlib

import pytest

from tests.checkpoint.fuzz_codec import codec, outcome, records, run
from tests.checkpoint.watch import watched


def test_three_thousand_changed_records_do_no_harm() -> None:
    """No import, no code, no file; `python -m tests.checkpoint.fuzz_codec` tries 100,000."""
    came = run(3000, seed=20)
    assert sum(came.values()) == 3000
    assert came["value"] > 300
    assert came["DamagedCheckpointError"] > 300


def test_a_record_that_was_cut_is_damaged_wherever_it_was() -> None:
    """No value is the beginning of another."""
    subject = codec()
    for record in records(subject):
        for length in range(min(len(record), 400)):
            assert outcome(subject, record[:length]) == "DamagedCheckpointError"


def test_a_record_with_something_behind_it_is_damaged() -> None:
    """One record is one value."""
    subject = codec()
    for record in records(subject):
        assert outcome(subject, record + b"\xc0") == "DamagedCheckpointError"


def test_the_watch_hears_what_must_not_happen() -> None:
    """Else the other tests would say nothing."""
    with watched() as heard:
        eval("1 + 1")  # noqa: S307 - to be heard
        with pytest.raises(ModuleNotFoundError):
            import nowhere_at_all  # type: ignore[import-not-found] # noqa: F401, PLC0415 - the same
        with pytest.raises(FileNotFoundError):
            open("/nowhere/at/all")  # noqa: PTH123, SIM115 - the same
        importlib.import_module("json")
    assert {event.split()[0] for event in heard} == {
        "compile",
        "exec",
        "import",
        "import_module",
        "open",
    }
