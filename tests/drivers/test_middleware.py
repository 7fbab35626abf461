"""Middleware around runs and supersteps: what it is told, what it sets, and how it is left."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from graphflow import START, Command, StateGraph
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import ThreadBusyError
from graphflow.middleware import RunInfo, SuperstepInfo
from graphflow.runtime import ExecutionInfo
from tests.drivers.backends import (
    Driver,
    Graph,
    Kind,
    LoopDriver,
    State,
    builder,
    made,
    says,
    sizes,
)
from tests.drivers.children import inside as in_node
from tests.drivers.children import ways
from tests.drivers.people import CONFIG, asks

WHERE: ContextVar[tuple[str, ...]] = ContextVar("where", default=())


class Notes:
    """Notes what is entered and left, and puts its name into `WHERE`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.runs: list[RunInfo] = []
        self.steps: list[SuperstepInfo] = []

    def __call__(self, info: ExecutionInfo) -> AbstractContextManager[None]:
        """Note a task."""
        return self._around(info.node)

    def around_run(self, info: RunInfo) -> AbstractContextManager[None]:
        """Note a run."""
        self.runs.append(info)
        return self._around(info.graph)

    def around_superstep(self, info: SuperstepInfo) -> AbstractContextManager[None]:
        """Note a superstep."""
        self.steps.append(info)
        return self._around(f"{info.step}")

    @contextmanager
    def _around(self, name: str) -> Generator[None]:
        token = WHERE.set((*WHERE.get(), name))
        self.taken.append(f"+{name}")
        try:
            yield
        except BaseException as error:
            self.taken.append(f"-{name} {type(error).__name__}")
            raise
        else:
            self.taken.append(f"-{name}")
        finally:
            WHERE.reset(token)


class RunsOnly:
    """Is entered around runs, and makes nothing of tasks."""

    def __init__(self, around: Callable[[RunInfo], AbstractContextManager[None]]) -> None:
        self.around_run = around

    def __call__(self, _: ExecutionInfo) -> AbstractContextManager[None]:
        """Make nothing of a task."""
        return nullcontext()


def fails(kind: Kind) -> Any:  # noqa: ANN401 - a node
    """Return a node that fails."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    return made(kind, fail)


def sees(kind: Kind) -> Any:  # noqa: ANN401 - a node
    """Return a node that logs where it is."""
    return made(kind, lambda _: {"log": [WHERE.get()]})


def fan(nodes: dict[str, Any], *middleware: Any, **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of nodes that run at once, and a last one."""
    made = builder({**nodes, "z": says("sync", "z")})
    for name in nodes:
        made.add_edge(START, name)
    made.add_edge([*nodes], "z")
    return made.compile(middleware=middleware, name="g", **options)


def test_runs_supersteps_and_tasks_are_entered_one_inside_the_other(
    driver: Driver, kind: Kind
) -> None:
    """A superstep is left where the next one begins, or the run ends."""
    notes = Notes()
    driver.run(fan({"a": says(kind, "a")}, notes))
    expected = "+g +1 +a -a -1 +2 +z -z -2 -g"
    assert notes.taken == expected.split()


@sizes
@pytest.mark.parametrize("limit", [None, 1])
def test_what_it_sets_the_tasks_see_and_nobody_else(
    driver: Driver, kind: Kind, names: str, limit: int | None
) -> None:
    """In threads, too, and in tasks that start later than others of their superstep."""
    graph = fan({name: sees(kind) for name in names}, Notes())
    log = driver.run(graph, config={"max_concurrency": limit})["log"]
    assert log == [*(("g", "1", name) for name in names), "z"]
    assert WHERE.get() == ()


@sizes
def test_an_error_is_seen_and_cannot_be_swallowed(driver: Driver, kind: Kind, names: str) -> None:
    """By what is around a run or a superstep; all others are told of it."""

    class Swallows:
        def __call__(self, _: object) -> AbstractContextManager[None]:
            return nullcontext()

        def around_run(self, _: object) -> AbstractContextManager[object]:
            return suppress(ZeroDivisionError)

        around_superstep = around_run

    notes = Notes()
    with pytest.raises(ZeroDivisionError):
        driver.run(fan({name: fails(kind) for name in names}, notes, Swallows()))
    assert notes.taken[-2:] == ["-1 ZeroDivisionError", "-g ZeroDivisionError"]


