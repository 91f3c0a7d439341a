"""Streams that wait for a person, with all their later events behind them; everyone else goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.edge import tracing
from shared.edge.metrics import STREAMS_PARKED
from shared.pipeline.incoming import Incoming, of
from shared.pipeline.positions import Place
from shared.pipeline.tables import parked_event, parked_stream

log = structlog.get_logger(__name__)

POISON = "poison"
GAP = "gap"
FORK = "fork"
MALFORMED = "malformed"

LEAST_STREAMS = 20
"""Below so many parked streams a share says nothing yet."""


class TooManyParked(Exception):
    """More streams are parked than may be: something is wrong with all of them, and a person has to look."""


@dataclass(frozen=True)
class Parked:
    """One parked stream, as it is listed."""

    subscription: str
    source: str
    stream: str
    kind: str
    reason: str
    since: datetime
    events: int


_LOCK = text("""
SELECT s.source, s.stream, s.kind FROM parked_stream s
JOIN unnest(CAST(:sources AS text[]), CAST(:streams AS text[])) AS w (source, stream)
  ON s.source = w.source AND s.stream = w.stream
WHERE s.subscription = :subscription
ORDER BY s.source, s.stream FOR UPDATE OF s
""").bindparams(bindparam("sources"), bindparam("streams"), bindparam("subscription"))


def lock(session: Session, subscription: str, places: Iterable[Place]) -> dict[Place, str]:
    """Which of these are parked, and as what; locked, so that nobody redrives them meanwhile."""
    wanted = sorted(set(places))
    rows = session.execute(
        _LOCK,
        {"subscription": subscription, "sources": [p[0] for p in wanted], "streams": [p[1] for p in wanted]},
    )
    return {(source, stream): kind for source, stream, kind in rows}


def park(session: Session, subscription: str, first: Incoming, kind: str, reason: str) -> None:
    """Set a stream aside because of ``first``. The events themselves are added with ``append``."""
    session.execute(
        upsert(parked_stream)
        .values(
            subscription=subscription,
            source=first.source,
            stream=first.stream,
            topic=first.topic,
            partition=first.partition,
            kind=kind,
            reason=reason[:500],
        )
        .on_conflict_do_update(
            index_elements=["subscription", "source", "stream"], set_={"kind": kind, "reason": reason[:500]}
        )
    )
    STREAMS_PARKED.labels(subscription, kind).inc()
    with tracing.following(first.envelope.traceparent if first.envelope else None):
        at = {"topic": first.topic, "partition": first.partition, "offset": first.offset}
        log.warning("stream.parked", subscription=subscription, stream=first.stream, kind=kind, **at)


def append(session: Session, subscription: str, events: Sequence[Incoming]) -> None:
    """Keep events behind their parked streams."""
    if events:
        session.execute(
            upsert(parked_event).on_conflict_do_nothing(),
            [
                {
                    "subscription": subscription,
                    "topic": e.topic,
                    "partition": e.partition,
                    "offset": e.offset,
                    "source": e.source,
                    "stream": e.stream,
                    "key": e.key,
                    "value": e.value,
                }
                for e in events
            ],
        )


def waiting(session: Session, subscription: str, place: Place) -> list[Incoming]:
    """The events of a parked stream by sequence, as a missing one may have come late."""
    table = parked_event.c
    rows = session.execute(
        select(table.topic, table.partition, table.offset, table.key, table.value)
        .where(table.subscription == subscription, table.source == place[0], table.stream == place[1])
        .order_by(table.offset)
    )
    return _by_sequence(of(*row) for row in rows)


def _by_sequence(events: Iterable[Incoming]) -> list[Incoming]:
    # What can't be read has no sequence: it stays behind all that came before it.
    reached = 0
    keyed: list[tuple[int, bool, int, Incoming]] = []
    for event in events:
        own = event.envelope.sequence if event.envelope else reached
        reached = max(reached, own)
        keyed.append((own, event.envelope is None, event.offset, event))
    return [event for *_, event in sorted(keyed, key=lambda k: k[:3])]


def release(session: Session, subscription: str, place: Place, done: Iterable[Incoming], *, whole: bool) -> None:
    """Take events out; with ``whole`` the stream isn't parked any more."""
    offsets = [e.offset for e in done]
    table = parked_event.c
    session.execute(
        delete(parked_event).where(
            table.subscription == subscription,
            table.source == place[0],
            table.stream == place[1],
            table.offset.in_(offsets),
        )
    )
    if whole:
        streams = parked_stream.c
        session.execute(
            delete(parked_stream).where(
                streams.subscription == subscription, streams.source == place[0], streams.stream == place[1]
            )
        )


def check_share(session: Session, subscription: str, share: float) -> None:
    """Raises ``TooManyParked`` when more than ``share`` of the streams ever heard of are parked."""
    parked = session.execute(
        text("SELECT count(*) FROM parked_stream WHERE subscription = :s"), {"s": subscription}
    ).scalar_one()
    if parked < LEAST_STREAMS:
        return
    enough = int(parked / share) + 1
    known = session.execute(
        text("SELECT count(*) FROM (SELECT 1 FROM position WHERE subscription = :s LIMIT :enough) AS heard_of"),
        {"s": subscription, "enough": enough},
    ).scalar_one()
    if parked > share * max(known, LEAST_STREAMS):
        raise TooManyParked(
            f"{parked} streams of {subscription} are parked, more than {share:.0%} of those known; look at them with "
            "'parked', mend the cause, and redrive them"
        )


def listed(session: Session) -> list[Parked]:
    """Every parked stream, oldest first."""
    rows = session.execute(
        text("""
SELECT s.subscription, s.source, s.stream, s.kind, s.reason, s.since,
       (SELECT count(*) FROM parked_event e
        WHERE (e.subscription, e.source, e.stream) = (s.subscription, s.source, s.stream)) AS events
FROM parked_stream s ORDER BY s.since, s.stream
""")
    )
    return [Parked(*row) for row in rows]
