"""Spans of runs, supersteps and tasks: the same tree on every driver."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from graphflow import START, Command, Send
from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import GraphInterrupt, InvalidUpdateError
from graphflow.integrations.otel import OtelMiddleware
from graphflow.interrupts import interrupt
from tests.drivers.backends import Driver, Graph, Kind, LoopDriver, builder, made, says
from tests.drivers.children import Way, inside, nest, ways
from tests.drivers.people import CONFIG, asks
from tests.drivers.test_children_memory import garbage_of, quietly


class Traces:
    """Collects spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def middleware(self, **options: Any) -> OtelMiddleware:  # noqa: ANN401 - its options
        """Return what makes them."""
        return OtelMiddleware(self.provider, **options)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All that have ended, in the order in which they began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> ReadableSpan:
        """Return the only span of a name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def tree(self) -> list[str]:
        """Return the names, each with the names of those around it."""
        by_id = {span.context.span_id: span for span in self.spans if span.context}

        def path(span: ReadableSpan) -> str:
            return f"{path(by_id[span.parent.span_id])} / {span.name}" if span.parent else span.name

        return sorted(path(span) for span in self.spans)


@pytest.fixture
def traces() -> Iterator[Traces]:
    """Collect spans in a test; OpenTelemetry's own provider is not touched."""
    collected = Traces()
    yield collected
    collected.provider.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def events(span: ReadableSpan) -> list[str]:
    """Return the names of the events of a span."""
    return [event.name for event in span.events]


def fails(_: object) -> None:
    """Fail.

    Raises:
        ZeroDivisionError: always.
    """
    msg = "by nothing"
    raise ZeroDivisionError(msg)


def graph_of(traces: Traces, nodes: dict[str, Any], **options: Any) -> Graph:  # noqa: ANN401 - of compile
    """Return a graph of nodes that run at once."""
    made = builder(nodes)
    for name in nodes:
        made.add_edge(START, name)
    given: dict[str, Any] = {"middleware": [traces.middleware()], "name": "g", **options}
    return made.compile(**given)


# --------------------------------------------------------------------------------------- the tree


def test_tasks_are_inside_their_superstep_and_that_is_inside_the_run(
    driver: Driver, kind: Kind, traces: Traces
) -> None:
    """Whatever threads or tasks they run on; and a span that a node makes is inside its task's."""
    tracer = traces.provider.get_tracer("test")

    def works(_: object) -> None:
        with tracer.start_as_current_span("work"):
            pass

    made_of = builder({"a": made(kind, works), "b": says(kind, "b"), "c": says(kind, "c")})
    made_of.add_edge(START, "a").add_edge(START, "b").add_edge(["a", "b"], "c")
    driver.run(made_of.compile(middleware=[traces.middleware()], name="g"))
    top = "invoke_workflow g"
    assert traces.tree() == [
        top,
        f"{top} / superstep",
        f"{top} / superstep",
        f"{top} / superstep / task a",
        f"{top} / superstep / task a / work",
        f"{top} / superstep / task b",
        f"{top} / superstep / task c",
    ]
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_run_is_inside_the_span_that_it_is_called_in(
    driver: Driver, kind: Kind, traces: Traces
) -> None:
    """As of a request."""
    graph = graph_of(traces, {"a": says(kind, "a")})
    tracer = traces.provider.get_tracer("test")
    if isinstance(driver, LoopDriver):

        async def body() -> None:
            with tracer.start_as_current_span("request"):
                await graph.ainvoke({})

        driver.main(body)
    else:
        with tracer.start_as_current_span("request"):
            graph.invoke({})
    assert traces.tree()[-1] == "request / invoke_workflow g / superstep / task a"


