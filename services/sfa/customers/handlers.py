"""Customers are registered and edited at sales' desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.access.actions import Action
from shared.access.grants import NO_FIELDS
from shared.customer.fold import Change
from shared.customer.member import Member, stream
from shared.customer.phones import with_code
from shared.events.customer import CustomerRegistered
from shared.events.envelope import new_id
from shared.pipeline import claims, edits
from shared.pipeline.claims import Told
from shared.pipeline.definitions import custom_fields
from shared.pipeline.work import Work


def register(work: Work, changes: Mapping[str, Change], region: str) -> str:
    """Name a new member with these fields; gives its id. Raises ``Forbidden``, ``Invalid``."""
    work.need(Action.CUSTOMER_REGISTER)
    edits.need_fields(work.grants.most(Action.CUSTOMER_REGISTER), changes)
    member = Member(new_id())
    held = claims.lock(work.session, [member])
    custom = custom_fields(work.session)
    with edits.invalid():
        coded = with_code(changes, custom, region)
    made = edits.claims_for(work, {}, coded, custom)
    work.publish(stream(member), CustomerRegistered(claims=claims.made(made)))
    claims.touch(work, claims.store_claims(work, [Told(member, work.now, tuple(made))], held))
    return member


def edit(
    work: Work, member: str, changes: Mapping[str, Change], saw: Mapping[str, Sequence[str]], region: str
) -> list[str]:
    """Change fields; gives those that did change, and those of which the actor can't see whether they did.

    Raises ``Forbidden``, ``NotFound``, ``Invalid``, and ``Conflict`` for an erased customer.
    """
    edits.need_fields(work.see(Action.CUSTOMER_EDIT, member), changes)
    seen = work.fields(Action.CUSTOMER_READ, [member]).get(member, NO_FIELDS)
    changed = {claim.field for claim in edits.edit(work, Member(member), changes, saw, region)}
    return sorted(changed.union(name for name in changes if name not in seen))
