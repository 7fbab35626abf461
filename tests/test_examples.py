"""The examples, run for real: what they return and what they print."""

import asyncio
import gc
import io
import subprocess
import sys
import sysconfig
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from examples import approval, code_census, durable_chat, research_team, weather_agent
from examples.code_census import Census, Function
from examples.weather_agent import Message

EXAMPLES = Path(weather_agent.__file__).parent
STDLIB = Path(sysconfig.get_path("stdlib"))
JSON_PACKAGE = STDLIB / "json"
LA = "In Los Angeles it is 19.4 °C with few clouds and wind from the west at 5 m/s"

MODULE = '''\
class Kettle:
    """Holds water."""

    def boil(self):
        async def whistle():
            pass

        return whistle


def pour(cup):
    return cup
'''


def user(question: str) -> list[Message]:
    """Open a conversation with one question."""
    return [{"role": "user", "content": question}]


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python command line in the folder of the examples, as a reader would."""
    return subprocess.run(  # noqa: S603 - every command is written in this file
        [sys.executable, "-X", "utf8", *arguments],
        cwd=EXAMPLES,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


# The weather agent


async def stream_nodes(question: str) -> list[str]:
    """Name the nodes in the order in which their updates arrive."""
    messages = user(question)
    stream = weather_agent.graph.astream({"messages": messages}, stream_mode="updates")
    return [node async for chunk in stream for node in chunk]


def test_agent_calls_the_tool_and_then_answers() -> None:
    """One city takes one turn of the loop: agent, action, agent."""
    nodes = asyncio.run(stream_nodes("what's the weather in la"))
    assert nodes == ["agent", "action", "agent"]


def test_agent_goes_round_the_loop_once_for_each_city() -> None:
    """Two cities take two turns of the loop."""
    nodes = asyncio.run(stream_nodes("what's the weather in la or nyc"))
    assert nodes == ["agent", "action", "agent", "action", "agent"]


def test_agent_answers_from_the_recorded_weather() -> None:
    """The answer carries what the station of the city reported."""
    messages = asyncio.run(weather_agent.show_values(user("what's the weather in la")))
    assert messages[-1]["content"] == f"{LA} (KLAX, 2025-03-18T20:53Z)."


def test_agent_owns_up_to_a_city_it_does_not_know() -> None:
    """A city without a station is named in the answer, and nothing is made up."""
    messages = asyncio.run(weather_agent.show_values(user("what's the weather in atlantis")))
    assert messages[-1]["content"] == "There is no weather station in atlantis."


def test_both_views_of_the_conversation_hold_the_same_messages() -> None:
    """Adding up the updates gives the messages of the last values."""
    question = user("what's the weather in la or nyc")
    updates = asyncio.run(weather_agent.show_updates(question))
    values = asyncio.run(weather_agent.show_values(question))
    said = [(message["role"], message["content"]) for message in updates]
    assert said == [(message["role"], message["content"]) for message in values]


def test_weather_agent_prints_updates_and_then_values(capsys: pytest.CaptureFixture[str]) -> None:
    """The first half names the nodes, the second counts the messages up through both questions."""
    asyncio.run(weather_agent.main())
    updates, values = capsys.readouterr().out.split("--- stream_mode='values'")
    loop = ["agent", "action", "agent"]
    speakers = [line.split()[0] for line in updates.splitlines()[1:] if line]
    assert speakers == ["user", *loop, "user", *loop, "action", "agent"]
    counts = [int(line[9:12]) for line in values.splitlines() if line.startswith("messages:")]
    assert counts == list(range(1, 11))


def test_weather_agent_runs_as_a_script() -> None:
    """`python weather_agent.py` prints the answer and ends well."""
    script = run_script("weather_agent.py")
    assert (script.returncode, script.stderr) == (0, "")
    assert LA in script.stdout


# The census


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a folder with known contents, among them what must be left out."""
    files = {
        "kettle.py": MODULE,
        "deep/cup.py": "def drink(): pass\n",
        "latin.py": "# coding: latin-1\nname = 'caf\xe9'\n",
        "empty.py": "",
        "broken.py": "def (:\n",
        "null.py": "\0",
        "readme.txt": "def no_code(): pass\n",
        "test/test_cup.py": "class Test: pass\n",
        "site-packages/other.py": "class Other: pass\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="latin-1")
    return tmp_path


def quiet() -> Console:
    """Make a console that is no terminal; what it prints is in its `file`."""
    return Console(file=io.StringIO(), width=100)


def printed(console: Console) -> str:
    """Read what a quiet console printed."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def take(folder: Path) -> Census:
    """Take the census of a folder without a terminal."""
    return code_census.take_census(code_census.find_files(folder, tests=False), quiet())


def test_census_counts_nested_and_async_definitions(folder: Path) -> None:
    """Classes, functions and lines of all the files that parse are added up."""
    census = take(folder)
    assert (census.modules, census.classes, census.functions, census.lines) == (4, 1, 4, 15)


def test_census_orders_the_longest_functions(folder: Path) -> None:
    """The longest comes first, with its place; equals stay as they are met, outer ones first."""
    assert take(folder).longest == (
        Function(lines=5, name="boil", file="kettle.py", line=4),
        Function(lines=2, name="pour", file="kettle.py", line=11),
        Function(lines=2, name="whistle", file="kettle.py", line=5),
        Function(lines=1, name="drink", file="deep/cup.py", line=1),
    )


def test_census_lists_files_that_do_not_parse(folder: Path) -> None:
    """A file with a syntax error or a null byte is named and stops nothing."""
    assert take(folder).broken == ("broken.py", "null.py")


def test_census_leaves_installed_packages_out(folder: Path) -> None:
    """With the tests counted, `site-packages` still is not."""
    names = [file["name"] for file in code_census.find_files(folder, tests=True)]
    assert "test/test_cup.py" in names
    assert "site-packages/other.py" not in names


def test_census_agrees_with_the_tokens_of_a_real_package() -> None:
    """In the standard `json`, `def` and `class` tokens are as many as functions and classes."""
    names: list[str] = []
    for path in JSON_PACKAGE.glob("*.py"):
        with tokenize.open(path) as file:
            names += [token.string for token in tokenize.generate_tokens(file.readline)]
    census = take(JSON_PACKAGE)
    assert census.functions == names.count("def")
    assert census.classes == names.count("class")
    assert census.broken == ()


@pytest.fixture
def switching_collector() -> Iterator[None]:
    """Let another thread in at each garbage collection, so also in the middle of a parse."""

    def let_others_in(_phase: str, _info: dict[str, int]) -> None:
        time.sleep(0)

    gc.callbacks.append(let_others_in)
    yield
    gc.callbacks.remove(let_others_in)


@pytest.mark.usefixtures("switching_collector")
def test_census_survives_a_switch_of_threads_inside_the_parser() -> None:
    """Where the parser is not safe in threads, files are parsed one at a time."""
    files = [
        file
        for name in ("asyncio", "email")
        for file in code_census.find_files(STDLIB / name, tests=False)
    ]
    assert code_census.take_census(files, quiet()).modules == len(files)


def test_census_keeps_only_the_ten_longest() -> None:
    """The merged list stays short however many functions there are."""
    lengths = [function.lines for function in take(JSON_PACKAGE).longest]
    assert lengths == sorted(lengths, reverse=True)
    assert len(lengths) == code_census.LONGEST


def test_census_prints_plain_text_where_there_is_no_terminal() -> None:
    """Into a file go the tables, and how the run went, without a terminal's control codes."""
    console = quiet()
    code_census.main(["--package", "json"], console)
    assert "superstep 1: parse 5/5;" in printed(console)
    assert "JSONObject" in printed(console)
    assert "\x1b" not in printed(console)


def test_census_draws_its_progress_on_a_terminal() -> None:
    """On a terminal a live view is drawn and ends with all the files done."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    code_census.main(["--package", "json", "--limit", "3"], console)
    assert "3/3" in printed(console)
    assert "done" in printed(console)
    assert "\x1b[" in printed(console)


def test_census_names_the_files_that_do_not_parse(folder: Path) -> None:
    """The file's name is printed below the tables."""
    console = quiet()
    code_census.show(take(folder), console)
    assert "does not parse: broken.py" in printed(console)


def test_census_refuses_a_package_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is a usage error that tells what to give."""
    with pytest.raises(SystemExit):
        code_census.main(["--package", "no_such_package"], quiet())
    assert "name a package, such as json" in capsys.readouterr().err


def test_census_runs_as_a_script() -> None:
    """`python code_census.py` prints the tables into a pipe and ends well."""
    script = run_script("code_census.py", "--package", "json")
    assert (script.returncode, script.stderr) == (0, "")
    assert "JSONObject" in script.stdout


def test_census_without_rich_says_what_to_install() -> None:
    """Where rich cannot be imported, one line says how to get it."""
    hide_rich = "sys.modules['rich.console'] = None"
    script = run_script("-c", f"import sys; {hide_rich}; import code_census")
    assert script.returncode == 1
    assert script.stderr.splitlines() == [
        "The census is drawn with rich, which is missing: pip install rich (or the extra 'demo')"
    ]


# The durable chat


@pytest.fixture(scope="module")
def chat() -> dict[str, list[str]]:
    """Run the chat once; return the lines of each of its parts, by the part's heading."""
    script = run_script("durable_chat.py")
    assert (script.returncode, script.stderr) == (0, "")
    parts = [part.splitlines() for part in script.stdout.strip().split("\n\n")]
    return {heading.strip("- "): lines for heading, *lines in parts}


def test_chat_is_killed_in_the_middle_of_a_superstep(chat: dict[str, list[str]]) -> None:
    """Six checkpoints are stored by then, and of the two tasks that run at once one has ended."""
    assert chat["first process"] == [
        "user: Hello! My name is Ada and my cat is Felix.",
        "  stored: step -1, next: __start__",
        "  stored: step 0, next: remember, understand",
        "  stored: step 1, next: answer",
        "  stored: step 2, next: nothing",
        "user: My tea is cold. What is my name?",
        "  stored: step 3, next: __start__",
        "  stored: step 4, next: remember, understand",
        "  ended: remember",
        "(killed while 'understand' was at work)",
    ]


def test_chat_finds_what_was_kept(chat: dict[str, list[str]]) -> None:
    """The last checkpoint that was reported, and the result of the task that had ended."""
    assert chat["second process: what was kept"] == [
        "Hello! My name is Ada and my cat is Felix.",
        "I know 2 things about you now.",
        "My tea is cold. What is my name?",
        "  step 4, next: understand",
        "  remember: {'tea': 'cold'}",
        "  understand: not done",
    ]


def test_chat_goes_on_without_doing_anything_twice(chat: dict[str, list[str]]) -> None:
    """The task that had ended is taken from the file, and the answer is there."""
    assert chat["second process: goes on"] == [
        "  remember: was stored",
        "  understand: runs",
        "  answer: runs",
        "Your name is Ada.",
    ]
    assert chat["who did what for ada"] == [
        *(f"first process: {node}" for node in ("remember", "understand", "answer")),
        "first process: remember",
        *(f"second process: {node}" for node in ("understand", "answer")),
        *(f"second process: {node}" for node in ("remember", "understand", "answer")),
    ]


def test_chat_keeps_threads_apart(chat: dict[str, list[str]]) -> None:
    """What Ada has told is not known to Bob, whose thread was written to before hers."""
    assert chat["all threads, the last one first"] == [
        "ada: Your cat is Felix.",
        "bob: You have not told me about your cat.",
    ]


def test_chat_has_every_checkpoint_in_its_history(chat: dict[str, list[str]]) -> None:
    """Four for each message, those of the process that was killed among them."""
    lines = chat["the history of ada, the newest first"]
    steps = [line.partition(", messages: ")[0] for line in reversed(lines)]
    stored = [line.removeprefix("  stored: ") for line in chat["first process"] if "step" in line]
    assert len(steps) == 12
    assert steps[: len(stored)] == stored


def test_chat_is_killed_and_does_not_end_by_itself(tmp_path: Path) -> None:
    """The file is left as a kill leaves it: with what SQLite has not moved into place yet."""
    path = tmp_path / "chat.db"
    for _ in durable_chat.until_killed(str(path)):
        pass
    assert path.with_name("chat.db-wal").stat().st_size > 0


def test_chat_ends_when_nobody_is_left_to_kill_it(tmp_path: Path) -> None:
    """Its input is at its end, as it is when the process that started it has gone."""
    script = run_script("durable_chat.py", durable_chat.CHILD, str(tmp_path / "chat.db"))
    assert (script.returncode, script.stderr) == (0, "")
    assert script.stdout.endswith("ended: remember\n")


# The approval


@pytest.fixture(scope="module")
def dialogue() -> list[str]:
    """Play the dialogue once; return what it prints, line by line."""
    script = run_script("approval.py")
    assert (script.returncode, script.stderr) == (0, "")
    return script.stdout.splitlines()


def test_approval_plays_a_dialogue_of_processes(dialogue: list[str]) -> None:
    """Both are asked, each answers, and whoever is paid is asked in the end."""
    assert dialogue[:12] == [
        '$ python approval.py submit chair ada "an office chair" 300',
        "chair: waits for manager and accountant",
        '$ python approval.py submit yacht bob "a yacht" 90000',
        "yacht: waits for manager and accountant",
        "$ python approval.py waits",
        "chair - manager: shall ada get 300 for an office chair?",
        "chair - accountant: shall ada get 300 for an office chair?",
        "yacht - manager: shall bob get 90000 for a yacht?",
        "yacht - accountant: shall bob get 90000 for a yacht?",
        "$ python approval.py answer chair manager yes",
        "chair: waits for accountant",
        "$ python approval.py answer chair manager yes",
    ]


def test_approval_takes_no_answer_twice_and_none_that_does_not_fit(dialogue: list[str]) -> None:
    """The question still waits after the one, and does not after the other."""
    assert dialogue[12:17] == [
        "chair: nothing waits for manager",
        "$ python approval.py answer chair accountant perhaps",
        "chair: 'perhaps' is no answer, say yes or no",
        "$ python approval.py answer chair accountant yes",
        "chair: waits for ada",
    ]


def test_approval_ends_with_one_transfer(dialogue: list[str]) -> None:
    """Though the node that pays ran twice, in two processes."""
    assert dialogue[17:] == [
        "$ python approval.py answer yacht accountant no",
        "yacht: waits for manager",
        "$ python approval.py answer yacht manager yes",
        "yacht: refused by accountant",
        "$ python approval.py answer chair ada yes",
        "chair: paid, transfer 1",
        "$ python approval.py waits",
        "nothing waits",
        "",
        "All is well: 11 processes, one transfer.",
    ]


def test_approval_can_be_asked_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is a command, and says what is not there."""
    steps = ["show lamp", "waits", "submit lamp cy a-lamp 5", "show lamp", "answer lamp cy no"]
    for step in steps:
        approval.main(["--folder", str(tmp_path), *step.split()])
    assert capsys.readouterr().out.splitlines() == [
        "lamp: not known",
        "nothing waits",
        "lamp: waits for manager and accountant",
        "lamp: waits for manager and accountant",
        "lamp: nothing waits for cy",
    ]


def test_approval_sends_no_money_twice_for_one_key(tmp_path: Path) -> None:
    """A process that was killed before it kept the receipt gets the same one again."""
    bank = tmp_path / "bank.txt"
    for _ in range(2):
        assert approval.transfer(bank, "k", "ada", 300) == "transfer 1"
    assert bank.read_text("utf-8") == "k ada 300\n"


# The research team


@pytest.fixture(scope="module")
def team() -> dict[str, list[str]]:
    """Run the team once; return the lines of each of its runs, by the day."""
    script = run_script("research_team.py")
    assert (script.returncode, script.stderr) == (0, "")
    days = [day.splitlines() for day in script.stdout.strip().split("\n\n")]
    return {heading.strip("- "): lines for heading, *lines in days}


def test_team_searches_all_topics_and_asks_where_sources_differ(team: dict[str, list[str]]) -> None:
    """The researchers run at once, so their lines come in any order; the library is deeper."""
    *seen, last = team["monday"]
    assert sorted(seen) == [
        "    Everest: 2 found",
        "    K2: 1 found",
        "    Olympus Mons: 0 found",
        "  Olympus Mons: handed over",
    ]
    assert last == "asks: Everest, 1955: 8,848 m or 2020: 8,849 m?"


def test_team_goes_on_inside_and_searches_nothing_again(team: dict[str, list[str]]) -> None:
    """What was handed over is looked up after the answer, when its superstep has ended."""
    assert team["tuesday, the second source"] == [
        "  Everest: decided",
        "  reports so far: 1",
        "report: Everest (2020: 8,849 m); K2 (1986: 8,611 m); Olympus Mons (21.9 km, on Mars)",
    ]


def test_teams_archive_remembers_and_its_library_does_not(team: dict[str, list[str]]) -> None:
    """The next question of the thread is searched anew, and the archive has both reports."""
    *seen, last = team["wednesday"]
    assert sorted(seen) == ["    K2: 1 found", "    Kilimanjaro: 2 found"]
    assert last == "asks: Kilimanjaro, 1952: 5,895 m or 1999: 5,892 m?"
    assert team["thursday, the first source"] == [
        "  Kilimanjaro: decided",
        "  reports so far: 2",
        "report: Kilimanjaro (1952: 5,895 m); K2 (1986: 8,611 m)",
    ]


def test_team_looks_right() -> None:
    """Nothing in it is a probable mistake, and its archive is found."""
    graph = research_team.team_builder.compile(name="team")
    assert [name for name, _ in graph.get_subgraphs(recurse=True)] == [
        "researcher",
        "researcher|library",
        "file",
    ]


# The client of the seed


def test_seed_client_prints_what_each_node_adds() -> None:
    """`python seed_client.py` asks, looks up and answers, on a thread that can be read then."""
    script = run_script("seed_client.py")
    assert (script.returncode, script.stderr) == (0, "")
    assert script.stdout.splitlines() == [
        "agent   {'city': 'la'}",
        "action  90 degrees and sunny.",
        "agent   It's 90 degrees and sunny.",
        "4 messages, next: []",
    ]
