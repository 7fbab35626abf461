"""The forms of what a superstep has to say before its end, or without one; see `form.py`."""

from collections.abc import Iterable
from typing import Any, Final

from graphflow._change import Change
from graphflow._core.asking import Answer, Answered, Question
from graphflow._core.form import Place, places_of, read_form
from graphflow._core.state import Task
from graphflow._record import record
from graphflow.checkpoint.records import Record


@record
class StopForm:
    """A superstep that failed, or that waits for answers, or before which or after which to wait.

    Attributes:
        seq: the record's number.
        at: when, in microseconds since 1970.
        failed: for each task that failed `[node, index, shown, type, traceback]`.
        changes: what the tasks that ended well would change, or None if that is not known.
        waiting: for each task that waits `[node, index, question, question, ...]`; a question is
            `[id, key, number, value, schema, expires, default]`, with where it was asked behind
            that, if by a graph that the task runs; see `Question`.
        paused: whether the run was to stop here, whatever the tasks do.
        epoch: what is part of the ids of the tasks, beside their branch; see `origin_of`.
    """

    seq: int
    at: int
    failed: list[list[Any]]
    changes: dict[str, Change] | None
    waiting: list[list[Any]]
    paused: bool
    epoch: int = 0

    @classmethod
    def read(cls, entry: Record, form: object) -> "StopForm":
        """Return a form that was read."""
        usual = (int, list, (dict, type(None)), list, bool)
        more = len(places_of(form)) > len(usual)
        return read_form(cls, entry, form, *usual, *((int,) if more else ()))

    def without_errors(self) -> "StopForm":
        """Return the stop as another branch has it, in which nothing has failed yet."""
        return StopForm(self.seq, self.at, [], self.changes, self.waiting, self.paused)  # no epoch

    def errors(self) -> dict[Place, str]:
        """Return how the error of each task that failed is shown."""
        return {(each[0], each[1]): each[2] for each in self.failed}

    def questions(self) -> dict[Place, list[Question]]:
        """Return what each task that waits has asked."""
        return {(each[0], each[1]): [Question(*one) for one in each[2:]] for each in self.waiting}


def waiting_form(place: Place, questions: Iterable[Question]) -> list[Any]:
    """Return one task that waits: its place, and what it asks."""
    asked: list[list[Any]] = []
    for one in questions:
        form = [one.id, one.key, one.number, one.value, one.schema, one.expires, one.default]
        asked.append([*form, [[*level] for level in one.inner]] if one.inner else form)
    return [*place, *asked]


# ------------------------------------------------------------------------- answers, and results


@record
class AnswerForm:
    """How a question came to an end.

    Attributes:
        seq: the record's number.
        at: when, in microseconds since 1970.
        node: the node that asked.
        index: the number of its Send, or -1.
        key: the question's key, or "".
        number: its number among those of that key.
        how: a number of `ENDS`.
        value: the answer, in a list; an empty list if there is none.
    """

    seq: int
    at: int
    node: str
    index: int
    key: str
    number: int
    how: int
    value: list[Any]

    @classmethod
    def read(cls, entry: Record, form: object) -> "AnswerForm":
        """Return a form that was read."""
        return read_form(cls, entry, form, int, str, int, str, int, int, list)

    @property
    def place(self) -> Place:
        """Which task it is."""
        return self.node, self.index

    def answer(self) -> Answer:
        """Return how the question came to an end."""
        return Answer(ENDS[self.how], self.value)


ENDS: Final[tuple[Answered, ...]] = ("answer", "cancelled", "expired")
"""How a question comes to an end; stored as a number."""


@record
class JournalForm:
    """A result kept inside a task.

    Attributes:
        seq: the record's number.
        node: the node.
        index: the number of its Send, or -1.
        key: the result's name.
        value: the result, in a list.
    """

    seq: int
    node: str
    index: int
    key: str
    value: list[Any]

    @classmethod
    def read(cls, entry: Record, form: object) -> "JournalForm":
        """Return a form that was read."""
        return read_form(cls, entry, form, str, int, str, list)

    @property
    def place(self) -> Place:
        """Which task it is."""
        return self.node, self.index


def failed_form(task: Task, error: BaseException) -> list[Any]:
    """Return one failed task: its place, and its error as texts, which run nothing when read."""
    from traceback import format_exception  # noqa: PLC0415 - seldom needed

    kind = type(error)
    try:
        text = repr(error)
    except Exception as broken:  # noqa: BLE001 - an error's own repr may raise anything
        text = f"<{kind.__name__} object whose repr raised {type(broken).__name__}>"
    trace = "".join(format_exception(error))
    return [task.node.name, task.index, text, f"{kind.__module__}.{kind.__qualname__}", trace]
