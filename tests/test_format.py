"""Real records, taken apart by hand: `docs/format.md` says what stands in each place."""

import operator
import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Annotated, Any, NamedTuple, TypedDict
from uuid import UUID
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from graphflow import START, CodecError, Command, Overwrite, RemoveMessage, Send, StateGraph
from graphflow.channels import Ephemeral, Topic
from graphflow.checkpoint import _codes
from graphflow.checkpoint.base import (
    ANSWER,
    BARRIER,
    JOURNAL,
    RUN,
    STOP,
    TASK,
    BaseCheckpointSaver,
    Record,
    Snapshot,
)
from graphflow.checkpoint.codec import Codec
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.checkpoint.registry import Registry
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import InvalidUpdateError, NewerFormatError
from graphflow.interrupts import interrupt, once
from graphflow.types import Durability

PAGE = (Path(__file__).parents[1] / "docs" / "format.md").read_text("utf-8")
RUN_ID = "0" * 31 + "1"
CONFIG: Any = {"configurable": {"thread_id": "t"}, "run_id": RUN_ID, "max_concurrency": 1}
SHORT, LONG = 32, 256
BYTES_8 = 0xCF


def topped(old: list[int], new: list[int]) -> list[int]:
    """Put new items before the old ones, which no record can know."""
    return [*new, *old]


class State(TypedDict, total=False):
    """A channel for every kind of change."""

    log: Annotated[list[str], operator.add]
    x: Any
    facts: Annotated[dict[str, int], operator.or_]  # pyright: ignore[reportUnknownMemberType] - typeshed has no types for it
    top: Annotated[list[int], topped]
    total: Annotated[int, operator.add]
    brief: Annotated[int, Ephemeral]
    topic: Annotated[list[int], Topic(int, accumulate=True)]


# Bytes, as msgpack's specification gives them.


def text(value: str) -> bytes:
    """Return a text: its length is in the first byte, in one more, or in two more."""
    data = value.encode()
    if len(data) < SHORT:
        return bytes([0xA0 | len(data)]) + data
    if len(data) < LONG:
        return bytes([0xD9, len(data)]) + data
    return b"\xda" + len(data).to_bytes(2, "big") + data


def row(*items: bytes) -> bytes:
    """Return a list of up to 15 items."""
    return bytes([0x90 | len(items)]) + b"".join(items)


