"""What `add_messages` does with dicts and with objects that have an `id`, and how ids are made."""

import copy
import inspect
import pickle
import subprocess
import sys
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from graphflow import messages as module
from graphflow.messages import REMOVE_ALL_MESSAGES, MessagesState, RemoveMessage, add_messages

REMOVE_ALL = RemoveMessage(id=REMOVE_ALL_MESSAGES)


class Origin:
    """An origin that counts how often its id is read."""

    def __init__(self, source: str = "task") -> None:
        self.source = source
        self.reads = 0

    @property
    def id(self) -> str:
        """Return the source, and count."""
        self.reads += 1
        return self.source


def user(content: str, key: object = None) -> dict[str, Any]:
    """Return a user's message as a dict, with an id if one is given."""
    said = {"role": "user", "content": content}
    return said if key is None else {**said, "id": key}


def contents(messages: list[Any]) -> list[str]:
    """Return what the messages say."""
    return [message["content"] for message in messages]


# ------------------------------------------------------------------------------------- merging


def test_a_message_with_a_new_id_is_appended() -> None:
    """New ids go to the end, in the order of the update."""
    merged = add_messages([user("a", "1")], [user("c", "3"), user("b", "2")])
    assert merged == [user("a", "1"), user("c", "3"), user("b", "2")]


def test_a_message_with_a_known_id_replaces_in_place() -> None:
    """The old message's place is kept."""
    merged = add_messages([user("a", "1"), user("b", "2")], [user("c", "3"), user("A", "1")])
    assert merged == [user("A", "1"), user("b", "2"), user("c", "3")]


def test_of_one_id_twice_in_an_update_the_later_wins_at_the_earlier_place() -> None:
    """An update is merged message by message."""
    merged = add_messages([], [user("a", "1"), user("b", "2"), user("c", "1")])
    assert merged == [user("c", "1"), user("b", "2")]


def test_of_one_id_twice_in_the_list_the_later_is_replaced() -> None:
    """A list that an Overwrite brought may hold an id twice; only its last one is meant."""
    merged = add_messages([user("a", "1"), user("b", "1")], [user("c", "1")])
    assert contents(merged) == ["a", "c"]


def test_a_lone_message_stands_for_a_list_of_it() -> None:
    """Both arguments may be one message."""
    assert add_messages(user("a", "1"), user("b", "2")) == [user("a", "1"), user("b", "2")]


def test_arguments_may_be_given_by_name() -> None:
    """The names are `left` and `right`."""
    assert add_messages(left=[user("a", "1")], right=[]) == [user("a", "1")]


def test_the_result_is_a_new_list_even_if_nothing_changed() -> None:
    """Whoever holds the old list keeps it as it was."""
    before = [user("a", "1")]
    assert add_messages(before, []) is not before


@pytest.mark.parametrize(
    "update",
    [
        pytest.param([user("b", "2")], id="append"),
        pytest.param([user("A", "1")], id="replace"),
        pytest.param([RemoveMessage(id="1")], id="remove"),
        pytest.param([REMOVE_ALL], id="remove all"),
    ],
)
def test_neither_argument_is_changed(update: list[Any]) -> None:
    """The lists and dicts given are as they were."""
    before = [user("a", "1")]
    given_before, given_update = copy.deepcopy((before, update))
    add_messages(before, update)
    assert (before, update) == (given_before, given_update)


def test_ids_that_are_no_strings_are_compared_as_they_are() -> None:
    """A UUID is an id like any other, and the number 1 is not the string "1"."""
    key = uuid.UUID(int=7)
    merged = add_messages([user("a", key), user("b", 1)], [user("A", key), user("c", "1")])
    assert contents(merged) == ["A", "b", "c"]


def test_an_empty_id_is_an_id() -> None:
    """Only None, or no id at all, counts as missing."""
    assert add_messages([user("a", "")], [user("b", "")]) == [user("b", "")]


def test_dicts_and_objects_are_merged_into_one_list_by_id() -> None:
    """A message may be replaced by one of another kind."""
    merged = add_messages([user("a", "1"), Said("b", "2")], [Said("A", "1"), user("B", "2")])
    assert merged == [Said("A", "1"), user("B", "2")]


