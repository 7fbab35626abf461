"""Several runs in one call: `batch` in threads and `abatch` on the event loop give the same."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.lowlevel
import pytest
import trio

from graphflow import RunnableConfig
from graphflow.graph.state import CompiledStateGraph
from tests.small import State, alone, failure, gives

Batch = Callable[..., list[Any]]


def batch(graph: CompiledStateGraph[State], *args: object, **options: object) -> list[Any]:
    """Call `batch`."""
    return graph.batch(*args, **options)  # type: ignore[arg-type]  # as each test gives them


def abatch(graph: CompiledStateGraph[State], *args: object, **options: object) -> list[Any]:
    """Call `abatch` on asyncio."""
    return asyncio.run(graph.abatch(*args, **options))  # type: ignore[arg-type]  # as above


def abatch_on_trio(graph: CompiledStateGraph[State], *args: object, **options: object) -> list[Any]:
    """Call `abatch` on trio."""
    result: list[Any] = trio.run(partial(graph.abatch, *args, **options))  # type: ignore[arg-type]  # as above
    return result


pytestmark = pytest.mark.parametrize("run", [batch, abatch, abatch_on_trio])


def divide(state: State) -> State:
    """Divide 12 by x."""
    return {"y": 12 // state.get("x", 0)}


def tell(state: State, config: RunnableConfig) -> State:
    """Log the thread that the config names."""
    return {"log": [config.get("configurable", {})["thread_id"]]}


def inputs(*numbers: int) -> list[State]:
    """Return an input for each x."""
    return [{"x": number} for number in numbers]


def test_outputs_come_in_the_order_of_the_inputs(run: Batch) -> None:
    """Whichever run ends first."""
    outputs = run(alone(divide), inputs(3, 1, 2), output_keys="y")
    assert outputs == [4, 12, 6]


def test_no_inputs_give_no_outputs(run: Batch) -> None:
    """An empty list is no mistake."""
    assert run(alone(divide), []) == []


def test_one_config_serves_all_runs(run: Batch) -> None:
    """Given as a dict."""
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    outputs = run(alone(tell), inputs(1, 2), config)
    assert [output["log"] for output in outputs] == [["t"], ["t"]]


def test_each_run_may_have_its_own_config(run: Batch) -> None:
    """Given as a list."""
    configs: list[RunnableConfig] = [{"configurable": {"thread_id": name}} for name in ("t", "u")]
    outputs = run(alone(tell), inputs(1, 2), configs)
    assert [output["log"] for output in outputs] == [["t"], ["u"]]


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_configs_is_an_error(run: Batch, count: int) -> None:
    """The error counts both."""
    config: RunnableConfig = {}
    with pytest.raises(ValueError, match=f"2 inputs .*{count} configs"):
        run(alone(tell), inputs(1, 2), [config] * count)


def test_a_failing_run_raises_its_error(run: Batch) -> None:
    """As it is, in no group, with the note of where."""
    error = failure(lambda: run(alone(divide), inputs(1, 0, 2)))
    assert type(error) is ZeroDivisionError
    assert error.__notes__ == ["in node 'a', superstep 1"]


def test_errors_can_be_returned_in_place_of_outputs(run: Batch) -> None:
    """The other runs are not disturbed."""
    first, second, third = run(alone(divide), inputs(1, 0, 2), return_exceptions=True)
    assert (first["y"], type(second), third["y"]) == (12, ZeroDivisionError, 6)


def test_a_mistake_in_one_input_can_be_returned_too(run: Batch) -> None:
    """It is an error of its run."""
    _, second = run(alone(divide), [{"x": 1}, {"q": 1}], return_exceptions=True)
    assert "unknown key 'q'" in str(second)


def test_all_runs_are_handed_the_context(run: Batch) -> None:
    """One for all."""
    seen: list[object] = []

    def node(state: State, runtime: Any) -> None:  # noqa: ANN401 - asked for by name
        seen.append(runtime.context)

    run(alone(node), inputs(1, 2), context={"user": "ada"})
    assert seen == [{"user": "ada"}] * 2


def test_max_concurrency_limits_how_many_run_at_once(run: Batch) -> None:
    """With one, they run one after the other."""
    running: list[str] = []
    most: list[int] = []

    async def node(state: State) -> None:
        running.append("run")
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        most.append(len(running))
        running.pop()

    run(alone(node), inputs(1, 2, 3, 4), {"max_concurrency": 1})
    assert most == [1, 1, 1, 1]


def test_runs_go_on_at_once(run: Batch) -> None:
    """Two that wait for each other both end."""
    barrier = threading.Barrier(2, timeout=10)

    def node(state: State) -> None:
        barrier.wait()

    assert run(alone(node), inputs(1, 2)) == [{"log": [], "x": 1}, {"log": [], "x": 2}]


def test_the_runs_of_a_batch_share_no_state(run: Batch) -> None:
    """Each starts from its own input."""
    outputs = run(alone(gives({"log": ["a"]})), [{"log": ["1"]}, {"log": ["2"]}])
    assert outputs == [{"log": ["1", "a"]}, {"log": ["2", "a"]}]
