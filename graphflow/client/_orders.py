"""What a run is begun with: checked, and made into what the engine takes."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from graphflow.client._events import modes_of
from graphflow.client._states import config_of
from graphflow.client._wire import sent
from graphflow.client.errors import BadRequestError, UnprocessableEntityError
from graphflow.client.schema import Assistant
from graphflow.config import RunnableConfig
from graphflow.errors import did_you_mean, quoted
from graphflow.types import Command, Send

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "multitask_strategy": ("reject", "interrupt", "rollback", "enqueue"),
    "if_not_exists": ("create", "reject"),
    "on_completion": ("delete", "keep"),
    "on_disconnect": ("cancel", "continue"),
    "durability": ("sync", "async", "exit"),
    "version": ("v1", "v2"),
}

_REFUSED: Final[Mapping[str, str]] = {
    "webhook": "nobody is called when a run ends",
    "feedback_keys": "feedback is LangSmith's",
    "langsmith_tracing": "nothing is sent to LangSmith",
}


def check(options: Mapping[str, Any]) -> None:
    """Raise the error that tells what of a run's options cannot be.

    Raises:
        NotImplementedError: if something was given that only a server can do.
        UnprocessableEntityError: if a word is unknown.
        BadRequestError: if `context` and `config["configurable"]` are both given.
    """
    for name, why in _REFUSED.items():
        if options.get(name):
            msg = f"{name} cannot be served in-process: {why}"
            raise NotImplementedError(msg)
    for name, known in _WORDS.items():
        given = options.get(name)
        if given is not None and given not in known:
            raise UnprocessableEntityError(
                f"{name} is {given!r}{did_you_mean(given, known)}; there are {quoted(known)}"
            )
    if options.get("context") and cast("dict[str, Any]", options.get("config") or {}).get(
        "configurable"
    ):
        raise BadRequestError(
            "Cannot specify both configurable and context. Prefer setting context alone. Context "
            "was introduced in LangGraph 0.6.0 and is the long term planned replacement for "
            "configurable."
        )


def kwargs_of(options: Mapping[str, Any], assistant: Assistant) -> dict[str, Any]:
    """Return what a run is begun with as plain JSON, with what its assistant has bound.

    Raises:
        TypeError: if something could not be sent.
    """
    bound, given = assistant["config"], sent(options.get("config") or {})
    context = {**assistant["context"], **sent(options.get("context") or {})}
    configurable = {**bound.get("configurable", {}), **given.get("configurable", {})}
    during = options.get("checkpoint_during")
    durability = options.get("durability") or ("exit" if during is False else "async")
    told = {name: sent(options.get(name)) for name in ("input", "command", "checkpoint")}
    told |= {
        "checkpoint_id": options.get("checkpoint_id"),
        "config": {**bound, **given, "configurable": configurable},
        "context": context or configurable,
        "stream_mode": modes_of(options.get("stream_mode")),
        "interrupt_before": sent(options.get("interrupt_before")),
        "interrupt_after": sent(options.get("interrupt_after")),
        "webhook": None,
        "feedback_keys": None,
        "subgraphs": bool(options.get("stream_subgraphs")),
        "resumable": bool(options.get("stream_resumable")),
        "checkpoint_during": durability != "exit",
        "durability": durability,
    }
    return told


def given_of(kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an input
    """Return the input of a run, or the Command in its place."""
    told = kwargs["command"]
    if not told:
        return kwargs["input"]
    goto: Any = told.get("goto") or []
    places: list[Any] = [goto] if isinstance(goto, (str, dict)) else goto
    update: Any = told.get("update")
    pairs = cast("list[list[object]]", update) if isinstance(update, list) else []
    return Command(
        resume=told.get("resume"),
        update=[tuple(pair) for pair in pairs] or update,
        goto=[one if isinstance(one, str) else Send(one["node"], one["input"]) for one in places],
    )


def run_config_of(
    kwargs: Mapping[str, Any], facts: Mapping[str, Any], run_id: str, thread_id: str
) -> RunnableConfig:
    """Return the config that a run of the engine has.

    Args:
        kwargs: what it was begun with.
        facts: its metadata.
        run_id: its id.
        thread_id: its thread.
    """
    given = kwargs["config"]
    named = config_of(thread_id, kwargs["checkpoint"], kwargs["checkpoint_id"])
    about = {name: facts[name] for name in ("graph_id", "assistant_id")}
    return cast(
        "RunnableConfig",
        {
            **given,
            "configurable": {
                **kwargs["context"],
                **given["configurable"],
                **about,
                "run_id": run_id,
                **named.get("configurable", {}),
            },
            "metadata": {
                **given.get("metadata", {}),
                **facts,
                "run_id": run_id,
                "thread_id": thread_id,
            },
            "run_id": run_id,
        },
    )


def context_of(kwargs: Mapping[str, Any], schema: object) -> Any:  # noqa: ANN401 - the schema's
    """Return the context of a run.

    Where `configurable` stands for it, that may hold more than the schema, if this is a dataclass.
    """
    context: dict[str, Any] = kwargs["context"]
    mirrored = context == kwargs["config"]["configurable"]
    if mirrored and isinstance(schema, type) and is_dataclass(schema):
        names = {field.name for field in fields(schema)}
        context = {key: value for key, value in context.items() if key in names}
    return context or None
