"""Talks with a thread in either library, and the graphs that are talked with.

All that a talk is told is plain data: an id is a symbol, numbered in the order in which the ids
appear. So what two libraries tell is equal only if the same ids are equal in both.
"""

import asyncio
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest
from pprint import pformat
from typing import Annotated, Any, Final, TypeAlias, TypedDict, cast, final

import pytest

from tests.differential.build import Kind
from tests.differential.pair import (
    END,
    OURS,
    START,
    THEIRS,
    Action,
    Library,
    State,
    chain,
    fan,
    logging,
    returning,
)
from tests.differential.specs import BoomError
from tests.differential.symbols import Symbols

Given: TypeAlias = Mapping[str, Any]

MODES: Final = ("updates", "values", "tasks", "checkpoints", "debug")
PLAIN: Final = ("updates", "values", "tasks")
"""The modes that show no checkpoint."""

looks = pytest.mark.parametrize(
    ("kind", "mode"),
    [*(("sync", (mode,)) for mode in MODES), ("sync", MODES), ("async", MODES)],
    ids=[*MODES, "all", "all-async"],
)
"""Gives a test each mode, then all at once by either entry points."""

kinds = pytest.mark.parametrize("kind", ["sync", "async"])
"""Gives a test both kinds of nodes, each by the entry points that fit."""


# --------------------------------------------------------------------------------------- talking


@dataclass(frozen=True)
class Side:
    """Which library, and whether by its sync or its async entry points."""

    lib: Library
    kind: Kind

    def node(self, act: Action) -> Action:
        """Return a node that does this, of the kind that fits."""
        if self.kind == "sync":
            return act

        async def act_async(state: object) -> object:
            return act(state)

        # Both libraries read there which schema the node is to see.
        act_async.__annotations__ = act.__annotations__
        return act_async


Make: TypeAlias = Callable[[Side], Any]
"""Makes a builder of either library."""


