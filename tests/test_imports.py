"""What `import graphflow` brings, what it must not bring, and where LangGraph's names are."""

import doctest
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from typing import NamedTuple

import pytest

import graphflow

AFTER_IMPORT = "import graphflow"
AFTER_A_SYNC_RUN = """
from typing import TypedDict
from graphflow import START, StateGraph
class State(TypedDict):
    x: int
made = StateGraph(State).add_node("a", lambda state: {"x": 1}).add_edge(START, "a")
assert made.compile().invoke({}) == {"x": 1}
"""
REPORT = """
import json
print(json.dumps([
    sorted(sys.modules),
    sorted({
        f"{thing.__module__}.{thing.__qualname__}"
        for module in list(sys.modules.values())
        for thing in list(vars(module).values())
        if isinstance(thing, type) and "__dataclass_fields__" in vars(thing)
    }),
]))
"""


class Interpreter(NamedTuple):
    """What a fresh interpreter holds after running some code."""

    modules: list[str]
    dataclasses: list[str]


def fresh(code: str) -> Interpreter:
    """Run code in a fresh interpreter, and look what is there."""
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", f"import sys\n{code}\n{REPORT}"], capture_output=True, check=True
    )
    return Interpreter(*json.loads(done.stdout))


@pytest.fixture(scope="module")
def imported() -> Interpreter:
    """Import the package."""
    return fresh(AFTER_IMPORT)


@pytest.fixture(scope="module")
def has_run() -> Interpreter:
    """Import the package and run a sync graph."""
    return fresh(AFTER_A_SYNC_RUN)


# ------------------------------------------------------------------------------ what is loaded


@pytest.mark.parametrize(
    "name",
    ["asyncio", "anyio", "msgpack", "sqlite3", "trio", "concurrent.futures", "logging"],
)
def test_what_the_import_does_not_load(imported: Interpreter, name: str) -> None:
    """What only some runs need, they load."""
    assert name not in imported.modules


@pytest.mark.parametrize("name", ["asyncio", "anyio", "trio"])
def test_what_a_run_of_sync_nodes_does_not_load(has_run: Interpreter, name: str) -> None:
    """It has no use for an event loop."""
    assert name not in has_run.modules


def test_the_import_leaves_at_most_150_modules(imported: Interpreter) -> None:
    """Those that the interpreter starts with are counted too."""
    assert len(imported.modules) <= 150


def test_the_import_makes_at_most_twenty_dataclasses(imported: Interpreter) -> None:
    """Each of them costs up to a millisecond."""
    assert len(imported.dataclasses) <= 20


# ---------------------------------------------------------------------------- names and places

PLACES: dict[str, list[str]] = {
    "graph": ["END", "START", "MessagesState", "StateGraph", "add_messages"],
    "graph.message": ["REMOVE_ALL_MESSAGES", "MessagesState", "add_messages"],
    "graph.state": ["CompiledStateGraph", "StateGraph"],
    "types": ["Command", "Overwrite", "Send", "StreamMode", "StreamWriter"],
    "errors": ["EmptyInputError", "GraphRecursionError", "InvalidUpdateError", "ParentCommand"],
    "config": ["get_config", "get_store", "get_stream_writer"],
    "runtime": ["ExecutionInfo", "Runtime", "get_runtime"],
    "constants": ["END", "START"],
    "channels": [
        "AnyValue",
        "BaseChannel",
        "BinaryOperatorAggregate",
        "EphemeralValue",
        "LastValue",
        "Topic",
        "UntrackedValue",
    ],
    "managed": ["IsLastStep", "RemainingSteps"],
}


@pytest.mark.parametrize("package", ["graphflow", "langgraph"])
@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PLACES.items() for name in names]
)
def test_langgraphs_names_are_where_langgraph_has_them(
    package: str, module: str, name: str
) -> None:
    """A user switches by replacing `langgraph` with `graphflow` in the imports."""
    assert hasattr(import_module(f"{package}.{module}"), name)


@pytest.mark.parametrize("module", ["", *(f".{name}" for name in PLACES)])
def test_what_a_module_exports_is_there(module: str) -> None:
    """Every name of `__all__`."""
    found = import_module(f"graphflow{module}")
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_the_version_is_the_distributions() -> None:
    """It is written in one place only."""
    assert graphflow.__version__ == version("graphflow-engine")


def test_an_attribute_that_does_not_exist_is_an_attribute_error() -> None:
    """Though the package looks some of them up late."""
    with pytest.raises(AttributeError, match="module 'graphflow' has no attribute 'nothing'"):
        getattr(graphflow, "nothing")  # noqa: B009 - mypy knows that it is not there


# ------------------------------------------------------------------------------------ examples


def examples() -> Iterator[doctest.DocTest]:
    """Find the examples in the docstrings of every module of the package."""
    finder = doctest.DocTestFinder()
    for info in pkgutil.walk_packages(graphflow.__path__, "graphflow."):
        module = import_module(info.name)
        yield from (found for found in finder.find(module) if found.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_an_example_gives_what_it_shows(example: doctest.DocTest) -> None:
    """In the docstring of a class or a function."""
    told: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert results.attempted > 0
    assert "".join(told) == ""
