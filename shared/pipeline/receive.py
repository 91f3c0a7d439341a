"""One batch of messages, from the fence to the new positions, in one transaction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as upsert

from shared.customer.member import member_of
from shared.edge.errors import Conflict, NotFound
from shared.edge.metrics import EVENTS_RECEIVED
from shared.events.envelope import Envelope, Event, Malformed
from shared.events.facts import FACT_TYPES
from shared.pipeline import gate, keys, offsets, parking, positions
from shared.pipeline.attempt import attempt, handle
from shared.pipeline.gate import Position, Verdict
from shared.pipeline.incoming import Incoming
from shared.pipeline.offsets import Partition
from shared.pipeline.positions import Place
from shared.pipeline.sealing import KeyEncryptionKeys, KeyMissing, WrongKey
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tables import skipped_event
from shared.pipeline.work import Work
from shared.texts import N_

VOID = "sequence.voided"
_CUSTOM = re.compile(rb'"custom"\s*:\s*\{\s*"')
"""What stands in the JSON of a fact that has such values: no text can, as its quotes are escaped."""


@dataclass(frozen=True)
class Subscription:
    """A group of slices that moves along the log together."""

    name: str
    slices: tuple[Slice, ...]
    keks: KeyEncryptionKeys
    parked_share: float

    @cached_property
    def opened(self) -> frozenset[str]:
        """The types that a slice names which uses personal fields, so that their facts have to be opened."""
        using = (s for s in self.slices if not (s.sealed or s.custom_only))
        return frozenset(event_type for s in using for event_type in s.handlers)

    @cached_property
    def opened_for_custom(self) -> frozenset[str]:
        """The types of which only facts with values of departments' own fields have to be opened."""
        return frozenset(event_type for s in self.slices if s.custom_only for event_type in s.handlers) - self.opened

    def opens(self, envelope: Envelope) -> bool:
        """Whether the fact has to be opened."""
        type = envelope.type
        return type in self.opened or (type in self.opened_for_custom and _CUSTOM.search(envelope.data) is not None)

    @cached_property
    def named(self) -> frozenset[str]:
        """The types that any slice names, so that their facts have to be read."""
        return frozenset(event_type for s in self.slices for event_type in s.handlers)


@dataclass
class Outcome:
    """What became of a batch of messages."""

    moved: dict[Place, Position] = field(default_factory=dict)
    behind: list[Incoming] = field(default_factory=list)
    """Messages that wait in a parked stream."""
    parks: dict[Place, tuple[Incoming, str, str]] = field(default_factory=dict)
    """Newly parked: the message that it stands at, kind and reason."""
    verdicts: list[Verdict] = field(default_factory=list)
    healed: set[Place] = field(default_factory=set)
    """Streams parked for a gap whose missing event has come."""
    handled: list[Event] = field(default_factory=list)

    def park(self, message: Incoming, kind: str, reason: str) -> None:
        """Set the message's stream aside here, before where it may have been set aside so far."""
        self.parks[message.place] = (message, kind, reason)
        self.behind.append(message)


def receive(
    work: Work,
    subscription: Subscription,
    incoming: Sequence[Incoming],
    expected: Mapping[Partition, int],
    activations: Mapping[Partition, int],
    *,
    careful: bool = True,
) -> list[Event]:
    """Take in a batch: fence, gate, handlers, positions. Gives the events that were handled.

    Raises ``offsets.Fenced`` when another process had it, ``parking.TooManyParked`` when a person has to look, and
    ``attempt.Unsound`` when something can't be handled and it wasn't to be ``careful``: do it all again, and be.
    """
    session, name = work.session, subscription.name
    places = {message.place for message in incoming}
    parked: dict[Place, str] = {}
    # Where no stream is parked, nobody can be redriving one: only this process could park one of these (the fence).
    any_parked, known = positions.enter(session, name, expected, _beyond(incoming, expected), places)
    if any_parked:
        parked = parking.lock(session, name, places)
        known = positions.read(session, name, places)
    outcome = _process(work, subscription, incoming, known, parked, activations, careful=careful)
    positions.write(session, name, outcome.moved)
    for message, kind, reason in outcome.parks.values():
        parking.park(session, name, message, kind, reason)
    parking.append(session, name, outcome.behind)
    for place in sorted(outcome.healed):
        _redrive(work, subscription, place, activations)
    if outcome.parks:
        parking.check_share(session, name, subscription.parked_share)
    return outcome.handled


