"""Answers to what a thread's tasks wait for: which question each is for, and whether it fits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from graphflow._answers import refusal
from graphflow._core.asking import STALE, Answer, Question
from graphflow._core.form import Place
from graphflow._iso import iso
from graphflow._record import record
from graphflow.checkpoint.records import ANSWER
from graphflow.errors import InvalidAnswerError, UnknownInterruptError, quoted, shown

if TYPE_CHECKING:
    from graphflow._core.log import Elsewhere, Log
    from graphflow._core.past import Past

_ID: Final = 32


EXPIRED: Final[Any] = object()
"""The `resume` of a run that answers nothing, but what is too late."""


@record
class Given:
    """An answer to a question.

    Attributes:
        place: the task that asks.
        question: what it asks.
        answer: the answer.
    """

    place: Place
    question: Question
    answer: Answer


def too_late(past: "Past", now: int) -> list[Given]:
    """Return the answers to questions whose time is over: their defaults, or none."""
    return [
        Given(place, question, Answer("expired", question.default))
        for place, questions in past.waiting.items()
        for question in questions
        if is_over(question, now)
    ]


def is_over(question: Question, now: int) -> bool:
    """Tell whether the time of a question is over."""
    return question.expires is not None and question.expires <= now


def given_to(past: "Past", resume: Any, now: int) -> list[Given]:  # noqa: ANN401 - any answer
    """Return what a caller's `resume` answers.

    Raises:
        InvalidAnswerError: if an answer is not as its question asks for.
        UnknownInterruptError: if it answers what nobody asks, or does not say which of several.
    """
    if resume is EXPIRED:
        return []
    every = [(place, one) for place, questions in past.waiting.items() for one in questions]
    asked = {question.id: (place, question) for place, question in every if question.id != STALE}
    live = [one for one, (_, question) in asked.items() if not is_over(question, now)]
    answers = _by_id(resume)
    if answers is None:
        stale = [pair for pair in every if pair[1].id == STALE]
        return _plain(past, resume, {one: asked[one] for one in live}, [*asked], stale)
    if not answers and asked:
        msg = (
            f"resume is an empty dict, which answers none of the interrupts {quoted(live)}; "
            f"give {{id: answer}}, or None as the input to ask again"
        )
        raise UnknownInterruptError(msg, reason="empty_map", pending_ids=live)
    if unknown := [one for one in answers if one not in live]:
        _refuse(unknown, asked, live)
    return [_given(*asked[one], answer) for one, answer in answers.items()]


def told_inside(log: "Log", answers: Sequence[Given]) -> "list[Elsewhere]":
    """Return the records of answers in the branches of those graphs inside that have asked."""
    rows: list[Elsewhere] = []
    for one in answers:
        for branch, node, index, key, number, *_ in one.question.inner:
            if branch:  # else nothing of it is stored, and the task around it tells it the answer
                asked = replace(one.question, key=key, number=number, inner=())
                rows.append((branch, ANSWER, log.pack_answer((node, index), asked, one.answer)))
    return rows


def _given(place: Place, question: Question, answer: object) -> Given:
    """Return an answer to a question.

    Raises:
        InvalidAnswerError: if it is not as the question asks for.
    """
    if (reason := refusal(question.schema, answer)) is not None:
        raise InvalidAnswerError(question.id, answer, reason)
    return Given(place, question, Answer("answer", [answer]))


def _by_id(resume: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - as above
    """Return answers by the ids of their questions, or None for what is one answer.

    As in LangGraph a dict is meant so if all its keys are ids.
    """
    if not isinstance(resume, dict):
        return None
    return resume if all(map(_is_id, resume)) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - of anything


def _is_id(key: object) -> bool:
    """Tell whether a key looks like the id of a question."""
    return isinstance(key, str) and len(key) == _ID and not {*key} - {*"0123456789abcdef"}


def _plain(
    past: "Past",
    answer: object,
    live: Mapping[str, tuple[Place, Question]],
    asked: Sequence[str],
    stale: Sequence[tuple[Place, Question]],
) -> list[Given]:
    """Return what an answer without an id is for.

    Where nothing waits, it goes on from a breakpoint, and is no answer.

    Args:
        past: what is known of the superstep.
        answer: the answer.
        live: the questions that wait, by id.
        asked: the ids of those that wait, or are too late.
        stale: those that were asked before the state was edited, and not again since.
    """
    waiting = [*live.values()] or [*stale]
    if len(waiting) > 1:
        ids = f"the ids are {quoted(live)}" if live else "give None first, to have them asked anew"
        msg = (
            f"the thread waits for {len(waiting)} answers, so say which one {shown(answer)} is: "
            f"Command(resume={{id: answer}}); {ids}"
        )
        raise UnknownInterruptError(msg, reason="ambiguous", pending_ids=[*live])
    if waiting:
        return [_given(*waiting[0], answer)]
    if asked:
        msg = f"no interrupt waits any more, so {shown(answer)} comes too late for {quoted(asked)}"
        raise UnknownInterruptError(msg, reason="not_pending", interrupt_ids=asked)
    if any(journal.answers for journal in past.journals.values()):
        msg = (
            f"what the thread waited for has been answered already, so {shown(answer)} would be "
            f"lost; give None to go on with the answer that is there"
        )
        raise UnknownInterruptError(msg, reason="not_pending")
    return []


def _refuse(
    unknown: Sequence[str], asked: Mapping[str, tuple[Place, Question]], live: Sequence[str]
) -> None:
    """Raise the error of answers that nobody waits for.

    Raises:
        UnknownInterruptError: always.
    """
    late = [iso(asked[one][1].expires or 0) for one in unknown if one in asked]
    why = f"; it could be answered until {late[0]}" if late else ""
    waits = f"those that wait are {quoted(live)}" if live else "none waits"
    msg = f"no interrupt {quoted(unknown)} waits for an answer{why}; {waits}"
    raise UnknownInterruptError(msg, reason="not_pending", interrupt_ids=unknown, pending_ids=live)
