"""The services' real processes, and a keeper that starts again what ended, as a supervisor does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.layout import ROOT
from deploy.local.process import tail
from shared.pipeline.recovery import NOT_BEFORE_RECOVER

LOOK_SECONDS = 0.02
PAUSE_SECONDS = 0.3
"""Between two starts of a process that ends by itself."""


@dataclass
class Process:
    """One process of a service: ``python -m services.<service> <command>``."""

    service: str
    command: str
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    number: int = 1
    tree: Path = ROOT
    """The checkout whose code it runs."""
    faults: deque[str] = field(default_factory=deque)
    """What CRM_FAULT is to say at each of the next starts."""
    exits: list[int] = field(default_factory=list)
    """The codes with which it ended."""
    wanted: bool = False
    _said: int = 0
    _popen: subprocess.Popen[bytes] | None = None
    _started: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.service}-{self.command}-{self.number}"

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self.name} wasn't started"
        return self._popen.pid

    @property
    def refuses(self) -> bool:
        """Whether it ended because a person has to act first."""
        return bool(self.exits) and self.exits[-1] == NOT_BEFORE_RECOVER

    def start(self) -> None:
        """Start it; the keeper keeps it from now on."""
        environment = dict(self.environment)
        if self.faults:
            environment["CRM_FAULT"] = self.faults.popleft()
        with self.log.open("ab") as log:
            self._said = log.tell()
            self._popen = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.service}", self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.tree,
                env=environment,
                start_new_session=True,
            )
        self._started = time.monotonic()
        self.wanted = True

    def says(self, text: str) -> bool:
        """Whether its log has the text, since it was started last."""
        return text.encode() in self.log.read_bytes()[self._said :]

    def look(self) -> None:
        """Start it again if it ended and is wanted."""
        if self._popen is None or not self.wanted:
            return
        code = self._popen.poll()
        if code is None or time.monotonic() - self._started < PAUSE_SECONDS:
            return
        self.exits.append(code)
        if self.refuses:
            self.wanted = False
        else:
            self.start()

    def kill(self) -> None:
        """SIGKILL; the keeper will start it again."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def abort(self) -> None:
        """End it with the stacks of its threads in its log."""
        self.wanted = False
        self.resume()
        self._signal(signal.SIGABRT)

    def ask_to_stop(self, *, hard: bool = False) -> None:
        """End it for good: in its orderly way, or by SIGKILL. ``wait`` waits for the end."""
        self.wanted = False
        self.resume()
        self._signal(signal.SIGKILL if hard else signal.SIGTERM)

    def wait(self) -> None:
        if self._popen is None:
            return
        try:
            self._popen.wait(25)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise AssertionError(f"{self.name} didn't end when it was told to\n{tail(self.log)}") from None
        finally:
            self._popen = None

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None and self._popen.poll() is None:
            os.kill(self._popen.pid, number)


class Keeper:
    """Looks after processes in a thread."""

    def __init__(self, processes: Iterable[Process]) -> None:
        self.processes = list(processes)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop looking and end all that run."""
        self._stop.set()
        self._thread.join(10)
        self.stop(self.processes, hard=True)

    def stop(self, processes: Iterable[Process], *, hard: bool = False) -> None:
        """End these for good; nobody starts them again."""
        with self._lock:
            chosen = list(processes)
            for process in chosen:
                process.ask_to_stop(hard=hard)
            for process in chosen:
                process.wait()

    def abort(self) -> None:
        """End all with the stacks of their threads in their logs."""
        with self._lock:
            for process in self.processes:
                process.abort()
            for process in self.processes:
                process.wait()

    def restart(self, processes: Iterable[Process]) -> None:
        """End these in their orderly way, and start them."""
        chosen = list(processes)
        self.stop(chosen)
        for process in chosen:
            process.start()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with self._lock:
                for process in self.processes:
                    process.look()
