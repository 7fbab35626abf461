"""Begins a run that a task of another makes, on the same thread: in a branch of its own.

The branch is found by its namespace, which names the task. One that is there already has been
begun by an earlier run of the task: it goes on, or tells what it has come to. So a task that is
run again makes no graph do again what it had done.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from graphflow._core.admit import check_input
from graphflow._core.begin import Begun, as_it_is, passes_first, started, with_input
from graphflow._core.called import Call, read_call
from graphflow._core.calls import check_graph, find_call, named
from graphflow._core.effects import Load, Program
from graphflow._core.form import pairs_of
from graphflow._core.frontier import up_of
from graphflow._core.inside import stored_around
from graphflow._core.log import Log
from graphflow._core.opening import due_again, state_of
from graphflow._core.past import Past
from graphflow._core.spaces import Space, call_in, space_of
from graphflow._core.state import Run, Succeeded, Task
from graphflow._core.stored import ENDLESS
from graphflow.checkpoint.records import RUN, Branch
from graphflow.errors import (
    ConcurrentUpdateError,
    InvalidUpdateError,
)
from graphflow.types import Command

if TYPE_CHECKING:
    from graphflow._core.inside import Inside
    from graphflow._core.packing import Packed


def begin_within(run: Run, log: Log, given: object) -> Program[Begun]:
    """Find the branch of a graph that a task runs, and go on there or begin.

    Raises:
        CheckpointError: if it cannot be read, or the input cannot be stored.
        EmptyInputError: if there is no input.
        GraphMismatchError: if the task had run another graph there.
        InvalidUpdateError: if the input is no update of the input schema.
    """
    inside = run.inside
    assert inside is not None, "a task makes it"
    space = space_of(inside, _around(run).branch)
    number = inside.number
    call = yield from find_call(run, log, space, given)
    if inside.number != number:
        _move(run, log, inside)
        space = space.numbered(inside.number)
    if inside.lasting:
        _enter(run, log, space.text)
    log.call = {"task": call_in(inside), "graph": named(run), "parents": log.around}
    if call is not None:
        _take_place(log, call.past, None)
        return (yield from _go_on(run, log, call))
    for found, upto in _branches_of(run, log, space):
        made = inside.calls.made or {}
        if upto is None and inside.number in made:
            call = made[inside.number]  # it has been read, and is the memory of other tasks
        else:
            call = yield from Load(partial(read_call, log=log, branch=found.id, upto=upto))
        if call is not None:  # else at that time it had not begun
            _take_place(log, call.past, space.text if upto is not None else None)
            break
    else:
        log.add_branch(space.text, 0, 0)
    past = None if call is None else call.past
    run.stop = (-2 if past is None else past.step) + run.limit + 2
    _check_given(given)
    log.call["begins"] = True
    begun = yield from with_input(run, log, past, given)
    assert begun is not None, "nobody else writes to that branch"
    return begun


def _check_given(given: object) -> None:
    """Raise if a graph cannot begin with an input."""
    kind: Any = Command  # not narrowed to by type checkers, which would know too little of it
    if isinstance(given, kind) and cast("Any", given).resume is not None:
        msg = "Command(resume=...) is an answer for the thread: give it to the outermost graph"
        raise InvalidUpdateError(msg)
    check_input(given, stored=False)


# ------------------------------------------------------------------------------- the namespace


def outer_log(run: Run) -> Log:
    """Return the log of the nearest run around another that is stored."""
    assert run.inside is not None, "a task makes it"
    outer = stored_around(run.inside)
    assert outer is not None, "else nothing of it would be stored"
    assert outer.thread is not None, "as above"
    return outer.thread.log


def _around(run: Run) -> Log:
    """Return the log of that graph around another which its space is of."""
    inside = run.inside
    assert inside is not None, "a task makes it"
    if not inside.lasting:
        return outer_log(run)
    *_, outermost = inside.outward()
    top = outermost.task.run
    assert top.thread is not None, "or nothing inside would be stored"
    return top.thread.log


def _branches_of(run: Run, log: Log, space: Space) -> Iterator[tuple[Branch, int | None]]:
    """Yield the last branch of a space, and up to which record, if it is to be left there.

    The memory of a node that lasts is that of the history that the run around it goes on with: of
    the last stretch of that in which there was one.
    """
    branches = log.ledger.branches
    if space.text in branches:
        yield branches[space.text], None
    elif space.levels[-1].lasting:
        for branch, upto in _around(run).line[1:]:
            if (found := branches.get(space.within(branch).text)) is not None:
                yield found, upto


def _enter(run: Run, log: Log, space: str) -> None:
    """Note that a task goes on with the memory of a node.

    Raises:
        ConcurrentUpdateError: if another one does that may run at the same time: they would both
            go on with one memory.
    """
    mine = _chain(run)
    other = log.ledger.users.setdefault(space, mine)
    log.ledger.users[space] = mine
    for (step, this), (when, that) in zip(mine, other, strict=False):
        if this == that:
            continue
        if step == when:
            assert run.inside is not None, "a task makes it"
            task = run.inside.task
            name = task.node.name
            msg = (
                f"node {name!r} is run more than once at a time, and the graph in it has one "
                f"memory for the node (checkpointer=True), which would become that of either; "
                f"compile it without checkpointer=True, or run it in different nodes"
            )
            raise ConcurrentUpdateError(msg, name, (name, name), ())
        return


def _chain(run: Run) -> tuple[tuple[int, str], ...]:
    """Return the tasks that a run is in, each with its superstep, the outermost first."""
    assert run.inside is not None, "a task makes it"
    tasks = [each.task for each in run.inside.outward()]
    return tuple((task.step, task.id) for task in reversed(tasks))


def _move(run: Run, log: Log, inside: "Inside") -> None:
    """Let a graph be another one of its task's than its call's number says."""
    log.ns = "|".join(inside.ns)
    if run.view.ns is not None:
        run.view = replace(run.view, ns=inside.ns)


def _take_place(log: Log, past: Past, forks: str | None) -> None:
    """Put the log to where a graph's branch is; in a new branch, if a namespace is given."""
    last = past.checkpoint
    assert last is not None, "a branch begins with a checkpoint"
    log.branch, log.last = past.branch, past.place
    log.before, log.manifest, log.loose = past.before, past.manifest, past.loose
    line = [(each.branch.id, each.upto) for each in past.stored.line]
    log.line = ((past.branch, ENDLESS), *line[1:])
    if forks is not None:
        log.add_branch(forks, past.branch, last.seq)
        log.line = ((log.branch, ENDLESS), (past.branch, last.seq), *line[1:])
        log.loose = []


