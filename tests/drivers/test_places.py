"""Where the code of a graph runs: on a loop, on the portal, in a thread, or in the caller's."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypedDict

import anyio.lowlevel
import pytest

from graphflow import END, START, StateGraph
from tests.drivers.backends import (
    KINDS,
    PATIENCE,
    REAL_LOOPS,
    Driver,
    Kind,
    LoopDriver,
    Node,
    builder,
    chain,
    driver_named,
    fan_out,
    made,
    says,
    sizes,
)

ROOT: Final = Path(__file__).resolve().parents[2]

Update: TypeAlias = dict[str, list[str]]

on_real_loops: Final = pytest.mark.parametrize("loop", REAL_LOOPS, indirect=True)
threads: Final = driver_named("threads")


def here() -> str:
    """Tell which thread this is."""
    thread = threading.current_thread()
    if thread is threading.main_thread():
        return "caller"
    return "portal" if thread.name == "graphflow portal" else "thread"


def tells(kind: Kind) -> Node:
    """Return a node that logs where it runs."""
    return made(kind, lambda _: {"log": [here()]})


def places(driver: Driver, nodes: Mapping[str, Any], **options: Any) -> set[str]:  # noqa: ANN401 - of add_node
    """Run nodes that log where they are, and return where they were."""
    return set(driver.run(fan_out(nodes, **options))["log"])


# --------------------------------------------------------------------------------------- nodes


@sizes
def test_async_nodes_run_on_the_loop(loop: LoopDriver, names: str) -> None:
    """Under an asynchronous entry point an async node runs on the caller's event loop."""
    assert places(loop, {name: tells("async") for name in names}) == {"caller"}


@sizes
def test_async_nodes_of_a_sync_run_are_on_the_portal(names: str) -> None:
    """Under a sync entry point an async node runs on the portal's event loop."""
    assert places(threads, {name: tells("async") for name in names}) == {"portal"}


def test_sync_runs_share_one_portal() -> None:
    """The portal is made once and kept."""
    graph = fan_out({"a": made("async", lambda _: {"log": [threading.get_ident()]})})
    assert threads.run(graph) == threads.run(graph)


@on_real_loops
@sizes
def test_sync_nodes_run_in_threads_of_the_loop(loop: LoopDriver, names: str) -> None:
    """Under an asynchronous entry point a sync node may block, for it has a thread."""
    assert places(loop, {name: tells("sync") for name in names}) == {"thread"}


@pytest.mark.parametrize("loop", ["simulated"], indirect=True)
@sizes
def test_sync_nodes_run_on_a_simulated_loop(loop: LoopDriver, names: str) -> None:
    """A simulation has no threads, so a sync node runs on the loop."""
    assert places(loop, {name: tells("sync") for name in names}) == {"caller"}


@sizes
def test_inline_nodes_run_on_the_loop(loop: LoopDriver, names: str) -> None:
    """A sync node that is said to be quick runs on the loop."""
    assert places(loop, {name: tells("sync") for name in names}, inline=True) == {"caller"}


def test_a_lone_sync_node_runs_where_invoke_was_called() -> None:
    """A sync run of a lone sync node needs no second thread."""
    assert places(threads, {"a": tells("sync")}) == {"caller"}


@pytest.mark.parametrize("mode", ["updates", "values"])
def test_a_lone_sync_node_runs_where_stream_was_called(mode: str) -> None:
    """Nothing is to be shown while it runs, so the consumer's thread is free for it."""
    seen: list[str] = []
    threads.chunks(fan_out({"a": made("sync", lambda _: seen.append(here()))}), stream_mode=mode)
    assert seen == ["caller"]


def test_a_lone_sync_node_whose_items_are_shown_has_a_thread() -> None:
    """The consumer's thread is kept free to show what the node writes."""
    seen: list[str] = []
    threads.chunks(
        fan_out({"a": made("sync", lambda _: seen.append(here()))}), stream_mode="custom"
    )
    assert seen == ["thread"]


def test_several_sync_nodes_run_in_threads() -> None:
    """A sync run has threads for the nodes of a crew."""
    assert places(threads, {name: tells("sync") for name in "abc"}) == {"thread"}