def test_what_it_raises_is_the_runs_error(driver: Driver) -> None:
    """When it is entered, before anything has run, and when it is left."""
    ran: list[str] = []

    @contextmanager
    def early(_: RunInfo) -> Generator[None]:
        raise LookupError
        yield

    @contextmanager
    def late(_: RunInfo) -> Generator[None]:
        yield
        raise LookupError

    node = made("sync", lambda _: ran.append("a"))
    for around, expected in ((early, []), (late, ["a"])):
        ran.clear()
        with pytest.raises(LookupError):
            driver.run(fan({"a": node}, RunsOnly(around)))
        assert ran == expected


def test_who_leaves_a_stream_leaves_its_run(driver: Driver, kind: Kind) -> None:
    """With what a generator that is closed is told."""
    notes = Notes()
    driver.leave(fan({"a": says(kind, "a")}, notes), lambda _: None)
    assert notes.taken == ["+g", "+1", "+a", "-a", "-1 GeneratorExit", "-g GeneratorExit"]


def test_a_cancelled_run_is_left_with_the_cancel(loop: LoopDriver) -> None:
    """What cancels it is the error that is seen."""
    notes = Notes()

    async def sleeps(_: object) -> None:
        await anyio.sleep_forever()

    graph = fan({"a": sleeps}, notes)

    async def body() -> None:
        with anyio.move_on_after(0.05):
            await graph.ainvoke({})

    loop.main(body)
    kinds = {one.rpartition(" ")[2] for one in notes.taken if one.startswith("-")}
    assert kinds <= {"CancelledError", "Cancelled"}
    assert notes.taken[-1].startswith("-g Cancel")


def test_an_error_of_the_driver_is_seen(driver: Driver, kind: Kind) -> None:
    """Such as that of a thread that has a run already."""
    store, notes = InMemorySaver(), Notes()
    inner = fan({"a": says(kind, "a")}, notes, checkpointer=store)

    def busy(_: object) -> None:
        with pytest.raises(ThreadBusyError):
            inner.invoke({}, CONFIG)

    driver.run(fan({"b": busy}, checkpointer=store), config=CONFIG)
    assert notes.taken == ["+g", "-g ThreadBusyError"]


