"""Expenses that wait for two people, each of whom answers from a process of their own.

    python examples/approval.py

plays a whole dialogue and needs no input: it starts itself again for every step, as people would
who come by days apart, and all that these processes share is one file. The steps can be typed by
hand as well:

    python examples/approval.py submit chair ada "an office chair" 300
    python examples/approval.py waits
    python examples/approval.py answer chair manager yes
    python examples/approval.py show chair

The manager and the accountant are asked at the same time. If both agree the money is sent, once,
and whoever gets it is asked whether it has arrived.
"""

import argparse
import operator
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

from graphflow import END, START, Command, RunnableConfig, Runtime, StateGraph
from graphflow.checkpoint.sqlite import SqliteSaver
from graphflow.errors import InvalidAnswerError
from graphflow.interrupts import Interrupt, interrupt, once

APPROVERS = ("manager", "accountant")
WORDS = {"yes": True, "no": False}


class Expense(TypedDict):
    """What a thread keeps: one expense."""

    payee: str
    item: str
    amount: int
    refused_by: Annotated[list[str], operator.add]
    status: str


class Update(TypedDict, total=False):
    """What a node changes of it."""

    refused_by: list[str]
    status: str


@dataclass(frozen=True)
class Context:
    """What a run is told by its caller, and no thread keeps.

    Attributes:
        bank: the file that stands for the bank.
    """

    bank: Path


# The graph. Two nodes that ask, one that decides, and one that pays.


def question_to(approver: str) -> Callable[[Expense], str]:
    """Return the prompt of a node that asks an approver."""

    def prompt(state: Expense) -> str:
        return f"{approver}: shall {state['payee']} get {state['amount']} for {state['item']}?"

    return prompt


def answer_of(approver: str) -> Callable[[Expense, bool], Update]:
    """Return the handler of an approver's answer."""

    def handle(_: Expense, agrees: bool) -> Update:  # noqa: FBT001 - it is the answer
        return {} if agrees else {"refused_by": [approver]}

    return handle


def decide(state: Expense) -> Command[str]:
    """Send the money if both have agreed."""
    if state["refused_by"]:
        return Command(update={"status": "refused by " + ", ".join(state["refused_by"])}, goto=END)
    return Command(update={"status": "approved"}, goto="pay")


def pay(state: Expense, runtime: Runtime[Context]) -> Update:
    """Send the money, and ask whether it has arrived: the answer runs this again from its top."""
    assert runtime.execution_info is not None, "a node is running"
    key = runtime.execution_info.idempotency_key
    payee, amount = state["payee"], state["amount"]
    # `once` keeps the result, so the second time nothing is sent. If this process is killed before
    # the result is kept, the bank knows the key.
    receipt = once("transfer", transfer, runtime.context.bank, key, payee, amount)
    arrived = interrupt(f"{payee}: has {receipt} arrived?", bool)
    return {"status": f"paid, {receipt}" if arrived else f"lost, {receipt}"}


def transfer(bank: Path, key: str, payee: str, amount: int) -> str:
    """Send money, as a bank does that never does so twice for one key; return the receipt."""
    lines = bank.read_text("utf-8").splitlines() if bank.exists() else []
    keys = [line.split()[0] for line in lines]
    if key not in keys:
        keys.append(key)
        with bank.open("a", encoding="utf-8") as file:
            file.write(f"{key} {payee} {amount}\n")
    return f"transfer {keys.index(key) + 1}"


builder = StateGraph(Expense, Context)
for name in APPROVERS:
    builder.add_ask(name, question_to(name), then=answer_of(name), response_schema=bool)
    builder.add_edge(START, name)
builder.add_node(decide, destinations=["pay", END])
builder.add_node(pay)
builder.add_edge(APPROVERS, "decide")


# The steps, each of which is a process


