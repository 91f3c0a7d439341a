"""The rights of each service in Kafka, as data. What isn't here is denied: brokers run with an authorizer that allows
nobody what no rule says (``allow.everyone.if.no.acl.found=false``).

Only its owner writes a topic; everybody reads events and keys. Nobody here may delete or alter a topic, or change
rights: that is the administrators' (``super.users``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

SERVICES = ("callcenter", "marketing", "sfa", "sync")
"""All that there may be: each hears the others that are installed, and asks whether the rest came meanwhile."""
READ_BY_ALL = (".events", ".keys")
OWN_ALONE = ".signals"
"""What a service says to itself: its other processes read it, nobody else does."""
READER = "reader"
"""The group that clients name who read from a place of their own: it has neither members nor offsets."""
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Rule:
    """What a user may do with a topic or a group, or with all whose names begin so."""

    user: str
    operations: tuple[AclOperation, ...]
    kind: ResourceType
    name: str
    begins: bool = False

    def bindings(self) -> list[AclBinding]:
        """The rule as Kafka keeps it: one entry an operation."""
        pattern = ResourcePatternType.PREFIXED if self.begins else ResourcePatternType.LITERAL
        allow = AclPermissionType.ALLOW
        principal = f"User:{self.user}"
        return [AclBinding(self.kind, self.name, pattern, principal, "*", each, allow) for each in self.operations]

    def command(self) -> str:
        """The arguments of ``kafka-acls.sh`` that add the rule."""
        operations = " ".join(f"--operation {each.name.title()}" for each in self.operations)
        pattern = "prefixed" if self.begins else "literal"
        return (
            f"--add --allow-principal User:{self.user} {operations} "
            f"--{self.kind.name.lower()} {self.name} --resource-pattern-type {pattern}"
        )


def rules_of(service: str) -> Iterator[Rule]:
    """What the user of ``service`` may do."""
    # To write includes to describe, and idempotent producers need no more than that.
    yield Rule(service, (AclOperation.CREATE, AclOperation.WRITE), ResourceType.TOPIC, f"{service}.", begins=True)
    for topic in (source + kind for source in SERVICES for kind in READ_BY_ALL):
        yield Rule(service, (AclOperation.READ,), ResourceType.TOPIC, topic)
    yield Rule(service, (AclOperation.READ,), ResourceType.TOPIC, service + OWN_ALONE)
    yield Rule(service, (AclOperation.READ,), ResourceType.GROUP, f"{service}.", begins=True)
    yield Rule(service, (AclOperation.DESCRIBE,), ResourceType.GROUP, READER)


def rules(services: Iterable[str] = SERVICES) -> list[Rule]:
    """Everything that is allowed."""
    return [rule for service in services for rule in rules_of(service)]


def apply(admin: AdminClient, services: Collection[str] = SERVICES) -> tuple[int, int]:
    """Bring the cluster's rules for these users to what stands here: gives how many were added, and how many that
    don't stand here were taken away. Raises ``KafkaException``."""
    wanted = {binding for rule in rules(services) for binding in rule.bindings()}
    present = set(chain.from_iterable(_of_user(admin, service) for service in services))
    missing, beyond = list(wanted - present), list(present - wanted)
    if missing:
        for future in admin.create_acls(missing, request_timeout=TIMEOUT_SECONDS).values():
            future.result()
    if beyond:
        for gone in admin.delete_acls([_exactly(each) for each in beyond], request_timeout=TIMEOUT_SECONDS).values():
            gone.result()
    return len(missing), len(beyond)


def _of_user(admin: AdminClient, user: str) -> list[AclBinding]:
    every = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found: list[AclBinding] = admin.describe_acls(every, request_timeout=TIMEOUT_SECONDS).result()
    return found


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
