"""Results that are kept: what `once` has called is not called again, on any driver and store."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from itertools import product
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from typing_extensions import override

from graphflow.checkpoint.base import BaseCheckpointSaver, Commit
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import CodecError, TaskAbandoned
from graphflow.interrupts import aonce, interrupt, once
from graphflow.types import Durability
from tests.drivers.backends import (
    ALL,
    ALONE,
    KINDS,
    PATIENCE,
    REAL,
    Driver,
    Gate,
    Kind,
    LoopDriver,
    Node,
    made,
    says,
    settle,
    sizes,
)
from tests.drivers.people import (
    CONFIG,
    DURABILITIES,
    answer,
    asks,
    begin,
    chain,
    fan,
    go_on,
    history,
    ids,
    questions,
    state,
)

durable = pytest.mark.parametrize("durability", DURABILITIES)


class Done:
    """Things that are done, and how often.

    Attributes:
        things: their names, in order.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.things: list[object] = []

    def do(self, name: object) -> object:
        """Do one; return what tells which time it is."""
        self.things.append(name)
        return (name, self.things.count(name))

    async def ado(self, name: object) -> object:
        """Do one that takes a moment."""
        await anyio.lowlevel.checkpoint()
        return self.do(name)


def keeping(kind: Kind, done: Done, *names: str, after: Callable[[], object]) -> Node:
    """Return a node that does things once, and then something else."""

    def node(_: object) -> object:
        kept = [once(name, done.do, name) for name in names]
        return {"log": [*kept, after()]}

    async def anode(_: object) -> object:
        kept: list[object] = []
        for number, name in enumerate(names):
            if number % 2:
                kept.append(await aonce(name, done.do, name))
            else:
                kept.append(await once(name, done.ado, name))
        return {"log": [*kept, after()]}

    return node if kind == "sync" else anode


def ask() -> object:
    """Ask."""
    return interrupt("a?")


# --------------------------------------------------------------------------------- it is kept