def test_sync_nodes_need_no_event_loop() -> None:
    """A sync run of sync nodes does not even import asyncio."""
    code = (
        "import sys; from typing import TypedDict; from graphflow import START, StateGraph;"
        "graph = StateGraph(TypedDict('S', {'x': int}))\n"
        "for name in 'ab': graph.add_node(name, lambda _: None).add_edge(START, name)\n"
        "graph.add_node('c', lambda _: {'x': 1}).add_edge(['a', 'b'], 'c')\n"
        "print(graph.compile().invoke({}), 'asyncio' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - the command is written above
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{'x': 1} False\n", "")


# ----------------------------------------------------------------------- path functions, reducers


def path_places(driver: Driver, node: Kind, path: Kind, names: str = "a") -> set[str]:
    """Return where path functions run that follow nodes of a kind."""
    seen: list[str] = []

    def choose(state: object) -> str:
        seen.append(here())
        return END

    made_of = builder({name: made(node, lambda _: None) for name in names})
    for name in names:
        made_of.add_edge(START, name).add_conditional_edges(name, made(path, choose))
    driver.run(made_of.compile())
    return set(seen)


@pytest.mark.parametrize("path", KINDS)
@sizes
def test_path_functions_run_on_the_loop(
    loop: LoopDriver, kind: Kind, path: Kind, names: str
) -> None:
    """Under an asynchronous entry point path functions run on the loop, wherever their node ran."""
    assert path_places(loop, kind, path, names) == {"caller"}


def test_a_sync_path_function_runs_where_invoke_was_called() -> None:
    """After a lone sync node its path function runs on the same thread."""
    assert path_places(threads, "sync", "sync") == {"caller"}


def test_a_sync_path_function_runs_in_the_thread_of_its_node() -> None:
    """In a crew of threads each path function runs in one of them."""
    assert path_places(threads, "sync", "sync", "abc") == {"thread"}


@sizes
def test_an_async_path_function_of_a_sync_run_is_on_the_portal(kind: Kind, names: str) -> None:
    """Under a sync entry point an async path function runs on the portal's event loop."""
    assert path_places(threads, kind, "async", names) == {"portal"}


def test_a_sync_node_before_an_async_path_function_does_not_block_the_portal() -> None:
    """It has a thread, though its path function needs the loop."""
    made_of = builder({"a": tells("sync")}).add_edge(START, "a")
    made_of.add_conditional_edges("a", made("async", lambda _: END))
    assert threads.run(made_of.compile()) == {"log": ["thread"]}


def test_the_entry_may_be_chosen_by_either_kind(driver: Driver, kind: Kind) -> None:
    """A path function that leaves START is run like any other."""
    made_of = builder({name: says("sync", name) for name in "ab"})
    made_of.add_conditional_edges(START, made(kind, lambda _: "b"), ["a", "b"])
    assert driver.run(made_of.compile()) == {"log": ["b"]}


def test_reducers_run_where_the_graph_was_called(driver: Driver, kind: Kind) -> None:
    """The barrier is the caller's, so a reducer needs no lock."""
    seen: list[str] = []

    def reducer(old: list[str], new: list[str]) -> list[str]:
        seen.append(here())
        return old + new

    class Own(TypedDict):
        log: Annotated[list[str], reducer]

    made_of: Any = StateGraph(Own)
    for name in "ab":
        made_of.add_node(name, tells(kind)).add_edge(START, name)
    driver.run(made_of.compile())
    assert set(seen) == {"caller"}


def test_a_crew_may_have_both_kinds(driver: Driver) -> None:
    """Sync and async nodes run in one superstep, and are committed by name."""
    graph = fan_out({name: says(KINDS[name in "bd"], name) for name in "abcd"})
    assert driver.run(graph) == {"log": ["a", "b", "c", "d"]}


# --------------------------------------------------------------------------- forms of a function


class Runnable:
    """An object that can be called both ways, and tells which and where."""

    def invoke(self, _: object) -> Update:
        """Run in a thread."""
        return {"log": ["invoke", here()]}

    async def ainvoke(self, _: object) -> Update:
        """Run on a loop."""
        await anyio.lowlevel.checkpoint()
        return {"log": ["ainvoke", here()]}


class OnlyInvoke:
    """An object that can be called in a thread."""

    def invoke(self, _: object) -> Update:
        """Run in a thread."""
        return {"log": [here()]}


class OnlyAinvoke:
    """An object that can be awaited."""

    async def ainvoke(self, _: object) -> Update:
        """Run on a loop."""
        await anyio.lowlevel.checkpoint()
        return {"log": [here()]}


class Forms:
    """Functions of every form."""

    def __call__(self, _: object) -> Update:
        """Be a sync callable object."""
        return {"log": [here()]}

    def method(self, _: object) -> Update:
        """Be a sync method."""
        return {"log": [here()]}

    @staticmethod
    def with_more(_: object, more: int) -> Update:
        """Be a sync function of two arguments."""
        return {"log": [here()] * more}

    async def amethod(self, _: object) -> Update:
        """Be an async method."""
        await anyio.lowlevel.checkpoint()
        return {"log": [here()]}

    @classmethod
    async def awith_more(cls, _: object, *, more: int) -> Update:
        """Be an async function of two arguments."""
        await anyio.lowlevel.checkpoint()
        return {"log": [here()] * more}


class AsyncCall:
    """A callable object whose call is to be awaited."""

    async def __call__(self, _: object) -> Update:
        """Be an async callable object."""
        await anyio.lowlevel.checkpoint()
        return {"log": [here()]}


SYNC: Final[dict[str, Any]] = {
    "method": Forms().method,
    "partial": partial(Forms.with_more, more=1),
    "callable object": Forms(),
    "object with invoke": OnlyInvoke(),
    "lambda": made("sync", lambda _: {"log": [here()]}),
}
ASYNC: Final[dict[str, Any]] = {
    "method": Forms().amethod,
    "partial": partial(Forms.awith_more, more=1),
    "callable object": AsyncCall(),
    "object with ainvoke": OnlyAinvoke(),
}


@on_real_loops
@pytest.mark.parametrize("form", SYNC)
def test_every_sync_form_has_a_thread(loop: LoopDriver, form: str) -> None:
    """Whatever is no coroutine function is called in a thread under an event loop."""
    assert places(loop, {"a": SYNC[form]}) == {"thread"}


@pytest.mark.parametrize("form", ASYNC)
def test_every_async_form_is_awaited_on_the_loop(loop: LoopDriver, form: str) -> None:
    """Whatever gives a coroutine is awaited under an event loop."""
    assert places(loop, {"a": ASYNC[form]}) == {"caller"}


@pytest.mark.parametrize("form", SYNC)
def test_every_sync_form_is_called_by_invoke(form: str) -> None:
    """Whatever is no coroutine function is called right where a sync run is."""
    assert places(threads, {"a": SYNC[form]}) == {"caller"}


@pytest.mark.parametrize("form", ASYNC)
def test_every_async_form_is_awaited_on_the_portal(form: str) -> None:
    """Whatever gives a coroutine is awaited on the portal under a sync run."""
    assert places(threads, {"a": ASYNC[form]}) == {"portal"}


@sizes
def test_an_object_with_both_is_awaited_on_a_loop(loop: LoopDriver, names: str) -> None:
    """`ainvoke` is what an asynchronous run wants."""
    assert places(loop, {name: Runnable() for name in names}) == {"ainvoke", "caller"}


def test_an_object_with_both_is_called_by_invoke() -> None:
    """`invoke` is what a sync run wants."""
    assert places(threads, {"a": Runnable()}) == {"invoke", "caller"}


def test_an_object_with_both_is_called_in_a_thread_of_a_sync_crew() -> None:
    """It needs no portal, also where several run."""
    assert places(threads, {name: Runnable() for name in "abc"}) == {"invoke", "thread"}


def test_a_graph_may_be_a_node(driver: Driver, kind: Kind) -> None:
    """A compiled graph is an object with both, and is run as the run around it is."""
    inner: Any = fan_out({"leaf": made(kind, lambda state: {"x": state["x"] + 1})})
    assert driver.run(chain({"a": inner, "b": inner}), {"x": 1})["x"] == 3
