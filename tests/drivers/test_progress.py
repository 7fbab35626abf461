"""The live view of a run: what people see of it, on every driver, and that chunks are untouched."""

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console
from rich.jupyter import JupyterRenderable

from graphflow import END, START, Command, Send
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.errors import GraphInterrupt, GraphLeft, TaskAbandoned
from graphflow.progress import progress
from graphflow.progress._display import Display, end_of
from graphflow.progress._tally import Tally, names_of
from tests.drivers.backends import (
    PATIENCE,
    Driver,
    Gate,
    Graph,
    Kind,
    LoopDriver,
    State,
    ThreadsDriver,
    builder,
    made,
    says,
)
from tests.drivers.people import CONFIG, asks


class Clock:
    """A clock that only goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def takes(self, kind: Kind, seconds: float) -> Any:  # noqa: ANN401 - a node
        """Return a node that takes some time."""

        def node(_: object) -> None:
            self.now += seconds

        return made(kind, node)


def console(clock: Clock | None = None, *, live: bool = False, **options: Any) -> Console:  # noqa: ANN401 - of Console
    """Return a console, a terminal or not, that prints into its `file`."""
    given: dict[str, Any] = {"width": 80, "color_system": None, "get_time": clock or Clock()}
    return Console(file=io.StringIO(), force_terminal=live, **{**given, **options})


def printed(given: Console) -> list[str]:
    """Return the lines that a console has printed."""
    assert isinstance(given.file, io.StringIO)
    return given.file.getvalue().splitlines()


def seen(display: Display) -> list[str]:
    """Return the live view as it is now, line by line."""
    plain = console()
    plain.print(display.picture())
    return [line.rstrip() for line in printed(plain)]


def show(driver: Driver, graph: Graph, shown: Any, given: Any = None, **options: Any) -> list[Any]:  # noqa: ANN401 - a stream's
    """Read a stream that is shown, by a function of it; return the chunks."""
    chunks: list[Any] = []
    given = {} if given is None else given
    if isinstance(driver, LoopDriver):

        async def body() -> None:
            async for chunk in shown(graph.astream(given, **options)):
                chunks.append(chunk)  # noqa: PERF401 - what was read before an error counts, too

        driver.main(body)
    else:
        assert isinstance(driver, ThreadsDriver)
        for chunk in shown(graph.stream(given, **options)):
            chunks.append(chunk)  # noqa: PERF402 - as above
    return chunks


def on(given: Console) -> Callable[[Any], Any]:
    """Return what shows a stream on a console."""
    return lambda stream: progress(stream, console=given)


def within(display: Display) -> Callable[[Any], Any]:
    """Return what shows a stream on a display."""

    def shown(stream: Any) -> Any:  # noqa: ANN401 - a stream
        return stream.within(display)

    return shown


def fan_out(worker: Any, count: int) -> Graph:  # noqa: ANN401 - a node
    """Return a graph that sends to a worker so many times, and ends in `z`."""
    made = builder({"worker": worker, "z": says("sync", "z")}).add_edge("worker", "z")

    def sends(_: object) -> list[Send]:
        return [Send("worker", {"x": n}) for n in range(count)]

    made.add_conditional_edges(START, sends, ["worker"])
    return made.compile(name="g")


# ------------------------------------------------------------------------------------ the stream


@pytest.mark.parametrize("live", [False, True])
def test_chunks_are_what_they_were(driver: Driver, kind: Kind, *, live: bool) -> None:
    """Of all modes; and what is returned is the stream itself."""
    graph = fan_out(says(kind, "w"), 3)
    modes = ["values", "updates", "custom"]
    expected = driver.chunks(graph, stream_mode=modes)
    assert show(driver, graph, on(console(live=live)), stream_mode=modes) == expected
    stream = graph.stream({})
    assert progress(stream, console=console()) is stream


def test_what_is_no_stream_is_refused() -> None:
    """The error says what to give."""
    with pytest.raises(TypeError, match=r"graph\.stream.* returns, not \[\]"):
        progress([])  # type: ignore[type-var]  # no stream


def test_a_stream_that_nobody_reads_shows_nothing() -> None:
    """The view begins with the run."""
    given = console(live=True)
    progress(fan_out(says("sync", "w"), 1).stream({}), console=given)
    assert printed(given) == []


# --------------------------------------------------------------------------------- plain lines


def test_without_a_terminal_each_superstep_is_a_line(driver: Driver, kind: Kind) -> None:
    """And the run's end is one."""
    clock = Clock()
    given = console(clock)
    show(driver, fan_out(clock.takes(kind, 2), 3), on(given))
    assert printed(given) == [
        "superstep 1: worker 3/3; 6.0 s",
        "superstep 2: z; 0.0 s",
        "g: done, 2 supersteps, 6.0 s",
    ]


