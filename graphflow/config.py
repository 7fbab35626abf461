"""The configuration of a run, and the functions that find it from inside a node."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from graphflow._scope import current
from graphflow.errors import did_you_mean, quoted
from graphflow.types import StreamWriter

__all__ = (
    "DEFAULT_RECURSION_LIMIT",
    "RunnableConfig",
    "get_config",
    "get_store",
    "get_stream_writer",
)

DEFAULT_RECURSION_LIMIT: Final = 10_007
"""How many supersteps a run may take unless its config says otherwise; LangGraph's number."""


class RunnableConfig(TypedDict, total=False):
    """What a caller may set for one run, or for all runs with `graph.with_config(...)`.

    Attributes:
        tags: words for whoever watches runs.
        metadata: facts for whoever watches runs; nodes see it with their own facts added.
        callbacks: handed on to nodes as they are; graphflow calls none.
        run_name: the run's name, for whoever watches runs.
        max_concurrency: how many tasks of a superstep may run at once; None for all.
        recursion_limit: how many supersteps the run may take, at least 1.
        configurable: values for nodes to read.
        run_id: the run's id.
    """

    tags: list[str]
    metadata: dict[str, Any]
    callbacks: Any
    run_name: str | None
    max_concurrency: int | None
    recursion_limit: int
    configurable: dict[str, Any]
    run_id: Any


_KEYS: Final = RunnableConfig.__annotations__.keys()


def merged(*configs: Mapping[str, Any] | None) -> RunnableConfig:
    """Join configs, later ones over earlier ones; tags, metadata and configurable are joined too.

    Raises:
        TypeError: if a config is no dict, or a value of the wrong type.
        ValueError: if a key is unknown, or a number too small.
    """
    joined: dict[str, Any] = {}
    for config in configs:
        if not config:
            continue
        _check(config)
        for key, value in config.items():
            if value is None:
                continue
            if key == "tags":
                joined[key] = [
                    *joined.get(key, ()),
                    *(t for t in value if t not in joined.get(key, ())),
                ]
            elif key in ("metadata", "configurable"):
                joined[key] = {**joined.get(key, {}), **value}
            else:
                joined[key] = value
    return cast("RunnableConfig", joined)


def _check(config: object) -> None:
    """Raise the error that tells what is wrong with a caller's config."""
    if not isinstance(config, Mapping):
        msg = f"config must be a dict such as {{'recursion_limit': 50}}, not {config!r}"
        raise TypeError(msg)
    known = cast("Mapping[str, Any]", config)
    for key, value in known.items():
        if key not in _KEYS:
            msg = (
                f"config has the unknown key {key!r}{did_you_mean(key, _KEYS)}; it takes "
                f"{quoted(_KEYS)}, and what nodes are to read goes into 'configurable'"
            )
            raise ValueError(msg)
        if value is not None:
            _check_value(key, value)


def _check_value(key: str, value: object) -> None:
    """Raise the error that tells why `value` cannot stand under `key`."""
    if key in ("recursion_limit", "max_concurrency"):
        if not isinstance(value, int) or isinstance(value, bool):
            msg = f"config[{key!r}] must be a whole number, not {value!r}"
            raise TypeError(msg)
        if value < 1:
            msg = f"config[{key!r}] must be at least 1, not {value}"
            raise ValueError(msg)
    elif key in ("metadata", "configurable") and not isinstance(value, Mapping):
        msg = f"config[{key!r}] must be a dict, not {value!r}"
        raise TypeError(msg)
    elif key == "tags" and (isinstance(value, str) or not isinstance(value, Sequence)):
        msg = f"config['tags'] must be a list of words, not {value!r}"
        raise TypeError(msg)


def get_config() -> RunnableConfig:
    """Return the configuration of the running task: the run's, with the task's metadata added.

    Raises:
        RuntimeError: if no node is running here.
    """
    return current().config


def get_store() -> Any:  # noqa: ANN401 - whatever the application compiled the graph with
    """Return what `compile(store=...)` was given.

    Raises:
        RuntimeError: if no node is running here.
    """
    return current().runtime.store


def get_stream_writer() -> StreamWriter:
    """Return the function that puts one item into the custom stream of this run.

    It does nothing if nobody asked for `stream_mode="custom"`.

    Raises:
        RuntimeError: if no node is running here.
    """
    return current().write
