"""A checkout with stand-ins for the services, to see how a local run starts, watches and stops things."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from deploy.local import layout

SERVICES = ("callcenter", "sync")
"""Any services will do, and each has its cost at every start."""
START_SECONDS = 180
END_SECONDS = 180

_SERVICE = """
import http.server, os, pathlib, sys, time
name, what = {name!r}, sys.argv[1]
behaviour = os.environ.get(f"FAKE_{{name}}_{{what}}".upper(), "")
place = pathlib.Path(os.environ["CRM_LOCAL_DIR"])
with (place / f"{{name}}-{{what}}-starts").open("a") as starts:
    starts.write("1")
if behaviour == "hang":
    time.sleep(600)
if behaviour.isdecimal():
    print("gives up with", behaviour)
    sys.exit(int(behaviour))
if what in ("worker", "streams"):
    time.sleep(600)
if what == "api":
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
    address = ("127.0.0.1", int(os.environ[f"CRM_{{name}}_PORT".upper()]))
    http.server.HTTPServer(address, Answer).serve_forever()
"""

_SAMPLE = """
import os, pathlib, sys, time
place = pathlib.Path(os.environ["CRM_LOCAL_DIR"])
with (place / f"sample-{sys.argv[1]}-starts").open("a") as starts:
    starts.write("1")
if os.environ.get("FAKE_SAMPLE") == "hang":
    time.sleep(600)
print("a sample was loaded")
"""


class Checkout:
    """A copy of ``deploy`` beside two stand-ins, with a state folder and ports of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        for part in ("kafka", "local"):
            shutil.copytree(layout.ROOT / "deploy" / part, folder / "deploy" / part)
        self._write("deploy/sample/__main__.py", _SAMPLE)
        for name in SERVICES:
            self._write(f"services/{name}/__main__.py", _SERVICE.format(name=name))
        self._write("services/callcenter/__init__.py", 'PROCESSES = ("api", "worker", "streams")')
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
            "CRM_LOCAL_DIR": str(self.state),
            "CRM_DOWNLOADS_DIR": str(layout.downloads()),
            **{layout.port_variable(part): str(layout.free_port()) for part in layout.SERVICE_PORTS},
            **{layout.port_variable(part): str(layout.free_port()) for part in layout.SERVER_PORTS},
            **environment,
        }

    def start(self, *arguments: str, **environment: str) -> Started:
        """Start ``python -m deploy.local`` with these arguments."""
        return Started(self, arguments, {**self.environment, **environment})

    def call(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """The exit code and output of a command that ends by itself."""
        started = self.start(*arguments, **environment)
        return started.wait(), started.output

    def starts(self, part: str) -> int:
        """How often a stand-in was started."""
        note = self.state / f"{part}-starts"
        return len(note.read_text()) if note.exists() else 0

    def processes(self) -> list[str]:
        """Every process of the system that was started with this checkout's state folder."""
        found = []
        for process in psutil.process_iter():
            try:
                at_home = Path(process.cwd()).is_relative_to(self.folder.resolve())
                told = process.environ().get("CRM_LOCAL_DIR") == str(self.state)
                if (at_home or told) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
            except psutil.Error:
                continue
        return found

    def _write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)


class Started:
    """A command that was started, in a session of its own as a terminal's foreground job has."""

    def __init__(self, checkout: Checkout, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self._log = checkout.folder / f"output-{time.monotonic_ns()}"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", *arguments],
                cwd=checkout.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it said ``text``."""
        wait_until(lambda: text in self.output, f"{text!r} in its output", lambda: self.output)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it ended."""
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"It doesn't end. It said:\n{self.output}") from None


def wait_until(
    condition: Callable[[], bool], what: str, more: Callable[[], str] = str, seconds: float = START_SECONDS
) -> None:
    """Wait until ``condition`` holds; fail with ``what`` and ``more`` when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not in {seconds:.0f} s: {what}\n{more()}")
        time.sleep(0.05)
