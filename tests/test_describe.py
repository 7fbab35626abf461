"""`describe()`: a graph as plain data, the same in every process."""

import json
import operator
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict, cast

import pytest

from graphflow import END, START, Command, StateGraph
from graphflow.channels import LastValue, Topic, Untracked
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.draw.words import function_name, type_text
from graphflow.managed import RemainingSteps
from tests.small import State, builder, chain, gives, logs


class Wide(TypedDict):
    """A key of each kind."""

    plain: int | None
    added: Annotated[list[str], operator.add]
    lent: Annotated[int, Untracked]
    items: Annotated[str, Topic]
    left: RemainingSteps


class Narrow(TypedDict):
    """One key of it."""

    plain: int


def go(state: Narrow) -> Command[Literal["c"]]:
    """Promise to lead to 'c'."""
    return Command(goto="c")


async def waits(state: Wide) -> None:
    """Be async."""


def wide() -> StateGraph[Wide]:
    """Return a builder with an edge of each kind."""
    made = StateGraph(Wide, output_schema=Narrow).add_node("b", go, metadata={"k": {1}})
    made.add_node("a", waits).add_node("c", waits, defer=True).add_node("d", waits)
    made.add_edge(START, "b").add_edge("b", "d").add_edge("b", "a").add_edge(["b", "a"], "c")
    made.add_conditional_edges("a", gives("d"), {True: "d", "no": END})
    return made.add_conditional_edges("d", gives(END))


def test_a_description_tells_the_keys() -> None:
    """Each with its channel, its type and its reducer."""
    told = wide().compile(name="it").describe()
    assert told["name"] == "it"
    assert told["managed"] == {"left": "RemainingSteps"}
    assert (told["input"], told["output"]) == (["plain", "added", "lent", "items"], ["plain"])
    assert list(told["keys"].items()) == [
        ("plain", key("LastValue", "int | None")),
        ("added", key("Reducer", "list", "add")),
        ("lent", {**key("Untracked", "int"), "stored": False}),
        ("items", key("Topic", "str")),
    ]


def key(channel: str, text: str, reducer: str | None = None) -> dict[str, Any]:
    """Return a key as it is described."""
    return {"channel": channel, "type": text, "reducer": reducer, "stored": True}


def test_a_description_tells_the_nodes() -> None:
    """In the order in which they were added, START first."""
    told = wide().compile(interrupt_after=["a"]).describe()
    nodes = told["nodes"]
    assert list(nodes) == [START, "b", "a", "c", "d"]
    assert nodes["b"] == {
        "kind": "function",
        "runs": "sync",
        "defer": False,
        "reads": ["plain"],
        "leads_to": ["a", "d"],
        "choices": [],
        "commands": ["c"],
        "stops": None,
        "metadata": {"k": [1]},
        "graph": None,
    }
    assert (nodes[START]["kind"], nodes[START]["leads_to"]) == ("start", ["b"])
    assert nodes[START]["stops"] is None
    assert (nodes["a"]["runs"], nodes["a"]["stops"], nodes["c"]["defer"]) == (
        "async",
        "after",
        True,
    )
    assert nodes["a"]["reads"] == ["plain", "added", "lent", "items", "left"]


def test_a_description_tells_the_edges() -> None:
    """What a path function answers is unknown where nothing says so."""
    told = wide().compile().describe()
    assert told["joins"] == [{"sources": ["b", "a"], "target": "c"}]
    assert told["nodes"]["a"]["choices"] == [
        {
            "name": "function",
            "runs": "sync",
            "answers": [{"answer": True, "node": "d"}, {"answer": "no", "node": END}],
        }
    ]
    assert told["nodes"]["d"]["choices"][0]["answers"] is None
    assert told["nodes"]["d"]["commands"] is None


def test_a_description_tells_the_graphs_inside() -> None:
    """As deep as they are, each as it would tell itself."""
    leaf = chain("s")
    middle = builder("m").add_node("sub", leaf).add_edge("m", "sub").compile(name="middle")
    outer = builder("a").add_node("mid", middle).add_edge("a", "mid").compile()
    node = outer.describe()["nodes"]["mid"]
    assert (node["kind"], node["runs"], node["reads"]) == ("graph", "both", ["log", "x", "y"])
    assert node["graph"] == middle.describe()
    assert node["graph"] is not None
    assert node["graph"]["nodes"]["sub"]["graph"] == leaf.describe()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"checkpointer": InMemorySaver()}, "store"),
        ({}, "inherited"),
        ({"checkpointer": True}, "own"),
        ({"checkpointer": False}, "none"),
    ],
    ids=["store", "inherited", "own", "none"],
)
def test_a_description_tells_who_stores(options: dict[str, Any], told: str) -> None:
    """The graph itself, or one around it: its runs, its memory, or nothing."""
    graph = builder("a").compile(**options)
    assert graph.describe()["checkpointer"] == told
    outer = builder("b").add_node("sub", graph).add_edge("b", "sub").compile()
    inside = outer.describe()["nodes"]["sub"]["graph"]
    assert inside is not None
    assert inside["checkpointer"] == told
    assert outer.describe()["checkpointer"] == "inherited"


SHOW = """
import json
from tests.test_describe import wide
print(json.dumps(wide().compile().describe()))
"""


def test_a_description_is_the_same_in_every_process() -> None:
    """And it is JSON."""
    told = json.loads(json.dumps(wide().compile().describe()))
    for seed in ("1", "2"):
        shown = subprocess.run(  # noqa: S603 - the code is written in this file
            [sys.executable, "-c", SHOW],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        )
        assert json.loads(shown.stdout) == told


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (None, "None"),
        (list, "list"),
        (Any, "Any"),
        (list[str], "list[str]"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int | None"),
        (Optional[int], "int | None"),  # noqa: UP045 - the other way to write it
        (Literal["a", 1], "Literal['a', 1]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Callable[..., str], "Callable[..., str]"),
        (NotRequired[int], "NotRequired[int]"),
        (State, "State"),
        ("State", "State"),
        (LastValue(int), "LastValue"),
    ],
)
def test_a_type_is_told_as_one_would_write_it(hint: object, text: str) -> None:
    """Without the modules of its names."""
    assert type_text(hint) == text


def test_a_partial_has_the_name_of_its_function() -> None:
    """However often it is one; an object has that of its class."""
    assert function_name(partial(partial(cast("Any", go)), 1)) == "go"
    assert function_name(logs("a")) == "node"
    assert function_name(partial(LastValue)) == "partial"
