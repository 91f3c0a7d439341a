"""Customers' records: what other services tell of them, and what an operator does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from services.sync.customers.tables import keep_lost
from services.sync.devices import feed
from services.sync.identity import handlers as identity
from shared.access.actions import Action
from shared.customer.consent import is_echo
from shared.customer.fields import CONSENT
from shared.customer.fold import Change, decide
from shared.customer.member import Member, member_of
from shared.edge.errors import NotFound
from shared.events.customer import CustomerEdited, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import Event, new_id
from shared.pipeline import claims, due, edits
from shared.pipeline.customer_tables import claim
from shared.pipeline.work import Work
from shared.texts import N_


def heard(work: Work, events: list[Event]) -> None:
    """Customers registered or edited; what one forbids is to be forbidden for all members of the same customer."""
    claims.heard(work, events)
    members = {member_of(event.stream) for event in events}
    keep_lost(work.session, members)
    feed.mark(work, members)
    forbidding = [event for event in events if _forbids(event)]
    due.mark_of(work, identity.CONSENT, lambda event: [member_of(event.stream)], forbidding)


def heard_fields(work: Work, events: list[Event]) -> None:
    """Fields of departments were defined; by another policy other values give way."""
    claims.heard_fields(work, events)
    names = {event.fact.name for event in events if isinstance(event.fact, CustomFieldDefined)}
    c = claim.c
    of_them = select(c.member).where(c.field.like("custom.%"), c.field.in_(sorted(names))).distinct()
    keep_lost(work.session, set(work.session.scalars(of_them)))


def _forbids(event: Event) -> bool:
    fact = event.fact
    assert isinstance(fact, CustomerRegistered | CustomerEdited)
    return any(one.field in CONSENT and one.value == "false" and not is_echo(one.id) for one in fact.claims)


def edit(
    work: Work,
    member: Member,
    changes: Mapping[str, Change],
    saw: Mapping[str, Sequence[str]],
    region: str,
) -> list[str]:
    """Change fields of a customer; gives the ids of the claims that it took.

    ``saw``: for each field the claims that the operator had before his eyes; where silent, today's heads.
    ``region``: the country of phone numbers without a country code. Raises ``Forbidden``, ``NotFound``,
    ``Conflict`` for an erased customer, and ``Invalid``.
    """
    edits.need_fields(work.see(Action.CUSTOMER_EDIT, member), changes)
    made = [one.id for one in edits.edit(work, member, changes, saw, region)]
    keep_lost(work.session, [member])
    return made


def settle(work: Work, member: Member, name: str, claim_id: str, saw: Sequence[str]) -> list[str]:
    """Let a claim's value stand: of an open conflict, or of one that lost. Gives the new claim's id.

    ``saw`` are the heads that the operator had before his eyes; if empty, today's. Raises ``Forbidden``,
    ``NotFound`` and ``Conflict``.
    """
    edits.need_fields(work.see(Action.CUSTOMER_EDIT, member), [name])
    held = claims.standing(work.session, member)
    state = held.states.get(name)
    chosen = claims.claims_of(work.session, member, [name]).get(claim_id)
    if state is None or chosen is None:
        raise NotFound(N_("the field has no such claim"))
    seen = edits.as_seen(state, saw) if saw else state
    new = decide(seen, chosen.value, id=new_id(), occurred=work.now, source=work.source, author=work.actor.id)
    made = [one.id for one in edits.publish_edit(work, member, [new], held)]
    keep_lost(work.session, [member])
    return made
