"""After a restore: does the log hold what this database doesn't know of, or the other way round?

A service's relay asks before it sends, its API before it serves. ``recover`` puts right what can be put right
without a person's judgement, and lists the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.events import envelope
from shared.events.customer import SequenceVoided
from shared.events.envelope import Event
from shared.events.facts import type_of
from shared.pipeline import anchors, audit, chain, keyreader, keys, offsets, topics
from shared.pipeline.anchors import Anchor
from shared.pipeline.attempt import attempt
from shared.pipeline.incoming import Incoming, read
from shared.pipeline.reading import LogTooShort, ReadTimedOut, stretch
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tables import outbox
from shared.pipeline.work import Work

__all__ = ["LogAhead", "LogTooShort", "ReadTimedOut", "Report", "check", "recover", "refuse_if_restored"]

SHOWN = 5

log = structlog.get_logger(__name__)


class LogAhead(Exception):
    """The topic holds events of this service that its database doesn't know: the database was restored."""

    def __init__(self, service: str, missing: Sequence[Incoming]) -> None:
        streams = sorted({m.stream for m in missing})
        more = f" and {len(streams) - SHOWN} more" if len(streams) > SHOWN else ""
        super().__init__(
            f"the log holds {len(missing)} events of {service} that its database doesn't know, in "
            f"{', '.join(streams[:SHOWN])}{more}: it was restored to an earlier state. Run "
            f"'python -m services.{service} recover' to look, and again with --apply to go on"
        )
        self.missing = missing


@dataclass(frozen=True)
class Outside:
    """An offset of a subscription that lies outside of the log, and the log's beginning."""

    subscription: str
    topic: str
    partition: int
    offset: int
    beginning: int
    end: int


@dataclass(frozen=True)
class AuditLost:
    """Positions of the audit log that were anchored and aren't here; none (first > last) when they differ instead."""

    first: int
    anchored: Anchor


@dataclass
class Report:
    """What ``recover`` found, and has put right if it was told to."""

    missing: list[Incoming] = field(default_factory=list)
    """Own events in the log that the database doesn't know, in the order of the log."""
    logged: list[str] = field(default_factory=list)
    """Ids of all own events in the log beyond what was noted as sent, known or not."""
    taken_in: int = 0
    """Of these, how many were handled again by the service's own slices (claims, erasures)."""
    already_sent: int = 0
    """Unsent rows that are in the log all the same."""
    renumbered: int = 0
    """Unsent rows that had a sequence which the log has given to another event."""
    voided: dict[str, list[int]] = field(default_factory=dict)
    """Sequences by stream that the log lost."""
    outside: list[Outside] = field(default_factory=list)
    """Where this service would read on, though the log has no such place any more."""
    audit_lost: AuditLost | None = None

    @property
    def found(self) -> bool:
        """Whether there is anything to put right."""
        return bool(self.missing or self.voided or self.outside or self.audit_lost)


def check(service: Service, alive: Callable[[], object] = lambda: None) -> None:
    """Raises ``LogAhead`` or ``LogTooShort`` when log and database contradict each other; needs Kafka.

    Whatever is in the log beyond the noted offsets must be known here: its sequence given, and not to another
    event that is still unsent. ``alive`` is called again and again meanwhile.
    """
    missing, _ = _look(service, alive)
    if missing:
        raise LogAhead(service.name, missing)


def _look(service: Service, alive: Callable[[], object] = lambda: None) -> tuple[list[Incoming], list[str]]:
    """What the log holds beyond the noted offsets: the events that aren't known here, and the ids of all."""
    missing: list[Incoming] = []
    ids: list[str] = []
    for batch in stretch(service.kafka, service.events_topic, _noted(service)):
        alive()
        found = [read(m) for m in batch]
        missing += _unknown(service, found)
        ids += [m.envelope.id for m in found if m.envelope]
    return missing, ids


NOT_BEFORE_RECOVER = 78
"""Exit status of a process that mustn't be started again before a person acted (EX_CONFIG of sysexits.h)."""


def refuse_if_restored(service: Service) -> None:
    """End the process when log and database contradict each other. Kafka being away is no reason not to serve."""
    try:
        check(service)
    except (LogAhead, LogTooShort) as error:
        log.error("service.refuses", why=str(error))
        raise SystemExit(NOT_BEFORE_RECOVER) from None
    except (KafkaException, ReadTimedOut) as error:
        log.warning("service.unchecked", error=type(error).__name__)


def _noted(service: Service) -> dict[int, int]:
    with Session(service.engine) as session:
        rows = session.execute(
            text("SELECT partition, next_offset FROM relay_sent WHERE topic = :topic"),
            {"topic": service.events_topic},
        )
        return {partition: offset for partition, offset in rows}  # noqa: C416


