"""What the runs of graphs inside graphs inherit: config, context, store, middleware, limits."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from graphflow import START, Runtime, StateGraph, get_config
from graphflow.errors import GraphRecursionError
from graphflow.runtime import ExecutionInfo
from tests.drivers.backends import REAL, Driver, Gate, Kind, State, builder, either, made, says
from tests.drivers.children import (
    Part,
    Way,
    between,
    called,
    chain,
    crew,
    fan,
    inside,
    nest,
    steps,
    ways,
)
from tests.drivers.people import begin


@ways
def test_config_is_inherited(driver: Driver, kind: Kind, way: Way) -> None:
    """Tags, metadata, configurable and limits are the parent's; the place is the child's."""
    seen: list[Any] = []
    child = chain(None, {"s": made(kind, lambda _: seen.append(get_config()))})
    config = {
        "tags": ["T"],
        "metadata": {"m": 1},
        "configurable": {"thread_id": "t", "mine": 2},
        "recursion_limit": 77,
        "max_concurrency": 3,
    }
    driver.run(between(inside(way, child), kind), {}, config=config)
    (found,) = seen
    assert (found["tags"], found["metadata"]["m"]) == (["T"], 1)
    assert (found["configurable"]["mine"], found["recursion_limit"]) == (2, 77)
    assert found["max_concurrency"] == 3
    where = found["metadata"]["langgraph_checkpoint_ns"]
    assert [each.split(":")[0] for each in where.split("|")] == ["sub", "s"]
    assert (found["metadata"]["langgraph_node"], found["metadata"]["langgraph_step"]) == ("s", 1)


@called
def test_a_call_s_own_config_comes_over_it(driver: Driver, kind: Kind, way: Way) -> None:
    """Tags are added, the rest is replaced key by key."""
    seen: list[Any] = []
    child = chain(None, {"s": made(kind, lambda _: seen.append(get_config()))})
    own = {"tags": ["C"], "metadata": {"m": 9}, "recursion_limit": 5, "configurable": {"b": 2}}
    given = {
        "tags": ["T"],
        "metadata": {"m": 1, "k": 1},
        "recursion_limit": 77,
        "configurable": {"a": 1},
    }
    driver.run(between(inside(way, child, config=own), kind), {}, config=given)
    (found,) = seen
    assert (sorted(found["tags"]), found["recursion_limit"]) == (["C", "T"], 5)
    assert (found["metadata"]["m"], found["metadata"]["k"]) == (9, 1)
    assert {"a": 1, "b": 2}.items() <= found["configurable"].items()


@ways
def test_context_and_store_are_inherited(driver: Driver, kind: Kind, way: Way) -> None:
    """The objects themselves; a child's own store counts where its parent has none."""
    seen: list[object] = []

    def look(_: object, runtime: Runtime[Any]) -> None:
        seen.append((runtime.context, runtime.store))

    async def look_async(_: object, runtime: Runtime[Any]) -> None:
        look(_, runtime)

    mine, theirs, context = object(), object(), object()
    made_of = builder({"s": look if kind == "sync" else look_async}).add_edge(START, "s")
    child = inside(way, made_of.compile(store=theirs))
    for store in (mine, None):
        outer: Part = StateGraph(State, context_schema=object)
        outer.add_node("sub", child).add_edge(START, "sub")
        driver.run(outer.compile(store=store), {}, context=context)
    assert seen == [(context, mine), (context, theirs)]


@called
def test_a_call_may_have_a_context_of_its_own(driver: Driver, kind: Kind, way: Way) -> None:
    """Which replaces the parent's, and reaches the child's own children."""
    seen: list[object] = []

    def look(_: object, runtime: Runtime[Any]) -> None:
        seen.append(runtime.context)

    leaf = chain(None, {"s": look})
    middle = chain(None, {"m": leaf, "again": says(kind)})
    outer: Part = StateGraph(State, context_schema=object)
    outer.add_node("sub", inside(way, middle, context="own")).add_edge(START, "sub")
    driver.run(outer.compile(), {}, context="theirs")
    assert seen == ["own"]


@ways
def test_middleware_of_all_levels_is_entered(driver: Driver, kind: Kind, way: Way) -> None:
    """The parent's around the tasks of its children, outside the child's own."""
    notes: list[str] = []

    def under(level: str) -> Any:  # noqa: ANN401 - a middleware
        @contextmanager
        def middleware(info: ExecutionInfo) -> Generator[None]:
            notes.append(f"{level}>{info.node}")
            yield
            notes.append(f"{level}<{info.node}")

        return middleware

    child = steps(kind, "s", middleware=[under("child")])
    begin(driver, chain(None, {"sub": inside(way, child)}, middleware=[under("parent")]))
    assert notes == [
        "parent>sub",
        "parent>s",
        "child>s",
        "child<s",
        "parent<s",
        "parent<sub",
    ]


@ways
def test_the_limit_is_counted_per_run(driver: Driver, kind: Kind, way: Way) -> None:
    """A child may take as many supersteps as its parent, which counts it as one."""
    graph = between(inside(way, steps(kind, "abc")), kind)
    assert driver.run(graph, config={"recursion_limit": 4}) == {"log": [*"pabcq"]}
    with pytest.raises(GraphRecursionError) as raised:
        driver.run(graph, config={"recursion_limit": 3})
    assert raised.value.__notes__ == ["in node 'sub', superstep 2"]


@ways
@pytest.mark.parametrize("driver", REAL, indirect=True)
def test_the_concurrency_is_that_of_each_run(driver: Driver, kind: Kind, way: Way) -> None:
    """Of a child's tasks as many run at once as its parent's may; all have their turn."""
    now: list[int] = []
    most: list[int] = []
    gates = [Gate() for _ in range(4)]

    def node(number: int) -> Any:  # noqa: ANN401 - a node
        async def body(_: object) -> dict[str, list[int]]:
            now.append(number)
            most.append(len(now))
            gates[number].open()
            await gates[number ^ 1].passed()
            now.remove(number)
            return {"log": [number]}

        return either(kind, body)

    child = fan(None, {f"n{number}": node(number) for number in range(4)})
    graph = chain(None, {"sub": inside(way, child)})
    assert driver.run(graph, config={"max_concurrency": 2}) == {"log": [0, 1, 2, 3]}
    assert max(most) == 2


@ways
def test_one_at_a_time_is_enough_for_any_depth(driver: Driver, kind: Kind, way: Way) -> None:
    """A task that waits for its child does not keep the child from running."""
    graph = nest(way, 5, crew(kind))
    both = fan(None, {"a": inside(way, graph), "b": inside(way, graph)})
    one = {"max_concurrency": 1}
    assert driver.run(both, config=one) == {"log": [*"abcabc"]}
    chunks = driver.chunks(both, config=one, subgraphs=True, stream_mode=["custom", "values"])
    assert chunks[-1] == ((), "values", {"log": [*"abcabc"]})
