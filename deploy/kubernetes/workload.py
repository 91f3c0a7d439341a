"""The processes of a service as Kubernetes runs them."""

from __future__ import annotations

from typing import Any

from deploy import blocks
from deploy.blocks import Process
from deploy.kubernetes.names import (
    COMPANY,
    DATABASE_CA,
    FOLDER,
    KAFKA_BOOTSTRAP,
    KAFKA_CA,
    KEYS,
    cluster_ca,
    database,
    labels,
    meta,
    selector,
)

Resource = dict[str, Any]

HARDENED: Resource = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
POD: Resource = {
    "runAsNonRoot": True,
    "runAsUser": blocks.USER,
    "runAsGroup": blocks.USER,
    "fsGroup": blocks.USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
AWAY_SECONDS = 5
"""For so long a process that is to end still answers, until nobody is led to it any more."""


def deployment(process: Process) -> Resource:
    """A process that runs as long as its service does."""
    # A new one is there before an old one goes; of the streams' process there is never a second one.
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec: Resource = {
        "revisionHistoryLimit": 3,
        "strategy": rolling if process.scales else {"type": "Recreate"},
        "selector": {"matchLabels": selector(process.service, process.command)},
        "template": {
            "metadata": {"labels": labels(process.service, process.command)},
            "spec": _pod(process),
        },
    }
    if not process.scales:
        spec["replicas"] = 1
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(process), "spec": spec}


def migration(process: Process) -> Resource:
    """What brings the tables to the release's version; named after the release, as jobs can't be changed."""
    made = meta(process)
    made["name"] += "-" + blocks.version().replace(".", "-")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": made,
        "spec": {
            "backoffLimit": 20,
            "template": {
                "metadata": {"labels": labels(process.service, process.command)},
                "spec": _pod(process) | {"restartPolicy": "OnFailure"},
            },
        },
    }


def _pod(process: Process) -> Resource:
    pod: Resource = {
        "serviceAccountName": process.service,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD,
        "containers": [_container(process)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}},
            {"name": "secrets", "projected": {"sources": _secrets(process)}},
        ],
    }
    if not process.ends:
        pod["terminationGracePeriodSeconds"] = blocks.GRACE_SECONDS + AWAY_SECONDS
    if process.scales:
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(process.service, process.command)},
            }
        ]
    return pod


def _container(process: Process) -> Resource:
    usual, most = process.memory_mib
    container: Resource = {
        "name": process.command,
        "image": f"{blocks.image(process.service)}:{blocks.version()}",
        "args": [process.command],
        "envFrom": [{"configMapRef": {"name": COMPANY}}],
        "env": [{"name": name, "value": value} for name, value in environment(process).items()],
        "securityContext": HARDENED,
        "resources": {
            "requests": {"cpu": "100m", "memory": f"{usual}Mi"},
            "limits": {"cpu": "2", "memory": f"{most}Mi"},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 in its memory
            {"name": "secrets", "mountPath": FOLDER, "readOnly": True},
        ],
    }
    if process.tells:
        container["ports"] = _ports(process)
        container |= probes("http" if process.is_api else "metrics")
    if process.is_api:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": AWAY_SECONDS}}}
    return container


def _ports(process: Process) -> list[Resource]:
    ports = [{"name": "metrics", "containerPort": blocks.METRICS_PORT}]
    return [{"name": "http", "containerPort": blocks.API_PORT}, *ports] if process.is_api else ports


def probes(port: str) -> Resource:
    """It starts within five minutes, is ended when it makes no progress, and asked for nothing while it can't work."""

    def asks(path: str, seconds: int, times: int) -> Resource:
        asked = {"httpGet": {"path": path, "port": port}, "timeoutSeconds": 5}
        return asked | {"periodSeconds": seconds, "failureThreshold": times}

    return {
        "startupProbe": asks("/healthz", 3, 100),
        "livenessProbe": asks("/healthz", 10, 6),
        "readinessProbe": asks("/readyz", 5, 2),
    }


def environment(process: Process) -> dict[str, str]:
    """What a process is told besides what the company says about itself."""
    service = process.service.upper()
    return {
        **process.environment(),
        "CRM_KAFKA_BOOTSTRAP_SERVERS": KAFKA_BOOTSTRAP,
        "CRM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        # The only one that Strimzi has with passwords.
        "CRM_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        f"CRM_{service}_KAFKA_SASL_USERNAME": process.service,
        "CRM_KAFKA_SSL_CA_LOCATION": f"{FOLDER}/{KAFKA_CA}",
        **{f"{name}_FILE": f"{FOLDER}/{file}" for name, file in process.secrets().items()},
    }


def _secrets(process: Process) -> list[Resource]:
    """The files of a process: of each secret only what it needs."""

    def files(secret: str, of: dict[str, str]) -> Resource:
        return {"secret": {"name": secret, "items": [{"key": key, "path": path} for key, path in of.items()]}}

    service = process.service
    return [
        files(f"{service}-{process.role}", {"url": blocks.database_secret(service, process.role)}),
        files(f"{database(service)}-ca", {"ca.crt": DATABASE_CA}),
        files(service, {"password": blocks.kafka_secret(service)}),
        files(cluster_ca(), {"ca.crt": KAFKA_CA}),
        files(f"{service}-client", {"secret": blocks.client_secret(service)}),
        files(KEYS, {name: name for name in (blocks.KEYS, blocks.CERTIFICATE)}),
    ]
