"""The numbers of msgpack extensions that the codec gives a meaning; one that is given stays.

A number that is not here was given by a newer graphflow. Those of 0 and above are free to use;
msgpack keeps the negative ones to itself.
"""

from typing import Final

from graphflow.messages import RemoveMessage
from graphflow.types import Command, Overwrite, Send

LIMIT: Final = 64
"""How many containers and objects may be inside each other."""

TUPLE: Final = 1
SET: Final = 2
FROZENSET: Final = 3
INTEGER: Final = 4
"""An int of more than 64 bits."""
COMPLEX: Final = 5
DATETIME: Final = 6
DATE: Final = 7
TIME: Final = 8
TIMEDELTA: Final = 9
ZONE: Final = 10
"""A `timezone` or a `ZoneInfo`."""
UUID_: Final = 11
DECIMAL: Final = 12
ARRAY: Final = 13
"""A numpy array."""
SCALAR: Final = 14
"""A numpy scalar."""
REGISTERED: Final = 15
"""`[tag, payload]`: an object of a class that the application registered."""
REMOVE_MESSAGE: Final = 16
SEND: Final = 17
COMMAND: Final = 18
OVERWRITE: Final = 19

SERIES: Final[dict[type, int]] = {tuple: TUPLE, set: SET, frozenset: FROZENSET}
"""The containers that msgpack does not have; a list of their items is what is stored."""

PLAIN: Final[dict[type, tuple[int, tuple[str, ...]]]] = {
    RemoveMessage: (REMOVE_MESSAGE, ("id",)),
    Send: (SEND, ("node", "arg")),
    Command: (COMMAND, ("graph", "update", "resume", "goto")),
    Overwrite: (OVERWRITE, ("value",)),
}
"""Graphflow's own values; a list of these fields is what is stored."""
