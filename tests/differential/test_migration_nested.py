"""Differences on purpose, in graphs inside graphs: what they give, and what they say to outer ones.

Each test runs LangGraph and graphflow side by side and claims what comes out of both;
`docs/migration.md` names it. `test_migration_nested_running.py` has how they
are run, `test_migration_nested_stored.py` what concerns threads.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest

from graphflow.errors import (
    GraphSwallowedError,
    InvalidUpdateError,
    UnknownKeyError,
    UnknownNodeError,
)
from tests.differential.pair import (
    OURS,
    THEIRS,
    Library,
    State,
    chain,
    fan,
    logging,
    returning,
)

FIRST: State = {"log": ["i"]}


def inner(lib: Library, *names: str, **options: Any) -> Any:  # noqa: ANN401 - of either library, here and below
    """Return a graph of nodes that append their names."""
    return chain(lib, options=None, **{name: logging(name) for name in names}).compile(**options)


def leaving(lib: Library, said: object, *names: str) -> Any:  # noqa: ANN401 - as above
    """Return a graph inside with a node that returns something, after nodes that append."""
    nodes: dict[str, Any] = {name: logging(name) for name in names}
    child = chain(lib, options=None, **nodes, s=returning(said), t=logging("t"))
    return chain(lib, sub=child.compile(), q=logging("q"))


def out(lib: Library, **said: object) -> Any:  # noqa: ANN401 - as above
    """Return a Command to the graph around."""
    return lib.types.Command(graph=lib.types.Command.PARENT, **said)


def shown(graph: Any, given: object = FIRST, **options: Any) -> list[Any]:  # noqa: ANN401 - as above
    """Return what a graph shows of a run."""
    return [*graph.stream(given, stream_mode="updates", **options)]


# ---------------------------------------------------------------------------------- what it gives


def test_a_graph_as_a_node_gives_what_was_written_in_it() -> None:
    """In LangGraph its whole output, so that what a reducer adds up is there twice."""

    def run(lib: Library) -> tuple[object, object]:
        graph = chain(lib, p=logging("p"), sub=inner(lib, "s1", "s2")).compile()
        return shown(graph)[-1]["sub"], graph.invoke(FIRST)

    assert run(THEIRS) == (
        {"log": ["i", "p", "s1", "s2"]},
        {"log": ["i", "p", "i", "p", "s1", "s2"]},
    )
    assert run(OURS) == ([{"log": ["s1"]}, {"log": ["s2"]}], {"log": ["i", "p", "s1", "s2"]})


def test_a_graph_as_a_node_that_writes_nothing_gives_nothing() -> None:
    """In LangGraph all that it was handed."""

    def run(lib: Library) -> tuple[object, object]:
        child = chain(lib, s=returning(None)).compile()
        graph = chain(lib, sub=child).compile()
        return shown(graph), graph.invoke(FIRST)

    assert run(THEIRS) == ([{"sub": {"log": ["i"]}}], {"log": ["i", "i"]})
    assert run(OURS) == ([{"sub": None}], {"log": ["i"]})


def test_graphs_side_by_side_do_not_collide_in_what_they_only_read() -> None:
    """In LangGraph both give it back."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        child = chain(lib, s=returning({"y": 1})).compile()
        return fan(lib, a=child, b=inner(lib, "t")).compile().invoke({"log": ["i"], "x": 1})

    with pytest.raises(THEIRS.errors.InvalidUpdateError, match="'x'"):
        run(THEIRS)
    assert run(OURS) == {"log": ["i", "t"], "x": 1, "y": 1}


def test_an_overwrite_in_a_graph_as_a_node_overwrites() -> None:
    """In LangGraph it overwrites inside, and what comes out is added."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        nodes = {"o": returning({"log": lib.types.Overwrite(["o"])}), "t": logging("t")}
        child = chain(lib, options=None, **nodes).compile()
        return chain(lib, p=logging("p"), sub=child).compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "p", "o", "t"]
    assert run(OURS) == ["o", "t"]


def test_a_message_that_is_removed_in_a_graph_as_a_node_is_removed() -> None:
    """In LangGraph only inside."""

    def run(lib: Library) -> list[str]:
        message = __import__(f"{lib.name}.graph.message", fromlist=["add_messages"])

        class Talk(TypedDict):
            messages: Annotated[list[Any], message.add_messages]

        remove = returning({"messages": [removal(lib, "1")]})
        child = chain(lib, Talk, s=remove).compile()
        given = {"messages": [{"role": "user", "content": "hi", "id": "1"}]}
        found = chain(lib, Talk, sub=child).compile().invoke(given)
        return [str(each.id) for each in found["messages"]]

    assert run(THEIRS) == ["1"]
    assert run(OURS) == []


def removal(lib: Library, message: str) -> Any:  # noqa: ANN401 - as above
    """Return what removes a message, which in LangGraph is LangChain's."""
    name = "langchain_core.messages" if lib is THEIRS else "graphflow.graph.message"
    return __import__(name, fromlist=["RemoveMessage"]).RemoveMessage(id=message)


def test_the_argument_of_a_send_to_a_graph_must_be_an_input_of_it() -> None:
    """LangGraph drops keys that it does not know."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        path = returning([lib.types.Send("sub", {"nope": 1})])
        builder = chain(lib, p=logging("p")).add_node("sub", inner(lib, "s"))
        return builder.add_conditional_edges("p", path).compile().invoke(FIRST)

    assert run(THEIRS) == {"log": ["i", "p", "s"]}
    with pytest.raises(UnknownKeyError, match="'nope'"):
        run(OURS)


# --------------------------------------------------------------------------- what it says outwards


def test_a_command_to_the_outer_graph_keeps_what_was_written_before() -> None:
    """LangGraph drops it."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        return leaving(lib, out(lib, update={"log": ["P"]}), "a").compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "P", "q"]
    assert run(OURS) == ["i", "a", "P", "q"]


