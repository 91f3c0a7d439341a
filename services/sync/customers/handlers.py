"""Customers' records: what other services tell of them, and what an operator does with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.sync.customers.rules import with_code
from shared.customer.fields import InvalidValue, UnknownField
from shared.customer.fold import Change, decide
from shared.customer.member import Member, member_of, stream
from shared.edge.errors import Conflict, Invalid, NotFound
from shared.events.customer import CustomerErased
from shared.events.envelope import Event, new_id
from shared.pipeline import claims, keys
from shared.pipeline.records import record
from shared.pipeline.work import Work

EDITORS = ("operator", "supervisor")
ERASERS = ("operator",)
MOST_TOPICS = 48


def heard_claims(work: Work, events: list[Event]) -> None:
    """Customers registered or edited, also by this service: what is known already changes nothing."""
    good = _named(work, events)
    changed = claims.store_claims(work, [claims.told(event) for event in good])
    _touch(work, changed & {member_of(event.stream) for event in good if event.live})


def heard_erased(work: Work, events: list[Event]) -> None:
    """Customers erased: nothing readable of them stays here."""
    good = _named(work, events)
    _forget(work, [member_of(event.stream) for event in good])
    _touch(work, {member_of(event.stream) for event in good if event.live})


def heard_fields(work: Work, events: list[Event]) -> None:
    """Fields that departments defined."""
    claims.define(work, events)


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
    work.actor.need(*EDITORS)
    _standing(work, member)
    try:
        coded = with_code(changes, claims.custom_fields(work.session), region)
        return [claim.id for claim in claims.edit(work, member, coded, saw)]
    except UnknownField as error:
        raise Invalid(f"a customer has no field {error.args[0]}") from None
    except (InvalidValue, TypeError) as error:
        # Both name the field and what is expected, never the value.
        raise Invalid(str(error)) from None


def settle(work: Work, member: Member, name: str, claim_id: str, saw: Sequence[str]) -> list[str]:
    """Let a claim's value stand: of an open conflict, or of one that lost. Gives the new claim's id.

    ``saw`` are the heads that the operator had before his eyes; if empty, today's. Raises ``Forbidden``,
    ``NotFound`` and ``Conflict``.
    """
    work.actor.need(*EDITORS)
    _standing(work, member)
    state = claims.lock(work.session, [member])[member].get(name)
    chosen = claims.claims_of(work.session, member, [name]).get(claim_id)
    if state is None or chosen is None:
        raise NotFound("the field has no such claim")
    seen = claims.as_seen(state, saw) if saw else state
    new = decide(seen, chosen.value, id=new_id(), occurred=work.now, source=work.source, author=work.actor.id)
    return [claim.id for claim in claims.publish_edit(work, member, [new])]


def erase(work: Work, member: Member, reason: str) -> None:
    """Make everything about a customer unreadable, here and everywhere. Once is enough; a second time is harmless.

    Raises ``Forbidden`` and ``NotFound``.
    """
    work.actor.need(*ERASERS)
    claims.lock(work.session, [member])
    if keys.erased(work.session, [member]):
        return
    if record(work.session, member) is None:
        raise NotFound("there is no such customer")
    work.publish(stream(member), CustomerErased(reason=reason))
    _forget(work, [member])
    work.touch(stream(member))


def _standing(work: Work, member: Member) -> None:
    claims.lock(work.session, [member])
    if keys.erased(work.session, [member]):
        raise Conflict("this customer was erased; nothing more can be written about the person")
    if record(work.session, member) is None:
        raise NotFound("there is no such customer")


def _forget(work: Work, members: Sequence[Member]) -> None:
    # The rows before the keys, as everybody takes these locks.
    claims.forget(work.session, members)
    keys.erase(work, members)


def _named(work: Work, events: Iterable[Event]) -> list[Event]:
    """The events whose stream names a member; the others are rejected."""
    good = []
    for event in events:
        try:
            named = str(UUID(member_of(event.stream))) == member_of(event.stream)
        except ValueError:
            named = False
        if named:
            good.append(event)
        else:
            work.reject(event, "the stream doesn't name a member")
    return good


def _touch(work: Work, members: Iterable[str]) -> None:
    topics = {stream(Member(member)) for member in members}
    if len(topics) <= MOST_TOPICS:
        work.touch(*topics)
