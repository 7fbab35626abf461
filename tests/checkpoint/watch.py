"""Tells what Python's audit events say of a stretch of code: whether it imported, ran or opened."""

import importlib
import sys
import zoneinfo
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident
from types import ModuleType
from typing import Final
from unittest.mock import patch

FORBIDDEN: Final = frozenset(
    {
        "code.__new__",
        "compile",
        "ctypes.dlopen",
        "exec",
        "import",
        "marshal.loads",
        "open",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.putenv",
        "os.remove",
        "os.rename",
        "os.spawn",
        "os.system",
        "pickle.find_class",
        "shutil.rmtree",
        "socket.connect",
        "subprocess.Popen",
        "urllib.Request",
    }
)
"""What a value that is read must never lead to."""

import_for_real: Final = importlib.import_module

_watched: Final[dict[int, list[str]]] = {}
_hooked: Final[list[bool]] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    """Note an event of a thread that is watched."""
    if event in FORBIDDEN and (heard := _watched.get(get_ident())) is not None:
        if event == "open" and str(arguments[0]).startswith(zoneinfo.TZPATH):
            return  # the machine's own time zones, whose names are checked
        heard.append(f"{event} {arguments[:2]!r}")


@contextmanager
def watched() -> Generator[list[str]]:
    """Give the list of forbidden events of this thread, as they come."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hear)  # for good: Python does not take one back
    heard: list[str] = []
    _watched[get_ident()] = heard

    def import_module(name: str, package: str | None = None) -> ModuleType:
        if name != "tzdata":  # where zoneinfo looks for the names of time zones
            heard.append(f"import_module {name!r}")
        return import_for_real(name, package)

    try:
        # Python tells nothing of this way to import, if the module is there already.
        with patch.object(importlib, "import_module", import_module):
            yield heard
    finally:
        del _watched[get_ident()]
