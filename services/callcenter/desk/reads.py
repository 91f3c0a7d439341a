"""What the agent's page shows. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Contact
from services.callcenter.contacts.tables import contact
from services.callcenter.customers import reads as customers
from services.callcenter.customers.reads import Card, Shown
from services.callcenter.desk import rules
from services.callcenter.desk.rules import Habits, Presence
from services.callcenter.desk.tables import agent_state, presence
from services.callcenter.insights.reads import Brief, Insights, briefs, insights
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS, Fields
from shared.customer.definitions import KINDS, Definition, step_of
from shared.edge.live import topic
from shared.edge.statements import run
from shared.pipeline import clusters, vocabulary
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look

KEY_FIELDS = ("phone", "email", "status", "products", "city", "language", "customer_since")
MOST_CALLS = 3
"""So many calls pop up at once; of further ones only the number is shown."""
FORGOTTEN = timedelta(hours=12)
"""Who had no page open for so long isn't shown among the agents."""
NEWEST_REVIEWS = 300
"""So many reviews of a queue tell what its reviews are usually about."""


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
    brief: Brief | None


@dataclass(frozen=True)
class Waiting:
    """Whether the agent is there, what waits for him, and the queues there are."""

    me: Presence
    offers: list[Offer]
    more: bool
    """Whether more wait than are shown."""
    contact: Contact | None
    """The one that he is in."""
    card: Card | None
    queues: list[Definition]
    chosen: list[str]
    now: datetime


@dataclass(frozen=True)
class Current:
    """The contact that the agent is in, if any. Who rings is shown by the call that pops up."""

    contact: Contact | None
    glance: Glance | None
    """None with a contact: who it is is hidden from the actor."""
    habits: Habits
    now: datetime


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


def waiting(look: Look, known: Choices) -> Waiting:
    """What waits for the agent, longest first. ``known``: what the department defined. Raises ``Forbidden``."""
    look.need(Action.DESK_USE)
    me = _me(look)
    chosen = list(me.queues)
    offered = contacts.offers(look, _taking(me), look.now - rules.GONE_AFTER, MOST_CALLS + 1)
    talking = contacts.current(look)
    if talking:
        me = replace(me, contact=talking.state, contact_since=talking.ended or talking.answered)
    shown = offered[:MOST_CALLS]
    members = {one.member for one in (*shown, talking) if one}
    cards = {card.member: card for card in customers.cards(look, members)}
    brief = briefs(look, [one.member for one in shown])
    offers = [Offer(one, cards.get(one.member), brief.get(one.member)) for one in shown]
    queues = [one for one in known.queues if not one.retired or one.code in chosen]
    card = cards.get(talking.member) if talking else None
    return Waiting(me, offers, len(offered) > len(shown), talking, card, queues, chosen, look.now)


def current(look: Look, found: Contact | None) -> Current:
    """What the agent works on: the contact that he is in, if any. Raises ``Forbidden``."""
    look.need(Action.DESK_USE)
    usual = habits(look, found) if found and found.state in ("answered", "ended") else Habits()
    if found is None or not look.fields(Action.CUSTOMER_READ, [found.member]):
        return Current(found, None, usual, look.now)
    look.account = f"contact/{found.id}"
    return Current(found, glance(look, found.member), usual, look.now)


def topics(look: Look, shown: Waiting) -> set[str]:
    """The live topics of what a page of an agent shows: of the customer who talks or is about to, for one."""
    ringing = [offer.contact for offer in shown.offers]
    about = [one.member for one in [shown.contact, *ringing] if one][:1]
    mates = look.fields(Action.CUSTOMER_READ, [mate for one in about for mate in clusters.mates(look.session, one)])
    return {
        topic("agent", look.actor.id),
        *(topic("queue", queue) for queue in shown.chosen),
        *(topic("customer", mate) for mate in mates),
    }


def _me(look: Look) -> Presence:
    name, state, reason, since, heard, queues = run(look.session, _ME, {"me": look.actor.id})[0]
    if state is None:
        return Presence(look.actor.id, look.actor.name, "available", "", look.now, look.now, tuple(queues))
    return Presence(look.actor.id, name, state, reason, since, heard, tuple(queues))


_ME = """
SELECT s.name, s.state, s.reason, s.since, s.heard,
       ARRAY (SELECT queue FROM presence WHERE agent = %(me)s ORDER BY queue)
FROM (VALUES (%(me)s)) AS m (agent) LEFT JOIN agent_state s USING (agent)
"""


def _taking(me: Presence) -> tuple[str, ...]:
    return me.queues if rules.takes_calls(me.state) else ()


def agents(look: Look) -> list[Presence]:
    """Who is at the desk, or was in the last hours; for who decides by it. Raises ``Forbidden``."""
    look.need(Action.OUTAGE_DECIDE)
    s, p, c = agent_state.c, presence.c, contact.c
    chosen = select(func.array_agg(aggregate_order_by(p.queue, p.queue))).where(p.agent == s.agent)
    is_open = c.state.in_(["answered", "ended"])
    newest: Any = (
        select(c.state, func.coalesce(c.ended, c.answered).label("since"))
        .where(c.agent == s.agent, is_open)
        .order_by(c.answered.desc())
        .limit(1)
        .lateral()
    )
    query = (
        select(
            s.agent,
            s.name,
            s.state,
            s.reason,
            s.since,
            s.heard,
            chosen.scalar_subquery(),
            newest.c.state,
            newest.c.since,
        )
        .outerjoin(newest, literal(True))
        .where(s.heard > look.now - FORGOTTEN)
    )
    return [
        Presence(*row[:6], tuple(row[6] or ()), row[7], row[8]) for row in look.session.execute(query.order_by(s.agent))
    ]


def habits(look: Look, of: Contact) -> Habits:
    """What reviews of the contact's queue said before it came in: fixed by that, so that nothing moves under the hand
    of who chooses."""
    c = contact.c
    newest = (
        select(c.reason, c.outcome)
        .where(c.queue == of.queue, c.state == "wrapped_up", c.wrapped_up < of.offered)
        .order_by(c.wrapped_up.desc())
        .limit(NEWEST_REVIEWS)
        .subquery()
    )
    n = newest.c
    counted = select(n.reason, n.outcome, func.count()).group_by(n.reason, n.outcome)
    return rules.habits((reason, outcome, many) for reason, outcome, many in look.session.execute(counted))


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
