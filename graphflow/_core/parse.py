"""Reads what a node returned into writes and destinations, and says clearly what it cannot read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CoroutineType
from typing import Any, NoReturn, cast

from graphflow._core.inside import Returned
from graphflow._core.state import INTERRUPT, Succeeded, Task, Up, Write
from graphflow._core.topology import UNNAMED, Node, Topology
from graphflow.channels import Origin
from graphflow.constants import END, START
from graphflow.errors import (
    InterruptError,
    InvalidUpdateError,
    ParentCommand,
    UnknownKeyError,
    UnknownNodeError,
    did_you_mean,
    quoted,
    shown,
)
from graphflow.schema import fields_of
from graphflow.types import Command, Send

_PAIR = 2


def parse(task: Task, result: object) -> Succeeded:
    """Return a task's outcome by what its node returned.

    Raises:
        InvalidUpdateError: if that is no update, or names what the graph does not have.
        ParentCommand: if it is a Command for the parent of a graph that has none.
    """
    if type(result) is dict:
        update = cast("dict[str, Any]", result)
        if not update.keys() <= task.node.writable:
            update = _sifted(task, update, task.node.writable)
        writes: Sequence[Write] = tuple(update.items())
        if task.node.prepares:
            writes = _prepared(task, writes)
        return Succeeded(task, writes, ())
    if result is None:
        return Succeeded(task, (), ())
    if type(result) is Returned:
        return given(task, result)
    if isinstance(result, (Command, Send)):
        return _parse_all(task, (cast("object", result),))
    if isinstance(result, (list, tuple)):
        items = cast("Sequence[object]", result)
        if any(isinstance(item, Command) for item in items):
            return _parse_all(task, items)
        _refuse(task, items)
    return Succeeded(task, _prepared(task, tuple(_pairs(task, result, task.node.writable))), ())


def _parse_all(task: Task, items: Iterable[object]) -> Succeeded:
    """Join the writes and destinations of several returned items, in order."""
    writes: list[Write] = []
    goto: list[Node | Send] = []
    ups: list[Up] = []
    kind: Any = Command  # not narrowed to by type checkers, which would know too little of it
    for item in items:
        if isinstance(item, kind):
            up = _read_command(task, cast("Any", item))
            if up.levels:
                ups.append(up)
            else:
                writes += up.writes
                goto += up.goto
        elif isinstance(item, Send):
            goto.append(sent(task.run.graph, lambda: where(task), item))
        elif item is not None:
            writes += _pairs(task, item, task.node.writable, "a list with ")
    if ups:
        inside = task.run.inside
        assert inside is not None, "there is a graph around it that they are for"
        inside.leaving = True
    return Succeeded(task, _prepared(task, writes), goto, ups)


def _read_command(task: Task, command: Command[Any]) -> Up:
    """Return what a Command says to the graph that it is for, which may be the task's own."""
    graph, levels = _addressed(task, command)
    if command.resume is not None:
        msg = "Command(resume=...) is the caller's answer to an interrupt; a node cannot return it"
        raise InvalidUpdateError(msg)
    writes: Sequence[Write] = ()
    goto: list[Node | Send] = []
    if command.update is not None:
        within = "a Command with the update "
        writes = tuple(_pairs(task, command.update, graph.keys, within, graph))
    for name in listed(command.goto):
        goto += destination(graph, lambda: f"goto of {where(task)}", name)
    return Up(writes, goto, levels)


