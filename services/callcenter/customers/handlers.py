"""Customers are registered and edited here, and departments describe fields of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.customer.fields import CUSTOM, Field
from shared.customer.fold import Change
from shared.customer.member import Member, stream
from shared.customer.phones import with_code
from shared.events.customer import CustomerRegistered
from shared.events.envelope import new_id
from shared.pipeline import claims, definitions, edits
from shared.pipeline.claims import Told
from shared.pipeline.definitions import Definition
from shared.pipeline.work import Work

DESK = ("agent", "supervisor")
WRITERS = (*DESK, "importer")


@dataclass(frozen=True)
class Register:
    """A customer that nobody here knew."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    origin: str = "desk"
    at: datetime | None = None
    """When it was, if not now."""


@dataclass(frozen=True)
class Edit:
    """Fields of a customer that are to change."""

    member: str
    changes: Mapping[str, Change]
    saw: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Field -> the claims that the author saw when he decided; without it, what stands now."""


def register(work: Work, commands: Sequence[Register], region: str) -> list[str]:
    """Name new members; gives their ids. Raises ``Forbidden`` and ``Invalid``."""
    work.actor.need(*WRITERS, "telephony")
    custom = _custom(work, commands)
    members = sorted(new_id() for _ in commands)
    held = claims.lock(work.session, members)
    tellings = []
    for member, command in zip(members, commands, strict=True):
        with edits.invalid():
            coded = with_code(command.changes, custom, region)
        made = edits.claims_for(work, {}, coded, custom, command.at)
        fact = CustomerRegistered(claims=claims.made(made), origin=command.origin)
        work.publish(stream(Member(member)), fact, command.at)
        tellings.append(Told(member, command.at or work.now, tuple(made)))
    claims.touch(work, claims.store_claims(work, tellings, held))
    return members


def edit(work: Work, commands: Sequence[Edit], region: str) -> list[list[str]]:
    """Change fields; gives for each command the fields that did change.

    Raises ``Forbidden``, ``NotFound``, ``Invalid``, and ``Conflict`` for an erased customer.
    """
    work.actor.need(*WRITERS)
    claims.lock(work.session, (command.member for command in commands))
    changed = []
    for command in commands:
        made = edits.edit(work, Member(command.member), command.changes, command.saw, region)
        changed.append(sorted({claim.field for claim in made}))
    return changed


def define_fields(work: Work, fields: Sequence[Field]) -> list[str]:
    """Define custom fields of this service's own; gives the names of those that are new or different."""
    work.actor.need("supervisor", "importer")
    if not fields:
        return []
    definitions.hold_alone(work.session)
    known = definitions.custom_fields(work.session)
    different = [new for new in fields if known.get(new.name) != new]
    published = [
        Definition(new, work.now, work.publish(f"custom_field/{new.name}", definitions.fact_of(new)))
        for new in different
    ]
    claims.define(work, published)
    return [new.name for new in different]


def _custom(work: Work, commands: Iterable[Register]) -> Mapping[str, Field]:
    if any(name.startswith(CUSTOM) for command in commands for name in command.changes):
        return definitions.custom_fields(work.session)
    return {}