def test_it_is_shown_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """So that what the program prints can be piped on."""
    list(progress(fan_out(says("sync", "w"), 1).stream({})))
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1][:7]) == ("", "g: done")


def test_a_failure_is_told(driver: Driver, kind: Kind) -> None:
    """In the line of its superstep, and at the end."""

    def fails(given: Any) -> None:  # noqa: ANN401 - what was sent
        if given["x"] == 1:
            msg = "no answer\nat all"
            raise ConnectionError(msg)

    given = console()
    graph = fan_out(made(kind, fails), 3)
    with pytest.raises(ConnectionError):
        show(driver, graph, on(given), config={"max_concurrency": 1})
    assert printed(given) == [
        "superstep 1: worker 2/2 (1 failed, ConnectionError: no answer); 0.0 s",
        "g: failed: ConnectionError: no answer, 1 superstep, 0.0 s",
    ]


def test_a_question_is_told_and_so_is_the_rest_after_it(driver: Driver, kind: Kind) -> None:
    """An interrupt is no failure."""
    made = builder({"a": asks(kind, "?"), "b": says(kind, "b")})
    graph = made.add_edge(START, "a").add_edge("a", "b").compile(checkpointer=InMemorySaver())
    first, second = console(), console()
    show(driver, graph, on(first), config=CONFIG)
    assert printed(first) == [
        "superstep 1: a (waits for an answer); 0.0 s",
        "graphflow: waits for an answer, 1 superstep, 0.0 s",
    ]
    show(driver, graph, on(second), Command(resume="!"), config=CONFIG)
    assert printed(second) == [
        "superstep 1: a; 0.0 s",
        "superstep 2: b; 0.0 s",
        "graphflow: done, 2 supersteps, 0.0 s",
    ]


def test_a_stream_that_is_left_was_stopped(driver: Driver, kind: Kind) -> None:
    """Its view ends, too."""
    given = console()
    graph = fan_out(says(kind, "w"), 1)
    if isinstance(driver, LoopDriver):

        async def body() -> None:
            async with progress(graph.astream({}), console=given) as stream:
                await anext(stream)

        driver.main(body)
    else:
        with progress(graph.stream({}), console=given) as stream:
            next(stream)
    assert printed(given)[-1] == "g: stopped, 1 superstep, 0.0 s"


def test_what_was_cancelled_is_not_counted_as_failed(loop: LoopDriver) -> None:
    """A sibling of a failing task is one that was stopped."""
    gate, given = Gate(), console()

    async def waits(_: object) -> None:
        gate.open()
        await Gate().passed()

    async def fails(_: object) -> None:
        await gate.passed()
        raise ZeroDivisionError

    made = builder({"a": waits, "b": fails}).add_edge(START, "a").add_edge(START, "b")
    with pytest.raises(ZeroDivisionError):
        show(loop, made.compile(), on(given))
    assert printed(given)[0] == "superstep 1: a, b (ZeroDivisionError); 0.0 s"


# ------------------------------------------------------------------------------------ live views