def pairs(*items: bytes) -> bytes:
    """Return a dict of up to 15 keys and values, one behind the other."""
    return bytes([0x80 | len(items) // 2]) + b"".join(items)


def small(value: int) -> bytes:
    """Return a number from -32 to 127."""
    return value.to_bytes(1, "big", signed=value < 0)


def number_at(data: bytes, place: int) -> bytes:
    """Return the bytes of a number, whose first says how many follow."""
    size = {0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}.get(data[place], 1)
    return data[place : place + size]


def value_of(number: bytes) -> int:
    """Return a number that is not negative."""
    return int.from_bytes(number[1:] or number, "big")


# Threads.


def built(**nodes: Any) -> StateGraph[State]:  # noqa: ANN401 - whatever can be a node
    """Return a builder with an edge from START to every node."""
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node).add_edge(START, name)
    return builder


def ran(
    builder: StateGraph[State],
    given: State,
    saver: BaseCheckpointSaver | None = None,
    durability: Durability = "sync",
) -> tuple[CompiledStateGraph[State], BaseCheckpointSaver]:
    """Run a graph once on a new thread, whatever comes of it."""
    saver = saver or InMemorySaver()
    graph = builder.compile(checkpointer=saver)
    with suppress(ZeroDivisionError):
        graph.invoke(given, CONFIG, durability=durability)
    return graph, saver


def records_of(saver: BaseCheckpointSaver) -> list[Record]:
    """Return all records of the thread."""
    return [*saver.records("t")]


def packed(record: Record) -> bytes:
    """Return what is behind the checksum of a record, after a look at that."""
    assert record.data[:4] == crc32(record.data[4:], record.seq).to_bytes(4, "big")
    return record.data[4:]


def gives(answer: object) -> Callable[[object], Any]:
    """Return a node that always answers the same."""
    return lambda _state: answer


def fails(_state: object) -> None:
    """Raise."""
    raise ZeroDivisionError("nothing to divide")


# Records.


def test_a_run_is_its_time_source_step_id_metadata_and_input() -> None:
    """The time is 8 bytes long, and that of the checkpoint which the input is."""
    graph, saver = ran(built(a=gives(None)), {"x": "in"})
    record = records_of(saver)[0]
    data = packed(record)
    at = number_at(data, 1)
    assert record.kind == RUN
    assert at[0] == BYTES_8
    assert data == row(
        at, small(1), small(-1), text(RUN_ID), pairs(), row(pairs(text("x"), text("in")))
    )
    first = [*graph.get_state_history(CONFIG)][-1]
    assert first.created_at is not None
    assert datetime.fromisoformat(first.created_at) == datetime.fromtimestamp(
        value_of(at) / 1e6, UTC
    )


def test_a_run_that_goes_on_has_source_4_and_no_input() -> None:
    """Its step is that of the last checkpoint."""
    graph, saver = ran(built(a=fails), {"x": "in"})
    with pytest.raises(ZeroDivisionError):
        graph.invoke(None, CONFIG)
    data = packed([each for each in records_of(saver) if each.kind == RUN][-1])
    assert data == row(number_at(data, 1), small(4), small(0), text(RUN_ID), pairs(), row())


def test_the_barrier_of_an_input_is_the_task_of_start() -> None:
    """Its run is the record before, and what START leads to is due."""
    _, saver = ran(built(a=gives(None)), {"x": "in"})
    record = records_of(saver)[1]
    data = packed(record)
    task = row(text("__start__"), small(-1), text("x"), text("in"))
    assert record.kind == BARRIER
    assert data == row(
        number_at(data, 1), small(0), small(1), row(task), row(small(1)), row(text("a"))
    )


def test_a_barrier_has_the_writes_of_its_tasks_and_the_changes_in_their_order() -> None:
    """Each task has one row; a key that was written twice has one change."""
    nodes = {"a": gives({"log": ["a"], "x": 1}), "b": gives({"log": ["b"]})}
    _, saver = ran(built(**nodes), {})
    data = packed(records_of(saver)[-1])
    a = row(text("a"), small(-1), text("log"), row(text("a")), text("x"), small(1))
    b = row(text("b"), small(-1), text("log"), row(text("b")))
    assert data == row(
        number_at(data, 1), small(1), small(1), row(a, b), row(small(2), small(1)), row()
    )


def test_a_barrier_with_sends_has_four_places_more() -> None:
    """Source, Sends, joins and deferred nodes."""
    builder = built(a=gives(Command(goto=Send("a", 7)))).add_node("late", gives(None), defer=True)
    builder.add_node("c", gives(None)).add_edge(["a", "c"], "late").add_edge("a", "late")
    saver = InMemorySaver()
    graph = builder.compile(checkpointer=saver)
    with graph.stream({}, CONFIG) as stream:
        next(iter(stream))
        next(iter(stream))
    data = packed(records_of(saver)[2])
    join = row(text("join:a+c:late"), small(0), row(text("a")))
    assert data == row(
        number_at(data, 1),
        small(1),
        small(1),
        row(row(text("a"), small(-1))),
        row(),
        row(),
        small(0),
        row(row(text("a"), small(7))),
        row(join),
        row(text("late")),
    )


def test_a_task_that_ends_before_its_superstep_is_a_record() -> None:
    """What it wrote, where it leads, and that its conditional edges have run."""
    leads = Command(update={"x": 1}, goto=["b", Send("a", 7)])
    _, saver = ran(built(a=gives(leads), b=fails), {})
    record = records_of(saver)[2]
    assert record.kind == TASK
    assert packed(record) == row(
        row(text("a"), small(-1), text("x"), small(1)),
        row(text("b"), row(text("a"), small(7))),
        b"\xc3",
    )


def test_a_task_whose_path_function_failed_is_not_whole() -> None:
    """Its result is kept, and the edge is to be followed again."""
    builder = built(a=gives({"x": 1})).add_conditional_edges("a", fails, ["a"])
    _, saver = ran(builder, {})
    done = next(each for each in records_of(saver) if each.kind == TASK)
    assert packed(done) == row(row(text("a"), small(-1), text("x"), small(1)), row(), b"\xc2")


def test_a_failure_has_its_time_its_errors_as_texts_and_what_else_would_change() -> None:
    """The traceback is the last text of a task that failed."""
    _, saver = ran(built(a=gives({"x": 1}), b=fails), {})
    record = records_of(saver)[-1]
    data = packed(record)
    error = [
        text("b"),
        small(-1),
        text("ZeroDivisionError('nothing to divide')"),
        text("builtins.ZeroDivisionError"),
    ]
    begin = b"\x95" + number_at(data, 1) + b"\x91\x95" + b"".join(error)
    end = pairs(text("x"), small(1)) + b"\x90\xc2"  # none waits, no pause
    assert record.kind == STOP
    assert data.startswith(begin)
    assert data.endswith(end)
    trace = data[len(begin) : -len(end)]
    told = trace[trace.index(b"Traceback (most recent call last):\n") :]
    assert trace == text(told.decode())


def asks(*args: Any, **kwargs: Any) -> Callable[[object], Any]:  # noqa: ANN401 - interrupt's
    """Return a node that asks, and writes the answer."""
    return lambda _state: {"x": interrupt(*args, **kwargs)}


def id_at(graph: CompiledStateGraph[State], place: int = 0) -> str:
    """Return the id of a question that waits."""
    found: str = graph.get_state(CONFIG).interrupts[place].id
    return found


def of_kind(saver: BaseCheckpointSaver, kind: int) -> list[bytes]:
    """Return what is in the thread's records of a kind."""
    return [packed(each) for each in records_of(saver) if each.kind == kind]


NIL, FALSE, TRUE = b"\xc0", b"\xc2", b"\xc3"


def test_a_stop_has_what_waits_after_what_failed() -> None:
    """A question is seven places: id, key, number, value, schema, expiry and default."""
    shown = Event()
    b: Callable[[object], Any] = lambda _state: {"x": 1} if shown.wait(9) else None  # noqa: E731 - a node
    saver = InMemorySaver()
    graph = built(a=asks("q"), b=b).compile(checkpointer=saver)
    two_at_once: Any = {**CONFIG, "max_concurrency": 2}
    for _ in graph.stream({}, two_at_once):
        shown.set()
    first, second = of_kind(saver, STOP)
    question = row(text(id_at(graph)), text(""), small(0), text("q"), NIL, NIL, row())
    waiting = row(row(text("a"), small(-1), question))
    assert first == row(number_at(first, 1), row(), NIL, waiting, FALSE)  # while b goes on
    changes = pairs(text("x"), small(1))
    assert second == row(number_at(second, 1), row(), changes, row(), FALSE)


def test_a_question_has_its_key_schema_expiry_and_default() -> None:
    """The schema as JSON Schema has it, the time in microseconds since 1970."""
    graph, saver = ran(built(a=asks("q", bool, key="k", expires_in=60, default=True)), {})
    (stop,) = of_kind(saver, STOP)
    (task,) = Codec().unpack(stop)[3]
    (waits,) = graph.get_state(CONFIG).interrupts
    expires = task[2][5]
    assert task == ["a", -1, [waits.id, "k", 0, "q", {"type": "boolean"}, expires, [True]]]
    assert waits.expires_at is not None
    assert datetime.fromisoformat(waits.expires_at) == datetime.fromtimestamp(expires / 1e6, UTC)


def test_a_breakpoint_is_a_stop_that_says_so() -> None:
    """Nobody has failed, and nobody asks."""
    saver = InMemorySaver()
    graph = built(a=gives(None)).compile(checkpointer=saver, interrupt_before=["a"])
    graph.invoke({}, CONFIG)
    (stop,) = of_kind(saver, STOP)
    assert stop == row(number_at(stop, 1), row(), pairs(), row(), TRUE)


def once_and_asks(_state: object) -> State:
    """Keep a result, and ask."""
    return {"x": [once("k", lambda: 7), interrupt("q")]}


def test_a_result_inside_a_task_is_node_index_key_and_a_list_of_it() -> None:
    """It goes when the barrier of its superstep is stored."""
    graph, saver = ran(built(a=once_and_asks), {})
    (result,) = of_kind(saver, JOURNAL)
    assert result == row(text("a"), small(-1), text("k"), row(small(7)))
    graph.invoke(Command(resume=1), CONFIG)
    assert of_kind(saver, JOURNAL) == []


def test_an_answer_has_how_0_and_stays() -> None:
    """It names task, key and number of the question, and not its id."""
    graph, saver = ran(built(a=asks("q", key="k")), {})
    graph.invoke(Command(resume="r"), CONFIG)
    (answer,) = of_kind(saver, ANSWER)
    task = (text("a"), small(-1))
    assert answer == row(number_at(answer, 1), *task, text("k"), small(0), small(0), row(text("r")))


def test_a_withdrawn_question_has_an_answer_with_how_1() -> None:
    """Its list is empty."""
    graph, saver = ran(built(a=asks("q")), {})
    graph.cancel_interrupt(CONFIG, id_at(graph))
    (answer,) = of_kind(saver, ANSWER)
    task = (text("a"), small(-1))
    assert answer == row(number_at(answer, 1), *task, text(""), small(0), small(1), row())


@pytest.mark.parametrize(("default", "kept"), [({"default": 5}, row(small(5))), ({}, row())])
def test_a_question_whose_time_is_over_has_an_answer_with_how_2(
    default: dict[str, int], kept: bytes
) -> None:
    """Its list has the default, or is empty."""
    graph, saver = ran(built(a=asks("q", expires_in=0, **default)), {})
    with suppress(TimeoutError):
        graph.invoke(None, CONFIG)
    (answer,) = of_kind(saver, ANSWER)
    task = (text("a"), small(-1))
    assert answer == row(number_at(answer, 1), *task, text(""), small(0), small(2), kept)


def test_an_edit_is_a_run_with_source_2_and_a_barrier_with_source_2() -> None:
    """The barrier has the node's writes, and a step of its own."""
    graph, saver = ran(built(a=gives(None)), {})
    graph.update_state(CONFIG, {"x": 1}, as_node="a")
    run, barrier = map(packed, records_of(saver)[-2:])
    config = {**CONFIG, "run_id": RUN_ID}
    assert Codec().unpack(run)[1:4] == [2, 1, config["run_id"]]
    task = row(text("a"), small(-1), text("x"), small(1))
    assert barrier == row(
        number_at(barrier, 1),
        small(2),
        small(4),
        row(task),
        row(small(1)),
        row(),
        small(2),
        row(),
        row(),
        row(),
    )


def test_a_copy_is_a_barrier_with_source_3_and_without_a_node() -> None:
    """What was asked is written again."""
    graph, saver = ran(built(a=asks("q")), {})
    asked = id_at(graph)
    graph.fork(CONFIG)
    run, barrier, stop = map(packed, records_of(saver)[-3:])
    assert Codec().unpack(run)[1] == 2
    assert Codec().unpack(barrier)[3:7] == [[["", -1]], [], ["a"], 3]
    question = row(text(asked), text(""), small(0), text("q"), NIL, NIL, row())
    waiting = row(row(text("a"), small(-1), question))
    assert stop == row(number_at(stop, 1), row(), pairs(), waiting, FALSE)


def test_a_fork_to_another_thread_is_a_run_and_a_barrier_with_source_3() -> None:
    """All values stand in the dict at the end, and who ran last has written nothing."""
    graph, saver = ran(built(a=gives({"x": 1})), {"log": ["in"]})
    graph.fork(CONFIG, thread_id="u")
    run, barrier = [packed(each) for each in saver.records("u")]
    assert Codec().unpack(run)[1:3] == [3, 1]
    values = {"log": [4, ["in"]], "x": [4, 1]}
    assert Codec().unpack(barrier)[1:7] == [1, 1, [["a", -1]], [values], [], 3]


def test_a_run_stored_at_its_end_is_one_barrier_with_all_changes_in_a_dict() -> None:
    """It names who ran last, as number -2, and not what they wrote."""
    _, saver = ran(built(a=gives({"log": ["a"]})), {"log": ["in"]}, durability="exit")
    run, barrier = records_of(saver)
    data = packed(barrier)
    change = row(small(4), row(text("in"), text("a")))
    assert run.kind == RUN
    assert data == row(
        number_at(data, 1),
        small(1),
        small(0),
        row(row(text("a"), small(-2))),
        row(pairs(text("log"), change)),
        row(),
    )


def test_a_command_on_a_thread_is_a_task_without_a_name() -> None:
    """Its barrier has source 2, and the ids of the tasks stay what they were."""
    graph, saver = ran(built(a=gives(None)), {})
    graph.invoke(Command(update={"x": 1}), CONFIG)
    data = packed(records_of(saver)[-1])
    assert data == row(
        number_at(data, 1),
        small(1),
        small(4),
        row(row(text(""), small(-1), text("x"), small(1))),
        row(small(1)),
        row(),
        small(2),
        row(),
        row(),
        row(),
    )


def test_a_run_from_an_older_checkpoint_begins_a_branch_with_source_3() -> None:
    """The branch has the older one as its parent, and the checkpoint's record as its end."""
    graph, saver = ran(built(a=gives(None)), {})
    (older,) = graph.get_state_history(CONFIG, filter={"step": 0})
    from_there: Any = {**CONFIG, **older.config}
    graph.invoke(None, from_there)
    first, second = saver.branches("t")
    fork = next(each for each in records_of(saver) if each.branch == second.id and each.kind == 3)
    assert (second.parent, second.fork) == (first.id, 2)
    assert Codec().unpack(packed(fork))[6] == 3


# Changes.

CHANGES: list[tuple[State, Any, Any]] = [
    ({"x": 1}, {"x": 2}, [1]),
    ({"log": ["a"]}, {"log": ["b"]}, [2]),
    ({"facts": {"a": 1}}, {"facts": {"b": 2}}, [3]),
    ({"total": 1}, {"total": 2}, [[4, 3]]),
    ({"top": [1, 2]}, {"top": [3, 4]}, [[5, 0, 0, [3, 4]]]),
    ({"topic": [1]}, {"topic": 2}, [6]),
    ({"log": ["a"]}, {"log": Overwrite(["b"])}, [1]),
    ({"brief": 1}, {"x": 2}, [1, {"brief": 0}]),
]


@pytest.mark.parametrize(("given", "update", "changes"), CHANGES)
def test_a_change_is_one_of_seven(given: State, update: object, changes: object) -> None:
    """A number where the value follows from the writes, and else a list that begins with one."""
    graph, saver = ran(built(a=gives(update)), given)
    assert Codec().unpack(packed(records_of(saver)[-1]))[4] == changes
    read = graph.get_state(CONFIG).values
    assert read == built(a=gives(update)).compile().invoke(given)


# Ids.


def test_the_id_of_a_checkpoint_is_its_record_and_its_branch_in_hex() -> None:
    """12 digits, a dash, and 8 digits."""
    graph, saver = ran(built(a=gives(None)), {})
    head = saver.head("t")
    assert head is not None
    shown = graph.get_state(CONFIG).config.get("configurable", {})["checkpoint_id"]
    assert shown == f"{head.seq:012x}-{head.branch:08x}"
    assert 1 <= head.branch <= 2**31


def test_the_id_of_a_task_is_a_hash_of_thread_branch_epoch_step_node_and_index() -> None:
    """The step is that of the superstep it is part of, the epoch is 0."""
    graph, saver = ran(built(a=fails), {})
    head = saver.head("t")
    assert head is not None
    thread = blake2b(b"t", digest_size=16).hexdigest()
    seed = "\0".join((thread, str(head.branch), "0", "1", "a", "-1"))
    (task,) = graph.get_state(CONFIG).tasks
    assert task.id == blake2b(seed.encode(), digest_size=16).hexdigest()


def test_the_id_of_a_question_is_a_hash_of_task_key_and_number() -> None:
    """The number counts the questions of one key."""
    node: Callable[[object], Any] = lambda _state: [interrupt("q", key="k") for _ in range(2)]  # noqa: E731 - a node
    graph, _ = ran(built(a=node), {})
    for number in range(2):
        (task,) = graph.get_state(CONFIG).tasks
        seed = "\0".join((task.id, "k", str(number)))
        (waits,) = graph.get_state(CONFIG).interrupts
        assert waits.id == blake2b(seed.encode(), digest_size=16).hexdigest()
        with suppress(InvalidUpdateError):
            graph.invoke(Command(resume=number), CONFIG)


def test_the_token_of_a_head_counts_the_commits_of_a_run() -> None:
    """12 bytes of the run, and 4 that count: its input, and one superstep."""
    _, saver = ran(built(a=gives(None)), {})
    head = saver.head("t")
    assert head is not None
    assert (len(head.token), head.token[12:]) == (16, bytes((0, 0, 0, 2)))


# Snapshots.


def long_thread() -> tuple[BaseCheckpointSaver, Snapshot]:
    """Return a store with a thread that has two snapshots, and the second of them."""
    saver = InMemorySaver()
    graph = built(a=gives({"log": ["x" * 40_000]})).compile(checkpointer=saver)
    for x in range(4):
        graph.invoke({"x": x}, CONFIG)
    head = saver.head("t")
    assert head is not None
    snapshot = saver.snapshot("t", head.branch, head.seq)
    assert snapshot is not None
    return saver, snapshot


def test_a_manifest_tells_length_size_and_blobs_of_each_channel() -> None:
    """The list has two blobs, and what is no list has one and the length -1."""
    saver, snapshot = long_thread()
    head, manifest = snapshot.manifest[:4], snapshot.manifest[4:]
    assert head == crc32(manifest, snapshot.seq).to_bytes(4, "big")
    x, first, second = snapshot.blobs
    sizes = {number: len(data) for number, data in saver.blobs("t", snapshot.blobs).items()}
    assert Codec().unpack(manifest) == {
        "x": [-1, sizes[x], [x]],
        "log": [4, sizes[first] + sizes[second], [first, second]],
    }


def test_the_blobs_of_a_list_are_its_parts_behind_checksums() -> None:
    """Each is a list of items, whose number is the seed of its checksum."""
    saver, snapshot = long_thread()
    blobs = saver.blobs("t", snapshot.blobs)
    for number in snapshot.blobs:
        assert blobs[number][:4] == crc32(blobs[number][4:], number % 2**32).to_bytes(4, "big")
    item = text("x" * 40_000)
    part = row(item, item)
    assert [blobs[number][4:] for number in snapshot.blobs] == [small(3), part, part]


def test_the_number_of_a_blob_is_made_of_record_branch_and_place() -> None:
    """The record is that whose snapshot it was written with, so one of the list is older."""
    _, snapshot = long_thread()
    made = [(number >> 32, number >> 16 & 0xFFFF, number & 0xFFFF) for number in snapshot.blobs]
    branch = snapshot.branch % 2**16
    assert made == [(snapshot.seq, branch, 0), (6, branch, 1), (snapshot.seq, branch, 1)]
    assert snapshot.seq == 12


# Values.


class Colour(Enum):
    """An enum."""

    RED = 1


class Point(NamedTuple):
    """A named tuple."""

    x: int


@dataclass
class Order:
    """A dataclass."""

    item: str


TAG = text(f"{__name__}:Order")
VALUES: list[tuple[object, int, bytes]] = [
    ((1, "a"), 1, row(small(1), text("a"))),
    ({"b", "a"}, 2, row(text("a"), text("b"))),
    (frozenset({2, 1}), 3, row(small(1), small(2))),
    (2**64, 4, b"\x01" + bytes(8)),
    (-(2**63) - 1, 4, b"\xff\x7f" + b"\xff" * 7),
    (1j, 5, bytes(8) + bytes.fromhex("3ff0000000000000")),
    (
        datetime(2025, 3, 18, 20, 53, 1, 5, tzinfo=UTC, fold=1),
        6,
        bytes.fromhex("07e9 03 12 14 35 01 00000005 01") + b"\x01" + bytes(9),
    ),
    (date(2025, 3, 18), 7, bytes.fromhex("07e9 03 12")),
    (time(20, 53, 1, 5), 8, bytes.fromhex("14 35 01 00000005 00")),
    (timedelta(-1, 2, 3), 9, bytes.fromhex("ffffffff 00000002 00000003")),
    (timezone(timedelta(hours=1), "X"), 10, b"\x01" + (3_600_000_000).to_bytes(8) + b"\x01X"),
    (ZoneInfo("UTC"), 10, b"\x02UTC"),
    (UUID(int=7), 11, bytes(15) + b"\x07"),
    (Decimal("1.50e30"), 12, b"1.50E+30"),
    (Order("tea"), 15, row(TAG, pairs(text("item"), text("tea")))),
    (Colour.RED, 15, row(text(f"{__name__}:Colour"), text("RED"))),
    (Point(1), 15, row(text(f"{__name__}:Point"), pairs(text("x"), small(1)))),
    (RemoveMessage("m"), 16, row(text("m"))),
    (Send("a", 7), 17, row(text("a"), small(7))),
    (Command(goto="a"), 18, row(b"\xc0", b"\xc0", b"\xc0", text("a"))),
    (Overwrite([]), 19, row(row())),
]


@pytest.mark.parametrize(("value", "code", "payload"), VALUES)
def test_a_value_that_msgpack_does_not_have_is_an_extension(
    value: object, code: int, payload: bytes
) -> None:
    """Its bytes are those of the page, and they are read as the value."""
    registry = Registry()
    for cls in (Order, Colour, Point):
        registry.learn_class(cls)
    codec = Codec(registry)
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
    size = len(payload)
    head = bytes([fixed[size], code]) if size in fixed else bytes([0xC7, size, code])
    assert codec.pack(value) == head + payload
    assert codec.unpack(head + payload) == value


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, "c0"),
        (True, "c3"),
        (2**64 - 1, "cf ffffffffffffffff"),
        (-33, "d0 df"),
        (0.5, "cb 3fe0000000000000"),
        ("\ud800", "a3 eda080"),
        (b"\0", "c4 01 00"),
        ({"b": 1, "a": 2}, "82 a162 01 a161 02"),
    ],
)
def test_a_value_that_msgpack_has_is_in_its_shortest_form(value: object, data: str) -> None:
    """A float has 8 bytes, a lone surrogate three, and a dict keeps its order."""
    assert Codec().pack(value) == bytes.fromhex(data)


