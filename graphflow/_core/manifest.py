"""Snapshots: which blobs hold the values of a branch, and when it is time to write new ones.

A list that is only appended to is sealed in segments: a snapshot adds one blob with the new items,
and the older blobs serve on. Any other value that changed is written as a whole, and only when the
log has grown by as much as that costs. So all snapshots together cost about as many bytes as the
log, however long the thread is, and a reader replays a bounded part of the log.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from graphflow._change import APPENDING, Change, kept
from graphflow._record import record
from graphflow.checkpoint._frame import framed, unframed
from graphflow.checkpoint.records import Snapshot
from graphflow.errors import DamagedCheckpointError

if TYPE_CHECKING:
    from graphflow.checkpoint.codec import Codec

SEGMENT: Final = 64 * 1024
"""How many bytes a log grows before a snapshot, at the least."""

BARRIERS: Final = 252
"""How many barriers a reader replays at the most, where the values are small.

A little less than 256, for blobs of so many messages of 200 bytes fill the pages of a file better.
"""

LARGEST: Final = 256 * 1024
"""The same for a state that is large already, so that there are not too many segments."""

LIST: Final[Any] = list
"""Not narrowed to by type checkers, which would know too little of the items."""

_PIECES: Final = 64
_SMALL: Final = 16 * 1024
_APART: Final = 4  # barriers for each blob that a manifest names: so that costs few bytes of each
_NO_LIST: Final = -1
_IDS: Final = 1 << 16  # a blob's number: of the record, of the branch, and of the blob


@record
class Entry:
    """Where the value of a channel is.

    Attributes:
        length: how many items the blobs hold together, or -1 for a value that is no list.
        size: how many bytes the blobs have together.
        blobs: the blobs, in order.
    """

    length: int
    size: int
    blobs: tuple[int, ...]


def length_of(value: Any) -> int:  # noqa: ANN401 - a value of the state
    """Return the length of a list, and 0 for anything else."""
    return len(value) if type(value) is LIST else 0


@final
class Manifest:
    """What the last snapshot holds, and what has changed since.

    Attributes:
        entries: where the values of the snapshot are.
        touched: the channels that have changed since, each with how many items at the front of
            the list that the snapshot holds are still in their places.
        grown: how many bytes the log has grown since.
        barriers: how many barriers it has had since.
    """

    __slots__ = ("barriers", "entries", "grown", "size", "touched")

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        """Begin where a snapshot was, or with nothing."""
        self.entries = dict(entries)
        self.touched: dict[str, int] = {}
        self.size = sum(entry.size for entry in entries.values())
        self.grown = 0
        self.barriers = 0

    def grow(self, size: int) -> bool:
        """Note a barrier of so many bytes; return whether there may be a snapshot due."""
        self.grown += size
        self.barriers += 1
        return self.grown >= SEGMENT or self.barriers >= BARRIERS

    def note(self, changes: Mapping[str, Change], values: Mapping[str, Any]) -> None:
        """Note changes of channels; `values` are those before."""
        touched = self.touched
        for key, change in changes.items():
            left = touched.get(key)
            # Nothing is left, or all that is left stays: what nearly every superstep does.
            if left != 0 and (left is None or change not in APPENDING):
                self.touch(key, change, values.get(key))

    def touch(self, key: str, change: Change, old: object) -> None:
        """Note a change of a channel from what it was before."""
        left = kept(change, length_of(old))
        before = self.touched.get(key)
        self.touched[key] = left if before is None else min(before, left)

    @property
    def due(self) -> bool:
        """Whether the log has grown by so much that a snapshot pays."""
        if self.grown < SEGMENT and self.barriers < BARRIERS:
            return False
        again = 0
        for key, left in self.touched.items():
            entry = self.entries.get(key)
            if entry is not None and left < max(entry.length, 1):
                again += entry.size
        if self.grown >= max(min(self.size // _PIECES, LARGEST), again):
            return True
        blobs = sum(len(entry.blobs) for entry in self.entries.values())
        return self.barriers >= max(BARRIERS, blobs * _APART) and again <= self.grown + _SMALL

    def seal(self, codec: "Codec", values: Mapping[str, Any], branch: int, seq: int) -> "Sealed":
        """Return a snapshot of the values after record `seq`."""
        blobs: list[tuple[int, bytes]] = []
        first = seq * _IDS * _IDS + branch % _IDS * _IDS
        for key, left in self.touched.items():
            entry = self.entries.pop(key, None)
            if key not in values:
                continue
            value = values[key]
            begun = Entry(0 if type(value) is LIST else _NO_LIST, 0, ())
            if type(value) is LIST:
                if entry is not None and 0 <= entry.length <= left:
                    begun = entry
                value = value[begun.length :]
            if begun.length <= 0 or value:  # a value that is no list may have no truth
                number = first + len(blobs)
                # Nothing of it is looked at again: it was when its barrier was packed.
                data = framed(codec.pack_form(value, ()), number)
                blobs.append((number, data))
                begun = Entry(
                    begun.length if begun.length < 0 else begun.length + len(value),
                    begun.size + len(data),
                    (*begun.blobs, number),
                )
            self.entries[key] = begun
        self.touched.clear()
        self.grown = self.barriers = 0
        self.size = sum(entry.size for entry in self.entries.values())
        packed = codec.pack(
            {key: [e.length, e.size, [*e.blobs]] for key, e in self.entries.items()}
        )
        named = tuple(number for entry in self.entries.values() for number in entry.blobs)
        return Sealed(branch, packed, named, blobs)


@record
class Sealed:
    """A snapshot whose record has no number yet.

    Attributes:
        branch: the branch.
        packed: the packed manifest.
        named: the numbers of all its blobs.
        blobs: those that are new.
    """

    branch: int
    packed: bytes
    named: tuple[int, ...]
    blobs: Sequence[tuple[int, bytes]]

    def at(self, seq: int) -> Snapshot:
        """Return the snapshot of record `seq`."""
        return Snapshot(self.branch, seq, framed(self.packed, seq), self.named)


def read_manifest(codec: "Codec", snapshot: Snapshot) -> dict[str, Entry]:
    """Return the entries of a snapshot.

    Raises:
        CheckpointError: if it is damaged.
    """
    form = codec.unpack(unframed(snapshot.manifest, snapshot.seq))
    try:
        return {
            key: Entry(int(length), int(size), tuple(blobs))
            for key, (length, size, blobs) in form.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        msg = f"the snapshot of record {snapshot.seq} is damaged: it has not the form of one"
        raise DamagedCheckpointError(msg) from error


def read_value(codec: "Codec", key: str, entry: Entry, blobs: Mapping[int, bytes]) -> Any:  # noqa: ANN401 - a value of the state
    """Return the value that an entry stands for.

    Raises:
        CheckpointError: if a blob is not there, or damaged.
    """
    parts: list[Any] = []
    for number in entry.blobs:
        data = blobs.get(number)
        if data is None:
            msg = f"a part of the value of {key!r} is not in the store; the checkpoint is damaged"
            raise DamagedCheckpointError(msg)
        parts.append(codec.unpack(unframed(data, number)))
    if entry.length < 0:
        if len(parts) == 1:
            return parts[0]
    elif all(type(part) is LIST for part in parts):
        items: list[Any] = parts[0] if parts else []
        for part in parts[1:]:
            items += part
        if len(items) == entry.length:
            return items
    msg = f"the stored parts of {key!r} do not make its value; the checkpoint is damaged"
    raise DamagedCheckpointError(msg)