class Desk:
    """What can be done with the expenses in a folder."""

    def __init__(self, folder: Path, saver: SqliteSaver) -> None:
        """Make the graph over the file."""
        self._saver = saver
        self._graph = builder.compile(checkpointer=saver)
        self._context = Context(folder / "bank.txt")

    def submit(self, expense: str, payee: str, item: str, amount: int) -> str:
        """Begin a thread for an expense, which runs until it has to wait."""
        given = {"payee": payee, "item": item, "amount": amount}
        self._graph.invoke(given, config_of(expense), context=self._context)
        return self.show(expense)

    def waits(self) -> str:
        """Return all that waits for an answer, whoever is asked."""
        threads = sorted(thread.thread_id for thread in self._saver.list_threads())
        asked = [f"{one} - {each.value}" for one in threads for each in self._asked(one).values()]
        return "\n".join(asked) or "nothing waits"

    def answer(self, expense: str, person: str, word: str) -> str:
        """Give a person's answer; what else waits goes on waiting, and does not run."""
        asked = self._asked(expense).get(person)
        if asked is None:
            return f"{expense}: nothing waits for {person}"
        answers = {asked.id: WORDS.get(word, word)}
        try:
            self._graph.invoke(Command(resume=answers), config_of(expense), context=self._context)
        except InvalidAnswerError:  # raised before anything runs: the question still waits
            return f"{expense}: {word!r} is no answer, say yes or no"
        return self.show(expense)

    def show(self, expense: str) -> str:
        """Return how far an expense is."""
        values = self._graph.get_state(config_of(expense)).values
        if not values:
            return f"{expense}: not known"
        asked = self._asked(expense)
        waits = f"waits for {' and '.join(asked)}" if asked else values["status"]
        return f"{expense}: {waits}"

    def _asked(self, expense: str) -> dict[str, Interrupt]:
        """Return what waits of an expense, by who is asked."""
        asked = self._graph.get_state(config_of(expense)).interrupts
        return {str(each.value).partition(":")[0]: each for each in asked}


def config_of(expense: str) -> RunnableConfig:
    """Return the config that names a thread."""
    return {"configurable": {"thread_id": expense}}


def main(arguments: Sequence[str]) -> None:
    """Do one step, or play the dialogue."""
    parser = argparse.ArgumentParser(description="Expenses that wait for two people.")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the files are")
    steps = parser.add_subparsers(dest="step", metavar="step")
    submit = steps.add_parser("submit", help="hand in an expense")
    for name in ("expense", "payee", "item"):
        submit.add_argument(name)
    submit.add_argument("amount", type=int)
    steps.add_parser("waits", help="show what waits")
    answer = steps.add_parser("answer", help="answer what waits")
    for name in ("expense", "person", "word"):
        answer.add_argument(name)
    steps.add_parser("show", help="show how far an expense is").add_argument("expense")
    given = vars(parser.parse_args(arguments))
    folder, step = given.pop("folder"), given.pop("step")
    if step is None:
        play()
        return
    with SqliteSaver(folder / "expenses.db") as saver:
        print(getattr(Desk(folder, saver), step)(**given))


# The dialogue

STEPS = (
    ("submit", "chair", "ada", "an office chair", "300"),
    ("submit", "yacht", "bob", "a yacht", "90000"),
    ("waits",),
    ("answer", "chair", "manager", "yes"),
    ("answer", "chair", "manager", "yes"),
    ("answer", "chair", "accountant", "perhaps"),
    ("answer", "chair", "accountant", "yes"),
    ("answer", "yacht", "accountant", "no"),
    ("answer", "yacht", "manager", "yes"),
    ("answer", "chair", "ada", "yes"),
    ("waits",),
)


def play() -> None:
    """Play all steps, and look whether all went well."""
    with tempfile.TemporaryDirectory() as name:
        said = [*dialogue(Path(name))]
        sent = Path(name, "bank.txt").read_text("utf-8").splitlines()
    yacht, chair, waits = said[-3:]
    assert yacht == "yacht: refused by accountant", yacht
    assert chair == "chair: paid, transfer 1", chair
    assert waits == "nothing waits", waits
    assert len(sent) == 1, sent
    print(f"\nAll is well: {len(said)} processes, one transfer.")


def dialogue(folder: Path) -> Iterator[str]:
    """Yield what each step prints, which is shown as in a terminal."""
    for step in STEPS:
        print("$ python approval.py", *(f'"{word}"' if " " in word else word for word in step))
        command = [sys.executable, "-X", "utf8", __file__, "--folder", str(folder), *step]
        process = subprocess.run(  # noqa: S603 - this program itself
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8", check=True
        )
        print(process.stdout, end="", flush=True)
        yield process.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1:])
