"""Traces of runs for OpenTelemetry: a span for each run, each superstep and each task.

`compile(middleware=[OtelMiddleware()])`. Needs the extra `otel`; where spans go to is for the
application to say, with OpenTelemetry's own SDK.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal, final

from graphflow._core.trace import triggers_of_task
from graphflow._drive.scope import Scope
from graphflow._scope import CURRENT
from graphflow.errors import GraphBubbleUp, GraphInterrupt, TaskAbandoned
from graphflow.integrations._genai import Attributes, Spoken
from graphflow.middleware import RunInfo, SuperstepInfo

try:
    from opentelemetry import context, trace
    from opentelemetry.trace import Span, Status, StatusCode, TracerProvider
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise ImportError(
        "graphflow.integrations.otel needs OpenTelemetry's API: "
        "pip install 'graphflow-engine[otel]'"
    ) from error

if TYPE_CHECKING:
    from graphflow.runtime import ExecutionInfo

__all__ = ("OtelMiddleware",)

_FORMAT: Final = TraceContextTextMapPropagator()
_CARRIED: Final = ("traceparent", "tracestate")


@final
class _Open:
    """A span of ours that is open here.

    Attributes:
        key: what it is the span of.
        middleware: who has made it.
        span: the span.
        outer: that around it.
        recorded: of a run's: the error that is described in a span already.
        linked: of a run's: whether it was looked for what it goes on from.
        spoken: of a task's: what messages have said in it.
    """

    def __init__(self, key: tuple[object, ...], middleware: "OtelMiddleware", span: Span) -> None:
        self.key = key
        self.middleware = middleware
        self.span = span
        self.outer = _OPEN.get()
        # None for a run's own, which would hold itself.
        self._run = None if key[0] == "run" or self.outer is None else self.outer.run
        self.recorded: BaseException | None = None
        self.linked = False
        self.spoken = Spoken()

    @property
    def run(self) -> "_Open":
        """The span of the run which it belongs to; itself, if it is a run's."""
        return self if self._run is None else self._run


_OPEN: ContextVar[_Open | None] = ContextVar("graphflow_otel", default=None)


@final
class OtelMiddleware:
    """Middleware that makes spans of runs, supersteps and tasks, each inside the one around it.

    Graphs inside a graph are inside the task's span that runs them, on whatever thread or event
    loop. A graph inside another that has such middleware needs none, and if it has one it makes
    no second span.

    Args:
        tracer_provider: makes the spans; OpenTelemetry's global one if not given.
        operation: what a run is by the conventions for generative AI, `gen_ai.operation.name`:
            `"invoke_workflow"` or `"invoke_agent"`.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        *,
        operation: Literal["invoke_workflow", "invoke_agent"] = "invoke_workflow",
    ) -> None:
        self._provider = tracer_provider
        self._tracer = trace.get_tracer("graphflow", version("graphflow-engine"), tracer_provider)
        self._operation = operation

    @contextmanager
    def around_run(self, info: RunInfo) -> Generator[None]:
        """Make the span of a run; its context is stored with what the run stores."""
        kind = "agent" if self._operation == "invoke_agent" else "workflow"
        told: dict[str, Any] = {
            "gen_ai.operation.name": self._operation,
            f"gen_ai.{kind}.name": info.graph,
            "gen_ai.conversation.id": info.thread_id,
            **_where(info.run_id, info.thread_id, info.checkpoint_ns),
        }
        key = ("run", info.run_id, info.checkpoint_ns)
        with self._span(f"{self._operation} {info.graph}", key, told) as made:
            if made is not None and not info.checkpoint_ns:
                for name in _CARRIED:
                    info.metadata.pop(name, None)
                _FORMAT.inject(info.metadata, trace.set_span_in_context(made.span))
            yield

    @contextmanager
    def around_superstep(self, info: SuperstepInfo) -> Generator[None]:
        """Make the span of a superstep; the run's is linked to that which it goes on from."""
        run, here = info.run, _OPEN.get()
        if here is not None and run.continues and not here.run.linked:
            here.run.linked = True
            _link(here.run.span, run.continues)
        told: dict[str, Any] = {
            "graphflow.step": info.step,
            "graphflow.tasks": len(info.nodes),
            "graphflow.nodes": sorted({*info.nodes}),
            **_where(run.run_id, run.thread_id, run.checkpoint_ns),
        }
        key = ("superstep", run.run_id, run.checkpoint_ns, info.step)
        with self._span("superstep", key, told):
            yield

    @contextmanager
    def __call__(self, info: "ExecutionInfo") -> Generator[None]:
        """Make the span of a task."""
        scope = CURRENT.get()
        assert isinstance(scope, Scope), "it is entered inside a task"
        told: dict[str, Any] = {
            "graphflow.node": info.node,
            "graphflow.step": info.step,
            "graphflow.task_id": info.task_id,
            "graphflow.attempt": info.attempt,
            "graphflow.triggers": triggers_of_task(scope.task),
            **_where(info.run_id, info.thread_id, info.checkpoint_ns),
        }
        with self._span(f"task {info.node}", ("task", info.task_id), told):
            yield

    def on_message(self, message: object, metadata: Mapping[str, Any]) -> None:
        """Let a message that a task streams say, in the task's span, what its model call was.

        Provider, models, numbers of tokens and finish reasons, added up over the task's messages.

        Args:
            message: a message or a chunk of one.
            metadata: what the stream says of it, such as `ls_model_name`.
        """
        here = _OPEN.get()
        while here is not None and not (here.key[0] == "task" and self._is(here.middleware)):
            here = here.outer
        if here is not None:
            here.span.set_attributes(here.spoken.take(message, metadata))

    def _is(self, other: "OtelMiddleware") -> bool:
        """Tell whether another one makes spans for the same provider."""
        return self._provider is other._provider  # noqa: SLF001 - of the same class

    @contextmanager
    def _span(
        self, name: str, key: tuple[object, ...], told: Mapping[str, Any]
    ) -> Generator[_Open | None]:
        """Make a span, current until it is left; none where there is one of the same already."""
        outer = _OPEN.get()
        while outer is not None and outer.key == key:
            if self._is(outer.middleware):
                yield None
                return
            outer = outer.outer
        attributes: Attributes = {k: value for k, value in told.items() if value is not None}
        span = self._tracer.start_span(name, attributes=attributes)
        here = _Open(key, self, span)
        token, set_before = context.attach(trace.set_span_in_context(span)), _OPEN.set(here)
        try:
            yield here
        except BaseException as error:
            _ended_by(here, error)
            raise
        finally:
            here.recorded = None  # the error holds this frame
            _OPEN.reset(set_before)
            context.detach(token)
            span.end()