# Joined to the outbox as a whole: after a crash in a backlog both sides may be long, and no index finds a stream there.
_UNKNOWN = text("""
SELECT DISTINCT w.place FROM unnest(CAST(:streams AS text[]), CAST(:sequences AS int[]), CAST(:ids AS uuid[]))
  WITH ORDINALITY AS w (stream, sequence, event_id, place)
LEFT JOIN stream_head h ON h.stream = w.stream
LEFT JOIN outbox o ON o.stream = w.stream AND o.sequence = w.sequence
WHERE coalesce(h.sequence, 0) < w.sequence OR o.event_id <> w.event_id
ORDER BY w.place
""")


def _unknown(service: Service, incoming: Sequence[Incoming]) -> list[Incoming]:
    sound = [(m, m.envelope) for m in incoming if m.envelope is not None]
    with Session(service.engine) as session:
        places = session.scalars(
            _UNKNOWN,
            {
                "streams": [m.stream for m, _ in sound],
                "sequences": [e.sequence for _, e in sound],
                "ids": [e.id for _, e in sound],
            },
        )
        return [sound[place - 1][0] for place in places]


def recover(
    service: Service, slices: Sequence[Slice], *, apply: bool, accept_loss: bool = False, by: Actor | None = None
) -> Report:
    """Bring database and log together; without ``apply`` only look.

    Heads move on past the log, unsent rows that collide get new sequences, and claims and erasures of this
    service that only the log knows are folded in again. With ``accept_loss``, for what the log has lost void
    events are published, so that later readers find no gap, and subscriptions whose offsets lie outside of the log
    read what is left of it again (their positions say what they had). The audit log notes all this as done ``by``, and
    goes on behind what was anchored last. Raises ``LogTooShort`` when the log lost
    something and ``accept_loss`` wasn't said, ``RuntimeError`` while a relay of the service is running.
    """
    report = Report(outside=_outside(service))
    if report.outside and not accept_loss:
        first = report.outside[0]
        raise LogTooShort(first.topic, first.partition, first.offset, first.end)
    try:
        report.missing, report.logged = _look(service)
    except LogTooShort:
        if not accept_loss:
            raise
        report.voided = _lost(service)
    report.audit_lost = _audit_lost(service)
    if apply and report.found:
        keyreader.catch_up(service, [service.name])
        ends = _ends(service)
        service.transact(by or service.itself, lambda work: _apply(work, service, slices, report, ends))
    return report


def _audit_lost(service: Service) -> AuditLost | None:
    anchored = anchors.last(service)
    with Session(service.engine) as session:
        try:
            chain.refuse_if_behind(session, anchored)
        except chain.Behind:
            assert anchored is not None
            return AuditLost(chain.head(session).pos + 1, anchored)
    return None


def _outside(service: Service) -> list[Outside]:
    with Session(service.engine) as session:
        known = offsets.everywhere(session)
    admin = AdminClient(dict(service.kafka))
    found = []
    for topic in sorted({topic for _, topic, _ in known}):
        partitions = topics.partitions_of(admin, topic)
        begins, ends = topics.beginnings(admin, topic, partitions), topics.ends(admin, topic, partitions)
        for (name, of, partition), offset in sorted(known.items()):
            if of == topic and partition in ends and not begins[partition] <= offset <= ends[partition]:
                found.append(Outside(name, topic, partition, offset, begins[partition], ends[partition]))
    return found


def _ends(service: Service) -> dict[int, int]:
    admin = AdminClient(dict(service.kafka))
    return topics.ends(admin, service.events_topic, topics.partitions_of(admin, service.events_topic))


