"""A team that looks things up: graphs in graphs in a graph, one of which asks a person.

    python examples/research_team.py

needs no input. The team has a graph for each topic, all at once, and each of these has a library
inside it:

    team          plan > researcher, one for each topic > astronomer, if need be > write > archive
    researcher    library > weigh > ask, if the sources differ
    library       search > sort

Where two sources differ the researcher asks a person, and goes on when there is an answer: nothing
is searched again. Where the library has nothing the researcher leaves its graph, and hands the
topic over to the astronomer of the team. The archive remembers earlier reports. All of it is in
one file, which is closed and opened again between the runs, as if days had gone by.
"""

import operator
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict

from graphflow import START, Command, RunnableConfig, Send, StateGraph, StreamWriter
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.interrupts import Interrupt, interrupt

BOOKS = {
    "Everest": ["1955: 8,848 m", "2020: 8,849 m"],
    "K2": ["1986: 8,611 m"],
    "Kilimanjaro": ["1999: 5,892 m", "1952: 5,895 m"],
}
TELESCOPE = {"Olympus Mons": "21.9 km, on Mars"}
Update: TypeAlias = dict[str, Any]  # what a node changes
CONFIG: RunnableConfig = {"configurable": {"thread_id": "mountains"}}


# A reducer. Researchers and team have the same one, so that what one writes is the other's, too.


def joined(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Return what was found, by topic."""
    return {**old, **new}


# The library, which is a node of the researcher


class Search(TypedDict):
    """What the library is handed, and gives back."""

    topic: str
    sources: list[str]


def search(state: Search, writer: StreamWriter) -> Update:
    """Find what there is."""
    sources = BOOKS.get(state["topic"], [])
    writer(f"{state['topic']}: {len(sources)} found")
    return {"sources": sources}


def sort(state: Search) -> Update:
    """Put the oldest first."""
    return {"sources": sorted(state["sources"])}


builder: StateGraph[Any] = StateGraph(Search).add_sequence([search, sort])
library = builder.set_entry_point("search").compile(name="library")


# The researcher, which is sent to once for each topic


class Research(TypedDict):
    """What a researcher works on; only its findings are the team's."""

    topic: str
    sources: list[str]
    findings: Annotated[dict[str, str], joined]


def weigh(state: Research, writer: StreamWriter) -> Command[str] | Update:
    """Take what is certain, ask about what is not, and hand over what is not known."""
    topic, sources = state["topic"], state["sources"]
    if not sources:
        writer(f"{topic}: handed over")
        return Command(graph=Command.PARENT, update={"unknown": [topic]}, goto="astronomer")
    if len(sources) > 1:
        return Command(goto="ask")
    return {"findings": {topic: sources[0]}}


def ask(state: Research, writer: StreamWriter) -> Update:
    """Ask a person which source to take."""
    place: int = interrupt({"topic": state["topic"], "sources": state["sources"]}, int)
    writer(f"{state['topic']}: decided")
    return {"findings": {state["topic"]: state["sources"][place]}}


builder = (
    StateGraph(Research)
    .add_node("library", library)
    .add_node(weigh, destinations=["ask"])
    .add_node(ask)
)
builder.add_edge(START, "library").add_edge("library", "weigh")
researcher = builder.compile(name="researcher")


# The archive, which a node of the team calls, and which remembers


class Archive(TypedDict):
    """What the archive keeps over the runs of the thread."""

    reports: Annotated[list[str], operator.add]


def count(state: Archive, writer: StreamWriter) -> None:
    """Tell what is there."""
    writer(f"reports so far: {len(state['reports'])}")


builder = StateGraph(Archive).add_node(count).add_edge(START, "count")
archive = builder.compile(name="archive", checkpointer=True)


# The team


class Team(TypedDict):
    """What a thread keeps."""

    topics: list[str]
    findings: Annotated[dict[str, str], joined]
    unknown: Annotated[list[str], operator.add]
    report: str


def plan(state: Team) -> list[Send]:
    """Send a researcher after each topic."""
    return [Send("researcher", {"topic": topic}) for topic in state["topics"]]


def astronomer(state: Team) -> Update:
    """Look up what is on no map."""
    return {"findings": {topic: TELESCOPE.get(topic, "not known") for topic in state["unknown"]}}


def write(state: Team) -> Update:
    """Write the report, when all else is done."""
    lines = [f"{topic} ({state['findings'][topic]})" for topic in state["topics"]]
    return {"report": "; ".join(lines)}


def file(state: Team) -> None:
    """Put the report into the archive."""
    archive.invoke({"reports": [state["report"]]})


team_builder: StateGraph[Any] = StateGraph(Team)
team_builder.add_node("researcher", researcher, destinations=["astronomer"]).add_node(astronomer)
team_builder.add_node(write, defer=True).add_node(file)
team_builder.add_conditional_edges(START, plan, ["researcher"])
team_builder.add_edge("researcher", "write").add_edge("astronomer", "write")
team_builder.add_edge("write", "file")


# The runs


def run(folder: Path, given: Any) -> list[Interrupt]:  # noqa: ANN401 - whatever a run is given
    """Open the file, run the team, and print what it does; return what it asks.

    What a graph inside does is printed further to the right, as deep as the graph is.
    """
    with closing(SqliteSaver(folder / "team.db")) as saver:
        team = team_builder.compile(name="team", checkpointer=saver)
        for namespace, item in team.stream(given, CONFIG, stream_mode="custom", subgraphs=True):
            print(f"{'  ' * len(namespace)}{item}")
        state = team.get_state(CONFIG)
    for each in state.interrupts:
        print(f"asks: {each.value['topic']}, {' or '.join(each.value['sources'])}?")
    if not state.next:
        print(f"report: {state.values['report']}")
    return list(state.interrupts)


def answers(questions: Sequence[Interrupt], place: int) -> Command[str]:
    """Return a Command that answers all questions alike."""
    return Command(resume={each.id: place for each in questions})


def main() -> None:
    """Ask the team twice, and answer what it asks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        print("--- monday")
        asked = run(path, {"topics": ["Everest", "K2", "Olympus Mons"]})
        print("\n--- tuesday, the second source")
        run(path, answers(asked, 1))
        print("\n--- wednesday")
        asked = run(path, {"topics": ["Kilimanjaro", "K2"]})
        print("\n--- thursday, the first source")
        run(path, answers(asked, 0))


if __name__ == "__main__":
    main()
