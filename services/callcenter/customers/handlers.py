"""Customers are registered and edited here, and departments describe fields of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from shared.access.actions import Action
from shared.access.grants import NO_FIELDS, Fields
from shared.customer.fields import CUSTOM, Field
from shared.customer.fold import Change
from shared.customer.member import Member, stream
from shared.customer.phones import with_code
from shared.edge.errors import Forbidden
from shared.events.customer import CustomerRegistered
from shared.events.envelope import new_id
from shared.pipeline import claims, definitions, edits, vocabulary
from shared.pipeline.claims import Told
from shared.pipeline.work import Work
from shared.texts import N_


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
    work.need(Action.CUSTOMER_REGISTER)
    allowed = work.grants.most(Action.CUSTOMER_REGISTER)
    for command in commands:
        only(allowed, Action.CUSTOMER_REGISTER, command.changes)
    return take_in(work, commands, region)


def take_in(work: Work, commands: Sequence[Register], region: str) -> list[str]:
    """Register customers as a part of something else, for which leave was asked. Raises ``Invalid``."""
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
    work.need(Action.CUSTOMER_EDIT)
    members = [command.member for command in commands]
    allowed = work.fields(Action.CUSTOMER_EDIT, members)
    for command in commands:
        if command.member not in allowed:
            raise Forbidden(
                N_("this customer isn't among those for whom %(actor)s has %(action)s here"),
                actor=work.actor.id,
                action=Action.CUSTOMER_EDIT,
            )
        only(allowed[command.member], Action.CUSTOMER_EDIT, command.changes)
    seen = work.fields(Action.CUSTOMER_READ, members)
    claims.lock(work.session, members)
    changed = []
    for command in commands:
        made = edits.edit(work, Member(command.member), command.changes, command.saw, region)
        # Who can't see a field isn't told either whether it was so already.
        unseen = {name for name in command.changes if name not in seen.get(command.member, NO_FIELDS)}
        changed.append(sorted({claim.field for claim in made} | unseen))
    return changed


def only(allowed: Fields, action: Action, names: Collection[str]) -> None:
    """Raises ``Forbidden``, with the names, when there are others than those that are allowed."""
    if refused := [name for name in names if name not in allowed]:
        raise Forbidden(
            N_("%(action)s isn't granted here for %(refused)s"), action=action, refused=", ".join(sorted(refused))
        )


def define_fields(work: Work, fields: Sequence[Field]) -> list[str]:
    """Define custom fields of this service's own; gives the names of those that are new or different. Raises
    ``Forbidden``, and ``Conflict`` for one that another department defined."""
    work.need(Action.FIELD_DEFINE)
    known = definitions.custom_fields(work.session)
    return vocabulary.define_fields(work, [_as_known(new, known.get(new.name)) for new in fields])


def _as_known(new: Field, before: Field | None) -> Field:
    """The field with all that isn't said of it here: what it is called in other languages, its place."""
    if before is None:
        return new
    return replace(new, labels=before.labels, place=before.place, retired=before.retired)


def _custom(work: Work, commands: Iterable[Register]) -> Mapping[str, Field]:
    if any(name.startswith(CUSTOM) for command in commands for name in command.changes):
        return definitions.custom_fields(work.session)
    return {}