def test_a_dict_may_spell_its_role_type_and_leave_out_the_content() -> None:
    """What else is in a dict is between its maker and its reader."""
    update: list[Any] = [{"type": "human", "id": "1"}, {"role": "model", "parts": [], "id": "2"}]
    assert add_messages([], update) == update


# ------------------------------------------------------------------------------------ removing


def test_remove_message_removes_by_id() -> None:
    """The others stay."""
    assert add_messages([user("a", "1"), user("b", "2")], RemoveMessage(id="1")) == [user("b", "2")]


def test_a_dict_of_role_remove_removes_too() -> None:
    """So that a removal can come from JSON."""
    assert add_messages([user("a", "1")], [{"role": "remove", "content": "", "id": "1"}]) == []


def test_an_object_of_type_remove_removes_too() -> None:
    """LangChain's RemoveMessage is known by its `type`, without importing it."""
    assert add_messages([user("a", "1")], [Said("", "1", type="remove")]) == []


def test_a_message_added_by_the_same_update_can_be_removed() -> None:
    """The update is read in order."""
    assert add_messages([], [user("a", "1"), RemoveMessage(id="1")]) == []


def test_removing_twice_in_one_update_is_removing_once() -> None:
    """A removal counts at the end of its update."""
    assert add_messages([user("a", "1")], [RemoveMessage(id="1"), RemoveMessage(id="1")]) == []


def test_a_message_put_back_by_the_same_update_keeps_its_place() -> None:
    """Remove and add again in one update is a replacement."""
    merged = add_messages([user("a", "1"), user("b", "2")], [RemoveMessage("1"), user("c", "1")])
    assert merged == [user("c", "1"), user("b", "2")]


def test_removing_an_unknown_id_is_an_error_that_names_it() -> None:
    """It would otherwise hide that the wrong message is kept."""
    with pytest.raises(ValueError, match="cannot remove message '9': no message has that id"):
        add_messages([user("a", "1")], [RemoveMessage(id="9")])


def test_remove_all_drops_what_was_before_it() -> None:
    """The list and the update's earlier messages both go."""
    update = [user("b", "2"), REMOVE_ALL, user("c", "3")]
    assert add_messages([user("a", "1")], update) == [user("c", "3")]


def test_the_last_remove_all_counts() -> None:
    """What stands between two of them is dropped."""
    update = [REMOVE_ALL, user("b", "2"), REMOVE_ALL, user("c", "3")]
    assert add_messages([user("a", "1")], update) == [user("c", "3")]


def test_remove_all_forgives_removals_before_it() -> None:
    """Whatever an unknown id meant, it is not there afterwards."""
    assert add_messages([], [RemoveMessage(id="9"), REMOVE_ALL]) == []


def test_what_follows_remove_all_is_merged_as_ever() -> None:
    """Replacements and removals work on what came after it."""
    update = [REMOVE_ALL, user("a", "1"), user("b", "1"), user("c", "2"), RemoveMessage(id="2")]
    assert add_messages([user("old", "2")], update) == [user("b", "1")]


def test_removing_after_remove_all_what_was_before_is_an_error() -> None:
    """No removal is left over in the list as if it were a message."""
    with pytest.raises(ValueError, match="cannot remove message '1'"):
        add_messages([user("a", "1")], [REMOVE_ALL, RemoveMessage(id="1")])


def test_only_a_removal_is_special_about_the_remove_all_id() -> None:
    """A message may have that id, and nothing happens."""
    message = user("a", REMOVE_ALL_MESSAGES)
    assert add_messages([user("b", "1")], [message]) == [user("b", "1"), message]


def test_remove_message_is_a_value() -> None:
    """Equality, hash and repr go by the id."""
    one = RemoveMessage(id="1")
    assert one == RemoveMessage("1") != RemoveMessage("2")
    assert {one, RemoveMessage("1")} == {one}
    assert repr(one) == "RemoveMessage(id='1')"


def test_remove_message_equals_no_other_type() -> None:
    """A dict that removes the same message is still another thing."""
    assert RemoveMessage("1") != {"role": "remove", "id": "1"}


