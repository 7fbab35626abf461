"""A chat whose process is killed in the middle of an answer, and which then goes on from its file.

    python examples/durable_chat.py

The program starts a copy of itself, which holds the beginning of the conversation and is killed
with SIGKILL while it works on the second answer. Then the first process opens the same file and
goes on: what was finished is not done again, and nothing that was reported as stored is lost.

No model and no network: the "bot" follows a few rules, so every run prints the same. What stands
for the slow call of a model is the node `understand`; in the copy it never returns, so that the
kill always finds it at work.
"""

import operator
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, TypedDict

from graphflow import START, RunnableConfig, Runtime, StateGraph
from graphflow.checkpoint.sqlite import SqliteSaver

CHILD = "--child"
HELLO = "Hello! My name is Ada and my cat is Felix."
QUESTION = "My tea is cold. What is my name?"
LATER = "What is my cat?"


def joined(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Join what was known with what is new."""
    return old | new


class State(TypedDict):
    """What a thread keeps."""

    messages: Annotated[list[str], operator.add]
    facts: Annotated[dict[str, str], joined]
    wanted: str | None
    done_by: Annotated[list[str], operator.add]


class Update(TypedDict, total=False):
    """What a node changes of it."""

    messages: list[str]
    facts: dict[str, str]
    wanted: str | None
    done_by: list[str]


@dataclass(frozen=True)
class Context:
    """What a run is told by its caller, and no thread keeps.

    Attributes:
        process: who runs it, for the record of who did what.
        stuck_on: the message that `understand` never comes to terms with.
    """

    process: str
    stuck_on: str | None = None


# The bot. `remember` and `understand` read a message at the same time; `answer` waits for both.


def remember(state: State, runtime: Runtime[Context]) -> Update:
    """Note the facts in the last message: "my cat is Felix" is one."""
    facts = re.findall(r"\bmy (\w+) is (\w+)", state["messages"][-1], re.IGNORECASE)
    return {"facts": dict(facts), "done_by": [f"{runtime.context.process}: remember"]}


def understand(state: State, runtime: Runtime[Context]) -> Update:
    """Find out what the last message asks for, as a model would: it takes its time."""
    message = state["messages"][-1]
    if message == runtime.context.stuck_on:
        wait_to_be_killed()
    question = re.search(r"\bwhat is my (\w+)\?", message, re.IGNORECASE)
    wanted = question[1] if question else None
    return {"wanted": wanted, "done_by": [f"{runtime.context.process}: understand"]}


def answer(state: State, runtime: Runtime[Context]) -> Update:
    """Say what was asked for, from all that the thread remembers."""
    wanted, facts = state["wanted"], state["facts"]
    if wanted is None:
        text = f"I know {len(facts)} things about you now."
    elif wanted in facts:
        text = f"Your {wanted} is {facts[wanted]}."
    else:
        text = f"You have not told me about your {wanted}."
    return {"messages": [text], "done_by": [f"{runtime.context.process}: answer"]}


builder = StateGraph(State, Context)
builder.add_node(remember)
builder.add_node(understand)
builder.add_node(answer)
builder.add_edge(START, "remember")
builder.add_edge(START, "understand")
builder.add_edge(["remember", "understand"], "answer")


def config_of(thread_id: str) -> RunnableConfig:
    """Return the config that names a thread."""
    return {"configurable": {"thread_id": thread_id}}


# The process that is killed


def be_killed(path: str) -> None:
    """Hold the conversation, and tell of everything that is stored; the last line is never due."""
    with SqliteSaver(path) as saver:
        graph = builder.compile(checkpointer=saver)
        context = Context("first process", stuck_on=QUESTION)
        for said in (HELLO, QUESTION):
            print(f"user: {said}", flush=True)
            stream = graph.stream(
                {"messages": [said]},
                config_of("ada"),
                context=context,
                stream_mode=["checkpoints", "updates"],
            )
            for mode, chunk in stream:
                # A chunk of "checkpoints" comes when the file has it: from then on it is safe.
                if mode == "checkpoints":
                    print(f"  stored: {step_of(chunk['metadata'], chunk['next'])}", flush=True)
                elif said == QUESTION:  # of the first answer the two may end in either order
                    print(f"  ended: {', '.join(chunk)}", flush=True)


def wait_to_be_killed() -> NoReturn:
    """Wait for what does not come; should the other process be gone, end without a word."""
    sys.stdin.read()
    sys.exit()


# The process that goes on


def main() -> None:
    """Have the first half of the conversation killed, and go on with the second."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "chat.db")
        print("--- first process ---")
        for line in until_killed(path):
            print(line)
        print("(killed while 'understand' was at work)")
        with SqliteSaver(path) as saver:
            go_on(saver)


def until_killed(path: str) -> Iterator[str]:
    """Yield what the copy of this program prints, and kill it in the middle of a superstep."""
    command = [sys.executable, "-X", "utf8", __file__, CHILD, path]
    with subprocess.Popen(  # noqa: S603 - this program itself
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as child:
        assert child.stdout is not None, "it was asked for"
        for line in child.stdout:
            yield line.rstrip()
            if line.strip() == "ended: remember":
                child.kill()  # SIGKILL; on Windows, TerminateProcess: neither can be caught
                break


def go_on(saver: SqliteSaver) -> None:
    """Show what was kept, finish the answer, and talk on."""
    graph = builder.compile(checkpointer=saver)
    ada, bob, context = config_of("ada"), config_of("bob"), Context("second process")

    print("\n--- second process: what was kept ---")
    state = graph.get_state(ada)
    for message in state.values["messages"]:
        print(message)
    print(f"  {step_of(state.metadata, state.next)}")
    for task in state.tasks:
        print(f"  {task.name}: {'not done' if task.result is None else task.result['facts']}")

    print("\n--- second process: goes on ---")
    for chunk in graph.stream(None, ada, context=context):  # None: no new input, only what is left
        cached = chunk.pop("__metadata__", None)
        print(f"  {', '.join(chunk)}: {'was stored' if cached else 'runs'}")
    print(graph.get_state(ada).values["messages"][-1])
    graph.invoke({"messages": [LATER]}, bob, context=context)
    graph.invoke({"messages": [LATER]}, ada, context=context)

    print("\n--- all threads, the last one first ---")
    for thread in saver.list_threads():
        values = graph.get_state(config_of(thread.thread_id)).values
        print(f"{thread.thread_id}: {values['messages'][-1]}")

    print("\n--- who did what for ada ---")
    for line in graph.get_state(ada).values["done_by"]:
        print(line)

    print("\n--- the history of ada, the newest first ---")
    for state in graph.get_state_history(ada):
        print(f"{step_of(state.metadata, state.next)}, messages: {len(state.values['messages'])}")


def step_of(metadata: dict[str, object] | None, due: list[str] | tuple[str, ...]) -> str:
    """Say which checkpoint it is, and what comes next."""
    assert metadata is not None, "a checkpoint has metadata"
    return f"step {metadata['step']}, next: {', '.join(due) or 'nothing'}"


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        be_killed(sys.argv[2])
    else:
        main()