@ways
@pytest.mark.parametrize("own", [False, True])
def test_graphs_inside_are_inside_their_task(
    driver: Driver, kind: Kind, traces: Traces, way: Way, *, own: bool
) -> None:
    """At any depth, once, even if they have such middleware of their own."""
    if driver.name == "simulated" and way in {"invoke", "stream"}:
        return  # they would hold up the loop
    middleware = [traces.middleware()] if own else list[OtelMiddleware]()
    leaf = graph_of(traces, {"s": says(kind, "s")}, middleware=middleware)
    graph = graph_of(traces, {"a": inside(way, nest(way, 1, leaf)), "b": says(kind, "b")})
    driver.run(graph, {"log": []})
    step = "invoke_workflow g / superstep"
    n1 = f"{step} / task a / invoke_workflow graphflow / superstep / task n1"
    assert traces.tree()[-3:-1] == [f"{n1} / {step}", f"{n1} / {step} / task s"]
    assert len(traces.spans) == 10
    assert len({span.context.trace_id for span in traces.spans if span.context}) == 1


def test_sends_have_a_span_each(driver: Driver, kind: Kind, traces: Traces) -> None:
    """And say what has woken them."""
    made = builder({"a": says(kind, "a")})

    def sends(_: object) -> list[Send]:
        return [Send("a", {}) for _ in range(3)]

    made.add_conditional_edges(START, sends, ["a"])
    driver.run(made.compile(middleware=[traces.middleware()]))
    tasks = [attributes(span) for span in traces.spans if span.name == "task a"]
    assert [task["graphflow.triggers"] for task in tasks] == [("__pregel_push",)] * 3
    assert len({task["graphflow.task_id"] for task in tasks}) == 3
    assert attributes(traces.named("superstep"))["graphflow.tasks"] == 3


# ------------------------------------------------------------------------------------ attributes


def test_spans_say_what_they_are_of(driver: Driver, kind: Kind, traces: Traces) -> None:
    """By names of ours, and of the conventions for generative AI."""
    graph = graph_of(traces, {"a": says(kind, "a")}, checkpointer=InMemorySaver())
    driver.run(graph, config={**CONFIG, "run_id": "r"})
    where = {"graphflow.run_id": "r", "graphflow.thread_id": "t"}
    run, step, task = (
        attributes(traces.named(name)) for name in ("invoke_workflow g", "superstep", "task a")
    )
    assert run == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "g",
        "gen_ai.conversation.id": "t",
        **where,
    }
    assert step == {
        "graphflow.step": 1,
        "graphflow.tasks": 1,
        "graphflow.nodes": ("a",),
        **where,
    }
    assert task == {
        "graphflow.node": "a",
        "graphflow.step": 1,
        "graphflow.task_id": task["graphflow.task_id"],
        "graphflow.attempt": 1,
        "graphflow.triggers": ("branch:to:a",),
        "graphflow.checkpoint_ns": f"a:{task['graphflow.task_id']}",
        **where,
    }


def test_a_run_can_be_that_of_an_agent(traces: Traces) -> None:
    """Then it has the conventions' name for that."""
    middleware = traces.middleware(operation="invoke_agent")
    graph_of(traces, {"a": says("sync", "a")}, middleware=[middleware]).invoke({})
    run = attributes(traces.named("invoke_agent g"))
    assert (run["gen_ai.operation.name"], run["gen_ai.agent.name"]) == ("invoke_agent", "g")


# ---------------------------------------------------------------------------------- how they end


def test_an_error_is_described_once_and_marks_all_that_it_ends(
    driver: Driver, kind: Kind, traces: Traces
) -> None:
    """The event is in the span of the task that raised it, at any depth."""
    leaf = graph_of(traces, {"s": made(kind, fails)}, name="leaf", middleware=[])
    graph = graph_of(traces, {"a": leaf})
    with pytest.raises(ZeroDivisionError):
        driver.run(graph, {"log": []})
    assert {span.status.status_code for span in traces.spans} == {StatusCode.ERROR}
    assert {attributes(span)["error.type"] for span in traces.spans} == {"ZeroDivisionError"}
    assert traces.spans[0].status.description == "ZeroDivisionError: by nothing"
    assert [span.name for span in traces.spans if events(span)] == ["task s"]
    (event,) = traces.named("task s").events
    assert (event.attributes or {})["exception.message"] == "by nothing"


