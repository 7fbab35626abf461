"""Edits a thread from outside, as if nodes had run and returned something.

An edit is a barrier of its own. As a node that is due it stands for that node's run, and the
others stay due. As another node it leads where that node's edges lead, and nowhere else. What
tasks of an unfinished superstep have returned becomes part of it: it has happened.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from graphflow._core.above import call_of, stale_above
from graphflow._core.carry import carry
from graphflow._core.commit import Edit, commit
from graphflow._core.effects import Compute, Enter, Load, Program
from graphflow._core.fail import check
from graphflow._core.form import Place, place_of
from graphflow._core.ids import origin_of, task_id
from graphflow._core.log import Log
from graphflow._core.opening import due_again, is_newest, read_thread, state_of, take_place
from graphflow._core.packing import Packed
from graphflow._core.parse import parse
from graphflow._core.past import Past
from graphflow._core.state import Interrupted, Outcome, Run, RunState, Succeeded, Task
from graphflow._core.topology import Node
from graphflow._core.unfinished import carried, left_over, result_of_task
from graphflow._record import record
from graphflow.checkpoint.records import BARRIER, RUN
from graphflow.constants import END, START
from graphflow.errors import (
    CheckpointNotFoundError,
    InterruptError,
    InvalidUpdateError,
    did_you_mean,
    quoted,
    shown,
)
from graphflow.schema import as_fields

INPUT: Final = "__input__"
"""As whom an edit is an input: START and its edges run when the thread goes on."""

COPY: Final = "__copy__"
"""As whom an edit changes nothing, and makes a checkpoint like the one it is made at."""


@record
class Update:
    """One edit.

    Attributes:
        values: what the node is taken to have returned.
        node: as which node, or None for the one that ran last.
        task: the id of the task that it stands for, or None.
    """

    values: Any
    node: str | None
    task: str | None


@record
class Edits:
    """What a caller edits.

    Attributes:
        supersteps: edits by superstep; each is a checkpoint.
        forks: whether it is done in a branch of its own, even at the thread's last checkpoint.
    """

    supersteps: Sequence[Sequence[Update]]
    forks: bool = False


def edit(run: Run, given: Edits) -> Program[tuple[int, int]]:
    """Edit a thread; return the branch and the number of the last checkpoint that was made.

    Raises:
        CheckpointError: if the thread cannot be read, or a value cannot be stored.
        InvalidUpdateError: if an edit is none, or does not say as which node it is made.
        ThreadBusyError: if the thread has a run.
        BaseException: what a reducer, or a path function of the node, raises.
    """
    assert run.thread is not None, "only a run with a thread edits one"
    log = run.thread.log
    log.hold = yield from Enter(log.asked.thread, log.asked.busy)
    return (yield from edit_here(run, log, given))


def edit_here(run: Run, log: Log, given: Edits) -> Program[tuple[int, int]]:
    """Do what `edit` does, by a log that has the thread already."""
    while True:
        head, past = yield from Load(lambda store: read_thread(store, log))
        if past is None and given.forks:
            msg = f"the thread {shown(log.asked.thread)} has no state that could be forked"
            raise CheckpointNotFoundError(msg)
        newest = is_newest(log, past)
        goes_on = newest and not given.forks
        take_place(log, head, past, goes_on=goes_on, forks=given.forks)
        if log.space and past is not None:
            log.call = yield from Load(partial(call_of, log=log, past=past))
            log.around = {**log.call.get("parents", {})}
        if past is not None and not past.newest:
            past.journals, past.waiting = {}, {}  # what was asked then is asked anew
            past.carries = None
        if past is not None and given.supersteps[0][0].node == COPY:
            yield from carry(log, past, past.step + 2)
        state = state_of(run, log, past)
        rows = yield from Editor(run, log, past).rows(state, given.supersteps)
        above = yield from Load(lambda store: stale_above(store, log))
        if (yield from log.start(rows, values=state.values, inside=above)):
            assert log.last is not None, "an edit is a checkpoint"
            return log.last


class Editor:
    """Makes the records of edits."""

    def __init__(self, run: Run, log: Log, past: Past | None) -> None:
        self.run = run
        self.log = log
        self.past = past
        self.writers: Sequence[str] = _writers(past)
        self._first = True  # afterwards nothing is unfinished

    def rows(
        self, state: RunState, supersteps: Sequence[Sequence[Update]]
    ) -> Program[list[Packed]]:
        """Return the records of all edits."""
        log, past = self.log, self.past
        first = supersteps[0][0] if len(supersteps[0]) == 1 else None
        if first is not None and first.node == INPUT:
            return (yield from self._with_input(state, first, supersteps[1:]))
        if first is not None and first.node == COPY:
            self._check_copy(first, alone=len(supersteps) == 1)
            if past is not None and past.given is not None:
                run = log.announce(self.run.id, "input", past.step + 1, past.given.given)
                return [(RUN, run), *carried(log, past)]
        announced = log.announce(self.run.id, "update", -1 if past is None else past.step, ())
        rows: list[Packed] = [(RUN, announced)]
        if past is not None:
            state = due_again(self.run, past, state)
        return [*rows, *(yield from self.supersteps(state, supersteps))]

    def _check_copy(self, update: Update, *, alone: bool) -> None:
        """Raise if a checkpoint cannot be copied, or is to be changed at once.

        Raises:
            CheckpointNotFoundError: if there is none.
            InvalidUpdateError: if there are values, or more edits behind the copy of an input.
        """
        if self.past is None:
            msg = f"the thread {shown(self.log.asked.thread)} has no state that could be copied"
            raise CheckpointNotFoundError(msg)
        if update.values is not None:
            msg = f"update_state as {COPY!r} writes nothing: give None as the values"
            raise InvalidUpdateError(msg)
        if self.past.given is not None and not alone:
            msg = (
                f"the checkpoint is an input that is not applied yet, so no edit can follow its "
                f"copy: give {COPY!r} alone, and edit when START has run"
            )
            raise InvalidUpdateError(msg)

    def _with_input(
        self, state: RunState, update: Update, rest: Sequence[Sequence[Update]]
    ) -> Program[list[Packed]]:
        """Return the records of an edit that is an input, and of those after it."""
        log, step = self.log, -1 if self.past is None else self.past.step + 1
        if update.values is None:
            msg = f"update_state as {INPUT!r} needs a dict of state keys, {{}} if there are none"
            raise InvalidUpdateError(msg)
        told = as_fields(update.values)
        state = state.due_next((), (), step + 1)
        parse(self._task(self.run.graph.entry, state, -1, told), told)  # refused before it is kept
        rows: list[Packed] = [(RUN, log.announce(self.run.id, "input", step, [told]))]
        if not rest:
            return rows
        self.past, self.writers = None, (START,)
        return [*rows, *(yield from self.supersteps(state, rest))]

    def supersteps(
        self, state: RunState, supersteps: Sequence[Sequence[Update]]
    ) -> Program[list[Packed]]:
        """Return the records of edits, each a barrier, and of tasks that stay due after them."""
        rows: list[Packed] = []
        past, self._first = self.past, True
        left: Mapping[Place, Place] = {}
        copied = False
        for updates in supersteps:
            copied = updates[0].node == COPY and len(supersteps) == 1
            state, places = yield from self._superstep(state, updates)
            rows.append((BARRIER, self.log.noted()))
            left = (
                places
                if self._first
                else {old: places[now] for old, now in left.items() if now in places}
            )
            self._first = False
        if past is None:
            return rows
        return [*rows, *(carried(self.log, past) if copied else left_over(self.log, past, left))]

    def _superstep(
        self, state: RunState, updates: Sequence[Update]
    ) -> Program[tuple[RunState, Mapping[Place, Place]]]:
        """Make one barrier; return the state after it, and which tasks are due still."""
        tasks = self._due(state)
        finished = self._finished(tasks)
        names = [update.node for update in updates]
        if COPY in names or (END in names and len(updates) == 1):
            return self._without_writes(state, updates, tasks, finished)
        if len(updates) == 1 and names[0] is None and finished:
            # Of a superstep that is under way nothing is decided anew but the values.
            done = self._parsed(self._nobody(*self.writers[:1]), state, -1, updates[0].values)
            outcomes = [*finished, done]
            follow, left = finished, [task for task in tasks if task not in _tasks(finished)]
        else:
            outcomes, follow, left = yield from self._as_nodes(state, updates, tasks, finished)
        still = [task.node for task in left if task.index < 0]
        sent = [task for task in left if task.index >= 0]
        sends = [state.sends[task.index] for task in sent]
        places = {place_of(task): place_of(task) for task in left if task.index < 0}
        places |= {place_of(task): (task.node.name, at) for at, task in enumerate(sent)}
        after = commit(state, outcomes, self.log, Edit(follow, still, sends, "update"))
        return after, self._again(state, after, places)

    def _as_nodes(
        self,
        state: RunState,
        updates: Sequence[Update],
        tasks: Sequence[Task],
        finished: Sequence[Succeeded],
    ) -> Program[tuple[list[Succeeded], list[Succeeded], list[Task]]]:
        """Return outcomes, those whose edges are followed, and the tasks that stay due."""
        open_ = [task for task in tasks if task not in _tasks(finished)]
        stands = False
        done: list[Succeeded] = []
        for update in updates:
            node = self._node(update, updates)
            index = -1
            own = [task for task in open_ if task.node is node and self._is(task, state, update)]
            if own:
                stands, index = True, own[0].index
                open_.remove(own[0])
            elif update.task is not None:
                msg = (
                    f"task_id={update.task!r} is no task of node {node.name!r} that is due; "
                    f"get_state() tells those that are"
                )
                raise InvalidUpdateError(msg)
            elif node.rank >= 0 and self._waits_at_start():
                msg = (
                    f"the input of the thread is not applied yet, for a conditional edge of START "
                    f"waits or has failed, and an edit as {node.name!r} would lose it: go on with "
                    f"None or Command(resume=...) first, or edit as {START!r}, in place of it"
                )
                raise InvalidUpdateError(msg)
            ended = self._parsed(node, state, index, update.values)
            if node.branches:
                ended = yield from self._branched(ended)
            done.append(ended)
        self.writers = [one.task.node.name for one in done]
        if not stands:
            return [*finished, *done], done, []
        done = [*finished, *done]
        if len(updates) == 1:
            done.sort(key=_rank)
        return done, done, open_

    def _branched(self, done: Succeeded) -> Program[Succeeded]:
        """Return what a node has returned, with what its conditional edges say to it."""
        task = done.task
        task.kept = done
        outcome: Outcome = yield from Compute(task)
        if isinstance(outcome, Interrupted):
            msg = (
                f"a conditional edge of node {task.node.name!r} asked "
                f"{shown(outcome.questions[0].value)} while the state was edited, and an edit "
                f"waits for nobody"
            )
            raise InterruptError(msg)
        return check((outcome,))[0]

    def _without_writes(
        self,
        state: RunState,
        updates: Sequence[Update],
        tasks: Sequence[Task],
        finished: Sequence[Succeeded],
    ) -> tuple[RunState, Mapping[Place, Place]]:
        """Make a barrier without writes of its own: a copy, or the end of all that was due."""
        (update, *others) = updates
        if others:
            msg = f"update_state as {COPY!r} is no part of several updates; give it alone"
            raise InvalidUpdateError(msg)
        nobody = Succeeded(self._task(self._nobody(), state, -1, None), (), ())
        if update.node == COPY:
            still, sends = [task.node for task in tasks if task.index < 0], state.sends
            after = commit(state, [nobody], self.log, Edit((), still, sends, "fork"))
            return after, {place_of(task): place_of(task) for task in tasks}
        if update.values is not None:
            msg = (
                f"update_state as {END!r} ends all that is due and writes nothing: give None as "
                f"the values, or name the node that is to write them"
            )
            raise InvalidUpdateError(msg)
        state = RunState(state.values, state.sizes, (), (), state.joins, (), state.step)
        return commit(state, [*finished, nobody], self.log, Edit((), (), (), "update")), {}

    # ----------------------------------------------------------------------------- what is due

    def _due(self, state: RunState) -> list[Task]:
        """Return the tasks that are due, in plan order."""
        tasks = [self._task(node, state, -1, None) for node in state.due]
        nodes = self.run.graph.nodes
        for index, send in enumerate(state.sends):
            tasks.append(self._task(nodes[send.node], state, index, send.arg))
        return tasks

    def _finished(self, tasks: Sequence[Task]) -> list[Succeeded]:
        """Return what tasks of an unfinished superstep have returned."""
        forms = self.past.tasks if self.past is not None and self._first else {}
        found = [(task, forms[place_of(task)]) for task in tasks if place_of(task) in forms]
        return [result_of_task(self.log, task, form) for task, form in found if form.whole]

    def _again(
        self, before: RunState, after: RunState, places: Mapping[Place, Place]
    ) -> Mapping[Place, Place]:
        """Return which tasks are due still, with those that the edit has made due again.

        Not those that it stands for: if such a node is due again, it asks everything anew.
        """
        kept = [node for node in after.due if node in before.due and node.name not in self.writers]
        again = {(node.name, -1): (node.name, -1) for node in kept}
        for index, (old, new) in enumerate(zip(before.sends, after.sends, strict=False)):
            other = old.node != new.node or old.node in self.writers
            if places or other or not _equal(old.arg, new.arg):
                break
            again[old.node, index] = (new.node, index)
        tasks = self.past.tasks if self.past is not None and self._first else {}
        done = {place for place, form in tasks.items() if form.whole}
        return {**{old: new for old, new in again.items() if old not in done}, **places}

    def _is(self, task: Task, state: RunState, update: Update) -> bool:
        """Tell whether a task is the one that an update stands for."""
        if update.task is None:
            return True
        place = place_of(task)
        return task_id(self.log.origin, state.step, *place) == update.task or (
            self.past is not None and task_id(self._old_origin(), state.step, *place) == update.task
        )

    def _old_origin(self) -> str:
        """Return what stands for the branch that was read in the ids of its tasks."""
        assert self.past is not None, "asked only of what was read"
        return origin_of(self.log.asked.thread, self.past.branch)

    def _waits_at_start(self) -> bool:
        """Tell whether the thread has an input that is not applied yet."""
        past = self.past
        return past is not None and past.newest and past.given is not None and self._first

    # --------------------------------------------------------------------------------- as whom

    def _node(self, update: Update, updates: Sequence[Update]) -> Node:
        """Return the node as which an edit is made.

        Raises:
            InvalidUpdateError: if there is no such node, or none is named and several ran last.
        """
        graph, name = self.run.graph, update.node
        if name is None and len(updates) > 1:
            msg = "several updates of one superstep need as_node each; say as which node"
            raise InvalidUpdateError(msg)
        if name is None:
            distinct = sorted({*self.writers})
            if len(distinct) != 1:
                ran = f"the nodes {quoted(distinct)} ran last" if distinct else "nobody ran last"
                msg = f"as which node is the state edited? {ran}; give as_node="
                raise InvalidUpdateError(msg)
            (name,) = distinct
        if name == START:
            return graph.entry
        node = graph.nodes.get(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
        if node is None:
            msg = (
                f"as_node={name!r} is no node{did_you_mean(name, graph.nodes)}; "
                f"the nodes are {quoted(graph.nodes)}, and there are {START!r} and {END!r}"
            )
            raise InvalidUpdateError(msg)
        return node

    def _nobody(self, name: str = "") -> Node:
        """Return a node without edges or a place in the graph."""
        return Node(
            name,
            self.run.graph.entry.rank,
            self.run.graph.entry.callee,
            self.run.graph.entry.reader,
            self.run.graph.keys,
            {},
            prepares=self.run.graph.entry.prepares,
        )

    def _task(self, node: Node, state: RunState, index: int, given: object) -> Task:
        """Return a task."""
        return Task(node, given, state.step, index, state.values, self.run)

    def _parsed(self, node: Node, state: RunState, index: int, values: object) -> Succeeded:
        """Return what a node is taken to have returned."""
        told = as_fields(values) if node.rank < 0 else values
        return parse(self._task(node, state, index, told), told)


def _writers(past: Past | None) -> Sequence[str]:
    """Return the nodes that ran last."""
    if past is None or past.given is not None:
        return (START,)
    return past.writers


def _tasks(outcomes: Sequence[Succeeded]) -> list[Task]:
    """Return the tasks of outcomes."""
    return [done.task for done in outcomes]


def _rank(done: Succeeded) -> tuple[int, int]:
    """Return a task's place in plan order."""
    return (done.task.index, done.task.node.rank)


def _equal(one: object, other: object) -> bool:
    """Tell whether what two Sends carry is equal."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a value's own comparison may raise anything
        return False
