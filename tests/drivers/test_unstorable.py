"""What tasks return or ask that no store holds, while others of their superstep go on."""

import time

import anyio
import pytest

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.errors import CodecError
from tests.drivers.backends import Driver, Gate, says
from tests.drivers.people import asks, begin, fan, state


async def waits(_: object) -> None:
    """Wait until it is cancelled."""
    await anyio.sleep_forever()


def test_a_result(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Is the failure of its task, and the others are cancelled."""
    graph = fan(store, {"bad": says("sync", object()), "waits": waits})
    with pytest.raises(CodecError, match="object"):
        begin(driver, graph)
    now = state(driver, graph)
    assert [task.name for task in now.tasks if task.error] == ["bad"]
    assert now.next == ("bad", "waits")


def test_a_question(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Is the failure of its task, and is not asked."""
    bad = asks("async", "is it fine?", default=object())
    graph = fan(store, {"bad": bad, "waits": waits})
    with pytest.raises(CodecError, match="in the default of what node 'bad' asks"):
        begin(driver, graph)
    now = state(driver, graph)
    assert [task.name for task in now.tasks if task.error] == ["bad"]
    assert now.interrupts == ()


@pytest.mark.parametrize("driver", ["threads"], indirect=True)  # a loop drops what comes late
def test_a_result_that_comes_late(driver: Driver, store: BaseCheckpointSaver) -> None:
    """When another task has failed: its error is told as well."""
    gate = Gate()

    def bad(_: object) -> object:
        gate.wait()
        time.sleep(0.05)  # behind the failure
        return {"log": [object()]}

    def boom(_: object) -> object:
        gate.open()
        raise ZeroDivisionError

    graph = fan(store, {"bad": bad, "boom": boom})
    with pytest.raises(ZeroDivisionError):
        begin(driver, graph)
    errors = {task.name: str(task.error) for task in state(driver, graph).tasks}
    assert "ZeroDivisionError" in errors["boom"]
    assert "object" in errors["bad"]
