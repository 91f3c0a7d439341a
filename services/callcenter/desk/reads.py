"""What the agent's page shows. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Contact
from services.callcenter.customers import reads as customers
from services.callcenter.customers.reads import Card, Shown
from services.callcenter.desk.handlers import queues_of
from services.callcenter.insights.reads import Insights, insights
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS, Fields
from shared.customer.definitions import KINDS, Definition, step_of
from shared.pipeline import clusters, vocabulary
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
        return [
            shown
            for shown in self.fields
            if shown.field.name in self.editable and not shown.masked and not shown.field.retired
        ]

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
    queues: list[Definition]
    chosen: list[str]


@dataclass(frozen=True)
class Current:
    """The contact that the agent is in, if any; else the first that waits, to look at beforehand."""

    contact: Contact | None
    glance: Glance | None
    """None with a contact: who it is is hidden from the actor."""


@dataclass(frozen=True)
class Choices:
    """What the department defined, to choose from and to show by: ``all`` has the retired ones as well."""

    all: list[Definition]

    def of(self, kind: str) -> list[Definition]:
        """What can be chosen of a kind."""
        return [one for one in self.all if one.kind == kind and not one.retired]

    @property
    def reasons(self) -> list[Definition]:
        return self.of("reason")

    @property
    def outcomes(self) -> list[Definition]:
        return self.of("outcome")

    @property
    def queues(self) -> list[Definition]:
        """All that there are, as something may still wait in a retired one."""
        return [one for one in self.all if one.kind == "queue"]

    def label(self, code: str | None, language: str, *kinds: str) -> str:
        """The words of a reason or an outcome, or of another kind."""
        wanted = kinds or ("reason", "outcome")
        return next((c.label(language) for c in self.all if c.kind in wanted and c.code == code), code or "")

    def written(self, kind: str, values: Mapping[str, str]) -> list[tuple[Definition, str]]:
        """The values of own fields with their definitions, in the order of the list."""
        found = [(one, values[one.code]) for one in self.all if one.kind == kind and one.code in values]
        known = {one.code for one, _ in found}
        return found + [(Definition(kind, code, form="text"), v) for code, v in values.items() if code not in known]

    def step(self, state: str, step: str) -> Definition | None:
        """The department's own state of a case, while it is one of this state of the platform's."""
        return step_of(state, step, self.all)


def waiting(look: Look) -> Waiting:
    """What waits for the agent, longest first. Raises ``Forbidden``."""
    look.need(Action.DESK_USE)
    chosen = queues_of(look.session, look.actor.id)
    offered = contacts.offers(look, chosen)
    cards = {card.member: card for card in customers.cards(look, {one.member for one in offered})}
    offers = [Offer(one, cards.get(one.member)) for one in offered]
    queues = [one for one in choices(look).queues if not one.retired or one.code in chosen]
    return Waiting(offers, queues, chosen)


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
        return Choices([])
    return Choices(vocabulary.own(look.session, look.source, *KINDS[look.source]))
