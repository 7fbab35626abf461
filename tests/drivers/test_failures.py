"""What a node raises reaches the caller as it is: the same object, with a note and a short way."""

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

import graphflow
from graphflow import END, START
from graphflow.types import StreamMode
from tests.drivers.backends import (
    ASYNCIO,
    PATIENCE,
    REAL,
    Driver,
    Gate,
    Given,
    Graph,
    Kind,
    LoopDriver,
    Node,
    builder,
    driver_named,
    fan_out,
    made,
    says,
    settle,
    sizes,
)

OURS: Final = str(Path(graphflow.__file__).parent)
HERE: Final = Path(__file__).parent

ways: Final = pytest.mark.parametrize("way", ["invoke", "updates", "custom"])


class Boom(Exception):  # noqa: N818 - it is no error of anything
    """What the nodes here raise."""


def boom_of(kind: Kind, error: BaseException) -> Node:
    """Return a node that raises an error."""

    def boom(state: object) -> None:
        raise error

    async def boom_async(state: object) -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    return boom if kind == "sync" else boom_async


def graph_of(kind: Kind, names: str, error: BaseException) -> Graph:
    """Return a graph whose first node raises an error, and the others wait or are quick."""
    return fan_out({names[0]: boom_of(kind, error), **dict.fromkeys(names[1:], says(kind))})


def run(driver: Driver, graph: Graph, way: str) -> None:
    """Run a graph in one of the ways."""
    if way == "invoke":
        driver.run(graph)
    else:
        driver.chunks(graph, stream_mode=way)


def caught(driver: Driver, graph: Graph, way: str) -> BaseException:
    """Run a graph that fails, and return its error."""
    try:
        run(driver, graph, way)
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError(graph)  # it has not failed


# --------------------------------------------------------------------------------- the error


@ways
@sizes
def test_the_error_is_the_nodes_own(driver: Driver, kind: Kind, way: str, names: str) -> None:
    """The very object that a node raised reaches the caller, with a note of where that was."""
    error = Boom("said")
    assert caught(driver, graph_of(kind, names, error), way) is error
    assert error.__notes__ == ["in node 'a', superstep 1"]
    assert (error.__cause__, error.__context__) == (None, None)


@ways
@sizes
def test_the_users_frame_is_last(driver: Driver, kind: Kind, way: str, names: str) -> None:
    """The traceback ends in the node, with at most 8 frames of ours above it and no library's."""
    error = caught(driver, graph_of(kind, names, Boom()), way)
    *above, last = traceback.extract_tb(error.__traceback__)
    assert last.name in ("boom", "boom_async")
    ours = list(takewhile(lambda frame: frame.filename.startswith(OURS), reversed(above)))
    assert 0 < len(ours) <= 8
    assert above[-1 - len(ours)].filename.startswith(str(HERE))


def booming(kind: Kind, names: str) -> Graph:
    """Return a graph whose node makes its error when it raises it, and keeps no hold of it."""

    def boom(_: object) -> None:
        raise Boom

    return fan_out({**dict.fromkeys(names, says(kind)), "a": made(kind, boom)})


@ways
@sizes
def test_the_error_dies_with_its_last_user(
    loop: LoopDriver, kind: Kind, way: str, names: str
) -> None:
    """Nothing of the run keeps the error alive, so no garbage collector is needed to free it."""
    mode: StreamMode = "custom" if way == "custom" else "updates"

    async def left(graph: Graph) -> "weakref.ref[Boom]":
        try:
            if way == "invoke":
                await graph.ainvoke({})
            async for _ in graph.astream({}, stream_mode=mode):
                pass
        except Boom as error:
            return weakref.ref(error)
        raise AssertionError(graph)

    async def body() -> object:
        return (await left(booming(kind, names)))()

    with no_collector():
        assert loop.main(body) is None


@pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
def test_a_cancel_dies_with_its_last_user(loop: LoopDriver) -> None:
    """What is thrown into a lone node is kept by nothing either."""
    asleep = Gate()

    async def sleeps(state: object) -> None:
        asleep.open()
        await anyio.sleep_forever()

    async def left() -> "weakref.ref[asyncio.CancelledError]":
        try:
            await fan_out({"a": sleeps}).ainvoke({})
        except asyncio.CancelledError as error:
            return weakref.ref(error)
        raise AssertionError(sleeps)

    async def body() -> object:
        task = asyncio.create_task(left())
        await asleep.passed()
        task.cancel()
        return (await task)()

    with no_collector():
        assert loop.main(body) is None


@ways
@sizes
def test_the_error_of_a_sync_run_dies_with_its_last_user(kind: Kind, way: str, names: str) -> None:
    """The same for threads: once they have ended, nothing keeps the error alive."""
    with no_collector():
        left = weakref.ref(caught(driver_named("threads"), booming(kind, names), way))
        let_threads_forget()
        assert left() is None


@contextmanager
def no_collector() -> Generator[None]:
    """Switch the garbage collector off."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def let_threads_forget() -> None:
    """Wait until the threads of pools have ended, and the portal has done something else."""
    for thread in threading.enumerate():
        if thread.name.startswith("graphflow_"):
            thread.join(PATIENCE)
    driver_named("threads").run(fan_out({"a": says("async")}))


def test_an_error_raised_again_is_noted_once(driver: Driver, kind: Kind) -> None:
    """One exception object that several runs raise does not gather the same note."""
    graph = graph_of(kind, "a", Boom())
    errors = {id(caught(driver, graph, "invoke")) for _ in range(3)}
    last = caught(driver, graph, "invoke")
    assert (len(errors), last.__notes__) == (1, ["in node 'a', superstep 1"])


def test_a_failing_path_function_is_named(driver: Driver, kind: Kind) -> None:
    """The note tells the conditional edge, and the node's own update has been shown."""

    def choose(_: object) -> str:
        raise Boom

    made_of = builder({"a": made(kind, lambda _: {"x": 1})}).add_edge(START, "a")
    made_of.add_conditional_edges("a", made(kind, choose), [END])
    got: list[Any] = []
    with pytest.raises(Boom) as raised:
        driver.each(made_of.compile(), got.append)
    assert got == [{"a": {"x": 1}}]
    (note,) = raised.value.__notes__
    assert "'a'" in note
    assert "superstep 1" in note


# ---------------------------------------------------------------------------- several failures


def test_the_first_to_fail_is_raised(driver: Driver) -> None:
    """A node that fails because it is cancelled is in the notes of the one that failed first."""
    entered = Gate()

    async def first(state: object) -> None:
        await entered.passed()
        raise Boom

    async def second(state: object) -> None:
        try:
            entered.open()
            await anyio.sleep_forever()
        finally:
            raise ZeroDivisionError("late")

    with pytest.raises(Boom) as raised:
        driver.run(fan_out({"z": first, "a": second}))
    assert raised.value.__notes__ == [
        "in node 'z', superstep 1",
        "also failed, in node 'a', superstep 1: ZeroDivisionError('late')",
    ]


@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_the_first_thread_to_fail_is_raised(driver: Driver) -> None:
    """Of two threads the later is in the notes of the first, though it cannot be cancelled."""
    gates = {"first": Gate(), "second": Gate()}

    def first(state: object) -> None:
        gates["first"].wait()
        # Too early a release would only prove less: both would have failed at the same moment.
        threading.Timer(0.05, gates["second"].open).start()
        raise Boom

    def second(state: object) -> None:
        gates["first"].open()
        gates["second"].wait()
        raise ZeroDivisionError("late")

    with pytest.raises(Boom) as raised:
        driver.run(fan_out({"a": first, "b": second}))
    assert raised.value.__notes__ == [
        "in node 'a', superstep 1",
        "also failed, in node 'b', superstep 1: ZeroDivisionError('late')",
    ]


# ------------------------------------------------------------------- what is no plain Exception


@pytest.mark.parametrize("said", [KeyboardInterrupt("said"), SystemExit("said")], ids=repr)
@sizes
def test_what_ends_a_program_passes_through(
    driver: Driver, kind: Kind, said: BaseException, names: str
) -> None:
    """KeyboardInterrupt and SystemExit that a node raises reach the caller as they are."""
    graph = graph_of(kind, names, type(said)(*said.args))
    raised = caught(driver, graph, "invoke")
    assert (type(raised), raised.args) == (type(said), said.args)