def _beyond(incoming: Sequence[Incoming], expected: Mapping[Partition, int]) -> dict[Partition, int]:
    new = {message.stands: expected[message.stands] for message in incoming}
    for message in incoming:
        if message.offset >= new[message.stands]:
            new[message.stands] = message.offset + 1
    return new


def _process(
    work: Work,
    subscription: Subscription,
    incoming: Sequence[Incoming],
    known: dict[Place, Position],
    parked: Mapping[Place, str],
    activations: Mapping[Partition, int],
    *,
    careful: bool = True,
) -> Outcome:
    outcome = Outcome()
    accepted = _accepted(incoming, known, parked, outcome)
    opened = _open(work, subscription, accepted, activations, outcome)
    events, bad = [event for _, event in opened], {}
    if careful:
        bad = attempt(work, subscription.slices, events)
    else:
        handle(work, subscription.slices, events)
    for verdict, count in Counter(outcome.verdicts).items():
        EVENTS_RECEIVED.labels(subscription.name, verdict.value).inc(count)
    if not bad:
        last = {message.place: event for message, event in opened}
        outcome.moved = {place: Position(event.sequence, event.id) for place, event in last.items()}
        outcome.handled = events
        return outcome
    for message, event in opened:
        place = message.place
        if place not in bad or event.sequence < bad[place].event.sequence:
            outcome.moved[place] = Position(event.sequence, event.id)
            outcome.handled.append(event)
        elif event.sequence == bad[place].event.sequence:
            outcome.park(message, parking.POISON, bad[place].reason)
        else:
            outcome.behind.append(message)
    return outcome


def _accepted(
    incoming: Sequence[Incoming],
    known: dict[Place, Position],
    parked: Mapping[Place, str],
    outcome: Outcome,
) -> list[Incoming]:
    """Those messages that are the next of their streams; others are dropped, or wait."""
    accepted = []
    for message in incoming:
        place, envelope = message.place, message.envelope
        if envelope is None:
            if place in parked or place in outcome.parks:
                outcome.behind.append(message)
            else:
                outcome.park(message, parking.MALFORMED, message.fault)
            continue
        at, sequence = known.get(place, gate.START), envelope.sequence
        verdict = gate.judge(at, sequence, envelope.id, void=envelope.type == VOID)
        outcome.verdicts.append(verdict)
        if verdict is Verdict.REPEATED:
            continue
        if place in parked or place in outcome.parks:
            outcome.behind.append(message)
            if verdict is Verdict.NEXT and parked.get(place) == parking.GAP:
                outcome.healed.add(place)
        elif verdict is Verdict.NEXT:
            known[place] = Position(sequence, envelope.id)
            accepted.append(message)
        else:
            outcome.park(message, *_complaint(verdict, at, envelope))
    return accepted


def _complaint(verdict: Verdict, at: Position, envelope: Envelope) -> tuple[str, str]:
    if verdict is Verdict.GAP:
        missing = f"{at.sequence + 1} to {envelope.sequence - 1}"
        return parking.GAP, f"sequence {missing} is missing before event {envelope.id}"
    return parking.FORK, (
        f"event {envelope.id} has sequence {envelope.sequence}, but event {at.event_id} was here at {at.sequence}"
    )


def _open(
    work: Work,
    subscription: Subscription,
    accepted: Sequence[Incoming],
    activations: Mapping[Partition, int],
    outcome: Outcome,
) -> list[tuple[Incoming, Event]]:
    """Events with their facts; one whose fact can't be read parks its stream from there on."""
    found = keys.find(work.session, _sealed(subscription, accepted), subscription.keks)
    opened = []
    unreadable: set[Place] = set()
    named = subscription.named
    for message in accepted:
        envelope = message.envelope
        if envelope is None or message.place in unreadable:
            outcome.behind.append(message)
            continue
        try:
            if subscription.opens(envelope):
                fact = keys.open_fact(envelope, found)
            else:
                fact = keys.sealed_fact(envelope) if envelope.type in named else None
        except Exception as error:
            # Only this message was looked at, so whatever was raised is about it.
            outcome.park(message, parking.POISON, f"{envelope.type} can't be read: {_shown(error)}")
            unreadable.add(message.place)
            continue
        live = message.offset >= activations.get(message.stands, 0) and not envelope.history
        opened.append((message, Event(envelope, fact, live)))
    return opened


