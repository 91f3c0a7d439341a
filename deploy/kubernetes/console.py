"""The page that shows the whole platform: it keeps nothing, and asks services and Prometheus."""

from __future__ import annotations

from typing import Any

from deploy import blocks
from deploy.kubernetes.block import INGRESS, PROMETHEUS
from deploy.kubernetes.names import COMPANY, FOLDER, labels, selector
from deploy.kubernetes.workload import AWAY_SECONDS, HARDENED, POD, probes

Resource = dict[str, Any]

_NAME = blocks.CONSOLE
_FIND = selector(_NAME, _NAME)
_META: Resource = {"name": _NAME, "labels": labels(_NAME, _NAME)}


def resources() -> list[Resource]:
    """One process, and who may come to it."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _META, "automountServiceAccountToken": False}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _META,
        "spec": {"selector": _FIND, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _META,
        "spec": {
            "podSelector": {"matchLabels": _FIND},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"namespaceSelector": {"matchLabels": INGRESS}}], "ports": [{"port": blocks.API_PORT}]}
            ],
            # To DNS, the issuer and the services by the way that people take, and Prometheus.
            "egress": [{"ports": [{"port": port, "protocol": kind} for port, kind in _GOES]}],
        },
    }
    return [account, _deployment(), service, policy]


_GOES = ((53, "TCP"), (53, "UDP"), (443, "TCP"), (9090, "TCP"))


def _deployment() -> Resource:
    told = {
        "CRM_CONSOLE_PORT": str(blocks.API_PORT),
        f"{blocks.CONSOLE_SETTING}_FILE": f"{FOLDER}/{blocks.CONSOLE_CLIENT}",
        "CRM_PROMETHEUS_URL": PROMETHEUS,
    }
    container = {
        "name": _NAME,
        "image": f"{blocks.image(blocks.OPERATIONS)}:{blocks.version()}",
        "args": [_NAME],
        "envFrom": [{"configMapRef": {"name": COMPANY}}],
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "ports": [{"name": "http", "containerPort": blocks.API_PORT}],
        "securityContext": HARDENED,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 in its memory
            {"name": "secrets", "mountPath": FOLDER, "readOnly": True},
        ],
        **probes("http"),
    }
    secret = {"name": f"{_NAME}-client", "items": [{"key": "secret", "path": blocks.CONSOLE_CLIENT}]}
    pod = {
        "serviceAccountName": _NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD,
        "terminationGracePeriodSeconds": blocks.GRACE_SECONDS + AWAY_SECONDS,
        "containers": [container],
        "volumes": [
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "secrets", "projected": {"sources": [{"secret": secret}]}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _META,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _FIND},
            "template": {"metadata": {"labels": _META["labels"]}, "spec": pod},
        },
    }