def _addressed(task: Task, command: Command[Any]) -> tuple[Topology, int]:
    """Return the graph that a Command is for, and how many graphs are left for it.

    Raises:
        InvalidUpdateError: if it names a graph that is not around the task.
        ParentCommand: if it is for the graph around one that has none around it.
    """
    run = task.run
    if command.graph is None:
        return run.graph, 0
    if command.graph == Command.PARENT:
        if run.inside is None:
            raise ParentCommand(command)
        return run.inside.task.run.graph, 1
    names: list[str] = []
    while True:
        if run.graph.name == command.graph:
            return run.graph, len(names)
        names.append(run.graph.name)
        if run.inside is None:
            break
        run = run.inside.task.run
    around = [*dict.fromkeys(name for name in names[1:] if name not in {names[0], UNNAMED})]
    told = f"around it are {quoted(around)}" if around else "there is none around it"
    if len(names) > 1 and not around:
        told = "none around it has a name, which compile(name=...) would give it"
    msg = (
        f"Command(graph={command.graph!r}) names no graph that {where(task)} could be for"
        f"{did_you_mean(command.graph, names)}; {told}. Leave graph= out for its own graph, or "
        f"give Command.PARENT for the one around that"
    )
    raise InvalidUpdateError(msg)


def given(task: Task, result: Returned) -> Succeeded:
    """Return the outcome of a task by what the graph that it runs has given."""
    writes, goto = [*result.writes], list[Node | Send]()
    ups: list[Up] = []
    for up in result.up:
        if up.levels > 1:
            ups.append(Up(up.writes, up.goto, up.levels - 1))
        else:
            writes += up.writes
            goto += up.goto
    if ups:
        inside = task.run.inside
        assert inside is not None, "there is a graph around it that they are for"
        inside.leaving = True
    return Succeeded(task, _prepared(task, writes), goto, ups)


def listed(goto: object) -> Iterable[object]:
    """Return one destination or several as something to go through.

    Raises:
        InvalidUpdateError: for Sends in a set; names can be in one, for nodes have an order.
    """
    if isinstance(goto, (set, frozenset)):
        names = cast("frozenset[object]", goto)
        if any(isinstance(name, Send) for name in names):
            msg = "a set of Sends has no order, and their tasks need one; give a list of them"
            raise InvalidUpdateError(msg)
        return names
    return cast("Sequence[object]", goto) if isinstance(goto, (list, tuple)) else (goto,)


def _pairs(
    task: Task,
    update: object,
    writable: frozenset[str],
    within: str = "",
    graph: Topology | None = None,
) -> Iterable[Write]:
    """Return one returned item as writes: a dict, (key, value) pairs, or a schema instance.

    Args:
        task: the task that has returned it.
        update: the item.
        writable: the keys that it may have.
        within: what it is part of, for an error.
        graph: whose keys they are, if not the task's own graph's.
    """
    if isinstance(update, Mapping):
        known = cast("Mapping[str, Any]", update)
    elif (fields := fields_of(update)) is not None:
        known = fields
    elif _is_pairs(update):
        pairs = cast("Sequence[Write]", update)
        unknown = [key for key, _ in pairs if key not in writable]
        if unknown:
            allowed = _sifted(task, dict(pairs), writable, graph)
            return [pair for pair in pairs if pair[0] in allowed]
        return pairs
    else:
        _refuse(task, update, within)
    if not known.keys() <= writable:
        known = _sifted(task, known, writable, graph)
    return known.items()


def _is_pairs(update: object) -> bool:
    """Tell whether an update is a list of (key, value) pairs."""
    return isinstance(update, (list, tuple)) and all(
        isinstance(pair, tuple)
        and len(cast("tuple[object, ...]", pair)) == _PAIR
        and isinstance(pair[0], str)
        for pair in cast("Sequence[object]", update)
    )


def _sifted(
    task: Task, update: Mapping[str, Any], writable: frozenset[str], graph: Topology | None = None
) -> dict[str, Any]:
    """Drop the keys that the engine fills in; raise for those that nobody declared."""
    graph = graph or task.run.graph
    if INTERRUPT in update and task.node.rank >= 0:
        msg = (
            f"{where(task)} is what a graph has returned that waits for an answer, and that was "
            f"run as if it were inside no other; call it without a thread_id of its own, so that "
            f"this graph waits, too"
        )
        raise InterruptError(msg)
    kept = {key: value for key, value in update.items() if key in writable}
    unknown = [key for key in update if key not in writable and key not in graph.managed]
    if unknown and not graph.forgiving:
        takes = "the input schema has" if task.node.rank < 0 else "the state has"
        raise UnknownKeyError(where(task), unknown, sorted(writable), takes)
    return kept


