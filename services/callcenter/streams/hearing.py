"""What the streams' process makes of one message of the call center's own events."""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog

from services.callcenter.streams import rules
from services.callcenter.streams.messages import BurstSeen, WindowsSeen
from services.callcenter.streams.rules import Case, Counts, State
from shared.customer.member import member_of
from shared.edge.metrics import EVENTS_RECEIVED
from shared.events import catalogue
from shared.events.callcenter import (
    CaseOpened,
    CaseResolved,
    ContactAbandoned,
    ContactAnswered,
    ContactOffered,
    ContactWrappedUp,
)
from shared.events.envelope import Envelope, Malformed, parse
from shared.events.facts import Fact
from shared.pipeline import keys

log = structlog.get_logger(__name__)

SOURCE = "callcenter"
SUBSCRIPTION = "windows"
"""As metrics call what this process hears."""
HEARD = frozenset(
    type_name
    for type_name, fact_type in catalogue.FACT_TYPES.items()
    if fact_type.record
    in (CaseOpened, CaseResolved, ContactAbandoned, ContactAnswered, ContactOffered, ContactWrappedUp)
)
"""Types of events that count for something."""


def hear(state: State, key: bytes | None, value: bytes | None, now: datetime) -> BurstSeen | None:
    """Count an event, once; gives the burst that it makes. What can't be read, and history, counts nothing."""
    try:
        envelope = parse(value, source=SOURCE, stream=(key or b"").decode())
        if envelope.type not in HEARD or envelope.history:
            _taken("next")
            return None
        if rules.is_repeat(state, envelope.subject, envelope.sequence, now):
            _taken("repeated")
            return None
        # Texts stay sealed: they are taken as erased ones.
        fact = keys.open_fact(envelope, {(envelope.source, member_of(envelope.subject)): None})
    except (Malformed, UnicodeDecodeError, msgspec.MsgspecError, TypeError, KeyError) as error:
        log.warning("streams.unreadable", error=type(error).__name__)
        _taken("malformed")
        return None
    _taken("next")
    _follow(state, fact, envelope.time)
    rules.count(state, envelope.time, counts_of(fact), now, _queue(state, fact))
    return _burst(state, envelope, fact, now) if isinstance(fact, CaseOpened) else None


def _taken(verdict: str) -> None:
    EVENTS_RECEIVED.labels(SUBSCRIPTION, verdict).inc()


def _follow(state: State, fact: Fact | None, at: datetime) -> None:
    """Who waits, and which queue a case belongs to."""
    match fact:
        case ContactOffered():
            rules.offer(state, fact.contact, fact.queue, at)
        case ContactAnswered() | ContactAbandoned():
            rules.taken(state, fact.contact)
        case CaseOpened(contact=str(contact)):
            rules.belongs(state, fact.case, contact)


def _queue(state: State, fact: Fact | None) -> str:
    match fact:
        case ContactOffered() | ContactAnswered() | ContactAbandoned() | ContactWrappedUp():
            return rules.queue_of(state, fact.contact)
        case CaseOpened():
            return rules.queue_of(state, fact.case)
        case CaseResolved():
            # Of what was opened before the longest window only the event itself knows; a former release left it out.
            return fact.queue or rules.queue_of(state, fact.case)
    return ""


def counts_of(fact: Fact | None) -> Counts:
    """What a fact adds to the windows."""
    match fact:
        case ContactOffered():
            return Counts(offered=1)
        case ContactAnswered():
            return Counts(answered=1)
        case ContactAbandoned():
            return Counts(abandoned=1)
        case ContactWrappedUp(satisfaction=int(given)):
            return Counts(satisfactions=1, satisfaction=given)
        case CaseOpened():
            return Counts(opened=1)
        case CaseResolved():
            return Counts(solved=1, immediate=int(fact.immediate), seconds=fact.seconds_to_solution)
    return rules.NOTHING


def windows(state: State, now: datetime) -> WindowsSeen:
    """What the live windows show."""
    rules.prune(state, now)
    return WindowsSeen(
        at=now,
        windows=tuple(rules.window(state.buckets, minutes, now) for minutes in rules.WINDOWS),
        queues=rules.queues(state, now),
        minutes=rules.minutes(state.buckets, now),
    )


def _burst(state: State, envelope: Envelope, fact: CaseOpened, now: datetime) -> BurstSeen | None:
    if not (fact.product and fact.place):
        return None
    case = Case(envelope.time, fact.case, member_of(envelope.subject))
    found = rules.open_case(state, fact.product, fact.place, case, now)
    if not found:
        return None
    ids = tuple(each.case for each in found)
    return BurstSeen(at=envelope.time, product=fact.product, place=fact.place, since=found[0].opened, cases=ids)
