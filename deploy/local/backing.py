"""The Kafka and PostgreSQL of a local run: embedded ones, or those that the environment names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from deploy.local import layout
from deploy.local.kafka import Kafka
from deploy.local.layout import Layout
from deploy.local.postgres import Postgres, role_of
from deploy.local.process import ServerProcess
from deploy.local.progress import Progress
from deploy.local.supervision import Program, Supervisor, server_program

KAFKA_VARIABLE = "CRM_KAFKA_BOOTSTRAP_SERVERS"
READY_SECONDS = 90


class Backing:
    """Which servers a run needs, and where its services find them."""

    def __init__(self, place: Layout, services: list[str], environ: Mapping[str, str] = os.environ) -> None:
        self._services = services
        self._environ = environ
        self.kafka: Kafka | None = None
        self.postgres: Postgres | None = None
        if not environ.get(KAFKA_VARIABLE):
            ports = layout.port_of("kafka", environ), layout.port_of("kafka_controller", environ)
            self.kafka = Kafka(place.state / "kafka", place.secrets, *ports)
        if any(not environ.get(database_variable(service)) for service in services):
            port = layout.port_of("postgres", environ)
            self.postgres = Postgres(place.state / "postgres", place.secrets, port)

    @property
    def embedded(self) -> list[ServerProcess]:
        """The servers that run here."""
        return [server for server in (self.kafka, self.postgres) if server is not None]

    def check_ports(self) -> None:
        """Raises ``Problem`` when a port that an embedded server needs is taken."""
        parts = ["kafka", "kafka_controller"] if self.kafka else []
        for part in [*parts, *(["postgres"] if self.postgres else [])]:
            layout.check_port(part, self._environ)

    def prepare(self, progress: Progress, check: Callable[[], None]) -> None:
        """Make the servers' folders, once."""
        for server in self.embedded:
            with progress.step(f"{server.name}: data folder"):
                server.prepare()
            check()

    def programs(self) -> list[Program]:
        """What the supervisor runs."""
        return [server_program(server) for server in self.embedded]

    def start(self, supervisor: Supervisor, progress: Progress, check: Callable[[], None]) -> None:
        """Start the embedded servers under ``supervisor``, and wait until the databases are there.

        Kafka takes longer; ``wait_for_kafka`` waits for it. Both raise ``NotReady``.
        """
        for program in self.programs():
            supervisor.start_program(program)
        if self.postgres:
            self._wait(self.postgres, progress, check)
            for service in self._services:
                self.postgres.ensure_database(service)

    def wait_for_kafka(self, progress: Progress, check: Callable[[], None]) -> None:
        """Wait until Kafka answers and knows the services, if it's an embedded one."""
        if self.kafka:
            self._wait(self.kafka, progress, check)
            self.kafka.admit(self._services)

    def _wait(self, server: ServerProcess, progress: Progress, check: Callable[[], None]) -> None:
        with progress.step(f"{server.name}: answers on port {server.port}"):
            server.wait_ready(READY_SECONDS, check)

    def bootstrap_servers(self) -> str:
        """Where Kafka is."""
        return self.kafka.bootstrap_servers if self.kafka else self._environ[KAFKA_VARIABLE]

    def kafka_variables(self, service: str) -> dict[str, str]:
        """How a service's clients get into the embedded Kafka, as its user."""
        if self.kafka is None:
            return {}
        client = self.kafka.client_of(service)
        del client["bootstrap.servers"]
        prefix = f"CRM_{service.upper()}_KAFKA_"
        return {prefix + name.upper().replace(".", "_"): value for name, value in client.items()}

    def database_url(self, service: str, command: str | None = None) -> str:
        """Where a service's own database is, with the password of the role that ``command`` needs; of the owner where
        none is named."""
        named = self._environ.get(database_variable(service))
        if named or self.postgres is None:
            return named or ""
        return self.postgres.url(role_of(service, command) if command else service, service)


def database_variable(service: str) -> str:
    """The environment variable with the URL of a service's database."""
    return f"CRM_{service.upper()}_DATABASE_URL"