@final
class Talk:
    """All that is done with one thread of one library, and what was told.

    Attributes:
        lib: the library.
        kind: whether by its sync or its async entry points.
        graph: the compiled graph.
        told: what every run, state and history told, in order.
    """

    def __init__(self, side: Side, make: Make) -> None:
        """Begin with a new store."""
        self.lib = side.lib
        self.kind = side.kind
        self.told: list[Any] = []
        self._side = side
        self._saver = self.lib.memory.InMemorySaver()
        self._symbols = Symbols(side.lib)
        self.graph: Any = make(side).compile(checkpointer=self._saver)

    def rebuild(self, make: Make, **options: Any) -> None:  # noqa: ANN401 - of `compile`
        """Go on with another graph, on the same store."""
        self.graph = make(self._side).compile(checkpointer=self._saver, **options)

    def run(
        self,
        given: object,
        *shown: str,
        at: int | None = None,
        config: Given | None = None,
        ns: str = "",
        durability: str | None = "sync",  # else LangGraph may store what a value became later
        **named: Any,  # noqa: ANN401 - of `stream`
    ) -> None:
        """Run the thread on, and tell the chunks and the class of the error.

        Args:
            given: the input.
            shown: the modes; all, if none is named.
            at: the place in the history of the checkpoint to run from.
            config: what the config has beside the thread.
            ns: the namespace that the config names.
            durability: when to store.
            named: what else `stream` takes.
        """
        chunks: list[Any] = []
        options = {
            "config": {"max_concurrency": 1, **self._config(at, ns), **(config or {})},
            "stream_mode": list(shown or MODES),
            **({} if durability is None else {"durability": durability}),
            **named,
        }

        def act() -> None:
            if self._side.kind == "sync":
                chunks.extend(self.graph.stream(given, **options))
            else:
                asyncio.run(self._stream(chunks, given, options))

        error = self._error_of(act)
        self.told.append(([self._symbols.plain(chunk) for chunk in chunks], error))

    async def _stream(self, chunks: list[Any], given: object, options: Given) -> None:
        """Add the chunks of an async run to those before an error."""
        async for chunk in self.graph.astream(given, **options):
            chunks.append(chunk)  # noqa: PERF401 - those before an error count

    def call(
        self,
        method: str,
        *given: object,
        at: int | None = None,
        config: Given | None = None,
        ns: str = "",
        **named: Any,  # noqa: ANN401 - of the method
    ) -> None:
        """Call a method of the graph that changes the thread; tell what it returns, or its error.

        Args:
            method: the name of the sync one.
            given: the first argument of `invoke`, or all of another but for the config.
            at: the place in the history of the checkpoint to begin at.
            config: what the config has beside the thread.
            ns: the namespace of the graph inside.
            named: further arguments.
        """
        config = {**self._config(at, ns), **(config or {})}
        if method == "invoke":
            named = {"durability": "sync", **named}
            given = (*given, {"max_concurrency": 1, **config})
        else:
            given = (config, *given)
        found: list[Any] = []

        def act() -> None:
            if self._side.kind == "sync":
                found.append(getattr(self.graph, method)(*given, **named))
            else:
                found.append(asyncio.run(getattr(self.graph, f"a{method}")(*given, **named)))

        error = self._error_of(act)
        self.told.append((self._symbols.plain(found), error))

    def answers(self, **answers: object) -> Any:  # noqa: ANN401 - a Command of either library
        """Return a Command that answers questions, by what they ask."""
        waiting = {one.value: one.id for one in self.now().interrupts}
        return self.lib.types.Command(
            resume={waiting[asked]: value for asked, value in answers.items()}
        )

    def leave(self, given: object, count: int, durability: str) -> None:
        """Run the thread on, and close the stream of its values after so many; tell them."""
        options: dict[str, Any] = {"stream_mode": "values", "durability": durability}

        async def values() -> list[Any]:
            stream = self.graph.astream(given, self._config(None), **options)
            found = [await anext(stream) for _ in range(count)]
            await stream.aclose()
            return found

        if self._side.kind == "sync":
            stream = self.graph.stream(given, self._config(None), **options)
            self.told.append([next(stream) for _ in range(count)])
            stream.close()
        else:
            self.told.append(asyncio.run(values()))

    def state(self, at: int | None = None, **read: Any) -> None:  # noqa: ANN401 - of `now`
        """Tell the thread as it is, or the checkpoint at a place in its history."""
        self.told.append(self._symbols.plain(self.now(at, **read)))

    def now(self, at: int | None = None, *, ns: str = "", **named: Any) -> Any:  # noqa: ANN401 - of either library
        """Return the thread as it is, or the checkpoint at a place in its history.

        Args:
            at: the place.
            ns: the namespace of the graph inside.
            named: what else `get_state` takes.
        """
        config = self._config(at, ns)
        if self._side.kind == "sync":
            return self.graph.get_state(config, **named)
        return asyncio.run(self.graph.aget_state(config, **named))

    def inside(self, *names: str) -> str:
        """Return the namespace of the graph in the first waiting task of a name, and so on down."""
        state = self.now(subgraphs=True)
        for name in names:
            state = next(task.state for task in state.tasks if task.name == name)
        return cast("str", state.config["configurable"]["checkpoint_ns"])

    def history(
        self,
        *,
        before: int | None = None,
        limit: int | None = None,
        wanted: Given | None = None,
        ns: str = "",
    ) -> None:
        """Tell the history.

        Args:
            before: the place in the history of the checkpoint that all are to be older than.
            limit: how many at most.
            wanted: the filter.
            ns: the namespace of the graph inside.
        """
        bound = None if before is None else self._config(before, ns)
        found = self.snapshots(ns, before=bound, limit=limit, filter=wanted)
        self.told.append([self._symbols.plain(each) for each in found])

    def look(self) -> None:
        """Tell the thread as it is, and its history."""
        self.state()
        self.history()

    def forget(self) -> None:
        """Begin with the symbols anew: ids from here on are not compared with those before."""
        self._symbols = Symbols(self.lib)

    def snapshots(self, ns: str = "", **options: Any) -> list[Any]:  # noqa: ANN401 - of `get_state_history`
        """Return the history as it is."""
        if self._side.kind == "sync":
            return [*self.graph.get_state_history(self._config(None, ns), **options)]

        async def read() -> list[Any]:
            found = self.graph.aget_state_history(self._config(None, ns), **options)
            return [snapshot async for snapshot in found]

        return asyncio.run(read())

    def _config(self, at: int | None, ns: str = "") -> dict[str, Any]:
        """Return the config of the thread, or of the checkpoint at a place in its history."""
        if at is not None:
            return cast("dict[str, Any]", self.snapshots(ns)[at].config)
        return {"configurable": {"thread_id": "t", **({"checkpoint_ns": ns} if ns else {})}}

    def _error_of(self, act: Callable[[], None]) -> str | None:
        """Do something, and return the name that both libraries give the error it ends in."""
        names = ("InvalidUpdateError", "GraphRecursionError", "EmptyInputError", "ParentCommand")
        errors: dict[type[Exception], str] = {
            BoomError: "BoomError",
            **{getattr(self.lib.errors, name): name for name in names},
        }
        try:
            act()
        except tuple(errors) as raised:
            return next(name for kind, name in errors.items() if isinstance(raised, kind))
        return None