def test_a_command_to_the_outer_graph_keeps_what_else_its_node_says() -> None:
    """LangGraph drops it."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = [lib.types.Command(update={"log": ["own"]}), out(lib, update={"log": ["P"]})]
        return leaving(lib, said).compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "P", "q"]
    assert run(OURS) == ["i", "own", "P", "q"]


def test_siblings_of_a_command_to_the_outer_graph_are_kept() -> None:
    """LangGraph runs them, and drops what they write."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = out(lib, update={"log": ["P"]})
        child = fan(lib, a=logging("a"), s=returning(said), z=logging("z")).compile()
        return chain(lib, sub=child).compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "P"]
    assert run(OURS) == ["i", "a", "z", "P"]


def test_all_commands_to_the_outer_graph_count() -> None:
    """In LangGraph that of whoever ends first."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        nodes = {name: returning(out(lib, update={"log": [name]})) for name in "ab"}
        child = fan(lib, **nodes).compile()
        return chain(lib, sub=child).compile().invoke(FIRST)["log"]

    assert run(THEIRS) in (["i", "a"], ["i", "b"])
    assert run(OURS) == ["i", "a", "b"]


def test_a_command_to_the_outer_graph_must_have_keys_of_it() -> None:
    """LangGraph drops others."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        return leaving(lib, out(lib, update={"nope": 1})).compile().invoke(FIRST)

    assert run(THEIRS) == {"log": ["i", "q"]}
    with pytest.raises(UnknownKeyError, match="'nope'"):
        run(OURS)


def test_an_update_of_the_outer_graph_must_be_one() -> None:
    """LangGraph drops what is none."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        return leaving(lib, out(lib, update=5)).compile().invoke(FIRST)

    assert run(THEIRS) == {"log": ["i", "q"]}
    with pytest.raises(InvalidUpdateError, match="the update 5"):
        run(OURS)


def test_a_command_to_the_outer_graph_must_lead_to_a_node_of_it() -> None:
    """LangGraph logs a line, and goes on by the edges."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        return leaving(lib, out(lib, update={"log": ["P"]}, goto="nope")).compile().invoke(FIRST)

    assert run(THEIRS) == {"log": ["i", "P", "q"]}
    with pytest.raises(UnknownNodeError, match="'nope'"):
        run(OURS)


def test_a_command_to_the_outer_graph_is_none_from_a_conditional_edge() -> None:
    """In LangGraph it is taken for the name of a node, which there is none of."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = returning(out(lib, update={"log": ["P"]}))
        child = chain(lib, s=logging("s")).add_conditional_edges("s", said).compile()
        return chain(lib, sub=child, q=logging("q")).compile().invoke({"log": []})

    assert run(THEIRS) == {"log": ["s", "q"]}
    with pytest.raises(UnknownNodeError, match="conditional edge"):
        run(OURS)


def test_a_command_can_name_any_graph_around_it() -> None:
    """In LangGraph it is for its own graph then, and leads nowhere."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = lib.types.Command(graph="top", update={"log": ["P"]}, goto="e")
        low = chain(lib, s=returning(said), t=logging("t")).compile()
        middle = chain(lib, low=low, m=logging("m")).compile()
        builder = chain(lib, mid=middle, q=logging("q")).add_node("e", logging("e"))
        return builder.compile(name="top").invoke({"log": []})["log"]

    assert run(THEIRS) == ["P", "t", "m", "q"]
    assert run(OURS) == ["P", "e", "q"]


def test_a_command_that_names_no_graph_is_an_error() -> None:
    """In LangGraph it is for its own."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = lib.types.Command(graph="nope", update={"log": ["P"]})
        return leaving(lib, said).compile().invoke({"log": []})["log"]

    assert run(THEIRS) == ["P", "t", "q"]
    with pytest.raises(InvalidUpdateError, match="'nope'"):
        run(OURS)


def catching(lib: Library, child: Any, kind: type[BaseException]) -> Callable[[object], object]:  # noqa: ANN401 - as above
    """Return a node that catches errors around its call of a graph."""

    def act(state: object) -> object:
        try:
            return child.invoke({})
        except kind:
            return {"log": ["caught"]}

    return act


def test_a_command_to_the_outer_graph_is_no_exception() -> None:
    """In LangGraph `except Exception` around the call swallows it."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = returning(out(lib, update={"log": ["P"]}))
        child = chain(lib, s=said).compile()
        return chain(lib, n=catching(lib, child, Exception)).compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "caught"]
    assert run(OURS) == ["i", "P"]


def test_a_command_to_the_outer_graph_that_a_node_swallows_is_an_error() -> None:
    """In LangGraph nobody is told."""

    def run(lib: Library) -> Any:  # noqa: ANN401 - as above
        said = returning(out(lib, update={"log": ["P"]}))
        child = chain(lib, s=said).compile()
        return chain(lib, n=catching(lib, child, BaseException)).compile().invoke(FIRST)["log"]

    assert run(THEIRS) == ["i", "caught"]
    with pytest.raises(GraphSwallowedError, match="'n'"):
        run(OURS)