def _apply(work: Work, service: Service, slices: Sequence[Slice], report: Report, ends: Mapping[int, int]) -> None:
    locked = work.session.execute(text("SELECT pg_try_advisory_xact_lock(hashtextextended('relay', 0))")).scalar_one()
    if not locked:
        raise RuntimeError(f"a relay of {service.name} is running; stop its workers first")
    if report.missing:
        _move_on(work, report)
        report.taken_in = _take_in(work, service, slices, report.missing)
    if report.voided:
        _void(work, report.voided)
    offsets.move(work.session, {(o.subscription, o.topic, o.partition): o.beginning for o in report.outside})
    work.session.execute(
        text("""
INSERT INTO relay_sent (topic, partition, next_offset)
SELECT :topic, * FROM unnest(CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""),
        {"topic": service.events_topic, "partitions": list(ends), "offsets": list(ends.values())},
    )
    _note(work, report)


RECOVER = "operator.recover"


def _note(work: Work, report: Report) -> None:
    if lost := report.audit_lost:
        # Before any other entry: what comes after it is linked behind it.
        last, digest = lost.anchored.pos, lost.anchored.hash
        said = audit.operated(work.actor, work.now, RECOVER, chain.LOST, first=lost.first, last=last, hash=digest)
        chain.go_on(work.session, lost.anchored, said)
    if report.missing or report.voided or report.outside:
        work.did.insert(0, RECOVER)
        work.changed(
            f"service/{work.source}",
            missing=len(report.missing),
            voided=sum(map(len, report.voided.values())),
            read_again=len(report.outside),
        )


def _move_on(work: Work, report: Report) -> None:
    last: dict[str, int] = defaultdict(int)
    for message in report.missing:
        if message.envelope:
            last[message.stream] = max(last[message.stream], message.envelope.sequence)
    # Unsent in the backup, and sent after it was made: a second time under a new sequence would be a second effect.
    sent = work.session.execute(
        text("DELETE FROM outbox WHERE event_id = ANY(CAST(:ids AS uuid[])) RETURNING 1"), {"ids": report.logged}
    )
    report.already_sent = len(sent.all())
    streams = {"streams": list(last), "last": list(last.values())}
    moved = work.session.execute(
        text("""
UPDATE outbox o SET sequence = n.sequence FROM (
  SELECT id, l.last + row_number() OVER (PARTITION BY stream ORDER BY id) AS sequence
  FROM outbox JOIN unnest(CAST(:streams AS text[]), CAST(:last AS int[])) AS l (stream, last) USING (stream)
) n WHERE o.id = n.id AND o.sequence <> n.sequence RETURNING 1
"""),
        streams,
    )
    report.renumbered = len(moved.all())
    work.session.execute(
        text("""
INSERT INTO stream_head AS h (stream, sequence)
SELECT l.stream, greatest(l.last, max(o.sequence)) FROM unnest(CAST(:streams AS text[]), CAST(:last AS int[]))
  AS l (stream, last) LEFT JOIN outbox o USING (stream) GROUP BY l.stream, l.last ORDER BY l.stream
ON CONFLICT (stream) DO UPDATE SET sequence = greatest(h.sequence, excluded.sequence)
"""),
        streams,
    )


def _take_in(work: Work, service: Service, slices: Sequence[Slice], missing: Sequence[Incoming]) -> int:
    """Hand own events to the slices that hear their types, as if another service had published them."""
    heard = [s for s in slices if any(m.envelope and m.envelope.type in s.handlers for m in missing)]
    wanted = {t for s in heard for t in s.handlers}
    envelopes = [m.envelope for m in missing if m.envelope and m.envelope.type in wanted]
    pairs = {(service.name, e.subject.partition("/")[2]) for e in envelopes if e.subject.startswith("customer/")}
    found = keys.find(work.session, pairs, service.keks)
    events = [Event(e, keys.open_fact(e, found), live=False) for e in envelopes]
    bad = attempt(work, heard, events)
    return sum(1 for e in events if (e.source, e.stream) not in bad)


def _lost(service: Service) -> dict[str, list[int]]:
    """Sequences that were given, aren't unsent, and aren't in the log."""
    logged: dict[str, set[int]] = defaultdict(set)
    for batch in stretch(service.kafka, service.events_topic, {}):
        for message in map(read, batch):
            if message.envelope:
                logged[message.stream].add(message.envelope.sequence)
    with Session(service.engine) as session:
        rows = session.execute(
            text("""
SELECT h.stream, h.sequence - (SELECT count(*) FROM outbox o WHERE o.stream = h.stream AND o.sequence IS NOT NULL)
FROM stream_head h
""")
        )
        lost = {stream: sorted(set(range(1, last + 1)) - logged[stream]) for stream, last in rows}
    return {stream: sequences for stream, sequences in lost.items() if sequences}


def _void(work: Work, lost: Mapping[str, list[int]]) -> None:
    """Publish void events under the lost sequences, in front of the streams' unsent rows.

    With its newest events the log may have lost the keys that these needed, so they are said again.
    """
    held = work.session.execute(
        text("""
WITH gone AS (DELETE FROM outbox WHERE stream = ANY(CAST(:streams AS text[])) AND sequence IS NOT NULL RETURNING *)
SELECT stream, sequence, event_id, body FROM gone ORDER BY id
"""),
        {"streams": list(lost)},
    ).all()
    rows = [_void_row(work, stream, sequence) for stream in sorted(lost) for sequence in lost[stream]]
    rows += [row._asdict() for row in held]
    said = keys.own_records(work.session, work.source, [s.removeprefix("customer/") for s in lost if _is_customer(s)])
    if said:
        work.session.execute(outbox.insert(), [{"stream": name, "body": record} for name, record in said])
    work.session.execute(outbox.insert(), rows)


def _is_customer(stream: str) -> bool:
    return stream.startswith("customer/")


def _void_row(work: Work, stream: str, sequence: int) -> dict[str, object]:
    event_id = envelope.new_id()
    body = envelope.body(
        type_of(SequenceVoided()),
        {},
        id=event_id,
        source=work.source,
        stream=stream,
        occurred=work.now,
        recorded=work.now,
        author=work.actor.id,
    )
    return {"stream": stream, "sequence": sequence, "event_id": event_id, "body": body}
