"""The environment variables that tell a service where it is and whom it may trust."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Collection, Mapping

from joserfc.jwk import OKPKey

from deploy.local import layout, private
from deploy.local.backing import KAFKA_VARIABLE, Backing, database_variable
from deploy.local.layout import HOST, SERVICE_PORTS, Layout
from deploy.local.tokens import CONSOLE, client_secrets, is_elsewhere, issuer_url


def common(place: Layout, backing: Backing, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every service is told. What the user's own environment says comes first."""
    told = {
        KAFKA_VARIABLE: backing.bootstrap_servers(),
        "CRM_KEY_ENCRYPTION_KEYS": key_encryption_keys(place),
        "CRM_TOKEN_ISSUER": issuer_url(environ),
        "CRM_CERTIFICATE_KEY": certificate_key(place),
        "CRM_DEFAULT_REGION": "US",
    }
    for service in SERVICE_PORTS:
        told[layout.port_variable(service)] = str(layout.port_of(service, environ))
        told[f"CRM_{service.upper()}_URL"] = service_url(service, environ)
    return {name: environ.get(name) or value for name, value in told.items()}


def of_service(
    place: Layout,
    backing: Backing,
    service: str,
    command: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """What one command of a service is told, as ``api``: its own role's password for its own database, its service's
    for Kafka, and nobody else's. Without a command: the database's owner's."""
    own = {database_variable(service): backing.database_url(service, command), **backing.kafka_variables(service)}
    return common(place, backing, environ) | own | _client(place, service, environ)


def _client(place: Layout, service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """How a service, or the console, is known to the embedded issuer; another one knows it as the environment says."""
    if is_elsewhere(environ):
        return {}
    return {f"CRM_{service.upper()}_CLIENT_SECRET": client_secrets(place)[service]}


def of_console(
    place: Layout, services: Collection[str], targets: Collection[str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What the console is told: no database, no Kafka, no key. ``targets``: where processes show their metrics."""
    told = {
        "CRM_TOKEN_ISSUER": issuer_url(environ),
        "CRM_CONSOLE_PORT": str(layout.port_of(CONSOLE, environ)),
        "CRM_CONSOLE_URL": console_url(environ),
        "CRM_METRICS_TARGETS": ",".join(targets),
    }
    told |= {f"CRM_{service.upper()}_URL": service_url(service, environ) for service in services}
    return {name: environ.get(name) or value for name, value in told.items()} | _client(place, CONSOLE, environ)


def console_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where people find the console."""
    return environ.get("CRM_CONSOLE_URL") or f"http://{HOST}:{layout.port_of(CONSOLE, environ)}"


def service_url(service: str, environ: Mapping[str, str] = os.environ) -> str:
    """Where people and other machines find a service."""
    named = environ.get(f"CRM_{service.upper()}_URL")
    return named or f"http://{HOST}:{layout.port_of(service, environ)}"


def key_encryption_keys(place: Layout) -> str:
    """The key that the keys of personal data are encrypted with, made the first time."""
    return private.kept(
        place.secrets / "key-encryption-keys",
        lambda: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    )


def certificate_key(place: Layout) -> str:
    """The key that signs certificates of erasures, made the first time."""
    return private.kept(
        place.secrets / "certificate-key",
        lambda: json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)),
    )
