"""Answers to what a thread's tasks wait for: which question each is for, and whether it fits."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from graphflow._answers import refusal
from graphflow._core.asking import Answer, Question
from graphflow._core.form import Place
from graphflow._iso import iso
from graphflow._record import record
from graphflow.errors import InvalidAnswerError, UnknownInterruptError, quoted, shown

if TYPE_CHECKING:
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
    asked = {
        question.id: (place, question)
        for place, questions in past.waiting.items()
        for question in questions
    }
    live = [one for one, (_, question) in asked.items() if not is_over(question, now)]
    answers = _by_id(resume)
    if answers is None:
        answers = _plain(resume, asked, live)
    if not answers and asked and _by_id(resume) is not None:
        msg = (
            f"resume is an empty dict, which answers none of the interrupts {quoted(live)}; "
            f"give {{id: answer}}, or None as the input to ask again"
        )
        raise UnknownInterruptError(msg, reason="empty_map", pending_ids=live)
    unknown = [one for one in answers if one not in live]
    if unknown:
        _refuse(unknown, asked, live)
    given: list[Given] = []
    for one, answer in answers.items():
        place, question = asked[one]
        if (reason := refusal(question.schema, answer)) is not None:
            raise InvalidAnswerError(one, answer, reason)
        given.append(Given(place, question, Answer("answer", [answer])))
    return given


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
    answer: object,
    asked: Mapping[str, tuple[Place, Question]],
    live: Sequence[str],
) -> dict[str, Any]:
    """Return the one question that an answer without an id is for.

    Where nothing waits, it goes on from a breakpoint, and is no answer.
    """
    if len(live) == 1:
        return {live[0]: answer}
    if live:
        msg = (
            f"the thread waits for {len(live)} answers, so say which one {shown(answer)} is: "
            f"Command(resume={{id: answer}}); the ids are {quoted(live)}"
        )
        raise UnknownInterruptError(msg, reason="ambiguous", pending_ids=live)
    if asked:
        _refuse([*asked], asked, live)
    return {}


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