def test_a_run_that_stops_to_ask_has_no_error(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """Only its task has, which is left by an interrupt."""
    notes = Notes()
    graph = fan({"a": asks(kind, "?")}, notes, checkpointer=store)
    driver.run(graph, config=CONFIG)
    assert notes.taken == ["+g", "+1", "+a", "-a GraphInterrupt", "-1", "-g"]


def test_only_tasks_that_run_are_told(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """What others have returned in an earlier run is there already."""
    notes = Notes()
    graph = fan({"a": asks(kind, "?"), "b": says(kind, "b")}, notes, checkpointer=store)
    driver.run(graph, config=CONFIG)
    driver.run(graph, Command(resume=1), config=CONFIG)  # type: ignore[arg-type]  # a Command is one
    assert [(info.step, info.nodes) for info in notes.steps] == [
        (1, ("a", "b")),
        (1, ("a",)),
        (2, ("z",)),
    ]


@ways
def test_graphs_inside_are_entered_inside_their_task(driver: Driver, kind: Kind, way: Any) -> None:  # noqa: ANN401 - see there
    """By the middleware of the graphs around, then by their own."""
    if driver.name == "simulated" and way in {"invoke", "stream"}:
        return  # they would hold up the loop
    outer, own = Notes(), Notes()
    child = builder({"s": sees(kind)}).add_edge(START, "s").compile(middleware=[own], name="in")
    log = driver.run(fan({"a": in_node(way, child)}, outer), {"log": []})["log"]
    assert log == [("g", "1", "a", "in", "in", "1", "1", "s", "s"), "z"]
    assert own.taken == ["+in", "+1", "+s", "-s", "-1", "-in"]
    (around, inner) = outer.runs
    assert around.run_id == inner.run_id
    assert (around.checkpoint_ns, inner.checkpoint_ns[:2]) == ("", "a:")


def test_edges_of_start_are_no_superstep_and_no_task(driver: Driver) -> None:
    """Path functions run outside of all but the run."""
    notes, seen = Notes(), list[tuple[str, ...]]()

    def choose(_: object) -> str:
        seen.append(WHERE.get())
        return "a"

    graph = StateGraph(State).add_node("a", says("sync", "a"))
    graph.add_conditional_edges(START, choose, ["a"])
    driver.run(graph.compile(middleware=[notes], name="g"))
    assert notes.taken == ["+g", "+1", "+a", "-a", "-1", "-g"]
    assert seen == [("g",)]


def test_what_is_added_to_the_metadata_is_stored_and_told_to_who_goes_on(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """By each run to the next one that goes on, and not to one with a new input."""
    told: list[Any] = []

    @contextmanager
    def marks(info: RunInfo) -> Generator[None]:
        info.metadata["mark"] = f"m{len(told)}"
        yield
        told.append(info.continues and info.continues["mark"])

    made = builder({"a": asks(kind, "1"), "b": asks(kind, "2")})
    made.add_edge(START, "a").add_edge("a", "b")
    graph = made.compile(middleware=[RunsOnly(marks)], checkpointer=store)
    driver.run(graph, config=CONFIG)
    driver.run(graph, Command(resume="x"), config=CONFIG)  # type: ignore[arg-type]  # as above
    assert graph.get_state(CONFIG).metadata == {"source": "loop", "step": 1, "parents": {}} | {
        "mark": "m1"
    }
    driver.run(graph, Command(resume="y"), config=CONFIG)  # type: ignore[arg-type]  # as above
    driver.run(graph, {"log": []}, config=CONFIG)
    assert told == [None, "m0", "m1", None]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_what_was_stored_before_a_snapshot_is_told(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: str
) -> None:
    """A thread is read from its last snapshot on, so the run's record has to be looked up."""
    told: list[Any] = []

    @contextmanager
    def marks(info: RunInfo) -> Generator[None]:
        info.metadata["mark"] = "m"
        yield
        told.append(info.continues and info.continues["mark"])

    large = ["x" * 1000] * 100
    made = builder({"a": says(kind, *large), "b": asks(kind, "?"), "c": says(kind, "c")})
    made.add_edge(START, "a").add_edge("a", "b").add_edge("b", "c")
    graph = made.compile(middleware=[RunsOnly(marks)], checkpointer=store)
    driver.run(graph, config=CONFIG, durability=durability)
    driver.run(graph, Command(resume="x"), config=CONFIG, durability=durability)  # type: ignore[arg-type]  # as above
    assert told == [None, "m"]


def test_a_run_tells_what_it_goes_on_from_in_the_past(store: BaseCheckpointSaver) -> None:
    """The run that made the checkpoint, whatever has run since."""
    told: list[Any] = []

    @contextmanager
    def marks(info: RunInfo) -> Generator[None]:
        info.metadata["mark"] = f"m{len(told)}"
        yield
        told.append(info.continues and info.continues["mark"])

    graph = fan({"a": says("sync", "a")}, RunsOnly(marks), checkpointer=store)
    graph.invoke({}, CONFIG)
    graph.invoke({}, CONFIG)
    past = next(each for each in graph.get_state_history(CONFIG) if each.next == ("z",))
    oldest = [each for each in graph.get_state_history(CONFIG) if each.next == ("z",)][-1]
    graph.invoke(None, past.config)
    graph.invoke(None, oldest.config)
    assert told == [None, None, "m1", "m0"]


def test_an_edit_is_no_run(store: BaseCheckpointSaver) -> None:
    """Nothing is entered around it."""
    notes = Notes()
    graph = fan({"a": says("sync", "a")}, notes, checkpointer=store)
    graph.update_state(CONFIG, {"log": ["x"]}, as_node="a")
    assert notes.taken == []


def test_a_stream_can_have_middleware_of_its_own(driver: Driver, kind: Kind) -> None:
    """Inside that of the graph; it is that one run's."""
    own, graphs = Notes(), Notes()
    graph = fan({"a": sees(kind)}, graphs)
    chunks: list[Any] = []
    if isinstance(driver, LoopDriver):

        async def body() -> None:
            async with aclosing(graph.astream({}).within(own)) as stream:
                chunks.extend([chunk async for chunk in stream])

        driver.main(body)
    else:
        chunks.extend(graph.stream({}).within(own))
    assert chunks == [{"a": {"log": [("g", "g", "1", "1", "a", "a")]}}, {"z": {"log": ["z"]}}]
    assert own.taken == graphs.taken
    driver.run(graph)
    assert len(graphs.taken) == 2 * len(own.taken)
