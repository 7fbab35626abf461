"""What a running task asks, and the answers that earlier runs of the task have been given.

A node that asks is run again from its top when there is an answer, and asks again: here its
questions find their answers. By position: the third question without a key is the third again;
by key, wherever it is asked. Where an answer may belong to another question, that is an error.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Protocol, TypeAlias, final

from graphflow._answers import described, returned
from graphflow._core.ids import interrupt_id
from graphflow._iso import iso
from graphflow._plain import ABSENT
from graphflow._record import record
from graphflow.errors import (
    GraphInterrupt,
    InterruptCancelledError,
    InterruptExpiredError,
    InterruptMismatchError,
    InvalidAnswerError,
    shown,
)
from graphflow.interrupts import Interrupt

if TYPE_CHECKING:
    from graphflow._core.state import Task


@record
class Question:
    """What a task asks.

    Attributes:
        id: 32 hex digits.
        key: the name that the node gave it, or ""; behind it, after a NUL, the conditional edge
            that asks, if it is not the node itself.
        number: how many of the same key the task had asked before it.
        value: what is asked.
        schema: the JSON Schema of an answer, or None.
        expires: until when it may be answered, in microseconds since 1970, or None.
        default: what answers it then, in a list; an empty list for an error.
        inner: where it was asked, if by a graph that the task runs: for each graph, the outermost
            first, `[branch, node, index, key, number]` of its task. If nothing of the graph is
            stored, the branch is 0, and behind that stand the superstep, the number of the call
            and the edge that made it.
    """

    id: str
    key: str
    number: int
    value: Any
    schema: dict[str, Any] | None
    expires: int | None
    default: list[Any]
    inner: Sequence[list[Any]] = ()


Asking: TypeAlias = tuple[str, int]
"""Which question of a task: its key, and its number among those of that key."""

Answered: TypeAlias = Literal["answer", "cancelled", "expired"]
"""How a question came to an end."""


@record
class Answer:
    """How a question came to an end.

    Attributes:
        how: whether it was answered, withdrawn, or too late.
        value: the answer, or the default, in a list; an empty list if there is none.
    """

    how: Answered
    value: list[Any]


@final
class Journal:
    """What earlier runs of a task have left for the next one.

    Attributes:
        asked: what it has asked, in that order.
        answers: the answers.
        results: what its calls of `once` have returned.
        attempt: how often it has been run before, as far as is known.
    """

    __slots__ = ("answers", "asked", "attempt", "results")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.asked: dict[Asking, Question] = {}
        self.answers: dict[Asking, Answer] = {}
        self.results: dict[str, Any] = {}
        self.attempt = 0

    @property
    def shown(self) -> "list[Question]":
        """What waits for an answer, and holds."""
        return [question for question in self.open if question.id != STALE]

    @property
    def open(self) -> "list[Question]":
        """What waits for an answer: all that was asked the last time and has none yet."""
        return [one for place, one in self.asked.items() if place not in self.answers]

    @property
    def answered(self) -> "list[Question]":
        """What was asked and has an answer."""
        return [one for place, one in self.asked.items() if place in self.answers]


class Journaling(Protocol):
    """Stores results of running tasks."""

    def keep_result(self, task: "Task", key: str, result: object) -> None:
        """Store a result; may block the calling thread.

        Raises:
            CheckpointError: if it cannot be stored.
            ThreadBusyError: if another process has taken the thread over.
        """
        ...

    @property
    def blocks(self) -> bool:
        """Whether `keep_result` may take so long that an event loop should not call it."""
        ...


STALE: Final = ""
"""The id of a question that was asked before the state was edited."""

OF: Final = "\0"
"""Stands between a name and the part of a task that gave it."""


def own_key(key: str) -> str:
    """Return the name that a node, or one of its edges, gave a question."""
    return key.partition(OF)[0]


def interrupt_of(question: Question) -> Interrupt:
    """Return a question as users see it."""
    return Interrupt(
        question.value,
        question.id,
        response_schema=question.schema,
        key=own_key(question.key) or None,
        expires_at=None if question.expires is None else iso(question.expires),
    )


def brought_up(question: Question, level: list[Any]) -> Question:
    """Return a question of a graph that a task runs as one of that task: under a key of its own.

    Args:
        question: the question.
        level: where it was asked in that graph, see `Question.inner`.
    """
    return Question(
        question.id,
        f"{own_key(question.key)}{OF}{question.id}",
        0,
        question.value,
        question.schema,
        question.expires,
        question.default,
        [level, *question.inner],
    )


def passed_on(journal: Journal | None, call: Sequence[Any]) -> "dict[tuple[Any, ...], Journal]":
    """Return what a task's journal holds for a graph that it runs, of which nothing is stored.

    Args:
        journal: the task's journal.
        call: which of its graphs it is: the number of the call, and the edge that makes it.

    Returns:
        The journals of that graph's tasks, by superstep, node and index.
    """
    found: dict[tuple[Any, ...], Journal] = {}
    for place, question in () if journal is None else journal.asked.items():
        if not question.inner or question.inner[0][0] or question.inner[0][6:] != [*call]:
            continue
        assert journal is not None, "it is gone through"
        _, node, index, key, number, step, *_ = question.inner[0]
        own = found.setdefault((step, node, index), Journal())
        own.asked[key, number] = replace(question, key=key, number=number, inner=question.inner[1:])
        if place in journal.answers:
            own.answers[key, number] = journal.answers[place]
    return found


@final
class Questions:
    """The questions of one running task.

    Attributes:
        edge: the conditional edge that asks, or "" for the node. Each counts its own questions,
            for an edge may be run again without its node.
        waiting: those that have no answer, in the order in which they were asked.
        refused: those whose answer is not of the type that the node asked for.
    """

    __slots__ = ("_counts", "_journal", "_task", "_used", "edge", "refused", "waiting")

    def __init__(self, task: "Task") -> None:
        """Begin before the first question."""
        self._task = task
        self._journal = task.journal or Journal()
        self._counts: dict[str, int] = {}
        self._used: set[Asking] = set()
        self.edge = ""
        self.waiting: list[Question] = []
        self.refused: list[Question] = []

    def ask(
        self,
        value: object,
        schema: Any,  # noqa: ANN401 - a type or a JSON Schema
        key: str | None,
        seconds: float | None,
        default: object,
    ) -> Any:  # noqa: ANN401 - the answer
        """Return the answer to a question.

        Raises:
            GraphInterrupt: if there is none yet.
            InterruptError: if there is none, and never will be; or if an answer is there that
                may belong to another question.
        """
        if key is not None and not (isinstance(key, str) and key and OF not in key):  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
            msg = (
                f"the key of interrupt() must be a string that is not empty and has no NUL in it, "
                f"not {shown(key)}"
            )
            raise TypeError(msg)
        name = f"{key or ''}{OF}{self.edge}" if self.edge else key or ""
        number = self._counts[name] = self._counts.get(name, -1) + 1
        place = (name, number)
        wanted = described(schema)
        known = self._journal.asked.get(place)
        if known is not None and known.id == STALE:  # the same question, of an edited state
            known = self._new(place, value, wanted, seconds, default)
        elif known is None:
            self._check_new(place, value)
            known = self._new(place, value, wanted, seconds, default)
        else:
            self._check_known(place, known, value, wanted)
        answer = self._journal.answers.get(place)
        if answer is None:
            self.waiting.append(known)
            raise GraphInterrupt((interrupt_of(known),))
        self._used.add(place)
        return self._given(known, schema, answer)

    def _given(self, known: Question, schema: Any, answer: Answer) -> Any:  # noqa: ANN401 - as above
        """Return an answer as the node gets it."""
        if answer.how == "cancelled":
            raise InterruptCancelledError(known.id, known.value)
        if not answer.value:
            assert known.expires is not None, "only what expires can be too late"
            raise InterruptExpiredError(known.id, known.value, iso(known.expires))
        (value,) = answer.value
        if answer.how == "expired":
            return value
        try:
            return returned(schema, value)
        except ValueError as error:
            self.refused.append(known)
            raise InvalidAnswerError(known.id, value, str(error)) from error

    def _new(
        self,
        place: Asking,
        value: object,
        schema: dict[str, Any] | None,
        seconds: float | None,
        default: object,
    ) -> Question:
        """Return a question that was never asked before."""
        task = self._task
        key, number = place
        expires = None if seconds is None else task.run.clock() + round(seconds * 1_000_000)
        at = [] if default is ABSENT else [default]
        return Question(interrupt_id(task.id, key, number), key, number, value, schema, expires, at)

    def _check_new(self, place: Asking, value: object) -> None:
        """Raise if a question is new, and may be one that was answered under another name."""
        for other, answered in self._journal.asked.items():
            if other in self._used or other not in self._journal.answers or answered.id == STALE:
                continue
            if answered.inner:  # it was a graph that asked
                continue
            if bool(own_key(other[0])) != bool(own_key(place[0])):
                self._mismatch(
                    f"asks {shown(value)} {_named(place)}, and what it had asked "
                    f"{_named(other)}, {shown(answered.value)}, was answered and not asked again"
                )

    def _check_known(
        self, place: Asking, known: Question, value: object, schema: dict[str, Any] | None
    ) -> None:
        """Raise if a question was asked before, and is another one now."""
        if schema != known.schema:
            self._mismatch(
                f"asks {_named(place)} with the response_schema {shown(schema)}, and had asked it "
                f"with {shown(known.schema)}"
            )
        if own_key(place[0]) or _same(value, known.value):
            return
        for other, question in self._journal.asked.items():
            if other != place and other[0] == place[0] and _same(value, question.value):
                self._mismatch(
                    f"asks {shown(value)} {_named(place)}, and had asked that {_named(other)}; "
                    f"here it had asked {shown(known.value)}"
                )

    def _mismatch(self, what: str) -> NoReturn:
        """Raise the error of a node that does not ask what it had asked."""
        msg = (
            f"node {self._task.node.name!r} was run again and {what}. Let it ask the same "
            f"questions in the same order, or name them with interrupt(..., key=...); to ask "
            f"everything anew, give a new input or update_state"
        )
        raise InterruptMismatchError(msg)


def _named(place: Asking) -> str:
    """Name a question."""
    name, number = place
    if key := own_key(name):
        return f"under the key {key!r}" + (f", time {number + 1}" if number else "")
    return f"as question {number + 1} without a key"


def _same(one: object, other: object) -> bool:
    """Tell whether two payloads are equal; what cannot be compared is not."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a value's own comparison may raise anything
        return False
