"""The client of a LangGraph server, without the server: graphs are run in this process.

An application that was written with `langgraph_sdk` runs, and is tested, with nothing changed but
the import and what `get_client` is given: a dict of compiled graphs in place of an address.

    runs.py, threads.py, assistants.py   what can be asked for
    _runner.py                           runs: one at a time on each thread
    _books.py                            what is known of threads and runs
    _sync.py                             all of it without an event loop
"""

from collections.abc import Mapping
from typing import Any

from graphflow.client._client import LangGraphClient
from graphflow.client._entries import Graph
from graphflow.client._sync import SyncLangGraphClient

__all__ = ("LangGraphClient", "SyncLangGraphClient", "get_client", "get_sync_client")


def get_client(
    graphs: Mapping[str, Graph],
    *,
    api_key: str | None = None,  # noqa: ARG001 - the SDK's
    headers: Mapping[str, str] | None = None,  # noqa: ARG001 - as above
    timeout: Any = None,  # noqa: ANN401, ARG001 - as above
) -> LangGraphClient:
    """Return a client that runs graphs in this process.

    Use it by `async with`, which ends all runs on leaving. On asyncio a plain call will do, too;
    `aclose()` then ends them.

    Args:
        graphs: the compiled graphs by their names. Threads are stored in a graph's checkpointer;
            a graph that has none is given one in memory.
        api_key: the SDK's; changes nothing, as do the next two.
        headers: see above.
        timeout: see above.

    Raises:
        TypeError: if something is no compiled graph.
    """
    return LangGraphClient(graphs)


def get_sync_client(
    graphs: Mapping[str, Graph],
    *,
    api_key: str | None = None,  # noqa: ARG001 - the SDK's
    headers: Mapping[str, str] | None = None,  # noqa: ARG001 - as above
    timeout: Any = None,  # noqa: ANN401, ARG001 - as above
) -> SyncLangGraphClient:
    """Return a client for code without an event loop; use it by `with`, or `close()` it.

    Args:
        graphs: see `get_client`.
        api_key: see there.
        headers: see there.
        timeout: see there.

    Raises:
        TypeError: if something is no compiled graph.
    """
    return SyncLangGraphClient(graphs)
