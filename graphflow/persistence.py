"""What a compiled graph knows of its checkpointer, and what a caller's config says of a thread."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from graphflow._core.topology import Topology
from graphflow._record import record
from graphflow.errors import (
    CheckpointNotFoundError,
    InvalidUpdateError,
    did_you_mean,
    quoted,
    shown,
)
from graphflow.types import Durability, OnBusy, StateSnapshot

if TYPE_CHECKING:
    from graphflow._core.reader import Known, Reader
    from graphflow._core.state import Run
    from graphflow._core.thread import Thread
    from graphflow.checkpoint.base import BaseCheckpointSaver
    from graphflow.checkpoint.codec import Codec
    from graphflow.checkpoint.registry import Registry

__all__ = ("Persistence",)

_DURABILITIES: Final = ("sync", "async", "exit")
_ON_BUSY: Final = ("reject", "queue", "fork")


class Types:
    """The classes that the state of a graph may hold.

    Args:
        given: what `compile` was given, a registry or classes.
        annotations: the state classes, whose annotations name more.
        inner: the classes of graphs that are nodes of it.
    """

    def __init__(
        self,
        given: Any,  # noqa: ANN401 - checked when something is to be stored
        annotations: tuple[Any, ...],
        inner: "tuple[Types, ...]",
    ) -> None:
        """Keep everything; nothing is read before something is to be stored."""
        self._given = given
        self._annotations = annotations
        self._inner = inner
        self._codec: tuple[Codec, Codec] | None = None

    def own(self) -> "Codec":
        """Return a codec for these classes.

        Raises:
            TypeError: if a class is of a kind that cannot be stored.
        """
        from graphflow.checkpoint.codec import Codec  # noqa: PLC0415 - loaded with a checkpointer
        from graphflow.checkpoint.registry import Registry  # noqa: PLC0415 - as above

        registry = Registry()
        self.teach(registry)
        return Codec(registry)

    def codec(self, outer: "Codec") -> "Codec":
        """Return a codec for these classes and those of a graph around; the last one is kept."""
        from graphflow.checkpoint.codec import Codec  # noqa: PLC0415 - as above

        known = self._codec
        if known is not None and known[0] is outer:
            return known[1]
        registry = outer.registry.copy()
        self.teach(registry)
        made = Codec(registry)
        self._codec = outer, made
        return made

    def teach(self, registry: "Registry") -> None:
        """Let a registry know these classes."""
        from graphflow.checkpoint.registry import Registry  # noqa: PLC0415 - as above

        given = self._given
        if not isinstance(given, (Registry, list, tuple, set, frozenset)):
            msg = f"types must be a list of classes or a Registry, not {shown(given)}"
            raise TypeError(msg)
        for inner in self._inner:
            inner.teach(registry)
        if isinstance(given, Registry):
            registry.join(given)
        else:
            for cls in given:  # pyright: ignore[reportUnknownVariableType] - checked there
                registry.learn_class(cls)  # pyright: ignore[reportUnknownArgumentType] - as above
        for annotation in self._annotations:
            registry.learn(annotation)


@record
class Persistence:
    """A checkpointer, with the codec that knows the graph's types.

    Attributes:
        saver: the store.
        codec: packs what goes into it.
    """

    saver: "BaseCheckpointSaver"
    codec: "Codec"

    def put_inside(self, run: "Run", there: "Reader", config: Mapping[str, Any]) -> None:
        """Let a run be one of a graph inside the thread.

        Raises:
            CheckpointNotFoundError: if the config names a checkpoint of another graph.
            InvalidUpdateError: if that graph is not known.
        """
        if there.graph is None:
            msg = (
                f"the graph of the namespace {shown(there.ns)} is not known here, for the node "
                f"that calls it has it in no variable of its module or of the function around it"
            )
            raise InvalidUpdateError(msg)
        assert there.branch is not None, "it is inside"
        at = checkpoint_of(config)
        if at is not None and not there.has(*at):
            msg = (
                f"the graph {there.ns!r} inside the thread has no checkpoint of that checkpoint_id"
            )
            raise CheckpointNotFoundError(msg)
        run.graph = there.graph
        run.thread = self.thread(there.graph, config, None, None, there.codec)
        log = run.thread.log
        log.ns, log.space, log.target = there.ns, there.branch.ns, there.branch.id

    def thread(
        self,
        graph: Topology,
        config: Mapping[str, Any],
        durability: Durability | None,
        on_busy: OnBusy | None,
        codec: "Codec | None" = None,
    ) -> "Thread":
        """Return a run's hold on the thread that a config names.

        Raises:
            ValueError: if the config names no thread, or a word is unknown.
        """
        from graphflow._core.form import metadata_of  # noqa: PLC0415 - loaded with a checkpointer
        from graphflow._core.ledger import Ledger  # noqa: PLC0415 - as above
        from graphflow._core.log import Log  # noqa: PLC0415 - as above
        from graphflow._core.packing import Asked  # noqa: PLC0415 - as above
        from graphflow._core.thread import Thread  # noqa: PLC0415 - as above

        ns, edits = namespace_of(config), codec is not None
        asked = Asked(
            thread_of(config),
            None if ns and not edits else checkpoint_of(config),
            known_word("durability", durability, _DURABILITIES),
            known_word("on_busy", on_busy, _ON_BUSY),
            metadata_of(config),
            "" if edits else ns,
            checkpoint_of(config) if ns and not edits else None,
        )
        ledger = Ledger(asked.thread, random_id)
        return Thread(Log(graph, asked, codec or self.codec, now, ledger))

    def reader(self, known: "Known", config: Mapping[str, Any]) -> "Reader":
        """Return what reads the thread that a config names.

        Raises:
            ValueError: if it names none.
        """
        from graphflow._core.reader import Reader  # noqa: PLC0415 - as above

        return Reader(self.saver, known, thread_of(config))


def thread_of(config: Mapping[str, Any]) -> str:
    """Return the thread that a config names.

    Raises:
        ValueError: if it names none.
    """
    thread = config.get("configurable", {}).get("thread_id")
    if thread is None:
        msg = (
            "the config names no thread, and a graph that has a checkpointer needs one; give "
            'config={"configurable": {"thread_id": "..."}}'
        )
        raise ValueError(msg)
    return str(thread)


def checkpoint_of(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the checkpoint that a config names, or None for the thread as it is.

    Raises:
        ValueError: if what it names cannot be a checkpoint.
    """
    from graphflow._core.stored import read_id  # noqa: PLC0415 - as above

    given = config.get("configurable", {})
    if given.get("checkpoint_id") is None:
        return None
    return read_id(str(given["checkpoint_id"])) or (0, 0)


