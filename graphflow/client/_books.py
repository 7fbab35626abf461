"""What the client keeps in memory beside what checkpointers do: assistants, threads and runs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from uuid import UUID, uuid5

from graphflow.checkpoint.base import BaseCheckpointSaver
from graphflow.checkpoint.memory import InMemorySaver
from graphflow.client._entries import Graph, Hosted, RunEntry, ThreadEntry, now
from graphflow.client.errors import NotFoundError, UnprocessableEntityError
from graphflow.client.schema import Assistant
from graphflow.compiled import CompiledStateGraph
from graphflow.errors import shown

_SPACE: Final = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""The namespace of the ids that a server gives to the assistants that graphs have by themselves."""


class Books:
    """All that the client knows.

    Args:
        graphs: the graphs by their names.
    """

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        """Give a checkpointer to each graph that has none, and each graph an assistant.

        Raises:
            TypeError: if something is no compiled graph.
        """
        own = InMemorySaver()
        self.graphs = {name: _hosted(name, graph, own) for name, graph in graphs.items()}
        self.threads: dict[str, ThreadEntry] = {}
        self.assistants: dict[str, list[Assistant]] = {}
        self.current: dict[str, Assistant] = {}
        for name in self.graphs:
            made = _assistant(name)
            self.current[made["assistant_id"]] = made
            self.assistants[made["assistant_id"]] = [made]

    def graph(self, name: str) -> Hosted:
        """Return a graph by its name.

        Raises:
            NotFoundError: if there is none.
        """
        if name not in self.graphs:
            raise NotFoundError(f"Graph {name!r} not found. Expected one of: {sorted(self.graphs)}")
        return self.graphs[name]

    def assistant(self, name: str) -> Assistant | None:
        """Return the assistant of an id, or the one that a graph has by itself."""
        return self.current.get(name) or self.current.get(assistant_id_of(name))

    def runnable(self, name: str) -> Assistant:
        """Return the assistant that a run names.

        Raises:
            UnprocessableEntityError: if there is none.
        """
        found = self.assistant(name)
        if found is None:
            raise UnprocessableEntityError(
                f"Invalid assistant: {name!r}. Must be either:\n- A valid assistant UUID, or\n"
                f"- One of the registered graphs: {', '.join(self.graphs)}"
            )
        return found

    async def thread(self, thread_id: str) -> ThreadEntry:
        """Return a thread; one that only a checkpointer knows becomes known.

        Raises:
            NotFoundError: if there is none.
        """
        if thread_id not in self.threads:
            for hosted in self.graphs.values():
                if await hosted.has(thread_id):
                    snapshot = await hosted.state(thread_id)
                    entry = ThreadEntry(thread_id, {"graph_id": hosted.id}, ran=True)
                    entry.settle(snapshot)
                    return self.threads.setdefault(thread_id, entry)
            raise NotFoundError(f"Thread with ID {thread_id} not found")
        return self.threads[thread_id]

    def hosted(self, thread: ThreadEntry) -> Hosted | None:
        """Return the graph that a thread is of, if it has had a run."""
        return self.graphs.get(str(thread.metadata.get("graph_id")))

    def runs(self) -> Iterator[RunEntry]:
        """Yield all runs of all threads."""
        for thread in self.threads.values():
            yield from thread.runs.values()


def assistant_id_of(graph_id: str) -> str:
    """Return the id of the assistant that a graph has by itself: the same as on a server."""
    return str(uuid5(_SPACE, graph_id))


def _assistant(graph_id: str) -> Assistant:
    """Return the assistant that a graph has by itself."""
    at = now()
    return {
        "assistant_id": assistant_id_of(graph_id),
        "graph_id": graph_id,
        "config": {},
        "context": {},
        "metadata": {"created_by": "system"},
        "name": graph_id,
        "created_at": at,
        "updated_at": at,
        "version": 1,
        "description": None,
    }


def _hosted(name: str, graph: Graph, own: BaseCheckpointSaver) -> Hosted:
    """Return a graph as the client runs it.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(name, str) or not isinstance(graph, CompiledStateGraph):  # pyright: ignore[reportUnnecessaryIsInstance] - a user may give anything
        msg = (
            f"get_client takes a dict of compiled graphs by their names, such as "
            f'{{"agent": builder.compile()}}, not {shown(graph)} under {shown(name)}'
        )
        raise TypeError(msg)
    saver = graph.checkpointer
    if saver is None:
        return Hosted(name, graph.stored_in(own), own)
    return Hosted(name, graph, saver)


def chosen(entries: Iterable[Any], select: Iterable[str] | None) -> list[Any]:
    """Return dicts with the keys that were asked for, or all."""
    if select is None:
        return [*entries]
    keys = [*select]
    return [{key: entry[key] for key in keys if key in entry} for entry in entries]


def fits(facts: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether facts contain others, at any depth."""
    for key, value in (wanted or {}).items():
        there = facts.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            if not fits(cast("Mapping[str, Any]", there), cast("Mapping[str, Any]", value)):
                return False
        elif key not in facts or there != value:
            return False
    return True
