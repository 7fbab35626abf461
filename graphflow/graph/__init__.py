"""Building graphs: the names that `langgraph.graph` has."""

from graphflow.constants import END, START
from graphflow.graph.state import StateGraph
from graphflow.messages import MessagesState, add_messages

__all__ = ("END", "START", "MessagesState", "StateGraph", "add_messages")
