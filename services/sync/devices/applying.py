"""A mutation of a device becomes a fact of the customer's, or is refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from services.sync.devices import feed, heard, items, reads, rules
from services.sync.devices.rules import Content, Edit, Note, Order
from services.sync.devices.tables import mutation
from shared.access.actions import TEXT, Action
from shared.access.grants import Fields
from shared.customer.claims import Claim
from shared.customer.fields import Field, InvalidValue, UnknownField, field, parse, refuse_retired
from shared.customer.member import Member, stream
from shared.customer.phones import with_code
from shared.edge.errors import Conflict, NotFound
from shared.events.sync import NoteAdded, OrderRequested, RequestedLine
from shared.pipeline import claims, edits, records
from shared.pipeline.definitions import custom_fields
from shared.pipeline.work import Work
from shared.texts import N_, UNSAID, Text

FROM_DEVICE = "device/"
"""How the origin of who acts by a device begins."""


@dataclass(frozen=True)
class Turned:
    """What becomes of a mutation: state, code of the reason, and words for who mends the device."""

    state: str
    reason: str = ""
    detail: Text = UNSAID


def check(work: Work, rep: str, member: str) -> Turned | None:
    """Whether a customer isn't in a territory of the rep now: pulled before, it may have been moved since."""
    if not reads.divided(work.session):
        return None
    home = items.territories_of(work.session, [member])[member]
    if home and home in reads.territories(work.session, rep):
        return None
    known = records.record(work.session, member) is not None
    return Turned(rules.QUARANTINED, "territory") if known else Turned(rules.REFUSED, "unknown_customer")


def apply(work: Work, of: Any, number: int, made: datetime, content: Content, region: str) -> Turned:
    """Let a mutation of device ``of`` (a row) happen, done at ``made``. One that is refused may leave something
    behind, for the caller to take back."""
    member = Member(content.customer)
    try:
        claims.standing(work.session, member)
    except Conflict:
        return Turned(rules.REFUSED, "erased")
    except NotFound:
        return Turned(rules.REFUSED, "unknown_customer")
    if _there(work, content):
        return Turned(
            rules.REFUSED, "known_id", Text(N_("its id was used before; give each note, order and claim its own"))
        )
    match content:
        case Note() if TEXT not in _writable(work):
            return Turned(
                rules.REFUSED,
                "masked",
                Text(N_("%(actor)s may not write anything down about customers"), {"actor": work.actor.id}),
            )
        case Note():
            turned = _note(work, of, number, made, content)
        case Order():
            turned = _order(work, of, number, made, content)
        case Edit():
            turned = _edit(work, of, number, made, content, region)
    feed.mark(work, [member])
    work.touch(stream(member))
    return turned


def _there(work: Work, content: Content) -> bool:
    """Whether another mutation has made a thing of this id. Not asked of read models, which may be rebuilt just now."""
    m = mutation.c
    same = exists().where(m.thing == content.thing, m.state.in_((rules.ACCEPTED, *rules.OPEN)))
    return bool(work.session.scalar(select(same)))


def _note(work: Work, of: Any, number: int, made: datetime, content: Note) -> Turned:
    fact = NoteAdded(note=content.note, text=content.text, device=of.id, number=number)
    work.publish(stream(Member(content.customer)), fact, made)
    heard.keep_note(work, content.customer, fact, work.actor.id, made)
    return Turned(rules.ACCEPTED)


def _order(work: Work, of: Any, number: int, made: datetime, content: Order) -> Turned:
    home = items.territories_of(work.session, [content.customer])[content.customer]
    fact = OrderRequested(
        order=content.order,
        lines=tuple(
            RequestedLine(product=line.product, quantity=line.quantity, unit_price=line.unit_price)
            for line in content.lines
        ),
        currency=content.currency,
        rep=of.rep,
        territory=home if reads.divided(work.session) else "",
        device=of.id,
        number=number,
    )
    work.publish(stream(Member(content.customer)), fact, made)
    heard.keep_request(work, content.customer, fact, made)
    return Turned(rules.STORED if reads.owned(work.session) else rules.NO_OWNER)


def _edit(work: Work, of: Any, number: int, made: datetime, content: Edit, region: str) -> Turned:
    allowed = _writable(work)
    if work.actor.origin.startswith(FROM_DEVICE):
        allowed &= work.grants.most(Action.DEVICE_PULL)  # what is hidden there can't be overwritten from there
    if hidden := sorted({one.field for one in content.claims if one.field not in allowed}):
        return Turned(
            rules.REFUSED,
            "masked",
            Text(
                N_("%(fields)s isn't among what %(actor)s may change"),
                {"fields": ", ".join(hidden), "actor": work.actor.id},
            ),
        )
    custom = custom_fields(work.session)
    try:
        taken = [_claim(work, one, made, custom, region) for one in content.claims]
    except UnknownField as error:
        return Turned(rules.REFUSED, "invalid", Text(N_("a customer has no field %(field)s"), {"field": error.args[0]}))
    except InvalidValue as error:
        return Turned(rules.REFUSED, "invalid", error.text)
    known = claims.claims_of(work.session, content.customer, {one.field for one in taken})
    if known.keys() & {one.id for one in taken}:
        return Turned(rules.REFUSED, "known_id", Text(N_("a claim of this id is there; give each its own")))
    edits.take(work, Member(content.customer), taken, device=of.id, number=number)
    return Turned(rules.ACCEPTED)


def _writable(work: Work) -> Fields:
    """The fields that the actor may change: the rep by his device, or the operator who lets it happen."""
    by_device = work.actor.origin.startswith(FROM_DEVICE)
    return work.grants.most(Action.DEVICE_PUSH if by_device else Action.CUSTOMER_EDIT)


def _claim(work: Work, one: rules.Made, made: datetime, custom: Mapping[str, Field], region: str) -> Claim:
    """The claim with its value as fields take it. Raises ``UnknownField`` and ``InvalidValue``."""
    of = field(one.field, custom)
    value = with_code({one.field: one.value}, custom, region)[one.field]
    assert isinstance(value, str)
    canonical = parse(of, value)
    refuse_retired(of, canonical)
    return Claim(one.id, one.field, canonical, one.saw, made, work.source, work.actor.id)