@pytest.mark.parametrize("data", ["d4 14 00", "d4 7f 00", "d6 ff 00000000"])
def test_an_extension_that_the_page_does_not_have_is_of_a_newer_graphflow(data: str) -> None:
    """One above the last, the highest, and msgpack's own timestamp."""
    with pytest.raises(NewerFormatError):
        Codec().unpack(bytes.fromhex(data))


def test_values_are_nested_in_64_levels_at_the_most() -> None:
    """One more is refused."""
    value: object = 1
    for _ in range(64):
        value = [value]
    assert Codec().pack(value) == b"\x91" * 64 + b"\x01"
    with pytest.raises(CodecError, match="64 levels"):
        Codec().pack([value])


# SQLite.


def table_of(heading: str) -> list[list[str]]:
    """Return the rows of the table that follows a heading of the page, cell by cell."""
    part = PAGE.partition(heading)[2]
    rows = [line for line in part.splitlines() if line.startswith("|") or not line.strip()]
    lines = "\n".join(rows).strip().partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_names_every_table_and_column_of_a_file(tmp_path: Path) -> None:
    """And no others; SQLite's own count of keys is not part of the format."""
    path = tmp_path / "threads.db"
    with SqliteSaver(path) as saver:
        ran(built(a=gives(None)), {}, saver)
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    columns = {
        name: [
            column
            for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
        ]
        for (name,) in tables
        if not name.startswith("sqlite_")
    }
    connection.close()
    page = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1].partition(":")[0].partition(";")[0])
        for row in table_of("## SQLite")
    }
    assert page == columns


