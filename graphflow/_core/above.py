"""Edits of a graph inside another: what the runs around it are told, that have asked for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphflow._core.asking import STALE, Question
from graphflow._core.form import RunForm
from graphflow._core.log import Elsewhere, Log
from graphflow._core.past import Past, replay
from graphflow._core.spaces import read_space
from graphflow._core.stop_form import waiting_form
from graphflow._core.stored import fetch, parents_of, run_at
from graphflow.checkpoint.records import STOP

if TYPE_CHECKING:
    from graphflow.checkpoint.base import BaseCheckpointSaver


def last_run(store: "BaseCheckpointSaver", log: Log, past: Past) -> RunForm:
    """Return the last run of a graph's branch, which tells its call."""
    last = past.run
    if last is None or last.call is None:
        assert past.barrier is not None, "a branch has a run and a barrier"
        last = run_at(store, log.codec, log.ledger.thread, past.barrier.run)
    return last


def call_of(store: "BaseCheckpointSaver", log: Log, past: Past) -> dict[str, Any]:
    """Return which call of a graph a state of its branch is of."""
    call = {**(last_run(store, log, past).call or {})}
    call.pop("begins", None)
    if "parents" in call:
        call["parents"] = parents_of(store, log.codec, log.ledger.thread, call)
    return call


def stale_above(store: "BaseCheckpointSaver", log: Log) -> list[Elsewhere]:
    """Return the records that tell the runs around an edited graph that it asks anew.

    What they show of its questions is an answer's address no more, but a plain answer finds it.
    """
    rows: list[Elsewhere] = []
    if not log.space or log.target is None:
        return rows
    edited, outer = log.target, read_space(log.space).outer
    known = {each.id: each for each in store.branches(log.ledger.thread)}
    while outer in known:
        stored = fetch(store, log.ledger.thread, outer)
        past = None if stored is None else replay(log.codec, stored)
        if past is not None:
            rows += _stale(log, past, outer, {edited: log.branch})
        space = known[outer].ns
        outer = read_space(space).outer if space else 0
    return rows


def _stale(log: Log, past: Past, branch: int, edited: Mapping[int, int]) -> list[Elsewhere]:
    """Return the record that makes questions of an edited graph stale in a run around it."""
    waiting: list[list[Any]] = []
    for place, asked in past.waiting.items():
        told = [_told(one, edited) for one in asked]
        if any(one is not other for one, other in zip(told, asked, strict=True)):
            waiting.append(waiting_form(place, told))
    if not waiting:
        return []
    changes = None if past.stop is None else past.stop.changes
    epoch = [past.epoch] if past.epoch else []
    row = log.pack_again([log.clock(), [], changes, waiting, False, *epoch])
    return [(branch, STOP, row)]


def _told(question: Question, edited: Mapping[int, int]) -> Question:
    """Return a question as it is after the edit: of the edited graph it is stale."""
    if not any(level[0] in edited for level in question.inner):
        return question
    inner = [[edited.get(level[0], level[0]), *level[1:]] for level in question.inner]
    return replace(question, id=STALE, value=None, expires=None, default=[], inner=inner)