Script: TypeAlias = Callable[[Talk], None]
"""Talks with a thread."""


def told(lib: Library, kind: Kind, make: Make, script: Script) -> list[Any]:
    """Return what a library tells when it is talked with like that."""
    talk = Talk(Side(lib, kind), make)
    script(talk)
    return talk.told


def agree(kind: Kind, make: Make, script: Script) -> None:
    """Fail unless both libraries tell the same when they are talked with like that."""
    ours, theirs = (told(lib, kind, make, script) for lib in (OURS, THEIRS))
    assert ours
    for place, (mine, other) in enumerate(zip_longest(ours, theirs)):
        assert mine == other, differing(f"what was told as number {place}", mine, other)


def differing(what: str, mine: object, other: object) -> str:
    """Return the lines in which the libraries differ."""
    theirs, ours = (pformat(it, width=120).splitlines() for it in (other, mine))
    lines = unified_diff(theirs, ours, f"{what} by LangGraph", "by graphflow", lineterm="")
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------- graphs


def failing(name: str, *calls: int) -> Action:
    """Return a node that appends its name to the log, and raises at these calls, from 1 on."""
    count = itertools.count(1)

    def act(state: object) -> State:
        if next(count) in calls:
            raise BoomError(name)
        return {"log": [name]}

    return act


class Private(TypedDict, total=False):
    """What a node reads of a state that is more than the graph's own."""

    log: Annotated[list[str], operator.add]
    secret: int


class Narrow(TypedDict, total=False):
    """What comes in and goes out of a graph that has more inside."""

    log: Annotated[list[str], operator.add]
    x: int


@dataclass
class Record:
    """A state that is a dataclass."""

    log: Annotated[list[str], operator.add]
    x: int = 3


def three(side: Side) -> Any:  # noqa: ANN401 - a builder of either library, here and below
    """Return a chain of three."""
    return chain(side.lib, options=None, **{name: side.node(logging(name)) for name in "abc"})


