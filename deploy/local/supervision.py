"""Keeps the programs of a local run going, with supervisord: it starts, restarts, logs and stops them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy.local import private
from deploy.local.process import POLL_SECONDS, NotReady, ServerProcess, tail

START_SECONDS = 20
STOP_SECONDS = 45
CONFIGURATION_ERROR = 78
"""A service that must not be started again ends with this (EX_CONFIG): a restart would change nothing."""

LOG_BYTES = "10MB"
LOG_BACKUPS = 3
SERVERS, SERVICES = "servers", "services"
"""The two groups, in the order of their start; they stop in the opposite order."""

MARK = "CRM_LOCAL_STATE"
"""Names the state folder in the environment of everything that a run starts, so that leftovers are found."""


@dataclass(frozen=True)
class Program:
    """One supervised command. The programs of a group stop together."""

    group: str
    name: str
    command: list[str]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    restart: str = "unexpected"

    @property
    def full_name(self) -> str:
        """Its name for supervisord."""
        return f"{self.group}:{self.name}"


def server_program(server: ServerProcess) -> Program:
    """An embedded server: always restarted, and the last to stop."""
    return Program(
        group=SERVERS,
        name=server.name,
        command=server.command(),
        directory=Path("/"),
        user=server.user,
        stop_signal=server.stop_signal,
        restart="true",
    )


def render(programs: list[Program], logs: Path, state: Path, socket: Path) -> str:
    """supervisord's configuration: reached by a Unix socket only, every program with a rotated log."""
    sections = [
        _section(
            "supervisord",
            nodaemon="true",
            silent="true",
            logfile=str(logs / "supervisord.log"),
            logfile_maxbytes=LOG_BYTES,
            logfile_backups=str(LOG_BACKUPS),
            pidfile=str(state / "supervisord.pid"),
            childlogdir=str(logs),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        ),
        _section("unix_http_server", file=str(socket), chmod="0700"),
        _section("supervisorctl", serverurl=f"unix://{socket}"),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(program, logs) for program in programs),
        *(_group(group, rank, programs) for rank, group in enumerate((SERVERS, SERVICES))),
    ]
    return "\n".join(sections)


def _program(program: Program, logs: Path) -> str:
    settings = {
        "command": shlex.join(program.command),
        "directory": str(program.directory),
        "environment": ",".join(f"{name}={_quoted(value)}" for name, value in program.environment.items()),
        "autostart": "false",
        "autorestart": program.restart,
        "exitcodes": f"0,{CONFIGURATION_ERROR}",
        "startsecs": "1",
        "startretries": "5",
        "stopsignal": program.stop_signal.name.removeprefix("SIG"),
        "stopwaitsecs": "20",
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": str(LOG_BACKUPS),
    }
    if program.user:
        settings["user"] = program.user
    return _section(f"program:{program.name}", **settings)


def _quoted(value: str) -> str:
    # supervisord knows both kinds of quotes, but no way to write one within its own kind.
    return f'"{value}"' if '"' not in value else f"'{value}'"


def _group(group: str, rank: int, programs: list[Program]) -> str:
    members = [program.name for program in programs if program.group == group]
    return _section(f"group:{group}", programs=",".join(members), priority=str(rank)) if members else ""


def _section(title: str, **settings: str) -> str:
    # supervisord expands %(name)s in values: a percent sign of our own is doubled.
    lines = [f"{name} = {value.replace('%', '%%')}" for name, value in settings.items()]
    return "\n".join([f"[{title}]", *lines, ""])


class Supervisor:
    """One supervisord, as a child in a session of its own: a terminal's signals don't reach it, ours do."""

    def __init__(self, state: Path, logs: Path) -> None:
        self._state = state
        self._logs = logs
        self._log = logs / "supervisord.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._refused: set[str] = set()
        # The path of a Unix socket has about 100 characters at most; a checkout's path may have more.
        self._socket_folder = Path(tempfile.mkdtemp(prefix="crm-supervisor-"))
        self._socket = self._socket_folder / "socket"

    def start(self, programs: list[Program], check: Callable[[], None]) -> None:
        """Start supervisord with no program running yet. ``check`` may raise to end the wait."""
        self._log.unlink(missing_ok=True)  # what it says is about this run
        configuration = self._state / "supervisord.conf"
        private.write(configuration, render(programs, self._logs, self._state, self._socket))
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
        with (self._logs / "supervisord.out").open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", MARK: str(self._state)},
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            check()
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"supervisord didn't start.\n{tail(self._logs / 'supervisord.out')}")
            time.sleep(POLL_SECONDS)

    def start_program(self, program: Program) -> None:
        """Start one program, without waiting for it."""
        try:
            self._call().supervisor.startProcess(program.full_name, False)
        except Fault as fault:
            raise NotReady(f"{program.name} couldn't be started: {fault.faultString}") from fault

    def states(self) -> dict[str, str]:
        """Of each program, its state in supervisord's words: RUNNING, FATAL …

        A program that refused its configuration is EXITED, and stays so.
        """
        processes: Any = self._call().supervisor.getAllProcessInfo()
        found = {process["name"]: process["statename"] for process in processes}
        for process in processes:
            name = process["name"]
            if name in self._refused:
                found[name] = "EXITED"
            elif found[name] == "BACKOFF" and self._has_refused(name):
                self._refused.add(name)
                found[name] = "EXITED"
                with suppress(Fault):  # it may be between two tries
                    self._call().supervisor.stopProcess(f"{process['group']}:{name}")
        return found

    def is_alive(self) -> bool:
        """Whether supervisord itself runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop every program, then supervisord; by force when that takes too long."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._socket_folder, ignore_errors=True)

    def _answers(self) -> bool:
        # The socket's file is there a moment before anybody listens.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
            return True

    def _has_refused(self, name: str) -> bool:
        # An end in the first second is a failed start for supervisord, which then tries again without a
        # look at the exit code, and tells it nowhere but in its log.
        return f"exited: {name} (exit status {CONFIGURATION_ERROR};" in self._log.read_text(errors="replace")

    def _call(self) -> ServerProxy:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return ServerProxy("http://127.0.0.1", transport=transport)
