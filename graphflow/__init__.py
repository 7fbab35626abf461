"""graphflow: graphs of Python functions over a shared state, run in supersteps, in your process.

Where things are:

    graph/        building: StateGraph, compile()         types.py   Send, Command, Overwrite
    compiled.py   running: invoke, stream, batch          errors.py  every exception, as a tree
    channels.py   how writes to a key combine             schema.py  reads a state class
    messages.py   lists of messages                       runtime.py what a node can ask
    interrupts.py asking people                           checkpoint/ storing threads
    _core/        the engine: pure, no await, no thread; begin with superstep.py
    _drive/       what performs its effects: asyncio, trio, threads
"""

from typing import TYPE_CHECKING

from graphflow.config import RunnableConfig, get_config, get_store, get_stream_writer
from graphflow.constants import END, START
from graphflow.errors import (
    CheckpointError,
    CodecError,
    EmptyInputError,
    GraphRecursionError,
    GraphValidationError,
    InterruptError,
    InvalidUpdateError,
    ThreadBusyError,
    UnknownInterruptError,
)
from graphflow.graph.state import CompiledStateGraph, StateGraph
from graphflow.interrupts import Interrupt, aonce, interrupt, once
from graphflow.messages import REMOVE_ALL_MESSAGES, MessagesState, RemoveMessage, add_messages
from graphflow.runtime import Runtime, get_runtime
from graphflow.types import (
    Command,
    Durability,
    OnBusy,
    Overwrite,
    PregelTask,
    Send,
    StateSnapshot,
    StateUpdate,
    StreamMode,
    StreamWriter,
)

if TYPE_CHECKING:
    __version__: str

__all__ = (
    "END",
    "REMOVE_ALL_MESSAGES",
    "START",
    "CheckpointError",
    "CodecError",
    "Command",
    "CompiledStateGraph",
    "Durability",
    "EmptyInputError",
    "GraphRecursionError",
    "GraphValidationError",
    "Interrupt",
    "InterruptError",
    "InvalidUpdateError",
    "MessagesState",
    "OnBusy",
    "Overwrite",
    "PregelTask",
    "RemoveMessage",
    "RunnableConfig",
    "Runtime",
    "Send",
    "StateGraph",
    "StateSnapshot",
    "StateUpdate",
    "StreamMode",
    "StreamWriter",
    "ThreadBusyError",
    "UnknownInterruptError",
    "add_messages",
    "aonce",
    "get_config",
    "get_runtime",
    "get_store",
    "get_stream_writer",
    "interrupt",
    "once",
)


def __getattr__(name: str) -> str:
    """Find the version when it is asked for: reading package metadata costs 20 ms."""
    if name != "__version__":
        msg = f"module 'graphflow' has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("graphflow-engine")