def _sealed(subscription: Subscription, accepted: Iterable[Incoming]) -> set[tuple[str, str]]:
    """The (source, member) pairs whose keys are needed to open what the slices want."""
    types = subscription.opened | subscription.opened_for_custom
    sealed = {name for name in types if name in FACT_TYPES and FACT_TYPES[name].personal}
    return {
        (e.source, member_of(e.subject))
        for e in (m.envelope for m in accepted)
        if e is not None and e.type in sealed and subscription.opens(e)
    }


def _shown(error: BaseException) -> str:
    # Of an unexpected error the kind only: its text may quote what a person wrote.
    if isinstance(error, Malformed | KeyMissing | WrongKey | msgspec.ValidationError):
        return str(error)
    return type(error).__name__


def _redrive(
    work: Work, subscription: Subscription, place: Place, activations: Mapping[Partition, int]
) -> tuple[int, int]:
    """Hand the waiting events of a parked stream, which is locked, in again; gives how many went and stayed."""
    session, name = work.session, subscription.name
    waiting = parking.waiting(session, name, place)
    known = positions.read(session, name, [place])
    outcome = _process(work, subscription, waiting, known, {}, activations)
    positions.write(session, name, outcome.moved)
    stay = {m.offset for m in outcome.behind}
    parking.release(session, name, place, [m for m in waiting if m.offset not in stay], whole=not stay)
    for message, kind, reason in outcome.parks.values():
        parking.park(session, name, message, kind, reason)
    return len(waiting) - len(stay), len(stay)


def redrive(work: Work, subscription: Subscription, place: Place) -> tuple[int, int]:
    """Try a parked stream again after its cause was mended; gives how many events went and how many stay.

    Raises ``NotFound`` when it isn't parked.
    """
    _lock_parked(work, subscription, place)
    return _redrive(work, subscription, place, offsets.activations(work.session, subscription.name))


def skip(work: Work, subscription: Subscription, place: Place, reason: str) -> tuple[int, int]:
    """Leave out what a parked stream stands at, for a reason that is kept, and go on with what is behind it.

    At a gap the missing events are what is left out. Raises ``NotFound`` when it isn't parked, ``Conflict`` when
    nothing waits in it.
    """
    _lock_parked(work, subscription, place)
    session, name = work.session, subscription.name
    waiting = parking.waiting(session, name, place)
    if not waiting:
        raise Conflict(N_("nothing waits in this stream; redrive it"))
    first = waiting[0]
    at = positions.read(session, name, [place]).get(place, gate.START)
    gap = first.envelope is not None and first.envelope.sequence > at.sequence + 1
    _keep_skipped(work, name, first, reason)
    if first.envelope is not None and first.envelope.sequence > at.sequence:
        before = Position(first.envelope.sequence - 1, at.event_id or first.envelope.id)
        here = Position(first.envelope.sequence, first.envelope.id)
        positions.write(session, name, {place: before if gap else here})
    if not gap:
        parking.release(session, name, place, [first], whole=False)
    return _redrive(work, subscription, place, offsets.activations(session, name))


def _lock_parked(work: Work, subscription: Subscription, place: Place) -> None:
    if not parking.lock(work.session, subscription.name, [place]):
        raise NotFound(
            N_("stream %(stream)s of %(source)s isn't parked in %(subscription)s"),
            stream=place[1],
            source=place[0],
            subscription=subscription.name,
        )


def _keep_skipped(work: Work, name: str, message: Incoming, reason: str) -> None:
    envelope = message.envelope
    row = upsert(skipped_event).values(
        subscription=name,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        source=message.source,
        stream=message.stream,
        sequence=envelope.sequence if envelope else None,
        reason=reason[:500],
        author=work.actor.id,
    )
    # The gap before an event may have been skipped already: both reasons are kept.
    both = skipped_event.c.reason + "; " + row.excluded.reason
    work.session.execute(
        row.on_conflict_do_update(index_elements=skipped_event.primary_key, set_={"reason": both, "at": func.now()})
    )