@durable
def test_a_result_is_kept_over_questions(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """However often the node is run."""
    done = Done()
    graph = chain(store, {"a": keeping(kind, done, "x", "y", after=ask)})
    begin(driver, graph, durability=durability)
    go_on(driver, graph, durability=durability)
    ended = answer(driver, graph, "r", durability=durability)
    assert (ended, done.things) == ({"log": [("x", 1), ("y", 1), "r"]}, ["x", "y"])


@durable
def test_a_result_is_kept_over_failures(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Read again by another graph object."""
    done, tries = Done(), [1, 1]

    def fail() -> object:
        if tries:
            tries.pop()
            msg = "boom"
            raise ValueError(msg)
        return "well"

    nodes = {"k": says(kind, "k"), "a": keeping(kind, done, "x", "y", after=fail)}
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            (begin if len(tries) == 2 else go_on)(
                driver, chain(store, nodes), durability=durability
            )
    ended = go_on(driver, chain(store, nodes), durability=durability)
    assert (ended, done.things) == ({"log": ["k", ("x", 1), ("y", 1), "well"]}, ["x", "y"])


def test_a_result_is_kept_over_a_stream_that_is_left(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The node was cancelled, or cut off; what it had kept is there."""
    done, gate = Done(), Gate()

    async def slow(_: object) -> object:
        kept = await aonce("x", done.do, "x")
        if len(done.things) == 1 and not gate.is_open:
            gate.open()
            await anyio.sleep(PATIENCE)
        return {"log": [kept]}

    async def quick(_: object) -> object:
        await gate.passed()
        return {"log": ["quick"]}

    graph = fan(store, {"q": quick, "s": slow})
    driver.leave(graph, str, {}, config=CONFIG, stream_mode="updates")
    assert go_on(driver, graph) == {"log": ["quick", ("x", 1)]}
    assert done.things == ["x"]
    del kind


def test_a_key_used_again_gives_what_it_gave(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """In the same run, too; another key, and another task, has its own."""
    done = Done()

    def again() -> object:
        return once("x", done.do, "other")

    async def twice(_: object) -> object:
        first = await aonce("x", done.do, "x")
        return {"log": [first, await aonce("x", done.do, "other")]}

    node = keeping("sync", done, "x", after=again) if kind == "sync" else twice
    graph = chain(store, {"a": node, "b": node})
    assert begin(driver, graph) == {"log": [("x", 1), ("x", 1), ("x", 2), ("x", 2)]}


def test_what_it_raises_is_not_kept(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """It is called again with the node."""
    calls: list[int] = []

    def flaky() -> object:
        calls.append(1)
        if len(calls) == 1:
            msg = "boom"
            raise ValueError(msg)
        return "well"

    async def node(_: object) -> object:
        return {"log": [await aonce("x", flaky)]}

    graph = chain(
        store,
        {"a": made("sync", lambda _: {"log": [once("x", flaky)]}) if kind == "sync" else node},
    )
    with pytest.raises(ValueError, match="boom"):
        begin(driver, graph)
    assert go_on(driver, graph) == {"log": ["well"]}


def test_what_cannot_be_stored_is_an_error(
    driver: Driver, kind: Kind, store: BaseCheckpointSaver
) -> None:
    """The function has been called; nothing is kept, and what was kept before still is."""
    done = Done()

    def node(_: object) -> object:
        first = once("x", done.do, "x")
        try:
            once("y", object)
        except CodecError:
            return {"log": [first, interrupt("a?")]}
        return {}

    async def anode(_: object) -> object:
        first = await aonce("x", done.do, "x")
        try:
            await aonce("y", object)
        except CodecError:
            return {"log": [first, interrupt("a?")]}
        return {}

    graph = chain(store, {"a": node if kind == "sync" else anode})
    assert questions(begin(driver, graph)) == ["a?"]
    assert answer(driver, graph, 1) == {"log": [("x", 1), 1]}
    assert done.things == ["x"]


def test_without_a_checkpointer_it_only_calls(driver: Driver, kind: Kind) -> None:
    """Nothing could be kept."""
    done = Done()
    graph = chain(None, {"a": keeping(kind, done, "x", "y", after=lambda: 1)})
    assert driver.run(graph, {}) == {"log": [("x", 1), ("y", 1), 1]}


@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_plain_function_on_a_loop_is_refused(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Storing waits; the error says what to write."""

    async def node(_: object) -> object:
        return {"log": [once("x", str)]}

    with pytest.raises(TypeError, match="await aonce"):
        begin(driver, chain(store, {"a": node}))


def test_an_ask_that_keeps(driver: Driver, kind: Kind, store: BaseCheckpointSaver) -> None:
    """Questions, keys and results of a task do not meet, though they have the same names."""
    done = Done()

    def node(_: object) -> object:
        kept = once("k", done.do, "k")
        heard = interrupt("a?", key="k")
        return {"log": [kept, heard, once("", done.do, "empty")]}

    async def anode(_: object) -> object:
        kept = await aonce("k", done.do, "k")
        heard = interrupt("a?", key="k")
        return {"log": [kept, heard, await aonce("", done.do, "empty")]}

    graph = chain(store, {"a": node if kind == "sync" else anode})
    begin(driver, graph)
    assert answer(driver, graph, 1) == {"log": [("k", 1), 1, ("empty", 1)]}


# --------------------------------------------------------------------------------- at one time


MANY: Final = 12


def many(done: Done, name: str) -> Node:
    """Return an async node that keeps many results at once, and then asks."""

    async def node(_: object) -> object:
        kept: dict[int, object] = {}

        async def one(number: int) -> None:
            key = f"{name}{number}"
            kept[number] = await aonce(key, done.ado if number % 2 else done.do, key)

        async with anyio.create_task_group() as group:
            for number in range(MANY):
                group.start_soon(one, number)
        return {"log": [[kept[number] for number in range(MANY)], interrupt(f"{name}?")]}

    return node


def many_in_threads(done: Done, name: str) -> Node:
    """Return a sync node that keeps many results at once, and then asks."""

    def node(_: object) -> object:
        kept: dict[int, object] = {}

        def one(number: int) -> None:
            key = f"{name}{number}"
            kept[number] = once(key, done.do, key)

        threads = [
            threading.Thread(target=copy_context().run, args=(one, number))
            for number in range(MANY)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        return {"log": [[kept[number] for number in range(MANY)], interrupt(f"{name}?")]}

    return node


class Twice:
    """A store, and the file that another saver can read it from.

    Attributes:
        store: the store.
    """

    def __init__(self, store: BaseCheckpointSaver, path: Path) -> None:
        self.store = store
        self._path = path

    def check(self, nodes: dict[str, Node]) -> None:
        """See to it that a saver which is opened anew reads the same thread."""
        if not isinstance(self.store, SqliteSaver):
            return
        with SqliteSaver(self._path) as fresh:
            here, there = fan(self.store, nodes), fan(fresh, nodes)
            assert there.get_state(CONFIG) == here.get_state(CONFIG)
            assert history(there) == history(here)


@pytest.fixture
def twice(store: BaseCheckpointSaver, tmp_path: Path) -> Twice:
    """Give each store in turn, to be read twice."""
    return Twice(store, tmp_path / "threads.db")


@durable
@sizes
@pytest.mark.parametrize(
    ("driver", "kind"),
    [each for each in product(ALL, KINDS) if each != ALONE],
    indirect=["driver"],
)
def test_many_results_are_kept_at_once(
    driver: Driver, kind: Kind, twice: Twice, durability: Durability, names: str
) -> None:
    """By siblings and their own tasks or threads, while others end: all are there, once each."""
    done = Done()
    make = many if kind == "async" else many_in_threads
    nodes = {name: make(done, name) for name in names}
    if len(names) > 1:
        nodes |= {f"k{number}": says(kind, f"k{number}") for number in range(3)}
    graph = fan(twice.store, nodes)
    waits = ids(begin(driver, graph, durability=durability))
    twice.check(nodes)
    assert sorted(waits) == [f"{name}?" for name in names]
    for name in names:
        answer(driver, graph, {waits[f"{name}?"]: name}, durability=durability)
        twice.check(nodes)
    log = state(driver, graph).values["log"]
    rows = [one for one in log if not isinstance(one, str)]
    assert rows == [[(f"{name}{number}", 1) for number in range(MANY)] for name in names]
    assert sorted(map(str, done.things)) == sorted(f"{n}{i}" for n in names for i in range(MANY))


def test_a_key_in_use_is_refused(driver: Driver, store: BaseCheckpointSaver) -> None:
    """Else the function would be called twice at the same time."""
    done, gate = Done(), Gate()

    async def slow() -> str:
        await gate.passed()
        return "slow"

    async def node(_: object) -> object:
        kept: list[object] = []

        async def first() -> None:
            kept.append(await once("x", slow))

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await settle()
            with pytest.raises(RuntimeError, match="each its own key"):
                await once("x", slow)
            gate.open()
        return {"log": [*kept, await once("x", done.ado, "never")]}

    assert begin(driver, chain(store, {"a": node})) == {"log": ["slow", "slow"]}
    assert done.things == []


@durable
def test_runs_that_branch_off_keep_their_own(
    driver: Driver, store: BaseCheckpointSaver, durability: Durability
) -> None:
    """Beside a run that keeps results at the same time."""
    done = Done()

    def inner(given: Any) -> object:  # noqa: ANN401 - a state
        which = "in" if "inner" in given["log"] else "out"
        first = once("1", done.do, f"{which} 1")
        if which == "out":
            graph.invoke({"log": ["inner"]}, CONFIG, on_busy="fork", durability=durability)
        return {"log": [first, once("2", done.do, f"{which} 2")]}

    graph = chain(store, {"a": inner, "b": asks("sync", "b?")})
    begin(driver, graph, "i", durability=durability)
    ended = answer(driver, graph, 1, durability=durability)
    assert ended == {"log": ["i", ("out 1", 1), ("out 2", 1), ("b?", 1)]}
    assert done.things == ["out 1", "in 1", "in 2", "out 2"]
    lines = [each.values["log"] for each in history(graph)]
    seen = [] if durability == "exit" else ["i"]  # what was stored when the branch began
    assert [*seen, "inner", ("in 1", 1), ("in 2", 1)] in lines


# -------------------------------------------------------------------------------- slow stores


class SlowSaver(InMemorySaver):
    """A store whose commits take a moment, in a thread; so they are waited for."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self._line = threading.Lock()
        self._last: threading.Thread | None = None

    @override
    def append(self, commit: Commit, /) -> None:
        self.submit(commit).result()

    @override
    def submit(self, commit: Commit, /) -> "Future[None]":
        answer: Future[None] = Future()
        with self._line:
            before = self._last

            def make() -> None:
                if before is not None:
                    before.join()
                threading.Event().wait(0.002)
                try:
                    super(SlowSaver, self).append(commit)
                except BaseException as error:  # noqa: BLE001 - it is the answer
                    answer.set_exception(error)
                else:
                    answer.set_result(None)

            self._last = threading.Thread(target=make)
            self._last.start()
        return answer


@durable
@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_slow_store_keeps_their_order(driver: Driver, kind: Kind, durability: Durability) -> None:
    """What is kept comes after what was on its way before."""
    done, store = Done(), SlowSaver()
    make = many if kind == "async" else many_in_threads
    nodes = {"a": make(done, "a"), "b": make(done, "b"), "k": says(kind, "k")}
    first = chain(store, {"z": says(kind, "z"), "y": says(kind, "y")})
    begin(driver, first, durability=durability)
    graph = fan(store, nodes)
    waits = ids(begin(driver, graph, "i", durability=durability))
    ended = answer(driver, graph, {waits["a?"]: 1, waits["b?"]: 2}, durability=durability)
    assert len(done.things) == len({*done.things}) == 2 * MANY
    assert ended["log"][3][0] == ("a0", 1)
    assert len(history(graph)) >= 2


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"], indirect=True)
def test_a_cancel_waits_for_what_is_being_stored(loop: LoopDriver) -> None:
    """The call has been made, so its result is kept."""
    done, store, called = Done(), SlowSaver(), Gate()

    def work() -> object:
        called.open()
        return done.do("x")

    async def node(_: object) -> object:
        return {"log": [await aonce("x", work)]}

    graph = chain(store, {"a": node})

    async def body() -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(one)
                await called.passed()
                scope.cancel()

    async def one() -> None:
        await graph.ainvoke({}, CONFIG)

    loop.main(body)
    ended = go_on(loop, graph, on_busy="queue")  # a commit may still be on its way
    assert ended == {"log": [("x", 1)]}
    assert done.things == ["x"]


# ------------------------------------------------------------------------------ nobody is there


@pytest.mark.filterwarnings("ignore::graphflow.errors.AbandonedTaskWarning")
@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_a_thread_that_was_left_behind_keeps_nothing(
    driver: Driver, store: BaseCheckpointSaver
) -> None:
    """The run has ended; whoever goes on has the thread, and what it does is not disturbed."""
    began, go, ended = threading.Event(), threading.Event(), threading.Event()
    came: list[object] = []
    calls: list[int] = []

    def slow(_: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            return {"log": ["second"]}
        began.set()
        assert go.wait(PATIENCE)
        try:
            came.append(once("x", str))
        except BaseException as error:
            came.append(type(error))
            raise
        finally:
            ended.set()
        return {"log": ["first"]}

    failed: list[int] = []

    def fails(_: object) -> object:
        assert began.wait(PATIENCE)
        failed.append(1)
        if len(failed) > 1:
            return {}
        msg = "boom"
        raise ValueError(msg)

    graph = fan(store, {"f": fails, "s": slow}, cancel_grace=0)
    with pytest.raises(ValueError, match="boom"):
        begin(driver, graph)
    after = go_on(driver, graph)
    go.set()
    assert ended.wait(PATIENCE)
    assert (after, came) == ({"log": ["second"]}, [TaskAbandoned])
    assert state(driver, graph).values == after


def test_once_outside_of_a_node_is_an_error() -> None:
    """There is nothing it could be kept in."""
    with pytest.raises(RuntimeError, match="no node is running"):
        once("x", str)
    with pytest.raises(RuntimeError, match="no node is running"):
        asyncio.run(aonce("x", str))


@pytest.mark.parametrize("key", [None, 5, ("a",)])
def test_a_key_is_a_string(driver: Driver, store: BaseCheckpointSaver, key: Any) -> None:  # noqa: ANN401 - a wrong one
    """Else the error says what to write."""

    def node(_: object) -> object:
        return {"log": [once(key, str)]}

    with pytest.raises(TypeError, match="must be a string"):
        begin(driver, chain(store, {"a": node}))
