"""Contacts are offered, answered, ended, abandoned, and reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from services.callcenter.contacts import rules
from services.callcenter.contacts.rules import Contact, Review
from services.callcenter.contacts.tables import contact
from services.callcenter.customers import handlers as customers
from services.callcenter.customers import reads as finding
from services.callcenter.customers import rules as naming
from services.callcenter.desk.rules import GONE_AFTER
from services.callcenter.desk.tables import agent_state
from shared.access.actions import Action
from shared.customer.member import Member, stream
from shared.edge.db import text_array
from shared.edge.errors import Conflict, Forbidden, Invalid, NotFound
from shared.edge.live import topic
from shared.edge.statements import run
from shared.events.callcenter import (
    ContactOffered,
    ContactWrappedUp,
)
from shared.events.envelope import new_id
from shared.events.facts import Fact
from shared.pipeline import vocabulary
from shared.pipeline.customer_tables import any_of
from shared.pipeline.keys import meet
from shared.pipeline.steady import hold_steady
from shared.pipeline.work import Work
from shared.texts import N_


@dataclass(frozen=True)
class Ring:
    """A customer reaches out. ``call`` is the telephone system's id: a repeat of it changes nothing."""

    call: str
    number: str
    queue: str
    channel: str = "phone"
    agent: str | None = None
    """The one it is offered to; none: anybody of the queue."""
    customer: str | None = None
    """The member, where the other system knows it."""
    at: datetime | None = None


@dataclass(frozen=True)
class Rung:
    contact: str
    customer: str
    state: str
    offered: datetime


@dataclass(frozen=True)
class Step:
    """A contact goes on. ``agent`` and ``at`` are for machines that report what people did."""

    contact: str
    agent: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class WrapUp(Step):
    review: Review = field(kw_only=True)


@dataclass(frozen=True)
class Stood:
    """A contact after a step."""

    contact: str
    customer: str
    state: str
    at: datetime


def ring(work: Work, commands: Sequence[Ring], region: str) -> list[Rung]:
    """Offer contacts; customers are found by number, else registered. Raises ``Forbidden``, ``NotFound``."""
    work.need(Action.CONTACT_REPORT)
    return [_ring(work, command, region) for command in commands]


def _ring(work: Work, command: Ring, region: str) -> Rung:
    term = naming.address_term(command.number, region)
    at = instant(work, command.at)
    member = _told(work, command.customer) if command.customer else _known(work, term)
    if member is None:
        # Two calls from one new number at once are to make one customer, and one call none that is left over.
        alone(work, f"call/{command.call}", *(["/".join(term)] if term else []))
        if found := run(work.session, _RUNG, {"call": command.call}):
            return Rung(*found[0])
        member = _known(work, term) or _registered(work, term, region, at)
    # Held steady, so an erasure that was under way has committed.
    erased = meet(work, [member])[member]
    new = Rung(new_id(), member, "offered", at)
    address = "" if erased else command.number
    values = {"id": new.contact, "member": member, "address": address, "offered": at}
    told = {name: getattr(command, name) for name in ("call", "channel", "queue", "agent")}
    offered = run(work.session, _OFFER, values | told | {"gone": work.now - GONE_AFTER})
    if not offered:
        return Rung(*run(work.session, _RUNG, {"call": command.call})[0])
    if offered[0][0]:
        vocabulary.unsaid(work, [f"queue/{command.queue}"])
    fact = ContactOffered(contact=new.contact, channel=command.channel, queue=command.queue, address=address)
    work.publish(stream(Member(member)), fact, at)
    _tell(work, command.queue, command.agent, for_anybody=offered[0][1])
    work.touch(topic("customer", member))
    return new


