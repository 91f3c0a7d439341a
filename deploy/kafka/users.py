"""The services' users in Kafka, each with the password that its service is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.kafka.acls import SERVICES, TIMEOUT_SECONDS

ITERATIONS = 4096
"""Kafka's least; more would slow down guessing, which a long random password leaves no hope for."""


def passwords(environ: Mapping[str, str], services: Iterable[str] = SERVICES) -> dict[str, str]:
    """The services of which the environment has a password, and these."""
    given = {service: environ.get(f"CRM_{service.upper()}_KAFKA_SASL_PASSWORD") for service in services}
    return {service: password for service, password in given.items() if password}


def upsert(admin: AdminClient, of: Mapping[str, str]) -> None:
    """Make the users, or give those that are there these passwords. Raises ``KafkaException``."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, ITERATIONS)
    users = [UserScramCredentialUpsertion(user, info, password.encode()) for user, password in of.items()]
    if users:
        changes = admin.alter_user_scram_credentials(users, request_timeout=TIMEOUT_SECONDS)  # type: ignore[arg-type]
        for change in changes.values():
            change.result()
