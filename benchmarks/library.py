"""A library under test, behind the few names that LangGraph and graphflow share."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Protocol

GRAPHFLOW = "graphflow"
LANGGRAPH = "langgraph"
NAMES = (GRAPHFLOW, LANGGRAPH)

AnyState = type[Any]


Config = Mapping[str, object]


class Graph(Protocol):
    """A compiled graph."""

    def invoke(
        self, given: Mapping[str, object], config: Config | None = None, /, **options: object
    ) -> dict[str, Any]:
        """Run to the end on this thread."""
        ...

    async def ainvoke(
        self, given: Mapping[str, object], config: Config | None = None, /, **options: object
    ) -> dict[str, Any]:
        """Run to the end on the event loop."""
        ...

    def astream(
        self,
        given: Mapping[str, object],
        config: Config | None = None,
        /,
        *,
        stream_mode: str | list[str],
    ) -> AsyncGenerator[Any, None]:
        """Run, giving chunks as they come."""
        ...

    def get_state(self, config: Config, /) -> Any:  # noqa: ANN401 - each library has its own type
        """Read a thread, or one of its checkpoints."""
        ...

    async def aget_state(self, config: Config, /) -> Any:  # noqa: ANN401 - the same
        """Read a thread on the event loop."""
        ...

    def get_state_history(self, config: Config, /) -> Iterable[Any]:
        """Read a thread's checkpoints, the newest first."""
        ...


class Builder(Protocol):
    """A graph being built."""

    def add_node(self, name: str, action: Callable[..., object], /, **options: object) -> object:
        """Add a node."""
        ...

    def add_edge(self, source: str, target: str, /) -> object:
        """Add an edge."""
        ...

    def add_conditional_edges(self, source: str, path: Callable[..., object], /) -> object:
        """Add a branch whose targets `path` chooses."""
        ...

    def compile(self, **options: object) -> Graph:
        """Freeze the graph."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What must be known of a library before it is imported.

    Attributes:
        name: The import package.
        distribution: What pip calls it.
        import_statement: What a user types first; its cost is measured by `startup`.
        backends: The event loops it can run on.
    """

    name: str
    distribution: str
    import_statement: str
    backends: tuple[str, ...]


FACTS = {
    GRAPHFLOW: Facts(
        GRAPHFLOW, "graphflow-engine", "import graphflow", ("asyncio", "uvloop", "trio", "none")
    ),
    LANGGRAPH: Facts(
        LANGGRAPH,
        LANGGRAPH,
        # `import langgraph` alone is a namespace package: it loads nothing.
        "from langgraph.graph import StateGraph",
        ("asyncio", "uvloop", "none"),
    ),
}


@dataclass(frozen=True, slots=True)
class Library:
    """The names a benchmark needs from one library."""

    facts: Facts
    start: str
    end: str
    state_graph: Callable[..., Builder]
    send: Callable[[str, object], object]
    get_stream_writer: Callable[[], Callable[[object], None]]

    @property
    def name(self) -> str:
        """The import package."""
        return self.facts.name

    @property
    def version(self) -> str:
        """The installed version, or "source" where it runs from a checkout."""
        try:
            return version(self.facts.distribution)
        except PackageNotFoundError:
            return "source"


def is_installed(name: str) -> bool:
    """Tell whether `load(name)` would find the library."""
    return find_spec(name) is not None


def load(name: str) -> Library:
    """Import the library called `name`, by the import paths that both libraries have."""
    graph = import_module(f"{name}.graph")
    return Library(
        facts=FACTS[name],
        start=graph.START,
        end=graph.END,
        state_graph=graph.StateGraph,
        send=import_module(f"{name}.types").Send,
        get_stream_writer=import_module(f"{name}.config").get_stream_writer,
    )
