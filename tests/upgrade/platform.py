"""The four services on real processes: those of the former release at first, those of this one beside them later."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deploy.local.layout import HOST, ROOT, free_port
from tests.faults.circle import Circle
from tests.faults.harness import until
from tests.faults.ledger import Load
from tests.faults.processes import Process
from tests.upgrade.door import Door

STREAMS = ("callcenter", "streams")
FORMER, NEW = 1, 2
"""Numbers of processes, by release."""
JOURNEYS = 4
"""So many go round in each state of the upgrade."""
JOURNEY_SECONDS = 240
READY_SECONDS = 240
"""A busy machine starts sixteen processes, half of which read code for the first time."""
_SOURCES = """
import importlib, json, os, sys
from shared.edge import settings
block = importlib.import_module(f"services.{sys.argv[1]}.wiring").BLOCK
print(json.dumps(sorted(block.subscriptions(settings.load(sys.argv[1])).sources)))
"""


class Upgrade(Circle):
    """Starts with the former release's code, which ``tree`` has."""

    def __init__(self, folder: Path, seed: int, tree: Path) -> None:
        super().__init__(folder, seed)
        self.tree = tree
        self.doors = {service: Door() for service in self.services}
        self.ports = {service: door.port for service, door in self.doors.items()}
        self._own_ports: dict[tuple[str, int], int] = {}
        self._heard: dict[str, list[str]] = {}
        self._renewed: set[str] = set()

    def start(self) -> None:
        for door in self.doors.values():
            door.start()
        super().start()

    def close(self) -> None:
        super().close()
        for door in self.doors.values():
            door.close()

    def arm(self) -> None:
        """Nothing strikes. The keeper gets the APIs and the live windows of this release, too; it has all second
        workers."""
        self.keeper.processes += [self._process(service, "api", NEW) for service in self.services]
        self.keeper.processes.append(self._process(*STREAMS, NEW))
        for service in self.services:
            self._admit(service, FORMER)

    def migrate(self, service: str) -> None:
        """To the former release's tables, by its own command."""
        self.servers.postgres.ensure_database(service)
        self._migrate(service, self.tree)

    def migrate_to_new(self) -> None:
        """To this release's tables, while the former one's processes are at work."""
        for service in self.services:
            self._migrate(service, ROOT)

    def begin(self, command: str, services: Iterable[str]) -> None:
        """Start processes of this release beside those of the former one."""
        for service in services:
            self._of(service, command, NEW).start()
            if command == "worker":
                self._renewed.add(service)
                process = self._of(service, command, NEW)
                until(lambda p=process: p.says("consumer.assigned"), READY_SECONDS, f"{process.name} gets no share")  # type: ignore[misc]
            else:
                url = f"http://{HOST}:{self._own_ports[service, NEW]}/readyz"
                until(lambda u=url: _is_ready(u), READY_SECONDS, f"the new {service} doesn't answer")  # type: ignore[misc]
                self._admit(service, FORMER, NEW)

    def end(self, command: str, services: Iterable[str]) -> None:
        """End processes of the former release in their orderly way; no new request goes to them before that."""
        chosen = list(services)
        if command == "api":
            for service in chosen:
                self._admit(service, NEW)
        self.keeper.stop(self._of(service, command, FORMER) for service in chosen)

    def begin_streams(self) -> None:
        """The former release counts the live windows."""
        self._of(*STREAMS, FORMER).start()

    def renew_streams(self) -> None:
        """Of the process of live windows only one runs: the former one ends before the new one is there."""
        self.keeper.stop([self._of(*STREAMS, FORMER)])
        self._of(*STREAMS, NEW).start()

    def wall(self) -> tuple[datetime, int]:
        """When the wall showed something last, and how many contacts it counted over the last hour."""
        with self.servers.direct(STREAMS[0]) as connection:
            row = connection.execute("SELECT at, offered FROM live_window ORDER BY minutes DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (datetime.min.replace(tzinfo=UTC), 0)

    def until_the_wall_shows(self, contacts: int, since: datetime) -> None:
        """Wait until at least so many contacts were counted, later than ``since``."""

        def shows() -> bool:
            at, counted = self.wall()
            return at > since and counted >= contacts

        until(shows, READY_SECONDS, lambda: f"the wall shows {self.wall()}, not {contacts} contacts since {since}")

    def restart_former(self, *names: tuple[str, str]) -> None:
        """The way back: the former release starts on this one's tables."""
        self.keeper.restart(self._of(service, command, FORMER) for service, command in names)
        self.wait_ready()

    def work(self, load: Load) -> None:
        """Let customers go round for a while."""
        least = self.rounds.journeys + JOURNEYS
        until(lambda: self.rounds.journeys >= least or load.failed, JOURNEY_SECONDS, "hardly anybody comes round")
        load.check()

    def sources(self, service: str) -> list[str]:
        """Those that it hears, by the code that its worker runs."""
        if service in self._renewed:
            return super().sources(service)
        if service not in self._heard:
            told = self._told(service, "worker")
            said = self._run(self.tree, [sys.executable, "-c", _SOURCES, service], told)
            self._heard[service] = json.loads(said)
        return self._heard[service]

    def both_are_asked(self) -> bool:
        """Whether requests came to the APIs of both releases, of each service that customers' ways lead to."""
        return all(len(self.doors[service].passed) == 2 for service in ("callcenter", "sfa", "sync"))

    def errors(self) -> list[str]:
        """Lines of errors in the processes' logs: an upgrade is nothing that anybody should be woken for."""
        found = []
        for process in self.keeper.processes:
            if process.log.exists():
                lines = process.log.read_text(errors="replace").splitlines()
                found += [f"{process.name}: {line}" for line in lines if _is_error(line)]
        return found

    def _admit(self, service: str, *numbers: int) -> None:
        self.doors[service].let_in(*(self._own_ports[service, number] for number in numbers))

    def _of(self, service: str, command: str, number: int) -> Process:
        name = f"{service}-{command}-{number}"
        return next(process for process in self.keeper.processes if process.name == name)

    def _process(self, service: str, command: str, number: int) -> Process:
        made = super()._process(service, command, number)
        port = self._own_ports.setdefault((service, number), free_port())
        made.environment = {**made.environment, f"CRM_{service.upper()}_PORT": str(port)}
        made.tree = self.tree if number == FORMER else ROOT
        return made

    def _migrate(self, service: str, tree: Path) -> None:
        self._run(tree, [sys.executable, "-m", f"services.{service}", "migrate"], self._told(service, "migrate"))

    @staticmethod
    def _run(tree: Path, command: list[str], environment: dict[str, str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=tree, env=environment, timeout=READY_SECONDS)
        assert done.returncode == 0, f"{command[2:]} in {tree}: {done.stderr}"
        return done.stdout


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _is_error(line: str) -> bool:
    if not line.startswith("{"):
        return line.startswith("Traceback")
    try:
        return json.loads(line).get("level") in ("error", "critical")
    except ValueError:
        return False
