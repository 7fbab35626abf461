"""`add_messages` gives what LangGraph's gives, and where it does not, both results are shown.

LangGraph turns every message into a LangChain object, graphflow keeps dicts and objects as they
are; so lists are compared as what each message says: type, content and id. Ids that neither was
given are random on both sides, and count as equal.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import RemoveMessage as TheirRemoveMessage
from langgraph.graph import message as theirs_module  # pyright: ignore[reportMissingTypeStubs] - it is typed, but pyright looks in the wrong folder

from graphflow import messages as ours_module
from graphflow.messages import REMOVE_ALL_MESSAGES, MessagesState, RemoveMessage, add_messages

# Their annotations allow less than they accept (None, and no list of one kind of message).
theirs: Any = theirs_module.add_messages

Form: TypeAlias = Literal["dict", "object", "pair", "string"]
Said: TypeAlias = tuple[object, object, object]
Reducer: TypeAlias = Callable[[Any, Any], list[Any]]
MakeRemoval: TypeAlias = Callable[..., object]

ROLES = {"user": HumanMessage, "assistant": AIMessage, "system": SystemMessage}
TYPES = {"user": "human", "assistant": "ai"}
IDS = ("1", "2", "3", "4")

unhurried = settings(deadline=None)  # LangGraph goes on importing in its first calls


@dataclass(frozen=True)
class Message:
    """A message of a generated update, before either side's way to write it is chosen."""

    form: Form
    role: str
    content: str
    id: str | None

    def written(self) -> object:
        """Return it as both sides take it."""
        match self.form:
            case "string":
                return self.content
            case "pair":
                return (self.role, self.content)
            case "object":
                return ROLES[self.role](self.content, id=self.id)
            case "dict":
                given_id = {} if self.id is None else {"id": self.id}
                return {"role": self.role, "content": self.content, **given_id}


@dataclass(frozen=True)
class Removal:
    """A removal of a generated update."""

    form: Literal["dict", "their object", "own object"]
    id: str

    def written(self, own: MakeRemoval) -> object:
        """Return it, as the side's own class where the form says so."""
        if self.form == "dict":
            return {"role": "remove", "content": "", "id": self.id}
        return own(id=self.id) if self.form == "own object" else TheirRemoveMessage(id=self.id)


@dataclass(frozen=True)
class Wrong:
    """Something that is no message to either side."""

    value: object


Item: TypeAlias = Message | Removal | Wrong


def is_not_none(item: Item) -> bool:
    """Tell whether it is not None, which in both places at once is a difference on purpose."""
    return item != Wrong(None)


class Origin:
    """What a task derives ids from."""

    id = "task"


def written(items: list[Item], own: MakeRemoval) -> list[object]:
    """Return an update as one side takes it; each side gets objects of its own."""
    result: list[object] = []
    for item in items:
        match item:
            case Message():
                result.append(item.written())
            case Removal():
                result.append(item.written(own))
            case Wrong():
                result.append(deepcopy(item.value))
    return result


def said(messages: list[Any]) -> list[Said]:
    """Return type, content and id of each message, random ids as one."""
    return [said_by(message) for message in messages]


def said_by(message: Any) -> Said:  # noqa: ANN401 - of either side
    """Return the same of one message; a dict's role is told as the type LangChain gives it."""
    if not isinstance(message, dict):
        return message.type, message.content, known(message.id)
    fields: dict[str, Any] = {**message}
    return TYPES.get(fields["role"], fields["role"]), fields["content"], known(fields["id"])


def known(key: object) -> object:
    """Return an id of a generated update itself, or that there is none; any other is random."""
    return key if key in IDS or key is None else "random"


def merge(reducer: Reducer, left: object, right: object) -> list[Any] | None:
    """Return the merged list, or None if the reducer refused."""
    try:
        return reducer(left, right)
    except Exception:  # noqa: BLE001 - each side has its own classes; that it fails is compared
        return None


def history(reducer: Reducer, updates: list[list[object]]) -> list[list[Said] | None]:
    """Merge one update after the other into nothing; a refused one leaves the list as it was."""
    merged: list[Any] = []
    results: list[list[Said] | None] = []
    for update in updates:
        result = merge(reducer, merged, update)
        merged = merged if result is None else result
        results.append(None if result is None else said(merged))
    return results