def test_the_live_view_counts_a_fan_out(driver: Driver, kind: Kind) -> None:
    """What is through, what runs, and for how long."""
    clock, views = Clock(), list[list[str]]()
    display = Display(console(clock))

    def worker(_: object) -> None:
        clock.now += 1
        views.append(seen(display))

    show(
        driver,
        fan_out(made(kind, worker), 2),
        within(display),
        config={"max_concurrency": 1},
    )
    assert [view[0] for view in views] == ["g  superstep 1  1.0 s", "g  superstep 1  2.0 s"]
    assert [view[1].split()[-5:] for view in views] == [
        ["0/2", "1.0", "s", "1", "running"],
        ["1/2", "2.0", "s", "1", "running"],
    ]
    assert seen(display)[0] == "g  superstep 2  2.0 s  done"
    assert [line.split()[:2] for line in seen(display)[1:]] == [["✓", "worker"], ["✓", "z"]]


def test_graphs_inside_are_below_the_node_that_runs_them(driver: Driver, kind: Kind) -> None:
    """All runs of it are counted together."""
    display = Display(console())
    child = builder({"s": says(kind, "s"), "t": says(kind, "t")})
    graph = fan_out(child.add_edge(START, "s").add_edge("s", "t").compile(), 3)
    show(driver, graph, within(display))
    lines = seen(display)
    assert [line[: line.index("━") - 2].rstrip() for line in lines[1:4]] == [
        "✓ worker",
        "  ✓ s",
        "  ✓ t",
    ]
    assert [line.split()[-3] for line in lines[1:4]] == ["3/3"] * 3
    assert lines[4].startswith("✓ z")


def test_a_loop_counts_its_rounds(driver: Driver, kind: Kind) -> None:
    """A node that is run again and again has one line."""
    display = Display(console())
    made = builder({"a": says(kind, 1)}).add_edge(START, "a")

    def again(state: State) -> str:
        return "a" if len(state.get("log", [])) < 4 else END

    made.add_conditional_edges("a", again)
    show(driver, made.compile(), within(display))
    assert seen(display)[1].split() == ["✓", "a", "x4", "0.0", "s"]


def test_on_a_terminal_the_last_view_stays(driver: Driver, kind: Kind) -> None:
    """The cursor is shown again, and the thread that draws has ended."""
    given = console(live=True)
    show(driver, fan_out(says(kind, "w"), 3), on(given))
    lines = printed(given)
    assert "\x1b[?25h" in lines[-1]
    assert "done" in "".join(lines)
    for thread in threading.enumerate():
        if "Refresh" in type(thread).__name__:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_on_a_terminal_a_failure_ends_the_view(driver: Driver) -> None:
    """With the error in the first line."""

    def fails(_: object) -> None:
        raise ZeroDivisionError

    given = console(live=True)
    with pytest.raises(ZeroDivisionError):
        show(driver, fan_out(fails, 1), on(given))
    assert "failed: ZeroDivisionError" in "".join(printed(given))
    assert "\x1b[?25h" in printed(given)[-1]


def test_two_views_share_a_terminal() -> None:
    """A node may show the stream of a graph that it runs."""
    given = console(live=True)
    inner = fan_out(says("sync", "w"), 1)

    def node(_: object) -> dict[str, Any]:
        return {"log": [*progress(inner.stream({}), console=given)]}

    graph = builder({"a": node}).add_edge(START, "a").compile()
    chunks = list(progress(graph.stream({}), console=given))
    assert chunks == [{"a": {"log": [{"worker": {"log": ["w"]}}, {"z": {"log": ["z"]}}]}}]
    assert "worker" in "".join(printed(given))


def test_marks_fit_a_terminal_of_plain_letters() -> None:
    """One that cannot show others."""

    class Ascii(io.StringIO):
        encoding = "ascii"

    display = Display(Console(file=Ascii(), force_terminal=True, width=80))
    list(fan_out(says("sync", "w"), 1).stream({}).within(display))
    assert [line[:2] for line in seen(display)[1:]] == ["+ ", "+ "]


def test_a_narrow_terminal_has_no_bars() -> None:
    """The names and the numbers matter more."""
    given = console(width=40)
    display = Display(given)
    list(fan_out(says("sync", "w"), 3).stream({}).within(display))
    given.print(display.picture())
    assert [line.split() for line in printed(given)[-2:]] == [
        ["✓", "worker", "3/3", "0.0", "s"],
        ["✓", "z", "0.0", "s"],
    ]


