"""How things are called on Kubernetes."""

from __future__ import annotations

from typing import Any

from deploy import blocks
from deploy.blocks import Process

NAMESPACE = "crm"
KAFKA = "crm"
"""The cluster of brokers."""
KAFKA_PORT = 9093
KAFKA_BOOTSTRAP = f"{KAFKA}-kafka-bootstrap:{KAFKA_PORT}"
DATABASE_PORT = 5432
COMPANY = "crm-company"
"""The config map in which a company says what is so with it (docs/settings.md)."""
KEYS = "crm-keys"
"""The secret with the keys that all services share."""
FOLDER = blocks.SECRETS + "/crm"
KAFKA_CA = "kafka-ca.crt"
DATABASE_CA = "database-ca.crt"
PART_OF = {"app.kubernetes.io/part-of": "crm"}
SERVICE, PROCESS = "app.kubernetes.io/name", "app.kubernetes.io/component"


def database(service: str) -> str:
    """A service's cluster of PostgreSQL."""
    return f"{service}-db"


def cluster_ca() -> str:
    """The secret in which Strimzi keeps who signed the brokers' certificates."""
    return f"{KAFKA}-cluster-ca-cert"


def selector(service: str, command: str) -> dict[str, str]:
    """By which the pods of a process are found; it can't be changed later."""
    return {SERVICE: service, PROCESS: command}


def labels(service: str, command: str | None = None) -> dict[str, str]:
    """Of everything that belongs to a service, or to one of its processes."""
    of_process = {PROCESS: command} if command else {}
    return {SERVICE: service, **of_process, **PART_OF, "app.kubernetes.io/version": blocks.version()}


def meta(process: Process) -> dict[str, Any]:
    """The metadata of what is there for one process."""
    return {"name": process.name, "labels": labels(process.service, process.command)}
