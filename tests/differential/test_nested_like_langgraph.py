"""Graphs inside graphs do in graphflow what they do in LangGraph, where nothing is stored.

Here every graph inside hands back the same in both, `nested.py` says how; where they differ on
purpose, `test_migration_nested.py` does. What is stored, asked and resumed is the subject of
`test_nested_stored_like_langgraph.py`.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from tests.differential.build import Kind
from tests.differential.nested import (
    ALL,
    LIVE,
    Inner,
    Log,
    Own,
    around,
    calling,
    fresh,
    inner,
    longer,
    show,
    telling,
    wide_enough,
)
from tests.differential.nested_examples import called_at_once, example, nested, simple
from tests.differential.pair import State, chain, returning
from tests.differential.threads import EXAMPLES, Make, Side, Talk, agree, kinds

FIRST: State = {"log": ["i"], "x": 1}


# ------------------------------------------------------------------------------------------ streams


@pytest.mark.parametrize("mode", [*((mode,) for mode in LIVE), ALL], ids="-".join)
@nested
def test_every_mode_shows_graphs_inside(make: Make, kind: Kind, mode: tuple[str, ...]) -> None:
    """With their namespaces, in LangGraph's order."""

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, *mode, durability=None)
        show(talk, {"log": []}, *mode, durability=None)

    agree(kind, make, script)


def test_a_single_mode_shows_pairs_of_namespace_and_chunk() -> None:
    """A mode that is not in a list is not named in the chunks."""

    def script(talk: Talk) -> None:
        fresh(talk, simple)
        for mode in LIVE:
            found = [*talk.graph.stream(FIRST, stream_mode=mode, subgraphs=True)]
            talk.told.append([(len(each), len(each[0])) for each in found])

    agree("sync", simple, script)


@nested
def test_without_subgraphs_nothing_of_graphs_inside_is_shown(make: Make, kind: Kind) -> None:
    """Not even what their nodes write into the custom stream."""

    def script(talk: Talk) -> None:
        fresh(talk, make)
        talk.run(FIRST, *ALL, durability=None, config=wide_enough(talk))
        talk.run(FIRST, *ALL, durability=None, config=wide_enough(talk), subgraphs=False)

    agree(kind, make, script)


@nested
def test_invoke_returns_what_it_does_in_langgraph(make: Make, kind: Kind) -> None:
    """The values, or the chunks of the modes that are named, graphs inside included."""

    def script(talk: Talk) -> None:
        fresh(talk, make)
        options: list[dict[str, Any]] = [
            {},
            {"subgraphs": True},
            {"stream_mode": "updates"},
            {"stream_mode": "updates", "subgraphs": True},
            {"stream_mode": ["updates", "custom"], "subgraphs": True},
            {"output_keys": ["log"], "subgraphs": True},
            {"output_keys": "log", "stream_mode": "updates", "subgraphs": True},
        ]
        for each in options:
            talk.call("invoke", FIRST, durability=None, config=wide_enough(talk), **each)

    agree(kind, make, script)


@nested
def test_output_keys_are_for_the_outermost_graph(make: Make, kind: Kind) -> None:
    """Those inside show what they show without."""

    def script(talk: Talk) -> None:
        fresh(talk, make)
        for keys in (["log"], ["x"], "log"):
            show(talk, FIRST, "updates", "values", output_keys=keys, durability=None)

    agree(kind, make, script)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_flat_graph_can_be_inside(name: str) -> None:
    """Joins, Sends, deferred nodes, loops and Commands are its own business."""
    make = example(name)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, {"log": ["i"]}, durability=None)

    agree("async", make, script)


def test_graphs_called_at_once_are_numbered_in_the_order_of_their_calls() -> None:
    """Whichever ends first; each shows what it does, but they need not take turns alike."""

    def script(talk: Talk) -> None:
        fresh(talk, called_at_once)
        show(talk, FIRST, "updates", "values", "custom", durability=None)
        chunks, error = talk.told.pop()
        talk.told.append((sorted(chunks, key=lambda chunk: chunk[0][1:]), error))

    agree("async", called_at_once, script)