@sizes
def test_a_cancel_of_the_nodes_own_passes_through(driver: Driver, kind: Kind, names: str) -> None:
    """A CancelledError that a node raises by itself reaches the caller, and nobody waits."""
    graph = graph_of(kind, names, asyncio.CancelledError("said"))
    assert type(caught(driver, graph, "invoke")) is asyncio.CancelledError


@sizes
def test_stop_iteration_hangs_nobody(driver: Driver, kind: Kind, names: str) -> None:
    """A StopIteration becomes what Python makes of one that leaves a coroutine."""
    error = caught(driver, graph_of(kind, names, StopIteration("said")), "invoke")
    assert type(error) is RuntimeError
    assert type(error.__cause__) is StopIteration


# ------------------------------------------------------------------------------- several runs


def by_number(kind: Kind, failures: Mapping[int, BaseException]) -> Graph:
    """Return a graph that fails for some inputs, and for the others returns them."""

    def node(given: Given) -> None:
        if given["x"] in failures:
            raise failures[given["x"]]

    return fan_out({"a": made(kind, node)})


INPUTS: Final[list[Given]] = [{"x": number} for number in range(4)]


def abatch(loop: LoopDriver, graph: Graph, **options: Any) -> Any:  # noqa: ANN401 - of abatch
    """Await a batch on a loop."""

    async def body() -> Any:  # noqa: ANN401 - as above
        return await graph.abatch(INPUTS, **options)

    return loop.main(body)


def test_abatch_returns_errors_if_asked(loop: LoopDriver, kind: Kind) -> None:
    """An error stands in the place of its run's output."""
    errors = {1: Boom(), 3: ZeroDivisionError()}
    got = abatch(loop, by_number(kind, errors), return_exceptions=True, output_keys="x")
    assert got == [0, errors[1], 2, errors[3]]


def test_batch_returns_errors_if_asked(kind: Kind) -> None:
    """An error stands in the place of its run's output."""
    errors = {1: Boom(), 3: ZeroDivisionError()}
    got = by_number(kind, errors).batch(INPUTS, return_exceptions=True, output_keys="x")
    assert got == [0, errors[1], 2, errors[3]]


def test_batch_raises_the_first_in_order(kind: Kind) -> None:
    """The first failing input's error is raised, as it is."""
    error = Boom()
    with pytest.raises(Boom) as raised:
        by_number(kind, {1: error, 3: ZeroDivisionError()}).batch(INPUTS)
    assert raised.value is error


def test_abatch_cancels_the_others(loop: LoopDriver) -> None:
    """When a run fails, the others are cancelled and have ended before its error is raised."""
    asleep, ended = Gate(), list[int]()

    async def node(given: Given) -> None:
        if given["x"] == 3:
            await asleep.passed()
            raise Boom
        try:
            asleep.open()
            await anyio.sleep_forever()
        finally:
            ended.append(given["x"])

    async def body() -> None:
        with pytest.raises(Boom):
            await fan_out({"a": node}).abatch(INPUTS)
        assert len(ended) >= 1
        count = len(ended)
        await settle()
        assert len(ended) == count

    loop.main(body)


@pytest.mark.parametrize("returned", [False, True])
@pytest.mark.parametrize("said", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_abatch_raises_what_is_no_exception(
    loop: LoopDriver, said: type[BaseException], *, returned: bool
) -> None:
    """What is no Exception is raised as it is, also if errors are to be returned."""
    graph = by_number("async", {1: said("said")})
    with pytest.raises(said) as raised:
        abatch(loop, graph, return_exceptions=returned)
    assert type(raised.value) is said


@pytest.mark.parametrize("said", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_batch_raises_what_is_no_exception(kind: Kind, said: type[BaseException]) -> None:
    """What is no Exception is raised as it is, also if errors are to be returned."""
    with pytest.raises(said) as raised:
        by_number(kind, {1: said("said")}).batch(INPUTS, return_exceptions=True)
    assert type(raised.value) is said