def test_an_error_of_no_task_is_described_where_it_is_seen_first(
    driver: Driver, kind: Kind, traces: Traces
) -> None:
    """Such as two writes to one key."""
    graph = graph_of(traces, {name: made(kind, lambda _: {"x": 1}) for name in "ab"})
    with pytest.raises(InvalidUpdateError):
        driver.run(graph)
    assert [(span.name, events(span)) for span in traces.spans if events(span)] == [
        ("superstep", ["exception"])
    ]
    assert traces.named("task a").status.status_code is StatusCode.UNSET


@ways
def test_a_question_is_no_error(
    driver: Driver, kind: Kind, traces: Traces, way: Way, store: BaseCheckpointSaver
) -> None:
    """It is an event of the task's span and of its run's, with the ids by which it is answered."""
    if driver.name == "simulated" and way in {"invoke", "stream"}:
        return  # they would hold up the loop
    leaf = graph_of(traces, {"s": asks(kind, "?")}, name="leaf", middleware=[])
    graph = graph_of(traces, {"a": inside(way, leaf)}, checkpointer=store)
    driver.run(graph, {"log": []}, config=CONFIG)
    assert {span.status.status_code for span in traces.spans} == {StatusCode.UNSET}
    asked = {span.name for span in traces.spans if events(span) == ["graphflow.interrupt"]}
    assert asked == {"invoke_workflow g", "task a", "invoke_workflow leaf", "task s"}
    (waits,) = graph.get_state(CONFIG).interrupts
    (event,) = traces.named("invoke_workflow g").events
    assert event.attributes == {"graphflow.interrupt.ids": (waits.id,)}


def test_questions_of_a_task_group_are_no_error(
    driver: Driver, kind: Kind, traces: Traces, store: BaseCheckpointSaver
) -> None:
    """A group of nothing else."""

    def groups(_: object) -> None:
        try:
            interrupt("?")
        except GraphInterrupt as asked:
            raise BaseExceptionGroup("", [asked]) from None

    driver.run(graph_of(traces, {"a": made(kind, groups)}, checkpointer=store), config=CONFIG)
    assert events(traces.named("task a")) == ["graphflow.interrupt"]
    assert traces.named("task a").status.status_code is StatusCode.UNSET


def test_a_graph_that_is_left_has_no_event(driver: Driver, kind: Kind, traces: Traces) -> None:
    """It is what a Command for the graph around it is for."""
    goes = made(kind, lambda _: Command(graph=Command.PARENT, update={"x": 1}))
    leaf = graph_of(traces, {"s": goes}, name="leaf", middleware=[])
    driver.run(graph_of(traces, {"a": inside("invoke" if kind == "sync" else "ainvoke", leaf)}))
    assert [events(span) for span in traces.spans] == [[]] * 6
    assert {span.status.status_code for span in traces.spans} == {StatusCode.UNSET}


def test_what_is_cancelled_has_not_failed(loop: LoopDriver, traces: Traces) -> None:
    """Nor has what is left early."""

    async def sleeps(_: object) -> None:
        await anyio.sleep_forever()

    graph = graph_of(traces, {"a": sleeps, "b": sleeps})

    async def body() -> None:
        with anyio.move_on_after(0.05):
            await graph.ainvoke({})

    loop.main(body)
    assert len(traces.spans) == 4
    assert all(attributes(span)["graphflow.cancelled"] is True for span in traces.spans)
    assert {span.status.status_code for span in traces.spans} == {StatusCode.UNSET}


def test_a_stream_that_is_left_ends_its_spans(driver: Driver, kind: Kind, traces: Traces) -> None:
    """Where it is left, not when it is garbage."""
    made = builder({"a": says(kind, "a"), "b": says(kind, "b")}).add_edge(START, "a")
    graph = made.add_edge("a", "b").compile(middleware=[traces.middleware()], name="g")
    driver.leave(graph, lambda _: None)
    assert [span.name for span in traces.spans] == ["invoke_workflow g", "superstep", "task a"]
    assert attributes(traces.named("superstep"))["graphflow.cancelled"] is True


def test_errors_leave_no_cycle(driver: Driver, kind: Kind, traces: Traces) -> None:
    """What they hold is free at once."""
    leaf = graph_of(traces, {"s": made(kind, fails)}, name="leaf", middleware=[])
    graph = graph_of(traces, {"a": leaf})
    assert garbage_of(lambda: quietly(driver, graph)) == {}


