"""What tests of questions to people are made of: threads on any driver, and nodes that ask."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graphflow import START, Command
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.interrupts import interrupt
from graphflow.types import Interrupt, StateSnapshot
from tests.drivers.backends import Driver, Graph, Kind, LoopDriver, Node, builder, made

CONFIG: Final[Any] = {"configurable": {"thread_id": "t"}}
DURABILITIES: Final = ("sync", "async", "exit")

Nodes: TypeAlias = Mapping[str, Node]


def config_of(thread: object) -> Any:  # noqa: ANN401 - a config
    """Return the config of a thread."""
    return {"configurable": {"thread_id": thread}}


# -------------------------------------------------------------------------------------- graphs


def chain(store: BaseCheckpointSaver | None, nodes: Nodes, **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of nodes that follow each other, with a store."""
    made, previous = builder(nodes), START
    for name in nodes:
        made.add_edge(previous, name)
        previous = name
    return made.compile(checkpointer=store, **options)


def fan(store: BaseCheckpointSaver | None, nodes: Nodes, **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of nodes that run at once, with a store."""
    made = builder(nodes)
    for name in nodes:
        made.add_edge(START, name)
    return made.compile(checkpointer=store, **options)


def asks(kind: Kind, *questions: str, calls: list[str] | None = None, **more: Any) -> Node:  # noqa: ANN401 - of interrupt
    """Return a node that asks in turn, and logs the answers.

    Args:
        kind: sync or async.
        *questions: what it asks.
        calls: where the first question is noted at each call.
        **more: what each question has beside.
    """

    def ask(_: object) -> Any:  # noqa: ANN401 - an update
        if calls is not None:
            calls.append(questions[0])
        return {"log": [(question, interrupt(question, **more)) for question in questions]}

    return made(kind, ask)


def returns(kind: Kind, ask: Callable[[], object]) -> Node:
    """Return a node that logs what a function returns."""
    return made(kind, lambda _: {"log": [ask()]})


# --------------------------------------------------------------------------------------- turns


def run(driver: Driver, graph: Graph, given: Any, config: Any = CONFIG, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
    """Run on a thread."""
    return driver.run(graph, given, config=config, **options)


def begin(driver: Driver, graph: Graph, *lines: object, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
    """Run with an input."""
    return run(driver, graph, {"log": [*lines]}, **options)


def go_on(driver: Driver, graph: Graph, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
    """Run without an input."""
    return run(driver, graph, None, **options)


def answer(driver: Driver, graph: Graph, given: object, **options: Any) -> Any:  # noqa: ANN401 - of `invoke`
    """Run with an answer."""
    return run(driver, graph, Command(resume=given), **options)


def call(driver: Driver, graph: Graph, method: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - of the method
    """Call one of a graph's methods in the driver's way."""
    if not isinstance(driver, LoopDriver):
        return getattr(graph, method)(*args, **options)

    async def body() -> Any:  # noqa: ANN401 - as above
        return await getattr(graph, f"a{method}")(*args, **options)

    return driver.main(body)


def state(driver: Driver, graph: Graph, config: Any = CONFIG) -> StateSnapshot:  # noqa: ANN401 - a config
    """Return the state of a thread, read in the driver's way."""
    snapshot: StateSnapshot = call(driver, graph, "get_state", config)
    return snapshot


def history(graph: Graph, config: Any = CONFIG) -> list[StateSnapshot]:  # noqa: ANN401 - a config
    """Return all checkpoints of a thread."""
    return [*graph.get_state_history(config)]


# ---------------------------------------------------------------------------------- what waits


def questions(result: Any) -> list[object]:  # noqa: ANN401 - what a run returned, or a snapshot
    """Return what is asked, in the order of what can be sorted."""
    return sorted(one.value for one in interrupts(result))


def ids(result: Any) -> dict[Any, str]:  # noqa: ANN401 - as above
    """Return the ids of what is asked, by the question."""
    return {one.value: one.id for one in interrupts(result)}


def interrupts(result: Any) -> Sequence[Interrupt]:  # noqa: ANN401 - as above
    """Return what is asked."""
    if isinstance(result, StateSnapshot):
        return result.interrupts
    found: Sequence[Interrupt] = result.get("__interrupt__", ())
    return found


def telling(snapshot: StateSnapshot) -> object:
    """Return what a snapshot says, but for the ids and times of its making."""
    return (
        snapshot.values,
        snapshot.next,
        sorted(one.id for one in snapshot.interrupts),
        [
            (task.name, task.path, task.result, task.error and repr(task.error))
            for task in snapshot.tasks
        ],
    )