def test_remove_message_survives_pickle() -> None:
    """It may travel to another process in an update."""
    assert pickle.loads(pickle.dumps(REMOVE_ALL)) == REMOVE_ALL  # noqa: S301 - our own bytes


def test_remove_message_wants_an_id() -> None:
    """None is what a message without an id would give."""
    with pytest.raises(ValueError, match="RemoveMessage got the id None"):
        RemoveMessage(id=None)


# ------------------------------------------------------------------------- strings and pairs


def test_a_string_is_a_message_of_the_user() -> None:
    """Alone and in a list."""
    (alone,), (listed,) = add_messages([], "hi"), add_messages([], ["hi"])
    assert (alone | {"id": 0}) == (listed | {"id": 0}) == user("hi", 0)


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("user", "user"),
        ("human", "user"),
        ("assistant", "assistant"),
        ("ai", "assistant"),
        ("system", "system"),
        ("developer", "developer"),
    ],
)
def test_a_pair_is_role_and_content(said: str, role: str) -> None:
    """LangChain's names of roles become those of the model APIs."""
    (message,) = add_messages([], (said, "hi"))
    assert message == {"role": role, "content": "hi", "id": message["id"]}


def test_a_pair_in_a_list_may_be_a_list() -> None:
    """JSON knows no tuples."""
    (message,) = add_messages([], [["assistant", [{"type": "text", "text": "hi"}]]])
    assert message["content"] == [{"type": "text", "text": "hi"}]


# -------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (5, "an int"),
        (None, "a NoneType"),
        (object(), "an object"),
        (b"hi", "a bytes"),
        ((user("a"), user("b")), "a tuple"),
        (("user", "a", "b"), "a tuple"),
        (("user", 5), "a tuple"),
        ((message for message in [user("a")]), "a generator"),
    ],
)
def test_what_is_no_message_is_refused_with_position_and_type(wrong: object, kind: str) -> None:
    """The error also says what a message is."""
    expected = f"message 1 of the update is no message but {kind}: a message is a dict with"
    with pytest.raises(TypeError, match=expected):
        add_messages([], [user("a"), wrong])


def test_what_is_no_message_in_the_list_before_is_told_apart() -> None:
    """An Overwrite may have put it there, long before the update."""
    with pytest.raises(TypeError, match="message 1 of the list before the update is no message"):
        add_messages([user("a", "1"), 5], [user("b", "2")])


@pytest.mark.parametrize("role", ["tool", "remove", "User", ""])
def test_a_pair_of_another_role_is_refused(role: str) -> None:
    """Those need more than a content, or are misspelt; the roles a pair takes are listed."""
    expected = f"message 0 of the update is a pair whose role is '{role}': a pair takes 'user'"
    with pytest.raises(ValueError, match=expected):
        add_messages([], [(role, "hi")])


@pytest.mark.parametrize("wrong", [{}, {"content": "hi"}, {"role": None, "type": "human"}])
def test_a_dict_without_a_role_is_refused(wrong: dict[str, Any]) -> None:
    """It is rather an update put where a message belongs."""
    with pytest.raises(ValueError, match="message 0 of the update is a dict without a 'role'"):
        add_messages([], wrong)


@pytest.mark.parametrize("wrong", [{"role": "remove"}, {"role": "remove", "id": None}])
def test_a_removal_without_an_id_is_refused(wrong: dict[str, Any]) -> None:
    """No id is made up for it."""
    with pytest.raises(ValueError, match="message 0 of the update removes a message but has no"):
        add_messages([user("a", "1")], wrong)


def test_an_id_that_cannot_be_looked_up_is_refused() -> None:
    """An id has to be hashable."""
    with pytest.raises(TypeError, match="message 0 of the update has a list as its 'id'"):
        add_messages([], user("a", ["1"]))


def test_an_id_that_cannot_be_looked_up_is_refused_in_the_list_too() -> None:
    """It is found although the list is not looked through message by message."""
    with pytest.raises(TypeError, match="message 0 of the list before the update has a dict as"):
        add_messages([user("a", {})], [user("b", "2")])


def test_none_is_no_update() -> None:
    """A node that forgot its messages hears of it."""
    with pytest.raises(ValueError, match="the update is None where messages are due"):
        add_messages([], None)


