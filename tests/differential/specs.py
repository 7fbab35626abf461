"""Random graphs as plain data: what they are made of, and what their nodes do. No library here.

The nodes' and path functions' behaviour is the user's code of a differential test: a pure function
of what they are shown. So it is written once, for both libraries and for the reference, and what a
node was shown ends up in `log`.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

START: Final = "__start__"
END: Final = "__end__"

Schema: TypeAlias = Literal["state", "narrow", "private"]
Form: TypeAlias = Literal["nothing", "dict", "command", "pairs", "list"]
Given: TypeAlias = Mapping[str, Any]

KEYS: Final[Mapping[Schema, tuple[str, ...]]] = {
    "state": ("log", "total", "digits", "x"),
    "narrow": ("log", "total"),
    "private": ("log", "total", "secret"),
}
"""What each schema of a node shows; the graph's own state is `state`, so `secret` is private."""


def append_digit(number: int, digit: int) -> int:
    """Reduce `digits`: other than a sum it depends on the order of the writes."""
    return (number * 10 + digit) % 100_003


REDUCERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "log": operator.add,
    "total": operator.add,
    "digits": append_digit,
}
"""The keys with a reducer; `x` and `secret` have none."""

ENOUGH = 8  # lines in the log, from where on nobody sends: two Sends each would double for ever


class BoomError(Exception):
    """What failing nodes and path functions raise."""


@dataclass(frozen=True)
class Replace:
    """An Overwrite of the log."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class SendTo:
    """A Send, with a number for the node to see; `depth` counts Sends from Sends."""

    node: str
    number: int
    depth: int = 1

    @property
    def arg(self) -> Given:
        """What the node is called with."""
        return {"number": self.number, "depth": self.depth}


Target: TypeAlias = str | SendTo


@dataclass(frozen=True)
class Choice:
    """One of several lists of targets, by what is seen."""

    options: tuple[tuple[Target, ...], ...]

    def of(self, seen: Given) -> tuple[Target, ...]:
        """Return the targets to go to next."""
        option = self.options[weight(seen) % len(self.options)]
        depth = seen.get("depth", 0)
        if depth > 1 or len(seen.get("log", ())) > ENOUGH:
            return tuple(target for target in option if isinstance(target, str))
        return tuple(
            replace(target, depth=depth + 1) if isinstance(target, SendTo) else target
            for target in option
        )


@dataclass(frozen=True)
class Write:
    """One write of a node: to `log` its line or a replacement, to any other key a number."""

    key: str
    value: int | Replace = 0


@dataclass(frozen=True)
class Result:
    """What a node does when it is called."""

    writes: Sequence[tuple[str, Any]] = ()
    goto: Sequence[Target] = ()


@dataclass(frozen=True)
class Node:
    """A node: what it reads and writes, in which form, where its Command goes, when it fails."""

    name: str
    writes: tuple[Write, ...] = (Write("log"),)
    form: Form = "dict"
    goto: Choice | None = None
    reads: Schema = "state"
    defer: bool = False
    fails: int | None = None
    stumbles: int | None = None  # the number of the call that fails, whatever it is shown
    asks: int = 0  # how many questions, before anything else

    def act(self, seen: Given) -> Result:
        """Return what the node does, having been shown `seen`.

        Raises:
            BoomError: if this is when it fails.
        """
        fail(self.fails, seen)
        line = f"{self.name}<{told(seen)}>"
        writes = [
            (write.key, [line] if write == Write("log") else write.value) for write in self.writes
        ]
        return Result(writes, self.goto.of(seen) if self.goto else ())


@dataclass(frozen=True)
class Branch:
    """A conditional edge; `mapped`: its path function returns keys of a path map."""

    source: str
    choice: Choice
    mapped: bool = False
    fails: int | None = None

    def choose(self, seen: Given) -> tuple[Target, ...]:
        """Return where the path function leads.

        Raises:
            BoomError: if this is when it fails.
        """
        fail(self.fails, seen)
        return self.choice.of(seen)


@dataclass(frozen=True)
class Join:
    """An edge from several nodes: it waits for all of them."""

    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Graph:
    """A whole graph; nodes, branches and so on in the order in which they are added."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...] = ()
    joins: tuple[Join, ...] = ()
    branches: tuple[Branch, ...] = ()


Pairs: TypeAlias = tuple[tuple[str, Any], ...]
"""A dict as a value."""


@dataclass(frozen=True)
class Case:
    """A graph, what it is run with, and how far."""

    graph: Graph
    given: Pairs = ()
    limit: int = 10


@dataclass(frozen=True)
class Order:
    """A Command of the caller's."""

    update: Pairs = ()
    goto: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Reply:
    """Answers to all that waits."""

    answer: str


@dataclass(frozen=True)
class Edit:
    """An edit of the thread, as a node or as the one that ran last."""

    update: Pairs
    node: str | None = None


@dataclass(frozen=True)
class Turn:
    """One run on a thread: from its end, or from a checkpoint so far back in its history."""

    given: Pairs | Order | Reply | Edit | None = None
    limit: int = 10
    back: int | None = None


@dataclass(frozen=True)
class Conversation:
    """The runs on one thread of a graph."""

    graph: Graph
    turns: tuple[Turn, ...]
    durability: str = "sync"


def weight(seen: Given) -> int:
    """Return what choices and failures are made by."""
    return len(seen.get("log", ())) + int(seen.get("total", 0)) + int(seen.get("number", 0))


def fail(when: int | None, seen: Given) -> None:
    """Raise if `when` says so: in one of four states."""
    if when is not None and weight(seen) % 4 == when:
        raise BoomError


def told(seen: Given) -> str:
    """Return every key and value a node was shown, of the log its length."""
    shown = {key: len(value) if key == "log" else value for key, value in seen.items()}
    return " ".join(f"{key}={shown[key]}" for key in sorted(shown))
