"""Where a thread's log is written on: one for a run and for all that run inside it.

They write to branches of their own, but records are numbered over all of them. So only one of
them at a time may put a commit together and hand it to the store; the drivers see to that.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from graphflow._core.spaces import read_space
from graphflow.checkpoint.records import Branch, Head
from graphflow.errors import ThreadBusyError

if TYPE_CHECKING:
    from graphflow._core.spaces import Space

_TOKEN = 4


@final
class Ledger:
    """The end of one thread's log, as far as it is known.

    Attributes:
        thread: the thread's id.
        seq: the number of its last record.
        epoch: the epoch of the thread that the run has taken.
        current: the thread's current branch; another one if the run goes on beside it.
        token: what the run signs its commits with, before their count.
        branches: the branches of graphs inside the run, the last one of each namespace.
        users: the tasks that have gone on last with the memories of nodes; each as the tasks that
            it is in and itself, with their supersteps.
    """

    __slots__ = (
        "_count",
        "_numbers",
        "branches",
        "current",
        "epoch",
        "make_id",
        "seq",
        "thread",
        "token",
        "users",
    )

    def __init__(self, thread: str, make_id: Callable[[], str]) -> None:
        """Begin before the thread has been read."""
        self.thread = thread
        self.make_id = make_id
        self.seq = self.epoch = self.current = self._count = 0
        self.token = b""
        self.branches: dict[str, Branch] = {}
        self._numbers: dict[str, list[int]] | None = None
        self.users: dict[str, tuple[tuple[int, str], ...]] = {}

    def sign(self) -> None:
        """Begin to sign commits with a token of the run's own, to know them again."""
        self.token = bytes.fromhex(self.make_id())[:12]

    def signature(self) -> bytes:
        """Return the token of the next commit."""
        self._count += 1
        return self.token + self._count.to_bytes(_TOKEN, "big")

    def new_branch(self) -> int:
        """Return a number for a branch that no other has."""
        return 1 + (int(self.make_id()[:8], 16) >> 1)  # four bytes in each record

    def read(self, branches: Sequence[Branch]) -> None:
        """Learn which branches there are of graphs inside the run."""
        self.branches = {each.ns: each for each in branches if each.ns}

    def numbers(self, space: "Space") -> Sequence[int]:
        """Return the numbers of the graphs that a task had run before the run began.

        Args:
            space: where one of them is run; all of the task, or of its edge, have a number.
        """
        if self._numbers is None:
            found: dict[str, list[int]] = {}
            for text in [*self.branches]:
                one = read_space(text)
                found.setdefault(one.numbered(0).text, []).append(one.levels[-1].number)
            self._numbers = found  # whole at once, for threads may look at the same time
        return self._numbers.get(space.numbered(0).text, ()) if self._numbers else ()

    def catch_up(self, head: Head | None) -> None:
        """Go on behind what another run of this process, in a branch of its own, has stored.

        Raises:
            ThreadBusyError: if it was no such run, but one that has taken the thread over.
        """
        if head is None or head.epoch != self.epoch:
            raise ThreadBusyError(self.thread, superseded=True)
        self.seq, self.current = head.seq, head.branch
