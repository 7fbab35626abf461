"""A census of code: one task for every file, and a reducer that adds up what they find.

    python examples/code_census.py                  # the standard library of this Python
    python examples/code_census.py --no-tests       # without its own tests, a third of the code
    python examples/code_census.py --package json   # one package of it

Needs rich for the live view and the tables; the extra `demo` brings it.
"""

import argparse
import ast
import heapq
import os
import sysconfig
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

from graphflow import END, START, RunnableConfig, Send, StateGraph

try:
    from rich.console import Console
    from rich.table import Table

    from graphflow.progress import progress
except ImportError as missing:
    raise SystemExit(
        "The census is drawn with rich, which is missing: pip install rich (or the extra 'demo')"
    ) from missing

STDLIB = Path(sysconfig.get_path("stdlib"))
INSTALLED = {"site-packages", "dist-packages"}  # inside the same folder, but not Python's own
TESTS = {"test", "tests", "idle_test"}
LONGEST = 10

# Python 3.11 keeps the parser's depth in one place for all threads: two that parse at once can
# fail with a SystemError. Taking turns costs little, as they share one interpreter lock anyway.
PARSER = threading.Lock()


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method, where it is and how long."""

    lines: int
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Census:
    """What was counted, in one file or in many: `merge` makes one of two."""

    modules: int = 0
    classes: int = 0
    functions: int = 0
    lines: int = 0
    longest: tuple[Function, ...] = ()
    broken: tuple[str, ...] = ()


def merge(left: Census, right: Census) -> Census:
    """Add two counts up: the reducer of the state's `census`.

    A reducer returns a new value and leaves both of its arguments alone. It keeps no more than it
    must: were all functions kept, each of a thousand merges would copy a longer list.
    """
    return Census(
        modules=left.modules + right.modules,
        classes=left.classes + right.classes,
        functions=left.functions + right.functions,
        lines=left.lines + right.lines,
        longest=longest([*left.longest, *right.longest]),
        broken=left.broken + right.broken,
    )


def longest(functions: Sequence[Function]) -> tuple[Function, ...]:
    """Pick the longest few, the first of equals first."""
    return tuple(heapq.nlargest(LONGEST, functions, key=lambda function: function.lines))


class File(TypedDict):
    """What one task gets: a file, and the name to show for it."""

    path: Path
    name: str


class State(TypedDict):
    """What the graph knows: the files to read, and the census so far."""

    files: list[File]
    # All the tasks write this key in one superstep, so it needs a reducer to say how the writes
    # become one value. The graph begins with `Census()` and merges in the order of the Sends,
    # whichever task finishes first: the result is the same every time.
    # NotRequired: the input brings the files only.
    census: NotRequired[Annotated[Census, merge]]


def fan_out(state: State) -> list[Send]:
    """Make one task of `parse` for each file; a Send hands it that file instead of the state."""
    return [Send("parse", file) for file in state["files"]]


def parse(file: File) -> dict[str, Census]:
    """Count one file.

    A plain function, so it runs in a thread.
    """
    source = file["path"].read_bytes()  # bytes: the parser finds the encoding by itself
    try:
        with PARSER:
            tree = ast.parse(source)
    except (SyntaxError, ValueError):  # ValueError: null bytes
        return {"census": Census(broken=(file["name"],))}
    return {"census": count(tree, file["name"], lines=len(source.splitlines()))}


def count(tree: ast.Module, name: str, *, lines: int) -> Census:
    """Count the classes and functions of a parsed file, those inside others too."""
    nodes = list(ast.walk(tree))
    functions = [
        Function((node.end_lineno or node.lineno) - node.lineno + 1, node.name, name, node.lineno)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return Census(
        modules=1,
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        functions=len(functions),
        lines=lines,
        longest=longest(functions),
    )


builder = StateGraph(State)
builder.add_node("parse", parse)
builder.add_conditional_edges(START, fan_out, ["parse"])
builder.add_edge("parse", END)
graph = builder.compile(name="census")


def find_files(root: Path, *, tests: bool = True, limit: int | None = None) -> list[File]:
    """List the Python files below a folder, in a fixed order."""
    skipped = INSTALLED if tests else INSTALLED | TESTS
    files = [
        File(path=path, name=path.relative_to(root).as_posix())
        for path in sorted(root.rglob("*.py"))
        if skipped.isdisjoint(path.relative_to(root).parts)
    ]
    return files[:limit]


def take_census(files: list[File], console: Console) -> Census:
    """Run the graph over the files and show how far it is."""
    # Parsing keeps a core busy: more threads than cores would only wait for each other.
    config: RunnableConfig = {"max_concurrency": os.cpu_count() or 1}
    stream = graph.stream({"files": files}, config, stream_mode="values")
    census = Census()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the parser's, about code that is not ours to mend
        for state in progress(stream, console=console):  # the input, then each superstep's state
            census = state.get("census", census)
    return census


def show(census: Census, console: Console) -> None:
    """Print the census as tables."""
    totals = Table("modules", "classes", "functions", "lines", "do not parse")
    numbers = census.modules, census.classes, census.functions, census.lines, len(census.broken)
    totals.add_row(*(f"{number:,}" for number in numbers))
    functions = Table("lines", "longest functions", "where")
    for function in census.longest:
        where = f"{function.file}:{function.line}"
        functions.add_row(str(function.lines), function.name, where)
    console.print(totals, functions)
    for name in census.broken:
        console.print(f"does not parse: {name}")


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> None:
    """Read the command line, take the census, show it."""
    parser = argparse.ArgumentParser(description="Count what is in the standard library.")
    parser.add_argument("--package", default="", help="count this package of it only")
    parser.add_argument("--no-tests", action="store_true", help="leave out its own tests")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after N files")
    options = parser.parse_args(arguments)
    root = STDLIB / options.package
    files = find_files(root, tests=not options.no_tests, limit=options.limit)
    if not files:
        parser.error(f"no Python files in '{root}': name a package, such as json")
    console = console or Console()
    console.print(f"Census of {root}")
    show(take_census(files, console), console)


if __name__ == "__main__":
    main()
