"""A program for a LangGraph server, run without one: its client is graphflow's.

    python examples/seed_client.py

`main` is what one writes with `langgraph_sdk`, line for line, but for two: the client is imported
from elsewhere, and is given graphs in place of an address. So is a test of such a program; see
docs/testing_servers.md.
"""

import asyncio
from typing import Annotated, Any, Literal, TypedDict

from graphflow import END, START, StateGraph, add_messages
from graphflow.client import get_client  # from langgraph_sdk import get_client

Message = dict[str, Any]


# What a server would serve: an agent that may look up the weather before it answers.


class State(TypedDict):
    """The conversation so far."""

    messages: Annotated[list[Message], add_messages]


def agent(state: State) -> State:
    """Ask for the weather, or answer if it is known; a real one would ask a model."""
    last = state["messages"][-1]
    if last["role"] == "tool":
        return {"messages": [{"role": "assistant", "content": f"It's {last['content']}"}]}
    city = last["content"].rpartition(" in ")[2]
    call = {"id": "call-1", "name": "weather", "args": {"city": city}}
    return {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}


def action(state: State) -> State:
    """Look up the weather; a real one would ask a service."""
    (call,) = state["messages"][-1]["tool_calls"]
    sky = "60 degrees and foggy." if call["args"]["city"] == "sf" else "90 degrees and sunny."
    return {"messages": [{"role": "tool", "content": sky, "tool_call_id": call["id"]}]}


def route(state: State) -> Literal["action", "__end__"]:
    """Look up the weather if the agent asked for it."""
    return "action" if state["messages"][-1].get("tool_calls") else END


builder = StateGraph(State)
builder.add_node(agent)
builder.add_node(action)
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", route)
builder.add_edge("action", "agent")
graph = builder.compile()


# The program.


async def main() -> None:
    """Ask a question on a new thread, and print what each node adds to it."""
    async with get_client({"agent": graph}) as client:  # get_client(url="http://localhost:2024")
        thread = await client.threads.create()
        question = {"role": "user", "content": "what's the weather in la"}
        async for chunk in client.runs.stream(
            thread["thread_id"],
            "agent",
            input={"messages": [question]},
            stream_mode="updates",
        ):
            if chunk.event == "updates":
                for node, update in chunk.data.items():
                    message = update["messages"][-1]
                    print(f"{node:8}{message['content'] or message['tool_calls'][0]['args']}")
        state = await client.threads.get_state(thread["thread_id"])
        print(f"{len(state['values']['messages'])} messages, next: {state['next']}")


if __name__ == "__main__":
    asyncio.run(main())
