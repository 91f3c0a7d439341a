"""Kafka by Strimzi, and a PostgreSQL for each service by CloudNativePG."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from deploy import blocks
from deploy.kafka import acls
from deploy.kubernetes.names import KAFKA, KAFKA_PORT, PART_OF, database, labels
from deploy.local import layout, postgres
from shared.pipeline import topics

Resource = dict[str, Any]

STRIMZI = "kafka.strimzi.io/v1"
BROKERS = 3
REPLICATION = 3
PARTITIONS = 12
"""Chosen before the first start, and never changed."""
_OF_CLUSTER = {"strimzi.io/cluster": KAFKA}


def kafka() -> list[Resource]:
    """Brokers that lose nothing when one of them is lost."""
    pool = {
        "apiVersion": STRIMZI,
        "kind": "KafkaNodePool",
        "metadata": {"name": "brokers", "labels": _OF_CLUSTER | PART_OF},
        "spec": {
            "replicas": BROKERS,
            "roles": ["controller", "broker"],
            "storage": {
                "type": "jbod",
                "volumes": [
                    {
                        "id": 0,
                        "type": "persistent-claim",
                        "size": "200Gi",
                        "deleteClaim": False,
                        "kraftMetadata": "shared",
                    }
                ],
            },
            "resources": {"requests": {"cpu": "500m", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}},
            "template": {"pod": {"affinity": _apart(_OF_CLUSTER)}},
        },
    }
    cluster = {
        "apiVersion": STRIMZI,
        "kind": "Kafka",
        "metadata": {"name": KAFKA, "labels": PART_OF},
        "spec": {
            "kafka": {
                "listeners": [
                    {
                        "name": "tls",
                        "port": KAFKA_PORT,
                        "type": "internal",
                        "tls": True,
                        "authentication": {"type": "scram-sha-512"},
                    }
                ],
                "authorization": {"type": "simple"},
                "config": {
                    "auto.create.topics.enable": False,
                    "num.partitions": PARTITIONS,
                    # Events are history: what a topic doesn't say otherwise is kept for ever.
                    "log.retention.ms": -1,
                    "default.replication.factor": REPLICATION,
                    "min.insync.replicas": REPLICATION - 1,
                    "offsets.topic.replication.factor": REPLICATION,
                    "transaction.state.log.replication.factor": REPLICATION,
                    "transaction.state.log.min.isr": REPLICATION - 1,
                },
            },
            # Makes the services' users; topics are made by whoever applies them, or by the services.
            "entityOperator": {"topicOperator": {}, "userOperator": {}},
        },
    }
    return [pool, cluster]


def _apart(of: dict[str, str]) -> Resource:
    term = {"labelSelector": {"matchLabels": of}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def of_service(service: str) -> list[Resource]:
    """A service's topics, its user with its rights, and its database."""
    return [*_topics(service), _user(service), _database(service)]


def _topics(service: str) -> list[Resource]:
    wanted = topics.wanted(service, partitions=PARTITIONS, replication=REPLICATION)
    found = [_topic(each.topic, each.num_partitions, each.config or {}, service) for each in wanted]
    if "streams" in layout.processes(service):
        said = importlib.import_module(f"services.{service}.streams.messages")
        found.append(_topic(said.TOPIC, 1, said.CONFIG, service))
    return found


def _topic(name: str, partitions: int, config: Mapping[str, str], service: str) -> Resource:
    return {
        "apiVersion": STRIMZI,
        "kind": "KafkaTopic",
        "metadata": {"name": name, "labels": _OF_CLUSTER | labels(service)},
        "spec": {"partitions": partitions, "replicas": REPLICATION, "config": dict(config)},
    }


def _user(service: str) -> Resource:
    return {
        "apiVersion": STRIMZI,
        "kind": "KafkaUser",
        "metadata": {"name": service, "labels": _OF_CLUSTER | labels(service)},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": [_right(rule) for rule in acls.rules_of(service)]},
        },
    }


def _right(rule: acls.Rule) -> Resource:
    pattern = "prefix" if rule.begins else "literal"
    return {
        "resource": {"type": rule.kind.name.lower(), "name": rule.name, "patternType": pattern},
        "operations": [operation.name.title() for operation in rule.operations],
    }


def _database(service: str) -> Resource:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": database(service), "labels": labels(service)},
        "spec": {
            "instances": 3,
            "imageName": f"ghcr.io/cloudnative-pg/postgresql:{postgres.VERSION}",
            "enableSuperuserAccess": False,
            "storage": {"size": "100Gi"},
            "walStorage": {"size": "20Gi"},
            "resources": {"requests": {"cpu": "500m", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}},
            "postgresql": {
                "parameters": {"max_connections": "300", "shared_buffers": "1GB"},
                # What was answered as done stays done when the first server is lost.
                "synchronous": {"method": "any", "number": 1, "dataDurability": "preferred"},
            },
            "bootstrap": {
                "initdb": {"database": service, "owner": service, "secret": {"name": f"{service}-owner"}},
            },
            # `migrate` says what they may do (shared/pipeline/rights.py).
            "managed": {
                "roles": [
                    {
                        "name": blocks.login(service, role),
                        "ensure": "present",
                        "login": True,
                        "passwordSecret": {"name": f"{service}-{role}"},
                    }
                    for role in blocks.ROLES
                    if role != "owner"
                ]
            },
            "affinity": {"podAntiAffinityType": "required"},
        },
    }
