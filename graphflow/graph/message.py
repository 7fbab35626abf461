"""The names that `langgraph.graph.message` has; `graphflow.messages` holds them."""

from graphflow.messages import REMOVE_ALL_MESSAGES, MessagesState, RemoveMessage, add_messages

__all__ = ("REMOVE_ALL_MESSAGES", "MessagesState", "RemoveMessage", "add_messages")
