"""The processes of each service as containers run them: one description for compose and for Kubernetes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from deploy.local import layout
from deploy.local.postgres import NOBODY, OWNERS

API_PORT = 8080
METRICS_PORT = 9090
"""Of the metrics and the health of every process. It isn't to be reached from where people come from."""
USER = 10001
"""The image's, in numbers, as Kubernetes wants it to see that it isn't root."""
GRACE_SECONDS = 30
"""A worker ends its batch within 20 s (shared/pipeline/worker.py), an API its pages within 5 s."""
SECRETS = "/run/secrets"
MIGRATE = "migrate"
MAXIMUM_WORKERS = 12
"""More than a topic has partitions would have nothing to do."""


@dataclass(frozen=True)
class Process:
    """One command of a service, as a container runs it."""

    service: str
    command: str

    @property
    def name(self) -> str:
        """As it is called where all services' processes stand side by side."""
        return f"{self.service}-{self.command}"

    @property
    def is_api(self) -> bool:
        """Whether people and other machines come to it."""
        return self.command == "api"

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        return self.command == MIGRATE

    @property
    def tells(self) -> bool:
        """Whether it has a port for its metrics and its health."""
        return not self.ends

    @property
    def goes_out(self) -> bool:
        """Whether it asks the issuer, or tells people."""
        return self.command in ("api", "worker")

    @property
    def scales(self) -> bool:
        """Whether several may run: Kafka shares partitions among workers; live windows are kept by one process."""
        return self.command in ("api", "worker")

    @property
    def role(self) -> str:
        """As whom it goes to its database, as ``owner``; what needs no database has none, and is told the worker's
        place all the same, as settings are the same for all commands."""
        if self.command in OWNERS:
            return "owner"
        return "worker" if self.command in NOBODY else self.command

    @property
    def memory_mib(self) -> tuple[int, int]:
        """What it usually has, and what it may never have more of: a worker holds a batch while it catches up."""
        return (256, 1024) if self.command == "worker" else (192, 768)

    def environment(self) -> dict[str, str]:
        """What isn't secret and the same wherever containers run."""
        prefix = f"CRM_{self.service.upper()}"
        ports = {
            f"{prefix}_PORT": API_PORT,
            f"{prefix}_METRICS_PORT": METRICS_PORT,
            f"{prefix}_API_METRICS_PORT": METRICS_PORT,
            f"{prefix}_STREAMS_METRICS_PORT": METRICS_PORT,
        }
        return {name: str(port) for name, port in ports.items()}

    def secrets(self) -> dict[str, str]:
        """The variables that come from files, and the names of the secrets that these are."""
        prefix = f"CRM_{self.service.upper()}"
        return {
            f"{prefix}_DATABASE_URL": database_secret(self.service, self.role),
            f"{prefix}_KAFKA_SASL_PASSWORD": kafka_secret(self.service),
            f"{prefix}_CLIENT_SECRET": client_secret(self.service),
            "CRM_KEY_ENCRYPTION_KEYS": KEYS,
            "CRM_CERTIFICATE_KEY": CERTIFICATE,
        }


KEYS = "key-encryption-keys"
CERTIFICATE = "certificate-key"
ROLES = ("owner", "api", "worker")


def database_secret(service: str, role: str) -> str:
    """The secret with the URL by which a role comes to a service's database."""
    return f"{service}-{role}-database-url"


def kafka_secret(service: str) -> str:
    """The secret with a service's password for Kafka."""
    return f"{service}-kafka-password"


def client_secret(service: str) -> str:
    """The secret that a service has at its issuer; empty for a public client."""
    return f"{service}-client-secret"


def login(service: str, role: str) -> str:
    """The name of a role in a service's database."""
    return service if role == "owner" else f"{service}_{role}"


def processes(service: str) -> list[Process]:
    """What runs as long as the service does."""
    return [Process(service, command) for command in layout.processes(service)]


def migration(service: str) -> Process:
    """What brings the service's tables to the code's version, and ends."""
    return Process(service, MIGRATE)


def version() -> str:
    """The release, as images are tagged with it."""
    project = tomllib.loads((layout.ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def image(name: str) -> str:
    """The name of an image, without its tag."""
    return f"crm/{name}"


CONSOLE = "console"
CONSOLE_CLIENT = "console-client-secret"
CONSOLE_SETTING = "CRM_CONSOLE_CLIENT_SECRET"
"""The secret that the console has at the issuer, empty for a public client, and what it is told by."""
OPERATIONS = "operations"
"""The image of those who operate services: rights in Kafka, and the page that shows all of it."""