# ------------------------------------------------------------------------------------ going on


def _go_on(run: Run, log: Log, call: Call) -> Program[Begun]:
    """Go on with a call where an earlier run of the task has left it; its input is known."""
    inside, past = run.inside, call.past
    assert inside is not None, "a task makes it"
    run.stop = past.step + run.limit + 2
    check_graph(run, call)
    _recall(run, inside, call)
    state = due_again(run, past, state_of(run, log, past))
    if not (past.given or state.due or state.sends):
        yield from as_it_is(run, log, past, state, None)
        return Begun(state, {}, {}, {})
    rows: list[Packed] = [(RUN, log.announce(run.id, "resume", past.step, ()))]
    yield from log.join(rows, values=state.values)
    waiting, past.waiting = past.waiting, past.asked_by_all()
    yield from as_it_is(run, log, past, state, None)
    past.waiting = waiting
    if past.given is not None:
        told: Any = past.given.given[0] if past.given.given else {}
        ahead = state.due_next((), (), past.given.step + 1)
        return (yield from started(run, log, ahead, told, past.journals))
    waiting = past.shown() if run.answers else {}
    log.kept = {place for place, task in past.tasks.items() if task.whole} | {*waiting}
    return Begun(state, past.tasks, past.tried(), waiting, passes=passes_first(past, forked=False))


def _recall(run: Run, inside: "Inside", call: Call) -> None:
    """Take in what the call had written, and said to graphs around it, in earlier runs."""
    graph = run.graph
    for form in call.done:
        node = graph.nodes.get(form[0], graph.entry)
        task = Task(node, None, 0, form[1], {}, run)
        inside.take((Succeeded(task, pairs_of(form), ()),))
    barrier = call.past.barrier
    if barrier is not None:
        inside.up = [up_of(run, form) for form in barrier.up]
