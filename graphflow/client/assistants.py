"""`client.assistants`: finds the graphs, and what they take and return."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from operator import itemgetter
from typing import Any, Literal, Unpack, cast

from graphflow.client._books import chosen, fits
from graphflow.client._entries import new_id, now
from graphflow.client._face import request
from graphflow.client._jsonschemas import schemas_of
from graphflow.client._runner import Runner
from graphflow.client._wire import sent
from graphflow.client.errors import ConflictError, NotFoundError, UnprocessableEntityError
from graphflow.client.schema import (
    Assistant,
    AssistantsSearchResponse,
    Config,
    GraphSchema,
    OnConflictBehavior,
    Sent,
    SortOrder,
    Subgraphs,
)
from graphflow.constants import END

__all__ = ("AssistantsClient",)


class AssistantsClient:
    """Finds the graphs, and what they take and return.

    Each graph is an assistant by itself; others are graphs with a config of their own. All
    methods take the id of an assistant, or the name of a graph for the one that it is by itself.
    """

    def __init__(self, runner: Runner) -> None:
        """Made by the client."""
        self._books = runner.books

    def _named(self, assistant_id: str) -> Assistant:
        """Return an assistant.

        Raises:
            NotFoundError: if there is none.
        """
        found = self._books.assistant(assistant_id)
        if found is None:
            raise NotFoundError(f"Assistant with ID {assistant_id} not found")
        return found

    @request
    async def get(self, assistant_id: str, **_: Unpack[Sent]) -> Assistant:
        """Return an assistant.

        Raises:
            NotFoundError: if there is none.
        """
        return deepcopy(self._named(assistant_id))

    @request
    async def get_graph(
        self, assistant_id: str, *, xray: int | bool = False, **_: Unpack[Sent]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the drawing of a graph: its `nodes`, and its `edges`.

        Args:
            assistant_id: the assistant.
            xray: whether graphs inside are drawn open, or how many levels of them.

        Raises:
            NotFoundError: if there is no such assistant.
        """
        hosted = self._books.graph(self._named(assistant_id)["graph_id"])
        told = hosted.graph.get_graph(xray=xray).to_json()
        return {"nodes": [_drawn(node) for node in told["nodes"]], "edges": told["edges"]}

    @request
    async def get_schemas(self, assistant_id: str, **_: Unpack[Sent]) -> GraphSchema:
        """Return JSON Schemas of what a graph takes, keeps and returns.

        Raises:
            NotFoundError: if there is no such assistant.
        """
        hosted = self._books.graph(self._named(assistant_id)["graph_id"])
        return {"graph_id": hosted.id, **schemas_of(hosted.id, hosted.graph)}

    @request
    async def get_subgraphs(
        self,
        assistant_id: str,
        namespace: str | None = None,
        recurse: bool = False,  # noqa: FBT001, FBT002 - the SDK's
        **_: Unpack[Sent],
    ) -> Subgraphs:
        """Return the schemas of the graphs inside a graph, by the names of their nodes.

        Args:
            assistant_id: the assistant.
            namespace: only that of this name.
            recurse: whether graphs inside those are told of, too.

        Raises:
            NotFoundError: if there is no such assistant.
        """
        hosted = self._books.graph(self._named(assistant_id)["graph_id"])
        found = hosted.graph.get_subgraphs(namespace=namespace, recurse=recurse)
        return {name: schemas_of(name, graph) for name, graph in found}

    # -------------------------------------------------------------------------------- searching

    @request
    async def search(  # noqa: PLR0913 - the SDK's
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: SortOrder | None = None,
        select: Sequence[str] | None = None,
        response_format: Literal["array", "object"] = "array",
        **_: Unpack[Sent],
    ) -> Any:  # noqa: ANN401 - list[Assistant] or AssistantsSearchResponse, by response_format
        """Return the assistants that have all that is said.

        Args:
            metadata: facts that they have.
            graph_id: their graph.
            name: a part of their name.
            limit: how many at the most.
            offset: how many to leave out first.
            sort_by: by what they are sorted; `"created_at"` unless said.
            sort_order: `"desc"` unless said.
            select: which keys of each to return.
            response_format: `"object"` for a dict that has them as `assistants`.

        Raises:
            UnprocessableEntityError: if no assistant has what they are to be sorted by.
        """
        found = self._found(metadata, graph_id, name)
        key = sort_by or "created_at"
        if key not in Assistant.__annotations__:
            raise UnprocessableEntityError(f"sort_by is {key!r}, by which none is sorted")
        found.sort(key=cast("Any", itemgetter(key)), reverse=sort_order != "asc")
        told = chosen(deepcopy(found[offset : offset + limit]), select)
        if response_format == "array":
            return told
        response: AssistantsSearchResponse = {"assistants": told, "next": None}
        return response

    @request
    async def count(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        **_: Unpack[Sent],
    ) -> int:
        """Return how many assistants `search` would find."""
        return len(self._found(metadata, graph_id, name))

    def _found(
        self, metadata: Mapping[str, Any] | None, graph_id: str | None, name: str | None
    ) -> list[Assistant]:
        """Return the assistants that have all that is said."""
        return [
            one
            for one in self._books.current.values()
            if fits(one["metadata"], metadata)
            and graph_id in (None, one["graph_id"])
            and (name or "").lower() in one["name"].lower()
        ]

    # ---------------------------------------------------------------------------------- editing

    @request
    async def create(  # noqa: PLR0913 - the SDK's
        self,
        graph_id: str,
        config: Config | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        assistant_id: str | None = None,
        if_exists: OnConflictBehavior | None = None,
        name: str | None = None,
        description: str | None = None,
        **_: Unpack[Sent],
    ) -> Assistant:
        """Make an assistant.

        Args:
            graph_id: its graph.
            config: what its runs are configured with, under what they say themselves.
            context: the context of its runs, under what they say themselves.
            metadata: facts about it.
            assistant_id: its id; a new one unless said.
            if_exists: `"do_nothing"` to return the assistant that has the id already.
            name: its name.
            description: what it is for.

        Raises:
            NotFoundError: if there is no such graph.
            ConflictError: if there is an assistant of this id.
        """
        hosted, key, at = self._books.graph(graph_id), assistant_id or new_id(), now()
        found = self._books.current.get(key)
        if found is not None:
            if if_exists == "do_nothing":
                return deepcopy(found)
            raise ConflictError(f"Assistant {key} already exists")
        made: Assistant = {
            "assistant_id": key,
            "graph_id": hosted.id,
            "config": sent(config or {}),
            "context": sent(context or {}),
            "metadata": sent(metadata or {}),
            "name": name or "Untitled",
            "created_at": at,
            "updated_at": at,
            "version": 1,
            "description": description,
        }
        self._books.current[key] = made
        self._books.assistants[key] = [made]
        return deepcopy(made)

    @request
    async def update(  # noqa: PLR0913 - the SDK's
        self,
        assistant_id: str,
        *,
        graph_id: str | None = None,
        config: Config | None = None,
        context: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
        description: str | None = None,
        **_: Unpack[Sent],
    ) -> Assistant:
        """Make another version of an assistant, which becomes the current one.

        Args:
            assistant_id: the assistant.
            graph_id: another graph.
            config: another config.
            context: another context.
            metadata: facts to be added.
            name: another name.
            description: another description.

        Raises:
            NotFoundError: if there is no such assistant, or graph.
        """
        old = self._named(assistant_id)
        given = {"config": config, "context": context, "name": name, "description": description}
        if graph_id is not None:
            given["graph_id"] = self._books.graph(graph_id).id
        versions = self._books.assistants[old["assistant_id"]]
        made = cast(
            "Assistant",
            {
                **deepcopy(old),
                **{key: sent(value) for key, value in given.items() if value is not None},
                "metadata": {**old["metadata"], **sent(metadata or {})},
                "version": max(one["version"] for one in versions) + 1,
                "updated_at": now(),
            },
        )
        versions.append(made)
        self._books.current[old["assistant_id"]] = made
        return deepcopy(made)

    @request
    async def delete(
        self, assistant_id: str, *, delete_threads: bool = False, **_: Unpack[Sent]
    ) -> None:
        """Forget an assistant.

        Args:
            assistant_id: the assistant.
            delete_threads: refused: delete them by `threads.delete`.

        Raises:
            NotFoundError: if there is none.
            NotImplementedError: if its threads are to go, too.
        """
        if delete_threads:
            msg = "delete_threads is not served in-process; delete them by threads.delete"
            raise NotImplementedError(msg)
        found = self._named(assistant_id)
        del self._books.current[found["assistant_id"]]
        del self._books.assistants[found["assistant_id"]]

    @request
    async def get_versions(
        self,
        assistant_id: str,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        **_: Unpack[Sent],
    ) -> list[Assistant]:
        """Return the versions of an assistant, the newest first.

        Raises:
            NotFoundError: if there is no such assistant.
        """
        versions = self._books.assistants[self._named(assistant_id)["assistant_id"]]
        found = [one for one in versions[::-1] if fits(one["metadata"], metadata)]
        return deepcopy(found[offset : offset + limit])

    @request
    async def set_latest(self, assistant_id: str, version: int, **_: Unpack[Sent]) -> Assistant:
        """Make a version of an assistant the current one, and return it.

        Raises:
            NotFoundError: if there is no such assistant, or version.
        """
        found = self._named(assistant_id)
        for one in self._books.assistants[found["assistant_id"]]:
            if one["version"] == version:
                self._books.current[found["assistant_id"]] = one
                return deepcopy(one)
        raise NotFoundError(f"Assistant {assistant_id} has no version {version}")


def _drawn(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node of a drawing as a server tells it: not where its function is."""
    if node["id"] == END:
        return {**node}
    return {**node, "type": "runnable", "data": {"name": node["id"]}}