def parallel(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return three nodes side by side, not added in the order of their names, then one."""
    builder = fan(side.lib, **{name: side.node(logging(name)) for name in "zam"})
    builder.add_node("end", side.node(logging("end")))
    for name in "zam":
        builder.add_edge(name, "end")
    return builder


def sending(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node whose conditional edge sends twice, and leads to a third one as well."""
    send = side.lib.types.Send
    builder = chain(side.lib, a=side.node(logging("a")))
    for name in "web":
        builder.add_node(name, side.node(logging(name)))
    path = returning([send("w", {"log": ["q"]}), send("w", 5), "b"])
    return builder.add_conditional_edges("a", path).add_edge("w", "e").add_edge("b", "e")


def joining(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a join of a short way and a long one."""
    builder = fan(side.lib, b=side.node(logging("b")), a=side.node(logging("a")))
    for name in ("late", "c"):
        builder.add_node(name, side.node(logging(name)))
    return builder.add_edge("b", "late").add_edge(["late", "a"], "c")


def deferring(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a deferred node that waits for a longer way."""
    builder = three(side).add_node("d", side.node(logging("d")), defer=True)
    return builder.add_edge("a", "d").add_edge("c", "d")


def choosing(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return conditional edges with path maps, at START and after a node."""

    def longer(state: State) -> bool:
        return len(state.get("log", ())) % 3 == 2

    builder = side.lib.graph.StateGraph(State)
    for name in "abc":
        builder.add_node(name, side.node(logging(name)))
    builder.add_conditional_edges(START, returning("first"), {"first": "a"})
    return builder.add_conditional_edges("a", longer, {True: "b", False: "c"})


def looping(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node that comes back to itself until its log is long."""

    def path(state: State) -> str:
        return "a" if len(state.get("log", ())) % 4 else END

    return chain(side.lib, a=side.node(logging("a"))).add_conditional_edges("a", path)


def commanding(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return a node whose Commands write in several ways, lead on and send."""
    types = side.lib.types
    said = [
        types.Command(update={"log": ["1"]}, goto=["b", types.Send("c", {"x": 1})]),
        {"log": ["2"], "x": 5},
        types.Command(update=[("log", ["3"]), ("y", 1)], goto="d"),
    ]
    builder = chain(side.lib, a=side.node(returning(said)))
    for name in "dcb":
        builder.add_node(name, side.node(logging(name)))
    return builder.add_edge("d", "b")


def silent(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return nodes that write nothing, or what was there."""
    results: dict[str, object] = {"a": None, "b": {}, "c": {"x": 1}, "d": {"log": []}}
    return chain(
        side.lib, options=None, **{name: side.node(returning(it)) for name, it in results.items()}
    )


def private(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return nodes that tell each other what is in no schema of the graph, with narrow ends."""

    def tell(state: Private) -> State:
        return {"log": [f"secret={state.get('secret')}"]}

    act = side.node(returning({"secret": 1, "x": 2, "y": 3}))
    options = {"input_schema": Narrow, "output_schema": Narrow}
    return chain(side.lib, options=options, a=act, b=side.node(tell))


def recording(side: Side) -> Any:  # noqa: ANN401 - as above
    """Return nodes over a state that is a dataclass."""

    def tell(state: Record) -> dict[str, object]:
        return {"log": [f"{type(state).__name__} {state.x}"], "x": state.x + 1}

    return chain(side.lib, Record, a=side.node(tell), b=side.node(tell))


EXAMPLES: Final[Mapping[str, Make]] = {
    make.__name__: make
    for make in (
        three,
        parallel,
        sending,
        joining,
        deferring,
        choosing,
        looping,
        commanding,
        silent,
        private,
        recording,
    )
}

examples = pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
"""Gives a test each of them."""


def broken(*calls: int) -> Make:
    """Return a chain whose second node fails at these calls."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        nodes = {"a": logging("a"), "b": failing("b", *calls), "c": logging("c")}
        return chain(
            side.lib, options=None, **{name: side.node(act) for name, act in nodes.items()}
        )

    return make


def beside(names: str, *calls: int) -> Make:
    """Return siblings, of which 'm' fails at these calls, and a join of them all.

    They run in the order of their names, one at a time.
    """

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        builder = chain(side.lib, s=side.node(logging("s")))
        for name in names:
            act = failing(name, *calls) if name == "m" else logging(name)
            builder.add_node(name, side.node(act)).add_edge("s", name)
        builder.add_node("end", side.node(logging("end")))
        return builder.add_edge(list(names), "end")

    return make


def sent(*calls: int) -> Make:
    """Return tasks of Sends, of which the last fails at these calls."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        count = itertools.count(1)

        def act(arg: dict[str, Any]) -> State:
            if arg["number"] == 2 and next(count) in calls:
                raise BoomError("w")
            return {"log": [f"w{arg['number']}"]}

        send = side.lib.types.Send
        builder = chain(side.lib, a=side.node(logging("a")))
        builder.add_node("w", side.node(act)).add_node("e", side.node(logging("e")))
        path = returning([send("w", {"number": number}) for number in (0, 1, 2)])
        return builder.add_conditional_edges("a", path).add_edge("w", "e")

    return make


def mixed(*calls: int) -> Make:
    """Return the tasks of a Send and of two nodes, of which the last fails at these calls."""

    def make(side: Side) -> Any:  # noqa: ANN401 - as above
        builder = chain(side.lib, a=side.node(logging("a")))
        acts = {"b": logging("b"), "w": logging("w"), "z": failing("z", *calls)}
        for name, act in acts.items():
            builder.add_node(name, side.node(act))
        path = returning(["b", "z", side.lib.types.Send("w", {})])
        return builder.add_conditional_edges("a", path)

    return make