def test_a_file_says_in_its_header_what_it_is(tmp_path: Path) -> None:
    """The application's id is at 68, the version of the tables at 60, and WAL is in two bytes."""
    path = tmp_path / "threads.db"
    SqliteSaver(path).close()
    header = path.read_bytes()[:100]
    assert (header[68:72], header[60:64], header[18:20]) == (b"gflo", bytes((0, 0, 0, 1)), b"\2\2")


def test_a_file_has_what_the_store_in_memory_has(tmp_path: Path) -> None:
    """The rows of the log are the records, and the id is UTF-8."""
    path = tmp_path / "threads.db"
    with SqliteSaver(path) as saver:
        ran(built(a=gives(None)), {}, saver)
        records = [(each.seq, each.branch, each.kind, each.data) for each in records_of(saver)]
    connection = sqlite3.connect(path)
    query = (
        "SELECT log.seq, log.branch, log.kind, log.data FROM log"
        " JOIN thread ON thread.key = log.thread WHERE thread.id = ? ORDER BY log.seq"
    )
    rows = connection.execute(query, (b"t",)).fetchall()
    connection.close()
    assert rows == records


# The page.


def test_the_page_has_every_extension() -> None:
    """By its code; no other is given a meaning."""
    named = vars(_codes).items()
    codes = [value for name, value in named if type(value) is int and name != "LIMIT"]
    cells = [row[0] for row in table_of("What msgpack does not have")]
    assert [int(code) for cell in cells for code in cell.split(",")] == sorted(codes)


def test_the_page_has_every_change() -> None:
    """By its number."""
    page = [int(row[0].strip("`[").partition(",")[0]) for row in table_of("### Changes")]
    assert page == [*range(7)]