# ------------------------------------------------------------------------------- going on later


def test_a_run_that_goes_on_is_a_trace_of_its_own_and_linked(
    driver: Driver, kind: Kind, traces: Traces, store: BaseCheckpointSaver
) -> None:
    """To the run that it goes on from, which another process may have made."""
    made = builder({"a": asks(kind, "1"), "b": asks(kind, "2")}).add_edge(START, "a")
    made.add_edge("a", "b")
    given: list[Any] = [{"log": []}, Command(resume="x"), Command(resume="y"), {"log": []}]
    for each in given:
        graph = made.compile(middleware=[traces.middleware()], name="g", checkpointer=store)
        driver.run(graph, each, config=CONFIG)
        assert "traceparent" in (graph.get_state(CONFIG).metadata or {})
    runs = [span for span in traces.spans if span.name == "invoke_workflow g"]
    assert len({run.context.trace_id for run in runs if run.context}) == 4
    links = [[link.context.span_id for link in run.links] for run in runs]
    ids = [run.context.span_id for run in runs if run.context]
    assert links == [[], [ids[0]], [ids[1]], []]
    assert runs[1].links[0].attributes == {"graphflow.link": "continues"}


def test_a_run_that_goes_on_from_one_without_a_trace_has_no_link(
    traces: Traces, store: BaseCheckpointSaver
) -> None:
    """Nor does what is stored by somebody else confuse it."""
    made = builder({"a": asks("sync", "1")}).add_edge(START, "a")
    plain = made.compile(checkpointer=store)
    traced = made.compile(middleware=[traces.middleware()], name="g", checkpointer=store)
    config: Any = {**CONFIG, "metadata": {"traceparent": "nonsense"}}
    plain.invoke({"log": []}, config)
    traced.invoke(Command(resume="x"), config)
    assert list(traces.named("invoke_workflow g").links) == []


# -------------------------------------------------------------------------------------- messages


def test_messages_are_told_in_the_tasks_span(driver: Driver, kind: Kind, traces: Traces) -> None:
    """Whatever other span is current where a message comes."""
    middleware = traces.middleware()
    tracer = traces.provider.get_tracer("test")

    spent: UsageMetadata = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}

    def speaks(_: object) -> None:
        with tracer.start_as_current_span("http"):
            for text, usage in (("a", None), ("b", spent)):
                chunk = AIMessageChunk(content=text, id="1", usage_metadata=usage)
                middleware.on_message(chunk, {"ls_provider": "openai", "ls_model_name": "m"})

    driver.run(graph_of(traces, {"a": made(kind, speaks)}, middleware=[middleware]))
    told = {k: v for k, v in attributes(traces.named("task a")).items() if k.startswith("gen_ai")}
    assert told == {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
    }


def test_each_provider_has_its_own_spans_and_messages(
    driver: Driver, kind: Kind, traces: Traces
) -> None:
    """A graph may be traced for two."""
    others = Traces()
    both = [traces.middleware(), others.middleware()]

    def speaks(_: object) -> None:
        for each in both:
            each.on_message(AIMessage("x", response_metadata={"model_name": "m"}), {})

    driver.run(graph_of(traces, {"a": made(kind, speaks)}, middleware=both))
    for found in (traces, others):
        assert [span.name for span in found.spans] == ["invoke_workflow g", "superstep", "task a"]
        assert attributes(found.named("task a"))["gen_ai.response.model"] == "m"
    others.provider.shutdown()


def test_messages_outside_of_a_task_are_told_nowhere(traces: Traces) -> None:
    """And are no error."""
    traces.middleware().on_message(AIMessage("x"), {})
    assert traces.spans == []


WITHOUT = """
    import sys
    sys.modules["opentelemetry"] = None
    try:
        import graphflow.integrations.otel
    except ImportError as error:
        assert "pip install 'graphflow-engine[otel]'" in str(error)
    else:
        raise AssertionError
"""


def test_without_opentelemetry_the_import_says_what_to_install() -> None:
    """The rest of the package does without."""
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", dedent(WITHOUT)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