class _WriteOrigin:
    """One write of a task, whose id is made when a reducer asks for it."""

    __slots__ = ("index", "task")

    def __init__(self, task: Task, index: int) -> None:
        self.task = task
        self.index = index

    @property
    def id(self) -> str:
        """The task's id with the number of the write."""
        return f"{self.task.id}:{self.index}"


def _prepared(task: Task, writes: Sequence[Write]) -> Sequence[Write]:
    """Let the reducers that ask for it complete their writes."""
    graph = task.run.graph
    if not graph.preparing or not any(key in graph.preparing for key, _ in writes):
        return writes
    return tuple(
        (key, graph.channels[key].prepared(value, _origin(task, index)))
        if key in graph.preparing
        else (key, value)
        for index, (key, value) in enumerate(writes)
    )


def _origin(task: Task, index: int) -> Origin:
    """Return where the index-th write of a task comes from."""
    return _WriteOrigin(task, index)


def destination(graph: Topology, said: Callable[[], str], name: object) -> Sequence[Node | Send]:
    """Return what a name, node function or Send leads to: one node, one Send, or nothing for END.

    Raises:
        UnknownNodeError: if it is no destination; `said()` tells who named it.
    """
    if isinstance(name, str) and (node := graph.nodes.get(name)) is not None:
        return (node,)
    if isinstance(name, Send):
        return (sent(graph, said, name),)
    if name == END:
        return ()
    known = _function_name(graph, name)
    if known is not None:
        return (graph.nodes[known],)
    why = "; a run begins there only once" if name == START else ""
    raise UnknownNodeError(said(), name, tuple(graph.nodes), why)


def sent(graph: Topology, said: Callable[[], str], send: Send) -> Send:
    """Return a Send to a node by its name."""
    target = cast("object", send.node)  # a user may have given anything
    if isinstance(target, str) and target in graph.nodes:
        return send
    known = _function_name(graph, target)
    if known is not None:
        return Send(known, send.arg)
    why = ""
    if target in (START, END):
        why = "; a Send needs a node to run" if target == END else "; it cannot be run again"
    raise UnknownNodeError(f"a Send in {said()}", target, tuple(graph.nodes), why)


def _function_name(graph: Topology, function: object) -> str | None:
    """Return the name of the node whose function it is."""
    return graph.named.get(function) if callable(function) else None


def where(task: Task) -> str:
    """Name the giver of an update for an error."""
    return "the input" if task.node.rank < 0 else f"the update of node {task.node.name!r}"


def _refuse(task: Task, result: object, within: str = "") -> NoReturn:
    """Raise the error that tells what a node, or a caller, should have given."""
    said = f"{within}{shown(result)}"
    if task.node.rank < 0:
        msg = f"the input must be a dict of keys, a schema instance or a Command, not {said}"
        raise InvalidUpdateError(msg)
    hint = (
        "return a dict of keys, None, a Command, a list with a Command, or a schema instance"
        if not within
        else "an update is a dict of keys, (key, value) pairs or a schema instance"
    )
    close = getattr(result, "close", None)
    if isinstance(result, CoroutineType) and close is not None:
        close()  # or Python warns that it was never awaited
        hint = "define the node with 'async def', so that its coroutine is awaited"
    elif isinstance(result, (list, tuple)) and any(
        isinstance(item, Send) for item in cast("Sequence[object]", result)
    ):
        hint = "return Command(goto=[Send(...)]), or the Send from a conditional edge"
    msg = f"node {task.node.name!r} returned {said}, which is no update: {hint}"
    raise InvalidUpdateError(msg)
