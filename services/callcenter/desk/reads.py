"""What the agent's page shows. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Choice
from services.callcenter.customers import reads as customers
from services.callcenter.customers.reads import Card, Shown
from services.callcenter.desk.handlers import queues_of
from services.callcenter.insights.reads import Insights, insights
from shared.pipeline.definitions import custom_fields

KEY_FIELDS = ("phone", "email", "status", "products", "city", "language", "customer_since")


@dataclass(frozen=True)
class Glance:
    """A customer with what has happened lately."""

    card: Card
    fields: list[Shown]
    insights: Insights

    @property
    def known(self) -> list[Shown]:
        """Fields that have a value."""
        return [shown for shown in self.fields if shown.value]

    @property
    def key_fields(self) -> list[Shown]:
        """The most telling ones of those."""
        return [shown for shown in self.known if shown.field.name in KEY_FIELDS]


@dataclass(frozen=True)
class Offer:
    """A contact that waits, and who it is."""

    contact: Any
    card: Card


@dataclass(frozen=True)
class Waiting:
    """What waits for an agent, and the queues there are."""

    offers: list[Offer]
    queues: list[Choice]
    chosen: list[str]


@dataclass(frozen=True)
class Current:
    """The contact that the agent is in, if any; else the first that waits, to look at beforehand."""

    contact: Any | None
    glance: Glance | None


@dataclass(frozen=True)
class Choices:
    """What can be chosen at a review."""

    reasons: list[Choice]
    outcomes: list[Choice]

    def label(self, code: str | None, language: str) -> str:
        """The words of a reason or an outcome."""
        found = (c.label(language) for c in (*self.reasons, *self.outcomes) if c.code == code)
        return next(found, code or "")


def waiting(session: Session, agent: str, now: datetime) -> Waiting:
    """What waits for the agent, longest first."""
    chosen = queues_of(session, agent)
    offered = contacts.offers(session, agent, chosen, now)
    cards = {card.member: card for card in customers.cards(session, {row.member for row in offered})}
    offers = [Offer(row, cards[row.member]) for row in offered]
    return Waiting(offers, contacts.choices(session, "queue"), chosen)


def current(session: Session, agent: str, now: datetime) -> Current:
    """What the agent works on."""
    row = contacts.current(session, agent)
    if row is None:
        row = next(iter(contacts.offers(session, agent, queues_of(session, agent), now, limit=1)), None)
    return Current(row, glance(session, row.member, now) if row else None)


def glance(session: Session, member: str, now: datetime) -> Glance:
    """Raises ``NotFound``."""
    card = customers.card(session, member)
    return Glance(card, customers.shown(card.states, custom_fields(session)), insights(session, member, now))


def choices(session: Session) -> Choices:
    return Choices(contacts.choices(session, "reason"), contacts.choices(session, "outcome"))
