"""What is a company's own: what it says about itself, its secrets, and the way in. To be copied and changed."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from joserfc.jwk import OKPKey

from deploy import blocks
from deploy.kubernetes.backing import PARTITIONS, REPLICATION
from deploy.kubernetes.names import COMPANY, DATABASE_CA, FOLDER, KEYS, NAMESPACE, database

Resource = dict[str, Any]

DOMAIN = "crm.example"


def resources(services: list[str]) -> list[Resource]:
    """The namespace, the settings, and an ingress."""
    reached = [*services, blocks.CONSOLE]
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": COMPANY},
            "data": {
                "CRM_TOKEN_ISSUER": f"https://login.{DOMAIN}",
                "CRM_DEFAULT_REGION": "US",
                "CRM_CURRENCY": "USD",
                "CRM_PARTITIONS": str(PARTITIONS),
                "CRM_REPLICATION": str(REPLICATION),
                **{f"CRM_{each.upper()}_URL": f"https://{_host(each)}" for each in reached},
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "crm"},
            "spec": {
                "tls": [{"hosts": [_host(each) for each in reached], "secretName": "crm-tls"}],
                "rules": [{"host": _host(each), "http": {"paths": [_to(each)]}} for each in reached],
            },
        },
    ]


def _host(service: str) -> str:
    return f"{service}.{DOMAIN}"


def _to(service: str) -> Resource:
    return {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": {"name": "http"}}},
    }


def secret_resources(services: list[str]) -> list[Resource]:
    """All secrets that nobody else makes, with passwords that were never used before."""
    keys = {
        blocks.KEYS: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        blocks.CERTIFICATE: json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)),
    }
    found = [_secret(KEYS, keys), _secret(f"{blocks.CONSOLE}-client", {"secret": ""})]
    for service in services:
        found.append(_secret(f"{service}-client", {"secret": ""}))
        found += [_of_role(service, role) for role in blocks.ROLES]
    return found


def _of_role(service: str, role: str) -> Resource:
    user, password = blocks.login(service, role), secrets.token_hex(24)
    # To the first server itself: the relay leads by a lock of its session, which a pool would share.
    where = f"{database(service)}-rw/{service}?sslmode=verify-full&sslrootcert={FOLDER}/{DATABASE_CA}"
    told = {"username": user, "password": password, "url": f"postgresql+psycopg://{user}:{password}@{where}"}
    return _secret(f"{service}-{role}", told) | {"type": "kubernetes.io/basic-auth"}


def _secret(name: str, data: dict[str, str]) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": data,
    }
