"""``run.start`` and ``run.idle``: the whole platform on this machine, as ``make run`` starts it.

The small size runs stand-ins for two services on servers that run already: it shows that a run is started, watched and
ended, and leaves out all that takes time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import psutil

from deploy.docs.results import Result
from deploy.local import layout
from deploy.local.backing import database_variable
from tests.bench.figures import Figure, at_most, median
from tests.bench.machine import Machine
from tests.e2e import local_checkout

UP = "Ctrl-C stops everything."
"""The last that a run says when everything is ready."""
START_SECONDS = 120
SAMPLE_SECONDS = 600
END_SECONDS = 60
LOOK_SECONDS = 0.02
QUIET_SECONDS = 40
"""Before it is asked what an idle platform costs: Java goes on compiling for a while."""
IDLE_SECONDS = 30
"""Of each of three stretches."""
SMALL_SECONDS = 0.2


def start(machine: Machine) -> Iterator[Result]:
    """The first start makes databases and topics, and isn't counted."""
    with whole_platform(machine) as platform:
        platform.start()
        platform.stop()
        runs = []
        for _ in range(machine.size.runs):
            runs.append(platform.start())
            steps = platform.steps()
            platform.stop()
    yield Result(
        figure="run.start",
        value=round(median(runs), 2),
        unit="s",
        runs=[round(run, 2) for run in runs],
        more={"steps": steps},
    )


def idle(machine: Machine) -> Iterator[Result]:
    """Processor time of all processes of a run that nobody uses."""
    with whole_platform(machine) as platform:
        platform.start()
        time.sleep(QUIET_SECONDS if machine.size.full else 0)
        first = platform.seconds_used()
        before, began, runs = first, time.monotonic(), []
        for _ in range(3):
            since = time.monotonic()
            time.sleep(IDLE_SECONDS if machine.size.full else SMALL_SECONDS)
            now = platform.seconds_used()
            runs.append((sum(now.values()) - sum(before.values())) / (time.monotonic() - since))
            before = now
        took = time.monotonic() - began
        platform.stop()
    by_process = {name: round((seconds - first.get(name, 0.0)) / took, 4) for name, seconds in now.items()}
    yield Result(
        figure="run.idle",
        value=round(median(runs), 3),
        unit="cores",
        runs=[round(run, 3) for run in runs],
        more={"cores": dict(sorted(by_process.items(), key=lambda item: -item[1]))},
    )


class Platform:
    """A checkout that can be run, told by its environment where its state and its ports are."""

    def __init__(self, root: Path, log: Path, environment: dict[str, str]) -> None:
        self._root = root
        self._log = log
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, sample: bool = False) -> float:
        """Seconds from the command to the line that says that all is ready, with the sample loaded if asked for. Raises
        ``RuntimeError`` with what was said when it doesn't come."""
        without = [] if sample else ["--no-sample"]
        patience = SAMPLE_SECONDS if sample else START_SECONDS
        began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run", *without],
                cwd=self._root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while UP not in (said := self._log.read_text()):
            if self._process.poll() is not None or time.monotonic() > began + patience:
                raise RuntimeError(f"the platform isn't ready:\n{said}")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def token(self, actor: str) -> str:
        """An access token of one of the sample's actors."""
        command = [sys.executable, "-m", "deploy.local", "token", actor]
        asked = subprocess.run(
            command, cwd=self._root, env=self.environment, capture_output=True, text=True, check=True
        )
        return asked.stdout.strip()

    def steps(self) -> dict[str, float]:
        """Seconds of each step of the last start, as it said them."""
        lines = [line.split() for line in self._log.read_text().splitlines() if line.strip().startswith("✓")]
        return {" ".join(words[1:-2]).partition(" at http")[0]: float(words[-2]) for words in lines}

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            self._process.wait(END_SECONDS)
            self._process = None

    def reset(self) -> None:
        """End it, with what a broken run left, and delete its data, wherever that is."""
        self.stop()
        command = [sys.executable, "-m", "deploy.local", "reset"]
        done = subprocess.run(command, cwd=self._root, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the platform's data couldn't be deleted:\n{done.stderr}")

    def seconds_used(self) -> dict[str, float]:
        """Processor seconds of every process so far, by what it is; those that ended count for who started them."""
        assert self._process is not None
        run = psutil.Process(self._process.pid)
        used: defaultdict[str, float] = defaultdict(float)
        for process in (run, *run.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used[_name(process)] += sum(process.cpu_times()[:4])
        return used


def _name(process: psutil.Process) -> str:
    """What a process of a run is: ``sync worker``, ``kafka`` …"""
    words = process.cmdline()
    if process.name() == "postgres":
        return "postgres"
    if "kafka.Kafka" in words:
        return "kafka"
    for word, following in pairwise(words):
        if word.startswith("services."):
            return f"{word.removeprefix('services.')} {following}"
    return "supervisord" if "supervisor.supervisord" in words else "make run"


@contextmanager
def whole_platform(machine: Machine) -> Iterator[Platform]:
    """One that has its data deleted at the end."""
    folder = machine.folder / "platform"
    folder.mkdir(exist_ok=True)
    if machine.size.full:
        ports = {
            layout.port_variable(part): str(layout.free_port()) for part in layout.SERVICE_PORTS | layout.SERVER_PORTS
        }
        own = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        told = {**own, **ports, "CRM_LOCAL_DIR": str(folder / "state"), "CRM_DOWNLOADS_DIR": str(layout.downloads())}
        platform = Platform(layout.ROOT, folder / "log", told)
    else:
        databases = {database_variable(name): machine.postgres.admin_url for name in local_checkout.SERVICES}
        servers = {**machine.kafka.environment, **databases}
        made = local_checkout.Checkout(Path(tempfile.mkdtemp(dir=folder)), **servers)
        platform = Platform(made.folder, folder / "log", made.environment)
    try:
        yield platform
    finally:
        platform.reset()


FIGURES = (
    Figure("run.start", "a second start is ready in 30 s at most", start, at_most(30)),
    Figure("run.idle", "the platform with nothing to do takes 0.15 core at most", idle, at_most(0.15)),
)
