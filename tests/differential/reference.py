"""A naive interpreter of graphs, straight from the rules, to compare every engine with.

Slow and obvious on purpose: it keeps sets of names, looks at all edges after each superstep, and
shares no code with the package. Read it as the semantics in 60 lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from typing import Any

from tests.differential.specs import (
    END,
    KEYS,
    REDUCERS,
    START,
    BoomError,
    Case,
    Given,
    Graph,
    Node,
    Replace,
    SendTo,
    Target,
)
from tests.differential.traces import Mode, Trace


class CollisionError(Exception):
    """Two writes where one superstep takes one."""


class LimitError(Exception):
    """The recursion limit is reached."""


ERRORS: dict[type[Exception], str] = {
    BoomError: "BoomError",
    CollisionError: "InvalidUpdateError",
    LimitError: "GraphRecursionError",
}


@dataclass
class Done:
    """A task that ended: its node's name, its writes, where it leads."""

    name: str
    writes: Sequence[tuple[str, Any]]
    goto: Sequence[Target]


@dataclass
class Interpreter:
    """A run between two supersteps."""

    graph: Graph
    values: dict[str, Any] = field(default_factory=lambda: {"log": [], "total": 0, "digits": 0})
    due: set[str] = field(default_factory=set[str])
    sends: list[SendTo] = field(default_factory=list[SendTo])
    waiting: set[str] = field(default_factory=set[str])
    arrived: list[set[str]] = field(default_factory=list[set[str]])
    chunks: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def run(self, case: Case) -> None:
        """Admit the input, then take supersteps until nothing is due."""
        self.arrived = [set() for _ in self.graph.joins]
        self.commit([Done(START, case.given, self.branched(START, case.given))])
        for step in count(1):
            if step > case.limit:
                raise LimitError
            if not self.due and not self.sends:
                return
            self.superstep()

    def superstep(self) -> None:
        """Run what is due: Sends start first, but the writes of nodes, by name, apply first."""
        nodes = {node.name: node for node in self.graph.nodes}
        pulled = [(nodes[name], self.seen(nodes[name])) for name in sorted(self.due)]
        sent = [(nodes[send.node], send.arg) for send in self.sends]
        of_sent = [self.task(node, given) for node, given in sent]
        of_pulled = [self.task(node, given) for node, given in pulled]
        self.commit([*of_pulled, *of_sent])

    def seen(self, node: Node) -> Given:
        """Return the state as a node reads it: the keys of its schema that have a value."""
        return {key: self.values[key] for key in KEYS[node.reads] if key in self.values}

    def task(self, node: Node, given: Given) -> Done:
        """Run a node and its branches; the node's update is shown even if a branch fails."""
        result = node.act(given)
        try:
            branched = self.branched(node.name, result.writes)
        finally:
            self.chunks.append(("updates", {node.name: update(result.writes)}))
        return Done(node.name, result.writes, [*result.goto, *branched])

    def branched(self, name: str, writes: Iterable[tuple[str, Any]]) -> list[Target]:
        """Return where a node's branches lead: they see the state and the node's own writes."""
        values = folded(self.values, writes)
        return [
            target
            for branch in self.graph.branches
            if branch.source == name
            for target in branch.choose(values)
        ]

    def commit(self, tasks: Sequence[Done]) -> None:
        """Apply all writes at once, and find out what is due next."""
        writes = [write for task in tasks for write in task.writes]
        self.values = folded(self.values, writes)
        if writes:
            self.chunks.append(("values", self.values))
        ran = {task.name for task in tasks}
        targets = [target for task in tasks for target in task.goto]
        self.sends = [target for target in targets if isinstance(target, SendTo)]
        self.due = {target for target in targets if isinstance(target, str)}
        self.due |= {target for source, target in self.graph.edges if source in ran}
        for join, arrived in zip(self.graph.joins, self.arrived, strict=True):
            arrived.update(ran & set(join.sources))
            self.due |= {join.target} if arrived == set(join.sources) else set()
        self.defer()
        for join, arrived in zip(self.graph.joins, self.arrived, strict=True):
            if arrived == set(join.sources) and join.target in self.due:
                arrived.clear()

    def defer(self) -> None:
        """Let deferred nodes wait until nothing else is due; then all are, together."""
        self.waiting |= {node.name for node in self.graph.nodes if node.defer} & self.due
        self.due -= self.waiting | {END}
        if not self.due and not self.sends:
            self.due, self.waiting = self.waiting, set()


def folded(values: Given, writes: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return values with writes applied, in order; an Overwrite wins."""
    by_key: dict[str, list[Any]] = {}
    for key, value in writes:
        by_key.setdefault(key, []).append(value)
    return {**values, **{key: new(key, values, given) for key, given in by_key.items()}}


def new(key: str, values: Given, writes: Sequence[Any]) -> object:
    """Return the new value of one key."""
    replaced = [list(value.lines) for value in writes if isinstance(value, Replace)]
    if len(replaced) > 1 or (key not in REDUCERS and len(writes) > 1):
        raise CollisionError
    if key not in REDUCERS:
        return writes[0]
    return replaced[0] if replaced else reduce(REDUCERS[key], writes, values[key])


def update(writes: Sequence[tuple[str, Any]]) -> object:
    """Return writes as an updates chunk shows them."""
    if not writes:
        return None
    merged = dict(writes)
    return merged if len(merged) == len(writes) else [{key: value} for key, value in writes]


def interpret(case: Case) -> dict[Mode, Trace]:
    """Run a case, and return what is seen of it in every mode."""
    interpreter = Interpreter(case.graph)
    error = None
    try:
        interpreter.run(case)
    except (BoomError, CollisionError, LimitError) as raised:
        error = ERRORS[type(raised)]
    chunks, values = interpreter.chunks, interpreter.values
    result = {key: values[key] for key in KEYS["state"] if key in values}
    return {
        "updates": Trace([chunk for chunk in chunks if chunk[0] == "updates"], error),
        "values": Trace([chunk for chunk in chunks if chunk[0] == "values"], error),
        "both": Trace(chunks, error),
        "invoke": Trace([] if error else [("invoke", result)], error),
    }
