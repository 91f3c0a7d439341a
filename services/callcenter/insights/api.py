"""A customer's card over HTTP: everything that is known, and how old it is."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from services.callcenter.cases.api import Case
from services.callcenter.cases.api import shown as case_shown
from services.callcenter.contacts.api import Contact
from services.callcenter.contacts.api import shown as contact_shown
from services.callcenter.customers import reads as customers
from services.callcenter.insights import reads
from services.callcenter.insights.rules import Line, Order
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service


class Age(BaseModel):
    """How old what a service says is at least."""

    as_of: datetime | None
    """Its last sign of life; none: it was never heard of."""
    left: datetime | None
    """When the company gave it up, if it did."""


class CardValue(BaseModel):
    amount: int
    """In minor units, of the whole customer."""
    currency: str
    window_days: int
    orders: int
    last_order: datetime | None


class CardSegment(BaseModel):
    segment: str
    name: str
    since: datetime


class CardLine(BaseModel):
    name: str
    quantity: int


class CardOrder(BaseModel):
    order: str
    customer: str
    state: str
    """``requested``, ``placed``, ``provisioned``, ``delivered``, ``cancelled`` or ``refused``."""
    wrong: list[str]
    """The worst first: ``overdue``, a code of a problem, ``refused``, ``cancelled``."""
    began: datetime | None
    promised: datetime | None
    delivered: datetime | None
    lines: list[CardLine]
    total: int | None
    """In minor units."""
    currency: str | None
    reason: str | None


class CardEntry(BaseModel):
    at: datetime
    kind: str
    id: str
    step: str
    text: str | None
    masked: list[str]


class CardShown(BaseModel):
    customer: str
    members: list[str]
    """Those within reach. Everything below is of all of them but the fields, which are of the one asked for."""
    values: dict[str, str | tuple[str, ...]]
    changed: datetime
    relation: str | None
    value: CardValue | None
    segments: list[CardSegment]
    orders: list[CardOrder]
    contacts: list[Contact]
    cases: list[Case]
    timeline: list[CardEntry]
    ages: dict[str, Age]
    """By service: ``marketing`` for value and segments, ``sfa`` for orders, ``sync`` for members and notes."""
    masked: list[str]
    """What there is and is hidden from the actor: fields, ``relation``, ``value``, ``segments``."""


def router(service: Service) -> APIRouter:
    """Endpoint of cards."""
    routes = APIRouter(tags=["customers"])

    @routes.get("/customers/{customer}/card")
    def card(customer: Id, actor: CurrentActor) -> CardShown:
        """All that is known of a customer, with its age. Needs customer.read; contacts and cases need their own."""
        with service.look(actor) as look:
            record = customers.card(look, str(customer))
            return _shown(record, reads.insights(look, str(customer)))

    return routes


def _shown(record: customers.Card, found: reads.Insights) -> CardShown:
    signs = {source: found.signs.get(source) for source in reads.SOURCES}
    names = CardValue.model_fields
    return CardShown(
        customer=record.member,
        members=list(found.members),
        values=record.values,
        changed=record.changed,
        relation=found.relation,
        value=CardValue(**{name: getattr(found.value, name) for name in names}) if found.value else None,
        segments=[CardSegment(segment=s.segment, name=s.name, since=s.since) for s in found.segments],
        orders=[_order(order, found.now) for order in found.orders],
        contacts=[contact_shown(row) for row in found.contacts],
        cases=[case_shown(row) for row in found.cases],
        timeline=[_entry(line) for line in found.timeline],
        ages={s: Age(as_of=sign.at if sign else None, left=sign.left if sign else None) for s, sign in signs.items()},
        masked=[*record.masked, *found.masked],
    )


def _entry(line: Line) -> CardEntry:
    masked = ["text"] if line.text is None else []
    return CardEntry(at=line.at, kind=line.kind, id=line.id, step=line.step, text=line.text, masked=masked)


def _order(order: Order, now: datetime) -> CardOrder:
    return CardOrder(
        order=order.order,
        customer=order.member,
        state=order.state,
        wrong=list(order.wrong(now)),
        began=order.began,
        promised=order.promised,
        delivered=order.delivered,
        lines=[CardLine(name=item.name, quantity=item.quantity) for item in order.lines],
        total=order.total,
        currency=order.currency,
        reason=order.reason,
    )
