"""Small disks and disks that cannot be written, as the machine allows to make them."""

import resource
import stat
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


def mounted(folder: Path, options: str) -> bool:
    """Mount a disk in memory; return whether that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - the command is written above


def mount(*arguments: str) -> None:
    """Change a mount that was allowed."""
    subprocess.run(arguments, check=True)  # noqa: S603 - every command is written in this file


@contextmanager
def small_files(folder: Path, size: int) -> Generator[Callable[[], None]]:
    """Make a folder, and let this process write no longer files; give what ends that."""
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, size: int) -> Generator[Callable[[], None]]:
    """Make a folder a disk with little room, where that is allowed; give what makes more."""
    folder.mkdir()
    if not mounted(folder, f"size={size}"):
        folder.rmdir()
        with small_files(folder, size) as more:
            yield more
        return
    try:
        yield lambda: mount("mount", "-o", "remount,size=10m", str(folder))
    finally:
        mount("umount", str(folder))


@contextmanager
def disk(folder: Path) -> Generator[None]:
    """Make a folder a disk that `unwritable` can make unwritable."""
    folder.mkdir()
    if mounted(folder, "size=10m"):
        try:
            yield
        finally:
            mount("umount", str(folder))
    else:
        yield


@contextmanager
def unwritable(folder: Path) -> Generator[None]:
    """Let nothing in a disk be written; where nothing is mounted, take the permissions away."""
    if folder.is_mount():
        mount("mount", "-o", "remount,ro", str(folder))
        try:
            yield
        finally:
            mount("mount", "-o", "remount,rw", str(folder))
        return
    paths = [*folder.iterdir(), folder]
    modes = [path.stat().st_mode for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)
