"""Where everything of a local run is kept, and on which ports it listens."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problems import Problem, port_taken

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SERVICE_PORTS = {"callcenter": 8101, "marketing": 8102, "sfa": 8103, "sync": 8104}
"""Each service and the port of its API, which CRM_<SERVICE>_PORT changes."""

SERVER_PORTS = {"kafka": 29092, "kafka_controller": 29093, "postgres": 25432, "issuer": 8100, "console": 8099}
"""Below the range from which Linux takes the ports of outgoing connections."""


@dataclass(frozen=True)
class Layout:
    """The folder of a local run (``.local``, or CRM_LOCAL_DIR) and the names of what is in it."""

    state: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Layout:
        """The folder that CRM_LOCAL_DIR names, else ``.local`` in the checkout."""
        return cls(Path(environ.get("CRM_LOCAL_DIR") or ROOT / ".local").absolute())

    @property
    def logs(self) -> Path:
        """One file a program, rotated by the supervisor."""
        return self.state / "logs"

    @property
    def secrets(self) -> Path:
        """Passwords and private keys, for the owner's eyes alone."""
        return self.state / "secrets"

    @property
    def sample_marker(self) -> Path:
        """Is there once the sample was loaded."""
        return self.state / "sample-loaded"

    @property
    def jwks(self) -> Path:
        """The public half of the key that signs the sample actors' tokens."""
        return self.state / "jwks.json"


def downloads(environ: Mapping[str, str] = os.environ) -> Path:
    """Kafka's jars: kept by ``make reset``, and shared by runs with other state folders."""
    return Path(environ.get("CRM_DOWNLOADS_DIR") or ROOT / ".local" / "downloads").absolute()


def services() -> list[str]:
    """The services that are in this checkout: each works without the others."""
    found = []
    for name in SERVICE_PORTS:
        if (ROOT / "services" / name).is_dir() and importlib.util.find_spec(f"services.{name}"):
            found.append(name)
    return found


def processes(service: str) -> tuple[str, ...]:
    """The commands of a service that run as long as it does, as its package says: ``PROCESSES``, else these two."""
    said: tuple[str, ...] = getattr(importlib.import_module(f"services.{service}"), "PROCESSES", ("api", "worker"))
    return said


def port_of(part: str, environ: Mapping[str, str] = os.environ) -> int:
    """The port of a service or server.

    Raises ``Problem`` when the variable that changes it holds something else than a port.
    """
    variable = port_variable(part)
    text = environ.get(variable) or str((SERVICE_PORTS | SERVER_PORTS)[part])
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Problem(f"{variable} is {text!r}; it must be a port, 1 to 65535.")
    return int(text)


def port_variable(part: str) -> str:
    """The environment variable that changes the port of a service or server."""
    # Services hand every CRM_KAFKA_… variable to their Kafka client, so a server's has another beginning.
    return f"CRM_LOCAL_{part.upper()}_PORT" if part in SERVER_PORTS else f"CRM_{part.upper()}_PORT"


def check_port(part: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raises ``Problem``, with who has it and what changes it, when the port of a part is taken."""
    port = port_of(part, environ)
    if not is_free(port):
        raise port_taken(port, port_variable(part), part)


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A free port outside the range of outgoing connections, so that it stays free across a restart."""
    for port in random.sample(range(15000, 28000), 200):
        if is_free(port):
            return port
    raise Problem("No free port between 15000 and 28000 on 127.0.0.1.")