def test_none_is_no_list_of_messages() -> None:
    """The empty list is."""
    with pytest.raises(ValueError, match="the list before the update is None"):
        add_messages(None, [])


# ---------------------------------------------------------------- giving an id without changing


@dataclass
class Said:
    """A message as an application would define it."""

    content: str
    id: str | None = None
    type: str = "said"


@dataclass(slots=True)
class Slotted:
    """A message without a `__dict__`."""

    content: str
    id: str | None = None


@dataclass(frozen=True)
class Frozen:
    """A message that allows no assignment."""

    content: str
    id: str | None = None


class Model(BaseModel):
    """A message that pydantic checks and freezes."""

    model_config = ConfigDict(frozen=True)
    content: str
    id: str | None = None


class Replaceable:
    """A message with the method that `copy.replace` of Python 3.13 calls."""

    def __init__(self, content: str, key: str | None = None) -> None:
        self.content = content
        self._key = key

    @property
    def id(self) -> str | None:
        """Return the id, which cannot be assigned."""
        return self._key

    def __replace__(self, *, id: str) -> "Replaceable":  # noqa: A002 - the field it replaces
        """Return another one with that id."""
        return Replaceable(self.content, id)


@pytest.mark.parametrize("make", [Said, Slotted, Frozen, Model, Replaceable])
def test_an_object_without_an_id_is_copied_with_one(make: Callable[..., Any]) -> None:
    """The caller's object stays as it was, the copy is of its type and says the same."""
    mine = make(content="hi") if make is Model else make("hi")
    (message,) = add_messages([], [mine])
    assert mine.id is None
    assert (type(message), message.content, len(message.id)) == (type(mine), "hi", 36)


@pytest.mark.parametrize("make", [Said, Slotted, Frozen])
def test_an_object_with_an_id_is_kept_itself(make: Callable[..., Any]) -> None:
    """No copy is made where none is needed."""
    mine = make("hi", "1")
    assert add_messages([], [mine])[0] is mine


def test_the_copy_is_shallow() -> None:
    """What a message holds may be large, and is not touched."""
    parts = ["large"]
    (message,) = add_messages([], {"role": "user", "content": parts})
    assert message["content"] is parts


@pytest.mark.parametrize("mine", [user("hi"), {**user("hi"), "id": None}])
def test_a_dict_without_an_id_is_copied_with_one(mine: dict[str, Any]) -> None:
    """The caller's dict stays as it was."""
    given_mine = dict(mine)
    (message,) = add_messages([], [mine])
    assert mine == given_mine
    assert message == {**mine, "id": message["id"]}


def test_a_dict_of_a_subclass_stays_one() -> None:
    """It is copied as its type says, and found by its id afterwards."""
    before = add_messages([], OrderedDict(user("hi")))
    after = add_messages(before, user("ho", before[0]["id"]))
    assert (type(before[0]), contents(after)) == (OrderedDict, ["ho"])


class ReadOnly:
    """A message whose id cannot be set in any way."""

    @property
    def id(self) -> None:
        """Return no id."""


class Uncopyable(Said):
    """A message that refuses to be copied."""

    def __copy__(self) -> "Uncopyable":
        """Refuse."""
        raise TypeError("there is one of me")


@pytest.mark.parametrize("mine", [ReadOnly(), Uncopyable("hi"), Said])
def test_an_object_that_cannot_be_given_an_id_is_refused(mine: object) -> None:
    """The error names its type and what to do; a class in place of an object is caught so too."""
    expected = rf"message 0 of the update has no id, .* {type(mine).__name__!r} cannot be given one"
    with pytest.raises(TypeError, match=expected):
        add_messages([], [mine])


class Row(NamedTuple):
    """A message that is a tuple as well."""

    role: str
    content: str
    id: str


def test_a_tuple_with_an_id_is_an_object() -> None:
    """It is not read as a pair."""
    row = Row("user", "hi", "1")
    assert add_messages([], [row]) == [row]


def test_messages_before_that_lack_an_id_get_one() -> None:
    """An Overwrite may have brought them, in any form."""
    merged = add_messages(["a", Said("b"), user("c"), user("d", "4")], user("D", "4"))
    assert merged == [
        user("a", merged[0]["id"]),
        Said("b", merged[1].id),
        user("c", merged[2]["id"]),
        user("D", "4"),
    ]
    assert None not in {merged[0]["id"], merged[1].id, merged[2]["id"]}


