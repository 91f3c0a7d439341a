"""The state folder: who uses it, which versions wrote it, and how it is emptied."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import psutil

from deploy.local import jars, postgres, problems, unprivileged
from deploy.local.layout import Layout
from deploy.local.process import POLL_SECONDS
from deploy.local.supervision import MARK

FORMAT = 2
"""Rises when an older state folder can't be used any more. 2: Kafka lets nobody in without a password."""

NOTE = "versions.json"
STOP_SECONDS = 60
KEPT = frozenset({"downloads", "run.lock"})


@contextmanager
def in_use(layout: Layout) -> Iterator[None]:
    """Holds the state folder for one run. Raises ``Problem`` when another run has it."""
    with _lock_file(layout) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise problems.already_running(_pid(file)) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def running(layout: Layout) -> int | None:
    """The process that holds the state folder, if one does."""
    if not layout.state.exists():
        return None
    with _lock_file(layout) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(file)
    return None


def check_versions(layout: Layout) -> None:
    """Note the versions that write this folder. Raises ``Problem`` when others wrote what's in it."""
    ours = _versions()
    if not (layout.state / "kafka").exists() and not (layout.state / "postgres").exists():
        note_versions(layout)
    theirs: object = None
    with suppress(OSError, ValueError):
        theirs = json.loads((layout.state / NOTE).read_text())
    data_version = layout.state / "postgres" / "data" / "PG_VERSION"
    is_other = data_version.exists() and data_version.read_text().strip() != postgres.VERSION
    if theirs != ours or is_other:
        raise problems.Problem(
            f"The data in {layout.state} is of another version of this platform.\n"
            f"There: {theirs or 'unknown'}; here: {ours}.\n"
            "Start anew with: make reset (deletes that data), or check out the version that wrote it."
        )


def note_versions(layout: Layout) -> None:
    """Say that what is in the folder was written by the versions of this checkout."""
    (layout.state / NOTE).write_text(json.dumps(_versions()))


def _versions() -> dict[str, object]:
    return {"format": FORMAT, "kafka": jars.KAFKA_VERSION, "postgres": postgres.VERSION}


def stop(layout: Layout) -> int | None:
    """End the run that holds the folder, and whatever a killed one left. Returns its process, if any.

    Raises ``Problem`` when it doesn't end.
    """
    pid = running(layout)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running(layout) is not None:
            if time.monotonic() > deadline:
                raise problems.Problem(f"Process {pid} doesn't end. End it by force: kill -9 {pid}")
            time.sleep(POLL_SECONDS)
    stop_leftovers(layout)
    return pid


def stop_leftovers(layout: Layout) -> list[int]:
    """End what a run left that was killed. Returns the processes."""
    found = leftovers(layout)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(found, timeout=20)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return [process.pid for process in found]


def leftovers(layout: Layout) -> list[psutil.Process]:
    """Processes that a run with this state folder started, and PostgreSQL's among them."""
    data = (layout.state / "postgres" / "data").resolve()
    return [process for process in psutil.process_iter() if _is_ours(process, layout.state, data)]


def reset(layout: Layout) -> None:
    """Delete everything but the downloads. Nothing may be running."""
    unprivileged.remove(layout.state / "postgres")
    for path in layout.state.iterdir() if layout.state.exists() else ():
        if path.name in KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_ours(process: psutil.Process, state: Path, data: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # PostgreSQL writes its titles over its environment, but works in its data folder. Its children
        # end with it, and would take the signal for something else.
        if process.name() == "postgres":
            return Path(process.cwd()) == data and "-D" in process.cmdline()
        return process.environ().get(MARK) == str(state)
    except (psutil.Error, OSError):
        return False


def _lock_file(layout: Layout) -> TextIO:
    layout.state.mkdir(parents=True, exist_ok=True)
    return (layout.state / "run.lock").open("a+")


def _pid(file: TextIO) -> int:
    file.seek(0)
    return int(file.read() or 0)
