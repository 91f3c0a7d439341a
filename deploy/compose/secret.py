"""The secrets of a platform on one machine: made once, each in a file of its own."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from joserfc.jwk import OKPKey

from deploy import blocks
from deploy.local import kafka

POSTGRES_PASSWORD = "postgres-password"  # noqa: S105 a file's name
KAFKA_ADMIN = "kafka-admin-password"
KAFKA_PROPERTIES = "kafka.properties"
KAFKA_USER = "kafka-admin-user"
KAFKA_PORT, CONTROLLER_PORT = 9092, 9093


def write(folder: Path, services: list[str]) -> list[str]:
    """Make what is missing; gives the names of all. What is there is never changed.

    The files may be read by everybody, as containers run as various users and compose hands files to them as they are;
    the folder may be entered by its owner alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: dict[str, str] = {}
    for name, make in _makers(services, made).items():
        path = folder / name
        if not path.exists():
            path.write_text(make())
            path.chmod(0o444)
        made[name] = path.read_text()
    return list(made)


def database_password(service: str, role: str) -> str:
    """The secret that a role of a service's database has as its password."""
    return f"{service}-{role}-password"


def _makers(services: list[str], made: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    """How each secret is made; those that follow from others stand behind them."""
    found: dict[str, Callable[[], str]] = {
        blocks.KEYS: lambda: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        blocks.CERTIFICATE: lambda: json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)),
        blocks.CONSOLE_CLIENT: str,
        POSTGRES_PASSWORD: _password,
        KAFKA_ADMIN: _password,
        "kafka-controller-password": _password,
        KAFKA_PROPERTIES: lambda: _kafka_properties(made[KAFKA_ADMIN], made["kafka-controller-password"]),
        KAFKA_USER: lambda: kafka.scram_argument(kafka.ADMIN, made[KAFKA_ADMIN]),
    }
    for service in services:
        found[blocks.kafka_secret(service)] = _password
        found[blocks.client_secret(service)] = str
        for role in blocks.ROLES:
            password = database_password(service, role)
            found[password] = _password
            found[blocks.database_secret(service, role)] = _url(made, service, role, password)
    return found


def _password() -> str:
    return secrets.token_hex(24)


def _url(made: Mapping[str, str], service: str, role: str, password: str) -> Callable[[], str]:
    user = blocks.login(service, role)
    return lambda: f"postgresql+psycopg://{user}:{made[password]}@postgres/{service}"


def _kafka_properties(admin: str, controller: str) -> str:
    told = kafka.node_settings(
        "0.0.0.0",  # noqa: S104 of its container
        KAFKA_PORT,
        CONTROLLER_PORT,
        f"kafka:{KAFKA_PORT}",
        kafka.Passwords(admin, controller),
    )
    # Behind the listeners that containers come to, and not at an address of the machine.
    told["log.dirs"] = "/var/lib/kafka/data"
    return "".join(f"{name}={value}\n" for name, value in told.items())