KEYS = st.sampled_from(IDS)
CONTENTS = st.text(max_size=2)
MESSAGES = st.one_of(
    st.builds(
        Message,
        st.sampled_from(["dict", "object"]),
        st.sampled_from(list(ROLES)),
        CONTENTS,
        st.one_of(KEYS, st.none()),
    ),
    st.builds(Message, st.just("pair"), st.sampled_from(list(ROLES)), CONTENTS, st.none()),
    st.builds(Message, st.just("string"), st.just("user"), CONTENTS, st.none()),
)
REMOVALS = st.builds(Removal, st.sampled_from(["dict", "their object", "own object"]), KEYS)
WRONGS = st.builds(
    Wrong,
    st.sampled_from(
        [
            5,
            None,
            (),
            {},
            {"content": "x"},
            {"role": None, "content": "x"},
            {"role": "remove"},
            ("User", "x"),
            ("tool", "x"),
            ("remove", "1"),
            ("user", 5),
            ("user", "x", "y"),
        ]
    ),
)
REMOVE_ALL = st.builds(
    Removal, st.sampled_from(["dict", "their object", "own object"]), st.just(REMOVE_ALL_MESSAGES)
)
# After a removal of all LangGraph does not merge: there, only messages that need no merging.
PLAIN_UPDATES = st.lists(st.one_of(MESSAGES, MESSAGES, REMOVALS), max_size=5)
DISTINCT = st.lists(MESSAGES, max_size=4, unique_by=lambda m: m.id or object())
CLEARING_UPDATES = st.tuples(PLAIN_UPDATES, REMOVE_ALL, DISTINCT).map(
    lambda parts: [*parts[0], parts[1], *parts[2]]
)
WRONG_UPDATES = st.tuples(PLAIN_UPDATES, WRONGS).map(lambda parts: [*parts[0], parts[1]])
UPDATES = st.lists(
    st.one_of(PLAIN_UPDATES, PLAIN_UPDATES, CLEARING_UPDATES, WRONG_UPDATES), max_size=6
)


@unhurried
@given(UPDATES)
def test_any_sequence_of_updates_gives_the_same_list_or_fails_alike(
    updates: list[list[Item]],
) -> None:
    """After each update both lists say the same, or both sides refused it."""
    ours = [written(update, RemoveMessage) for update in updates]
    others = [written(update, TheirRemoveMessage) for update in updates]
    assert history(add_messages, ours) == history(theirs, others)


@unhurried
@given(st.one_of(MESSAGES, WRONGS), st.one_of(MESSAGES, REMOVALS, WRONGS.filter(is_not_none)))
def test_lone_messages_on_either_side_give_the_same(left: Item, right: Item) -> None:
    """Neither argument needs to be a list."""
    sides = [(add_messages, RemoveMessage), (theirs, TheirRemoveMessage)]
    ours, others = (
        merge(reducer, *written([left], own), *written([right], own)) for reducer, own in sides
    )
    assert (ours and said(ours)) == (others and said(others))


@unhurried
@given(st.lists(MESSAGES, max_size=4), PLAIN_UPDATES)
def test_a_list_that_was_never_merged_is_taken_alike(
    left: list[Message], update: list[Item]
) -> None:
    """It may hold an id twice, or messages without one: an Overwrite can bring such a list."""
    sides = [(add_messages, RemoveMessage), (theirs, TheirRemoveMessage)]
    ours, others = (
        merge(reducer, written([*left], own), written(update, own)) for reducer, own in sides
    )
    assert (ours and said(ours)) == (others and said(others))


@pytest.mark.parametrize("arguments", [(None, []), ([], None), (None, ["hi"])])
def test_none_is_a_value_error_on_both_sides(arguments: tuple[Any, Any]) -> None:
    """Also when the other list is empty."""
    for reducer in (add_messages, theirs):
        with pytest.raises(ValueError, match=r"None|non-null"):
            reducer(*arguments)


def test_removing_an_unknown_id_is_a_value_error_on_both_sides() -> None:
    """Both name the id."""
    for reducer in (add_messages, theirs):
        with pytest.raises(ValueError, match="'9'"):
            reducer([], [TheirRemoveMessage(id="9")])


def test_the_constant_is_the_same() -> None:
    """So their RemoveMessage can be given to either."""
    assert REMOVE_ALL_MESSAGES == theirs_module.REMOVE_ALL_MESSAGES


def test_messages_state_has_the_same_key() -> None:
    """And nothing else."""
    assert (
        MessagesState.__annotations__.keys() == theirs_module.MessagesState.__annotations__.keys()
    )


def test_all_their_message_objects_are_taken_as_they_are() -> None:
    """LangChain's classes need nothing but their `id`; the module knows none of them."""
    mine: list[BaseMessage] = [
        HumanMessage("a", id="1"),
        AIMessage("b", id="2"),
        ToolMessage("c", tool_call_id="t", id="3"),
    ]
    ours, others = add_messages([], mine), theirs([], mine)
    assert [*map(id, ours)] == [*map(id, others)] == [*map(id, mine)]
    assert "langchain" not in " ".join(vars(ours_module))


# ------------------------------------------------------------------------ differences on purpose


def test_difference_dicts_stay_dicts() -> None:
    """LangGraph makes LangChain objects of them."""
    message = {"role": "user", "content": "hi", "id": "1"}
    assert add_messages([], [message]) == [message]
    assert theirs([], [message]) == [HumanMessage("hi", id="1")]


def test_difference_chunks_stay_chunks() -> None:
    """LangGraph makes whole messages of them."""
    chunk = AIMessageChunk(content="hi", id="1")
    assert type(add_messages([], [chunk])[0]) is AIMessageChunk
    assert type(theirs([], [chunk])[0]) is AIMessage


