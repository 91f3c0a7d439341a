"""The platform as ``make run`` starts it, in a state folder of the test's own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from deploy.local import layout
from deploy.local.kafka import Kafka
from deploy.local.layout import HOST, ROOT, Layout, free_port
from deploy.local.postgres import Postgres
from deploy.local.tokens import Issuer, actor
from tests.faults.goer import Goer
from tests.faults.ledger import Load
from tests.faults.log import Told, read
from tests.faults.rounds import Rounds

UP = "Ctrl-C stops everything."
START_SECONDS = 400
COMMAND_SECONDS = 400


class Refused(Exception):
    """A run that ended before it was up."""


class LocalPlatform:
    """All services under supervision, without the sample, and customers who go round them."""

    services = tuple(layout.SERVICE_PORTS)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """For what devices keep, too."""
        self.place = Layout(folder / "state")
        self._ports = {part: free_port() for part in (*layout.SERVICE_PORTS, *layout.SERVER_PORTS)}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
            "CRM_LOCAL_DIR": str(self.place.state),
            "CRM_DOWNLOADS_DIR": str(layout.downloads()),
            "CRM_PARTITIONS": "4",
            "CRM_HEADS_SECONDS": "2",
            **{layout.port_variable(part): str(port) for part, port in self._ports.items()},
        }
        self._run: subprocess.Popen[bytes] | None = None

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self._ports[service]}"

    def token(self, subject: str) -> str:
        return Issuer(self.place, f"http://localhost:{self._ports['issuer']}").issue_for(actor(subject))

    def start(self) -> None:
        """Start it and wait until it's up. Raises ``Refused`` with what it said."""
        log = self.folder / f"run-{time.monotonic_ns()}"
        with log.open("wb") as output:
            self._run = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run", "--no-sample"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while UP not in log.read_text():
            if self._run.poll() is not None or time.monotonic() > end:
                raise Refused(log.read_text())
            time.sleep(0.1)

    def call(self, *arguments: str, code: int = 0) -> str:
        """Run a command of ``python -m deploy.local`` that ends with this code; gives what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def stop(self) -> None:
        """End it in its orderly way."""
        self.call("stop")
        if self._run is not None:
            self._run.wait(10)

    def go(self, rounds: Rounds, threads: int = 2) -> Load:
        """Customers going round, to be used as a context."""
        return Load(lambda n, rng: Goer(self, rounds, n, rng), f"{random.random()}", threads)

    def log(self, service: str) -> list[Told]:
        """All that a service has published. Asserts that no stream has a gap or a fork."""
        return read(Kafka(self.place.state / "kafka", self.place.secrets, self._ports["kafka"]).client, service)

    def rows(self, service: str, statement: str) -> list[tuple[object, ...]]:
        """What a query gives in a service's database."""
        server = Postgres(self.place.state / "postgres", self.place.secrets, self._ports["postgres"])
        url = server.url("postgres", service).replace("+psycopg", "")
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(statement.encode()).fetchall()
