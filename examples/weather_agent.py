"""A weather agent: a model and a tool take turns until the question is answered.

    python examples/weather_agent.py

No network and no key: the weather is a recorded sample and the model follows a script, so every
run prints the same. For a real agent call your model in `scripted_model` and your weather service
in `weather`; the graph stays as it is.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict

from graphflow import END, START, StateGraph, add_messages


class Observation(TypedDict):
    """What one station saw, as kept in `data/weather.json`."""

    city: str
    station: str
    time: str
    temperature: float
    wind: str
    sky: str


class ToolCall(TypedDict):
    """The model's wish to have a tool run for it."""

    id: str
    name: str
    args: dict[str, str]


class Message(TypedDict):
    """One line of the conversation, a plain dict."""

    role: Literal["user", "assistant", "tool"]
    content: str
    tool_calls: NotRequired[list[ToolCall]]
    tool_call_id: NotRequired[str]


class State(TypedDict):
    """All that the graph knows: the conversation so far."""

    # A node returns only the messages it adds. add_messages is the reducer that appends them;
    # without one, each update would replace the conversation.
    messages: Annotated[list[Message], add_messages]


DATA = Path(__file__).parent / "data" / "weather.json"
OBSERVATIONS: dict[str, Observation] = json.loads(DATA.read_text("utf-8"))["observations"]

QUESTIONS = ("what's the weather in la", "and in atlantis or nyc")


# The tool and the model: ordinary functions that know nothing of graphs.


def weather(city: str) -> str:
    """Look up a city and answer as a web service would, in JSON."""
    unknown = {"error": f"no weather station in {city}"}
    return json.dumps(OBSERVATIONS.get(city, unknown))


async def scripted_model(messages: list[Message]) -> Message:
    """Ask for the weather of each city in the last question, one at a time, then answer."""
    asked_at = max(at for at, message in enumerate(messages) if message["role"] == "user")
    cities = cities_in(messages[asked_at]["content"])
    results = [message["content"] for message in messages[asked_at:] if message["role"] == "tool"]
    if len(results) == len(cities):
        return {"role": "assistant", "content": " ".join(in_words(result) for result in results)}
    call: ToolCall = {
        "id": f"call-{len(messages)}",
        "name": "weather",
        "args": {"city": cities[len(results)]},
    }
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def cities_in(question: str) -> list[str]:
    """Find the cities a question asks for: `... in la or nyc` gives `["la", "nyc"]`."""
    _, _, places = question.lower().rpartition(" in ")
    return re.split(r" or | and ", places.strip(" ?"))


def in_words(result: str) -> str:
    """Turn the tool's JSON into a sentence."""
    seen = json.loads(result)
    if "error" in seen:
        return f"There is {seen['error']}."
    return (
        f"In {seen['city']} it is {seen['temperature']} °C with {seen['sky']}"
        f" and wind {seen['wind']} ({seen['station']}, {seen['time']})."
    )


# The nodes: each takes the state and returns an update of it.


async def call_model(state: State) -> State:
    """Let the model say what comes next: a tool call or the answer."""
    return {"messages": [await scripted_model(state["messages"])]}


def call_tool(state: State) -> State:
    """Run the tool the model asked for.

    A plain function is a node too: it runs in a thread, so a slow tool holds up nobody.
    """
    calls = state["messages"][-1].get("tool_calls", [])
    return {"messages": [tool_message(call) for call in calls]}


def tool_message(call: ToolCall) -> Message:
    """Answer one tool call, naming it, so that the model can tell which result is whose."""
    return {"role": "tool", "content": weather(call["args"]["city"]), "tool_call_id": call["id"]}


def route(state: State) -> Literal["call", "done"]:
    """Go on to the tool if the model asked for it; else the answer is there."""
    return "call" if "tool_calls" in state["messages"][-1] else "done"


# The graph: START -> agent -> (call) -> action -> agent -> ... -> (done) -> END

builder = StateGraph(State)
builder.add_node("agent", call_model)
builder.add_node("action", call_tool)
builder.add_edge(START, "agent")
builder.add_edge("action", "agent")
builder.add_conditional_edges("agent", route, {"call": "action", "done": END})
graph = builder.compile()


async def show_updates(messages: list[Message]) -> list[Message]:
    """Stream what each node adds, as it finishes; return the conversation with all of it."""
    print(f"{'user':10}{in_short(messages[-1])}")
    async for chunk in graph.astream({"messages": messages}, stream_mode="updates"):
        # chunk is {"agent": {"messages": [...]}}, then {"action": ...}, then {"agent": ...}
        for node, update in chunk.items():
            for message in update["messages"]:
                print(f"{node:10}{in_short(message)}")
            messages = [*messages, *update["messages"]]
    return messages


async def show_values(messages: list[Message]) -> list[Message]:
    """Stream the whole state after each superstep; return the last one's conversation."""
    async for chunk in graph.astream({"messages": messages}, stream_mode="values"):
        # chunk is {"messages": [...]}: the input first, then one message more each time
        messages = chunk["messages"]
        print(f"messages: {len(messages):2}, the last: {in_short(messages[-1])}")
    return messages


def in_short(message: Message) -> str:
    """Show a message on one line."""
    calls = message.get("tool_calls", [])
    return message["content"] or ", ".join(f"{call['name']}({call['args']})" for call in calls)


async def main() -> None:
    """Hold the same conversation twice, once in each stream mode."""
    print("--- stream_mode='updates': what each node adds ---")
    await hold_conversation(show_updates)
    print("--- stream_mode='values': the whole state after each superstep ---")
    await hold_conversation(show_values)


async def hold_conversation(show: Callable[[list[Message]], Awaitable[list[Message]]]) -> None:
    """Ask the questions in turn, each with what was said before.

    Nothing is kept between two runs of the graph: the caller brings the conversation along.
    """
    messages: list[Message] = []
    for question in QUESTIONS:
        messages = await show([*messages, {"role": "user", "content": question}])
        print()


if __name__ == "__main__":
    asyncio.run(main())
