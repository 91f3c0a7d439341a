"""Keeps what members are matched by, works out who is the same customer, and takes people's decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.sync.devices import feed
from services.sync.identity import rules, tables
from services.sync.identity.rules import MOST_SHARED, Decision, Pair
from services.sync.identity.tables import Identifying
from shared.access.actions import Action
from shared.customer.member import Member, member_of, stream
from shared.customer.searching import plain, plain_email
from shared.edge.errors import Conflict, Forbidden, Invalid, NotFound
from shared.events.customer import CustomerEdited, CustomerRegistered
from shared.events.envelope import UUID_TEXT, Event
from shared.events.sync import CustomerAssigned, CustomerJoined, CustomerParted
from shared.pipeline import claims, clusters, due, keys
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work
from shared.texts import N_

IDENTITY = "identity"
"""The task that works out whose cluster a member is of."""
CONSENT = "consent"
"""The task that says for all members of a customer what the person forbids (see consent)."""
EVERYBODY = "*"
"""Due in that task instead of members, when all are to be looked at who may be somebody else's mates."""
MANY = 200
"""Claims of the past in one batch from which on it isn't looked at member by member."""
LONGEST = 254
"""Characters of an address; what is longer is no address (RFC 5321) and matches nothing."""
INSTANT = timedelta(microseconds=1)


def heard(work: Work, events: list[Event]) -> None:
    """Customers registered or edited: what they are matched by is kept, and looked at again."""
    named = claims.named(work, events)
    told = [one for event in named for one in _told(event)]
    if not told:
        return
    gone = claims.hold(work.session, (one.member for one in told))
    told = [one for one in told if one.member not in gone]
    if len(told) >= MANY and not any(event.live for event in named):
        # So much past is looked at as a whole, once it is read.
        if tables.keep_many(work.session, told):
            due.mark(work, IDENTITY, [EVERYBODY], history=True)
        return
    values = {(one.field, one.value) for one in told if one.field in rules.IDENTIFIERS and one.value}
    # Who had these values alone until now: the newcomer may be the one too many.
    before = tables.holders_of(work.session, values)
    changed = tables.keep(work.session, told)
    due.mark_of(work, IDENTITY, lambda e: changed & {member_of(e.stream)}, named)
    news = {(one.field, one.value) for one in told if one.member in changed}
    mates = {m for value, of in before.items() if value in news and len(of) <= MOST_SHARED for m in of}
    due.mark(work, IDENTITY, sorted(mates), history=not any(event.live for event in named))


def heard_decisions(work: Work, events: list[Event]) -> None:
    """A person joined or parted two members."""
    for event in claims.named(work, events):
        assert isinstance(event.fact, CustomerJoined | CustomerParted)
        try:
            a, b = _pair(member_of(event.stream), event.fact.other)
        except Invalid as error:
            work.reject(event, str(error))
            continue
        decision = Decision(a, b, isinstance(event.fact, CustomerJoined), event.occurred, event.id)
        if tables.decide(work.session, decision):
            due.mark(work, IDENTITY, (a, b), history=not event.live)


def forget(work: Work, members: Collection[str], *, history: bool = False) -> Counter[str]:
    """Forget what members that are being erased were matched by; they and those who were matched through them are
    looked at again. To be called with the members locked. Gives how much there was of each."""
    values = tables.values_of(work.session, members)
    # Of two erased at once each must see the other's: else a value that only a few still have would stay crowded.
    tables.lock_values(work.session, values)
    gone = tables.forget(work.session, members)
    left = tables.holders_of(work.session, values)
    mates = {mate for of in left.values() if len(of) <= MOST_SHARED for mate in of}
    due.mark(work, IDENTITY, sorted({*members, *mates}), history=history)
    return gone


def decide(work: Work, member: str, other: str, *, joined: bool, reason: str = "") -> bool:
    """A person says that two members are the same customer, or are not; gives whether that is news.

    Each takes the other back. ``reason``: a code, see ``rules.REASONS``. Raises ``Forbidden``, ``NotFound``, and
    ``Invalid`` for a member and itself, ``Conflict`` for an erased one.
    """
    work.need(Action.IDENTITY_DECIDE)
    if len(work.fields(Action.IDENTITY_DECIDE, (member, other))) < len({member, other}):
        raise Forbidden(
            N_("one of these customers isn't among those for whom %(actor)s has identity.decide here"),
            actor=work.actor.id,
        )
    a, b = _pair(member, other)
    # Two who decide of one pair do so one after the other, and the second sees what the first decided.
    held = claims.lock(work.session, (a, b))
    for each in (a, b):
        if held[each].erased:
            raise Conflict(N_("customer %(each)s was erased; there is nothing left that could be the same"), each=each)
        if held[each].registered is None:
            raise NotFound(N_("there is no customer %(each)s"), each=each)
    last = rules.standing(tables.decisions_of(work.session, (a, b))).get((a, b))
    if last is not None and last.joined == joined:
        return False
    now = max(work.now, last.occurred + INSTANT) if last else work.now
    fact = CustomerJoined(other=b, reason=reason) if joined else CustomerParted(other=b, reason=reason)
    former = {"joined": last.joined if last else None}
    event = work.publish(stream(Member(a)), fact, now, former=former)
    tables.decide(work.session, Decision(a, b, joined, now, event))
    due.mark(work, IDENTITY, (a, b))
    work.touch(stream(Member(a)), stream(Member(b)))
    return True