def test_difference_the_callers_object_gets_no_id() -> None:
    """LangGraph sets it on the object itself, so it is shared with every run that uses it."""
    ours, others = HumanMessage("hi"), HumanMessage("hi")
    (merged,), _ = add_messages([], [ours]), theirs([], [others])
    assert (ours.id, merged.content) == (None, "hi")
    assert others.id is not None


def test_difference_an_object_without_id_is_a_new_message_each_time() -> None:
    """In LangGraph it has the id of the first time and replaces itself; a dict is new there too."""
    ours, others = AIMessage("again"), AIMessage("again")
    assert len(add_messages(add_messages([], [ours, ours]), [ours])) == 3
    assert len(theirs(theirs([], [others, others]), [others])) == 1
    spoken = {"role": "user", "content": "again"}
    assert len(theirs(theirs([], [spoken, spoken]), [spoken])) == 3


def test_difference_what_follows_a_removal_of_all_is_merged() -> None:
    """LangGraph takes it as it is: one id twice, and a removal as a message of the state."""
    update = [
        TheirRemoveMessage(id=REMOVE_ALL_MESSAGES),
        HumanMessage("a", id="1"),
        HumanMessage("b", id="1"),
        HumanMessage("c", id="2"),
        TheirRemoveMessage(id="2"),
    ]
    assert said(add_messages([], update)) == [("human", "b", "1")]
    assert said(theirs([], update)) == [
        ("human", "a", "1"),
        ("human", "b", "1"),
        ("human", "c", "2"),
        ("remove", "", "2"),
    ]


def test_difference_a_removal_left_over_by_a_removal_of_all_is_an_error() -> None:
    """LangGraph puts it into the state, where the model finds it."""
    update = [TheirRemoveMessage(id=REMOVE_ALL_MESSAGES), TheirRemoveMessage(id="1")]
    before = [HumanMessage("a", id="1")]
    with pytest.raises(ValueError, match="cannot remove message '1'"):
        add_messages(before, update)
    assert said(theirs(before, update)) == [("remove", "", "1")]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"role": "assistant", "tool_calls": [], "id": "1"}, id="no content"),
        pytest.param({"role": "model", "content": "hi", "id": "1"}, id="role of another API"),
        pytest.param({"role": "tool", "content": "hi", "id": "1"}, id="no tool_call_id"),
        pytest.param({"role": "user", "content": 5, "id": "1"}, id="content of another type"),
        pytest.param({"role": "remove", "id": "1"}, id="removal without content"),
    ],
)
def test_difference_a_dict_needs_no_more_than_a_role(message: dict[str, Any]) -> None:
    """LangGraph refuses what it cannot make a LangChain object of."""
    merged = add_messages([{"role": "user", "content": "", "id": "1"}], message)
    assert merged == ([] if message["role"] == "remove" else [message])
    with pytest.raises((ValueError, KeyError)):
        theirs([{"role": "user", "content": "", "id": "1"}], message)


def test_difference_an_id_that_is_no_string_stays_as_it_is() -> None:
    """LangGraph writes the number of a dict as a string, and so finds it under that one."""
    number, string = ({"role": "user", "content": "", "id": key} for key in (1, "1"))
    assert add_messages([number], [string]) == [number, string]
    assert len(theirs([number], [string])) == 1


def test_difference_any_object_with_an_id_is_a_message() -> None:
    """LangGraph takes LangChain's only."""
    message = Message("object", "user", "hi", "1")
    assert add_messages([], [message]) == [message]
    with pytest.raises(NotImplementedError, match="Unsupported message type"):
        theirs([], [message])


def test_difference_what_is_no_message_is_a_type_error() -> None:
    """LangGraph raises NotImplementedError, which names no position."""
    with pytest.raises(TypeError, match="message 1 of the update is no message but an int"):
        add_messages([], ["hi", 5])
    with pytest.raises(NotImplementedError, match="Unsupported message type: <class 'int'>"):
        theirs([], ["hi", 5])


def test_difference_a_call_needs_both_lists_and_knows_no_format() -> None:
    """LangGraph returns a partial without them, there for `format="langchain-openai"` only."""
    with pytest.raises(TypeError, match="format"):
        add_messages(format="langchain-openai")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - the error is the claim
    with pytest.raises(TypeError, match="left"):
        add_messages()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - the error is the claim
    with pytest.raises(ValueError, match="the list before the update is None"):
        add_messages(None, None)
    for partial in (theirs(), theirs(None, None)):
        assert said(partial([], ["hi"])) == [("human", "hi", "random")]


def test_difference_a_list_that_went_round_the_reducer_can_get_derived_ids() -> None:
    """An Overwrite does; LangGraph completes it at the next update, with random ids each time."""
    completed = [add_messages.prepare(["hi"], Origin()) for _ in range(2)]
    assert completed[0] == completed[1]
    assert theirs(["hi"], [])[0].id != theirs(["hi"], [])[0].id