def now() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def random_id() -> str:
    """Return 32 hex digits that nobody else has."""
    return os.urandom(16).hex()


def known_word(name: str, given: Any, known: tuple[str, ...]) -> Any:  # noqa: ANN401 - one of the words
    """Return a word that is known; the first of them for None.

    Raises:
        ValueError: if it is not.
    """
    if given is None:
        return known[0]
    if given not in known:
        msg = f"unknown {name} {given!r}{did_you_mean(given, known)}; there are {quoted(known)}"
        raise ValueError(msg)
    return given


def no_such(config: Mapping[str, Any]) -> StateSnapshot:
    """Return the snapshot of a thread or a checkpoint that is not there."""
    return StateSnapshot(
        values={},
        next=(),
        config={"configurable": dict(config.get("configurable", {}))},
        metadata=None,
        created_at=None,
        parent_config=None,
        tasks=(),
        interrupts=(),
    )


def namespace_of(config: Mapping[str, Any]) -> str:
    """Return the namespace that a config names: "" for the thread itself."""
    return str(config.get("configurable", {}).get("checkpoint_ns") or "")


def reader_in(reader: "Reader", config: Mapping[str, Any]) -> "Reader":
    """Return what reads the graph inside a thread that a config names.

    Raises:
        CheckpointNotFoundError: if the thread has none of that namespace.
    """
    from graphflow._core.reader import at_namespace  # noqa: PLC0415 - as above

    ns = namespace_of(config)
    there = at_namespace(reader, ns)
    if there is None:
        msg = (
            f"the thread {shown(reader.thread)} has no graph of the checkpoint_ns {shown(ns)}; "
            f"get_state(config, subgraphs=True) tells those that its tasks have run"
        )
        raise CheckpointNotFoundError(msg)
    return there


def snapshot_of(
    reader: "Reader", config: Mapping[str, Any], *, subgraphs: bool = False
) -> StateSnapshot:
    """Return the snapshot that a config names."""
    from graphflow._core.queries import state_at, state_now  # noqa: PLC0415 - as above
    from graphflow._core.reader import at_namespace  # noqa: PLC0415 - as above

    there, at = at_namespace(reader, namespace_of(config)), checkpoint_of(config)
    if there is None or (at is not None and not there.has(*at)):
        return no_such(config)
    if at is None:
        found = state_now(there, subgraphs=subgraphs)
    else:
        found = state_at(there, *at, subgraphs=subgraphs)
    if found is None:
        return no_such(config)
    _ = found.values  # read here, where one may wait for the store
    return found


def history_of(
    reader: "Reader",
    config: Mapping[str, Any],
    *,
    wanted: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    limit: int | None,
) -> Iterator[StateSnapshot]:
    """Return the snapshots that a caller of a history asked for, the newest first.

    Raises:
        ValueError: if `limit` is no number of snapshots, or `before` is of another thread.
        TypeError: if `wanted` or `before` is no dict.
    """
    from graphflow.checkpoint.base import checked_limit  # noqa: PLC0415 - as above

    for name, given in (("filter", wanted), ("before", before)):
        if given is not None and not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
            msg = f"{name} must be a dict, not {shown(given)}"
            raise TypeError(msg)
    if before is not None:
        thread = before.get("configurable", {}).get("thread_id", reader.thread)
        if str(thread) != reader.thread:
            msg = f"before names the thread {shown(thread)}, not {shown(reader.thread)}"
            raise ValueError(msg)
    return _history(reader, config, wanted, before, checked_limit(limit))


def _history(
    reader: "Reader",
    config: Mapping[str, Any],
    wanted: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    limit: int | None,
) -> Iterator[StateSnapshot]:
    """Yield what `history_of` returns."""
    from itertools import islice  # noqa: PLC0415 - as above

    from graphflow._core.queries import history, state_at  # noqa: PLC0415 - as above
    from graphflow._core.reader import at_namespace  # noqa: PLC0415 - as above

    there, at = at_namespace(reader, namespace_of(config)), checkpoint_of(config)
    if there is None:
        return
    if at is not None:
        found = state_at(there, *at) if there.has(*at) else None
        yield from () if found is None else (found,)
        return
    end = None if before is None else checkpoint_of(before)
    upto = None if end is None else end[1] - 1
    yield from islice(history(there, upto=upto, wanted=wanted), limit)