def test_a_notebook_has_a_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an output of its own, which rich draws into."""
    shown: list[Any] = []

    class Output:
        def __enter__(self) -> None:
            """Begin to draw."""

        def __exit__(self, *_: object) -> None:
            """Have drawn."""

        def clear_output(self, *, wait: bool) -> None:
            """Forget what was drawn."""

    notebook, widgets = ModuleType("IPython.display"), ModuleType("ipywidgets")
    widgets.__spec__ = ModuleSpec("ipywidgets", None)
    monkeypatch.setattr(notebook, "display", shown.append, raising=False)
    monkeypatch.setattr(widgets, "Output", Output, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    given = Console(force_jupyter=True, width=80)
    list(progress(fan_out(says("sync", "w"), 3).stream({}), console=given))
    views = [each.text for each in shown if isinstance(each, JupyterRenderable)]
    assert any("3/3" in view for view in views)


def test_a_notebook_without_widgets_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no warning at each drawing."""

    def finds_none(_: str) -> None:
        return None

    monkeypatch.setattr("graphflow.progress._display.find_spec", finds_none)
    assert Display(Console(force_jupyter=True)).is_live is False


# -------------------------------------------------------------------------------------- the tally


def test_a_task_that_is_begun_again_was_retried() -> None:
    """It has not failed any more."""
    tally = Tally()
    step = tally.begin("", 1, ["a", "a"], 0)
    for now, end in ((0, "failed"), (2, "failed"), (5, "done")):
        tally.start("a:1", 1, "1", now)
        tally.end(step, "a", "1", now + 1, end)  # type: ignore[arg-type]  # a word
    row = tally.top.rows["a"]
    assert (row.retries, row.through, row.total) == (2, 1, 2)
    assert row.seconds(100) == 3
    tally.close("", step)
    assert (row.through, row.total) == (1, 1)


def test_what_has_not_begun_when_its_superstep_ends_never_will() -> None:
    """So the next round is counted from the beginning."""
    tally = Tally()
    step = tally.begin("a:1", 1, ["s"] * 5, 0)
    tally.start("a:1|s:7", 1, "7", 0)
    tally.end(step, "s", "7", 1, "stopped")
    tally.close("a:1", step)
    (_, outer), (depth, row) = tally.top.walk()
    assert (outer.name, depth, row.name, row.total) == ("a", 1, "s", 1)


def test_two_runs_of_one_memory_are_counted() -> None:
    """Their namespaces are the same, since a memory's names no task."""
    tally = Tally()
    steps = [tally.begin("a", 1, ["s"], 0) for _ in "12"]
    ended = [tally.start("a|s:1", 1, "1", 0), tally.start("a|s:2", 1, "2", 0)]
    for step, name in ended:
        tally.end(step, name, "", 1, "done")
    for step in steps:
        tally.close("a", step)
    row = tally.top.rows["a"].rows["s"]
    assert (row.total, row.through) == (2, 2)


def test_namespaces_name_nodes() -> None:
    """Whatever ids and numbers are in them."""
    assert names_of("") == []
    assert names_of("a:12|1|b:5|c|2") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (GraphInterrupt([]), "waiting"),
        (BaseExceptionGroup("", [GraphInterrupt([])]), "waiting"),
        (GraphLeft(), "done"),
        (BaseExceptionGroup("", [GraphLeft()]), "done"),
        (ExceptionGroup("", [ValueError()]), "failed"),
        (ValueError(), "failed"),
        (TaskAbandoned("a"), "stopped"),
        (KeyboardInterrupt(), "stopped"),
    ],
    ids=repr,
)
def test_how_a_task_has_ended(error: BaseException, end: str) -> None:
    """What a thread is told that nobody waits for is a cancel."""
    assert end_of(error) == end


WITHOUT = """
    import sys
    sys.modules["rich.console"] = None
    try:
        import graphflow.progress
    except ImportError as error:
        assert "pip install 'graphflow-engine[cli]'" in str(error)
    else:
        raise AssertionError
"""


def test_without_rich_the_import_says_what_to_install() -> None:
    """The rest of the package does without."""
    done = subprocess.run(  # noqa: S603 - the code is written in this file
        [sys.executable, "-c", dedent(WITHOUT)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