@pytest.mark.parametrize("lacking", [Said("a"), {**user("a"), "id": None}])
def test_an_id_of_none_before_is_found_by_a_plain_append(lacking: object) -> None:
    """Although that looks at no message by itself."""
    (first, _) = add_messages([lacking], user("b", "2"))
    assert (first.id if isinstance(first, Said) else first["id"]) is not None


def test_ids_outside_a_run_are_random_uuids() -> None:
    """Two calls give different ones."""
    ids = {add_messages([], "hi")[0]["id"] for _ in range(2)}
    assert [uuid.UUID(key).version for key in ids] == [4, 4]


def test_one_message_twice_in_an_update_is_two_messages() -> None:
    """Without an id nothing says that they are the same, be it a dict or an object."""
    mine = Said("hi")
    assert len({message.id for message in add_messages([], [mine, mine])}) == len([mine, mine])


# ------------------------------------------------------------------------------- ids in a run


def test_prepare_derives_ids_from_origin_and_position() -> None:
    """The same origin gives the same ids, in every process and version: they are in checkpoints."""
    prepared = add_messages.prepare(["a", "b"], Origin())
    assert prepared == [
        user("a", "48defbb3-9faa-80e8-a504-e33eacaae194"),
        user("b", "c04f8fe1-bd4a-803e-be6f-02413324dbb1"),
    ]


def test_prepare_derives_other_ids_from_another_origin() -> None:
    """Not even origins whose ids end in digits can meet."""
    sources = ["task", "task1", "1:task", "task:1", ""]
    prepared = [add_messages.prepare(["a"] * 12, Origin(source)) for source in sources]
    assert len({m["id"] for update in prepared for m in update}) == 12 * len(sources)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 20))
def test_derived_ids_are_uuids_of_version_8(source: str, position: int) -> None:
    """Whatever reads ids as UUIDs accepts them, and the standard calls this version custom."""
    message = add_messages.prepare(["a"] * (position + 1), Origin(source))[position]
    read = uuid.UUID(message["id"])
    assert (str(read), read.version, read.variant) == (message["id"], 8, uuid.RFC_4122)


def test_the_position_counts_messages_that_have_an_id() -> None:
    """An id depends on the place in the update, not on how many others lack one."""
    prepared = add_messages.prepare([user("a", "1"), "b"], Origin())
    assert prepared[1]["id"] == add_messages.prepare(["a", "b"], Origin())[1]["id"]


@pytest.mark.parametrize(
    "update",
    [
        pytest.param([user("a", "1"), Said("b", "2"), RemoveMessage("3")], id="list"),
        pytest.param(user("a", "1"), id="dict"),
        pytest.param(Said("a", "1"), id="object"),
        pytest.param(REMOVE_ALL, id="removal"),
        pytest.param([], id="empty"),
    ],
)
def test_prepare_returns_a_complete_update_itself(update: object) -> None:
    """Then the origin's id, which costs something, is not read either."""
    origin = Origin()
    assert add_messages.prepare(update, origin) is update
    assert origin.reads == 0


def test_prepare_reads_the_origin_once() -> None:
    """However many ids are derived from it."""
    origin = Origin()
    add_messages.prepare(["a", "b", "c"], origin)
    assert origin.reads == 1


@pytest.mark.parametrize("update", [user("a"), "a", ("user", "a")])
def test_prepare_keeps_a_lone_message_alone(update: object) -> None:
    """What the node returned keeps its shape."""
    assert add_messages.prepare(update, Origin()) == add_messages.prepare([update], Origin())[0]


def test_prepare_changes_nothing_it_was_given() -> None:
    """The node may keep what it returned."""
    update = [user("a"), Said("b")]
    add_messages.prepare(update, Origin())
    assert update == [user("a"), Said("b")]


def test_what_prepare_returns_is_merged_without_change() -> None:
    """The reducer finds nothing left to do."""
    prepared = add_messages.prepare(["a", Said("b"), user("c", "3")], Origin())
    assert add_messages([], prepared) == prepared


