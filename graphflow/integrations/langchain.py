"""The messages of LangChain as values that a checkpoint can hold.

A state whose annotations name them (`list[AnyMessage]`) needs nothing of this. One that only says
`list` or `BaseMessage` is compiled with `compile(types=TYPES)`.
"""

from typing import Final

from graphflow.checkpoint.registry import Registry

try:
    from langchain_core.documents import Document
    from langchain_core.messages import (
        AIMessage,
        AIMessageChunk,
        ChatMessage,
        ChatMessageChunk,
        FunctionMessage,
        FunctionMessageChunk,
        HumanMessage,
        HumanMessageChunk,
        RemoveMessage,
        SystemMessage,
        SystemMessageChunk,
        ToolMessage,
        ToolMessageChunk,
    )
except ImportError as error:
    raise ImportError(
        "graphflow.integrations.langchain needs LangChain's messages; install the package "
        "'langchain-core'"
    ) from error

__all__ = ("TYPES", "register")

TYPES: Final[tuple[type, ...]] = (
    HumanMessage,
    HumanMessageChunk,
    AIMessage,
    AIMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    ChatMessage,
    ChatMessageChunk,
    RemoveMessage,
    Document,
)
"""For `compile(types=TYPES)`: the messages, their chunks, and the documents that tools return."""


def register(registry: Registry) -> None:
    """Register all of `TYPES`."""
    for cls in TYPES:
        registry.learn_class(cls)
