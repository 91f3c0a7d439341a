"""The platform as it really runs: servers, service processes, a keeper, and the outside world."""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, TypeVar

import httpx
from joserfc.jwk import OKPKey

from deploy.local.layout import HOST, ROOT, Layout, free_port
from deploy.local.tokens import AUDIENCE, Issuer, actor, issuer_url
from shared.edge import settings
from shared.pipeline import migrate, rights, topics
from shared.pipeline.main import Block
from tests.builders import KEKS
from tests.faults.ledger import Client, Ledger, Load
from tests.faults.page import Page
from tests.faults.processes import Keeper, Process
from tests.faults.receiver import Receiver
from tests.faults.rest import drain
from tests.faults.servers import Servers
from tests.faults.verify import verify

CERTIFICATE_KEY = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
SESSION_SECONDS = 2
"""After so long Kafka gives up a member of a group that shows no life; PostgreSQL ends a leader's session after 5."""
PATIENCE_SECONDS = 120
"""What hasn't come after so long doesn't come. Long, as several such platforms may run on one machine; it costs
nothing where what is waited for comes."""
DRAIN_SECONDS = 120
"""What isn't drained after so long is stuck."""


def until(what: Callable[[], bool], seconds: float, why: str | Callable[[], str]) -> None:
    """Wait for a condition; fails with ``why``, as it is then, when it doesn't come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"{why if isinstance(why, str) else why()} (waited {seconds:.0f} s)"
        time.sleep(0.05)


class Platform:
    """Everything, in a temporary folder of its own. Started by ``platform()``."""

    services: tuple[str, ...] = ("callcenter", "sync")
    heads_seconds = 3_600
    """No service says how far it has come: some tests count a service's events."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.servers = Servers(folder)
        self.receiver = Receiver()
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.ports = {service: free_port() for service in self.services}
        self.issuer = Issuer(Layout(folder))
        self.fault_log = folder / "faults.log"
        self.sound = True
        """Whether the last use ended with everything as it should be, so that another test may go on."""
        self._environment: dict[str, str] = {}
        self.processes: list[Process] = []
        self.seconds: dict[str, Process] = {}
        """A second worker of each service, not running until a test starts it."""
        self.streams: Process
        """The process of live windows, not running until a test starts it."""
        self.keeper = Keeper([])
        self._loads = 0

    def start(self) -> None:
        self.servers.start()
        self.receiver.start()
        (self.folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        self.issuer.publish()
        self.servers.kafka.admit(self.services)
        self._environment = self._make_environment()
        for service in self.services:
            self.migrate(service)
        self.processes = [self._process(s, c, 1) for s in self.services for c in ("api", "worker")]
        self.seconds = {s: self._process(s, "worker", 2) for s in self.services}
        self.streams = self._process("callcenter", "streams", 1)
        self.keeper = Keeper([*self.processes, *self.seconds.values(), self.streams])
        self.arm()
        for process in self.processes:
            process.start()
        self.keeper.start()
        self.wait_ready()
        # What is published before a service has met a topic is history to it, and nobody is told of history.
        for service in self.services:
            until(lambda s=service: self._has_met_all(s), PATIENCE_SECONDS, f"{service} doesn't read all topics")  # type: ignore[misc]

    def migrate(self, service: str) -> None:
        """Bring the service's tables, which may not be there yet, to the version of its code."""
        owner = self.servers.postgres.ensure_database(service)
        migrate.upgrade(owner, block(service).versions)
        rights.grant(owner, service)

    def arm(self) -> None:
        """Say what is to strike the processes from their first start on."""

    def close(self) -> None:
        if not self.sound:
            self.keeper.abort()
        self.keeper.close()
        self.servers.close()
        self.receiver.close()

    def process(self, service: str, command: str) -> Process:
        """The first process of its kind."""
        known = [*self.processes, self.streams]
        return next(p for p in known if (p.service, p.command) == (service, command))

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"

    def token(self, subject: str) -> str:
        return self.issuer.issue_for(actor(subject))

    def wait_ready(self, *services: str) -> None:
        """Wait until the APIs answer."""
        for service in services or self.services:
            until(lambda s=service: self._answers(s), PATIENCE_SECONDS, f"{service} doesn't answer")  # type: ignore[misc]

    def command(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of a service's commands to its end."""
        return subprocess.run(
            [sys.executable, "-m", f"services.{service}", *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self._told(service, arguments[0]),
            timeout=PATIENCE_SECONDS,
        )

    def scalar(self, service: str, statement: LiteralString) -> int:
        """A number from a service's database."""
        with self.servers.direct(service) as connection:
            row = connection.execute(statement).fetchone()
            return int(row[0]) if row else 0

    def client(self, number: int, rng: random.Random) -> Client:
        """A client of the call center."""
        tokens = {subject: self.token(subject) for subject in ("telephony", "anna")}
        return Client(self.url("callcenter"), tokens, self.ledger, number, rng)

    def load(self, threads: int = 2) -> Load:
        """Clients at work, to be used as a context; each time others, decided by the seed."""
        self._loads += 1
        return Load(self.client, f"{self.seed}/{self._loads}", threads)

    def start_seconds(self) -> None:
        """Start a second worker of each service."""
        for process in self.seconds.values():
            process.start()

    @contextmanager
    def open_page(self) -> Iterator[Page]:
        """An agent's page, open and following the updates that are sent to it."""
        page = Page(f"{self.url('callcenter')}/live", self.token("anna"))
        page.start()
        try:
            yield page
        finally:
            page.close()

    def struck(self) -> list[str]:
        """The faults that have struck: ``point=mode``."""
        return self.fault_log.read_text().split() if self.fault_log.exists() else []

    def verify(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until everything is drained, then compare every service with the ledger."""
        print(f"seed {self.seed}: {self.ledger.commands} commands; ends of processes: {self.ends()}")
        self._end_leases()
        self.drain(seconds)
        verify(self.servers, self.ledger, self.receiver)
        self.sound = True

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until nothing is on its way any more; what doesn't come to rest is stuck, and fails."""
        drain(self.servers, {service: self.sources(service) for service in self.services}, seconds)

    def sources(self, service: str) -> list[str]:
        """The services here, itself perhaps among them, that a service hears."""
        given = settings.load(service, self._told(service, "worker"))
        return [source for source in block(service).subscriptions(given).sources if source in self.services]

    def _end_leases(self) -> None:
        """What failed, or whose performers died, is tried again when a minute is over: let it be over."""
        for service in self.services:
            with self.servers.direct(service) as connection:
                connection.execute("UPDATE intent SET next_attempt = now() WHERE outcome IS NULL")
                connection.execute("UPDATE due SET at = now() WHERE at < now() + interval '1 hour'")

    def ends(self) -> dict[str, list[int]]:
        """With which codes each process has ended so far."""
        return {p.name: p.exits for p in self.keeper.processes if p.exits}

    def _process(self, service: str, command: str, number: int) -> Process:
        told = self._told(service, command)
        return Process(service, command, told, self.folder / f"{service}-{command}-{number}.log", number)

    def _told(self, service: str, command: str) -> dict[str, str]:
        """The environment of one command: with the passwords that it needs, as in a real run."""
        client = self.servers.kafka.client_of(service)
        kafka = {"CRM_KAFKA_" + name.upper().replace(".", "_"): value for name, value in client.items()}
        url = self.servers.database_url(service, command)
        return self._environment | kafka | {f"CRM_{service.upper()}_DATABASE_URL": url}

    def _has_met_all(self, service: str) -> bool:
        with self.servers.direct(service) as connection:
            found = connection.execute(
                "SELECT DISTINCT topic FROM consumer_offset WHERE partition >= 0 AND subscription = 'main'"
            )
            return {topic for (topic,) in found} >= {source + topics.EVENTS for source in self.sources(service)}

    def _answers(self, service: str) -> bool:
        try:
            return httpx.get(f"{self.url(service)}/healthz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def _make_environment(self) -> dict[str, str]:
        told = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        told |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "CRM_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1000),
            "CRM_KAFKA_HEARTBEAT_INTERVAL_MS": "500",
            "CRM_KAFKA_RECONNECT_BACKOFF_MAX_MS": "1000",
            "CRM_KEY_ENCRYPTION_KEYS": KEKS,
            "CRM_CERTIFICATE_KEY": CERTIFICATE_KEY,
            "CRM_TOKEN_ISSUER": issuer_url(),
            "CRM_TOKEN_AUDIENCE": AUDIENCE,
            "CRM_JWKS_FILE": str(Layout(self.folder).jwks),
            "CRM_NOTIFY_URL": self.receiver.url,
            "CRM_FAULT_LOG": str(self.fault_log),
            "CRM_PARTITIONS": "4",
            "CRM_HEADS_SECONDS": str(self.heads_seconds),
        }
        for service in self.services:
            told[f"CRM_{service.upper()}_PORT"] = str(self.ports[service])
            told[f"CRM_{service.upper()}_URL"] = self.url(service)
        return told


def block(service: str) -> Block:
    """A service as its wiring puts it together."""
    found: Block = importlib.import_module(f"services.{service}.wiring").BLOCK
    return found


Kind = TypeVar("Kind", bound=Platform)


@contextmanager
def platform(seed: int, kind: Callable[[Path, int], Kind]) -> Iterator[Kind]:
    """A running platform, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="crm-faults-"))
    folder.chmod(0o711)  # lets root's PostgreSQL, another user, pass through
    made = kind(folder, seed)
    try:
        made.start()
        yield made
    finally:
        made.close()
        if made.sound:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"the logs of this run are kept in {folder}")