_RUNG = "SELECT id::text, member::text, state, offered FROM contact WHERE call = %(call)s"
# The telephone system decides which queues there are; one that is new gets its code as its label.
_OFFER = """
WITH queue AS (
  INSERT INTO definition (department, kind, code, labels, place, retired, form, choices, category, occurred, event_id)
  SELECT 'callcenter', 'queue', %(queue)s, jsonb_build_object('en', CAST(%(queue)s AS text)), 1000, false, '', '{}', '',
         timestamptz '1970-01-01 00:00+00', ''
  WHERE NOT EXISTS (
    SELECT FROM definition WHERE department = 'callcenter' AND kind = 'queue' AND code = %(queue)s)
  ON CONFLICT DO NOTHING RETURNING true
)
INSERT INTO contact (id, member, call, channel, queue, address, state, offered_to, offered)
VALUES (%(id)s, %(member)s, %(call)s, %(channel)s, %(queue)s, %(address)s, 'offered', %(agent)s, %(offered)s)
ON CONFLICT (call) DO NOTHING RETURNING EXISTS (SELECT FROM queue), %(agent)s::text IS NULL OR EXISTS (
  SELECT FROM agent_state WHERE agent = %(agent)s AND (state <> 'available' OR heard < %(gone)s))
"""


def _tell(work: Work, queue: str, agent: str | None, *, for_anybody: bool) -> None:
    # Not the queue of each contact: all of its agents' pages would look at what only one of them is shown.
    if agent:
        work.touch(topic("agent", agent))
    if for_anybody:
        work.touch(topic("queue", queue))


def _told(work: Work, member: str) -> str:
    if not hold_steady(work, [member]):
        raise NotFound(N_("there is no such customer"))
    return member


def _known(work: Work, term: naming.Term | None) -> str | None:
    return finding.held_by(work.session, *term) if term else None


def _registered(work: Work, term: naming.Term | None, region: str, at: datetime) -> str:
    changes = {term[0]: term[1]} if term and _is_value(*term) else {}
    return customers.take_in(work, [customers.Register(changes, origin="call", at=at)], region)[0]


def _is_value(kind: str, value: str) -> bool:
    return kind == "phone" or naming.is_email(value)


def answer(work: Work, commands: Sequence[Step]) -> list[Stood]:
    """Agents take contacts. Raises ``Forbidden``, ``NotFound``, ``Conflict``, ``Invalid``."""
    return _go_on(work, commands, lambda c, step, at: rules.answer(c, _agent(work, step), at))


def end(work: Work, commands: Sequence[Step]) -> list[Stood]:
    """Conversations are over. Raises as ``answer``."""
    return _go_on(work, commands, lambda c, step, at: rules.end(c, at))


def abandon(work: Work, commands: Sequence[Step]) -> list[Stood]:
    """Customers left unanswered. Raises as ``answer``."""
    return _go_on(work, commands, lambda c, step, at: rules.abandon(c, at))


def wrap_up(work: Work, commands: Sequence[WrapUp]) -> list[Stood]:
    """Contacts are reviewed. Raises as ``answer``; ``Invalid`` also for an unknown reason or outcome."""
    work.need(Action.CONTACT_WORK)
    reviews = {command.contact: _taken(work, command.review) for command in commands}
    vocabulary.need(work, "reason", {review.reason for review in reviews.values()})
    vocabulary.need(work, "outcome", {review.outcome for review in reviews.values()})
    return _go_on(work, commands, lambda c, step, at: rules.wrap_up(c, reviews[c.id], at))


def _taken(work: Work, review: Review) -> Review:
    return replace(review, custom=vocabulary.values(work, "contact_field", review.custom))


def forget(work: Work, members: Sequence[str]) -> Counter[str]:
    """Empty what contacts say about the members; gives how many said something of each."""
    c = contact.c
    said = or_(c.address != "", c.note != "", c.custom != {})
    of_them = update(contact).where(c.member == any_of(members), said)
    return Counter(work.session.scalars(of_them.values(address="", note="", custom={}).returning(c.member)).all())


Decide = Callable[[Contact, Step, datetime], list[Fact]]


