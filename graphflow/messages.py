"""How a list of messages is merged: append, replace by id, remove. Nothing here knows the engine.

A message is a plain dict with a role (`{"role": "user", "content": "hi"}`) or any object with an
`id` attribute: a LangChain message, a dataclass, a pydantic model. Neither is ever converted to
another type or changed: one that lacks an id is copied with one.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, TypeAlias

# Not typing's: on Python 3.11 only this one lets a subclass use ReadOnly or be read by pydantic.
from typing_extensions import TypedDict

__all__ = ("REMOVE_ALL_MESSAGES", "MessagesState", "RemoveMessage", "add_messages")

REMOVE_ALL_MESSAGES: Final = "__remove_all__"
"""`RemoveMessage(id=REMOVE_ALL_MESSAGES)` removes every message before it."""

Message: TypeAlias = Any
"""A dict with a role or an object with an `id`; no narrower type describes both."""

# Any, so that isinstance leaves a Message as it is: pyright would know too little of a bare dict.
_DICT: Any = dict
_LIST: Any = list

MakeIds: TypeAlias = Callable[[], Callable[[int], str]]
"""Called once a message lacks an id; returns what makes the id for a position in the list."""

_BEFORE: Final = "the list before the update"
_UPDATE: Final = "the update"

# The roles that a pair may name, as model APIs spell them. A tool message needs more than a pair.
_PAIR_ROLES: Final = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "developer",
}


class HasId(Protocol):
    """What ids are derived from: something with an `id` that is its own for each task and write."""

    @property
    @abstractmethod
    def id(self) -> str:
        """The same in every replay; read only if a message lacks an id, as it may be costly."""


class RemoveMessage:
    """Removes the message with that id when an update holding it is merged.

    A dict `{"role": "remove", "id": ...}` and any object whose `type` is "remove" do the same.

    Args:
        id: of the message to remove, or `REMOVE_ALL_MESSAGES`.

    Raises:
        ValueError: `id` is None.

    Example:
        >>> add_messages([{"role": "user", "content": "hi", "id": "1"}], RemoveMessage(id="1"))
        []
    """

    __slots__ = ("id",)
    __match_args__ = ("id",)
    type: ClassVar[Literal["remove"]] = "remove"

    def __init__(self, id: object) -> None:  # noqa: A002 - the name LangGraph's users pass it by
        """Keep the id, which a message without one cannot give."""
        if id is None:
            raise ValueError(
                "RemoveMessage got the id None: only a message that has an id can be removed"
            )
        self.id = id

    def __repr__(self) -> str:
        """Show it as it is written."""
        return f"RemoveMessage(id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        """Compare by id."""
        return self.id == other.id if isinstance(other, RemoveMessage) else NotImplemented

    def __hash__(self) -> int:
        """Hash the id."""
        return hash((RemoveMessage, self.id))


class _AddMessages:
    """Merge messages into a list of messages: the reducer of a `messages` key.

    A message whose id is already in the list replaces that one in its place, any other is
    appended, and a `RemoveMessage` removes. A lone message stands for a list of it. A string is
    a user's message and a pair `("assistant", "hi")` one of that role; both become dicts.

    Messages without an id get one: inside a run it is derived from the task (`prepare`), so that
    a replay gives the same; in a plain call it is random. Neither argument is changed.

    Args:
        left: the messages so far.
        right: the update.

    Returns:
        A new list.

    Raises:
        TypeError: something is no message, or has no id and cannot be given one.
        ValueError: an argument is None, a role is missing or unknown, or a `RemoveMessage` names
            no message of the list.

    Example:
        >>> hello = {"role": "user", "content": "hello", "id": "1"}
        >>> add_messages([hello], {"role": "user", "content": "hello again", "id": "1"})
        [{'role': 'user', 'content': 'hello again', 'id': '1'}]
    """

    pure: ClassVar[bool] = True
    """It changes no message; checkpoints rely on it."""

    def __init__(self, name: str) -> None:
        """Take the module-level name it is kept under, as a function does."""
        self.__name__ = self.__qualname__ = name

    def __repr__(self) -> str:
        """Show the import path."""
        return f"<reducer {self.__module__}.{self.__name__}>"

    def __reduce__(self) -> str:
        """Pickle and copy by reference, as a function is."""
        return self.__name__

    def __call__(self, left: object, right: object) -> list[Message]:
        """Return `left` with `right` merged into it."""
        before = _as_list(left, _BEFORE)
        update = _complete(_as_list(right, _UPDATE), _UPDATE, _random_ids)
        if _only_appends(before, update):
            return [*before, *update]
        merged = _Merged(before)
        merged.add(update)
        return merged.messages

    def fold(self, left: object, updates: Iterable[object]) -> list[Message]:
        """Merge one update after the other, in time linear in all of them together.

        Returns:
            What calling the reducer once for each update returns; but that copies and looks
            through the whole list each time, which a fan-out of thousands feels.

        Raises:
            TypeError: as calling the reducer does.
            ValueError: as calling the reducer does.
        """
        merged = _Merged(_as_list(left, _BEFORE))
        for update in updates:
            merged.add(_complete(_as_list(update, _UPDATE), _UPDATE, _random_ids))
        return merged.messages

    def prepare(self, update: object, origin: HasId) -> Any:  # noqa: ANN401 - shaped as the update
        """Give ids to the messages of an update that lack one; the engine calls it once a task.

        Returns:
            The update itself if nothing was missing; else a copy of the same shape (a list, or a
            lone message) whose ids are derived from `origin.id` and the position in the list.

        Raises:
            TypeError: as calling the reducer does.
            ValueError: as calling the reducer does, but for removals, which need the list.
        """
        messages = _as_list(update, _UPDATE)
        prepared = _complete(messages, _UPDATE, lambda: _derived_ids(origin.id))
        return prepared if isinstance(update, _LIST) else prepared[0]


add_messages: Final = _AddMessages("add_messages")


class MessagesState(TypedDict):
    """A state with one key, `messages`; subclass it to add more."""

    messages: Annotated[list[Any], add_messages]


def _as_list(messages: Message, where: str) -> list[Message]:
    """Return the list itself, or a lone message as a list of one."""
    if messages is None:
        raise ValueError(
            f"{where} is None where messages are due: use an empty list for no messages"
        )
    return messages if isinstance(messages, _LIST) else [messages]


def _only_appends(before: list[Message], update: list[Message]) -> bool:
    """Tell whether no message of the update concerns one of the list, nor another of its own."""
    ids = {None, *map(_id_of, update)}
    distinct = len(ids) > len(update)
    return distinct and not any(map(_is_removal, update)) and _none_has(ids, before)


def _none_has(ids: set[Any], messages: list[Message]) -> bool:
    """Tell whether all are messages with an id and none of these; None is the missing id.

    Nearly every call asks this of a list that may be long, so it is one comprehension. False too
    if something is no message: `_complete`, which then looks at each, says which and why.
    """
    try:
        return ids.isdisjoint([m["id"] if type(m) is _DICT else m.id for m in messages])
    except (AttributeError, KeyError, TypeError):
        return False


class _Merged:
    """A list of messages being merged into, and where in it each id is."""

    __slots__ = ("messages", "places")

    def __init__(self, messages: list[Message]) -> None:
        complete = _none_has({None}, messages)
        self.messages = [*(messages if complete else _complete(messages, _BEFORE, _random_ids))]
        self.places: dict[object, int] | None = None

    def add(self, update: list[Message]) -> None:
        """Merge one update; a removal counts at its end, so that a message can be put back."""
        gone: set[object] = set()
        for message in self._after_remove_all(update):
            key = _id_of(message)
            if _is_removal(message):
                self._check_known(key)
                gone.add(key)
            else:
                gone.discard(key)
                self._put(key, message)
        if gone:
            self._remove(gone)

    def _after_remove_all(self, update: list[Message]) -> list[Message]:
        """Empty the list if the update asks for it, and return what comes after that."""
        for position in range(len(update) - 1, -1, -1):
            message = update[position]
            if _is_removal(message) and _id_of(message) == REMOVE_ALL_MESSAGES:
                self.messages, self.places = [], {}
                return update[position + 1 :]
        return update

    def _index(self) -> dict[object, int]:
        """Return the place of each id; of two messages with one id the later is meant."""
        if self.places is None:
            self.places = dict(zip(_ids(self.messages), range(len(self.messages)), strict=True))
        return self.places

    def _put(self, key: object, message: Message) -> None:
        place = self._index().setdefault(key, len(self.messages))
        self.messages[place : place + 1] = [message]

    def _remove(self, gone: set[object]) -> None:
        kept = zip(self.messages, _ids(self.messages), strict=True)
        self.messages = [message for message, key in kept if key not in gone]
        self.places = None  # made again if another update follows

    def _check_known(self, key: object) -> None:
        if key not in self._index():
            raise ValueError(
                f"cannot remove message {key!r}: no message has that id "
                "(RemoveMessage(id=REMOVE_ALL_MESSAGES) removes whatever is there)"
            )


def _ids(messages: list[Message]) -> list[Any]:
    """Return the ids of messages that have one; written out, for the list may be long."""
    return [m["id"] if isinstance(m, _DICT) else m.id for m in messages]


def _complete(messages: list[Message], where: str, make_ids: MakeIds) -> list[Message]:
    """Return messages that all have an id: the same list if it was so, else a copy."""
    known = [_read(message, position, where) for position, message in enumerate(messages)]
    lacking = [position for position, message in enumerate(known) if _id_of(message) is None]
    if not lacking:
        return messages  # what _read turned into a dict had no id
    fresh_id = make_ids()
    for position in lacking:
        known[position] = _with_id(known[position], fresh_id(position), position, where)
    return known


def _read(message: Message, position: int, where: str) -> Message:
    """Check one message, and write out a string or a pair as a dict; the id may be missing."""
    if isinstance(message, str):
        return {"role": "user", "content": message}
    if not isinstance(message, _DICT) and not hasattr(message, "id"):
        return _read_pair(message, position, where)
    key = _id_of(message)
    if type(key) is not str:
        _check_hashable(key, position, where)
    kind = _kind_of(message)
    if kind is None and isinstance(message, _DICT):
        raise ValueError(
            f"message {position} of {where} is a dict without a 'role', which a message needs"
        )
    if kind == "remove" and key is None:
        raise ValueError(
            f"message {position} of {where} removes a message but has no 'id' to say which"
        )
    return message


def _read_pair(message: Message, position: int, where: str) -> dict[str, Any]:
    """Write out `(role, content)` as a dict; whatever is neither pair nor message is refused."""
    match message:
        case (str(role), content) if isinstance(content, (str, _LIST)):
            if role in _PAIR_ROLES:
                return {"role": _PAIR_ROLES[role], "content": content}
            raise ValueError(
                f"message {position} of {where} is a pair whose role is {role!r}: a pair takes "
                f"{', '.join(map(repr, _PAIR_ROLES))}; give a message of another role as a dict"
            )
        case _:
            raise TypeError(
                f"message {position} of {where} is no message but {_article(message)}: a message "
                "is a dict with a 'role', an object with an 'id', a pair of role and content, or "
                "a string; several of them are a list"
            )


def _check_hashable(key: object, position: int, where: str) -> None:
    try:
        hash(key)
    except TypeError as error:
        raise TypeError(
            f"message {position} of {where} has {_article(key)} as its 'id': use a string"
        ) from error


def _article(thing: object) -> str:
    name = type(thing).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _id_of(message: Message) -> Any:  # noqa: ANN401 - an id is any hashable, None if missing
    return message.get("id") if isinstance(message, _DICT) else message.id


def _kind_of(message: Message) -> object:
    """Return the role of a dict ("type" is LangChain's spelling of it), the type of an object."""
    if isinstance(message, _DICT):
        return message["role"] if "role" in message else message.get("type")
    return getattr(message, "type", None)


def _is_removal(message: Message) -> bool:
    return _kind_of(message) == "remove"


def _with_id(message: Message, new_id: str, position: int, where: str) -> Message:
    """Return a shallow copy of the message that has the id."""
    if type(message) is _DICT:
        return {**message, "id": new_id}
    try:
        return _copy_with_id(message, new_id)
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(
            f"message {position} of {where} has no id, and a copy of {type(message).__name__!r} "
            "cannot be given one: set it where the message is made"
        ) from error


def _copy_with_id(message: Message, new_id: str) -> Message:
    """Copy as the type allows; what it raises if it allows nothing is told by the caller."""
    from copy import copy  # noqa: PLC0415 - not loaded by the interpreter, needed by few

    if hasattr(message, "model_copy"):
        return message.model_copy(update={"id": new_id})  # pydantic: works for frozen models too
    if (twin := copy(message)) is message:  # so it is with a class, which would be changed here
        raise TypeError(f"copy.copy returns {message!r} itself")
    if isinstance(message, _DICT):
        twin["id"] = new_id
        return twin
    try:
        twin.id = new_id
    except AttributeError:
        return _replaced(message, new_id)
    return twin


def _replaced(message: Message, new_id: str) -> Message:
    """Make a new one from the fields of a frozen one."""
    from dataclasses import replace  # noqa: PLC0415 - loads inspect, for a rare case

    if hasattr(message, "__replace__"):  # what copy.replace of Python 3.13 calls
        return message.__replace__(id=new_id)
    return replace(message, id=new_id)


def _random_ids() -> Callable[[int], str]:
    """Ids for a call outside a run, where nothing is there to derive them from."""
    from uuid import uuid4  # noqa: PLC0415 - 2 ms of import, not needed inside a run

    return lambda _position: str(uuid4())


def _derived_ids(source: str) -> Callable[[int], str]:
    """Ids that the source and the position fix, in the form of UUIDs of version 8 (RFC 9562)."""
    from hashlib import blake2b  # noqa: PLC0415 - loads OpenSSL, and only ids need it

    def derived_id(position: int) -> str:
        # The position comes first, as digits: no other pair of them and a source reads the same.
        text = blake2b(f"{position}:{source}".encode(), digest_size=16).hexdigest()
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    return derived_id