def _where(run_id: str, thread_id: str | None, ns: str) -> dict[str, Any]:
    """Return the attributes that all spans have."""
    return {
        "graphflow.run_id": run_id,
        "graphflow.thread_id": thread_id,
        "graphflow.checkpoint_ns": ns or None,
    }


def _link(span: Span, stored: Mapping[str, Any]) -> None:
    """Link a run's span to that of the run which it goes on from, if that had one."""
    carrier = {name: str(stored[name]) for name in _CARRIED if name in stored}
    earlier = trace.get_current_span(_FORMAT.extract(carrier, context.Context()))
    if earlier.get_span_context().is_valid:
        span.add_link(earlier.get_span_context(), {"graphflow.link": "continues"})


def _ended_by(here: _Open, error: BaseException) -> None:
    """Say in a span what it was left by; an error is described once, where it was raised."""
    span = here.span
    if isinstance(error, GraphBubbleUp) or _bubbles(error):
        _asked(here, error)
    elif isinstance(error, TaskAbandoned) or not isinstance(error, Exception):
        span.set_attribute("graphflow.cancelled", value=True)
    else:
        kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        if here.run.recorded is not error:
            span.record_exception(error)
        around: _Open | None = here.run
        while around is not None:  # the runs around this one may be ended by it, too
            around.recorded = error
            around = None if around.outer is None else around.outer.run


def _bubbles(error: BaseException) -> bool:
    """Tell whether an error is a group of nothing but what is no error."""
    return (
        isinstance(error, BaseExceptionGroup) and error.split(GraphBubbleUp)[1] is None  # pyright: ignore[reportUnknownMemberType] - of anything
    )


def _asked(here: _Open, error: BaseException) -> None:
    """Note what a task asks in its span and in its run's; that a graph was left is nothing."""
    found = [error] if isinstance(error, GraphInterrupt) else []
    if isinstance(error, BaseExceptionGroup):
        found = [one for one in error.exceptions if isinstance(one, GraphInterrupt)]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as above
    if not found:
        return
    ids = [each.id for one in found for each in one.interrupts]
    for span in (here.span, here.run.span):
        span.add_event("graphflow.interrupt", {"graphflow.interrupt.ids": ids})
