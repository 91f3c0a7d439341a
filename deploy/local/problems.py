"""What can go wrong on a user's machine, said in words that tell what to do next."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import psutil

GIB = 2**30
NEEDED_BYTES = 3 * GIB
"""Free space that a start asks for: the packages, Kafka's jars, and room for the sample to grow."""


class Problem(Exception):
    """Something that only the user can change. Its text says what is wrong and what to do."""


def no_space(path: Path, free_bytes: int | None = None) -> Problem:
    """The disk that holds ``path`` is full, or too full to start."""
    left = "" if free_bytes is None else f" ({free_bytes / GIB:.1f} GiB free, {NEEDED_BYTES / GIB:.0f} needed)"
    return Problem(
        f"Not enough disk space for {path}{left}.\n"
        "Free some and start again: what was downloaded is kept. "
        "CRM_LOCAL_DIR names a folder on another disk."
    )


def no_permission(path: Path) -> Problem:
    """``path`` can't be written by whoever runs this."""
    return Problem(
        f"No permission to write {path}.\n"
        "Make it yours (was it made by root in an earlier run?), "
        "or name another folder with CRM_LOCAL_DIR."
    )


def broken_download(what: str, error: BaseException) -> Problem:
    """A download ended before its end."""
    return Problem(
        f"The download of {what} broke off: {error}\nRun the same command again: it goes on with what is still missing."
    )


def port_taken(port: int, variable: str, user: str) -> Problem:
    """Another program listens on a port that ``user``, one of our parts, needs. ``variable`` changes it."""
    return Problem(
        f"Port {port} on 127.0.0.1 is taken by {_owner_of(port)}; {user} needs it.\n"
        f"End that program, or choose another port: {variable}={port + 1000} make run"
    )


def already_running(pid: int) -> Problem:
    """An earlier run of this checkout is still there."""
    return Problem(
        f"It runs already, as process {pid}.\n"
        "End it with Ctrl-C where it was started, or from here with: .venv/bin/python -m deploy.local stop"
    )


def from_os_error(error: OSError, path: Path) -> Problem | None:
    """The problem behind an error of the operating system, or None if it's none of the user's making."""
    where = Path(error.filename) if isinstance(error.filename, str) else path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return no_permission(where)
    return None


def check_space(path: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Raises ``Problem`` when the disk that holds ``path`` has less than ``needed_bytes`` free."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise no_space(path, free)


def _owner_of(port: int) -> str:
    """The program that listens on a port, as far as this user may see it."""
    try:
        connections = psutil.net_connections("inet")
    except (psutil.AccessDenied, OSError):
        return "another program"
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
            continue
        if connection.laddr.port == port:
            try:
                command = " ".join(psutil.Process(connection.pid).cmdline())
            except psutil.Error:
                command = ""
            return f"process {connection.pid} ({command[:100]})"
    return "another program"
