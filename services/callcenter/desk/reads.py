"""What the agent's page shows. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass

from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Choice, Contact
from services.callcenter.customers import reads as customers
from services.callcenter.customers.reads import Card, Shown
from services.callcenter.desk.handlers import queues_of
from services.callcenter.insights.reads import Insights, insights
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS, Fields
from shared.pipeline import clusters
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look

KEY_FIELDS = ("phone", "email", "status", "products", "city", "language", "customer_since")


@dataclass(frozen=True)
class Glance:
    """A customer with what has happened lately."""

    card: Card
    fields: list[Shown]
    insights: Insights
    editable: Fields

    @property
    def known(self) -> list[Shown]:
        """Fields that have a value, also those where it is hidden."""
        return [shown for shown in self.fields if shown.value or shown.masked]

    @property
    def to_edit(self) -> list[Shown]:
        """Fields that the actor may change."""
        return [shown for shown in self.fields if shown.field.name in self.editable and not shown.masked]

    @property
    def key_fields(self) -> list[Shown]:
        """The most telling ones of those."""
        return [shown for shown in self.known if shown.field.name in KEY_FIELDS]


@dataclass(frozen=True)
class Offer:
    """A contact that waits, and who it is."""

    contact: Contact
    card: Card | None
    """None: who it is is hidden from the actor."""


@dataclass(frozen=True)
class Waiting:
    """What waits for an agent, and the queues there are."""

    offers: list[Offer]
    queues: list[Choice]
    chosen: list[str]


@dataclass(frozen=True)
class Current:
    """The contact that the agent is in, if any; else the first that waits, to look at beforehand."""

    contact: Contact | None
    glance: Glance | None
    """None with a contact: who it is is hidden from the actor."""


@dataclass(frozen=True)
class Choices:
    """What can be chosen at a review, and the queues there are."""

    reasons: list[Choice]
    outcomes: list[Choice]
    queues: list[Choice]

    def label(self, code: str | None, language: str) -> str:
        """The words of a reason or an outcome."""
        found = (c.label(language) for c in (*self.reasons, *self.outcomes) if c.code == code)
        return next(found, code or "")


def waiting(look: Look) -> Waiting:
    """What waits for the agent, longest first. Raises ``Forbidden``."""
    look.need(Action.DESK_USE)
    chosen = queues_of(look.session, look.actor.id)
    offered = contacts.offers(look, chosen)
    cards = {card.member: card for card in customers.cards(look, {one.member for one in offered})}
    offers = [Offer(one, cards.get(one.member)) for one in offered]
    return Waiting(offers, choices(look).queues, chosen)


def current(look: Look) -> Current:
    """What the agent works on. Raises ``Forbidden``."""
    found = _contact(look)
    if found is None or not look.fields(Action.CUSTOMER_READ, [found.member]):
        return Current(found, None)
    look.account = f"contact/{found.id}"
    return Current(found, glance(look, found.member))


def current_members(look: Look) -> list[str]:
    """The members of whom ``current`` shows something: what a page that shows it wants to hear of. Nobody is shown by
    asking. Raises ``Forbidden``."""
    found = _contact(look)
    look.seen.clear()
    if found is None:
        return []
    return list(look.fields(Action.CUSTOMER_READ, clusters.mates_of(look.session, [found.member])[found.member]))


def _contact(look: Look) -> Contact | None:
    look.need(Action.DESK_USE)
    found = contacts.current(look)
    if found is None:
        found = next(iter(contacts.offers(look, queues_of(look.session, look.actor.id), limit=1)), None)
    return found


def glance(look: Look, member: str) -> Glance:
    """Raises ``Forbidden`` and ``NotFound``."""
    card = customers.card(look, member)
    editable = look.fields(Action.CUSTOMER_EDIT, [member]).get(member, NO_FIELDS)
    fields = customers.shown(card, custom_fields(look.session))
    return Glance(card, fields, insights(look, member), editable)


def choices(look: Look) -> Choices:
    """What can be chosen; nothing where the actor may not read it, and then codes stand for the words."""
    if not look.may(Action.FIELD_READ):
        return Choices([], [], [])
    return Choices(*contacts.choices(look, "reason", "outcome", "queue"))