def test_replaying_an_update_leaves_the_list_as_it_is() -> None:
    """The same ids come out, so the messages replace themselves."""
    once = add_messages([], add_messages.prepare(["a", "b"], Origin()))
    assert add_messages(once, add_messages.prepare(["a", "b"], Origin())) == once


@pytest.mark.parametrize("wrong", [None, 5, [5], {}, [("tool", "a")], {"role": "remove"}])
def test_prepare_refuses_what_the_reducer_refuses(wrong: object) -> None:
    """The task that made it fails then, not the superstep."""
    with pytest.raises((TypeError, ValueError)) as from_reducer:
        add_messages([], wrong)
    with pytest.raises(type(from_reducer.value)) as from_prepare:
        add_messages.prepare(wrong, Origin())
    assert str(from_prepare.value) == str(from_reducer.value)


# -------------------------------------------------------------------------- many updates at once

KEYS = st.sampled_from(["1", "2", "3", "4"])
UPDATES = st.lists(
    st.lists(
        st.one_of(
            st.builds(user, st.text(max_size=3), KEYS),
            st.builds(Said, st.text(max_size=3), KEYS),
            st.builds(RemoveMessage, KEYS),
            st.just(REMOVE_ALL),
        ),
        max_size=4,
    ),
    max_size=5,
)


def outcome(merge: Callable[..., Any], *arguments: object) -> object:
    """Return what the call returns, or the words of its error."""
    try:
        return merge(*arguments)
    except ValueError as error:
        return str(error)


@given(UPDATES)
def test_fold_is_one_call_for_each_update(updates: list[Any]) -> None:
    """The engine may use either, errors included."""
    one_by_one = outcome(reduce, add_messages, updates, [])
    assert outcome(add_messages.fold, [], updates) == one_by_one


@given(UPDATES)
def test_no_id_is_twice_in_what_was_merged_from_nothing(updates: list[Any]) -> None:
    """The list is one message an id, and no removal stays in it."""
    merged: list[Any] = []
    for update in updates:
        try:
            merged = add_messages(merged, update)
        except ValueError:
            continue
    objects: list[Any] = [m for m in merged if isinstance(m, Said)]
    dicts: list[Any] = [m for m in merged if isinstance(m, dict)]
    assert len({*(m.id for m in objects), *(m["id"] for m in dicts)}) == len(merged)


# ---------------------------------------------------------------------- the reducer as an object


def test_the_reducer_has_two_positional_parameters() -> None:
    """A schema recognises a reducer by them."""
    parameters = inspect.signature(add_messages).parameters.values()
    assert [(p.name, p.kind, p.default) for p in parameters] == [
        (name, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty)
        for name in ("left", "right")
    ]


def test_the_reducer_names_itself_as_a_function_does() -> None:
    """Errors and documentation read these."""
    assert (add_messages.__name__, add_messages.__qualname__) == ("add_messages", "add_messages")
    assert add_messages.__module__ == "graphflow.messages"
    assert (add_messages.__doc__ or "").startswith("Merge messages into a list of messages")
    assert repr(add_messages) == "<reducer graphflow.messages.add_messages>"


def test_the_reducer_is_pickled_and_copied_by_reference() -> None:
    """Parent and child graph recognise it by identity, in every process."""
    loaded = pickle.loads(pickle.dumps(add_messages))  # noqa: S301 - our own bytes
    assert loaded is copy.copy(add_messages) is copy.deepcopy(add_messages) is add_messages


def test_messages_state_reduces_its_key_with_add_messages() -> None:
    """A subclass adds keys to it."""

    class State(MessagesState):
        asked: int

    hints = get_type_hints(State, include_extras=True)
    assert hints["messages"].__metadata__ == (add_messages,)
    assert hints["asked"] is int


def test_the_module_loads_nothing_that_only_some_calls_need() -> None:
    """Not even `uuid` or `hashlib`, least of all LangChain."""
    code = (
        "import sys, typing_extensions; source = open(sys.argv[1], encoding='utf-8').read()\n"
        "loaded = set(sys.modules); exec(source); print(*sorted(set(sys.modules) - loaded))"
    )
    command = [sys.executable, "-c", code, str(module.__file__)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.split() == []