def work_out(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
    """Work out the clusters of members and of all to whom they are tied, and tell of those that changed."""
    session = work.session
    for item in items:
        if item.key == EVERYBODY:
            due.mark(work, IDENTITY, tables.tied(session), history=item.history)
    items = [item for item in items if item.key != EVERYBODY]
    if not items:
        return {}
    members, holders = closure(session, {item.key for item in items})
    gone = keys.erased(session, members)
    decisions = [d for d in tables.decisions_of(session, members) if members >= {d.a, d.b} and not gone & {d.a, d.b}]
    crowded = {value for value, of in holders.items() if len(of) > MOST_SHARED}
    known = tables.claims_of(session, members - gone)
    found = rules.same(members, known, decisions, crowded)
    before = clusters.clusters_of(session, members)
    changed = {member: cluster for member, cluster in sorted(found.clusters.items()) if before[member] != cluster}
    old = _history(items, members, holders, decisions, before)
    for member, cluster in changed.items():
        fact = CustomerAssigned(cluster=cluster, because=found.because.get(member, "apart"))
        work.publish(stream(Member(member)), fact, history=member in old)
    affected = clusters.assign(session, changed)
    due.mark(work, CONSENT, sorted(affected - old))
    due.mark(work, CONSENT, sorted(affected & old), history=True)
    feed.mark(work, affected)
    claims.touch(work, affected)
    crowd = {Pair(m, m, one.field) for m, of in known.items() for one in of if (one.field, one.value) in crowded}
    tables.suggest(
        session,
        members,
        dict.fromkeys(found.doubtful, tables.NAMES_DIFFER) | dict.fromkeys(crowd, tables.CROWDED),
    )
    return {}


TASK = Task(IDENTITY, work_out, slices=(IDENTITY,))


def closure(session: Session, members: set[str]) -> tuple[set[str], tables.Holders]:
    """All to whom the members are tied, near or far: by what they had in common, by decisions, or by what was said of
    them last; and who has their numbers and addresses."""
    found: set[str] = set()
    holders: tables.Holders = {}
    while members:
        found |= members
        near = tables.holders_with(session, members)
        holders |= near
        reached = {mate for of in near.values() if len(of) <= MOST_SHARED for mate in of}
        for one in tables.decisions_of(session, members):
            reached |= {one.a, one.b}
        members = reached.union(*clusters.mates_of(session, members).values()) - found
    return found, holders


def _history(
    items: Sequence[Item],
    members: set[str],
    holders: tables.Holders,
    decisions: Iterable[Decision],
    before: Mapping[str, str],
) -> set[str]:
    """The members of which nothing but history made us look."""
    ties: list[Sequence[str]] = [of for of in holders.values() if len(of) <= MOST_SHARED]
    ties += [(one.a, one.b) for one in decisions]
    ties += [pair for pair in before.items() if pair[1] in members]
    of = rules.components(members, ties)
    live = {of[item.key] for item in items if not item.history}
    return {member for member in members if of[member] not in live}


def _pair(one: str, other: str) -> tuple[str, str]:
    """Two members, the lesser first. Raises ``Invalid`` for one and the same, and for what is no member's id."""
    if not UUID_TEXT.fullmatch(other):
        raise Invalid(N_("the other one isn't named by a customer's id"))
    if one == other:
        raise Invalid(N_("a customer can't be joined with itself or parted from itself"))
    return min(one, other), max(one, other)


def _told(event: Event) -> list[Identifying]:
    """What an event tells of by which its member is told from others."""
    fact, member = event.fact, member_of(event.envelope.subject)
    assert isinstance(fact, CustomerRegistered | CustomerEdited)
    return [
        Identifying(member, one.field, one.id, _compared(one.field, str(one.value)), one.saw, one.made)
        for one in fact.claims
        if one.field in rules.FIELDS
    ]


def _compared(field: str, value: str) -> str:
    """A value in the form in which values of the field are compared."""
    if field in rules.NAMES:
        return plain(value)
    value = plain_email(value) if field == "email" else value
    return value if len(value) <= LONGEST else ""