def _go_on(work: Work, commands: Sequence[Step], decide: Decide) -> list[Stood]:
    work.need(Action.CONTACT_WORK)
    contacts, erased = _load(work, [command.contact for command in commands])
    if len(contacts) == 1:
        work.account = f"contact/{next(iter(contacts))}"
    rows, stood = [], []
    for command in commands:
        before = contacts.get(command.contact)
        if before is None:
            raise NotFound(N_("there is no such contact"))
        at = instant(work, command.at)
        try:
            facts = decide(before, command, at)
        except rules.NotPossible as error:
            raise Conflict(error) from None
        except rules.OutOfTime as error:
            raise Invalid(error) from None
        for fact in facts:
            work.publish(stream(Member(before.member)), fact, at, former={"state": before.state})
        now = rules.after(before, facts, at)
        rows.append(_row(now) | _review(facts, erased[before.member]))
        stood.append(Stood(now.id, now.member, now.state, at))
    _save(work, rows)
    return stood


def _load(work: Work, ids: Sequence[str]) -> tuple[dict[str, Contact], dict[str, bool]]:
    # First the customers, then their contacts: the order in which an erasure locks them.
    c = contact.c
    of_ids = c.id == any_of(sorted(set(ids)))
    members = work.session.scalars(select(c.member).where(of_ids)).all()
    within_reach(work, Action.CONTACT_WORK, members)
    erased = hold_steady(work, members)
    s = agent_state.c
    absent = select(s.agent).where(or_(s.state != "available", s.heard < work.now - GONE_AFTER))
    rows = work.session.execute(
        select(c.id, c.member, c.state, c.offered, c.answered, c.ended, c.wrapped_up, c.abandoned, c.agent)
        .add_columns(c.queue, c.offered_to, or_(c.offered_to.is_(None), c.offered_to.in_(absent)))
        .where(of_ids)
        .order_by(c.id)
        .with_for_update()
    ).all()
    for row in rows:
        _tell(work, row.queue, row.offered_to, for_anybody=row.state == "offered" and row[-1])
        work.touch(topic("customer", row.member), *[topic("agent", agent) for agent in [row.agent] if agent])
    return {row.id: Contact(*row[:9]) for row in rows}, erased


STEPS = ("state", "answered", "ended", "wrapped_up", "abandoned", "agent")
REVIEW = ("reason", "outcome", "satisfaction", "note", "custom")


def _row(now: Contact) -> dict[str, Any]:
    return {"contact_id": now.id, **{f"new_{name}": getattr(now, name) for name in STEPS}}


def _review(facts: Sequence[Fact], erased: bool) -> dict[str, Any]:
    for fact in facts:
        if isinstance(fact, ContactWrappedUp):
            said = {f"new_{name}": getattr(fact, name) for name in REVIEW}
            return said | {"new_note": "", "new_custom": {}} if erased else said
    return {}


def _save(work: Work, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    # A bound name may not be that of a column, hence the prefix. The rows of one call are of one step.
    values: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in rows[0] if name != "contact_id"}
    statement = update(contact).where(contact.c.id == bindparam("contact_id")).values(values)
    work.session.connection().execute(statement, rows)


def _agent(work: Work, step: Step) -> str:
    if step.agent and step.agent != work.actor.id:
        if not work.may(Action.CONTACT_REPORT):
            raise Forbidden(N_("only who has contact.report may name another agent"))
        return step.agent
    work.touch(topic("agent", work.actor.id))
    return work.actor.id


def within_reach(work: Work, action: Action, members: Collection[str]) -> None:
    """Raises ``Forbidden`` unless the action is granted for all of these customers."""
    if set(members) - work.fields(action, members).keys():
        raise Forbidden(
            N_("this customer isn't among those for whom %(actor)s has %(action)s here"),
            actor=work.actor.id,
            action=action,
        )


def instant(work: Work, at: datetime | None) -> datetime:
    """When it was: given by machines only, and not later than now, whatever their clock says."""
    if at is None:
        return work.now
    if not work.may(Action.CONTACT_REPORT):
        raise Forbidden(N_("only who has contact.report may say when it was"))
    return min(at, work.now)


def alone(work: Work, *names: str) -> None:
    """Have nobody else at the same things, each known by a name, until the commit."""
    run(work.session, _ALONE, {"names": text_array(names)})


_ALONE = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
FROM unnest(CAST(%(names)s AS text[])) WITH ORDINALITY AS n (name, place) ORDER BY place
"""
