"""All that Kubernetes is told of one service, so that a company may have it without the others."""

from __future__ import annotations

from typing import Any

from deploy import blocks
from deploy.blocks import Process
from deploy.kubernetes import workload
from deploy.kubernetes.names import (
    DATABASE_PORT,
    KAFKA,
    KAFKA_PORT,
    NAMESPACE,
    database,
    labels,
    meta,
    selector,
)

Resource = dict[str, Any]

MINIMUM, MAXIMUM_APIS = 2, 8
LAG_A_WORKER = 20_000
"""Events to be caught up with, for which one more worker is worth its start."""
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
INGRESS, MONITORING = {"crm/ingress": "true"}, {"crm/monitoring": "true"}
"""Labels by which a company marks the namespaces that people's requests and Prometheus come from."""


def resources(service: str) -> list[Resource]:
    """The service's processes, and what watches over them."""
    running = blocks.processes(service)
    found = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": service, "labels": labels(service)},
            "automountServiceAccountToken": False,
        },
        workload.migration(blocks.migration(service)),
        *(workload.deployment(process) for process in running),
        *(_disruption(process) for process in running if process.scales),
        *(_policy(process) for process in [*running, blocks.migration(service)]),
    ]
    for process in running:
        if process.is_api:
            found += [_service(process), _by_load(process)]
        elif process.scales:
            found.append(_by_lag(process))
    return found


def _service(process: Process) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(process) | {"name": process.service},
        "spec": {
            "selector": selector(process.service, process.command),
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def _disruption(process: Process) -> Resource:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta(process),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(process.service, process.command)},
            # One that isn't ready does no work that would be missed.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _target(process: Process) -> Resource:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": process.name}


def _by_load(process: Process) -> Resource:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta(process),
        "spec": {
            "scaleTargetRef": _target(process),
            "minReplicas": MINIMUM,
            "maxReplicas": MAXIMUM_APIS,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "700m"}},
                }
            ],
            # Each process less breaks off its open pages: not for a moment's quiet.
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        },
    }


def _by_lag(process: Process) -> Resource:
    """Workers by lag, as Prometheus knows it: positions are in PostgreSQL, so no group in Kafka has one."""
    query = f'sum(crm_consumer_lag_events{{namespace="{NAMESPACE}",service="{process.service}",process="worker"}})'
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": meta(process),
        "spec": {
            "scaleTargetRef": _target(process),
            "minReplicaCount": MINIMUM,
            "maxReplicaCount": blocks.MAXIMUM_WORKERS,
            "pollingInterval": 30,
            "cooldownPeriod": 600,
            # When Prometheus doesn't answer: as many as serve a usual day.
            "fallback": {"failureThreshold": 4, "replicas": MINIMUM},
            # Each change of their number shares the partitions anew.
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}}
            },
            "triggers": [
                {
                    "type": "prometheus",
                    "metadata": {"serverAddress": PROMETHEUS, "query": query, "threshold": str(LAG_A_WORKER)},
                }
            ],
        },
    }


def _policy(process: Process) -> Resource:
    """Who may come to a process, and where it may go: to its own database, to Kafka, and where the issuer is."""

    def port(number: int, protocol: str = "TCP") -> Resource:
        return {"port": number, "protocol": protocol}

    def pods(of: dict[str, str]) -> list[Resource]:
        return [{"podSelector": {"matchLabels": of}}]

    def namespaces(of: dict[str, str]) -> list[Resource]:
        return [{"namespaceSelector": {"matchLabels": of}}]

    comes: list[Resource] = []
    if process.is_api:
        comes.append({"from": namespaces(INGRESS), "ports": [port(blocks.API_PORT)]})
    if process.tells:
        comes.append({"from": namespaces(MONITORING), "ports": [port(blocks.METRICS_PORT)]})
    goes: list[Resource] = [
        {"ports": [port(53), port(53, "UDP")]},
        {"to": pods({"cnpg.io/cluster": database(process.service)}), "ports": [port(DATABASE_PORT)]},
    ]
    if not process.ends:
        goes.append({"to": pods({"strimzi.io/cluster": KAFKA}), "ports": [port(KAFKA_PORT)]})
    if process.goes_out:
        goes.append({"ports": [port(443)]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta(process),
        "spec": {
            "podSelector": {"matchLabels": selector(process.service, process.command)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": comes,
            "egress": goes,
        },
    }
