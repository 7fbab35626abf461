"""The client beside `langgraph_sdk`: methods, arguments, keys, words and errors."""

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, get_args

import langgraph_sdk.schema as theirs
import pytest
from langgraph_sdk import client as sdk
from langgraph_sdk import errors as their_errors
from langgraph_sdk._shared.utilities import _sse_to_v2_dict  # pyright: ignore[reportPrivateUsage] - what `version="v2"` is made by

import graphflow.client.schema as ours
from graphflow.client import _sync, errors
from graphflow.client._events import as_v2
from graphflow.client._face import names_of
from graphflow.client.assistants import AssistantsClient
from graphflow.client.runs import RunsClient
from graphflow.client.schema import StreamPart
from graphflow.client.threads import ThreadsClient

PAIRS: Final = {
    "assistants": (sdk.AssistantsClient, AssistantsClient, _sync.SyncAssistantsClient),
    "threads": (sdk.ThreadsClient, ThreadsClient, _sync.SyncThreadsClient),
    "runs": (sdk.RunsClient, RunsClient, _sync.SyncRunsClient),
}

NOT_HERE: Final = {
    "threads.stream": "a protocol of its own, over a connection",
    "threads.join_stream": "it never ends: join the streams of the runs",
}
"""The methods that the client has not, and why."""

NOT_TAKEN: Final = {
    "threads.create(ttl)": "nothing is forgotten by time",
    "threads.update(ttl)": "nothing is forgotten by time",
    "threads.search(extract)": "a query language of the server's database",
}
"""The arguments that it does not take, and why."""


def methods_of(cls: type[Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public methods of a class."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            yield name, method


@pytest.mark.parametrize("part", PAIRS)
def test_every_method_of_the_sdk_is_here_or_it_is_said_why_not(part: str) -> None:
    """And none that the SDK has not."""
    their, our, _ = PAIRS[part]
    names = {name for name, _ in methods_of(their)}
    missing = {name for name in names if f"{part}.{name}" in NOT_HERE}
    assert {name for name, _ in methods_of(our)} == names - missing


@pytest.mark.parametrize("part", PAIRS)
def test_every_argument_of_the_sdk_is_taken_or_it_is_said_why_not(part: str) -> None:
    """In its order, where it may be given by place; and with its default."""
    their, our, _ = PAIRS[part]
    unknown: set[str] = set()
    for name, method in methods_of(our):
        known = inspect.signature(getattr(their, name)).parameters
        taken = names_of(method)
        unknown |= {f"{part}.{name}({one})" for one in [*known][1:] if one not in taken}
        assert {*taken} <= {*known}
        for one in inspect.signature(method).parameters.values():
            if one.kind is not inspect.Parameter.VAR_KEYWORD:
                assert one.kind == known[one.name].kind
                assert one.default == known[one.name].default
    assert unknown == {one for one in NOT_TAKEN if one.startswith(part)}


@pytest.mark.parametrize("part", PAIRS)
def test_the_synchronous_client_has_the_same_methods(part: str) -> None:
    """With the same signatures and docstrings."""
    _, our, synchronous = PAIRS[part]
    same = {name: (inspect.signature(one), one.__doc__) for name, one in methods_of(our)}
    assert {
        name: (inspect.signature(one), one.__doc__) for name, one in methods_of(synchronous)
    } == same


@pytest.mark.parametrize(
    "name",
    [
        "Assistant",
        "AssistantsSearchResponse",
        "Checkpoint",
        "Command",
        "Config",
        "GraphSchema",
        "Interrupt",
        "Run",
        "RunCreate",
        "RunCreateMetadata",
        "Send",
        "Thread",
        "ThreadState",
        "ThreadTask",
        "ThreadUpdateStateResponse",
    ],
)
def test_a_dict_has_the_keys_of_the_sdks(name: str) -> None:
    """A server tells more than the SDK says; so may these."""
    wanted = {*getattr(theirs, name).__annotations__} - {"cancel_reason"}
    assert wanted <= {*getattr(ours, name).__annotations__}


@pytest.mark.parametrize(
    "name",
    [
        "RunStatus",
        "ThreadStatus",
        "MultitaskStrategy",
        "OnConflictBehavior",
        "OnCompletionBehavior",
        "DisconnectMode",
        "IfNotExists",
        "CancelAction",
        "BulkCancelRunsStatus",
        "Durability",
        "SortOrder",
    ],
)
def test_words_are_those_of_the_sdk(name: str) -> None:
    """All of them."""
    assert {*get_args(getattr(ours, name))} == {*get_args(getattr(theirs, name))}


def test_stream_modes_are_those_of_the_sdk_but_two() -> None:
    """The server of these facts shows the two neither."""
    assert {*get_args(theirs.StreamMode)} - {*get_args(ours.StreamMode)} == {"tools", "lifecycle"}


def test_a_part_is_made_as_the_sdks() -> None:
    """Of event, data and id."""
    assert StreamPart._fields == theirs.StreamPart._fields
    assert StreamPart("a", 1) == theirs.StreamPart("a", 1)  # type: ignore[arg-type] # any data


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("metadata", {"run_id": "1"}),
        ("updates|sub:1|sub:2", {"a": {}}),
        ("values", {"x": 1, "__interrupt__": [{"value": 1, "id": "2"}]}),
        ("values", ["x"]),
        ("end", None),
    ],
)
def test_version_2_is_made_as_the_sdk_makes_it(event: str, data: Any) -> None:  # noqa: ANN401 - any data
    """And leaves the part as it is."""
    before = deepcopy(data)
    assert as_v2(StreamPart(event, data)) == _sse_to_v2_dict(event, deepcopy(data))
    assert data == before


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_have_the_names_and_the_attributes_of_the_sdks(name: str) -> None:
    """But for what belongs to a request."""
    if name == "RunFailedError":
        assert not hasattr(their_errors, name)
        return
    our, their = getattr(errors, name), getattr(their_errors, name)
    known = [one.__name__ for one in our.__mro__]
    assert known[: known.index("LangGraphError")] == [
        one.__name__
        for one in their.__mro__
        if one.__module__ == their_errors.__name__ and one.__name__ != "LangGraphError"
    ]
    assert getattr(our, "status_code", None) == getattr(their, "status_code", None)


def test_an_error_tells_what_a_server_would() -> None:
    """In its text, and as data."""
    error = errors.NotFoundError("Run not found")
    assert (str(error), error.message, error.body) == (
        "Run not found",
        "Run not found",
        {"detail": "Run not found"},
    )
    assert (error.status_code, error.request_id) == (404, None)
    assert (error.code, error.param, error.type) == (None, None, None)