# ------------------------------------------------------------------------------------ what goes in


@pytest.mark.parametrize("given", [{}, {"log": ["s"]}, {"log": ["s"], "x": 2}], ids=repr)
def test_the_argument_of_a_send_is_the_input(given: object) -> None:
    """Of a graph that has all keys of it; others are a difference on purpose."""

    def make(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
        child = inner(side, "s", state=Own, output_schema=Log).compile()
        path = returning([side.lib.types.Send("sub", given)])
        builder = chain(side.lib, p=telling(side, "p")).add_node("sub", child)
        return builder.add_conditional_edges("p", path)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, *LIVE, durability=None)

    agree("async", make, script)


@dataclass
class Facts:
    """A state that is a dataclass."""

    log: Annotated[list[str], longer]
    x: int = 3


@kinds
def test_a_graph_inside_can_have_a_dataclass_for_its_state(kind: Kind) -> None:
    """Its nodes are shown one; it is handed a dict, and hands back one."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        def tell(state: Facts) -> dict[str, object]:
            return {"log": [f"{type(state).__name__} {state.x}"], "x": state.x + 1}

        return around(side, chain(side.lib, Facts, s=side.node(tell)).compile())

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, *LIVE, durability=None)
        show(talk, {"log": ["i"]}, *LIVE, durability=None)

    agree(kind, make, script)


@kinds
def test_a_graph_inside_inherits_what_the_config_says(kind: Kind) -> None:
    """Tags, metadata and words of `configurable`; a call in a node adds its own."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        def tell(state: object) -> Inner:
            config = side.lib.config.get_config()
            words = {
                key: value for key, value in config["configurable"].items() if key in {"foo", "bar"}
            }
            facts = {key: config["metadata"].get(key) for key in ("who", "what", "langgraph_node")}
            limits = [config.get(name) for name in ("recursion_limit", "max_concurrency")]
            tags = [tag for tag in config["tags"] if not tag.startswith("seq:")]
            return {"log": [str((words, facts, limits, tags))]}

        child = chain(side.lib, Inner, s=side.node(tell)).compile()
        own: dict[str, Any] = {
            "tags": ["C"],
            "metadata": {"what": "c", "who": "c"},
            "configurable": {"bar": 2},
            "recursion_limit": 7,
        }
        return around(side, child, n=calling(side, child, config=own))

    def script(talk: Talk) -> None:
        fresh(talk, make)
        config = {
            "tags": ["T"],
            "metadata": {"who": "t"},
            "configurable": {"foo": 1},
            "recursion_limit": 9,
            "max_concurrency": 3,
        }
        show(talk, FIRST, "updates", durability=None, config=config)

    agree(kind, make, script)


@kinds
def test_a_graph_inside_has_the_context_and_the_store_around_it(kind: Kind) -> None:
    """Whatever its own schema says; a call in a node may name another context."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        def tell(state: object) -> Inner:
            runtime = side.lib.runtime.get_runtime()
            return {"log": [f"{runtime.context} {runtime.store is not None}"]}

        child = chain(side.lib, Inner, s=side.node(tell)).compile()
        nodes: dict[str, Any] = {
            "n": calling(side, child),
            "m": calling(side, child, context={"k": 2}, name="m"),
        }
        return around(side, child, **nodes)

    def script(talk: Talk) -> None:
        fresh(talk, make)
        show(talk, FIRST, "updates", durability=None, context={"k": 1})
        show(talk, FIRST, "updates", durability=None)

    agree(kind, make, script)


@kinds
def test_every_run_of_a_graph_inside_counts_its_own_supersteps(kind: Kind) -> None:
    """Under the same limit, which a call in a node may change."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        child = inner(side, *"abcd").compile()
        return around(side, child, n=calling(side, child, config={"recursion_limit": 5}))

    def script(talk: Talk) -> None:
        fresh(talk, make)
        for limit in (3, 4, 5, 6):
            show(talk, FIRST, "updates", durability=None, config={"recursion_limit": limit})

    agree(kind, make, script)
