"""A server that runs as a foreground child in a session of its own."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import psutil

POLL_SECONDS = 0.05


class NotReady(Exception):
    """A server ended, or didn't answer in time. The text has the end of its log."""


def nothing() -> None:
    """What a wait does between two looks if its caller wants nothing done."""


class ServerProcess(ABC):
    """One server with its own folder and port.

    Used in two ways: a test starts, kills or freezes it as a child process; the supervisor
    calls ``prepare`` and then runs ``command`` itself.
    """

    name: str
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Bring the folder into the state from which ``command`` can run. Harmless when done before."""

    @abstractmethod
    def command(self) -> list[str]:
        """The foreground command."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers a request of its own protocol."""

    @property
    def user(self) -> str | None:
        """The system user that it must run as, or None for whoever started it."""
        return None

    @property
    def log(self) -> Path:
        """Where ``start`` sends its output."""
        return self.folder.parent / f"{self.name}.log"

    def start(self, timeout_seconds: float = 60) -> None:
        """Start it and wait until it answers. Raises ``NotReady``."""
        self.prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        self._guard_it(self.process.pid)
        try:
            self.wait_ready(timeout_seconds)
        except BaseException:
            self.kill()
            raise

    def wait_ready(self, timeout_seconds: float = 60, between: Callable[[], None] = nothing) -> None:
        """Wait until it answers. ``between`` is called between two looks and may raise to end the wait."""
        deadline = time.monotonic() + timeout_seconds
        while not self.is_ready():
            between()
            if self.process is not None and self.process.poll() is not None:
                raise NotReady(f"{self.name} ended with {self.process.returncode}.\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} didn't answer in {timeout_seconds:.0f} s.\n{tail(self.log)}")
            time.sleep(POLL_SECONDS)

    def stop(self, timeout_seconds: float = 30) -> None:
        """End it in its own orderly way; by force when that takes too long."""
        if self.process is None:
            return
        self.resume()
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._ended()

    def kill(self) -> None:
        """End it and its children at once, as a power cut does (what reached the disk's cache stays)."""
        if self.process is None:
            return
        family = self._family()
        _signal(family, signal.SIGKILL)
        self.process.wait()
        while any(map(_is_alive, family)):
            time.sleep(POLL_SECONDS)
        self._ended()

    def pause(self) -> None:
        """Freeze it with its children: connections stay open and nobody answers."""
        _signal(self._family(), signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        _signal(self._family(), signal.SIGCONT)

    def _guard_it(self, pid: int) -> None:
        # Whoever forgets to stop it leaves nothing behind, nor does one that is killed: then the guard reads
        # the end of its input, of which only this process holds the other end.
        atexit.register(self.kill)
        command = ["sh", "-c", 'read -r _; kill -9 "$1"', "guard", str(pid)]
        self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True)

    def _ended(self) -> None:
        self.process = None
        atexit.unregister(self.kill)
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _family(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue


def _is_alive(process: psutil.Process) -> bool:
    """A child of a dead parent may stay as a zombie until the system's first process looks after it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, or nothing if there's none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
